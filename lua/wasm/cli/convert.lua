--- `luawasm wat`, `wasm` and `validate`: from one format to the other.

local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"
local wasm = require "wasm"

local wat = {
  usage = { "[OPTIONS] FILE [FUNCTION]" },
  summary = "print a module, or one function of it, as text",
  text = [[
The text is readable, with the names that the module has, and assembles to the same module again,
custom sections included. FUNCTION is the name of a function or of an export, or an index, which
counts from 0 with imports first.

  luawasm wat app.wasm -o app.wat
  luawasm wat --offsets app.wasm main]],
  options = {
    { "-o, --output", "OUT", "write into this file (default: stdout)" },
    { "--offsets", nil, "say as comments where each instruction lies in the module" },
  },
  operands = { 1, 2 },
}

--- A function as the user calls it: a name or an index.
local function which(word)
  return word and word:find("^%d+$") and math.tointeger(tonumber(word)) or word
end

-- Some terminals obey these characters. They are in strings only, where this is another way to
-- write them.
local function harmless(text)
  return (text:gsub("\xc2([\x80-\x9f])", function(c) return ("\\c2\\%02x"):format(c:byte()) end))
end

function wat.run(given, operands)
  local path, name = operands[1], shell.name_of(operands[1])
  local mod = modules.open(path, { eager = false, effort = 0, cache = false })
  local ok, text = pcall(shell.watch, "printing " .. name, 0, mod.wat, mod, which(operands[2]),
    { offsets = given.offsets })
  if not ok and operands[2] and type(text) == "string" and text:find("no text of function") then
    shell.fail(shell.FAILED, "%s: %s", name, text:match("no text of function.*"))
  elseif not ok then
    error(text, 0)
  end
  shell.write(given.output, harmless(text))
  return shell.OK
end

local assemble = {
  usage = { "[OPTIONS] FILE" },
  summary = "assemble a module from text to binary",
  text = [[
The module is validated too: a mistake in it is told with its place, and nothing is written.

  luawasm wasm app.wat -o app.wasm
  luawasm wasm app.wat | luawasm inspect -]],
  options = {
    { "-o, --output", "OUT", "write into this file (default: stdout, unless that is a terminal)" },
    { "--no-validate", nil, "write whatever the text says" },
  },
  operands = { 1, 1 },
}

function assemble.run(given, operands)
  local path, name = operands[1], shell.name_of(operands[1])
  if given.output == nil and shell.is_terminal(1) then
    options.usage_error("wasm", "a binary is not for a terminal: choose a file with -o")
  end
  local bytes = modules.bytes(path)
  if not given["no-validate"] then modules.check(path, wasm.validate(bytes, { name = name })) end
  shell.write(given.output, bytes)
  return shell.OK
end

local validate = {
  usage = { "FILE..." },
  summary = "say whether modules are valid",
  text = [[
Nothing is printed about a valid module; about others, what is wrong and where. All files are looked
at. Exit code: 0 when all are valid, else 1.]],
  operands = { 1, math.huge },
}

local function check(path)
  local name = shell.name_of(path)
  local bytes = modules.bytes(path)
  modules.check(path, shell.watch("validating " .. name, #bytes / modules.VALIDATED, wasm.validate,
    bytes, { name = name }))
end

function validate.run(_, operands)
  local code = shell.OK
  for _, path in ipairs(operands) do
    local ok, err = pcall(check, path)
    if not ok then
      if not shell.is_failure(err) then error(err, 0) end
      shell.say(err.message)
      code = shell.FAILED
    end
  end
  return code
end

return { wat = wat, wasm = assemble, validate = validate, which = which, harmless = harmless }

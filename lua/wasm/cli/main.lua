--- The program `luawasm`: which command is meant, and how it all ends.
-- The commands are in the files beside this one, and only the one that is asked for is loaded.

local core = require "wasm.core"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"

local main = {}

-- In the order of the help: name, file (nil: here), key in what the file returns (nil: all of it).
local COMMANDS = {
  { "run", "run" },
  { "compile", "store", "compile" },
  { "validate", "convert", "validate" },
  { "wat", "convert", "wat" },
  { "wasm", "convert", "wasm" },
  { "inspect", "inspect", "inspect" },
  { "disasm", "inspect", "disasm" },
  { "cache", "store", "cache" },
  { "bench", "bench", "bench" },
  { "version" },
  { "help" },
}

local ALIASES = { ["--help"] = "help", ["-h"] = "help",
                  ["--version"] = "version", ["-V"] = "version" }

---@return table? command
local function find(name)
  for _, row in ipairs(COMMANDS) do
    if row[1] == name and not row[2] then return main[name] end
    if row[1] == name then
      local file = require("wasm.cli." .. row[2])
      return row[3] and file[row[3]] or file
    end
  end
end

local function unknown(name)
  if name:find("%.wa[st]m?$") then
    shell.fail(shell.USAGE, "unknown command '%s'; to run it: luawasm run %s", name, name)
  end
  local names = {}
  for k, row in ipairs(COMMANDS) do names[k] = row[1] end
  shell.fail(shell.USAGE, "unknown command '%s'%s\nTry 'luawasm help'.", name,
    options.guess(name, names))
end

main.version = {
  usage = { "[--help]" },
  summary = "print versions",
  operands = { 0, 0 },
  run = function()
    shell.out(("luawasm %s, %s\n"):format(require "wasm"._VERSION, _VERSION))
    return shell.OK
  end,
}

local function overview()
  local out = { "WebAssembly on the command line.\n\nusage: luawasm COMMAND [ARGS...]\n\n" }
  for _, row in ipairs(COMMANDS) do
    out[#out + 1] = options.row(row[1], find(row[1]).summary, 12)
  end
  out[#out + 1] = "\n'luawasm help COMMAND' and 'luawasm COMMAND --help' say more about each.\n"
    .. "Files are in binary or text format (.wasm, .wat); - is stdin.\n"
  return table.concat(out)
end

main.help = {
  usage = { "[COMMAND]" },
  summary = "print help",
  operands = { 0, 1 },
  run = function(_, operands)
    if not operands[1] then
      shell.out(overview())
    else
      shell.out(options.help(operands[1], find(operands[1]) or unknown(operands[1])))
    end
    return shell.OK
  end,
}

local function perform(args)
  local name = args[1]
  if not name then
    io.stderr:write(overview())
    return shell.USAGE
  end
  name = ALIASES[name] or name
  if name:find("^%-") then
    shell.fail(shell.USAGE, "unknown option '%s'\nTry 'luawasm help'.", name)
  end
  local command = find(name) or unknown(name)
  local given, operands = options.parse(name, command, table.move(args, 2, #args, 1, {}))
  if given.help then
    shell.out(options.help(name, command))
    return shell.OK
  end
  options.check_operands(name, command, operands)
  return command.run(given, operands)
end

-- An error that nobody expected keeps its traceback.
local function handler(err)
  if shell.is_failure(err) or core.is_error(err) or err == "not enough memory" then return err end
  if type(err) == "string" and err:find("interrupted!$") then return err end
  return debug.traceback("internal error: " .. tostring(err), 2)
end

-- The exit code that an error means, once it is told.
local function failed(err)
  if shell.is_failure(err) then
    if err.message then shell.say(err.message) end
    return err.code
  elseif core.is_error(err) then
    shell.say(("%s: %s"):format(err.kind, err.message))
  elseif err:find("interrupted!$") then
    if shell.is_terminal(2) then io.stderr:write("\n") end
    return shell.INTERRUPTED
  else
    shell.say(err)
  end
  return shell.FAILED
end

--- Perform a command line.
---@param args string[]
---@return integer code  for os.exit
function main.main(args)
  local ok, code = xpcall(function()
    local code = perform(args)
    shell.flush()
    return code
  end, handler)
  if ok then return code end
  return failed(code)
end

return main

--- `luawasm inspect` and `disasm`: what is in a module, and its machine code.

local convert = require "wasm.cli.convert"
local metadata = require "wasm.cli.metadata"
local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"

local inspect = {
  usage = { "FILE" },
  summary = "list a module's imports, exports, memories, tables and sections",
  text = [[
Also which features it needs beyond WebAssembly 1.0, and what it says about the tools that
made it. Offsets count bytes from the beginning of the file. A text is assembled first.]],
  operands = { 1, 1 },
}

--- Lines of columns as wide as their widest word; what is too wide for that stands out.
local function print_table(title, rows)
  if #rows == 0 then return end
  local widths = {}
  for _, row in ipairs(rows) do
    for k = 1, #row - 1 do widths[k] = math.max(widths[k] or 0, math.min(#row[k], 32)) end
  end
  shell.out("\n", title, "\n")
  for _, row in ipairs(rows) do
    local words = {}
    for k, word in ipairs(row) do
      words[k] = k == #row and word or word .. (" "):rep(widths[k] - #word)
    end
    shell.out("  ", table.concat(words, "  "), "\n")
  end
end

local function print_head(name, bytes, mod)
  shell.out(("%s: %s, hash %s\n"):format(shell.word(name), modules.human(#bytes), mod:hash()))
  local own = metadata.module_name(bytes)
  local function row(title, text)
    shell.out(options.row(shell.word(title), shell.word(text), 16))
  end
  if own then row("name", own) end
  local features = metadata.features(bytes)
  row("needs", #features > 0 and table.concat(features, ", ") or "nothing beyond WebAssembly 1.0")
  for _, field in ipairs(metadata.producers(mod)) do row(field[1], field[2]) end
  local targets = metadata.targets(mod)
  if targets then row("target", targets) end
end

local function print_externs(mod)
  local rows = {}
  for k, import in ipairs(mod:imports()) do
    rows[k] = { import.kind, shell.word(import.module .. "." .. import.name), import.type }
  end
  print_table(("imports (%d)"):format(#rows), rows)
  rows = {}
  for k, export in ipairs(mod:exports()) do
    rows[k] = { export.kind, shell.word(export.name), export.type }
  end
  print_table(("exports (%d)"):format(#rows), rows)
end

function inspect.run(_, operands)
  local path = operands[1]
  local mod = modules.open(path, { eager = false, effort = 0, cache = false })
  local bytes = mod:bytes()
  print_head(shell.name_of(path), bytes, mod)
  print_externs(mod)
  local memories, tables = metadata.memories(bytes)
  print_table("memories", memories)
  print_table("tables", tables)
  local rows, counts = { { "name", "offset", "bytes", "entries" } }, metadata.counts(bytes)
  for k, section in ipairs(mod:sections()) do
    local name = section.id == 0 and "custom \"" .. section.name .. "\"" or section.name
    rows[k + 1] = { shell.word(name), ("0x%x"):format(section.offset), ("%d"):format(section.size),
                    counts[k] and tostring(counts[k]) }
  end
  print_table("sections", rows)
  return shell.OK
end

local disasm = {
  usage = { "[OPTIONS] FILE [FUNCTION]" },
  summary = "print the machine code of a module's functions",
  text = [[
FUNCTION is the name of a function or of an export, or an index, which counts from 0 with imports
first; without it all functions are printed.]],
  options = {
    { "--effort", "0|1|2", "0: compile faster, to slower code; 2: the reverse (default: 1)" },
  },
  operands = { 1, 2 },
}

local function disassemble(path, mod, func)
  local ok, text, err = pcall(mod.disasm, mod, func)
  if not ok then
    local known = type(text) == "string" and text:find("is defined in this module", 1, true)
    if not known then error(text, 0) end
    shell.fail(shell.FAILED, "%s: no function '%s' is defined in it", shell.name_of(path),
      tostring(func))
  end
  return convert.harmless(modules.check(path, text, err))
end

function disasm.run(given, operands)
  local path, func = operands[1], convert.which(operands[2])
  local effort = options.integer("disasm", given, "effort", 0, 2)
  local mod = modules.open(path, { eager = false, effort = effort, cache = false })
  if func then
    shell.out(disassemble(path, mod, func))
    return shell.OK
  end
  local info = mod:info()
  for index = info.imports, info.imports + info.functions - 1 do
    shell.out(index > info.imports and "\n" or "", disassemble(path, mod, index))
  end
  return shell.OK
end

return { inspect = inspect, disasm = disasm }

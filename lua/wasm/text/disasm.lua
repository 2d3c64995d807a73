--- Machine code of one function to read: bytes, the operator they come from, the compiler's own
-- name for what it does there.
--   0004 8d 78 03                 i32.add @28                    v6 add
-- Operators for which nothing is to be done (constants, most locals) do not show, several
-- instructions of one operator show it once. Bytes are as before linking: a direct call has no
-- destination yet. For instructions by name, give the raw bytes to a disassembler.
local core = require "wasm.core"
local print = require "wasm.text.print"

local disasm = {}

local BYTES, OPERATOR = 8, 30 -- of bytes in a line; width of the operator's column

local function bytes_of(hex)
  return (hex:gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end))
end

--- Lines for one instruction of the compiler.
local function put(out, at, hex, operator, name)
  local bytes, words = {}, {}
  for byte in hex:gmatch("%x%x") do bytes[#bytes + 1] = byte end
  for first = 1, #bytes, BYTES do
    local here = table.concat(bytes, " ", first, math.min(first + BYTES - 1, #bytes))
    words[1] = ("%04x %-24s"):format(at + first - 1, here)
    words[2] = first == 1 and ("%-" .. OPERATOR .. "s %s"):format(operator, name) or ""
    out[#out + 1] = (table.concat(words, " "):gsub(" +$", ""))
  end
end

--- What is done on entry goes by the first operator, which has no part in it; but a poll may be
-- that of a loop.
local function is_entry(name, operator)
  return name:find(" arg$") or name:find(" poll_page$")
    or name:find(" poll$") and not operator:find("^loop%f[^%w]")
end

local function listing(lines, operators)
  local out = { lines:match("^[^\n]*") }
  local last, entering = nil, true
  for at, where, name, hex in lines:gmatch("\n(%x+) (%x+) ([^\n]*) (%x+)") do
    local offset = tonumber(where, 16)
    local operator = operators[offset]
    entering = entering and (not operator or is_entry(name, operator))
    if not operator or offset == last or entering then
      operator = ""
    else
      last = offset
      operator = ("%s @%x"):format(operator, offset)
    end
    put(out, tonumber(at, 16), hex, operator, name)
  end
  return table.concat(out, "\n") .. "\n"
end

local function check(which, options)
  local kind = math.type(which) or type(which)
  if kind ~= "integer" and kind ~= "string" then
    core.misuse(("bad argument #1 to 'disasm' (function name or index expected, got %s)"):format(
      kind))
  end
  core.check_options(options, 2, "disasm", { "raw" })
  local raw = options and options.raw
  if raw ~= nil and type(raw) ~= "boolean" then
    core.misuse(("option 'raw': boolean expected, got %s"):format(type(raw)))
  end
end

--- mod:disasm(which [, options])
function disasm.method(module, which, options)
  check(which, options)
  local lines, index = core.code_lines(module, which)
  if not lines then return nil, index end
  if options and options.raw then
    local all = {}
    for hex in lines:gmatch("\n%x+ %x+ [^\n]* (%x+)") do all[#all + 1] = bytes_of(hex) end
    return table.concat(all)
  end
  return listing(lines, print.operators(module:bytes(), index))
end

return disasm

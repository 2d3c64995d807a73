--- What specs of the text format say about a module: its sections, as hexadecimal bytes.
local wat = require "wasm.wat"

local assembled = {}

---@param bytes string
---@return string hex digits, two a byte
function assembled.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function read_u32(bytes, at)
  local value, shift = 0, 0
  while true do
    local c = bytes:byte(at)
    at = at + 1
    value = value | (c & 0x7f) << shift
    if c < 0x80 then return value, at end
    shift = shift + 7
  end
end

--- The sections of a binary: id -> contents in hex; `order` lists the ids.
---@param bytes string
function assembled.split(bytes)
  assert(bytes:sub(1, 8) == "\0asm\1\0\0\0", "no module")
  local found, at = { order = {} }, 9
  while at <= #bytes do
    local id = bytes:byte(at)
    local size, first = read_u32(bytes, at + 1)
    found[id] = assembled.hex(bytes:sub(first, first + size - 1))
    found.order[#found.order + 1] = id
    at = first + size
  end
  return found
end

--- Assemble a text that must be right, without its names, and split it.
---@param text string
function assembled.sections(text)
  local bytes, err = wat.assemble(text, { names = false })
  if not bytes then error(wat.format_error(err), 2) end
  return assembled.split(bytes)
end

--- The body of the last function of a text: locals and code in hex, without the final end.
---@param text string
function assembled.body(text)
  local code = assert(assembled.sections(text)[10], "no code")
  local bytes = code:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)
  local count, at = read_u32(bytes, 1)
  local body
  for _ = 1, count do
    local size
    size, at = read_u32(bytes, at)
    body = bytes:sub(at, at + size - 1)
    at = at + size
  end
  assert(body:sub(-1) == "\x0b")
  return assembled.hex(body:sub(1, -2))
end

--- The code of a function without locals: `assembled.code "nop"` --> "01".
---@param instructions string
---@param around? string other fields of its module, before the function
function assembled.code(instructions, around)
  local body = assembled.body(("(module %s (func %s))"):format(around or "", instructions))
  assert(body:sub(1, 2) == "00")
  return body:sub(3)
end

--- The message that refuses a text.
---@param text string
---@return string message
---@return table err
function assembled.refusal(text)
  local bytes, err = wat.assemble(text)
  if bytes then error("accepted: " .. text, 2) end
  return err.message, err
end

return assembled

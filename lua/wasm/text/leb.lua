-- leb.lua -- the variable-length integers and vectors of the binary format.
--
-- Section 5.2.2 of the standard. Always the shortest encoding. Small numbers come from a
-- table, since nearly every index, size and constant is small.
-- Invariant: results are immutable strings, so callers concatenate and keep them freely.
-- Not for: decoding, which is the core's.

local leb = {}

local char = string.char

local function encode_unsigned(n)
  local bytes = ""
  repeat
    local low = n & 0x7f
    n = n >> 7
    bytes = bytes .. char(n ~= 0 and low | 0x80 or low)
  until n == 0
  return bytes
end

local function encode_signed(n)
  local bytes = ""
  while n < -64 or n > 63 do
    bytes = bytes .. char(n & 0x7f | 0x80)
    n = n // 128
  end
  return bytes .. char(n & 0x7f)
end

local unsigned_small, signed_small = {}, {}
for n = 0, 1023 do unsigned_small[n] = encode_unsigned(n) end
for n = -128, 1023 do signed_small[n] = encode_signed(n) end

--- An unsigned number; negative Lua integers stand for 2^63 and above.
---@param n integer
---@return string
function leb.unsigned(n)
  return unsigned_small[n] or encode_unsigned(n)
end

--- A signed number.
---@param n integer
---@return string
function leb.signed(n)
  return signed_small[n] or encode_signed(n)
end

--- A vector: the number of its items, then the items, each of which is encoded already.
---@param items string[]
---@return string
function leb.vector(items)
  return leb.unsigned(#items) .. table.concat(items)
end

--- Bytes behind their length: names, code bodies, sections.
---@param bytes string
---@return string
function leb.sized(bytes)
  return leb.unsigned(#bytes) .. bytes
end

return leb

-- numbers.lua -- literals of the text format become bit patterns.
--
-- Integers of any width and floats, in decimal and hexadecimal, with underscores, signs,
-- infinities and NaN payloads; section 6.3 of the standard. Floats are rounded once, to
-- nearest with ties to even, from the exact value of the literal: a decimal f32 is never
-- rounded by way of f64.
-- Invariants: a pattern narrower than 64 bits is a non-negative Lua integer; every
-- literal takes time linear in its length, whatever its exponent.
-- Not for: indices into tables of names (resolve.lua).

local numbers = {}

local find, match, gsub, sub = string.find, string.match, string.gsub, string.sub
local pack, unpack = string.pack, string.unpack
local tonumber, ult = tonumber, math.ult

local RANGE = "constant out of range"

-- Removes underscores, each of which must stand between two digits of class `digit`.
local function without_underscores(word, digit)
  if not find(word, "_", 1, true) then return word end
  if find(word, "^_") or find(word, "_$") or find(word, "_[^" .. digit .. "]")
    or find(word, "[^" .. digit .. "]_") then
    return nil
  end
  return (gsub(word, "_", ""))
end

local function split_sign(word)
  local sign = match(word, "^[+-]")
  if sign then return sign, sub(word, 2) end
  return "", word
end

-- The magnitude of an unsigned literal modulo 2^64; nil if it is no literal, false if it
-- needs more than 64 bits.
local function magnitude(word)
  local hex = match(word, "^0x(.*)$")
  if hex then
    hex = without_underscores(hex, "%x")
    if not hex or not find(hex, "^%x+$") then return nil end
    hex = gsub(hex, "^0+", "")
    return #hex <= 16 and tonumber("0x0" .. hex)
  end
  word = without_underscores(word, "%d")
  if not word or not find(word, "^%d+$") then return nil end
  if #word <= 18 then return tonumber(word) end
  word = gsub(word, "^0+", "")
  if #word > 20 or (#word == 20 and word > "18446744073709551615") then return false end
  return (tonumber(sub(word, 1, -4)) or 0) * 1000 + (tonumber(sub(word, -3)) or 0)
end

--- An unsigned literal as used for indices, sizes and offsets.
---@param word string
---@return integer|false|nil value  nil: no such literal; false: more than 64 bits
function numbers.nat(word)
  return magnitude(word)
end

--- A signed or unsigned literal of a given width, as a bit pattern.
---@param word string
---@param bits 8|16|32|64
---@return integer? pattern
---@return string? message  why there is none; nil when the word is no integer at all
function numbers.int(word, bits)
  local sign, digits = split_sign(word)
  local m = magnitude(digits)
  if m == nil then return nil end
  if not m then return nil, RANGE end
  if sign == "-" then
    if m ~= 0 and ult(1 << (bits - 1), m) then return nil, RANGE end
    m = -m
    if bits < 64 then m = m & ((1 << bits) - 1) end
  elseif bits < 64 and (m < 0 or m >> bits ~= 0) then
    return nil, RANGE
  end
  return m
end

---------------------------------------------------------------------------
-- Floats

local FORMATS = {
  [32] = { precision = 24, bias = 127, max_exponent = 127, min_exponent = -126,
           infinity = 0x7f800000, sign = 1 << 31, quiet = 0x400000 },
  [64] = { precision = 53, bias = 1023, max_exponent = 1023, min_exponent = -1022,
           infinity = 0x7ff << 52, sign = 1 << 63, quiet = 1 << 51 },
}

local function bit_length(m)
  local n = 0
  while m >= 1 << 16 do m, n = m >> 16, n + 16 end
  while m > 0 do m, n = m >> 1, n + 1 end
  return n
end

-- Rounds m * 2^e to a float. `beyond` says where the exact value lies when it is not
-- m * 2^e itself: 1 a little above, -1 a little below. 0 < m < 2^61; nil on overflow.
local function round(m, e, beyond, format)
  local top = bit_length(m) - 1 + e
  if top > format.max_exponent then return nil end
  local ulp = math.max(top, format.min_exponent) - (format.precision - 1)
  local shift = ulp - e
  local kept
  if shift <= 0 then
    kept = m << -shift
  elseif shift > 62 then
    kept = 0
  else
    local rest, half = m & ((1 << shift) - 1), 1 << (shift - 1)
    kept = m >> shift
    if rest > half or (rest == half and (beyond > 0 or (beyond == 0 and kept & 1 == 1))) then
      kept = kept + 1
    end
  end
  if kept >> format.precision ~= 0 then kept, ulp = kept >> 1, ulp + 1 end
  local hidden = 1 << (format.precision - 1)
  if kept < hidden then return kept end
  local exponent = ulp + format.precision - 1
  if exponent > format.max_exponent then return nil end
  return (exponent + format.bias) << (format.precision - 1) | (kept - hidden)
end

-- An exponent's digits as a number, clamped far outside of every float.
local function exponent_value(text)
  local sign, digits = split_sign(text)
  digits = gsub(digits, "^0+", "")
  local value = #digits > 12 and 1000000000000 or tonumber("0" .. digits)
  return sign == "-" and -value or value
end

-- Hexadecimal digits after "0x", signless: a bit pattern; nil: no literal, false: range.
local function hex_float(word, format)
  word = without_underscores(word, "%x")
  if not word then return nil end
  local whole, fraction, rest = match(word, "^(%x+)%.?(%x*)(.*)$")
  if not whole or (fraction ~= "" and not find(word, ".", 1, true)) then return nil end
  local e = 0
  if rest ~= "" then
    local exponent = match(rest, "^[pP]([+-]?%d+)$")
    if not exponent then return nil end
    e = exponent_value(exponent)
  end
  local digits = gsub(whole .. fraction, "^0+", "")
  if digits == "" then return 0 end
  e = e - 4 * #fraction
  local beyond = 0
  if #digits > 15 then
    if find(digits, "[^0]", 16) then beyond = 1 end
    e = e + 4 * (#digits - 15)
    digits = sub(digits, 1, 15)
  end
  return round(tonumber("0x" .. digits), e, beyond, format) or false
end

-- The decimal digits of m * 2^e, exactly, and the power of ten of the last one.
local function exact_decimal(m, e)
  local limbs = { m % 10000000, m // 10000000 % 10000000, m // 100000000000000 }
  local factor, count = e < 0 and 5 or 2, math.abs(e)
  for _ = 1, count do
    local carry = 0
    for k = 1, #limbs do
      local v = limbs[k] * factor + carry
      limbs[k], carry = v % 10000000, v // 10000000
    end
    if carry > 0 then limbs[#limbs + 1] = carry end
  end
  local text = {}
  for k = #limbs, 1, -1 do text[#text + 1] = ("%07d"):format(limbs[k]) end
  return gsub(table.concat(text), "^0+", ""), e < 0 and e or 0
end

-- Compares two positive decimals digits * 10^power: -1, 0 or 1.
local function compare_decimals(a, power_a, b, power_b)
  local top_a, top_b = #a + power_a, #b + power_b
  if top_a ~= top_b then return top_a < top_b and -1 or 1 end
  -- With equal magnitudes digits compare like strings, zeros at the end aside.
  a, b = match(a, "^.*[1-9]"), match(b, "^.*[1-9]")
  if a == b then return 0 end
  return a < b and -1 or 1
end

-- Rounds a decimal literal to f32, given the f64 nearest to it. Only when that f64 lies
-- exactly between two f32 can its own rounding have decided, and then the literal's
-- digits decide anew.
local function decimal_to_f32(value, mantissa, exponent)
  local bits = unpack("<i8", pack("<d", value))
  if bits & 0x1fffffff ~= 0x10000000 and value >= 0x1p-126 and value < 0x1p127 then
    return (unpack("<I4", pack("<f", value)))
  end
  if value == 0 then return 0 end
  local field, m = bits >> 52, bits & ((1 << 52) - 1)
  local e = field - 1075
  if field == 0 then e = -1074 else m = m | 1 << 52 end
  if e < -300 then return 0 end -- far below half of the least f32
  if e > 128 then return nil end
  local whole, fraction = match(mantissa, "^(%d+)%.?(%d*)$")
  local digits = gsub(whole .. fraction, "^0+", "")
  local exact, power = exact_decimal(m, e)
  local power_of_digits = exponent_value(exponent) - #fraction
  return round(m, e, compare_decimals(digits, power_of_digits, exact, power), FORMATS[32])
end

-- A signless decimal literal: a bit pattern; nil: no literal, false: range.
local function decimal_float(word, format)
  word = without_underscores(word, "%d")
  if not word then return nil end
  local mantissa, rest = match(word, "^(%d+%.?%d*)(.*)$")
  if not mantissa then return nil end
  local exponent = "0"
  if rest ~= "" then
    exponent = match(rest, "^[eE]([+-]?%d+)$")
    if not exponent then return nil end
  end
  local value = tonumber(word) + 0.0
  if value == math.huge then return false end
  if format.precision == 53 then return (unpack("<i8", pack("<d", value))) end
  return decimal_to_f32(value, mantissa, exponent) or false
end

local function nan_payload(word, format)
  if word == "nan" then return format.infinity | format.quiet end
  local digits = match(word, "^nan:(0x.*)$")
  local payload = digits and magnitude(digits)
  if payload == nil then return nil end
  if not payload or payload == 0 or payload >> (format.precision - 1) ~= 0 then return false end
  return format.infinity | payload
end

--- A float literal (integers included) as a bit pattern.
---@param word string
---@param bits 32|64
---@return integer? pattern
---@return string? message  why there is none; nil when the word is no float at all
function numbers.float(word, bits)
  local format = FORMATS[bits]
  local sign, digits = split_sign(word)
  local pattern
  if find(digits, "^0x") then
    pattern = hex_float(sub(digits, 3), format)
  elseif find(digits, "^%d") then
    pattern = decimal_float(digits, format)
  elseif digits == "inf" then
    pattern = format.infinity
  elseif find(digits, "^nan") then
    pattern = nan_payload(digits, format)
  end
  if pattern == nil then return nil end
  if not pattern then return nil, RANGE end
  if sign == "-" then pattern = pattern | format.sign end
  return pattern
end

--- Whether a word is any literal of the standard, integer or float.
---@param word string
---@return boolean
function numbers.is_number(word)
  local value, message = numbers.int(word, 64)
  if value or message then return true end
  value, message = numbers.float(word, 64)
  return (value or message) ~= nil
end

return numbers

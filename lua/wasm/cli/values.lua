--- Values of WebAssembly as words of a command line, both ways.
-- Numbers are written as in the text format: 12 -1 0x7f 1_000 1.5 0x1.8p3 inf nan. Bit patterns go
-- in and out (see func:bits), so nothing is lost on the way.

local values = {}

-- "(i32, (ref null 0))", or one type without parentheses around it.
local function split_list(text)
  if text:find("^%(") and not text:find("^%(ref ") then text = text:sub(2, -2) end
  local list, depth, first = {}, 0, 1
  for at, c in (text .. ","):gmatch("()([(),])") do
    if c == "(" then
      depth = depth + 1
    elseif c == ")" then
      depth = depth - 1
    elseif depth == 0 then
      list[#list + 1] = text:sub(first, at - 1):match("^%s*(.+)$")
      first = at + 1
    end
  end
  return list
end

--- The parameters and results of a function type: "(i32, (ref null 0)) -> f64".
---@param type string
---@return string[] params
---@return string[] results
function values.split(type)
  local params, results = type:match("^(.-) %-> (.*)$")
  return split_list(params), split_list(results)
end

local function vector(word)
  local digits = word:match("^0x(%x+)$")
  if not digits or #digits ~= 32 then return nil end
  return (digits:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end):reverse())
end

local function small_integer(word)
  local value = math.tointeger(tonumber(word))
  if value and value >= -1 << 30 and value < 1 << 30 then return value end
  return nil
end

-- A program without such arguments starts without the rules for them.
local function number(kind, bits)
  return function(word) return require "wasm.text.numbers"[kind](word, bits) end
end

-- A reader gives a value, or nil and what to say of the word.
local READERS = {
  i32 = number("int", 32), i64 = number("int", 64),
  f32 = number("float", 32), f64 = number("float", 64),
  v128 = vector,
  i31ref = small_integer,
  externref = function(word) return word end,
}
local WANTED = { v128 = "0x and 32 hexadecimal digits", i31ref = "an integer of 31 bits" }

--- A word as a value of this type. null is one of every nullable reference.
---@param word string
---@param type string
---@return any value
---@return string? why  it is none
function values.read(word, type)
  local reader = READERS[type]
  local nullable = type:find("^%(ref null ") or type:find("ref$")
  if word == "null" and nullable then return nil end
  if not reader then
    return nil, nullable and "only null can be given for a " .. type
      or "a " .. type .. " cannot be given here"
  end
  local value, message = reader(word)
  if value == nil then
    message = message and message:gsub("constant ", "") or "wanted " .. (WANTED[type] or "a number")
    return nil, ("'%s' is no %s: %s"):format(word, type, message)
  end
  return value
end

local FLOATS = {
  f32 = { pack = "<f", unpack = "<I4", digits = 9, exponent = 0xff, at = 23,
          quiet = 1 << 22, sign = 1 << 31 },
  f64 = { pack = "<d", unpack = "<i8", digits = 17, exponent = 0x7ff, at = 52,
          quiet = 1 << 51, sign = 1 << 63 },
}

-- The shortest decimal that reads back as the same pattern.
local function float(bits, format)
  local payload = bits & (1 << format.at) - 1
  local sign = bits & format.sign ~= 0 and "-" or ""
  if bits >> format.at & format.exponent == format.exponent then
    if payload == 0 then return sign .. "inf" end
    if payload == format.quiet then return sign .. "nan" end
    return ("%snan:0x%x"):format(sign, payload)
  end
  local value = string.unpack(format.pack, string.pack(format.unpack, bits))
  local digits, text = 0
  repeat
    digits = digits + 1
    text = ("%%.%dg"):format(digits):format(value)
  until digits == format.digits
    or string.unpack(format.unpack, string.pack(format.pack, tonumber(text))) == bits
  return text
end

--- A value in bits as a Lua number, where it is a float; a NaN loses its payload.
---@param value any
---@param type string
---@return any
function values.plain(value, type)
  local format = FLOATS[type]
  if not format then return value end
  return (string.unpack(format.pack, string.pack(format.unpack, value)))
end

--- A result as text.
---@param value any  as func:bits gives it
---@param type string
---@return string
function values.write(value, type)
  if value == nil then return "null" end
  if FLOATS[type] then return float(value, FLOATS[type]) end
  if type == "v128" then
    return "0x" .. value:reverse():gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  end
  if type == "i32" then return ("%d"):format((value & 0xffffffff ~ 0x80000000) - 0x80000000) end
  return tostring(value)
end

return values

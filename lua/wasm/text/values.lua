-- values.lua -- the constants and result patterns of scripts.
--
-- `(i32.const 1)`, `(ref.extern 3)`, `(f32.const nan:canonical)`, `(either ..)`: what a
-- script passes to functions and what it expects back, with floats as bit patterns so that
-- NaNs compare like everything else.
-- Invariant: i32 patterns are 0 .. 2^32-1; i64 and f64 patterns are Lua integers.
-- Not for: comparing, or turning patterns into Lua values; a runner does that.

local immediates = require "wasm.text.immediates"
local numbers = require "wasm.text.numbers"
local parser = require "wasm.text.parser"

local values = {}

local byte, pack = string.byte, string.pack
local expect, unexpected = parser.expect, parser.unexpected

---@class wast.Value
---@field type string  "i32" "i64" "f32" "f64" "v128", "ref.null", "ref.extern", "ref.host",
---  "ref.func", "ref.any", "ref.eq", "ref.i31", "ref.struct", "ref.array", "ref.exn", "either"
---@field bits? integer|string  the pattern; 16 bytes for v128 without NaN patterns
---@field nan? "canonical"|"arithmetic"  f32, f64: any NaN of this class
---@field shape? string         v128: "i8x16" .. "f64x2"
---@field lanes? wast.Value[]   v128 with NaN patterns: one value a lane
---@field heap? string          ref.null: the heap type as written; nil: any null
---@field value? integer        ref.extern, ref.host: which one; nil: any

local NANS = { ["nan:canonical"] = "canonical", ["nan:arithmetic"] = "arithmetic" }

local NUMBERS = {
  ["i32.const"] = { "i32", 32, numbers.int }, ["i64.const"] = { "i64", 64, numbers.int },
  ["f32.const"] = { "f32", 32, numbers.float }, ["f64.const"] = { "f64", 64, numbers.float },
}

local REFERENCES = { "func", "any", "eq", "i31", "struct", "array", "exn", "extern", "host" }
local REFERENCE_KINDS = {}
for _, kind in ipairs(REFERENCES) do REFERENCE_KINDS["ref." .. kind] = true end

local function literal(p, i, read, bits)
  local value, message = read(p.tok[i], bits)
  if value then return value, i + 1 end
  if not message and not numbers.is_number(p.tok[i]) then unexpected(p, i) end
  parser.fail(p, i, "constant out of range")
end

-- v128 whose lanes may be NaN patterns.
local function vector_pattern(p, i)
  local word = p.tok[i]
  local shape = immediates.SHAPES[word]
  if not shape then unexpected(p, i) end
  local count, bits, read, format = table.unpack(shape)
  local lane_type = word:sub(1, 1) .. bits
  local lanes, bytes, patterns = {}, {}, false
  i = i + 1
  for k = 1, count do
    local nan = read == numbers.float and NANS[p.tok[i]] or nil
    local value
    if nan then
      patterns, i = true, i + 1
    else
      value, i = literal(p, i, read, bits)
      bytes[k] = pack(format, value)
    end
    lanes[k] = { type = lane_type, bits = value, nan = nan }
  end
  if patterns then return { type = "v128", shape = word, lanes = lanes }, i end
  return { type = "v128", shape = word, bits = table.concat(bytes) }, i
end

-- (ref.null ht?) or (ref.kind n?).
local function reference(p, i, word)
  if word == "ref.null" then
    if p.tok[i] == ")" then return { type = word }, i end
    return { type = word, heap = p.tok[i] }, i + 1
  end
  if not REFERENCE_KINDS[word] then unexpected(p, i - 1) end
  local value
  if p.tok[i] ~= ")" then
    if word == "ref.func" then return { type = word, heap = p.tok[i] }, i + 1 end
    value, i = parser.nat(p, i, 32)
  end
  return { type = word, value = value }, i
end

local result

-- (either r r*), i after the word.
local function either(p, i, pattern)
  if not pattern then unexpected(p, i - 1) end
  local list = { type = "either" }
  repeat list[#list + 1], i = result(p, i, false) until p.tok[i] == ")"
  return list, i
end

--- One value; NaN patterns and `either` only where `pattern` allows them.
---@return wast.Value
---@return integer i
local function read(p, i, pattern, alternatives)
  i = expect(p, i, "(")
  local word = p.tok[i]
  local form = NUMBERS[word]
  local value
  i = i + 1
  if form then
    local nan = pattern and form[3] == numbers.float and NANS[p.tok[i]]
    if nan then
      value, i = { type = form[1], nan = nan }, i + 1
    else
      local bits
      bits, i = literal(p, i, form[3], form[2])
      value = { type = form[1], bits = bits }
    end
  elseif word == "v128.const" then
    value, i = vector_pattern(p, i)
  elseif word == "either" then
    value, i = either(p, i, alternatives)
  else
    value, i = reference(p, i, word)
  end
  return value, expect(p, i, ")")
end

function result(p, i, alternatives)
  return read(p, i, true, alternatives)
end

--- Values up to a ")", which is not consumed.
---@param p wat.Parser
---@param i integer
---@param patterns boolean results rather than arguments
---@return wast.Value[] list
---@return integer i
function values.list(p, i, patterns)
  local list, n = {}, 0
  while byte(p.tok[i]) == 40 do
    n = n + 1
    list[n], i = read(p, i, patterns, patterns)
  end
  return list, i
end

return values

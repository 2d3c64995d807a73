--- Values of scripts: as arguments, and compared with what came back.
-- Numbers travel as bit patterns (F:bits), so that NaNs are compared exactly; a host reference
-- `(ref.extern n)` is one table for each n.
local match = {}

local externs = {}

local function extern(n)
  externs[n] = externs[n] or { extern = n }
  return externs[n]
end

--- The Lua value of a script's argument.
---@param value wast.Value
function match.argument(value)
  if value.type == "ref.extern" or value.type == "ref.host" then return extern(value.value) end
  return value.bits -- nil for null references
end

local MASK = { i32 = 0xffffffff, i64 = -1, f32 = 0xffffffff, f64 = -1 }
local NAN = {
  f32 = { magnitude = 0x7fffffff, quiet = 0x7fc00000 },
  f64 = { magnitude = 0x7fffffffffffffff, quiet = 0x7ff8000000000000 },
}
local LANES = {
  i8x16 = "<I1", i16x8 = "<I2", i32x4 = "<I4", i64x2 = "<i8", f32x4 = "<I4", f64x2 = "<i8",
}

local function number(want, got)
  if math.type(got) ~= "integer" then return false end
  if not want.nan then return got & MASK[want.type] == want.bits & MASK[want.type] end
  local nan = NAN[want.type]
  local bits = got & nan.magnitude
  if want.nan == "canonical" then return bits == nan.quiet end
  return bits & nan.quiet == nan.quiet
end

local function vector(want, got)
  if type(got) ~= "string" or #got ~= 16 then return false end
  if want.bits then return got == want.bits end
  local format = LANES[want.shape]
  local size = string.packsize(format)
  for k, lane in ipairs(want.lanes) do
    if not number(lane, (string.unpack(format, got, (k - 1) * size + 1))) then return false end
  end
  return true
end

local function reference(want, got)
  if want.type == "ref.null" then return got == nil end
  if got == nil then return false end
  if want.type == "ref.func" then return type(got) == "function" end
  if want.type == "ref.i31" then return math.type(got) == "integer" end
  local kind = want.type:match("^ref%.(struct)$") or want.type:match("^ref%.(array)$")
  if kind then return type(got) == "userdata" and got:type():find("^%(" .. kind) ~= nil end
  if want.value then return got == extern(want.value) end
  return true
end

--- Is `got` one of the values that `want` stands for?
---@param want wast.Value
---@param got any
function match.result(want, got)
  if want.type == "either" then
    for _, one in ipairs(want) do
      if match.result(one, got) then return true end
    end
    return false
  end
  if MASK[want.type] then return number(want, got) end
  if want.type == "v128" then return vector(want, got) end
  return reference(want, got)
end

local function show_bits(bits)
  if math.type(bits) == "integer" then return ("0x%x"):format(bits) end
  if type(bits) == "string" then
    return (bits:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
  end
  return tostring(bits)
end

--- For messages.
---@param want wast.Value
function match.show(want)
  return ("%s %s"):format(want.type, want.nan or want.shape and not want.bits and "pattern"
    or show_bits(want.bits or want.value))
end

match.show_bits = show_bits

return match

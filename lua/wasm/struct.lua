--- Structs of C in a guest's memory: wasm.struct "f32 x, y; u8 flags; u32 id" has the layout that
-- C, Rust's repr(C) and Zig's extern give it on wasm. Nothing is copied: a field is read and
-- written where it lies.

local core = require "wasm.core"

local struct = {}

local SIZE_MAX = 1 << 31 -- bytes of one struct; so no product below overflows
local methods = core.methods "memory"

-- Scalars: bytes, the memory's method that reads and writes them, and what views call them.
local SCALARS = {
  bool = { size = 1, access = methods.u8, view = "u8" },
  u64 = { size = 8, access = methods.i64, view = "i64" },
  ptr = { size = 4, access = methods.u32, view = "u32" },
}
for name, size in pairs { u8 = 1, i8 = 1, u16 = 2, i16 = 2, u32 = 4, i32 = 4, i64 = 8, f32 = 4,
  f64 = 8 } do
  SCALARS[name] = { size = size, access = methods[name], view = name }
end
for name, scalar in pairs(SCALARS) do scalar.align, scalar.name = scalar.size, name end
local CHAR = { size = 1, align = 1, name = "char" }
SCALARS.char = CHAR

local layouts = setmetatable({}, { __mode = "k" }) -- by what wasm.struct gives: its Layout

-- What an accessor is of; no field has such a key.
local MEMORY, AT = {}, {}

local function misuse(message, ...) core.misuse(message:format(...)) end

-- One field -----------------------------------------------------------------------------------

local place -- (type, count, memory, at): an accessor of a struct, or of `count` of them

-- What the memory says of a value that it cannot take, said of the field.
local function set_number(field, memory, at, value)
  local ok, why = pcall(field.type.access, memory, at, value)
  if ok then return end
  if type(why) ~= "string" then error(why, 0) end -- it is closed
  misuse("field '%s': %s", field.name, why:match "%((.*)%)$" or why)
end

local function get(field, memory, at)
  local of = field.type
  at = at + field.offset
  if of == CHAR then return methods.cstring(memory, at, field.count or 1) end
  if of.fields then return place(of, field.count, memory, at) end
  if field.count then return methods.view(memory, of.view, at, field.count) end
  local value = of.access(memory, at)
  if of.name == "bool" then return value ~= 0 end
  return value
end

local assign

local function set_text(field, memory, at, value)
  local room = field.count or 1
  if type(value) ~= "string" then
    misuse("field '%s': string expected, got %s", field.name, type(value))
  elseif #value > room then
    misuse("field '%s': at most %d bytes, got %d", field.name, room, #value)
  end
  methods.write(memory, at, value .. ("\0"):rep(room - #value))
end

local function set_array(field, memory, at, value)
  local kind, of = type(value), field.type
  if kind ~= "table" and kind ~= "userdata" then
    misuse("field '%s': table expected, got %s", field.name, kind)
  elseif #value > field.count then
    misuse("field '%s': at most %d values, got %d", field.name, field.count, #value)
  end
  for k = 1, #value do
    if of.fields then
      assign(of, memory, at + (k - 1) * of.size, value[k])
    else
      set_number(field, memory, at + (k - 1) * of.size, value[k])
    end
  end
end

local function set(field, memory, at, value)
  local of = field.type
  at = at + field.offset
  if of == CHAR then return set_text(field, memory, at, value) end
  if field.count then return set_array(field, memory, at, value) end
  if of.fields then return assign(of, memory, at, value) end
  if of.name == "bool" then value = value and 1 or 0 end
  set_number(field, memory, at, value)
end

local function field_of(of, name)
  local field = of.fields[name]
  if field then return field end
  misuse("the struct has no field '%s'", tostring(name))
end

--- The fields that `value` has, a table or such a struct; the others stay as they are.
function assign(of, memory, at, value)
  if type(value) ~= "table" then misuse("a table of fields expected, got %s", type(value)) end
  for name, v in pairs(value) do set(field_of(of, name), memory, at, v) end
end

-- Accessors -----------------------------------------------------------------------------------

local function describe(value)
  local of = getmetatable(value).of
  local text = {}
  for k, field in ipairs(of.fields) do
    local v = value[field.name]
    v = type(v) == "string" and ("%q"):format(v) or tostring(v)
    text[k] = field.name .. " = " .. v
  end
  return "{ " .. table.concat(text, ", ") .. " }"
end

local function each(value)
  local fields, k = getmetatable(value).of.fields, 0
  return function()
    k = k + 1
    if fields[k] then return fields[k].name, value[fields[k].name] end
  end
end

local function one_of(of)
  return {
    of = of,
    __name = "wasm.struct",
    __index = function(self, name) return get(field_of(of, name), self[MEMORY], self[AT]) end,
    __newindex = function(self, name, value)
      set(field_of(of, name), self[MEMORY], self[AT], value)
    end,
    __pairs = each,
    __tostring = describe,
  }
end

local function many_of(of, count)
  local function element(self, k)
    if math.type(k) == "integer" and k >= 1 and k <= count then
      return self[AT] + (k - 1) * of.size
    end
  end
  return {
    __name = "wasm.struct[]",
    __index = function(self, k)
      local at = element(self, k)
      return at and place(of, nil, self[MEMORY], at)
    end,
    __newindex = function(self, k, value)
      local at = element(self, k)
      if not at then misuse("index %s is outside of the array (1 to %d)", tostring(k), count) end
      assign(of, self[MEMORY], at, value)
    end,
    __len = function() return count end,
    __tostring = function() return ("wasm.struct[%d]"):format(count) end,
  }
end

function place(of, count, memory, at)
  local meta = of.metas[count or 0]
  if not meta then
    meta = count and many_of(of, count) or one_of(of)
    of.metas[count or 0] = meta
  end
  return setmetatable({ [MEMORY] = memory, [AT] = at }, meta)
end

local function put(of, count, memory, at, init)
  if type(memory) ~= "userdata" then
    misuse("bad argument #1 to a struct (wasm.memory expected, got %s)", type(memory))
  elseif math.type(at) ~= "integer" then
    misuse("bad argument #2 to a struct (integer expected, got %s)", math.type(at) or type(at))
  end
  local size, there = of.size * (count or 1), methods.size(memory)
  if at < 0 or at > there or size > there - at then
    misuse("out of bounds memory access: %d bytes at %d, the memory has %d", size, at, there)
  end
  local value = place(of, count, memory, at)
  if init ~= nil then
    if count then
      set_array({ name = "[]", type = of, count = count }, memory, at, init)
    else
      assign(of, memory, at, init)
    end
  end
  return value
end

-- Declarations --------------------------------------------------------------------------------

local function fault(text, what)
  misuse("bad argument #1 to 'struct' (%s in \"%s\")", what, text)
end

local function add(of, text, kind, name, count)
  if not name then fault(text, "a name expected behind '" .. kind.name .. "'") end
  if of.fields[name] then fault(text, "two fields '" .. name .. "'") end
  if count then
    count = math.tointeger(count)
    if not count or count < 1 or count > SIZE_MAX then
      fault(text, "the length of '" .. name .. "' is out of range")
    end
  end
  local offset = (of.size + kind.align - 1) // kind.align * kind.align
  local field = { name = name, type = kind, offset = offset, count = count }
  of.size = offset + kind.size * (count or 1)
  if of.size > SIZE_MAX then fault(text, "more than 2 GiB") end
  of.align = math.max(of.align, kind.align)
  of.fields[#of.fields + 1], of.fields[name] = field, field
end

local function type_of(word, types, text)
  local given = types and types[word]
  if given ~= nil then
    return layouts[given] or misuse("bad argument #2 to 'struct' ('%s': a wasm.struct expected)",
      word)
  end
  return SCALARS[word] or fault(text, "unknown type '" .. word .. "'")
end

local function parse(text, types)
  local of = { size = 0, align = 1, fields = {}, name = "struct" }
  of.metas = setmetatable({}, { __mode = "v" }) -- of accessors, by their count, 0 for one
  for part in text:gmatch "[^;]+" do
    local word, rest = part:match "^%s*([%a_][%w_]*)(.*)$"
    if word then
      local kind = type_of(word, types, text)
      for one in (rest .. ","):gmatch "([^,]*)," do
        local name, count = one:match "^%s*([%a_][%w_]*)%s*%[%s*(%d+)%s*%]%s*$"
        add(of, text, kind, name or one:match "^%s*([%a_][%w_]*)%s*$", count)
      end
    elseif part:find "%S" then
      fault(text, "a type expected")
    end
  end
  if #of.fields == 0 then fault(text, "no field") end
  of.size = (of.size + of.align - 1) // of.align * of.align
  return of
end

--- V[10], V.size, V.align, V.offsets.name
local function describe_type(of)
  local offsets = {}
  for _, field in ipairs(of.fields) do offsets[field.name] = field.offset end
  return { size = of.size, align = of.align, offsets = offsets }
end

local function array_type(of, count)
  if count < 1 or count > SIZE_MAX or of.size * count > SIZE_MAX then
    misuse("an array of %d structs is out of range", count)
  end
  return setmetatable({ size = of.size * count, align = of.align }, {
    __name = "wasm.struct",
    __call = function(_, memory, at, init) return put(of, count, memory, at, init) end,
    __len = function() return count end,
  })
end

--- The layout of a struct of C. V(memory, offset) is one that lies there, V[10](memory, offset)
-- ten behind each other.
---@param text string  "f32 x, y; u8 flags; u32 id; char name[16]"
---@param types? table<string, wasm.Struct>  structs that may be fields, by name
---@return wasm.Struct
function struct.declare(text, types)
  if type(text) ~= "string" then
    misuse("bad argument #1 to 'struct' (string expected, got %s)", type(text))
  elseif types ~= nil and type(types) ~= "table" then
    misuse("bad argument #2 to 'struct' (table expected, got %s)", type(types))
  end
  local of = parse(text, types)
  local known = describe_type(of)
  local made = setmetatable({}, {
    __name = "wasm.struct",
    __index = function(_, key)
      if math.type(key) == "integer" then return array_type(of, key) end
      return known[key]
    end,
    __newindex = function() misuse "the layout of a struct never changes" end,
    __tostring = function()
      local list = {}
      for k, field in ipairs(of.fields) do list[k] = field.name .. " at " .. field.offset end
      return ("wasm.struct: %d bytes: %s"):format(of.size, table.concat(list, ", "))
    end,
    __call = function(_, memory, at, init) return put(of, nil, memory, at, init) end,
  })
  layouts[made] = of
  return made
end

return struct

-- read.lua -- a binary module, taken apart for printing.
--
-- Section 5 of the standard, read the other way round: sections become lists of entries whose
-- types are text already. A reader is a function `read(s, i, ...)`: the bytes, where to read;
-- it returns what it read and where that ends.
-- Invariant: the module has been validated, so what is read makes sense; custom sections have
-- not, and are only cut out here.
-- Not for: code (printcode.lua), names (names.lua).

local read = {}

local byte, sub = string.byte, string.sub

---------------------------------------------------------------------------
-- Numbers and strings

--- An unsigned number.
function read.u(s, i)
  local b = byte(s, i)
  if b < 128 then return b, i + 1 end
  local value, shift = b & 127, 7
  repeat
    i = i + 1
    b = byte(s, i)
    value = value | (b & 127) << shift
    shift = shift + 7
  until b < 128
  return value, i + 1
end
local u = read.u

--- A signed number.
function read.s(s, i)
  local value, shift = 0, 0
  local b
  repeat
    b = byte(s, i)
    value = value | (b & 127) << shift
    shift, i = shift + 7, i + 1
  until b < 128
  if b & 64 ~= 0 and shift < 64 then value = value | -1 << shift end
  return value, i
end

--- Bytes behind their length.
function read.sized(s, i)
  local n
  n, i = u(s, i)
  return sub(s, i, i + n - 1), i + n
end
local sized = read.sized

local ESCAPES = { ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r", ["\""] = "\\\"", ["\\"] = "\\\\" }
local function escape(c)
  return ESCAPES[c] or ("\\%02x"):format(byte(c))
end

--- A string literal with these bytes; of those beyond ASCII only whole characters are kept.
function read.quoted(bytes)
  local plain = utf8.len(bytes) and "[%c\"\\\x7f]" or "[%c\"\\\x7f-\xff]"
  return "\"" .. bytes:gsub(plain, escape) .. "\""
end

---------------------------------------------------------------------------
-- Types

local HEAP = {
  [0x70] = "func", [0x6f] = "extern", [0x6e] = "any", [0x6d] = "eq", [0x6c] = "i31",
  [0x6b] = "struct", [0x6a] = "array", [0x69] = "exn", [0x71] = "none", [0x72] = "noextern",
  [0x73] = "nofunc", [0x74] = "noexn",
}
local SIMPLE = {
  [0x7f] = "i32", [0x7e] = "i64", [0x7d] = "f32", [0x7c] = "f64", [0x7b] = "v128", [0x78] = "i8",
  [0x77] = "i16", [0x71] = "nullref", [0x72] = "nullexternref", [0x73] = "nullfuncref",
  [0x74] = "nullexnref",
}
for code, name in pairs(HEAP) do SIMPLE[code] = SIMPLE[code] or name .. "ref" end

--- A heap type as text. `names` gives indices their names (names.lua).
function read.heap(s, i, names)
  local b = byte(s, i)
  if b & 0xc0 == 0x40 then return HEAP[b], i + 1 end
  local index
  index, i = read.s(s, i)
  return names.type[index], i
end

--- A value or storage type.
function read.type(s, i, names)
  local b = byte(s, i)
  if b ~= 0x63 and b ~= 0x64 then return SIMPLE[b], i + 1 end
  local heap
  heap, i = read.heap(s, i + 1, names)
  return (b == 0x63 and "(ref null " or "(ref ") .. heap .. ")", i
end

--- A vector of whatever `reader` reads.
function read.vector(s, i, reader, ...)
  local list = {}
  local n
  n, i = u(s, i)
  for k = 1, n do list[k], i = reader(s, i, ...) end
  return list, i
end
local vector = read.vector

local function field(s, i, names)
  local type
  type, i = read.type(s, i, names)
  if byte(s, i) == 1 then type = "(mut " .. type .. ")" end
  return type, i + 1
end

-- A composite type: { form = "func"|"struct"|"array", params?, results?, fields? }.
local function composite(s, i, names)
  local form = byte(s, i)
  if form == 0x60 then
    local params, results
    params, i = vector(s, i + 1, read.type, names)
    results, i = vector(s, i, read.type, names)
    return { form = "func", params = params, results = results }, i
  elseif form == 0x5f then
    local fields
    fields, i = vector(s, i + 1, field, names)
    return { form = "struct", fields = fields }, i
  end
  local element
  element, i = field(s, i + 1, names)
  return { form = "array", fields = { element } }, i
end

-- A definition: its composite type with `final` and `supers` where it says `sub`.
local function definition(s, i, names)
  local b = byte(s, i)
  if b ~= 0x50 and b ~= 0x4f then return composite(s, i, names) end
  local supers, def
  supers, i = vector(s, i + 1, u)
  def, i = composite(s, i, names)
  def.supers, def.final = supers, b == 0x4f
  return def, i
end

--- Limits: { is64=, min=, max=, shared=, page= }, page as its logarithm.
function read.limits(s, i)
  local flags = byte(s, i)
  local limits = { is64 = flags & 4 ~= 0, shared = flags & 2 ~= 0 }
  limits.min, i = u(s, i + 1)
  if flags & 1 ~= 0 then limits.max, i = u(s, i) end
  if flags & 8 ~= 0 then limits.page, i = u(s, i) end
  return limits, i
end

local function table_type(s, i, names)
  local element, limits
  element, i = read.type(s, i, names)
  limits, i = read.limits(s, i)
  limits.element = element
  return limits, i
end

local function tag_type(s, i)
  return u(s, i + 1)
end

---------------------------------------------------------------------------
-- Sections

local readers = {}
local KINDS = { [0] = "func", "table", "memory", "global", "tag" }
local DESCRIPTIONS = { func = u, table = table_type, memory = read.limits, global = field,
                       tag = tag_type }

readers[1] = function(m, s, i)
  local n
  n, i = u(s, i)
  for _ = 1, n do
    local group, count = { explicit = byte(s, i) == 0x4e }, 1
    if group.explicit then count, i = u(s, i + 1) end
    for _ = 1, count do
      local def
      def, i = definition(s, i, m.names)
      def.index = m.ntypes
      m.types[m.ntypes] = def
      m.ntypes = m.ntypes + 1
      group[#group + 1] = def
    end
    m.groups[#m.groups + 1] = group
  end
end

local function add(m, kind, entry)
  local list = m[kind]
  entry.index = list.n
  list[list.n] = entry
  list.n = list.n + 1
  return entry
end

readers[2] = function(m, s, i)
  local n
  n, i = u(s, i)
  for k = 1, n do
    local entry = {}
    entry.module, i = sized(s, i)
    entry.name, i = sized(s, i)
    entry.kind = KINDS[byte(s, i)]
    entry.type, i = DESCRIPTIONS[entry.kind](s, i + 1, m.names)
    entry.imported = true
    m.imports[k] = add(m, entry.kind, entry)
  end
end

readers[3] = function(m, s, i)
  local n, type
  n, i = u(s, i)
  for _ = 1, n do
    type, i = u(s, i)
    add(m, "func", { type = type })
  end
end

readers[4] = function(m, s, i)
  local n
  n, i = u(s, i)
  for _ = 1, n do
    local entry, has_init = {}, byte(s, i) == 0x40
    entry.type, i = table_type(s, has_init and i + 2 or i, m.names)
    if has_init then entry.init, i = m.expression(m, s, i) end
    add(m, "table", entry)
  end
end

readers[5] = function(m, s, i)
  local n, limits
  n, i = u(s, i)
  for _ = 1, n do
    limits, i = read.limits(s, i)
    add(m, "memory", { type = limits })
  end
end

readers[6] = function(m, s, i)
  local n
  n, i = u(s, i)
  for _ = 1, n do
    local entry = {}
    entry.type, i = field(s, i, m.names)
    entry.init, i = m.expression(m, s, i)
    add(m, "global", entry)
  end
end

readers[7] = function(m, s, i)
  local n
  n, i = u(s, i)
  for k = 1, n do
    local entry = {}
    entry.name, i = sized(s, i)
    entry.kind = KINDS[byte(s, i)]
    entry.index, i = u(s, i + 1)
    m.exports[k] = entry
  end
end

readers[8] = function(m, s, i)
  m.start = u(s, i)
end

-- The eight encodings: bit 0 passive or declared, bit 1 declared or with an explicit table or
-- type, bit 2 expressions instead of function indices.
readers[9] = function(m, s, i)
  local n
  n, i = u(s, i)
  for k = 1, n do
    local entry = { table = 0 }
    local flags
    flags, i = u(s, i)
    entry.mode = flags & 1 == 0 and "active" or flags & 2 ~= 0 and "declare" or "passive"
    if entry.mode == "active" then
      if flags & 2 ~= 0 then entry.table, i = u(s, i) end
      entry.offset, i = m.expression(m, s, i)
    end
    if flags & 4 == 0 then
      if flags & 3 ~= 0 then i = i + 1 end -- the kind, which is always 0
      entry.indices, i = vector(s, i, u)
    else
      entry.type = "funcref"
      if flags & 3 ~= 0 then entry.type, i = read.type(s, i, m.names) end
      local count
      count, i = u(s, i)
      entry.items = {}
      for j = 1, count do entry.items[j], i = m.expression(m, s, i) end
    end
    m.elems[k] = entry
  end
end

--- The bodies of the code section whose contents start at i: { at=, stop= } each.
function read.bodies(s, i)
  local list, n, at = {}, u(s, i)
  i = at
  for k = 1, n do
    local size
    size, i = u(s, i)
    list[k] = { at = i, stop = i + size }
    i = i + size
  end
  return list
end

readers[10] = function(m, s, i) m.bodies = read.bodies(s, i) end

readers[11] = function(m, s, i)
  local n
  n, i = u(s, i)
  for k = 1, n do
    local entry = { memory = 0 }
    local flags
    flags, i = u(s, i)
    entry.active = flags ~= 1
    if flags == 2 then entry.memory, i = u(s, i) end
    if entry.active then entry.offset, i = m.expression(m, s, i) end
    local size
    size, i = u(s, i)
    entry.at, entry.stop = i, i + size
    i = i + size
    m.datas[k] = entry
  end
end

readers[12] = function() end

readers[13] = function(m, s, i)
  local n, type
  n, i = u(s, i)
  for _ = 1, n do
    type, i = tag_type(s, i)
    add(m, "tag", { type = type })
  end
end

--- The sections in order: { id=, at=, stop=, name? } each; custom ones have a name.
function read.sections(s)
  local list, i = {}, 9
  while i <= #s do
    local section = { id = byte(s, i) }
    local size
    size, section.at = u(s, i + 1)
    section.stop = section.at + size
    if section.id == 0 then section.name, section.contents = sized(s, section.at) end
    list[#list + 1] = section
    i = section.stop
  end
  return list
end

--- All but code and names. `m.names` gives indices their names, `m.expression(m, s, i)` reads a
--- constant expression.
function read.module(m, s)
  m.types, m.ntypes, m.groups = {}, 0, {}
  m.imports, m.exports, m.elems, m.datas, m.bodies = {}, {}, {}, {}, {}
  for _, kind in pairs(KINDS) do m[kind] = { n = 0 } end
  for _, section in ipairs(m.sections) do
    local reader = readers[section.id]
    if reader then reader(m, s, section.at) end
  end
end

return read

-- binary.lua -- a read module becomes the bytes of the binary format.
--
-- Section 5.5 of the standard: sections in its order, empty ones left out. As in the
-- reference interpreter, the data count section is there only when code refers to a data
-- segment (memory.init, data.drop, array.new_data ...). (@custom ..) sections stand where
-- they ask to. Identifiers go to the custom section "name", the last one, so that traces
-- can show them; unless the text has a (@custom "name" ..) of its own.
-- Invariant: the same text gives the same bytes.
-- Not for: checking anything.

local leb = require "wasm.text.leb"

local binary = {}

local char, concat = string.char, table.concat
local unsigned, sized, vector = leb.unsigned, leb.sized, leb.vector

-- Subsections of the name section.
local NAME_MODULE, NAME_FUNC, NAME_LOCAL, NAME_FIELD = 0, 1, 2, 10
local NAME_SPACES = { { 4, "type" }, { 5, "table" }, { 6, "memory" }, { 7, "global" },
                      { 8, "elem" }, { 9, "data" } }
local NAME_TAG = 11

local function name_map(list)
  local entries = {}
  for k, entry in ipairs(list) do entries[k] = unsigned(entry[1]) .. sized(entry[2]) end
  return vector(entries)
end

-- Names inside of something that has an index itself: locals, fields.
local function indirect_name_map(list)
  local entries = {}
  for k, entry in ipairs(list) do entries[k] = unsigned(entry[1]) .. name_map(entry[2]) end
  return vector(entries)
end

local function field_names(p)
  local list = {}
  for index = 0, p.types.count - 1 do
    local fields = p.types[index].fields
    if fields and #fields.list > 0 then list[#list + 1] = { index, fields.list } end
  end
  return list
end

--- The contents of the name section; "" when nothing has a name.
---@param n { module?: string, spaces: table<string, table>, locals: table, fields: table }
---@return string
function binary.name_section(n)
  local out = {}
  local function subsection(id, body) out[#out + 1] = char(id) .. sized(body) end
  local function map(id, list) if #list > 0 then subsection(id, name_map(list)) end end
  local function indirect(id, list)
    if #list > 0 then subsection(id, indirect_name_map(list)) end
  end
  local function list_of(space) return n.spaces[space] or {} end
  if n.module then subsection(NAME_MODULE, sized(n.module)) end
  map(NAME_FUNC, list_of "func")
  indirect(NAME_LOCAL, n.locals)
  for _, pair in ipairs(NAME_SPACES) do map(pair[1], list_of(pair[2])) end
  indirect(NAME_FIELD, n.fields)
  map(NAME_TAG, list_of "tag")
  return concat(out)
end

local function names(p, module_name)
  local spaces = {}
  for kind, space in pairs(p.spaces) do spaces[kind] = space.list end
  return binary.name_section { module = module_name, spaces = spaces,
                               locals = p.module.local_names, fields = field_names(p) }
end

--- The custom section of branch hints: offsets count from where a body's locals start.
function binary.branch_hints(list)
  local functions = {}
  for k, entry in ipairs(list) do
    local hints = {}
    for j, mark in ipairs(entry[3]) do hints[j] = unsigned(entry[2] + mark[1]) .. sized(mark[2]) end
    functions[k] = unsigned(entry[1]) .. vector(hints)
  end
  return sized("metadata.code.branch_hint") .. vector(functions)
end

--- The module as bytes.
---@param p wat.Parser after all fields have been read
---@param module_name? string
---@param with_names boolean
---@return string
function binary.encode(p, module_name, with_names)
  local m = p.module
  local out = { "\0asm\1\0\0\0" }
  local function customs(place)
    for _, bytes in ipairs(p.customs[place] or {}) do out[#out + 1] = bytes end
  end
  -- A section's number, its name in (@custom ..), and its contents.
  local function section(id, name, contents)
    customs("before " .. name)
    if contents then out[#out + 1] = char(id) .. sized(contents) end
    customs("after " .. name)
  end
  local function list(id, name, items)
    section(id, name, #items > 0 and vector(items) or nil)
  end
  customs("before first")
  list(1, "type", p.type_entries)
  list(2, "import", m.imports)
  list(3, "func", m.funcs)
  list(4, "table", m.tables)
  list(5, "memory", m.memories)
  list(13, "tag", m.tags)
  list(6, "global", m.globals)
  list(7, "export", m.exports)
  section(8, "start", m.start)
  list(9, "elem", m.elems)
  section(12, "datacount", p.uses_data and unsigned(#m.datas) or nil)
  if #m.hints > 0 then out[#out + 1] = "\0" .. sized(binary.branch_hints(m.hints)) end
  list(10, "code", m.bodies)
  list(11, "data", m.datas)
  customs("after last")
  if with_names and not p.own_names then
    local body = names(p, module_name)
    if body ~= "" then out[#out + 1] = "\0" .. sized(sized("name") .. body) end
  end
  return concat(out)
end

return binary

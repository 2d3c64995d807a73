--- Adds exports to a module that keeps its state to itself.
-- Every memory, table, global and tag is exported, so that what a run leaves in them can be
-- compared and exceptions have names. Only whole sections are touched; the module must be sound.
local IMPORT, TABLE, MEMORY, GLOBAL, EXPORT, START, TAG = 2, 4, 5, 6, 7, 8, 13
local KIND = { table = 1, memory = 2, global = 3, tag = 4 }
local REF, REF_NULL = 0x64, 0x63 -- followed by a heap type

local function read_leb(s, at)
  local v, shift = 0, 0
  repeat
    local byte = s:byte(at)
    v, shift, at = v | (byte & 0x7f) << shift, shift + 7, at + 1
  until byte < 0x80
  return v, at
end

local function leb(v)
  local out = {}
  repeat
    out[#out + 1] = string.char(v & 0x7f | (v > 0x7f and 0x80 or 0))
    v = v >> 7
  until v == 0
  return table.concat(out)
end

local function sections(bytes)
  local list, at = {}, 9
  while at <= #bytes do
    local size, from = read_leb(bytes, at + 1)
    list[#list + 1] = { id = bytes:byte(at), bytes = bytes:sub(from, from + size - 1) }
    at = from + size
  end
  return list
end

local function skip_limits(s, at)
  local _, after = read_leb(s, at + 1)
  if s:byte(at) & 1 == 1 then _, after = read_leb(s, after) end
  return after
end

local function skip_type(s, at)
  local byte = s:byte(at)
  if byte ~= REF and byte ~= REF_NULL then return at + 1 end
  return select(2, read_leb(s, at + 1))
end

--- How many tables, memories, globals and tags are imported, by kind number.
local function count_imports(s)
  local counts = { [0] = 0, 0, 0, 0, 0 }
  local n, at = read_leb(s, 1)
  for _ = 1, n do
    for _ = 1, 2 do
      local size, from = read_leb(s, at)
      at = from + size
    end
    local kind = s:byte(at)
    counts[kind] = counts[kind] + 1
    if kind == 0 then
      at = select(2, read_leb(s, at + 1))
    elseif kind == KIND.table then
      at = skip_limits(s, skip_type(s, at + 1))
    elseif kind == KIND.memory then
      at = skip_limits(s, at + 1)
    elseif kind == KIND.global then
      at = skip_type(s, at + 1) + 1
    else
      at = select(2, read_leb(s, at + 2))
    end
  end
  return counts
end

local function export(name, kind, index)
  return leb(#name) .. name .. string.char(kind) .. leb(index)
end

--- The same module with more exports.
---@param bytes string  a sound module
---@return string
return function(bytes)
  local list = sections(bytes)
  local counts, at_export = { [0] = 0, 0, 0, 0, 0 }, nil
  local own = { [TABLE] = KIND.table, [MEMORY] = KIND.memory, [GLOBAL] = KIND.global,
                [TAG] = KIND.tag }
  for i, section in ipairs(list) do
    if section.id == IMPORT then counts = count_imports(section.bytes) end
    local kind = own[section.id]
    if kind then counts[kind] = counts[kind] + read_leb(section.bytes, 1) end
    local is_later = section.id >= START and section.id ~= TAG
    if section.id == EXPORT or not at_export and is_later then at_export = i end
  end
  at_export = at_export or #list + 1
  local old = list[at_export]
  local n, from = 0, 1
  if old and old.id == EXPORT then n, from = read_leb(old.bytes, 1) end
  local out = { old and old.id == EXPORT and old.bytes:sub(from) or "" }
  for kind = 1, 4 do
    for index = 0, counts[kind] - 1 do
      out[#out + 1] = export(("diff %d %d"):format(kind, index), kind, index)
    end
  end
  local section = { id = EXPORT, bytes = leb(n + #out - 1) .. table.concat(out) }
  if old and old.id == EXPORT then table.remove(list, at_export) end
  table.insert(list, at_export, section)
  local parts = { bytes:sub(1, 8) }
  for _, s in ipairs(list) do parts[#parts + 1] = string.char(s.id) .. leb(#s.bytes) .. s.bytes end
  return table.concat(parts)
end

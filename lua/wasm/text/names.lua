-- names.lua -- what the entries of a binary module are called when it is printed.
--
-- The custom section "name" (standard, appendix "Custom Sections") gives names to indices; an
-- identifier is a name that is the only one of its space, `$plain` or `$"quoted"`. Where two
-- have the same name, or it is empty, an annotation (@name "..") says the real one.
-- Invariants: the section is whatever somebody wrote: nothing in it is believed, and one that is
-- damaged, or that an assembler could not write again byte by byte, is kept as it is and gives
-- identifiers where it can.
-- Not for: encoding (binary.lua).

local binary = require "wasm.text.binary"
local read = require "wasm.text.read"

local names = {}

local find, format = string.find, string.format

local SUBSECTIONS = { [1] = "func", [4] = "type", [5] = "table", [6] = "memory", [7] = "global",
                      [8] = "elem", [9] = "data", [11] = "tag" }
local PLAIN = "^[%w!#$%%&'*+%-./:<=>?@\\^_`|~]+$"

---------------------------------------------------------------------------
-- Reading

local function name_at(s, i, stop)
  local text
  text, i = read.sized(s, i)
  if i > stop or not utf8.len(text) then error("damaged") end
  return text, i
end

-- { { index, name }, ... }, ascending.
local function name_map(s, i, stop)
  local list, last = {}, -1
  local n
  n, i = read.u(s, i)
  for k = 1, n do
    local index, text
    index, i = read.u(s, i)
    text, i = name_at(s, i, stop)
    if index <= last then error("damaged") end
    list[k], last = { index, text }, index
  end
  return list, i
end

local function indirect_map(s, i, stop)
  local list, last = {}, -1
  local n
  n, i = read.u(s, i)
  for k = 1, n do
    local index, inner
    index, i = read.u(s, i)
    inner, i = name_map(s, i, stop)
    if index <= last then error("damaged") end
    list[k], last = { index, inner }, index
  end
  return list, i
end

local function parse(s, i, stop)
  local found = { spaces = {}, locals = {}, fields = {} }
  while i < stop do
    local id = s:byte(i)
    local size
    size, i = read.u(s, i + 1)
    local last = i + size
    if last > stop then error("damaged") end
    if id == 0 then
      found.module = name_at(s, i, last)
    elseif SUBSECTIONS[id] then
      found.spaces[SUBSECTIONS[id]] = name_map(s, i, last)
    elseif id == 2 then
      found.locals = indirect_map(s, i, last)
    elseif id == 10 then
      found.fields = indirect_map(s, i, last)
    end
    i = last
  end
  return found
end

---------------------------------------------------------------------------
-- Identifiers

local function identifier(text)
  if find(text, PLAIN) then return "$" .. text end
  return "$" .. read.quoted(text)
end

--- The names of one space: index -> what refers to it (an identifier, else the number), and in
--- `bind`, index -> what stands where it is defined.
---@param list? { [1]: integer, [2]: string }[]
---@param count? integer  names beyond are dropped, and `lost` says so
function names.space(list, count)
  local space = { bind = {}, lost = false }
  local seen = {}
  for _, entry in ipairs(list or {}) do
    local index, text = entry[1], entry[2]
    if count and index >= count then
      space.lost = true
      break
    end
    local id, real = text, nil
    if text == "" or seen[text] then
      real = " (@name " .. read.quoted(text) .. ")"
      repeat
        seen[text] = (seen[text] or 0) + 1
        id = format("%s.%d", text, seen[text])
      until not seen[id]
    end
    seen[id] = seen[id] or 1
    id = identifier(id)
    space[index] = id
    space.bind[index] = " " .. id .. (real or "")
  end
  return setmetatable(space, { __index = function(_, index) return format("%d", index) end })
end

--- Read the section "name" of a module, if there is one that can be read.
---@return table found  names as in the section
function names.parse(s, sections)
  local section, count = nil, 0
  for _, each in ipairs(sections) do
    if each.name == "name" then section, count = each, count + 1 end
  end
  local empty = { spaces = {}, locals = {}, fields = {} }
  if count ~= 1 then return empty end
  local ok, found = pcall(parse, s, section.contents, section.stop)
  if not ok then return empty end
  found.section = section
  return found
end

--- Would an assembler write this very section from the identifiers?
function names.is_written_again(s, found, sections, lost)
  local section = found.section
  if not section or lost or sections[#sections] ~= section then return false end
  return binary.name_section(found) == s:sub(section.contents, section.stop - 1)
end

return names

--- What `luawasm` reads from a module's bytes by itself.
-- The module has been validated. Custom sections have not: they are read with every size checked,
-- and one that is damaged is left out.

local printcode = require "wasm.text.printcode"
local read = require "wasm.text.read"
local wasm = require "wasm"

local metadata = {}

-- An unsigned number of at most 32 bits.
local function u32(s, i)
  local value = 0
  for k = 0, 4 do
    local b = s:byte(i + k) or error("damaged")
    value = value | (b & 127) << 7 * k
    if b < 128 then return value, i + k + 1 end
  end
  error("damaged")
end

local function name(s, i)
  local n
  n, i = u32(s, i)
  if n > #s - i + 1 then error("damaged") end
  return s:sub(i, i + n - 1), i + n
end

-- A custom section's contents, read by `reader`; nil if there is none or it is damaged.
local function custom(mod, section, reader)
  local contents = mod:sections(section)[1]
  local ok, result = pcall(reader, contents or "")
  return contents and ok and result or nil
end

--- What the section "producers" says: { field, "tool version, ..." } each.
---@param mod wasm.Module
---@return { [1]: string, [2]: string }[]
function metadata.producers(mod)
  return custom(mod, "producers", function(s)
    local fields = {}
    local count, i = u32(s, 1)
    for k = 1, count do
      local field, values
      local tools = {}
      field, i = name(s, i)
      values, i = u32(s, i)
      for j = 1, values do
        local tool, version
        tool, i = name(s, i)
        version, i = name(s, i)
        tools[j] = version == "" and tool or tool .. " " .. version
      end
      fields[k] = { field, table.concat(tools, ", ") }
    end
    return fields
  end) or {}
end

--- What the section "target_features" says, in one line.
---@param mod wasm.Module
---@return string?
function metadata.targets(mod)
  return custom(mod, "target_features", function(s)
    local words = {}
    local count, i = u32(s, 1)
    for k = 1, count do
      local feature, after = name(s, i + 1)
      words[k] = s:sub(i, i) .. feature
      i = after
    end
    return table.concat(words, " ")
  end)
end

--- The module's own name, from the section "name".
---@param bytes string
---@return string?
function metadata.module_name(bytes)
  return require "wasm.text.names".parse(bytes, read.sections(bytes)).module
end

--- The features without which the module is not valid.
---@param bytes string
---@return string[]
function metadata.features(bytes)
  local allowed, seen = { "mvp" }, {}
  repeat
    local ok, err = wasm.validate(bytes, { features = allowed })
    local feature = not ok and err.kind == "unsupported"
      and err.message:match("switched off: ([%w-]+)")
    if feature and not seen[feature] then
      seen[feature] = true
      allowed[#allowed + 1] = feature
    end
  until ok or not feature
  return table.move(allowed, 2, #allowed, 1, {})
end

-- All but custom sections and the start.
local function is_counted(id)
  return id ~= 0 and id ~= 8
end

--- How many entries each section has, in order; nil where it has none to count.
---@param bytes string
---@return table<integer, integer>
function metadata.counts(bytes)
  local counts = {}
  for k, section in ipairs(read.sections(bytes)) do
    if is_counted(section.id) then counts[k] = u32(bytes, section.at) end
  end
  return counts
end

local function limits(l, unit)
  local size = not l.max and ("%d or more"):format(l.min)
    or l.max == l.min and ("%d"):format(l.min) or ("%d to %d"):format(l.min, l.max)
  return size .. " " .. unit .. (l.is64 and ", 64-bit" or "") .. (l.shared and ", shared" or "")
end

local function rows(list, describe)
  local out = {}
  for k = 0, list.n - 1 do
    local entry = list[k]
    out[#out + 1] = { ("%d"):format(k),
                      describe(entry.type) .. (entry.imported and ", imported" or "") }
  end
  return out
end

-- The sections of these numbers, taken apart by wasm.text.read; types stand for their numbers.
local function sections(bytes, wanted)
  local numbers = setmetatable({}, { __index = function(_, index) return ("%d"):format(index) end })
  local m = { sections = {}, names = setmetatable({}, { __index = function() return numbers end }),
              expression = function(m, s, i) return printcode.nodes(m, s, i) end }
  for _, section in ipairs(read.sections(bytes)) do
    if wanted[section.id] then m.sections[#m.sections + 1] = section end
  end
  read.module(m, bytes)
  return m
end

--- The type of an exported function, however long.
---@param bytes string
---@param export string
---@return string[]? params
---@return string[]? results
function metadata.function_type(bytes, export)
  local m = sections(bytes, { [1] = true, [2] = true, [3] = true, [7] = true })
  for _, entry in ipairs(m.exports) do
    if entry.name == export and entry.kind == "func" then
      local type = m.types[m.func[entry.index].type]
      return type.params, type.results
    end
  end
end

--- The memories and the tables, imported ones first: { index, description } each.
---@return { [1]: string, [2]: string }[] memories
---@return { [1]: string, [2]: string }[] tables
function metadata.memories(bytes)
  local m = sections(bytes, { [2] = true, [4] = true, [5] = true })
  local memories = rows(m.memory, function(l)
    return limits(l, l.page and ("pages of %d bytes"):format(1 << l.page) or "pages of 64 KiB")
  end)
  local tables = rows(m.table, function(l) return limits(l, l.element) end)
  return memories, tables
end

return metadata

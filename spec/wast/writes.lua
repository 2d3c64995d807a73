--- Whose memories and tables would a module have written to, had it not been refused?
-- A module with active segments changes the memories and tables it imports as soon as it is
-- instantiated. When it is refused as "unsupported", what the script expects of their owners
-- afterwards cannot hold. This reads just enough of a binary to name those owners.
local FUNC, TABLE, MEMORY, GLOBAL, TAG = 0, 1, 2, 3, 4
local IMPORTS, ELEMENTS, DATA = 2, 9, 11

local function leb(s, at)
  local value, shift, byte = 0, 0
  repeat
    byte = s:byte(at)
    value = value | (byte & 127) << shift
    at, shift = at + 1, shift + 7
  until byte < 128
  return value, at
end

local function name(s, at)
  local size
  size, at = leb(s, at)
  return s:sub(at, at + size - 1), at + size
end

local function skip_type(s, at) -- a value type; (ref null? ht) is followed by its heap type
  local byte = s:byte(at)
  if byte == 0x63 or byte == 0x64 then return select(2, leb(s, at + 1)) end
  return at + 1
end

local function skip_limits(s, at)
  local flags = s:byte(at)
  at = select(2, leb(s, at + 1))
  if flags & 1 ~= 0 then at = select(2, leb(s, at)) end
  return at
end

local SKIP = { [TABLE] = function(s, at) return skip_limits(s, skip_type(s, at)) end,
               [MEMORY] = skip_limits }
SKIP[FUNC] = function(s, at) return select(2, leb(s, at)) end
SKIP[GLOBAL] = function(s, at) return skip_type(s, at) + 1 end
SKIP[TAG] = function(s, at) return select(2, leb(s, at + 1)) end

local function read_imports(s, at)
  local list = {}
  local count
  count, at = leb(s, at)
  for _ = 1, count do
    local import = {}
    import.module, at = name(s, at)
    import.name, at = name(s, at)
    import.kind = s:byte(at)
    at = SKIP[import.kind](s, at + 1)
    list[#list + 1] = import
  end
  return list
end

--- Names of the modules whose memory or table `bytes` imports and has segments for.
---@param bytes string
---@return table<string, true>
return function(bytes)
  local owners, sections, at = {}, {}, 9
  while at <= #bytes do
    local id = bytes:byte(at)
    local size
    size, at = leb(bytes, at + 1)
    sections[id] = at
    at = at + size
  end
  for _, import in ipairs(sections[IMPORTS] and read_imports(bytes, sections[IMPORTS]) or {}) do
    if import.kind == MEMORY and sections[DATA] or import.kind == TABLE and sections[ELEMENTS] then
      owners[import.module] = true
    end
  end
  return owners
end

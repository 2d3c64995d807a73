-- types.lua -- types of the text format become bytes of the binary format.
--
-- Sections 6.4 and 5.3 of the standard, all of 3.0: value, heap and reference types,
-- function, struct and array types, subtypes, recursion groups, limits, and type uses.
-- A type is passed around as its encoding, so two types are equal when their bytes are.
-- Invariants: `p.types[index]` describes each defined type; `p.type_entries` holds the
-- encoded recursion groups in order; a function type that no (type ..) names is looked up
-- among the ones there are and else added at the end.
-- Not for: whether types make sense; the validator decides that.

local leb = require "wasm.text.leb"
local parser = require "wasm.text.parser"

local types = {}

local byte = string.byte
local concat = table.concat
local expect, unexpected, opens = parser.expect, parser.unexpected, parser.opens

local NUMERIC = { i32 = "\x7f", i64 = "\x7e", f32 = "\x7d", f64 = "\x7c", v128 = "\x7b" }
local PACKED = { i8 = "\x78", i16 = "\x77" }

local HEAP = {
  func = "\x70", extern = "\x6f", any = "\x6e", eq = "\x6d", i31 = "\x6c", struct = "\x6b",
  array = "\x6a", exn = "\x69", none = "\x71", noextern = "\x72", nofunc = "\x73",
  noexn = "\x74",
}

-- Value types of one word; the references are short for (ref null ..).
local SHORT = {
  funcref = HEAP.func, externref = HEAP.extern, anyref = HEAP.any, eqref = HEAP.eq,
  i31ref = HEAP.i31, structref = HEAP.struct, arrayref = HEAP.array, exnref = HEAP.exn,
  nullref = HEAP.none, nullexternref = HEAP.noextern, nullfuncref = HEAP.nofunc,
  nullexnref = HEAP.noexn,
}
local REFERENCES = {}
for word, bytes in pairs(SHORT) do REFERENCES[word] = bytes end
for word, bytes in pairs(NUMERIC) do SHORT[word] = bytes end

types.FUNCREF = SHORT.funcref
types.REF_FUNC = "\x64" .. HEAP.func -- (ref func), the type of a list of function indices

--- A heap type; an index is encoded as s33.
function types.heap(p, i)
  local abstract = HEAP[p.tok[i]]
  if abstract then return abstract, i + 1 end
  if not parser.at_index(p, i) then unexpected(p, i) end
  local index
  index, i = parser.index(p, i, "type")
  return leb.signed(index), i
end

-- (ref null? heaptype), i at "(": nullable?, heap type, i.
function types.ref_parts(p, i)
  local short = REFERENCES[p.tok[i]]
  if short then return true, short, i + 1 end
  i = expect(p, expect(p, i, "("), "ref")
  local nullable = p.tok[i] == "null"
  local heap
  heap, i = types.heap(p, nullable and i + 1 or i)
  return nullable, heap, expect(p, i, ")")
end

--- A reference type.
function types.ref(p, i)
  local short = REFERENCES[p.tok[i]]
  if short then return short, i + 1 end
  local nullable, heap
  nullable, heap, i = types.ref_parts(p, i)
  if not nullable then return "\x64" .. heap, i end
  -- Only the abstract types have bit 6 set in their single byte.
  if #heap == 1 and byte(heap) & 0x40 ~= 0 then return heap, i end
  return "\x63" .. heap, i
end

--- A value type.
function types.value(p, i)
  local short = SHORT[p.tok[i]]
  if short then return short, i + 1 end
  if p.tok[i] ~= "(" then unexpected(p, i) end
  return types.ref(p, i)
end

local function storage(p, i)
  local packed = PACKED[p.tok[i]]
  if packed then return packed, i + 1 end
  return types.value(p, i)
end

local function field(p, i)
  if opens(p, i, "mut") then
    local bytes
    bytes, i = storage(p, i + 2)
    return bytes .. "\1", expect(p, i, ")")
  end
  local bytes
  bytes, i = storage(p, i)
  return bytes .. "\0", i
end

--- Value types up to something else: appended to `list`.
local function values_into(p, i, list)
  local tok = p.tok
  while tok[i] ~= ")" do
    list[#list + 1], i = types.value(p, i)
  end
  return i + 1
end

--- (result t*)*, appended to `list`.
function types.results(p, i, list)
  while opens(p, i, "result") do i = values_into(p, i + 2, list) end
  return i
end

--- (param ..)* (result ..)*. With `space`, parameters are bound there and may have names.
---@return string[] params
---@return string[] results
---@return integer i
function types.signature(p, i, space)
  local params, results = {}, {}
  while opens(p, i, "param") do
    local named, id, after = parser.binder(p, i + 2)
    if named and space then
      parser.bind(p, space, "local", id, i + 2)
      params[#params + 1], i = types.value(p, after)
      i = expect(p, i, ")")
    else
      local before = #params
      i = values_into(p, i + 2, params)
      if space then space.count = space.count + #params - before end
    end
  end
  i = types.results(p, i, results)
  return params, results, i
end

local function func_key(params, results)
  return "\x60" .. leb.vector(params) .. leb.vector(results)
end

-- The function type with these bytes: its index, added at the end when it is new.
local function intern(p, key, params)
  local index = p.type_index[key]
  if index then return index end
  index = p.types.count
  p.types.count = index + 1
  p.types[index] = { key = key, params = params }
  p.type_index[key] = index
  p.type_entries[#p.type_entries + 1] = key
  return index
end

--- (type x)? (param ..)* (result ..)*: a type index and the number of parameters.
--- With `space`, parameters are bound there and may have names.
---@return integer typeidx
---@return integer nparams
---@return integer i
function types.use(p, i, space)
  if not opens(p, i, "type") then
    local params, results
    params, results, i = types.signature(p, i, space)
    return intern(p, func_key(params, results), #params), #params, i
  end
  local start = i + 2
  local index, close = parser.index(p, start, "type")
  i = expect(p, close, ")")
  local params, results, after = types.signature(p, i, space)
  local known = p.types[index]
  if #params == 0 and #results == 0 then
    local nparams = known and known.params or 0
    if space then space.count = space.count + nparams end
    return index, nparams, after
  end
  if not known or not known.params then parser.fail(p, start, "unknown type " .. index) end
  if known.key ~= func_key(params, results) then
    if opens(p, after, "param") or opens(p, after, "result") or opens(p, after, "type") then
      unexpected(p, after + 1) -- out of order, which is worse than a mismatch
    end
    parser.fail(p, i, "inline function type does not match explicit type")
  end
  return index, #params, after
end

--- A block type: nothing, one value type, or a type index.
function types.block(p, i)
  local tok = p.tok
  if tok[i] ~= "(" then return "\x40", i end
  local word = tok[i + 1]
  if word == "result" then
    local short = SHORT[tok[i + 2]]
    if short and tok[i + 3] == ")" and not opens(p, i + 4, "result") then
      return short, i + 4
    end
  elseif word ~= "param" and word ~= "type" then
    return "\x40", i
  end
  if word ~= "type" then
    local params, results, after = types.signature(p, i)
    if #params == 0 and #results < 2 then return results[1] or "\x40", after end
    return leb.signed(intern(p, func_key(params, results), #params)), after
  end
  local index, _
  index, _, i = types.use(p, i)
  return leb.signed(index), i
end

---------------------------------------------------------------------------
-- Definitions

-- (field $x t) (field t*) ..., i after "struct".
local function struct(p, i)
  local fields, names = {}, parser.space()
  while opens(p, i, "field") do
    local named, id, after = parser.binder(p, i + 2)
    if named then
      parser.bind(p, names, "field", id, i + 2)
      fields[#fields + 1], i = field(p, after)
    else
      i = after
      while p.tok[i] ~= ")" do
        fields[#fields + 1], i = field(p, i)
        names.count = names.count + 1
      end
    end
    i = expect(p, i, ")")
  end
  return { key = "\x5f" .. leb.vector(fields), fields = names }, i
end

-- (func ..), (struct ..) or (array ..).
local function composite(p, i)
  i = expect(p, i, "(")
  local word, def = p.tok[i], nil
  if word == "func" then
    local params, results
    params, results, i = types.signature(p, i + 1, parser.space())
    def = { key = func_key(params, results), params = #params }
  elseif word == "struct" then
    def, i = struct(p, i + 1)
  elseif word == "array" then
    local element
    if opens(p, i + 1, "field") then
      element, i = field(p, i + 3)
      i = expect(p, i, ")")
    else
      element, i = field(p, i + 1)
    end
    def = { key = "\x5e" .. element }
  else
    unexpected(p, i)
  end
  return def, expect(p, i, ")")
end

-- What stands in (type $t? ..): a composite type, perhaps in (sub final? x* ..).
local function subtype(p, i)
  if not opens(p, i, "sub") then
    local def, after = composite(p, i)
    def.bytes = def.key
    return def, after
  end
  i = i + 2
  local final, supers = p.tok[i] == "final", {}
  if final then i = i + 1 end
  while parser.at_index(p, i) do
    local index
    index, i = parser.index(p, i, "type")
    supers[#supers + 1] = leb.unsigned(index)
  end
  local def
  def, i = composite(p, i)
  if final and #supers == 0 then
    def.bytes = def.key
  else
    def.bytes = (final and "\x4f" or "\x50") .. leb.vector(supers) .. def.key
  end
  return def, expect(p, i, ")")
end

-- A definition whose name is bound already; i at "(" of (type ..).
local function definition(p, i)
  local def, _
  i = expect(p, expect(p, i, "("), "type")
  _, i = parser.id(p, i)
  def, i = subtype(p, i)
  local index = p.types.count
  p.types.count = index + 1
  p.types[index] = def
  return def, index, expect(p, i, ")")
end

--- (type ..) as a module field: a recursion group of its own.
function types.define(p, i)
  local def, index
  def, index, i = definition(p, i)
  p.type_entries[#p.type_entries + 1] = def.bytes
  -- Only a plain function type may be found again by an inline one.
  if def.params and def.bytes == def.key and not p.type_index[def.key] then
    p.type_index[def.key] = index
  end
  return i
end

--- (rec (type ..)*) as a module field.
function types.define_group(p, i)
  i = i + 2
  local group, first, last = {}, nil, nil
  while opens(p, i, "type") do
    local def, index
    def, index, i = definition(p, i)
    group[#group + 1] = def.bytes
    first, last = first or index, def
  end
  p.type_entries[#p.type_entries + 1] = #group == 1 and group[1]
    or "\x4e" .. leb.unsigned(#group) .. concat(group)
  if #group == 1 and last.params and last.bytes == last.key and not p.type_index[last.key] then
    p.type_index[last.key] = first
  end
  return expect(p, i, ")")
end

--- Give a parser its empty tables of types.
function types.prepare(p)
  p.types = { count = 0 }    -- index -> { key, bytes, params?, fields? }
  p.type_index = {}          -- key of a function type -> its first index
  p.type_entries = {}        -- recursion groups, encoded
end

---------------------------------------------------------------------------
-- External types

local FLAG_MAX, FLAG_SHARED, FLAG_I64, FLAG_PAGE_SIZE = 1, 2, 4, 8

--- The address type before limits: "i64", or the default.
function types.address(p, i)
  local word = p.tok[i]
  if word == "i32" or word == "i64" then return word == "i64", i + 1 end
  return false, i
end

-- (pagesize n): its binary logarithm.
local function page_size(p, i)
  local n
  n, i = parser.nat(p, i + 2, 64)
  if n <= 0 or n & (n - 1) ~= 0 then parser.fail(p, i - 1, "invalid custom page size") end
  local exponent = 0
  while n > 1 do n, exponent = n >> 1, exponent + 1 end
  return exponent, expect(p, i, ")")
end

types.page_size = page_size

--- Encode limits whose parts are known.
---@param min integer
---@param max? integer
---@param is64 boolean
---@param shared? boolean
---@param page? integer log2 of the page size, when it was written
function types.encode_limits(min, max, is64, shared, page)
  local flags = (max and FLAG_MAX or 0) | (shared and FLAG_SHARED or 0)
    | (is64 and FLAG_I64 or 0) | (page and FLAG_PAGE_SIZE or 0)
  return string.char(flags) .. leb.unsigned(min) .. (max and leb.unsigned(max) or "")
    .. (page and leb.unsigned(page) or "")
end

--- Address type and limits of a table or memory, without what follows them.
---@return string bytes
---@return integer i
function types.limits(p, i, memory)
  local is64, min, max, shared, page
  is64, i = types.address(p, i)
  min, i = parser.nat(p, i, 64)
  local c = byte(p.tok[i])
  if c and c >= 48 and c <= 57 then max, i = parser.nat(p, i, 64) end
  if memory then
    if p.tok[i] == "shared" then shared, i = true, i + 1 end
    if opens(p, i, "pagesize") then page, i = page_size(p, i) end
  end
  return types.encode_limits(min, max, is64, shared, page), i
end

--- A table type: limits, then the element type; encoded the other way round.
function types.table(p, i)
  local limits, element
  limits, i = types.limits(p, i)
  element, i = types.ref(p, i)
  return element .. limits, i
end

--- A global type.
function types.global(p, i)
  if opens(p, i, "mut") then
    local bytes
    bytes, i = types.value(p, i + 2)
    return bytes .. "\1", expect(p, i, ")")
  end
  local bytes
  bytes, i = types.value(p, i)
  return bytes .. "\0", i
end

return types

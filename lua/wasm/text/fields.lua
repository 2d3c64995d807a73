-- fields.lua -- the fields of a module, one reader each.
--
-- Section 6.6 of the standard with all its abbreviations. Names are bound before any
-- field is read (`fields.bind`), so a reader may refer forward; each reader appends to
-- the lists of the module (`p.module`) that binary.lua puts in order.
-- Invariants: fields are read in the order of the text, which is the order of indices and
-- of types that inline type uses add; an inline segment takes its index where it stands.
-- Not for: type definitions, which come first (types.lua).

local code = require "wasm.text.code"
local leb = require "wasm.text.leb"
local parser = require "wasm.text.parser"
local types = require "wasm.text.types"

local fields = {}

local byte, char = string.byte, string.char
local expect, opens, unexpected = parser.expect, parser.opens, parser.unexpected
local unsigned, sized = leb.unsigned, leb.sized

-- Kind of an import or export in the binary format.
local EXTERN = { func = "\0", table = "\1", memory = "\2", global = "\3", tag = "\4" }

---@class wat.Module
---@field imports string[]
---@field exports string[]
---@field funcs string[]     type index of each function
---@field bodies string[]    the same functions' code
---@field tables string[]
---@field memories string[]
---@field globals string[]
---@field tags string[]
---@field elems string[]
---@field datas string[]
---@field start? string
---@field hints { [1]: integer, [2]: integer, [3]: table }[]  function, size of its locals,
---  { offset, bytes }
---@field last? string       kind of the last definition, which no import may follow
---@field local_names { [1]: integer, [2]: table }[]  function index, named locals

---@return wat.Module
function fields.module()
  return { imports = {}, exports = {}, funcs = {}, bodies = {}, tables = {}, memories = {},
           globals = {}, tags = {}, elems = {}, datas = {}, local_names = {}, hints = {} }
end

---------------------------------------------------------------------------
-- Binding: the first look at a field

local function bind(p, kind, i)
  local id = parser.id(p, i)
  return parser.bind(p, p.spaces[kind], kind, id, i)
end

-- Whether an inline segment follows: (elem or (data, after exports and types.
local function has_inline_segment(p, i, word)
  local depth = 1
  while depth > 0 do
    local t = p.tok[i]
    if t == "(" then
      if depth == 1 and p.tok[i + 1] == word then return true end
      depth = depth + 1
    elseif t == ")" then
      depth = depth - 1
    elseif t == "" then
      return false
    end
    i = i + 1
  end
  return false
end

--- Bind the names of the field at i; types excepted, whose groups define several.
---@param p wat.Parser
---@param i integer at "("
function fields.bind(p, i)
  local word = p.tok[i + 1]
  if word == "import" then
    -- (import "m" "n" (kind $id? ..))
    local kind = p.tok[i + 5]
    if EXTERN[kind] then bind(p, kind, i + 6) end
  elseif word == "type" then
    bind(p, "type", i + 2)
  elseif word == "rec" then
    local at = i + 2
    while opens(p, at, "type") do
      bind(p, "type", at + 2)
      at = parser.skip(p, at)
    end
  elseif EXTERN[word] or word == "elem" or word == "data" then
    bind(p, word, i + 2)
    if word == "table" and has_inline_segment(p, i + 2, "elem") then
      parser.bind(p, p.spaces.elem, "elem", nil, 0)
    elseif word == "memory" and has_inline_segment(p, i + 2, "data") then
      parser.bind(p, p.spaces.data, "data", nil, 0)
    end
  end
end

---------------------------------------------------------------------------
-- Imports and exports

local function add_import(p, at, module, name, kind, description)
  local m = p.module
  if m.last then
    parser.fail(p, at, "import after " .. m.last .. " definition")
  end
  m.imports[#m.imports + 1] = sized(module) .. sized(name) .. EXTERN[kind] .. description
end

local function add_export(p, name, kind, index)
  local m = p.module
  m.exports[#m.exports + 1] = sized(name) .. EXTERN[kind] .. unsigned(index)
end

-- (export "name")*, then perhaps (import "module" "name"): its two names, or nil.
local function inline_externs(p, i, kind, index)
  while opens(p, i, "export") do
    local name
    name, i = parser.name(p, i + 2)
    add_export(p, name, kind, index)
    i = expect(p, i, ")")
  end
  if not opens(p, i, "import") then return nil, nil, i end
  local module, name
  module, i = parser.name(p, i + 2)
  name, i = parser.name(p, i)
  return module, name, expect(p, i, ")")
end

-- The type of a function or tag import. Parameters may be named, to no effect.
local function func_type(p, i)
  local index, _
  index, _, i = types.use(p, i, parser.space())
  return unsigned(index), i
end

-- Readers of what an import says about its kind.
local DESCRIPTIONS = {
  func = func_type,
  tag = function(p, i)
    local index
    index, i = func_type(p, i)
    return "\0" .. index, i
  end,
  table = types.table,
  memory = function(p, i) return types.limits(p, i, true) end,
  global = types.global,
}

function fields.import(p, i)
  local start = i - 2
  local module, name, description, _
  module, i = parser.name(p, i)
  name, i = parser.name(p, i)
  i = expect(p, i, "(")
  local kind = p.tok[i]
  if not EXTERN[kind] then unexpected(p, i) end
  _, i = parser.id(p, i + 1)
  description, i = DESCRIPTIONS[kind](p, i)
  add_import(p, start, module, name, kind, description)
  p.seen[kind] = (p.seen[kind] or 0) + 1
  return expect(p, expect(p, i, ")"), ")")
end

function fields.export(p, i)
  local name, index
  name, i = parser.name(p, i)
  i = expect(p, i, "(")
  local kind = p.tok[i]
  if not EXTERN[kind] then unexpected(p, i) end
  index, i = parser.index(p, i + 1, kind)
  add_export(p, name, kind, index)
  return expect(p, expect(p, i, ")"), ")")
end

-- Reads what all definitions begin with. Returns the entry's index and, when it turned out
-- to be an import, which is complete then, no index but the next token.
local function definition(p, i, kind)
  local start = i - 2
  local seen = p.seen
  local index = seen[kind] or 0
  seen[kind] = index + 1
  local module, name, _
  _, i = parser.id(p, i)
  module, name, i = inline_externs(p, i, kind, index)
  if not module then
    p.module.last = kind == "func" and "function" or kind
    return index, i
  end
  local description
  description, i = DESCRIPTIONS[kind](p, i)
  add_import(p, start, module, name, kind, description)
  return nil, expect(p, i, ")")
end

---------------------------------------------------------------------------
-- Functions

-- (local ..)*, as the runs of equal types that the binary format wants.
local function local_runs(p, i, space)
  local runs, n, previous = {}, {}, nil
  local function add(type)
    if type == previous then
      n[#n] = n[#n] + 1
    else
      runs[#runs + 1], n[#n + 1], previous = type, 1, type
    end
  end
  while opens(p, i, "local") do
    local named, id, after = parser.binder(p, i + 2)
    local type
    if named then
      parser.bind(p, space, "local", id, i + 2)
      type, i = types.value(p, after)
      add(type)
    else
      i = after
      while p.tok[i] ~= ")" do
        type, i = types.value(p, i)
        add(type)
        space.count = space.count + 1
      end
    end
    i = expect(p, i, ")")
  end
  for k, type in ipairs(runs) do runs[k] = unsigned(n[k]) .. type end
  return leb.vector(runs), i
end

function fields.func(p, i)
  local index, typeidx, locals, body, _
  index, i = definition(p, i, "func")
  if not index then return i end
  local m, space = p.module, parser.space()
  typeidx, _, i = types.use(p, i, space)
  locals, i = local_runs(p, i, space)
  p.locals = space
  p.in_function, p.marks = true, nil
  body, i = code.expression(p, i)
  p.locals, p.in_function = p.no_locals, false
  m.funcs[#m.funcs + 1] = unsigned(typeidx)
  m.bodies[#m.bodies + 1] = sized(locals .. body)
  if p.places then p.places[#m.bodies] = { skip = #locals, pieces = p.pieces } end
  if p.marks then m.hints[#m.hints + 1] = { index, #locals, p.marks } end
  if #space.list > 0 then m.local_names[#m.local_names + 1] = { index, space.list } end
  return expect(p, i, ")")
end

function fields.tag(p, i)
  local index, typeidx
  index, i = definition(p, i, "tag")
  if not index then return i end
  typeidx, i = func_type(p, i)
  p.module.tags[#p.module.tags + 1] = "\0" .. typeidx
  return expect(p, i, ")")
end

function fields.start(p, i)
  local index, after = parser.index(p, i, "func")
  if p.module.start then parser.fail(p, i, "multiple start sections") end
  p.module.start = unsigned(index)
  return expect(p, after, ")")
end

function fields.global(p, i)
  local index, type, init
  index, i = definition(p, i, "global")
  if not index then return i end
  type, i = types.global(p, i)
  init, i = code.expression(p, i)
  p.module.globals[#p.module.globals + 1] = type .. init
  return expect(p, i, ")")
end

---------------------------------------------------------------------------
-- Segments

-- (offset expr) or one folded instruction.
local function offset(p, i)
  if not opens(p, i, "offset") then return code.folded_expression(p, i) end
  local bytes
  bytes, i = code.expression(p, i + 2)
  return bytes, expect(p, i, ")")
end

-- (table x) or (memory x) before an offset. A lone number there is the spelling of
-- WebAssembly 1.0, which old texts still have.
local function segment_target(p, i, kind)
  if p.tok[i + 1] == "(" and p.tok[i]:find("^%d") then return parser.index(p, i, kind) end
  if not opens(p, i, kind) then return nil, i end
  local index
  index, i = parser.index(p, i + 2, kind)
  return index, expect(p, i, ")")
end

local function function_indices(p, i)
  local list = {}
  while parser.at_index(p, i) do
    local index
    index, i = parser.index(p, i, "func")
    list[#list + 1] = unsigned(index)
  end
  return list, i
end

-- The function index when an expression is nothing but ref.func.
local function only_ref_func(bytes)
  return bytes:match("^\xd2([\x80-\xff]*[\0-\x7f])\x0b$")
end

-- ((item expr) | folded)*; also the same as function indices, if they all are.
local function element_expressions(p, i)
  local list, indices = {}, {}
  while p.tok[i] == "(" do
    local bytes
    if opens(p, i, "item") then
      bytes, i = code.expression(p, i + 2)
      i = expect(p, i, ")")
    else
      bytes, i = code.folded_expression(p, i)
    end
    list[#list + 1] = bytes
    if indices then
      local index = only_ref_func(bytes)
      if index then indices[#indices + 1] = index else indices = nil end
    end
  end
  return list, indices, i
end

-- `func x*`, a reference type with expressions, or (old) indices alone:
-- type, expressions, indices.
local function element_list(p, i, bare)
  if p.tok[i] == "func" or (bare and (parser.at_index(p, i) or p.tok[i] == ")")) then
    local indices
    indices, i = function_indices(p, p.tok[i] == "func" and i + 1 or i)
    return types.REF_FUNC, nil, indices, i
  end
  local type, expressions, indices
  type, i = types.ref(p, i)
  expressions, indices, i = element_expressions(p, i)
  if type ~= types.REF_FUNC then indices = nil end
  return type, expressions, indices, i
end

-- The eight encodings of an element segment: bit 0 passive or declared, bit 1 declared or
-- with an explicit table, bit 2 expressions instead of function indices.
local function encode_elem(mode, target, at, type, expressions, indices)
  local flags = indices and 0 or 4
  local list = leb.vector(indices or expressions)
  if mode ~= "active" then
    flags = flags | (mode == "declared" and 3 or 1)
    return char(flags) .. (indices and "\0" or type) .. list
  end
  local short = target == 0 and (indices or type == types.FUNCREF)
  if short then return char(flags) .. at .. list end
  return char(flags | 2) .. unsigned(target) .. at .. (indices and "\0" or type) .. list
end

local function add_elem(p, ...)
  p.module.elems[#p.module.elems + 1] = encode_elem(...)
end

function fields.elem(p, i)
  local target, at, type, expressions, indices, _
  local mode = "passive"
  _, i = parser.id(p, i)
  local named = opens(p, i, "table")
  if p.tok[i] == "declare" then
    mode, i = "declared", i + 1
  else
    target, i = segment_target(p, i, "table")
    if target or (p.tok[i] == "(" and p.tok[i + 1] ~= "ref") then
      mode = "active"
      at, i = offset(p, i)
    end
  end
  -- Indices without the word `func` are allowed only where no (table x) is.
  type, expressions, indices, i = element_list(p, i, at and not named)
  add_elem(p, mode, target or 0, at, type, expressions, indices)
  return expect(p, i, ")")
end

local function add_data(p, mode, target, at, bytes)
  local head = "\1"
  if mode == "active" then
    head = target == 0 and "\0" .. at or "\2" .. unsigned(target) .. at
  end
  p.module.datas[#p.module.datas + 1] = head .. sized(bytes)
end

function fields.data(p, i)
  local target, at, bytes, _
  _, i = parser.id(p, i)
  target, i = segment_target(p, i, "memory")
  if target or p.tok[i] == "(" then at, i = offset(p, i) end
  bytes, i = parser.strings(p, i)
  add_data(p, at and "active" or "passive", target or 0, at, bytes)
  return expect(p, i, ")")
end

---------------------------------------------------------------------------
-- Tables and memories

local function zero(is64)
  return is64 and "\x42\0\x0b" or "\x41\0\x0b"
end

-- reftype (elem ..), which is a table just large enough, and its segment.
local function inline_elem(p, i, is64, index)
  local type, expressions, indices, _
  type, i = types.ref(p, i)
  i = expect(p, expect(p, i, "("), "elem")
  if p.tok[i] == "(" then
    expressions, _, i = element_expressions(p, i)
  else
    indices, i = function_indices(p, i)
    if type ~= types.REF_FUNC and type ~= types.FUNCREF then
      expressions = {}
      for k, x in ipairs(indices) do expressions[k] = "\xd2" .. x .. "\x0b" end
      indices = nil
    end
  end
  local size = #(expressions or indices)
  p.module.tables[#p.module.tables + 1] = type .. types.encode_limits(size, size, is64)
  add_elem(p, "active", index, zero(is64), type, expressions, indices)
  return expect(p, expect(p, i, ")"), ")")
end

function fields.table(p, i)
  local index, is64, type
  index, i = definition(p, i, "table")
  if not index then return i end
  local start = i
  is64, i = types.address(p, i)
  local c = byte(p.tok[i])
  if not c or c < 48 or c > 57 then return inline_elem(p, i, is64, index) end
  type, i = types.table(p, start)
  if p.tok[i] ~= ")" then -- an initializer
    local init
    init, i = code.expression(p, i)
    type = "\x40\0" .. type .. init
  end
  p.module.tables[#p.module.tables + 1] = type
  return expect(p, i, ")")
end

-- (data "bytes"), which is a memory just large enough, and its segment.
local function inline_data(p, i, is64, page, index)
  local bytes
  bytes, i = parser.strings(p, i + 2)
  local exponent = page or 16
  local pages = (#bytes + (1 << exponent) - 1) >> exponent
  p.module.memories[#p.module.memories + 1] =
    types.encode_limits(pages, pages, is64, false, page)
  add_data(p, "active", index, zero(is64), bytes)
  return expect(p, expect(p, i, ")"), ")")
end

function fields.memory(p, i)
  local index, limits, is64, page
  index, i = definition(p, i, "memory")
  if not index then return i end
  local start = i
  is64, i = types.address(p, i)
  if opens(p, i, "pagesize") then page, i = types.page_size(p, i) end
  if opens(p, i, "data") then return inline_data(p, i, is64, page, index) end
  limits, i = types.limits(p, start, true)
  p.module.memories[#p.module.memories + 1] = limits
  return expect(p, i, ")")
end

return fields

-- print.lua -- the binary format, printed as text.
--
-- Sections 5 and 6 of the standard, with the annotations of its appendix. The text assembles to
-- the same bytes wherever it can say them. It can not say: numbers that are longer than they need
-- to be, sections that are empty, a data count that no instruction needs, an `else` with nothing
-- behind it, a recursion group of one type, runs of locals that might be one, and segments of
-- (ref func) or with table 0 written out. Where those are, other bytes of the same meaning come
-- out, and the same text again.
-- Invariants: types are referred to by index or name and written out beside it; custom sections
-- stand where they stood. The section "name" becomes identifiers; should an assembler not be able
-- to write it again from those, it is kept as bytes as well.
-- Not for: modules that have not been validated.

local binary = require "wasm.text.binary"
local names = require "wasm.text.names"
local printcode = require "wasm.text.printcode"
local read = require "wasm.text.read"

local print = {}

local concat, format = table.concat, string.format
local u = read.u

local HINTS = "metadata.code.branch_hint"
local PIECE = 80 -- bytes of a data segment in a line

---------------------------------------------------------------------------
-- Types

local function list_of(word, types)
  if #types == 0 then return "" end
  return " (" .. word .. " " .. concat(types, " ") .. ")"
end

local function signature(def)
  return list_of("param", def.params) .. list_of("result", def.results)
end

local function type_use(m, index)
  return " (type " .. m.names.type[index] .. ")" .. signature(m.types[index])
end

local function limits_text(l)
  local words = { l.is64 and " i64" or "", format(" %u", l.min) }
  words[2] = l.min < 0 and format(" 0x%x", l.min) or format(" %d", l.min)
  if l.max then words[3] = l.max < 0 and format(" 0x%x", l.max) or format(" %d", l.max) end
  if l.shared then words[#words + 1] = " shared" end
  if l.page then words[#words + 1] = format(" (pagesize %d)", 1 << l.page) end
  if l.element then words[#words + 1] = " " .. l.element end
  return concat(words)
end

local function fields_text(m, def)
  local bind = m.field_names(def.index).bind
  local words = {}
  for k, type in ipairs(def.fields) do
    words[k] = format(" (field%s %s)", bind[k - 1] or "", type)
  end
  return concat(words)
end

local function composite_text(m, def)
  if def.form == "func" then return "(func" .. signature(def) .. ")" end
  if def.form == "struct" then return "(struct" .. fields_text(m, def) .. ")" end
  return "(array " .. def.fields[1] .. ")"
end

local function type_text(m, def)
  local text = composite_text(m, def)
  if def.supers then
    local words = { def.final and "(sub final" or "(sub" }
    for k, super in ipairs(def.supers) do words[k + 1] = m.names.type[super] end
    text = concat(words, " ") .. " " .. text .. ")"
  end
  return format("(type%s %s)", m.names.type.bind[def.index] or format(" (;%d;)", def.index), text)
end

---------------------------------------------------------------------------
-- Fields

local put = {} -- by section: (m, out)

-- What stands behind the word of a definition: its name, else its number as a comment.
local function head(m, kind, index)
  return m.names[kind].bind[index] or format(" (;%d;)", index)
end

local function line(out, text)
  out[#out + 1] = "\n  " .. text
end

put.type = function(m, out)
  for _, group in ipairs(m.groups) do
    if not group.explicit then
      line(out, type_text(m, group[1]))
    else
      line(out, "(rec")
      for _, def in ipairs(group) do out[#out + 1] = "\n    " .. type_text(m, def) end
      out[#out + 1] = ")"
    end
  end
end

local DESCRIBE = {
  func = function(m, entry) return type_use(m, entry.type) end,
  tag = function(m, entry) return type_use(m, entry.type) end,
  table = function(_, entry) return limits_text(entry.type) end,
  memory = function(_, entry) return limits_text(entry.type) end,
  global = function(_, entry) return " " .. entry.type end,
}

local function definition(m, kind, entry)
  return format("(%s%s%s", kind, head(m, kind, entry.index), DESCRIBE[kind](m, entry))
end

put.import = function(m, out)
  for _, entry in ipairs(m.imports) do
    line(out, format("(import %s %s %s))", read.quoted(entry.module), read.quoted(entry.name),
      definition(m, entry.kind, entry)))
  end
end

local function put_own(m, out, kind)
  local list = m[kind]
  for k = 0, list.n - 1 do
    local entry = list[k]
    if not entry.imported then
      local text = definition(m, kind, entry)
      if entry.init then text = text .. " " .. printcode.inline(entry.init) end
      line(out, text .. ")")
    end
  end
end

for _, kind in ipairs { "table", "memory", "global", "tag" } do
  put[kind] = function(m, out) put_own(m, out, kind) end
end

put.export = function(m, out)
  for _, e in ipairs(m.exports) do
    line(out, format("(export %s (%s %s))", read.quoted(e.name), e.kind, m.names[e.kind][e.index]))
  end
end

put.start = function(m, out)
  if m.start then line(out, "(start " .. m.names.func[m.start] .. ")") end
end

local function target(m, kind, index)
  return index == 0 and "" or format(" (%s %s)", kind, m.names[kind][index])
end

local function offset_text(nodes)
  return " (offset " .. printcode.inline(nodes) .. ")"
end

-- Does a segment of table 0 have to say so, for the sake of its type?
local function is_spelt_out(e)
  return e.type and e.type ~= "funcref" and e.type ~= "(ref func)"
end

-- A list of functions that is written as expressions, to be printed as the list it is.
local function only_functions(e)
  if e.type ~= "(ref func)" then return nil end
  local list = {}
  for k, item in ipairs(e.items) do
    list[k] = #item == 1 and item[1].head:match("^ref%.func (.*)$")
    if not list[k] then return nil end
  end
  return list
end

put.elem = function(m, out)
  for k, e in ipairs(m.elems) do
    local words = { "(elem" .. head(m, "elem", k - 1) }
    if e.mode == "declare" then words[2] = " declare" end
    if e.mode == "active" then
      words[2] = (e.table == 0 and is_spelt_out(e) and " (table 0)"
        or target(m, "table", e.table)) .. offset_text(e.offset)
    end
    local functions = e.items and only_functions(e)
    if functions then
      words[#words + 1] = " func " .. concat(functions, " ")
    elseif e.indices then
      words[#words + 1] = " func"
      for _, index in ipairs(e.indices) do words[#words + 1] = " " .. m.names.func[index] end
    else
      words[#words + 1] = " " .. e.type
      for _, item in ipairs(e.items) do
        words[#words + 1] = " (item " .. printcode.inline(item) .. ")"
      end
    end
    line(out, concat(words) .. ")")
  end
end

put.data = function(m, out)
  for k, d in ipairs(m.datas) do
    line(out, "(data" .. head(m, "data", k - 1))
    if d.active then out[#out + 1] = target(m, "memory", d.memory) .. offset_text(d.offset) end
    local many = d.stop - d.at > PIECE
    for at = d.at, d.stop - 1, PIECE do
      local piece = m.bytes:sub(at, math.min(at + PIECE, d.stop) - 1)
      out[#out + 1] = (many and "\n    " or " ") .. read.quoted(piece)
    end
    if d.at == d.stop then out[#out + 1] = " \"\"" end
    out[#out + 1] = ")"
  end
end

---------------------------------------------------------------------------
-- Functions

-- Locals one by one where they have names, else together.
local function locals_text(out, runs, first, bind, level)
  local index, words, start = first, nil, "\n" .. ("  "):rep(level)
  local function close()
    if words then out[#out + 1] = start .. "(local " .. concat(words, " ") .. ")" end
    words = nil
  end
  for _, run in ipairs(runs) do
    for _ = 1, run[1] do
      if bind[index] then
        close()
        out[#out + 1] = format("%s(local%s %s)", start, bind[index], run[2])
      else
        words = words or {}
        words[#words + 1] = run[2]
      end
      index = index + 1
    end
  end
  close()
end

local function params_text(def, bind)
  local words = {}
  for k, type in ipairs(def.params) do
    words[k] = format(" (param%s %s)", bind[k - 1] or "", type)
  end
  if next(bind) == nil then return signature(def) end
  return concat(words) .. list_of("result", def.results)
end

local function local_run(s, i, m)
  local n, type
  n, i = u(s, i)
  type, i = read.type(s, i, m.names)
  return { n, type }, i
end

local function func_lines(m, out, entry, level)
  local def, body = m.types[entry.type], m.bodies[entry.index - m.first_func + 1]
  local runs, i = read.vector(m.bytes, body.at, local_run, m)
  local count = #def.params
  for _, run in ipairs(runs) do count = count + run[1] end
  m.locals = names.space(m.local_names[entry.index], count)
  m.lost = m.lost or m.locals.lost
  local hints = m.hints and m.hints[entry.index]
  local by_index
  if hints then
    by_index = {}
    for _, hint in ipairs(hints) do by_index[body.at + hint[1]] = hint[2] end
  end
  local bind = m.locals.bind
  local nodes = printcode.nodes(m, m.bytes, i, by_index)
  if by_index and next(by_index) then m.hints_lost = true end
  out[#out + 1] = format("(func%s (type %s)%s", head(m, "func", entry.index),
    m.names.type[entry.type], params_text(def, bind))
  locals_text(out, runs, #def.params, bind, level)
  printcode.lines(out, nodes, level)
  out[#out + 1] = ")"
end

put.code = function(m, out)
  for k = m.first_func, m.func.n - 1 do
    out[#out + 1] = "\n  "
    func_lines(m, out, m.func[k], 2)
  end
end

---------------------------------------------------------------------------
-- Custom sections

local SECTIONS = { "type", "import", "func", "table", "memory", "global", "export", "start",
                   "elem", "code", "data", "datacount", "tag" }

local function hints_at(s, i)
  local last = -1
  local func, list
  func, i = u(s, i)
  list, i = read.vector(s, i, function(_, at)
    local offset, bytes
    offset, at = u(s, at)
    bytes, at = read.sized(s, at)
    if offset <= last then error("damaged") end
    last = offset
    return { offset, bytes }, at
  end)
  list.func = func
  return list, i
end

-- Branch hints that annotations can say: by function; nil when the section stays as it is.
local function parse_hints(m)
  local section
  for k, each in ipairs(m.sections) do
    if each.name == HINTS then
      if section or not m.sections[k + 1] or m.sections[k + 1].id ~= 10 then return nil end
      section = each
    end
  end
  if not section then return nil end
  local ok, list = pcall(read.vector, m.bytes, section.contents, hints_at)
  if not ok then return nil end
  local by_func, again, last = { section = section }, {}, -1
  for k, hints in ipairs(list) do
    if hints.func <= last or hints.func < m.first_func or hints.func >= m.func.n then return nil end
    last = hints.func
    by_func[hints.func] = hints
    again[k] = { hints.func, 0, hints }
  end
  if binary.branch_hints(again) ~= m.bytes:sub(section.at, section.stop - 1) then return nil end
  return by_func
end

local function custom_text(m, section, placement)
  return format("(@custom %s (%s) %s)", read.quoted(section.name), placement,
    read.quoted(m.bytes:sub(section.contents, section.stop - 1)))
end

-- Will an assembler write this section again?
local function is_written(m, section)
  if section.id == 12 then return m.uses_data end
  return section.id == 8 or m.bytes:byte(section.at) ~= 0
end

-- Each custom section behind the section that it follows; those between hints and code before
-- the code.
local function put_customs(m, out)
  local after, keep_names = "before first", not names.is_written_again(m.bytes, m.found,
    m.sections, m.lost)
  local hints_seen = false
  for _, section in ipairs(m.sections) do
    if section.id ~= 0 and not is_written(m, section) then
      hints_seen = hints_seen and section.id ~= 10
    elseif section.id ~= 0 then
      after, hints_seen = "after " .. SECTIONS[section.id], false
    elseif m.hints and section == m.hints.section then
      hints_seen = true
    elseif section ~= m.found.section or keep_names then
      if section.name ~= "name" or utf8.len(section.name) then
        line(out, custom_text(m, section, hints_seen and "before code" or after))
      end
    end
  end
end

---------------------------------------------------------------------------
-- Modules

local COUNTS = { func = "func", table = "table", memory = "memory", global = "global", tag = "tag" }

local function count_of(m, kind)
  if COUNTS[kind] then return m[kind].n end
  if kind == "type" then return m.ntypes end
  return #(kind == "elem" and m.elems or m.datas)
end

-- The names of each space. Types come first, since other sections' types refer to them.
local function open(bytes, options)
  local m = { bytes = bytes, sections = read.sections(bytes), offsets = options.offsets,
              signature = signature, names = {}, fields = {}, local_names = {}, lost = false }
  m.found = names.parse(bytes, m.sections)
  for _, kind in ipairs { "type", "func", "table", "memory", "global", "tag", "elem", "data" } do
    m.names[kind] = names.space(m.found.spaces[kind])
  end
  for _, entry in ipairs(m.found.locals) do m.local_names[entry[1]] = entry[2] end
  for _, entry in ipairs(m.found.fields) do m.fields[entry[1]] = entry[2] end
  function m.field_names(type)
    local space = m.fields[type]
    if not space or not space.bind then
      local def = m.types[type]
      space = names.space(space, def and def.form == "struct" and #def.fields or 0)
      m.lost = m.lost or space.lost
      m.fields[type] = space
    end
    return space
  end
  m.locals = names.space()
  function m.expression(_, s, i) return printcode.nodes(m, s, i) end
  read.module(m, bytes)
  m.first_func = m.func.n - #m.bodies
  for kind, list in pairs(m.found.spaces) do
    local last = list[#list]
    if last and last[1] >= count_of(m, kind) then m.lost = true end
  end
  for index in pairs(m.local_names) do
    if index < m.first_func or index >= m.func.n then m.lost = true end
  end
  for index in pairs(m.fields) do
    if not m.types[index] or m.types[index].form ~= "struct" then m.lost = true end
  end
  return m
end

local ORDER = { "type", "import", "table", "memory", "tag", "global", "export", "start", "elem",
                "code", "data" }

local function fields(m)
  local out = {}
  m.hints_lost = false
  for _, section in ipairs(ORDER) do put[section](m, out) end
  return out
end

--- A module as text.
---@param bytes string  of a valid module
---@param options? { offsets: boolean? }  offsets: where each instruction lies, as comments
---@return string
function print.module(bytes, options)
  local m = open(bytes, options or {})
  m.hints = parse_hints(m)
  local out = fields(m)
  if m.hints_lost then -- some belong to no branch
    m.hints = nil
    out = fields(m)
  end
  put_customs(m, out)
  local name = m.found.module and names.space({ { 0, m.found.module } }).bind[0] or ""
  return "(module" .. name .. concat(out) .. ")\n"
end

--- One function as text.
---@param bytes string
---@param which integer|string  its index, or its name or that of an export
---@param options? { offsets: boolean? }
---@return string? text
---@return string? why
function print.func(bytes, which, options)
  local m = open(bytes, options or {})
  local index = which
  if type(which) == "string" then
    index = nil
    for _, entry in ipairs(m.found.spaces.func or {}) do
      if entry[2] == which then index = index or entry[1] end
    end
    for _, e in ipairs(m.exports) do
      if e.kind == "func" and e.name == which then index = index or e.index end
    end
  end
  local entry = index and m.func[index]
  if not entry then return nil, "there is no such function" end
  if entry.imported then return nil, "it is imported" end
  local out = {}
  m.hints = parse_hints(m)
  func_lines(m, out, entry, 1)
  return concat(out) .. "\n"
end

--- The operators of a function by their offsets in the module.
---@param bytes string
---@param index integer  of a function with a body
---@return table<integer, string>
function print.operators(bytes, index)
  local m = open(bytes, {})
  m.listed = {}
  func_lines(m, {}, m.func[index], 1)
  return m.listed
end


local function misuse(message, ...)
  require "wasm.core".misuse(message:format(...))
end

local function check_arguments(which, options)
  local kind = math.type(which) or type(which)
  if which ~= nil and kind ~= "integer" and kind ~= "string" then
    misuse("bad argument #1 to 'wat' (function name or index expected, got %s)", kind)
  end
  require "wasm.core".check_options(options, 2, "wat", { "offsets" })
  local offsets = options and options.offsets
  if offsets ~= nil and type(offsets) ~= "boolean" then
    misuse("option 'offsets': boolean expected, got %s", type(offsets))
  end
end

--- mod:wat([which [, options]])
function print.method(module, which, options)
  check_arguments(which, options)
  local bytes = module:bytes()
  if which == nil then return print.module(bytes, options) end
  local text, why = print.func(bytes, which, options)
  if not text then misuse("no text of function '%s': %s", which, why) end
  return text
end

return print

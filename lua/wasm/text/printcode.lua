-- printcode.lua -- instructions of the binary format as folded text.
--
-- One pass over the bytes builds a tree: an instruction takes in the nodes before it as its
-- operands when each of them is complete and gives just one value; blocks hold their bodies. The
-- order of instructions never changes, so the text assembles to the same bytes whatever was
-- folded. Blocks may nest as deep as they like: what is open lies in a list, and so does what is
-- still to be printed.
-- Invariants: a node that fits a line is made into one string at once; operands nest at most
-- FOLD_DEPTH deep. Everything is linear in the size of the code.
-- Not for: the module around it (print.lua).

local read = require "wasm.text.read"

local printcode = {}

local byte, format, rep, unpack = string.byte, string.format, string.rep, string.unpack
local concat = table.concat
local u = read.u

local WIDTH = 72      -- of what is written in one line
local FOLD_DEPTH = 40
local DEEPEST = 30    -- levels of indentation

---------------------------------------------------------------------------
-- Operators by code

local by_code

-- Operands and results of what has no signature in the table; functions for those that depend
-- on immediates. No results: nil, when nothing may take the instruction in.
local ARITY = {
  ["local.get"] = { 0, 1 }, ["local.set"] = { 1, 0 }, ["local.tee"] = { 1, 1 },
  ["global.get"] = { 0, 1 }, ["global.set"] = { 1, 0 }, ["table.get"] = { 1, 1 },
  ["table.set"] = { 2, 0 }, ["table.size"] = { 0, 1 }, ["table.grow"] = { 2, 1 },
  ["table.fill"] = { 3, 0 }, ["table.copy"] = { 3, 0 }, ["table.init"] = { 3, 0 },
  ["memory.copy"] = { 3, 0 }, ["memory.init"] = { 3, 0 }, ["memory.fill"] = { 3, 0 },
  drop = { 1, 0 }, select = { 3, 1 }, br_if = { 1 }, br_table = { 1 },
  ["ref.null"] = { 0, 1 }, ["ref.is_null"] = { 1, 1 }, ["ref.func"] = { 0, 1 },
  ["ref.eq"] = { 2, 1 }, ["ref.as_non_null"] = { 1, 1 }, br_on_null = { 1 },
  br_on_non_null = { 1 }, br_on_cast = { 1 }, br_on_cast_fail = { 1 }, throw_ref = { 1 },
  ["ref.test"] = { 1, 1 }, ["ref.cast"] = { 1, 1 }, ["ref.i31"] = { 1, 1 },
  ["i31.get_s"] = { 1, 1 }, ["i31.get_u"] = { 1, 1 }, ["any.convert_extern"] = { 1, 1 },
  ["extern.convert_any"] = { 1, 1 }, ["struct.new_default"] = { 0, 1 },
  ["struct.get"] = { 1, 1 }, ["struct.get_s"] = { 1, 1 }, ["struct.get_u"] = { 1, 1 },
  ["struct.set"] = { 2, 0 }, ["array.new"] = { 2, 1 }, ["array.new_default"] = { 1, 1 },
  ["array.new_data"] = { 2, 1 }, ["array.new_elem"] = { 2, 1 }, ["array.get"] = { 2, 1 },
  ["array.get_s"] = { 2, 1 }, ["array.get_u"] = { 2, 1 }, ["array.set"] = { 3, 0 },
  ["array.len"] = { 1, 1 }, ["array.fill"] = { 4, 0 }, ["array.copy"] = { 5, 0 },
  ["array.init_data"] = { 4, 0 }, ["array.init_elem"] = { 4, 0 },
}

local function arity_of(entry)
  local pops, pushes = entry.sig:match("^(%l+)_(%l+)$")
  if not pops then return ARITY[entry.text] end
  return { pops == "n" and 0 or #pops, pushes == "n" and 0 or #pushes }
end

local function operators()
  if by_code then return by_code end
  local plain, prefixed, casts = {}, {}, {}
  for _, entry in ipairs(require "wasm.core".opcodes()) do
    local code, arity = entry.code, arity_of(entry) or {}
    local op = { text = entry.text, imm = entry.imm:lower(), pops = arity[1], pushes = arity[2] }
    op.natural = tonumber(op.imm:match("^[ml](%d)$"))
    if op.imm == "cast" then -- of two rows the second one is for (ref null ..)
      op.nullable = casts[op.text]
      casts[op.text] = true
    end
    if code < 0x10000 then
      plain[code] = op
    else
      prefixed[code >> 16] = prefixed[code >> 16] or {}
      prefixed[code >> 16][code & 0xffff] = op
    end
  end
  by_code = { plain = plain, prefixed = prefixed }
  return by_code
end

---------------------------------------------------------------------------
-- Immediates: (m, s, i, op) -> text, i; and what the arity depends on

local immediates = {}

local function index(kind)
  return function(m, s, i)
    local n
    n, i = u(s, i)
    return m.names[kind][n], i, n
  end
end

immediates["local"] = function(m, s, i)
  local n
  n, i = u(s, i)
  return m.locals[n], i
end
immediates.func, immediates.type = index "func", index "type"
immediates.global, immediates.tag = index "global", index "tag"
immediates.elem = index "elem"
immediates.catch = immediates.tag

-- Instructions that name a data segment are why there is a data count.
local function data_index(m, s, i)
  m.uses_data = true
  return u(s, i)
end

function immediates.data(m, s, i)
  local n
  n, i = data_index(m, s, i)
  return m.names.data[n], i
end

-- An index that need not be written when it is 0.
local function optional(kind)
  return function(m, s, i)
    local n
    n, i = u(s, i)
    return n ~= 0 and m.names[kind][n] or "", i
  end
end
immediates.table, immediates.mem = optional "table", optional "memory"

local function copy(kind)
  return function(m, s, i)
    local to, from
    to, i = u(s, i)
    from, i = u(s, i)
    if to == 0 and from == 0 then return "", i end
    return m.names[kind][to] .. " " .. m.names[kind][from], i
  end
end
immediates.mem_copy, immediates.table_copy = copy "memory", copy "table"

local function init(kind, segment_kind)
  local read_segment = segment_kind == "data" and data_index or function(_, s, i) return u(s, i) end
  return function(m, s, i)
    local segment, target
    segment, i = read_segment(m, s, i)
    target, i = u(s, i)
    local text = m.names[segment_kind][segment]
    return target == 0 and text or m.names[kind][target] .. " " .. text, i
  end
end
immediates.mem_init, immediates.table_init = init("memory", "data"), init("table", "elem")

local function type_and(kind)
  local read_other = kind == "data" and data_index or function(_, s, i) return u(s, i) end
  return function(m, s, i)
    local type, other
    type, i = u(s, i)
    other, i = read_other(m, s, i)
    return m.names.type[type] .. " " .. m.names[kind][other], i
  end
end
immediates.type_type, immediates.array_data = type_and "type", type_and "data"
immediates.array_elem = type_and "elem"

function immediates.array_n(m, s, i)
  local type, n
  type, i = u(s, i)
  n, i = u(s, i)
  return m.names.type[type] .. " " .. n, i, n
end

function immediates.field(m, s, i)
  local type, field
  type, i = u(s, i)
  field, i = u(s, i)
  return m.names.type[type] .. " " .. m.field_names(type)[field], i
end

function immediates.label(_, s, i)
  local n
  n, i = u(s, i)
  return format("%d", n), i
end
immediates.rethrow, immediates.delegate = immediates.label, immediates.label

function immediates.labels(_, s, i)
  local words = {}
  local n
  n, i = u(s, i)
  for k = 1, n + 1 do words[k], i = u(s, i) end
  return concat(words, " "), i
end

function immediates.i32(_, s, i)
  local n
  n, i = read.s(s, i)
  return format("%d", n), i
end
immediates.i64 = immediates.i32

local FLOATS = {
  [32] = { bits = "<I4", value = "<f", sign = 31, mantissa = 23, digits = { 6, 7, 8, 9 } },
  [64] = { bits = "<i8", value = "<d", sign = 63, mantissa = 52, digits = { 15, 16, 17 } },
}

-- The shortest decimal that is read as these very bits; NaNs with their payload.
local function float(s, i, width)
  local f = FLOATS[width]
  local bits, value = unpack(f.bits, s, i), unpack(f.value, s, i)
  local sign = bits >> f.sign & 1 == 1 and "-" or ""
  if value ~= value then
    local payload = bits & (1 << f.mantissa) - 1
    if payload == 1 << f.mantissa - 1 then return sign .. "nan" end
    return format("%snan:0x%x", sign, payload)
  end
  if value == 0 then return sign .. "0" end
  if value == math.huge or value == -math.huge then return sign .. "inf" end
  for _, digits in ipairs(f.digits) do
    local text = format("%." .. digits .. "g", value)
    if tonumber(text) and string.pack(f.value, tonumber(text)) == s:sub(i, i + width // 8 - 1) then
      return text
    end
  end
  return format("%a", value)
end

function immediates.f32(_, s, i) return float(s, i, 32), i + 4 end
function immediates.f64(_, s, i) return float(s, i, 64), i + 8 end

function immediates.v128(_, s, i)
  return format("i32x4 0x%08x 0x%08x 0x%08x 0x%08x", unpack("<I4I4I4I4", s, i)), i + 16
end

function immediates.lane(_, s, i) return format("%d", byte(s, i)), i + 1 end

function immediates.lanes16(_, s, i)
  return concat({ byte(s, i, i + 15) }, " "), i + 16
end

local function memarg(m, s, i, op)
  local flags, memory, offset
  flags, i = u(s, i)
  memory = 0
  if flags & 0x40 ~= 0 then memory, i = u(s, i) end
  offset, i = u(s, i)
  local words = {}
  if memory ~= 0 then words[1] = m.names.memory[memory] end
  if offset ~= 0 then
    words[#words + 1] = format(offset < 0 and "offset=0x%x" or "offset=%d", offset)
  end
  local align = flags & 0x3f
  if align ~= op.natural then words[#words + 1] = format("align=%d", 1 << align) end
  return concat(words, " "), i
end

local function memarg_lane(m, s, i, op)
  local text, after = memarg(m, s, i, op)
  return (text == "" and "" or text .. " ") .. byte(s, after), after + 1
end
for n = 0, 4 do
  immediates["m" .. n], immediates["l" .. n] = memarg, memarg_lane
end

function immediates.fence(_, _, i) return "", i + 1 end

function immediates.call_indirect(m, s, i)
  local type, target
  type, i = u(s, i)
  target, i = u(s, i)
  local text = "(type " .. m.names.type[type] .. ")"
  return target == 0 and text or m.names.table[target] .. " " .. text, i, type
end

function immediates.select_t(m, s, i)
  local types
  types, i = read.vector(s, i, read.type, m.names)
  return "(result " .. concat(types, " ") .. ")", i
end

function immediates.heap(m, s, i) return read.heap(s, i, m.names) end

local function reference(m, s, i, nullable)
  local heap
  heap, i = read.heap(s, i, m.names)
  return (nullable and "(ref null " or "(ref ") .. heap .. ")", i
end

function immediates.cast(m, s, i, op)
  return reference(m, s, i, op.nullable)
end

function immediates.br_cast(m, s, i)
  local flags = byte(s, i)
  local label, from, to
  label, i = u(s, i + 1)
  from, i = reference(m, s, i, flags & 1 ~= 0)
  to, i = reference(m, s, i, flags & 2 ~= 0)
  return format("%d %s %s", label, from, to), i
end

---------------------------------------------------------------------------
-- Blocks

-- A block type: text, number of parameters, number of results.
local function block_type(m, s, i)
  local b = byte(s, i)
  if b == 0x40 then return "", i + 1, 0, 0 end
  if b & 0xc0 == 0x40 then
    local type
    type, i = read.type(s, i, m.names)
    return " (result " .. type .. ")", i, 0, 1
  end
  local type
  type, i = read.s(s, i)
  local def = m.types[type]
  return " (type " .. m.names.type[type] .. ")" .. m.signature(def), i, #def.params, #def.results
end

local CATCHES = { [0] = "catch", "catch_ref", "catch_all", "catch_all_ref" }

local function catch_clause(s, i, m)
  local kind, tag = byte(s, i), ""
  local label
  i = i + 1
  if kind < 2 then
    tag, i = u(s, i)
    tag = " " .. m.names.tag[tag]
  end
  label, i = u(s, i)
  return format(" (%s%s %d)", CATCHES[kind], tag, label), i
end

---------------------------------------------------------------------------
-- The tree

-- How many values an instruction takes and gives, where its immediates say.
local function counts(m, op, extra)
  local text = op.text
  if text == "call" or text == "return_call" then
    local def = m.types[m.func[extra].type]
    return #def.params, text == "call" and #def.results or nil
  elseif text == "call_indirect" or text == "return_call_indirect" or text == "call_ref"
    or text == "return_call_ref" then
    local def = m.types[extra]
    return #def.params + 1, text:find("^return") == nil and #def.results or nil
  elseif text == "struct.new" then
    return #m.types[extra].fields, 1
  elseif text == "array.new_fixed" then
    return extra, 1
  elseif text == "throw" then
    return #m.types[m.tag[extra].type].params, nil
  end
  return op.pops or 0, op.pushes
end

-- The last n nodes of a sequence if each is complete and gives one value.
local function take_operands(seq, n)
  if n == 0 then return nil, true end
  local first = #seq - n + 1
  if first < 1 then return nil, false end
  for k = first, #seq do
    if not seq[k].single or seq[k].depth >= FOLD_DEPTH then return nil, false end
  end
  local kids = table.move(seq, first, #seq, 1, {})
  for k = #seq, first, -1 do seq[k] = nil end
  return kids, true
end

-- A node in one line, if it is short.
local function flatten(node)
  local size = #node.head + 2
  for _, kid in ipairs(node.kids or {}) do
    if not kid.flat then return end
    size = size + #kid.flat + 3
  end
  if size > WIDTH or node.hint then return end
  local words = { node.head }
  for k, kid in ipairs(node.kids or {}) do
    words[k + 1] = kid.kids and kid.flat or "(" .. kid.flat .. ")"
  end
  node.flat = node.kids and "(" .. concat(words, " ") .. ")" or node.head
end

local function depth_of(kids)
  local depth = 0
  for _, kid in ipairs(kids or {}) do depth = math.max(depth, kid.depth + 1) end
  return depth
end

local function where(b, at)
  return b.m.offsets and format(" (;@%x;)", at - 1) or ""
end

local function add(b, node)
  b.seq[#b.seq + 1] = node
end

-- Parts of blocks: a word that opens a clause, and the clause's sequence.
local function open_part(b, frame, word)
  local part = { word = word, seq = {} }
  frame.node.parts[#frame.node.parts + 1] = part
  b.seq = part.seq
end

local function open(b, node, op, first, results)
  node.parts = {}
  local frame = { node = node, outer = b.seq, op = op.text, results = results }
  add(b, node)
  b.stack[#b.stack + 1] = frame
  open_part(b, frame, first)
end

local function close(b)
  local frame = table.remove(b.stack)
  local node, parts = frame.node, frame.node.parts
  b.seq = frame.outer
  if frame.op == "if" and parts[2] and #parts[2].seq == 0 then parts[2] = nil end
  if b.seq then
    local depth = node.kids and depth_of(node.kids) or 0
    for _, part in ipairs(parts) do
      for _, each in ipairs(part.seq) do depth = math.max(depth, each.depth + 1) end
    end
    node.depth = depth
    node.single = frame.results == 1
  end
end

local FIRST = { ["if"] = "then", try = "do" }

local function block(b, op, at, i)
  local m, s = b.m, b.s
  local type, nparams, nresults
  type, i, nparams, nresults = block_type(m, s, i)
  local node = { head = op.text .. where(b, at) .. type, depth = 0 }
  if m.listed then m.listed[at - 1] = node.head end
  if op.imm == "try_table" then
    local clauses
    clauses, i = read.vector(s, i, catch_clause, m)
    node.head = node.head .. concat(clauses)
  end
  if op.text == "if" then
    node.hint = b.hint
    node.kids = take_operands(b.seq, 1)
  end
  open(b, node, op, FIRST[op.text], nparams == 0 and nresults or nil)
  return i
end

-- Words that go on with a block, or end it: the next index, and whether the code is done.
local function delimiter(b, op, i)
  local frame = b.stack[#b.stack]
  local text = op.text
  if text == "end" then
    if not frame then return i, true end
    close(b)
  elseif text == "else" then
    open_part(b, frame, "else")
  elseif text == "delegate" then
    local label
    label, i = immediates.label(b.m, b.s, i)
    frame.node.parts[#frame.node.parts + 1] = { word = "delegate " .. label, seq = {} }
    close(b)
  elseif text == "catch" then
    local tag
    tag, i = immediates.tag(b.m, b.s, i)
    open_part(b, frame, "catch " .. tag)
  else
    open_part(b, frame, "catch_all")
  end
  return i, false
end

local DELIMITERS = { ["end"] = true, ["else"] = true, delegate = true, catch = true,
                     catch_all = true }
local BLOCKS = { block = true, try_table = true }

local function instruction(b, op, at, i)
  local m, text, extra = b.m, "", nil
  local reader = immediates[op.imm]
  if reader then text, i, extra = reader(m, b.s, i, op) end
  local pops, pushes = counts(m, op, extra)
  local kids, complete = take_operands(b.seq, pops)
  local node = { head = op.text .. (text == "" and "" or " " .. text) .. where(b, at),
                 kids = kids, depth = depth_of(kids), hint = b.hint }
  if m.listed then m.listed[at - 1] = node.head end
  node.single = complete and pushes == 1
  flatten(node)
  add(b, node)
  return i
end

local function operator_at(s, i)
  local list = operators()
  local code = byte(s, i)
  local op = list.plain[code]
  if op then return op, i + 1 end
  local number
  number, i = u(s, i + 1)
  return list.prefixed[code][number], i
end

--- The nodes of an expression that ends with `end`, and the index behind it.
---@param m table       the module (read.lua), with `locals` of the function
---@param s string
---@param i integer
---@param hints? table<integer, string>  branch hints by index; those that are met are removed
function printcode.nodes(m, s, i, hints)
  local b = { m = m, s = s, seq = {}, stack = {} }
  local done = false
  repeat
    local at = i
    local op
    op, i = operator_at(s, i)
    if m.listed then m.listed[at - 1] = op.text end
    b.hint = hints and (op.text == "if" or op.text == "br_if") and hints[at] or nil
    if b.hint then hints[at] = nil end
    if DELIMITERS[op.text] then
      i, done = delimiter(b, op, i)
    elseif BLOCKS[op.imm] then
      i = block(b, op, at, i)
    else
      i = instruction(b, op, at, i)
    end
  until done
  return b.seq, i
end

---------------------------------------------------------------------------
-- Lines

local INDENTS = {}
for n = 0, DEEPEST do INDENTS[n] = "\n" .. rep("  ", n) end

local function indent(n)
  return INDENTS[n < DEEPEST and n or DEEPEST]
end

local function push_all(todo, list, level)
  for k = #list, 1, -1 do todo[#todo + 1] = { list[k], level } end
end

-- The parts of a block, last one first.
local function push_parts(todo, node, level)
  for k = #node.parts, 1, -1 do
    local part = node.parts[k]
    if part.word then todo[#todo + 1] = ")" end
    push_all(todo, part.seq, part.word and level + 2 or level + 1)
    if part.word then todo[#todo + 1] = indent(level + 1) .. "(" .. part.word end
  end
end

-- The head of an `if` with its condition, where both fit in a line.
local function short_condition(node)
  local kid = node.parts and node.kids and node.kids[1].flat
  if not kid or #node.head + #kid > WIDTH then return nil end
  return format(node.kids[1].kids and "(%s %s" or "(%s (%s)", node.head, kid)
end

--- Append nodes to `out`, each in lines of its own.
---@param out string[]
---@param nodes table[]
---@param level integer  of indentation
function printcode.lines(out, nodes, level)
  local todo = {}
  push_all(todo, nodes, level)
  while #todo > 0 do
    local task = table.remove(todo)
    if type(task) == "string" then
      out[#out + 1] = task
    else
      local node, at = task[1], task[2]
      if node.hint then
        out[#out + 1] = format("%s(@metadata.code.branch_hint %s)", indent(at),
          read.quoted(node.hint))
      end
      out[#out + 1] = indent(at)
      if node.flat then
        out[#out + 1] = task[3] and not node.kids and "(" .. node.flat .. ")" or node.flat
      elseif not node.kids and not node.parts then
        out[#out + 1] = task[3] and "(" .. node.head .. ")" or node.head
      else
        local kids, condition = node.kids or {}, short_condition(node)
        out[#out + 1] = condition or "(" .. node.head
        todo[#todo + 1] = ")"
        if node.parts then push_parts(todo, node, at) end
        for k = condition and 0 or #kids, 1, -1 do todo[#todo + 1] = { kids[k], at + 1, true } end
      end
    end
  end
end

--- One constant expression in a line.
function printcode.inline(nodes)
  local out = {}
  for k, node in ipairs(nodes) do
    local lines = {}
    if node.flat then
      lines[1] = node.kids and node.flat or "(" .. node.flat .. ")"
    else
      printcode.lines(lines, { node }, 0)
      if not node.kids then lines = { "(", concat(lines), ")" } end
    end
    out[k] = concat(lines):gsub("\n *", " "):gsub("^ ", "")
  end
  return concat(out, " ")
end

return printcode

-- immediates.lua -- what follows an operator: one reader per kind of immediates.
--
-- The kinds are those of the column `imm` of ops.def. A reader is called with the parser,
-- the index of the token after the operator and the operator's row, and returns the bytes
-- of the whole instruction and the next index. Where the text order differs from the
-- binary order (table.init, memory.init ...) it is turned here.
-- Invariants: optional indices default to 0; a reader consumes no token it does not use.
-- Not for: blocks, whose bodies follow (code.lua).

local leb = require "wasm.text.leb"
local numbers = require "wasm.text.numbers"
local parser = require "wasm.text.parser"
local types = require "wasm.text.types"

local immediates = {}

local byte, char, find, pack, sub = string.byte, string.char, string.find, string.pack,
  string.sub
local unsigned, signed = leb.unsigned, leb.signed
local fail, unexpected = parser.fail, parser.unexpected
local at_index, opens = parser.at_index, parser.opens

---------------------------------------------------------------------------
-- Indices

local function local_(p, i, op)
  local index = p.locals.names[p.tok[i]]
  if index then return op.bytes .. unsigned(index), i + 1 end
  index, i = parser.lookup(p, p.locals, "local", i)
  return op.bytes .. unsigned(index), i
end
immediates["local"] = local_

local function one_index(kind)
  return function(p, i, op)
    local index
    index, i = parser.index(p, i, kind)
    return op.bytes .. unsigned(index), i
  end
end

immediates.func = one_index("func")
immediates.type = one_index("type")
immediates.global = one_index("global")
immediates.tag = one_index("tag")
immediates.elem = one_index("elem")

-- An index that may be left out.
local function optional(p, i, kind)
  if at_index(p, i) then return parser.index(p, i, kind) end
  return 0, i
end

local function optional_index(kind)
  return function(p, i, op)
    local index
    index, i = optional(p, i, kind)
    return op.bytes .. unsigned(index), i
  end
end

immediates.table = optional_index("table")
immediates.mem = optional_index("memory")

function immediates.data(p, i, op)
  local index
  index, i = parser.index(p, i, "data")
  p.uses_data = true
  return op.bytes .. unsigned(index), i
end

-- Destination and source, both or neither.
local function copy(kind)
  return function(p, i, op)
    if not at_index(p, i) then return op.bytes .. "\0\0", i end
    local to, from
    to, i = parser.index(p, i, kind)
    from, i = parser.index(p, i, kind)
    return op.bytes .. unsigned(to) .. unsigned(from), i
  end
end

immediates.mem_copy = copy("memory")
immediates.table_copy = copy("table")

-- An optional table or memory, then a segment; the binary format has the segment first.
local function init(kind, segment_kind)
  return function(p, i, op)
    local target = 0
    if at_index(p, i) and at_index(p, i + 1) then target, i = parser.index(p, i, kind) end
    local segment
    segment, i = parser.index(p, i, segment_kind)
    if segment_kind == "data" then p.uses_data = true end
    return op.bytes .. unsigned(segment) .. unsigned(target), i
  end
end

immediates.table_init = init("table", "elem")
immediates.mem_init = init("memory", "data")

-- A type, then another index.
local function type_and(kind)
  return function(p, i, op)
    local index, other
    index, i = parser.index(p, i, "type")
    other, i = parser.index(p, i, kind)
    if kind == "data" then p.uses_data = true end
    return op.bytes .. unsigned(index) .. unsigned(other), i
  end
end

immediates.type_type = type_and("type")
immediates.array_data = type_and("data")
immediates.array_elem = type_and("elem")

function immediates.array_n(p, i, op)
  local index, n
  index, i = parser.index(p, i, "type")
  n, i = parser.nat(p, i, 32)
  return op.bytes .. unsigned(index) .. unsigned(n), i
end

function immediates.field(p, i, op)
  local index, number
  index, i = parser.index(p, i, "type")
  local def = p.types[index]
  number, i = parser.lookup(p, def and def.fields or parser.space(), "field", i)
  return op.bytes .. unsigned(index) .. unsigned(number), i
end

---------------------------------------------------------------------------
-- Labels

local function label(p, i)
  local t = p.tok[i]
  local depth = p.labels[t]
  if depth then return unsigned(p.depth - depth), i + 1 end
  if byte(t) == 36 then fail(p, i, "unknown label " .. t) end
  local index
  index, i = parser.nat(p, i, 32)
  return unsigned(index), i
end
immediates.read_label = label

function immediates.label(p, i, op)
  local index
  index, i = label(p, i)
  return op.bytes .. index, i
end

immediates.rethrow = immediates.label
immediates.delegate = immediates.label
immediates.catch = immediates.tag

-- br_table: all labels but the last form the vector.
function immediates.labels(p, i, op)
  local list = {}
  repeat list[#list + 1], i = label(p, i) until not at_index(p, i)
  local default = table.remove(list)
  return op.bytes .. leb.vector(list) .. default, i
end

---------------------------------------------------------------------------
-- Constants

local function number(read, bits, encode)
  return function(p, i, op)
    local word = p.tok[i]
    local value, message = read(word, bits)
    if not value then
      if not message and not numbers.is_number(word) then unexpected(p, i) end
      fail(p, i, "constant out of range")
    end
    return op.bytes .. encode(value), i + 1
  end
end

immediates.i32 = number(numbers.int, 32, function(v)
  return signed(v < 0x80000000 and v or v - 0x100000000)
end)
immediates.i64 = number(numbers.int, 64, signed)
immediates.f32 = number(numbers.float, 32, function(v) return pack("<I4", v) end)
immediates.f64 = number(numbers.float, 64, function(v) return pack("<i8", v) end)

local SHAPES = {
  i8x16 = { 16, 8, numbers.int, "<I1" }, i16x8 = { 8, 16, numbers.int, "<I2" },
  i32x4 = { 4, 32, numbers.int, "<I4" }, i64x2 = { 2, 64, numbers.int, "<i8" },
  f32x4 = { 4, 32, numbers.float, "<I4" }, f64x2 = { 2, 64, numbers.float, "<i8" },
}
immediates.SHAPES = SHAPES

-- A shape and its lanes as 16 bytes.
local function vector(p, i)
  local shape = SHAPES[p.tok[i]]
  if not shape then unexpected(p, i) end
  local count, bits, read, format = table.unpack(shape)
  local lanes, start = {}, i + 1
  i = start
  while true do
    local word = p.tok[i]
    local c = byte(word)
    if not c or c == 40 or c == 41 then break end
    local value, message = read(word, bits)
    if not value and not message and not numbers.is_number(word) then
      if #lanes == count then break end
      unexpected(p, i)
    end
    lanes[#lanes + 1] = value or false
    i = i + 1
  end
  if #lanes ~= count then fail(p, start - 1, "wrong number of lane literals") end
  local bytes = {}
  for k, value in ipairs(lanes) do
    if not value then fail(p, start + k - 1, "constant out of range") end
    bytes[k] = pack(format, value)
  end
  return table.concat(bytes), i
end

function immediates.v128(p, i, op)
  local bytes
  bytes, i = vector(p, i)
  return op.bytes .. bytes, i
end

local function lane_index(p, i)
  local value
  value, i = parser.nat(p, i, 8, "i8 constant out of range")
  return char(value), i
end

function immediates.lane(p, i, op)
  local index
  index, i = lane_index(p, i)
  return op.bytes .. index, i
end

-- Any literals count as lanes; only then must each be small and whole.
function immediates.lanes16(p, i, op)
  local lanes, start = {}, i
  while numbers.is_number(p.tok[i]) do i = i + 1 end
  if i - start ~= 16 then fail(p, start, "invalid lane length") end
  for k = 1, 16 do
    local value = numbers.nat(p.tok[start + k - 1])
    if not value or value < 0 or value > 255 then
      fail(p, start + k - 1, "i8 constant out of range")
    end
    lanes[k] = char(value)
  end
  return op.bytes .. table.concat(lanes), i
end

---------------------------------------------------------------------------
-- Memory

local MEMORY_FLAG = 0x40

-- "offset=n"; faults like any other unknown word when n is no number.
local function offset(p, i)
  local word = p.tok[i]
  if not find(word, "^offset=") then return 0, i end
  local n = numbers.nat(sub(word, 8))
  if n == nil then unexpected(p, i) end
  if not n then fail(p, i, "i64 constant out of range") end
  return n, i + 1
end

-- "align=n" as its binary logarithm.
local function alignment(p, i, natural)
  local word = p.tok[i]
  if not find(word, "^align=") then return natural, i end
  local n = numbers.nat(sub(word, 7))
  if n == nil then unexpected(p, i) end
  if not n or n == 0 or n & (n - 1) ~= 0 then
    fail(p, i, "alignment must be a power of two")
  end
  local exponent = 0
  while n ~= 1 do n, exponent = n >> 1, exponent + 1 end
  return exponent, i + 1
end

-- What comes after the memory index: bytes of the memarg and the next index.
local function memarg_rest(p, i, op, memory)
  local off, align
  if byte(p.tok[i]) == 40 then -- the common case: nothing is written
    off, align = 0, op.alignment
  else
    off, i = offset(p, i)
    align, i = alignment(p, i, op.alignment)
  end
  if memory == 0 then return char(align) .. unsigned(off), i end
  return char(align | MEMORY_FLAG) .. unsigned(memory) .. unsigned(off), i
end

local function memarg(p, i, op)
  local memory, bytes
  memory, i = optional(p, i, "memory")
  bytes, i = memarg_rest(p, i, op, memory)
  return op.bytes .. bytes, i
end

-- A lone number is the lane; a memory index is told by what follows it.
local function memarg_lane(p, i, op)
  local memory = 0
  if at_index(p, i) then
    local following = p.tok[i + 1]
    if at_index(p, i + 1) or find(following, "^offset=") or find(following, "^align=") then
      memory, i = parser.index(p, i, "memory")
    end
  end
  local bytes, after = memarg_rest(p, i, op, memory)
  local lane
  lane, i = lane_index(p, after)
  return op.bytes .. bytes .. lane, i
end

for n = 0, 4 do
  immediates["m" .. n] = memarg
  immediates["l" .. n] = memarg_lane
end

function immediates.fence(_, i, op)
  return op.bytes .. "\0", i
end

---------------------------------------------------------------------------
-- Types and references

function immediates.call_indirect(p, i, op)
  local index, typeidx, _
  index, i = optional(p, i, "table")
  typeidx, _, i = types.use(p, i)
  return op.bytes .. unsigned(typeidx) .. unsigned(index), i
end

function immediates.select(p, i, op)
  if not opens(p, i, "result") then return op.bytes, i end
  local results = {}
  i = types.results(p, i, results)
  return op.typed.bytes .. leb.vector(results), i
end
immediates.select_t = immediates.select

function immediates.heap(p, i, op)
  local heap
  heap, i = types.heap(p, i)
  return op.bytes .. heap, i
end

function immediates.cast(p, i, op)
  local nullable, heap
  nullable, heap, i = types.ref_parts(p, i)
  return (nullable and op.nullable or op).bytes .. heap, i
end

function immediates.br_cast(p, i, op)
  local target, null1, heap1, null2, heap2
  target, i = label(p, i)
  null1, heap1, i = types.ref_parts(p, i)
  null2, heap2, i = types.ref_parts(p, i)
  local flags = char((null1 and 1 or 0) | (null2 and 2 or 0))
  return op.bytes .. flags .. target .. heap1 .. heap2, i
end

return immediates

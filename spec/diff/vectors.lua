--- Every vector operator in a number of surroundings: a module, its inputs, and what comes out.
-- The official suite tries each operator on many values but nearly always in the same two
-- registers. Here an operator meets operands that are the same, constant, still wanted afterwards,
-- spilled, or carried around a loop: what a sequence of several instructions can get wrong.
-- vectors.js plays the same module on V8; vectors_run.lua compares.
-- Each exported function reads a page of inputs (x y z, a scalar, 20 vectors more) and writes its
-- results behind them, since no vector can be passed to JavaScript.
local Random = require "spec.diff.random"
local opcodes = require "spec.support.opcodes"

local vectors = {}

vectors.INPUT = 512 -- bytes of inputs, and of results behind them
local SCALAR, MANY, NMANY, RESULT = 48, 64, 20, 512

--- Operators whose NaN may be any: what comes out is made 0 where it is NaN.
local FREE_NAN = {}
for word in ("add sub mul div sqrt min max ceil floor trunc nearest"):gmatch("%w+") do
  FREE_NAN["f32x4." .. word], FREE_NAN["f64x2." .. word] = true, true
end
FREE_NAN["f32x4.demote_f64x2_zero"], FREE_NAN["f64x2.promote_low_f32x4"] = true, true

local TYPES = { v = "v128", i = "i32", l = "i64", f = "f32", d = "f64" }
local LANES = { i8x16 = 16, i16x8 = 8, i32x4 = 4, i64x2 = 2, f32x4 = 4, f64x2 = 2 }

local function vector_constant(r)
  return ("(v128.const i64x2 0x%x 0x%x)"):format(r:bits(), r:bits())
end

local function immediate(op, r)
  local imm = op.imm:lower()
  if imm == "lane" then return " " .. r:below(LANES[op.text:match("^%w+")]) end
  if imm == "lanes16" then
    local lanes = {}
    for i = 1, 16 do lanes[i] = r:below(32) end
    return " " .. table.concat(lanes, " ")
  end
  local size = imm:match("^l(%d)$")
  if size then return (" offset=%d %d"):format(r:below(16), r:below(16 >> tonumber(size))) end
  if imm:match("^m%d$") then return (" offset=%d"):format(r:below(16)) end
  return ""
end

--- The operator applied to vectors taken from `from`, in order; scalars come from memory.
local function apply(op, from, r)
  local out, at, takes = {}, 0, op.sig:match("^(%w+)_")
  local writes = op.sig:match("_n$")
  for letter in takes:gmatch("%w") do
    if letter == "v" then
      at = at + 1
      out[#out + 1] = from[at]
    elseif letter == "a" then -- in the inputs, for stores among the results
      local address = ("(i32.and (i32.load (i32.const %d)) (i32.const 31))"):format(SCALAR)
      out[#out + 1] = writes and ("(i32.add (i32.const %d) %s)"):format(RESULT + 448 - 64, address)
        or address
    else
      out[#out + 1] = ("(%s.load (i32.const %d))"):format(TYPES[letter], SCALAR)
    end
  end
  local call = ("(%s%s %s)"):format(op.text, immediate(op, r), table.concat(out, " "))
  if not FREE_NAN[op.text] then return call end
  return ("(v128.and (local.tee $r %s) (%s.eq (local.get $r) (local.get $r)))"):format(call,
    op.text:match("^%w+"))
end

local function store(op, value, at)
  local type = TYPES[op.sig:match("_(%w)")]
  return type and ("(%s.store (i32.const %d) %s)"):format(type, at, value) or value
end

local function keep(name, at)
  return ("(v128.store (i32.const %d) (local.get $%s))"):format(at, name)
end

local function load(name, at)
  return ("(local.set $%s (v128.load (i32.const %d)))"):format(name, at)
end

local XYZ = load("x", 0) .. load("y", 16) .. load("z", 32)
local GET = { x = "(local.get $x)", y = "(local.get $y)", z = "(local.get $z)" }

local function get(names)
  local out = {}
  for i = 1, 3 do out[i] = GET[names:sub(i, i)] end
  return out
end

--- Registers: each operand used as `order` says; `later` are still wanted behind it.
local function in_registers(order, later)
  return function(op, r)
    local out = { XYZ, store(op, apply(op, get(order), r), RESULT) }
    local at = RESULT
    for name in later:gmatch("%w") do
      at = at + 16
      out[#out + 1] = keep(name, at)
    end
    return table.concat(out, "\n  ")
  end
end

local function with_constant(which)
  return function(op, r)
    local from = get("xyz")
    from[which] = vector_constant(r)
    return XYZ .. store(op, apply(op, from, r), RESULT)
  end
end

--- More vectors than registers, all of them wanted afterwards.
local function under_pressure(op, r)
  local out = {}
  for i = 1, NMANY do out[i] = load("m" .. i, MANY + 16 * (i - 1)) end
  local from = {}
  for k, i in ipairs(r:sample({ 1, 2, 3, 8, 15, 16, 17, 18, 19, 20 }, 3)) do
    from[k] = ("(local.get $m%d)"):format(i)
  end
  out[#out + 1] = store(op, apply(op, from, r), RESULT)
  for i = 1, NMANY do out[#out + 1] = keep("m" .. i, RESULT + 16 * i) end
  return table.concat(out, "\n  ")
end

--- The result is the first operand of the next round, the operands change places.
local function in_a_loop(op, r)
  if not op.sig:find("^v+%w?_v$") then return nil end
  return ([[%s
  (loop $l
    (local.set $t (local.get $y)) (local.set $y (local.get $x)) (local.set $x (local.get $t))
    (local.set $x %s)
    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5))))
  %s %s %s]]):format(XYZ, apply(op, get("xyz"), r), keep("x", RESULT), keep("y", RESULT + 16),
    keep("z", RESULT + 32))
end

--- Behind a call, which keeps no vector register.
local function behind_a_call(op, r)
  return XYZ .. "(call $nothing)" .. store(op, apply(op, get("yxz"), r), RESULT)
    .. keep("x", RESULT + 16) .. keep("y", RESULT + 32)
end

local SURROUNDINGS = {
  { "plain", in_registers("xyz", "") }, { "kept", in_registers("xyz", "xyz") },
  { "first", in_registers("xyz", "x") }, { "second", in_registers("xyz", "y") },
  { "third", in_registers("xyz", "z") }, { "turned", in_registers("zyx", "yz") },
  { "same", in_registers("xxx", "") }, { "samekept", in_registers("xxx", "x") },
  { "ends", in_registers("xyx", "") }, { "tail", in_registers("xyy", "x") },
  { "constant1", with_constant(1) }, { "constant2", with_constant(2) },
  { "constant3", with_constant(3) }, { "pressure", under_pressure }, { "loop", in_a_loop },
  { "call", behind_a_call },
}

local function locals()
  local out = { "(local $n i32) (local $x v128) (local $y v128) (local $z v128)"
    .. " (local $t v128) (local $r v128)" }
  for i = 1, NMANY do out[#out + 1] = ("(local $m%d v128)"):format(i) end
  return table.concat(out, " ")
end

--- The text of the module, and the names of what it exports. Relaxed operators may give
--- different results on different engines, so they are asked for apart.
---@param seed integer
---@param feature "simd"|"relaxed-simd"
function vectors.module(seed, feature)
  local r, names = Random.new(seed), {}
  local out = { "(module (memory (export \"memory\") 1) (func $nothing)" }
  local wanted = feature:upper():gsub("-", "_")
  for _, op in ipairs(opcodes.listing()) do
    for _, case in ipairs(op.feature == wanted and SURROUNDINGS or {}) do
      local body = op.sig ~= "n_v" and case[2](op, r)
      if body then
        names[#names + 1] = op.text .. ":" .. case[1]
        out[#out + 1] = ("(func (export %q) %s\n  %s)"):format(names[#names], locals(), body)
      end
    end
  end
  out[#out + 1] = ")"
  return table.concat(out, "\n"), names
end

-- Lanes that are at the edge of something, as 32 and as 64 bits.
local WORDS = { 0, 0x80000000, 1, 0xffffffff, 0x7fffffff, 0x80000001, 0x3f800000, 0xbf800000,
  0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7fa00001, 0x4f000000, 0x4effffff, 0x4f800000,
  0x4f7fffff, 0xcf000000, 0xcf000001, 0x00000001, 0x807fffff, 0x3f000000, 0x3fc00000, 0x40200000,
  0x7f7fffff, 0x80008000, 0x7fff7fff, 0x80808080, 0x7f7f7f7f, 0x00ff00ff, 0x01000100, 0xffff0001 }
local LONGS = { 0, 1, -1, math.mininteger, math.maxinteger, 0x3ff0000000000000,
  0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff4000000000001,
  0x41e0000000000000, 0x41dfffffffc00000, 0x41dfffffffe00000, 0xc1e0000000000000,
  0xc1e0000000200000, 0x41f0000000000000, 0x41efffffffe00000, 0x3fe0000000000000,
  0x3ff8000000000000, 0x4004000000000000, 0x7fefffffffffffff, 0x0000000000000001,
  0x8000000000000000, 0x00000000ffffffff, 0xffffffff00000000, 0x47efffffe0000000,
  0x47effffff0000000, 0x3690000000000000, 0x36a0000000000000, 0x38100000e0000000 }

local function vector(r)
  local kind = r:below(4)
  if kind == 0 then return string.pack("<i8i8", r:bits(), r:bits()) end
  if kind == 1 then return string.pack("<i8i8", r:pick(LONGS), r:pick(LONGS)) end
  if kind == 2 then
    return string.pack("<I4I4I4I4", r:pick(WORDS), r:pick(WORDS), r:pick(WORDS), r:pick(WORDS))
  end
  local bytes = {}
  for i = 1, 16 do
    bytes[i] = string.char(r:pick { 0, 1, 0x7f, 0x80, 0xff, 15, 16, r:below(256) })
  end
  return table.concat(bytes)
end

--- `rounds` pages of inputs, one behind the other.
function vectors.inputs(seed, rounds)
  local r, out = Random.new(seed ~ 0x5eed), {}
  for _ = 1, rounds do
    for _ = 1, vectors.INPUT // 16 do out[#out + 1] = vector(r) end
  end
  return table.concat(out)
end

--- What each function makes of each page: a hash for each function, over all pages.
---@param exports table  of an instance
---@return string[]      "name hash"
function vectors.play(exports, names, inputs)
  local size, out = vectors.INPUT, {}
  local memory, format = exports.memory, "<" .. ("I4"):rep(size // 4)
  local blank = ("\0"):rep(size)
  for i, name in ipairs(names) do
    local f, h = exports[name], 0x811c9dc5
    for at = 1, #inputs, size do
      memory:write(0, inputs:sub(at, at + size - 1) .. blank)
      f()
      local words = { string.unpack(format, memory:read(RESULT, size)) }
      for k = 1, size // 4 do h = ((h ~ words[k]) * 0x01000193) & 0xffffffff end
    end
    out[i] = ("%s %08x"):format(name, h)
  end
  return out
end

return vectors

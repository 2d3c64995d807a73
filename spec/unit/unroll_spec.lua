--- Loops whose body is built several times behave as they are written: wherever they are left or
-- repeated, whatever goes round with them, and in whichever copy they trap.
local core = require "wasm.core"
local wasm = require "wasm"

local EFFORTS = { 1, 2 } -- against 0, which leaves loops as they are

--- The exports of a module at an effort.
local function exports(source, effort)
  local mod = assert(wasm.compile(source, { effort = effort, cache = false }))
  return assert(mod:instantiate()).exports
end

--- How often a loop's body is there: by the multiplications in it.
local function copies(source, func, effort)
  local text =
    assert(core.dump(assert(wasm.wat(source)), func or 0, "ir", { effort = effort or 1 }))
  return select(2, text:gsub("= mul%.", ""))
end

local function outcome(f, input)
  local got = table.pack(pcall(f, table.unpack(input)))
  if got[1] then return got end
  return { kind = got[2].kind, message = got[2].message, offset = got[2].offset }
end

local function same(source, name, inputs)
  local plain = exports(source, 0)
  for _, effort in ipairs(EFFORTS) do
    local unrolled = exports(source, effort)
    for _, input in ipairs(inputs) do
      assert.same(outcome(plain[name], input), outcome(unrolled[name], input))
    end
  end
end

local function counts(most)
  local list = {}
  for n = 1, most do list[n] = { n } end
  return list
end

local COUNTED = [[(module (func (export "f") (param $n i32) (result i32)
  (local $x i32)
  (loop $l
    (local.set $x (i32.add (i32.mul (local.get $x) (i32.const 3)) (local.get $n)))
    (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (local.get $x)))]]

describe("an unrolled loop", function()
  it("ends after any number of rounds", function()
    assert.equal(4, copies(COUNTED))
    same(COUNTED, "f", counts(13))
  end)

  it("carries parameters and results, and leaves by branches out", function()
    local source = [[(module (func (export "f") (param $n i32) (result i32 i64)
      (local $k i64)
      (block $out (result i32 i64)
        (i32.const 7) (i64.const 100)
        (loop $l (param i32 i64) (result i32 i64)
          (local.set $k)
          (i32.mul (i32.const 5))
          (local.get $k)
          (br_if $out (i32.eq (local.get $n) (i32.const 4)))
          (local.set $k (i64.add (i64.const 1)))
          (local.get $k)
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
          (local.set $k (i64.mul (i64.const -1)))
          (local.get $k)))))]]
    assert.truthy(copies(source) > 2)
    same(source, "f", counts(9))
  end)

  it("goes on from several places, by br_table too", function()
    local source = [[(module (func (export "f") (param $n i32) (result i32)
      (local $x i32)
      (block $out
        (loop $l
          (local.set $x (i32.mul (i32.add (local.get $x) (local.get $n)) (i32.const 3)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $l (i32.and (local.get $n) (i32.const 1)))
          (local.set $x (i32.xor (local.get $x) (i32.const 0x55)))
          (br_table $l $out $l (i32.eqz (local.get $n)))))
      (local.get $x)))]]
    assert.truthy(copies(source) > 1)
    same(source, "f", counts(12))
  end)

  it("need not be repeated, nor come to its end", function()
    same([[(module (func (export "f") (param $n i32) (result i32)
      (loop $l (result i32) (i32.mul (local.get $n) (i32.const 9)))))]], "f", { { 3 } })
    same([[(module (func (export "f") (param $n i32) (result i32)
      (loop $l
        (if (i32.lt_s (local.get $n) (i32.const 0)) (then (return (local.get $n))))
        (local.set $n (i32.sub (local.get $n) (i32.const 3)))
        (br $l))
      (unreachable)))]], "f", counts(9))
    same([[(module (func (export "f") (param $n i32) (result i32)
      (loop $l (drop (i32.mul (local.get $n) (i32.const 9))) (unreachable))
      (i32.const 1)))]], "f", { { 3 } })
  end)

  it("sets locals without a default value in each round anew", function()
    local source = [[(module
      (type $s (struct (field i32)))
      (func (export "f") (param $n i32) (result i32)
        (local $x i32) (local $r (ref $s))
        (loop $l
          (local.set $r (struct.new $s (i32.mul (local.get $n) (i32.const 3))))
          (local.set $x (i32.add (local.get $x) (struct.get $s 0 (local.get $r))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $x)))]]
    same(source, "f", counts(9))
  end)

  it("traps at the operator that is written, in whichever copy", function()
    local source = [[(module (memory 1) (func (export "f") (param $n i32) (result i32)
      (local $x i32)
      (loop $l
        (local.set $x (i32.mul (local.get $x) (i32.load offset=65500 (local.get $n))))
        (local.set $n (i32.add (local.get $n) (i32.const 8)))
        (br $l))
      (unreachable)))]]
    assert.equal(4, copies(source))
    local plain, unrolled = exports(source, 0), exports(source, 1)
    local offsets = {}
    for start = 0, 32, 8 do
      local _, want = pcall(plain.f, start)
      local _, got = pcall(unrolled.f, start)
      assert.equal("trap", got.kind)
      assert.equal(want.message, got.message)
      assert.equal(want.offset, got.offset)
      offsets[#offsets + 1] = assert(got.offset)
    end
    for _, offset in ipairs(offsets) do assert.equal(offsets[1], offset) end
  end)

  it("is not unrolled when it is large, calls, or has another in it", function()
    local big = {}
    for i = 1, 30 do
      big[i] = "(local.set $x (i32.mul (local.get $x) (local.get $n)))"
    end
    local function loop(body)
      return [[(module (func $g) (func (export "f") (param $n i32) (result i32) (local $x i32)
        (loop $l ]] .. body .. [[
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $x)))]]
    end
    local one = "(local.set $x (i32.mul (local.get $x) (local.get $n)))"
    assert.equal(4, copies(loop(one), 1))
    assert.equal(30, copies(loop(table.concat(big)), 1))
    assert.equal(60, copies(loop(table.concat(big)), 1, 2))
    assert.equal(1, copies(loop(one .. "(call $g)"), 1))
    assert.equal(1, copies(loop(one .. "(loop)"), 1))
    assert.equal(1, copies(loop(one .. "(try_table)"), 1))
  end)
end)

--- A limit of what one instance makes of objects: what it holds is its own, whoever else shares the
-- heap, and what lies beyond raises an error of kind "limit".
local core = require "wasm.core"
local wasm = require "wasm"

local MIB = 1 << 20

local mod = assert(wasm.compile [[(module
  (type $node (struct (field $next (mut (ref null $node))) (field i64 i64)))
  (type $bytes (array (mut i8)))
  (tag $t (param (ref null $node)))
  (table $keep (export "keep") 1 10000 anyref)
  (table $thrown 1 10000 exnref)
  (global $list (export "list") (mut (ref null $node)) (ref.null $node))
  (func (export "push") (param $n i32)
    (loop $again
      (global.set $list (struct.new $node (global.get $list) (i64.const 1) (i64.const 2)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "drop") (global.set $list (ref.null $node)))
  (func (export "churn") (param $n i32)
    (loop $again
      (drop (struct.new $node (ref.null $node) (i64.const 1) (i64.const 2)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "array") (param $size i32) (result (ref $bytes))
    (array.new_default $bytes (local.get $size)))
  (func (export "keep_array") (param $size i32) (param $at i32)
    (table.set $keep (local.get $at) (array.new_default $bytes (local.get $size))))
  (func (export "grow") (param $n i32)
    (drop (table.grow $keep (ref.null any) (local.get $n)))
    (drop (table.grow $thrown (ref.null exn) (local.get $n))))
  (func (export "throws") (param $n i32)
    (loop $again
      (table.set $thrown (local.get $n)
        (block $caught (result exnref)
          (try_table (catch_all_ref $caught) (throw $t (ref.null $node)))
          unreachable))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "first") (result (ref null $node)) (global.get $list))
  (func (export "length") (result i32) (local $n i32) (local $at (ref null $node))
    (local.set $at (global.get $list))
    (loop $again (if (ref.is_null (local.get $at)) (then (return (local.get $n))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (local.set $at (struct.get $node $next (local.get $at)))
      (br $again))
    unreachable))]])

local function make(limit)
  return assert(mod:instantiate(nil, { heap_max = limit }))
end

local function exhausted(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("limit", err.kind, tostring(err.message))
  assert.equal("out of memory for objects", err.message)
  assert.is_true(#err.frames > 0)
end

local function collect()
  collectgarbage()
  core.collect()
end

describe("a limit of objects", function()
  setup(function() wasm.heap { max = 0 } end) -- what other specs have left

  it("bounds what an instance holds, and it goes on when it holds less", function()
    local inst = make(2 * MIB)
    assert.equal(0, inst:stats().heap_bytes)
    exhausted(inst.exports.push, 100000) -- 32 bytes each
    local length = inst.exports.length()
    assert.is_true(length > 50000 and length <= 2 * MIB // 32)
    assert.is_true(inst:stats().heap_bytes <= 2 * MIB)
    exhausted(inst.exports.push, 10000)
    inst.exports.drop()
    inst.exports.push(40000)
    assert.equal(40000, inst.exports.length())
    inst.exports.drop()
    collect()
    assert.equal(0, inst:stats().heap_bytes)
  end)

  it("does not count garbage", function()
    local inst = make(MIB)
    inst.exports.churn(1000000)
    inst.exports.grow(1)
    for _ = 1, 100 do inst.exports.keep_array(300000, 0) end
    assert.is_true(inst:stats().heap_bytes <= MIB)
  end)

  it("is for large objects and all sizes", function()
    local inst = make(4 * MIB)
    exhausted(inst.exports.array, 5 * MIB)
    exhausted(inst.exports.array, 1 << 29)
    inst.exports.grow(2000)
    local sizes, at = { 10, 100, 700, 3000, 9000, 100000 }, 0
    local ok
    repeat
      at = at + 1
      ok = pcall(inst.exports.keep_array, sizes[at % #sizes + 1], at)
    until not ok
    exhausted(inst.exports.keep_array, 100000, at)
    assert.is_true(at > 100 and inst:stats().heap_bytes <= 4 * MIB)
    -- one size after the other, all garbage: slabs that are empty are given back
    for _, size in ipairs(sizes) do
      for k = 1, at do inst.exports.keep_array(10, k) end
      for k = 1, 3 * MIB // (size + 100) do
        pcall(inst.exports.keep_array, size, k % at)
      end
      assert.is_true(inst:stats().heap_bytes <= 4 * MIB)
    end
  end)

  it("is for exceptions that are kept as well", function()
    local inst = make(256 << 10)
    inst.exports.grow(9000)
    exhausted(inst.exports.throws, 9000)
    assert.is_true(inst:stats().heap_bytes <= 256 << 10)
  end)

  it("is one instance's: others go on, with and without limits", function()
    local small, large, free = make(MIB), make(8 * MIB), make(nil)
    exhausted(small.exports.push, 100000)
    large.exports.push(100000)
    free.exports.push(300000)
    exhausted(small.exports.push, 10000)
    assert.is_nil(free:stats().heap_bytes)
    collect()
    assert.equal(100000, large.exports.length())
    assert.equal(300000, free.exports.length())
  end)

  it("leaves objects to those who still have them when the instance is gone", function()
    local list
    do
      local inst <close> = make(MIB)
      inst.exports.push(1000)
      list = inst.exports.first()
    end
    collect()
    local other = make(nil)
    other.exports.list.value = list
    collect()
    assert.equal(1000, other.exports.length())
    other.exports.push(100000)
    collect()
    assert.equal(101000, other.exports.length())
  end)

  it("holds for what is made while it is instantiated", function()
    local big = assert(wasm.compile [[(module (type $b (array i8))
      (global (ref $b) (array.new_default $b (i32.const 2000000))))]])
    local inst, err = big:instantiate(nil, { heap_max = MIB })
    assert.is_nil(inst)
    assert.equal("limit", err.kind, tostring(err.message))
    assert(big:instantiate(nil, { heap_max = 4 * MIB }))
  end)

  it("is no exception that the guest could catch", function()
    local inst = assert(wasm.run([[(module (type $b (array i8))
      (func (export "f") (result i32)
        (block $caught
          (try_table (catch_all $caught)
            (drop (array.new_default $b (i32.const 2000000)))))
        (i32.const 1)))]], nil, { heap_max = MIB }))
    exhausted(inst.exports.f)
  end)

  it("stands beside the heap's own limit, which is a trap as ever", function()
    local inst = make(64 * MIB)
    wasm.heap { max = 4 * MIB }
    local ok, err = pcall(inst.exports.push, 1000000)
    wasm.heap { max = 0 }
    assert.is_true(not ok and err.kind == "trap" and err.trap == "out of memory for objects")
  end)

  it("survives many instances that come and go", function()
    for n = 1, 200 do
      local inst = make(MIB)
      inst.exports.push(1000 + n)
      if n % 3 == 0 then inst:close() end
      if n % 20 == 0 then collect() end
    end
    collect()
    collect()
    assert.is_true(wasm.heap({ collect = true }).objects < 10000)
  end)

  it("belongs to a sandbox", function()
    local box = wasm.sandbox { heap_max = "1MiB" }
    exhausted(assert(box:instantiate(mod)).exports.push, 100000)
    assert.truthy(box:report(mod):find("heap_max: 1MiB", 1, true))
  end)
end)

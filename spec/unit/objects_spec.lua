--- Structs, arrays, i31 and casts as Lua sees them, and the collector behind them.
local wasm = require "wasm"
local core = require "wasm.core"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source)):instantiate(imports, options))
end

local LIST = [[(module
  (rec (type $node (struct (field $value (mut i32)) (field $next (mut (ref null $node))))))
  (type $bytes (array (mut i8)))
  (global $head (mut (ref null $node)) (ref.null $node))
  (func (export "push") (param i32)
    (global.set $head (struct.new $node (local.get 0) (global.get $head))))
  (func (export "clear") (global.set $head (ref.null $node)))
  (func (export "head") (result (ref null $node)) (global.get $head))
  (func (export "sum") (result i32)
    (local $at (ref null $node)) (local $sum i32)
    (local.set $at (global.get $head))
    (block $done
      (loop $next
        (br_on_null $done (local.get $at))
        (local.set $sum (i32.add (struct.get $node $value) (local.get $sum)))
        (local.set $at (struct.get $node $next (local.get $at)))
        (br $next)))
    (local.get $sum))
  (func (export "garbage") (param $n i32)
    (loop $l
      (drop (struct.new $node (i32.const 1) (ref.null $node)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "bytes") (param i32) (result (ref $bytes))
    (array.new $bytes (i32.const 7) (local.get 0)))
  (func (export "cycle") (result (ref $node)) (local $a (ref $node))
    (local.set $a (struct.new $node (i32.const 1) (ref.null $node)))
    (struct.set $node $next (local.get $a) (local.get $a))
    (local.get $a))
  (func (export "i31") (param i32) (result i31ref) (ref.i31 (local.get 0)))
  (func (export "kind") (param anyref) (result i32)
    (if (i32.eqz (ref.is_null (local.get 0))) (then) (else (return (i32.const 0))))
    (if (ref.test (ref i31) (local.get 0)) (then (return (i32.const 1))))
    (if (ref.test (ref $node) (local.get 0)) (then (return (i32.const 2))))
    (if (ref.test (ref array) (local.get 0)) (then (return (i32.const 3))))
    (if (ref.test (ref eq) (local.get 0)) (then (return (i32.const 4))))
    (i32.const 5))
  (func (export "node") (param (ref $node)) (result i32)
    (struct.get $node $value (local.get 0)))
  (func (export "big") (param i32) (result (ref $bytes))
    (array.new_default $bytes (local.get 0)))
  (func (export "back") (param externref) (result anyref)
    (any.convert_extern (local.get 0)))
  (func (export "out") (param anyref) (result externref)
    (extern.convert_any (local.get 0))))]]

describe("objects", function()
  it("have identity, a type and fields", function()
    local inst = instance(LIST)
    inst.exports.push(5)
    inst.exports.push(6)
    local head = inst.exports.head()
    assert.equal(head, inst.exports.head())
    assert.equal("userdata", type(head))
    assert.equal(6, head[1])
    assert.equal(5, head[2][1])
    assert.is_nil(head[2][2])
    assert.is_nil(head[3])
    assert.equal(2, #head)
    assert.truthy(head:type():find("^%(struct %(field %(mut i32%)%) %(field %(mut %(ref null"))
    assert.truthy(tostring(head):find("^wasm.ref: struct of 2"))
    head[1] = 100
    assert.equal(105, inst.exports.sum())
    head[2] = nil
    assert.equal(100, inst.exports.sum())
    assert.is_false(pcall(function() head[1] = "x" end))
    assert.is_false(pcall(function() head[2] = inst.exports.bytes(3) end))
    assert.is_false(pcall(function() head[3] = 1 end))
  end)

  it("are arrays, too, packed ones signed", function()
    local inst = instance(LIST)
    local bytes = inst.exports.bytes(1000)
    assert.equal(1000, #bytes)
    assert.equal(7, bytes[1000])
    assert.is_nil(bytes[1001])
    assert.is_nil(bytes[0])
    bytes[3] = 255
    assert.equal(-1, bytes[3])
    assert.equal("(array (mut i8))", bytes:type())
  end)

  it("go back into wasm with their type checked", function()
    local inst = instance(LIST)
    inst.exports.push(9)
    assert.equal(9, inst.exports.node(inst.exports.head()))
    assert.is_false(pcall(inst.exports.node, inst.exports.bytes(1)))
    assert.is_false(pcall(inst.exports.node, nil))
    assert.is_false(pcall(inst.exports.node, {}))
    local other = instance(LIST)
    assert.equal(9, other.exports.node(inst.exports.head())) -- equal types are one type
  end)

  it("are told apart", function()
    local inst = instance(LIST)
    local kind = inst.exports.kind
    inst.exports.push(1)
    assert.same({ 0, 1, 2, 3, 5, 5 }, { kind(nil), kind(-5), kind(inst.exports.head()),
      kind(inst.exports.bytes(1)), kind({}), kind("text") })
    assert.equal(-1073741824, inst.exports.i31(-1073741824))
    assert.equal(-1, inst.exports.i31(0x7fffffff))
    assert.equal(5, kind(1 << 40)) -- no i31, so a value of Lua
  end)

  it("travel as externref and come back the same", function()
    local inst = instance(LIST)
    inst.exports.push(1)
    local head, t = inst.exports.head(), {}
    assert.equal(head, inst.exports.back(head))
    assert.equal(head, inst.exports.out(head))
    assert.equal(t, inst.exports.back(t))
    assert.equal(t, inst.exports.out(t))
    assert.equal(12, inst.exports.out(12))
  end)

  it("are collected when nothing refers to them, cycles too", function()
    local inst = instance(LIST)
    local before = wasm.heap { collect = true }.objects
    for i = 1, 1000 do inst.exports.push(i) end
    local kept = inst.exports.cycle()
    for _ = 1, 1000 do inst.exports.cycle() end
    collectgarbage()
    collectgarbage()
    local objects = wasm.heap { collect = true }.objects
    assert.is_true(objects >= 1001 and objects <= before + 1001, objects)
    assert.equal(500500, inst.exports.sum())
    assert.equal(kept, kept[2])
    inst.exports.clear()
    kept = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_true(wasm.heap { collect = true }.objects <= before + 2) -- a stale word may stay
  end)

  it("cost no more memory than is alive", function()
    local inst = instance(LIST)
    inst.exports.push(1)
    inst.exports.garbage(3000000)
    local heap = wasm.heap()
    assert.is_true(heap.collections > 0)
    assert.is_true(heap.bytes < 32 << 20, heap.bytes)
    assert.equal(1, inst.exports.sum())
  end)

  it("stay while Lua or a parked call has them", function()
    local inst = instance([[(module
      (type $s (struct (field i32)))
      (import "e" "wait" (func $wait))
      (func (export "f") (param i32) (result i32) (local $s (ref $s))
        (local.set $s (struct.new $s (local.get 0)))
        (call $wait)
        (struct.get $s 0 (local.get $s))))]], { e = { wait = coroutine.yield } })
    local calls = {}
    for i = 1, 20 do
      calls[i] = coroutine.wrap(function() return inst.exports.f(i) end)
      calls[i]()
    end
    instance(LIST).exports.garbage(1000000)
    wasm.heap { collect = true }
    for i = 20, 1, -1 do assert.equal(i, calls[i]()) end
  end)

  it("outlive the code that brought their types", function()
    local keep = wasm.table { "anyref", min = 8 }
    for n = 0, 7 do
      local inst = instance(([[(module
        (type $s (struct (field $a i32) (field $b%d f64)))
        (type $t (sub (array (mut i%d))))
        (type $u (struct (field i64) (field i%d) (field (ref $s))))
        (import "e" "keep" (table 8 anyref))
        (func (export "go") (param i32 i64)
          (table.set 0 (local.get 0) (struct.new $u (local.get 1) (i%d.const 7)
            (struct.new $s (local.get 0) (f64.const 1.5))))))]])
        :format(n, 32 << (n & 1), 32 << (n & 1), 32 << (n & 1)), { e = { keep = keep } })
      inst.exports.go(n, n << 40)
      inst:close()
    end
    for round = 1, 4 do
      collectgarbage()
      collectgarbage()
      wasm.heap { collect = true }
      for n = 1, 80 do -- push its code out; take the numbers of types that are free again
        instance(("(module (type (struct (field i32 i64 (mut f%d))))" ..
          "(type (array (mut i%d))) (type (func (param%s))))"):format(32 << (n & 1), 8 << (n & 1),
          (" i32"):rep(n + 80 * round)))
      end
      for n = 0, 7 do
        local u = keep[n + 1]
        assert.same({ n << 40, 7 }, { u[1], u[2] })
        assert.same({ n, 1.5 }, { u[3][1], u[3][2] })
      end
    end
  end)

  it("trap beyond the heap's limit, and the instance goes on", function()
    local inst = instance(LIST)
    local was = wasm.heap { collect = true }
    finally(function() wasm.heap { max = 0 } end)
    wasm.heap { max = was.bytes + 100000 }
    local ok, err = pcall(function() for i = 1, 100000 do inst.exports.push(i) end end)
    assert.is_false(ok)
    assert.equal("trap", err.kind)
    assert.equal("out of memory for objects", err.trap)
    inst.exports.clear()
    inst.exports.push(3)
    assert.equal(3, inst.exports.sum())
    ok, err = pcall(inst.exports.big, -1)
    assert.is_false(ok)
    assert.equal("out of memory for objects", err.trap)
    wasm.heap { max = "1GiB" }
    assert.equal(1 << 30, wasm.heap().max)
    assert.is_false(pcall(wasm.heap, { most = 1 }))
  end)

  it("are counted one by one, though cells are set apart for more", function()
    local inst = instance [[(module
      (type $s (struct (field i64 i64 i64))) (type $a (array i16))
      (func (export "s") (result anyref) (struct.new_default $s))
      (func (export "a") (param i32) (result anyref) (array.new_default $a (local.get 0))))]]
    wasm.heap { collect = true }
    local was = wasm.heap()
    local kept = {}
    for n = 1, 300 do
      kept[#kept + 1] = inst.exports.s()     -- 8 + 24 bytes
      kept[#kept + 1] = inst.exports.a(n)    -- 16 + 2 * n, in cells of 16 bytes
      kept[#kept + 1] = inst.exports.a(4000) -- by itself
    end
    local now, bytes = wasm.heap(), 300 * (32 + 8192)
    for n = 1, 300 do
      local size = 16 + 2 * n
      bytes = bytes + (size <= 512 and (size + 15) // 16 * 16 or 640)
    end
    assert.equal(900, now.objects - was.objects)
    assert.equal(bytes, now.bytes - was.bytes)
    inst:close()
  end)

  it("begin with zeros where others have been, whatever their size", function()
    local inst = instance [[(module
      (type $s (struct (field (mut i64)) (field (mut i64)) (field (mut i64))))
      (type $a (array (mut i8)))
      (func (export "dirt") (param $n i32)
        (loop $l
          (drop (struct.new $s (i64.const -1) (i64.const -1) (i64.const -1)))
          (drop (array.new $a (i32.const -1) (i32.and (local.get $n) (i32.const 1023))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
      (func (export "s") (result i64) (local $s (ref null $s))
        (local.set $s (struct.new_default $s))
        (i64.or (struct.get $s 0 (local.get $s))
          (i64.or (struct.get $s 1 (local.get $s)) (struct.get $s 2 (local.get $s)))))
      (func (export "a") (param $n i32) (result i32) (local $a (ref null $a)) (local $or i32)
        (local.set $a (array.new_default $a (local.get $n)))
        (if (i32.ne (array.len (local.get $a)) (local.get $n)) (then (return (i32.const -1))))
        (loop $l
          (if (local.get $n) (then
            (local.set $n (i32.sub (local.get $n) (i32.const 1)))
            (local.set $or (i32.or (local.get $or) (array.get_u $a (local.get $a) (local.get $n))))
            (br $l))))
        (local.get $or)))]]
    for _ = 1, 3 do
      inst.exports.dirt(20000)
      wasm.heap { collect = true }
      for n = 0, 1100 do
        assert.equal(0, inst.exports.s())
        assert.equal(0, inst.exports.a(n))
      end
    end
    inst:close()
  end)

  it("fill the heap to its limit, and not beyond", function()
    local inst = instance [[(module
      (type $s (struct (field i64 i64 i64))) (type $l (array (mut anyref)))
      (global $all (mut (ref null $l)) (ref.null $l)) (global $n (mut i32) (i32.const 0))
      (func (export "begin") (param i32)
        (global.set $n (i32.const 0))
        (global.set $all (array.new_default $l (local.get 0))))
      (func (export "fill") (loop $l
        (array.set $l (global.get $all) (global.get $n) (struct.new_default $s))
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (br $l)))
      (func (export "count") (result i32) (global.get $n)))]]
    wasm.heap { collect = true }
    inst.exports.begin(10000)
    local was = wasm.heap { collect = true }
    for _, room in ipairs { 32, 100, 4096, 5000, 100000 } do
      wasm.heap { max = was.bytes + room }
      assert.has_error(inst.exports.fill)
      assert.equal(room // 32, inst.exports.count())
      wasm.heap { max = 0 }
      inst.exports.begin(10000)
      wasm.heap { collect = true }
    end
    inst:close()
  end)

  it("refuse to be part of a snapshot, in words", function()
    local inst = instance(LIST)
    assert(inst:snapshot())
    inst.exports.push(1)
    local snap, err = inst:snapshot()
    assert.is_nil(snap)
    assert.equal("unsupported", err.kind)
    assert.truthy(err.message:find("object of the collected heap", 1, true))
  end)

  it("are made by constant expressions, elements once", function()
    local inst = instance [[(module
      (type $s (struct (field i32)))
      (type $a (array (ref $s)))
      (global $g (ref $a) (array.new_fixed $a 2 (struct.new $s (i32.const 1))
        (struct.new $s (i32.const 2))))
      (table $t 2 (ref null $s) (struct.new $s (i32.const 3)))
      (elem $e (ref $s) (item (struct.new $s (i32.const 4))))
      (func (export "g") (result (ref $a)) (global.get $g))
      (func (export "t") (param i32) (result (ref null $s)) (table.get $t (local.get 0)))
      (func (export "e") (result (ref $a))
        (array.new_elem $a $e (i32.const 0) (i32.const 1))))]]
    assert.same({ 1, 2 }, { inst.exports.g()[1][1], inst.exports.g()[2][1] })
    assert.equal(inst.exports.t(0), inst.exports.t(1))
    assert.equal(3, inst.exports.t(0)[1])
    assert.equal(inst.exports.e()[1], inst.exports.e()[1])
    assert.is_false(inst.exports.e() == inst.exports.e())
  end)

  if core.heap_torture then
    it("survive a collection at every allocation", function()
      core.heap_torture(true)
      finally(function() core.heap_torture(false) end)
      local inst = instance(LIST)
      for i = 1, 300 do inst.exports.push(i) end
      inst.exports.garbage(300)
      assert.equal(45150, inst.exports.sum())
    end)
  end
end)

describe("types", function()
  it("may be many", function()
    local out = { "(module" }
    for i = 1, 20000 do
      out[#out + 1] = ("(type (struct (field i32) (field (ref null %d))))"):format(
        i > 1 and i - 2 or 0)
    end
    out[#out + 1] = "(global (export \"g\") (ref null 19999) (ref.null 19999)))"
    local bytes = assert(wasm.wat(table.concat(out)))
    for _ = 1, 3 do
      local inst = assert(assert(wasm.compile(bytes)):instantiate())
      assert.is_nil(inst.exports.g.value)
    end
  end)

  it("have a limited number of supertypes", function()
    local out = { "(module (type (sub (struct)))" }
    for i = 1, 64 do out[#out + 1] = ("(type (sub %d (struct)))"):format(i - 1) end
    local ok, err = wasm.validate(table.concat(out) .. ")")
    assert.is_nil(ok)
    assert.equal("invalid", err.kind)
    assert.truthy(err.message:find("too many supertypes", 1, true))
    out[#out] = ""
    assert(wasm.validate(table.concat(out) .. ")"))
  end)

  it("cannot be switched on one by one: their feature has a name", function()
    local mod, err = wasm.compile("(module (type (struct)))", { features = { gc = false } })
    assert.is_nil(mod)
    assert.equal("unsupported", err.kind)
    assert.truthy(err.message:find("gc", 1, true))
  end)
end)

--- Exceptions: through frames, instances, Lua and back; the legacy form; their objects.
local wasm = require "wasm"
local core = require "wasm.core"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source)):instantiate(imports, options))
end

local THROWER = [[(module
  (tag $e (export "e") (param i32 f64))
  (func $throw (export "throw") (param i32) (throw $e (local.get 0) (f64.const 2.5)))
  (func $deep (export "deep") (param i32)
    (if (local.get 0)
      (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
      (else (call $throw (i32.const 7)))))
  (func (export "catch") (param i32) (result i32)
    (block $b (result i32 f64)
      (try_table (catch $e $b) (call $deep (local.get 0)))
      (return (i32.const -1)))
    (drop))
  (func (export "locals") (param $n i32) (result i32) (local $x i32)
    (block $done
      (try_table (catch_all $done)
        (local.set $x (i32.const 1))
        (if (i32.eq (local.get $n) (i32.const 1)) (then (call $throw (i32.const 0))))
        (local.set $x (i32.const 2))
        (if (i32.eq (local.get $n) (i32.const 2)) (then (call $throw (i32.const 0))))
        (local.set $x (i32.const 3))))
    (local.get $x)))]]

describe("exceptions", function()
  it("go to whoever catches, through 10,000 frames", function()
    local inst = instance(THROWER)
    assert.equal(7, inst.exports.catch(0))
    assert.equal(7, inst.exports.catch(10000))
  end)

  it("find the locals as they were at the call", function()
    local inst = instance(THROWER)
    assert.same({ 3, 1, 2 },
      { inst.exports.locals(0), inst.exports.locals(1), inst.exports.locals(2) })
  end)

  it("come out as errors with tag and payload", function()
    local inst = instance(THROWER)
    local ok, err = pcall(inst.exports.throw, 42)
    assert.is_false(ok)
    assert.equal("exception", err.kind)
    assert.equal(inst.exports.e, err.tag)
    assert.same({ 42, 2.5 }, err.payload)
    assert.truthy(tostring(err):find("uncaught exception with values (i32, f64)", 1, true))
    assert.equal("throw", err.frames[1].name)
    assert.equal("(i32, f64)", inst.exports.e:type())
    assert.equal(7, inst.exports.catch(1)) -- the instance goes on
  end)

  it("cross instances, told apart by their tags", function()
    local a, b = instance(THROWER), instance(THROWER)
    local source = [[(module
      (import "a" "e" (tag $a (param i32 f64)))
      (import "b" "e" (tag $b (param i32 f64)))
      (import "x" "throw" (func $throw (param i32)))
      (memory (export "memory") 1)
      (func (export "f") (result i32) (local $n i32)
        (block $ca (result i32 f64)
          (block $cb (result i32 f64)
            (try_table (catch $a $ca) (catch $b $cb) (call $throw (i32.const 5)))
            (return (i32.const 0)))
          (drop) (local.set $n) (i32.store (i32.const 0) (local.get $n))
          (return (i32.const 2)))
        (drop) (local.set $n) (i32.store (i32.const 0) (local.get $n)) (i32.const 1)))]]
    for n, x in ipairs { a, b } do
      local inst = instance(source, { a = a, b = b, x = x })
      assert.equal(n, inst.exports.f())
      assert.equal(5, inst.memory:i32(0)) -- its own memory, after the other's frames
    end
    local none = instance(source, { a = a, b = a, x = b })
    local ok, err = pcall(none.exports.f)
    assert.is_false(ok)
    assert.equal(b.exports.e, err.tag)
    local mod = assert(wasm.compile(source))
    local bad, why = mod:instantiate { a = a, b = { e = wasm.tag "(i32)" }, x = a }
    assert.is_nil(bad)
    assert.truthy(why.message:find("incompatible import type", 1, true))
  end)

  it("pass through functions of Lua, or are thrown by them", function()
    local tag = wasm.tag "(i32, externref)"
    local inner, seen
    local inst = instance([[(module
      (import "e" "tag" (tag $t (param i32 externref)))
      (import "e" "host" (func $host (param i32)))
      (func (export "throw") (param externref) (throw $t (i32.const 1) (local.get 0)))
      (func (export "f") (param i32) (result i32 externref)
        (block $c (result i32 externref)
          (try_table (catch $t $c) (call $host (local.get 0)))
          (i32.const 0) (ref.null extern))))]],
      { e = { tag = tag, host = function(n)
        if n == 1 then error(wasm.exception(tag, 9, "nine")) end
        if n == 2 then inner(inst) end -- luacheck: ignore 113
        if n == 3 then
          local _, err = pcall(inner)
          seen = err
          error(err)
        end
        if n == 4 then error("of Lua") end
        if n == 5 then coroutine.yield() error(wasm.exception(tag, 10, "ten")) end
      end } })
    local value = {}
    inner = function() inst.exports.throw(value) end
    assert.same({ 0 }, { inst.exports.f(0) })
    assert.same({ 9, "nine" }, { inst.exports.f(1) })
    assert.same({ 1, value }, { inst.exports.f(2) })
    assert.same({ 1, value }, { inst.exports.f(3) })
    assert.same({ 1, value }, seen.payload)
    local ok, err = pcall(inst.exports.f, 4)
    assert.is_false(ok)
    assert.truthy(err:find("of Lua", 1, true))
    local call = coroutine.wrap(function() return inst.exports.f(5) end)
    call()
    assert.same({ 10, "ten" }, { call() })
    assert.is_false(pcall(wasm.exception, tag, 1))
    assert.is_false(pcall(wasm.exception, tag, "x", 1))
  end)

  it("leave errors of Lua and traps alone, unless an instance wants the former", function()
    local source = [[(module
      (import "e" "host" (func $host))
      (func (export "f") (param i32) (result i32)
        (block $c
          (try_table (catch_all $c)
            (if (local.get 0) (then (unreachable)))
            (call $host))
          (return (i32.const 0)))
        (i32.const 1))
      (func (export "again")
        (block $c (result exnref)
          (try_table (catch_all_ref $c) (call $host))
          (return))
        (throw_ref)))]]
    local value = { "an error" }
    local imports = { e = { host = function() error(value) end } }
    local inst = instance(source, imports)
    local ok, err = pcall(inst.exports.f, 0)
    assert.is_false(ok)
    assert.equal(value, err)
    ok, err = pcall(inst.exports.f, 1)
    assert.is_false(ok)
    assert.equal("unreachable", err.trap)
    inst = instance(source, imports, { catch_host_errors = true })
    assert.equal(1, inst.exports.f(0))
    assert.is_false(pcall(inst.exports.f, 1))
    ok, err = pcall(inst.exports.again)
    assert.is_false(ok)
    assert.equal(value, err) -- the same Lua value, not a copy
  end)

  it("in start functions are reported", function()
    local inst, err = wasm.compile([[(module (tag $t) (func $s (throw $t)) (start $s))]])
      :instantiate()
    assert.is_nil(inst)
    assert.equal("exception", err.kind)
  end)

  it("live on in tables and globals, and are collected", function()
    local inst = instance [[(module
      (tag $t (param i32))
      (table $x 10 exnref)
      (func (export "keep") (param i32)
        (table.set $x (local.get 0)
          (block $c (result exnref)
            (try_table (catch_all_ref $c) (throw $t (local.get 0)))
            (unreachable))))
      (func (export "throw") (param i32) (throw_ref (table.get $x (local.get 0))))
      (func (export "get") (param i32) (result exnref) (table.get $x (local.get 0))))]]
    for i = 0, 9 do inst.exports.keep(i) end
    if core.heap_torture then wasm.heap { collect = true } end
    for i = 0, 9 do
      local ok, err = pcall(inst.exports.throw, i)
      assert.is_false(ok)
      assert.same({ i }, err.payload)
    end
    local e = inst.exports.get(3)
    assert.equal("exn", e:type())
    assert.equal(e, inst.exports.get(3))
    collectgarbage()
    collectgarbage()
    local before = wasm.heap { collect = true }.objects
    for _ = 1, 1000 do inst.exports.keep(5) end
    assert.is_true(wasm.heap { collect = true }.objects <= before + 5)
    local ok, err = pcall(inst.exports.throw, 10)
    assert.is_false(ok)
    assert.equal("out of bounds table access", err.trap)
  end)

  it("restore the guest's stack pointer where they leave the call", function()
    local inst = instance [[(module
      (tag $t)
      (global $__stack_pointer (export "sp") (mut i32) (i32.const 1000))
      (func (export "f")
        (global.set $__stack_pointer (i32.const 900))
        (throw $t)))]]
    assert.is_false(pcall(inst.exports.f))
    assert.equal(1000, inst.exports.sp.value)
  end)

  it("of the legacy form nest and delegate", function()
    local inst = instance [[(module
      (tag $a (param i32)) (tag $b)
      (func $throw (param i32)
        (if (i32.eqz (local.get 0)) (then (throw $b)))
        (throw $a (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (try (result i32)
          (do (try (result i32)
            (do (call $throw (local.get 0)) (i32.const 0))
            (catch $a (i32.add (i32.const 100)))))
          (catch_all (i32.const -1))))
      (func (export "g") (param i32) (result i32)
        (try $outer (result i32)
          (do (try (result i32)
            (do (try (result i32)
                (do (call $throw (local.get 0)) (i32.const 0))
                (delegate $outer)))
            (catch_all (i32.const 5))))
          (catch $a (i32.add (i32.const 200)))
          (catch_all (i32.const 300))))
      (func (export "h") (param i32) (result i32)
        (try (result i32)
          (do (try (result i32)
            (do (call $throw (local.get 0)) (i32.const 0))
            (catch $a (drop) (rethrow 0))))
          (catch $a))))]]
    local e = inst.exports
    assert.same({ 101, -1, 201, 300, 1 }, { e.f(1), e.f(0), e.g(1), e.g(0), e.h(1) })
    local ok, err = pcall(e.h, 0)
    assert.is_false(ok)
    assert.same({}, err.payload)
  end)
end)

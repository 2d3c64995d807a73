--- API row 17: an activation is parked and another coroutine calls the same instance.
local wasm = require "wasm"

local SOURCE = [[(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "m") 1)
  (func (export "run") (param i32) (result i32) (call $f (local.get 0))))]]

local function make(opts)
  return assert(wasm.run(SOURCE, { env = { f = coroutine.yield } }, opts))
end

local function park(inst, n)
  local co = coroutine.create(inst.exports.run)
  assert.same({ true, n }, { coroutine.resume(co, n) })
  return co
end

local function finish(co, n)
  assert.same({ true, n }, { coroutine.resume(co, n) })
  assert.equal("dead", coroutine.status(co))
end

local function busy(co)
  local ok, err = coroutine.resume(co, 1)
  assert.is_false(ok)
  assert.equal("busy", err.kind)
  assert.equal("dead", coroutine.status(co))
end

describe("row 17: parked activations", function()
  it("may be resumed last in, first out", function()
    local inst, list = make(), {}
    for i = 1, 20 do list[i] = park(inst, i) end
    assert.is_true(inst:busy())
    for i = 20, 1, -1 do finish(list[i], i) end
    assert.is_false(inst:busy())
  end)

  it("raise busy when they are not the newest", function()
    local inst = make()
    local a, b = park(inst, 1), park(inst, 2)
    busy(a)
    finish(b, 2)
    finish(park(inst, 3), 3)
  end)

  it("may be resumed in any order with interleave=any", function()
    local inst, list = make { interleave = "any" }, {}
    for i = 1, 50 do list[i] = park(inst, i) end
    for i = 1, 50 do finish(list[i * 7 % 51 > 50 and i or (i * 7) % 51], (i * 7) % 51) end
  end)

  it("count as one order for instances that share their memory", function()
    local first = make()
    local second = assert(wasm.run([[(module (import "a" "m" (memory 1))
      (import "env" "f" (func $f (param i32) (result i32)))
      (func (export "run") (param i32) (result i32) (call $f (local.get 0))))]],
      { a = first, env = { f = coroutine.yield } }))
    local a, b = park(first, 1), park(second, 2)
    busy(a)
    finish(b, 2)
  end)

  it("do not order instances with memories of their own", function()
    local a, b = park(make(), 1), park(make(), 2)
    finish(a, 1)
    finish(b, 2)
  end)

  it("leave the order at once when their coroutine is closed", function()
    local inst = make()
    local a, b = park(inst, 1), park(inst, 2)
    assert.is_true(coroutine.close(b))
    finish(a, 1)
    assert.is_false(inst:busy())
  end)

  it("never block when their coroutine is collected", function()
    local inst = make()
    local a = park(inst, 1)
    for i = 1, 10 do park(inst, i) end
    collectgarbage()
    collectgarbage()
    finish(a, 1)
  end)

  it("yield several times in one call", function()
    local inst = assert(wasm.run([[(module (import "env" "f" (func $f (param i32) (result i32)))
      (func (export "sum") (param $n i32) (result i32) (local $s i32)
        (loop $again
          (local.set $s (i32.add (local.get $s) (call $f (local.get $n))))
          (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        local.get $s))]], { env = { f = coroutine.yield } }))
    local co = coroutine.wrap(inst.exports.sum)
    local x = co(100)
    for _ = 1, 99 do x = co(x) end
    assert.equal(5050, co(x))
  end)
end)

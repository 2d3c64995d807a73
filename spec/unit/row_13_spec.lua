--- API row 13: the start function traps, loops, fails or yields.
local wasm = require "wasm"

local function start(body, rest)
  return assert(wasm.compile(([[(module $s (import "env" "f" (func $f))
    (func $start %s) (start $start) %s)]]):format(body, rest or "")))
end

describe("row 13: a start function", function()
  it("that traps gives nil and the error", function()
    local inst, err = start("unreachable"):instantiate { env = { f = print } }
    assert.is_nil(inst)
    assert.equal("trap", err.kind)
    assert.equal("unreachable", err.trap)
    assert.equal("start", err.frames[1].name)
  end)

  it("that loops is ended by an interrupt", function()
    local mod = start("call $f (loop br 0)")
    local token, inst, err
    -- Nobody knows the new instance yet, but an interrupt ends the whole nest of calls.
    local probe = assert(wasm.run([[(module (import "e" "make" (func $make))
      (func (export "go") call $make))]], { e = { make = function()
        inst, err = mod:instantiate { env = { f = function() wasm.interrupt(token) end } }
      end } }))
    token = probe:interrupter()
    local ok, why = pcall(probe.exports.go)
    assert.is_nil(inst)
    assert.equal("interrupt", err.kind)
    assert.is_false(ok)
    assert.equal("interrupt", why.kind)
  end)

  it("whose host function raises gives nil and the value as the cause", function()
    local mine = {}
    local inst, err = start("call $f"):instantiate { env = { f = function() error(mine) end } }
    assert.is_nil(inst)
    assert.equal("exception", err.kind)
    assert.is_true(rawequal(mine, err.cause))
    assert.truthy(#err.frames > 0)
    local _, text = start("call $f"):instantiate { env = { f = function() error("no", 0) end } }
    assert.equal("no", text.message)
    assert.equal("no", text.cause)
  end)

  it("may yield when instantiate is called in a coroutine", function()
    local mod = start("call $f", '(func (export "g") (result i32) i32.const 5)')
    local co = coroutine.create(function()
      return mod:instantiate { env = { f = function() coroutine.yield("parked") end } }
    end)
    assert.same({ true, "parked" }, { coroutine.resume(co) })
    local ok, inst = coroutine.resume(co)
    assert.is_true(ok)
    assert.equal(5, inst.exports.g())
  end)

  it("that fails after a yield gives nil and the error", function()
    local mod = start("call $f unreachable")
    local co = coroutine.create(function()
      return mod:instantiate { env = { f = coroutine.yield } }
    end)
    assert.is_true(coroutine.resume(co))
    local ok, inst, err = coroutine.resume(co)
    assert.is_true(ok)
    assert.is_nil(inst)
    assert.equal("unreachable", err.trap)
  end)

  it("does not run with start = false", function()
    assert(start("unreachable"):instantiate({ env = { f = print } }, { start = false }))
  end)

  it("that traps leaves nothing behind that nobody refers to", function()
    local mod = start("unreachable", "(memory 16)")
    local before = wasm.stats().instances
    for _ = 1, 10 do assert.is_nil(mod:instantiate { env = { f = print } }) end
    assert.equal(before, wasm.stats().instances)
  end)

  it("that traps leaves what segments wrote, and functions in shared tables", function()
    local t = assert(wasm.table { "funcref", min = 2 })
    local m = assert(wasm.memory { min = 1 })
    local inst, err = assert(wasm.compile([[(module (import "e" "t" (table 2 funcref))
      (import "e" "m" (memory 1)) (func $f (result i32) (i32.load8_u (i32.const 8)))
      (elem (i32.const 1) $f) (data (i32.const 8) "\2a") (func $s unreachable) (start $s))]]))
      :instantiate { e = { t = t, m = m } }
    assert.is_nil(inst)
    assert.equal("trap", err.kind)
    collectgarbage()
    collectgarbage()
    assert.equal(42, m:u8(8))
    assert.equal(42, t[2]())
  end)

  it("is not reached when a segment is out of bounds", function()
    local t = assert(wasm.table { "funcref", min = 2 })
    local inst, err = assert(wasm.compile([[(module (import "e" "t" (table 2 funcref)) (memory 1)
      (func $f (result i32) i32.const 3) (elem (i32.const 0) $f)
      (data (i32.const 65536) "x"))]])):instantiate { e = { t = t } }
    assert.is_nil(inst)
    assert.equal("out of bounds memory access", err.trap)
    collectgarbage()
    assert.equal(3, t[1]())
  end)
end)

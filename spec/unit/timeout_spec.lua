--- Budgets: time. What runs for ever ends in time, and only that.
local expiry = require "spec.support.expiry"
local wasm = require "wasm"
local endless = require "spec.support.endless"
local host = require "spec.support.host"
local weight = require "spec.support.weight"

local SPIN = '(module (func (export "spin") (loop (br 0)))'
  .. ' (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'

local expires, works = expiry.expires, expiry.works

describe("a timeout", function()
  it("ends every kind of endless call, and the instance goes on", function()
    local worst, n = 0, 0
    for effort = 0, 1 do
      for _, bounds in ipairs { "guard", "explicit" } do
        for _, limit in ipairs { "timeout", "cpu_timeout" } do
          local inst = endless.make(wasm, nil, { effort = effort, bounds = bounds },
            { [limit] = 0.01 })
          for _, name in ipairs(endless.names) do
            local before = os.clock()
            local err = expires(inst.exports[name], 0)
            worst, n = math.max(worst, os.clock() - before), n + 1
            assert(#err.frames > 0, name)
            assert(works(inst))
          end
        end
      end
    end
    weight.report("timeout: 10 ms, %s",
      ("%d calls, at worst %.1f ms of CPU"):format(n, worst * 1e3))
  end)

  it("ends them all when they are reached through others", function()
    local n = 0
    local inst = endless.make(wasm, nil, nil, { timeout = 0.01 })
    local reenter = assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (loop (call $host) (br 0))))]]))
    local linked = assert(wasm.compile([[(module (import "e" "f" (func $f (param i32)))
      (memory 1) (table funcref (elem $f))
      (func (export "f") (call_indirect (param i32) (i32.const 0) (i32.const 0)) (unreachable)))]]))
    local function each(name)
      local f = inst.exports[name]
      coroutine.wrap(function() expires(f, 0) end)()
      local above = assert(reenter:instantiate({ e = { host = function() f(0) end } },
        { timeout = 0.01 }))
      expires(above.exports.f)
      local typed = wasm.tofunc(f):type() == "(i32) -> ()"
      if typed then
        above = assert(linked:instantiate({ e = { f = f } }, { timeout = 0.01 }))
        expires(above.exports.f)
      end
      assert(inst.exports.add(2, 3) == 5)
      n = n + (typed and 3 or 2)
    end
    for _, name in ipairs(endless.names) do each(name) end
    each(endless.wait)
    assert(n + #endless.names >= 90)
  end)

  it("ends a wait, by the wall clock", function()
    local inst = endless.make(wasm, nil, nil, { timeout = 0.01 })
    expires(inst.exports.wait, 0)
    assert.is_true(works(inst))
  end)

  it("ends a start function", function()
    local mod = assert(wasm.compile("(module (func $f (loop (br 0))) (start $f))"))
    local inst, err = mod:instantiate(nil, { timeout = 0.01 })
    assert.is_nil(inst)
    assert.equal("limit", err.kind)
    assert.equal("timeout", err.message)
  end)

  it("never ends a call that ends by itself, nor the next one", function()
    local inst = assert(wasm.run(SPIN, nil, { timeout = 60, cpu_timeout = 60 }))
    for n = 1, 1000 do assert(inst.exports.add(n, 1) == n + 1) end
    inst = assert(wasm.run(SPIN, nil, { timeout = 1e-9 })) -- some are late, and none hurts another
    local late, patient = 0, assert(wasm.run(SPIN))
    for n = 1, 1000 do
      local ok, got = pcall(inst.exports.add, n, 1)
      assert(ok and got == n + 1 or not ok and got.message == "timeout", tostring(got))
      if not ok then late = late + 1 end
      assert(patient.exports.add(n, 1) == n + 1)
    end
    assert(late <= 1000)
  end)

  it("is for each call anew", function()
    local inst = assert(wasm.run([[(module (func (export "f") (param i32) (loop
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))]], nil,
      { cpu_timeout = 0.5 }))
    local before = os.clock()
    while os.clock() - before < 0.7 do inst.exports.f(1000000) end
  end)

  it("ends what its host functions call, and ends itself as they return", function()
    local outer, spin, seen
    local inner = assert(wasm.run(SPIN))
    outer = assert(assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (call $host) (loop (br 0))))]])):instantiate({ e = { host = function()
        seen = expires(inner.exports.spin)
        spin = true
      end } }, { timeout = 0.01 }))
    expires(outer.exports.f)
    assert.is_true(spin)
    assert.truthy(seen)
    assert.equal(3, inner.exports.add(1, 2))
  end)

  it("stands beside an interrupt, which is told apart", function()
    local inst
    inst = assert(assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (call $host) (loop (br 0))))]])):instantiate({ e = { host = function()
        inst:interrupt()
      end } }, { timeout = 60 }))
    for _ = 1, 10 do
      local ok, err = pcall(inst.exports.f)
      assert(not ok and err.kind == "interrupt", tostring(err))
    end
  end)

  it("refuses times that are none", function()
    local mod = assert(wasm.compile(SPIN))
    for _, time in ipairs { 0, -1, 1e300, 0 / 0, "1", true } do
      assert.is_false(pcall(mod.instantiate, mod, nil, { timeout = time }))
      assert.is_false(pcall(mod.instantiate, mod, nil, { cpu_timeout = time }))
    end
  end)

  it("goes with the instance when that is closed in its own call", function()
    local inst
    inst = assert(assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (call $host) (loop (br 0))))]])):instantiate({ e = { host = function()
        inst:close()
      end } }, { timeout = 0.01 }))
    local ok, err = pcall(inst.exports.f)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)
end)

describe("a timeout with on_limit = \"yield\"", function()
  local COUNT = [[(module (memory (export "memory") 1 64)
    (func (export "f") (param i64) (result i64) (local i64 i64 f64)
      (local.set 3 (f64.const 1))
      (loop $l
        (local.set 1 (i64.add (i64.rotl (local.get 1) (i64.const 5)) (local.get 0)))
        (if (i64.eqz (i64.and (local.get 1) (i64.const 1))) (then
          (local.set 2 (i64.xor (local.get 2) (local.get 1)))
          (local.set 3 (f64.add (local.get 3) (f64.const 0.25)))))
        (i64.store (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 0xfff8)) (local.get 2))
        (br_if $l (i32.wrap_i64 (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))
      (i64.add (local.get 2) (i64.reinterpret_f64 (local.get 3)))))]]
  local ROUNDS = 20000000

  it("cuts a call into slices that end like the whole", function()
    for effort = 0, 1 do
      for _, bounds in ipairs { "guard", "explicit" } do
        local mod = assert(wasm.compile(COUNT, { effort = effort, bounds = bounds }))
        local whole = assert(mod:instantiate())
        local sum = whole.exports.f(ROUNDS)
        local inst = assert(mod:instantiate(nil, { timeout = 0.001, on_limit = "yield" }))
        local co, n = coroutine.create(inst.exports.f), 0
        local ok, value = coroutine.resume(co, ROUNDS)
        while coroutine.status(co) ~= "dead" do
          assert(ok and value == "timeout", tostring(value))
          n = n + 1
          if n <= 60 then assert(inst.memory:grow(1)) end
          ok, value = coroutine.resume(co)
        end
        assert(ok and value == sum, tostring(value))
        assert(n >= 2)
        assert(inst.memory:read(0, 65536) == whole.memory:read(0, 65536))
      end
    end
  end)

  it("lets time stand still while a call waits for its host", function()
    local mod = assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (call $host) (call $host)))]]))
    for _, end_with in ipairs { "yield", "error" } do
      local inst = assert(mod:instantiate({ e = { host = coroutine.yield } },
        { timeout = 0.05, on_limit = end_with }))
      local co = coroutine.create(inst.exports.f)
      assert(coroutine.resume(co))
      local before = os.time()
      while os.time() - before < 2 do end
      local ok, value = coroutine.resume(co)
      assert(ok and value == nil, tostring(value))
      ok, value = coroutine.resume(co)
      assert(ok and value == nil, tostring(value))
      assert.equal("dead", coroutine.status(co))
    end
  end)

  it("yields all that one coroutine has entered, and is an error where nothing can", function()
    local inner = assert(wasm.run(SPIN))
    local inst = assert(assert(wasm.compile([[(module (import "e" "host" (func $host))
      (func (export "f") (call $host)))]])):instantiate({ e = { host = function()
        inner.exports.spin()
      end } }, { timeout = 0.01, on_limit = "yield" }))
    local co = coroutine.create(inst.exports.f)
    for _ = 1, 5 do
      local ok, value = coroutine.resume(co)
      assert(ok and value == "timeout", tostring(value))
    end
    assert(coroutine.close(co))
    assert.is_false(inst:busy())
    assert.is_false(inner:busy())
    expires(inst.exports.f)
  end)
end)

describe("timeouts, after a fork", function()
  it("end the call that was under way, and new ones, in both processes", function()
    host.script([==[
      local wasm = require "wasm"
      local status, child
      local function make(limit)
        local inst
        inst = assert(assert(wasm.compile([[(module (import "e" "host" (func $host))
          (func (export "f") (call $host) (loop (br 0)))
          (func (export "spin") (loop (br 0)))
          (func (export "add") (param i32 i32) (result i32)
            (i32.add (local.get 0) (local.get 1))))]])):instantiate({ e = { host = function()
              child()
            end } }, { [limit] = 0.05 }))
        return inst
      end
      local function expires(f)
        local ok, err = pcall(f)
        assert(not ok and err.message == "timeout", tostring(err))
      end
      for _, limit in ipairs { "timeout", "cpu_timeout" } do
        local inst = make(limit)
        expires(inst.exports.spin) -- there is a thread now
        function child() -- the call that is under way is so in both, with what time it has left
          status = host.child(function() expires(inst.exports.spin) end)
        end
        expires(inst.exports.f)
        assert(status == "exit 0", status)
        function child() end
        status = host.child(function()
          for _ = 1, 3 do expires(inst.exports.spin) end
          expires(inst.exports.f)
          assert(inst.exports.add(1, 2) == 3)
        end)
        assert(status == "exit 0", status)
        expires(inst.exports.f)
        assert(inst.exports.add(1, 2) == 3)
      end]==])
  end)
end)

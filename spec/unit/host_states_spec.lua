--- One process, many Lua states and threads: what the library leaves must not hurt the next.
local host = require "spec.support.host"
local weight = require "spec.support.weight"

describe("a host program", function()
  it("opens and closes a thousand Lua states, with signals and compiles between", function()
    local count = weight.scaled(1000)
    local output = host.run("host_states " .. count)
    weight.report("states: %s", (output:gsub("\n$", "")))
    assert.truthy(output:find(("^%d states, %d signals raised"):format(count, 6 * (count + 20))))
  end)
end)

-- A thread's whole life with the library: compile what all compile, and something of its own.
local LIFE = [==[
  local wasm, n = require "wasm", ...
  local shared = assert(wasm.compile [[(module
    (import "e" "wait" (func $wait (param i32) (result i32)))
    (memory (export "memory") 1)
    (func $deep (export "deep") (param i32) (call $deep (local.get 0)) (call $deep (local.get 0)))
    (func (export "go") (param i32) (result i32)
      (i32.store (i32.const 8) (call $wait (local.get 0)))
      (i32.add (i32.load (i32.const 8)) (i32.const 1))))]])
  for round = 1, 15 do
    local own = assert(wasm.run(('(module (func (export "n") (result i32) i32.const %d))')
      :format(n * 100 + round)))
    assert(own.exports.n() == n * 100 + round)
    local inst = assert(shared:instantiate { e = { wait = function(v)
      if coroutine.isyieldable() then return coroutine.yield(v) end
      return v * 2
    end } })
    assert(inst.exports.go(n) == n * 2 + 1)
    local co = coroutine.create(inst.exports.go)
    assert(select(2, coroutine.resume(co, 5)) == 5)
    if round % 3 > 0 then assert(select(2, coroutine.resume(co, 7)) == 8) end
    assert(select(2, pcall(inst.exports.deep, 0)).trap == "call stack exhausted")
    if round % 2 == 0 then inst:close("force") end
  end
  return "done"]==]

describe("Lua states in other threads", function()
  it("come and go one after the other, with threads", function()
    host.script([==[
      local life = [=[]==] .. LIFE .. [==[]=]
      for n = 1, 12 do
        local result, why = host.join(host.thread(life, n))
        assert(result == "done", why)
      end
      assert(load(life)(13) == "done")]==])
  end)

  it("work four at a time", function()
    host.script([==[
      local life = [=[]==] .. LIFE .. [==[]=]
      for round = 1, 4 do
        local threads = {}
        for n = 1, 4 do threads[n] = host.thread(life, round * 4 + n) end
        for n = 1, 4 do
          local result, why = host.join(threads[n])
          assert(result == "done", why)
        end
      end]==])
  end)
end)

describe("a Lua state", function()
  it("moves between threads while a call is parked", function()
    host.script([==[
      local wasm
      host.elsewhere(function() wasm = require "wasm" end)
      local inst = assert(wasm.run([[(module
        (import "e" "wait" (func $wait (param i32) (result i32)))
        (memory 1)
        (func $deep (param i32) (call $deep (local.get 0)) (call $deep (local.get 0)))
        (func (export "go") (param i32) (result i32) (local $k i32)
          (loop
            (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (call $wait (local.get $k))))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $k) (local.get 0))))
          (i32.load (i32.const 8)))
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "fail") (param i32) (result i32)
          (drop (call $wait (i32.const 0))) (call $deep (i32.const 0)) (i32.const 0))
        (func (export "spin") (param i32) (result i32)
          (drop (call $wait (i32.const 0))) (loop (br 0)) (i32.const 0)))]],
        { e = { wait = coroutine.yield } }))
      local go = coroutine.wrap(inst.exports.go)
      assert(host.elsewhere(function() return go(10) end) == 0)
      for k = 1, 9 do
        local next_ = k % 2 == 0 and go or function(v) return host.elsewhere(go, v) end
        assert(next_(1) == k)
      end
      assert(host.elsewhere(go, 1) == 10)

      -- traps after a move, with the stack's end and the alternate stack of the new thread
      for _, places in ipairs { { 1, 2 }, { 2, 1 }, { 2, 3 } } do
        local function at(place, f, ...)
          if place == 1 then return f(...) end
          return host.elsewhere(f, ...)
        end
        for _, case in ipairs { "fail", "load", "spin" } do
          local co = coroutine.create(inst.exports[case])
          local ok, err = at(places[1], coroutine.resume, co, 65536)
          if case ~= "load" then
            assert(ok and err == 0)
            if case == "spin" then
              local _, fn, arg = inst:interrupter("c")
              local sender = host.sender(fn, arg, 500)
              ok, err = at(places[2], coroutine.resume, co, 1)
              host.join(sender)
            else
              ok, err = at(places[2], coroutine.resume, co, 1)
            end
          end
          local wanted = { fail = "call stack exhausted", load = "out of bounds memory access" }
          assert(not ok, case)
          assert(err.trap == wanted[case] and (case ~= "spin" or err.kind == "interrupt"),
            tostring(err))
        end
        assert(at(places[2], inst.exports.load, 8) == 10)
      end
      -- parked here, closed and collected there
      local parked = coroutine.create(inst.exports.go)
      coroutine.resume(parked, 5)
      assert(host.elsewhere(coroutine.close, parked))
      parked = coroutine.create(inst.exports.go)
      coroutine.resume(parked, 5)
      host.elsewhere(function() parked = nil collectgarbage() collectgarbage() end)
      assert(host.elsewhere(function() return inst.exports.load(8) end) == 10)]==])
  end)
end)

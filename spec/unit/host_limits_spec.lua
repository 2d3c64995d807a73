--- API row 36: what the system refuses is `nil, err` with advice, and the rest goes on.
local host = require "spec.support.host"
local weight = require "spec.support.weight"

-- A little of everything; `get` is like assert, but notes what the system refused.
local WORK = [[
  local wasm = require "wasm"
  local refused, bounds = {}, {}
  local function get(value, err)
    if value ~= nil then return value end
    assert(err.kind == "nomem", tostring(err))
    assert(#err.message > 10)
    refused[#refused + 1] = err.message
    error(refused)
  end
  local provider = [=[(module (memory (export "memory") 1) (table (export "table") 4 funcref)
    (global (export "g") (mut i32) (i32.const 7))
    (func (export "f") (param i32) (result i32) (i32.load (local.get 0))))]=]
  local big = '(module (memory (export "memory") 20) (data (i32.const 0) "'
    .. ("x"):rep(1200000) .. '"))'
  local user = [=[(module (import "p" "memory" (memory 1)) (import "p" "table" (table 4 funcref))
    (import "p" "f" (func $f (param i32) (result i32))) (import "e" "h" (func $h (result i32)))
    (data (i32.const 8) "\2a\00\00\00")
    (elem (i32.const 1) $f $deep)
    (func $deep (param i32) (result i32) (call $deep (local.get 0)))
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "f") (param i32) (result i32) (call $f (local.get 0)))
    (func (export "slot") (param i32 i32) (result i32)
      (call_indirect (param i32) (result i32) (local.get 0) (local.get 1)))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "h") (result i32) (call $h)))]=]
  provider, big, user = wasm.wat(provider), wasm.wat(big), wasm.wat(user)
  local function work()
    local p = get(wasm.run(provider))
    local b = get(wasm.run(big))
    local u = get(wasm.run(user, { p = p, e = { h = function() return 5 end } }))
    bounds[p:stats().bounds], bounds[u:stats().bounds] = true, true
    local e = u.exports
    assert(e.load(8) == 42 and e.f(8) == 42 and e.slot(8, 1) == 42)
    assert(b.memory:read(1199990, 12) == ("x"):rep(10) .. "\0\0")
    assert(select(2, pcall(e.load, 65533)).trap == "out of bounds memory access")
    assert(select(2, pcall(e.slot, 1, 2)).trap == "call stack exhausted")
    assert(coroutine.wrap(e.h)() == 5)
    local old = e.grow(3)
    assert(old == 1 or old == -1, old)
    if old == 1 then assert(e.load(4 * 65536 - 4) == 0 and e.f(8) == 42) end
    for _ = 1, 3 do assert(select(2, pcall(e.load, 4 * 65536)).kind == "trap") end
    get(wasm.memory { min = 4, max = 8 }):close()
    u:close() b:close() p:close()
  end
]]

describe("row 36: a process with little address space", function()
  if host.sanitized then
    pending("cannot be tried where a sanitizer reserves terabytes")
    return
  end

  it("falls back to explicit bounds, and all is as ever", function()
    host.script(WORK .. [[
      host.limit_space(600 << 20)
      get(wasm.memory { min = 6400 }) -- 400 MiB: code takes a quarter at most
      for _ = 1, 20 do work() collectgarbage() end
      assert(bounds.explicit and not bounds.guard and #refused == 0)]])
  end)

  it("goes on with guard memories that it has, linked with explicit ones", function()
    host.script(WORK .. [[
      local g = get(wasm.run(provider))
      assert(g:stats().bounds == "guard")
      local kept = {}
      for n = 1, 12 do kept[n] = get(wasm.run(provider)) end -- nothing lies ready for reuse
      host.limit_space(1 << 30)
      local imports = { p = g, e = { h = function() return 5 end } }
      local u = get(wasm.run(user, imports))
      assert(u:stats().bounds == "guard" and u.exports.load(8) == 42)
      local x = get(wasm.run(provider))
      assert(x:stats().bounds == "explicit")
      local v = get(wasm.run(user, { p = x, e = imports.e }))
      assert(v:stats().bounds == "explicit" and v.exports.load(8) == 42)
      for _ = 1, 3 do
        assert(select(2, pcall(u.exports.load, 65533)).kind == "trap")
        assert(select(2, pcall(v.exports.load, 65533)).kind == "trap")
      end
      assert(u.exports.grow(1) == 1 and v.exports.grow(1) == 1)
      assert(u.exports.load(65536) == 0 and v.exports.load(65536) == 0)]])
  end)

  it("gets nil and advice wherever the limit hits", function()
    weight.report("limits: %s", host.script(WORK .. [[
      local outcomes = {}
      local step = (48 << 20) // %COUNT%
      for n = 0, %COUNT% do
        local ended = host.child(function()
          host.limit_space(n * step)
          local done, why = pcall(work)
          if not done and why ~= refused then
            assert(tostring(why):find("memory"), tostring(why))
            os.exit(3)
          end
          if not done then
            assert(refused[1]:find("ulimit", 1, true) or refused[1]:find("memory"), refused[1])
            os.exit(2)
          end
        end)
        outcomes[ended] = (outcomes[ended] or 0) + 1
      end
      for ended, n in pairs(outcomes) do
        assert(ended == "exit 0" or ended == "exit 2" or ended == "exit 3", ended .. " " .. n)
      end
      assert(outcomes["exit 0"] and outcomes["exit 2"])
      io.write(("address space in %d steps up to 48 MiB: %d times all worked, %d nil and advice, "
        .. "%d an error of Lua's"):format(%COUNT% + 1, outcomes["exit 0"], outcomes["exit 2"],
        outcomes["exit 3"] or 0))]], { COUNT = weight.scaled(96) }))
  end)
end)

describe("row 36: a process", function()
  it("that may make nothing executable gets nil and advice, and what it has goes on", function()
    weight.report("limits: %s", host.script([[
      local wasm = require "wasm"
      local inst = assert(wasm.run('(module (func (export "f") (result i32) i32.const 4))'))
      local done, why = host.refuse_exec()
      if not done then io.write("executable memory: not tried, ", why) return end
      for n = 1, 20 do
        local mod, err = wasm.compile(('(module (func (export "f") (result i32) i32.const %d))')
          :format(1000 + n))
        assert(mod == nil and err.kind == "nomem", tostring(err))
        assert(#err.message > 20, err.message)
        assert(inst.exports.f() == 4)
        why = err.message
      end
      assert(wasm.validate("(module)"))
      io.write("executable memory: ", why)]]))
  end)

  it("with thousands of memories falls back, then gets nil, and recovers", function()
    if host.sanitized then return end
    weight.report("limits: %s", host.script([[
      local wasm = require "wasm"
      local mod = assert(wasm.compile('(module (memory (export "m") 1)'
        .. ' (func (export "f") (param i32) (result i32)'
        .. ' (i32.store (i32.const 0) (local.get 0)) (i32.load (i32.const 0))))'))
      local all, count, err = {}, { guard = 0, explicit = 0 }, nil
      while true do
        local done, inst
        done, inst, err = pcall(mod.instantiate, mod)
        if not done then -- it was Lua that wanted another mapping just now
          assert(inst == "not enough memory", tostring(inst))
          err = { kind = "nomem", message = inst }
        end
        if not done or not inst then break end
        local n = #all + 1
        all[n] = inst
        local bounds = inst:stats().bounds
        count[bounds] = count[bounds] + 1
        if n % 100 == 0 then assert(inst.exports.f(n) == n) end
        assert(n < 70000)
      end
      assert(err.kind == "nomem", tostring(err))
      for n = 1, #all, 97 do assert(all[n].exports.f(n) == n) end
      for n = #all, #all // 2, -1 do all[n]:close() all[n] = nil end
      assert(assert(mod:instantiate()).exports.f(5) == 5)
      io.write(("%d instances with guards, %d with explicit bounds, then: %s"):format(count.guard,
        count.explicit, err.message))]]))
  end)
end)

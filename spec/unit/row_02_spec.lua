--- API row 2: compile X twice as A and B, close A, instantiate B; in every order.
local wasm = require "wasm"
local weight = require "spec.support.weight"

local SOURCE = [[(module (memory (export "m") 1)
  (func (export "id") (param i32) (result i32) local.get 0))]]

describe("row 2: two handles of the same bytes", function()
  it("do not notice that the other one is closed", function()
    local a, b = assert(wasm.compile(SOURCE)), assert(wasm.compile(SOURCE))
    local first = assert(a:instantiate())
    assert.is_true(a:close())
    local second = assert(b:instantiate())
    assert.equal(7, second.exports.id(7))
    assert.equal(8, first.exports.id(8))
    assert.is_false(a:close())
  end)

  it("survive every order of steps", function()
    local steps = {
      function(s) s.a:close() end,
      function(s) s.b:close() end,
      function(s) if s.inst then s.inst:close() end end,
      function(s) s.a:close() collectgarbage() end,
      function(s)
        if s.b:closed() then
          assert.is_false(pcall(s.b.instantiate, s.b))
        else
          s.inst = assert(s.b:instantiate())
          assert.equal(5, s.inst.exports.id(5))
        end
      end,
    }
    local function permute(list, n)
      if n == 0 then
        local s = { a = assert(wasm.compile(SOURCE)), b = assert(wasm.compile(SOURCE)) }
        for _, step in ipairs(list) do step(s) end
        return
      end
      for i = 1, n do
        list[i], list[n] = list[n], list[i]
        permute(list, n - 1)
        list[i], list[n] = list[n], list[i]
      end
    end
    permute(steps, #steps)
  end)

  it("survive random lifecycles with double closes and the collector", function()
    local random, mods, insts = 1, {}, {}
    local function pick(n)
      random = (random * 1103515245 + 12345) & 0x7fffffff
      return (random >> 8) % n + 1
    end
    local total = weight.scaled(20000)
    for step = 1, total do
      local what, slot = pick(8), pick(16)
      if what == 1 then
        mods[slot] = assert(wasm.compile(SOURCE))
      elseif what == 2 and mods[slot] then
        mods[slot]:close()
      elseif what == 3 then
        mods[slot] = nil
      elseif what == 4 and mods[slot] and not mods[slot]:closed() then
        insts[pick(16)] = assert(mods[slot]:instantiate())
      elseif what == 5 and insts[slot] then
        insts[slot]:close()
      elseif what == 6 then
        insts[slot] = nil
      elseif what == 7 and insts[slot] then
        if insts[slot]:closed() then
          assert(not pcall(insts[slot].call, insts[slot], "id", 1))
        else
          assert(insts[slot]:call("id", step) == step)
        end
      elseif what == 8 and step % 50 == 0 then
        collectgarbage()
      end
    end
  end)

  it("leave no code behind", function()
    collectgarbage()
    collectgarbage()
    local before = wasm.stats().codes
    local source = SOURCE:gsub("id", "other")
    for _ = 1, 10 do
      local mod <close> = assert(wasm.compile(source, { cache = false }))
      local inst <close> = assert(mod:instantiate())
      inst.exports.other(1)
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, wasm.stats().codes)
  end)
end)

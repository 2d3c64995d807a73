--- Broken once: Lua frees a userdata even when it could not call its __gc, which fails where C
--- calls are nested as deep as they may be (or memory is short). What had died like that was
--- still in our lists.
local wasm = require "wasm"
local core = require "wasm.core"
-- Locals: where C calls are as deep as they may be even a global look-up of busted fails.
local collectgarbage, setmetatable, gsub = collectgarbage, setmetatable, string.gsub

local SOURCE = [[(module
  (import "e" "f" (func $f (param i32) (result i32)))
  (memory (export "m") 1) (table (export "t") 1 funcref)
  (global (export "g") (mut i32) (i32.const 1))
  (func (export "call") (param i32) (result i32) (call $f (local.get 0))))]]

--- One of everything that owns something, and a parked call; all garbage afterwards.
local function litter()
  local inst = assert(wasm.run(SOURCE, { e = { f = function(v) return coroutine.yield(v) end } }))
  local e = inst.exports
  local _ = { e.m, e.t, e.g, inst:module(), wasm.memory { min = 1 },
    wasm.table { "funcref", min = 1 }, wasm.global("i32", 1, true),
    wasm.func("(i32) -> i32", math.abs) }
  assert(coroutine.wrap(e.call)(7) == 7)
end

local SHALLOW = 150 -- C calls below which every finalizer can be called; Lua's limit is 200

--- Call `act` with as many C calls below it as there may be, and with nearly as many.
local function at_the_limit(act)
  local depth = 0
  local function deeper()
    depth = depth + 1
    if depth > SHALLOW then act() end
    gsub("x", "x", deeper)
  end
  local ok, err = pcall(deeper)
  assert(not ok and err:find("C stack overflow", 1, true), err)
end

--- Calls `act` only where a finalizer cannot be called.
local function without_finalizers(act)
  local skipped = 0
  at_the_limit(function()
    local called = false
    setmetatable({}, { __gc = function() called = true end })
    collectgarbage()
    if called then return end
    skipped = skipped + 1
    act()
  end)
  assert(skipped > 0, "every finalizer was called")
end

describe("userdata freed without a call of __gc", function()
  it("leaves nothing behind that is used again", function()
    for _ = 1, 20 do
      for _ = 1, 5 do litter() end
      without_finalizers(function()
        collectgarbage()
        collectgarbage()
      end)
    end
    for _ = 1, 10 do
      litter()
      collectgarbage()
      core.collect()
    end
    local inst = assert(wasm.run(SOURCE, { e = { f = function(v) return v + 1 end } }))
    assert.equal(6, inst.exports.call(5))
  end)

  it("does not keep a call that can never go on in the way of others", function()
    local inst = assert(wasm.run(SOURCE, { e = { f = function(v) return coroutine.yield(v) end } }))
    local call = inst.exports.call
    for _ = 1, 20 do
      coroutine.wrap(call)(1)
      without_finalizers(collectgarbage)
      local wrapped = coroutine.wrap(call)
      assert.equal(2, wrapped(2))
      assert.equal(3, wrapped(3))
    end
  end)
end)

describe("a coroutine brought back by a finalizer", function()
  it("raises closed, since its call was dropped", function()
    local inst = assert(wasm.run(SOURCE, { e = { f = function(v) return coroutine.yield(v) end } }))
    local saved = {}
    for n = 1, 20 do
      local co = coroutine.create(inst.exports.call)
      assert(select(2, coroutine.resume(co, n)) == n)
      setmetatable({ co }, { __gc = function(t) saved[#saved + 1] = t[1] end })
    end
    collectgarbage()
    collectgarbage()
    assert.equal(20, #saved)
    for _, co in ipairs(saved) do
      local ok, err = coroutine.resume(co, 1)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
    end
  end)
end)

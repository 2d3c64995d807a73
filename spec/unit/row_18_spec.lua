--- API row 18: the instance is closed while activations are parked.
local wasm = require "wasm"

local SOURCE = [[(module $p (import "env" "f" (func $f)) (memory (export "m") 1)
  (func (export "run") call $f))]]

local function make()
  return assert(wasm.run(SOURCE, { env = { f = coroutine.yield } }))
end

local function park(inst)
  local co = coroutine.create(inst.exports.run)
  assert.is_true(coroutine.resume(co))
  return co
end

local function is_closed(co)
  local ok, err = coroutine.resume(co)
  assert.is_false(ok)
  assert.equal("closed", err.kind)
end

describe("row 18: an instance closed while activations are parked", function()
  it("is closing, and resuming raises closed", function()
    local inst = make()
    local a, b = park(inst), park(inst)
    assert.is_true(inst:close())
    assert.equal("wasm.instance: p (closing)", tostring(inst))
    assert.is_true(inst:busy())
    is_closed(b)
    is_closed(a)
    assert.equal("wasm.instance: p (closed)", tostring(inst))
    assert.equal(0, wasm.stats().activations)
  end)

  it("drops them at once with force", function()
    local inst = make()
    local list = {}
    for i = 1, 10 do list[i] = park(inst) end
    local before = wasm.stats().memory_bytes
    assert.is_true(inst:close("force"))
    assert.equal("wasm.instance: p (closed)", tostring(inst))
    assert.equal(before - 65536, wasm.stats().memory_bytes)
    for _, co in ipairs(list) do is_closed(co) end
    assert.equal(0, wasm.stats().activations)
  end)

  it("can be forced later", function()
    local inst = make()
    local co = park(inst)
    assert.is_true(inst:close())
    assert.is_false(inst:close("force"))
    assert.equal("wasm.instance: p (closed)", tostring(inst))
    collectgarbage()
    is_closed(co)
  end)

  it("does not drop a call that is under way", function()
    local inst, parked
    local closer = function() inst:close("force") end
    local f = coroutine.yield
    inst = assert(wasm.run(SOURCE, { env = { f = function() return f() end } }))
    parked = park(inst)
    f = closer
    local ok, err = pcall(inst.exports.run)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    is_closed(parked)
    assert.is_true(inst:closed())
  end)

  it("waits for a coroutine that is collected", function()
    local inst = make()
    park(inst)
    inst:close()
    collectgarbage()
    collectgarbage()
    assert.equal("wasm.instance: p (closed)", tostring(inst))
  end)
end)

--- API row 7: an instance is closed while Lua holds its functions or memory views.
local wasm = require "wasm"

local SOURCE = [[(module $guest (memory (export "m") 2)
  (func (export "f") (result i32) i32.const 1))]]

local function closed(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("closed", err.kind)
end

describe("row 7: an instance closed while Lua holds parts of it", function()
  it("makes its functions and views raise", function()
    local inst = assert(wasm.run(SOURCE))
    local f, m = inst.exports.f, inst.exports.m
    local view = m:view("u8", 0, 4)
    inst:close()
    closed(f)
    closed(m.u8, m, 0)
    closed(function() return view[1] end)
    closed(function() view[1] = 2 end)
    assert.equal("wasm.memory (closed)", tostring(m))
    assert.truthy(tostring(view):find("(closed)", 1, true))
    assert.is_true(wasm.tofunc(f):closed())
  end)

  it("unmaps its memory at once", function()
    local before = wasm.stats().memory_bytes
    local inst = assert(wasm.run(SOURCE))
    local m = inst.exports.m
    assert.equal(before + 131072, wasm.stats().memory_bytes)
    inst:close()
    assert.equal(before, wasm.stats().memory_bytes)
    assert.is_true(m:closed())
  end)

  it("leaves a memory that another instance imports", function()
    local a = assert(wasm.run(SOURCE))
    local m = a.exports.m
    local b = assert(wasm.run([[(module (import "a" "m" (memory 1))
      (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))))]], { a = a }))
    a:close()
    m:u8(3, 42)
    assert.equal(42, b.exports.get(3))
    b:close()
    closed(m.u8, m, 3)
  end)

  it("leaves a memory of Lua's own", function()
    local m = assert(wasm.memory { min = 1 })
    local inst = assert(wasm.run('(module (import "e" "m" (memory 1)))', { e = { m = m } }))
    inst:close()
    assert.equal(65536, #m)
  end)

  it("tells handlers of on(close) once, in order", function()
    local told = {}
    local inst = assert(wasm.run(SOURCE, nil, { on_close = function() told[#told + 1] = 1 end }))
    inst:on("close", function(i) told[#told + 1] = tostring(i) end)
    inst:close()
    inst:close()
    assert.same({ 1, "wasm.instance: guest (closed)" }, told)
  end)
end)

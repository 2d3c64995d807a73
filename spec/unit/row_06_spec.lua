--- API row 6: a method on a closed handle raises "closed" and names the object.
local wasm = require "wasm"

local SOURCE = [[(module $thing (memory (export "m") 1) (table (export "t") 2 funcref)
  (global (export "g") (mut i32) (i32.const 1)) (func (export "f")))]]

--- Calling raises a wasm.error of kind "closed" whose message names the object and our file.
local function closed(name, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("closed", err.kind)
  assert.truthy(err.message:find(name, 1, true), err.message)
  assert.truthy(tostring(err):find(name, 1, true))
end

describe("row 6: a closed", function()
  it("instance raises from every method but closed, close, busy and tostring", function()
    local inst = assert(wasm.run(SOURCE))
    assert.is_true(inst:close())
    assert.is_false(inst:close())
    assert.is_true(inst:closed())
    assert.is_false(inst:busy())
    assert.equal("wasm.instance: thing (closed)", tostring(inst))
    for _, method in ipairs { "call", "func", "interrupter", "interrupt", "module", "stats" } do
      closed("instance 'thing' is closed", inst[method], inst, "f")
    end
    closed("instance 'thing' is closed", inst.on, inst, "close", print)
    closed("instance 'thing' is closed", function() return inst.exports end)
    closed("instance 'thing' is closed", function() return inst.memory end)
  end)

  it("memory raises", function()
    local m = assert(wasm.memory { min = 1 })
    assert.is_true(m:close())
    assert.is_false(m:close())
    assert.is_true(m:closed())
    assert.equal("wasm.memory (closed)", tostring(m))
    closed("memory is closed", m.read, m, 0, 1)
    closed("memory is closed", m.u8, m, 0)
    closed("memory is closed", m.view, m, "u8", 0, 1)
    closed("memory is closed", function() return #m end)
  end)

  it("table raises", function()
    local t = assert(wasm.table { "funcref", min = 2 })
    assert.is_true(t:close())
    assert.is_false(t:close())
    assert.equal("wasm.table (closed)", tostring(t))
    closed("table is closed", function() return t[1] end)
    closed("table is closed", function() t[1] = nil end)
    closed("table is closed", function() return #t end)
    closed("table is closed", t.grow, t, 1)
  end)

  it("global raises", function()
    local g = wasm.global("i32", 1, true)
    assert.is_true(g:close())
    assert.is_false(g:close())
    assert.equal("wasm.global (closed)", tostring(g))
    closed("global is closed", function() return g.value end)
    closed("global is closed", function() g.value = 1 end)
    closed("global is closed", g.type, g)
  end)

  it("wasm.func raises, its plain function goes on", function()
    local inst = assert(wasm.run(SOURCE))
    local F, f = inst:func("f"), inst.exports.f
    assert.is_true(F:close())
    assert.is_false(F:close())
    assert.is_true(F:closed())
    closed("wasm.func 'f' is closed", F.fn, F)
    f()
  end)

  it("function is refused wherever a function is taken", function()
    local old = assert(wasm.run(SOURCE))
    local f, F = old.exports.f, old:func "f"
    old:close()
    local inst = assert(wasm.run([[(module (import "e" "give" (func $give (result funcref)))
      (table (export "t") 2 funcref) (global (export "g") (mut funcref) (ref.null func))
      (type $box (struct (field (mut funcref))))
      (func (export "take") (param funcref))
      (func (export "ask") (drop (call $give)))
      (func (export "box") (result (ref $box)) (struct.new_default $box)))]],
      { e = { give = function() return f end } }))
    local t, g, box = inst.exports.t, inst.exports.g, inst.exports.box()
    local full = wasm.tag "(funcref)"
    for _, func in ipairs { f, F } do
      closed("instance 'thing' is closed", function() t[1] = func end)
      closed("instance 'thing' is closed", t.grow, t, 1, func)
      closed("instance 'thing' is closed", function() g.value = func end)
      closed("instance 'thing' is closed", function() box[1] = func end)
      closed("instance 'thing' is closed", wasm.global, "funcref", func)
      closed("instance 'thing' is closed", wasm.table, { "funcref", min = 1, init = func })
      closed("instance 'thing' is closed", wasm.exception, full, func)
      closed("bad argument #1 to 'take'", inst.exports.take, func)
    end
    closed("bad result #1 of import", inst.exports.ask)
    assert.is_true(t[1] == nil and #t == 2 and g.value == nil and box[1] == nil)
  end)

  it("handle given as an import is an error of kind closed", function()
    local m = assert(wasm.memory { min = 1 })
    m:close()
    local mod = assert(wasm.compile('(module (import "e" "m" (memory 1)))'))
    local inst, err = mod:instantiate { e = { m = m } }
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
    assert.truthy(err.message:find('"e" "m"', 1, true), err.message)
  end)

  it("object's metatable stays out of reach", function()
    local inst = assert(wasm.run(SOURCE))
    assert.is_false(getmetatable(inst))
    assert.is_false(getmetatable(inst.exports))
    assert.is_false(getmetatable(inst:module()))
    assert.is_false(getmetatable(inst.exports.m))
  end)
end)

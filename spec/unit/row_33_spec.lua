--- API row 33: a memory view after grow, and after close.
local wasm = require "wasm"

describe("row 33: a memory view", function()
  for _, bounds in ipairs { "guard", "explicit" } do
    it("is still right after the memory grew, " .. bounds, function()
      local inst = assert(wasm.run([[(module (memory (export "m") 1 200)
        (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
        (func (export "set") (param i32 i32) (i32.store (local.get 0) (local.get 1))))]],
        nil, { bounds = bounds }))
      local m = inst.exports.m
      local view = m:view("i32", 8, 4)
      view[1] = 5
      assert.equal(1, inst.exports.grow(50))
      assert.equal(51, m:grow(100))
      assert.equal(5, view[1])
      inst.exports.set(12, 77)
      assert.equal(77, view[2])
      assert.equal(151 * 65536, #m)
      inst:close()
      local ok, err = pcall(function() return view[1] end)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
    end)
  end

  it("raises when a snapshot of a smaller memory was restored", function()
    local inst = assert(wasm.run [[(module (memory (export "memory") 1 4))]])
    local small, m = assert(inst:snapshot()), inst.memory
    m:grow(2)
    local beyond, within = m:view("u8", 100000, 100), m:view("u8", 100, 100)
    assert(inst:restore(small))
    for _, use in ipairs { function() return beyond[1] end, function() beyond[1] = 1 end } do
      local ok, err = pcall(use)
      assert.is_false(ok)
      assert.truthy(err:find("out of bounds memory access", 1, true))
    end
    within[100] = 7
    assert.equal(7, m:u8(199))
    m:grow(1)
    assert.equal(0, beyond[1])
  end)

  it("is an array from 1, of the type asked for", function()
    local m = assert(wasm.memory { min = 1 })
    for _, type in ipairs { "u8", "i8", "u16", "i16", "u32", "i32", "i64", "f32", "f64" } do
      local view = m:view(type, 16, 3)
      assert.equal(3, #view)
      for i = 1, 3 do view[i] = i * 10 end
      local got = {}
      for i, v in ipairs(view) do got[i] = v end
      assert.same({ 10, 20, 30 }, got)
      assert.is_nil(view[0])
      assert.is_nil(view[4])
      assert.is_false(pcall(function() view[4] = 1 end))
      assert.equal(10, m[type](m, 16))
    end
  end)

  it("does not reach beyond the memory", function()
    local m = assert(wasm.memory { min = 1 })
    assert.is_false(pcall(m.view, m, "u32", 65536 - 4, 2))
    assert.is_false(pcall(m.view, m, "u8", -1, 1))
    assert.is_false(pcall(m.view, m, "f64", 0, math.maxinteger))
    assert.equal(1, #m:view("u32", 65536 - 4, 1))
  end)
end)

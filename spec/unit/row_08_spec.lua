--- API row 8: a closed instance's function is imported by, or in a table of, a live one.
local wasm = require "wasm"

local A = [[(module $a (func $f (export "f") (result i32) i32.const 11)
  (memory (export "m") 1) (table (export "t") 3 funcref) (elem (i32.const 0) $f))]]
local B = [[(module $b (import "a" "f" (func $f (result i32)))
  (import "a" "m" (memory 1)) (import "a" "t" (table 3 funcref))
  (func $own (result i32) i32.const 22) (elem (i32.const 1) $own)
  (func (export "direct") (result i32) call $f)
  (func (export "at") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
  (func (export "peek") (result i32) (i32.load8_u (i32.const 0))))]]

local function traps(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("trap", err.kind)
  assert.equal("callee instance closed", err.trap)
end

describe("row 8: a closed instance's function", function()
  for _, bounds in ipairs { "guard", "explicit" } do
    it("traps when a live instance calls it, " .. bounds, function()
      local a = assert(wasm.run(A, nil, { bounds = bounds }))
      local b = assert(wasm.run(B, { a = a }, { bounds = bounds }))
      assert.equal(11, b.exports.direct())
      assert.equal(11, b.exports.at(0))
      a:close()
      collectgarbage()
      traps(b.exports.direct)
      traps(b.exports.at, 0)
      assert.equal(22, b.exports.at(1))
    end)
  end

  it("leaves what was shared alive", function()
    local a = assert(wasm.run(A))
    local m, t = a.exports.m, a.exports.t
    local b = assert(wasm.run(B, { a = a }))
    a:close()
    m:u8(0, 9)
    assert.equal(9, b.exports.peek())
    assert.equal(3, #t)
    assert.equal(22, t[2]())
    local ok, err = pcall(t[1])
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("traps the other way round, and after the collector", function()
    local a = assert(wasm.run(A))
    local t = a.exports.t
    do
      local b = assert(wasm.run(B, { a = a }))
      assert.equal(22, t[2]())
      b:close()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(11, t[1]())
    assert.is_false(pcall(t[2]))
  end)

  it("in a dropped instance stays callable through a table", function()
    local a = assert(wasm.run(A))
    assert(wasm.run(B, { a = a }))
    collectgarbage()
    collectgarbage()
    assert.equal(22, a.exports.t[2]())
  end)

  it("cannot be given to wasm any more", function()
    local a = assert(wasm.run(A))
    local f = a.exports.f
    local t = assert(wasm.table { "funcref", min = 1 })
    a:close()
    assert.is_false(pcall(function() t[1] = f end))
    local inst, err = assert(wasm.compile('(module (import "e" "f" (func (result i32))))'))
      :instantiate { e = { f = f } }
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
  end)
end)

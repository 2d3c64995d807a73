--- API row 1: a module is closed while its instances live.
local wasm = require "wasm"

local SOURCE = [[(module $counter
  (global $n (mut i32) (i32.const 0))
  (func (export "next") (result i32)
    (global.set $n (i32.add (global.get $n) (i32.const 1)))
    global.get $n))]]

describe("row 1: a module closed while its instances live", function()
  local mod, inst

  before_each(function()
    mod = assert(wasm.compile(SOURCE))
    inst = assert(mod:instantiate())
  end)

  it("leaves the instances as they were", function()
    assert.equal(1, inst.exports.next())
    assert.is_true(mod:close())
    collectgarbage()
    assert.equal(2, inst.exports.next())
  end)

  it("is dead itself", function()
    local hash, size = mod:hash(), mod:size()
    assert.is_true(mod:close())
    assert.is_false(mod:close())
    assert.is_true(mod:closed())
    for _, method in ipairs { "instantiate", "imports", "exports", "sections", "bytes", "info" } do
      local ok, err = pcall(mod[method], mod)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
      assert.truthy(err.message:find("module 'counter' is closed", 1, true), err.message)
    end
    assert.equal(hash, mod:hash())
    assert.equal(size, mod:size())
    assert.equal("counter", mod.name)
    assert.equal("wasm.module: counter (closed)", tostring(mod))
  end)

  it("gives way to a new handle from its instance", function()
    mod:close()
    local again = inst:module()
    assert.equal("wasm.module: counter", tostring(again))
    assert.equal(1, assert(again:instantiate()).exports.next())
  end)

  it("closes at the end of a block with <close>", function()
    local kept
    do
      local scoped <close> = assert(wasm.compile(SOURCE))
      kept = scoped
      assert.is_false(kept:closed())
    end
    assert.is_true(kept:closed())
  end)
end)

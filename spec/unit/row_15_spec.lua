--- API row 15: a host function yields, not in a coroutine.
local wasm = require "wasm"

describe("row 15: a host function that yields outside of a coroutine", function()
  -- busted runs specs in the main thread of Lua, as this asserts first
  local inst = assert(wasm.run([[(module (import "env" "f" (func $f (result i32)))
    (func (export "run") (result i32) call $f))]], { env = { f = coroutine.yield } }))

  it("gets Lua's own error, and wasm unwinds", function()
    assert.is_true(select(2, coroutine.running()))
    for _ = 1, 100 do
      local ok, err = pcall(inst.exports.run)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("attempt to yield from outside a coroutine", 1, true))
    end
    assert.equal(0, wasm.stats().activations)
  end)

  it("works again inside of one", function()
    local co = coroutine.wrap(inst.exports.run)
    co()
    assert.equal(5, co(5))
  end)

  it("gets an error below a C function that cannot be yielded across", function()
    local co = coroutine.create(function()
      return ("x"):gsub("x", function() return inst.exports.run() end)
    end)
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("attempt to yield across a C-call boundary", 1, true))
    assert.equal(0, wasm.stats().activations)
  end)
end)

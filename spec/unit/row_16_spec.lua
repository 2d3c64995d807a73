--- API row 16: a host function calls another export of the same instance.
local wasm = require "wasm"

describe("row 16: a host function that calls an export of its caller", function()
  local inst
  inst = assert(wasm.run([[(module (import "env" "f" (func $f (param i32) (result i32)))
    (memory (export "m") 1)
    (func (export "fact") (param i32) (result i32)
      (if (result i32) (i32.le_s (local.get 0) (i32.const 1))
        (then (i32.const 1))
        (else (i32.mul (local.get 0) (call $f (i32.sub (local.get 0) (i32.const 1)))))))
    (func (export "store") (param i32) (i32.store (i32.const 0) (local.get 0))))]],
    { env = { f = function(n)
      inst.exports.store(n)
      return inst.exports.fact(n)
    end } }))

  it("is a second activation", function()
    assert.equal(3628800, inst.exports.fact(10))
    assert.equal(1, inst.exports.m:i32(0))
    assert.equal(0, wasm.stats().activations)
  end)

  it("is so in a coroutine", function()
    assert.equal(120, coroutine.wrap(function() return inst.exports.fact(5) end)())
  end)
end)

--- Broken once: a number below 65,536 on a private stack was taken for the address of a box in
--- a slab at address 0, and marking it wrote there.
local wasm = require "wasm"
local core = require "wasm.core"

describe("the collector of references", function()
  it("does not take small numbers on a stack for references", function()
    local inst
    inst = assert(wasm.run([[(module (import "e" "f" (func $f (param i32 i64)))
      (func (export "keep") (param externref))
      (func (export "go") (param i32 i64) (result i32)
        (call $f (local.get 0) (local.get 1))
        (i32.add (local.get 0) (i32.wrap_i64 (local.get 1)))))]],
      { e = { f = function()
        inst.exports.keep({})
        core.collect()
      end } }))
    for _, n in ipairs { 1, 16, 17, 100, 4096, 40000, 65535, 65536 } do
      assert.equal(2 * n, inst.exports.go(n, n))
    end
  end)
end)

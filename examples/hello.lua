--- The shortest way in: WebAssembly text, compiled to machine code and called.
local wasm = require "wasm"

local inst = assert(wasm.run [[
  (module
    (func (export "add") (param i32 i32) (result i32)
      (i32.add (local.get 0) (local.get 1))))]])

print("2 + 3 = " .. inst.exports.add(2, 3))
assert(inst.exports.add(2, 3) == 5)

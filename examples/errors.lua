--- Errors: who is at fault decides how it fails, and every error says where.
local wasm = require "wasm"

local function title(s) print("\n-- " .. s) end

title "something from outside is bad: nil, err"

local mod, err = wasm.compile("\0asm\1\0\0\0\1\4\1\x60")
assert(not mod and err.kind == "malformed")
print(("%s at offset %d: %s"):format(err.kind, err.offset, err.message))

mod, err = wasm.compile "(module (func (result i32) (i64.const 1)))"
assert(not mod and err.kind == "invalid")
print(err.kind .. ": " .. err.message)

mod, err = wasm.compile "(module\n  (func (export \"f\") (i32.ad)))"
assert(not mod and err.line == 2)
print(tostring(err))

local inst
inst, err = wasm.run('(module (import "env" "log" (func (param i32))))')
assert(not inst and err.kind == "link")
print(err.kind .. ": " .. err.message)

title "the caller's mistake: an error with its position"

local adder = assert(wasm.run [[
  (module (func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1))))]])
local ok
ok, err = pcall(function() return (adder.exports.add(1, "two")) end)
assert(not ok)
print(err)
ok, err = pcall(function() return (adder.exports.add(1, 2 ^ 40)) end)
assert(not ok)
print(err)

title "the guest fails while it runs: the call raises"

local answer -- what the host function does just now
local guest = assert(wasm.run([[
  (module
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (memory 1)
    (func $inner (param i32) (result i32) (i32.div_s (i32.const 100) (local.get 0)))
    (func $outer (export "outer") (param i32) (result i32)
      (i32.add (call $inner (local.get 0)) (i32.const 1)))
    (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
    (func $forever (export "forever") (call $forever) (call $forever))
    (func (export "asking") (param i32) (result i32) (call $ask (local.get 0))))]],
  { host = { ask = function(x) return answer(x) end } }))

ok, err = pcall(guest.exports.outer, 0)
assert(not ok and err.kind == "trap" and err.trap == "integer divide by zero")
print(tostring(err))
assert(err.frames[1].name == "inner" and err.frames[2].name == "outer")

ok, err = pcall(guest.exports.peek, 65536)
assert(not ok and err.trap == "out of bounds memory access")
print(err.kind .. ": " .. err.trap)

ok, err = pcall(guest.exports.forever)
assert(not ok and err.trap == "call stack exhausted")
print(err.kind .. ": " .. err.trap)

title "a host function fails: the very same value comes out"

local value = setmetatable({}, { __tostring = function() return "a value of my own" end })
answer = function() error(value) end
ok, err = pcall(guest.exports.asking, 1)
assert(not ok and rawequal(err, value))
print(tostring(err))

title "wasm calls Lua calls wasm: one trace of both"

answer = function(x) return guest.exports.outer(x) + 1 end
ok, err = pcall(guest.exports.asking, 0)
assert(not ok and err.trap == "integer divide by zero")
print(tostring(err))

title "and after all that"

answer = function(x) return x end
assert(guest.exports.asking(7) == 7 and guest.exports.outer(50) == 3)
print("the guest still works: 100 / 50 + 1 = " .. guest.exports.outer(50))

--- Values on their way between Lua and WebAssembly.
local wasm = require "wasm"

local inst = assert(wasm.run [[
  (module
    (func (export "i32") (param i32) (result i32) (local.get 0))
    (func (export "i64") (param i64) (result i64) (local.get 0))
    (func (export "f32") (param f32) (result f32) (local.get 0))
    (func (export "f64") (param f64) (result f64) (local.get 0))
    (func (export "divmod") (param i64 i64) (result i64 i64)
      (i64.div_s (local.get 0) (local.get 1))
      (i64.rem_s (local.get 0) (local.get 1)))
    (func (export "swap") (param externref i32) (result i32 externref)
      (local.get 1) (local.get 0))
    (global (export "answer") (mut i32) (i32.const 42))
    (global (export "pi") f64 (f64.const 3.141592653589793))
    (table $boxes (export "boxes") 4 externref)
    (func (export "box") (param i32 externref)
      (table.set $boxes (local.get 0) (local.get 1)))
    (func (export "twice") (param funcref i32) (result i32)
      (table.set $one (i32.const 0) (local.get 0))
      (call_indirect $one (param i32) (result i32)
        (call_indirect $one (param i32) (result i32) (local.get 1) (i32.const 0))
        (i32.const 0)))
    (table $one 1 funcref))]])
local f = inst.exports

-- i32: results are signed; arguments may be -2^31 .. 2^32-1. Floats with an integer value and
-- booleans are fine, anything else is an error that names the parameter.
print("i32", f.i32(-1), f.i32(0xffffffff), f.i32(7.0), f.i32(true))
assert(f.i32(0xffffffff) == -1 and f.i32(7.0) == 7 and f.i32(true) == 1)
local ok, err = pcall(f.i32, 1.5)
print("", (tostring(err):match("[^\n]+")))
assert(not ok)

-- i64 is Lua's integer, all 64 bits of it.
print("i64", f.i64(math.mininteger), f.i64(1 << 62))
assert(f.i64(math.mininteger) == math.mininteger)

-- f64 is Lua's float; f32 rounds.
print("f64", f.f64(0.1), f.f64(1 / 0))
print("f32", f.f32(0.1))
assert(f.f64(0.1) == 0.1 and f.f32(0.1) ~= 0.1 and math.abs(f.f32(0.1) - 0.1) < 1e-8)
assert(f.f64(0 / 0) ~= f.f64(0 / 0))

-- Several results come as several values.
local quotient, remainder = f.divmod(-17, 5)
print("multi-value", quotient, remainder)
assert(quotient == -3 and remainder == -2)

-- externref is any Lua value, handed through untouched.
local thing = { name = "a table" }
local number, same = f.swap(thing, 5)
print("externref", number, same.name, f.swap(nil, 1))
assert(rawequal(same, thing) and select(2, f.swap(nil, 1)) == nil)
f.box(2, print)
assert(f.boxes[3] == print and f.boxes[1] == nil and #f.boxes == 4) -- Lua counts from 1

-- funcref: exports are plain Lua functions, the same value each time, and go back in as such.
local other = assert(wasm.run [[
  (module (func (export "square") (param i32) (result i32)
    (i32.mul (local.get 0) (local.get 0))))]])
assert(other.exports.square == other.exports.square)
print("funcref", f.twice(other.exports.square, 3))
assert(f.twice(other.exports.square, 3) == 81)
-- So does a Lua function, once it has a type.
local plus_one = wasm.func("(i32) -> i32", function(x) return x + 1 end)
assert(f.twice(plus_one, 40) == 42)
print("types", wasm.tofunc(f.divmod):type(), plus_one:type())

-- Globals: exported ones are objects with a value.
f.answer.value = f.answer.value + 1
print("globals", f.answer.value, f.pi.value)
assert(f.answer.value == 43 and f.pi.value == math.pi)
assert(not pcall(function() f.pi.value = 3 end)) -- it is constant

-- What there is, by name.
local names = {}
for name in pairs(inst.exports) do names[#names + 1] = name end
table.sort(names)
print("exports", table.concat(names, " "))

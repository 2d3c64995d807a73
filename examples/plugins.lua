--- Plugins: several modules linked at run time. `bank` owns the memory and a table of event
-- handlers; each plugin imports both, brings its own functions and puts them into the table.
local wasm = require "wasm"

local bank = assert(wasm.run([[
  (module
    (memory (export "memory") 1)
    (table (export "handlers") 8 funcref)
    (global $used (mut i32) (i32.const 0))
    (global $next (export "next") (mut i32) (i32.const 256))

    ;; room in the shared memory for whoever asks
    (func (export "alloc") (param $size i32) (result i32)
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get $size))))

    ;; a free place in the table
    (func (export "subscribe") (result i32)
      (global.get $used)
      (global.set $used (i32.add (global.get $used) (i32.const 1))))

    ;; call every handler with the value that the one before returned
    (func (export "emit") (param $value i32) (result i32)
      (local $i i32)
      (block $done
        (loop $each
          (br_if $done (i32.ge_u (local.get $i) (global.get $used)))
          (local.set $value
            (call_indirect (param i32) (result i32) (local.get $value) (local.get $i)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $each)))
      (local.get $value)))]], nil, { name = "bank" }))

local DOUBLER = [[
  (module
    (import "bank" "handlers" (table 1 funcref))
    (import "bank" "subscribe" (func $subscribe (result i32)))
    (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
    (elem declare func $double)
    (func (export "install") (table.set (call $subscribe) (ref.func $double))))]]

-- Counts the events in a cell of the shared memory.
local COUNTER = [[
  (module
    (import "bank" "memory" (memory 1))
    (import "bank" "handlers" (table 1 funcref))
    (import "bank" "alloc" (func $alloc (param i32) (result i32)))
    (import "bank" "subscribe" (func $subscribe (result i32)))
    (global $cell (mut i32) (i32.const 0))
    (func $count (param $value i32) (result i32)
      (i32.store (global.get $cell)
        (i32.add (i32.load (global.get $cell)) (i32.const 1)))
      (local.get $value))
    (elem declare func $count)
    (func (export "events") (result i32) (i32.load (global.get $cell)))
    (func (export "install") (result i32)
      (global.set $cell (call $alloc (i32.const 4)))
      (table.set (call $subscribe) (ref.func $count))
      (global.get $cell)))]]

-- An instance stands for its exports.
local doubler = assert(wasm.run(DOUBLER, { bank = bank }, { name = "doubler" }))
local counter = assert(wasm.run(COUNTER, { bank = bank }, { name = "counter" }))
local again = assert(wasm.run(DOUBLER, { bank = bank }, { name = "doubler again" }))

doubler.exports.install()
local cell = counter.exports.install()
again.exports.install()

-- Lua is a plugin too: any Lua function with a type can stand in the table. Tables count from 1
-- in Lua and from 0 in wasm.
local seen = {}
local place = bank.exports.subscribe()
bank.exports.handlers[place + 1] = wasm.func("(i32) -> i32", function(value)
  seen[#seen + 1] = value
  return value + 1
end)

for value = 1, 5 do assert(bank.exports.emit(value) == value * 4 + 1) end
print("5 events, the Lua handler saw " .. table.concat(seen, " "))
print("the counter's cell in the shared memory holds " .. bank.memory:i32(cell))
assert(table.concat(seen, " ") == "4 8 12 16 20" and bank.memory:i32(cell) == 5)

-- The bank may go first: the memory and the table live on with those who import them.
bank:close()
print("closed: " .. tostring(bank) .. "; the counter still reads " .. counter.exports.events())
assert(counter.exports.events() == 5)

-- A plugin that is closed leaves its handler behind; calling that is a trap, not a crash.
local host = assert(wasm.run([[
  (module (table (export "t") 1 funcref)
    (func (export "call") (result i32)
      (call_indirect (param i32) (result i32) (i32.const 21) (i32.const 0))))]]))
local plugin = assert(wasm.run([[
  (module (func (export "f") (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 2))))]]))
host.exports.t[1] = plugin.exports.f
assert(host.exports.call() == 42)
plugin:close()
local ok, err = pcall(host.exports.call)
print("after its owner was closed: " .. err.message)
assert(not ok and err.kind == "trap" and err.trap == "callee instance closed")

--- Lifecycles: close things when you like, in any order, twice, or not at all.
local wasm = require "wasm"

local bytes = assert(wasm.wat [[
  (module
    (memory (export "memory") 1)
    (func (export "double") (param i32) (result i32)
      (i32.mul (local.get 0) (i32.const 2))))]])

-- The same bytes compiled twice: two handles, one piece of machine code.
local a = assert(wasm.compile(bytes))
local b = assert(wasm.compile(bytes))
assert(a == b and not rawequal(a, b))
local ia = assert(a:instantiate())

-- Closing a handle closes that handle and nothing else.
assert(a:close() == true and a:close() == false and a:closed())
print(tostring(a) .. ", yet its instance answers " .. ia.exports.double(21))
assert(ia.exports.double(21) == 42)

local ib = assert(b:instantiate())
b:close()
assert(ib.exports.double(4) == 8)

-- Closing an instance ends it; what is left of it says so.
local double, memory = ib.exports.double, ib.memory
ib:close()
for what, f in pairs { ["its function"] = function() return double(1) end,
                       ["its memory"] = function() return memory:u8(0) end } do
  local ok, err = pcall(f)
  print(what .. ": " .. err.kind .. ": " .. err.message)
  assert(not ok and err.kind == "closed")
end
print("its sister goes on: " .. ia.exports.double(3))

-- A block closes what it opened, also when an error leaves it.
local kept
local ok = pcall(function()
  local inst <close> = assert(wasm.run(bytes))
  kept = inst
  error("out of here")
end)
assert(not ok and kept:closed())
print("after the block: " .. tostring(kept))

-- A call in flight: the instance is closed by a host function it called.
local self
self = assert(wasm.run([[
  (module (import "env" "stop" (func $stop))
    (func (export "run") (result i32) (call $stop) (i32.const 1)))]],
  { env = { stop = function() self:close() end } }))
local fine, err = pcall(self.exports.run)
print("closed from inside: " .. err.kind)
assert(not fine and err.kind == "closed")

-- A call that waits in a coroutine: `close` lets it end with an error, "force" drops it.
local function waiting()
  local inst = assert(wasm.run([[
    (module (import "env" "wait" (func $wait (result i32)))
      (func (export "run") (result i32) (call $wait)))]],
    { env = { wait = coroutine.yield } }))
  local co = coroutine.create(inst.exports.run)
  coroutine.resume(co)
  return inst, co
end
local polite, co1 = waiting()
polite:close()
local _, why = coroutine.resume(co1, 1)
print("resumed after close: " .. why.kind)
assert(why.kind == "closed")
local rude, co2 = waiting()
rude:close("force")
_, why = coroutine.resume(co2, 1)
assert(why.kind == "closed")

-- Nobody closes anything: the collector does. An instance that an import refers back to is
-- garbage like any other.
local weak = setmetatable({}, { __mode = "v" })
do
  local inst
  inst = assert(wasm.run('(module (import "env" "me" (func)))',
    { env = { me = function() return inst end } }))
  weak[1] = inst
end
collectgarbage()
collectgarbage()
print("a cycle through its own import: " .. (weak[1] and "still there" or "collected"))
assert(weak[1] == nil)

local count = 0
for _ = 1, 1000 do
  local inst = assert(wasm.run(bytes)) -- 64 KiB of memory each, never closed
  inst.memory:i32(0, 1)
  count = count + inst.exports.double(1)
end
print(("%d instances made and forgotten"):format(count // 2))
assert(count == 2000)

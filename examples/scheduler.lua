--- Two programs cook at once in one thread: each sleeps in its own main, as if it were alone.
local wasm = require "wasm"

local here = arg[0]:match("^(.*)/") or "."
local mod = assert(wasm.load(here .. "/guests/cook.wasm"))

local waiting = {} -- what is waited for -> who is to be resumed then

--- Go on with a program until it waits again, or has ended.
local function step(program)
  local wait = program()
  if wait then waiting[wait] = program end
end

local function cook(...)
  local inst = assert(mod:instantiate { wasi_snapshot_preview1 = wasm.wasi {
    args = { "cook", ... }, stdout = io.stdout, on_block = "yield",
  } })
  step(coroutine.wrap(inst.exports._start))
end

cook("soup", "30", "chop the onions", "fry them", "add water", "let it boil")
cook("bread", "50", "knead the dough", "let it rise")

while next(waiting) do
  local list = {}
  for wait in pairs(waiting) do list[#list + 1] = wait end
  for _, wait in ipairs(wasm.wait(list)) do
    local program = waiting[wait]
    waiting[wait] = nil
    step(program)
  end
end

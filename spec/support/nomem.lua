--- What spec/support/host_nomem.c runs: a bit of everything that Lua's memory may fail in.
local wasm = require "wasm"

local SOURCE = [[(module $m
  (import "e" "f" (func $f (param i32) (result i32)))
  (import "e" "r" (func $r (param externref funcref) (result externref funcref)))
  (memory (export "m") 1)
  (table (export "t") 4 externref)
  (global (export "g") (mut externref) (ref.null extern))
  (func (export "call") (param i32) (result i32) (call $f (local.get 0)))
  (func (export "refs") (param externref funcref) (result externref funcref)
    (call $r (local.get 0) (local.get 1)))
  (func (export "vector") (result v128) (v128.const i64x2 1 2))
  (func (export "trap") unreachable))]]

local mod = assert(wasm.compile(SOURCE))

local PROGRAM = assert(wasm.compile [[(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "m") 1) (data (i32.const 16) "\40\00\00\00\10\00\00\00")
  (func (export "copy") (result i32)
    (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 8)))
    (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
  (func (export "_start") (call $exit (i32.const 0))))]])

--- A program that asks Lua for its input, waits for it, and ends.
local function run_program()
  local w <close> = assert(wasm.wasi {
    args = { "a", "b" }, env = { A = "1", B = "2" }, random = 1, stderr = "buffer",
    stdin = function(n) return coroutine.yield(n) end,
    stdout = function(text) assert(#text == 16) end,
    dirs = { ["/d"] = { f = "text", d = { g = "more" } } },
  })
  local inst = assert(PROGRAM:instantiate { wasi_snapshot_preview1 = w })
  local copy = coroutine.wrap(inst.exports.copy)
  assert(copy() == 16 and copy("input") == 0)
  assert(w:tree("/d").d.g == "more")
  inst.exports._start()
  assert(inst:closed())
end

local function use(inst, mode)
  local e = inst.exports
  local F = wasm.func("(i32) -> i32", function(x) return x end)
  assert(e.call(5) == 6)
  assert(e.refs({}, F))
  assert(#e.vector() == 16)
  e.t[1] = { 1 }
  e.g.value = {}
  e.m:write(0, "some text")
  assert(e.m:read(0, 4) == "some")
  mode.value = "raise"
  assert(not pcall(e.call, 1))
  mode.value = nil
  assert(not pcall(e.trap))
  assert(not pcall(e.call, "x"))
end

local function step()
  local mode = {}
  local inst = assert(mod:instantiate { e = {
    f = function(x)
      if mode.value == "raise" then error { "mine" } end
      if mode.value == "yield" then coroutine.yield(x) end
      return x + 1
    end,
    r = function(x, f) return x, f end,
  } })
  use(inst, mode)
  mode.value = "yield"
  local parked = {}
  for i = 1, 3 do
    parked[i] = coroutine.create(inst.exports.call)
    assert(coroutine.resume(parked[i], i))
  end
  assert(select(2, coroutine.resume(parked[3])) == 4)
  assert(not coroutine.resume(parked[1]))
  mode.value = nil
  local co = coroutine.wrap(function() use(inst, mode) end)
  co()
  inst:close("force")
  run_program()
end

local baseline

local function check()
  local stats = wasm.stats()
  baseline = baseline or stats
  assert(stats.activations == 0, "an activation was left")
  assert(stats.instances == baseline.instances, "an instance was left")
  assert(stats.codes == baseline.codes, "code was left")
  assert(stats.boxes <= 20000, "boxes were left")
end

check()
return step, check

--- What spec/support/host_refuse.c runs: a bit of everything that asks the system for memory.
local wasm = require "wasm"
local core = require "wasm.core"

local SOURCE = wasm.wat [[(module $m
  (import "e" "f" (func $f (param i32) (result i32)))
  (import "e" "mem" (memory $i 1))
  (import "e" "keep" (func $keep (param externref) (result externref)))
  (table $t (export "t") 4 funcref) (elem (i32.const 0) $f $call)
  (global (export "g") (mut i32) (i32.const 1))
  (func $call (export "call") (param i32) (result i32) (call $f (local.get 0)))
  (func $deep (export "deep") (call $deep) (call $deep))
  (func (export "keep") (param externref) (result externref) (call $keep (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32)
    (table.grow $t (ref.null func) (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))]]

local function leb(n)
  return n < 128 and string.char(n) or string.char(n & 127 | 128) .. leb(n >> 7)
end

-- Two MiB of data, which instances share until they write: a memory of 33 pages called m.
local DATA = ("0123456789abcdef"):rep(131072)
local SEGMENT = "\1\0\x41\0\x0b" .. leb(#DATA) .. DATA
local BIG = "\0asm\1\0\0\0\5\3\1\0\33\7\5\1\1m\2\0\11" .. leb(#SEGMENT) .. SEGMENT

local OWN = wasm.wat [[(module (memory (export "m") 1) (func (export "grow") (param i32)
  (result i32) (memory.grow (local.get 0))))]]

local refusals = {}

--- What makes things gives nil and an error of kind "nomem".
local function get(value, err)
  if value ~= nil then return value end
  assert(err.kind == "nomem", tostring(err))
  refusals[#refusals + 1] = err
  error(err, 0)
end

--- What a call raises, unless memory was refused.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok)
  local has_kind, kind = pcall(function() return err.kind end)
  if has_kind and kind == "nomem" then error(err, 0) end
  return err
end

local function step()
  refusals = {}
  local big = get(wasm.run(BIG))
  assert(big.memory:read(2097148, 5) == "cdef\0")
  big.memory:write(5, "changed")
  local again = get(get(wasm.compile(BIG)):instantiate())
  assert(again.memory:read(0, 16) == "0123456789abcdef")
  local mem = get(wasm.memory { min = 1, max = 20 })
  local moving = get(wasm.run(OWN, nil, { bounds = "explicit" }))
  local f = function(v) return v + 1 end
  local inst = get(wasm.run(SOURCE, { e = { f = function(v) return f(v) end, mem = mem,
    keep = function(v) return v end } }))
  local e = inst.exports
  assert(e.call(5) == 6)
  local err = raised(e.deep)
  assert(err.trap == "call stack exhausted", tostring(err))
  local t = {}
  assert(rawequal(e.keep(t), t))
  local grown = moving.exports.grow(9)
  assert(grown == 1 or grown == -1, grown)
  grown = e.grow(2)
  assert(grown == 1 or grown == -1, grown)
  grown = e.grow_table(100)
  assert(grown == 4 or grown == -1, grown)
  err = raised(e.load, 1 << 30)
  assert(err.trap == "out of bounds memory access", tostring(err))
  f = coroutine.yield
  local parked = coroutine.wrap(e.call)
  assert(parked(7) == 7)
  assert(coroutine.wrap(e.call)(8) == 8)
  f = function() error(refusals) end
  err = raised(e.call, 1)
  assert(err == refusals, tostring(err))
  inst:close("force")
  big:close()
  again:close()
end

--- An error of kind "nomem", raised or given, and nothing else.
local function judge(err)
  if type(err) ~= "string" and err.kind == "nomem" then
    return refusals[1] == err and "nil and nomem" or "nomem raised"
  end
  if tostring(err):find("not enough memory", 1, true) then return "not enough memory" end
  error(tostring(err), 0)
end

local function collect()
  refusals = {}
  for _ = 1, 3 do collectgarbage() end
  core.collect()
  collectgarbage()
end

return step, judge, collect

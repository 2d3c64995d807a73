--- Lazy and background compilation, as Lua sees it.
local wasm = require "wasm"
local core = require "wasm.core"

local FUNCTIONS = 40

--- A module of calls in a row: f0 calls f1, which calls f2, ...; each adds its number.
local function chain(salt)
  local text = {}
  for n = 0, FUNCTIONS - 1 do
    local next_one = n + 1 < FUNCTIONS and ("(call $f%d (local.get 0))"):format(n + 1)
      or "(local.get 0)"
    text[#text + 1] = ('(func $f%d (export "f%d") (param i32) (result i32)\n'
      .. "(i32.add (i32.const %d) %s))"):format(n, n, n + salt, next_one)
  end
  return "(module " .. table.concat(text, "\n") .. ")"
end

local function sum(first, salt, x)
  for n = first, FUNCTIONS - 1 do x = x + n + salt end
  return x
end

--- More than 256 KiB of code: one exported function, the rest is never called.
local function much()
  local body = ("(local.set 0 (i32.add (local.get 0) (i32.const 99999)))"):rep(600)
  local funcs = {}
  for n = 1, 60 do
    funcs[n] = ("(func $g%d (param i32) (result i32) %s (local.get 0))"):format(n, body)
  end
  return assert(wasm.wat("(module (func (export \"f\") (param i32) (result i32)"
    .. "(i32.add (local.get 0) (i32.const 1)))" .. table.concat(funcs) .. ")"))
end

describe("lazy code", function()
  after_each(function() collectgarbage() end)

  it("gives the results of eager code, function by function", function()
    local mod <close> = assert(wasm.compile(chain(1), { eager = false }))
    local inst <close> = assert(mod:instantiate())
    for n = FUNCTIONS - 1, 0, -1 do
      assert.equal(sum(n, 1, 5), inst.exports["f" .. n](5))
    end
    assert.is_true(mod:info().lazy)
  end)

  it("is all compiled in the end, each function once", function()
    local mod <close> = assert(wasm.compile(chain(2), { eager = false }))
    local inst <close> = assert(mod:instantiate())
    assert.equal(sum(20, 2, 0), inst.exports.f20(0))
    core.drain()
    local info = mod:info()
    assert.equal(FUNCTIONS, info.functions)
    assert.equal(FUNCTIONS, info.compiled)
    local eager <close> = assert(wasm.compile(chain(3), { eager = true }))
    assert.is_false(eager:info().lazy)
    assert.equal(eager:info().wasm_bytes, info.wasm_bytes)
    assert.equal(eager:info().ir_instructions, info.ir_instructions)
  end)

  it("is what more than 256 KiB of code gets, unless eager is asked for", function()
    local bytes = much()
    local mod <close> = assert(wasm.compile(bytes))
    local inst <close> = assert(mod:instantiate())
    assert.equal(42, inst.exports.f(41))
    assert.is_true(mod:info().lazy)
    local again <close> = assert(wasm.compile(bytes, { eager = true }))
    assert.equal(mod, again)
    assert.equal(again:info().functions, again:info().compiled)
    local small <close> = assert(wasm.compile(chain(4)))
    assert.is_false(small:info().lazy)
  end)

  it("is invalid at once, wherever the mistake is", function()
    local mod, err = wasm.compile([[(module (func (export "f") (result i32) (i32.const 1))
      (func (result i32) (i64.const 1)))]], { eager = false })
    assert.is_nil(mod)
    assert.equal("invalid", err.kind)
  end)

  it("has traces like any other", function()
    local text = [[(module
      (func $inner (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
      (func $outer (export "outer") (param i32) (result i32)
        (i32.add (i32.const 1) (call $inner (local.get 0)))))]]
    local seen = {}
    for _, eager in ipairs { true, false } do
      local opts = { eager = eager, features = not eager and { simd = false } or nil }
      local mod <close> = assert(wasm.compile(text, opts))
      local inst <close> = assert(mod:instantiate())
      assert.equal(1, inst.exports.outer(3)) -- compiled, and not just now
      local ok, err = pcall(inst.exports.outer, 0)
      assert.is_false(ok)
      local lines = {}
      for _, frame in ipairs(err.frames) do
        if frame.kind == "wasm" then
          lines[#lines + 1] = ("%s %d %d"):format(frame.name, frame.index, frame.offset)
        end
      end
      assert.equal(2, #lines)
      seen[#seen + 1] = table.concat(lines, "; ")
    end
    assert.equal(seen[1], seen[2])
  end)

  it("yields, ends and is collected like any other", function()
    local mod = assert(wasm.compile([[(module (import "e" "pause" (func $pause))
      (func $twice (call $pause) (call $pause))
      (func (export "run") (result i32) (call $twice) (i32.const 7)))]], { eager = false }))
    local inst = assert(mod:instantiate { e = { pause = coroutine.yield } })
    mod:close()
    local run = coroutine.wrap(function() return inst.exports.run() end)
    run() run()
    assert.equal(7, run())
    for _ = 1, 100 do
      local co = coroutine.create(function() return inst.exports.run() end)
      assert.is_true(coroutine.resume(co))
    end
    inst:close()
    core.drain()
  end)
end)

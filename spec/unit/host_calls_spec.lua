--- A limit of host calls: so many calls of host functions, and then an error of kind "limit".
local wasm = require "wasm"
local wasi = require "spec.support.wasi"

local SOURCE = [[(module
  (import "e" "f" (func $f (param i32) (result i32)))
  (table 1 funcref) (elem (i32.const 0) $f)
  (type $f (func (param i32) (result i32)))
  (func (export "times") (param $n i32) (result i32)
    (loop $again
      (drop (call $f (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (i32.const 7))
  (func (export "indirect") (result i32)
    (call_indirect (type $f) (i32.const 1) (i32.const 0)))
  (func (export "tail") (result i32) (return_call $f (i32.const 1)))
  (func (export "catch") (result i32)
    (block $caught (try_table (catch_all $caught) (drop (call $f (i32.const 1)))))
    (i32.const 9))
  (func (export "none") (result i32) (i32.const 5)))]]

local mod = assert(wasm.compile(SOURCE))

local function make(limit, f, opts)
  opts = opts or {}
  opts.host_calls = limit
  return assert(mod:instantiate({ e = { f = f or function(n) return n end } }, opts))
end

local function exhausted(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("limit", err.kind)
  assert.equal("out of host calls", err.message)
  return err
end

describe("a limit of host calls", function()
  it("is for all calls together, whatever makes them", function()
    local called = 0
    local inst = make(5, function(n) called = called + 1; return n end)
    assert.equal(7, inst.exports.times(3))
    assert.equal(2, inst:host_calls())
    assert.equal(1, inst.exports.indirect())
    assert.equal(1, inst.exports.tail())
    for _, name in ipairs { "times", "indirect", "tail", "catch" } do
      local err = exhausted(inst.exports[name], 1)
      assert.is_true(#err.frames > 0)
    end
    assert.equal(5, called)
    assert.same({ 5, 0 }, { inst:stats().host_calls, inst:host_calls() })
    assert.equal(5, inst.exports.none())
  end)

  it("may be none at all, and is set anew", function()
    local inst = make(0)
    exhausted(inst.exports.times, 1)
    assert.equal(0, inst:host_calls(2))
    assert.equal(7, inst.exports.times(2))
    exhausted(inst.exports.times, 1)
    assert.equal(2, inst:stats().host_calls)
  end)

  it("is not there unless it is asked for", function()
    local inst = make(nil)
    assert.equal(7, inst.exports.times(1000))
    assert.equal(math.maxinteger - 1000, inst:host_calls())
    assert.equal(1000, inst:stats().host_calls)
  end)

  it("is no exception that the guest could catch", function()
    local inst = make(0, nil, { catch_host_errors = true })
    exhausted(inst.exports.catch)
    assert.equal(0, inst:host_calls(1))
    assert.equal(9, inst.exports.catch())
  end)

  it("counts calls of host functions that fail or yield", function()
    local inst = make(3, function(n)
      if n == 2 then error "failed" end
      return coroutine.yield(n)
    end)
    assert.is_false(pcall(inst.exports.times, 2))
    local call = coroutine.wrap(inst.exports.times)
    assert.equal(1, call(1))
    assert.equal(7, call(0))
    assert.equal(1, inst:host_calls())
  end)

  it("is paid by the instance that was called", function()
    local inner = make(1)
    local outer = assert(wasm.run([[(module
      (import "i" "times" (func $times (param i32) (result i32)))
      (func (export "go") (result i32) (call $times (i32.const 1))))]],
      { i = inner }, { host_calls = 3 }))
    for _ = 1, 3 do assert.equal(7, outer.exports.go()) end
    exhausted(outer.exports.go)
    assert.equal(7, inner.exports.times(1))
    exhausted(inner.exports.times, 1)
  end)

  it("is paid once for a call that goes through the host and back", function()
    local inst
    inst = make(2, function(n) return n > 0 and inst.exports.tail() or 3 end)
    exhausted(inst.exports.indirect)
    assert.equal(2, inst:stats().host_calls)
  end)

  it("counts the calls of WASI", function()
    local g = wasi.guest()
    local inst = assert(g.inst:module():instantiate({ wasi_snapshot_preview1 = g.w },
      { host_calls = 3 }))
    for _ = 1, 3 do assert.equal(0, inst.exports.sched_yield()) end
    exhausted(inst.exports.sched_yield)
    local ok, err = pcall(inst.exports.proc_exit, 0)
    assert.is_true(not ok and err.kind == "limit")
  end)

  it("holds for the start function", function()
    local inst, err = wasm.run([[(module (import "e" "f" (func $f)) (func $s (call $f) (call $f))
      (start $s))]], { e = { f = function() end } }, { host_calls = 1 })
    assert.is_nil(inst)
    assert.equal("limit", err.kind)
  end)

  it("goes over to the next version", function()
    local inst = make(5)
    inst.exports.times(2)
    local imports = { e = { f = function(n) return n end } }
    local other = SOURCE:gsub("i32.const 5", "i32.const 6")
    assert(inst:reload(other, { imports = imports }))
    assert.same({ 6, 3 }, { inst.exports.none(), inst:host_calls() })
    assert(inst:reload(SOURCE, { imports = imports, options = { host_calls = 1 } }))
    assert.equal(1, inst:host_calls())
  end)

  it("is checked", function()
    assert.error(function() make(-1) end)
    assert.error(function() make("x") end)
    assert.error(function() make(1):host_calls(-1) end)
    assert.error(function() make(1):host_calls("x") end)
  end)

  it("belongs to a sandbox", function()
    local box = wasm.sandbox { imports = { e = { f = function(n) return n end } }, host_calls = 2 }
    local inst = assert(box:run(SOURCE))
    exhausted(inst.exports.times, 3)
    assert.truthy(box:report(mod):find("host_calls: 2", 1, true))
  end)
end)

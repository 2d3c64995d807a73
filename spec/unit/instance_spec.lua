--- Instances: exports, calls, memories, tables, globals, errors, interrupts.
local wasm = require "wasm"

local function run(source, imports, opts)
  return assert(wasm.run(source, imports, opts))
end

describe("exports", function()
  local inst = run [[(module $x (memory (export "m") 1) (table (export "t") 1 funcref)
    (global (export "g") i32 (i32.const 5)) (func (export "f")) (func (export "") (export "f2")))]]

  it("are the same values on every look-up", function()
    for _, name in ipairs { "m", "t", "g", "f", "", "f2" } do
      assert.is_true(rawequal(inst.exports[name], inst.exports[name]), name)
    end
    assert.equal(inst.exports[""], inst.exports.f2)
    assert.equal(inst.exports, inst.exports)
    assert.equal(inst.memory, inst.exports.m)
    assert.equal("function", type(inst.exports.f))
    assert.is_nil(inst.exports.nothing)
    assert.is_nil(inst.exports[1])
  end)

  it("are listed in order by pairs", function()
    local names = {}
    for name, value in pairs(inst.exports) do
      names[#names + 1] = name
      assert.is_true(rawequal(value, inst.exports[name]))
    end
    assert.same({ "m", "t", "g", "f", "", "f2" }, names)
  end)

  it("are read-only", function()
    assert.is_false(pcall(function() inst.exports.f = print end))
    assert.is_false(pcall(function() inst.exports.new = print end))
    inst.exports.f()
    assert.is_false(pcall(function() inst.exports.f = nil end))
  end)

  it("stay the same when the collector runs", function()
    local address = tostring(inst.exports.f)
    collectgarbage()
    assert.equal(address, tostring(inst.exports.f))
  end)

  it("work where Lua wants a function", function()
    local e = run([[(module (func (export "less") (param i32 i32) (result i32)
      (i32.lt_s (local.get 0) (local.get 1)))
      (func (export "inc") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))]])
      .exports
    assert.equal(8, coroutine.wrap(e.inc)(7))
    assert.equal("2", ("1"):gsub("%d", function(d) return e.inc(tonumber(d)) end))
    assert.same({ true, 3 }, { pcall(e.inc, 2) })
  end)
end)

describe("inst:call and inst:func", function()
  local inst = run [[(module $c (memory (export "m") 1)
    (func (export "f") (param i32) (result i32) local.get 0))]]

  it("find functions by name", function()
    assert.equal(4, inst:call("f", 4))
    assert.equal("(i32) -> i32", inst:func("f"):type())
    assert.equal(inst.exports.f, inst:func("f"):fn())
    assert.equal(inst:func("f"), wasm.tofunc(inst.exports.f))
    assert.is_nil(inst:func("m"))
    assert.is_nil(wasm.tofunc(print))
    local ok, err = pcall(inst.call, inst, "none")
    assert.is_false(ok)
    assert.truthy(err:find("instance 'c' exports no function 'none'", 1, true))
  end)

  it("may yield through a call", function()
    local y = run([[(module (import "e" "f" (func $f (result i32)))
      (func (export "g") (result i32) call $f))]], { e = { f = coroutine.yield } })
    local co = coroutine.wrap(function() return y:call("g") end)
    co()
    assert.equal(9, co(9))
  end)
end)

describe("a memory", function()
  local m = assert(wasm.memory { min = 1, max = 3 })

  it("has a size and grows within its limits", function()
    assert.equal(65536, m:size())
    assert.equal(65536, #m)
    assert.equal(1, m:pages())
    assert.equal(1, m:grow(2))
    assert.equal(3, m:pages())
    local none, err = m:grow(1)
    assert.is_nil(none)
    assert.equal("limit", err.kind)
    assert.equal(3, m:grow(0))
    assert.is_false(pcall(m.grow, m, -1))
  end)

  it("reads and writes bytes", function()
    m:write(100, "hello\0world")
    assert.equal("hello\0world", m:read(100, 11))
    assert.equal("hello", m:cstring(100))
    assert.equal("hel", m:cstring(100, 3))
    assert.equal("", m:read(#m, 0))
    m:fill(100, 5, 0x41)
    assert.equal("AAAAA\0", m:read(100, 6))
    m:copy(102, 106, 5)
    assert.equal("AAworld", m:read(100, 7))
    assert.truthy(m:dump(96, 16):find("00000060  00 00 00 00 41 41 77 6f  72 6c 64", 1, true))
    m:fill(#m - 4, 4, 1)
    assert.is_false(pcall(m.cstring, m, #m - 4))
    assert.equal("\1\1\1\1", m:cstring(#m - 4, 4))
  end)

  it("has typed access", function()
    m:fill(0, 64, 0)
    m:i32(0, -2)
    assert.equal(-2, m:i32(0))
    assert.equal(0xfffffffe, m:u32(0))
    assert.equal(0xfe, m:u8(0))
    assert.equal(-2, m:i8(0))
    assert.equal(0xfffe, m:u16(0))
    assert.equal(-2, m:i16(0))
    m:i64(8, math.mininteger)
    assert.equal(math.mininteger, m:i64(8))
    m:f32(16, 0.5)
    m:f64(20, -0.25)
    assert.equal(0.5, m:f32(16))
    assert.equal(-0.25, m:f64(20))
    m:i32(24, 0xffffffff)
    assert.equal(-1, m:i32(24))
  end)

  it("refuses what is out of bounds or out of range", function()
    for _, f in ipairs {
      function() m:u8(#m) end, function() m:i32(#m - 3) end, function() m:u8(-1) end,
      function() m:read(0, #m + 1) end, function() m:read(0, -1) end,
      function() m:write(#m - 1, "ab") end, function() m:fill(0, #m + 1, 0) end,
      function() m:copy(0, #m - 1, 2) end, function() m:u8(math.maxinteger) end,
    } do
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.truthy(err:find("out of bounds memory access", 1, true), err)
    end
    assert.is_false(pcall(m.u8, m, 0, 256))
    assert.is_false(pcall(m.i8, m, 0, 128))
    assert.is_false(pcall(m.u32, m, 0, -1))
    assert.is_false(pcall(m.fill, m, 0, 1, 256))
  end)

  it("checks its options", function()
    assert.is_false(pcall(wasm.memory, { min = 2, max = 1 }))
    assert.is_false(pcall(wasm.memory, { mim = 2 }))
    assert.is_false(pcall(wasm.memory, { min = 70000 }))
    assert.is_false(pcall(wasm.memory, { page_size = 2 }))
  end)

  it("obeys memory_max", function()
    local inst = run([[(module (memory (export "m") 1) (func (export "grow") (param i32)
      (result i32) (memory.grow (local.get 0))))]], nil, { memory_max = "128KiB" })
    assert.equal(1, inst.exports.grow(1))
    assert.equal(-1, inst.exports.grow(1))
    assert.is_nil((inst.memory:grow(1)))
  end)
end)

describe("a table", function()
  it("counts from 1", function()
    local t = assert(wasm.table { "externref", min = 2, max = 5, init = "x" })
    assert.equal(2, #t)
    assert.equal("x", t[1])
    t[2] = { 5 }
    assert.same({ 5 }, t[2])
    assert.is_nil(t[3])
    assert.is_nil(t[0])
    assert.equal(2, t:grow(2, "y"))
    assert.equal("y", t[4])
    assert.is_nil((t:grow(2)))
    assert.equal("2 5 externref", t:type())
    t[1] = nil
    assert.is_nil(t[1])
    assert.is_false(pcall(function() t[5] = 1 end))
    assert.is_false(pcall(function() t[0] = 1 end))
    assert.is_false(pcall(function() t.x = 1 end))
    assert.equal("wasm.table: 4 x externref", tostring(t))
  end)

  it("of functions takes functions of wasm only", function()
    local t = assert(wasm.table { "funcref", min = 1 })
    assert.is_false(pcall(function() t[1] = print end))
    local F = wasm.func("(i32) -> i32", function(x) return -x end)
    t[1] = F
    assert.equal(F:fn(), t[1])
    assert.equal(-3, t[1](3))
  end)

  it("of many references is collected bit by bit", function()
    local t = assert(wasm.table { "externref", min = 4 })
    for i = 1, 100000 do t[i % 4 + 1] = { i } end
    assert.is_true(wasm.stats().boxes < 60000)
    assert.same({ 100000 }, t[1])
  end)

  it("checks its options", function()
    assert.is_false(pcall(wasm.table, { min = 1 }))
    assert.is_false(pcall(wasm.table, { "i32", min = 1 }))
    assert.is_false(pcall(wasm.table, { "funcref", mn = 1 }))
    assert.is_false(pcall(wasm.table, { "funcref", min = 1, index = "i33" }))
  end)
end)

describe("a global", function()
  it("has a value and a type", function()
    local g = wasm.global("i32", 7, true)
    assert.equal("(mut i32)", g:type())
    g.value = 0xffffffff
    assert.equal(-1, g.value)
    assert.is_false(pcall(function() g.value = "x" end))
    assert.is_false(pcall(function() g.other = 1 end))
    local pi = wasm.global("f64", 3.25)
    assert.equal("f64", pi:type())
    assert.equal("wasm.global: f64 3.25", tostring(pi))
    assert.is_false(pcall(function() pi.value = 3 end))
    local key = {}
    local ref = wasm.global("externref", key, true)
    assert.is_true(rawequal(key, ref.value))
    ref.value = nil
    assert.is_nil(ref.value)
    assert.equal(0, wasm.global("i64").value)
    assert.is_false(pcall(wasm.global, "i33"))
  end)

  it("is shared by those that import it", function()
    local g = wasm.global("i32", 1, true)
    local source = [[(module (import "e" "g" (global $g (mut i32)))
      (export "g" (global $g))
      (func (export "add") (global.set $g (i32.add (global.get $g) (i32.const 1)))))]]
    local a, b = run(source, { e = { g = g } }), run(source, { e = { g = g } })
    a.exports.add()
    b.exports.add()
    assert.equal(3, g.value)
    assert.equal(g, a.exports.g)
  end)
end)

describe("an error", function()
  local inst = run([[(module $guest
    (func $inner (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
    (func (export "div") (param i32) (result i32) (call $inner (local.get 0)))
    (func (export "boom") unreachable))]])

  it("of a trap has kind, trap, offset and frames", function()
    local ok, err = pcall(inst.exports.div, 0)
    assert.is_false(ok)
    assert.equal("trap", err.kind)
    assert.equal("integer divide by zero", err.trap)
    assert.equal("integer divide by zero", err.message)
    assert.equal("wasm", err.frames[1].kind)
    assert.equal("inner", err.frames[1].name)
    assert.equal("guest", err.frames[1].module)
    assert.equal(0, err.frames[1].index)
    assert.equal(err.offset, err.frames[1].offset)
    assert.equal("div", err.frames[2].name)
    assert.equal("lua", err.frames[3].kind)
    assert.equal(1, inst.exports.div(1))
  end)

  it("is told whole by tostring", function()
    local ok, err = pcall(function() return inst.exports.div(0) + 1 end)
    assert.is_false(ok)
    local text = tostring(err)
    assert.truthy(text:find("^trap: integer divide by zero\nstack traceback:\n"), text)
    assert.truthy(text:find("wasm: in function 'inner' (module 'guest', function 0, offset 0x", 1,
      true))
    assert.truthy(text:find("instance_spec.lua:%d+: in function"), text)
    assert.equal(text:match("stack traceback:.*"), wasm.traceback():match("stack traceback:.*"))
  end)

  it("tells handlers of on(trap), whose own errors are warnings", function()
    local seen = {}
    local one = run('(module (func (export "f") unreachable))')
    one:on("trap", function(e) seen[#seen + 1] = e.trap end)
    one:on("trap", function() seen[#seen + 1] = "second" end)
    for _ = 1, 2 do pcall(one.exports.f) end
    assert.same({ "unreachable", "second", "unreachable", "second" }, seen)
    assert.is_false(pcall(one.on, one, "reloaded", print))
    assert.is_false(pcall(one.on, one, "trap", 5))
  end)

  it("closes the instance with on_trap=close", function()
    local one = run('(module (func (export "f") unreachable))', nil, { on_trap = "close" })
    local f = one.exports.f
    assert.equal("trap", select(2, pcall(f)).kind)
    assert.equal("closed", select(2, pcall(f)).kind)
    assert.is_true(one:closed())
  end)
end)

describe("an interrupt", function()
  it("from a host function ends the call, not a later one", function()
    local inst
    inst = run([[(module (import "e" "f" (func $f)) (func (export "run") call $f (loop br 0))
      (func (export "ok") (result i32) i32.const 1))]], { e = { f = function()
        assert.is_true(inst:interrupt())
      end } })
    for _ = 1, 100 do
      local ok, err = pcall(inst.exports.run)
      assert.is_false(ok)
      assert.equal("interrupt", err.kind)
      assert.equal(1, inst.exports.ok())
    end
    assert.is_false(inst:interrupt())
    assert.equal(1, inst.exports.ok())
  end)

  it("works with a token, also when the instance is gone", function()
    local token = run("(module)"):interrupter()
    assert.equal("integer", math.type(token))
    collectgarbage()
    collectgarbage()
    assert.is_false(wasm.interrupt(token))
    assert.is_false(wasm.interrupt(0))
    assert.is_false(wasm.interrupt(-1))
    local _, fn, arg = run("(module)"):interrupter("c")
    assert.equal("userdata", type(fn))
    assert.equal("userdata", type(arg))
  end)
end)

describe("instantiate", function()
  it("refuses unknown options and wrong values by name", function()
    local mod = assert(wasm.compile("(module)"))
    for options, text in pairs {
      [{ feul = 5 }] = "unknown option 'feul' to 'instantiate'",
      [{ fuel = 5 }] = "option 'fuel': the module was not compiled with fuel=true",
      [{ fuel = 0.5 }] = "option 'fuel': integer expected, got number",
      [{ on_limit = "wait" }] = "option 'on_limit': invalid value 'wait'",
      [{ interleave = "fifo" }] = "option 'interleave': invalid value 'fifo'",
      [{ stack = "1KiB" }] = "option 'stack'",
      [{ stack = "lots" }] = "option 'stack': 'lots' is no size",
      [{ memory_max = -1 }] = "option 'memory_max': -1 is out of range",
      [{ start = 1 }] = "option 'start': boolean expected, got number",
    } do
      local ok, err = pcall(mod.instantiate, mod, nil, options)
      assert.is_false(ok)
      assert.truthy(err:find(text, 1, true), err)
    end
  end)

  it("gives instances of their own state and names", function()
    local mod = assert(wasm.compile([[(module $m (global $n (mut i32) (i32.const 0))
      (func (export "inc") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) global.get $n))]]))
    local a, b = assert(mod:instantiate()), assert(mod:instantiate(nil, { name = "second" }))
    assert.same({ 1, 2, 1 }, { a.exports.inc(), a.exports.inc(), b.exports.inc() })
    assert.equal("wasm.instance: m", tostring(a))
    assert.equal("wasm.instance: second", tostring(b))
    assert.is_true(a:module() == mod)
  end)

  it("takes a larger stack", function()
    local source = [[(module (func $f (export "f") (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0)))))]]
    local large = run(source, nil, { stack = "64MiB" })
    assert.equal(200000, large.exports.f(200000))
    assert.is_false(pcall(run(source, nil, { stack = "64KiB" }).exports.f, 200000))
  end)
end)

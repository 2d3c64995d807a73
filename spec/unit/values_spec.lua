--- Values between Lua and wasm: what is accepted, what comes out, what is refused and how.
local wasm = require "wasm"

local inst = assert(wasm.run [[(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "funcref") (param funcref) (result funcref) local.get 0)
  (func (export "two") (param i32 f64) (result f64 i32) local.get 1 local.get 0)
  (func (export "unsigned") (result i32) i32.const -1)
  (func (export "many") (param i32 i64 f32 f64 i32 i32 i32 i32 i32 i32 i32 f64 f64 f64 f64 f64 f64
                               f64 f64 f64)
    (result f64 i32 i32 i32 i32 i32 i32 i32 i32 i64 f32)
    local.get 19 local.get 0 local.get 4 local.get 5 local.get 6 local.get 7 local.get 8
    local.get 9 local.get 10 local.get 1 local.get 2))]])
local e = inst.exports

local function refused(want, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(want, 1, true), err)
end

describe("an i32", function()
  it("takes both readings and gives the signed one", function()
    for given, got in pairs { [0] = 0, [1] = 1, [-1] = -1, [0x7fffffff] = 0x7fffffff,
        [0x80000000] = -0x80000000, [0xffffffff] = -1, [-0x80000000] = -0x80000000 } do
      assert.equal(got, e.i32(given))
    end
    assert.equal(-1, e.unsigned())
    assert.equal("integer", math.type(e.i32(1)))
  end)

  it("takes whole floats and booleans", function()
    assert.equal(3, e.i32(3.0))
    assert.equal("integer", math.type(e.i32(3.0)))
    assert.equal(1, e.i32(true))
    assert.equal(0, e.i32(false))
  end)

  it("refuses all else, naming function and parameter", function()
    refused("bad argument #1 to 'i32' (i32 expected, 1.5 has no integer representation)", e.i32,
      1.5)
    refused("bad argument #1 to 'i32' (i32 expected, 4294967296 is out of range)", e.i32, 1 << 32)
    refused("bad argument #1 to 'i32' (i32 expected, -2147483649 is out of range)", e.i32,
      -0x80000001)
    refused("bad argument #1 to 'i32' (i32 expected, got string)", e.i32, "1")
    refused("bad argument #1 to 'i32' (i32 expected, got no value)", e.i32)
    refused("bad argument #1 to 'i32' (i32 expected, got table)", e.i32, {})
    refused("bad argument #2 to 'two' (f64 expected, got nil)", e.two, 1, nil)
  end)

  it("tells where in Lua it was refused", function()
    local ok, err = pcall(function() e.i32("x") end)
    assert.is_false(ok)
    assert.truthy(err:find("values_spec.lua:%d+: bad argument"), err)
  end)
end)

describe("an i64", function()
  it("is a Lua integer", function()
    for _, v in ipairs { 0, -1, math.maxinteger, math.mininteger } do assert.equal(v, e.i64(v)) end
    assert.equal(7, e.i64(7.0))
  end)

  it("refuses what is none", function()
    refused("i64 expected", e.i64, 0.5)
    refused("i64 expected", e.i64, 2.0 ^ 63)
    refused("i64 expected, got boolean", e.i64, true)
  end)
end)

describe("a float", function()
  it("is a number", function()
    assert.equal(1.5, e.f64(1.5))
    assert.equal(2, e.f64(2))
    assert.equal("float", math.type(e.f64(2)))
    assert.equal(0.5, e.f32(0.5))
    assert.equal(0.10000000149011612, e.f32(0.1))
    assert.equal(math.huge, e.f32(1e300))
    assert.is_true(e.f64(0 / 0) ~= e.f64(0 / 0))
    refused("f64 expected, got string", e.f64, "1")
    refused("f32 expected, got boolean", e.f32, true)
  end)

  it("travels as a bit pattern through F:bits", function()
    local f32, f64 = inst:func("f32"), inst:func("f64")
    for _, bits in ipairs { 0, 0x3f800000, 0x7fc00001, 0xffc12345, 0x80000000, 0xffffffff } do
      assert.equal(bits, f32:bits(bits))
    end
    for _, bits in ipairs { 0, 0x7ff8000000000001, -1, math.mininteger } do
      assert.equal(bits, f64:bits(bits))
    end
    refused("f32 expected", f32.bits, f32, 1 << 32)
    refused("f64 expected", f64.bits, f64, 0.5)
    assert.equal(5, inst:func("i32"):bits(5))
  end)
end)

describe("an externref", function()
  it("is any Lua value, the same one", function()
    for _, v in ipairs { "text", 12, 1.5, true, false, {}, print, coroutine.create(print), inst } do
      assert.is_true(rawequal(v, e.externref(v)))
    end
    assert.is_nil(e.externref(nil))
    assert.is_nil(e.externref())
  end)
end)

describe("a funcref", function()
  it("is a plain function, the same one", function()
    assert.equal(e.i32, e.funcref(e.i32))
    assert.equal(e.i32, e.funcref(inst:func("i32")))
    assert.is_nil(e.funcref(nil))
    local host = wasm.func("(i32) -> i32", function(x) return x + 1 end)
    assert.equal(host:fn(), e.funcref(host))
    assert.equal(6, e.funcref(host)(5))
  end)

  it("is no function of Lua without a type", function()
    refused("bad argument #1 to 'funcref' (function of an instance or wasm.func expected",
      e.funcref, print)
    refused("got number", e.funcref, 1)
  end)
end)

describe("many values", function()
  it("go in and out", function()
    assert.same({ 2.5, 1 }, { e.two(1, 2.5) })
    assert.same({ 0.25, 1, 5, 6, 7, 8, 9, 10, 11, 2, 3.5 }, { e.many(1, 2, 3.5, 4, 5, 6, 7, 8, 9,
      10, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0.25) })
  end)

  it("that are too many for the parameters are left out, as Lua does", function()
    assert.equal(1, e.i32(1, 2, 3))
  end)

  it("pass through host functions", function()
    local seen
    local through = assert(wasm.run([[(module
      (import "e" "f" (func $f (param i32 i64 f32 f64 i32 i32 i32 i32 i32 i32 i32 externref)
        (result i32 f64 externref i64 f32)))
      (func (export "go") (param externref) (result i32 f64 externref i64 f32)
        (call $f (i32.const -1) (i64.const -2) (f32.const 0.5) (f64.const 1.25) (i32.const 5)
          (i32.const 6) (i32.const 7) (i32.const 8) (i32.const 9) (i32.const 10) (i32.const 11)
          (local.get 0))))]],
      { e = { f = function(...)
        seen = { ... }
        return -7, 2.5, { "new" }, 1 << 40, 0.75, "extra"
      end } }))
    local key = {}
    local got = { through.exports.go(key) }
    assert.same({ -1, -2, 0.5, 1.25, 5, 6, 7, 8, 9, 10, 11, key }, seen)
    assert.is_true(rawequal(key, seen[12]))
    assert.same({ -7, 2.5, { "new" }, 1 << 40, 0.75 }, got)
  end)
end)

describe("wasm.func", function()
  it("has a type and a plain function", function()
    local F = wasm.func("(i32, f64)->(i32,i64)", function(a) return a, a end)
    assert.equal("(i32, f64) -> (i32, i64)", F:type())
    assert.equal(wasm.tofunc(F:fn()), F)
    assert.same({ 3, 3 }, { F:fn()(3, 0) })
    assert.equal("() -> ()", wasm.func("()", print):type())
    assert.equal("(externref) -> funcref", wasm.func("(externref) -> funcref", print):type())
  end)

  it("checks what goes through it", function()
    local f = wasm.func("(i32) -> i32", function(x) return x == 0 and "zero" or x end):fn()
    assert.equal(-1, f(0xffffffff))
    refused("i32 expected, got string", f, "x")
    refused("bad result #1 of import '(i32) -> i32' (i32 expected, got string)", f, 0)
  end)

  it("refuses bad types and values", function()
    for _, text in ipairs { "", "i32", "(i32", "(i33)", "(i32) ->", "(i32) -> x", "(i32,) -> i32",
        "(i32) -> i32 i32", "(v129)" } do
      assert.is_false(pcall(wasm.func, text, print), text)
    end
    assert.is_false(pcall(wasm.func, "()", 5))
    assert.is_false(pcall(wasm.func, "()", e.i32))
    assert.is_false(pcall(wasm.func, "()"))
  end)

  it("is imported with its own type, which must be the one wanted", function()
    local mod = assert(wasm.compile('(module (import "e" "f" (func (param i32))))'))
    assert(mod:instantiate { e = { f = wasm.func("(i32)", print) } })
    local none, err = mod:instantiate { e = { f = wasm.func("(i64)", print) } }
    assert.is_nil(none)
    assert.equal("link", err.kind)
    assert.truthy(err.message:find("^incompatible import type"), err.message)
  end)

  it("takes anything that can be called", function()
    local callable = setmetatable({}, { __call = function(_, x) return x * 2 end })
    assert.equal(8, wasm.func("(i32) -> i32", callable):fn()(4))
  end)
end)

describe("reference types written out", function()
  it("are those that have a short name, and those that cannot be null", function()
    assert.equal("externref", wasm.global("(ref null extern)"):type())
    assert.equal("anyref", wasm.global(" ( ref  null any ) "):type())
    assert.equal("(ref extern)", wasm.global("(ref extern)", 5):type())
    assert.equal("(i32, (ref extern)) -> anyref",
      wasm.func("(i32, (ref extern)) -> (ref null any)", print):type())
    assert.equal("((ref func))", wasm.tag("((ref func))"):type())
  end)

  it("are refused where they are none", function()
    for _, text in ipairs { "(ref", "(ref null)", "(ref x)", "ref any", "(ref any) i32" } do
      assert.is_false((pcall(wasm.global, text, 1)), text)
    end
    assert.is_false((pcall(wasm.func, "(ref any) -> i32", print)))
  end)

  it("hold no null where there may be none", function()
    for _, make in ipairs {
      function() return wasm.global "(ref extern)" end,
      function() return wasm.global("(ref any)", nil, true) end,
      function() return wasm.table { "(ref extern)", min = 1 } end,
      function() wasm.global("(ref extern)", 1, true).value = nil end,
      function() wasm.table({ "(ref extern)", min = 1, init = 1 })[1] = nil end,
      function()
        return wasm.run([[(module (import "e" "f" (func $f (result (ref extern))))
          (func (export "g") (result (ref extern)) (call $f)))]], { e = { f = function() end } })
          .exports.g()
      end,
    } do
      local ok, err = pcall(make)
      assert.is_false(ok)
      assert.truthy(tostring(err):find("cannot be null", 1, true), tostring(err))
    end
  end)
end)

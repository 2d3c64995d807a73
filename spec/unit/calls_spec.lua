--- Calls between Lua and wasm: every shape of type both ways, and functions that call out so often
-- that their next call is a covered one (lua_call.c), in which nothing may look any different.
local wasm = require "wasm"

--- What `n` values of these types look like, with negative and large ones among them.
local SAMPLES = {
  i32 = { 5, -3, 0x7fffffff, -0x80000000, 0, 77, -1, 9 },
  i64 = { 1 << 40, -1, math.mininteger, 0x80000000, 0xffffffff, 0, -7, 3 },
  f32 = { 0.5, -2.0, 1024.0, 3.25, -0.125, 8.0, 16.5, 1.0 },
  f64 = { 0.1, -1e300, 3.0, 1 / 3, -7.5, 1e-9, 2.0, 6.0 },
}

local function samples(types)
  local values = {}
  for k, t in ipairs(types) do values[k] = SAMPLES[t][(k - 1) % 8 + 1] end
  return values
end

--- A function that gives its parameters to `env.f`, and back what that returns; and one that gives
-- them back itself.
local function echo(types)
  local list, gets = table.concat(types, " "), {}
  for k = 1, #types do gets[k] = ("(local.get %d)"):format(k - 1) end
  local text = [[(module (import "env" "f" (func $f (param TYPES) (result TYPES)))
    (func (export "own") (param TYPES) (result TYPES) GETS)
    (func (export "run") (param TYPES) (result TYPES) (call $f GETS)))]]
  return (text:gsub("%u%u%u%u%u?", { TYPES = list, GETS = table.concat(gets, " ") }))
end

describe("a call", function()
  local shapes = {}
  for n = 0, 9 do
    for t in pairs(SAMPLES) do
      local types = {}
      for k = 1, n do types[k] = t end
      shapes[#shapes + 1] = types
    end
  end
  shapes[#shapes + 1] = { "i32", "f64", "i64", "f32", "i32", "i32", "i32", "f64" }
  shapes[#shapes + 1] = { "f32", "i64", "i64", "i64", "i64", "i64" }

  it("takes and gives any number of values, into wasm and out to Lua", function()
    for _, types in ipairs(shapes) do
      local text = echo(types)
      local list, seen = table.concat(types, " "), nil
      local inst = assert(wasm.run(text, { env = { f = function(...)
        seen = { ... }
        return ...
      end } }))
      local values = samples(types)
      for round = 1, 3 do
        assert.same(values, { inst.exports.own(table.unpack(values)) }, list)
        assert.same(values, { inst.exports.run(table.unpack(values)) }, list .. round)
        assert.same(values, seen, list)
      end
      inst:close()
    end
  end)

  it("takes for an i32 what can be one, and nothing else", function()
    local same = assert(wasm.run [[(module (func (export "same") (param i32) (result i32)
      local.get 0))]]).exports.same
    for given, got in pairs { [0xffffffff] = -1, [0x80000000] = -0x80000000, [-1] = -1,
      [-0x80000000] = -0x80000000, [7.0] = 7, [true] = 1, [false] = 0 } do
      assert.equal(got, same(given))
    end
    for _, given in ipairs { 0x100000000, -0x80000001, 1.5, "7", {}, math.mininteger, 0 / 0 } do
      local ok, why = pcall(same, given)
      assert.is_false(ok)
      assert.truthy(why:find("bad argument #1 to 'same' (i32 expected", 1, true), why)
    end
    assert.equal(3, same(3))
  end)

  it("keeps the objects that only its own stack has, however often it is collected", function()
    local inst = assert(wasm.run [[(module
      (type $s (struct (field (mut i64)) (field (mut i64))))
      (global $last (mut (ref null $s)) (ref.null $s))
      (func (export "run") (param $n i32) (result i64) (local $mine (ref $s))
        (local.set $mine (struct.new $s (i64.const 42) (i64.const 43)))
        (loop $again
          (global.set $last (struct.new $s (i64.const 7) (i64.const 8)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $again (local.get $n)))
        (i64.add (struct.get $s 0 (local.get $mine)) (struct.get $s 1 (local.get $mine)))))]])
    for _ = 1, 3 do assert.equal(85, inst.exports.run(600000)) end
  end)

  it("reaches the host function that was imported, however many come and go", function()
    local text = [[(module (import "e" "f" (func $f (result i32)))
      (func (export "run") (result i32) call $f))]]
    local mod = assert(wasm.compile(text))
    local live, number = {}, 0
    for _ = 1, 20 do
      for _ = 1, 50 do
        number = number + 1
        local mine = number
        live[mine] = assert(mod:instantiate { e = { f = function() return mine end } })
      end
      for mine, inst in pairs(live) do
        if mine % 3 == 0 then
          inst:close()
          live[mine] = nil
        end
      end
      collectgarbage()
      for mine, inst in pairs(live) do assert.equal(mine, inst.exports.run()) end
    end
  end)
end)

local GUEST = [[(module $guest
  (import "env" "f" (func $f (param i32) (result i32)))
  (import "env" "g" (func $g (param externref) (result f64)))
  (memory (export "memory") 1)
  (global $__stack_pointer (export "__stack_pointer") (mut i32) (i32.const 1000))
  (func (export "often") (param $n i32) (result i32) (local $i i32)
    (global.set $__stack_pointer (i32.const 900))
    (loop $next
      (drop (call $f (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (global.set $__stack_pointer (i32.const 1000))
    (local.get $i))
  (func (export "both") (param $n i32) (param $x externref) (result f64) (local $i i32)
    (loop $next
      (drop (call $f (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (call $g (local.get $x)))
  (func (export "caught") (param $n i32) (result i32) (local $i i32) (local $c i32)
    (loop $next
      (block $done
        (block $here (try_table (catch_all $here)
          (drop (call $f (local.get $i))) (br $done)))
        (local.set $c (i32.add (local.get $c) (i32.const 1))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $c))
  (func (export "fall") (param $n i32) (local $i i32)
    (loop $next
      (drop (call $f (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    unreachable))]]

describe("a function that calls out often", function()
  local f, g, inst, often

  local function fresh(options)
    f = function(x) return x end
    g = function(x) return x.value end
    inst = assert(wasm.run(GUEST, { env = { f = function(x) return f(x) end,
      g = function(x) return g(x) end } }, options))
    often = inst.exports.often
    for _ = 1, 3 do assert.equal(100, often(100)) end
  end
  before_each(function() fresh { catch_host_errors = true } end)

  local function fails(how)
    for _ = 1, 3 do
      local ok, err = pcall(often, 100)
      assert.is_false(ok)
      how(err)
      assert.equal(1000, inst.exports.__stack_pointer.value)
      assert.is_false(inst:busy())
    end
    f = function(x) return x end
    assert.equal(50, often(50))
  end

  it("lets an error of the host function through as it is", function()
    local mine = {}
    f = function(x) if x == 60 then error(mine) end return x end
    fails(function(err) assert.is_true(rawequal(mine, err)) end)
  end)

  it("has it traced, without a level in between", function()
    local function failing() error("deep inside", 0) end
    f = function(x) if x == 60 then failing() end return x end
    fails(function()
      local trace, levels = wasm.traceback(), {}
      for line in trace:gmatch("\n\t([^\n]+)") do levels[#levels + 1] = line end
      local at
      for k, line in ipairs(levels) do
        if line:find("wasm: in function", 1, true) then at = k end
      end
      assert.truthy(at, trace)
      assert.truthy(levels[at - 1]:find("calls_spec.lua", 1, true), trace)
      assert.truthy(levels[at + 1]:find("pcall", 1, true), trace)
    end)
  end)

  it("can catch what the host function raises, again and again", function()
    f = function(x) if x % 10 == 3 then error("x") end return x end
    for _ = 1, 3 do assert.equal(10, inst.exports.caught(100)) end
    fails(function(err) assert.truthy(err:find("x", 1, true)) end)
  end)

  it("names the result that is wrong", function()
    f = function(x) if x == 40 then return "no" end return x end
    fails(function(err)
      assert.truthy(err:find("bad result #1 of import 'env.f' (i32 expected, got string", 1, true),
        err)
    end)
  end)

  it("traps as ever", function()
    for _ = 1, 3 do
      local ok, err = pcall(inst.exports.fall, 30)
      assert.is_false(ok)
      assert.equal("unreachable", err.trap)
      assert.equal("wasm", err.frames[1].kind)
      assert.equal("pcall", err.frames[2].name)
      for k = 2, #err.frames do assert.equal("lua", err.frames[k].kind) end
    end
    assert.equal(7, often(7))
  end)

  it("takes and gives references on the way", function()
    g = function(x) return #x end
    for _ = 1, 5 do assert.equal(3.0, inst.exports.both(30, { 1, 2, 3 })) end
    collectgarbage()
    g = function() return "x" end
    for _ = 1, 3 do
      local ok, err = pcall(inst.exports.both, 30, {})
      assert.is_false(ok)
      assert.truthy(err:find("bad result #1 of import 'env.g'", 1, true), err)
    end
    g = function() error("seven", 0) end
    assert.same({ false, "seven" }, { pcall(inst.exports.both, 30, {}) })
    g = function() return 2 end
    assert.equal(2.0, inst.exports.both(30, {}))
  end)

  it("may be called by its own host function, to the usual depth", function()
    local depth, deepest = 0, 0
    f = function(x)
      depth = depth + 1
      deepest = math.max(deepest, depth)
      if x == 0 then often(10) end
      depth = depth - 1
      return x
    end
    local ok, err = pcall(often, 10)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("nested 150 deep", 1, true), tostring(err))
    assert.equal(150, deepest)
    fails(function(again) assert.equal("limit", again.kind) depth = 0 end)
  end)

  it("ends when its instance is closed meanwhile", function()
    f = function(x) if x == 30 then inst:close() end return x end
    local ok, err = pcall(often, 100)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.is_true(inst:closed())
  end)

  it("ends when it is interrupted", function()
    f = function(x) if x == 30 then inst:interrupt() end return x end
    fails(function(err) assert.equal("interrupt", err.kind) end)
  end)

  it("yields in a coroutine, and goes on there", function()
    f = coroutine.yield
    for _ = 1, 2 do
      local co = coroutine.create(often)
      for k = 0, 99 do
        local ok, x = coroutine.resume(co, k == 0 and 100 or 1)
        assert.is_true(ok)
        assert.equal(k, x)
      end
      assert.same({ true, 100 }, { coroutine.resume(co, 1) })
    end
    f = function(x) return x end
    assert.equal(9, often(9))
  end)

  it("cannot yield where nobody could", function()
    f = coroutine.yield
    fails(function(err)
      assert.truthy(tostring(err):find("attempt to yield from outside a coroutine", 1, true))
    end)
  end)

  it("is not kept by its calls", function()
    local weak = setmetatable({}, { __mode = "v" })
    local mine = {}
    f = function(x) if x == 60 then error(mine) end return x end
    pcall(often, 100)
    weak[1], weak[2] = inst, mine
    inst, often, f, mine = nil, nil, nil, nil
    wasm.traceback()
    pcall(error, "another")
    fresh()
    f = function() error "y" end
    pcall(often, 1)
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
    assert.is_nil(weak[2])
  end)
end)

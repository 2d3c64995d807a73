--- API row 11: however a call ends, a C guest gets its stack pointer back.
-- spec/guests/frames.c takes 6,000 bytes of linear stack a level; the stack is 1 MiB, so a host
-- that forgets to give 15 levels back is found out after 12 calls.
local wasm = require "wasm"
local weight = require "spec.support.weight"

local TOTAL = weight.scaled(100000)
local DEPTH = 15
local RETURN, UNREACHABLE, BEYOND, DIVIDE, NULL_CALL, HOOK, FOR_EVER = 0, 1, 2, 3, 4, 5, 6

--- dive's checksum when the bottom gives `below`, told again in Lua.
local function checksum(depth, seed, below)
  local sum = below
  for level = 0, depth do
    local s = seed + depth - level
    for i = 0, 23 do
      sum = (sum * 31 + ((s + i * 7 + level) & 0xff)) & 0xffffffff
    end
    sum = sum & 0x7fffffff
  end
  return sum
end

describe("row 11: a C guest's stack pointer", function()
  local inst, dive, where, base
  local hook -- what env.hook does just now
  local mod = assert(wasm.load("spec/guests/frames.wasm"))

  before_each(function()
    inst = assert(mod:instantiate({ env = { hook = function(v) return hook(v) end } }))
    dive, where = inst.exports.dive, inst.exports.where
    base = where()
  end)

  after_each(function()
    assert.equal(base, where())
    assert.equal(checksum(DEPTH, 7, 7 + DEPTH), dive(RETURN, DEPTH, 7))
    inst:close()
  end)

  local function yielding(v)
    return coroutine.yield(v)
  end

  local function park(depth, seed, kind)
    hook = yielding
    local co = coroutine.create(dive)
    local ok, value = coroutine.resume(co, kind or HOOK, depth, seed)
    if not ok then error(value, 0) end
    assert(value == seed + depth)
    return co
  end

  local function finish(co, depth, seed)
    local ok, sum = coroutine.resume(co, 99)
    if not ok then error(sum, 0) end
    assert(sum == checksum(depth, seed, 99))
    assert(coroutine.status(co) == "dead")
  end

  local function trap(kind, text)
    return function(seed)
      local ok, err = pcall(dive, kind, DEPTH, seed)
      assert(not ok and err.kind == "trap" and err.trap == text, tostring(err))
    end
  end

  local thrown = setmetatable({}, { __tostring = function() return "thrown by the spec" end })
  local function throwing() error(thrown) end
  local function interrupting(v)
    inst:interrupt()
    return v
  end

  -- Every way a call can end early, with its share of the total.
  local ends = {
    { 16, "trap: unreachable", trap(UNREACHABLE, "unreachable") },
    { 16, "trap: out of bounds", trap(BEYOND, "out of bounds memory access") },
    { 14, "trap: divide by zero", trap(DIVIDE, "integer divide by zero") },
    { 14, "trap: call of null", trap(NULL_CALL, "uninitialized element") },
    { 12, "host error", function(seed)
      hook = throwing
      local ok, err = pcall(dive, HOOK, DEPTH, seed)
      assert(not ok and rawequal(err, thrown))
    end },
    { 4, "host error in a coroutine", function(seed)
      hook = throwing
      local co = coroutine.create(dive)
      local ok, err = coroutine.resume(co, HOOK, DEPTH, seed)
      assert(not ok and rawequal(err, thrown))
    end },
    { 2, "host error through two calls", function(seed)
      hook = function(v)
        hook = throwing
        return dive(HOOK, 3, v)
      end
      local ok, err = pcall(dive, HOOK, 3, seed)
      assert(not ok and rawequal(err, thrown))
    end },
    { 4, "trap inside a callback, survived", function(seed)
      hook = function()
        local deep = where()
        assert(deep < base)
        local ok, err = pcall(dive, DIVIDE, 3, 1)
        assert(not ok and err.trap == "integer divide by zero")
        assert(where() == deep)
        return 5
      end
      assert(dive(HOOK, 3, seed) == checksum(3, seed, 5))
    end },
    { 6, "interrupt", function(seed)
      hook = interrupting
      local ok, err = pcall(dive, FOR_EVER, DEPTH, seed)
      assert(not ok and err.kind == "interrupt", tostring(err))
    end },
    { 2, "interrupt after a yield", function(seed)
      hook = function(v)
        coroutine.yield(v)
        return interrupting(v)
      end
      local co = coroutine.create(dive)
      assert(coroutine.resume(co, FOR_EVER, DEPTH, seed))
      local ok, err = coroutine.resume(co)
      assert(not ok and err.kind == "interrupt", tostring(err))
    end },
    { 5, "closed coroutine", function(seed)
      assert(coroutine.close(park(DEPTH, seed)))
    end },
    { 2, "closed below a parked call", function(seed)
      local a, b = park(3, seed), park(4, seed + 1)
      assert(coroutine.close(a))
      finish(b, 4, seed + 1)
    end },
    { 1, "resumed out of turn", function(seed)
      local a, b = park(3, seed), park(4, seed + 1)
      local ok, err = coroutine.resume(a, 99)
      assert(not ok and err.kind == "busy", tostring(err))
      finish(b, 4, seed + 1)
    end },
  }

  local function check_base(name, round)
    local now = where()
    if now ~= base then
      error(("%s, round %d: stack pointer %d, was %d"):format(name, round, now, base), 0)
    end
  end

  for _, case in ipairs(ends) do
    it("comes back after: " .. case[2], function()
      for round = 1, 40 do
        case[3](round)
        check_base(case[2], round)
      end
    end)
  end

  it("comes back after coroutines are dropped and collected", function()
    local many = weight.scaled(2000)
    for first = 1, many, 20 do
      for i = first, first + 19 do park(2, i) end
      collectgarbage()
      check_base("collected", first)
    end
  end)

  it("comes back when dropped coroutines lie between living ones", function()
    for round = 1, 20 do
      local kept = {}
      for i = 1, 12 do
        local co = park(2, i)
        if i % 3 == round % 3 then kept[#kept + 1] = { co, i } end
      end
      collectgarbage()
      for i = #kept, 1, -1 do finish(kept[i][1], 2, kept[i][2]) end
      check_base("between", round)
    end
  end)

  it("comes back after 100,000 calls that end early in every way", function()
    local shares, names, count = {}, {}, {}
    for _, case in ipairs(ends) do
      for _ = 1, case[1] do shares[#shares + 1] = case end
      names[#names + 1] = case[2]
      count[case[2]] = 0
    end
    local random, start = 1, os.clock()
    for round = 1, TOTAL do
      random = (random * 1103515245 + 12345) & 0x7fffffff
      local case = shares[(random >> 8) % #shares + 1]
      case[3](round % 1000)
      count[case[2]] = count[case[2]] + 1
      check_base(case[2], round)
      if round % 500 == 0 then
        assert.equal(checksum(DEPTH, 7, 7 + DEPTH), dive(RETURN, DEPTH, 7))
      end
    end
    for _, name in ipairs(names) do assert.is_true(count[name] > 0 or TOTAL < 1000, name) end
    weight.report("row 11: %d calls of a C guest ended early in %d ways, %.1f s, %.0f MiB",
      TOTAL, #names, os.clock() - start, (weight.rss()))
  end)

  it("follows the standard exactly where no global has that name", function()
    local plain = assert(wasm.run([[
      (module
        (global $depth (mut i32) (i32.const 0))
        (func (export "fail")
          (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
          unreachable)
        (func (export "depth") (result i32) (global.get $depth)))]]))
    for _ = 1, 5 do assert.is_false(pcall(plain.exports.fail)) end
    assert.equal(5, plain.exports.depth())
    plain:close()
  end)

  it("comes back where two instances share memory and pointer, as after dynamic linking", function()
    local main = assert(wasm.run [[
      (module
        (memory (export "memory") 1)
        (global $__stack_pointer (export "sp") (mut i32) (i32.const 1000)))]])
    local library = [[
      (module
        (import "env" "memory" (memory 1))
        (import "env" "sp" (global $__stack_pointer (mut i32)))
        (import "env" "wait" (func $wait))
        (func (export "wait") (param $frame i32)
          (local $own i32)
          (local.tee $own (i32.sub (global.get $__stack_pointer) (local.get $frame)))
          (global.set $__stack_pointer)
          (call $wait)
          (global.set $__stack_pointer (i32.add (local.get $own) (local.get $frame)))))]]
    local shared = main.exports
    local imports = { env = { memory = shared.memory, sp = shared.sp, wait = coroutine.yield } }
    local one, two = assert(wasm.run(library, imports)), assert(wasm.run(library, imports))
    local older, newer = coroutine.create(one.exports.wait), coroutine.create(two.exports.wait)
    assert(coroutine.resume(older, 100))
    assert(coroutine.resume(newer, 50))
    assert.equal(850, shared.sp.value)
    assert(coroutine.close(older))
    assert.equal(850, shared.sp.value) -- the newer call's frame is still there
    assert(coroutine.resume(newer))
    assert.equal(1000, shared.sp.value)
  end)

  it("is not given back to a call that was refused for its arguments", function()
    local sp = "(global $__stack_pointer (mut i32) (i32.const %d))"
    local source = "(module " .. sp .. [[ (func (export "take") (param i32))
      (func (export "depth") (result i32) (global.get 0)))]]
    local quick = assert(wasm.run(source:format(4096)))
    local other = assert(wasm.run(source:format(999), nil, { timeout = 5 }))
    local without = assert(wasm.run("(func (export \"take\") (param i32))", nil, { timeout = 5 }))
    for _, taken in ipairs { other, without } do
      quick.exports.take(1) -- whose activation the next call gets
      local ok, err = pcall(taken.exports.take, "no number")
      assert.is_false(ok)
      assert.truthy(err:find("i32 expected, got string", 1, true))
    end
    assert.equal(999, other.exports.depth())
  end)

  it("is found by the option where no name section tells", function()
    local source = [[
      (module
        (global $sp (export "sp") (mut i32) (i32.const 1000))
        (func (export "fail")
          (global.set $sp (i32.sub (global.get $sp) (i32.const 16)))
          unreachable)
        (func (export "depth") (result i32) (global.get $sp)))]]
    local told = assert(wasm.run(source, nil, { stack_pointer = "sp" }))
    for _ = 1, 5 do assert.is_false(pcall(told.exports.fail)) end
    assert.equal(1000, told.exports.depth())
    told:close()
  end)
end)

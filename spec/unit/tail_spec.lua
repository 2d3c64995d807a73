--- Tail calls: constant stack, any signature, across instances; interruptible.
local wasm = require "wasm"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source, options)):instantiate(imports))
end

--- n parameters named by their type: "(param i32 i32)".
local function params(type, n)
  return "(param" .. (" " .. type):rep(n) .. ")"
end

--- local.get from..to
local function gets(from, to)
  local out = {}
  for i = from, to do out[#out + 1] = "(local.get " .. i .. ")" end
  return table.concat(out, " ")
end

describe("tail calls", function()
  for _, bounds in ipairs { "guard", "explicit" } do
    it("need no stack, " .. bounds, function()
      local inst = instance([[(module
        (memory (export "memory") 1)
        (func $even (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 1))
            (else (return_call $odd (i32.sub (local.get 0) (i32.const 1))))))
        (func $odd (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0)) (then (i32.load (i32.const 0)))
            (else (return_call $even (i32.sub (local.get 0) (i32.const 1))))))
        (export "even" (func $even)))]], nil, { bounds = bounds })
      assert.equal(1, inst.exports.even(3000000))
      assert.equal(0, inst.exports.even(3000001))
      inst.memory:i32(0, 7)
      assert.equal(7, inst.exports.even(1))
    end)

    -- The frame of every function must make room for more or fewer cells than it got.
    for _, sizes in ipairs { { 0, 30 }, { 30, 0 }, { 9, 10 }, { 12, 11 }, { 20, 20 } } do
      local a, b = sizes[1], sizes[2]
      it(("go from %d to %d parameters and back, %s"):format(a, b, bounds), function()
        local more = {}
        for i = 1, b do more[i] = ("(i64.const %d)"):format(i * 1000) end
        local sum = "(local.get 1)"
        for i = 2, b + 1 do sum = ("(i64.add %s (local.get %d))"):format(sum, i) end
        local back = {}
        for i = 1, a do back[i] = ("(i64.const %d)"):format(i) end
        local total = "(local.get 1)"
        for i = 2, a + 1 do total = ("(i64.add %s (local.get %d))"):format(total, i) end
        local inst = instance(([[(module
          (func $first (export "first") (param i32 i64) %s (result i64)
            (return_call $second (local.get 0) %s %s))
          (func $second (param i32 i64) %s (result i64)
            (if (result i64) (i32.eqz (local.get 0)) (then %s)
              (else (return_call $first (i32.sub (local.get 0) (i32.const 1)) %s %s))))
          )]]):format(params("i64", a), total, table.concat(more, " "),
            params("i64", b), sum, sum, table.concat(back, " ")), nil, { bounds = bounds })
        local args = {}
        for i = 1, a do args[i] = i end
        local each = b * (b + 1) // 2 * 1000 + a * (a + 1) // 2
        assert.equal(5 + 100001 * each, inst.exports.first(100000, 5, table.unpack(args)))
      end)
    end
  end

  it("hand results that fit no register to the caller's caller", function()
    local types = ("i32 "):rep(20)
    local inst = instance(([[(module
      (func $many (param i32) (result %s) %s)
      (func $through (param i32) (result %s) (return_call $many (local.get 0)))
      (func (export "f") (param i32) (result %s) (call $through (local.get 0))))]]):format(
      types, gets(0, 0):rep(20), types, types))
    local got = { inst.exports.f(9) }
    assert.equal(20, #got)
    for i = 1, 20 do assert.equal(9, got[i]) end
  end)

  it("leave for another instance and come back to the right one", function()
    local other = instance [[(module (memory (export "memory") 1 1)
      (func (export "set") (param i32) (result i32)
        (i32.store (i32.const 0) (local.get 0)) (i32.const 1)))]]
    local inst = instance([[(module
      (import "o" "set" (func $set (param i32) (result i32)))
      (memory (export "memory") 1 1)
      (global $calls (mut i32) (i32.const 0))
      (func $leave (param i32) (result i32) (return_call $set (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (drop (call $leave (local.get 0)))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store (i32.const 0) (i32.const 55))
        (i32.load (i32.const 0))))]], { o = other })
    assert.equal(55, inst.exports.f(77))
    assert.equal(77, other.memory:i32(0))
    assert.equal(55, inst.memory:i32(0))
  end)

  it("bounce between two instances for ever without stack", function()
    local tbl = wasm.table { "funcref", min = 2 }
    local source = [[(module
      (import "e" "t" (table 2 funcref))
      (type $f (func (param i32 i32) (result i32)))
      (global $mine i32 (i32.const %d))
      (func (export "f") (param i32 i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (global.get $mine))
          (else (return_call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1))
            (i32.xor (local.get 1) (i32.const 1)) (i32.xor (local.get 1) (i32.const 1)))))))]]
    local a = instance(source:format(10), { e = { t = tbl } })
    local b = instance(source:format(20), { e = { t = tbl } })
    tbl[1], tbl[2] = a.exports.f, b.exports.f
    assert.equal(10, a.exports.f(1000000, 0))
    assert.equal(20, a.exports.f(1000001, 0))
  end)

  for _, count in ipairs { 5, 12 } do
    it(("bounce so with %d more parameters, each to its own memory"):format(count), function()
      local tbl = wasm.table { "funcref", min = 2 }
      local source = ([[(module
        (import "e" "t" (table 2 funcref))
        (memory (export "memory") 1)
        (type $f (func (param i32 i32) %s (result i64)))
        (func (export "f") (type $f)
          (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
          (if (result i64) (i32.eqz (local.get 0))
            (then (i64.add (local.get 2) (local.get %d)))
            (else (return_call_indirect (type $f) (i32.sub (local.get 0) (i32.const 1))
              (i32.and (local.get 0) (i32.const 3)) %s %s))))
        (func (export "g") (type $f)
          (return_call_indirect (type $f) (local.get 0) (i32.const 0) %s (i32.const 0))))]])
      source = source:format(params("i64", count), count + 1, gets(3, count + 1),
        "(local.get 2) (i32.eq (i32.const 3) (local.get 1))", gets(2, count + 1))
      local a, b = instance(source, { e = { t = tbl } }), instance(source, { e = { t = tbl } })
      tbl[1], tbl[2] = a.exports.f, b.exports.f
      local args = {}
      for k = 1, count do args[k] = k end
      local turns = 1000
      local first = turns % count -- where the parameters have been turned to
      local sum = (first % count + 1) + ((first + count - 1) % count + 1)
      assert.equal(sum, a.exports.g(turns, 0, table.unpack(args)))
      assert.equal(turns + 1, a.memory:i32(8) + b.memory:i32(8))
      assert.is_true(b.memory:i32(8) > 200)
      assert.is_true(a.memory:i32(8) > 200)
    end)
  end

  it("reach functions of Lua, which may yield", function()
    local inst = instance([[(module
      (import "e" "ask" (func $ask (param i32) (result i32)))
      (func $last (param i32) (result i32)
        (return_call $ask (i32.mul (local.get 0) (i32.const 2))))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $last (local.get 0)) (i32.const 1))))]],
      { e = { ask = function(x) return coroutine.yield(x) end } })
    local co = coroutine.wrap(function() return inst.exports.f(21) end)
    assert.equal(42, co())
    assert.equal(101, co(100))
  end)

  it("are interrupted in a loop of them", function()
    local n, token = 0, nil
    local stop = instance([[(module (import "e" "tick" (func $tick (result i32)))
      (func $g (export "g") (drop (call $tick)) (return_call $g)))]],
      { e = { tick = function()
        n = n + 1
        if n == 1000 then wasm.interrupt(token) end
        return 0
      end } })
    token = stop:interrupter()
    local ok, err = pcall(stop.exports.g)
    assert.is_false(ok)
    assert.equal("interrupt", err.kind)
    assert.equal(1000, n)
  end)
end)

describe("function references", function()
  it("of a subtype do where the supertype is asked for", function()
    local inst = instance [[(module
      (type $f (func (param i32) (result i32)))
      (table $t 2 funcref)
      (elem (i32.const 0) func $inc)
      (func $inc (type $f) (i32.add (local.get 0) (i32.const 1)))
      (func (export "by_ref") (param i32) (result i32)
        (call_ref $f (local.get 0) (ref.func $inc)))
      (func (export "null") (result i32) (call_ref $f (i32.const 1) (ref.null $f)))
      (func (export "or") (param i32) (result i32)
        (block $null
          (return (call_ref $f (local.get 0)
            (br_on_null $null (select (result (ref null $f)) (ref.func $inc) (ref.null $f)
              (local.get 0))))))
        (i32.const -1)))]]
    assert.equal(42, inst.exports.by_ref(41))
    assert.equal(6, inst.exports["or"](5))
    assert.equal(-1, inst.exports["or"](0))
    local ok, err = pcall(inst.exports.null)
    assert.is_false(ok)
    assert.equal("null function reference", err.trap)
  end)

  it("come back from Lua with their type checked", function()
    local pick
    local inst = instance([[(module
      (type $f (func (param i32) (result i32)))
      (type $g (func (param i64)))
      (import "e" "pick" (func $pick (param (ref $f)) (result (ref $f))))
      (elem declare func $inc)
      (func $inc (export "inc") (type $f) (i32.add (local.get 0) (i32.const 1)))
      (func (export "other") (type $g))
      (func (export "f") (param i32) (result i32)
        (call_ref $f (local.get 0) (call $pick (ref.func $inc)))))]],
      { e = { pick = function(f) return pick(f) end } })
    pick = function(f) return f end
    assert.equal(8, inst.exports.f(7))
    pick = function() return inst.exports.other end
    assert.is_false(pcall(inst.exports.f, 7))
    pick = function() return nil end
    assert.is_false(pcall(inst.exports.f, 7))
  end)
end)

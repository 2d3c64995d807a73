--- The ways of a vector that other specs do not go: frame slots, deep stacks, other instances,
--- snapshots as bytes, memories with 64-bit addresses, accesses nobody wants the value of.
local core = require "wasm.core"
local wasm = require "wasm"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source, options)):instantiate(imports))
end

local function vector(n)
  return string.pack("<i8i8", n, -n)
end

local function list(n, format)
  local out = {}
  for i = 1, n do out[i] = format:format(i - 1) end
  return table.concat(out, " ")
end

local function traps(message, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(message, 1, true), tostring(err))
end

describe("v128 in a frame", function()
  --- So many branches behind which so many locals differ that locals live in slots (facts.h).
  local function mixed_locals(n)
    local declared, set = {}, {}
    local out = { "(module (func (export \"f\") (param i32 v128) (result v128)" }
    for i = 1, n do
      declared[i] = ({ [0] = "i32", "v128", "f64" })[i % 3]
      set[i] = ("(local.set %d %s)"):format(i + 1, ({ [0] = ("(i32.const %d)"):format(i),
        ("(i32x4.add (local.get 1) (v128.const i32x4 %d 0 0 %d))"):format(i, i),
        ("(f64.const %d)"):format(i) })[i % 3])
    end
    out[#out + 1] = ("(local %s) block %s %s end (v128.const i64x2 0 0)"):format(
      table.concat(declared, " "), table.concat(set, " "), ("(br_if 0 (local.get 0))"):rep(2 * n))
    for i = 1, n do
      local get = ("(local.get %d)"):format(i + 1)
      if i % 3 == 1 then out[#out + 1] = ("(i32x4.add %s)"):format(get) end
      if i % 3 == 0 then out[#out + 1] = ("(i32x4.add (i32x4.splat %s))"):format(get) end
    end
    out[#out + 1] = "))"
    return table.concat(out, "\n")
  end

  for _, bounds in ipairs { "guard", "explicit" } do
    it("shares it with locals of 8 bytes, bounds " .. bounds, function()
      local n = 100
      local source = mixed_locals(n)
      local ir = core.dump(wasm.wat(source), 0, "ir")
      assert.truthy(ir:find("\nslot %d+ v128") and ir:find("\nslot %d+ f64"))
      local count, sum, others = 0, 0, 0
      for i = 1, n do
        if i % 3 == 1 then count, sum = count + 1, sum + i end
        if i % 3 == 0 then others = others + i end
      end
      local f = instance(source, nil, { bounds = bounds }).exports.f
      local want = string.pack("<i4i4i4i4", 7 * count + sum + others, 8 * count + others,
        9 * count + others, 10 * count + sum + others)
      for branches = 0, 1 do
        assert.equal(want, f(branches, string.pack("<i4i4i4i4", 7, 8, 9, 10)))
      end
    end)
  end

  it("is one of 50,000 locals", function()
    local inst = instance(("(module (func $f (export \"f\") (param i32) (result v128) (local%s)"
      .. " (local.set 40000 (v128.const i64x2 5 -5))"
      .. " (if (local.get 0) (then (drop (call $f (i32.sub (local.get 0) (i32.const 1))))))"
      .. " (local.get 40000)))"):format((" v128"):rep(49990)))
    assert.equal(vector(5), inst.exports.f(3))
  end)

  it("ends in a trap where the stack does", function()
    local inst = instance(([[(module (func $f (export "f") (param i32 %s) (result v128)
      (if (result v128) (local.get 0)
        (then (i32x4.add (local.get 10) (call $f (i32.sub (local.get 0) (i32.const 1)) %s)))
        (else (local.get 1)))))]]):format(("v128 "):rep(10),
      (list(11, "(local.get %d)"):gsub("^%S+ %S+ ", ""))))
    local args = {}
    for i = 1, 10 do args[i] = string.pack("<i4i4i4i4", i, 0, 0, 0) end
    traps("call stack exhausted", inst.exports.f, 1 << 30, table.unpack(args))
    assert.equal(string.pack("<i4i4i4i4", 1 + 5 * 10, 0, 0, 0),
      inst.exports.f(5, table.unpack(args)))
  end)
end)

describe("v128 between instances", function()
  local types, n = ("v128 "):rep(12), 12
  local backwards = {}
  for i = 1, n do backwards[i] = ("(local.get %d)"):format(n - i) end

  local ways = { { "guard", "guard" }, { "guard", "explicit" }, { "explicit", "guard" } }
  for _, bounds in ipairs(ways) do
    it("goes in registers and cells, " .. table.concat(bounds, " to "), function()
      local callee = instance(([[(module (memory 1)
        (func (export "turn") (param %s i32) (result %s) %s))]]):format(types, types,
        table.concat(backwards)), nil, { bounds = bounds[2] })
      local gets = list(n + 1, "(local.get %d)")
      local caller = instance(([[(module
        (type $t (func (param %s i32) (result %s)))
        (import "a" "turn" (func $turn (type $t)))
        (memory 1) (table 1 funcref) (elem (i32.const 0) $turn)
        (func (export "direct") (type $t) (call $turn %s))
        (func (export "indirect") (type $t) (call_indirect (type $t) %s (i32.const 0)))
        (func (export "tail") (type $t) (return_call $turn %s)))]]):format(types, types, gets, gets,
        gets), { a = callee.exports }, { bounds = bounds[1] })
      local args, want = {}, {}
      for i = 1, n do
        args[i] = vector(i * 1001)
        want[n + 1 - i] = args[i]
      end
      args[n + 1] = 5
      for _, name in ipairs { "direct", "indirect", "tail" } do
        assert.same(want, { caller.exports[name](table.unpack(args)) })
      end
    end)
  end

  it("is what an imported global starts another with", function()
    local g, from = wasm.global("v128", vector(9), true), wasm.global("v128", vector(4))
    local inst = instance([[(module
      (import "e" "g" (global $g (mut v128)))
      (import "e" "from" (global $from v128))
      (global (export "copy") v128 (global.get $from))
      (func (export "get") (result v128) (global.get $g))
      (func (export "zero") (global.set $g (v128.const i64x2 0 0)))
      (func (export "low") (global.set $g (v128.const i64x2 5 0)))
      (func (export "high") (global.set $g (v128.const i64x2 0 -5))))]],
      { e = { g = g, from = from } })
    assert.equal(vector(9), inst.exports.get())
    assert.equal(vector(4), inst.exports.copy.value)
    for name, want in pairs { zero = { 0, 0 }, low = { 5, 0 }, high = { 0, -5 } } do
      g.value = vector(77)
      inst.exports[name]()
      assert.equal(string.pack("<i8i8", want[1], want[2]), g.value)
    end
  end)

  it("is read back from a snapshot's bytes, and cloned", function()
    local mod = assert(wasm.compile [[(module
      (global (export "g") (mut v128) (v128.const i64x2 1 2))
      (global $n (mut i64) (i64.const 3))
      (global $h (mut v128) (v128.const i64x2 3 4))
      (func (export "get") (result v128) (global.get $h))
      (func (export "set") (param v128) (global.set $h (local.get 0))))]])
    local inst, other = assert(mod:instantiate()), assert(mod:instantiate())
    inst.exports.g.value = vector(77)
    inst.exports.set(vector(78))
    local bytes = assert(assert(inst:snapshot()):dump())
    local clone = assert(inst:clone())
    inst.exports.set(vector(79))
    assert(other:restore(assert(mod:read_snapshot(bytes))))
    assert.same({ vector(77), vector(78) }, { other.exports.g.value, other.exports.get() })
    assert.same({ vector(78), vector(79) }, { clone.exports.get(), inst.exports.get() })
  end)
end)

describe("an access of a vector", function()
  for _, bounds in ipairs { "guard", "explicit" } do
    it("traps though nobody wants its value, bounds " .. bounds, function()
      local inst = instance([[(module (memory 1)
        (func (export "load") (param i32 v128) (drop (v128.load (local.get 0))))
        (func (export "lane") (param i32 v128)
          (drop (v128.load64_lane 1 (local.get 0) (local.get 1))))
        (func (export "splat") (param i32 v128) (drop (v128.load32_splat (local.get 0))))
        (func (export "widen") (param i32 v128) (drop (v128.load8x8_s (local.get 0))))
        (func (export "store") (param i32 v128)
          (v128.store16_lane 3 (local.get 0) (local.get 1))))]], nil, { bounds = bounds })
      for name, size in pairs { load = 16, lane = 8, splat = 4, widen = 8, store = 2 } do
        inst.exports[name](65536 - size, vector(1))
        traps("out of bounds memory access", inst.exports[name], 65537 - size, vector(1))
        traps("out of bounds memory access", inst.exports[name], -1, vector(1))
      end
    end)
  end

  for what, source in pairs {
    ["of 64-bit addresses"] = { "i64", "", "(memory i64 1)" },
    ["that is the second"] = { "i64", "$second", "(memory 1) (memory $second i64 1)" },
  } do
    it("finds a memory " .. what, function()
      local at, memory, memories = table.unpack(source)
      local inst = instance((([[(module %M
        (func (export "load") (param %A) (result v128) (v128.load %m (local.get 0)))
        (func (export "lane") (param %A v128) (result v128)
          (v128.load8_lane %m offset=3 5 (local.get 0) (local.get 1)))
        (func (export "store") (param %A v128)
          (v128.store16_lane %m offset=3 5 (local.get 0) (local.get 1)))
        (func (export "far") (param %A v128)
          (v128.store64_lane %m offset=0x100000000 1 (local.get 0) (local.get 1))))]])
        :gsub("%%(%a)", { A = at, M = memories, m = memory })))
      inst.exports.store(0, "abcdefghijklmnop")
      assert.equal("kl" .. ("\0"):rep(14), inst.exports.load(3))
      assert.equal("AAAAAkAAAAAAAAAA", inst.exports.lane(0, ("A"):rep(16)))
      inst.exports.store(65531, vector(1))
      traps("out of bounds memory access", inst.exports.store, 65532, vector(1))
      traps("out of bounds memory access", inst.exports.far, 0, vector(1))
      traps("out of bounds memory access", inst.exports.far, -0x100000000, vector(1))
    end)
  end
end)

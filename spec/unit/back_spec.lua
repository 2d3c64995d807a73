--- Machine code under awkward conditions: many values, many places, large frames.
-- What single operators compute is the official suite's; this is about where values are.
local wasm = require "wasm"

local TYPES = { "i32", "i64", "f32", "f64" }

-- The same numbers on every run.
local function generator(seed)
  return function(n)
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % n + 1
  end
end

--- n types, and a permutation that moves values only between places of one type.
local function permutation(n, seed)
  local random, types, by_type, perm = generator(seed), {}, {}, {}
  for i = 1, n do
    types[i] = TYPES[random(#TYPES)]
    by_type[types[i]] = by_type[types[i]] or {}
    table.insert(by_type[types[i]], i)
  end
  for _, places in pairs(by_type) do
    local shuffled = table.move(places, 1, #places, 1, {})
    for i = #shuffled, 2, -1 do
      local j = random(i)
      shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
    end
    for i, place in ipairs(places) do perm[place] = shuffled[i] end
  end
  return types, perm
end

local function each(n, f)
  local list = {}
  for i = 1, n do list[i] = f(i) end
  return table.concat(list, " ")
end

--- Functions that permute their n arguments `rounds` times: by calling themselves, through
--- a table, and as a loop's parameters. Each returns them all.
local function permuting(types, perm, rounds)
  local n = #types
  local list = table.concat(types, " ")
  local sig = ("(param %s) (result %s)"):format(list, list)
  local permuted = each(n, function(i) return ("(local.get %d)"):format(perm[i] - 1) end)
  local same = each(n, function(i) return ("(local.get %d)"):format(i - 1) end)
  local consts = each(n, function(i) return ("(%s.const %d)"):format(types[i], i) end)
  local sets = each(n, function(i) return ("(local.set %d)"):format(n - i) end)
  local count = "(global.set 0 (i32.sub (global.get 0) (i32.const 1)))"
  local function recursive(call)
    return ("(block (br_if 0 (i32.eqz (global.get 0))) %s %s %s (return)) %s")
      :format(count, permuted, call, same)
  end
  local function entry(name)
    return ('(func (export "%s") (result %s) (global.set 0 (i32.const %d)) %s (call $%s))')
      :format(name, list, rounds, consts, name)
  end
  return table.concat({
    "(module (type $t (func " .. sig .. ")) (global (mut i32) (i32.const 0))",
    "(table funcref (elem $indirect))",
    "(func $direct (type $t) " .. recursive "(call $direct)" .. ")",
    "(func $indirect (type $t) " .. recursive "(call_indirect (type $t) (i32.const 0))" .. ")",
    "(func $loop (type $t)", same, "(loop $l", sig, sets, permuted, count,
    "(br_if $l (global.get 0))))",
    entry "direct", entry "indirect", entry "loop", ")",
  }, "\n")
end

local function applied(types, perm, rounds)
  local values = {}
  for i = 1, #types do values[i] = i end
  for _ = 1, rounds do
    local next_values = {}
    for i = 1, #types do next_values[i] = values[perm[i]] end
    values = next_values
  end
  for i, v in ipairs(values) do
    values[i] = types[i]:sub(1, 1) == "f" and v + 0.0 or v
  end
  return values
end

for _, bounds in ipairs { "guard", "explicit" } do
  local function instance(source)
    local mod = assert(wasm.compile(source, { bounds = bounds }))
    return assert(mod:instantiate {}), mod
  end

  describe("machine code with " .. bounds .. " bounds", function()
    for _, n in ipairs { 2, 3, 8, 17, 40, 240 } do
      it(("keeps %d values apart however they are passed on"):format(n), function()
        for seed = 1, n < 20 and 6 or 1 do
          local types, perm = permutation(n, seed * 7 + n)
          local rounds = 1 + seed
          local inst <close> = instance(permuting(types, perm, rounds))
          local want = applied(types, perm, rounds)
          for _, name in ipairs { "direct", "indirect", "loop" } do
            assert.same(want, { inst.exports[name]() }, name)
          end
        end
      end)
    end

    it("reaches every entry of a large jump table, and values get there", function()
      local n, arms = 3000, 12
      local labels = each(n, function(i) return (i * 7) % arms end)
      local blocks = ("(block (result i32) "):rep(arms)
      local ends = each(arms, function(i) return (") (i32.const %d) (i32.add)"):format(i) end)
      local inst <close> = instance(([[(module (func (export "f") (param i32) (result i32)
        %s (i32.const 1000) (local.get 0) (br_table %s 5) %s))]]):format(blocks, labels, ends))
      local function from(label) -- what is added on the way out
        local sum = 1000
        for i = label + 1, arms do sum = sum + i end
        return sum
      end
      for i = 0, n - 1 do assert.equal(from((i + 1) * 7 % arms), inst.exports.f(i)) end
      assert.equal(from(5), inst.exports.f(n))
      assert.equal(from(5), inst.exports.f(-1))
    end)

    it("gives a large frame its room, or traps", function()
      local locals = ("i64 "):rep(49000)
      local sets = each(490, function(i)
        return ("(local.set %d (i64.extend_i32_u (i32.add (local.get 0) (i32.const %d))))")
          :format(i * 100, i)
      end)
      local sum = each(490, function(i)
        return ("(local.set 1 (i64.add (local.get 1) (local.get %d)))"):format(i * 100)
      end)
      local inst <close> = instance(([[(module (func $f (export "f") (param i32) (result i64)
        (local %s) (loop (br_if 0 (i32.eqz (i32.const 1)))) %s
        (if (local.get 0) (then (drop (call $f (i32.sub (local.get 0) (i32.const 1))))))
        %s (local.get 1)))]]):format(locals, sets, sum))
      assert.equal(490 * 491 // 2, inst.exports.f(0))
      assert.equal(490 * 491 // 2 + 490 * 2, inst.exports.f(2))
      local ok, err = pcall(inst.exports.f, 1000000)
      assert.is_false(ok)
      assert.equal("call stack exhausted", err.trap)
    end)

    it("says which operator trapped, also right behind a call", function()
      local inst <close>, mod = instance [[(module (memory 1)
        (func $address (result i32) (i32.const -4))
        (func (export "f") (result i32) (i32.load (call $address))))]]
      local ok, err = pcall(inst.exports.f)
      assert.is_false(ok)
      assert.equal("out of bounds memory access", err.trap)
      assert.equal(0x28, mod:bytes():byte(err.frames[1].offset + 1))
    end)

    it("loads and stores at the far ends of an offset", function()
      local inst <close> = instance [[(module (memory 1 1)
        (func (export "near") (param i32) (result i32) (i32.load offset=65532 (local.get 0)))
        (func (export "far") (param i32) (result i32) (i32.load offset=0x7fffffff (local.get 0)))
        (func (export "farther") (param i32) (i64.store offset=0xffffffff (local.get 0)
          (i64.const 1))))]]
      assert.equal(0, inst.exports.near(0))
      for name, address in pairs { near = 1, far = 0, farther = -1 } do
        local ok, err = pcall(inst.exports[name], address)
        assert.is_false(ok, name)
        assert.equal("out of bounds memory access", err.trap)
      end
    end)
  end)
end

--- Calls through a table: of functions of this instance, of another one with its own memory, and
-- of Lua, with any number of arguments; what they throw and where they trap. The machine code
-- makes the first kind without touching the instance's registers (emit_call.c).
local wasm = require "wasm"

local SOURCE = [[(module
  (import "e" "table" (table 8 funcref))
  (import "e" "tag" (tag $tag (param i32)))
  (import "e" "lua" (func $lua (type $t)))
  (import "e" "mine" (global $mine i32))
  (import "e" "first" (global $first i32))
  (type $t (func (param TYPES) (result i32)))
  (memory 1)
  (elem (global.get $first) func $sum $throw $trap $lua)
  (func $sum (type $t) (i32.add (i32.load (i32.const 0)) (SUM)))
  (func $throw (type $t) (throw $tag (i32.load (i32.const 0))))
  (func $trap (type $t) (i32.load (i32.const -1)))
  (func $set (i32.store (i32.const 0) (global.get $mine)))
  (start $set)
  (func (export "run") (param TYPES) (param $f i32) (result i32)
    (i32.add (i32.mul (i32.const 1000) (call_indirect (type $t) GETS (local.get $f)))
      (i32.load (i32.const 0))))
  (func (export "catch") (param TYPES) (param $f i32) (result i32)
    (i32.add (i32.load (i32.const 0)) (i32.mul (i32.const 1000)
      (block $caught (result i32)
        (try_table (catch $tag $caught)
          (drop (call_indirect (type $t) GETS (local.get $f))))
        (i32.const 77)))))
  TAIL)]]

--- Leaves the instance by a tail call: in such a module every call sets its registers again.
local TAIL = [[(func (export "away") (param TYPES) (param $f i32) (result i32)
  (return_call_indirect (type $t) GETS (local.get $f)))]]

local function source(n, tail)
  local gets = {}
  for k = 1, n do gets[k] = ("(local.get %d)"):format(k - 1) end
  local sum = "i32.const 0"
  for k = 1, n do sum = ("i32.add %s (%s)"):format(gets[k], sum) end
  local text = SOURCE:gsub("TAIL", tail and TAIL or "")
  return (text:gsub("%u%u%u%u?%u?", { TYPES = ("i32 "):rep(n), GETS = table.concat(gets, " "),
    SUM = sum }))
end

local function describe_calls(bounds, tail, n)
  local mod, one, two, args, sum, heard

  setup(function()
    mod = assert(wasm.compile(source(n, tail), { bounds = bounds }))
    local e = { tag = wasm.tag "(i32)", table = wasm.table { "funcref", min = 8 },
      lua = function(...)
        heard = { ... }
        return 5
      end }
    args, sum = {}, 0
    for k = 1, n do args[k], sum = k * k, sum + k * k end
    e.mine, e.first = wasm.global("i32", 100), wasm.global("i32", 0)
    one = assert(mod:instantiate { e = e })
    e.mine, e.first = wasm.global("i32", 200), wasm.global("i32", 4)
    two = assert(mod:instantiate { e = e })
  end)

  teardown(function() mod:close() end)

  local function call(inst, name, f)
    local given = { table.unpack(args) }
    given[n + 1] = f
    return inst.exports[name](table.unpack(given, 1, n + 1))
  end

  it("reach whichever instance", function()
    for _ = 1, 2 do
      assert.equal((sum + 100) * 1000 + 100, call(one, "run", 0))
      assert.equal((sum + 200) * 1000 + 100, call(one, "run", 4))
      assert.equal((sum + 100) * 1000 + 200, call(two, "run", 0))
      assert.equal((sum + 200) * 1000 + 200, call(two, "run", 4))
      if tail then assert.equal(sum + 200, call(one, "away", 4)) end
      assert.equal(5 * 1000 + 100, call(one, "run", 3))
      assert.same(args, heard)
    end
  end)

  it("catch what is thrown", function()
    for f, value in pairs { [0] = 77, [1] = 100, [3] = 77, [4] = 77, [5] = 200 } do
      assert.equal(value * 1000 + 100, call(one, "catch", f))
      assert.equal(value * 1000 + 200, call(two, "catch", f))
    end
  end)

  it("trap in the callee, whose caller is in the trace", function()
    for f, name in pairs { [2] = "one", [6] = "two" } do
      local ok, err = pcall(call, one, "catch", f)
      assert.is_false(ok)
      assert.equal("out of bounds memory access", err.trap, name)
      assert.equal("trap", err.frames[1].name)
      assert.equal("catch", err.frames[2].name)
      assert.equal(100, call(one, "run", 3) % 1000)
    end
  end)
end

for _, bounds in ipairs { "guard", "explicit" } do
  for _, tail in ipairs { false, true } do
    for n = 0, 9 do
      local how = ("%s bounds, %d arguments%s"):format(bounds, n, tail and ", tail calls" or "")
      describe("calls through a table, " .. how .. ",", function()
        describe_calls(bounds, tail, n)
      end)
    end
  end
end

describe("a function without a frame", function()
  it("is called, calls in turn by a tail call, and leaves its caller's trace whole", function()
    local inst = assert(wasm.run [[(module
      (type $t (func (param i32) (result i32)))
      (table funcref (elem $double $next $trap))
      (func $double (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
      (func $next (param i32) (result i32)
        (return_call $double (i32.add (local.get 0) (i32.const 1))))
      (func $trap (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
      (func (export "run") (param i32 i32) (result i32)
        (call_indirect (type $t) (local.get 0) (local.get 1)))
      (func (export "deep") (param i32 i32) (result i32)
        (if (i32.eqz (local.get 0))
          (then (return (i32.div_u (i32.const 8) (call_indirect (type $t) (local.get 0)
            (local.get 1))))))
        (call 4 (i32.sub (local.get 0) (i32.const 1)) (local.get 1))))]])
    assert.equal(14, inst.exports.run(7, 0))
    assert.equal(16, inst.exports.run(7, 1))
    assert.equal(4, inst.exports.deep(5, 1))
    local ok, err = pcall(inst.exports.deep, 5, 0)
    assert.is_false(ok)
    assert.equal("integer divide by zero", err.trap)
    for k = 1, 6 do assert.equal("deep", err.frames[k].name) end
    assert.equal("pcall", err.frames[7].name)
  end)
end)

--- The suite's runner itself: it must see what is wrong, not only what is right.
local script = require "spec.wast.script"

local function run(text)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write(text)
  f:close()
  local failures = {}
  local count = script.run(path, "guard", function(line, type, why)
    failures[#failures + 1] = ("%d %s: %s"):format(line, type, why)
  end)
  os.remove(path)
  return count, failures
end

local MODULE = [[(module
  (func (export "one") (result i32) (i32.const 1))
  (func (export "nan") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "null") (result externref) (ref.null extern))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (func (export "trap") (unreachable)))
]]

local PASSES = {
  { "a right result", '(assert_return (invoke "one") (i32.const 1))' },
  { "one of several results",
    '(assert_return (invoke "one") (either (i32.const 2) (i32.const 1)))' },
  { "a trap", '(assert_trap (invoke "trap") "unreachable")' },
  { "a canonical NaN",
    '(assert_return (invoke "nan" (i32.const 0x7fc00000)) (f32.const nan:canonical))' },
  { "an arithmetic NaN",
    '(assert_return (invoke "nan" (i32.const 0xffc00001)) (f32.const nan:arithmetic))' },
  { "a signalling NaN, bit by bit",
    '(assert_return (invoke "nan" (i32.const 0x7fa00000)) (f32.const nan:0x200000))' },
  { "a host reference", '(assert_return (invoke "same" (ref.extern 7)) (ref.extern 7))' },
  { "a malformed module",
    '(assert_malformed (module binary "\\00asn") "magic header not detected")' },
  { "an invalid module", '(assert_invalid (module (func (result i32))) "type mismatch")' },
  { "an unlinkable module",
    '(assert_unlinkable (module (import "none" "x" (func))) "unknown import")' },
  { "an instance whose start traps",
    '(assert_trap (module (func $f unreachable) (start $f)) "unreachable")' },
}

local FAILS = {
  { "a wrong result", '(assert_return (invoke "one") (i32.const 2))' },
  { "a missing result", '(assert_return (invoke "one"))' },
  { "a result of another type", '(assert_return (invoke "null") (ref.extern 1))' },
  { "a trap for another reason", '(assert_trap (invoke "trap") "integer overflow")' },
  { "a trap that does not come", '(assert_trap (invoke "one") "unreachable")' },
  { "exhaustion that is a plain trap",
    '(assert_exhaustion (invoke "trap") "call stack exhausted")' },
  { "a NaN that is not canonical",
    '(assert_return (invoke "nan" (i32.const 0x7fc00001)) (f32.const nan:canonical))' },
  { "a signalling NaN",
    '(assert_return (invoke "nan" (i32.const 0x7fa00000)) (f32.const nan:arithmetic))' },
  { "another host reference", '(assert_return (invoke "same" (ref.extern 7)) (ref.extern 8))' },
  { "an action that traps", '(invoke "trap")' },
  { "an action on no function", '(assert_return (invoke "none"))' },
  { "a malformed module that is sound", '(assert_malformed (module quote "(module)") "")' },
  { "an invalid module in other words", '(assert_invalid (module (func (result i32))) "oops")' },
}

describe("the suite's runner", function()
  for _, case in ipairs(PASSES) do
    it("passes " .. case[1], function()
      local count, failures = run(MODULE .. case[2])
      assert.equal("", table.concat(failures, "\n"))
      assert.same({ passed = 1, failed = 0, left_out = {} }, count)
    end)
  end

  for _, case in ipairs(FAILS) do
    it("fails " .. case[1], function()
      assert.same({ passed = 0, failed = 1, left_out = {} }, (run(MODULE .. case[2])))
    end)
  end

  it("fails every assertion on a module that is wrongly refused", function()
    local count = run('(module (func (result i32)))\n(assert_return (invoke "f"))')
    assert.equal(2, count.failed)
  end)

  it("fails a script that it cannot read", function()
    assert.equal(1, run("(module").failed)
  end)
end)

--- The verifier finds each way in which IR can be wrong. Reading text ends with it.
local core = require "wasm.core"
local wasm = require "wasm"

local module = wasm.wat [[(module
  (type (func (param i32) (result i32 i64)))
  (import "env" "f" (func (param i32)))
  (memory 1)
  (table 1 funcref)
  (global (mut i64) (i64.const 0))
  (func $f (param i32 i64) (result i32) local.get 0)
  (func (type 0) local.get 0 i64.const 0))]]

local head = "func 1\nb0:\n v0 = arg.i32 0\n v1 = arg.i64 1\n "

describe("The IR verifier", function()
  it("accepts a loop, a join and a call", function()
    assert(core.ir_parse(head .. [[
        jump b1(v0)
      b1(v2.i32):
        v3 = poll_page.i64
        poll v3
        v4 = call.i32 2(v2)
        v5 = result.i64 v4, 1
        global_set.i64 0, v5
        brif v4, b1(v4), b2
      b2:
        return v2
    ]], module, 1))
  end)

  for _, case in ipairs {
    { "an operand of another type", "v2 = add.i32 v0, v1\n return v2", "wrong type" },
    { "a type the operation does not have", "v2 = shl.f32 v0, v0\n return v0",
      "not a type for this operation" },
    { "an address that is not i32", "v2 = load32.i32 v1, 0\n return v2", "wrong width" },
    { "an access wider than its type", "v2 = load64.i32 v0, 0\n return v2", "wrong width" },
    { "a memory that is not there", "v2 = load32.i32[3] v0, 0\n return v2", "not there" },
    { "a signed store", "store8s.i32 v0, v0, 0\n return v0", "unsigned" },
    { "a global of another type", "v2 = global_get.i32 0\n return v2", "another type" },
    { "a table that is not there", "v2 = table_get.ref v0, 4\n return v0", "not there" },
    { "a slot that is not there", "v2 = slot_get.i32 0\n return v2", "out of range" },
    { "a direct call of an import", "call 0(v0)\n return v0", "not a function of this module" },
    { "a call without its second result", "v2 = call.i32 2(v0)\n return v2", "RESULT" },
    { "a result of something else", "v2 = clz.i32 v0\n v3 = result.i64 v2, 1\n return v0",
      "not behind a call" },
    { "a helper's argument that is a float", "v2 = helper.i32 memory_grow(0, f32 inf)\n return v2",
      "wrong type" },
    { "results of another type", "return v1", "wrong type" },
    { "a missing result", "return", "wrong number of results" },
    { "an argument behind other code", "v2 = clz.i32 v0\n v3 = arg.i32 0\n return v0",
      "start of the entry" },
    { "an edge argument of another type", "jump b1(v1)\nb1(v2.i32):\n return v2", "wrong type" },
    { "an edge to the entry", "brif v0, b0, b1\nb1:\n return v0", "entry" },
    { "a value used before it is defined", "v2 = add.i32 v0, v3\n v3 = clz.i32 v0\n return v2",
      "before it is defined" },
    { "a value of one arm used behind the join",
      "brif v0, b1, b2\nb1:\n v3 = clz.i32 v0\n jump b2\nb2:\n return v3", "dominate" },
    { "a jump into a loop", [[brif v0, b1, b2
      b1:
        jump b2
      b2:
        jump b3
      b3:
        brif v0, b1, b4
      b4:
        return v0]], "header" },
  } do
    local what, body, message = table.unpack(case)
    it("refuses " .. what, function()
      local text, err = core.ir_parse(head .. body .. "\n", module, 1)
      assert.is_nil(text)
      assert.equal("invalid", err.kind)
      assert.truthy(err.message:find(message, 1, true), err.message)
    end)
  end
end)

--- IR text is read back as it was printed, and what is wrong with it is said.
local core = require "wasm.core"
local wasm = require "wasm"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

--- Names of the goldens with a function whose IR is worth reading back, and its index.
local goldens = {
  straight = 0, constants = 0, if_else = 0, if_only = 0, loop = 0, loop_param = 0,
  br_if = 0, br_table = 0, join_one_edge = 0, call = 2, call_indirect = 0, dead = 0,
  select = 0, memory = 0, bulk = 0, table = 0, global = 0,
  simd = 0,
}

describe("IR text", function()
  for name, func in pairs(goldens) do
    it("of " .. name .. " prints as it was read", function()
      local bytes = wasm.wat(read("spec/golden/ir_" .. name .. ".wat"))
      local text = core.dump(bytes, func, "ir")
      assert.equal(text, core.ir_parse(text, bytes, func))
    end)
  end

  local module = wasm.wat [[(module
    (memory 1)
    (func (param i32 i64) (result i32) local.get 0)
    (func))]]

  it("may name values as it likes, have comments and leave out offsets", function()
    local text = assert(core.ir_parse([[
      ; doubled
      func 0
      b0:
        v10 = arg.i32 0
        v20 = arg.i64 1   ; not used
        v7 = add.i32 v10, v10
        jump b1(v7)
      b1(v5.i32):
        return v5
    ]], module, 0))
    assert.truthy(text:find("v2 = add.i32 v0, v0 +@0x0\n"))
    assert.truthy(text:find("b1%(v4.i32%): +@0x0\n"))
  end)

  for _, literal in ipairs {
    "i64 -9223372036854775808", "i64 9223372036854775807",
    "f32 0x0p+0", "f32 -0x0p+0", "f32 0x1p-126", "f32 0x0.000002p-126",
    "f32 0x1.fffffep+127", "f32 inf", "f32 -inf", "f32 nan:0x400000", "f32 -nan:0x1",
    "f64 0x1.8p+1", "f64 0x0.0000000000001p-1022", "f64 0x1.fffffffffffffp+1023",
    "f64 nan:0x8000000000000", "f64 -nan:0xfffffffffffff",
  } do
    it("keeps the constant " .. literal, function()
      local type, result = literal:sub(1, 3), { i64 = 0, f32 = 1, f64 = 2 }
      local bytes = wasm.wat [[(module
        (func (result i64) i64.const 0)
        (func (result f32) f32.const 0)
        (func (result f64) f64.const 0))]]
      local func = result[type]
      local text = assert(core.ir_parse(
        ("func %d\nb0:\n  return %s\n"):format(func, literal), bytes, func))
      assert.truthy(text:find("return " .. literal .. " ", 1, true), text)
    end)
  end

  local function refused(body, func)
    local text, err = core.ir_parse(("func %d\n%s"):format(func or 0, body), module, func or 0)
    assert.is_nil(text)
    assert.equal("malformed", err.kind)
    return err.message
  end

  local head = "b0:\n v0 = arg.i32 0\n v1 = arg.i64 1\n "
  for _, case in ipairs {
    { "an unknown operation", head .. "v2 = frob.i32 v0\n return v0\n", "unknown operation" },
    { "an unknown type", head .. "v2 = add.i33 v0, v0\n return v0\n", "expected a type" },
    { "a value that is never defined", head .. "return v9\n", "never defined" },
    { "a value that is defined twice", head .. "v0 = clz.i32 v0\n return v0\n", "defined twice" },
    { "a result of something that has none", head .. "v2 = poll v1\n return v0\n", "no result" },
    { "a result without a name", head .. "clz.i32 v0\n return v0\n", "expected a value" },
    { "an edge to nowhere", head .. "jump b7\n", "not there" },
    { "too few arguments of an edge", head .. "jump b1\nb1(v2.i32):\n return v2\n",
      "wrong number of arguments" },
    { "a missing end", head .. "\n", "no end" },
    { "blocks out of order", head .. "jump b2\nb2:\n return v0\n", "in order" },
    { "an instruction outside a block", head .. "return v0\nreturn v0\n", "outside a block" },
    { "an unknown function", head .. "v2 = call.i32 9(v0)\n return v2\n", "unknown function" },
    { "an unknown trap", head .. "trap boredom\n", "unknown trap" },
    { "a number beyond 32 bits", head .. "v2 = add.i32 v0, 4294967296\n return v2\n",
      "too large" },
    { "text behind an instruction", head .. "return v0 v0\n", "expected ," },
  } do
    local what, body, message = table.unpack(case)
    it("refuses " .. what, function()
      assert.truthy(refused(body):find(message, 1, true), refused(body))
    end)
  end

  it("names the line", function()
    assert.truthy(refused("b0:\n v0 = arg.i32 0\n return v9\n"):find("line 4", 1, true))
  end)
end)

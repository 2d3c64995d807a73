local core = require "wasm.core"

--- Operators by C name.
local function by_name()
  local found = {}
  for _, op in ipairs(core.opcodes()) do found[op.name] = op end
  return found
end

describe("the operator table", function()
  it("has every operator of 3.0 and of the proposals we name", function()
    assert.equal(575, #core.opcodes())
  end)

  it("is sorted by code, so none is there twice", function()
    local last = -1
    for _, op in ipairs(core.opcodes()) do
      assert.is_true(op.code > last, op.text)
      last = op.code
    end
  end)

  it("uses only the five code spaces", function()
    local spaces = { [0] = true, [0xfb] = true, [0xfc] = true, [0xfd] = true, [0xfe] = true }
    for _, op in ipairs(core.opcodes()) do
      assert.is_true(spaces[op.code >> 16], op.text)
      assert.is_true(op.code >> 16 ~= 0 or op.code < 0xfb, op.text)
    end
  end)

  it("has two rows for a keyword only where the immediate tells them apart", function()
    local rows = {}
    for _, op in ipairs(core.opcodes()) do
      rows[op.text] = rows[op.text] or {}
      table.insert(rows[op.text], op.name)
    end
    local doubles = {}
    for text, names in pairs(rows) do
      if #names > 1 then doubles[#doubles + 1] = text .. " " .. #names end
    end
    table.sort(doubles)
    assert.same({ "ref.cast 2", "ref.test 2", "select 2" }, doubles)
  end)

  for _, case in ipairs {
    { "I32_ADD", 0x6a, "i32.add", "none", "ii_i", "mvp" },
    { "CALL_INDIRECT", 0x11, "call_indirect", "call_indirect", "CODE", "mvp" },
    { "I64_LOAD32_U", 0x35, "i64.load32_u", "m2", "a_l", "mvp" },
    { "I32_EXTEND8_S", 0xc0, "i32.extend8_s", "none", "i_i", "sign-extension" },
    { "MEMORY_FILL", 0xfc000b, "memory.fill", "mem", "aia_n", "bulk-memory" },
    { "I64_MUL_WIDE_U", 0xfc0016, "i64.mul_wide_u", "none", "ll_ll", "wide-arithmetic" },
    { "I8X16_SHUFFLE", 0xfd000d, "i8x16.shuffle", "lanes16", "vv_v", "simd" },
    { "I8X16_RELAXED_SWIZZLE", 0xfd0100, "i8x16.relaxed_swizzle", "none", "vv_v",
      "relaxed-simd" },
    { "I31_GET_U", 0xfb001e, "i31.get_u", "none", "CODE", "gc" },
    { "I64_ATOMIC_RMW32_CMPXCHG_U", 0xfe004e, "i64.atomic.rmw32.cmpxchg_u", "m2", "all_l",
      "threads" },
    { "TRY_TABLE", 0x1f, "try_table", "try_table", "CODE", "exceptions" },
    { "RETURN_CALL", 0x12, "return_call", "func", "CODE", "tail-call" },
  } do
    local name, code, text, imm, sig, feature = table.unpack(case)
    it("says what the standard says of " .. text, function()
      local op = by_name()[name]
      assert.same({ code, text, imm, sig, feature },
        { op.code, op.text, op.imm:lower(), op.sig, op.feature })
    end)
  end

  it("gives every memory access its natural alignment", function()
    local bits = { ["8"] = 0, ["16"] = 1, ["32"] = 2, ["64"] = 3 }
    for _, op in ipairs(core.opcodes()) do
      local width = op.text:match("^[if]%d%d%.load(%d*)") or op.text:match("^[if]%d%d%.store(%d*)")
      if width then
        if width == "" then width = op.text:match("^[if](%d%d)") end
        assert.equal("m" .. bits[width], op.imm:lower(), op.text)
      end
    end
  end)
end)

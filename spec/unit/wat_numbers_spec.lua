local numbers = require "wasm.text.numbers"

local RANGE = "constant out of range"

describe("integer literals", function()
  for _, case in ipairs {
    { "0", 32, 0 }, { "-1", 32, 0xffffffff }, { "+7", 32, 7 }, { "4294967295", 32, 0xffffffff },
    { "-2147483648", 32, 0x80000000 }, { "0xFfFf_ffff", 32, 0xffffffff },
    { "-0x8000_0000", 32, 0x80000000 }, { "1_000", 32, 1000 }, { "00000000000000000000001", 32, 1 },
    { "0x00000000000000000000001", 32, 1 }, { "-0", 32, 0 },
    { "0000000000000000000", 32, 0 }, { "-00000000000000000000000", 64, 0 },
    { "000_000_000_000_000_000_000_012", 32, 12 },
    { "-128", 8, 0x80 }, { "255", 8, 0xff }, { "-32768", 16, 0x8000 },
    { "18446744073709551615", 64, -1 }, { "9223372036854775808", 64, math.mininteger },
    { "-9223372036854775808", 64, math.mininteger }, { "0xffffffffffffffff", 64, -1 },
    { "9223372036854775807", 64, math.maxinteger },
    { "1234567890123456789", 64, 1234567890123456789 },
  } do
    it(("i%d %s"):format(case[2], case[1]), function()
      assert.equal(case[3], numbers.int(case[1], case[2]))
    end)
  end

  for _, case in ipairs {
    { "4294967296", 32 }, { "-2147483649", 32 }, { "0x100000000", 32 }, { "-0x80000001", 32 },
    { "18446744073709551616", 64 }, { "99999999999999999999", 64 }, { "100000000000000000000", 64 },
    { "-9223372036854775809", 64 }, { "0x10000000000000000", 64 }, { "256", 8 }, { "-129", 8 },
  } do
    it(("i%d %s are out of range"):format(case[2], case[1]), function()
      local value, message = numbers.int(case[1], case[2])
      assert.is_nil(value)
      assert.equal(RANGE, message)
    end)
  end

  for _, word in ipairs { "", "-", "0x", "1x", "0xg", "_1", "1_", "1__0", "0x_1", "0_x1", "+-1",
                          "1.0", "0X1", "1e5", "- 1", "0x1_" } do
    it(("are not %q"):format(word), function()
      assert.same({ n = 1 }, table.pack(numbers.int(word, 32)))
    end)
  end
end)

describe("f32 literals", function()
  for _, case in ipairs {
    { "0", 0 }, { "-0", 0x80000000 }, { "1", 0x3f800000 }, { "0.1", 0x3dcccccd },
    { "1.", 0x3f800000 }, { "1.e1", 0x41200000 }, { "1_0.0_1e0_1", 0x42c83333 },
    { "inf", 0x7f800000 }, { "-inf", 0xff800000 },
    { "nan", 0x7fc00000 }, { "-nan", 0xffc00000 }, { "nan:0x1", 0x7f800001 },
    { "+nan:0x7f_ffff", 0x7fffffff },
    { "0x1p-149", 1 }, { "0x1.fffffep127", 0x7f7fffff }, { "0x1.8", 0x3fc00000 },
    { "0x1.P3", 0x41000000 }, { "0xf", 0x41700000 },
    { "16777217", 0x4b800000 }, { "16777219", 0x4b800002 },
    { "340282346638528859811704183484516925440", 0x7f7fffff },
    -- rounded once: by way of f64 each of these would be wrong or a tie
    { "1.000000059604644775390625", 0x3f800000 },
    { "1.0000000596046447753906250000000000000000001", 0x3f800001 },
    { "1.00000005960464477539062499999999999999999999", 0x3f800000 },
    { "1.000000178813934326171875", 0x3f800002 },
    { "340282356779733661637539395458142568447.9999", 0x7f7fffff },
    { "7.0064923216240853546186479164495e-46", 0 },
    { "7.0064923216240853546186479164496e-46", 1 },
    { "0x1.000001p0", 0x3f800000 }, { "0x1.000003p0", 0x3f800002 },
    { "0x1.0000010000000000000000001p0", 0x3f800001 }, { "0x1p-150", 0 },
    { "0x1.000000000000000000001p-150", 1 }, { "0x1.fffffefffffffffffp127", 0x7f7fffff },
    { "0x0.00000000000000000000000000000001p100", 0x31800000 },
    { "1e-99999999999999999999999", 0 }, { "0e99999999999999999999", 0 },
    { "0x0p99999999999999999999", 0 }, { "0x1p-99999999999999999999", 0 },
  } do
    it(("%s are %08x"):format(case[1], case[2]), function()
      assert.equal(case[2], numbers.float(case[1], 32))
    end)
  end

  for _, word in ipairs { "0x1p128", "0x1.ffffffp127", "1e39", "1e9999999999999999999",
                          "340282356779733661637539395458142568448", "nan:0x0", "nan:0x80_0000",
                          "0x1p9999999999999999999", "nan:0x1_0000_0000_0000_0000" } do
    it(word .. " are out of range", function()
      local value, message = numbers.float(word, 32)
      assert.is_nil(value)
      assert.equal(RANGE, message)
    end)
  end

  for _, word in ipairs { "", ".5", "0x.5", "1e", "1e+", "0x1p", "1_.0", "1._0", "1.0_", "_1.0",
                          "nan:1", "nan:0x", "nan:canonical", "infinity", "1f", "0x1.8e5z",
                          "0x1p0x1", "1.0.0", "0x1_p3", "nan:0x_1", "1e_5" } do
    it(("are not %q"):format(word), function()
      assert.same({ n = 1 }, table.pack(numbers.float(word, 32)))
    end)
  end
end)

describe("f64 literals", function()
  for _, case in ipairs {
    { "0.1", 0x3fb999999999999a }, { "-0.0", math.mininteger }, { "1e308", 0x7fe1ccf385ebc8a0 },
    { "4.9e-324", 1 }, { "2.4703282292062327e-324", 0 }, { "2.4703282292062328e-324", 1 },
    { "9007199254740993", 0x4340000000000000 }, { "9007199254740993.0000001", 0x4340000000000001 },
    { "123456789012345678901234567890", 0x45f8ee90ff6c373e },
    { "inf", 0x7ff0000000000000 }, { "nan", 0x7ff8000000000000 },
    { "-nan:0xf_ffff_ffff_ffff", -1 }, { "nan:0x1", 0x7ff0000000000001 },
    { "0x1p-1074", 1 }, { "0x1p-1075", 0 }, { "0x1.00000000000000000001p-1075", 1 },
    { "0x1.fffffffffffff7ffffffp1023", 0x7fefffffffffffff },
    { "0x1.00000000000008p0", 0x3ff0000000000000 }, { "0x1.00000000000018p0", 0x3ff0000000000002 },
    { "0x1.000000000000080000000000001p0", 0x3ff0000000000001 },
  } do
    it(("%s are %016x"):format(case[1], case[2]), function()
      assert.equal(case[2], numbers.float(case[1], 64))
    end)
  end

  it("agree with the C library on hexadecimal forms", function()
    for _, word in ipairs { "0x1.921fb54442d18p+1", "0x123456789abcdef0123456789abcdefp0",
                            "0xfffffffffffffbp-3", "0x0.8p1", "0x1.23456789abcdefp-1030" } do
      local want = string.unpack("<i8", string.pack("<d", tonumber(word)))
      assert.equal(want, numbers.float(word, 64))
    end
  end)

  for _, word in ipairs { "1e309", "0x1p1024", "0x1.fffffffffffff8p1023",
                          "nan:0x10000000000000" } do
    it(word .. " are out of range", function()
      assert.equal(RANGE, select(2, numbers.float(word, 64)))
    end)
  end
end)

describe("a literal of extreme length", function()
  for name, word in pairs {
    ["many digits"] = "1." .. ("0"):rep(200000) .. "1",
    ["a midpoint and many zeros"] = "1.000000059604644775390625" .. ("0"):rep(200000) .. "1",
    ["a long exponent"] = "0." .. ("0"):rep(200000) .. "1e200001",
    ["many hexadecimal digits"] = "0x1." .. ("0"):rep(200000) .. "1p0",
    ["many underscores"] = "1" .. ("_0"):rep(100000) .. "e-100000",
  } do
    it("with " .. name .. " takes linear time", function()
      local start = os.clock()
      local bits = numbers.float(word, 32)
      assert.truthy(bits == 0x3f800000 or bits == 0x3f800001, bits)
      assert.is_true(os.clock() - start < 1)
    end)
  end
end)

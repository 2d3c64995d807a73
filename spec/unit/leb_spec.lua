local bytes = require "spec.support.bytes"
local wasm = require "wasm"

--- Validate a function that pushes `const` and drops it.
local function constant(const)
  return wasm.validate(bytes.func(const .. "\x1a"))
end

--- Validate a memory whose minimum is spelled `min`.
local function memory(min)
  return wasm.validate(bytes.module(bytes.section(5, "\1\0" .. min)))
end

local TOO_LONG = "integer representation too long"
local TOO_LARGE = "integer too large"

describe("a LEB128 number", function()
  for name, spelled in pairs {
    ["u64 zero"] = "\0",
    ["u64 zero in ten bytes"] = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\0",
    ["u64 65536"] = "\x80\x80\4",
  } do
    it("reads " .. name, function()
      assert(memory(spelled))
    end)
  end

  for name, const in pairs {
    ["i32 -1 in one byte"] = "\x41\x7f",
    ["i32 -1 in five bytes"] = "\x41\xff\xff\xff\xff\x7f",
    ["the least i32"] = "\x41\x80\x80\x80\x80\x78",
    ["the largest i32"] = "\x41\xff\xff\xff\xff\x07",
    ["the least i64"] = "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f",
    ["the largest i64"] = "\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\0",
  } do
    it("reads " .. name, function()
      assert(constant(const))
    end)
  end

  for _, case in ipairs {
    { "an i32 of six bytes", "\x41\x80\x80\x80\x80\x80\0", TOO_LONG },
    { "an i32 beyond the positive range", "\x41\xff\xff\xff\xff\x0f", TOO_LARGE },
    { "an i32 beyond the negative range", "\x41\x80\x80\x80\x80\x70", TOO_LARGE },
    { "an i64 of eleven bytes", "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", TOO_LONG },
    { "an i64 with a wrong sign", "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7e", TOO_LARGE },
  } do
    local name, const, message = table.unpack(case)
    it("refuses " .. name, function()
      local ok, err = constant(const)
      assert.is_nil(ok)
      assert.equal("malformed", err.kind)
      assert.equal(1, err.message:find(message, 1, true), err.message)
    end)
  end

  for _, case in ipairs {
    { "a u64 of eleven bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0", TOO_LONG },
    { "a u64 of 65 bits", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\2", TOO_LARGE },
    { "a number cut short", "\x80", "unexpected end" },
  } do
    local name, min, message = table.unpack(case)
    it("refuses " .. name, function()
      local ok, err = memory(min)
      assert.is_nil(ok)
      assert.equal("malformed", err.kind)
      assert.equal(1, err.message:find(message, 1, true), err.message)
    end)
  end

  it("says where it stopped", function()
    local _, err = memory("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\0")
    assert.equal(22, err.offset)
  end)
end)

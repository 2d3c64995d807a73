local bytes = require "spec.support.bytes"
local wasm = require "wasm"

local section, vec, name, module, func =
  bytes.section, bytes.vec, bytes.name, bytes.module, bytes.func

local MEMORY = section(5, "\1\0\1")
local TABLE = section(4, "\1\x70\0\1")
local RESULT_I32 = { type = "\x60\0\1\x7f" }

local function refuses(message, binary)
  local ok, err = wasm.validate(binary)
  assert.is_nil(ok)
  assert.equal("invalid", err.kind, err.message)
  assert.equal(1, err.message:find(message, 1, true), err.message)
end

describe("validating a body", function()
  for _, case in ipairs {
    { "a constant result", func("\x41\7", RESULT_I32) },
    { "a block with a result", func("\2\x7f\x41\7\x0b", RESULT_I32) },
    { "a block whose parameters come from the stack",
      module(section(1, vec { "\x60\0\0", "\x60\1\x7f\1\x7f" }), section(3, "\1\0"),
        section(10, vec { bytes.body "\x41\1\2\1\x0b\x1a" })) },
    { "any operands in dead code", func("\0\x6a", RESULT_I32) },
    { "a select of unknown operands in dead code", func("\0\x1b", RESULT_I32) },
    { "br_table with labels of one arity",
      func("\2\x7f\x41\1\x41\0\x0e\1\0\1\x0b", RESULT_I32) },
    { "a result left by return in the middle", func("\x41\1\x0f\x1a", RESULT_I32) },
    { "an if with both arms", func("\x41\0\4\x7f\x41\1\5\x41\2\x0b", RESULT_I32) },
    { "a typed select of references", func("\xd0\x70\xd0\x70\x41\0\x1c\1\x70\x1a") },
    { "call_indirect through a second table", func("\x41\0\x11\0\1",
      { between = section(4, "\2\x70\0\1\x70\0\1") }) },
    { "a memory access with the natural alignment",
      func("\x41\0\x28\2\0\x1a", { between = MEMORY }) },
  } do
    local what, binary = table.unpack(case)
    it("takes " .. what, function()
      assert(wasm.validate(binary))
    end)
  end

  for _, case in ipairs {
    { "an operand of another type", func "\x43\0\0\0\0\x41\0\x6a\x1a",
      "type mismatch: instruction requires [i32] but stack has [f32]: i32.add" },
    { "a missing operand", func "\x6a\x1a",
      "type mismatch: instruction requires [i32] but stack has []: i32.add" },
    { "an operand from outside the block", func "\x41\1\2\x40\x1a\x0b\x1a", "type mismatch" },
    { "values left over", func "\x41\1", "type mismatch: block requires [] but stack has [i32]" },
    { "a missing result", func("", RESULT_I32), "type mismatch" },
    { "an if without else that must give a value", func("\x41\0\4\x7f\x41\1\x0b", RESULT_I32),
      "type mismatch" },
    { "labels of different arity in br_table",
      func("\2\x40\x41\1\x41\0\x0e\1\0\1\x0b\x41\0", RESULT_I32), "type mismatch" },
    { "a wrong operand after dead code began", func("\0\x43\0\0\0\0\x67", RESULT_I32),
      "type mismatch" },
    { "select of two types", func "\x41\0\x42\0\x41\0\x1b\x1a", "type mismatch" },
    { "select of references without a type", func "\xd0\x70\xd0\x70\x41\0\x1b\x1a",
      "type mismatch" },
    { "select with two types", func "\x41\0\x41\0\x41\0\x1c\2\x7f\x7f\x1a",
      "invalid result arity" },
    { "a label that does not exist", func "\x0c\1", "unknown label 1" },
    { "a local that does not exist", func "\x20\0\x1a", "unknown local 0" },
    { "a global that does not exist", func "\x23\0\x1a", "unknown global 0" },
    { "a function that does not exist", func "\x10\7", "unknown function 7" },
    { "a type that does not exist", func("\x41\0\x11\5\0", { between = TABLE }),
      "unknown type 5" },
    { "a table that does not exist", func "\x41\0\x11\0\0", "unknown table 0" },
    { "a memory that does not exist", func "\x3f\0\x1a", "unknown memory 0" },
    { "an alignment beyond the natural one", func("\x41\0\x28\3\0\x1a", { between = MEMORY }),
      "alignment must not be larger than natural" },
    { "a function reference nobody declared", func "\xd2\0\x1a",
      "undeclared function reference" },
    { "a write to an immutable global",
      func("\x41\0\x24\0", { between = section(6, "\1\x7f\0\x41\0\x0b") }), "immutable global" },
    { "a data segment that does not exist",
      func("\x41\0\x41\0\x41\0\xfc\8\0\0", { between = MEMORY .. section(12, "\0") }),
      "unknown data segment 0" },
  } do
    local what, binary, message = table.unpack(case)
    it("refuses " .. what, function()
      refuses(message, binary)
    end)
  end

  it("points at the operator", function()
    local binary = func "\x41\0\x41\0\x7c\x1a"
    local _, err = wasm.validate(binary)
    assert.equal(binary:find("\x7c", 9, true) - 1, err.offset)
  end)

  it("takes an exported function's reference", function()
    assert(wasm.validate(func("\xd2\0\x1a", { between = section(7, vec { name "f" .. "\0\0" }) })))
  end)
end)

describe("validating a module", function()
  for _, case in ipairs {
    { "a global that reads an earlier one",
      module(section(6, "\2\x7f\0\x41\1\x0b\x7f\0\x23\0\x0b")) },
    { "arithmetic in a constant expression",
      module(section(6, "\1\x7f\0\x41\1\x41\2\x6a\x41\3\x6c\x0b")) },
    { "65536 pages", module(section(5, "\1\0\x80\x80\4")) },
    { "passive and declared segments", module(TABLE,
      section(9, vec { "\5\x70\1\xd0\x70\x0b", "\7\x70\1\xd0\x70\x0b" }),
      section(12, "\1"), section(11, "\1\1\2ab")) },
  } do
    local what, binary = table.unpack(case)
    it("takes " .. what, function()
      assert(wasm.validate(binary))
    end)
  end

  for _, case in ipairs {
    { "a function of an unknown type", module(section(2, vec { name "" .. name "" .. "\0\1" })),
      "unknown type 1" },
    { "65537 pages", module(section(5, "\1\0\x81\x80\4")),
      "memory size must be at most 65536 pages (4GiB)" },
    { "limits in the wrong order", module(section(5, "\1\1\2\1")),
      "size minimum must not be greater than maximum" },
    { "a constant expression that calls", module(section(6, "\1\x7f\0\x10\0\x0b")),
      "constant expression required" },
    { "a constant expression that reads a mutable global",
      module(section(6, "\2\x7f\1\x41\1\x0b\x7f\0\x23\0\x0b")), "constant expression required" },
    { "a global that reads itself", module(section(6, "\1\x7f\0\x23\0\x0b")), "unknown global 0" },
    { "a constant of another type", module(section(6, "\1\x7f\0\x42\0\x0b")), "type mismatch" },
    { "a constant expression with two values", module(section(6, "\1\x7f\0\x41\0\x41\0\x0b")),
      "type mismatch" },
    { "one name exported twice",
      module(MEMORY, section(7, vec { name "m" .. "\2\0", name "m" .. "\2\0" })),
      "duplicate export name" },
    { "an export of nothing", module(section(7, vec { name "m" .. "\2\0" })), "unknown memory 0" },
    { "a start function with a result",
      module(section(1, "\1\x60\0\1\x7f"), section(3, "\1\0"), section(8, "\0"),
        section(10, vec { bytes.body "\x41\0" })), "start function" },
    { "a start function that does not exist", module(section(8, "\0")), "unknown function 0" },
    { "an active segment without its memory", module(section(11, "\1\0\x41\0\x0b\0")),
      "unknown memory 0" },
    { "an active segment without its table", module(section(9, "\1\0\x41\0\x0b\0")),
      "unknown table 0" },
    { "external references in a table of functions",
      module(TABLE, section(9, "\1\6\0\x41\0\x0b\x6f\0")), "type mismatch" },
  } do
    local what, binary, message = table.unpack(case)
    it("refuses " .. what, function()
      refuses(message, binary)
    end)
  end

  it("takes time in proportion to calls with 1,000 parameters", function()
    local many = bytes.u(1000) .. ("\x7f"):rep(1000)
    local function calls(before)
      return module(
        section(1, vec { "\x60\0\0", "\x60" .. many .. many }), section(3, "\2\0\1"),
        section(10, vec { bytes.body(before .. ("\x10\1"):rep(500000) .. "\0"), bytes.body "\0" }))
    end
    local start = os.clock()
    assert(wasm.validate(calls(("\x41\0"):rep(1000))))
    assert(wasm.validate(calls("\0")))
    assert.is_true(os.clock() - start < 2)
  end)
end)

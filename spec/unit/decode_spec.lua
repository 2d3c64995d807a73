local bytes = require "spec.support.bytes"
local wasm = require "wasm"

local section, vec, name, module = bytes.section, bytes.vec, bytes.name, bytes.module

local TYPE = section(1, "\1\x60\0\0")
local FUNC = section(3, "\1\0")
local CODE = section(10, "\1\2\0\x0b")

local function refuses(kind, message, binary)
  local ok, err = wasm.validate(binary)
  assert.is_nil(ok)
  assert.equal(kind, err.kind, err.message)
  assert.equal(1, err.message:find(message, 1, true), err.message)
end

describe("decoding", function()
  it("takes an empty module", function()
    assert(wasm.validate(bytes.HEADER))
  end)

  it("takes custom sections anywhere", function()
    local note = bytes.custom("note", "text")
    assert(wasm.validate(module(note, TYPE, note, FUNC, note, CODE, note)))
  end)

  it("lists imports and exports in their order", function()
    local mod = assert(wasm.compile(module(
      TYPE,
      section(2, vec {
        name "env" .. name "log" .. "\0\0",
        name "env" .. name "base" .. "\3\x7f\0",
      }),
      FUNC,
      section(5, "\1\0\1"),
      section(7, vec { name "run" .. "\0\1", name "memory" .. "\2\0" }),
      CODE)))
    local imports, exports = mod:imports(), mod:exports()
    assert.same({ "log", "base" }, { imports[1].name, imports[2].name })
    assert.same({ "function", "global" }, { imports[1].kind, imports[2].kind })
    assert.same({ "run", "memory" }, { exports[1].name, exports[2].name })
    assert.same({ "function", "memory" }, { exports[1].kind, exports[2].kind })
  end)

  for _, case in ipairs {
    { "nothing at all", "", "unexpected end" },
    { "half a header", "\0asm\1", "unexpected end" },
    { "another magic", "\0elf\1\0\0\0", "magic header not detected" },
    { "a component", "\0asm\13\0\1\0", "unknown binary version: this is a component" },
    { "another version", "\0asm\2\0\0\0", "unknown binary version" },
    { "a section that does not exist", module "\x0e\0", "malformed section id" },
    { "a section longer than the module", module "\1\x20", "length out of bounds" },
    { "a section longer than its content", module(section(1, "\1\x60\0\0\0")),
      "section size mismatch" },
    { "sections in a wrong order", module(FUNC, TYPE, CODE),
      "unexpected content after last section" },
    { "a section twice", module(TYPE, TYPE), "unexpected content after last section" },
    { "more types than bytes", module(section(1, "\xff\xff\xff\x7f")), "length out of bounds" },
    { "a type that is none", module(section(1, "\1\x41\0\0")), "malformed definition type" },
    { "a value type that is none", module(section(1, "\1\x60\1\x41\0")), "malformed value type" },
    { "a table of numbers", module(section(4, "\1\x7f\0\0")), "malformed reference type" },
    { "limits with unknown flags", module(section(5, "\1\x10\0")), "malformed limits flags" },
    { "a mutability of 2", module(section(6, "\1\x7f\2\x41\0\x0b")), "malformed mutability" },
    { "an import kind of 5", module(section(2, "\1\0\0\5\0")), "malformed import kind" },
    { "an export kind of 5", module(section(7, "\1\0\5\0")), "malformed export kind" },
    { "an overlong UTF-8 sequence", module(section(2, "\1\2\xc0\x80\0\0\0")),
      "malformed UTF-8 encoding" },
    { "a surrogate in UTF-8", module(section(2, "\1\3\xed\xa0\x80\0\0\0")),
      "malformed UTF-8 encoding" },
    { "functions without code", module(TYPE, FUNC),
      "function and code section have inconsistent lengths" },
    { "code without functions", module(TYPE, CODE),
      "function and code section have inconsistent lengths" },
    { "a data count without data", module(section(12, "\1")),
      "data count and data section have inconsistent lengths" },
    { "an operator that is none", bytes.func "\xff", "illegal opcode ff" },
    { "a prefixed operator that is none", bytes.func "\xfc\x7f", "illegal opcode fc" },
    { "a body without end", module(TYPE, FUNC, section(10, "\1\2\0\1")), "unexpected end" },
    { "a body that ends early", module(TYPE, FUNC, section(10, "\1\3\0\x0b\1")),
      "section size mismatch" },
    { "an else outside an if", bytes.func "\5", "END opcode expected" },
    { "2^32 locals", bytes.func("", { locals = "\2\xff\xff\xff\xff\x0f\x7f\1\x7e" }),
      "too many locals" },
    { "memory.init without a data count", bytes.func("\x41\0\x41\0\x41\0\xfc\8\0\0",
      { between = section(5, "\1\0\0") }), "data count section required" },
    { "an element kind of 1", module(section(9, "\1\1\1\0")), "malformed element kind" },
    { "an alignment of 2^128", bytes.func("\x41\0\x28\x80\1\0\x1a",
      { between = section(5, "\1\0\0") }), "malformed memop flags" },
  } do
    local what, binary, message = table.unpack(case)
    it("refuses " .. what, function()
      refuses("malformed", message, binary)
    end)
  end

  it("calls code malformed even where something before it is only invalid", function()
    refuses("malformed", "illegal opcode", module(
      TYPE, section(3, "\2\0\0"), section(10, vec { bytes.body "\x6a", bytes.body "\xff" })))
  end)

  for _, case in ipairs {
    { "a vector type", module(section(1, "\1\x60\1\x7b\0")), "simd" },
    { "a vector operator", bytes.func "\xfd\x0c" , "simd" },
    { "a recursive type group", module(section(1, "\1\x4e\1\x60\0\0")), "gc" },
    { "a reference to a type", module(section(1, "\2\x60\0\0\x60\1\x64\0\0")),
      "function-references" },
    { "a tail call", bytes.func "\x12\0", "tail-call" },
    { "a tag section", module(TYPE, section(13, "\1\0\0")), "exceptions" },
    { "a legacy try", bytes.func "\6\x40\x0b", "legacy-exceptions" },
    { "a shared memory", module(section(5, "\1\3\1\1")), "threads" },
    { "a 64-bit memory", module(section(5, "\1\4\1")), "memory64" },
    { "a second memory", module(section(5, "\2\0\1\0\1")), "multi-memory" },
    { "a page size", module(section(5, "\1\8\1\0")), "custom-page-sizes" },
    { "128-bit addition", bytes.func "\xfc\x13", "wide-arithmetic" },
    { "a table initializer", module(section(4, "\1\x40\0\x70\0\0\xd0\x70\x0b")),
      "function-references" },
  } do
    local what, binary, feature = table.unpack(case)
    it("names the feature switched off for " .. what, function()
      local mod, err = wasm.compile(binary,
        { features = { [feature] = false, ["legacy-exceptions"] = false } })
      assert.is_nil(mod)
      assert.equal("unsupported", err.kind)
      assert.truthy(err.message:find(": " .. feature, 1, true), err.message)
    end)
  end

  it("names the limit that a module exceeds", function()
    refuses("limit", "too many locals", bytes.func("", { locals = "\1\xd1\x86\3\x7f" }))
    refuses("limit", "too many parameters", module(
      section(1, "\1\x60" .. bytes.u(1001) .. ("\x7f"):rep(1001) .. "\0")))
  end)

  it("ends on every truncation of a module that has everything", function()
    local whole = module(
      section(1, vec { "\x60\0\0", "\x60\1\x7f\1\x7f" }),
      section(2, vec { name "m" .. name "f" .. "\0\1", name "m" .. name "g" .. "\3\x7f\0" }),
      section(3, "\1\0"), section(4, "\1\x70\1\2\4"), section(5, "\1\1\1\2"),
      section(6, "\1\x7f\1\x41\7\x0b"), section(7, vec { name "x" .. "\0\1" }),
      section(8, "\1"), section(9, "\1\0\x41\0\x0b\1\1"), section(12, "\1"),
      section(10, vec { bytes.body "\x41\1\x10\0\x1a" }),
      section(11, "\1\0\x41\0\x0b\3abc"))
    assert(wasm.validate(whole))
    local complete = 0
    for n = 0, #whole - 1 do
      if wasm.validate(whole:sub(1, n)) then complete = complete + 1 end
    end
    assert.equal(3, complete) -- the header alone, with types, with imports; more needs the code
  end)

  it("takes no time for megabytes of zeros or of nesting", function()
    local before = os.clock()
    assert.is_nil((wasm.validate(("\0"):rep(10000000))))
    assert.is_nil((wasm.validate(bytes.HEADER .. ("\0"):rep(10000000))))
    refuses("limit", "blocks nested too deeply", bytes.func(("\2\x40"):rep(200000)))
    assert.is_true(os.clock() - before < 2)
  end)
end)

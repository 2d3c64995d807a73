local bytes = require "spec.support.bytes"
local wasm = require "wasm"

--- A module with one function and the given name section.
local function named(content)
  return bytes.func("", { after = bytes.custom("name", content) })
end

local function subsection(id, content)
  return string.char(id) .. bytes.name(content)
end

describe("the name section", function()
  it("names the module", function()
    local mod = assert(wasm.compile(named(subsection(0, bytes.name("physics")))))
    assert.equal("physics", mod.name)
  end)

  it("may stand before the sections it is about", function()
    local mod = assert(wasm.compile(bytes.module(
      bytes.custom("name", subsection(0, bytes.name("early"))),
      bytes.section(1, "\1\x60\0\0"))))
    assert.equal("early", mod.name)
  end)

  it("counts once: the first one", function()
    local mod = assert(wasm.compile(bytes.module(
      bytes.custom("name", subsection(0, bytes.name("first"))),
      bytes.custom("name", subsection(0, bytes.name("second"))))))
    assert.equal("first", mod.name)
  end)

  for name, content in pairs {
    ["a subsection cut short"] = "\0\x20\3abc",
    ["a name that is not UTF-8"] = subsection(0, bytes.name("\xff\xfe")),
    ["an unknown subsection"] = subsection(0x55, "whatever"),
    ["a function that does not exist"] = subsection(1, "\1\x07\1f"),
    ["functions out of order"] = subsection(1, "\2\0\1f\0\1g"),
    ["a count beyond its bytes"] = subsection(1, "\xff\xff\xff\xff\x0f"),
    ["nothing"] = "",
  } do
    it("does no harm with " .. name, function()
      assert(wasm.validate(named(content)))
    end)
  end

  it("keeps what came before the damage", function()
    local mod = assert(wasm.compile(named(
      subsection(0, bytes.name("kept")) .. subsection(1, "\1\x07\1f"))))
    assert.equal("kept", mod.name)
  end)
end)

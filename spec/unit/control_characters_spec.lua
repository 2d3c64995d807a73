--- Names are a guest's own words: what is shown of them to people must not steer a terminal.
local bytes = require "spec.support.bytes"
local wasm = require "wasm"

local vec, section, custom = bytes.vec, bytes.section, bytes.custom
local EVIL = "\27[2J\r\n\b\127\xc2\x9b5m"
local PLAIN = "\\x1b[2J\\x0d\\x0a\\x08\\x7f\\xc2\\x9b5m"

-- A module that has the name everywhere: its own, an export's, a function's.
local function evil()
  local name = bytes.name(EVIL)
  return bytes.module(section(1, vec { "\x60\0\0" }), section(3, vec { "\0", "\0" }),
    section(7, vec { name .. "\0\1" }), section(10, vec { bytes.body "\0", bytes.body "\x10\0" }),
    custom("name", "\0" .. bytes.name(name) .. "\1"
      .. bytes.name(vec { "\0" .. name, "\1" .. name })))
end

local function check(text)
  assert.falsy(text:find("[\0-\8\11-\31\127]"), text)
  assert.falsy(text:find("\xc2[\x80-\x9f]"), text)
end

describe("control characters in names", function()
  it("are written out in the text of an error, and are as they were in its message", function()
    local again = bytes.module(section(1, vec { "\x60\0\0" }), section(3, vec { "\0" }),
      section(7, vec { bytes.name(EVIL) .. "\0\0", bytes.name(EVIL) .. "\0\0" }),
      section(10, vec { bytes.body "" }))
    local _, err = wasm.compile(again)
    assert.truthy(err.message:find(EVIL, 1, true))
    check(tostring(err))
    assert.truthy(tostring(err):find("\\x1b[2J", 1, true))
  end)

  it("are written out in tracebacks, where lines are no exception", function()
    local inst = assert(assert(wasm.compile(evil())):instantiate())
    local ok, err = pcall(inst.exports[EVIL])
    assert.falsy(ok)
    assert.equal(EVIL, err.frames[1].name)
    check(tostring(err))
    local quoted = "'" .. PLAIN:gsub("%p", "%%%0") .. "'"
    local lines = select(2, tostring(err):gsub("in function " .. quoted, ""))
    assert.equal(2, lines)
  end)

  it("are written out in the text of modules and instances", function()
    local mod = assert(wasm.compile(evil()))
    local inst = assert(mod:instantiate())
    for _, thing in ipairs { mod, inst, inst.exports, inst:func(EVIL) } do
      check(tostring(thing))
      assert.truthy(tostring(thing):find(PLAIN, 1, true) or not tostring(thing):find("\n"))
    end
  end)

  it("leave other text as it is", function()
    local mod = assert(wasm.compile(evil(), { name = "größer → \t" }))
    assert.equal("wasm.module: größer → \\x09", tostring(mod))
  end)
end)

describe("control characters in a text", function()
  local function message(text)
    local _, err = wasm.wat(text)
    check(tostring(err))
    return tostring(err)
  end

  it("are written out in messages that repeat a name", function()
    local text = message('(module (func $"\\1b[2J") (func $"\\1b[2J"))')
    assert.truthy(text:find("duplicate func $\\x1b[2J", 1, true))
  end)

  it("are one column each in the line that is shown", function()
    local text = message("(module (foo) ;; \27[2J \xc2\x9b5m")
    assert.equal("wat:1:10: unknown operator foo\n(module (foo) ;; ?[2J ?5m\n         ^", text)
    text = message("(module \27[2J\xc2\x9b5m)")
    assert.equal("wat:1:9: illegal character\n(module ?[2J?5m)\n        ^", text)
  end)

  it("do no harm where the text is no UTF-8", function()
    local text = message("(module \x9b5m)")
    assert.equal("wat:1:9: malformed UTF-8 encoding\n(module ?5m)\n        ^", text)
  end)
end)

--- Large binary modules go from their file to the compiler without being a string of Lua's.
local core = require "wasm.core"
local wasm = require "wasm"

--- A valid module of about `size` bytes: a custom section of zeros.
local function large(size)
  local bytes = assert(wasm.wat("(module (func (export \"f\") (result i32) (i32.const 7)))"))
  local payload = "\4skip" .. ("\0"):rep(size)
  local length, n = "", #payload
  repeat
    local low = n & 0x7f
    n = n >> 7
    length = length .. string.char(n > 0 and low | 0x80 or low)
  until n == 0
  return bytes .. "\0" .. length .. payload
end

local function file_of(bytes)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "wb"))
  file:write(bytes)
  finally(function() os.remove(path) end)
  return path
end

describe("a large module", function()
  local BYTES = large(3 << 20)

  it("is loaded as from a string, and is the same module", function()
    local path = file_of(BYTES)
    local mod = assert(wasm.load(path))
    assert.equal(7, assert(mod:instantiate()).exports.f())
    assert.equal(#BYTES, mod:size())
    assert.equal(BYTES, mod:bytes())
    assert.equal(mod, assert(wasm.compile(BYTES)))
    assert.equal(mod, assert(wasm.load(path)))
    assert.truthy(tostring(mod):find(path:match("[^/]+$"), 1, true))
  end)

  it("keeps its bytes when the file is written to again", function()
    local path = file_of(large(2 << 20))
    local mod = assert(wasm.load(path, { eager = false, cache = false }))
    local file <close> = assert(io.open(path, "r+b"))
    file:write(("\xff"):rep(1 << 20))
    file:flush()
    assert.equal(7, assert(mod:instantiate()).exports.f())
  end)

  it("that is wrong gives its error, and its bytes back", function()
    local path = file_of(BYTES .. "\1")
    for _ = 1, 3 do
      local mod, err = wasm.load(path)
      assert.is_nil(mod)
      assert.equal("malformed", err.kind)
    end
  end)

  it("is given to the compiler once", function()
    local bytes = assert(core.binary(file_of(BYTES)))
    assert.equal(#BYTES, #bytes)
    assert.truthy(core.compile(bytes))
    assert.is_false(pcall(core.compile, bytes))
    bytes = assert(core.binary(file_of(BYTES)))
    assert.is_false(pcall(core.compile, bytes, { effort = "much" }))
    assert.is_false(pcall(core.compile, bytes))
    -- nor can a store of one's own have it meanwhile
    local seen
    bytes = assert(core.binary(file_of(large(4 << 20))))
    local cache = assert(wasm.cache { key = ("k"):rep(32), store = {
      get = function() seen = pcall(core.compile, bytes) end, put = function() end } })
    assert.truthy(core.compile(bytes, { cache = cache }))
    assert.is_false(seen)
  end)

  it("is read otherwise where it is small, text, no file or not there", function()
    for _, path in ipairs { file_of(large(1000)), file_of((" "):rep(2 << 20)), file_of "", "/tmp",
                            "/dev/zero", "/nowhere/at/all" } do
      assert.is_nil(core.binary(path), path)
    end
    assert.is_false(pcall(core.binary, "a\0b"))
    local _, err = wasm.load("/nowhere/at/all")
    assert.equal("io", err.kind)
    _, err = wasm.load("/tmp")
    assert.equal("io", err.kind)
  end)
end)

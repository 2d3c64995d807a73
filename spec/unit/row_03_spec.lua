--- API row 3: the same bytes compiled twice share code.
local wasm = require "wasm"

local SOURCE = '(module (func (export "three") (result i32) i32.const 3))'

describe("row 3: the same bytes compiled twice", function()
  it("give two handles that are equal", function()
    local a, b = assert(wasm.compile(SOURCE)), assert(wasm.compile(SOURCE))
    assert.is_true(a == b)
    assert.is_false(rawequal(a, b))
    assert.equal(a:hash(), b:hash())
  end)

  it("give one code; the second is a hit", function()
    local a <close> = assert(wasm.compile(SOURCE))
    local before = wasm.stats()
    local b <close> = assert(wasm.compile(SOURCE))
    local after = wasm.stats()
    assert.equal(before.codes, after.codes)
    assert.equal(before.compiles, after.compiles)
    assert.equal(before.hits + 1, after.hits)
    assert.is_true(a == b)
  end)

  it("give different code for different options", function()
    local guard <close> = assert(wasm.compile(SOURCE))
    local explicit <close> = assert(wasm.compile(SOURCE, { bounds = "explicit" }))
    assert.is_false(guard == explicit)
    assert.equal(guard:hash(), explicit:hash())
    assert.equal("guard", guard:info().bounds)
    assert.equal("explicit", explicit:info().bounds)
  end)

  it("are not equal to other bytes, nor once closed", function()
    local a, b = assert(wasm.compile(SOURCE)), assert(wasm.compile(SOURCE))
    assert.is_false(a == assert(wasm.compile("(module)")))
    a:close()
    assert.is_false(a == b)
    assert.is_true(a == a)
  end)
end)

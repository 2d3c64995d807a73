--- API row 9: an instance is closed from inside its own call.
local wasm = require "wasm"

local SOURCE = [[(module $inner (import "env" "f" (func $f)) (memory (export "m") 1)
  (func (export "run") call $f) (func (export "other")))]]

describe("row 9: an instance closed from inside its own call", function()
  local inst, f

  before_each(function()
    inst = assert(wasm.run(SOURCE, { env = { f = function() return f() end } }))
  end)

  local function run_is_closed(...)
    local ok, err = pcall(inst.exports.run, ...)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.truthy(#err.frames > 0)
  end

  it("is closing until control has left wasm", function()
    local during, ok
    f = function()
      assert(inst:close())
      during = tostring(inst)
      ok = pcall(inst.call, inst, "other")
    end
    run_is_closed()
    assert.equal("wasm.instance: inner (closing)", during)
    assert.is_false(ok)
    assert.equal("wasm.instance: inner (closed)", tostring(inst))
  end)

  it("frees its memory when the last call has left", function()
    local before, during = wasm.stats().memory_bytes, nil
    f = function()
      inst:close()
      during = wasm.stats().memory_bytes
    end
    run_is_closed()
    assert.equal(before, during)
    assert.equal(before - 65536, wasm.stats().memory_bytes)
  end)

  it("ends all calls that are under way", function()
    local depth = 0
    f = function()
      depth = depth + 1
      if depth < 5 then
        local ok, err = pcall(inst.exports.run)
        assert(not ok and err.kind == "closed")
      else
        inst:close()
      end
    end
    run_is_closed()
    assert.equal(5, depth)
  end)

  it("does so in a coroutine too", function()
    f = function()
      coroutine.yield()
      inst:close()
    end
    local co = coroutine.create(inst.exports.run)
    assert.is_true(coroutine.resume(co))
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.is_true(inst:closed())
  end)

  it("lets the host function's own error through", function()
    local mine = {}
    f = function()
      inst:close()
      error(mine)
    end
    local ok, err = pcall(inst.exports.run)
    assert.is_false(ok)
    assert.is_true(rawequal(mine, err))
  end)
end)

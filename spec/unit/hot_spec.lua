--- wasm.hot: a module that follows its file.
local wasm = require "wasm"
local cached = require "spec.support.cached"

local function source(k)
  return ([[(module (memory (export "memory") 1)
    (func (export "f") (result i32) (i32.const %d))
    (func (export "count") (result i32)
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
      (i32.load (i32.const 64))))]]):format(k)
end

describe("wasm.hot", function()
  local dir, remove, path

  before_each(function()
    dir, remove = cached.directory()
    path = dir .. "/mod.wat"
    cached.write(path, source(1))
  end)
  after_each(function() remove() end)

  it("follows the file, keeping state and functions", function()
    local reports = {}
    local h <close> = assert(wasm.hot(path, { state = "memory",
      on_reload = function(report) reports[#reports + 1] = report end }))
    local f, count = h.exports.f, h.exports.count
    count() count()
    assert.is_false(h:poll())
    cached.write(path, source(2))
    assert.is_true(h:poll())
    assert.is_false(h:poll())
    assert.equal(2, f())
    assert.equal(2, h.exports.f())
    assert.equal(3, count())
    assert.equal(1, #reports)
    assert.equal("memory", reports[1].state.mode)
    assert.equal("wasm.hot: mod.wat", tostring(h))
  end)

  it("keeps the old version while the file is broken, and tells it once", function()
    local errors = {}
    local function note(err) errors[#errors + 1] = err end
    local h <close> = assert(wasm.hot(path, { on_error = note }))
    for _, broken in ipairs { "(module (func", "", source(3):sub(1, 40), "\0asm" } do
      cached.write(path, broken)
      for _ = 1, 3 do
        local ok, err = h:poll()
        assert.is_nil(ok)
        assert.is_string(err.kind)
        assert.equal(1, h.exports.f())
      end
    end
    assert.is_true(#errors >= 3 and #errors <= 4)
    cached.write(path, source(4))
    assert.is_true(h:poll())
    assert.equal(4, h.exports.f())
  end)

  it("survives that the file or its directory is deleted", function()
    local h <close> = assert(wasm.hot(path))
    os.remove(path)
    assert.equal("io", select(2, h:poll()).kind)
    assert.equal(1, h.exports.f())
    cached.write(path, source(5))
    assert.is_true(h:poll())
    assert(os.execute("rm -rf " .. dir))
    assert.equal("io", select(2, h:poll()).kind)
    assert.equal(5, h.exports.f())
    assert(os.execute("mkdir " .. dir))
    cached.write(path, source(6))
    assert.is_true(h:poll())
    assert.equal(6, h.exports.f())
  end)

  it("sees a change whatever the clock says", function()
    local h <close> = assert(wasm.hot(path))
    for k, time in ipairs { "1990-01-01", "2100-01-01", "1980-01-01" } do
      cached.write(path, source(10 + k))
      assert(os.execute(("touch -d %s %s"):format(time, path)))
      assert.is_true(h:poll())
      assert.equal(10 + k, h.exports.f())
    end
  end)

  it("sees a file that is renamed over it", function()
    local h <close> = assert(wasm.hot(path))
    for k = 1, 5 do
      cached.write(dir .. "/new", source(20 + k))
      assert(os.rename(dir .. "/new", path))
      assert.is_true(h:poll())
      assert.equal(20 + k, h.exports.f())
    end
  end)

  it("waits while calls are under way, and then reloads", function()
    local SLOW = [[(module (import "e" "wait" (func $wait)) (func (export "slow") (call $wait))
      (func (export "f") (result i32) (i32.const %d)))]]
    cached.write(path, SLOW:format(1))
    local h <close> = assert(wasm.hot(path, { imports = { e = { wait = coroutine.yield } } }))
    local slow = coroutine.wrap(h.exports.slow)
    slow()
    cached.write(path, SLOW:format(2))
    for _ = 1, 3 do assert.equal("busy", select(2, h:poll()).kind) end
    slow()
    assert.is_true(h:poll())
    assert.equal(2, h.exports.f())
  end)

  it("is closed like everything else", function()
    local h = assert(wasm.hot(path))
    local f = h.exports.f
    assert.is_true(h:close())
    assert.is_false(h:close())
    assert.is_true(h:closed())
    assert.is_false((pcall(f)))
    assert.is_false((pcall(h.poll, h)))
    assert.equal("wasm.hot: mod.wat (closed)", tostring(h))
  end)

  it("says what it does not understand", function()
    assert.equal("io", select(2, wasm.hot(dir .. "/none.wasm")).kind)
    assert.is_false((pcall(wasm.hot)))
    assert.is_false((pcall(wasm.hot, path, 5)))
    assert.is_false((pcall(wasm.hot, path, { stat = 1 })))
    assert.is_false((pcall(wasm.hot, "a\0b")))
  end)
end)

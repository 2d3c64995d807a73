--- API row 37: wasm -> Lua -> wasm nesting too deep.
local wasm = require "wasm"

describe("row 37: nesting of wasm and Lua", function()
  local inst, f
  inst = assert(wasm.run([[(module $n (import "env" "f" (func $f (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call $f (local.get 0))))]],
    { env = { f = function(n) return f(n) end } }))
  local run = inst.exports.run

  local function down(n)
    if n == 0 then return 0 end
    return run(n - 1) + 1
  end

  before_each(function() f = down end)

  it("works 100 levels deep", function()
    assert.equal(100, run(100))
  end)

  it("ends in a clean error when it is too deep", function()
    for _ = 1, 20 do
      local ok, err = pcall(run, 100000)
      assert.is_false(ok)
      local text = tostring(err)
      assert.truthy(text:find("nested", 1, true) or text:find("C stack overflow", 1, true), text)
      assert.equal(0, wasm.stats().activations)
    end
    assert.equal(50, run(50))
  end)

  it("ends so in a coroutine, and with a coroutine for each level", function()
    local ok = coroutine.resume(coroutine.create(run), 100000)
    assert.is_false(ok)
    f = function(n)
      if n == 0 then return 0 end
      local co = coroutine.create(run)
      local fine, value = coroutine.resume(co, n - 1)
      if not fine then error(value, 0) end
      return value + 1
    end
    assert.is_false(pcall(run, 100000))
    assert.equal(20, run(20))
    assert.equal(0, wasm.stats().activations)
  end)

  it("says which limit it was", function()
    local ok, err = pcall(run, 100000)
    assert.is_false(ok)
    assert.equal("limit", err.kind)
  end)

  it("is not counted for calls that are parked", function()
    f = coroutine.yield
    local list = {}
    for i = 1, 400 do
      list[i] = coroutine.create(run)
      assert.is_true(coroutine.resume(list[i], i))
    end
    for i = 400, 1, -1 do assert.same({ true, i }, { coroutine.resume(list[i], i) }) end
  end)

  it("in wasm alone is a trap", function()
    local deep = assert(wasm.run([[(module (func $f (export "f") (param i32) (result i32)
      (i32.add (i32.const 1) (call $f (local.get 0)))))]]))
    for _ = 1, 3 do
      local ok, err = pcall(deep.exports.f, 1)
      assert.is_false(ok)
      assert.equal("call stack exhausted", err.trap)
      assert.is_true(#err.frames > 10)
      assert.truthy(tostring(err):find("more wasm frames", 1, true))
    end
  end)
end)

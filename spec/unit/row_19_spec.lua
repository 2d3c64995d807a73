--- API row 19: a coroutine with a parked activation is collected.
local wasm = require "wasm"
local weight = require "spec.support.weight"

describe("row 19: a collected coroutine with a parked activation", function()
  local inst = assert(wasm.run([[(module (import "env" "f" (func $f))
    (func (export "run") call $f))]], { env = { f = coroutine.yield } }))
  local run = inst.exports.run

  before_each(function()
    collectgarbage()
    collectgarbage()
  end)

  it("frees its stack, and nothing else happens", function()
    for _ = 1, 100 do coroutine.wrap(run)() end
    collectgarbage()
    collectgarbage()
    local stats = wasm.stats()
    assert.equal(0, stats.activations)
    assert.equal(0, stats.parked)
    coroutine.wrap(run)()
  end)

  it("bounds memory over many", function()
    for _ = 1, weight.scaled(50000) do coroutine.wrap(run)() end
    collectgarbage()
    collectgarbage()
    assert.equal(0, wasm.stats().activations)
  end)

  it("frees the stacks of nested calls", function()
    local outer
    outer = assert(wasm.run([[(module (import "env" "f" (func $f)) (func (export "run") call $f))]],
      { env = { f = function() run() end } }))
    for _ = 1, 100 do coroutine.wrap(outer.exports.run)() end
    assert.is_true(wasm.stats().activations > 0)
    collectgarbage()
    collectgarbage()
    assert.equal(0, wasm.stats().activations)
  end)

  it("keeps the instance until then, not longer", function()
    local before = wasm.stats().instances
    do
      local other = assert(wasm.run([[(module (import "env" "f" (func $f))
        (func (export "run") call $f))]], { env = { f = coroutine.yield } }))
      coroutine.wrap(other.exports.run)()
    end
    collectgarbage()
    collectgarbage()
    assert.equal(before, wasm.stats().instances)
  end)
end)

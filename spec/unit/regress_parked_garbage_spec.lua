--- Broken once: parked calls that nobody can reach use up the process's mappings long before a
--- large Lua heap makes its collector run, and then every call failed with "out of memory".
local wasm = require "wasm"
local weight = require "spec.support.weight"

describe("parked calls that became garbage", function()
  after_each(function() -- the specs that follow count on a small heap
    collectgarbage()
    collectgarbage()
  end)

  it("make room for new ones when the system has no more mappings", function()
    if weight.sanitized then
      pending("the sanitizer's own run time ends the process when no mapping is left")
      return
    end
    local inst = assert(wasm.run([[(module (import "env" "f" (func $f))
      (func (export "fast") call $f)
      (func (export "general") (param externref) call $f))]], { env = { f = coroutine.yield } },
      { interleave = "any" }))
    local heap = string.rep("x", 160 << 20) -- so that the collector is in no hurry
    collectgarbage()
    for _ = 1, 35000 do coroutine.wrap(inst.exports.fast)() end
    for _ = 1, 35000 do coroutine.wrap(inst.exports.general)(heap) end
    assert.equal(160 << 20, #heap)
  end)
end)

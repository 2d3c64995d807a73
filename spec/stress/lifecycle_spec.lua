--- The lifecycle stress of spec/stress/lifecycle.lua in small; `make stress` runs it in full.
local lifecycle = require "spec.stress.lifecycle"
local weight = require "spec.support.weight"

describe("lifecycles", function()
  it("hold in orders of two modules of the same bytes and their instances", function()
    assert.is_true(lifecycle.orders(17) > 2000)
  end)

  it("hold with <close> in every order", function()
    assert.equal(36, lifecycle.blocks())
  end)

  for seed = 1, 4 do
    it("follow the model in a random walk, seed " .. seed, function()
      lifecycle.walk(weight.scaled(5000), seed)
    end)
  end

  it("end for pairs of instances linked through tables that nobody closes", function()
    local count = weight.scaled(5000)
    local early, now, peak = lifecycle.pairs(count)
    weight.report("pairs: %d linked both ways, never closed: %.0f MiB after a tenth, %.0f at "
      .. "the end, peak %.0f", count, early, now, peak)
    lifecycle.assert_bounded(early, now)
  end)
end)

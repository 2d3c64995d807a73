--- What fuel costs: `make bench-fuel`. The kernels without it, with it (fuel=true) and without it
-- again, in turn, in one process; the least time of each. The second ratio is the noise.
--   lua5.4 spec/bench/fuel.lua
local wasm = require "wasm"
local KERNELS = "kernels"
local ROUNDS = tonumber(os.getenv("ROUNDS")) or 5
local SIDES = { false, true, false }

local function kernels()
  for _, group in ipairs(require "spec.bench.kernels") do
    if group.name == KERNELS then return group.kernels end
  end
end

local function time(run, n)
  local started = os.clock()
  local sum = run(n)
  return os.clock() - started, sum
end

--- The least seconds of each side, and the operators that ran.
local function measure(kernel)
  local runs, best, counted, sum = {}, {}, nil, nil
  for side, fuel in ipairs(SIDES) do
    local inst = assert(assert(wasm.load(kernel.wasm, { cache = false, eager = true, fuel = fuel }))
      :instantiate())
    runs[side], best[side] = inst.exports.run, math.huge
    if fuel then counted = inst end
  end
  for _ = 1, ROUNDS do
    for side, run in ipairs(runs) do
      local seconds, result = time(run, kernel.n)
      assert(sum == nil or sum == result, "checksums differ")
      best[side], sum = math.min(best[side], seconds), result
    end
  end
  return best, counted:stats().fuel_used // ROUNDS
end

local list, fuel, noise = kernels(), 0, 0
print("kernel         without ms     fuel    again   operators/ns")
for _, kernel in ipairs(list) do
  local best, operators = measure(kernel)
  local ratio, again = best[2] / best[1], best[3] / best[1]
  print(("%-14s %10.2f %8.3f %8.3f %10.2f"):format(kernel.name, best[1] * 1000, ratio, again,
    operators / best[2] / 1e9))
  fuel, noise = fuel + math.log(ratio), noise + math.log(again)
end
print(("%-14s %10s %8.4f %8.4f"):format("geomean", "", math.exp(fuel / #list),
  math.exp(noise / #list)))

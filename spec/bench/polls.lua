--- What interrupt polls cost: `make bench-polls`. The kernels with polls, without them (a library
-- built with LW_NO_POLLS: nothing in it can be interrupted) and with them again, each in a process
-- of its own, in turn; the least time of each. The second ratio is the noise.
--   lua5.4 spec/bench/polls.lua WITH WITHOUT      directories of builds
--   lua5.4 spec/bench/polls.lua --one             this process's: one line for each kernel
local KERNELS = "kernels"
local ROUNDS = tonumber(os.getenv("ROUNDS")) or 5
local RUNS = 3 -- of a kernel in one process

local function kernels()
  for _, group in ipairs(require "spec.bench.kernels") do
    if group.name == KERNELS then return group.kernels end
  end
end

local function one()
  local wasm = require "wasm"
  for _, kernel in ipairs(kernels()) do
    local mod = assert(wasm.load(kernel.wasm, { cache = false, eager = true }))
    local run = assert(mod:instantiate()).exports.run
    local best, sum = math.huge, nil
    for _ = 1, RUNS do
      local started = os.clock()
      sum = run(kernel.n)
      best = math.min(best, os.clock() - started)
    end
    print(("%s %.6f %d"):format(kernel.name, best, sum))
  end
end

--- Let the library of a build run all kernels: best[kernel][side] gets smaller.
local function round(build, side, best, sums)
  local pipe = assert(io.popen(("LUA_CPATH='./%s/?.so' %s spec/bench/polls.lua --one")
    :format(build, os.getenv("LUA") or "lua5.4")))
  for line in pipe:lines() do
    local name, seconds, sum = line:match("^(%S+) (%S+) (%S+)$")
    assert(name, line)
    best[name] = best[name] or {}
    best[name][side] = math.min(best[name][side] or math.huge, tonumber(seconds))
    assert(sums[name] == nil or sums[name] == sum, "checksums differ")
    sums[name] = sum
  end
  assert(pipe:close())
end

local function main(with, without)
  local best, sums, names = {}, {}, {}
  for _ = 1, ROUNDS do
    for side, build in ipairs { without, with, with } do
      round(build, side, best, sums)
    end
  end
  for name in pairs(best) do names[#names + 1] = name end
  table.sort(names)
  local polls, noise = 0, 0
  print("kernel         without ms    polls    again")
  for _, name in ipairs(names) do
    local t = best[name]
    print(("%-14s %10.2f %8.3f %8.3f"):format(name, t[1] * 1000, t[2] / t[1], t[3] / t[2]))
    polls, noise = polls + math.log(t[2] / t[1]), noise + math.log(t[3] / t[2])
  end
  print(("%-14s %10s %8.4f %8.4f"):format("geomean", "", math.exp(polls / #names),
    math.exp(noise / #names)))
end

if arg[1] == "--one" then one() else main(arg[1], arg[2]) end

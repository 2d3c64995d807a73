--- Differential runs of vectors: vectors.lua's modules in our modes, and on V8.
--   lua5.4 spec/diff/vectors_run.lua [COUNT [SEED]]
--   lua5.4 spec/diff/vectors_run.lua --play SEED FEATURE BOUNDS CPU    what ours makes of one
-- Environment: NODE, a Node.js for V8 (without one our modes are compared with each other alone).
-- Every mode is a process of its own: in one process the same bytes are the same code, whatever
-- processor was asked for in between.
-- Relaxed operators may differ between processors, so only bounds modes on one are compared.
local vectors = require "spec.diff.vectors"
local wasm = require "wasm"

local ROUNDS = 16
local WORK = (os.getenv("BUILD") or "build/test") .. "/diff"
local CPUS = { -1, 33, 1 } -- CPU_* of base/cpu.h: all there is, AVX without FMA, SSE4.1
local LUA, NODE = os.getenv("LUA") or "lua5.4", os.getenv("NODE") or "node"

local function write(path, bytes)
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
end

local function lines_of(command)
  local list, pipe = {}, assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  local ok = pipe:close()
  return ok and list or {}
end

local function play(seed, feature, bounds, cpu)
  local core = require "wasm.core"
  if cpu ~= -1 then core.cpu_keep(cpu) end
  local text, names = vectors.module(seed, feature)
  local mod = assert(wasm.compile(text, { bounds = bounds, eager = true }))
  local inst = assert(mod:instantiate())
  for _, line in ipairs(vectors.play(inst.exports, names, vectors.inputs(seed, ROUNDS))) do
    print(line)
  end
end

local function ours(seed, feature, bounds, cpu)
  return lines_of(("timeout 120 %s spec/diff/vectors_run.lua --play %d %s %s %d"):format(LUA, seed,
    feature, bounds, cpu))
end

local function on_v8(seed, feature)
  local text, names = vectors.module(seed, feature)
  local stem = WORK .. "/vectors"
  write(stem .. ".wasm", assert(wasm.wat(text)))
  write(stem .. ".in", vectors.inputs(seed, ROUNDS))
  write(stem .. ".names", table.concat(names, "\n"))
  return lines_of(("timeout 120 %s spec/diff/vectors.js %s.wasm %s.in %s.names"):format(NODE, stem,
    stem, stem))
end

local failed, passed = 0, 0

--- Functions that differ are named, those of one operator in one line.
local function compare(what, names, want, got)
  if #want ~= #names or #got ~= #names then
    failed = failed + 1
    print(("FAIL %s: %d and %d results of %d"):format(what, #want, #got, #names))
    return
  end
  local by_op, order = {}, {}
  for i = 1, #names do
    if want[i] == got[i] then
      passed = passed + 1
    else
      failed = failed + 1
      local op, case = names[i]:match("^(.-):(.*)$")
      if not by_op[op] then order[#order + 1], by_op[op] = op, {} end
      table.insert(by_op[op], case)
    end
  end
  for _, op in ipairs(order) do
    print(("FAIL %s: %s (%s)"):format(what, op, table.concat(by_op[op], " ")))
  end
end

local function run_seed(seed, node)
  for _, feature in ipairs { "simd", "relaxed-simd" } do
    local _, names = vectors.module(seed, feature)
    local want = feature == "simd" and (node and on_v8(seed, feature)
      or ours(seed, feature, "guard", CPUS[1]))
    for _, cpu in ipairs(CPUS) do
      local guard = ours(seed, feature, "guard", cpu)
      local what = ("seed %d %s cpu %d"):format(seed, feature, cpu)
      if want then compare(what .. (node and " and V8" or ""), names, want, guard) end
      compare(what .. " guard and explicit", names, guard, ours(seed, feature, "explicit", cpu))
    end
  end
end

local function main(count, seed)
  if not require("wasm.core").cpu_keep then
    CPUS = { -1 }
    print("vectors: a build without assertions, so only this processor's code is tried")
  end
  os.execute("mkdir -p " .. WORK)
  local node = os.execute(NODE .. " --version >/dev/null 2>&1")
  if not node then
    print("vectors: no Node.js (set NODE=path); our modes are compared with each other alone")
  end
  for s = seed, seed + count - 1 do run_seed(s, node) end
  print(("vectors: %d seeds; %d passed, %d failed"):format(count, passed, failed))
  os.exit(failed == 0)
end

if arg[1] == "--play" then
  play(tonumber(arg[2]), arg[3], arg[4], tonumber(arg[5]))
else
  main(tonumber(arg[1]) or 4, tonumber(arg[2]) or 1)
end

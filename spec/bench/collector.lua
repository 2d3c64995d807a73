--- How long the collector stops a guest, by how much is alive: a full collection with nothing to
--- free, the longest stop of a guest that makes garbage, and V8's full collection of the same.
local wasm = require "wasm"
local core = require "wasm.core"
local measure = require "spec.bench.measure"

local collector = {}

local SOURCE = "spec/bench/kernels/heap.wat"
local NODES = 1023 -- of a tree
local SIZES = { 10, 25, 50, 100, 250, 500 }

local function milliseconds(f)
  local started = core.clock()
  f()
  return (core.clock() - started) * 1e3
end

--- Bytes of a tree on our heap: as many trees as make a MiB are what a size is counted in.
local function bytes_of_tree(exports)
  local before = wasm.heap { collect = true }.bytes
  exports.fill(100)
  local after = wasm.heap { collect = true }.bytes
  exports.fill(0)
  return (after - before) / 100
end

function collector.report()
  local path = ("%s/bench/heap.wasm"):format(os.getenv("BUILD") or "build/release")
  do
    local source <close> = assert(io.open(SOURCE))
    local file <close> = assert(io.open(path, "wb"))
    file:write(assert(wasm.wat(source:read("a"))))
  end
  local max = wasm.heap().max
  wasm.heap { max = "4GiB" }
  local inst <close> = assert(assert(wasm.load(path)):instantiate())
  local v8 = measure.v8()
  if v8 and not v8:knows { wasm = path, n = 0 } then v8 = v8:close() end
  local exports = inst.exports
  local tree = bytes_of_tree(exports)
  print(("collector: nodes of %.0f bytes"):format(tree / NODES))
  print(("%10s %10s %10s %14s %10s"):format(
    "live MiB", "pause ms", "ms/MiB", "longest stop", "V8 ms"))
  for _, size in ipairs(SIZES) do
    local trees = math.floor(size * (1 << 20) / tree)
    exports.fill(trees)
    local pause = math.huge
    for _ = 1, 5 do
      pause = math.min(pause, milliseconds(function() wasm.heap { collect = true } end))
    end
    local longest, before = 0, wasm.heap().collections
    for _ = 1, 2 * trees do
      longest = math.max(longest, milliseconds(function() exports.churn(1) end))
    end
    local collections = wasm.heap().collections - before
    local v8_ms, v8_sum
    if v8 then v8_ms, v8_sum = v8:pause(path, trees) end
    assert(not v8_sum or v8_sum == exports.sum() & 0xffffffff, "V8's heap sums up differently")
    print(("%10d %10.1f %10.3f %9.1f (%d) %10s"):format(size, pause, pause / size, longest,
      collections, v8_ms and ("%.1f"):format(v8_ms) or "-"))
  end
  exports.fill(0)
  if v8 then v8:close() end
  wasm.heap { max = max, collect = true }
end

return collector

--- Benchmarks: `make bench [ARGS="fib sha256 calls compile reuse"]`.
-- Figures are ratios wherever they can be, from interleaved runs, the minimum of each side; a
-- ratio above 1 means we are slower. Checksums of all sides must agree, or the run fails.
-- What is measured: kernels against native C (same source, no vectors) and V8; calls between
-- Lua and wasm against plain C functions; validate and compile in MB of code a second; what comes
-- from caches, images and snapshots.
local wasm = require "wasm"
local kernels = require "spec.bench.kernels"
local measure = require "spec.bench.measure"
local compiling = require "spec.bench.compiling"
local reuse = require "spec.bench.reuse"
local baseline = measure.baseline

local failed = 0
local wanted = {}
for _, name in ipairs(arg) do wanted[name] = true end

local function asked(name)
  return next(wanted) == nil or wanted[name]
end

local function geomean(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + math.log(x) end
  return #list > 0 and math.exp(sum / #list) or 0 / 0
end

local function ratio(x)
  return x and ("%.2f"):format(x) or "-"
end

--- One kernel on every side, ROUNDS times in turn.
local function bench_kernel(kernel, v8)
  local native = baseline.native(kernel.native)
  local mod = assert(wasm.load(kernel.wasm))
  local inst = assert(mod:instantiate())
  local run, n = inst.exports.run, kernel.n
  local sides = { function() return native(n) end, function() return run(n) & 0xffffffff end }
  local best, sums = measure.interleave(sides, v8 and function() return v8:run(kernel) end)
  for side = 2, #sums do
    if sums[side] ~= sums[1] then
      failed = failed + 1
      print(("%-12s checksum %d, native has %d"):format(kernel.name, sums[side], sums[1]))
    end
  end
  inst:close()
  mod:close()
  return best
end

local function bench_kernels()
  local v8 = measure.v8()
  local to_native, to_v8 = {}, {}
  print(("%-12s %10s %10s %10s %8s %8s"):format(
    "kernel", "native ms", "ours ms", "V8 ms", "/native", "/V8"))
  for _, kernel in ipairs(kernels) do
    if asked("kernels") or asked(kernel.name) then
      local best = bench_kernel(kernel, v8)
      local native, ours, v8_ms = best[1], best[2], best[3]
      to_native[#to_native + 1] = ours / native
      if v8_ms then to_v8[#to_v8 + 1] = ours / v8_ms end
      print(("%-12s %10.1f %10.1f %10s %8.2f %8s"):format(kernel.name, native, ours,
        v8_ms and ("%.1f"):format(v8_ms) or "-", ours / native, ratio(v8_ms and ours / v8_ms)))
    end
  end
  if #to_native > 1 then
    print(("%-12s %43.2f %8s"):format("geomean", geomean(to_native),
      #to_v8 > 0 and ratio(geomean(to_v8)) or "-"))
  end
  if v8 then v8:close() else print("V8: node not found, set NODE=") end
end

local CALLS = [[(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (func (export "add") (param i32 i32) (result i32)
    local.get 0 local.get 1 i32.add)
  (func (export "callback") (param $n i32) (result i32) (local $i i32) (local $last i32)
    (loop $next
      (local.set $last (call $f (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    local.get $last))]]

local function bench_calls()
  local count = 200000
  local function twice(i) return i + 1 end
  local inst = assert(assert(wasm.compile(CALLS)):instantiate { env = { f = twice } })
  local add, callback = inst.exports.add, inst.exports.callback
  local plain = baseline.add
  local function loop(f)
    return function()
      local last
      for i = 1, count do last = f(i, 2) end
      return last
    end
  end
  local best, sums = measure.interleave { loop(plain), loop(add),
    function() return baseline.callback(twice, count) end, function() return callback(count) end }
  if sums[1] ~= sums[2] or sums[3] ~= sums[4] then failed = failed + 1 end
  local ns = 1e6 / count
  print(("Lua -> wasm add: %.1f ns, plain C function %.1f ns: ratio %.2f"):format(
    best[2] * ns, best[1] * ns, best[2] / best[1]))
  print(("wasm -> Lua function: %.1f ns, lua_call from C %.1f ns: ratio %.2f"):format(
    best[4] * ns, best[3] * ns, best[4] / best[3]))
  inst:close()
end

local function any_kernel_asked()
  for _, kernel in ipairs(kernels) do
    if asked(kernel.name) then return true end
  end
  return asked("kernels")
end

if any_kernel_asked() then bench_kernels() end
if asked("calls") then bench_calls() end
if asked("compile") then compiling.report() end
if asked("reuse") then reuse.report() end
if failed > 0 then print(failed .. " checksums differ") end
os.exit(failed == 0)

--- Benchmarks: `make bench [ARGS="fib vectors calls compile reuse collector files programs"]`.
-- Figures are ratios wherever they can be, from interleaved runs, the minimum of each side; a
-- ratio above 1 means we are slower. Checksums of all sides must agree, or the run fails.
-- What is measured: kernels against native C (same source, vectors on both sides or on none) and
-- V8 (its Node must know the proposals: 22 or later, else "-"); calls between Lua and wasm against
-- plain C functions, and inside wasm; validate and compile in MB of code a second; what comes from
-- caches, images and snapshots; how long the collector stops a guest; reading and writing files by
-- WASI; whole programs, warm and cold.
local wasm = require "wasm"
local groups = require "spec.bench.kernels"
local measure = require "spec.bench.measure"
local compiling = require "spec.bench.compiling"
local results = require "spec.bench.results"
local reuse = require "spec.bench.reuse"
local collector = require "spec.bench.collector"
local files = require "spec.bench.files"
local programs = require "spec.bench.programs"
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

local function ours(path, closing)
  local mod = assert(wasm.load(path))
  local inst = assert(mod:instantiate())
  closing[#closing + 1] = function()
    inst:close()
    mod:close()
  end
  return inst.exports.run
end

--- One kernel on every side, ROUNDS times in turn: best milliseconds by the side's name.
local function bench_kernel(kernel, engines)
  kernel:binary()
  local names, sides, closing = { "ours" }, {}, {}
  local n, run = kernel.n, ours(kernel.wasm, closing)
  sides[1] = function() return run(n) & 0xffffffff end
  if kernel.native then
    local native = baseline.native(kernel.native)
    names[#names + 1], sides[#sides + 1] = "native", function() return native(n) end
  end
  if kernel.narrow then
    local narrow = ours(kernel.narrow, closing)
    names[#names + 1] = "narrow"
    sides[#sides + 1] = function() return narrow(n) & 0xffffffff end
  end
  local timed = {}
  for _, name in ipairs { "v8", "liftoff" } do
    local engine = engines[name]
    if engine and engine:knows(kernel) then
      names[#names + 1] = name
      timed[#timed + 1] = function() return engine:run(kernel) end
    end
  end
  local best, sums = measure.interleave(sides, timed)
  local by_name = {}
  for side, name in ipairs(names) do
    by_name[name] = best[side]
    if sums[side] ~= sums[1] then
      failed = failed + 1
      print(("%-15s checksum %d of %s, ours is %d"):format(kernel.name, sums[side], name, sums[1]))
    end
  end
  for _, close in ipairs(closing) do close() end
  return by_name
end

local function ms(x)
  return x and ("%.1f"):format(x) or "-"
end

--- For the chart.
local function keep(group, kernel, best)
  if not best.native then return end
  results.add(group.name, kernel.name, { ours = best.ours / best.native,
    V8 = best.v8 and best.v8 / best.native,
    Liftoff = best.liftoff and best.liftoff / best.native })
end

local function bench_group(group, engines)
  local lists = { native = {}, narrow = {}, v8 = {} }
  local rows = 0
  local function over(best, side)
    local x = best[side] and best.ours / best[side]
    if x then table.insert(lists[side], x) end
    return ratio(x)
  end
  for _, kernel in ipairs(group.kernels) do
    if asked(group.name) or asked(kernel.name) then
      if rows == 0 then
        print(("%-15s %10s %10s %10s %8s %8s%s"):format(group.what, "native ms", "ours ms",
          "V8 ms", "/native", "/V8", group.against and "  /memory32" or ""))
      end
      rows = rows + 1
      local best = bench_kernel(kernel, engines)
      keep(group, kernel, best)
      print(("%-15s %10s %10s %10s %8s %8s%s"):format(kernel.name, ms(best.native), ms(best.ours),
        ms(best.v8), over(best, "native"), over(best, "v8"),
        group.against and ("  %9s"):format(over(best, "narrow")) or ""))
    end
  end
  local function mean(side)
    return #lists[side] > 0 and ratio(geomean(lists[side])) or "-"
  end
  if rows > 1 then
    print(("%-15s %41s %8s%s"):format("geomean", mean("native"), mean("v8"),
      group.against and ("  %9s"):format(mean("narrow")) or ""))
  end
end

local function bench_kernels()
  local engines = { v8 = measure.v8(),
                    liftoff = os.getenv("LIFTOFF") and measure.v8("--liftoff-only") }
  for _, group in ipairs(groups) do bench_group(group, engines) end
  if not engines.v8 then print("V8: node not found, set NODE=") end
  -- the last first: it holds the other's pipe open
  for _, name in ipairs { "liftoff", "v8" } do
    if engines[name] then engines[name]:close() end
  end
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
    local.get $last)
  ;; Too large to be inlined, and one comparison and one addition to run.
  (func $step (param $n i32) (result i32)
    (if (i32.eq (local.get $n) (i32.const -1))
      (then (local.set $n (i32.mul (i32.xor (local.get $n) (i32.const 5)) (i32.const 7)))
            (local.set $n (i32.rotl (local.get $n) (i32.const 3)))))
    (i32.add (local.get $n) (i32.const 1)))
  (table funcref (elem $step $step))
  (type $step (func (param i32) (result i32)))
  (func (export "direct") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call $step (local.get $i)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    local.get $i)
  (func (export "indirect") (param $n i32) (result i32) (local $i i32)
    (loop $next
      (local.set $i (call_indirect (type $step) (local.get $i)
        (i32.and (local.get $i) (i32.const 1))))
      (br_if $next (i32.lt_u (local.get $i) (local.get $n))))
    local.get $i))]]

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
  local many = 20000000
  local direct, indirect = inst.exports.direct, inst.exports.indirect
  best, sums = measure.interleave { function() return direct(many) end,
    function() return indirect(many) end }
  if sums[1] ~= many or sums[2] ~= many then failed = failed + 1 end
  print(("wasm -> wasm: %.2f ns, through a table %.2f ns, with the loop around them"):format(
    best[1] * 1e6 / many, best[2] * 1e6 / many))
  inst:close()
end

local function any_kernel_asked()
  for _, group in ipairs(groups) do
    if asked(group.name) then return true end
    for _, kernel in ipairs(group.kernels) do
      if asked(kernel.name) then return true end
    end
  end
  return false
end

if any_kernel_asked() then bench_kernels() end
if asked("calls") then bench_calls() end
if asked("compile") then compiling.report() end
if asked("reuse") then reuse.report() end
if asked("collector") then collector.report() end
if asked("files") then failed = failed + files.report() end
if asked("programs") then failed = failed + programs.report() end
if failed > 0 then print(failed .. " checksums or outputs differ") end
os.exit(failed == 0)

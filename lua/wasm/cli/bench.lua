--- `luawasm bench`: how fast a module compiles and one of its functions runs.

local calls = require "wasm.cli.calls"
local core = require "wasm.core"
local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"
local wasm = require "wasm"

local bench = {
  usage = { "[OPTIONS] FILE [--invoke NAME [ARGS...]]" },
  summary = "measure how fast a module compiles and a function runs",
  text = [[
Each line gives the shortest and the median time of all samples. A sample of a short call is many
calls, of which the mean counts. Compiling is by one thread, from the module's bytes, without a
cache. All calls are made on one instance.

  luawasm bench --invoke fib fib.wasm 30]],
  options = {
    { "--invoke", "NAME", "call this export" },
    { "-n, --samples", "N", "how many samples (default: 20, or fewer in 5 seconds)" },
    { "--effort", "0|1", "0: compile faster, to slower code (default: 1)" },
  },
  operands = { 1, math.huge },
}

local SAMPLES, SECONDS, LEAST = 20, 5, 0.002

local function sample(f, times)
  local started = core.clock()
  for _ = 1, times do f() end
  return (core.clock() - started) / times
end

-- Times in seconds, sorted. `n` as asked for, or what can be had in time.
local function measure(f, n)
  local times, spent = 1, sample(f, 1)
  while spent * times < LEAST and times < 1 << 24 do
    times = times * 2
    spent = sample(f, times)
  end
  local list, started = {}, core.clock()
  repeat
    list[#list + 1] = sample(f, times)
  until #list == (n or SAMPLES) or not n and core.clock() - started > SECONDS
  table.sort(list)
  return list, times
end

local function duration(seconds)
  if seconds < 1e-6 then return ("%.1f ns"):format(seconds * 1e9) end
  if seconds < 1e-3 then return ("%.2f us"):format(seconds * 1e6) end
  if seconds < 1 then return ("%.2f ms"):format(seconds * 1e3) end
  return ("%.2f s"):format(seconds)
end

local function median(list)
  return (list[(#list + 1) // 2] + list[#list // 2 + 1]) / 2
end

local function report(what, list, more)
  shell.out(("%-10s min %10s   median %10s   %s\n"):format(what, duration(list[1]),
    duration(median(list)), more))
  shell.flush()
end

local function rate(bytes, list)
  return ("%.1f MB/s, %d samples"):format(bytes / list[1] / 1e6, #list)
end

local function bench_compile(path, bytes, n, effort)
  local list = measure(function() wasm.validate(bytes) end, n)
  report("validate", list, rate(#bytes, list))
  local how = { eager = true, cache = false, effort = effort }
  list = measure(function() modules.check(path, wasm.compile(bytes, how)):close() end, n)
  report("compile", list, rate(#bytes, list))
  return modules.check(path, wasm.compile(bytes, how))
end

local function bench_call(path, mod, name, words, n)
  local params, results = calls.type_of(path, mod, name)
  local args = calls.arguments(name, params, words)
  local inst, code = calls.instantiate(path, mod, calls.imports(path, mod, { args = { path } }))
  if not inst then return code end
  local func = inst:func(name)
  local ok, err = pcall(function()
    local first = table.pack(func:bits(table.unpack(args, 1, args.n)))
    local list, times = measure(function() func:bits(table.unpack(args, 1, args.n)) end, n)
    report("call", list, ("%d samples of %d call%s"):format(#list, times, times == 1 and "" or "s"))
    shell.out("result     ")
    calls.print(first, results)
    if #results == 0 then shell.out("none\n") end
  end)
  if not ok then return calls.ended(err, path) end
  return shell.OK
end

function bench.run(given, operands)
  local path = operands[1]
  local n = options.integer("bench", given, "samples", 1, 1000000)
  local effort = options.integer("bench", given, "effort", 0, 1)
  if not given.invoke and operands[2] then
    options.usage_error("bench", "arguments need a function: --invoke NAME")
  end
  shell.end_at_interrupt()
  local bytes = modules.bytes(path)
  modules.check(path, wasm.validate(bytes))
  shell.out(("%s: %s\n"):format(shell.word(shell.name_of(path)), modules.human(#bytes)))
  local mod = bench_compile(path, bytes, n, effort)
  if not given.invoke then return shell.OK end
  return bench_call(path, mod, given.invoke, table.move(operands, 2, #operands, 1, {}), n)
end

return { bench = bench }

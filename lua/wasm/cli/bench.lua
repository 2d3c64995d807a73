--- `luawasm bench`: how fast a module compiles and one of its functions runs.

local calls = require "wasm.cli.calls"
local core = require "wasm.core"
local modules = require "wasm.cli.modules"
local options = require "wasm.cli.options"
local shell = require "wasm.cli.shell"
local values = require "wasm.cli.values"
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
    { "--effort", "0|1|2", "0: compile faster, to slower code; 2: the reverse (default: 1)" },
  },
  operands = { 1, math.huge },
}

local SAMPLES, SECONDS, LEAST = 20, 5, 0.002

-- `perform(times)` does something so many times. Times of one in seconds, sorted: `n` of them, or
-- what can be had in time.
local function measure(perform, n)
  local function sample(times)
    local started = core.clock()
    perform(times)
    return (core.clock() - started) / times
  end
  local times, spent = 1, sample(1)
  while spent * times < LEAST and times < 1 << 24 do
    times = times * 2
    spent = sample(times)
  end
  local list, started = {}, core.clock()
  repeat
    list[#list + 1] = sample(times)
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

local function count(n, noun)
  return ("%d %s%s"):format(n, noun, n == 1 and "" or "s")
end

local function rate(bytes, list)
  return ("%.1f MB/s, %s"):format(bytes / list[1] / 1e6, count(#list, "sample"))
end

local function bench_compile(path, bytes, n, effort)
  local list = measure(function(times)
    for _ = 1, times do wasm.validate(bytes) end
  end, n)
  report("validate", list, rate(#bytes, list))
  local how = { eager = true, cache = false, effort = effort }
  list = measure(function(times)
    for _ = 1, times do modules.check(path, wasm.compile(bytes, how)):close() end
  end, n)
  report("compile", list, rate(#bytes, list))
  return modules.check(path, wasm.compile(bytes, how))
end

-- A function that calls f with these arguments so many times, with nothing else in its loop.
-- (More than Lua has locals for are unpacked each time.)
local function caller(f, args, types)
  local names, plain = {}, {}
  for k, type in ipairs(types) do
    names[k] = "a" .. k
    plain[k] = values.plain(args[k], type)
  end
  if #names > 100 then
    return function(times)
      for _ = 1, times do f(table.unpack(plain, 1, #types)) end
    end
  end
  local list = table.concat(names, ", ")
  local source = ("local f%s = ...\nreturn function(times) for _ = 1, times do f(%s) end end")
    :format(#names > 0 and ", " .. list or "", list)
  return assert(load(source, "=bench"))(f, table.unpack(plain, 1, #types))
end

local function bench_call(path, mod, name, words, n)
  local params, results = calls.type_of(path, mod, name)
  local args = calls.arguments(name, params, words)
  local inst, code = calls.instantiate(path, mod, calls.imports(path, mod, { args = { path } }))
  if not inst then return code end
  local func = inst:func(name)
  local ok, err = pcall(function()
    local first = table.pack(func:bits(table.unpack(args, 1, args.n)))
    local list, times = measure(caller(inst.exports[name], args, params), n)
    report("call", list, count(#list, "sample") .. " of " .. count(times, "call"))
    calls.print(first, results, "result     ")
  end)
  if not ok then return calls.ended(err, path) end
  return shell.OK
end

function bench.run(given, operands)
  local path = operands[1]
  local n = options.integer("bench", given, "samples", 1, 1000000)
  local effort = options.integer("bench", given, "effort", 0, 2)
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

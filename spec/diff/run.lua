--- Differential runs: the same random module in several of our modes, and on V8.
--   lua5.4 spec/diff/run.lua [COUNT [SEED]]    random modules
--   lua5.4 spec/diff/run.lua FILE.wasm ...     these modules (--check FILE.wasm: one, in few words)
--   lua5.4 spec/diff/run.lua --play MODE DIR FROM TO     our side of a batch, a process of its own
-- After a batch each module is changed a little, many times, and V8 asked what is still valid.
-- Environment: NODE, a Node.js for V8 (without one our modes are compared with each other alone);
-- WASM_OPT, the wasm-opt of npm's binaryen, for more generators; GENERATORS="own ...";
-- MODES="guard ..."; GIVEN, a directory of modules to mix with. run.sh has what is needed. A seed
-- belongs to one module of each generator.
-- Modules that differ are kept in BUILD/diff/found; reduce.lua makes them small.
local SECONDS = 120 -- for one side of a batch
local CHECK_SECONDS = 5 -- and when a module is being made small
local BATCH = 200
local CHANGES = 10 -- of each module, to compare what is valid

local Random = require "spec.diff.random"
local expose = require "spec.diff.expose"
local validity = require "spec.diff.validity"

local say = print
local BUILD = os.getenv("BUILD") or "build/test"
local WORK = BUILD .. "/diff"
local FOUND = WORK .. "/found"
local MODES = os.getenv("MODES") or
  "guard simple most few four split cold old explicit sliced parked mixed lazy cached torture"

-- WebAssembly 3.0 and threads. Relaxed vectors are left out: engines may differ.
local FEATURES = "--mvp-features --enable-bulk-memory --enable-bulk-memory-opt"
  .. " --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals"
  .. " --enable-reference-types --enable-multivalue --enable-simd --enable-threads"
  .. " --enable-exception-handling --enable-tail-call --enable-gc --enable-memory64"
  .. " --enable-multimemory --enable-extended-const"
local PASSES = { "", "", "", "", "-O1", "-O2", "-O3", "-Os", "--fuzz-passes", "-O2 --vacuum",
                 "--fuzz-passes --fuzz-passes", "--gufa -O1", "--inlining" }
local SIZES = { 12, 25, 40, 60, 80, 100, 150, 200, 200, 300, 400, 1000 } -- words of 8 bytes
local KINDS = { "", "", "", "", "", "--no-fuzz-oob", "--no-fuzz-memory" }

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

local function read(path)
  local f <close> = io.open(path, "rb")
  return f and f:read("a")
end

local function write(path, bytes)
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
end

local listed = {}

local function list_directory(path)
  if listed[path] then return listed[path] end
  local names = {}
  local pipe <close> = assert(io.popen("ls " .. quote(path)))
  for name in pipe:lines() do names[#names + 1] = name end
  listed[path] = names
  return names
end

local function works(command)
  return (os.execute(command .. " >/dev/null 2>&1"))
end

---------------------------------------------------------------------------
-- Our side of a batch

local function play_one(play, mode, stem)
  local bytes = read(stem .. ".wasm")
  if not bytes then return end
  local out <close> = assert(io.open(stem .. "." .. mode, "wb"))
  out:setvbuf("line")
  local plan = play.module(bytes, mode, function(line) out:write(line, "\n") end)
  if plan and not read(stem .. ".plan") then write(stem .. ".plan", table.concat(plan, "\n")) end
  out:write("end\n")
end

local function play_batch(mode, dir, from, to)
  local play = require "spec.diff.play"
  play.cache_dir = dir .. "/cache"
  for n = from, to do play_one(play, mode, dir .. "/" .. n) end
end

---------------------------------------------------------------------------
-- Generators: a list of modules for seeds first .. last; false where none was made

local generators = {}

local function assembled(first, last, wide)
  local wat, generate = require "wasm.wat", require "spec.diff.generate"
  local list = {}
  for seed = first, last do list[#list + 1] = assert(wat.assemble(generate.text(seed, wide))) end
  return list
end

function generators.own(first, last)
  return assembled(first, last)
end

--- With wide arithmetic, which V8 does not have: our modes are compared with each other.
function generators.wide(first, last)
  return assembled(first, last, true)
end

local function is_ours_alone(name)
  return name:find("^wide ") ~= nil
end

--- A random input for wasm-opt in a file.
local function random_input(r, stem)
  local words = {}
  for i = 1, r:chance(3) and 2500 or r:pick(SIZES) do words[i] = string.pack("<i8", r:bits()) end
  write(stem .. ".random", table.concat(words))
  return stem .. ".random"
end

--- A module of our own generator, or one of those in GIVEN.
local function own_input(r, seed, stem)
  local given = os.getenv("GIVEN")
  if given then return given .. "/" .. r:pick(list_directory(given)) end
  write(stem .. ".own", generators.own(seed, seed)[1])
  return stem .. ".own"
end

-- What wasm-opt is given for a seed: random bytes; the same, to be mixed with a module of our own
-- generator; such a module to optimize.
local inputs = {}

function inputs.binaryen(r, _, stem)
  return random_input(r, stem) .. " -ttf --denan --translate-to-exnref " .. r:pick(KINDS)
end

function inputs.mixed(r, seed, stem)
  return ("%s -ttf -if %s --denan --translate-to-exnref"):format(random_input(r, stem),
    own_input(r, seed, stem))
end

inputs.optimized = own_input

local function through_wasm_opt(name)
  return function(first, last, node)
    local jobs, list = {}, {}
    for seed = first, last do
      local r, stem = Random.new(seed), ("%s/%s%d"):format(WORK, name, seed)
      local command = ("%s %s %s -o %s.wasm"):format(inputs[name](r, seed, stem), r:pick(PASSES),
        FEATURES, stem)
      jobs[#jobs + 1] = command:gsub(" +", " ")
    end
    write(WORK .. "/jobs", table.concat(jobs, "\n"))
    os.execute(("timeout %d %s spec/diff/binaryen.js %s %s/jobs >/dev/null 2>&1"):format(
      5 * SECONDS, node, quote(os.getenv("WASM_OPT")), WORK))
    for seed = first, last do
      local bytes = read(("%s/%s%d.wasm"):format(WORK, name, seed))
      list[#list + 1] = bytes and expose(bytes) or false
    end
    return list
  end
end

for name in pairs(inputs) do generators[name] = through_wasm_opt(name) end

---------------------------------------------------------------------------
-- Comparing

local total = { modules = 0, calls = 0, changed = 0, mismatches = 0, left_out = {} }

local function leave_out(reason)
  total.left_out[reason] = (total.left_out[reason] or 0) + 1
end

local function lines_of(path)
  local list = {}
  for line in (read(path) or ""):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  return list
end

local function is_exhausted(line)
  return line ~= nil and line:find("trap exhausted", 1, true) ~= nil
end

--- A call that traps for one of two reasons, both given: array.copy beyond its destination from a
-- null source. The standard asks for null first, V8 looks at the destination's bounds first.
local function is_trap_order(ours, theirs)
  local before, after = ours:match("^(.* = trap )null( .*)$")
  return before ~= nil and theirs == before .. "array" .. after
end

--- The first line in which two transcripts differ; "exhausted" ends the comparison early.
local function first_difference(a, b, is_v8)
  for i = 1, math.max(#a, #b) do
    if is_exhausted(a[i]) or is_exhausted(b[i]) then
      leave_out("calls after stack exhaustion")
      return
    end
    if is_v8 and a[i] and b[i] and is_trap_order(a[i], b[i]) then
      leave_out("traps: null for us, array bounds for V8")
    elseif a[i] ~= b[i] then
      return a[i] or "(nothing)", b[i] or "(nothing)"
    end
  end
end

local function keep(job, n)
  os.execute("mkdir -p " .. quote(FOUND))
  local path = ("%s/%s.wasm"):format(FOUND, job.names[n]:gsub("[^%w]+", "-"))
  write(path, read(("%s/%d.wasm"):format(WORK, n)))
  return path
end

--- A module counts once, whatever else is wrong with it.
local function report(job, n, what, ...)
  if job.reported[n] then return end
  job.reported[n] = true
  total.mismatches = total.mismatches + 1
  say(("MISMATCH %s: %s (%s)"):format(job.names[n], what, keep(job, n)))
  for _, line in ipairs { ... } do say("  " .. line) end
  io.flush()
end

--- A module that V8 refuses or takes must be refused or taken by us, but for missing features.
local function judge_refusal(job, n, said, theirs)
  if said:find("^refused: unsupported") then
    leave_out(said:match("refused: (.*)"))
  elseif theirs and theirs[1] ~= "valid: false" then
    report(job, n, "refused here, not by V8", said, theirs[1] or "(nothing)")
  else
    leave_out("not valid")
  end
end

local function compare(job, n)
  local stem = WORK .. "/" .. n .. "."
  local ours = lines_of(stem .. job.modes[1])
  local theirs = job.node and lines_of(stem .. "v8")
  total.modules, total.calls = total.modules + 1, total.calls + math.max(#ours - 2, 0)
  if ours[1] and ours[1]:find("^refused") then
    return judge_refusal(job, n, ours[1], theirs)
  end
  local others = table.move(job.modes, 2, #job.modes, 1, {})
  if job.node and not is_ours_alone(job.names[n]) then others[#others + 1] = "v8" end
  for _, other in ipairs(others) do
    local lines = lines_of(stem .. other)
    local hung = job.hung[n .. other] or job.hung[n .. job.modes[1]]
    if hung then
      leave_out(hung .. " took too long")
    else
      local a, b = first_difference(ours, lines, other == "v8")
      if a then report(job, n, job.modes[1] .. " against " .. other, a, b) end
    end
  end
end

---------------------------------------------------------------------------
-- A batch: modules 1 .. count in WORK

local function last_complete(from, to, mode)
  for n = from, to do
    local text = read(("%s/%d.%s"):format(WORK, n, mode))
    local complete = text and text:find("end\n$")
    if read(("%s/%d.wasm"):format(WORK, n)) and not complete then return n - 1 end
  end
  return to
end

local TIMED_OUT = 124

--- Run one side over the batch; a module that ends the process is noted and passed over.
local function run_side(job, mode, command)
  local from = 1
  while from <= job.count do
    local _, how, code = os.execute(("timeout %d %s %d %d 2>%s/stderr"):format(SECONDS,
      command, from, job.count, WORK))
    local bad = last_complete(from, job.count, mode) + 1
    if bad > job.count then return end
    if code == TIMED_OUT then
      job.hung[bad .. mode] = mode
    elseif mode ~= "v8" then
      report(job, bad, ("%s ended by %s %s"):format(mode, how, code),
        (read(WORK .. "/stderr") or ""):match("[^\n]*"))
    end
    from = bad + 1
  end
end

local function run_batch(job)
  job.hung, job.reported = {}, {}
  local lua = os.getenv("LUA") or "lua5.4"
  for _, mode in ipairs(job.modes) do
    run_side(job, mode, ("%s spec/diff/run.lua --play %s %s"):format(lua, mode, quote(WORK)))
  end
  write(WORK .. "/helper.wasm", require("spec.diff.support").helper_bytes())
  if job.node then run_side(job, "v8", ("%s spec/diff/v8.js %s"):format(job.node, quote(WORK))) end
  for n = 1, job.count do
    if read(("%s/%d.wasm"):format(WORK, n)) then compare(job, n) end
  end
end

--- Modules changed a little: is what is still valid the same for both?
local function compare_validity(job, seed)
  local modules, path = {}, WORK .. "/changed"
  for n = 1, job.count do
    local bytes = not is_ours_alone(job.names[n]) and read(("%s/%d.wasm"):format(WORK, n))
    modules[#modules + 1] = bytes or nil
  end
  if #modules == 0 then return end
  local list = validity.mutants(modules, CHANGES, seed)
  validity.write(path, list)
  local pipe <close> = assert(io.popen(("timeout %d %s spec/diff/validity.js %s"):format(SECONDS,
    job.node, quote(path))))
  for _, bytes in ipairs(list) do
    local theirs, ours = pipe:read("l") or "no answer", validity.ours(bytes)
    total.changed = total.changed + 1
    if (ours == "valid") ~= (theirs == "valid") then
      if validity.is_known(ours, theirs) then
        leave_out("changed modules: differs in a known way")
      else
        job.count = job.count + 1
        job.names[job.count] = ("changed %d"):format(total.changed)
        write(("%s/%d.wasm"):format(WORK, job.count), bytes)
        report(job, job.count, "validity", ours, theirs)
      end
    end
  end
end

local function clear()
  os.execute(("mkdir -p %s && find %s -maxdepth 1 -type f -exec rm -f {} + && rm -rf %s"):format(
    quote(WORK), quote(WORK), quote(WORK .. "/cache")))
end

local EXNREF = "new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,1,105,0])"

--- A Node.js whose V8 has all of WebAssembly 3.0.
local function find_node()
  local node = os.getenv("NODE") or "node"
  local script = ("process.exit(WebAssembly.validate(%s) ? 0 : 1)"):format(EXNREF)
  if works(("%s -e %q"):format(node, script)) then return node end
  say("diff: no Node.js of version 26 or later (set NODE=path);"
    .. " our modes are compared with each other alone")
end

local function new_job(node)
  local job = { modes = {}, names = {}, count = 0, node = node }
  for mode in MODES:gmatch("%S+") do job.modes[#job.modes + 1] = mode end
  return job
end

local function add(job, name, bytes)
  job.count = job.count + 1
  job.names[job.count] = name
  write(("%s/%d.wasm"):format(WORK, job.count), bytes)
end

--- The generators asked for; all but our own need binaryen's program.
local function some_generators(node)
  local names, left_out = {}, {}
  local can_optimize = node and read(os.getenv("WASM_OPT") or "") ~= nil
  local wanted = os.getenv("GENERATORS") or "own wide binaryen mixed optimized"
  for name in wanted:gmatch("%S+") do
    table.insert((not inputs[name] or can_optimize) and names or left_out, name)
  end
  if #left_out > 0 then
    say("diff: no wasm-opt of npm's binaryen, or no Node.js to run it (set WASM_OPT=path of its"
      .. " bin/wasm-opt), so no modules of: " .. table.concat(left_out, ", "))
  end
  return names
end

local function run_seeds(count, seed)
  local node = find_node()
  local names = some_generators(node)
  local started = os.time()
  for first = seed, seed + count - 1, BATCH do
    clear()
    local last = math.min(first + BATCH, seed + count) - 1
    local job = new_job(node)
    for _, name in ipairs(names) do
      for i, bytes in ipairs(generators[name](first, last, node)) do
        if bytes then
          add(job, ("%s %d"):format(name, first + i - 1), bytes)
        else
          leave_out(name .. " made no module")
        end
      end
    end
    run_batch(job)
    if job.node then compare_validity(job, first) end
    say(("  seeds %d..%d: %d modules, %d mismatches, %d s"):format(seed, last, total.modules,
      total.mismatches, os.time() - started))
    io.flush()
  end
end

local function run_files(paths)
  clear()
  local job = new_job(find_node())
  for _, path in ipairs(paths) do add(job, path, assert(read(path), path)) end
  run_batch(job)
end

local function main()
  if arg[1] == "--check" then
    SECONDS, say = CHECK_SECONDS, function() end
    run_files { arg[2] }
    print(total.mismatches > 0 and "differs" or "the same")
    os.exit(total.mismatches == 0)
  elseif arg[1] == "--play" then
    return play_batch(arg[2], arg[3], tonumber(arg[4]), tonumber(arg[5]))
  elseif arg[1] and not tonumber(arg[1]) then
    run_files(arg)
  else
    run_seeds(tonumber(arg[1]) or 1000, tonumber(arg[2]) or 1)
  end
  for reason, n in pairs(total.left_out) do say(("left out: %6d %s"):format(n, reason)) end
  say(("%d modules, %d calls in each of: %s"):format(total.modules, total.calls, MODES))
  say(("%d changed modules, validity alone"):format(total.changed))
  say(("%d passed, %d failed"):format(total.modules - total.mismatches, total.mismatches))
  os.exit(total.mismatches == 0)
end

main()

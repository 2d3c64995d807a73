--- Differential runs: the same random module in several of our modes, and on V8.
--   lua5.4 spec/diff/run.lua [COUNT [SEED]]    random modules
--   lua5.4 spec/diff/run.lua FILE.wasm ...     these modules (--check FILE.wasm: one, in few words)
--   lua5.4 spec/diff/run.lua --play MODE DIR FROM TO     our side of a batch, a process of its own
-- Environment: NODE, a Node.js for V8 (without one our modes are compared with each other alone);
-- WASM_OPT, binaryen's wasm-opt, a second generator; GENERATORS="own binaryen"; MODES="guard ...".
-- A seed belongs to one module of each generator. Modules that differ are kept in BUILD/diff/found;
-- reduce.lua makes them small.
local SECONDS = 120 -- for one side of a batch
local CHECK_SECONDS = 5 -- and when a module is being made small
local BATCH = 40

local say = print
local BUILD = os.getenv("BUILD") or "build/test"
local WORK = BUILD .. "/diff"
local FOUND = WORK .. "/found"
local MODES = os.getenv("MODES") or "guard explicit parked mixed lazy"
local FEATURES = "--mvp-features --enable-bulk-memory --enable-bulk-memory-opt"
  .. " --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals"
  .. " --enable-reference-types --enable-multivalue"

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
  for n = from, to do play_one(play, mode, dir .. "/" .. n) end
end

---------------------------------------------------------------------------
-- Generators: the module of a seed, or nil and why not

local generators = {}

function generators.own(seed)
  local wat = require "wasm.wat"
  return assert(wat.assemble(require("spec.diff.generate").text(seed)))
end

function generators.binaryen(seed)
  local Random = require "spec.diff.random"
  local r = Random.new(seed)
  local words = {}
  for i = 1, r:pick { 40, 200, 1000, 3000 } do words[i] = string.pack("<i8", r:bits()) end
  local input, output = WORK .. "/random.bin", WORK .. "/random.wasm"
  write(input, table.concat(words))
  os.remove(output)
  local options = r:pick { "", "-O1", "-O3", "-Os", "--fuzz-passes", "--flatten", "-O2 --vacuum" }
  local command = ("%s %s -ttf --denan %s %s -o %s 2>&1"):format(os.getenv("WASM_OPT"), input,
    FEATURES, options, output)
  local pipe <close> = assert(io.popen("timeout 60 " .. command))
  local said = pipe:read("a")
  local bytes = read(output)
  if not bytes then return nil, "wasm-opt: " .. (said:match("[^\n]+") or "no output") end
  return require("spec.diff.expose")(bytes)
end

---------------------------------------------------------------------------
-- Comparing

local total = { modules = 0, calls = 0, mismatches = 0, left_out = {} }

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

--- The first line in which two transcripts differ; "exhausted" ends the comparison early.
local function first_difference(a, b)
  for i = 1, math.max(#a, #b) do
    if is_exhausted(a[i]) or is_exhausted(b[i]) then
      leave_out("calls after stack exhaustion")
      return
    end
    if a[i] ~= b[i] then return a[i] or "(nothing)", b[i] or "(nothing)" end
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
  if job.node then others[#others + 1] = "v8" end
  for _, other in ipairs(others) do
    local lines = lines_of(stem .. other)
    local hung = job.hung[n .. other] or job.hung[n .. job.modes[1]]
    if hung then
      leave_out(hung .. " took too long")
    else
      local a, b = first_difference(ours, lines)
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
  if job.node then run_side(job, "v8", ("%s spec/diff/v8.js %s"):format(job.node, quote(WORK))) end
  for n = 1, job.count do
    if read(("%s/%d.wasm"):format(WORK, n)) then compare(job, n) end
  end
end

local function clear()
  os.execute(("mkdir -p %s && find %s -maxdepth 1 -type f -exec rm -f {} +"):format(
    quote(WORK), quote(WORK)))
end

local function find_node()
  local node = os.getenv("NODE") or "node"
  if works(node .. " --version") then return node end
  say("diff: no Node.js (set NODE=path); our modes are compared with each other alone")
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

--- The generators asked for; binaryen's needs its program.
local function some_generators()
  local names = {}
  for name in (os.getenv("GENERATORS") or "own binaryen"):gmatch("%S+") do
    if name ~= "binaryen" then
      names[#names + 1] = name
    elseif os.getenv("WASM_OPT") and works(os.getenv("WASM_OPT") .. " --version") then
      names[#names + 1] = name
    else
      say("diff: no wasm-opt, so no modules of binaryen's fuzzer"
        .. " (npm install binaryen; set WASM_OPT=path of its bin/wasm-opt)")
    end
  end
  return names
end

local function run_seeds(count, seed)
  local names, node = some_generators(), find_node()
  local started = os.time()
  for first = seed, seed + count - 1, BATCH do
    clear()
    local job = new_job(node)
    for s = first, math.min(first + BATCH, seed + count) - 1 do
      for _, name in ipairs(names) do
        local bytes, why = generators[name](s)
        if bytes then add(job, name .. " " .. s, bytes) else leave_out(why) end
      end
    end
    run_batch(job)
    say(("  seeds %d..%d: %d modules, %d mismatches, %d s"):format(seed,
      math.min(first + BATCH, seed + count) - 1, total.modules, total.mismatches,
      os.time() - started))
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
  say(("%d passed, %d failed"):format(total.modules - total.mismatches, total.mismatches))
  os.exit(total.mismatches == 0)
end

main()

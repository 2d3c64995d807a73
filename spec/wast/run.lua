--- The official WebAssembly test suite: every .wast of a directory, in twelve modes.
--   lua5.4 spec/wast/run.lua DIR [name ...]     MODE="guard explicit ..." (script.lua)
--                                               for some only,
--                                               TORTURE=1 collects at every allocation,
--                                               CPU=1 uses nothing beyond SSE4.1 (base/cpu.h)
--   lua5.4 spec/wast/run.lua --one FILE MODE  one script in this process (TRACE=1 lists lines)
-- Each script runs in a process of its own, two at a time, so that a crash costs one failure and
-- hides nothing else. A name may be a path below DIR, such as legacy/try_catch.
local JOBS = tonumber(os.getenv("JOBS")) or 2
local SECONDS = tonumber(os.getenv("SUITE_SECONDS")) or 600
local SHOWN = 20 -- failures printed per file
-- Beside the core files. The one proposal there that is left out is custom-descriptors, which is
-- not finished.
local MORE = { "legacy/*.wast", "proposals/threads/*.wast", "proposals/wide-arithmetic/*.wast",
  "proposals/custom-page-sizes/*.wast", "custom/*.wast" }

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

local function pairs_sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  local i = 0
  return function()
    i = i + 1
    return keys[i], t[keys[i]]
  end
end

local function run_one(path, mode)
  local script = require "spec.wast.script"
  local cpu = os.getenv("CPU")
  if cpu then require "wasm.core".cpu_keep(tonumber(cpu)) end
  if os.getenv("TORTURE") then require "wasm.core".heap_torture(true) end
  local shown = 0
  local count = script.run(path, mode, function(line, type, why)
    shown = shown + 1
    if shown <= SHOWN then print(("FAIL %s:%d %s: %s"):format(path, line, type, why)) end
  end)
  if shown > SHOWN then print(("FAIL %s: %d more"):format(path, shown - SHOWN)) end
  for feature, n in pairs_sorted(count.left_out) do
    print(("left out\t%d\t%s"):format(n, feature))
  end
  print(("counts\t%d\t%d"):format(count.passed, count.failed))
end

local total = { passed = 0, failed = 0, left_out = 0, files = 0, features = {} }

local function start(job)
  local lua = os.getenv("LUA") or "lua5.4"
  job.pipe = assert(io.popen(("timeout %d %s spec/wast/run.lua --one %s %s 2>&1"):format(
    SECONDS, lua, quote(job.path), job.mode)))
end

--- One line a file: how many passed, failed, were left out, and for which features.
local function print_row(job, passed, failed, features)
  local reasons, left_out = {}, 0
  for feature, n in pairs_sorted(features) do
    reasons[#reasons + 1] = feature .. " " .. n
    left_out = left_out + n
  end
  print(("%-8s %-36s %6d passed %5d failed %6d left out%s"):format(job.mode, job.name, passed,
    failed, left_out, left_out > 0 and " (" .. table.concat(reasons, ", ") .. ")" or ""))
  return left_out
end

local function finish(job)
  local failures, features, passed, failed = {}, {}, 0, 0
  local complete = false
  for line in job.pipe:lines() do
    local n, feature = line:match("^left out\t(%d+)\t(.+)$")
    local p, f = line:match("^counts\t(%d+)\t(%d+)$")
    if n then
      features[feature] = tonumber(n)
      total.features[feature] = (total.features[feature] or 0) + tonumber(n)
    elseif p then
      passed, failed, complete = tonumber(p), tonumber(f), true
    else
      failures[#failures + 1] = line
    end
  end
  local ok, how, code = job.pipe:close()
  if not complete or not ok then
    failed = failed + 1
    failures[#failures + 1] = ("FAIL %s: ended by %s %s"):format(job.path, how, code)
  end
  local left_out = print_row(job, passed, failed, features)
  for _, line in ipairs(failures) do print(line) end
  io.flush()
  total.passed, total.failed = total.passed + passed, total.failed + failed
  total.left_out, total.files = total.left_out + left_out, total.files + 1
end

local function list(dir, names)
  local paths = {}
  if #names > 0 then
    for _, name in ipairs(names) do paths[#paths + 1] = name:gsub("%.wast$", "") .. ".wast" end
    return paths
  end
  local command = ("cd %s && LC_ALL=C ls *.wast %s"):format(quote(dir), table.concat(MORE, " "))
  local pipe <close> = assert(io.popen(command .. " 2>/dev/null"))
  for name in pipe:lines() do paths[#paths + 1] = name end
  return paths
end

local function main(dir, names)
  local files = list(dir, names)
  if #files == 0 then
    print("official suite: not found, set TESTSUITE=")
    print("0 passed, 1 failed")
    os.exit(false)
  end
  local modes = os.getenv("MODE") or
    "guard explicit lazy cached simple most fuel few four split cold old"
  local running = {}
  for mode in modes:gmatch("%w+") do
    for _, name in ipairs(files) do
      local job = { name = name, path = dir .. "/" .. name, mode = mode }
      start(job)
      running[#running + 1] = job
      if #running == JOBS then finish(table.remove(running, 1)) end
    end
  end
  for _, job in ipairs(running) do finish(job) end
  for feature, n in pairs_sorted(total.features) do
    print(("left out for %-28s %6d"):format(feature, n))
  end
  print(("%d scripts: %d assertions passed, %d failed, %d left out"):format(
    total.files, total.passed, total.failed, total.left_out))
  print(("%d passed, %d failed, %d skipped"):format(total.passed, total.failed, total.left_out))
  os.exit(total.failed == 0)
end

if arg[1] == "--one" then
  run_one(arg[2], arg[3])
else
  main(arg[1] or "", table.move(arg, 2, #arg, 1, {}))
end

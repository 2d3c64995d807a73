--- Whole programs (make programs builds them) against native builds and V8.
-- Warm: the time of `_start` in an instance that is there already, the module compiled; natively
-- the time of the process, about 2 ms of which is not the program's. Cold: whole processes,
-- `luawasm run` with an empty cache, Node with V8's own choice of compilers, against the native
-- process; the row `nothing` is the start of a shell's `true`, of Lua and of Node. What the
-- programs print goes to a file and must be equal on all sides; times in it are masked.
local wasm = require "wasm"
local measure = require "spec.bench.measure"
local results = require "spec.bench.results"
local clock = measure.baseline.clock

local programs = {}

local CACHE = (os.getenv("XDG_CACHE_HOME") or (os.getenv("HOME") or "") .. "/.cache")
  .. "/wasm-lua-programs/"
local SCRIPTS = "spec/programs/bench/"
local ROUNDS = tonumber(os.getenv("ROUNDS")) or 7
local LUA = os.getenv("LUA") or "lua5.4"
local NODE = (os.getenv("NODE") or "node") .. " --no-warnings"

-- Name, program, arguments; `cold` for the second table too.
local ROWS = {
  { "Lua fib", "lua", "fib.lua", cold = true },
  { "Lua nbody", "lua", "nbody.lua" },
  { "Lua text", "lua", "text.lua" },
  { "SQLite", "speedtest1", "--size", "8", ":memory:", cold = true },
  { "QuickJS", "qjs", "--std", "mix.js", cold = true },
  { "deflate", "minigzip", "-c", "data" },
  { "inflate", "minigzip", "-d", "-c", "long.gz" },
}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

--- A directory with what the programs read.
local function lay()
  local root = os.tmpname()
  os.remove(root)
  assert(os.execute(("mkdir -p %s/cache && cp %s* %s"):format(root, SCRIPTS, root)))
  local parts, state = {}, 1
  for i = 1, 400000 do
    state = (state * 1103515245 + 12345) & 0x7fffffff
    parts[i] = i % 8 == 0 and ("<I4"):pack(state) or ("word%d "):format(state >> 21)
  end
  local data = table.concat(parts)
  write(root .. "/data", data)
  write(root .. "/long", data:rep(8))
  assert(os.execute(("cd %s && %snative/minigzip -1 -c long >long.gz"):format(root, CACHE)))
  return root
end

local function masked(text) return (text:gsub("%d+%.%d%d%ds", "")) end

--- A side that starts a process, as a function that gives milliseconds and output.
local function process(command, output)
  return function()
    local started = clock()
    assert(os.execute(("%s >%s"):format(command, output)), command)
    return (clock() - started) / 1e6, masked(read(output))
  end
end

local function ours(row, root)
  local mod = assert(wasm.load(CACHE .. "wasm/" .. row[2], { eager = true }))
  return function()
    local output = root .. "/ours.out"
    local file <close> = assert(io.open(output, "wb"))
    local w = assert(wasm.wasi { args = { table.unpack(row, 2) }, dirs = { ["/"] = root },
      env = { HOME = "/", TZ = "UTC" }, stdout = file })
    local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = w }, { stack = "8MiB" }))
    local started = clock()
    local ok, err = pcall(inst.exports._start)
    local ms = (clock() - started) / 1e6
    if not ok and err.kind ~= "exit" then error(err) end
    inst:close()
    file:flush()
    return ms, masked(read(output))
  end
end

--- V8 in a process of its own, asked by a named pipe; nil where there is none. Node 20 does not
--- know the exceptions that Lua is built with, and crashes on SQLite.
local function v8(root, name, flags)
  local version <close> = assert(io.popen(NODE .. " -v 2>/dev/null"))
  if tonumber((version:read("l") or ""):match("^v(%d+)") or 0) < 22 then return nil end
  local pipe, output = ("%s/%s.in"):format(root, name), ("%s/%s.out"):format(root, name)
  assert(os.execute("mkfifo " .. pipe))
  local answers = assert(io.popen(("%s %s spec/bench/wasi.js <%s"):format(NODE, flags or "",
    pipe)))
  local questions = assert(io.open(pipe, "w"))
  questions:setvbuf("line")
  local self = {}
  local function ask(verb, row)
    questions:write(table.concat({ verb, CACHE .. "wasm/" .. row[2], root, output,
                                   table.unpack(row, 3) }, "\t"), "\n")
    return tonumber((assert(answers:read("l"), "node ended"):match("^%S+")))
  end
  function self.side(row)
    if ask("knows", row) ~= 1 then return nil end
    return function() return ask("run", row), masked(read(output)) end
  end
  function self.close()
    questions:close()
    answers:close()
  end
  return self
end

--- All sides in turn: the best milliseconds of each, and how many outputs differ from the first.
local function interleave(names, sides)
  local best, outputs, differ = {}, {}, 0
  for _ = 1, ROUNDS do
    for _, name in ipairs(names) do
      if sides[name] then
        local ms
        ms, outputs[name] = sides[name]()
        best[name] = math.min(best[name] or math.huge, ms)
      end
    end
  end
  for _, name in ipairs(names) do
    if sides[name] and outputs[name] ~= outputs.native then differ = differ + 1 end
  end
  return best, differ
end

local function ratio(a, b) return a and b and ("%.2f"):format(a / b) or "-" end

local NAMES = { "native", "ours", "V8", "Liftoff" }

local function print_row(name, best, differ)
  print(("%-15s %10.1f %10.1f %10s %8s %8s%s"):format(name, best.native, best.ours,
    best.V8 and ("%.1f"):format(best.V8) or "-", ratio(best.ours, best.native),
    ratio(best.ours, best.V8), differ > 0 and "  OUTPUTS DIFFER" or ""))
end

local function heading(what)
  print(("%-15s %10s %10s %10s %8s %8s"):format(what, "native ms", "ours ms", "V8 ms", "/native",
    "/V8"))
end

--- Print the tables; how many outputs differ.
---@return integer failed
function programs.report()
  for _, row in ipairs(ROWS) do
    local built = io.open(CACHE .. "wasm/" .. row[2])
    if not built then
      print("programs: not built, `make programs` does")
      return 0
    end
    built:close()
  end
  local root, failed = lay(), 0
  local engine = v8(root, "V8")
  local baseline = os.getenv("LIFTOFF") and v8(root, "Liftoff", "--liftoff-only")
  local function native(row)
    return process(("cd %s && %snative/%s"):format(root, CACHE,
      table.concat(row, " ", 2)), root .. "/native.out")
  end
  heading("programs, warm")
  for _, row in ipairs(ROWS) do
    local best, differ = interleave(NAMES, { native = native(row), ours = ours(row, root),
                                             V8 = engine and engine.side(row),
                                             Liftoff = baseline and baseline.side(row) })
    print_row(row[1], best, differ)
    results.add("programs", row[1], { ours = best.ours / best.native,
      V8 = best.V8 and best.V8 / best.native,
      Liftoff = best.Liftoff and best.Liftoff / best.native })
    failed = failed + differ
  end
  heading("cold")
  print_row("nothing", (interleave(NAMES, { native = process("true", root .. "/native.out"),
    ours = process(LUA .. " -e ''", root .. "/ours.out"),
    V8 = engine and process(NODE .. " -e 0", root .. "/v8.out") })), 0)
  for _, row in ipairs(ROWS) do
    if row.cold then
      local file, args = CACHE .. "wasm/" .. row[2], table.concat(row, " ", 3)
      local best, differ = interleave(NAMES, { native = native(row),
        ours = process(("rm -rf %s/cache/*; %s lua/luawasm run --cache %s/cache --dir %s::/ %s %s")
          :format(root, LUA, root, root, file, args), root .. "/ours.out"),
        V8 = engine and engine.side(row) and process(("%s spec/bench/wasi.js once %s %s %s")
          :format(NODE, file, root, args), root .. "/v8.out") })
      print_row(row[1], best, differ)
      failed = failed + differ
    end
  end
  if baseline then baseline.close() end -- the last first: it holds the other's pipe open
  if engine then engine.close() end
  os.execute("rm -rf " .. root)
  return failed
end

return programs

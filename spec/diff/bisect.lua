--- Which pass goes wrong, and in which function? For builds with assertions.
--   lua5.4 spec/diff/bisect.lua FILE.wasm|FILE.wat [CALL [MODE]]
-- CALL is an export and its arguments, "f 1 0x2a"; without it every export is called with many
-- (play.lua). Imports are given host functions whose answers depend on their arguments alone.
-- MODE is one of play.modes, "guard" unless given.
-- With every pass that may be left out (jit/passes.def) left out, the module is the oracle. If it
-- behaves otherwise with all of them, then first the pass is found: the shortest beginning of
-- their row that makes the difference. Then the function: the least K for which the pass, made for
-- functions 0..K only, makes it. Each trial is a process of its own, since wrong code may do
-- anything.
-- DAMAGE="pass=K" damages a pass for one function, to see something found.
local wasm = require "wasm"
local core = require "wasm.core"

local SECONDS = 60 -- for one trial
local ALL, NONE = 0xffffffff, 0

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

local function to_bytes(path)
  local source = read(path)
  return source:sub(1, 4) == "\0asm" and source or assert(wasm.wat(source, { name = path }))
end

local function fail(...)
  io.stderr:write(string.format(...), "\n")
  os.exit(2)
end

---------------------------------------------------------------------------
-- A trial, in its own process: prints a transcript

local function plan_of(mod, call)
  if call == "" then return nil end
  local name, arguments = call:match("^%s*(%S+)%s*(.*)$")
  for _, e in ipairs(mod:exports()) do
    if e.kind == "function" and e.name == name then
      return { ("call\t%s\t%s\t%s"):format(name, e.type, arguments) }
    end
  end
  fail("no function is exported as '%s'", name)
end

--- limits: "fuse=4294967295 ra=0": functions below that number only.
local function trial(path, call, mode, limits)
  local play = require "spec.diff.play"
  local bytes = to_bytes(path)
  local mod = assert(wasm.compile(bytes, { cache = false, effort = 0 }))
  local plan = plan_of(mod, call)
  mod:close()
  for pass, limit in limits:gmatch("(%w+)=(%d+)") do
    core.pass_limit(pass, 0, math.tointeger(tonumber(limit)))
  end
  local damaged, where = (os.getenv("DAMAGE") or ""):match("^(%w+)=(%d+)$")
  if damaged then core.pass_damage(damaged, math.tointeger(tonumber(where))) end
  play.module(bytes, mode, print, plan)
end

---------------------------------------------------------------------------
-- The search

local function passes()
  local list = {}
  for _, row in ipairs(core.stats("passes")) do
    if row.optional then list[#list + 1] = row.pass end
  end
  return list
end

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

--- A function from limits (pass -> number of functions) to a transcript.
local function trials(path, call, mode)
  local count = 0
  local function run(limits)
    local words = {}
    for pass, limit in pairs(limits) do words[#words + 1] = ("%s=%d"):format(pass, limit) end
    local command = ("timeout %d %s spec/diff/bisect.lua --trial %s %s %s %s 2>&1"):format(SECONDS,
      os.getenv("LUA") or "lua5.4", quote(path), quote(call), mode, quote(table.concat(words, " ")))
    local pipe = assert(io.popen(command))
    local text = pipe:read("a")
    local ok, how, code = pipe:close()
    count = count + 1
    if ok then return text, true end
    return ("%s%s %d\n"):format(text, how, code), false
  end
  return run, function() return count end
end

local function with(list, limit, first, last)
  local limits = {}
  for _, pass in ipairs(list) do limits[pass] = NONE end
  for n = first, last do limits[list[n]] = limit end
  return limits
end

--- The first lines in which two transcripts differ.
local function difference(a, b)
  local other = b:gmatch("[^\n]+")
  for line in a:gmatch("[^\n]+") do
    local got = other()
    if got ~= line then return line, got or "(nothing)" end
  end
  return "(nothing)", other() or "(nothing)"
end

--- The least n in 1..max for which `wrong(n)`; wrong(max) is known to be.
local function least(max, wrong)
  local low, high = 0, max -- not wrong, wrong
  while high - low > 1 do
    local middle = (low + high) // 2
    if wrong(middle) then high = middle else low = middle end
  end
  return high
end

local function describe(path, pass, index)
  local bytes = to_bytes(path)
  local mod = assert(wasm.compile(bytes, { effort = 0, cache = false }))
  local name = ("function %d"):format(index)
  local text = mod:wat(index)
  local called = text:match("^%(func (%$%S+)")
  print(("pass '%s' makes the difference in %s%s"):format(pass, name,
    called and ", " .. called or ""))
  print("to see it: core.dump(bytes, " .. index .. ", 'ra', { effort = 1 }), and 'asm', 'ir'")
  print(text)
end

local function search(path, call, mode)
  local list = passes()
  local run, count = trials(path, call, mode)
  local mod = assert(wasm.compile(to_bytes(path), { effort = 0, cache = false }))
  local functions = #mod:imports() + mod:info().functions -- at least as many as have an index
  mod:close()
  local want, sound = run(with(list, ALL, 1, 0))
  if not sound or want:find("^refused") then
    fail("the module cannot be tried (longer than %d s? then give a CALL):\n%s", SECONDS, want)
  end
  local got = run(with(list, ALL, 1, #list))
  if want == got then
    print("no difference: " .. table.concat(list, ", ") .. " leave the module as it was")
    return false
  end
  local line, other = difference(want, got)
  print("without them: " .. line .. "\nwith them:    " .. other)
  local number = least(#list, function(n) return run(with(list, ALL, 1, n)) ~= want end)
  local pass = list[number]
  local before = run(with(list, ALL, 1, number - 1))
  local index = least(functions, function(n)
    local limits = with(list, ALL, 1, number - 1)
    limits[pass] = n
    return run(limits) ~= before
  end) - 1
  describe(path, pass, index)
  print(("%d trials"):format(count()))
  return true
end

if not core.pass_limit then fail("this needs a build with assertions: make bisect") end
if arg[1] == "--trial" then
  trial(arg[2], arg[3], arg[4], arg[5])
elseif (arg[1] or "") == "" then
  fail("usage: make bisect MODULE=FILE.wasm [CALL=\"f 1 2\"] [MODE=explicit]")
else
  local ok, found = pcall(search, arg[1], arg[2] or "", arg[3] or "guard")
  if not ok then fail("%s", found) end
  os.exit(found and 1 or 0) -- 2 is for what could not be done
end

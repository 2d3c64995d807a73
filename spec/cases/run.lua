--- Real modules that nobody here wrote: every result they are known to give.
--   lua5.4 spec/cases/run.lua [name ...]     all cases, each in a process of its own
--   lua5.4 spec/cases/run.lua --one name mode
-- A module is left out only if it was refused for a feature that is not built yet.
local plain = require "spec.cases.plain"
local large = require "spec.cases.large"
local programs = require "spec.cases.programs"

local CACHE = (os.getenv("XDG_CACHE_HOME") or os.getenv("HOME") .. "/.cache") .. "/wasm-lua-cases/"

local passed, failed, left_out = 0, 0, 0

local function same(want, got)
  if want == got then return want ~= 0 or 1 / want == 1 / got end
  return want ~= want and got ~= got
end

local function equal(what, want, got)
  if same(want, got) then
    passed = passed + 1
  else
    failed = failed + 1
    print(("  %s: want %s, got %s"):format(what, want, got))
  end
end

--- Hex digest by one of coreutils' programs.
local function digest(program, bytes)
  local path = os.tmpname()
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
  f:close()
  local pipe <close> = assert(io.popen(program .. " " .. path))
  local hex = pipe:read("a"):match("^%x+")
  os.remove(path)
  return hex
end

local function refused_for(err, features)
  if type(err) ~= "table" and type(err) ~= "userdata" or err.kind ~= "unsupported" then return end
  for _, feature in ipairs(features or {}) do
    if err.message:lower():find(feature, 1, true) then return feature end
  end
end

local MODES = {
  guard = { bounds = "guard", eager = true },
  explicit = { bounds = "explicit", eager = true },
  lazy = { eager = false },
}

local function compile(case, mode)
  local wasm = require "wasm"
  local mod, err = wasm.load(CACHE .. case.file, MODES[mode])
  if mod then return mod end
  local feature = refused_for(err, case.needs)
  if feature then
    left_out = left_out + 1
    print("  left out: " .. feature)
  else
    failed = failed + 1
    print("  refused: " .. tostring(err))
  end
end

local function run_one(name, mode)
  local case = plain[name] or programs[name] or large[name]
  local mod = compile(case, mode)
  if mod and case.run then
    case.run {
      equal = equal, digest = digest, path = CACHE .. case.file,
      instantiate = function(imports) return assert(mod:instantiate(imports)) end,
    }
  elseif mod then
    equal("imports", case.imports, #mod:imports())
    equal("exports", case.exports, #mod:exports())
  end
  print(("%d passed, %d failed, %d skipped"):format(passed, failed, left_out))
end

--- Run a case in a process of its own: a crash is one failure and hides nothing else.
local function spawn(name, mode)
  local lua = os.getenv("LUA") or "lua5.4"
  local command = ("%s spec/cases/run.lua --one %s %s 2>&1"):format(lua, name, mode)
  local pipe = assert(io.popen(command))
  local output = pipe:read("a")
  local ok, how, code = pipe:close()
  local p, f, l = output:match("(%d+) passed, (%d+) failed, (%d+) skipped%s*$")
  p, f, l = tonumber(p) or 0, tonumber(f) or 0, tonumber(l) or 0
  if not ok and f == 0 then
    f = 1
    output = ("%s\n  ended by %s %d\n"):format(output, how, code)
  end
  passed, failed, left_out = passed + p, failed + f, left_out + l
  print(("%-20s %-9s %5d passed, %d failed, %d left out"):format(name, mode, p, f, l))
  io.write((output:gsub("%d+ passed[^\n]*\n$", "")))
  io.flush()
end

local function names_of(list)
  local names = {}
  for name in pairs(list) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function main(wanted)
  local pick = {}
  for _, name in ipairs(wanted) do pick[name] = true end
  local function asked(name) return #wanted == 0 or pick[name] end
  for _, name in ipairs(names_of(plain)) do
    if asked(name) then
      spawn(name, "guard")
      spawn(name, "explicit")
      spawn(name, "lazy")
    end
  end
  for _, name in ipairs(names_of(programs)) do
    if asked(name) then
      spawn(name, "guard")
      spawn(name, "explicit")
      spawn(name, "lazy")
    end
  end
  for _, name in ipairs(names_of(large)) do
    if asked(name) then spawn(name, "guard") end
  end
  print(("%d passed, %d failed, %d skipped"):format(passed, failed, left_out))
  os.exit(failed == 0 and passed > 0)
end

if arg[1] == "--one" then
  run_one(arg[2], arg[3])
else
  main(arg)
end

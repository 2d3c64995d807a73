--- Debian's Lua, SQLite, QuickJS and zlib on our run time against the same sources built natively.
--   lua5.4 spec/programs/run.lua [name ...]      those tests of tests.lua whose name or group it is
-- What must be equal: output, error output, exit code, and every file that is left. The native
-- program runs first, in a copy of the test's files; then ours in each mode, in a fresh copy.
local tests = require "spec.programs.tests"

local CACHE = tests.cache
local LUA = os.getenv("LUA") or "lua5.4"
local LIMIT = 120 -- seconds for one run

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- The command that runs a program in a mode: "command", or what guest.lua takes.
local function command_for(mode, program, root)
  local file = quote(CACHE .. "wasm/" .. program)
  if mode == "command" then
    return ("%s lua/luawasm run --cache off --env HOME=/ --env TZ=UTC --dir %s::/ %s"):format(LUA,
      quote(root), file)
  end
  return ("%s spec/programs/guest.lua %s %s %s"):format(LUA, mode, file, quote(root))
end

local passed, failed = 0, 0

local function execute(command)
  local ok, how, code = os.execute(command)
  return ok and 0 or how == "signal" and 128 + code or code
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

--- Lay a test's files into a new directory.
local function lay(test, root)
  assert(os.execute(("mkdir -p %s"):format(quote(root))))
  for name, content in pairs(test.files or {}) do
    local path = root .. "/" .. name
    assert(os.execute(("mkdir -p %s"):format(quote(path:match("^(.*)/")))))
    write(path, content)
  end
end

--- What is in a directory: kinds, names, and sums but for files whose names say otherwise.
local function tree(root, varying)
  local pipe <close> = assert(io.popen(([[cd %s && export LC_ALL=C
    find . -printf '%%y %%p %%l\n' | sort
    find . -type f ! -name '%s' -print0 | sort -z | xargs -0 -r sha256sum]]):format(
    quote(root), varying or "")))
  return pipe:read("a")
end

local function run_in(test, root, command)
  lay(test, root)
  local words = {}
  for _, word in ipairs(test.args or {}) do words[#words + 1] = quote(word) end
  local code = execute(("%s %s <%s >%s.out 2>%s.err"):format(command, table.concat(words, " "),
    test.stdin and quote(root .. ".in") or "/dev/null", quote(root), quote(root)))
  -- the native program's "/" is a directory
  local plain = root:gsub("%p", "%%%0") .. "/?"
  local function same(text)
    text = text:gsub(plain, "/")
    return test.same and test.same(text) or text
  end
  return { output = same(read(root .. ".out")), errors = same(read(root .. ".err")),
           ["exit code"] = tostring(code), files = tree(root, test.varying) }
end

--- The first line in which two texts differ, and what it belongs to.
local function difference(want, got)
  local next_got = got:gmatch("([^\n]*)\n?")
  local line, heading = 0, ""
  for a in want:gmatch("([^\n]*)\n?") do
    local b = next_got()
    line = line + 1
    if a:find("^== ") then heading = a .. ": " end
    if a ~= b then
      return ("%sline %d: want %s\n      got %s"):format(heading, line, a:sub(1, 200),
        (b or "nothing"):sub(1, 200))
    end
  end
  return "more at the end: " .. (next_got() or ""):sub(1, 200)
end

local function compare(test, mode, want, got)
  for _, what in ipairs { "exit code", "output", "errors", "files" } do
    if want[what] == got[what] then
      passed = passed + 1
    else
      failed = failed + 1
      print(("  %s, %s, %s: %s"):format(test.name, mode, what, difference(want[what], got[what])))
    end
  end
end

local function run_test(test, work)
  local root = ("%s/%s"):format(work, test.name:gsub("[^%w]", "-"))
  local native = ("cd %s && timeout -k 1 %d env -i PATH=%s HOME=/ TZ=UTC %s"):format(
    quote(root), LIMIT, quote(CACHE .. "native"), test.program)
  if test.stdin then write(root .. ".in", test.stdin) end
  local want = run_in(test, root, native)
  assert(os.execute("rm -rf " .. quote(root)))
  if test.empty ~= true and want.output == "" and want.errors == "" then
    failed = failed + 1
    print(("  %s: nothing to compare"):format(test.name))
  end
  for _, mode in ipairs(test.modes) do
    local command = ("timeout -k 1 %d %s"):format(LIMIT, command_for(mode, test.program, root))
    local got = run_in(test, root, command)
    compare(test, mode, want, got)
    assert(os.execute("rm -rf " .. quote(root)))
  end
end

local function main(wanted)
  local pick = {}
  for _, name in ipairs(wanted) do pick[name] = true end
  local work = os.tmpname()
  os.remove(work)
  assert(os.execute("mkdir " .. work))
  for _, group in ipairs(tests.groups) do
    local p, f, started = passed, failed, os.time()
    local runs = 0
    for _, test in ipairs(group.tests) do
      if #wanted == 0 or pick[group.name] or pick[test.name] then
        runs = runs + 1
        run_test(test, work)
      end
    end
    if runs > 0 then
      print(("%-10s %4d tests: %5d passed, %d failed, %d s"):format(group.name, runs, passed - p,
        failed - f, os.time() - started))
      if group.left_out then print("  left out: " .. group.left_out) end
    end
  end
  os.execute("rm -rf " .. work)
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0 and passed > 0)
end

main(arg)

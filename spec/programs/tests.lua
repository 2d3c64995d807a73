--- What is run: each program's own tests, and scripts of ours where Debian ships none (Lua's).
-- A test: name, program, args, stdin, files (path -> content), modes; `empty` if it may print
-- nothing; `same`, which takes out of its output what cannot be equal (times; sizes of memory that
-- depend on how wide a pointer is); `varying`, a pattern of files whose bytes are not compared.
local sqlite = require "spec.programs.sqlite"

local CACHE = (os.getenv("XDG_CACHE_HOME") or (os.getenv("HOME") or "") .. "/.cache")
  .. "/wasm-lua-programs/"
local SRC = CACHE .. "src/"

local QUICK = { "command", "0 explicit host" }
local ALL = { "command", "0 guard host", "0 explicit host", "1 explicit host", "2 guard host",
              "1 guard tables" }

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function list(pattern)
  local names = {}
  local pipe <close> = assert(io.popen("LC_ALL=C ls " .. pattern))
  for name in pipe:lines() do names[#names + 1] = name end
  return names
end

--- All files of a directory, below a name.
local function files_of(dir, below)
  local files = {}
  for _, path in ipairs(list(dir .. "/*.*")) do
    files[below .. "/" .. path:match("[^/]+$")] = read(path)
  end
  return files
end

local function names_of(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function lua_tests()
  local tests = {}
  local function add(name, test)
    test.name, test.program = "lua " .. name, "lua"
    test.modes = test.modes or ALL
    tests[#tests + 1] = test
  end
  for _, path in ipairs(list("spec/programs/lua/*.lua")) do
    local name = path:match("([^/]+)%.lua$")
    add(name, { args = { name .. ".lua", "a", "b c" },
                files = { [name .. ".lua"] = read(path) } })
  end
  local lpeg = { ["test.lua"] = read(SRC .. "lua-lpeg/test.lua"),
                 ["re.lua"] = read(SRC .. "lua-lpeg/re.lua") }
  add("lpeg", { args = { "test.lua" }, files = lpeg })
  -- it looks into the directory above its own, and lists /tmp
  local lfs = read(SRC .. "lua-filesystem/tests/test.lua"):gsub('tmp = "/tmp"', 'tmp = "."')
  add("lfs", { args = { "-e", "assert(require 'lfs'.chdir 'deep')", "test.lua" },
    files = { ["deep/test.lua"] = lfs },
    modes = { "command", "0 explicit host", "1 explicit host" } })
  add("stdin", { args = { "-" }, stdin = "print(...)\nfor l in io.lines() do print(#l, l) end\n" })
  add("syntax error", { args = { "-e", "x = = 1" } })
  add("error object", { args = { "-e",
    "error(setmetatable({}, {__tostring = function() return 'E' end}))" } })
  add("exit code", { args = { "-e", "io.write 'half a line' os.exit(7, true)" } })
  add("version", { args = { "-v" } })
  add("usage", { args = { "-x" } })
  return { name = "lua", tests = tests,
    left_out = "Lua's own test suite, which no package of Debian contains (LPeg's and "
      .. "LuaFileSystem's run, and scripts of ours)" }
end

-- Too long even natively (seconds); far too much output (wal2); random row numbers (rowid).
local LEFT_OUT = { bigsort = true, corruptL = true, join8 = true, unionall2 = true, view3 = true,
                   wal2 = true, rowid = true }
local AT_ONCE = 40

--- SQLite's tests, some in a run; those run into a file are a quarter.
local function sqlite_tests()
  local tests, found, blocks, varying = {}, {}, 0, 0
  for _, path in ipairs(list(SRC .. "sqlite3/test/*.test")) do
    local name = path:match("([^/]+)%.test$")
    local own, left_out = sqlite.blocks(read(path))
    varying = varying + left_out
    if #own > 0 and not LEFT_OUT[name] then
      blocks = blocks + #own
      found[#found + 1] = { name = name, blocks = own }
    end
  end
  for first = 1, #found, AT_ONCE do
    local group = table.move(found, first, math.min(first + AT_ONCE - 1, #found), 1, {})
    local number = first // AT_ONCE + 1
    local files, main = sqlite.script(group, number % 4 == 0 and "test.db" or ":memory:")
    tests[#tests + 1] = { name = ("sqlite %d %s"):format(number, group[1].name),
      program = "sqlite3", args = { "-batch" }, stdin = main, files = files,
      modes = number % 8 == 1 and ALL or QUICK,
      varying = "*-journal" } -- begins with a random number
  end
  for _, name in ipairs { "000-mandelbrot", "001-sudoku" } do
    tests[#tests + 1] = { name = "sqlite " .. name, program = "sqlite3", args = { "-batch" },
      stdin = read(("%ssqlite3/ext/wasm/sql/%s.sql"):format(SRC, name)), modes = ALL }
  end
  tests[#tests + 1] = { name = "sqlite speedtest1", program = "speedtest1",
    args = { "--verify", "--size", "2", "test.db" }, modes = ALL,
    same = function(text) return (text:gsub("%d+%.%d+s", "0.000s")) end }
  -- damaged databases and hostile SQL, which fuzzers found
  for _, number in ipairs { 4, 6 } do
    local name = ("fuzzdata%d.db"):format(number)
    tests[#tests + 1] = { name = "sqlite " .. name, program = "fuzzcheck", modes = ALL,
      args = { "-v", "-v", name }, files = { [name] = read(SRC .. "sqlite3/test/" .. name) },
      same = function(text) return (text:gsub("in %d+%.%d+ seconds", "in 0.000 seconds")) end }
  end
  return { name = "sqlite", tests = tests,
    left_out = ("the Tcl around the %d blocks of SQL; %d blocks whose results vary; %s"):format(
      blocks, varying, table.concat(names_of(LEFT_OUT), ", ")) }
end

local function quickjs_tests()
  local tests, files = {}, files_of(SRC .. "quickjs/tests", "tests")
  -- no processes in WASI; stdin is no terminal
  local std = "tests/test_std.js"
  files[std] = files[std]:gsub("\ntest_popen%(%);", "\n"):gsub("\ntest_os_exec%(%);", "\n")
    :gsub("stdinIsTTY = [^\n]*", "stdinIsTTY = false;")
  for _, name in ipairs { "closure", "language", "builtin", "loop", "bigint", "std",
                          "cyclic_import" } do
    tests[#tests + 1] = { name = "quickjs " .. name, program = "qjs", files = files, modes = ALL,
      empty = true, args = { "--std", ("tests/test_%s.js"):format(name) } }
  end
  local script = read "spec/programs/results.js"
  tests[#tests + 1] = { name = "quickjs results", program = "qjs", modes = ALL,
    files = { ["results.js"] = script }, args = { "--std", "results.js" } }
  return { name = "quickjs", tests = tests,
    left_out = "test_popen and test_os_exec of test_std.js (processes), test_worker.js (threads), "
      .. "test_bjson.js (a dynamic library), microbench.js (only times)" }
end

--- Text like a program's, and noise: both sides of deflate.
local function some_data()
  local parts, state = {}, 1
  for i = 1, 20000 do
    state = (state * 1103515245 + 12345) & 0x7fffffff
    parts[i] = i % 10 == 0 and ("<I4"):pack(state) or ("word%d "):format(state >> 20)
  end
  return table.concat(parts)
end

local function zlib_tests()
  local tests, data = {}, some_data()
  tests[1] = { name = "zlib example", program = "example", args = { "hello.gz" }, modes = ALL,
    same = function(text) return (text:gsub("(compile flags) = 0x%x+", "%1")) end }
  tests[2] = { name = "zlib infcover", program = "infcover", modes = ALL,
    same = function(text)
      return (text:gsub("%d+ (allocated)", "%1"):gsub("%d+ (high water mark)", "%1"))
    end }
  for _, way in ipairs { "-1", "-6", "-9", "-f", "-h", "-r" } do
    tests[#tests + 1] = { name = "zlib minigzip " .. way, program = "minigzip", modes = ALL,
      empty = true, args = { way, "data" }, files = { data = data } }
  end
  tests[#tests + 1] = { name = "zlib minigzip stdin", program = "minigzip", modes = ALL,
    stdin = data, args = { "-9" } }
  return { name = "zlib", tests = tests }
end

return { cache = CACHE,
         groups = { lua_tests(), sqlite_tests(), quickjs_tests(), zlib_tests() } }

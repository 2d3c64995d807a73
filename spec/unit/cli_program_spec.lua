--- The program `luawasm` as such: its help, mistakes in a command, pipes, Ctrl-C, the terminal, and
--- how it is installed.
local cached = require "spec.support.cached"
local cli = require "spec.support.cli"
local wasm = require "wasm"

local COMMANDS = { "run", "compile", "validate", "wat", "wasm", "inspect", "disasm", "cache",
                   "bench", "version", "help" }

describe("help", function()
  local overview = cli.run("help")

  it("lists every command in a line", function()
    cli.prints(overview, overview.out)
    for _, name in ipairs(COMMANDS) do
      assert.truthy(overview.out:find("\n  " .. name .. " +%l[^\n]+\n"), name)
    end
  end)

  it("comes with --help and -h, and on stderr when nothing is asked for", function()
    cli.prints(cli.run("--help"), overview.out)
    cli.prints(cli.run("-h"), overview.out)
    local result = cli.run()
    assert.same({ out = "", err = overview.out, code = 2 }, result)
  end)

  for _, name in ipairs(COMMANDS) do
    it("describes " .. name .. " within 80 columns, in three ways to ask", function()
      local help = cli.run("help", name)
      cli.prints(help, help.out)
      cli.prints(cli.run(name, "--help"), help.out)
      cli.prints(cli.run(name, "-h"), help.out)
      assert.truthy(help.out:find("^%u[^\n]+%.\n\nusage: luawasm " .. name .. " "), help.out)
      for line in help.out:gmatch("[^\n]+") do assert.is_true(#line <= 80, line) end
    end)
  end

  it("knows the version", function()
    local line = ("luawasm %s, %s\n"):format(wasm._VERSION, _VERSION)
    for _, word in ipairs { "version", "--version", "-V" } do cli.prints(cli.run(word), line) end
  end)
end)

describe("a mistake in a command", function()
  for _, case in ipairs {
    { { "frobnicate" }, "unknown command 'frobnicate'" },
    { { "help", "frobnicate" }, "unknown command 'frobnicate'" },
    { { "insepct", "x" }, "unknown command 'insepct'; did you mean 'inspect'?" },
    { { "rn" }, "unknown command 'rn'; did you mean 'run'?" },
    { { "run", "--envs", "A=B" }, "unknown option '--envs'; did you mean '--env'?" },
    { { "app.wasm" }, "unknown command 'app.wasm'; to run it: luawasm run app.wasm" },
    { { "app.wat" }, "unknown command 'app.wat'; to run it: luawasm run app.wat" },
    { { "--frob" }, "unknown option '--frob'" },
    { { "wat", "--frob", "x" }, "unknown option '--frob'" },
    { { "wat", "-x" }, "unknown option '-x'" },
    { { "wat", "x", "-o" }, "option '-o' needs a value: OUT" },
    { { "wat", "--offsets=1", "x" }, "option '--offsets' takes no value" },
    { { "wat", "-o", "a", "-ob", "x" }, "option '-o' is given twice" },
    { { "wat", "a", "b", "c" }, "one argument too many: 'c'" },
    { { "inspect", "a", "b" }, "one argument too many: 'b'" },
    { { "version", "a" }, "one argument too many: 'a'" },
  } do
    it("is told: " .. table.concat(case[1], " "), function()
      cli.fails(cli.run(table.unpack(case[1])), 2, case[2])
    end)
  end

  for _, name in ipairs { "run", "compile", "validate", "wat", "wasm", "inspect", "disasm",
                          "bench" } do
    it(name .. " wants a file", function()
      local result = cli.run(name)
      cli.fails(result, 2, "an argument is missing: luawasm " .. name .. " ")
      assert.truthy(result.err:find("\nTry 'luawasm " .. name .. " %-%-help'%.\n$"), result.err)
    end)
  end

  it("is not that an operand begins with a dash, behind --", function()
    cli.fails(cli.run("validate", "--", "--frob"), 1, "--frob: No such file or directory")
  end)
end)

describe("a reader that goes away", function()
  local file, remove = cli.files()
  teardown(remove)
  local functions = {}
  for n = 1, 4000 do functions[n] = ('(func (export "function %d"))'):format(n) end
  local path = file("many.wat", "(module " .. table.concat(functions) .. ")")

  for _, command in ipairs { "wat", "inspect", "disasm" } do
    for how, before in pairs { [""] = "", [" where SIGPIPE is ignored"] = "trap '' PIPE; " } do
      it(("ends %s quietly%s"):format(command, how), function()
        local result = cli.shell(("%s{ %s %s %s; echo $? >%s; } | head -n 1;"):format(before,
          cli.program(), command, cli.quote(path), file "status"))
        assert.equal("", result.err)
        assert.truthy(result.out:find("^[^\n]+\n$"), result.out)
        assert.equal("141\n", cached.read(file "status"))
      end)
    end
  end
end)

-- Start `command`, wait until it has used some processor time, send it SIGINT.
local INTERRUPT = [[
%s & p=$!
n=0
while [ $n -lt 600 ] && [ -e /proc/$p/stat ]; do
  set -- $(cat /proc/$p/stat)
  [ $((${14} + ${15})) -gt 25 ] && break
  sleep 0.05
  n=$((n + 1))
done
kill -INT $p
wait $p;]]

describe("Ctrl-C", function()
  local file, remove = cli.files()
  teardown(remove)
  local endless = file("endless.wat", [[(module (func (export "_start") (loop $l (br $l)))
    (func (export "f") (loop $l (br $l))))]])
  local start = file("start.wat", "(module (func $f (loop $l (br $l))) (start $f))")

  for name, words in pairs {
    ["an endless program"] = "run " .. endless,
    ["an endless function"] = "run --invoke f " .. endless,
    ["an endless start function"] = "run " .. start,
    ["a measurement"] = "bench --invoke f " .. endless,
  } do
    it("ends " .. name, function()
      local result = cli.shell(INTERRUPT:format(cli.program() .. " " .. words))
      assert.equal(130, result.code)
      assert.equal("", result.err)
    end)
  end

  it("ends work that is done in Lua", function()
    local text = file("long.wat", "(module (func " .. ("nop "):rep(4000000) .. "))")
    local command = ("%s wasm -o %s %s"):format(cli.program(), file "out", text)
    local result = cli.shell(INTERRUPT:format(command))
    assert.equal(130, result.code)
    assert.equal("", result.err)
    assert.is_nil(io.open(file "out"))
  end)
end)

-- In a terminal, which the program `script` makes; what the shell command `typed` prints is typed.
local function in_terminal(file, command, typed)
  cached.write(file "command.sh", "exec " .. command .. "\n")
  return cli.shell(("%s | script -qec 'sh %s' /dev/null;"):format(typed or "sleep 0",
    file "command.sh"))
end

describe("in a terminal", function()
  local file, remove = cli.files()
  local path = file("a.wat", '(module (func (export "_start") (loop $l (br $l))))')
  teardown(remove)

  it("Ctrl-C ends an endless program", function()
    local marker = file "running"
    local program = cli.program(([[local shell = require "wasm.cli.shell"
      local f = shell.end_at_interrupt
      function shell.end_at_interrupt() f() io.open("%s", "w"):close() end]]):format(marker))
    local result = in_terminal(file, program .. " run " .. path,
      ("{ while [ ! -e %s ]; do sleep 0.05; done; printf '\\003'; sleep 1; }"):format(marker))
    assert.equal(130, result.code)
    assert.is_nil(result.out:find("luawasm", 1, true))
  end)

  -- A C library asks for the type, and whether it may seek: not in a terminal.
  it("a guest can tell, and /dev/null is none", function()
    local asks = file("asks.wat", [[(module
      (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_seek"
        (func $seek (param i32 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $stat (i32.const 0) (i32.const 0)))
        (call $exit (i32.add
          (i32.add (i32.mul (i32.load8_u (i32.const 0)) (i32.const 100)) ;; a character device: 2
            (i32.and (i32.load (i32.const 8)) (i32.const 0x24)))         ;; seek 4, tell 32
          (i32.ne (call $seek (i32.const 0) (i64.const 0) (i32.const 1) (i32.const 32))
            (i32.const 0))))))]])
    assert.equal(201, in_terminal(file, cli.program() .. " run " .. asks).code)
    assert.equal(236, cli.run("run", asks).code) -- from /dev/null
  end)

  it("no binary is printed", function()
    local result = in_terminal(file, cli.program() .. " wasm " .. path)
    assert.equal(2, result.code)
    assert.truthy(result.out:find("luawasm: a binary is not for a terminal: choose a file with -o",
      1, true), result.out)
  end)

  it("there is no color and nothing to be erased", function()
    local result = in_terminal(file, cli.program() .. " wat " .. path)
    assert.equal(0, result.code)
    assert.is_nil(result.out:find("\27", 1, true))
    assert.equal(cli.run("wat", path).out, (result.out:gsub("\r\n", "\n")))
  end)

  -- A clock on which a second is over at every look.
  local FAST = [[local core = require "wasm.core" local clock, n = core.clock, 0
    function core.clock() n = n + 1.5 return clock() + n end]]
  local functions = ("(func (i32.add (i32.const 1) (i32.const 2)) drop)"):rep(5000)

  it("long work in Lua is shown, and erased when it is done", function()
    local long = file("long.wat", "(module " .. functions .. ")")
    local result = in_terminal(file, cli.program(FAST) .. " wasm -o " .. file "out" .. " " .. long)
    assert.equal(0, result.code)
    assert.truthy(result.out:find("\r\27[Kluawasm: assembling " .. long .. " ... 3 s", 1, true),
      result.out)
    assert.equal("\r\27[K", result.out:sub(-4))
    cli.prints(cli.run({ before = FAST }, "wasm", "-o", file "out", long), "")
  end)

  it("long work in machine code is announced", function()
    local slow = FAST .. ' require "wasm.cli.modules".COMPILED = 10'
    local result = in_terminal(file, ("%s compile -q --cache %s %s"):format(cli.program(slow),
      file "cache1", path))
    assert.equal(0, result.code)
    assert.equal("\r\27[Kluawasm: compiling " .. path .. " ...\r\27[K", result.out)
    cli.prints(cli.run({ before = slow }, "compile", "-q", "--cache", file "cache2", path), "")
  end)
end)

describe("installed", function()
  local file, remove = cli.files()
  teardown(remove)

  -- The directory above that of a module's file.
  local function root_of(name, path)
    local found = assert(package.searchpath(name, path))
    return ('"$(dirname "$(dirname "$(realpath %s)")")"'):format(found)
  end

  local function install(words)
    return cli.shell(("MAKEFLAGS= make -s install-launcher BUILD=%s DESTDIR=%s %s LUADIR=%s %s;")
      :format(file "build", file "root", words, root_of("wasm.wat", package.path),
        "LIBDIR=" .. root_of("wasm.core", package.cpath)))
  end

  it("it finds its Lua and its library by itself", function()
    assert.equal(0, install("BINDIR=/some/bin").code)
    local result = cli.shell(("cd / && unset LUA_PATH LUA_CPATH && %s version;"):format(
      file "root/some/bin/luawasm"))
    cli.prints(result, cli.run("version").out)
  end)

  it("it stays out when a package manager installs it", function()
    assert.equal(0, install("BINDIR=").code)
    local rock = {}
    assert(loadfile("wasm-scm-1.rockspec", "t", rock))()
    assert.equal("", rock.build.install_variables.BINDIR)
    assert.same({ bin = { luawasm = "lua/luawasm" } }, rock.build.install)
    assert.truthy(cached.read("lua/luawasm"):find("^#![^\n]*lua"))
  end)
end)

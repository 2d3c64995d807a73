--- `luawasm run` with a real WASI: what reaches the program, and what comes out of it.
local cached = require "spec.support.cached"
local cli = require "spec.support.cli"
local wasm = require "wasm"

local IMPORTS = [[
  (import "wasi_snapshot_preview1" "fd_read"
    (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; End with 100 + errno, unless that is 0.
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $exit (i32.add (i32.const 100) (local.get $errno))))))
  (func $print (param $fd i32) (param $at i32) (param $n i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $n))
    (call $check (call $write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))))
  ;; Everything from one descriptor to stdout.
  (func $copy (param $fd i32)
    (loop $again
      (i32.store (i32.const 0) (i32.const 4096))
      (i32.store (i32.const 4) (i32.const 4096))
      (call $check (call $read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8))
        (then
          (call $print (i32.const 1) (i32.const 4096) (i32.load (i32.const 8)))
          (br $again)))))]]

local COPY = '(func (export "_start") (call $copy (i32.const 0)) (call $exit (i32.const 7)))'

local WORDS = [[(func (export "_start")
  (call $check (call $args_sizes (i32.const 16) (i32.const 20)))
  (call $check (call $args (i32.const 1024) (i32.const 4096)))
  (call $print (i32.const 1) (i32.const 4096) (i32.load (i32.const 20)))
  (call $check (call $env_sizes (i32.const 16) (i32.const 20)))
  (call $check (call $env (i32.const 1024) (i32.const 4096)))
  (call $print (i32.const 2) (i32.const 4096) (i32.load (i32.const 20))))]]

local FILE = [[(data (i32.const 32) "a.txt")
  (func (export "_start")
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 5) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
    (call $copy (i32.load (i32.const 16))))]]

-- Makes a file, which asks for rights to write (bits 6 and 10).
local MAKE = [[(data (i32.const 32) "new.txt")
  (func (export "_start")
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 7) (i32.const 1)
      (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16)))
    (call $print (i32.load (i32.const 16)) (i32.const 32) (i32.const 7)))]]

local EPIPE, EBADF = 64, 8

describe("luawasm run, with WASI,", function()
  if not wasm.wasi then
    pending("this build has no WASI")
    return
  end
  local file, remove = cli.files()
  teardown(remove)

  local function guest(name, code)
    return file(name, "(module " .. IMPORTS .. code .. ")")
  end

  it("connects the standard streams and ends with the program's code", function()
    local text = ("0123456789"):rep(10000) .. "\n"
    local result = cli.run({ stdin = text }, "run", guest("copy.wat", COPY))
    assert.same({ out = text, err = "", code = 7 }, result)
  end)

  it("hands over arguments, and of the environment what is granted", function()
    local result = cli.run({ env = "LW_A=1 LW_B=2" }, "run", "--env", "LW_B", "--env=X=a=b",
      guest("words.wat", WORDS), "--invoke", "", "x y")
    assert.equal("words.wat\0--invoke\0\0x y\0", result.out)
    local variables = {}
    for variable in result.err:gmatch("([^\0]+)\0") do variables[#variables + 1] = variable end
    table.sort(variables)
    assert.same({ "LW_B=2", "X=a=b" }, variables)
    assert.equal(0, result.code)
  end)

  it("opens the directories that are granted, and no other", function()
    local path = guest("file.wat", FILE)
    file("a.txt", "content\n")
    cli.prints(cli.run("run", "--dir", file "" .. "::/d", path), "content\n")
    cli.prints(cli.run("run", "--dir", file "", path), "content\n")
    assert.same({ out = "", err = "", code = 100 + EBADF }, cli.run("run", path))
  end)

  it("lets a directory be only for reading", function()
    local path = guest("make.wat", MAKE)
    assert(os.execute("mkdir " .. file "one" .. " " .. file "two"))
    local result = cli.run("run", "--dir", file "one" .. "::/d::ro", path)
    assert.is_true(result.code > 100)
    assert.is_nil(io.open(file "one/new.txt"))
    cli.prints(cli.run("run", "--dir", file "two" .. "::/d", path), "")
    assert.equal("new.txt", cached.read(file "two/new.txt"))
  end)

  it("tells when a directory is not there", function()
    cli.fails(cli.run("run", "--dir", file "none" .. "::/d", guest("file.wat", FILE)), 1,
      ("directory '%s': No such file or directory"):format(file "none"))
  end)

  it("lets the program know that its reader has gone", function()
    local result = cli.shell(("yes | { %s run %s; echo $? >&2; } | head -n 1;"):format(
      cli.program(), guest("copy.wat", COPY)))
    assert.equal("y\n", result.out)
    assert.equal(("%d\n"):format(100 + EPIPE), result.err)
  end)

  it("is ended where it does not care about that, as natively", function()
    local endless = guest("endless.wat", [[
      (data (i32.const 64) "y\n")
      (func (export "_start")
        (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 2))
        (loop (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br 0)))]])
    local result = cli.shell(("{ %s run %s; echo $? >&2; } | head -n 2;"):format(cli.program(),
      endless))
    assert.same({ out = "y\ny\n", err = "141\n", code = 0 }, result)
  end)

  it("is ended by Ctrl-C while it waits for input", function()
    local marker = file "running"
    local program = cli.program(([[local shell = require "wasm.cli.shell"
      local f = shell.end_at_interrupt
      function shell.end_at_interrupt() f() io.open("%s", "w"):close() end]]):format(marker))
    local result = cli.shell(([[
      mkfifo %s; exec 3<>%s
      %s run %s <&3 & p=$!
      while [ ! -e %s ]; do sleep 0.05; done
      sleep 0.2; kill -INT $p; wait $p;]]):format(file "fifo", file "fifo", program,
      guest("copy.wat", COPY), marker))
    assert.same({ out = "", err = "", code = 130 }, result)
  end)
end)

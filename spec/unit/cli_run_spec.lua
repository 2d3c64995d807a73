--- `luawasm run`: programs, exports, arguments, results, exit codes.
local cli = require "spec.support.cli"

local VALUES = [[(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "v128") (param v128) (result v128) (local.get 0))
  (func (export "lanes") (result v128) (v128.const i32x4 1 2 3 4))
  (func (export "extern") (param externref) (result externref) (local.get 0))
  (func (export "func") (param funcref) (result funcref) (local.get 0))
  (func (export "i31") (param i31ref) (result i32) (i31.get_s (local.get 0)))
  (func (export "sure") (param (ref extern)))
  (func (export "three") (result i32 f64 i64) (i32.const -1) (f64.const 0.5) (i64.const 7))
  (func (export "none"))
  (memory (export "memory") 1))]]

local ENDS = [[(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (func (export "_start") (call $exit (i32.const 0)))
  (func (export "exit") (param i32) (call $exit (local.get 0))))]]

-- A WASI that tells on stderr what was granted.
local FAKE_WASI = [[
  local core = require "wasm.core"
  require "wasm".wasi = function(grants)
    for _, key in ipairs { "args", "env", "dirs" } do
      local words = {}
      for k, v in pairs(grants[key]) do
        if type(v) == "table" then v = v.path .. (v.read_only and " for reading" or "") end
        words[#words + 1] = k .. "=" .. v
      end
      table.sort(words)
      io.stderr:write(key, ": ", table.concat(words, " "), "\n")
    end
    io.stderr:write("stdio: ", grants.stdio, "\n")
    if grants.dirs["/none"] then
      return nil, core.error { kind = "io", message = "none: No such file or directory" }
    end
    return { proc_exit = function(code)
      error(core.error { kind = "exit", code = code, message = "exit" })
    end }
  end]]

describe("luawasm run --invoke", function()
  local file, remove = cli.files()
  local path = file("values.wat", VALUES)
  teardown(remove)

  local function invoke(name, ...)
    return cli.run("run", "--cache", "off", "--invoke", name, path, ...)
  end

  for _, case in ipairs {
    { "add", { "2", "3" }, "5" },
    { "add", { "-1", "0xffff_ffff" }, "-2" },
    { "add", { "4294967295", "0" }, "-1" },
    { "i64", { "-9223372036854775808" }, "-9223372036854775808" },
    { "i64", { "18446744073709551615" }, "-1" },
    { "f32", { "0.1" }, "0.1" },
    { "f32", { "1e-45" }, "1e-45" },
    { "f32", { "16777217" }, "16777216" },
    { "f32", { "-inf" }, "-inf" },
    { "f32", { "nan:0x200000" }, "nan:0x200000" },
    { "f64", { "0.1" }, "0.1" },
    { "f64", { "0x1.8p1" }, "3" },
    { "f64", { "5e-324" }, "5e-324" },
    { "f64", { "-0" }, "-0" },
    { "f64", { "-nan" }, "-nan" },
    { "f64", { "0.30000000000000004" }, "0.30000000000000004" },
    { "v128", { "0x000102030405060708090a0b0c0d0e0f" }, "0x000102030405060708090a0b0c0d0e0f" },
    { "lanes", {}, "0x00000004000000030000000200000001" },
    { "extern", { "any text" }, "any text" },
    { "extern", { "null" }, "null" },
    { "func", { "null" }, "null" },
    { "i31", { "-5" }, "-5" },
    { "three", {}, "-1\n0.5\n7" },
  } do
    it(("%s(%s) gives %s"):format(case[1], table.concat(case[2], ", "),
      (case[3]:gsub("\n", " "))), function()
      cli.prints(invoke(case[1], table.unpack(case[2])), case[3] .. "\n")
    end)
  end

  it("prints nothing for no result", function()
    cli.prints(invoke("none"), "")
  end)

  it("reads a binary, a text, and either from stdin", function()
    cli.prints(cli.run("wasm", path, "-o", file("values.wasm")), "")
    cli.prints(cli.run("run", "--invoke", "add", file("values.wasm"), "1", "2"), "3\n")
    cli.prints(cli.run({ stdin = VALUES }, "run", "--invoke", "add", "-", "1", "2"), "3\n")
  end)

  it("calls _initialize first", function()
    local reactor = file("reactor.wat", [[(module (global $n (mut i32) (i32.const 1))
      (func (export "_initialize") (global.set $n (i32.const 5)))
      (func (export "n") (result i32) (global.get $n)))]])
    cli.prints(cli.run("run", "--invoke", "n", reactor), "5\n")
    cli.prints(cli.run("run", "--invoke", "_initialize", reactor), "")
  end)

  for _, case in ipairs {
    { "add", { "2" }, "add takes 2 arguments (i32, i32), not 1" },
    { "add", { "2", "3", "4" }, "add takes 2 arguments (i32, i32), not 3" },
    { "sure", {}, "sure takes 1 argument ((ref extern)), not 0" },
    { "add", { "x", "3" }, "argument 1 of add: 'x' is no i32: wanted a number" },
    { "add", { "1", "2.5" }, "argument 2 of add: '2.5' is no i32: wanted a number" },
    { "add", { "1", "" }, "argument 2 of add: '' is no i32: wanted a number" },
    { "add", { "1", "4294967296" }, "argument 2 of add: '4294967296' is no i32: out of range" },
    { "i64", { "18446744073709551616" },
      "argument 1 of i64: '18446744073709551616' is no i64: out of range" },
    { "f32", { "1e39" }, "argument 1 of f32: '1e39' is no f32: out of range" },
    { "v128", { "1" }, "argument 1 of v128: '1' is no v128: wanted 0x and 32 hexadecimal digits" },
    { "i31", { "1073741824" },
      "argument 1 of i31: '1073741824' is no i31ref: wanted an integer of 31 bits" },
    { "func", { "add" }, "argument 1 of func: only null can be given for a funcref" },
    { "sure", { "null" }, "argument 1 of sure: a (ref extern) cannot be given here" },
  } do
    it(("refuses %s(%s)"):format(case[1], table.concat(case[2], ", ")), function()
      cli.fails(invoke(case[1], table.unpack(case[2])), 1, case[3])
    end)
  end

  it("names the exports when there is none of that name", function()
    cli.fails(invoke("sub"), 1, path .. ": no export 'sub'; its functions: add, div, i64, f32, "
      .. "f64, v128, lanes, extern, func, i31, sure, three, ... (13)")
  end)

  it("calls functions only", function()
    cli.fails(invoke("memory"), 1, path .. ": 'memory' is no function but a memory")
  end)

  it("tells a trap with its frames and ends with 134", function()
    local result = invoke("div", "1", "0")
    cli.fails(result, 134, path .. ": trap: integer divide by zero")
    assert.truthy(result.err:find("^[^\n]*\n  in div %(function 1, offset 0x%x+%)\n$"), result.err)
  end)
end)

describe("luawasm run", function()
  local file, remove = cli.files()
  teardown(remove)

  it("runs _start", function()
    local path = file("start.wat", '(module (func $main (export "_start") unreachable))')
    local result = cli.run("run", path, "its", "own", "--arguments")
    cli.fails(result, 134, path .. ": trap: unreachable")
    assert.truthy(result.err:find("in main (function 0", 1, true), result.err)
  end)

  it("is content with a start function", function()
    cli.prints(cli.run("run", file("only.wat", "(module (func $f) (start $f))")), "")
  end)

  it("stops what has used up its fuel or its time, wherever it is", function()
    local path = file("endless.wat", [[(module
      (func (export "_start") (loop (br 0)))
      (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))]])
    cli.fails(cli.run("run", "--fuel", "1000", path), 134, path .. ": limit: out of fuel")
    cli.fails(cli.run("run", "--timeout", "0.05", path), 134, path .. ": limit: timeout")
    cli.prints(cli.run("run", "--fuel", "1000", "--timeout", "60", "--invoke", "add", path, "4"),
      "5\n")
    path = file("start.wat", "(module (func $f (loop (br 0))) (start $f))")
    cli.fails(cli.run("run", "--fuel", "9", path), 134, path .. ": limit: out of fuel")
  end)

  it("keeps a program within its memory, its objects and its calls of the host", function()
    local path = file("greedy.wat", [[(module
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (type $a (array i64))
      (memory 1)
      (global $all (mut (ref null $a)) (ref.null $a))
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "make") (param i32) (result i32)
        (global.set $all (array.new_default $a (local.get 0)))
        (array.len (global.get $all)))
      (func (export "call") (param $n i32) (result i32) (local $m i32)
        (loop $l
          (drop (call $yield))
          (local.set $m (i32.add (local.get $m) (i32.const 1)))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $m)))]])
    cli.prints(cli.run("run", "--memory-max", "192K", "--invoke", "grow", path, "2"), "1\n")
    cli.prints(cli.run("run", "--memory-max", "192KiB", "--invoke", "grow", path, "3"), "-1\n")
    cli.prints(cli.run("run", "--heap-max", "1M", "--invoke", "make", path, "100000"), "100000\n")
    cli.fails(cli.run("run", "--heap-max", "1M", "--invoke", "make", path, "200000"), 134,
      path .. ": limit: ")
    cli.prints(cli.run("run", "--host-calls", "5", "--invoke", "call", path, "5"), "5\n")
    cli.fails(cli.run("run", "--host-calls", "5", "--invoke", "call", path, "6"), 134,
      path .. ": limit: out of host calls")
  end)

  it("refuses budgets that are none", function()
    local path = file("none.wat", "(module)")
    for _, option in ipairs { "--memory-max", "--heap-max" } do
      cli.fails(cli.run("run", option, "much", path), 2,
        ("option '%s': 'much' is no size"):format(option))
    end
    cli.fails(cli.run("run", "--fuel", "-1", path), 2,
      "option '--fuel': '-1' is no number from 0 to")
    for _, text in ipairs { "0", "x", "-1", "1e3", "" } do
      cli.fails(cli.run("run", "--timeout", text, path), 2,
        ("option '--timeout': '%s' is no number of seconds"):format(text))
    end
  end)

  it("ends with 134 when the start function traps", function()
    local path = file("trap.wat", "(module (func $f unreachable) (start $f))")
    cli.fails(cli.run("run", path), 134, path .. ": trap: unreachable")
  end)

  it("ends with 134 when nobody catches an exception", function()
    local path = file("throw.wat",
      '(module (tag $t (param i32)) (func (export "_start") (throw $t (i32.const 3))))')
    cli.fails(cli.run("run", path), 134, path .. ": exception: uncaught exception")
  end)

  it("gives a program as much stack as Linux does", function()
    local path = file("levels.wat", [[(module
      (func $down (export "down") (param $n i32) (result i32)
        (if (result i32) (local.get $n)
          (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))
          (else (i32.const 0)))))]])
    cli.prints(cli.run("run", "--invoke", "down", path, "400000"), "400000\n")
  end)

  it("shows twenty frames of an endless recursion, and says how many there are", function()
    local path = file("deep.wat", '(module (func $deep (export "_start") (call $deep)))')
    local result = cli.run("run", path)
    cli.fails(result, 134, path .. ": trap: call stack exhausted")
    local _, frames = result.err:gsub("\n  in deep ", "")
    assert.equal(20, frames)
    assert.truthy(result.err:find("\n  %.%.%. and %d+ more\n$"), result.err)
  end)

  it("says what a library has to offer", function()
    local path = file("library.wat", '(module (func (export "f")) (func (export "g")))')
    cli.fails(cli.run("run", path), 1, path .. ": no program (nothing is called _start); choose a "
      .. "function with --invoke; its functions: f, g")
  end)

  it("says where options belong", function()
    local path = file("library.wat", '(module (func (export "f")))')
    cli.fails(cli.run("run", path, "--invoke", "f"), 2, "options like --invoke come before FILE")
  end)

  it("tells a missing import", function()
    local path = file("import.wat",
      '(module (import "env" "log" (func (param i32))) (func (export "_start")))')
    cli.fails(cli.run("run", path), 1, path .. ': link: unknown import "env" "log"')
  end)

  it("refuses options that are wrong", function()
    local path = file("start.wat", '(module (func (export "_start")))')
    for message, words in pairs {
      ["option '--dir': '::/x' is not of the form HOST::GUEST"] = { "--dir", "::/x" },
      ["option '--dir': 'a::::ro' is not of the form HOST::GUEST"] = { "--dir", "a::::ro" },
      ["option '--dir': '/x' is given twice"] = { "--dir", "a::/x", "--dir=b::/x" },
      ["option '--env': '=1' is not of the form NAME=VALUE"] = { "--env", "=1" },
      ["option '--invoke' is given twice"] = { "--invoke", "a", "--invoke", "b" },
      ["unknown option '--fast'"] = { "--fast" },
    } do
      table.insert(words, path)
      cli.fails(cli.run("run", table.unpack(words)), 2, message)
    end
  end)
end)

describe("luawasm run with WASI", function()
  local file, remove = cli.files()
  local path = file("ends.wat", ENDS)
  teardown(remove)

  it("says when the build has none", function()
    cli.fails(cli.run({ before = 'require "wasm".wasi = nil' }, "run", path), 1,
      path .. ": this build has no WASI, which the module imports (wasi_snapshot_preview1)")
  end)

  it("grants nothing unless told to", function()
    local result = cli.run({ before = FAKE_WASI }, "run", path)
    assert.equal("args: 1=ends.wat\nenv: \ndirs: \nstdio: inherit\n", result.err)
    assert.equal(0, result.code)
  end)

  it("grants what the options say", function()
    local result = cli.run({ before = FAKE_WASI, env = "LW_A=1 LW_B=2" }, "run",
      "--dir", "/tmp::/t", "--dir=.", "--dir=/usr::/u::ro", "--env", "LW_B", "--env=X=a=b",
      "--env", "LW_NONE", path,
      "--invoke", "", "x y")
    assert.equal("args: 1=ends.wat 2=--invoke 3= 4=x y\nenv: LW_B=2 X=a=b\n"
      .. "dirs: .=. /t=/tmp /u=/usr for reading\n"
      .. "stdio: inherit\n", result.err)
    assert.equal(0, result.code)
  end)

  it("tells what WASI refuses", function()
    local result = cli.run({ before = FAKE_WASI }, "run", "--dir", "none::/none", path)
    assert.equal(1, result.code)
    assert.truthy(result.err:find("\nluawasm: none: No such file or directory\n", 1, true),
      result.err)
  end)

  for _, code in ipairs { 0, 1, 3, 42, 126, 255 } do
    it("ends with the guest's code " .. code, function()
      local result = cli.run({ before = FAKE_WASI }, "run", "--invoke", "exit", path,
        tostring(code))
      assert.equal(code, result.code)
      assert.is_nil(result.err:find("luawasm:", 1, true))
    end)
  end

  it("serves modules of wasi_unstable too", function()
    local unstable = file("unstable.wat", (ENDS:gsub("_snapshot_preview1", "_unstable")
      :gsub("i32.const 0", "i32.const 9")))
    assert.equal(9, cli.run({ before = FAKE_WASI }, "run", unstable).code)
  end)

  it("ends with the code when the start function exits", function()
    local start = file("start.wat", (ENDS:gsub('%(export "_start"%)', "$s")
      :gsub("i32.const 0", "i32.const 8"):gsub("%)$", "(start $s))")))
    assert.equal(8, cli.run({ before = FAKE_WASI }, "run", start).code)
  end)
end)

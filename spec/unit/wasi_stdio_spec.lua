--- WASI without files: arguments, environment, streams, clocks, random bytes, the end.
local wasm = require "wasm"
local wasi = require "spec.support.wasi"

--- A list of strings as the guest finds it.
local function strings(g, sizes, get)
  assert.equal("success", g[sizes](0, 4))
  local n, size = g.memory:u32(0), g.memory:u32(4)
  assert.equal("success", g[get](64, 4096))
  local list = {}
  for k = 1, n do list[k] = g.memory:cstring(g.memory:u32(64 + 4 * (k - 1))) end
  return list, size
end

describe("the WASI calls", function()
  it("are the 46 of the standard, with their types", function()
    local names = {}
    for _, row in ipairs(wasi.rows()) do names[#names + 1] = row.name end
    assert.equal(46, #names)
    local w = assert(wasm.wasi())
    assert.equal("(i32, i32, i32, i32, i32, i64, i64, i32, i32) -> i32",
      w:import("path_open"):type())
    assert.equal("(i32, i64, i32, i32) -> i32", w:import("fd_seek"):type())
    assert.equal("(i32) -> ()", w:import("proc_exit"):type())
    assert.is_nil(w:import("fd_nonsense"))
    assert.is_nil(w:import("sock_accept", "wasi_unstable"))
  end)

  it("are a link error where a module wants another type or name", function()
    local w = assert(wasm.wasi())
    local text = '(module (import "wasi_snapshot_preview1" "%s" (func (param i64))))'
    for _, name in ipairs { "fd_close", "fd_nonsense" } do
      local inst, err = wasm.run(text:format(name), { wasi_snapshot_preview1 = w })
      assert.is_nil(inst)
      assert.equal("link", err.kind)
    end
  end)

  it("give fault in a module without memory", function()
    local w = assert(wasm.wasi())
    local inst = assert(wasm.run([[(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $f (param i32 i32) (result i32)))
      (func (export "f") (result i32) (call $f (i32.const 0) (i32.const 4))))]],
      { wasi_snapshot_preview1 = w }))
    assert.equal("fault", wasi.errno[inst.exports.f()])
    -- nor has Lua a memory to call from
    assert.equal("fault", wasi.errno[w:import("args_sizes_get"):fn()(0, 4)])
  end)

  it("use the memory of the instance that calls, not of the one that was entered", function()
    local w = assert(wasm.wasi { args = { "a" } })
    local inner = assert(wasm.run([[(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $f (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "f") (result i32) (call $f (i32.const 0) (i32.const 4))))]],
      { wasi_snapshot_preview1 = w }))
    local outer = assert(wasm.run([[(module
      (import "inner" "f" (func $f (result i32)))
      (memory (export "memory") 1)
      (func (export "f") (result i32) (i32.add (call $f) (i32.const 0))))]], { inner = inner }))
    assert.equal(0, outer.exports.f())
    assert.equal(1, inner.memory:u32(0))
    assert.equal(0, outer.memory:u32(0))
  end)

  it("work with explicit bounds, before and after the memory has moved", function()
    local text = wasi.text("wasi_snapshot_preview1")
    local w = assert(wasm.wasi { args = { "x", "yz" } })
    local inst = assert(wasm.run(text, { wasi_snapshot_preview1 = w }, { bounds = "explicit" }))
    for _ = 1, 3 do
      assert.equal(0, inst.exports.args_sizes_get(0, 4))
      assert.equal(2, inst.memory:u32(0))
      assert.equal(5, inst.memory:u32(4))
      inst.memory:grow(1)
      inst.memory:fill(0, 8, 0xff)
    end
  end)

  it("are resolved by a function with w:import", function()
    local w = assert(wasm.wasi { args = { "x" } })
    local inst = assert(wasm.run(wasi.text("wasi_snapshot_preview1"),
      function(module, name) return w:import(name, module) end))
    assert.equal(0, inst.exports.args_sizes_get(0, 4))
    assert.equal(1, inst.memory:u32(0))
  end)
end)

describe("arguments and environment", function()
  it("come as they were given", function()
    local g = wasi.guest { args = { "prog", "", "two words" }, env = { HOME = "/", A = "1=2" } }
    local list, size = strings(g, "args_sizes_get", "args_get")
    assert.same({ "prog", "", "two words" }, list)
    assert.equal(5 + 1 + 10, size)
    assert.same({ "A=1=2", "HOME=/" }, (strings(g, "environ_sizes_get", "environ_get")))
  end)

  it("are empty by default", function()
    local g = wasi.guest()
    assert.same({}, (strings(g, "args_sizes_get", "args_get")))
    assert.same({}, (strings(g, "environ_sizes_get", "environ_get")))
  end)

  it("fault where they do not fit, and write nothing", function()
    local g = wasi.guest { args = { "prog", "arg" } }
    local last = g.memory:size()
    assert.equal("fault", g.args_get(last - 4, 0))
    assert.equal("fault", g.args_get(0, last - 8))
    assert.equal("fault", g.args_get(-1, 0))
    assert.equal("fault", g.args_sizes_get(last - 3, 0))
    assert.equal(0, g.memory:u32(0))
  end)

  it("are refused where a guest could not be given them", function()
    for _, opts in ipairs {
      { args = { "a\0b" } }, { args = { 1 } }, { args = "a" }, { env = { ["a=b"] = "c" } },
      { env = { [""] = "c" } }, { env = { "c" } }, { env = { a = 1 } }, { nonsense = 1 },
      { stdin = 1 }, { stdout = "bufer" }, { clock = "sundial" }, { random = 1.5 },
      { dirs = { ["/"] = 1 } }, { dirs = { [""] = "." } }, { max_files = 2 }, { resolve = "x" },
      { dirs = { ["/"] = { ["a/b"] = "" } } }, { dirs = { ["/"] = { [".."] = "" } } },
    } do
      assert.is_false(pcall(wasm.wasi, opts))
    end
  end)
end)

describe("a stream", function()
  it("goes nowhere by default, and stdin is empty", function()
    local g = wasi.guest()
    assert.equal("success", (g.write(1, "lost")))
    local err, bytes = g.read(0, 100)
    assert.equal("success", err)
    assert.equal("", bytes)
    assert.is_nil(g.w:stdout())
  end)

  it("is kept when it is a buffer", function()
    local g = wasi.guest { stdout = "buffer", stderr = "buffer" }
    g.write(1, "one ")
    g.write(2, "error")
    local err, n = g.write(1, "two")
    assert.equal("success", err)
    assert.equal(3, n)
    assert.equal("one two", g.w:stdout())
    assert.equal("error", g.w:stderr())
  end)

  it("takes all pieces of a write, in order", function()
    local g = wasi.guest { stdout = "buffer" }
    g.memory:write(1024, "abcdef")
    g.memory:write(16, ("<I4I4I4I4I4I4"):pack(1024, 2, 5000, 0, 1027, 3))
    assert.equal("success", g.fd_write(1, 16, 3, 8))
    assert.equal(5, g.memory:u32(8))
    assert.equal("abdef", g.w:stdout())
  end)

  it("gives nospc beyond the limit of what is kept", function()
    local g = wasi.guest { stdout = "buffer", max_bytes = 100 }
    assert.equal("success", (g.write(1, ("x"):rep(60))))
    assert.equal("nospc", (g.write(1, ("x"):rep(60))))
    assert.equal("success", (g.write(1, ("x"):rep(40))))
    assert.equal(100, #g.w:stdout())
  end)

  it("reads a string to its end", function()
    local g = wasi.guest { stdin = "hello world" }
    assert.equal("hello", select(2, g.read(0, 5)))
    assert.equal(" world", select(2, g.read(0, 50)))
    assert.equal("", select(2, g.read(0, 50)))
  end)

  it("is a Lua function, which may give more than was asked for", function()
    local asked, lines = {}, { "first\n", "second line\n" }
    local out = {}
    local g = wasi.guest {
      stdin = function(n)
        asked[#asked + 1] = n
        return table.remove(lines, 1)
      end,
      stdout = function(bytes) out[#out + 1] = bytes end,
    }
    assert.equal("first\n", select(2, g.read(0, 100)))
    assert.equal("seco", select(2, g.read(0, 4)))
    assert.equal("nd line\n", select(2, g.read(0, 100)))
    assert.equal("", select(2, g.read(0, 7)))
    assert.same({ 100, 4, 7 }, asked)
    assert.equal(3, select(2, g.write(1, "abc")))
    assert.same({ "abc" }, out)
  end)

  it("gives io when the function's answer is of no use", function()
    local g = wasi.guest { stdin = function() return 12 end }
    assert.equal("io", (g.read(0, 5)))
  end)

  it("hands an error of the function on, as it is", function()
    local value = { "mine" }
    local fail = true
    local g = wasi.guest { stdout = function() if fail then error(value) end end }
    local ok, err = pcall(g.write, 1, "x")
    assert.is_false(ok)
    assert.equal(value, err)
    fail = false
    assert.equal("success", (g.write(1, "x")))
  end)

  it("lets the function yield, in a coroutine", function()
    local g = wasi.guest { stdin = function(n) return coroutine.yield(n) end,
                           stdout = function(bytes) coroutine.yield(bytes) end }
    local run = coroutine.wrap(function()
      local _, bytes = g.read(0, 10)
      g.write(1, bytes .. "!")
      return "done"
    end)
    assert.equal(10, run())
    assert.equal("input!", run("input"))
    assert.equal("done", run())
  end)

  it("ends cleanly when the waiting coroutine is closed or the instance is", function()
    local g = wasi.guest { stdin = function() return coroutine.yield() end }
    local co = coroutine.create(function() return g.read(0, 10) end)
    assert.is_true(coroutine.resume(co))
    assert.is_true(coroutine.close(co))
    co = coroutine.create(function() return g.read(0, 10) end)
    assert.is_true(coroutine.resume(co))
    g.inst:close("force")
    local ok, err = coroutine.resume(co, "late")
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("gives the function at most a megabyte at once", function()
    local sizes = {}
    local g = wasi.guest { stdout = function(bytes) sizes[#sizes + 1] = #bytes end }
    g.memory:grow(2)
    g.memory:write(16, ("<I4I4"):rep(20):pack(table.unpack((function()
      local list = {}
      for _ = 1, 20 do list[#list + 1], list[#list + 2] = 0, 100000 end
      return list
    end)())))
    assert.equal("success", g.fd_write(1, 16, 20, 8))
    assert.equal(1 << 20, g.memory:u32(8))
    assert.same({ 1 << 20 }, sizes)
  end)

  it("is a Lua file, in order with what Lua writes to it", function()
    local file = assert(io.tmpfile())
    local g = wasi.guest { stdout = file, stderr = file }
    file:write("lua ")
    g.write(1, "guest ")
    file:write("lua again ")
    g.write(2, "guest again")
    file:seek("set")
    assert.equal("lua guest lua again guest again", file:read("a"))
    file:close()
    assert.equal("io", (g.write(1, "closed")))
  end)

  it("reads a Lua file together with Lua", function()
    local file <close> = assert(io.tmpfile())
    file:write("one\ntwo\nthree\n")
    file:seek("set")
    local g = wasi.guest { stdin = file }
    assert.equal("one", file:read("l"))
    assert.equal("two\n", select(2, g.read(0, 100)))
    assert.equal("three", file:read("l"))
    assert.equal("", select(2, g.read(0, 100)))
  end)

  it("has the type and the rights of a stream", function()
    local g = wasi.guest { stdin = "x" }
    assert.equal("success", g.fd_fdstat_get(0, 64))
    assert.equal(0, g.memory:u8(64))
    assert.equal(wasi.RIGHT.read, g.memory:i64(72) & (wasi.RIGHT.read | wasi.RIGHT.write))
    assert.equal("spipe", g.fd_seek(0, 0, 0, 8))
    assert.equal("spipe", g.fd_tell(0, 8))
    assert.equal("notcapable", (g.write(0, "x")))
    assert.equal("notcapable", (g.read(1, 1)))
    assert.equal("success", g.fd_filestat_get(1, 64))
    assert.equal("notcapable", g.fd_filestat_set_size(1, 0))
    assert.equal("notdir", (g.open("x", { dir = 1 })))
  end)
end)

describe("iovecs", function()
  it("are looked at before anything is touched", function()
    local g = wasi.guest { stdout = "buffer", stdin = "secret" }
    local size = g.memory:size()
    local cases = {
      { size - 4, 1 }, { -8, 1 }, { 16, 0x7fffffff }, { 16, -1 }, { size, 1 },
    }
    for _, case in ipairs(cases) do
      assert.equal("fault", g.fd_write(1, case[1], case[2], 8))
      assert.equal("fault", g.fd_read(0, case[1], case[2], 8))
    end
    for _, piece in ipairs { { size - 3, 4 }, { size, 1 }, { -1, 1 }, { 1, -1 }, { -1, -1 } } do
      g.memory:write(16, ("<I4I4i4i4"):pack(1024, 3, piece[1], piece[2]))
      assert.equal("fault", g.fd_write(1, 16, 2, 8))
      assert.equal("fault", g.fd_read(0, 16, 2, 8))
    end
    g.memory:write(16, ("<I4I4"):pack(1024, 3))
    assert.equal("fault", g.fd_write(1, 16, 1, size - 3))
    assert.equal("", g.w:stdout())
    assert.equal("secret", select(2, g.read(0, 10)))
  end)

  it("beyond the first thousand are left for another call", function()
    local g = wasi.guest { stdout = "buffer" }
    g.memory:write(1024, "x")
    g.memory:write(2048, ("<I4I4"):pack(1024, 1):rep(2000))
    assert.equal("success", g.fd_write(1, 2048, 2000, 8))
    assert.equal(1024, g.memory:u32(8))
  end)
end)

describe("a clock", function()
  it("is the system's", function()
    local g = wasi.guest()
    assert.equal("success", g.clock_time_get(0, 1, 8))
    assert.is_true(math.abs(g.memory:i64(8) // 1000000000 - os.time()) <= 2)
    for id = 1, 3 do assert.equal("success", g.clock_time_get(id, 1, 8)) end
    assert.equal("success", g.clock_res_get(1, 8))
    assert.is_true(g.memory:i64(8) > 0)
    for _, id in ipairs { 4, 99, -1 } do
      assert.equal("inval", g.clock_time_get(id, 1, 8))
      assert.equal("inval", g.clock_res_get(id, 8))
    end
    assert.equal("fault", g.clock_time_get(0, 1, g.memory:size() - 7))
  end)

  it("goes on by a microsecond each time when it is fake", function()
    local g = wasi.guest { clock = "fake" }
    local seen = {}
    for n = 1, 3 do
      g.clock_time_get(n == 1 and 0 or 1, 1, 8)
      seen[n] = g.memory:i64(8)
    end
    assert.same({ 1640995200000001000, 2000, 3000 }, seen)
    assert.equal("success", g.clock_res_get(0, 8))
    assert.equal(1000, g.memory:i64(8))
  end)

  it("is a Lua function that gives seconds", function()
    local names = {}
    local g = wasi.guest { clock = function(name)
      names[#names + 1] = name
      return name == "realtime" and 12 or name == "monotonic" and 1.5 or "late"
    end }
    g.clock_time_get(0, 1, 8)
    assert.equal(12000000000, g.memory:i64(8))
    g.clock_time_get(1, 1, 8)
    assert.equal(1500000000, g.memory:i64(8))
    assert.equal("io", g.clock_time_get(2, 1, 8))
    assert.same({ "realtime", "monotonic", "process" }, names)
  end)
end)

describe("random bytes", function()
  it("are the system's", function()
    local g = wasi.guest()
    assert.equal("success", g.random_get(64, 1000))
    assert.equal("success", g.random_get(2064, 1000))
    assert.not_equal(g.memory:read(64, 1000), g.memory:read(2064, 1000))
    assert.equal("fault", g.random_get(g.memory:size() - 4, 5))
    assert.equal("success", g.random_get(g.memory:size(), 0))
  end)

  it("are the same for the same seed", function()
    local function bytes(seed)
      local g = wasi.guest { random = seed }
      g.random_get(64, 13)
      g.random_get(77, 3)
      return g.memory:read(64, 16)
    end
    assert.equal(bytes(1), bytes(1))
    assert.not_equal(bytes(1), bytes(2))
    -- splitmix64 with seed 0 begins with this word
    assert.equal(0xe220a8397b1dcdaf, (("<i8"):unpack(bytes(0))))
  end)

  it("are what a Lua function gives, if it gives enough", function()
    local g = wasi.guest { random = function(n) return n < 10 and ("r"):rep(n) or "few" end }
    assert.equal("success", g.random_get(64, 4))
    assert.equal("rrrr", g.memory:read(64, 4))
    assert.equal("io", g.random_get(64, 40))
  end)
end)

describe("proc_exit", function()
  it("ends the call with an error that has the code, and closes the instance", function()
    local g = wasi.guest()
    local sizes = g.args_sizes_get
    local ok, err = pcall(g.proc_exit, 3)
    assert.is_false(ok)
    assert.equal("exit", err.kind)
    assert.equal(3, err.code)
    assert.truthy(tostring(err):find("ended with code 3", 1, true))
    assert.is_true(g.inst:closed())
    ok, err = pcall(sizes, 0, 4)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("is no error from _start with code 0", function()
    local g = wasi.guest()
    assert.equal(0, select("#", g.inst.exports._start()))
    assert.is_true(g.inst:closed())
  end)

  it("is an error from any other function, even with code 0", function()
    local g = wasi.guest()
    local ok, err = pcall(g.proc_exit, 0)
    assert.is_false(ok)
    assert.equal(0, err.code)
  end)

  it("takes codes as unsigned", function()
    local _, err = pcall(wasi.guest().proc_exit, -1)
    assert.equal(4294967295, err.code)
  end)

  it("passes through a Lua function in between, which may catch it", function()
    local w = assert(wasm.wasi())
    local inner = assert(wasm.run(wasi.text("wasi_snapshot_preview1"),
      { wasi_snapshot_preview1 = w }))
    local caught
    local outer = assert(wasm.run([[(module (import "m" "f" (func $f))
      (func (export "f") (result i32) (call $f) (i32.const 5)))]], { m = { f = function()
      local ok, err = pcall(inner.exports.proc_exit, 9)
      caught = not ok and err.code
    end } }))
    assert.equal(5, outer.exports.f())
    assert.equal(9, caught)
    assert.is_true(inner:closed())
    assert.is_false(outer:closed())
  end)

  it("makes instantiate fail from a start function", function()
    local inst, err = wasm.run([[(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (start $main) (func $main (call $exit (i32.const 4))))]],
      { wasi_snapshot_preview1 = assert(wasm.wasi()) })
    assert.is_nil(inst)
    assert.equal("exit", err.kind)
    assert.equal(4, err.code)
  end)
end)

describe("a wasm.wasi", function()
  it("is closed like any object, after which calls give badf", function()
    local g = wasi.guest { stdout = "buffer" }
    g.write(1, "kept")
    assert.is_true(g.w:close())
    assert.is_false(g.w:close())
    assert.is_true(g.w:closed())
    assert.truthy(tostring(g.w):find("(closed)", 1, true))
    assert.equal("badf", (g.write(1, "more")))
    assert.equal("kept", g.w:stdout())
    local ok, err = pcall(wasm.run, wasi.text("wasi_snapshot_preview1"),
      { wasi_snapshot_preview1 = g.w })
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("serves several instances", function()
    local w = assert(wasm.wasi { stdout = "buffer" })
    for n = 1, 3 do
      local inst = assert(wasm.run(wasi.text("wasi_snapshot_preview1"),
        { wasi_snapshot_preview1 = w }))
      inst.memory:write(1024, tostring(n))
      inst.memory:write(16, ("<I4I4"):pack(1024, 1))
      assert.equal(0, inst.exports.fd_write(1, 16, 1, 8))
    end
    assert.equal("123", w:stdout())
  end)

  it("is collected with the functions that ask it, cycles included", function()
    local gone = setmetatable({}, { __mode = "k" })
    do
      local g
      local function out() return g end
      g = wasi.guest { stdout = out }
      gone[out], gone[g.w], gone[g.inst] = true, true, true
    end
    for _ = 1, 4 do collectgarbage() end
    assert.is_nil(next(gone))
  end)
end)

describe("the errors of WASI", function()
  it("have the numbers of the standard", function()
    local n = 0
    for line in io.lines("src/wasi/errno.def") do
      local name = line:match("^ERRNO%((%w+),")
      if name then
        assert.equal(wasi.errno[n], name:lower())
        n = n + 1
      end
    end
    assert.equal(77, n)
  end)
end)

describe("a call of WASI", function()
  it("sees the memory of its caller, whatever code was there before", function()
    local w = assert(wasm.wasi { stdout = "buffer" })
    local want = {}
    for n = 1, 60 do
      -- of several lengths, through a cell or from the function that was called
      local text = ([[(module
        (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\10\00\00\00\03\00\00\00")
        (data (i32.const 16) "%03d")
        (func (export "go") (result i32) %s %s))]]):format(n, ("nop "):rep(n % 7)
          .. ("(drop (i32.load (i32.const 0)))"):rep(n % 5),
        n % 3 == 0 and "(return_call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))"
          or "(call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64))")
      local inst = assert(wasm.run(text, { wasi_snapshot_preview1 = w }))
      local outer = assert(wasm.run([[(module (import "i" "go" (func $go (result i32)))
        (memory 1) (data (i32.const 16) "bad")
        (func (export "go") (result i32) (call $go)))]], { i = inst }))
      want[#want + 1] = ("%03d"):format(n):rep(n % 3 == 0 and 1 or 2)
      assert(inst.exports.go() == 0 and (n % 3 == 0 or outer.exports.go() == 0))
      inst:close()
      outer:close()
      if n % 4 == 0 then collectgarbage() end
    end
    assert.equal(table.concat(want), w:stdout())
  end)
end)

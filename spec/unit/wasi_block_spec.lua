--- on_block: WASI calls that would wait are waited for by a scheduler of the host's, in coroutines.
local host = require "spec.support.host"
local wasm = require "wasm"
local wasi = require "spec.support.wasi"
local R = wasi.RIGHT

local BUILD = os.getenv("BUILD") or "build/test"
local MS = 1000000

--- Sleep `ns`: errno name, events.
local function sleep(g, ns)
  g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, ns, 0, 0))
  return g.poll_oneoff(4096, 20000, 1, 8), g.memory:u32(8)
end

--- A guest, and the two ends of a fifo that it has open.
local function piped(on_block, opts)
  local dir, remove = wasi.directory()
  assert(os.execute("mkfifo " .. dir .. "/fifo"))
  local g = wasi.guest { on_block = on_block, dirs = { ["/"] = dir } }
  if opts then
    local w = g.w
    g = wasi.around(assert(g.inst:module():instantiate({ wasi_snapshot_preview1 = w }, opts)), w)
  end
  local _, input = g.open("fifo", { rights = R.read | R.poll })
  local _, output = g.open("fifo", { rights = R.write | R.poll })
  remove()
  return g, input, output
end

describe("on_block", function()
  it("lets two guests sleep in two coroutines", function()
    local log = {}
    local function guest(name, ns)
      local g = wasi.guest { on_block = "yield" }
      return coroutine.create(function()
        for n = 1, 3 do
          assert(sleep(g, ns) == "success")
          log[#log + 1] = name .. n
        end
      end)
    end
    local waiting, threads = {}, { guest("a", 20 * MS), guest("b", 47 * MS) }
    local function step(thread)
      local ok, what = coroutine.resume(thread)
      assert(ok, what)
      waiting[thread] = what
    end
    for _, thread in ipairs(threads) do step(thread) end
    while next(waiting) do
      local list, of = {}, {}
      for thread, what in pairs(waiting) do
        list[#list + 1], of[what] = what, thread
      end
      for _, what in ipairs(wasm.wait(list)) do
        assert(what.call == "poll_oneoff" and #what.read == 0 and #what.write == 0)
        step(of[what])
      end
    end
    assert.equal("a1 a2 b1 a3 b2 b3", table.concat(log, " "))
  end)

  it("says how long, and is asked again where it comes back early", function()
    local seen = {}
    local g = wasi.guest { on_block = function(what) seen[#seen + 1] = what end }
    assert.equal("success", (sleep(g, 3 * MS)))
    assert.is_true(#seen >= 2)
    for n, what in ipairs(seen) do
      assert.is_true(what.timeout >= 0 and what.timeout <= 0.003)
      assert.is_true(n == 1 or what.timeout < seen[n - 1].timeout)
      assert.equal(seen[1].deadline, what.deadline)
    end
  end)

  it("orders guests by their fake clocks", function()
    local now, log, queue = 0, {}, {}
    local function guest(name, seconds)
      local g = wasi.guest { clock = "fake", on_block = "yield" }
      local thread = coroutine.create(function()
        for _ = 1, 3 do
          g.clock_time_get(1, 1, 8)
          local before = g.memory:i64(8)
          assert(sleep(g, seconds * 1000 * MS) == "success")
          g.clock_time_get(1, 1, 8)
          assert(g.memory:i64(8) - before == seconds * 1000 * MS + 1000)
          log[#log + 1] = ("%s%d"):format(name, now)
        end
      end)
      queue[#queue + 1] = { at = 0, thread = thread }
    end
    guest("a", 3600)
    guest("b", 5400)
    while #queue > 0 do
      table.sort(queue, function(x, y) return x.at < y.at end)
      local job = table.remove(queue, 1)
      now = math.floor(job.at)
      local ok, what = coroutine.resume(job.thread)
      assert(ok, what)
      if what then
        assert(not what.deadline)
        queue[#queue + 1] = { at = now + what.timeout, thread = job.thread }
      end
    end
    assert.equal("a3600 b5400 a7200 b10800 a10800 b16200", table.concat(log, " "))
  end)

  it("waits for pipes, and asks again where nothing has come", function()
    local waits = {}
    local g, input, output = piped(function(what)
      waits[#waits + 1] = what
      coroutine.yield()
    end, { interleave = "any" })
    local read = coroutine.wrap(function() return select(2, g.read(input, 10)) end)
    read()
    assert.equal("fd_read", waits[1].call)
    assert.same({ 1, 0 }, { #waits[1].read, #waits[1].write })
    assert.is_nil(waits[1].timeout)
    read()
    assert.equal(2, #waits)
    g.write(output, "at last")
    assert.equal("at last", read())
  end)

  it("goes on with a write where it was", function()
    local yields = 0
    local g, input, output = piped(function(what)
      assert(what.call == "fd_write" and #what.write == 1)
      yields = yields + 1
      coroutine.yield()
    end, { interleave = "any" })
    local text = {}
    for n = 1, 12000 do text[n] = ("%06d"):format(n) end
    text = table.concat(text)
    g.memory:grow(2)
    g.memory:write(131072, text)
    g.memory:write(16, ("<I4I4I4I4"):pack(131072, 1000, 132072, #text - 1000))
    local write = coroutine.wrap(function()
      return g.fd_write(output, 16, 2, 12), g.memory:u32(12)
    end)
    assert.is_nil(write()) -- a pipe takes 65,536 bytes
    local got = {}
    repeat
      local _, bytes = g.read(input, 5000)
      got[#got + 1] = bytes
      g.memory:write(16, ("<I4I4I4I4"):pack(131072, 1000, 132072, #text - 1000))
      local err, n = write()
      if err then assert.same({ "success", #text }, { err, n }) end
    until err
    repeat
      local _, bytes = g.read(input, 5000)
      got[#got + 1] = bytes
    until #table.concat(got) >= #text
    assert.is_true(table.concat(got) == text)
    assert.is_true(yields > 1)
  end)

  it("goes on with a write to a Lua file that is a pipe", function()
    local path, go = os.tmpname(), os.tmpname()
    os.remove(go)
    local pipe = assert(io.popen(("while [ ! -e %s ]; do sleep 0.01; done; cat >%s"):format(go,
      path), "w"))
    local g = wasi.guest { stdout = pipe, on_block = "yield" }
    local text = {}
    for n = 1, 30000 do text[n] = ("%06d"):format(n) end
    text = table.concat(text)
    g.memory:grow(2)
    g.memory:write(65536, text)
    g.memory:write(16, ("<I4I4"):pack(65536, #text))
    local write = coroutine.wrap(function()
      return g.fd_write(1, 16, 1, 12), g.memory:u32(12)
    end)
    local what, n = write()
    assert.equal("fd_write", what.call)
    assert.equal(1, #what.write)
    io.open(go, "w"):close()
    while type(what) == "table" do
      wasm.wait { what }
      what, n = write()
    end
    assert.same({ "success", #text }, { what, n })
    pipe:close()
    local file <close> = assert(io.open(path))
    assert.is_true(file:read "a" == text)
    os.remove(path)
    os.remove(go)
  end)

  it("waits for connections and what comes over them", function()
    local g = wasi.guest { listen = { "127.0.0.1:0" }, on_block = "yield" }
    local calls = {}
    local serve = coroutine.wrap(function()
      assert(g.sock_accept(3, 0, 8) == "success")
      local fd = g.memory:u32(8)
      g.memory:write(16, ("<I4I4"):pack(8192, 5))
      assert(g.sock_recv(fd, 16, 1, 2, 8, 12) == "success") -- all of it
      local bytes = g.memory:read(8192, g.memory:u32(8))
      g.write(fd, "got " .. bytes)
      g.fd_close(fd)
      return "done"
    end)
    local what = serve()
    assert.is_nil(wasm.wait({ what }, 0)[1])
    local port = g.w:listening()[1]:match ":(%d+)$"
    local talk = assert(io.popen(("%s/spec/tcp_talk 127.0.0.1 %s hello 2>&1"):format(BUILD, port)))
    while what ~= "done" do
      calls[#calls + 1] = what.call
      assert.equal(what, wasm.wait({ what })[1])
      what = serve()
    end
    assert.equal("sock_accept", calls[1])
    assert.equal("got hello", talk:read "a")
    talk:close()
  end)

  it("ends the call with the error it raises", function()
    local mine = {}
    local g, input = piped(function() error(mine, 0) end)
    local ok, err = pcall(g.read, input, 1)
    assert.is_false(ok)
    assert.equal(mine, err)
    ok, err = pcall(sleep, g, 50 * MS)
    assert.is_true(not ok and err == mine)
    assert.equal("success", g.clock_time_get(1, 1, 8))
  end)

  it("that gives false has the guest wait itself", function()
    local asked = 0
    local g = wasi.guest { on_block = function() asked = asked + 1; return false end }
    assert.equal("success", (sleep(g, 2 * MS)))
    assert.equal(1, asked)
  end)

  it("that is to yield waits where it cannot", function()
    local g = wasi.guest { on_block = "yield" }
    assert.equal("success", (sleep(g, MS)))
    local sorted = pcall(table.sort, { 1, 2, 3 }, function() return sleep(g, 1) == "x" end)
    assert.is_true(sorted) -- nor across a C function
  end)

  it("is not asked for what is ready or does not wait", function()
    local g, input, output = piped(function() error "asked" end)
    assert.equal("success", (g.write(output, "abc")))
    assert.equal("abc", select(2, g.read(input, 10)))
    assert.equal("success", (sleep(g, 0)))
    g.fd_close(input)
    assert.equal("pipe", (g.write(output, "x")))
  end)

  it("finds what has been closed while it was away", function()
    local g, input = piped "yield"
    local read = coroutine.wrap(function() return (g.read(input, 1)) end)
    assert.equal("fd_read", read().call)
    g.w:close()
    assert.equal("badf", read())

    g, input = piped "yield"
    read = coroutine.create(function() return (g.read(input, 1)) end)
    coroutine.resume(read)
    assert.is_true(g.inst:close())
    local ok, err = coroutine.resume(read)
    assert.is_true(not ok and err.kind == "closed")

    g, input = piped "yield"
    read = coroutine.create(function() return (g.read(input, 1)) end)
    coroutine.resume(read)
    g.inst:close("force")
    ok, err = coroutine.resume(read)
    assert.is_true(not ok and err.kind == "closed")

    g, input = piped "yield"
    read = coroutine.create(function() return (g.read(input, 1)) end)
    coroutine.resume(read)
    assert.is_true(coroutine.close(read))
    assert.equal("success", g.clock_time_get(1, 1, 8))
  end)

  it("does not take time from a call that waits", function()
    local g = wasi.guest { on_block = "yield" }
    local w = g.w
    g = wasi.around(assert(g.inst:module():instantiate({ wasi_snapshot_preview1 = w },
      { timeout = 0.005 })), w)
    local nap = coroutine.wrap(function() return (sleep(g, 30 * MS)) end)
    local what = nap()
    assert.equal(what, wasm.wait({ what })[1]) -- six times as long as it may run
    assert.equal("success", nap())
  end)

  it("goes together with calls that yield for want of fuel", function()
    local mod = assert(wasm.compile([[(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32)
        (result i32)))
      (memory 1)
      (func (export "go") (param $naps i32) (result i32) (local $n i32)
        (i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const 2000000))
        (loop $nap
          (local.set $n (i32.const 1000))
          (loop $work (br_if $work (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
          (if (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))
            (then unreachable))
          (br_if $nap (local.tee $naps (i32.sub (local.get $naps) (i32.const 1)))))
        (i32.const 7)))]], { fuel = true }))
    local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = wasm.wasi {
      on_block = "yield" } }, { fuel = 1500, on_limit = "yield" }))
    local go, fuels, naps = coroutine.wrap(inst.exports.go), 0, 0
    local what = go(3)
    while what ~= 7 do
      if what == "fuel" then
        fuels = fuels + 1
      else
        local left = inst:fuel()
        wasm.wait { what }
        assert.equal(left, inst:fuel()) -- who waits uses none
        naps = naps + 1
      end
      what = go()
    end
    assert.is_true(naps >= 3)
    local used = inst:stats().fuel_used
    assert.equal(used // 1500, fuels)
  end)

  it("leaves the order of calls of an instance as it is", function()
    local g = wasi.guest { on_block = "yield" }
    local one = coroutine.create(function() return (sleep(g, 5 * MS)) end)
    local two = coroutine.create(function() return (sleep(g, 5 * MS)) end)
    coroutine.resume(one)
    coroutine.resume(two)
    local ok, err = coroutine.resume(one)
    assert.is_true(not ok and err.kind == "busy")
  end)

  it("makes a reload busy, or lets it drain", function()
    local g = wasi.guest { on_block = "yield" }
    g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, 5 * MS, 0, 0))
    local nap = coroutine.wrap(function() return g.poll_oneoff(4096, 20000, 1, 8) end)
    nap()
    local imports = { wasi_snapshot_preview1 = g.w }
    local source = wasi.text "wasi_snapshot_preview1" .. "(; another ;)"
    local done, err = g.inst:reload(source, { force = true, imports = imports })
    assert.is_true(not done and err.kind == "busy")
    assert(g.inst:reload(source, { force = true, when = "drain", imports = imports }))
    local result
    repeat result = nap() until result == "success"
    assert.equal("success", result)
  end)

  it("may be asked by many at once, and be collected", function()
    local many = setmetatable({}, { __mode = "k" })
    for _ = 1, 100 do
      local g, input = piped "yield"
      local read = coroutine.create(function() return (g.read(input, 1)) end)
      assert.is_true(coroutine.resume(read))
      many[read] = true
    end
    for _ = 1, 3 do collectgarbage() end
    assert.is_nil(next(many))
  end)

  it("has to be a function or \"yield\"", function()
    assert.error(function() wasm.wasi { on_block = 1 } end)
    assert.error(function() wasm.wasi { on_block = "wait" } end)
  end)
end)

describe("wasm.wait", function()
  it("gives those that are due", function()
    local g, input, output = piped "yield"
    local read = coroutine.wrap(function() return (g.read(input, 1)) end)
    local what = read()
    local never = { read = what.read }
    local past, future = { deadline = 0 }, { deadline = 1e9 }
    assert.same({ past }, wasm.wait { never, past, future })
    assert.same({}, wasm.wait({ never, future }, 0.001))
    assert.same({}, wasm.wait({}, 0.001))
    assert.same({}, wasm.wait {})
    g.write(output, "x")
    local due = wasm.wait { future, what }
    assert.is_true(#due == 1 and due[1] == what)
    assert.equal(2, #wasm.wait { what, past })
    assert.same({ { timeout = 5 } }, wasm.wait { { timeout = 5 } }) -- of a fake clock
  end)

  it("checks what it is given", function()
    for _, bad in ipairs { { 1 }, { { read = 1 } }, { { read = { -1 } } }, { { read = { 1.5 } } },
                           { { write = { "x" } } }, { { deadline = "x" } },
                           { { read = { 1 << 40 } } } } do
      assert.error(function() wasm.wait(bad) end)
    end
    assert.error(function() wasm.wait() end)
    assert.error(function() wasm.wait({}, "x") end)
  end)

  it("is ended by a signal that Lua acts on, and by an interrupt of the call around it", function()
    host.script [[
      local wasm = require "wasm"
      local wasi = require "spec.support.wasi"
      host.handle("ALRM", "hook")
      for _ = 1, 3 do
        host.timer(3000, true)
        local ok, err = pcall(wasm.wait, { { deadline = 1e9 } })
        assert(not ok and tostring(err):find("interrupted!", 1, true), tostring(err))
      end
      local g = wasi.guest { on_block = function(what) wasm.wait { what } end }
      g = wasi.around(assert(g.inst:module():instantiate({ wasi_snapshot_preview1 = g.w },
        { timeout = 0.005 })), g.w)
      g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, -1, 0, 0))
      for _ = 1, 3 do
        local ok, err = pcall(g.poll_oneoff, 4096, 20000, 1, 8)
        assert(not ok and err.kind == "limit", tostring(err))
      end]]
  end)
end)

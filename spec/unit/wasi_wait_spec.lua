--- What ends a wait of a WASI program: a timeout, a signal that Lua acts on, an interrupt; and that
-- nothing wakes it up in between.
local host = require "spec.support.host"

local SETUP = [=[
  local wasm = require "wasm"
  local wasi = require "spec.support.wasi"
  local READ = wasi.RIGHT.read | wasi.RIGHT.poll
  local mod = assert(wasm.compile(wasi.text "wasi_snapshot_preview1"))
  local dir, remove = wasi.directory()
  assert(os.execute("mkfifo " .. dir .. "/fifo"))
  local keep = assert(io.open(dir .. "/fifo", "r+")) -- so that it never ends
  -- A guest, and the ways in which it can wait for ever.
  local function guest(opts)
    local w = assert(wasm.wasi { dirs = { ["/"] = dir }, listen = { "127.0.0.1:0" } })
    local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = w }, opts))
    local g = wasi.around(inst, w)
    local _, fd = g.open("fifo", { rights = READ, dir = 4 })
    local function poll(...)
      local list = { ... }
      g.memory:write(4096, table.concat(list))
      local err = g.poll_oneoff(4096, 20000, #list, 8)
      return err, g.memory:u32(8), g.memory:i64(20000)
    end
    local function clock(ns)
      return ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, ns, 0, 0)
    end
    local ready = ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(2, 1, fd, 0, 0, 0)
    g.ways = {
      sleep = function() return poll(clock(-1)) end,
      poll = function() return poll(ready) end,
      ["poll with a clock"] = function() return poll(ready, clock(-1)) end,
      read = function() return g.read(fd, 100) end,
      accept = function() return g.sock_accept(3, 0, 8) end,
    }
    function g.wait(ns) return poll(ready, clock(ns)) end
    function g.sleep(ns) return poll(clock(ns)) end
    return g
  end
  local function switches()
    for line in io.lines "/proc/self/status" do
      local n = line:match "^voluntary_ctxt_switches:%s*(%d+)"
      if n then return tonumber(n) end
    end
  end
  local function descriptors()
    local pipe <close> = io.popen("ls /proc/" .. PID .. "/fd | wc -l")
    return tonumber(pipe:read "a")
  end
  do
    local file <close> = io.open "/proc/self/stat"
    PID = file:read "n"
  end
]=]

local function script(code, names)
  host.script(SETUP .. code .. " remove()", names)
end

describe("a wait", function()
  it("is ended by a timeout, whatever it waits for", function()
    script [[
      local g = guest { timeout = 0.005 }
      for _ = 1, 5 do
        for name, way in pairs(g.ways) do
          local ok, err = pcall(way)
          assert(not ok and err.kind == "limit" and err.message == "timeout", name)
          assert(g.clock_time_get(1, 1, 8) == "success")
        end
      end]]
  end)

  it("wakes nobody up until then", function()
    script [[
      local g = guest()
      g.wait(1)
      local before = switches()
      assert(select(3, g.wait(300000000)) == 1)
      local during = switches() - before
      assert(during <= 5, during .. " times")]]
  end)

  it("needs a descriptor only as long as it lasts", function()
    script [[
      local g = guest { timeout = 0.002 }
      local function rounds(n)
        for _ = 1, n do
          for _, way in pairs(g.ways) do pcall(way) end
        end
        collectgarbage()
      end
      rounds(3)
      local before = descriptors()
      rounds(20)
      -- one may be kept that somebody might still signal; more where the machine is busy
      assert(descriptors() <= before + 3, descriptors() .. " after " .. before)]]
  end)

  it("ends as well where there are no more descriptors", function()
    script [[
      local g = guest { timeout = 0.005 }
      local all = {}
      repeat
        local file = io.open("/dev/null")
        all[#all + 1] = file
      until not file
      assert(#all > 100)
      for name, way in pairs(g.ways) do
        local ok, result = pcall(way)
        assert(not ok and result.kind == "limit" or name == "accept", name)
      end
      assert(select(3, g.sleep(1000)) == 1)]]
  end)

  it("yields when its time is over, if that is the limit's way, and goes on", function()
    script [[
      local g = guest { timeout = 0.005, on_limit = "yield" }
      for name, way in pairs(g.ways) do
        local call = coroutine.wrap(way)
        for _ = 1, 3 do assert(call() == "timeout", name) end
      end
      local words, call = 0, coroutine.wrap(g.sleep)
      local result = call(40000000)
      while result == "timeout" do
        words = words + 1
        result = call()
      end
      assert(result == "success" and words >= 3, result)
      -- where it cannot yield it ends
      for name, way in pairs(g.ways) do
        local ok, err = pcall(way)
        assert(not ok and err.kind == "limit" and err.message == "timeout", name)
      end
      assert(g.sleep(0) == "success")]]
  end)

  it("that goes on after a yield has its time, too, whoever ran meanwhile", function()
    script [[
      local function blocked(opts)
        local w = assert(wasm.wasi { dirs = { ["/"] = dir }, on_block = function()
          coroutine.yield "away"
          return false
        end })
        local g = wasi.around(assert(mod:instantiate({ wasi_snapshot_preview1 = w }, opts)), w)
        local _, fd = g.open("fifo", { rights = READ })
        return coroutine.create(function() return g.read(fd, 1) end)
      end
      local one, two = blocked { timeout = 0.005 }, blocked { timeout = 0.005 }
      for _, thread in ipairs { one, two } do
        local ok, word = coroutine.resume(thread)
        assert(ok and word == "away")
      end
      for _, thread in ipairs { one, two } do
        local ok, err = coroutine.resume(thread)
        assert(not ok and err.kind == "limit", tostring(err))
      end]]
  end)

  it("is ended by what Lua does about a signal", function()
    script [[
      host.handle("ALRM", "hook")
      local g = guest()
      for name, way in pairs(g.ways) do
        for _ = 1, 3 do
          host.timer(5000, true)
          local ok, err = pcall(way)
          assert(not ok and tostring(err):find("interrupted!", 1, true), name)
          assert(g.clock_time_get(1, 1, 8) == "success")
        end
      end]]
  end)

  it("is neither ended nor prolonged by a signal that means nothing", function()
    script [[
      host.handle("ALRM", "count")
      local g = guest()
      host.timer(2000)
      for _, wait in ipairs { "wait", "sleep" } do
        local from = host.seen "ALRM"
        g.clock_time_get(1, 1, 64)
        local began = g.memory:i64(64)
        local err, n, which = g[wait](60000000)
        g.clock_time_get(1, 1, 64)
        assert(err == "success" and n == 1 and which == 1)
        assert(g.memory:i64(64) - began >= 60000000)
        assert(host.seen "ALRM" > from)
      end
      host.timer(0)]]
  end)

  it("works in a child of a fork, whose parent waits too", function()
    script [[
      local g = guest { timeout = 0.005 }
      local function ends()
        for _ = 1, 5 do
          for name, way in pairs(g.ways) do
            local ok, err = pcall(way)
            assert(not ok and err.kind == "limit", name)
          end
        end
      end
      ends()
      local ended = host.child(ends)
      assert(ended == "exit 0", ended)
      ends()]]
  end)

  it("of one thread is not ended by what ends another's", function()
    script [=[
      local code = ([[
        local PATH = %q
        local wasm = require "wasm"
        local wasi = require "spec.support.wasi"
        local w = assert(wasm.wasi { dirs = { ["/"] = PATH } })
        local mod = assert(wasm.compile(wasi.text "wasi_snapshot_preview1"))
        local imports = { wasi_snapshot_preview1 = w }
        local _, fd = wasi.around(assert(mod:instantiate(imports)), w).open("fifo",
          { rights = wasi.RIGHT.read })
        local inst = assert(mod:instantiate(imports, { timeout = 0.003 }))
        local g = wasi.around(inst, w)
        for _ = 1, 30 do
          local ok, err = pcall(g.read, fd, 10)
          assert(not ok and err.kind == "limit", tostring(err))
        end
        return "done"]]):format(dir)
      local threads = {}
      for n = 1, 8 do threads[n] = host.thread(code) end
      for n = 1, 8 do
        local result, why = host.join(threads[n])
        assert(result == "done", why)
      end]=]
  end)
end)

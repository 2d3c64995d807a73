--- WASI that waits: poll_oneoff, pipes, interrupts while it waits, pipes that are broken.
local host = require "spec.support.host"
local wasi = require "spec.support.wasi"
local R = wasi.RIGHT

local CLOCK, READ, WRITE = 0, 1, 2

local function clock(userdata, id, timeout, flags)
  return ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(userdata, CLOCK, id, timeout, 0, flags or 0)
end

local function ready(userdata, tag, fd)
  return ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(userdata, tag, fd, 0, 0, 0)
end

--- Poll; errno name, or the events as "userdata:error:type:bytes".
local function poll(g, list)
  local bytes = table.concat(list)
  g.memory:write(4096, bytes)
  local err = g.poll_oneoff(4096, 20000, #list, 8)
  if err ~= "success" then return err end
  local events = {}
  for k = 1, g.memory:u32(8) do
    local at = 20000 + 32 * (k - 1)
    events[k] = ("%d:%s:%d:%d"):format(g.memory:i64(at), wasi.errno[g.memory:u16(at + 8)],
      g.memory:u8(at + 10), g.memory:i64(at + 16))
  end
  return table.concat(events, " ")
end

describe("poll_oneoff", function()
  it("has what is ready at once", function()
    local g = wasi.guest { stdin = "abc", stdout = "buffer",
                           dirs = { ["/"] = { f = "0123456789" } } }
    local _, fd = g.open("f")
    g.read(fd, 4)
    assert.equal("7:success:1:6", poll(g, { ready(7, READ, fd) }))
    assert.equal("1:success:1:0 2:success:2:0 3:success:0:0", poll(g,
      { ready(1, READ, 0), ready(2, WRITE, 1), clock(3, 1, 0), clock(4, 1, 3600000000000) }))
    assert.equal("5:badf:1:0 6:notcapable:2:0", poll(g,
      { ready(5, READ, 99), ready(6, WRITE, 0), clock(7, 0, -1) }))
  end)

  it("waits for the clock that is due first", function()
    local g = wasi.guest()
    assert.equal("2:success:0:0", poll(g, { clock(1, 1, 3600000000000), clock(2, 1, 1000000) }))
    g.clock_time_get(1, 1, 8)
    local before = g.memory:i64(8)
    assert.equal("3:success:0:0", poll(g, { clock(3, 1, before + 3000000, 1) }))
    g.clock_time_get(1, 1, 8)
    assert.is_true(g.memory:i64(8) - before >= 3000000)
    g.clock_time_get(0, 1, 8)
    assert.equal("4:success:0:0", poll(g, { clock(4, 0, g.memory:i64(8) - 5, 1) }))
  end)

  it("knows clocks of time only", function()
    local g = wasi.guest()
    assert.equal("1:notsup:0:0 2:inval:0:0", poll(g, { clock(1, 2, 0), clock(2, 9, 0) }))
  end)

  it("sleeps in no time by the fake clock", function()
    local g = wasi.guest { clock = "fake" }
    g.clock_time_get(1, 1, 8)
    local before = g.memory:i64(8)
    assert.equal("1:success:0:0", poll(g, { clock(1, 1, 3600000000000) }))
    g.clock_time_get(1, 1, 8)
    assert.equal(3600000001000, g.memory:i64(8) - before)
    assert.equal("2:success:0:0", poll(g, { clock(2, 1, before, 1) }))
  end)

  it("asks a clock of Lua's for the time of day", function()
    local g = wasi.guest { clock = function() return 1000 end }
    assert.equal("1:success:0:0", poll(g, { clock(1, 0, 999000000000, 1) }))
    assert.equal("1:success:0:0", poll(g, { clock(1, 0, 1000001000000, 1) }))
  end)

  it("has another layout in wasi_unstable", function()
    local g = wasi.guest({ clock = "fake" }, "wasi_unstable")
    g.memory:write(4096, ("<i8Bxxxxxxxi8i4xxxxi8i8I2xxxxxx"):pack(5, CLOCK, -1, 1, 7000, 0, 0))
    assert.equal("success", g.poll_oneoff(4096, 20000, 1, 8))
    assert.equal(5, g.memory:i64(20000))
  end)

  it("checks everything first", function()
    local g = wasi.guest()
    assert.equal("inval", g.poll_oneoff(4096, 20000, 0, 8))
    assert.equal("inval", poll(g, { ready(1, 3, 0) }))
    g.memory:write(4096, clock(1, 1, 0))
    assert.equal("fault", g.poll_oneoff(-40, 20000, 1, 8))
    assert.equal("fault", g.poll_oneoff(4096, -31, 1, 8))
    assert.equal("fault", g.poll_oneoff(4096, 20000, 1, -3))
    assert.equal("fault", g.poll_oneoff(4096, 20000, -1, 8))
    assert.equal("fault", g.poll_oneoff(4096, 20000, 0x7fffffff, 8))
  end)

  it("tells when a pipe is ready", function()
    local dir, remove = wasi.directory()
    assert(os.execute("mkfifo " .. dir .. "/fifo"))
    local g = wasi.guest { dirs = { ["/"] = dir } }
    local _, input = g.open("fifo", { rights = R.read | R.poll })
    local _, output = g.open("fifo", { rights = R.write | R.poll })
    assert.equal("2:success:2:0", poll(g, { ready(1, READ, input), ready(2, WRITE, output) }))
    assert.equal("3:success:0:0", poll(g, { ready(1, READ, input), clock(3, 1, 1000) }))
    g.write(output, "hello")
    assert.equal("1:success:1:5", poll(g, { ready(1, READ, input), clock(3, 1, 3600000000000) }))
    assert.equal("hello", select(2, g.read(input, 100)))
    -- who says so does not wait
    assert.equal("success", g.fd_fdstat_set_rights(input, R.read | R.poll, 0))
    local _, hasty = g.open("fifo", { rights = R.read | R.set_flags, fdflags = 4 })
    assert.equal("again", (g.read(hasty, 1)))
    assert.equal("success", g.fd_fdstat_set_flags(hasty, 0))
    g.write(output, "x")
    assert.equal("x", select(2, g.read(hasty, 10)))
    remove()
  end)
end)

describe("an interrupt", function()
  local SETUP = [[
    local wasi = require "spec.support.wasi"
    local dir, remove = wasi.directory()
    os.execute("mkfifo " .. dir .. "/fifo")
    local keep = assert(io.open(dir .. "/fifo", "r+"))  -- so that it never ends
    local g = wasi.guest { dirs = { ["/"] = dir }, stdin = OPTION }
    local token, fn, arg = g.inst:interrupter "c"
    host.call_on("ALRM", fn, arg)
    local _, input = g.open("fifo", { rights = wasi.RIGHT.read | wasi.RIGHT.poll })
    local _, output = g.open("fifo", { rights = wasi.RIGHT.write | wasi.RIGHT.poll })
    local function ended(f, ...)
      host.timer(2000)
      local ok, err = pcall(f, ...)
      host.timer(0)
      assert(not ok and err.kind == "interrupt", tostring(err))
      assert(g.clock_time_get(1, 1, 8) == "success")
    end
    for _ = 1, 20 do
  ]]
  local function interrupted(code, option)
    host.script(SETUP:gsub("OPTION", option or "nil") .. code .. " end remove()")
  end

  it("ends a sleep", function()
    interrupted [[
      g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, -1, 0, 0))
      ended(g.poll_oneoff, 4096, 20000, 1, 8) ]]
  end)

  it("ends a wait for a pipe, alone and with a clock", function()
    interrupted [[
      g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(1, 1, input, 0, 0, 0))
      ended(g.poll_oneoff, 4096, 20000, 1, 8)
      g.memory:write(4144, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, -1, 0, 0))
      ended(g.poll_oneoff, 4096, 20000, 2, 8) ]]
  end)

  it("ends a read of an empty pipe", function()
    interrupted "ended(g.read, input, 100)"
  end)

  it("ends a write to a full pipe, which then has what fitted", function()
    interrupted [[
      g.memory:write(16, ("<I4I4"):pack(0, 131072))
      ended(g.fd_write, output, 16, 1, 8)
      local n = 0
      repeat
        local _, bytes = g.read(input, 65536)
        n = n + #bytes
        local err = (function()
          g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(1, 1, input, 0, 0, 0)
            .. ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(2, 0, 1, 0, 0, 0))
          g.poll_oneoff(4096, 20000, 2, 8)
          return g.memory:u32(8)
        end)()
      until err == 1
      assert(n > 0 and n <= 131072, n) ]]
  end)
end)

describe("a broken pipe", function()
  it("is an error to the guest, and no signal to the host", function()
    local dir, remove = wasi.directory()
    assert(os.execute("mkfifo " .. dir .. "/fifo"))
    local g = wasi.guest { dirs = { ["/"] = dir } }
    local _, input = g.open("fifo", { rights = R.read })
    local _, output = g.open("fifo", { rights = R.write })
    assert.equal("success", (g.write(output, "x")))
    g.fd_close(input)
    for _ = 1, 3 do assert.equal("pipe", (g.write(output, "x"))) end
    remove()
  end)

  it("behind a Lua file is none either", function()
    local file = assert(io.popen("true", "w"))
    local g = wasi.guest { stdout = file }
    local err
    repeat err = g.write(1, "x") until err ~= "success"
    assert.equal("pipe", err)
    file:write("Lua has something in its buffer")
    assert.equal("io", (g.write(1, "x")))
  end)

  it("as the process's own stdout ends nobody", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write([[
      local wasi = require "spec.support.wasi"
      local g = wasi.guest { stdio = "inherit" }
      local err
      repeat err = g.write(1, "x") until err ~= "success"
      io.stderr:write(err, "\n")]])
    file:flush()
    local lua = os.getenv("LUA") or "lua5.4"
    local pipe <close> = assert(io.popen(
      ("( (%s %s 2>&3; echo code $? >&3) | true ) 3>&1"):format(lua, path)))
    assert.equal("pipe\ncode 0\n", pipe:read("a"))
    os.remove(path)
  end)
end)

describe("a file beyond the process's limit", function()
  it("is an error to the guest, and no signal to the host", function()
    local dir, remove = wasi.directory()
    local path = dir .. "/script.lua"
    local file <close> = assert(io.open(path, "w"))
    file:write(([[
      local wasi = require "spec.support.wasi"
      local g = wasi.guest { dirs = { ["/"] = "%s" } }
      local _, fd = g.open("f", { oflags = 1 })
      io.write(g.fd_filestat_set_size(fd, 1 << 30), " ", g.fd_allocate(fd, 0, 1 << 30), " ")
      g.fd_seek(fd, 0, 2, 8)
      local err
      repeat err = g.write(fd, ("x"):rep(50000)) until err ~= "success"
      io.write(err, "\n")]]):format(dir))
    file:flush()
    local lua = os.getenv("LUA") or "lua5.4"
    local pipe <close> = assert(io.popen(("ulimit -f 256; %s %s 2>&1"):format(lua, path)))
    assert.equal("fbig fbig fbig\n", pipe:read("a"))
    remove()
  end)
end)

describe("the process's own streams", function()
  it("are the guest's where they are inherited, and stay open when it closes them", function()
    local path = os.tmpname()
    local file <close> = assert(io.open(path, "w"))
    file:write([[
      local wasi = require "spec.support.wasi"
      local g = wasi.guest { stdio = "inherit" }
      local _, bytes = g.read(0, 100)
      g.write(1, "out " .. bytes)
      g.write(2, "err\n")
      assert(g.fd_close(0) == "success" and g.fd_close(1) == "success")
      assert(g.write(1, "x") == "badf")
      print("and Lua", io.read("a"))]])
    file:flush()
    local lua = os.getenv("LUA") or "lua5.4"
    local pipe <close> = assert(io.popen(("echo input | %s %s 2>&1"):format(lua, path)))
    assert.equal("out input\nerr\nand Lua\t\n", pipe:read("a"))
    os.remove(path)
  end)
end)

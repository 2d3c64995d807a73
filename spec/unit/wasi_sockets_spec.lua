--- WASI's sockets: the host opens those that listen, the guest accepts, reads, writes and closes.
local host = require "spec.support.host"
local wasm = require "wasm"
local wasi = require "spec.support.wasi"

local BUILD = os.getenv("BUILD") or "build/test"
local PEEK, WAITALL = 1, 2

--- Start a client; what it prints comes from the pipe.
local function client(g, text, n)
  local address, port = g.w:listening()[n or 1]:match("^%[?(.-)%]?:(%d+)$")
  return assert(io.popen(("%s/spec/tcp_talk '%s' %s '%s' 2>&1"):format(BUILD, address, port, text)))
end

local function accept(g, fd, flags)
  local err = g.sock_accept(fd or 3, flags or 0, 8)
  return err, g.memory:u32(8)
end

local function receive(g, fd, size, flags)
  g.memory:write(16, ("<I4I4"):pack(8192, size))
  local err = g.sock_recv(fd, 16, 1, flags or 0, 8, 12)
  return err, err == "success" and g.memory:read(8192, g.memory:u32(8)) or ""
end

local function send(g, fd, text)
  g.memory:write(8192, text)
  g.memory:write(16, ("<I4I4"):pack(8192, #text))
  return g.sock_send(fd, 16, 1, 0, 8), g.memory:u32(8)
end

describe("a socket that listens", function()
  it("accepts a connection, which is read and written both ways", function()
    local g = wasi.guest { listen = { "127.0.0.1:0" }, dirs = { ["/"] = {} } }
    assert.equal(1, #g.w:listening())
    assert.equal("success", g.fd_prestat_get(4, 64)) -- the directory comes behind
    local talk = client(g, "hello world")
    local err, fd = accept(g)
    assert.equal("success", err)
    assert.same({ "success", "hello" }, { receive(g, fd, 5, PEEK | WAITALL) })
    assert.same({ "success", "hello" }, { receive(g, fd, 5, WAITALL) })
    assert.same({ "success", " wor" }, { g.read(fd, 4) })
    assert.same({ "success", "ld" }, { receive(g, fd, 100, WAITALL) })
    assert.same({ "success", "" }, { receive(g, fd, 100) })
    assert.same({ "success", 6 }, { send(g, fd, "sent, ") })
    assert.same({ "success", 7 }, { g.write(fd, "written") })
    assert.equal("success", g.sock_shutdown(fd, 2))
    assert.equal("pipe", (send(g, fd, "more")))
    assert.equal("pipe", (g.write(fd, "more")))
    assert.equal("success", g.fd_close(fd))
    assert.equal("sent, written", talk:read("a"))
    talk:close()
  end)

  it("does not wait where that is said", function()
    local g = wasi.guest { listen = { "127.0.0.1:0" } }
    assert.equal("success", g.fd_fdstat_set_flags(3, 4))
    assert.equal("again", (accept(g)))
    local talk = client(g, "")
    g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(7, 1, 3, 0, 0, 0))
    assert.equal("success", g.poll_oneoff(4096, 20000, 1, 8))
    assert.equal(7, g.memory:i64(20000))
    local err, fd = accept(g, 3, 4)
    assert.equal("success", err)
    assert.equal("success", g.fd_fdstat_get(fd, 64))
    assert.equal(6, g.memory:u8(64))
    assert.equal(4, g.memory:u16(66))
    g.fd_close(fd)
    talk:close()
  end)

  it("can be one of several, with either kind of address", function()
    local w, err = wasm.wasi { listen = { "127.0.0.1:0", "[::1]:0" } }
    if not w and err.message:find("Cannot assign", 1, true) then return pending("no IPv6 here") end
    local list = assert(w, err):listening()
    assert.truthy(list[1]:find("^127%.0%.0%.1:%d+$"))
    assert.truthy(list[2]:find("^%[::1%]:%d+$"))
    w:close()
    assert.same({}, w:listening())
  end)

  it("is used within its rights and as what it is", function()
    local g = wasi.guest { listen = { "127.0.0.1:0" }, dirs = { ["/"] = { f = "" } } }
    assert.equal("notcapable", (send(g, 3, "x")))
    assert.equal("notconn", (receive(g, 3, 1)))
    assert.equal("notcapable", g.sock_shutdown(3, 1))
    assert.equal("inval", (accept(g, 3, 1)))
    assert.equal("fault", g.sock_accept(3, 0, -2))
    assert.equal("spipe", g.fd_seek(3, 0, 0, 8))
    assert.equal("notdir", (g.open("x", { dir = 3 })))
    assert.equal("notsup", g.fd_fdstat_set_flags(3, 1))
    local talk = client(g, "text")
    local _, fd = accept(g)
    assert.equal("inval", g.sock_recv(fd, 16, 1, 4, 8, 12))
    assert.equal("fault", g.sock_recv(fd, 16, 1, 0, 8, -1))
    assert.equal("fault", g.sock_recv(fd, -4, 1, 0, 8, 12))
    assert.equal("inval", g.sock_send(fd, 16, 1, 1, 8))
    assert.equal("notcapable", (accept(g, fd)))
    for _, how in ipairs { 0, 4, -1 } do assert.equal("inval", g.sock_shutdown(fd, how)) end
    assert.equal("notsock", (accept(g, 1)))
    assert.equal("badf", (accept(g, 99)))
    assert.equal("success", g.sock_shutdown(fd, 3))
    g.fd_close(fd)
    talk:close()
  end)

  it("is refused where it cannot be", function()
    for _, text in ipairs { "localhost:80", "127.0.0.1", ":80", "127.0.0.1:", "::1:80",
                            "[127.0.0.1]:1", "127.0.0.1:http", "127.0.0.1:99999999",
                            "8.8.8.8:0", "" } do
      local w, err = wasm.wasi { listen = { text } }
      assert.is_nil(w, text)
      assert.equal("io", err.kind)
    end
    assert.is_false(pcall(wasm.wasi, { listen = "127.0.0.1:0" }))
    assert.is_false(pcall(wasm.wasi, { listen = { 80 } }))
  end)

  it("is left by an interrupt, waiting for a connection or for bytes", function()
    host.script([[
      local wasi = require "spec.support.wasi"
      local g = wasi.guest { listen = { "127.0.0.1:0" } }
      local token, fn, arg = g.inst:interrupter "c"
      host.call_on("ALRM", fn, arg)
      local function ended(f, ...)
        host.timer(2000)
        local ok, err = pcall(f, ...)
        host.timer(0)
        assert(not ok and err.kind == "interrupt", tostring(err))
      end
      ended(g.sock_accept, 3, 0, 8)
      local port = g.w:listening()[1]:match(":(%d+)$")
      local talk = assert(io.popen("%BUILD%/spec/tcp_talk 127.0.0.1 " .. port, "w"))
      local err = g.sock_accept(3, 0, 8)
      local fd = g.memory:u32(8)
      assert(err == "success", err)
      g.memory:write(16, ("<I4I4"):pack(8192, 10))
      ended(g.sock_recv, fd, 16, 1, 0, 8, 12)
      ended(g.fd_read, fd, 16, 1, 8)
      talk:close()]], { BUILD = BUILD })
  end)
end)

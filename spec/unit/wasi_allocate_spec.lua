--- fd_allocate where the file system has no such thing: the C library would write into each block
--- then, for as many as a guest says, and nobody could end it.
local cached = require "spec.support.cached"
local wasi = require "spec.support.wasi"

local LUA = os.getenv("LUA") or "lua5.4"

local SCRIPT = [[
  local wasi = require "spec.support.wasi"
  local g = wasi.guest { dirs = { ["/"] = arg[1] } }
  local _, fd = g.open("file", { oflags = 1 })
  print(g.fd_allocate(fd, 0, 1 << 20), g.fd_filestat_get(fd, 64), g.memory:u32(64 + 32))
]]

-- The script in a mount namespace of its own, with a file system of this type.
local function on(kind)
  local dir, remove = wasi.directory()
  local script = os.tmpname()
  cached.write(script, SCRIPT)
  local command = "unshare -rm sh -c 'mount -t %s none %s && exec %s %s %s' 2>&1; rm -f %s"
  local pipe = assert(io.popen(command:format(kind, dir, LUA, script, dir, script)))
  local said = pipe:read("a")
  pipe:close()
  remove()
  return said
end

describe("fd_allocate", function()
  it("is not supported by ramfs, and writes nothing there", function()
    local said = on "ramfs"
    if said:find("unshare", 1, true) or said:find("mount:", 1, true) then
      pending("needs the right to mount a ramfs")
      return
    end
    assert.equal("notsup\tsuccess\t0\n", said)
  end)

  it("is by tmpfs", function()
    local said = on "tmpfs"
    if said:find("unshare", 1, true) or said:find("mount:", 1, true) then
      pending("needs the right to mount a tmpfs")
      return
    end
    assert.equal("success\tsuccess\t1048576\n", said)
  end)
end)

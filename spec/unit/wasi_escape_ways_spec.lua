--- Ways out of a directory other than a path alone: descriptors, directories that move, special
-- files, other roots, limits, races. Each try() is one attempt; none may succeed.
local escape = require "spec.support.escape"
local wasi = require "spec.support.wasi"
local weight = require "spec.support.weight"
local R = wasi.RIGHT

local CREAT, DIRECTORY, TRUNC = 1, 2, 8
local BUILD = os.getenv("BUILD") or "build/test"
local NAMESPACES = os.execute("unshare -rm true 2>/dev/null")
local LUA = os.getenv("LUA") or "lua5.4"
local attempts = 0

--- What the guest got is one of these errors (names in a string).
local function try(what, got, ...)
  attempts = attempts + 1
  for _, errors in ipairs { ... } do
    for name in errors:gmatch("%S+") do
      if got == name then return end
    end
  end
  error(("%s gave %s"):format(what, got), 2)
end

local function sh(command, ...) assert(os.execute(command:format(...))) end

--- The process's open descriptors and what they are.
local function descriptors()
  local pipe <close> = assert(io.popen("ls -l /proc/$PPID/fd | sed 's/.* \\([0-9]* -> .*\\)/\\1/'"))
  return (pipe:read("a"):gsub("%d+ %-> pipe:[^\n]*\n", ""))
end

local function open_directory(g, path)
  local err, fd = g.open(path, { oflags = DIRECTORY, rights = wasi.RIGHTS_DIRECTORY,
    inheriting = wasi.RIGHTS_ALL })
  assert(err == "success", err)
  return fd
end

--- Everything that a path can be used for, relative to `dir`.
local function try_all(g, path, dir, errors)
  local at, size = g.put(path)
  local what = ("%q from %d"):format(path, dir)
  local function each(name, got) try(name .. " " .. what, got, errors) end
  each("open", (g.open(path, { dir = dir, rights = R.read })))
  each("write", (g.open(path, { dir = dir, rights = R.write })))
  each("create", (g.open(path, { dir = dir, oflags = CREAT })))
  each("truncate", (g.open(path, { dir = dir, oflags = TRUNC, rights = R.write })))
  each("stat", (g.stat(path, false, dir)))
  g.put(path)
  each("times", g.path_filestat_set_times(dir, 1, at, size, 0, 1, 1))
  each("mkdir", g.at("path_create_directory", path, dir))
  each("rmdir", g.at("path_remove_directory", path, dir))
  each("unlink", g.at("path_unlink_file", path, dir))
  g.put(path)
  each("readlink", g.path_readlink(dir, at, size, 8192, 100, 8))
  local target, target_size = g.put("x", 6000)
  each("symlink", g.path_symlink(target, target_size, dir, at, size))
  each("rename to", g.path_rename(3, target, target_size, dir, at, size))
  each("rename from", g.path_rename(dir, at, size, 3, target, target_size))
  each("link from", g.path_link(dir, 1, at, size, 3, target, target_size))
end

for _, way in ipairs { "kernel", "walk" } do
  describe("out of a directory, resolved by " .. way .. ",", function()
    local top, remove, box, before
    before_each(function()
      top, remove = wasi.directory()
      box = escape.prepare(top)
      before = escape.outside(top)
    end)
    after_each(function()
      local after = escape.outside(top)
      remove()
      assert.equal(before, after)
    end)

    local function guest(opts)
      opts = opts or {}
      opts.dirs = opts.dirs or { ["/"] = box }
      opts.resolve = way
      return wasi.guest(opts)
    end

    it("a descriptor of a directory leads no higher than itself", function()
      local g = guest()
      local d = open_directory(g, "d")
      for _, path in ipairs { "..", "../f", "h/../../f", "./../f", "in/f", "up/out/secret",
                              "out/secret", "h/../../d/g", "../../out/secret", "h/../.." } do
        try_all(g, path, d, "notcapable notdir")
      end
    end)

    it("a directory that the host moves away does not take its holder along", function()
      local g = guest()
      local d, h = open_directory(g, "d"), open_directory(g, "d/h")
      sh("mkdir %s/out2 && printf '%s' >%s/out2/secret && mv %s/d %s/out2/d", top, escape.SECRET,
        top, box, top)
      for _, path in ipairs { "..", "../secret", "h/../../secret", "../d", "./..//secret" } do
        try_all(g, path, d, "notcapable")
        try_all(g, "../" .. path, h, "notcapable")
      end
      -- it keeps what it had
      assert.same({ "success", { "g:4", "h:3", "in:7", "out:7", "up:7" } }, { g.list(d) })
      sh("mv %s/out2/d %s/d && rm -r %s/out2", top, box, top)
    end)

    it("a directory that the guest moves does not, nor one that is gone", function()
      local g = guest()
      local h = open_directory(g, "d/h")
      assert.equal("success", g.two("path_rename", "d/h", "h"))
      for _, path in ipairs { "..", "../out", "../../out/secret", "../f" } do
        try_all(g, path, h, "notcapable")
      end
      assert.equal("success", g.at("path_remove_directory", "h"))
      for _, path in ipairs { "..", "../f", "x", "x/../.." } do
        try_all(g, path, h, "notcapable noent")
      end
      sh("ln -s ../out %s/h", box) -- in its place
      for _, path in ipairs { "secret", "victim", "dir" } do
        try_all(g, path, h, "noent")
      end
    end)

    it("a link that has taken a directory's place is none to its holder", function()
      local g = guest()
      local d = open_directory(g, "d")
      sh("mv %s/d %s/d2 && ln -s ../out %s/d", box, box, box)
      try("read", select(2, g.contents("d/secret", { rights = R.read })), "notcapable")
      try("read", (g.open("secret", { dir = d, rights = R.read })), "noent")
      try("create", (g.open("d/new", { oflags = CREAT })), "notcapable")
      try("list", (g.open("d", { oflags = DIRECTORY })), "notcapable")
      try("unlink", g.at("path_unlink_file", "d/victim"), "notcapable")
    end)

    it("two directories are two: nothing goes from one to the other but by both", function()
      sh("mkdir %s/other && printf other >%s/other/o", top, top)
      local g = guest { dirs = { ["/a"] = box,
        ["/b"] = { path = top .. "/other", read_only = true } } }
      local function two(call, from_dir, from, to_dir, to, ...)
        local a, an = g.put(from)
        local b, bn = g.put(to, 6000)
        if call == "path_link" then return g.path_link(from_dir, ..., a, an, to_dir, b, bn) end
        return g.path_rename(from_dir, a, an, to_dir, b, bn)
      end
      try("steal", two("path_rename", 4, "o", 3, "o"), "rofs")
      try("place", two("path_rename", 3, "f", 4, "f"), "rofs")
      -- a second name in a directory that can be written would make it writable
      try("link", two("path_link", 4, "o", 3, "o", 0), "rofs")
      try("link", two("path_link", 4, "o", 3, "o", 1), "rofs")
      try("link", two("path_link", 3, "f", 4, "f", 0), "rofs")
      try("up", two("path_rename", 3, "../other/o", 3, "o"), "notcapable")
      try("up", two("path_rename", 3, "f", 4, "../box/f2"), "rofs")
      try("up", two("path_link", 3, "../other/o", 3, "o", 0), "notcapable")
      for _, path in ipairs { "o", "new", "../box/f" } do
        try("create", (g.open(path, { dir = 4, oflags = CREAT })), "rofs")
        try("truncate", (g.open(path, { dir = 4, oflags = TRUNC, rights = R.write })), "rofs")
        try("write", (g.open(path, { dir = 4, rights = R.write })), "rofs")
        try("unlink", g.at("path_unlink_file", path, 4), "rofs")
        try("mkdir", g.at("path_create_directory", path, 4), "rofs")
      end
      for _, path in ipairs { "../box/f", "../out/secret", "..", "../other/o" } do
        try("read", (g.open(path, { dir = 4, rights = R.read })), "notcapable")
      end
      local err, fd = g.open("o", { dir = 4, rights = wasi.RIGHTS_FILE & ~(R.write | R.allocate
        | R.set_size) })
      assert.equal("success", err)
      try("set size", g.fd_filestat_set_size(fd, 0), "rofs notcapable")
      try("set times", g.fd_filestat_set_times(fd, 0, 0, 5), "rofs notcapable")
      try("write", (g.write(fd, "x")), "rofs notcapable")
      try("allocate", g.fd_allocate(fd, 0, 100), "rofs notcapable")
      try("more rights", g.fd_fdstat_set_rights(fd, R.write, 0), "rofs notcapable")
      -- what is below a read-only directory is read-only
      sh("mkdir %s/other/sub", top)
      local at, size = g.put("sub")
      assert.equal("success", g.path_open(4, 0, at, size, DIRECTORY,
        wasi.RIGHTS_DIRECTORY & ~(0xf << 9 | 3 << 16 | 3 << 19 | R.set_times | 7 << 24),
        wasi.RIGHTS_ALL, 0, 8))
      local sub = g.memory:u32(8)
      try("create below", (g.open("x", { dir = sub, oflags = CREAT })), "rofs")
      try("mkdir below", g.at("path_create_directory", "x", sub), "rofs")
      sh("rm -r %s/other", top)
    end)

    it("descriptors that are renumbered or closed lead nowhere new", function()
      collectgarbage() -- what earlier guests had is closed
      collectgarbage()
      local g = guest()
      local held = descriptors()
      local d = open_directory(g, "d")
      assert.equal("success", g.fd_renumber(d, 3))
      for _, path in ipairs { "..", "../f", "up/f", "out/secret" } do
        try_all(g, path, 3, "notcapable")
      end
      try("the old one", (g.open("g", { dir = d, rights = R.read })), "badf")
      try("prestat", g.fd_prestat_get(3, 64), "badf") -- it is granted no more
      local _, file = g.open("g", { rights = R.read })
      assert.equal("success", g.fd_renumber(file, 3))
      try_all(g, "g", 3, "notdir")
      assert.equal("success", g.fd_renumber(3, 0))
      try("stdin that was", (g.open("g", { dir = 0, rights = R.read })), "notdir")
      for fd = -3, 1100 do g.fd_close(fd) end
      for _, fd in ipairs { 0, 1, 2, 3, 4, -1, 1 << 31, 1 << 20, 1023, 1024 } do
        try_all(g, "f", fd, "badf")
        try("read", (g.read(fd, 10)), "badf")
        try("write", (g.write(fd, "x")), "badf")
        try("list", (g.list(fd)), "badf")
        try("renumber", g.fd_renumber(fd, 3), "badf")
        try("renumber", g.fd_renumber(3, fd), "badf")
        try("stat", g.fd_filestat_get(fd, 64), "badf")
        try("size", g.fd_filestat_set_size(fd, 0), "badf")
        try("seek", g.fd_seek(fd, 0, 0, 64), "badf")
        try("accept", g.sock_accept(fd, 0, 64), "badf")
        try("shutdown", g.sock_shutdown(fd, 1), "badf")
      end
      -- the host's own are as they were
      local now = descriptors()
      for line in held:gmatch("[^\n]+") do
        assert.truthy(line:find(box, 1, true) or now:find(line, 1, true), line)
      end
    end)

    it("strange bytes in names are only that", function()
      local g = guest()
      for _, path in ipairs {
        "\xff/../../out/secret", "\xc0\xae\xc0\xae/out/secret", "\xe0\x80\xae./out",
        "..\xc0\xaf..", "%2e%2e/out/secret", "..%2fout", "..\\out\\secret", "..;/out/secret",
        "\u{2024}\u{2024}/out", "\u{ff0e}\u{ff0e}/out/secret", "..\u{2215}out",
        "..\u{200b}/out/secret", ".. /out", " ../out", "...", ".../out", "..../out", "~/secret",
        "~root", "$HOME", "file:///etc/passwd", "C:\\x", "\\\\?\\x", "\n../out", "..\r/out",
        "d\n/../../out", "\t", "\x01", "\x7f", "*", "?", "[a-z]/..", "{..,..}/out", "`id`",
        "$(id)", ";ls", "|ls", "-", "--", "-rf", "con", "nul", "aux",
      } do
        local got = select(2, g.contents(path, { rights = R.read }))
        try(("%q"):format(path), got, "noent notcapable notdir ilseq")
      end
      for _, path in ipairs { "f\0", "\0f", "d\0/../f", "..\0/out/secret", "out\0secret",
                              "f\0\0" } do
        try_all(g, path, 3, "inval ilseq notcapable")
      end
      assert.same({ "success" }, { (g.list(3)) })
    end)

    it("paths that lie outside of memory, or end with it, are not read", function()
      local g = guest()
      local bytes = g.memory:size() -- in bytes
      g.put "x"
      local p = { { -1, 1 }, { bytes, 1 }, { bytes - 1, 2 }, { 0, -1 }, { 1 << 31, 1 << 31 },
                  { bytes - 4, 8 }, { -4, 8 }, { 1024, bytes } }
      for _, at in ipairs(p) do
        local path, size = at[1], at[2]
        try("open", g.path_open(3, 1, path, size, 0, R.read, 0, 0, 8), "fault nametoolong")
        try("stat", g.path_filestat_get(3, 1, path, size, 64), "fault nametoolong")
        try("mkdir", g.path_create_directory(3, path, size), "fault nametoolong")
        try("symlink", g.path_symlink(1024, 1, 3, path, size), "fault nametoolong")
        try("symlink", g.path_symlink(path, size, 3, 1024, 1), "fault nametoolong")
        try("rename", g.path_rename(3, 1024, 1, 3, path, size), "fault nametoolong noent")
        try("readlink", g.path_readlink(3, path, size, 8192, 100, 8), "fault nametoolong")
      end
      g.memory:write(bytes - 2, "..")
      try("at the end", g.path_open(3, 1, bytes - 2, 2, 0, R.read, 0, 0, 8), "notcapable")
      -- nothing is opened where its number cannot be told
      try("result", g.path_open(3, 1, 1024, 1, CREAT, R.read, 0, 0, bytes - 2), "fault")
      g.put("secret")
      for _, size in ipairs { 0, 1, 5, 12 } do -- readlink gives so much and no more
        g.memory:fill(8192, 64, 0x55)
        assert.equal("success", g.path_readlink(3, 1024, 6, 8192, size, 8))
        assert.equal(math.min(size, #"../out/secret"), g.memory:u32(8))
        assert.equal(("\x55"):rep(4), g.memory:read(8192 + size, 4))
      end
    end)

    it("cookies of a listing lead nowhere, whatever they are", function()
      local g = guest()
      local d = open_directory(g, "d")
      for _, cookie in ipairs { 1, 2, 7, 1 << 31, (1 << 31) - 1, 1 << 32, 1 << 62, math.maxinteger,
                                math.mininteger, -1, 0x5555555555555555, 1 << 48 } do
        attempts = attempts + 1
        local err = g.fd_readdir(d, 8192, 4096, cookie, 8)
        assert.truthy(err == "success" or err == "inval", err)
        if err == "success" then
          local text = g.memory:read(8192, g.memory:u32(8))
          for _, name in ipairs { "secret", "victim", "boxes" } do
            assert.is_nil(text:find(name, 1, true))
          end
        end
      end
    end)

    it("sockets, fifos and devices in it are opened without waiting, or not at all", function()
      sh("mkfifo %s/fifo", box)
      sh("%s/spec/tcp_talk %s/socket", BUILD, box)
      local g = guest()
      local err, fd = g.open("fifo", { rights = R.read })
      assert.equal("success", err)
      try("seek a fifo", g.fd_seek(fd, 0, 0, 8), "spipe")
      try("size of a fifo", g.fd_filestat_set_size(fd, 0), "notcapable inval")
      g.fd_close(fd)
      try("write a fifo", (g.open("fifo", { rights = R.write })), "nxio")
      try("below a fifo", (g.open("fifo/../../out/secret", { rights = R.read })), "notdir")
      try("a socket", (g.open("socket", { rights = R.read })), "nxio")
      try("a socket", (g.open("socket", { rights = R.write })), "nxio")
      assert.equal("success", (g.stat("socket")))
      if not os.execute(("mknod %s/tty c 5 0 2>/dev/null"):format(box)) then return end
      -- a device that the host has put there is granted; a terminal does not become ours
      try("a terminal", (g.open("tty", { rights = R.read })), "nxio success acces perm")
      try("a directory that is none", (g.open("tty", { oflags = DIRECTORY })), "notdir")
      sh("mknod %s/full c 1 7", box)
      err, fd = g.open("full", { rights = R.write })
      if err == "success" then try("write", (g.write(fd, "x")), "nospc") end
    end)

    it("a mount in it has no way up but the directory's", function()
      if not NAMESPACES then return pending("no namespaces here") end
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write(([[
        local wasi = require "spec.support.wasi"
        local R = wasi.RIGHT
        local g = wasi.guest { dirs = { ["/"] = %q }, resolve = %q }
        local function got(path, how) io.write((g.open(path, how or { rights = R.read })), " ") end
        got "d/h/in_mount" got "d/h/../g" got "d/h/../../f" got "d/h/../../../out/secret"
        got "d/h/sub/../../../../boxes/secret" got "d/h/link" got("d/h/up", { oflags = 2 })
        io.write(g.two("path_link", "f", "d/h/f"), " ", g.two("path_rename", "f", "d/h/f"), " ",
          g.at("path_remove_directory", "d/h"), " ", g.two("path_rename", "d/h", "moved"))]])
        :format(box, way))
      file:close()
      local pipe = assert(io.popen(("unshare -rm sh -c 'mount -t tmpfs none %s/d/h && cd %s/d/h && "
        .. "mkdir sub && echo x >in_mount && ln -s ../../../out/secret link && ln -s ../../.. up "
        .. "&& cd $OLDPWD && exec %s %s' 2>&1"):format(box, box, LUA, script)))
      local text = pipe:read("a")
      pipe:close()
      os.remove(script)
      attempts = attempts + 11
      assert.equal("success success success notcapable notcapable notcapable notcapable "
        .. "xdev xdev busy busy", text)
    end)

    it("a full or read-only file system is an error to the guest alone", function()
      if not NAMESPACES then return pending("no namespaces here") end
      local script = os.tmpname()
      local file = assert(io.open(script, "w"))
      file:write(([[
        local wasi = require "spec.support.wasi"
        local g = wasi.guest { dirs = { ["/"] = %q }, resolve = %q }
        local function say(...) io.write(table.concat({ ... }, " "), "\n") end
        local err, fd = g.open("big", { oflags = 1 })
        say(err)
        local total = 0
        repeat
          local n
          err, n = g.write(fd, ("x"):rep(50000))
          if err == "success" then total = total + n end
        until err ~= "success"
        say(err, total, g.fd_allocate(fd, 0, 1 << 20), (g.write(fd, "x")))
        say(g.at("path_create_directory", "more"), g.two("path_symlink", "x", "l"))
        say(g.fd_filestat_set_size(fd, 10), (g.write(fd, "x")), (g.open("small", { oflags = 1 })))
        g.fd_close(fd)
        assert(os.execute("mount -o remount,ro " .. %q .. " 2>/dev/null"))
        say((g.open("new", { oflags = 1 })), (g.open("big", { rights = 1 << 6 })),
          g.at("path_unlink_file", "big"), g.at("path_create_directory", "d"),
          g.two("path_rename", "big", "s"), g.two("path_link", "big", "s"),
          g.two("path_symlink", "x", "l2"), #g.contents("big", { rights = 2 }))]])
        :format(box, way, box))
      file:close()
      local pipe = assert(io.popen(("unshare -rm sh -c 'mount -t tmpfs -o size=256k,nr_inodes=3 "
        .. "none %s && exec %s %s' 2>&1"):format(box, LUA, script)))
      local text = pipe:read("a")
      pipe:close()
      os.remove(script)
      assert.equal("success\nnospc 262144 nospc nospc\nsuccess nospc\nsuccess success nospc\n"
        .. ("rofs "):rep(7) .. "262145\n", text)
    end)
  end)
end

describe("descriptors", function()
  it("are never all that the process has, however many a guest opens", function()
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write([[
      local wasi = require "spec.support.wasi"
      local dir, remove = wasi.directory()
      local g = wasi.guest { dirs = { ["/"] = dir } }
      g.file("f", "text")
      local n, err = 0, "success"
      for _ = 1, 1000000 do -- a million
        err = g.open("f", { rights = wasi.RIGHT.read })
        if err == "success" then n = n + 1 end
      end
      io.write(err, " ", n, " ")
      local files = {}
      for k = 1, 20 do files[k] = assert(io.open("README.md")) end -- the host's own go on
      local pipe = assert(io.popen("echo works"))
      io.write(pipe:read("a"))
      pipe:close()
      assert(g.read(4, 1) == "success")
      g.w:close()
      g = wasi.guest { dirs = { ["/"] = dir }, max_files = 4096 } -- more than there are
      repeat err, n = g.open("f", { rights = wasi.RIGHT.read }), n + 1 until err ~= "success"
      io.write(err, "\n")
      g.w:close()
      remove()]])
    file:close()
    local pipe <close> = assert(io.popen(("ulimit -n 100; %s %s 2>&1"):format(LUA, script)))
    local text = pipe:read("a")
    os.remove(script)
    assert.equal("mfile 46 works\nmfile\n", text)
    attempts = attempts + 1
  end)
end)

describe("a stdin that errors", function()
  it("is an error to the guest, of a Lua file and of the process", function()
    local directory = assert(io.open("/", "r"))
    local g = wasi.guest { stdin = directory }
    for _ = 1, 3 do assert.equal("io", (g.read(0, 10))) end
    local closed = assert(io.open("README.md"))
    g = wasi.guest { stdin = closed }
    assert.equal("success", (g.read(0, 10)))
    closed:close()
    local ok, got = pcall(g.read, 0, 10)
    assert.truthy(not ok or got == "io" or got == "badf", tostring(got))
    local writer = assert(io.open("/dev/null", "w"))
    g = wasi.guest { stdin = writer }
    assert.equal("io", (g.read(0, 10)))
    writer:close()
    local script = os.tmpname()
    local file = assert(io.open(script, "w"))
    file:write([[
      local g = require "spec.support.wasi".guest { stdio = "inherit" }
      local err = g.read(0, 10)
      io.stderr:write(err, " ", (g.read(0, 10)), "\n")]])
    file:close()
    for how, want in pairs { ["</"] = "isdir isdir\n", ["<&-"] = "success success\n",
                             ["0>/dev/null"] = "badf badf\n" } do
      local pipe <close> = assert(io.popen(("%s %s 2>&1 %s"):format(LUA, script, how)))
      assert.equal(want, pipe:read("a"), how)
    end
    os.remove(script)
  end)
end)

describe("a neighbour who exchanges names for two seconds", function()
  local tries, swaps = 0, 0
  for _, way in ipairs { "kernel", "walk" } do
    for _, race in ipairs(escape.races) do
      it(("does not let a guest out by %s (%s)"):format(race[1], way), function()
        local got = escape.race(way, race, 2 / (2 * #escape.races))
        assert.is_true(got.same)
        assert.truthy(got.inside > 0 and got.refused > 0 and got.swaps > 0)
        tries, swaps = tries + got.tries, swaps + got.swaps
      end)
    end
  end

  it("has tried enough", function()
    local paths = #escape.paths "/top" * #escape.attempts
    weight.report("escape: %d ways tried, %d of them paths x calls, each by the kernel and by the "
      .. "walk; %d tries against %d swaps", attempts // 2 + paths, paths, tries, swaps)
    assert.truthy(attempts // 2 + paths >= 200)
  end)
end)

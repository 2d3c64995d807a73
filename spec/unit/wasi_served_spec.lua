--- Directories that are Lua functions: what the guest's calls come down to, and what it is told.
local wasi = require "spec.support.wasi"
local wasm = require "wasm"
local R = wasi.RIGHT

local CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
local APPEND = 1

--- A file system made of functions: `files` from paths to strings (or true: a directory); `log` of
-- the calls.
local function system(files)
  local fs = { files = files or {}, log = {} }
  local function logs(name, f)
    fs[name] = function(...)
      local words = {}
      for k, v in ipairs { ... } do words[k] = type(v) == "string" and #v > 20 and #v or v end
      fs.log[#fs.log + 1] = name .. "(" .. table.concat(words, ",") .. ")"
      return f(...)
    end
  end
  logs("stat", function(path)
    local file = fs.files[path]
    if file == true then return "directory", 0, 7 end
    return file and "file", file and #file, 7
  end)
  logs("list", function(path)
    local names, prefix = {}, path == "" and "" or path .. "/"
    for name, file in pairs(fs.files) do
      if name:sub(1, #prefix) == prefix and not name:find("/", #prefix + 1, true) then
        names[#names + 1] = name:sub(#prefix + 1) .. (file == true and "/" or "")
      end
    end
    table.sort(names)
    return names
  end)
  logs("read", function(path, at, n)
    local file = fs.files[path]
    if not file then return nil, "noent" end
    return file:sub(at + 1, at + n)
  end)
  logs("write", function(path, at, bytes)
    local file = fs.files[path] or ""
    file = file .. ("\0"):rep(at - #file)
    fs.files[path] = file:sub(1, at) .. bytes .. file:sub(at + #bytes + 1)
  end)
  logs("truncate", function(path, size)
    fs.files[path] = fs.files[path]:sub(1, size) .. ("\0"):rep(size - #fs.files[path])
  end)
  logs("mkdir", function(path) fs.files[path] = true end)
  logs("remove", function(path) fs.files[path] = nil end)
  logs("rename", function(from, to) fs.files[to], fs.files[from] = fs.files[from], nil end)
  function fs.dir(...)
    local functions = {}
    for _, name in ipairs { ... } do functions[name] = fs[name] end
    return functions
  end
  function fs.took()
    local text = table.concat(fs.log, " ")
    fs.log = {}
    return text
  end
  return fs
end

local ALL = { "stat", "list", "read", "write", "truncate", "mkdir", "remove", "rename" }

local function guest(fs, functions, opts)
  opts = opts or {}
  opts.dirs = { ["/d"] = fs.dir(table.unpack(functions or ALL)) }
  return wasi.guest(opts)
end

describe("a directory of functions", function()
  it("has files that are read and sought", function()
    local fs = system { f = "0123456789" }
    local g = guest(fs)
    local err, fd = g.open("f")
    assert.same({ "success", 4, "stat(f)" }, { err, fd, fs.took() })
    assert.same({ "success", "0123" }, { g.read(fd, 4) })
    assert.same({ "success", "456789" }, { g.read(fd, 100) })
    assert.same({ "success", "" }, { g.read(fd, 100) })
    assert.equal("read(f,0,4) read(f,4,100) read(f,10,100)", fs.took())
    assert.equal("success", g.fd_seek(fd, -3, 2, 8))
    assert.equal(7, g.memory:i64(8))
    assert.same({ "success", "789" }, { g.read(fd, 5) })
    assert.equal("inval", g.fd_seek(fd, -1, 0, 8))
    assert.equal("success", g.fd_tell(fd, 8))
    assert.equal(10, g.memory:i64(8))
    g.memory:write(16, ("<I4I4"):pack(8192, 3))
    assert.equal("success", g.fd_pread(fd, 16, 1, 2, 8))
    assert.equal("234", g.memory:read(8192, 3))
    assert.equal("success", g.fd_tell(fd, 8))
    assert.equal(10, g.memory:i64(8))
    assert.equal("success", g.fd_close(fd))
    assert.equal("badf", (g.read(fd, 1)))
  end)

  it("has files that are written", function()
    local fs = system()
    local g = guest(fs)
    local _, fd = g.open("new", { oflags = CREAT })
    assert.equal("stat(new) write(new,0,)", fs.took())
    assert.same({ "success", 5 }, { g.write(fd, "hello") })
    assert.same({ "success", 3 }, { g.write(fd, "abc") })
    g.fd_seek(fd, 1, 0, 8)
    assert.same({ "success", 1 }, { g.write(fd, "E") })
    assert.equal("write(new,0,hello) write(new,5,abc) write(new,1,E)", fs.took())
    assert.equal("hElloabc", fs.files.new)
    g.memory:write(16, ("<I4I4I4I4"):pack(8192, 2, 9000, 2))
    g.memory:write(8192, "xx")
    g.memory:write(9000, "yy")
    assert.equal("success", g.fd_pwrite(fd, 16, 2, 10, 8))
    assert.equal("hElloabc\0\0xxyy", fs.files.new)
    assert.equal("success", g.fd_filestat_set_size(fd, 3))
    assert.equal("inval", g.fd_filestat_set_size(fd, math.mininteger))
    assert.equal("hEl", fs.files.new)
    local _, tail = g.open("new", { fdflags = APPEND })
    fs.took()
    assert.same({ "success", 2 }, { g.write(tail, "!!") })
    assert.equal("stat(new) write(new,3,!!)", fs.took())
    assert.same({ "success", "hEl!!" }, { "success", fs.files.new })
    assert.equal("success", g.fd_sync(fd))
    assert.equal("notsup", g.fd_allocate(fd, 0, 10))
    assert.equal("notsup", g.fd_filestat_set_times(fd, 0, 0, 0))
    _, fd = g.open("new", { oflags = CREAT | TRUNC })
    assert.equal("", fs.files.new)
    assert.equal("success", (g.write(fd, ("z"):rep(40000))))
    assert.equal(40000, #fs.files.new)
  end)

  it("is opened as the standard says", function()
    local fs = system { f = "x", d = true, ["d/g"] = "y" }
    local g = guest(fs)
    assert.equal("noent", (g.open("none")))
    assert.equal("exist", (g.open("f", { oflags = CREAT | EXCL })))
    assert.equal("notdir", (g.open("f", { oflags = DIRECTORY })))
    assert.equal("notdir", (g.open("f/")))
    assert.equal("notdir", (g.open("f/.")))
    assert.equal("isdir", (g.open("d")))
    assert.equal("isdir", (g.open("x/", { oflags = CREAT })))
    local err, dir = g.open("d", { oflags = DIRECTORY, inheriting = wasi.RIGHTS_ALL })
    assert.equal("success", err)
    local _, fd = g.open("g", { dir = dir })
    assert.same({ "success", "y" }, { g.read(fd, 9) })
    assert.equal("notcapable", (g.open("../f", { dir = dir })))
    assert.equal("success", (g.open(".", { oflags = DIRECTORY })))
  end)

  it("asks for plain paths only, and none beyond itself", function()
    local fs = system { ["a/b"] = "x" }
    local g = guest(fs)
    for _, path in ipairs { "a/b", "a//b", "./a/./b", "a/c/../b", "q/../a/b", "a/b/../b" } do
      assert.equal("success", (g.stat(path)))
      assert.equal("stat(a/b)", fs.took())
    end
    for _, path in ipairs { "..", "../x", "a/../..", "/a", "/", "a/../../a/b", "./../x" } do
      assert.equal("notcapable", (g.stat(path)))
      assert.equal("notcapable", (g.open(path, { oflags = CREAT })))
      assert.equal("notcapable", g.at("path_unlink_file", path))
    end
    assert.equal("nametoolong", (g.stat(("n"):rep(256))))
    assert.equal("success", (g.stat("a/..")))
    assert.equal("", fs.took())
  end)

  it("tells what is there", function()
    local fs = system { f = "four", d = true }
    local g = guest(fs)
    local err, st = g.stat("f")
    assert.same({ "success", 4, 4, 7000000000 }, { err, st.type, st.size, st.mtim })
    local _, d = g.stat("d/")
    assert.is_true(d.type == 3 and d.ino ~= st.ino and d.ino ~= 0)
    assert.equal("notdir", (g.stat("f/")))
    local _, fd = g.open("f")
    assert.equal("success", g.fd_filestat_get(fd, 64))
    assert.equal(4, g.memory:i64(96))
    fs.files.f = nil
    assert.equal("noent", g.fd_filestat_get(fd, 64))
    assert.equal("inval", (g.readlink("d")))
    assert.equal("noent", (g.readlink("x")))
  end)

  it("is listed", function()
    local files = { d = true }
    for n = 1, 100 do files[("file%03d"):format(n)] = "" end
    local g = guest(system(files))
    local _, fd = g.open(".", { oflags = DIRECTORY })
    local err, names = g.list(fd)
    assert.same({ "success", 101, "d:3", "file001:4" }, { err, #names, names[1], names[2] })
    local _, few = g.list(fd, 64)
    assert.same(names, few)
  end)

  it("is changed", function()
    local fs = system { f = "x" }
    local g = guest(fs)
    assert.equal("success", g.at("path_create_directory", "d"))
    assert.equal("exist", g.at("path_create_directory", "d"))
    assert.equal("success", g.two("path_rename", "f", "d/f"))
    assert.equal("noent", g.two("path_rename", "f", "d/f"))
    assert.equal("inval", g.two("path_rename", "d", "d/e"))
    assert.equal("notempty", g.at("path_remove_directory", "d"))
    assert.equal("isdir", g.at("path_unlink_file", "d"))
    assert.equal("notdir", g.at("path_remove_directory", "d/f"))
    assert.equal("notdir", g.at("path_unlink_file", "d/f/."))
    assert.equal("success", g.at("path_unlink_file", "d/f"))
    assert.equal("noent", g.at("path_unlink_file", "d/f"))
    assert.equal("inval", g.at("path_remove_directory", "."))
    assert.equal("success", g.at("path_remove_directory", "d"))
    assert.is_nil(next(fs.files))
    assert.equal("notsup", g.two("path_symlink", "a", "b"))
    assert.equal("notsup", g.two("path_link", "f", "g"))
  end)

  it("without functions to change it is read-only", function()
    local fs = system { f = "x", d = true }
    for _, dir in ipairs { fs.dir("stat", "read"), (function()
      local all = fs.dir(table.unpack(ALL))
      all.read_only = true
      return all
    end)() } do
      local g = wasi.guest { dirs = { ["/d"] = dir } }
      assert.equal("success", (g.open("f", { rights = R.read })))
      assert.equal("rofs", (g.open("f", { rights = R.write })))
      assert.equal("rofs", (g.open("new", { rights = R.read, oflags = CREAT })))
      assert.equal("rofs", g.at("path_create_directory", "e"))
      assert.equal("rofs", g.at("path_unlink_file", "f"))
      assert.equal("rofs", g.two("path_rename", "f", "g"))
    end
  end)

  it("does without what it has no function for", function()
    local fs = system { f = "x", d = true }
    local g = guest(fs, { "stat", "write" })
    local _, fd = g.open("f")
    assert.equal("notsup", (g.read(fd, 1)))
    assert.equal("success", (g.write(fd, "y")))
    assert.equal("notsup", (g.open("f", { oflags = TRUNC })))
    assert.equal("notsup", g.at("path_create_directory", "e"))
    assert.equal("notsup", g.at("path_remove_directory", "d"))
    local _, dir = g.open(".", { oflags = DIRECTORY })
    assert.equal("notsup", (g.list(dir)))
  end)

  it("says why something cannot be done", function()
    local why = "acces"
    local function refuse() return nil, why end
    local fs = system { f = "x" }
    local g = wasi.guest { dirs = { ["/d"] = { stat = fs.stat, read = refuse, write = refuse,
      list = refuse, remove = refuse } } }
    local _, fd = g.open("f")
    assert.equal("acces", (g.read(fd, 1)))
    why = "nospc"
    assert.equal("nospc", (g.write(fd, "y")))
    assert.equal("nospc", (g.open("new", { oflags = CREAT })))
    assert.equal("nospc", g.at("path_unlink_file", "f"))
    why = "no such error"
    assert.equal("io", (g.read(fd, 1)))
  end)

  it("is an io error to the guest where it talks nonsense", function()
    local answer = {}
    local function say() return table.unpack(answer, 1, 3) end
    local fs = system { f = "x" }
    local g = wasi.guest { dirs = { ["/d"] = { stat = say, list = say, read = fs.read } } }
    for _, bad in ipairs { { "link" }, { "file", -1 }, { "file", 1.5 }, { "file", "x" }, { 1 },
                           { "file", 1, -1 }, { "file", 1, 0 / 0 }, { true } } do
      answer = bad
      assert.equal("io", (g.stat("f")))
    end
    answer = { "file" }
    assert.equal("success", (g.stat("f")))
    local _, fd = g.open(".", { oflags = DIRECTORY })
    for _, bad in ipairs { 1, "x", true, { 1 }, { "" }, { "/" }, { "a/b" }, { "." }, { ".." },
                           { "a\0b" }, { ("n"):rep(256) }, { ("n"):rep(300) } } do
      answer = { bad }
      assert.equal("io", (g.list(fd)))
    end
    answer = { { ("n"):rep(255), "d/" } }
    assert.equal("success", (g.list(fd)))
  end)

  it("may be read with more or less than was asked for", function()
    local bytes = ("x"):rep(100)
    local fs = system { f = "x" }
    local g = wasi.guest { dirs = { ["/d"] = { stat = fs.stat,
                                               read = function() return bytes end } } }
    local _, fd = g.open("f", { rights = R.read | R.tell })
    assert.equal(10, #select(2, g.read(fd, 10)))
    g.fd_tell(fd, 8)
    assert.equal(10, g.memory:i64(8))
    bytes = "y"
    assert.same({ "success", "y" }, { g.read(fd, 10) })
    bytes = nil
    assert.same({ "success", "" }, { g.read(fd, 10) })
    bytes = 5
    assert.equal("io", (g.read(fd, 10)))
  end)

  it("is asked for no offset beyond what an integer holds", function()
    local fs = system { f = "x" }
    local g = wasi.guest { dirs = { ["/d"] = { stat = fs.stat, write = fs.write,
      read = function(_, at, n)
        assert(at >= 0 and n > 0 and at + n >= 0)
        return ("x"):rep(n)
      end } } }
    local _, fd = g.open("f")
    for _, at in ipairs { math.maxinteger, math.maxinteger - 5, math.maxinteger - (1 << 20) } do
      assert.equal("success", g.fd_seek(fd, at, 0, 8))
      for _ = 1, 3 do assert.equal("success", (g.read(fd, 10))) end
      assert.equal("success", g.fd_tell(fd, 8))
      assert.is_true(g.memory:i64(8) >= 0)
    end
    g.fd_seek(fd, math.maxinteger, 0, 8)
    assert.equal("fbig", (g.write(fd, "y")))
    assert.equal("inval", g.fd_seek(fd, 1, 1, 8))
  end)

  it("may yield in each of its functions, in several guests at once", function()
    local fs = system { f = "some text" }
    local dir = {}
    for _, name in ipairs(ALL) do
      dir[name] = function(...)
        coroutine.yield(name)
        return fs[name](...)
      end
    end
    local function work(n)
      local g = wasi.guest { dirs = { ["/d"] = dir } }
      return coroutine.wrap(function()
        local name = "out" .. n
        local err, fd = g.open(name, { oflags = CREAT | TRUNC })
        assert(err == "success", err)
        assert(g.write(fd, "by " .. n) == "success")
        assert(g.contents("f") == "some text")
        assert(g.two("path_rename", name, name .. ".txt") == "success")
        assert(g.at("path_create_directory", "d" .. n) == "success")
        assert(g.at("path_remove_directory", "d" .. n) == "success")
        return "done"
      end)
    end
    local all, yields = {}, 0
    for n = 1, 5 do all[n] = work(n) end
    while #all > 0 do
      for k = #all, 1, -1 do
        if all[k]() == "done" then table.remove(all, k) else yields = yields + 1 end
      end
    end
    assert.is_true(yields > 50)
    assert.same({ f = "some text", ["out1.txt"] = "by 1", ["out2.txt"] = "by 2",
                  ["out3.txt"] = "by 3", ["out4.txt"] = "by 4", ["out5.txt"] = "by 5" }, fs.files)
  end)

  it("ends the call with the error that a function raises", function()
    local mine = {}
    local g = wasi.guest { dirs = { ["/d"] = { stat = function() error(mine, 0) end } } }
    local ok, err = pcall(g.stat, "f")
    assert.is_true(not ok and err == mine)
    assert.equal("success", g.clock_time_get(1, 1, 8))
  end)

  it("finds its descriptors closed while it was away", function()
    local g
    local dir = { stat = function() return "file", 1 end,
                  read = function() g.w:close() return "x" end }
    g = wasi.guest { dirs = { ["/d"] = dir } }
    local _, fd = g.open("f", { rights = R.read })
    assert.equal("badf", (g.read(fd, 1)))
  end)

  it("is ready at once, without being asked", function()
    local fs = system { f = "x" }
    local g = guest(fs)
    local _, fd = g.open("f")
    fs.took()
    g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8i8"):pack(1, 1, fd, 0, 0, 0))
    assert.equal("success", g.poll_oneoff(4096, 20000, 1, 8))
    assert.same({ 1, "" }, { g.memory:u32(8), fs.took() })
  end)

  it("is not the same file system as another one", function()
    local fs, other = system { f = "x" }, system()
    local g = wasi.guest { dirs = { ["/a"] = fs.dir(table.unpack(ALL)),
                                    ["/b"] = other.dir(table.unpack(ALL)) } }
    g.memory:write(1024, "f")
    assert.equal("xdev", g.path_rename(3, 1024, 1, 4, 1024, 1))
    assert.is_nil(g.w:tree "/a")
  end)

  it("has only functions it knows", function()
    local function stat() end
    assert.error(function() wasm.wasi { dirs = { ["/d"] = { stat = stat, open = stat } } } end)
    assert.error(function() wasm.wasi { dirs = { ["/d"] = { stat = stat, read = "x" } } } end)
    assert.error(function() wasm.wasi { dirs = { ["/d"] = { read = stat } } } end)
    assert.error(function() wasm.wasi { dirs = { ["/d"] = { stat = stat, read_only = 1 } } } end)
    assert(wasm.wasi { dirs = { ["/d"] = { stat = "a file of that name" } } })
  end)
end)

describe("a program of wasi-libc's", function()
  it("reads and writes files that are functions", function()
    local mod = assert(wasm.load "examples/guests/count.wasm")
    local fs = system { ["in.txt"] = "to be or\nnot to be\n" }
    local w = assert(wasm.wasi { args = { "count", "-o", "/d/report", "/d/in.txt" },
                                 dirs = { ["/d"] = fs.dir(table.unpack(ALL)) } })
    local inst = assert(mod:instantiate { wasi_snapshot_preview1 = w })
    inst.exports._start()
    assert.truthy(fs.files.report:find("2 lines", 1, true))
  end)
end)

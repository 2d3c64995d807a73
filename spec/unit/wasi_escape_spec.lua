--- Nothing outside of a granted directory can be reached from it: attempts, none of which succeeds.
local wasi = require "spec.support.wasi"
local R = wasi.RIGHT

local CREAT, TRUNC = 1, 8
local SECRET = "secret outside"

--- A sandbox in a directory whose neighbour holds a secret:
--   top/box/{f, d/{g, h/}}   granted
--   top/boxes/..., top/out/{secret, dir/}   not
--   links in box, as a host might have left them: see below
local function prepare(top)
  local links = {}
  local function write(path, text)
    local file <close> = assert(io.open(top .. path, "w"))
    file:write(text)
  end
  assert(os.execute(("mkdir -p %s/box/d/h %s/out/dir %s/boxes"):format(top, top, top)))
  write("/out/secret", SECRET)
  write("/out/victim", "victim")
  write("/boxes/secret", SECRET)
  write("/box/f", "f")
  write("/box/d/g", "g")
  for name, target in pairs {
    ["up"] = "..", ["upup"] = "../..", ["out"] = "../out", ["secret"] = "../out/secret",
    ["abs"] = top .. "/out", ["abs_secret"] = top .. "/out/secret", ["root"] = "/",
    ["self"] = top .. "/box", ["d/up"] = "../..", ["d/out"] = "../../out", ["d/in"] = "..",
    ["two"] = "one", ["one"] = "../out/secret", ["in_out"] = "d/../../out",
    ["dots"] = "d/h/../../../out/secret", ["proc"] = "/proc/self/root", ["new"] = "../out/new",
    ["absnew"] = top .. "/out/new", ["slash"] = "../out/", ["loop"] = "loop",
    ["long"] = ("d/../"):rep(600) .. "../out/secret",
  } do
    links[#links + 1] = ("ln -s '%s' %s/box/%s"):format(target, top, name)
  end
  assert(os.execute(table.concat(links, " && ")))
  assert(os.execute(("cp -a %s/box %s/template"):format(top, top)))
  return top .. "/box"
end

--- Paths that lead out, one way or another.
local function paths(top)
  return {
    "..", "../", "../.", "./..", "../out", "../out/secret", "../out/dir", "../../etc/passwd",
    "d/../..", "d/../../out/secret", "d/h/../../../out/secret", "d/../../box/f", "../box/f",
    "../box", "d/../../box/d/g", "./d/.././../out/secret", "d//..//..//out//secret",
    "../boxes/secret", "f/../../out/secret", "nothing/../../out/secret", "..//../", "../..",
    "/", "//", "/etc/passwd", "/./etc/passwd", top .. "/out/secret", "//etc/passwd",
    top .. "/box/f", "/proc/self/fd/3", "/proc/self/root/etc/passwd", "/dev/null",
    "up/out/secret", "up", "up/", "up/box/f", "upup/etc", "out", "out/", "out/secret",
    "out/dir", "secret", "abs", "abs/secret", "abs_secret", "root", "root/etc/passwd",
    "root/proc/self/fd/3", "self/f", "d/up/out/secret", "d/out/secret", "d/in/../out/secret",
    "d/in/up/out/secret", "two", "one", "in_out", "in_out/secret", "dots", "proc",
    "proc/etc/passwd",
    "proc/../proc/etc/passwd", "slash", "slash/secret", "loop", "loop/..", "long",
    ("d/../"):rep(100) .. "../out/secret", ("../"):rep(100) .. "etc/passwd",
    ("./"):rep(1000) .. "../out/secret", "d/h/" .. ("../"):rep(20) .. "etc/passwd",
    "..\0", "../out/secret\0", "f\0/../../out/secret", "\0", "..\\out\\secret",
    ("a"):rep(5000) .. "/../../out/secret", "new", "absnew", "new/x",
  }
end

--- What is in a file of the host, if it is one; a link has been moved as such.
local function contents(path)
  local pipe <close> = assert(io.popen(("test ! -L %s && cat %s 2>/dev/null"):format(path, path)))
  return pipe:read("a")
end

--- A picture of everything outside the box: names, types, times, contents.
local function outside(top)
  local pipe <close> = assert(io.popen(("cd %s && find . -mindepth 1 -path ./box -prune -o "
    .. "-path ./template -prune -o -print0 | sort -z | "
    .. "xargs -0 stat -c '%%n %%F %%s %%Y %%Z %%h %%a' && cat out/secret out/victim boxes/secret")
    :format(top)))
  return pipe:read("a")
end

--- Every call that takes a path, as an attempt: the error's name.
local ATTEMPTS = {
  { "open", function(g, path) return (g.open(path, { rights = R.read })) end },
  { "open nofollow", function(g, path)
    return (g.open(path, { rights = R.read, nofollow = true }))
  end },
  { "open to write", function(g, path) return (g.open(path, { rights = R.write })) end },
  { "open to create", function(g, path) return (g.open(path, { oflags = CREAT })) end },
  { "open to truncate", function(g, path)
    return (g.open(path, { oflags = TRUNC, rights = R.write }))
  end },
  { "open a directory", function(g, path)
    return (g.open(path, { oflags = 2, rights = R.readdir, inheriting = wasi.RIGHTS_ALL }))
  end },
  { "stat", function(g, path) return (g.stat(path)) end },
  { "create a directory", function(g, path) return g.at("path_create_directory", path) end },
  { "remove a directory", function(g, path) return g.at("path_remove_directory", path) end },
  { "set times", function(g, path)
    local at, size = g.put(path)
    return g.path_filestat_set_times(3, 1, at, size, 0, 1000000000, 1 | 4)
  end },
  { "rename to", function(g, path) return g.two("path_rename", "d/g", path) end },
  { "rename from", function(g, path) return g.two("path_rename", path, "d/stolen") end },
  { "link to", function(g, path) return g.two("path_link", "d/g", path) end },
  { "link from, followed", function(g, path) return g.two("path_link", path, "d/stolen", 1) end },
  { "symlink at", function(g, path) return g.two("path_symlink", "x", path) end },
  { "read a link", function(g, path) return (g.readlink(path)) end },
  { "unlink", function(g, path) return g.at("path_unlink_file", path) end },
}

for _, way in ipairs { "kernel", "walk" } do
  describe("out of a directory, resolved by " .. way .. ",", function()
    local top, remove, box, before
    before_each(function()
      top, remove = wasi.directory()
      box = prepare(top)
      before = outside(top)
    end)
    after_each(function() remove() end)

    for _, attempt in ipairs(ATTEMPTS) do
      it("nothing is reached by: " .. attempt[1], function()
        local g
        for _, path in ipairs(paths(top)) do
          g = g or wasi.guest { dirs = { ["/"] = box }, resolve = way }
          local err = attempt[2](g, path)
          if err == "success" then
            -- it may have acted on the link or the name itself, inside
            local fd = g.memory:u32(8)
            if attempt[1]:find("open", 1, true) then
              assert.is_nil(select(2, g.read(fd, 100)):find("outside", 1, true), path)
              local _, names = g.list(fd)
              for _, name in ipairs(type(names) == "table" and names or {}) do
                assert.is_nil(name:find("^secret:4"), path)
              end
            end
            assert.truthy(path:find("^%a") or path:find("\\", 1, true),
              ("%q gave success"):format(path))
            assert.equal(before, outside(top), path)
            assert.is_nil(contents(box .. "/d/stolen"):find("outside", 1, true), path)
            -- the box as it was, for the next path
            g.w:close()
            g = nil
            assert(os.execute(("rm -rf %s && cp -a %s/template %s"):format(box, top, box)))
          end
        end
        assert.equal(before, outside(top))
      end)
    end

    it("nothing is read or seen through any path", function()
      local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
      for _, path in ipairs(paths(top)) do
        local text, err = g.contents(path, { rights = R.read })
        assert.is_true(text == nil, ("%q was read: %s"):format(path, text))
        assert.truthy(({ notcapable = 1, noent = 1, notdir = 1, inval = 1, nametoolong = 1,
                         loop = 1 })[err], ("%q gave %s"):format(path, err))
        local stat = g.stat(path)
        assert.not_equal("success", stat, path)
      end
    end)

    it("a link that a guest makes leads nowhere either", function()
      local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
      assert.equal("success", g.two("path_symlink", "../out", "mine"))
      assert.equal("success", g.two("path_symlink", "../../out/secret", "d/mine"))
      assert.equal("notcapable", (g.open("mine/secret", { rights = R.read })))
      assert.equal("notcapable", (g.open("d/mine", { rights = R.read })))
      assert.equal("notcapable", g.two("path_symlink", "/etc", "mine2"))
      -- a directory that is moved does not take the way out along
      assert.equal("success", g.two("path_symlink", "../f", "d/h/one"))
      assert.equal("success", g.two("path_rename", "d/h", "h"))
      assert.equal("f", g.contents("h/one", { rights = R.read }))
      local _, dir = g.open("d", { oflags = 2, rights = wasi.RIGHTS_DIRECTORY,
                                   inheriting = wasi.RIGHTS_ALL })
      assert.equal("notcapable", (g.open("..", { dir = dir, rights = R.readdir })))
      assert.equal("notcapable", (g.open("../f", { dir = dir, rights = R.read })))
      assert.equal("notcapable", (g.open("in/f", { dir = dir, rights = R.read })))
    end)

    it("the magic links of /proc lead nowhere", function()
      local g = wasi.guest { dirs = { ["/proc"] = "/proc" }, resolve = way }
      for _, path in ipairs { "self/fd/0", "self/fd/1", "self/fd/3", "self/fd/4", "self/root",
                              "self/root/etc/passwd", "self/cwd", "self/cwd/README.md", "self/exe",
                              "thread-self/fd/3", "thread-self/root/etc/passwd",
                              "self/task/../root/etc/passwd" } do
        local err = g.open(path, { rights = R.read })
        assert.truthy(err == "notcapable" or err == "loop" or err == "noent" or err == "acces",
          path .. " gave " .. err)
      end
    end)

    it("fifos and devices are opened without waiting", function()
      assert(os.execute("mkfifo " .. box .. "/fifo"))
      local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
      local err, fd = g.open("fifo", { rights = R.read })
      assert.equal("success", err)
      assert.same({ "success", "" }, { g.read(fd, 10) })
      g.fd_close(fd)
      assert.equal("nxio", (g.open("fifo", { rights = R.write })))
    end)

    local SWAPS = tonumber(os.getenv("SWAPS")) or 4000
    it("a neighbour who swaps names meanwhile does not help", function()
      -- x is now a directory inside, now a link to the one outside; so is its y
      assert(os.execute(("cd %s && mkdir x && mkdir x/y && ln -s ../out x2 && "
        .. "printf inside >x/secret && printf inside >x/victim"):format(box)))
      local program = ("%s/spec/swap_links"):format(os.getenv("BUILD") or "build/test")
      local neighbour = assert(io.popen(("%s %s x x2 2>/dev/null"):format(program, box), "w"))
      local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
      local inside, refused = 0, 0
      local tries = {
        function() return g.contents("x/secret", { rights = R.read }) end,
        function() return g.contents("d/../x/secret", { rights = R.read }) end,
        function() return g.contents("x/y/../secret", { rights = R.read }) end,
        function() g.open("x/made", { oflags = CREAT }) end,
        function() g.at("path_unlink_file", "x/made") end,
        function() g.at("path_unlink_file", "x/victim") end,
        function() g.at("path_create_directory", "x/made_dir") end,
        function() g.at("path_remove_directory", "x/made_dir") end,
        function() g.at("path_remove_directory", "x/dir") end,
        function() g.two("path_rename", "x/victim", "d/stolen") end,
        function() g.two("path_rename", "d/stolen", "x/victim") end,
        function() g.two("path_link", "x/secret", "d/linked", 1) end,
        function() return g.contents("d/linked", { rights = R.read }) end,
        function() g.at("path_unlink_file", "d/linked") end,
        function() g.two("path_symlink", "f", "x/link") end,
        function() g.at("path_unlink_file", "x/link") end,
        function()
          local at, size = g.put "x/secret"
          g.path_filestat_set_times(3, 1, at, size, 0, 1000000000, 1 | 4)
        end,
      }
      for n = 1, SWAPS do
        local text, err = tries[n % #tries + 1]()
        if text then
          assert.is_nil(text:find("outside", 1, true))
          inside = inside + 1
        elseif err then
          refused = refused + 1
        end
        if n % 200 == 0 then
          g.w:close()
          g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
        end
      end
      neighbour:close()
      assert.is_true(inside > 0 and refused > 0, ("%d %d"):format(inside, refused))
      assert.equal(before, outside(top))
    end)
  end)
end

describe("out of a directory in memory", function()
  it("nothing leads, however it is named", function()
    local g = wasi.guest { dirs = {
      ["/box"] = { f = "f", d = { g = "g", h = {} } }, ["/out"] = { secret = SECRET, dir = {} },
    } }
    for name, target in pairs {
      up = "..", out = "../out", secret = "../out/secret", ["d/up"] = "../..", two = "one",
      one = "../out/secret", in_out = "d/../../out", loop = "loop",
    } do
      assert.equal("success", g.two("path_symlink", target, name))
    end
    for _, path in ipairs(paths "/top") do
      local text = g.contents(path, { rights = R.read })
      assert.is_nil(text, ("%q was read"):format(path))
      for _, attempt in ipairs(ATTEMPTS) do attempt[2](g, path) end
    end
    assert.same({ secret = SECRET, dir = {} }, g.w:tree "/out")
  end)
end)

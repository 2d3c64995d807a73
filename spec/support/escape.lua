--- A sandbox with secrets around it, and the ways to get at them: for the specs of escape, and for
-- the race of `make stress-paths`.
local wasi = require "spec.support.wasi"
local R = wasi.RIGHT

local CREAT, TRUNC = 1, 8
local SECRET = "secret outside"

local escape = { SECRET = SECRET }

--- A sandbox in a directory whose neighbour holds a secret:
--   top/box/{f, d/{g, h/}}   granted
--   top/boxes/..., top/out/{secret, dir/}   not
--   links in box, as a host might have left them: see below
function escape.prepare(top)
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
function escape.paths(top)
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
function escape.contents(path)
  local pipe <close> = assert(io.popen(("test ! -L %s && cat %s 2>/dev/null"):format(path, path)))
  return pipe:read("a")
end

--- A picture of everything outside the box: names, types, times, contents.
function escape.outside(top)
  local pipe <close> = assert(io.popen(("cd %s && find . -mindepth 1 -path ./box -prune -o "
    .. "-path ./template -prune -o -print0 | sort -z | "
    .. "xargs -0 stat -c '%%n %%F %%s %%Y %%Z %%h %%a' && cat out/secret out/victim boxes/secret")
    :format(top)))
  return pipe:read("a")
end

--- Every call that takes a path, as an attempt: the error's name.
escape.attempts = {
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

--- A picture without times: what is there, of what type, and what it says. Names that the race
-- itself moves are x and x2.
function escape.names(top)
  local pipe <close> = assert(io.popen(("cd %s && find . -mindepth 1 -path ./box -prune -o "
    .. "-path ./template -prune -o -name x2 -prune -o -name x -prune -o -printf '%%p %%y %%n\\n' "
    .. "| sort && cat out/secret out/victim boxes/secret"):format(top)))
  return pipe:read("a")
end

--- What a neighbour exchanges for ever: the shell that makes both, in the box, and their names.
escape.races = {
  { "a directory and a link out", "mkdir -p x/y && ln -s ../out x2", "x", "x2" },
  { "a directory below and a link out", "mkdir -p d/x/y && ln -s ../../out d/x2", "d/x", "d/x2" },
  { "a directory and one outside", "mkdir -p x/y ../out/x2/y", "x", "../out/x2" },
  { "a link inside and a link out", "mkdir -p real/y && ln -s real x && ln -s ../out x2", "x",
    "x2" },
  { "a file and a link to one outside", "ln -s ../out/secret x2", "x", "x2", file = true },
}

local function must_not(text, what)
  assert(not text:find("outside", 1, true) and not text:find("victim:4:14", 1, true), what)
end

--- Tries on a directory `x` that may be a link out at any time: each gives a text or an error.
local function directory_tries(g, x)
  local function both(call, from, to, flags) return nil, (g.two(call, from, to, flags)) end
  return {
    function() return g.contents(x .. "/secret", { rights = R.read }) end,
    function() return g.contents("d/../" .. x .. "/secret", { rights = R.read }) end,
    function() return g.contents(x .. "/y/../secret", { rights = R.read }) end,
    function() return g.contents(x .. "/y/../../secret_above", { rights = R.read }) end,
    function() return g.contents(x .. "/y/../../secret", { rights = R.read }) end,
    function()
      local err, fd = g.open(x, { oflags = 2 })
      if err ~= "success" then return nil, err end
      local _, names = g.list(fd)
      g.fd_close(fd)
      -- the directory outside has one that is called dir
      assert(not table.concat(names, " "):find("%f[%w_]dir:3"), "listed outside")
      return "list"
    end,
    function()
      local err, st = g.stat(x .. "/secret")
      assert(err ~= "success" or st.size ~= #SECRET, "stat of the secret")
      return nil, err
    end,
    function()
      local err, fd = g.open(x .. "/made", { oflags = CREAT })
      if err == "success" then g.fd_close(fd) end
      return nil, err
    end,
    function()
      local err, fd = g.open(x .. "/y/../../made", { oflags = CREAT })
      if err == "success" then g.fd_close(fd) end
      return nil, err
    end,
    function()
      local err, fd = g.open(x .. "/victim", { oflags = TRUNC, rights = R.write })
      if err == "success" then g.fd_close(fd) end
      return nil, err
    end,
    function() return nil, g.at("path_unlink_file", x .. "/made") end,
    function() return nil, g.at("path_unlink_file", x .. "/victim") end,
    function() return nil, g.at("path_create_directory", x .. "/made_dir") end,
    function() return nil, g.at("path_remove_directory", x .. "/made_dir") end,
    function() return nil, g.at("path_remove_directory", x .. "/dir") end,
    function() return both("path_rename", x .. "/victim", "d/stolen") end,
    function() return both("path_rename", "d/stolen", x .. "/victim") end,
    function() return both("path_link", x .. "/secret", "d/linked", 1) end,
    function() return g.contents("d/linked", { rights = R.read }) end,
    function() return nil, g.at("path_unlink_file", "d/linked") end,
    function() return both("path_symlink", "f", x .. "/link") end,
    function() return nil, g.at("path_unlink_file", x .. "/link") end,
    function()
      local at, size = g.put(x .. "/secret")
      return nil, g.path_filestat_set_times(3, 1, at, size, 0, 1000000000, 1 | 4)
    end,
  }
end

--- Tries on a file that may be a link to one outside.
local function file_tries(g, x)
  local function open(how)
    local err, fd = g.open(x, how)
    if err == "success" then
      g.write(fd, "inside")
      g.fd_close(fd)
    end
    return nil, err
  end
  return {
    function() return g.contents(x, { rights = R.read }) end,
    function() return g.contents("d/../" .. x, { rights = R.read }) end,
    function() return g.contents(x, { rights = R.read, nofollow = true }) end,
    function() return open { rights = R.write } end,
    function() return open { rights = R.write, oflags = TRUNC } end,
    function() return open { rights = R.write, oflags = CREAT } end,
    function() return open { rights = R.write, oflags = CREAT, fdflags = 1 } end,
    function()
      local err, st = g.stat(x)
      assert(err ~= "success" or st.size ~= #SECRET, "stat of the secret")
      return nil, err
    end,
    function()
      local at, size = g.put(x)
      return nil, g.path_filestat_set_times(3, 1, at, size, 0, 1000000000, 1 | 4)
    end,
    function() return nil, (g.two("path_link", x, "d/linked", 1)) end,
    function()
      local text, err = g.contents("d/linked", { rights = R.read })
      g.at("path_unlink_file", "d/linked")
      return text, err
    end,
  }
end

--- Let a neighbour exchange two names for so long while a guest tries to get out by them.
---@param way string  "kernel" or "walk"
---@param race table  one of escape.races
---@param seconds number
---@return table  tries =, inside =, refused =, swaps =
function escape.race(way, race, seconds)
  local top, remove = wasi.directory()
  local box = escape.prepare(top)
  assert(os.execute(("cd %s && rm -f up && %s && for d in x d/x real ../out/x2; do "
    .. "if test -d $d -a ! -L $d; then printf inside >$d/secret && printf inside >$d/victim; fi; "
    .. "done && if ! test -e x; then printf inside >x; fi"):format(box, race[2])))
  local before = escape.names(top)
  local program = ("%s/spec/swap_links"):format(os.getenv("BUILD") or "build/test")
  local neighbour = assert(io.popen(("%s %s %s %s 2>%s/swaps.log"):format(program, box, race[3],
    race[4], top), "w"))
  local got = { tries = 0, inside = 0, refused = 0, errors = {} }
  local start, ends = os.time(), os.clock() + seconds
  repeat
    local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
    local tries = (race.file and file_tries or directory_tries)(g, race[3])
    for _ = 1, 10 do
      for n, try in ipairs(tries) do
        local text, err = try()
        got.tries = got.tries + 1
        if text then
          must_not(text, ("try %d of %s read: %s"):format(n, race[1], text))
          got.inside = got.inside + 1
        elseif err == "success" then
          got.inside = got.inside + 1
        elseif err then
          got.refused = got.refused + 1
          got.errors[err] = (got.errors[err] or 0) + 1
        end
      end
    end
    g.w:close()
  until os.clock() >= ends or os.time() - start > 20 * seconds + 60
  assert(neighbour:close(), "the neighbour has failed")
  local log <close> = assert(io.open(top .. "/swaps.log"))
  got.swaps = math.tointeger(log:read("a"):match("^(%d+) swaps"))
  os.remove(top .. "/swaps.log")
  got.same = escape.names(top) == before
  remove()
  return got
end

return escape

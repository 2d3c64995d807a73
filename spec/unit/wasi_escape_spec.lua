--- Nothing outside of a granted directory can be reached from it: attempts, none of which succeeds.
local escape = require "spec.support.escape"
local wasi = require "spec.support.wasi"
local R = wasi.RIGHT

for _, way in ipairs { "kernel", "walk" } do
  describe("out of a directory, resolved by " .. way .. ",", function()
    local top, remove, box, before
    before_each(function()
      top, remove = wasi.directory()
      box = escape.prepare(top)
      before = escape.outside(top)
    end)
    after_each(function() remove() end)

    for _, attempt in ipairs(escape.attempts) do
      it("nothing is reached by: " .. attempt[1], function()
        local g
        for _, path in ipairs(escape.paths(top)) do
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
            assert.equal(before, escape.outside(top), path)
            assert.is_nil(escape.contents(box .. "/d/stolen"):find("outside", 1, true), path)
            -- the box as it was, for the next path
            g.w:close()
            g = nil
            assert(os.execute(("rm -rf %s && cp -a %s/template %s"):format(box, top, box)))
          end
        end
        assert.equal(before, escape.outside(top))
      end)
    end

    it("nothing is read or seen through any path", function()
      local g = wasi.guest { dirs = { ["/"] = box }, resolve = way }
      for _, path in ipairs(escape.paths(top)) do
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
  end)
end

describe("out of a directory in memory", function()
  it("nothing leads, however it is named", function()
    local g = wasi.guest { dirs = {
      ["/box"] = { f = "f", d = { g = "g", h = {} } },
      ["/out"] = { secret = escape.SECRET, dir = {} },
    } }
    for name, target in pairs {
      up = "..", out = "../out", secret = "../out/secret", ["d/up"] = "../..", two = "one",
      one = "../out/secret", in_out = "d/../../out", loop = "loop",
    } do
      assert.equal("success", g.two("path_symlink", target, name))
    end
    for _, path in ipairs(escape.paths "/top") do
      local text = g.contents(path, { rights = R.read })
      assert.is_nil(text, ("%q was read"):format(path))
      for _, attempt in ipairs(escape.attempts) do attempt[2](g, path) end
    end
    assert.same({ secret = escape.SECRET, dir = {} }, g.w:tree "/out")
  end)
end)

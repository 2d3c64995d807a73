--- `luawasm compile` and `cache`, and what `run` makes of them.
local cached = require "spec.support.cached"
local cli = require "spec.support.cli"
local wasm = require "wasm"

-- More code than is compiled before a module is used.
local function large_module()
  local body = ("(local.set 0 (i32.add (local.get 0) (i32.const 77777)))"):rep(1000)
  local functions = {}
  for n = 1, 40 do
    functions[n] = ('(func (export "f%d") (param i32) (result i32) %s (local.get 0))')
      :format(n, body)
  end
  return "(module " .. table.concat(functions) .. ")"
end

describe("luawasm compile", function()
  local file, remove = cli.files()
  local path = file("a.wat", '(module (func (export "f") (result i32) (i32.const 7)))')
  teardown(remove)

  it("fills the cache, once", function()
    local dir = file "cache1"
    local result = cli.run("compile", "--cache", dir, path)
    assert.equal("", result.err)
    assert.equal(0, result.code)
    assert.truthy(result.out:find(path .. ": compiled, %d+ bytes, %d+%.%d%d s\n"), result.out)
    cli.prints(cli.run("compile", "--cache", dir, path), path .. ": in the cache already\n")
    cli.prints(cli.run("compile", "-q", "--cache", dir, path), "")
    assert.equal(1, #assert(wasm.cache { dir = dir, mode = "ro" }):entries())
  end)

  it("compiles large modules whole, and run finds them", function()
    local large, dir = file("large.wat", large_module()), file "cache2"
    assert.equal(0, cli.run("compile", "--cache", dir, large).code)
    cli.prints(cli.run({ before = [[
      local wasm = require "wasm"
      local compile = wasm.compile
      function wasm.compile(bytes, opts)
        local before = opts.cache:stats()
        local mod, err = compile(bytes, opts)
        local after = opts.cache:stats()
        print(after.disk_hits - before.disk_hits, after.misses - before.misses)
        return mod, err
      end]] }, "run", "--cache", dir, "--invoke", "f40", large, "-77777000"), "1\t0\n0\n")
  end)

  it("goes on after a bad file", function()
    local bad, dir = file("bad.wat", "(module"), file "cache3"
    local result = cli.run("compile", "--cache", dir, bad, path, file "nowhere")
    assert.equal(1, result.code)
    assert.truthy(result.out:find("^" .. path .. ": compiled"), result.out)
    assert.truthy(result.err:find("luawasm: " .. bad .. ":1:8: ", 1, true), result.err)
    assert.truthy(result.err:find("luawasm: " .. file "nowhere" .. ": No such file", 1, true))
  end)

  it("uses the user's cache by itself, as run does", function()
    local env = "XDG_CACHE_HOME=" .. file "xdg"
    assert.equal(0, cli.run({ env = env }, "compile", path).code)
    local other = file("b.wat", '(module (func (export "f") (result i32) (i32.const 8)))')
    cli.prints(cli.run({ env = env }, "run", "--invoke", "f", other), "8\n")
    cli.prints(cli.run({ env = env }, "run", "--cache", "off", "--invoke", "f",
      file("c.wat", '(module (func (export "f") (result i32) (i32.const 9)))')), "9\n")
    local result = cli.run({ env = env }, "cache", "ls")
    assert.truthy(result.out:find("\n2 entries, [^\n]*\n$"), result.out)
  end)
end)

describe("a cache that cannot be used", function()
  local file, remove = cli.files()
  local path = file("a.wat", '(module (func (export "f") (result i32) (i32.const 7)))')
  teardown(remove)
  local HOMELESS = "HOME= XDG_CACHE_HOME="

  it("is an error for compile and cache", function()
    local no_home = "no cache: there is no home directory (HOME) to keep it in"
    cli.fails(cli.run({ env = HOMELESS }, "compile", path), 1, no_home)
    cli.fails(cli.run({ env = HOMELESS }, "cache", "clear"), 1, no_home)
    cli.fails(cli.run("compile", "--cache", path, path), 1, "no cache: " .. path
      .. ": cannot be written")
    cli.fails(cli.run("cache", "ls", "--dir", file "nowhere"), 1, file "nowhere"
      .. ": No such file or directory")
    assert.is_nil(io.open(file "nowhere"))
    cli.fails(cli.run("cache", "ls", "--dir", path), 1, path .. ": Not a directory")
  end)

  it("does not keep a program from running, but is told if it was asked for", function()
    cli.prints(cli.run({ env = HOMELESS }, "run", "--invoke", "f", path), "7\n")
    local result = cli.run("run", "--cache", path, "--invoke", "f", path)
    assert.equal("luawasm: warning: no cache: " .. path .. ": cannot be written\n", result.err)
    assert.equal("7\n", result.out)
    assert.equal(0, result.code)
  end)

  it("because others may write to it, is always told", function()
    assert(os.execute(("mkdir -p %s && chmod 777 %s"):format(file "xdg/wasm-lua",
      file "xdg/wasm-lua")))
    local why = file "xdg/wasm-lua" .. ": may be written by others"
    cli.fails(cli.run("run", "--cache", file "xdg/wasm-lua", "--invoke", "f", path), 1, why)
    cli.fails(cli.run({ env = "XDG_CACHE_HOME=" .. file "xdg" }, "compile", path), 1, why)
    local result = cli.run({ env = "XDG_CACHE_HOME=" .. file "xdg" }, "run", "--invoke", "f", path)
    assert.equal("7\n", result.out)
    assert.truthy(result.err:find("luawasm: warning: no cache: " .. why, 1, true), result.err)
  end)
end)

describe("luawasm cache", function()
  local file, remove = cli.files()
  local dir = file "cache"
  teardown(remove)

  -- Three entries, the first of which is the longest unused.
  before_each(function()
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    cache:clear()
    for n = 1, 3 do cached.use(cached.module(7000 + n), 7000 + n, cache) end
    for k, entry in ipairs(cache:entries()) do
      assert(os.execute(("touch -d @%d %s/%s"):format(1000000000 + k * 86400, dir, entry.name)))
    end
  end)

  local function entries()
    local cache <close> = assert(wasm.cache { dir = dir, mode = "ro" })
    return cache:entries()
  end

  it("lists entries, the longest unused first, and their sum", function()
    local lines, sum = {}, 0
    for k, entry in ipairs(entries()) do
      lines[k] = ("%s  %10d  %s\n"):format(os.date("%Y-%m-%d %H:%M", 1000000000 + k * 86400),
        entry.bytes, entry.name)
      sum = sum + entry.bytes
    end
    assert.equal(3, #lines)
    cli.prints(cli.run("cache", "ls", "--dir", dir),
      ("%s3 entries, %.1f kB\n"):format(table.concat(lines), sum / 1000))
  end)

  it("removes the longest unused until so many bytes are left", function()
    local before = entries()
    local result = cli.run("cache", "prune", "--dir", dir, tostring(before[3].bytes + 10))
    cli.prints(result, ("removed 2 entries; 1 entry, %s left\n"):format(
      before[3].bytes < 1000 and before[3].bytes .. " bytes"
      or ("%.1f kB"):format(before[3].bytes / 1000)))
    assert.equal(before[3].name, entries()[1].name)
    assert.truthy(cli.run("cache", "prune", "--dir", dir, "1MiB").out:find("^removed 0 entries; 1"))
    assert.truthy(cli.run("cache", "prune", "--dir", dir).out:find("^removed 0 entries; 1"))
    cli.prints(cli.run("cache", "prune", "0", "--dir", dir),
      "removed 1 entry; 0 entries, 0 bytes left\n")
  end)

  it("finds and removes damaged entries", function()
    cli.prints(cli.run("cache", "verify", "--dir", dir), "3 entries sound, 0 damaged and removed\n")
    local path = dir .. "/" .. entries()[2].name
    local bytes = cached.read(path)
    cached.write(path, cached.patch(bytes, #bytes - 40, "?"))
    local result = cli.run("cache", "verify", "--dir", dir)
    assert.equal("2 entries sound, 1 damaged and removed\n", result.out)
    assert.equal(1, result.code)
    assert.equal(2, #entries())
  end)

  it("removes all", function()
    cli.prints(cli.run("cache", "clear", "--dir", dir), "removed 3 entries\n")
    assert.equal(0, #entries())
    cli.prints(cli.run("cache", "ls", "--dir", dir), "0 entries, 0 bytes\n")
  end)

  it("knows what it is asked for", function()
    cli.fails(cli.run("cache"), 2, "an argument is missing: luawasm cache ls")
    cli.fails(cli.run("cache", "list"), 2, "unknown command 'list': ls, prune, verify or clear")
    cli.fails(cli.run("cache", "clear", "now"), 2, "one argument too many: 'now'")
    for _, word in ipairs { "x", "-1", "1.5", "1T", "99999999999999999999", "9999999999999G" } do
      cli.fails(cli.run("cache", "prune", word), 2, ("'%s' is no number of bytes"):format(word))
    end
  end)
end)

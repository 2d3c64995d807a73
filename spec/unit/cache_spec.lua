--- The cache: rows 3, 4, 5, 26 to 32 of the table in the manual, and the stores.
local wasm = require "wasm"
local core = require "wasm.core"
local cached = require "spec.support.cached"
local host = require "spec.support.host"

local function is_root()
  local pipe <close> = assert(io.popen("id -u"))
  return pipe:read("n") == 0
end

describe("row 4: the last handle goes, then the same bytes come again", function()
  it("and the keep-alive list still has the code", function()
    local cache <close> = assert(wasm.cache { memory_bytes = "1MiB" })
    local bytes = cached.module(4001)
    for _ = 1, 5 do
      cached.use(bytes, 4001, cache)
      collectgarbage() collectgarbage()
    end
    local stats = cache:stats()
    assert.equal(1, stats.misses)
    assert.equal(4, stats.hits)
    assert.equal(1, stats.memory_entries)
    assert.is_true(stats.memory_bytes > #bytes)
  end)

  it("or, with none, the disk, or a compile", function()
    local dir, remove = cached.directory()
    local on_disk <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    local nothing <close> = assert(wasm.cache { memory_bytes = 0 })
    for _ = 1, 3 do
      cached.use(cached.module(4002), 4002, on_disk)
      cached.use(cached.module(4003), 4003, nothing)
      collectgarbage() collectgarbage()
    end
    local stats = on_disk:stats()
    assert.equal(1, stats.misses)
    assert.equal(2, stats.disk_hits)
    assert.equal(0, stats.memory_entries)
    assert.equal(3, nothing:stats().misses)
    remove()
  end)

  it("within its limit of bytes, the longest unused first", function()
    local cache <close> = assert(wasm.cache { memory_bytes = 4000 })
    for n = 1, 40 do cached.use(cached.module(4100 + n), 4100 + n, cache) end
    local stats = cache:stats()
    assert.is_true(stats.memory_bytes <= 4000)
    assert.is_true(stats.memory_entries > 2)
    cached.use(cached.module(4140), 4140, cache)
    assert.equal(1, cache:stats().hits)
    cached.use(cached.module(4101), 4101, cache)
    assert.equal(41, cache:stats().misses)
  end)
end)

describe("row 5: two threads compile the same bytes at once", function()
  it("one compiles, the others wait for it", function()
    host.script([==[
      local life = [[
        local wasm, n = require "wasm", ...
        local cache = assert(wasm.cache { dir = %q, memory_bytes = 0 })
        local body = ("(local.set 0 (i32.add (local.get 0) (i32.const 99999)))"):rep(30000)
        local bytes = assert(wasm.wat("(module (func (export \"f\") (param i32) (result i32)"
          .. body .. "(local.get 0)))"))
        host.word(n, 1) -- all begin at once
        repeat until host.word(1) + host.word(2) + host.word(3) + host.word(4) == 4
        for round = 1, 3 do
          local mod = assert(wasm.compile(bytes, { cache = cache, eager = true }))
          assert(mod:instantiate().exports.f(1) & 0xffffffff == 1 + 30000 * 99999)
          mod:close()
        end
        return "done"]]
      local dir = os.tmpname()
      os.remove(dir)
      life = life:format(dir)
      local cache = assert(require "wasm".cache { dir = dir, memory_bytes = 0 })
      local threads = {}
      for n = 1, 4 do threads[n] = host.thread(life, n) end
      for n = 1, 4 do
        local result, why = host.join(threads[n])
        assert(result == "done", why or result)
      end
      local s = cache:stats()
      assert(s.misses == 1 and s.joined + s.hits + s.disk_hits == 11, s.misses)
      assert(s.joined >= 1, "nobody waited")
      os.execute("rm -rf " .. dir)]==])
  end)
end)

describe("row 26: a bad cache entry", function()
  local dir, remove, cache, bytes, path, good

  before_each(function()
    dir, remove = cached.directory()
    cache = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    bytes = cached.module(26)
    cached.use(bytes, 26, cache)
    collectgarbage() collectgarbage()
    path = cached.entry_path(cache, dir)
    good = cached.read(path)
  end)

  after_each(function()
    cache:close()
    remove()
  end)

  --- What is in place of the entry is a miss, is written again, and then hits.
  local function heals(healed)
    local before = cache:stats()
    cached.use(bytes, 26, cache)
    collectgarbage() collectgarbage()
    local after = cache:stats()
    assert.equal(before.misses + 1, after.misses)
    assert.equal(before.disk_hits, after.disk_hits)
    assert.equal(before.healed + (healed or 1), after.healed)
    assert.equal(good, cached.read(path))
    cached.use(bytes, 26, cache)
    collectgarbage() collectgarbage()
    assert.equal(after.disk_hits + 1, cache:stats().disk_hits)
  end

  it("cut short anywhere is a miss and is written again", function()
    for size = 0, #good - 1, 17 do
      cached.write(path, good:sub(1, size))
      heals()
    end
  end)

  it("with any part flipped is a miss", function()
    for name, part in pairs(cached.parts(good)) do
      for at = part[1], part[2] - 1, math.max(1, (part[2] - part[1]) // 8) do
        if not (name == "header" and at >= cached.HEADER) then
          local flipped = string.char(good:byte(at + 1) ~ 1 << at % 8)
          cached.write(path, cached.patch(good, at, flipped))
          heals()
        end
      end
    end
  end)

  it("with bytes behind it, or of zeros, is a miss", function()
    cached.write(path, good .. "x")
    heals()
    cached.write(path, ("\0"):rep(#good))
    heals()
  end)

  it("of another version, build, CPU or option set is a miss", function()
    for name, value in pairs { version = 2, cpu = -1, effort = 0, features = 4,
                               explicit_bounds = 1, build = ("b"):rep(32) } do
      cached.write(path, core.mend_entry(cached.set_field(good, name, value)))
      heals()
    end
  end)

  it("with a right check and a table out of range is a miss", function()
    local parts = cached.parts(good)
    local function word(part, index, value)
      return cached.patch(good, parts[part][1] + 4 * index, string.pack("<I4", value))
    end
    local text = cached.field(good, "text_size")
    local bad = {
      word("func_at", 0, 16), word("func_at", 1, 0), word("func_at", 1, 8),
      word("func_at", 1, text + 16), word("func_at", 1, 0xfffffff0), word("func_at", 3, 0),
      word("func_at", 3, text + 16), word("func_at", 2, string.unpack("<I4", good,
        parts.func_at[1] + 5)),
      cached.patch(good, parts.saves_ctx[1], "\2"), word("lines", 0, 0xffffffff),
      word("lines", 0, text + 1), word("lines", 2, 0xffffffff), word("lines", 1, #good),
      word("lines", 3, 0xffffffff), word("lines", 1, 1 << 31), word("lines", 3, 1 << 31),
    }
    for _, name in ipairs { "module_size", "text_size", "nfuncs", "nlines" } do
      local is = cached.field(good, name)
      for _, value in ipairs { 0, is + 1, is - 1, 0x7fffffff, 0xffffffff, name:find("size")
                               and -1 or 0x80000000 } do
        bad[#bad + 1] = cached.set_field(good, name, value)
      end
    end
    for n, entry in ipairs(bad) do
      if entry ~= good then
        local ok, mended = pcall(core.mend_entry, entry)
        cached.write(path, ok and mended or entry)
        local fine, why = pcall(heals)
        assert.is_true(fine, n .. ": " .. tostring(why))
      end
    end
  end)

  it("with another module's bytes and a right check is a miss", function()
    local other = cached.module(27)
    assert.equal(#bytes, #other)
    local swapped = cached.patch(good, cached.HEADER, other)
    cached.write(path, core.mend_entry(swapped))
    heals()
  end)

  it("that is a link, a directory or a pipe is a miss", function()
    local aside = dir .. "/aside"
    cached.write(aside, good)
    os.remove(path)
    assert(os.execute(("ln -s aside %s"):format(path)))
    heals()
    assert.equal(good, cached.read(aside)) -- removed was the link
    os.remove(path)
    assert(os.execute(("ln %s %s"):format(aside, path)))
    heals()
    assert.equal(good, cached.read(aside)) -- removed was the second name
    os.remove(path)
    assert(os.execute("mkdir " .. path))
    heals()
    os.remove(path)
    assert(os.execute("mkfifo " .. path))
    heals()
  end)

  it("that others may write to is a miss", function()
    assert(os.execute("chmod 666 " .. path))
    heals()
  end)

  it("that may not be read is a miss", function()
    assert(os.execute("chmod 000 " .. path))
    if is_root() then
      assert(os.execute("chown 12345 " .. path))
      heals(0) -- someone else's: replaced, not removed
    else
      heals()
    end
  end)

  it("is found and removed by verify", function()
    assert.same({ 1, 0 }, { cache:verify() })
    cached.write(path, cached.patch(good, #good - 30, "????"))
    assert.same({ 0, 1 }, { cache:verify() })
    assert.same({ 0, 0 }, { cache:verify() })
  end)

  it("leaves other files alone", function()
    cached.write(dir .. "/notes.txt", "mine")
    cached.write(dir .. "/" .. ("a"):rep(31), "short")
    cache:verify() cache:prune(0) cache:clear()
    assert.equal("mine", cached.read(dir .. "/notes.txt"))
    assert.equal("short", cached.read(dir .. "/" .. ("a"):rep(31)))
    assert.same({}, cache:entries())
  end)
end)

describe("row 27: two inputs share a hash", function()
  after_each(function()
    if core.hash_keep then core.hash_keep(128) end
  end)

  it("and each gets its own code, in memory and on disk", function()
    if not core.hash_keep then
      pending("row 27: fingerprints of 16 bits need a build with assertions")
      return
    end
    core.hash_keep(16)
    local dir, remove = cached.directory()
    local seen, found = {}, 0
    local memory <close> = assert(wasm.cache { memory_bytes = "1MiB" })
    local disk <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    for n = 1, 2000 do
      local bytes = cached.module(100000 + n)
      local mod <close> = assert(wasm.compile(bytes, { cache = false }))
      local twin = seen[mod:hash()]
      seen[mod:hash()] = n
      if twin then
        found = found + 1
        local other = cached.module(100000 + twin)
        for _ = 1, 3 do
          cached.use(bytes, 100000 + n, memory)
          cached.use(other, 100000 + twin, memory)
          cached.use(bytes, 100000 + n, disk)
          cached.use(other, 100000 + twin, disk)
          collectgarbage() collectgarbage()
        end
      end
    end
    assert.is_true(found > 5)
    remove()
  end)
end)

describe("rows 28 and 29: writing an entry", function()
  it("replaces it as a whole, also where two processes write at once", function()
    local dir, remove = cached.directory()
    local lua = os.getenv("LUA") or "lua5.4"
    local writer = ("%s spec/stress/kill.lua --write %s %d %d >/dev/null & "):rep(2) .. "wait"
    local run = assert(os.execute(writer:format(lua, dir, 30, 1, lua, dir, 30, 1)))
    assert.is_true(run)
    local cache <close> = assert(wasm.cache { dir = dir })
    local sound, damaged = cache:verify()
    assert.is_true(sound > 0)
    assert.equal(0, damaged)
    remove()
  end)

  it("leaves nothing half written when it is killed", function()
    local pipe = assert(io.popen(("%s spec/stress/kill.lua 12"):format(
      os.getenv("LUA") or "lua5.4")))
    local output = pipe:read("a")
    assert.is_true(pipe:close(), output)
    assert.truthy(output:find("12 kills", 1, true), output)
  end)

  it("sweeps what a dead writer left, whatever the clock says", function()
    local dir, remove = cached.directory()
    cached.write(dir .. "/.new-1-0", "half")
    assert(os.execute(("touch -d 2100-01-01 %s/.new-1-0"):format(dir)))
    local cache <close> = assert(wasm.cache { dir = dir })
    assert.is_nil(io.open(dir .. "/.new-1-0"))
    assert.same({}, cache:entries())
    remove()
  end)
end)

describe("row 30: a directory that cannot be used", function()
  --- Warnings raised by f.
  local function warnings(code)
    local path = os.tmpname()
    cached.write(path, code)
    local pipe = assert(io.popen(("%s -W %s 2>&1"):format(os.getenv("LUA") or "lua5.4", path)))
    local output = pipe:read("a")
    pipe:close()
    os.remove(path)
    return output
  end

  local USE = [[
    local wasm = require "wasm"
    local cached = require "spec.support.cached"
    local cache = assert(wasm.cache { dir = %q, memory_bytes = "1MiB" })
    for n = 1, 6 do cached.use(cached.module(n %% 3), n %% 3, cache) end
    print(cache:stats().mode, cache:stats().hits)]]

  it("means memory only, and one warning", function()
    local dir, remove = cached.directory()
    cached.write(dir .. "/file", "")
    local output = warnings(USE:format(dir .. "/file/cache"))
    local _, count = output:gsub("Lua warning", "")
    assert.equal(1, count, output)
    assert.truthy(output:find("memory\t3", 1, true), output)
    remove()
  end)

  it("because the disk is full means memory only, and one warning", function()
    local dir, remove = cached.directory()
    if not is_root() or not os.execute(
      ("mount -t tmpfs -o size=16k,mode=700 tmpfs %s 2>/dev/null"):format(dir)) then
      remove()
      pending("row 30: a full disk needs the right to mount a small tmpfs")
      return
    end
    cached.write(dir .. "/filler", ("x"):rep(12000))
    local output = warnings(USE:format(dir))
    local left = io.popen("ls -A " .. dir):read("a")
    os.execute("umount " .. dir)
    remove()
    local _, count = output:gsub("Lua warning", "")
    assert.equal(1, count, output)
    assert.truthy(output:find("memory\t3", 1, true), output)
    assert.falsy(left:find(".new", 1, true), left)
  end)

  it("because there is no home means memory only, and one warning", function()
    local path = os.tmpname()
    cached.write(path, (USE:format("auto")))
    local pipe = assert(io.popen(("env -u HOME -u XDG_CACHE_HOME %s -W %s 2>&1"):format(
      os.getenv("LUA") or "lua5.4", path)))
    local output = pipe:read("a")
    pipe:close()
    os.remove(path)
    local _, count = output:gsub("Lua warning", "")
    assert.equal(1, count, output)
    assert.truthy(output:find("memory\t3", 1, true), output)
  end)

  it("follows the XDG convention for dir=\"auto\"", function()
    local dir, remove = cached.directory()
    local path = os.tmpname()
    cached.write(path, [[
      local wasm = require "wasm"
      print(assert(wasm.cache { dir = "auto" }))]])
    for _, case in ipairs { { "XDG_CACHE_HOME=" .. dir, dir .. "/wasm-lua" },
                            { "XDG_CACHE_HOME=x HOME=" .. dir, dir .. "/.cache/wasm-lua" },
                            { "-u XDG_CACHE_HOME HOME=" .. dir, dir .. "/.cache/wasm-lua" } } do
      local pipe = assert(io.popen(("env %s %s %s 2>&1"):format(case[1],
        os.getenv("LUA") or "lua5.4", path)))
      assert.equal("wasm.cache: " .. case[2] .. "\n", pipe:read("a"))
      pipe:close()
      local stat = io.popen("stat -c %a " .. case[2]):read("l")
      assert.equal("700", stat)
    end
    os.remove(path)
    remove()
  end)

  it("read-only by option reads and writes nothing", function()
    local dir, remove = cached.directory()
    local writer <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    cached.use(cached.module(301), 301, writer)
    collectgarbage() collectgarbage()
    local reader <close> = assert(wasm.cache { dir = dir, memory_bytes = 0, mode = "ro" })
    cached.use(cached.module(301), 301, reader)
    cached.use(cached.module(302), 302, reader)
    collectgarbage() collectgarbage()
    local stats = reader:stats()
    assert.equal("ro", stats.mode)
    assert.equal(1, stats.disk_hits)
    assert.equal(1, stats.entries)
    assert.equal(0, reader:prune(0))
    remove()
  end)

  it("deleted under us is made again", function()
    local dir, remove = cached.directory()
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    cached.use(cached.module(303), 303, cache)
    collectgarbage() collectgarbage()
    assert(os.execute("rm -rf " .. dir))
    cached.use(cached.module(303), 303, cache)
    collectgarbage() collectgarbage()
    cached.use(cached.module(303), 303, cache)
    collectgarbage() collectgarbage()
    local stats = cache:stats()
    assert.equal(2, stats.misses)
    assert.equal(1, stats.disk_hits)
    assert.equal("rw", stats.mode)
    remove()
  end)
end)

describe("row 31: a directory that others can write to", function()
  it("is refused with the reason", function()
    local dir, remove = cached.directory()
    for _, mode in ipairs { "770", "707", "722" } do
      assert(os.execute(("chmod %s %s"):format(mode, dir)))
      local cache, err = wasm.cache { dir = dir }
      assert.is_nil(cache)
      assert.equal("io", err.kind)
      assert.truthy(err.message:find("may be written by others", 1, true))
    end
    assert(os.execute("chmod 755 " .. dir))
    assert(wasm.cache { dir = dir }):close()
    remove()
  end)

  it("or that is another user's is refused with the reason", function()
    local dir, remove = cached.directory()
    if not is_root() then
      remove()
      pending("row 31: a directory of another user needs root to make")
      return
    end
    assert(os.execute("chown 12345 " .. dir))
    local cache, err = wasm.cache { dir = dir }
    assert.is_nil(cache)
    assert.equal("io", err.kind)
    assert.truthy(err.message:find("belongs to another user", 1, true))
    remove()
  end)
end)

describe("row 32: the cache is closed while modules live", function()
  it("and they go on; only look-ups and writes stop", function()
    local dir, remove = cached.directory()
    local cache = assert(wasm.cache { dir = dir })
    local mod = assert(wasm.compile(cached.module(32), { cache = cache, eager = false }))
    local inst = assert(mod:instantiate())
    assert.is_true(cache:close())
    assert.is_false(cache:close())
    assert.is_true(cache:closed())
    assert.equal(332, inst.exports.f(100))
    assert.equal(332, assert(mod:instantiate()).exports.f(100))
    core.drain()
    local ok, err = pcall(wasm.compile, cached.module(32), { cache = cache })
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    ok, err = pcall(cache.stats, cache)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.equal("wasm.cache (closed)", tostring(cache))
    remove()
  end)

  it("and a closed default cache is no cache", function()
    local cache = assert(wasm.cache { memory_bytes = 0 })
    wasm.use_cache(cache)
    cached.use(cached.module(33), 33)
    assert.equal(1, cache:stats().misses)
    cache:close()
    cached.use(cached.module(33), 33)
    wasm.use_cache(nil)
    assert.is_false(pcall(wasm.use_cache, cache))
  end)
end)

describe("a cache directory", function()
  it("stays within max_bytes, the longest unused go first", function()
    local dir, remove = cached.directory()
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0, max_bytes = 4000 })
    for n = 1, 20 do
      cached.use(cached.module(5000 + n), 5000 + n, cache)
      collectgarbage() collectgarbage()
    end
    local stats = cache:stats()
    assert.is_true(stats.bytes <= 4000 and stats.entries >= 2, stats.bytes)
    assert.is_true(stats.evicted >= 10)
    assert(os.execute(("touch -d 2001-01-01 %s/*"):format(dir)))
    local entries = cache:entries()
    local newest = entries[#entries].name
    assert(os.execute(("touch %s/%s"):format(dir, newest)))
    cache:prune(entries[1].bytes)
    entries = cache:entries()
    assert.equal(1, #entries)
    assert.equal(newest, entries[1].name)
    remove()
  end)

  it("is one cache however often it is opened", function()
    local dir, remove = cached.directory()
    local a <close> = assert(wasm.cache { dir = dir })
    local b <close> = assert(wasm.cache { dir = dir .. "/../" .. dir:match("[^/]+$") })
    cached.use(cached.module(5100), 5100, a)
    assert.equal(1, b:stats().misses)
    a:close()
    cached.use(cached.module(5100), 5100, b)
    assert.equal(1, b:stats().hits)
    remove()
  end)

  it("has the lazy code too, once it is complete", function()
    local dir, remove = cached.directory()
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    local mod = assert(wasm.compile(cached.module(5200), { cache = cache, eager = false }))
    assert.equal(5500, assert(mod:instantiate()).exports.f(100))
    core.drain()
    assert.equal(1, cache:stats().stored)
    mod:close()
    collectgarbage() collectgarbage()
    local lazy = cached.read(cached.entry_path(cache, dir))
    cached.use(cached.module(5200), 5200, cache)
    assert.equal(1, cache:stats().disk_hits)
    collectgarbage() collectgarbage()
    cache:clear()
    cached.use(cached.module(5200), 5200, cache, { eager = true })
    assert.equal(lazy, cached.read(cached.entry_path(cache, dir)))
    remove()
  end)
end)

describe("an entry that changes while it is read", function()
  it("is never executed half old, half new", function()
    local dir, remove = cached.directory()
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    local bytes = cached.module(5300)
    cached.use(bytes, 5300, cache)
    collectgarbage() collectgarbage()
    local path = cached.entry_path(cache, dir)
    -- Overwritten in place, cut short and removed by another process, as fast as it can.
    local going = os.tmpname()
    local spoiler = assert(io.popen(([[exec 2>/dev/null; p=%s; n=0; while [ -e %s ]; do
      n=$((n + 1))
      dd if=/dev/urandom of=$p bs=40 count=1 seek=$((n %% 12)) conv=notrunc
      head -c 300 $p > $p.cut; cat $p.cut > $p
      rm -f $p
    done]]):format(path, going)))
    for _ = 1, 300 do
      cached.use(bytes, 5300, cache)
      collectgarbage()
    end
    local stats = cache:stats()
    assert.equal(301, stats.misses + stats.disk_hits)
    os.remove(going)
    spoiler:close()
    remove()
  end)
end)

describe("a file system that forbids to execute", function()
  it("does not matter: nothing is mapped from it", function()
    local dir, remove = cached.directory()
    if not is_root() or not os.execute(
      ("mount -t tmpfs -o noexec,mode=700 tmpfs %s 2>/dev/null"):format(dir)) then
      remove()
      pending("a cache on a noexec file system needs the right to mount one")
      return
    end
    local cache = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    for _ = 1, 2 do
      cached.use(cached.module(5400), 5400, cache)
      collectgarbage() collectgarbage()
    end
    local hits = cache:stats().disk_hits
    cache:close()
    os.execute("umount " .. dir)
    remove()
    assert.equal(1, hits)
  end)
end)

describe("options of a cache", function()
  it("are checked", function()
    for _, opts in ipairs { { dirr = "x" }, { dir = 5 }, { mode = "w" }, { max_bytes = "lots" },
                            { store = {} }, { store = { get = print, put = print } },
                            { store = { get = print, put = print }, key = "short" },
                            { key = ("k"):rep(32) }, { dir = "a\0b" },
                            { store = { get = print, put = print }, key = ("k"):rep(16),
                              dir = "/tmp" } } do
      assert.is_false(pcall(wasm.cache, opts))
    end
    assert.is_false(pcall(wasm.compile, cached.module(1), { cache = 5 }))
    assert.is_false(pcall(wasm.use_cache, {}))
  end)
end)

describe("a store of two functions", function()
  local KEY = "a secret of at least 16 bytes"
  local entries, asked

  local function store(opts)
    opts = opts or {}
    return assert(wasm.cache {
      memory_bytes = 0, key = opts.key or KEY, mode = opts.mode,
      store = {
        get = opts.get or function(name)
          asked = asked + 1
          return entries[name]
        end,
        put = opts.put or function(name, bytes) entries[name] = bytes end,
      },
    })
  end

  local function use(cache, n)
    cached.use(cached.module(n), n, cache)
    collectgarbage() collectgarbage()
    local stats = cache:stats()
    return stats.misses, stats.disk_hits
  end

  before_each(function() entries, asked = {}, 0 end)

  it("is asked for what is not in memory, and given what was compiled", function()
    local cache <close> = store()
    assert.same({ 1, 0 }, { use(cache, 6001) })
    assert.same({ 1, 1 }, { use(cache, 6001) })
    assert.same({ 2, 1 }, { use(cache, 6002) })
    assert.equal(3, asked)
    assert.equal("rw", cache:stats().mode)
    local second <close> = store()
    assert.same({ 0, 1 }, { use(second, 6002) })
  end)

  it("is asked only, or not even that, in the other modes", function()
    local cache <close> = store()
    use(cache, 6010)
    local reader <close> = store { mode = "ro" }
    assert.same({ 0, 1 }, { use(reader, 6010) })
    assert.same({ 1, 1 }, { use(reader, 6011) })
    assert.same({ 1, 2 }, { use(cache, 6010), (select(2, use(reader, 6010))) })
    assert.same({ 2, 1 }, { use(cache, 6011) }) -- the reader gave nothing
    local none <close> = store { mode = "off" }
    local before = asked
    assert.same({ 1, 0 }, { use(none, 6010) })
    assert.equal(before, asked)
  end)

  it("is believed only with the right tag, for the right name", function()
    local cache <close> = store()
    use(cache, 6003)
    local name, good = next(entries)
    for at = 1, #good, 13 do
      entries[name] = cached.patch(good, at - 1, string.char(good:byte(at) ~ 0x40))
      local _, hits = use(cache, 6003)
      assert.equal(0, hits)
      assert.equal(good, entries[name])
    end
    for _, bad in ipairs { "", "x", good:sub(1, 32), good:sub(1, -2), good .. "x", 5, true, {} } do
      entries[name] = bad
      local _, hits = use(cache, 6003)
      assert.equal(0, hits)
    end
    entries[name] = nil
    use(cache, 6004)
    local other = next(entries)
    entries[name] = entries[other] -- rightly tagged, for another module
    local _, hits = use(cache, 6003)
    assert.equal(0, hits)
  end)

  it("of somebody with another key is a miss", function()
    local cache <close> = store()
    use(cache, 6005)
    local stranger <close> = store { key = "another secret, long" }
    assert.same({ 1, 0 }, { use(stranger, 6005) })
    assert.same({ 1, 1 }, { use(stranger, 6005) })
    assert.same({ 2, 0 }, { use(cache, 6005) })
  end)

  it("may fail, close the cache or yield: a miss and a warning", function()
    local cache <close> = store { get = function() error("no network") end,
                                  put = function() error({}) end }
    assert.same({ 1, 0 }, { use(cache, 6007) })
    local lazy <close> = store { get = function() coroutine.yield() end }
    coroutine.wrap(function() assert.same({ 1, 0 }, { use(lazy, 6007) }) end)()
    local closing
    closing = store { get = function() closing:close() end }
    cached.use(cached.module(6008), 6008, closing)
    assert.is_true(closing:closed())
  end)

  it("may compile with the same cache meanwhile", function()
    local cache
    cache = store { get = function(name)
      if asked < 5 then
        asked = asked + 1
        cached.use(cached.module(6009), 6009, cache)
      end
      return entries[name]
    end }
    use(cache, 6009)
    assert.equal(5, asked)
    cache:close()
  end)
end)

describe("the keyed hash", function()
  local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

  it("is BLAKE2b: RFC 7693, appendix A", function()
    assert.equal("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
      .. "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
      hex(core.mac("", "abc", 64)))
  end)

  it("passes the self-test of RFC 7693, appendix E", function()
    --- The sequence of that appendix: `n` bytes from a Fibonacci generator.
    local function sequence(n, seed)
      local a, b, bytes = (0xdead4bad * seed) & 0xffffffff, 1, {}
      for i = 1, n do
        local t = (a + b) & 0xffffffff
        a, b = b, t
        bytes[i] = string.char(t >> 24 & 0xff)
      end
      return table.concat(bytes)
    end
    local all = {}
    for _, out in ipairs { 20, 32, 48, 64 } do
      for _, size in ipairs { 0, 3, 128, 129, 255, 1024 } do
        local text = sequence(size, size)
        all[#all + 1] = core.mac("", text, out)
        all[#all + 1] = core.mac(sequence(out, out), text, out)
      end
    end
    assert.equal("c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475",
      hex(core.mac("", table.concat(all), 32)))
  end)
end)

--- What comes back quickly: cached code, instances from images, snapshots, reloads, lazy code.
-- Times are of one process, the least of several tries, for goals that are times; beside them
-- stands a peer where there is one (a copy of the same bytes, V8's compile of the same module).
local wasm = require "wasm"
local core = require "wasm.core"

local reuse = {}

local MB = 1 << 20

local function leb(n)
  local bytes = {}
  repeat
    local low = n & 0x7f
    n = n >> 7
    bytes[#bytes + 1] = string.char(n > 0 and low | 0x80 or low)
  until n == 0
  return table.concat(bytes)
end

local function section(id, body) return string.char(id) .. leb(#body) .. body end

--- A module of about `size` bytes of code, in functions of 3 KB; `f` calls the last of them.
local function much_code(size, salt)
  local part = "\x20\x00\x41" .. string.char(salt & 63) .. "\x6a\x21\x00" -- local 0 += salt
    .. "\x20\x00\x20\x00\x41\x07\x71\x6a\x21\x00"
  local body = "\0" .. part:rep(3000 // #part) .. "\x20\x00\x0b"
  local n = math.max(1, size // #body)
  local code = { leb(n + 1) }
  for k = 2, n + 1 do code[k] = leb(#body) .. body end
  local caller = "\0\x20\x00\x10" .. leb(n - 1) .. "\x0b"
  code[n + 2] = leb(#caller) .. caller
  return "\0asm\1\0\0\0" .. section(1, "\1\x60\1\x7f\1\x7f")
    .. section(3, leb(n + 1) .. ("\0"):rep(n + 1)) .. section(5, "\1\0\16")
    .. section(7, "\2\1f\0" .. leb(n) .. "\6memory\2\0") .. section(10, table.concat(code))
end

--- A module with so much data; its start function touches as many pages as that.
local function with_data(bytes, touched)
  local pages = bytes // 65536 + 2
  local touch = {}
  for n = 1, touched do
    touch[n] = ("(i32.store (i32.const %d) (i32.const 1))"):format((n - 1) * 5 * MB + 100)
  end
  return assert(wasm.wat(('(module (memory (export "memory") %d) (data (i32.const 1024) "%s")'
    .. " (func $touch %s) (start $touch))"):format(pages, ("0123456789abcdef"):rep(bytes // 16),
    table.concat(touch))))
end

--- Seconds of the quickest of `n` calls; `between` runs unmeasured before each.
local function least(n, f, between)
  local best = math.huge
  for _ = 1, n do
    if between then between() end
    local started = core.clock()
    f()
    best = math.min(best, core.clock() - started)
  end
  return best
end

local function settle()
  collectgarbage()
  collectgarbage()
end

local function line(what, value, unit, goal)
  print(("%-58s %9.3f %-5s %s"):format(what, value, unit, goal and "goal <= " .. goal or ""))
end

local function directory()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function bench_cache()
  local dir = directory()
  local cache = assert(wasm.cache { dir = dir, memory_bytes = "512MiB", max_bytes = "4GiB" })
  local disk = assert(wasm.cache { dir = dir, memory_bytes = 0, max_bytes = "4GiB", mode = "ro" })
  for _, case in ipairs { { 1, 1 }, { 30, 20 } } do
    local bytes = much_code(case[1] * MB, case[1])
    local opts = { cache = cache, eager = true }
    assert(wasm.compile(bytes, opts)):close()
    local hit = least(20, function() assert(wasm.compile(bytes, opts)):close() end)
    local copy = least(20, function() core.hash64(bytes) end)
    line(("memory hit, %d MB: hash and compare"):format(case[1]), hit * 1e3, "ms")
    print(("%-58s %9.1f GB/s (XXH3-64 alone: %.1f)"):format("", #bytes / hit / 1e9,
      #bytes / copy / 1e9))
    cache:clear()
    settle()
    assert(wasm.compile(bytes, { cache = cache, eager = true })):close()
    cache:close()
    settle()
    local found = least(10, function()
      assert(wasm.compile(bytes, { cache = disk, eager = true })):close()
    end, settle)
    assert(disk:stats().disk_hits >= 10 and disk:stats().misses == 0)
    line(("disk hit, %d MB, file in the page cache"):format(case[1]), found * 1e3, "ms",
      case[2] .. " ms")
    cache = assert(wasm.cache { dir = dir, memory_bytes = "512MiB", max_bytes = "4GiB" })
  end
  cache:close()
  disk:close()
  os.execute("rm -rf " .. dir)
end

local function bench_instances()
  local mod = assert(wasm.compile(with_data(10 * MB, 2)))
  local kept = assert(mod:instantiate()) -- the image is made once
  local live = {}
  local cold = least(40, function()
    live[#live + 1] = assert(mod:instantiate())
  end)
  line("instantiate, 10 MB of data, two pages touched", cold * 1e6, "us", "35 us")
  for _, inst in ipairs(live) do inst:close() end
  settle()
  kept:close()
  mod:close()
  mod = assert(wasm.compile(with_data(10 * MB, 1)))
  kept = assert(mod:instantiate())
  local inst
  local warm = least(200, function() inst = assert(mod:instantiate()) end, function()
    if inst then inst:close() end
  end)
  line("the same from the pool, one page touched", warm * 1e6, "us", "5 us")
  local started = core.clock()
  for _ = 1, 1000 do
    inst:close()
    inst = assert(mod:instantiate())
  end
  line("a thousand of these, each closed: each", (core.clock() - started) * 1e3, "us")
  inst:close()
  kept:close()
  mod:close()
end

local function resident()
  for text in io.lines("/proc/self/status") do
    local kib = text:match("^VmRSS:%s+(%d+)")
    if kib then return tonumber(kib) end
  end
end

local function bench_many()
  local mod = assert(wasm.compile [[(module (memory 1) (func (export "f") (param i32)
    (i32.store (local.get 0) (i32.const 1))))]])
  settle()
  local before, live = resident(), {}
  for n = 1, 10000 do
    live[n] = assert(mod:instantiate())
    live[n].exports.f(0)
  end
  line("10,000 live instances, a page touched: memory of each", (resident() - before) / 10000,
    "KiB")
  for n = 1, 10000 do live[n]:close() end
  mod:close()
end

local function bench_snapshots()
  local inst = assert(wasm.run('(module (memory (export "memory") 1024))'))
  local memory = inst.memory
  memory:fill(0, memory:size(), 1)
  local ring, n = {}, 0
  local function dirty() -- 1 %: 164 pages
    n = n + 1
    for k = 0, 163 do memory:u32(k * 400 * 1024 + 4096 * (n % 90), n) end
  end
  ring[1] = assert(inst:snapshot())
  local took = least(30, function() ring[n % 20] = assert(inst:snapshot()) end, dirty)
  line("snapshot of 64 MB, 1 % written since the last", took * 1e3, "ms", "1 ms")
  local back = least(30, function() assert(inst:restore(ring[1])) end, dirty)
  line("restore of the same", back * 1e3, "ms")
  core.watch_pages(false)
  local compared = least(5, function() ring[n % 20] = assert(inst:snapshot()) end, dirty)
  core.watch_pages(true)
  line("snapshot where the system cannot tell what was written", compared * 1e3, "ms")
  inst:close()
end

local function bench_reload()
  settle()
  local versions = { much_code(MB, 1), much_code(MB, 2) }
  local mods = {}
  for k = 1, 2 do mods[k] = assert(wasm.compile(versions[k], { eager = true })) end
  local inst = assert(mods[1]:instantiate())
  inst.memory:fill(1000, 300000, 7)
  local n = 0
  local took = least(20, function()
    assert(inst:reload(mods[1 + n % 2], { state = "memory" }))
  end, function() n = n + 1 end)
  line("reload of a 1 MB module with its memory, beside compiling", took * 1e3, "ms", "5 ms")
  inst:close()
end

-- In one process V8 knows the bytes the second time, so this is its first.
local V8 = [[const fs = require("fs"); const b = fs.readFileSync(process.argv[1]);
const t = process.hrtime.bigint();
const i = new WebAssembly.Instance(new WebAssembly.Module(b)); i.exports.f(1);
console.log((Number(process.hrtime.bigint() - t) / 1e6).toFixed(1))]]

local function bench_first_call()
  local bytes = much_code(30 * MB, 9)
  local validate = least(3, function() assert(wasm.validate(bytes)) end)
  local first = least(3, function()
    local mod <close> = assert(wasm.compile(bytes, { cache = false }))
    local inst <close> = assert(mod:instantiate())
    inst.exports.f(1)
  end, function()
    core.drain()
    settle()
  end)
  line("first call of a 30 MB module, cold, beside validating", (first - validate) * 1e3, "ms",
    "150 ms")
  line("  (validating it)", validate * 1e3, "ms")
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  local pipe = io.popen(("%s -e '%s' %s 2>/dev/null"):format(os.getenv("NODE") or "node",
    V8:gsub("\n", " "), path))
  local v8 = pipe:read("n")
  pipe:close()
  os.remove(path)
  if v8 then
    print(("%-58s %9.1f ms    %.2f x V8 (%.1f ms)"):format("  from bytes to that call's end",
      first * 1e3, first * 1e3 / v8, v8))
  end
  core.drain()
end

function reuse.report()
  bench_many() -- first, in a heap that is not used yet
  bench_cache()
  bench_instances()
  bench_snapshots()
  bench_reload()
  bench_first_call()
end

return reuse

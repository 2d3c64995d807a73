--- The cache: what is compiled once, found again, and why.
local wasm = require "wasm"

local DIRECTORY = arg[0]:match("^(.*)/[^/]*$") or "."
local place = os.tmpname()
os.remove(place)
local bytes = {}
for _, name in ipairs { "qrcode/qrcode", "zlib/zlib", "queens" } do
  local file <close> = assert(io.open(("%s/guests/%s.wasm"):format(DIRECTORY, name), "rb"))
  bytes[#bytes + 1] = { name, file:read("a") }
end

-- A program would say dir = "auto": ~/.cache/wasm-lua, or where XDG_CACHE_HOME says.
local cache = assert(wasm.cache { dir = place, max_bytes = "64MiB", memory_bytes = "16MiB" })
wasm.use_cache(cache) -- what wasm.compile uses in this Lua state from now on

local before = cache:stats()
local function compile_all(why)
  local started = os.clock()
  for _, module in ipairs(bytes) do
    assert(wasm.compile(module[2], { name = module[1] })):close()
  end
  local took, stats = os.clock() - started, cache:stats()
  local counts = {}
  for _, key in ipairs { "misses", "hits", "disk_hits" } do
    if stats[key] > before[key] then
      counts[#counts + 1] = ("%d %s"):format(stats[key] - before[key], key)
    end
  end
  before = stats
  print(("%-46s %-12s %7.2f ms"):format(why, table.concat(counts, ", "), took * 1000))
  return table.concat(counts, ", ")
end

assert(compile_all "the first time: compiled, and written to disk" == "3 misses")
assert(compile_all "again: the code is kept alive for a while" == "3 hits")
cache:close()
collectgarbage()
collectgarbage()

cache = assert(wasm.cache { dir = place, memory_bytes = 0 }) -- as another process would find it
wasm.use_cache(cache)
before = cache:stats()
assert(compile_all "in another process: read from disk and checked" == "3 disk_hits")

-- An entry that is damaged is a miss: it is never run, and is written anew.
local entry = cache:entries()[1]
local file = assert(io.open(place .. "/" .. entry.name, "r+b"))
file:seek("set", entry.bytes // 2)
file:write("oops")
file:close()
assert(compile_all "one entry was damaged meanwhile" == "1 misses, 2 disk_hits")
print(("healed: %d; sound now: %d"):format(cache:stats().healed, (cache:verify())))
assert(cache:stats().healed == 1 and cache:verify() == 3)

-- Other options give other code, under another key.
assert(wasm.compile(bytes[3][2], { bounds = "explicit" })):close()
assert(cache:stats().misses == before.misses + 1)

for _, e in ipairs(cache:entries()) do
  print(("%s  %6d bytes, used %s"):format(e.name, e.bytes, os.date("%H:%M:%S", e.used)))
end
cache:clear()
assert(#cache:entries() == 0)
cache:close()
os.execute("rm -rf " .. place)

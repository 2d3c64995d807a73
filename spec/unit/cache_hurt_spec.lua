--- The cache on an unlucky machine: others sweep while it writes, and there are no descriptors.
local cached = require "spec.support.cached"
local wasm = require "wasm"

local LUA = os.getenv("LUA") or "lua5.4"

-- A process of its own that runs this script.
local function start(code, before)
  local path = os.tmpname()
  cached.write(path, code)
  return assert(io.popen(("%s %s %s 2>&1; rm -f %s"):format(before or "", LUA, path, path)))
end

describe("a cache whose directory others open and sweep all the time", function()
  it("goes on storing what it compiles", function()
    local dir, remove = cached.directory()
    local sweepers = {}
    for k = 1, 3 do
      sweepers[k] = start(([[local wasm = require "wasm"
        while not io.open(%q) do
          wasm.cache({ dir = %q, memory_bytes = 0 }):close()
        end]]):format(dir .. "/stop", dir))
    end
    local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
    local stored = 0
    for n = 1, 300 do
      local mod = assert(wasm.compile(cached.module(9000 + n), { cache = cache, eager = true }))
      mod:close()
      if cache:stats().mode ~= "rw" then break end
      stored = n
    end
    cached.write(dir .. "/stop", "")
    for k = 1, 3 do
      assert.equal("", sweepers[k]:read("a"))
      sweepers[k]:close()
    end
    assert.equal(300, stored)
    assert.equal(300, cache:stats().stored)
    remove()
  end)
end)

describe("a process that has no more descriptors", function()
  it("does not take entries that it cannot open for damaged", function()
    local dir, remove = cached.directory()
    do
      local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
      cached.use(cached.module(4711), 4711, cache, { eager = true })
      assert.equal(1, cache:stats().stored)
    end
    local process = start(([[local wasm = require "wasm"
      local cached = require "spec.support.cached"
      local bytes = cached.module(4711)
      local cache <close> = assert(wasm.cache { dir = %q, memory_bytes = 0 })
      local files = {}
      for k = 1, 100 do files[k] = io.open("/dev/null") end
      local mod = assert(wasm.compile(bytes, { cache = cache, eager = true }))
      mod:close()
      assert(#files > 1 and #files < 40)
      for _, file in ipairs(files) do file:close() end
      collectgarbage()
      local stats = cache:stats()
      print(stats.healed, stats.disk_hits, stats.entries)]]):format(dir), "ulimit -n 40;")
    local said = process:read("a")
    process:close()
    assert.equal("0\t0\t1\n", said)
    remove()
  end)
end)

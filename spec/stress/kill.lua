--- Killed while writing: `lua5.4 spec/stress/kill.lua [kills] [directory]`.
-- A process that compiles into a cache directory as fast as it can is killed at a random moment,
-- again and again; afterwards every entry must be sound and what was left is swept.
--   lua5.4 spec/stress/kill.lua --write DIR COUNT SEED     the process that is killed
local wasm = require "wasm"
local cached = require "spec.support.cached"

local function write(dir, count, seed)
  local cache = assert(wasm.cache { dir = dir, memory_bytes = 0, max_bytes = "200KB" })
  for n = 1, count do
    local k = (n * 7 + seed * 13) % 500
    cached.use(cached.module(k), k, cache)
    collectgarbage()
    if n == 1 then
      print("writing")
      io.stdout:flush()
    end
  end
end

local function main(kills, dir)
  local remove
  if not dir then dir, remove = cached.directory() end
  local lua = os.getenv("LUA") or "lua5.4"
  for n = 1, kills do
    local pipe = assert(io.popen(("echo $$; exec %s spec/stress/kill.lua --write %s 100000 %d")
      :format(lua, dir, n)))
    local process = pipe:read("n")
    assert(pipe:read("l") == "" and pipe:read("l") == "writing")
    local pause = (n * 2654435761 % 100) / 2000 -- up to a twentieth of a second
    os.execute(("sleep %.4f; kill -9 %d"):format(pause, process))
    pipe:close()
  end
  local cache = assert(wasm.cache { dir = dir })
  local sound, damaged = cache:verify()
  assert(damaged == 0, damaged .. " damaged entries")
  assert(sound > 0, "nothing was written")
  local left = io.popen("ls -A " .. dir .. " | grep -c '^.new'"):read("n")
  assert(left == 0, left .. " temporary files were not swept")
  print(("kill: %d kills, %d entries, all sound"):format(kills, sound))
  if remove then remove() end
end

if arg[1] == "--write" then
  write(arg[2], tonumber(arg[3]), tonumber(arg[4]))
else
  main(tonumber(arg[1]) or 1000, arg[2])
end

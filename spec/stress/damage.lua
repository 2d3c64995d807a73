--- Damaged cache entries: `lua5.4 spec/stress/damage.lua [count] [seed]`.
-- An entry of a cache directory is flipped, cut, extended, swapped with another's, overwritten in
-- part or given another version: it must not be executed, and is healed. Half of the time its
-- check is made right again, so that the checks behind it are reached; then it is only read.
local wasm = require "wasm"
local core = require "wasm.core"
local cached = require "spec.support.cached"

local count, seed = tonumber(arg[1]) or 100000, tonumber(arg[2]) or 1

local state = seed * 2654435769 + 1
local function random(n)
  state = state * 6364136223846793005 + 1442695040888963407
  return ((state >> 33) % n) + 1
end

local dir, remove = cached.directory()
local cache = assert(wasm.cache { dir = dir, memory_bytes = 0 })

local modules = {}
for n = 1, 8 do
  local bytes = cached.module(7000 + n)
  cached.use(bytes, 7000 + n, cache)
  collectgarbage()
  collectgarbage()
  modules[n] = { n = 7000 + n, bytes = bytes }
end
for _, entry in ipairs(cache:entries()) do
  local good = cached.read(dir .. "/" .. entry.name)
  local size = cached.field(good, "module_size")
  for _, m in ipairs(modules) do
    if good:sub(cached.HEADER + 1, cached.HEADER + size) == m.bytes then
      m.path, m.good = dir .. "/" .. entry.name, good
    end
  end
end

local function bytes_of(n)
  local list = {}
  for k = 1, n do list[k] = string.char(random(256) - 1) end
  return table.concat(list)
end

--- Somewhere in a part of the entry, all parts alike often.
local NAMES = { "header", "module", "text", "func_at", "saves_ctx", "pad", "lines", "check" }
local function place(good)
  local parts = cached.parts(good)
  local part
  repeat part = parts[NAMES[random(#NAMES)]] until part[2] > part[1]
  return part[1] + random(part[2] - part[1]) - 1
end

local FIELDS = {}
for name in pairs(cached.fields) do FIELDS[#FIELDS + 1] = name end
table.sort(FIELDS)
local VALUES = { 0, 1, 7, 16, 255, 65535, 0x7fffffff, 0xffffffff, -1, math.mininteger }

local kinds = {
  flip = function(good)
    local at = place(good)
    return cached.patch(good, at, string.char(good:byte(at + 1) ~ 1 << random(8) - 1))
  end,
  overwrite = function(good)
    local at = place(good)
    return cached.patch(good, at, bytes_of(math.min(random(32), #good - at)))
  end,
  cut = function(good) return good:sub(1, place(good)) end,
  extend = function(good) return good .. bytes_of(random(64)) end,
  insert = function(good)
    local at = place(good)
    return good:sub(1, at) .. bytes_of(random(8)) .. good:sub(at + 1)
  end,
  zero = function(good)
    local at = place(good)
    return cached.patch(good, at, ("\0"):rep(math.min(random(200), #good - at)))
  end,
  swap = function(good, m)
    local other
    repeat other = modules[random(#modules)] until other ~= m
    if random(2) == 1 then return other.good end
    local at = math.min(place(good), #other.good) -- the head of one, the tail of the other
    return good:sub(1, at) .. other.good:sub(at + 1)
  end,
  field = function(good)
    local name = FIELDS[random(#FIELDS)]
    local format = cached.fields[name][2]
    if format:find("c") then
      return cached.set_field(good, name, bytes_of(tonumber(format:sub(2))))
    end
    local bits = string.packsize(format) * 8
    local value = VALUES[random(#VALUES)]
    if random(2) == 1 then value = cached.field(good, name) + random(5) - 3 end
    if bits < 64 then value = value & (1 << bits) - 1 end
    return cached.set_field(good, name, value)
  end,
}
local KINDS = {}
for name in pairs(kinds) do KINDS[#KINDS + 1] = name end
table.sort(KINDS)

local taken, mended, loaded = {}, 0, 0

--- With a wrong check: it must not be executed, and is written anew.
local function use_damaged(m, bad, what)
  cached.write(m.path, bad)
  local before = cache:stats()
  cached.use(m.bytes, m.n, cache)
  collectgarbage()
  collectgarbage()
  local after = cache:stats()
  if bad == m.good then return end -- it was overwritten with the same
  if after.disk_hits > before.disk_hits then error(what .. ": executed") end
  if after.healed == before.healed then error(what .. ": not healed") end
  if cached.read(m.path) ~= m.good then error(what .. ": not written again") end
end

--- With a right check: it may be read, as whoever made it could run code, but must do no harm to
-- the reader. Nothing of it is called.
local function load_forged(m, bad)
  cached.write(m.path, bad)
  local before = cache:stats().disk_hits
  local mod = assert(wasm.compile(m.bytes, { cache = cache }))
  mod:info()
  mod:close()
  collectgarbage()
  collectgarbage()
  loaded = loaded + cache:stats().disk_hits - before
  cached.write(m.path, m.good)
end

for step = 1, count do
  local m = modules[random(#modules)]
  local name = KINDS[random(#KINDS)]
  local bad = kinds[name](m.good, m)
  local ok, forged = pcall(core.mend_entry, bad)
  if ok and random(2) == 1 then
    mended = mended + 1
    load_forged(m, forged)
  else
    use_damaged(m, bad, ("step %d, seed %d, %s"):format(step, seed, name))
  end
  taken[name] = (taken[name] or 0) + 1
end
local list = {}
for _, name in ipairs(KINDS) do list[#list + 1] = ("%s %d"):format(name, taken[name] or 0) end
print(("damage: %d entries, %d with a right check, of which %d were read; %s"):format(count, mended,
  loaded, table.concat(list, ", ")))
cache:close()
remove()

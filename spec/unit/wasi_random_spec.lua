--- A guest that calls anything with anything: it gets an errno, and nothing else happens.
local wasi = require "spec.support.wasi"

local ROUNDS = tonumber(os.getenv("ROUNDS")) or 6000

--- splitmix64, so that a failure can be had again.
local function generator(seed)
  return function(n)
    seed = seed + 0x9e3779b97f4a7c15
    local z = seed
    z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
    z = (z ~ (z >> 27)) * 0x94d049bb133111eb
    return ((z ~ (z >> 31)) >> 1) % n
  end
end

local PATHS = { "f", "d", "d/g", ".", "..", "", "l", "d/../f", "new", "d/new", "/", "l/x", "f/",
                "d/", "a\0b", ("x"):rep(300), "../out", "loop", "d/up/out" }

--- Offsets near the edges, small numbers, descriptors, anything.
local function argument(random, type, size)
  local k = random(10)
  if k < 4 then return random(12) end
  if k < 6 then return 1024 + 64 * random(30) end
  if k == 6 then return size - random(70) end
  if k == 7 then return -random(70) end
  if k == 8 then return 1 << random(type == "I" and 63 or 31) end
  local n = random(1 << 62) << 2 | random(4)
  return type == "I" and n or (n & 0xffffffff)
end

--- Memory full of paths, iovecs, subscriptions, by chance.
local function fill(g, random)
  for at = 1024, 3000, 64 do
    local kind = random(4)
    if kind == 0 then
      g.memory:write(at, PATHS[random(#PATHS) + 1])
    elseif kind == 1 then
      g.memory:write(at, ("<I4I4I4I4"):pack(random(8000), random(200), random(1 << 32), random(9)))
    elseif kind == 2 then
      g.memory:write(at, ("<i8I8I8I8"):pack(random(9), random(3), random(12), random(1 << 40)))
    else
      g.memory:fill(at, 64, random(3))
    end
  end
end

--- Play; errno names with how often they came. `without`: a call that is left out.
local function play(opts, seed, module, without)
  local random = generator(seed)
  local rows, g = {}, nil
  for _, row in ipairs(wasi.rows()) do
    local here = not module or row.name ~= "sock_accept"
    if row.name ~= "proc_exit" and row.name ~= without and here then
      rows[#rows + 1] = row
    end
  end
  local seen = {}
  for n = 1, ROUNDS do
    if n % 400 == 1 then
      if g then g.w:close() end
      g = wasi.guest(opts, module)
    end
    if n % 40 == 1 then fill(g, random) end
    local row = rows[random(#rows) + 1]
    local args = {}
    for type in row.params:gmatch(".") do
      args[#args + 1] = argument(random, type, g.memory:size())
    end
    if row.name:find("^path") and random(2) == 0 then -- so that some get further
      local path = PATHS[random(#PATHS) + 1]
      g.memory:write(4000, path)
      for k = 1, #args - 1 do
        if random(3) == 0 then args[k], args[k + 1] = 4000, #path end
      end
      args[1] = 3 + random(4)
    end
    local name = g[row.name](table.unpack(args))
    assert(type(name) == "string", ("seed %d, call %d: %s gave %s"):format(seed, n, row.name, name))
    seen[name] = (seen[name] or 0) + 1
  end
  g.w:close()
  return seen
end

describe("a guest that calls anything with anything", function()
  for seed = 1, 4 do
    it(("does no harm, seed %d, in memory"):format(seed), function()
      local seen = play({
        clock = "fake", random = seed, stdin = "some input", stdout = "buffer", max_bytes = "4MiB",
        max_files = 40, args = { "a", "b" }, env = { A = "b" },
        dirs = { ["/d"] = { f = "text", d = { g = "more" } },
                 ["/r"] = { tree = { f = "text" }, read_only = true } },
      }, seed, seed % 2 == 0 and "wasi_unstable" or nil)
      assert.is_true(seen.success > 100 and seen.fault > 100 and seen.badf > 100)
    end)

    it(("does no harm, seed %d, on the host"):format(seed), function()
      local top, remove = wasi.directory()
      assert(os.execute(("cd %s && mkdir -p box/d out && printf x >out/keep && ln -s loop box/loop "
        .. "&& ln -s ../.. box/d/up && printf text >box/f && printf more >box/d/g"):format(top)))
      local seen = play({
        clock = "fake", random = seed, stdin = function() return "asked" end,
        stdout = function() end, max_files = 40, dirs = { ["/d"] = top .. "/box" },
        resolve = seed % 2 == 0 and "walk" or "kernel",
      }, seed, nil, "fd_allocate") -- that would be gigabytes of a real disk
      assert.is_true(seen.success > 100 and seen.fault > 100 and seen.badf > 100)
      local pipe <close> = assert(io.popen(("cd %s && ls && ls out && cat out/keep"):format(top)))
      assert.equal("box\nout\nkeep\nx", pipe:read("a"))
      remove()
    end)
  end
end)

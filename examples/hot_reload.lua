--- A game loop whose mod is rewritten while it runs.
-- The mod is examples/hot/mod.c; its versions are shipped compiled, so that this runs without a
-- compiler. To play with it, edit the source, compile it over the file that the game watches.
local wasm = require "wasm"

local DIRECTORY = arg[0]:match("^(.*)/[^/]*$") or "."

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  file:write(bytes)
end

-- What the author saves over the mod's file, and when. The third is a compiler's unfinished output.
local mod = os.tmpname()
local version = {}
for n, name in ipairs { "1", "2", "4" } do
  version[n] = read(("%s/hot/mod%s.wasm"):format(DIRECTORY, name))
end
local edits = {
  [5] = { "a longer text and a better income", version[2] },
  [9] = { "a file that is cut off in the middle", version[2]:sub(1, #version[2] // 2) },
  [12] = { "the mistake mended, and a new function", version[3] },
}
write(mod, version[1])

local game
local imports = {
  game = { say = function(at, number)
    print(("    the mod says: %s, %d floors"):format(game.instance.memory:cstring(at), number))
  end },
}

game = assert(wasm.hot(mod, {
  imports = imports,
  state = { "world" }, -- the one thing that has to survive; its size comes from world_size
  on_reload = function(report)
    print(("  reloaded: %s; kept %d bytes of state"):format(table.concat(report.order, ", "),
      report.state.bytes))
  end,
  on_error = function(err)
    print("  not reloaded, the old version plays on: " .. err.kind .. ": " .. err.message)
  end,
}))

-- Taken once, before any of the reloads: function handles follow to the newest version.
local tick, height = game.exports.tick, game.exports.height

local reloads, failures = 0, 0
for frame = 1, 15 do
  if edits[frame] then
    print(("frame %d, the author saves %s"):format(frame, edits[frame][1]))
    write(mod, edits[frame][2])
  end
  local reloaded, err = game:poll()
  if reloaded then reloads = reloads + 1 end
  if err and edits[frame] then failures = failures + 1 end
  print(("frame %2d: gold %2d, height %d"):format(frame, tick(), height()))
end

print("a function that only the last version has:")
game.exports.motto()

assert(reloads == 2 and failures == 1)
assert(tick == game.exports.tick and height() == 5, height())
game:close()
os.remove(mod)

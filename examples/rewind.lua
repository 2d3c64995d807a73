--- Save states: a ring of snapshots to go back in, a file to go on from, a clone to try things out.
local wasm = require "wasm"

local DIRECTORY = arg[0]:match("^(.*)/[^/]*$") or "."
local life = assert(wasm.load(DIRECTORY .. "/guests/life.wasm"))
local world = assert(life:instantiate())

local function show(inst)
  local memory = inst.memory
  for y = 0, 11 do
    print("  " .. memory:read(inst.exports.row(y), 48):gsub("%z", "."):gsub("\1", "#"))
  end
end

local function picture(inst)
  local rows = {}
  for y = 0, 11 do rows[y + 1] = inst.memory:read(inst.exports.row(y), 48) end
  return table.concat(rows)
end

for _, cell in ipairs { { 1, 0 }, { 2, 1 }, { 0, 2 }, { 1, 2 }, { 2, 2 }, -- a glider
                        { 30, 4 }, { 31, 4 }, { 29, 5 }, { 30, 5 }, { 30, 6 } } do -- an r-pentomino
  world.exports.put(cell[1], cell[2])
end

-- One moment kept after each frame: it costs the pages that the frame has changed.
local ring = wasm.rewind(world, { frames = 300 })
local seen = {}
for frame = 1, 200 do
  world.exports.step()
  assert(ring:push())
  seen[frame] = picture(world)
end
print(("generation %d"):format(world.exports.age()))
show(world)
print(("%d moments kept in %d KiB, of a memory of %d KiB"):format(#ring, ring:bytes() // 1024,
  world.memory:size() // 1024))

assert(ring:back(150) == 150)
print(("150 frames back: generation %d"):format(world.exports.age()))
show(world)
assert(world.exports.age() == 50 and picture(world) == seen[50])

-- From here another future.
local other = assert(world:clone())
other.exports.put(24, 5)
other.exports.put(25, 5)
for _ = 1, 20 do
  world.exports.step()
  other.exports.step()
end
assert(picture(world) == seen[70], "the same future as before")
assert(picture(other) ~= seen[70], "its clone went another way")
print("its own future is the same again; that of a clone with two more cells is not")

-- A saved game, for another process or another day.
local path = os.tmpname()
assert(assert(world:snapshot()):save(path))
world:close()
local later = assert(life:instantiate())
assert(later:restore(assert(life:load_snapshot(path))))
assert(picture(later) == seen[70])
print(("saved, closed, loaded: generation %d goes on"):format(later.exports.age()))
later.exports.step()
assert(picture(later) == seen[71])
os.remove(path)

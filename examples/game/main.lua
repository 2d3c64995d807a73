--- A light-cycle game whose players are mods in C (bots.c): lua5.4 examples/game/main.lua [seed]
-- Each mod is a blocking loop that waits for the next frame; the game resumes them in turn. A mod
-- that traps is out, and the game goes on. On a terminal the game is drawn as it runs.
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

local WIDTH, HEIGHT = 56, 18
local STEP = { [0] = { 1, 0 }, { 0, 1 }, { -1, 0 }, { 0, -1 } } -- east, south, west, north
local on_terminal = os.execute("test -t 1") and os.getenv("TERM") ~= nil
  and not os.getenv("NO_COLOR")

-- The arena: nil is free, else the letter of who was there.
local arena = {}
local function is_free(x, y)
  return x >= 0 and x < WIDTH and y >= 0 and y < HEIGHT and not arena[y * WIDTH + x]
end

local random = tonumber(arg[1]) or 4
local function dice(sides)
  random = (random * 1103515245 + 12345) & 0x7fffffff
  return (random >> 12) % sides
end

--- One instance for each player: own memory, shared machine code.
local function player(mod, name, letter, x, y, direction, colour)
  local self = { name = name, letter = letter, x = x, y = y, direction = direction,
    colour = colour, frames = 0 }
  local inst = assert(mod:instantiate({
    game = {
      await_frame = coroutine.yield,
      is_free = is_free,
      x = function() return self.x end,
      y = function() return self.y end,
      steer = function(d) self.direction = d & 3 end,
      dice = dice,
    },
  }, { name = name }))
  self.script = coroutine.create(inst.exports[name])
  arena[y * WIDTH + x] = letter
  return self
end

local function draw(players, frame)
  local lines = { on_terminal and "\27[H" or nil }
  for y = 0, HEIGHT - 1 do
    local line = {}
    for x = 0, WIDTH - 1 do
      local who = arena[y * WIDTH + x]
      local cell = who or "·"
      if on_terminal then
        local colour = who and players[who].colour or 90
        local p = who and players[who]
        local head = p and p.x == x and p.y == y
        cell = ("\27[%d%sm%s\27[0m"):format(colour, head and ";7" or "", cell)
      end
      line[x + 1] = cell
    end
    lines[#lines + 1] = "  " .. table.concat(line) .. "\n"
  end
  lines[#lines + 1] = ("  frame %d\n"):format(frame)
  io.write(table.concat(lines))
end

--- One turn of one player; false when it is out.
local function turn(self, frame)
  local ok, err = coroutine.resume(self.script, frame == 0 and self.direction or frame)
  if not ok then
    self.out = "trap: " .. (err.trap or tostring(err))
    self.report = tostring(err)
    return false
  end
  local step = STEP[self.direction]
  local x, y = self.x + step[1], self.y + step[2]
  if not is_free(x, y) then
    self.out = "ran into something"
    return false
  end
  self.x, self.y, self.frames = x, y, frame + 1
  arena[y * WIDTH + x] = self.letter
  return true
end

local mod = assert(wasm.load(here .. "bots.wasm"))
local list = {
  player(mod, "hugger", "h", 6, 4, 0, 36),
  player(mod, "surveyor", "s", 49, 13, 2, 32),
  player(mod, "drunkard", "d", 28, 9, 3, 33),
  player(mod, "engineer", "e", 6, 13, 0, 35),
}
local players = {}
for _, p in ipairs(list) do players[p.letter] = p end

local frame, alive, start = 0, #list, os.clock()
local time_in_game = 0
if on_terminal then io.write("\27[2J") end
while alive > 1 do
  local before = os.clock()
  for _, p in ipairs(list) do
    if not p.out and alive > 1 and not turn(p, frame) then
      alive = alive - 1
      if p.script then coroutine.close(p.script) end -- a dead player's C frames go at once
    end
  end
  time_in_game = time_in_game + os.clock() - before
  frame = frame + 1
  if on_terminal then
    draw(players, frame)
    repeat until os.clock() - start > frame * 0.008
  end
end
if not on_terminal then draw(players, frame) end

for _, p in ipairs(list) do
  print(("  %-9s %3d frames  %s"):format(p.name, p.frames, p.out or "is the last one moving"))
end
print(("  %.1f us a frame for all of them"):format(time_in_game / frame * 1e6))
local engineer = players.e
assert(engineer.out == "trap: integer divide by zero")
print("  " .. engineer.report:gsub("\n", "\n  "))
assert(alive == 1 and frame > 20)

--- The tour that `make demo` gives: a real C library in wasm, memory in and out, host functions
-- that yield, a trap and its trace, and things closed in the wrong order. Every figure is
-- measured as it runs, every result is checked; the exit status says whether all held.
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

local colours = os.execute("test -t 1") and os.getenv("TERM") ~= "dumb"
  and not os.getenv("NO_COLOR")
local function paint(code, s) return colours and ("\27[%sm%s\27[0m"):format(code, s) or s end

local began = os.clock()
local chapters, checks = 0, 0

local function chapter(title)
  chapters = chapters + 1
  print(("\n%s %s"):format(paint("1;36", chapters .. "."), paint("1", title)))
end

local function say(format, ...) print("   " .. format:format(...)) end

--- Stop the demo with what went wrong, or count one more thing that was right.
local function check(ok, what)
  if not ok then error("demo: this does not hold: " .. what, 2) end
  checks = checks + 1
end

--- Milliseconds that f takes, and its results.
local function timed(f, ...)
  local start = os.clock()
  local results = table.pack(f(...))
  return (os.clock() - start) * 1000, table.unpack(results, 1, results.n)
end

local function read_file(path)
  local f = assert(io.open(path, "rb"))
  local s = f:read("a")
  f:close()
  return s
end

chapter "zlib, a C library nobody here wrote, compiled to machine code"

local bytes = read_file(here .. "guests/zlib/zlib.wasm")
local ms, zlib = timed(wasm.compile, bytes, { name = "zlib", eager = true })
assert(zlib)
local inst
local instantiate_ms
local no_stream = function() error("no stream in this chapter") end
instantiate_ms, inst = timed(zlib.instantiate, zlib,
  { host = { read = no_stream, write = no_stream } })
assert(inst)
local z, memory = inst.exports, inst.memory
say("%d bytes of wasm compiled in %.1f ms, instantiated in %.3f ms", #bytes, ms, instantiate_ms)
local version = memory:cstring(z.version())
say("it says it is version %s and has %d exports", version, #zlib:exports())
check(version == "1.2.13", "zlib's version")

chapter "Memory in and out: this project's README, packed and unpacked"

local readme = read_file(here .. "../README.md")
local ROUNDS = 20
local source, room = z.alloc(#readme), z.bound(#readme)
local packed, back = z.alloc(room), z.alloc(#readme)
memory:write(source, readme)
local crc = z.crc32(source, #readme) & 0xffffffff
say("README.md: %d bytes, checksum %08x; each figure from %d rounds", #readme, crc, ROUNDS)

local function many(f, ...)
  local result
  for _ = 1, ROUNDS do result = f(...) end
  return result
end
local size
for _, level in ipairs { 1, 6, 9 } do
  local pack_ms, unpack_ms, got
  pack_ms, size = timed(many, z.pack, packed, room, source, #readme, level)
  check(size > 0 and size < #readme, "packing at level " .. level)
  memory:fill(back, #readme, 0)
  unpack_ms, got = timed(many, z.unpack, back, #readme, packed, size)
  check(got == #readme and memory:read(back, got) == readme, "what comes out went in")
  check(z.crc32(back, got) & 0xffffffff == crc, "its checksum")
  say("level %d: %6d bytes, %4.1f %%   packed at %3.0f MB/s, unpacked at %3.0f MB/s", level, size,
    100 * size / #readme, #readme * ROUNDS / pack_ms / 1000, #readme * ROUNDS / unpack_ms / 1000)
end
memory:write(source, "123456789")
check(z.crc32(source, 9) & 0xffffffff == 0xcbf43926, "the checksum every crc32 must give")
memory:u8(packed + size // 2, memory:u8(packed + size // 2) ~ 0xff)
check(z.unpack(back, #readme, packed, size) < 0, "damaged data is refused")
say("with one byte damaged: refused, zlib's error %d", z.unpack(back, #readme, packed, size))

chapter "Host functions that yield: three scripts in blocking C take turns"

local mod = assert(wasm.load(here .. "guests/enemy.wasm"))
local player, frame, yields = 22, 0, 0
local ready = {}
local function enemy(name, letter, at, colour)
  local self = { name = name, at = at, letter = paint(colour, letter) }
  local guest
  guest = assert(mod:instantiate({
    game = {
      await_frame = function()
        yields = yields + 1
        return coroutine.yield() -- the whole C call waits here
      end,
      walk = function(dx) self.at = self.at + dx end,
      place = function() return self.at end,
      player = function() return player end,
      say = function(offset) self.line = guest.memory:cstring(offset) end,
    },
  }, { name = name }))
  self.script = coroutine.create(guest.exports[name])
  ready[#ready + 1] = self
  return self
end
local guard = enemy("guard", "G", 4, "33")
local wolf = enemy("wolf", "W", 14, "31")
local troll = enemy("troll", "T", 36, "35")

local spent = 0
while #ready > 0 do
  local start = os.clock()
  for i = #ready, 1, -1 do
    local self = ready[i]
    local ok, result = coroutine.resume(self.script, frame)
    if not ok then error(result, 0) end
    if coroutine.status(self.script) == "dead" then
      self.result = result
      table.remove(ready, i)
    end
  end
  spent = spent + os.clock() - start
  local strip, spoken = {}, {}
  for x = 1, 40 do strip[x] = paint("90", "·") end
  strip[player] = paint("1;32", "@")
  for _, self in ipairs { troll, wolf, guard } do
    strip[self.at] = self.letter
    if self.line then spoken[#spoken + 1] = self.letter .. ": " .. self.line end
    self.line = nil
  end
  say("frame %2d  %s  %s", frame, table.concat(strip), table.concat(spoken, "  "))
  frame = frame + 1
end
say("%d frames; C waited %d times in the middle of its loops, %.1f us a frame for all three",
  frame, yields, spent / frame * 1e6)
check(guard.result == 8 and wolf.result == 8 and troll.result == 1, "what the scripts return")
check(troll.at == 33 and wolf.at == player, "where they stand")

chapter "A trap: one trace through Lua and wasm"

local divider = assert(wasm.run([[
  (module
    (func $divide (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
    (func $share (export "share") (param i32 i32) (result i32)
      (i32.add (call $divide (local.get 0) (local.get 1)) (i32.const 0))))]], nil,
  { name = "divider" }))
local numbers = assert(wasm.load(here .. "guests/numbers.wasm"))
local function share_of(x) return divider.exports.share(100, math.floor(x)) end
local sums = assert(numbers:instantiate({
  host = { f = share_of, less = function(a, b) return a < b end } }, { name = "numbers" }))
local ok, err = pcall(sums.exports.integrate, 4, -4, 8)
check(not ok and err.kind == "trap" and err.trap == "integer divide by zero", "the trap's kind")
check(err.frames[1].name == "divide", "the innermost frame's name")
for line in (tostring(err) .. "\n"):gmatch("(.-)\n") do say("%s", paint("90", line)) end
check(sums.exports.integrate(1, 3, 2) > 0, "the instance works after a trap")
say("and the same instances go on: integral = %.1f", sums.exports.integrate(1, 3, 2))

chapter "Closing things in the wrong order"

local a, b = assert(wasm.compile(bytes)), assert(wasm.compile(bytes))
check(a == b and not rawequal(a, b), "two handles of one code")
local streams = { host = { read = no_stream, write = no_stream } }
local ia = assert(a:instantiate(streams))
a:close()
local second_ms, ib = timed(b.instantiate, b, streams)
assert(ib)
check(ib.memory:cstring(ib.exports.version()) == version, "B after A was closed")
say("compiled twice, A closed, B instantiated in %.3f ms: %s answers %s", second_ms,
  tostring(b), version)
check(ia.memory:cstring(ia.exports.version()) == version, "A's instance after A was closed")
b:close()
collectgarbage()
check(a:close() == false and b:close() == false, "closing again")
local ask = ib.exports.version
ib:close()
local fine, why = pcall(ask)
check(not fine and why.kind == "closed", "a function of a closed instance")
say("its function, after it was closed: %s: %s", why.kind, why.message)
local co = coroutine.create(assert(mod:instantiate({ game = {
  await_frame = coroutine.yield, walk = print, place = print, player = print, say = function() end,
} })).exports.troll)
check(coroutine.resume(co), "parking a call")
co = nil -- luacheck: ignore 311
collectgarbage()
say("a call parked for ever was dropped and collected")

chapter "What a call costs"

local add = assert(wasm.run([[
  (module
    (import "host" "id" (func $id (param i32) (result i32)))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "callbacks") (param i32) (result i32)
      (local $sum i32)
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (call $id (i32.const 1))))
        (br_if $again
          (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get $sum)))]], { host = { id = function(x) return x end } }))
local CALLS = 1000000
local f, sum = add.exports.add, 0
local calls_ms = timed(function() for i = 1, CALLS do sum = f(sum, i & 1) end end)
check(sum == CALLS // 2, "a million additions")
local back_ms, n = timed(add.exports.callbacks, CALLS)
check(n == CALLS, "a million callbacks")
say("Lua calls wasm: %.0f ns   wasm calls Lua: %.0f ns   (%d of each)",
  calls_ms * 1e6 / CALLS, back_ms * 1e6 / CALLS, CALLS)

print(("\n%s %d chapters, %d results checked, all as they should be, in %.2f s"):format(
  paint("1;32", "done:"), chapters, checks, os.clock() - began))

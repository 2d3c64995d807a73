--- Strings and memory: a guest knows only numbers, and its memory is an array of bytes.
-- Offsets into that memory count from 0. The guest is guests/text.c.
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

local mod = assert(wasm.load(here .. "guests/text.wasm"))
local inst = assert(mod:instantiate())
local text, memory = inst.exports, inst.memory

--- Put a string into the guest and give its offset and size, as C likes it.
local function put(s)
  local offset = text.room(#s + 1)
  assert(offset ~= 0, "the guest has no room for that")
  memory:write(offset, s .. "\0")
  return offset, #s
end

-- In and out by offset and size.
local line = "The quick brown fox jumps over the lazy dog"
local offset, size = put(line)
text.upper(offset, size)
print(memory:read(offset, size))
assert(memory:read(offset, size) == line:upper())

-- In by offset and size, a number out.
local count = text.words(put(line))
print(count .. " words")
assert(count == 9)

-- A C string in, a C string out.
local reply = memory:cstring(text.greet(put("Lua")))
print(reply)
assert(reply == "Hello from C, Lua!")

-- An array out: 256 counters of 32 bits behind the text.
offset, size = put(line:lower())
local counts = offset + 32 * 1024
text.histogram(offset, size, counts)
local most, often = nil, 0
for c = ("a"):byte(), ("z"):byte() do
  local n = memory:i32(counts + 4 * c)
  if n > often then most, often = string.char(c), n end
end
print(("%q occurs %d times"):format(most, often))
assert(most == "o" and often == 4)

-- Typed access: one argument reads, two write. Every access is checked.
memory:f64(counts, 0.1)
assert(memory:f64(counts) == 0.1 and memory:u8(counts) == 0x9a)
local ok, err = pcall(memory.u32, memory, #memory)
print("reading past the end: " .. tostring(err):match("[^\n]+"))
assert(not ok)
print(("%d bytes in %d pages"):format(#memory, memory:pages()))

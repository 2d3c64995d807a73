--- Coroutines through wasm: a host function that yields suspends the whole call, C frames
-- included. guests/queens.c finds all solutions in a recursive search and hands out each by
-- calling `found`; here that search becomes a Lua iterator.
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

local mod = assert(wasm.load(here .. "guests/queens.wasm"))

--- for columns in solutions(n): columns[row] is where that row's queen stands, from 0.
local function solutions(size)
  return coroutine.wrap(function()
    local inst
    inst = assert(mod:instantiate {
      host = {
        found = function(offset, n)
          coroutine.yield { inst.memory:read(offset, n):byte(1, n) }
        end,
      },
    })
    inst.exports.queens(size)
  end)
end

local first
local count = 0
for columns in solutions(8) do
  first = first or columns
  count = count + 1
end
for _, column in ipairs(first) do
  print((". "):rep(column) .. "Q " .. (". "):rep(7 - column))
end
print(count .. " solutions for 8 queens, one at a time")
assert(count == 92 and table.concat(first) == "04752613")

-- Leaving early is fine: the search is dropped where it stands and collected.
local next_solution = solutions(12)
local one = next_solution()
print("first for 12: " .. table.concat(one, " "))
assert(#one == 12)

-- Several searches take turns, each in an instance of its own.
local searches = {}
for size = 4, 9 do searches[size] = { next = solutions(size), found = 0 } end
local running = 6
while running > 0 do
  for _, search in pairs(searches) do
    if not search.done then
      if search.next() then
        search.found = search.found + 1
      else
        search.done, running = true, running - 1
      end
    end
  end
end
local found = {}
for size = 4, 9 do found[#found + 1] = ("%d:%d"):format(size, searches[size].found) end
print("solutions by size " .. table.concat(found, "  "))
assert(table.concat(found, " ") == "4:2 5:10 6:4 7:40 8:92 9:352")

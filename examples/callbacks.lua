--- Host functions: what the guest imports, Lua supplies. The guest is guests/numbers.c.
local wasm = require "wasm"
local here = arg[0]:match("^(.*/)") or "./"

local mod = assert(wasm.load(here .. "guests/numbers.wasm"))
for _, import in ipairs(mod:imports()) do
  print(("needs %s.%s: %s"):format(import.module, import.name, tostring(import.type)))
end

local integrand, order
local inst = assert(mod:instantiate {
  host = {
    f = function(x) return integrand(x) end,
    less = function(a, b) return order(a, b) end, -- a boolean is an i32 too
  },
})
local guest, memory = inst.exports, inst.memory

-- The guest integrates a function it does not know.
integrand = function(x) return math.exp(-x * x) end
local area = guest.integrate(-5, 5, 200)
print(("integral of exp(-x^2) = %.9f, sqrt(pi) = %.9f"):format(area, math.sqrt(math.pi)))
assert(math.abs(area - math.sqrt(math.pi)) < 1e-9)

-- The guest sorts by a rule it does not know.
local numbers = { 170, 45, 75, -90, 802, 24, 2, 66, 1000, 3 }
local items = guest.items()
local function sorted(rule)
  order = rule
  for i, n in ipairs(numbers) do memory:i32(items + 4 * (i - 1), n) end
  guest.sort(#numbers)
  local out = {}
  for i = 1, #numbers do out[i] = memory:i32(items + 4 * (i - 1)) end
  return table.concat(out, " ")
end

local up = sorted(function(a, b) return a < b end)
local by_last_digit = sorted(function(a, b) return a % 10 < b % 10 end)
print("up:            " .. up)
print("by last digit: " .. by_last_digit)
assert(up == "-90 2 3 24 45 66 75 170 802 1000")
for a, b in by_last_digit:gmatch("(%-?%d+) %f[%-%d](%-?%d+)") do
  assert(tonumber(a) % 10 <= tonumber(b) % 10)
end

-- An error in a callback leaves through the guest as the very same value.
local problem = { "no order today" }
local ok, err = pcall(sorted, function() error(problem) end)
assert(not ok and rawequal(err, problem))
print("an error of a callback came back: " .. err[1])

-- And the guest is as good as before.
assert(sorted(function(a, b) return a < b end) == up)

--- The moves of an edge were put in order before it was known who shares a slot: of two values
-- that did, one was overwritten before it was read. Many values that go round in a loop, then.
local core = require "wasm.core"
local wasm = require "wasm"

local COUNT = 30
local ROUNDS = 7

local function source()
  local text = { "(module (func (export \"f\") (param i32) (result i32)" }
  local function add(...) text[#text + 1] = string.format(...) end
  for n = 1, COUNT do add("(local $%d i32)", n) end
  for n = 1, COUNT do add("(local.set $%d (i32.const %d))", n, n * n) end
  add("(loop $l")
  for n = 1, COUNT do add("(local.get $%d)", n % COUNT + 1) end -- all move on by one ...
  for n = COUNT, 1, -1 do
    if n % 5 == 0 then add("(i32.const 3) (i32.mul)") end       -- ... and some are changed
    add("(local.set $%d)", n)
  end
  add("(local.set 0 (i32.sub (local.get 0) (i32.const 1)))")
  add("(br_if $l (local.get 0)))")
  add("(i32.const 0)")
  for n = 1, COUNT do add("(i32.mul (i32.const 31)) (i32.xor (local.get $%d))", n) end
  add("))")
  return table.concat(text, "\n")
end

local function expected()
  local values = {}
  for n = 1, COUNT do values[n] = n * n end
  for _ = 1, ROUNDS do
    local moved = {}
    for n = 1, COUNT do
      moved[n] = values[n % COUNT + 1] * (n % 5 == 0 and 3 or 1) & 0xffffffff
    end
    values = moved
  end
  local sum = 0
  for n = 1, COUNT do sum = (sum * 31 ~ values[n]) & 0xffffffff end
  return sum
end

describe("values that go round in a loop", function()
  local ways = { simple = { effort = 0 }, real = { effort = 1 }, few = { effort = 1 } }
  for name, options in pairs(ways) do
    if name ~= "few" or core.ra_keep then
      it("keep apart, " .. name, function()
        if name == "few" then
          finally(function() core.ra_keep(-1) end)
          core.ra_keep(0x1f004f)
        end
        options.cache = false
        local inst = assert(assert(wasm.compile(source(), options)):instantiate())
        assert.equal(expected(), inst.exports.f(ROUNDS) & 0xffffffff)
      end)
    end
  end
end)

--- A narrow compare-exchange compares the narrow part of what is expected.
-- It compared all of it, so that an expected value with more bits never was what is there. The
-- threads proposal wraps it first (its issue 195); found by a differential run against V8.
local wasm = require "wasm"

local WIDTHS = { { "i32", 8 }, { "i32", 16 }, { "i64", 8 }, { "i64", 16 }, { "i64", 32 } }

for _, bounds in ipairs { "guard", "explicit" } do
  describe("a narrow compare-exchange, " .. bounds, function()
    for _, row in ipairs(WIDTHS) do
      local type, bits = row[1], row[2]
      it(("wraps what is expected: %s, %d bits"):format(type, bits), function()
        local inst <close> = assert(assert(wasm.compile(([[(module
          (memory (export "memory") 1)
          (func (export "f") (param T T) (result T)
            (T.atomic.rmwB.cmpxchg_u (i32.const 8) (local.get 0) (local.get 1))))]])
          :gsub("T", type):gsub("B", bits), { bounds = bounds })):instantiate())
        local low = (1 << bits) - 2 -- all ones but the last
        local more = type == "i64" and 0x4000000000000000 or 1 << 30
        inst.memory:i64(8, -2)
        assert.equal(low, inst.exports.f(more | low, 5))
        assert.equal(-2 & ~((1 << bits) - 1) | 5, inst.memory:i64(8))
        assert.equal(5, inst.exports.f(more | low, 6)) -- another value is there now
        assert.equal(5, inst.exports.f(more, 6))
        assert.equal(5, inst.memory:u8(8))
      end)
    end
  end)
end

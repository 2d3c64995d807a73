--- array.copy with two reasons to trap: a null source is named before a destination that is too
-- short, as the standard's order of execution has it. V8 names the bounds;
-- found by a differential run.
local wasm = require "wasm"

for _, bounds in ipairs { "guard", "explicit" } do
  describe("array.copy, " .. bounds, function()
    local inst

    before_each(function()
      inst = assert(assert(wasm.compile([[(module
        (type $a (array (mut i32)))
        (func (export "f") (param i32 i32 i32)
          (array.copy $a $a
            (if (result (ref null $a)) (local.get 0)
              (then (array.new_default $a (i32.const 4))) (else (ref.null $a)))
            (local.get 2)
            (if (result (ref null $a)) (local.get 1)
              (then (array.new_default $a (i32.const 4))) (else (ref.null $a)))
            (i32.const 0) (i32.const 1))))]], { bounds = bounds })):instantiate())
    end)

    after_each(function() inst:close() end)

    local function trap_of(...)
      local ok, err = pcall(inst.exports.f, ...)
      return not ok and err.message
    end

    it("names a null source before the bounds of the destination", function()
      assert.matches("null array reference", trap_of(1, 0, 5))
    end)

    it("names a null destination before the bounds", function()
      assert.matches("null array reference", trap_of(0, 1, 5))
    end)

    it("names the bounds where both are arrays", function()
      assert.matches("out of bounds array access", trap_of(1, 1, 5))
    end)

    it("copies what is in range", function()
      assert.is_true(pcall(inst.exports.f, 1, 1, 3))
    end)
  end)
end

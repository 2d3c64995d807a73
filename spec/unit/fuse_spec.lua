--- What fusion makes of two instructions gives what the two give. (Which bytes depends on the
-- processor, so this is no golden; effort 0 does not fuse.)
local wasm = require "wasm"

local VALUES = { 0, 1, -1, 0x55555555, -0x80000000, 0x7fffffff, 0x123456789abcdef, math.mininteger }

describe("a mask that is inverted first", function()
  for _, case in ipairs {
    { "first",  "(T.and (T.xor (local.get 0) (T.const -1)) (local.get 1))" },
    { "second", "(T.and (local.get 1) (T.xor (local.get 0) (T.const -1)))" },
    { "kept",   "(T.add (T.and (local.tee 2 (T.xor (local.get 0) (T.const -1))) (local.get 1))" ..
      " (local.get 2))" },
    { "itself", "(T.and (local.get 0) (T.xor (local.get 0) (T.const -1)))" },
    { "other",  "(T.and (local.get 1) (T.xor (local.get 0) (T.const 1)))" },
    { "zero",   "(T.extend8_s (select (T.const 7) (T.const 9) (T.eqz" ..
      " (T.and (T.xor (local.get 0) (T.const -1)) (local.get 1)))))" },
  } do
    local name, body = table.unpack(case)
    for _, type in ipairs { "i32", "i64" } do
      it(("gives the same in one instruction: %s, %s"):format(name, type), function()
        local source = ("(module (func (export \"f\") (param T T) (result T) (local T) %s))")
          :format(body):gsub("T", type)
        local sides = {}
        for effort = 0, 1 do
          local mod = assert(wasm.compile(source, { effort = effort, cache = false }))
          sides[effort] = assert(mod:instantiate()).exports.f
        end
        for _, a in ipairs(VALUES) do
          for _, b in ipairs(VALUES) do
            if type == "i32" then a, b = a & 0xffffffff, b & 0xffffffff end
            assert.equal(sides[0](a, b), sides[1](a, b))
          end
        end
      end)
    end
  end
end)

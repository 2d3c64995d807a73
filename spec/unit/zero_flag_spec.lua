--- Branches on whether a result is zero, right behind the instruction that makes it and further
--- away: the zero flag that stands there may be used only for the former, and only for equality.
local wasm = require "wasm"

local OPS = {
  add = function(a, b) return a + b end,
  sub = function(a, b) return a - b end,
  ["and"] = function(a, b) return a & b end,
  ["or"] = function(a, b) return a | b end,
  xor = function(a, b) return a ~ b end,
  mul = function(a, b) return a * b end,
}

local TESTS = {
  { "(if (result i32) (T.eqz X) (then (i32.const 1)) (else (i32.const 0)))",
    function(x) return x == 0 end },
  { "(if (result i32) (T.ne X (T.const 0)) (then (i32.const 1)) (else (i32.const 0)))",
    function(x) return x ~= 0 end },
  { "(select (i32.const 1) (i32.const 0) (T.eq X (T.const 0)))", function(x) return x == 0 end },
  { "(T.lt_s X (T.const 0))", function(x) return x < 0 end },
  { "(if (result i32) (T.ge_s X (T.const 0)) (then (i32.const 1)) (else (i32.const 0)))",
    function(x) return x >= 0 end },
  { "(if (result i32) (T.gt_u X (T.const 0)) (then (i32.const 1)) (else (i32.const 0)))",
    function(x) return x ~= 0 end },
}

local VALUES = { 0, 1, -1, 5, -5, 0x7fffffff, -0x80000000, 0x55555555, 0x2aaaaaaa }

local function narrow(type, x)
  if type == "i64" then return x end
  return ((x & 0xffffffff) ~ 0x80000000) - 0x80000000
end

--- Also with an operation between that has flags of its own.
local SHAPES = {
  at_once = "(func (export NAME) (param T T) (result i32) TEST)",
  later = [[(func (export NAME) (param T T) (result i32) (local $x T)
    (local.set $x VALUE)
    (global.set $g (i32.add (global.get $g) (i32.const 1)))
    TEST)]],
}

for shape, body in pairs(SHAPES) do
  for _, type in ipairs { "i32", "i64" } do
    it(("tells zero from other results: %s, %s"):format(shape, type), function()
      local parts = { "(module (global $g (mut i32) (i32.const 0))" }
      for op in pairs(OPS) do
        local value = ("(%s.%s (local.get 0) (local.get 1))"):format(type, op)
        for n, test in ipairs(TESTS) do
          local x = shape == "later" and "(local.get $x)" or value
          parts[#parts + 1] = body:gsub("%u+", {
            NAME = ('"%s%d"'):format(op, n), TEST = test[1]:gsub("X", x), VALUE = value,
          }):gsub("%f[%u]T%f[%U]", type)
        end
      end
      local inst <close> = assert(assert(wasm.compile(table.concat(parts, "\n") .. ")"))
        :instantiate())
      for op, apply in pairs(OPS) do
        for n, test in ipairs(TESTS) do
          for _, a in ipairs(VALUES) do
            for _, b in ipairs(VALUES) do
              local want = test[2](narrow(type, apply(a, b))) and 1 or 0
              assert.equal(want, inst.exports[op .. n](a, b))
            end
          end
        end
      end
    end)
  end
end

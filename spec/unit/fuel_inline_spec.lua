--- Budgets: fuel where small functions are built in the place of their calls (effort 1 and 2).
-- Whoever looks, at the end or in the middle, sees the same count as with calls (effort 0).
local ways = require "spec.support.ways"
local wasm = require "wasm"

local TEXT = [[
  (import "e" "see" (func $see (param i32)))
  (global $g (mut i32) (i32.const 0))
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $two (param i32) (result i32 i32) (local.get 0) (call $add (local.get 0) (i32.const 1)))
  (func $early (param i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (i32.const 7))))
    (call $add (local.get 0) (local.get 0)))
  (func $seen (param i32) (call $see (local.get 0)) (global.set $g (local.get 0)))
  (func $nothing)
  (func $never (result i32) (unreachable))
  (func $aloud (param i32) (result i32) (call $see (local.get 0)) (unreachable))
  (func $drip (param i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func $maybe (param i32) (result i32 i64)
    (if (local.get 0) (then (unreachable))) (i32.const 1) (i64.const 2))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "straight") (param i32) (result i32)
    (call $nothing) (call $seen (i32.const 1)) (call $nothing)
    (call $add (call $add (local.get 0) (i32.const 2)) (call $early (local.get 0)))
    (call $seen (i32.const 2)) (drop (i32.mul (local.get 0) (local.get 0)))
    (call $seen (i32.const 3)))
  (func (export "pairs") (param i32) (result i32)
    (call $two (local.get 0)) (call $seen (i32.const 4)) (i32.mul)
    (call $early) (call $seen (i32.const 5)))
  (func (export "branches") (param i32) (result i32)
    (block $b (result i32)
      (br_if $b (call $early (local.get 0)) (i32.and (local.get 0) (i32.const 1)))
      (call $seen (i32.const 6)) (drop) (call $drip (i32.const 9)) (call $early (i32.const 0)))
    (call $seen (i32.const 7)))
  (func (export "never") (param i32) (result i32)
    (call $seen (i32.const 8))
    (if (result i32) (local.get 0)
      (then (call $nothing) (i32.add (call $never) (local.get 0)) (call $seen (i32.const 9))
        (call $drip (i32.const 3)) (nop) (nop))
      (else (call $early (local.get 0)))))
  (func (export "aloud") (param i32) (result i32)
    (i32.add (call $aloud (i32.const 10)) (call $add (local.get 0) (i32.const 3)))
    (call $seen (i32.const 11)) (block (br_if 0 (local.get 0)) (call $nothing)))
  (func (export "maybe") (param i32) (result i32)
    (call $maybe (local.get 0)) (drop) (call $seen (i32.const 12)) (i32.add (local.get 0)))
  (func (export "loops") (param i32) (result i32) (local i32)
    (loop $l
      (local.set 1 (call $add (local.get 1) (call $early (local.get 0))))
      (call $drip (i32.const 2))
      (call $nothing)
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get 1))]]

local NAMES = { "straight", "pairs", "branches", "never", "aloud", "maybe", "loops", "fib" }

--- All that can be seen of the run of `name`: fuel at each look, its end, where it ended.
local function record(inst, log, name, fuel, x)
  for k in pairs(log) do log[k] = nil end
  inst:fuel(fuel)
  local ok, result = pcall(inst.exports[name], x)
  log[#log + 1] = ("%s(%d) with %d: %s, %d left"):format(name, x, fuel,
    ok and result or result.message .. " at " .. result.offset, inst:fuel())
  if not ok then
    for _, frame in ipairs(result.frames) do
      if frame.kind == "wasm" then log[#log + 1] = ("%s@%d"):format(frame.name, frame.offset) end
    end
  end
  return table.concat(log, "\n")
end

describe("fuel in functions that are inlined", function()
  it("is the same count at every moment with every way of compiling", function()
    local first, n = {}, 0
    ways.each(function(options, name, salt)
      local log, inst = {}, nil
      inst = ways.with(TEXT, salt, options, { e = { see = function(x)
        log[#log + 1] = ("%d: %d"):format(x, inst:fuel())
      end } })
      for _, f in ipairs(NAMES) do
        for x = 0, 6 do
          for _, fuel in ipairs { 10000, 3, 9, 14, 21, 30, 47 } do
            if f ~= "loops" or x > 0 then
              local key = f .. x .. "," .. fuel
              local now = record(inst, log, f, fuel, x)
              first[key] = first[key] or now
              n = n + 1
              if now ~= first[key] then error(name .. "\n" .. first[key] .. "\nbut\n" .. now) end
            end
          end
        end
      end
    end)
    assert.equal(0, n % (8 * 49 - 7))
  end)

  it("is counted where they are inlined indeed", function()
    local size = {}
    for effort = 0, 1 do
      local mod = assert(wasm.compile("(module " .. TEXT .. ")", { effort = effort, fuel = true }))
      size[effort] = select(2, mod:disasm("straight"):gsub("%f[%w]call%f[%W]", ""))
    end
    assert(size[1] < size[0], size[1] .. " and " .. size[0])
  end)
end)

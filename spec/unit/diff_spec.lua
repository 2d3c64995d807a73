--- Random modules of our own generator, guard bounds against explicit bounds.
-- `make fuzz-diff` runs many more, against V8 too.
local wat = require "wasm.wat"
local expose = require "spec.diff.expose"
local generate = require "spec.diff.generate"
local play = require "spec.diff.play"
local values = require "spec.diff.values"

local SEEDS = 40

local function transcript(bytes, mode, plan)
  local lines = {}
  plan = play.module(bytes, mode, function(line) lines[#lines + 1] = line end, plan)
  return lines, plan
end

describe("random modules", function()
  for seed = 1, SEEDS do
    it("behave the same in every mode: seed " .. seed, function()
      local bytes = assert(wat.assemble(generate.text(seed)))
      local want, plan = transcript(bytes, "guard")
      assert.is_nil(want[1]:match("^refused"), want[1])
      for _, other in ipairs { "explicit", "parked" } do
        local got = transcript(bytes, other, plan)
        for i = 1, math.max(#want, #got) do
          if want[i] ~= got[i] then assert.equal(want[i], got[i], "in mode " .. other) end
        end
      end
    end)
  end

  it("are the same for the same seed", function()
    assert.equal(generate.text(7), generate.text(7))
    assert.not_equal(generate.text(7), generate.text(8))
  end)
end)

describe("a differential run", function()
  it("exports what a module keeps to itself", function()
    local bytes = assert(wat.assemble([[(module
      (import "a" "g" (global i64)) (import "a" "f" (func (param i32)))
      (table 3 funcref) (memory 1 2) (global (mut i32) (i32.const 7))
      (func (export "f") (result i32) (i32.store (i32.const 8) (i32.const 5)) (i32.const 1)))]]))
    local core = require "wasm.core"
    local mod = assert(core.compile(expose(bytes)))
    local names = {}
    for i, export in ipairs(mod:exports()) do names[i] = export.name .. ": " .. export.type end
    assert.same({ "f: () -> i32", "diff 1 0: 3 funcref", "diff 2 0: 1 2", "diff 3 0: i64",
                  "diff 3 1: (mut i32)" }, names)
  end)

  it("writes every NaN the same way", function()
    local types = { "f32", "f64", "i32", "i64" }
    assert.equal("0x7fc00000 0x7ff8000000000000 0xffc00001 0xfff8000000000001",
      values.show(types, { 0xffc00001, 0xfff8000000000001, 0xffc00001, 0xfff8000000000001 }))
  end)

  it("sees a store, a host call and a trap", function()
    local bytes = assert(wat.assemble([[(module
      (import "env" "h" (func $h (param i32) (result i32))) (memory (export "m") 1)
      (func (export "store") (param i32) (i32.store8 (i32.const 9) (local.get 0)))
      (func (export "host") (result i32) (call $h (i32.const 3)))
      (func (export "trap") unreachable))]]))
    local lines = transcript(bytes, "guard")
    assert.equal("instantiated: host 0 0x0 m 1 0x0", (lines[1]:gsub("m 1 0x%x+", "m 1 0x0")))
    local stored = lines[1]:match("m 1 (%S+)")
    assert.not_equal(stored, lines[6]:match("m 1 (%S+)"))
    assert.truthy(lines[3]:find("^2 host%(%) = 0x%x+ | host 1 "))
    assert.truthy(lines[4]:find("^3 trap%(%) = trap unreachable | host 1 "))
  end)
end)

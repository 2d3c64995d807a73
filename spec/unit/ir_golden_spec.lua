--- What the builder makes of each construct: one small function, its IR as text.
local core = require "wasm.core"
local wasm = require "wasm"
local golden = require "spec.support.golden"

local function read(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

describe("IR", function()
  for _, case in ipairs {
    -- golden,         function index, what it shows
    { "straight",      0, "of straight code names each value once" },
    { "constants",     0, "writes constants so that every bit comes back" },
    { "if_else",       0, "gives a join parameters only where the arms differ" },
    { "if_only",       0, "carries the parameters of an if without else past it" },
    { "loop",          0, "gives a loop parameters for what is assigned in it, and a poll" },
    { "loop_param",    0, "carries the operands of a loop with parameters" },
    { "br_if",         0, "has an edge of its own for each br_if" },
    { "br_table",      0, "has one edge for each distinct target of br_table" },
    { "join_one_edge", 0, "needs no parameters behind a single edge" },
    { "call",          2, "calls imports through their cell, and names further results" },
    { "call_indirect", 0, "checks bounds and signature before an indirect call" },
    { "dead",          0, "has no blocks that cannot be reached" },
    { "select",        0, "selects without branching" },
    { "memory",        0, "keeps the offset of an access beside its address" },
    { "bulk",          0, "calls helpers for bulk operations and growing" },
    { "table",         0, "reads and writes tables in line" },
    { "global",        0, "reads and writes globals in order" },
    { "simd",          0, "has the operator's own name in a vector instruction" },
  } do
    local name, func, what = table.unpack(case)
    it(what, function()
      local bytes = wasm.wat(read("spec/golden/ir_" .. name .. ".wat"))
      assert(golden.check("spec/golden/ir_" .. name .. ".txt", core.dump(bytes, func, "ir")))
    end)
  end

  it("has a small loop's body several times, one poll, and parameters once", function()
    local bytes = wasm.wat(read("spec/golden/ir_unrolled.wat"))
    local text = core.dump(bytes, 0, "ir", { effort = 1 })
    assert(golden.check("spec/golden/ir_unrolled.txt", text))
  end)

  --- Many branches to a label behind which many locals may differ: more block parameters
  --- than the body pays for.
  local function many_locals(nlocals, nbranches)
    local out = { "(module (func (param i32) (result i32) (local" .. (" i32"):rep(nlocals) .. ")" }
    out[#out + 1] = "block"
    for i = 1, nlocals do
      out[#out + 1] = ("(local.set %d (i32.const %d))"):format(i, i)
    end
    out[#out + 1] = ("(br_if 0 (local.get 0))"):rep(nbranches)
    out[#out + 1] = "end local.get 1))"
    return wasm.wat(table.concat(out, "\n"))
  end

  it("keeps locals in frame slots where parameters would be out of proportion", function()
    local text = core.dump(many_locals(100, 200), 0, "ir")
    assert.truthy(text:find("\nslot %d+ i32\n"))
    assert.truthy(text:find("slot_set.i32 %d+, 0 "), "slots begin as zero")
  end)

  it("keeps locals in values where they are few", function()
    local text = core.dump(many_locals(5, 10), 0, "ir")
    assert.is_nil(text:find("slot"))
  end)

  it("has parameters of loops that nothing reads marked dead", function()
    local bytes = wasm.wat [[(module (func (param i32) (result i32) (local i32)
      loop
        local.get 0
        i32.const 1
        i32.sub
        local.tee 0
        local.set 1
        local.get 0
        br_if 0
      end
      i32.const 7))]]
    local live = core.dump(bytes, 0, "live")
    assert.truthy(live:find("v4 param dead", 1, true), live)
    assert.truthy(live:find("v3 param to %d+"), live)
  end)
end)

--- Random modules of our own generator, guard bounds against explicit bounds.
-- `make fuzz-diff` runs many more, against V8 too.
local wat = require "wasm.wat"
local expose = require "spec.diff.expose"
local generate = require "spec.diff.generate"
local play = require "spec.diff.play"
local validity = require "spec.diff.validity"
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
      for _, other in ipairs { "explicit", "parked", "lazy" } do
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

  it("finds its way in imports with newer types", function()
    local bytes = assert(wat.assemble([[(module
      (type $s (struct))
      (import "a" "t" (table i64 1 2 (ref null $s))) (import "a" "m" (memory i64 1 2))
      (import "a" "g" (global (mut (ref $s)))) (import "a" "e" (tag (param i32)))
      (memory 1) (tag))]]))
    local mod = assert(require("wasm.core").compile(expose(bytes)))
    local kinds = {}
    for i, export in ipairs(mod:exports()) do kinds[i] = export.kind .. " " .. export.name end
    assert.same({ "table diff 1 0", "memory diff 2 0", "memory diff 2 1", "global diff 3 0",
                  "tag diff 4 0", "tag diff 4 1" }, kinds)
  end)

  it("reads types of all kinds", function()
    local params, results = values.signature("((ref null 8), i32, (ref any)) -> (ref func)")
    assert.same({ "(ref null 8)", "i32", "(ref any)" }, params)
    assert.same({ "(ref func)" }, results)
    assert.same({ {}, {} }, { values.signature("() -> ()") })
    assert.is_false(values.is_callable("((ref 3)) -> ()"))
    assert.is_false(values.is_callable("() -> (i32, v128)"))
    assert.is_true(values.is_callable("((ref null 3), (ref i31)) -> ((ref 3))"))
  end)

  it("supports binaryen's fuzzer: logs, exceptions, calls of exports", function()
    local bytes = assert(wat.assemble([[(module
      (import "fuzzing-support" "log-i32" (func $log (param i32)))
      (import "fuzzing-support" "log-v128" (func $log_v128 (param v128)))
      (import "fuzzing-support" "throw" (func $throw (param i32)))
      (import "fuzzing-support" "call-export-catch" (func $catch (param i32) (result i32)))
      (import "fuzzing-support" "wasmtag" (tag $tag (param i32)))
      (export "wasmtag" (tag $tag))
      (func (export "throws") (call $throw (i32.const 5)))
      (func (export "js") (call $throw (i32.const 0)))
      (func (export "calls") (result i32)
        (call $log (i32.const -1))
        (call $log_v128 (v128.const i64x2 1 2))
        (call $catch (i32.const 3)))
      (func (export "traps") unreachable))]]))
    local lines = transcript(bytes, "guard")
    for i, line in ipairs(lines) do lines[i] = line:gsub(" |.*", "") end
    assert.same({ "instantiated: host 0 0x0", "1 throws() = throws wasmtag 0x5",
                  "2 js() = throws js host", "  log-i32 0xffffffff", "  log-v128 0x1 0x2",
                  "3 calls() = 0x1", "4 traps() = trap unreachable", "at the end: host 0 0x0" },
      lines)
  end)

  it("changes modules a little, the same way for the same seed", function()
    local bytes = assert(wat.assemble(generate.text(3)))
    local list = validity.mutants({ bytes }, 30, 1)
    assert.same(list, validity.mutants({ bytes }, 30, 1))
    local valid = 0
    for _, changed in ipairs(list) do
      assert.equal(#bytes, #changed)
      if validity.ours(changed) == "valid" then valid = valid + 1 end
    end
    assert.is_true(valid > 0 and valid < 30, valid)
    assert.is_true(validity.is_known("unsupported: x", "valid"))
    assert.is_false(validity.is_known("invalid: type mismatch", "valid"))
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

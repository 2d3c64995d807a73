--- Every vector operator in many surroundings (spec/diff/vectors.lua), against one number.
-- The results of plain operators are the standard's, NaNs are taken out, so the digest below is
-- that of any engine; V8 gave it. When it differs, or the generator has changed,
-- `make fuzz-diff` asks V8 and names the operators.
local core = require "wasm.core"
local vectors = require "spec.diff.vectors"
local wasm = require "wasm"

local SEED, ROUNDS = 1, 4
local DIGEST = 0xd267c7f9

local function digest(lines)
  local h = 0x811c9dc5
  for _, line in ipairs(lines) do
    h = ((h ~ tonumber(line:match("%x+$"), 16)) * 0x01000193) & 0xffffffff
  end
  return h
end

--- `more`: fields that make the bytes others, so that code is not shared.
local function results(bounds, more)
  local text, names = vectors.module(SEED, "simd")
  text = text:gsub("%(func %$nothing%)", "%0 " .. more, 1)
  local mod <close> = assert(wasm.compile(text, { bounds = bounds, eager = true }))
  local inst <close> = assert(mod:instantiate())
  local lines = vectors.play(inst.exports, names, vectors.inputs(SEED, ROUNDS))
  assert.truthy(#lines > 3000)
  return digest(lines)
end

describe("vector operators in every surrounding", function()
  it("give what the standard says with guard bounds", function()
    assert.equal(DIGEST, results("guard", ""))
  end)

  it("give the same with explicit bounds", function()
    assert.equal(DIGEST, results("explicit", ""))
  end)

  if core.cpu_keep then
    it("give the same on a processor with SSE4.1 alone", function()
      finally(function() core.cpu_keep(-1) end)
      core.cpu_keep(1)
      assert.equal(DIGEST, results("guard", "(func)"))
    end)
  end
end)

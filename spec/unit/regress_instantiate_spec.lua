--- Broken once: what a resolver or an option's metamethod did while instantiate was under way.
local wasm = require "wasm"
local core = require "wasm.core"

local function compile(text) return assert(wasm.compile(text)) end

--- A module that imports n functions.
local function importing(n)
  local parts = { "(module" }
  for i = 1, n do parts[#parts + 1] = ('(import "m" "f%d" (func))'):format(i) end
  return compile(table.concat(parts, "\n") .. ")")
end

describe("instantiate", function()
  after_each(function() -- the specs that follow count on a small heap
    collectgarbage()
    collectgarbage()
  end)

  it("survives options that close the module", function()
    local mod = compile [[(module (func (export "closed by options")))]]
    local options = setmetatable({}, { __index = function() mod:close() end })
    local ok, err = pcall(mod.instantiate, mod, nil, options)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("survives options that close the module after they asked for fuel", function()
    local mod = compile [[(module (func (export "closed by options with fuel")))]]
    local options = setmetatable({ fuel = 5 }, { __index = function() mod:close() end })
    local ok, err = pcall(mod.instantiate, mod, nil, options)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("survives options that make the new instance trap, which closes it", function()
    local mod = compile [[(module (import "m" "t" (table 1 funcref)) (func $trap unreachable)
      (func $start) (start $start) (elem (i32.const 0) $trap))]]
    local t = wasm.table { "funcref", min = 1 }
    local options = setmetatable({ on_trap = "close" }, { __index = function(_, key)
      if key == "on_close" then pcall(t[1]) end -- that is looked at last
    end })
    local inst, err = mod:instantiate({ m = { t = t } }, options)
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
  end)

  it("survives a resolver that closes the module", function()
    local mod = importing(2000)
    local inst, err = mod:instantiate(function()
      mod:close()
      return function() end
    end)
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
  end)

  it("survives a resolver that closes a memory it gave before", function()
    local mod = compile [[(module (import "m" "mem" (memory 1)) (import "m" "f" (func)))]]
    local mem = wasm.memory { min = 1 }
    local inst, err = mod:instantiate(function(_, name)
      if name == "mem" then return mem end
      mem:close()
      return function() end
    end)
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
  end)

  it("survives a resolver that closes an instance whose function it gave before", function()
    local mod = compile [[(module (import "m" "f" (func (result i32))) (import "m" "h" (func))
      (func (export "go") (result i32) (call 0)))]]
    local other = assert(wasm.run [[(module (func (export "f") (result i32) (i32.const 42)))]])
    local inst, err = mod:instantiate(function(_, name)
      if name == "f" then return other.exports.f end
      other:close()
      other = nil
      collectgarbage()
      collectgarbage()
      core.collect()
      return function() end
    end)
    assert.is_nil(inst)
    assert.equal("closed", err.kind)
  end)

  it("names some of the missing imports and counts the others", function()
    local inst, err = importing(50):instantiate {}
    assert.is_nil(inst)
    assert.truthy(err.message:find('"m" "f20": wanted function () -> (); and 30 more', 1, true),
      err.message)
    assert.is_nil(err.message:find("f21", 1, true))
  end)

  it("takes time for 40,000 missing imports that grows with their number only", function()
    local mod = importing(40000)
    local start = os.clock()
    assert.is_nil((mod:instantiate {}))
    assert.is_true(os.clock() - start < 5)
  end)
end)

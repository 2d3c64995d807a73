--- Broken once: a Lua finalizer may run at any allocation, so also inside our methods. One that
--- closed the module, instance or memory a method was busy with left it with freed memory.
local wasm = require "wasm"
local core = require "wasm.core"

local SOURCE = [[(module $%s (import "a" "f" (func (param i32)))
  (func (export "f") (param i32 i64 f32) (result i32) i32.const 1)
  (memory (export "m") 1) (table (export "t") 3 funcref)
  (global (export "g") (mut i32) (i32.const 1))
  (global (export "e") (mut externref) (ref.null extern)))]]
local USER = [[(module (import "i" "f" (func (param i32 i64 f32) (result i32)))
  (import "i" "m" (memory 1)) (import "i" "t" (table 1 funcref)))]]
local IMPORTS = { a = { f = print } }
local ROUNDS = 60

local number = 0
local function new_module()
  number = number + 1
  return assert(wasm.compile(SOURCE:format("finalized" .. number)))
end

local function new_instance()
  local mod <close> = new_module()
  return assert(mod:instantiate(IMPORTS))
end

local function new_memory() return assert(wasm.memory { min = 1 }) end

--- Call act(victim) many times, each with a finalizer about to close the victim.
local function survives(new, act)
  for round = 1, ROUNDS do
    local victim = new()
    setmetatable({}, { __gc = function()
      victim:close()
      core.collect()
    end })
    for _ = 1, round % 37 do local _ = {} end -- so that it runs at another allocation each time
    local ok, err = pcall(act, victim)
    if not ok then -- the object is closed, or a function that is given to a table
      assert.truthy(err.kind == "closed" or tostring(err):find("is closed", 1, true), tostring(err))
    end
    victim:close()
  end
end

describe("a finalizer that closes", function()
  local pause, multiplier

  setup(function()
    pause, multiplier = collectgarbage("setpause"), collectgarbage("setstepmul")
    collectgarbage("incremental", 1, 1000, 4)
  end)

  teardown(function() collectgarbage("incremental", pause, multiplier, 13) end)

  for _, method in ipairs { "imports", "exports", "sections", "info" } do
    it("a module is harmless inside " .. method, function()
      survives(new_module, function(m) m[method](m) end)
    end)
  end

  it("a module is harmless inside disasm and instantiate", function()
    survives(new_module, function(m) m:disasm("f") end)
    survives(new_module, function(m) m:instantiate(IMPORTS) end)
  end)

  for _, method in ipairs { "stats", "module" } do
    it("an instance is harmless inside " .. method, function()
      survives(new_instance, function(i) i[method](i) end)
    end)
  end

  it("an instance is harmless while its exports are looked up", function()
    survives(new_instance, function(i) return i.exports end)
    survives(new_instance, function(i) return i.memory end)
    survives(new_instance, function(i) return i:func("f") end)
    survives(new_instance, function(i) for _, value in pairs(i.exports) do tostring(value) end end)
  end)

  it("an instance is harmless while it is called, or used through its things", function()
    survives(new_instance, function(i) return i:call("f", 1, 2, 3) end)
    survives(new_instance, function(i)
      local t = i.exports.t
      t[1] = i.exports.f
      return t[1], t:grow(2, t[1]), tostring(t)
    end)
    survives(new_instance, function(i) return tostring(i.exports.g), tostring(i.exports.e) end)
  end)

  it("an instance is harmless while another one imports from it", function()
    survives(new_instance, function(i)
      local inst, err = wasm.run(USER, { i = i })
      if not inst then error(err) end
    end)
  end)

  it("a memory is harmless inside its methods", function()
    survives(new_memory, function(m)
      for i = 1, 20 do m:write(0, i) end -- a number becomes a string, which is an allocation
      return m:dump(0, 200)
    end)
  end)
end)

--- Broken once: a Lua finalizer may run at any allocation, so also inside our methods. One that
--- closed the module, instance or memory a method was busy with left it with freed memory; later
--- one that closed a reference or a tag, took an object from where it was being read, or reloaded.
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

local function close(victim) victim:close() end

--- Call act(victim) many times, each with a finalizer about to close the victim, or to do as said.
local function survives(new, act, finalize)
  for round = 1, ROUNDS do
    local victim = new()
    setmetatable({}, { __gc = function()
      pcall(finalize or close, victim)
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

-- In this block Lua's collector goes on at nearly every allocation.
local function collecting_often()
  local pause, multiplier

  setup(function()
    pause, multiplier = collectgarbage("setpause"), collectgarbage("setstepmul")
    collectgarbage("incremental", 1, 1000, 4)
  end)

  teardown(function() collectgarbage("incremental", pause, multiplier, 13) end)
end

describe("a finalizer that closes", function()
  collecting_often()

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

local OBJECTS = [[(module $%s (type $array (array (mut anyref)))
  (tag (export "tag") (param i32)) (memory (export "m") 1)
  (table (export "t") 3 anyref) (global (export "g") (mut anyref) (ref.null any))
  (func (export "new") (result (ref $array)) (array.new_default $array (i32.const 5000)))
  (func (export "f") (result i32) i32.const 1) (func (export "f2")) (func (export "f3")))]]

local function objects_source()
  number = number + 1
  return OBJECTS:format("finalized" .. number)
end

--- Something with a new instance and, alone in `place`, an object of it.
local function new_objects()
  local inst = assert(wasm.run(objects_source()))
  local e = inst.exports
  local r = e.new()
  e.t[1], e.g.value = r, r
  r:close()
  return { inst = inst, ref = e.new(), table = e.t, global = e.g,
           close = function(self) self.inst:close() end }
end

describe("a finalizer", function()
  collecting_often()

  it("may close a reference while a field of it is set", function()
    survives(new_objects, function(v) v.ref[1] = {} end, function(v) v.ref:close() end)
  end)

  it("may take an object from where it is being read", function()
    local function count(r) return r and #r end -- nil: it was gone before
    survives(new_objects, function(v)
      return count(v.table[1]), count(v.global.value)
    end, function(v) v.table[1], v.global.value = nil, nil end)
    survives(new_objects, function(v)
      v.ref[1] = v.global.value
      v.table[1], v.global.value = nil, nil
      return count(v.ref[1])
    end, function(v) v.ref[1] = nil end)
  end)

  it("may close an instance whose tag is asked for", function()
    survives(new_objects, function(v) return tostring(v.inst.exports.tag) end)
  end)

  local function reload(v) v.inst:reload(objects_source(), { force = true }) end

  it("may close an instance that is being reloaded", function()
    survives(new_objects, function(v)
      local e = v.inst.exports
      local taken = { e.f, e.f2, e.f3, e.new }
      reload(v)
      return taken
    end)
  end)

  it("may reload an instance whose exports are asked for", function()
    local function to_nothing(v) v.inst:reload("(module)", { force = true }) end
    survives(new_objects, function(v)
      pcall(function() -- that it has another export by now is no error of ours
        for _, value in pairs(v.inst.exports) do tostring(value) end
      end)
    end, to_nothing)
    for _, name in ipairs { "m", "t", "g", "tag" } do
      survives(new_objects, function(v) return tostring(v.inst.exports[name]) end, to_nothing)
    end
  end)

  it("may reload an instance whose functions are taken and called", function()
    local function act(v)
      v.f = v.inst.exports.f
      v.pinned = wasm.tofunc(v.f):pin()
      return v.f(), v.pinned()
    end
    survives(new_objects, act, reload)
    survives(new_objects, function(v)
      pcall(act, v)
      v.inst:reload(objects_source(), { force = true })
      core.collect()
      return pcall(v.f), pcall(v.pinned)
    end, reload)
  end)
end)

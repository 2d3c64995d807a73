--- API row 34, and API 3: what nobody can reach any more is collected, cycles included.
local wasm = require "wasm"
local host = require "spec.support.host"
local weight = require "spec.support.weight"

local function collect()
  collectgarbage()
  collectgarbage()
  collectgarbage()
end

describe("row 34: an instance", function()
  local before

  before_each(function()
    collect()
    before = wasm.stats().instances
  end)

  after_each(function()
    collect()
    assert.equal(before, wasm.stats().instances)
  end)

  it("whose import captures it is collectable", function()
    local mod = assert(wasm.compile([[(module (import "env" "f" (func $f)) (memory 1)
      (func (export "run") call $f))]]))
    for _ = 1, 100 do
      local inst
      inst = assert(mod:instantiate { env = { f = function() return inst end } })
      inst.exports.run()
    end
  end)

  it("lives as long as one of its functions", function()
    local f = assert(wasm.run [[(module (func (export "f") (result i32) i32.const 4))]]).exports.f
    collect()
    assert.equal(4, f())
  end)

  it("lives as long as its memory's handle", function()
    local m = assert(wasm.run [[(module (memory (export "m") 1)
      (data (i32.const 0) "abc"))]]).memory
    collect()
    assert.equal("abc", m:read(0, 3))
  end)

  it("lives as long as an instance that imports from it", function()
    local b = assert(wasm.run([[(module (import "a" "f" (func $f (result i32)))
      (func (export "g") (result i32) call $f))]],
      { a = assert(wasm.run [[(module (func (export "f") (result i32) i32.const 9))]]) }))
    collect()
    assert.equal(9, b.exports.g())
  end)

  it("pairs with another through a table, both ways, and is collectable", function()
    -- in a process of its own: how much garbage Lua allows depends on what else lives
    local output = host.script([[
      local wasm = require "wasm"
      local a_mod = assert(wasm.compile('(module (table (export "t") 2 funcref)'
        .. ' (func $f (result i32) i32.const 1) (elem (i32.const 0) $f)'
        .. ' (func (export "at") (param i32) (result i32)'
        .. ' (call_indirect (result i32) (local.get 0))))'))
      local b_mod = assert(wasm.compile('(module (import "a" "t" (table 2 funcref))'
        .. ' (func $g (result i32) i32.const 2) (elem (i32.const 1) $g)'
        .. ' (func (export "at") (param i32) (result i32)'
        .. ' (call_indirect (result i32) (local.get 0))))'))
      local peak = 0
      for n = 1, %COUNT% do
        local a = assert(a_mod:instantiate())
        local b = assert(b_mod:instantiate { a = a })
        if n % 100 == 0 then
          assert(a.exports.at(1) == 2 and b.exports.at(0) == 1)
          peak = math.max(peak, wasm.stats().instances)
        end
      end
      io.write(peak)]], { COUNT = weight.scaled(5000) })
    weight.report("row 34: %d pairs, at most %s instances at once", weight.scaled(5000), output)
    assert.is_true(tonumber(output) < 4000, "at most " .. output)
  end)

  it("keeps its partner alive while one of them is reachable", function()
    local t
    do
      local a = assert(wasm.run([[(module (table (export "t") 1 funcref))]]))
      assert(wasm.run([[(module (import "a" "t" (table 1 funcref))
        (func $g (result i32) i32.const 2) (elem (i32.const 0) $g))]], { a = a }))
      t = a.exports.t
    end
    collect()
    assert.equal(2, t[1]())
  end)

  it("keeps a function that Lua put into its table", function()
    local t = assert(wasm.table { "funcref", min = 1 })
    t[1] = assert(wasm.run [[(module (func (export "f") (result i32) i32.const 4))]]).exports.f
    collect()
    assert.equal(4, t[1]())
    local made = assert(wasm.table { "funcref", min = 1 })
    made[1] = wasm.func("(i32) -> i32", function(x) return x * 2 end)
    collect()
    assert.equal(42, made[1](21))
  end)

  it("does not keep functions that were put into a table and replaced", function()
    local t = assert(wasm.table { "funcref", min = 2 })
    local f = assert(wasm.run [[(module (func (export "f") (result i32) i32.const 4))]]).exports.f
    t[2] = f
    local kept = setmetatable({}, { __mode = "k" })
    for n = 1, 5000 do
      local function target() return n end
      kept[target] = true
      t[1] = wasm.func("() -> i32", target)
    end
    f = nil -- luacheck: ignore
    collect()
    local count = 0
    for _ in pairs(kept) do count = count + 1 end
    assert.is_true(count < 1000, count .. " kept")
    assert.equal(5000, t[1]())
    assert.equal(4, t[2]())
  end)

  it("keeps a funcref that was passed to it", function()
    local keeper = assert(wasm.run([[(module (table $t 1 funcref) (type $v (func (result i32)))
      (func (export "set") (param funcref) (table.set $t (i32.const 0) (local.get 0)))
      (func (export "call") (result i32) (call_indirect (type $v) (i32.const 0))))]]))
    keeper.exports.set(assert(wasm.run [[(module (func (export "f") (result i32)
      i32.const 6))]]).exports.f)
    collect()
    assert.equal(6, keeper.exports.call())
  end)
end)

describe("memory outside Lua", function()
  it("is reported: 1,000 dropped instances of 16 MiB stay under 512 MiB", function()
    local mod = assert(wasm.compile([[(module (memory 256)
      (func (export "touch") (memory.fill (i32.const 0) (i32.const 1) (i32.const 16777216))))]]))
    collect()
    local base = weight.rss()
    local worst = 0
    for n = 1, weight.scaled(1000) do
      assert(mod:instantiate()).exports.touch()
      if n % 10 == 0 then worst = math.max(worst, weight.rss() - base) end
    end
    weight.report("memory: dropped instances of 16 MiB, at most %.0f MiB more", worst)
    assert.is_true(worst < 512, worst .. " MiB")
  end)

  it("is reported when a guest grows it", function()
    local mod = assert(wasm.compile([[(module (memory 1)
      (func (export "touch") (drop (memory.grow (i32.const 255)))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 16777216))))]]))
    collect()
    local base, worst = weight.rss(), 0
    for n = 1, weight.scaled(200) do
      assert(mod:instantiate()).exports.touch()
      if n % 10 == 0 then worst = math.max(worst, weight.rss() - base) end
    end
    assert.is_true(worst < 512, worst .. " MiB")
  end)

  it("of external references is bounded over many calls with fresh tables", function()
    local inst = assert(wasm.run([[(module
      (func (export "id") (param externref) (result externref) local.get 0))]]))
    local id = inst.exports.id
    collect()
    local base = weight.rss()
    for n = 1, weight.scaled(1000000) do
      local t = { n }
      assert(id(t) == t)
    end
    collect()
    local grown = weight.rss() - base
    weight.report("externref: %d calls with fresh tables, %.0f MiB more", weight.scaled(1000000),
      grown)
    -- the sanitizer keeps freed memory back, up to its quarantine's size
    assert.is_true(grown < (weight.sanitized and 320 or 64), grown .. " MiB")
  end)
end)

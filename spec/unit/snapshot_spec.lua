--- Snapshots: the state of an instance at one moment, restored, cloned, saved, rewound.
local wasm = require "wasm"
local core = require "wasm.core"
local cached = require "spec.support.cached"
local host = require "spec.support.host"

local SOURCE = [[(module
  (import "e" "wait" (func $wait (param i32) (result i32)))
  (memory (export "memory") 2 8)
  (data (i32.const 16) "data")
  (data $passive "passive")
  (table (export "t") 4 8 funcref)
  (table (export "x") 2 externref)
  (elem (i32.const 0) $one $two)
  (elem $more func $two)
  (global (export "g") (mut i32) (i32.const 5))
  (global $hidden (mut i64) (i64.const 6))
  (global $f (mut funcref) (ref.null func))
  (func $one (export "one") (result i32) (i32.const 1))
  (func $two (export "two") (result i32) (i32.const 2))
  (func (export "pause") (param i32) (result i32) (call $wait (local.get 0)))
  (func (export "hide") (param i64) (global.set $hidden (local.get 0)))
  (func (export "hidden") (result i64) (global.get $hidden))
  (func (export "hold") (global.set $f (table.get 0 (i32.const 1))))
  (func (export "held") (result funcref) (global.get $f))
  (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
  (func (export "init") (memory.init $passive (i32.const 100) (i32.const 0) (i32.const 7)))
  (func (export "drop") (data.drop $passive) (elem.drop $more))
  (func (export "elem") (table.init 0 $more (i32.const 3) (i32.const 0) (i32.const 1))))]]

local imports = { e = { wait = function(v)
  if coroutine.isyieldable() then return coroutine.yield(v) end
  return v
end } }

local function start(opts)
  opts = opts or {}
  local mod <close> = assert(wasm.compile(SOURCE, { bounds = opts.bounds }))
  return assert(mod:instantiate(imports, opts.options))
end

local function settle()
  collectgarbage()
  collectgarbage()
end

for _, way in ipairs { "guard, watched", "explicit, watched", "guard, compared" } do
  describe("a snapshot (" .. way .. ")", function()
    local bounds = way:match("^%l+")
    before_each(function() core.watch_pages(way:find("watched", 1, true) ~= nil) end)
    after_each(function()
      core.watch_pages(true)
      settle()
    end)

    it("brings back memory, globals, tables and dropped segments", function()
      local inst <close> = start { bounds = bounds }
      local e, m = inst.exports, inst.memory
      m:write(60000, "before")
      e.hide(77)
      local s = assert(inst:snapshot())
      m:write(60000, "after!")
      m:write(16, "DATA")
      e.g.value = 9
      e.hide(88)
      e.hold()
      e.t[1], e.t[4] = e.two, e.one
      e.t:grow(3, e.one)
      e.drop()
      assert.equal(2, e.call(0))
      assert(inst:restore(s))
      assert.equal("before", m:read(60000, 6))
      assert.equal("data", m:read(16, 4))
      assert.equal(5, e.g.value)
      assert.equal(77, e.hidden())
      assert.is_nil(e.held())
      assert.equal(1, e.call(0))
      assert.is_nil(e.t[4])
      assert.equal(4, #e.t)
      e.init()
      e.elem()
      assert.equal("passive", m:read(100, 7))
      assert.equal(2, e.call(3))
      assert(inst:restore(s))
      assert.equal("\0\0\0\0\0\0\0", m:read(100, 7))
    end)

    it("brings back the size of a memory, smaller or larger", function()
      local inst <close> = start { bounds = bounds }
      local m = inst.memory
      m:u8(131071, 1)
      local small = assert(inst:snapshot())
      m:grow(4)
      m:u8(6 * 65536 - 1, 2)
      local large = assert(inst:snapshot())
      assert(inst:restore(small))
      assert.equal(2, m:pages())
      assert.is_false((pcall(m.u8, m, 131072)))
      assert.equal(1, m:u8(131071))
      assert(inst:restore(large))
      assert.equal(6, m:pages())
      assert.equal(2, m:u8(6 * 65536 - 1))
      assert(inst:restore(small))
      m:grow(1)
      assert.equal(0, m:u8(3 * 65536 - 1))
    end)

    it("equals a copy, whatever is written, grown and restored", function()
      local inst <close> = start { bounds = bounds }
      local m, random = inst.memory, 12345
      local function pick(n)
        random = (random * 1103515245 + 12345) & 0x7fffffff
        return (random >> 8) % n
      end
      local kept = {}
      for _ = 1, 400 do
        local what = pick(10)
        if what < 6 then
          local at = pick(m:size() - 64)
          m:write(at, string.char(pick(256)):rep(1 + pick(64)))
        elseif what == 6 and m:pages() < 8 then
          m:grow(1)
        elseif what == 7 then
          kept[#kept + 1] = { assert(inst:snapshot()), m:read(0, m:size()) }
        elseif #kept > 0 then
          local one = kept[1 + pick(#kept)]
          assert(inst:restore(one[1]))
          assert.is_true(m:read(0, m:size()) == one[2])
        end
        if #kept > 12 then table.remove(kept, 1 + pick(#kept))[1]:close() end
      end
      for _, one in ipairs(kept) do
        assert(inst:restore(one[1]))
        assert.is_true(m:read(0, m:size()) == one[2])
      end
    end)

    it("costs what has changed since the one before", function()
      local inst <close> = start { bounds = bounds }
      for at = 0, 131071, 4096 do inst.memory:u8(at, 1) end
      local first <close> = assert(inst:snapshot())
      assert.equal(32, first:stats().pages)
      local rest = {}
      for n = 1, 10000 do
        inst.memory:u32(4096 * (n % 32), n)
        rest[n % 50] = assert(inst:snapshot())
        if n % 1000 == 0 then settle() end
      end
      assert.is_true(rest[49]:stats().own_pages <= 2)
      assert.equal(131072, rest[49]:stats().memory_bytes)
    end)
  end)
end

describe("restoring", function()
  it("is refused while calls are under way", function()
    local inst <close> = start()
    local s = assert(inst:snapshot())
    local co = coroutine.create(inst.exports.pause)
    coroutine.resume(co, 1)
    for _, method in ipairs { "snapshot", "restore", "clone" } do
      local ok, err = inst[method](inst, s)
      assert.is_nil(ok)
      assert.equal("busy", err.kind)
    end
    assert.same({ true, 4 }, { coroutine.resume(co, 4) })
    assert(inst:restore(s))
  end)

  it("is refused for another module, by name", function()
    local inst <close> = start()
    local s = assert(inst:snapshot())
    local other <close> = assert(wasm.run "(module $other (memory 2))")
    local ok, err = other:restore(s)
    assert.is_nil(ok)
    assert.equal("link", err.kind)
    assert.truthy(err.message:find("not 'other'", 1, true), err.message)
  end)

  it("works in another instance of the module, with functions of its own", function()
    local a <close> = start()
    local b = start()
    a.exports.hold()
    a.exports.t[4] = a.exports.one
    a.memory:write(500, "from a")
    local s = assert(a:snapshot())
    assert(b:restore(s))
    a:close()
    assert.equal("from a", b.memory:read(500, 6))
    assert.equal(1, b.exports.call(3))
    assert.equal(b.exports.two, b.exports.held())
    b:close()
  end)

  it("is refused where an imported memory or table cannot have that size", function()
    local SHARED = [[(module (import "e" "m" (memory 1)) (import "e" "t" (table 1 funcref)))]]
    local function with(m, t)
      return assert(wasm.run(SHARED, { e = { m = wasm.memory(m), t = wasm.table(t) } }))
    end
    local large <close> = with({ min = 4 }, { "funcref", min = 2 })
    local s = assert(large:snapshot())
    for _, case in ipairs { { { min = 1, max = 2 }, { "funcref", min = 2 } },
                            { { min = 8 }, { "funcref", min = 2 } },
                            { { min = 4 }, { "funcref", min = 1, max = 1 } } } do
      local other = with(case[1], case[2])
      local ok, err = other:restore(s)
      assert.is_nil(ok)
      assert.equal("limit", err.kind)
      other:close()
    end
  end)

  it("after a reload is refused, as the module is another one", function()
    local inst <close> = start()
    local s = assert(inst:snapshot())
    assert(inst:reload((SOURCE:gsub("i32.const 5", "i32.const 50"))))
    assert.equal("link", select(2, inst:restore(s)).kind)
    assert.equal(50, inst.exports.g.value)
  end)

  it("needs a snapshot and an instance that are not closed", function()
    local inst = start()
    local s = assert(inst:snapshot())
    local other <close> = start()
    assert.is_false((pcall(inst.restore, inst)))
    assert.is_false((pcall(inst.restore, inst, 5)))
    inst:close()
    for _, method in ipairs { "snapshot", "restore", "clone" } do
      local ok, err = pcall(other[method], inst, s)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
    end
    assert(other:restore(s)) -- it outlives its instance
    assert.is_true(s:close())
    assert.is_false(s:close())
    assert.is_true(s:closed())
    assert.equal("wasm.snapshot (closed)", tostring(s))
    local ok, err = pcall(other.restore, other, s)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("brings back values of Lua, and functions of others, closed or not", function()
    local inst = start()
    local other = start()
    inst.exports.x[1] = { "value" }
    inst.exports.t[4] = other.exports.two
    local s = assert(inst:snapshot())
    inst.exports.x[1] = nil
    inst.exports.t[4] = nil
    settle()
    core.collect()
    assert(inst:restore(s))
    assert.equal("value", inst.exports.x[1][1])
    assert.equal(2, inst.exports.call(3))
    inst.exports.t[4] = nil
    other:close()
    other = nil -- luacheck: ignore
    settle()
    core.collect()
    assert(inst:restore(s))
    local ok, err = pcall(inst.exports.call, 3)
    assert.is_false(ok)
    assert.equal("callee instance closed", err.trap)
    inst:close()
    settle()
    core.collect()
  end)
end)

describe("a clone", function()
  it("has the same state, and goes its own way", function()
    local inst = start()
    local e = inst.exports
    e.g.value = 8
    e.hide(99)
    e.hold()
    e.t[4] = e.one
    e.x[1] = { "shared" }
    inst.memory:grow(1)
    inst.memory:write(70000, "cloned")
    local twin = assert(inst:clone())
    assert.equal(3, twin.memory:pages())
    assert.equal("cloned", twin.memory:read(70000, 6))
    assert.equal(8, twin.exports.g.value)
    assert.equal(99, twin.exports.hidden())
    assert.equal(twin.exports.two, twin.exports.held())
    assert.equal("shared", twin.exports.x[1][1])
    twin.memory:write(70000, "TWIN")
    twin.exports.hide(1)
    assert.equal("cloned", inst.memory:read(70000, 6))
    assert.equal(99, e.hidden())
    inst:close()
    settle()
    assert.equal(1, twin.exports.call(3))
    assert.equal("shared", twin.exports.x[1][1])
    local third <close> = assert(twin:clone())
    assert.equal("TWINed", third.memory:read(70000, 6))
    twin:close()
  end)

  it("shares what is imported, and runs no start function and no segment", function()
    local memory, starts = wasm.memory { min = 1 }, 0
    local inst <close> = assert(wasm.run([[(module (import "e" "m" (memory 1))
      (import "e" "begin" (func $begin)) (data (i32.const 0) "init") (start $begin)
      (global (export "g") (mut i32) (i32.const 1)))]], { e = { m = memory, begin = function()
      starts = starts + 1
    end } }))
    memory:write(0, "mine")
    inst.exports.g.value = 2
    local twin <close> = assert(inst:clone())
    assert.equal("mine", memory:read(0, 4))
    assert.equal(1, starts)
    assert.equal(2, twin.exports.g.value)
    twin.exports.g.value = 3
    assert.equal(2, inst.exports.g.value)
  end)

  it("keeps the options of its instance", function()
    local inst <close> = start { options = { memory_max = "128KiB", on_trap = "close",
                                             on_close = function() end } }
    local twin <close> = assert(inst:clone())
    assert.is_nil(twin.memory:grow(1))
  end)
end)

describe("a snapshot in a file", function()
  local function kinds(mod, bytes)
    local s, err = mod:read_snapshot(bytes)
    if s then return "ok", s end
    return err.kind
  end

  it("comes back, in another instance", function()
    local dir, remove = cached.directory()
    local inst <close> = start()
    inst.exports.g.value = 42
    inst.exports.t[3] = inst.exports.one
    inst.exports.drop()
    inst.memory:grow(1)
    inst.memory:write(190000, "saved")
    local s = assert(inst:snapshot())
    assert.is_true(s:save(dir .. "/state"))
    local other <close> = start()
    local loaded = assert(other:module():load_snapshot(dir .. "/state"))
    assert(other:restore(loaded))
    assert.equal(42, other.exports.g.value)
    assert.equal(1, other.exports.call(2))
    assert.equal("saved", other.memory:read(190000, 5))
    assert.is_false((pcall(other.exports.init)))
    assert.equal(assert(loaded:dump()), assert(s:dump()))
    assert.equal("io", select(2, s:save(dir .. "/none/state")).kind)
    assert.equal("io", select(2, inst:module():load_snapshot(dir .. "/none")).kind)
    remove()
  end)

  it("is refused by name where it holds what is not in the module", function()
    local inst <close> = start()
    local other = start()
    inst.exports.x[2] = "a string"
    local bytes, err = assert(inst:snapshot()):dump()
    assert.is_nil(bytes)
    assert.equal("link", err.kind)
    assert.truthy(err.message:find("table 1, element 1 holds a value of Lua", 1, true))
    inst.exports.x[2] = nil
    inst.exports.t[4] = other.exports.one
    bytes, err = assert(inst:snapshot()):dump()
    assert.is_nil(bytes)
    assert.truthy(err.message:find("table 0, element 3 holds a function of another instance", 1,
      true), err.message)
    other:close()
  end)

  it("that is damaged is refused, and with a right check restores no nonsense", function()
    local inst <close> = start()
    inst.memory:write(5000, "page one")
    local mod, good = inst:module(), assert(assert(inst:snapshot()):dump())
    assert.equal("ok", (kinds(mod, good)))
    for size = 0, #good - 1, 61 do assert.equal("malformed", (kinds(mod, good:sub(1, size)))) end
    local seen = {}
    for at = 0, #good - 9, 7 do
      for _, flip in ipairs { 1, 0x80, 0xff } do
        local bad = cached.patch(good, at, string.char(good:byte(at + 1) ~ flip))
        assert.equal("malformed", (kinds(mod, bad)))
        local body = bad:sub(1, -9)
        local kind, s = kinds(mod, body .. core.hash64(body))
        seen[kind] = (seen[kind] or 0) + 1
        if s then
          local into <close> = start()
          local ok, err = into:restore(s)
          assert.is_true(ok == true or err.kind == "limit")
          pcall(into.exports.call, 0)
          pcall(into.exports.call, 1)
        end
      end
    end
    assert.is_true(seen.malformed > 20 and seen.ok > 100 and seen.link > 5)
    assert.equal("malformed", (kinds(mod, good .. "x")))
    local other <close> = assert(wasm.compile "(module)")
    assert.equal("link", (kinds(other, good)))
  end)
end)

describe("a ring for rewind", function()
  it("goes back, and forgets what was newer", function()
    local inst <close> = start()
    local ring <close> = wasm.rewind(inst, { frames = 10 })
    assert.equal(0, ring:back())
    for n = 1, 25 do
      inst.memory:u32(8, n)
      assert(ring:push())
    end
    assert.equal(10, #ring)
    assert.equal(1, ring:back())
    assert.equal(24, inst.memory:u32(8))
    assert.equal(0, ring:back(0))
    assert.equal(3, ring:back(3))
    assert.equal(21, inst.memory:u32(8))
    assert.equal(6, #ring)
    inst.memory:u32(8, 100)
    assert(ring:push())
    assert.equal(6, ring:back(1000))
    assert.equal(16, inst.memory:u32(8))
    assert.is_true(ring:bytes() >= 4096)
    assert.equal("wasm.rewind: 1 of 10 moments", tostring(ring))
  end)

  it("says what it does not understand", function()
    local inst <close> = start()
    for _, bad in ipairs { { inst, 5 }, { inst, { frame = 1 } }, { inst, { frames = 0 } },
                           { 5 } } do
      assert.is_false((pcall(wasm.rewind, table.unpack(bad))))
    end
    assert.is_false((pcall(wasm.rewind(inst).back, wasm.rewind(inst), -1)))
  end)
end)

describe("snapshots, forks and the end of the Lua state", function()
  it("are right in parent and child", function()
    host.script([==[
      local wasm = require "wasm"
      local inst = assert(wasm.run '(module (memory (export "memory") 16))')
      local m = inst.memory
      m:u32(100, 1)
      local first = assert(inst:snapshot())
      local function rest(value)
        m:u32(100, value)
        m:u32(900000, value)
        local second = assert(inst:snapshot())
        m:u32(100, 0)
        assert(inst:restore(second))
        assert(m:u32(100) == value and m:u32(900000) == value)
        assert(inst:restore(first))
        assert(m:u32(100) == 1 and m:u32(900000) == 0)
        m:u32(900000, 5)
        assert(inst:restore(second))
        assert(m:u32(900000) == value)
      end
      assert(host.child(function() rest(7) end) == "exit 0")
      rest(9)]==])
  end)

  it("come in any order", function()
    for round = 1, 4 do
      host.script(([==[
        local wasm = require "wasm"
        local round = %d
        inst = assert(wasm.run '(module (memory 4) (table 8 externref))')
        kept = {}
        for n = 1, 50 do kept[n] = assert(inst:snapshot()) end
        twin = assert(inst:clone())
        if round == 2 then inst = nil end
        if round == 3 then kept = nil end
        if round == 4 then inst:close() end
        collectgarbage()]==]):format(round))
    end
  end)
end)

--- Hot reload: rows 20 to 25 of the table in the manual, what may go wrong, linked instances.
local wasm = require "wasm"
local core = require "wasm.core"
local host = require "spec.support.host"

local function settle()
  collectgarbage()
  collectgarbage()
end

--- A version: `add` tells it apart, `count` keeps state at 64, `wait` calls the host.
local function version(k, extra)
  return ([[(module
    (import "e" "wait" (func $wait (param i32) (result i32)))
    (memory (export "memory") 1 4)
    (data (i32.const 16) "version %04d")
    (global (export "level") (mut i32) (i32.const 1))
    (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const %d)))
    (func (export "count") (result i32)
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
      (i32.load (i32.const 64)))
    (func (export "pause") (param i32) (result i32)
      (i32.add (call $wait (local.get 0)) (i32.const %d)))
    %s)]]):format(k, k, k, extra or "")
end

local waits = { e = { wait = function(v)
  if coroutine.isyieldable() then return coroutine.yield(v) end
  return v
end } }

local function start(k, opts)
  return assert(wasm.run(version(k), waits, opts))
end

--- The reload must fail with this kind, and the instance go on as version k.
local function refused(inst, k, kind, source, opts)
  local before = wasm.stats().instances
  local report, err = inst:reload(source, opts)
  assert.is_nil(report)
  assert.equal(kind, err.kind, tostring(err))
  assert.equal(100 + k, inst.exports.add(100))
  settle()
  assert.is_true(wasm.stats().instances <= before)
  return err
end

describe("row 20: reload while calls are active", function()
  local function parked(inst)
    local co = coroutine.create(inst.exports.pause)
    assert.same({ true, 5 }, { coroutine.resume(co, 5) })
    return co
  end

  it("is refused when it waits for an idle instance", function()
    local inst <close> = start(1)
    local co = parked(inst)
    refused(inst, 1, "busy", version(2))
    assert.same({ true, 8 }, { coroutine.resume(co, 7) })
    assert(inst:reload(version(2)))
    assert.equal(102, inst.exports.add(100))
  end)

  it("lets old calls end where they began, and new ones begin in the new version", function()
    local before = wasm.stats().instances
    local inst = start(1)
    local calls = { parked(inst), parked(inst) }
    local report = assert(inst:reload(version(20), { when = "drain" }))
    assert.equal("draining", report.old)
    assert.equal(before + 2, wasm.stats().instances)
    calls[3] = parked(inst)
    settle()
    assert.same({ true, 27 }, { coroutine.resume(calls[3], 7) })
    assert.same({ true, 8 }, { coroutine.resume(calls[2], 7) })
    settle()
    assert.same({ true, 9 }, { coroutine.resume(calls[1], 8) })
    settle()
    assert.equal(before + 1, wasm.stats().instances)
    assert.equal(120, inst.exports.add(100))
    inst:close()
  end)

  it("lets go of an old version whose calls are dropped", function()
    local before = wasm.stats().instances
    local inst = start(1)
    local calls = {}
    for n = 1, 5 do
      calls[n] = parked(inst)
      assert(inst:reload(version(n + 1), { when = "drain" }))
    end
    assert.equal(before + 6, wasm.stats().instances)
    for n = 1, 5, 2 do coroutine.close(calls[n]) end
    calls = nil -- luacheck: ignore
    settle() settle()
    inst.exports.add(1)
    assert.equal(before + 1, wasm.stats().instances)
    inst:close()
  end)

  it("ends old calls when it is to happen now", function()
    local inst <close> = start(1)
    local co = parked(inst)
    local report = assert(inst:reload(version(2), { when = "now" }))
    assert.equal("closed", report.old)
    local ok, err = coroutine.resume(co, 7)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.equal(102, inst.exports.add(100))
  end)

  it("from inside its own call is busy, drains, or ends that call", function()
    local inst, how, report, why
    inst = assert(wasm.run(version(1), { e = { wait = function(v)
      report, why = inst:reload(version(2), { when = how })
      return inst.exports.add(v)
    end } }))
    how = "idle"
    assert.equal(101 + 1, inst.exports.pause(100))
    assert.equal("busy", why.kind)
    how = "drain"
    assert.equal(102 + 1, inst.exports.pause(100)) -- the host's call was one of the new version
    assert.equal("draining", report.old)
    settle()
    inst:close()
    inst = assert(wasm.run(version(1), { e = { wait = function(v)
      assert(inst:reload(version(2), { when = "now" }))
      return inst.exports.add(v)
    end } }))
    local ok, err = pcall(inst.exports.pause, 100)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
    assert.equal(102, inst.exports.add(100))
    inst:close()
  end)
end)

describe("row 21: reload with identical bytes", function()
  it("does nothing, and says so", function()
    local inst <close> = start(1)
    inst.exports.count()
    local report = assert(inst:reload(version(1)))
    assert.is_true(report.unchanged)
    assert.equal(2, inst.exports.count())
  end)

  it("starts afresh by force", function()
    local inst <close> = start(1)
    inst.exports.count()
    local report = assert(inst:reload(version(1), { force = true }))
    assert.is_false(report.unchanged)
    assert.equal(1, inst.exports.count())
  end)
end)

describe("row 22: a reload that fails", function()
  it("at any step leaves the old version as it was", function()
    local inst <close> = start(1)
    inst.exports.count()
    local memory = inst.memory
    memory:u8(1000, 7)
    refused(inst, 1, "malformed", "\0asm\1\0\0\0\255")
    refused(inst, 1, "malformed", "(module (func")
    refused(inst, 1, "invalid", "(module (func (result i32) (i64.const 0)))")
    refused(inst, 1, "link", (version(2):gsub("%(memory", '(import "e" "none" (func))\n%0', 1)))
    refused(inst, 1, "link", (version(2):gsub('"add"%) %(param i32%)', '%0 (param i32)')))
    refused(inst, 1, "trap", version(2, "(func $s unreachable) (start $s)"))
    refused(inst, 1, "trap", version(2, '(data (i32.const 65530) "too long")'))
    refused(inst, 1, "exception", version(2), { state = function() error("no") end })
    refused(inst, 1, "exception", version(2), { state = function() coroutine.yield() end })
    local err = refused(inst, 1, "trap", version(2), { state = function(old, new)
      new.memory:u8(1000, old.exports.add(7))
      assert(wasm.run '(module (func (export "f") unreachable))').exports.f()
    end })
    assert.equal("unreachable", err.trap)
    assert.equal(7, memory:u8(1000))
    assert.equal(2, inst.exports.count())
  end)

  it("because the new version wants other memory limits keeps the old one", function()
    local inst <close> = start(1)
    inst.memory:grow(3)
    refused(inst, 1, "limit", (version(2):gsub("1 4%)", "1 2)")), { state = "memory" })
    assert.equal(4, inst.memory:pages())
  end)

  it("because it was closed or reloaded meanwhile keeps what is there", function()
    local inst = start(1)
    local report, err = inst:reload(version(2), { state = function() inst:close() end })
    assert.is_nil(report)
    assert.equal("busy", err.kind)
    assert.is_true(inst:closed())
    assert.is_false((pcall(inst.reload, inst, version(3))))
    local other <close> = start(1)
    report, err = other:reload(version(2), { state = function()
      local again, why = other:reload(version(3))
      assert.is_nil(again)
      error(why)
    end })
    assert.is_nil(report)
    assert.equal("busy", err.kind)
    assert.equal(101, other.exports.add(100))
  end)

  it("may wait in its start function, and be given up there", function()
    local inst <close> = start(1)
    local slow = version(2, "(func $begin (drop (call $wait (i32.const 9)))) (start $begin)")
    local co = coroutine.create(function() return inst:reload(slow) end)
    assert.same({ true, 9 }, { coroutine.resume(co) })
    assert.equal("busy", select(2, inst:reload(version(3))).kind)
    assert.is_true(coroutine.close(co))
    assert(inst:reload(version(3)))
    assert.equal(103, inst.exports.add(100))
    co = coroutine.wrap(function() return inst:reload(slow) end)
    co()
    assert.same({ "compile", "check" }, { table.unpack(co(1).order, 1, 2) })
    assert.equal(102, inst.exports.add(100))
    settle()
  end)

  it("because of wrong options raises", function()
    local inst <close> = start(1)
    for _, opts in ipairs { 5, { stat = 1 }, { state = "some" }, { state = 5 }, { when = "later" },
                            { linked = "yes" }, { state = { { "x", -1 } } }, { state = { 5 } },
                            { state = { save = "x" } } } do
      assert.is_false((pcall(inst.reload, inst, version(2), opts)))
    end
    assert.is_false((pcall(inst.reload, inst, 5)))
    assert.is_false((pcall(inst.reload, inst)))
    assert.equal(101, inst.exports.add(100))
  end)
end)

describe("row 23: functions taken before a reload", function()
  it("follow to the new version by name and type", function()
    local inst <close> = start(1)
    local add, exports, object = inst.exports.add, inst.exports, inst:func("count")
    object:fn()()
    for k = 2, 30 do
      assert(inst:reload(version(k)))
      assert.equal(100 + k, add(100))
      assert.equal(add, inst.exports.add)
      assert.equal(exports, inst.exports)
      assert.equal(1, object:fn()())
      settle()
    end
  end)

  it("that are gone or changed say so with both types, until they come back", function()
    local inst <close> = start(1)
    local add, count = inst.exports.add, inst.exports.count
    local report = assert(inst:reload((version(2):gsub('"count"', '"number"'))))
    assert.equal(1, report.gone)
    local ok, err = pcall(count)
    assert.is_false(ok)
    assert.equal("link", err.kind)
    assert.truthy(err.message:find("'count' (() -> i32) is gone", 1, true), err.message)
    assert.equal(102, add(100))
    local changed = version(3):gsub('"add"%) %(param i32%)', '"add") (param i32) (param f32)')
    report = assert(inst:reload(changed, { force = true }))
    assert.equal(1, report.gone)
    ok, err = pcall(add, 1)
    assert.is_false(ok)
    assert.truthy(err.message:find("'add' was (i32) -> i32; since the reload it is "
      .. "(i32, f32) -> i32", 1, true), err.message)
    assert.equal(1, count())
    settle()
    report = assert(inst:reload(version(4), { force = true }))
    assert.equal(0, report.gone)
    assert.equal(104, add(100))
    assert.equal(1, count())
    assert.equal(add, inst.exports.add)
  end)

  it("and pinned stay with the old code", function()
    local before = wasm.stats().instances
    local inst = start(1)
    local one = wasm.tofunc(inst.exports.add):pin()
    local counting = inst:func("count"):pin()
    local report = assert(inst:reload(version(2)))
    assert.equal(2, report.pinned)
    local two = wasm.tofunc(inst.exports.add):pin()
    assert(inst:reload(version(3)))
    settle()
    assert.same({ 101, 102, 103 }, { one(100), two(100), inst.exports.add(100) })
    assert.equal(1, counting())
    assert.equal(2, counting())
    assert.equal(1, inst.exports.count())
    assert.equal(before + 3, wasm.stats().instances)
    one, counting = nil, nil -- luacheck: ignore
    settle()
    assert.equal(before + 2, wasm.stats().instances)
    inst:close()
    assert.equal(102, two(100)) -- it has an owner of its own
    two = nil -- luacheck: ignore
    settle()
    assert.equal(before, wasm.stats().instances)
  end)
end)

describe("row 24: the order of a reload", function()
  it("is compile, check, instantiate, migrate, switch, retire, release", function()
    local seen = {}
    local inst <close> = start(1)
    inst:on("reload", function(i, report) seen[#seen + 1] = { i, report } end)
    inst:on("close", function() seen[#seen + 1] = "closed" end)
    local report = assert(inst:reload(version(2)))
    assert.same({ "compile", "check", "instantiate", "migrate", "switch", "retire", "release" },
      report.order)
    assert.equal(1, #seen)
    assert.equal(inst, seen[1][1])
    assert.equal(report, seen[1][2])
  end)

  it("done by hand in any other order is safe", function()
    local MOVES = { "swap", "close A", "close B", "retire", "call", "collect" }
    local function permutations(n, visit)
      if n == 0 then return visit() end
      for i = 1, n do
        MOVES[i], MOVES[n] = MOVES[n], MOVES[i]
        permutations(n - 1, visit)
        MOVES[i], MOVES[n] = MOVES[n], MOVES[i]
      end
    end
    permutations(#MOVES, function()
      local a, b = start(1), start(2)
      local f, g = a.exports.add, b.exports.add
      for _, move in ipairs(MOVES) do
        if move == "swap" then pcall(core.swap, a, b)
        elseif move == "close A" then a:close()
        elseif move == "close B" then b:close()
        elseif move == "retire" then pcall(core.retire, b, a)
        elseif move == "call" then
          for _, call in ipairs { f, g } do
            local ok, got = pcall(call, 100)
            assert(ok and (got == 101 or got == 102) or got.kind == "closed" or got.kind == "link")
          end
        else
          collectgarbage("step")
        end
      end
    end)
    settle()
  end)
end)

describe("row 25: the state of the old version", function()
  it("is kept with state=\"memory\": words the guest changed, and only those", function()
    local inst <close> = start(1)
    for _ = 1, 3 do inst.exports.count() end
    inst.exports.level.value = 9
    inst.memory:u32(40000, 0xabcdef)
    local report = assert(inst:reload(version(2), { state = "memory" }))
    assert.equal("memory", report.state.mode)
    assert.equal("version 0002", inst.memory:read(16, 12)) -- never changed: the new one's
    assert.equal(4, inst.exports.count())
    assert.equal(0xabcdef, inst.memory:u32(40000))
    assert.equal(9, inst.exports.level.value)
    inst.memory:write(20, "XXXX")
    assert(inst:reload(version(3), { state = "memory" }))
    assert.equal("versXXXX0003", inst.memory:read(16, 12))
  end)

  it("grows the new memory as the old one had", function()
    local inst <close> = start(1)
    inst.memory:grow(2)
    inst.memory:u32(3 * 65536 - 4, 77)
    assert(inst:reload(version(2), { state = "memory" }))
    assert.equal(3, inst.memory:pages())
    assert.equal(77, inst.memory:u32(3 * 65536 - 4))
  end)

  it("is refused with a readable difference when static data has moved", function()
    local inst <close> = start(1)
    inst.exports.count()
    local longer = version(2):gsub("version 0002", "a longer version 0002")
    local err = refused(inst, 1, "link", longer, { state = "memory" })
    assert.truthy(err.message:find("data segment 0: was at 16, 12 bytes; is at 16, 21 bytes", 1,
      true), err.message)
    assert(inst:reload(longer, { state = "memory", force = true }))
    assert.equal(2, inst.exports.count())
  end)

  it("is refused when functions have moved in a table", function()
    local function with(a, b)
      return version(1, ([[(table 2 funcref) (elem (i32.const 0) $%s $%s)
        (func $one) (func $two)]]):format(a, b))
    end
    local inst <close> = assert(wasm.run(with("one", "two"), waits))
    local err = refused(inst, 1, "link", with("two", "one"), { state = "memory" })
    assert.truthy(err.message:find("number 0 was 'one', is 'two'", 1, true), err.message)
  end)

  it("is refused when globals are others, or linker symbols have moved", function()
    local function with(globals) return version(1, globals) end
    local inst <close> = assert(wasm.run(with '(global (export "__heap_base") i32 (i32.const 900))',
      waits))
    local err = refused(inst, 1, "link",
      with '(global (export "__heap_base") i32 (i32.const 908))', { state = "memory" })
    assert.truthy(err.message:find("__heap_base: was 900, is 908", 1, true), err.message)
    local other <close> = start(1)
    err = refused(other, 1, "link", with "(global (mut i64) (i64.const 0))", { state = "memory" })
    assert.truthy(err.message:find("globals:", 1, true), err.message)
  end)

  it("is carried by name with state={ symbols }", function()
    local function mod(k, world, player)
      return version(k, ([[(global (export "world") i32 (i32.const %d))
        (global (export "player") i32 (i32.const %d))
        (global (export "player_size") i32 (i32.const 8))
        (data (i32.const 8) "\10\00\00\00")]]):format(world, player))
    end
    local inst <close> = assert(wasm.run(mod(1, 256, 512), waits))
    inst.memory:write(256, "the world")
    inst.memory:write(512, "the player 12345")
    local report = assert(inst:reload(mod(2, 1024, 2048), { state = { { "world", 9 }, "player" } }))
    assert.equal(9 + 16, report.state.bytes)
    assert.equal("the world\0", inst.memory:read(1024, 10))
    assert.equal("the player 12345\0", inst.memory:read(2048, 17))
    for _, state in ipairs { { "world" }, { "none" }, { { "none", 4 } }, { { "world", 65536 } },
                             { { "add", 4 } }, { "memory" } } do
      refused(inst, 2, "link", mod(3, 300, 400), { state = state })
    end
    refused(inst, 2, "link", mod(3, 70000, 400), { state = { { "world", 4 } } })
    refused(inst, 2, "link", mod(3, -1, 400), { state = { { "world", 4 } } })
  end)

  it("is brought over by a Lua function", function()
    local inst <close> = start(1)
    inst.exports.count()
    assert(inst:reload(version(2), { state = function(old, new)
      new.memory:u32(64, old.memory:u32(64) * 10)
      assert(new.exports.add(1) == 3)
    end }))
    assert.equal(11, inst.exports.count())
  end)

  it("is brought over by the guest's own exports", function()
    local function mod(k)
      return version(k, [[
        (func (export "hot_save") (result i32)
          (i32.store (i32.const 512) (i32.const 4))
          (i32.store (i32.const 516) (i32.load (i32.const 64)))
          (i32.const 512))
        (func (export "hot_alloc") (param i32) (result i32) (i32.const 600))
        (func (export "hot_load") (param i32 i32)
          (i32.store (i32.const 64) (i32.load (local.get 0))))]])
    end
    local guest = { save = "hot_save", load = "hot_load", alloc = "hot_alloc" }
    local inst <close> = assert(wasm.run(mod(1), waits))
    for _ = 1, 6 do inst.exports.count() end
    local report = assert(inst:reload(mod(2), { state = guest }))
    assert.equal(4, report.state.bytes)
    assert.equal(7, inst.exports.count())
    refused(inst, 2, "link", version(3), { state = guest })
    refused(inst, 2, "trap", (mod(3):gsub("%(i32.const 600%)", "unreachable")), { state = guest })
    refused(inst, 2, "exception", (mod(3):gsub("%(i32.const 600%)", "(i32.const 65535)")),
      { state = guest })
  end)

  it("keeps exported globals with migrate_globals", function()
    local inst <close> = start(1)
    inst.exports.level.value = 5
    assert(inst:reload(version(2)))
    assert.equal(1, inst.exports.level.value)
    inst.exports.level.value = 5
    assert(inst:reload(version(3), { migrate_globals = true }))
    assert.equal(5, inst.exports.level.value)
  end)

  it("stays in a memory that both import", function()
    local memory = wasm.memory { min = 1 }
    local function mod(k)
      return ([[(module (import "e" "m" (memory 1)) (func (export "add") (param i32) (result i32)
        (i32.add (local.get 0) (i32.const %d)))
        (func (export "get") (result i32) (i32.load (i32.const 8))))]]):format(k)
    end
    local inst <close> = assert(wasm.run(mod(1), { e = { m = memory } }))
    memory:u32(8, 44)
    assert(inst:reload(mod(2), { state = "memory" }))
    assert.equal(44, inst.exports.get())
  end)
end)

describe("reloading an instance that others are linked to", function()
  local USER = [[(module (import "lib" "add" (func $add (param i32) (result i32)))
    (import "e" "wait" (func $wait (param i32) (result i32)))
    (func (export "use") (param i32) (result i32) (call $add (local.get 0)))
    (func (export "slow") (param i32) (result i32) (call $add (call $wait (local.get 0)))))]]

  local function linked()
    local lib = start(1)
    return lib, assert(wasm.run(USER, { lib = lib, e = waits.e }))
  end

  it("is refused, and says how to", function()
    local lib, user = linked()
    local err = refused(lib, 1, "link", version(2))
    assert.truthy(err.message:find("linked=\"relink\"", 1, true))
    assert.equal(101, user.exports.use(100))
  end)

  it("links them to the new version if asked to", function()
    local lib, user = linked()
    local co = coroutine.create(user.exports.slow)
    coroutine.resume(co, 5)
    for k = 2, 20 do
      local report = assert(lib:reload(version(k), { linked = "relink" }))
      assert.equal(1, report.links)
      settle()
      assert.equal(100 + k, user.exports.use(100))
    end
    assert.same({ true, 27 }, { coroutine.resume(co, 7) }) -- an import is read at each call
    lib:close()
    local ok, err = pcall(user.exports.use, 1)
    assert.is_false(ok)
    assert.equal("callee instance closed", err.trap)
  end)

  it("is refused when they import a memory, or what is gone", function()
    local lib, user = linked()
    refused(lib, 1, "link", (version(2):gsub('"add"', '"sum"')), { linked = "relink" })
    assert.equal(101, user.exports.use(100))
    user:close()
    local reader <close> = assert(wasm.run([[(module (import "lib" "memory" (memory 1))
      (func (export "get") (result i32) (i32.load (i32.const 64))))]], { lib = lib }))
    lib.exports.count()
    local err = refused(lib, 1, "link", version(2), { linked = "relink" })
    assert.truthy(err.message:find("imports a memory", 1, true))
    assert.equal(1, reader.exports.get())
  end)

  it("leaves its functions in other tables behind as closed", function()
    local tbl = wasm.table { "funcref", min = 1 }
    local lib <close> = start(1)
    tbl[1] = lib.exports.add
    local user <close> = assert(wasm.run([[(module (import "e" "t" (table 1 funcref))
      (type $f (func (param i32) (result i32)))
      (func (export "use") (param i32) (result i32)
        (call_indirect (type $f) (local.get 0) (i32.const 0))))]], { e = { t = tbl } }))
    assert.equal(101, user.exports.use(100))
    assert(lib:reload(version(2)))
    settle()
    local ok, err = pcall(user.exports.use, 100)
    assert.is_false(ok)
    assert.equal("callee instance closed", err.trap)
    tbl[1] = lib.exports.add
    assert.equal(102, user.exports.use(100))
  end)
end)

describe("a thousand reloads", function()
  it("leave nothing behind", function()
    local inst = start(1)
    local add = inst.exports.add
    settle()
    core.collect()
    local before = wasm.stats()
    for n = 1, 1000 do
      assert(inst:reload(version(n % 7), { state = n % 2 == 0 and "memory" or "fresh" }))
      assert(add(0) == n % 7)
    end
    settle()
    core.collect()
    local after = wasm.stats()
    assert.equal(before.instances, after.instances)
    assert.is_true(after.shells <= before.shells + 2)
    inst:close()
  end)

  it("keep the values of Lua that wasm was given", function()
    local SOURCE = [[(module (import "e" "make" (func $make (result externref)))
      (global (export "kept") (mut externref) (ref.null extern))
      (table (export "t") 4 externref)
      (func $begin (table.set (i32.const 1) (call $make))) (start $begin)
      (func (export "get") (param i32) (result externref) (table.get (local.get 0)))
      (func (export "k") (result i32) (i32.const %d)))]]
    local function make() return { "made" } end
    local inst = assert(wasm.run(SOURCE:format(0), { e = { make = make } }))
    for k = 1, 20 do
      assert(inst:reload(SOURCE:format(k)))
      settle()
      assert.equal("made", inst.exports.get(1)[1])
      inst.exports.t[1] = { "put" }
      settle()
      assert.equal("put", inst.exports.get(0)[1])
    end
    inst:close()
    settle()
  end)
end)

describe("a reload and the end of the Lua state", function()
  it("come in any order", function()
    for round = 1, 6 do
      host.script(([==[
        local wasm = require "wasm"
        local function version(k)
          return ([[(module (import "e" "wait" (func $wait (param i32) (result i32)))
            (func (export "f") (param i32) (result i32)
              (i32.add (call $wait (local.get 0)) (i32.const %%d))))]]):format(k)
        end
        local round = %d
        local inst = assert(wasm.run(version(1), { e = { wait = coroutine.yield } }))
        kept = { inst, inst.exports.f, wasm.tofunc(inst.exports.f):pin() }
        co = coroutine.create(inst.exports.f)
        coroutine.resume(co, 1)
        assert(inst:reload(version(2), { when = round %% 2 == 0 and "drain" or "now" }))
        if round > 4 then kept[3] = nil collectgarbage() end
        if round > 2 then kept[1] = nil inst = nil collectgarbage() end]==]):format(round))
    end
  end)
end)

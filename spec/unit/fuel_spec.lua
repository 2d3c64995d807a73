--- Budgets: fuel. What is counted, that it is the same whatever the compiler does, that all that
--- can run for ever stops, and that what is cut into slices ends like what is not.
local wasm = require "wasm"
local endless = require "spec.support.endless"
local ways = require "spec.support.ways"

local each_way, with = ways.each, ways.with

--- f(...) ends for want of fuel.
local function starves(f, ...)
  local ok, err = pcall(f, ...)
  assert(not ok and err.kind == "limit" and err.message == "out of fuel", tostring(err))
  return err
end

local ADD = [[(memory 1)
  (func (export "loop") (loop (br 0)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))]]

-- Work with loops that are unrolled, branches, calls, memory, and a result.
local WORK = [[
  (memory (export "memory") 1)
  (global (export "g") (mut i32) (i32.const 0))
  (func $mix (param i32 i32) (result i32)
    (if (result i32) (i32.and (local.get 0) (i32.const 1))
      (then (i32.mul (local.get 0) (local.get 1)))
      (else (i32.xor (local.get 0) (i32.rotl (local.get 1) (i32.const 5))))))
  (func (export "work") (param $n i32) (result i32) (local $i i32) (local $s i32) (local $k i32)
    (loop $outer
      (local.set $k (i32.const 0))
      (loop $inner
        (local.set $s (i32.add (local.get $s) (i32.mul (local.get $k) (local.get $i))))
        (i32.store (i32.and (i32.mul (local.get $s) (i32.const 4)) (i32.const 0xfffc))
          (local.get $s))
        (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br_if $inner (i32.lt_u (local.get $k) (i32.and (local.get $i) (i32.const 31)))))
      (block $no
        (br_if $no (i32.eqz (i32.rem_u (local.get $i) (i32.const 3))))
        (local.set $s (call $mix (local.get $s) (local.get $i)))
        (block $one (block $two (block $three
          (br_table $one $two $three (i32.and (local.get $s) (i32.const 3))))
          (local.set $s (i32.add (local.get $s) (i32.const 7))) (br $one))
          (global.set 0 (i32.add (global.get 0) (local.get $s)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $outer (i32.lt_u (local.get $i) (local.get $n))))
    (local.get $s))]]

describe("fuel", function()
  it("counts operators, but block, loop, else and end", function()
    local inst = assert(wasm.run([[(module
      (func (export "straight") (result i32)
        (block (nop) (nop)) (i32.add (i32.const 1) (i32.const 2)))      ;; 5
      (func (export "choice") (param i32) (result i32)
        (if (result i32) (local.get 0)                                  ;; 2
          (then (i32.const 1))                                          ;; 1
          (else (nop) (nop) (i32.const 2))))                            ;; 3
      (func (export "loop") (param i32)
        (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) ;; 5 each time
        (nop))                                                          ;; 1
      (func $leaf (nop))                                                ;; 1
      (func (export "calls") (call $leaf) (call $leaf)))]], nil, { fuel = 1000 })) -- 2
    local function cost(name, ...)
      local before = inst:fuel()
      inst.exports[name](...)
      return before - inst:fuel()
    end
    assert.equal(5, cost("straight"))
    assert.equal(3, cost("choice", 1))
    assert.equal(5, cost("choice", 0))
    assert.equal(51, cost("loop", 10))
    assert.equal(4, cost("calls"))
    assert.equal(inst:stats().fuel_used, 1000 - inst:fuel())
  end)

  it("is the same count with every way of compiling, and the same twice", function()
    local count, sum, image
    each_way(function(options, name, salt)
      for _ = 1, 2 do
        local inst = with(WORK, salt, options)
        local result = inst.exports.work(500)
        local used, bytes = inst:stats().fuel_used, inst.memory:read(0, 65536)
        count, sum, image = count or used, sum or result, image or bytes
        assert(used == count, ("%s: %d, not %d"):format(name, used, count))
        assert(result == sum and bytes == image, name)
      end
    end)
    assert.truthy(count > 50000)
  end)

  it("runs out at the same place with every way of compiling", function()
    local seen = {}
    each_way(function(options, _, salt)
      local inst = with(WORK, salt, options)
      for n, fuel in ipairs { 0, 1, 10, 99, 1000, 1001, 1002, 1003, 1004, 1005, 4321, 40000 } do
        inst.memory:fill(0, 65536, 0)
        inst.exports.g.value = 0
        inst:fuel(fuel)
        local err = starves(inst.exports.work, 500)
        local now = ("%d %s %d %d"):format(inst:fuel(), inst.memory:read(0, 65536),
          inst.exports.g.value, err.offset)
        seen[n] = seen[n] or now
        assert(seen[n] == now, ("with %d: %d left"):format(fuel, inst:fuel()))
      end
    end)
  end)

  it("stops everything that runs for ever, and the instance goes on with more", function()
    each_way(function(options, name, salt)
      local inst, other = endless.make(wasm, salt, options)
      for n = 0, #endless.names do
        local shape = endless.names[n] or endless.recursion
        inst:fuel(5000)
        other:fuel(5000)
        local err = starves(inst.exports[shape], 0)
        assert(#err.frames > 0, name)
        assert(inst:fuel() < 5000 and inst:fuel() >= 0 and other:fuel() >= 0, shape)
        inst:fuel(100)
        assert(inst.exports.add(2, 3) == 5 and inst:fuel() == 97)
      end
    end)
  end)

  it("is not set anew by itself", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 10 }))
    for _ = 1, 3 do assert.equal(3, inst.exports.add(1, 2)) end
    starves(inst.exports.add, 1, 2)
    assert.equal(1, inst:fuel())
    assert.equal(1, inst:fuel(50)) -- what was left
    assert.equal(3, inst.exports.add(1, 2))
    assert.equal(12, inst:stats().fuel_used)
  end)

  it("stops the start function, too", function()
    local mod = assert(wasm.compile("(module (func $f (loop (br 0))) (start $f))", { fuel = true }))
    local inst, err = mod:instantiate(nil, { fuel = 1000 })
    assert.is_nil(inst)
    assert.equal("limit", err.kind)
    assert.equal("out of fuel", err.message)
  end)

  it("is without end where no amount is given", function()
    local mod = assert(wasm.compile("(module" .. WORK .. ")", { fuel = true }))
    local inst = assert(mod:instantiate())
    inst.exports.work(100)
    assert.equal(math.maxinteger - inst:stats().fuel_used, inst:fuel())
  end)

  it("is part of what a module is compiled for", function()
    local with_fuel = assert(wasm.compile("(module)", { fuel = true }))
    local without = assert(wasm.compile("(module)"))
    assert.is_true(with_fuel ~= without)
    assert.is_true(with_fuel:info().fuel)
    assert.is_false(without:info().fuel)
    local inst = assert(without:instantiate())
    assert.is_nil(inst:stats().fuel_used)
    local ok, err = pcall(inst.fuel, inst)
    assert.is_false(ok)
    assert.truthy(err:find("compile with fuel=true", 1, true))
    assert.is_false(pcall(wasm.compile, "(module)", { fuel = 5 }))
  end)

  it("has entries of its own in a cache", function()
    local dir, remove = require "spec.support.cached".directory()
    finally(remove)
    local text = "(module" .. WORK .. "(@custom \"cached\" \"\"))"
    for round = 1, 2 do
      local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
      for _, fuel in ipairs { true, false } do
        local mod <close> = assert(wasm.compile(text, { fuel = fuel, cache = cache, eager = true }))
        local inst <close> = assert(mod:instantiate())
        inst.exports.work(10)
        assert.equal(fuel, (inst:stats().fuel_used or 0) > 100)
      end
      assert.equal(round == 1 and 2 or 0, cache:stats().misses)
      assert.equal(round == 1 and 0 or 2, cache:stats().disk_hits)
      assert.equal(2, cache:stats().entries)
      collectgarbage()
    end
  end)

  it("refuses amounts that are none", function()
    local inst = assert(wasm.run("(module)", nil, { fuel = 7 }))
    assert.is_false(pcall(inst.fuel, inst, -1))
    assert.is_false(pcall(inst.fuel, inst, 0.5))
    assert.is_false(pcall(inst.fuel, inst, "lots"))
    assert.equal(7, inst:fuel())
    assert.equal(7, inst:fuel(math.maxinteger))
    assert.equal(math.maxinteger, inst:fuel())
  end)

  it("is counted in code that is compiled lazily", function()
    local eager = assert(wasm.run("(module" .. WORK .. ")", nil, { fuel = true, eager = true }))
    local lazy = assert(wasm.run("(module (; lazy ;)" .. WORK .. "(@custom \"lazy\" \"\"))", nil,
      { fuel = true, eager = false }))
    assert.equal(eager.exports.work(99), lazy.exports.work(99))
    assert.equal(eager:stats().fuel_used, lazy:stats().fuel_used)
  end)

  it("is paid for a stretch that traps, and not for what does not run", function()
    local inst = assert(wasm.run([[(module (func (export "f") (param i32) (result i32)
      (i32.div_u (i32.const 1) (local.get 0)) (drop) (nop) (nop) (i32.const 1)))]], nil,
      { fuel = 100 }))
    local ok, err = pcall(inst.exports.f, 0)
    assert.is_false(ok)
    assert.equal("trap", err.kind)
    assert.equal(93, inst:fuel())
    assert.equal(1, inst.exports.f(1))
    assert.equal(86, inst:fuel())
    inst:fuel(6)
    starves(inst.exports.f, 0) -- before it can trap
    assert.equal(6, inst:fuel())
  end)

  it("may run out, or come, in the middle of a call of the host", function()
    local inst, seen
    local mod = assert(wasm.compile([[(module (import "e" "host" (func $host (param i32)))
      (func (export "outer") (param i32) (result i32)
        (call $host (local.get 0)) (nop) (i32.const 9))
      (func (export "inner") (loop (br 0))))]], { fuel = true }))
    local function host(what)
      if what == 0 then inst:fuel(0) end
      if what == 1 then inst.exports.inner() end
      if what == 2 then
        starves(inst.exports.inner)
        inst:fuel(100)
      end
      seen = inst:fuel()
    end
    inst = assert(mod:instantiate({ e = { host = host } }, { fuel = 1000 }))
    assert.equal(9, inst.exports.outer(0)) -- the stretch has been paid for before the call
    assert.equal(0, inst:fuel())
    inst:fuel(1000)
    starves(inst.exports.outer, 1)
    inst:fuel(1000)
    assert.equal(9, inst.exports.outer(2))
    assert.equal(100, seen)
  end)

  it("is each linked instance's own", function()
    local lib = assert(wasm.run([[(module (func (export "twice") (param i32) (result i32)
      (i32.mul (local.get 0) (i32.const 2))) (func (export "spin") (loop (br 0))))]], nil,
      { fuel = 100 }))
    local app = assert(wasm.run([[(module
      (import "lib" "twice" (func $twice (param i32) (result i32)))
      (import "lib" "spin" (func $spin))
      (func (export "f") (param i32) (result i32) (call $twice (local.get 0)))
      (func (export "g") (call $spin)) (func (export "h") (return_call $spin)))]], { lib = lib },
      { fuel = 100 }))
    assert.equal(42, app.exports.f(21))
    assert.equal(98, app:fuel())
    assert.equal(97, lib:fuel())
    starves(app.exports.g)
    assert.equal(97, app:fuel())
    assert.equal(0, lib:fuel())
    lib:fuel(10)
    starves(app.exports.h)
    assert.equal(96, app:fuel())
    app:fuel(1)
    starves(app.exports.f, 1)
  end)

  it("goes over to the next version when an instance is reloaded", function()
    local text = "(module (func (export \"f\") (nop)) %s)"
    local inst = assert(wasm.run(text:format(""), nil, { fuel = 100 }))
    inst.exports.f()
    assert(inst:reload(text:format("(func)")))
    assert.equal(99, inst:fuel())
    inst.exports.f()
    assert.equal(98, inst:fuel())
    assert(inst:reload(text:format("(func) (func)"), { options = { fuel = 5 } }))
    assert.equal(5, inst:fuel())
  end)
end)

describe("fuel with on_limit = \"yield\"", function()
  local function sliced(f, ...)
    local co, n = coroutine.create(f), 0
    local results = table.pack(coroutine.resume(co, ...))
    while coroutine.status(co) ~= "dead" do
      assert(results[1] and results[2] == "fuel" and results.n == 2)
      n = n + 1
      results = table.pack(coroutine.resume(co, n, "ignored"))
    end
    assert(results[1], results[2])
    return n, table.unpack(results, 2, results.n)
  end

  it("ends after 1,000 slices as after one", function()
    each_way(function(options, name, salt)
      local whole = with(WORK, salt, options)
      local sum = whole.exports.work(2000)
      local used = whole:stats().fuel_used
      local inst = with(WORK, salt, options, nil, { fuel = used // 1000, on_limit = "yield" })
      local n, result = sliced(inst.exports.work, 2000)
      assert(n >= 1000, name)
      assert(result == sum and inst:stats().fuel_used == used, name)
      assert(inst.memory:read(0, 65536) == whole.memory:read(0, 65536), name)
      assert(inst.exports.g.value == whole.exports.g.value, name)
    end)
  end)

  it("keeps every register, and finds a memory that has moved", function()
    local text = [[(memory (export "memory") 1 64)
      (func (export "f") (param i64 f64 i32) (result i64)
        (local $v v128) (local i64 i64 i64 i64 f64)
        (local.set $v (i8x16.splat (local.get 2)))
        (local.set 4 (i64.const 3)) (local.set 5 (i64.const 5)) (local.set 6 (i64.const 7))
        (local.set 7 (i64.const 11)) (local.set 8 (f64.const 0.5))
        (loop $l
          (local.set 4 (i64.add (i64.rotl (local.get 4) (i64.const 7)) (local.get 5)))
          (if (i64.eqz (i64.and (local.get 4) (i64.const 3))) (then
            (local.set 5 (i64.xor (local.get 5) (local.get 6)))
            (local.set 8 (f64.add (local.get 8) (local.get 1))))
          (else (local.set 6 (i64.add (local.get 6) (local.get 7)))))
          (local.set 7 (i64.mul (local.get 7) (i64.const 13)))
          (local.set $v (i8x16.add (local.get $v) (i8x16.splat (i32.wrap_i64 (local.get 7)))))
          (i64.store (i32.and (i32.wrap_i64 (local.get 4)) (i32.const 0xfff8)) (local.get 7))
          (br_if $l (i32.wrap_i64 (local.tee 0 (i64.sub (local.get 0) (i64.const 1))))))
        (i64.add (i64.add (i64.reinterpret_f64 (local.get 8)) (i64x2.extract_lane 1 (local.get $v)))
          (i64.xor (i64.xor (local.get 4) (local.get 5)) (i64.xor (local.get 6) (local.get 7)))))]]
    each_way(function(options, name, salt)
      local whole = with(text, salt, options)
      local sum = whole.exports.f(500, 1.25, 77)
      local inst = with(text, salt, options, nil, { fuel = 40, on_limit = "yield" })
      local co = coroutine.create(inst.exports.f)
      local ok, value = coroutine.resume(co, 500, 1.25, 77)
      for n = 1, math.huge do
        if coroutine.status(co) == "dead" then break end
        assert(ok and value == "fuel", value)
        if n <= 60 then assert(inst.memory:grow(1)) end
        collectgarbage "step"
        ok, value = coroutine.resume(co)
      end
      assert(ok and value == sum, name)
      assert(inst.memory:read(0, 65536) == whole.memory:read(0, 65536), name)
    end)
  end)

  it("yields from tail calls, recursion and host functions, and goes on", function()
    local inst
    local mod = assert(wasm.compile([[(module
      (import "e" "host" (func $host (param i32) (result i32)))
      (func $down (export "down") (param i32 i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $down (i32.sub (local.get 0) (i32.const 1))
            (i32.add (local.get 1) (local.get 0))))
          (else (local.get 1))))
      (func $sum (export "sum") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
          (else (i32.const 0))))
      (func (export "nested") (param i32) (result i32) (call $host (local.get 0))))]],
      { fuel = true }))
    inst = assert(mod:instantiate({ e = { host = function(n) return inst.exports.sum(n) end } },
      { fuel = 50, on_limit = "yield" }))
    for _, name in ipairs { "sum", "nested", "down" } do
      local n, sum = sliced(inst.exports[name], 100, 0)
      assert.equal(5050, sum)
      assert(n > 10, name)
    end
  end)

  it("yields in a start function, too", function()
    local mod = assert(wasm.compile([[(module (global $g (export "g") (mut i32) (i32.const 0))
      (func $f (loop (global.set $g (i32.add (global.get $g) (i32.const 1)))
        (br_if 0 (i32.lt_u (global.get $g) (i32.const 100))))) (start $f))]], { fuel = true }))
    local n, inst = sliced(mod.instantiate, mod, nil, { fuel = 64, on_limit = "yield" })
    assert.truthy(n > 5)
    assert.equal(100, inst.exports.g.value)
  end)

  it("takes a budget that was set while the call waited", function()
    local inst = assert(wasm.run("(module" .. WORK .. ")", nil, { fuel = 10, on_limit = "yield" }))
    local co = coroutine.create(inst.exports.work)
    assert(coroutine.resume(co, 100))
    inst:fuel(math.maxinteger)
    assert(coroutine.resume(co))
    assert.equal("dead", coroutine.status(co))
  end)

  it("makes progress however small the budget is", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 1, on_limit = "yield" }))
    local n, sum = sliced(inst.exports.add, 4, 5)
    assert.equal(9, sum)
    assert.truthy(n >= 1)
    assert.equal(3, inst:stats().fuel_used)
  end)

  it("is an error where nothing can yield", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 100, on_limit = "yield" }))
    starves(inst.exports.loop)
    inst:fuel(100)
    local co = coroutine.wrap(function()
      table.sort({ 1, 2 }, function() starves(inst.exports.loop) end)
      return "sorted"
    end)
    assert.equal("sorted", co())
  end)

  it("leaves nothing of a call that is given up while it waits", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 100, on_limit = "yield" }))
    local co = coroutine.create(inst.exports.loop)
    assert(coroutine.resume(co))
    assert.is_true(inst:busy())
    assert(coroutine.close(co))
    assert.is_false(inst:busy())
    co = coroutine.create(inst.exports.loop)
    assert(coroutine.resume(co))
    inst:close("force")
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("keeps the order of calls on one memory", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 100, on_limit = "yield" }))
    local one, two = coroutine.create(inst.exports.loop), coroutine.create(inst.exports.loop)
    assert(coroutine.resume(one))
    assert(coroutine.resume(two))
    local ok, err = coroutine.resume(one)
    assert.is_false(ok)
    assert.equal("busy", err.kind)
    assert.is_true(coroutine.resume(two))
  end)

  it("ends by an interrupt that came while it waited", function()
    local inst = assert(wasm.run("(module" .. ADD .. ")", nil, { fuel = 100, on_limit = "yield" }))
    local co = coroutine.create(inst.exports.loop)
    assert(coroutine.resume(co))
    inst:interrupt()
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.equal("interrupt", err.kind)
  end)
end)

--- Shared memories and atomics, alone and between Lua states in threads of their own.
local host = require "spec.support.host"
local wasm = require "wasm"
local weight = require "spec.support.weight"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source, options)):instantiate(imports))
end

local function trap(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err.trap
end

-- Every read-modify-write in a loop, so that threads that do it at once lose nothing.
local WORK = [[(module
  (import "e" "m" (memory 1 4 shared))
  (func (export "add") (param i32)
    (loop
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (drop (i64.atomic.rmw.add offset=8 (i32.const 0) (i64.const 3)))
      (drop (i32.atomic.rmw8.add_u offset=16 (i32.const 0) (i32.const 1)))
      (drop (i64.atomic.rmw16.sub_u (i32.const 18) (i64.const 1)))
      (drop (i64.atomic.rmw32.xor_u offset=20 (i32.const 0) (i64.const 1)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if 0 (local.get 0))))
  (func (export "cas") (param i32) (local $old i64)
    (loop $next
      (loop $again
        (local.set $old (i64.atomic.load (i32.const 32)))
        (br_if $again (i64.ne (local.get $old) (i64.atomic.rmw.cmpxchg offset=32 (i32.const 0)
          (local.get $old) (i64.add (local.get $old) (i64.const 5))))))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $next (local.get 0))))
  (func (export "lock") (param i32)
    (loop $next
      (loop $again (br_if $again (i32.atomic.rmw8.xchg_u (i32.const 40) (i32.const 1))))
      (i32.store (i32.const 44) (i32.add (i32.load (i32.const 44)) (i32.const 7)))
      (i32.atomic.store8 (i32.const 40) (i32.const 0))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $next (local.get 0))))
  (func (export "mutex") (param i32)
    (loop $next
      (loop $again
        (if (i32.atomic.rmw.cmpxchg (i32.const 48) (i32.const 0) (i32.const 1)) (then
          (drop (memory.atomic.wait32 (i32.const 48) (i32.const 1) (i64.const -1)))
          (br $again))))
      (i32.store (i32.const 52) (i32.add (i32.load (i32.const 52)) (i32.const 1)))
      (i32.atomic.store (i32.const 48) (i32.const 0))
      (drop (memory.atomic.notify (i32.const 48) (i32.const 1)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_if $next (local.get 0)))))]]

for _, bounds in ipairs { "guard", "explicit" } do
  describe("atomics, " .. bounds, function()
    it("check alignment, then bounds", function()
      local inst = instance([[(module (memory 1)
        (func (export "load") (param i32) (result i64) (i64.atomic.load offset=4 (local.get 0)))
        (func (export "add") (param i32) (result i32)
          (i32.atomic.rmw16.add_u offset=1 (local.get 0) (i32.const 1)))
        (func (export "cas") (param i32) (result i64)
          (i64.atomic.rmw32.cmpxchg_u offset=4294967295 (local.get 0) (i64.const 0) (i64.const 1)))
        (func (export "or") (param i32) (result i64)
          (i64.atomic.rmw.or offset=2147483648 (local.get 0) (i64.const 1)))
        (func (export "notify") (param i32) (result i32)
          (memory.atomic.notify offset=65532 (local.get 0) (i32.const 1)))
        (func (export "wait") (param i32) (result i32)
          (memory.atomic.wait64 (local.get 0) (i64.const 1) (i64.const 0))))]], nil,
        { bounds = bounds })
      local f = inst.exports
      assert.equal(0, f.load(4))
      assert.equal("unaligned atomic", trap(f.load, 0))
      assert.equal("unaligned atomic", trap(f.load, 65531))
      assert.equal("out of bounds memory access", trap(f.load, 65532))
      assert.equal(0, f.add(1))
      assert.equal("unaligned atomic", trap(f.add, 0))
      assert.equal("out of bounds memory access", trap(f.add, -1))
      assert.equal("unaligned atomic", trap(f.cas, 0))
      assert.equal("out of bounds memory access", trap(f.cas, 1))
      assert.equal("out of bounds memory access", trap(f.cas, -3))
      assert.equal("out of bounds memory access", trap(f["or"], 0))
      assert.equal("unaligned atomic", trap(f["or"], 4))
      assert.equal(0, f.notify(0))
      assert.equal("out of bounds memory access", trap(f.notify, 4))
      assert.equal("unaligned atomic", trap(f.wait, 4))
      assert.equal("out of bounds memory access", trap(f.wait, 65536))
      assert.equal("expected shared memory", trap(f.wait, 0))
    end)

    it("work on memories with 64-bit addresses, and on the second", function()
      local inst = instance([[(module (memory 1) (memory $m i64 1)
        (func (export "add") (param i64 i32) (result i32)
          (i32.atomic.rmw.add $m offset=8 (local.get 0) (local.get 1)))
        (func (export "cas") (param i64 i64 i64) (result i64)
          (i64.atomic.rmw8.cmpxchg_u $m offset=8 (local.get 0) (local.get 1) (local.get 2))))]],
        nil, { bounds = bounds })
      local f = inst.exports
      assert.equal(0, f.add(0, 300))
      assert.equal(300, f.add(0, 0x100))
      assert.equal(44, f.cas(0, 44, 45))
      assert.equal(45, f.cas(0, 256 + 45, 45)) -- bits that are not there do not count
      assert.equal(45, f.cas(0, 45, 0x7fff))
      assert.equal(0xff + 0x200, f.add(0, 0))
      assert.equal("out of bounds memory access", trap(f.add, -8, 1))
      assert.equal("out of bounds memory access", trap(f.cas, -8, 1, 1))
      assert.equal("out of bounds memory access", trap(f.cas, math.mininteger, 1, 1))
    end)

    it("leave nothing out when four threads are at it", function()
      local n, threads = weight.scaled(20000), 4
      local m = assert(wasm.memory { min = 1, max = 4, shared = true, bounds = bounds })
      host.script(([==[
        local wasm = require "wasm"
        local m = assert(wasm.memory { min = 1, max = 4, shared = true, bounds = "%s" })
        local source, n, threads = [=[%s]=], %d, %d
        local life = ([=[
          local wasm, name, n = require "wasm", ...
          local m = assert(wasm.memory { attach = "KEY" })
          local inst = assert(wasm.run([[SOURCE]], { e = { m = m } }, { bounds = "%s" }))
          inst.exports[({ "add", "cas", "lock", "mutex" })[name]](n)
          return "done"]=]):gsub("KEY", m:share()):gsub("SOURCE", function() return source end)
        for name = 1, 4 do
          local running = {}
          for k = 1, threads do running[k] = host.thread(life, name, n) end
          for k = 1, threads do
            local result, why = host.join(running[k])
            assert(result == "done", why)
          end
        end
        local total = n * threads
        assert(m:i32(0) == total)
        assert(m:i64(8) == 3 * total)
        assert(m:u8(16) == total & 255)
        assert(m:u16(18) == -total & 65535)
        assert(m:u32(20) == total & 1)
        assert(m:i64(32) == 5 * total)
        assert(m:i32(44) == 7 * total)
        assert(m:i32(52) == total)]==]):format(bounds, WORK, n, threads, bounds))
      assert.is_true(m:close())
    end)
  end)
end

describe("a shared memory", function()
  it("needs a maximum, and is no other memory", function()
    assert.is_false(pcall(wasm.memory, { min = 1, shared = true }))
    local m = assert(wasm.memory { min = 1, max = 2, shared = true })
    local plain = assert(wasm.memory { min = 1, max = 2 })
    assert.is_false(pcall(plain.share, plain))
    local mod = assert(wasm.compile [[(module (import "e" "m" (memory 1 2 shared)))]])
    assert(mod:instantiate { e = { m = m } })
    local inst, err = mod:instantiate { e = { m = plain } }
    assert.is_nil(inst)
    assert.equal("link", err.kind)
    inst, err = wasm.compile([[(module (import "e" "m" (memory 1 2)))]])
      :instantiate { e = { m = m } }
    assert.is_nil(inst)
    assert.equal("link", err.kind)
  end)

  it("is there until the last who has it lets it go", function()
    local m = assert(wasm.memory { min = 1, max = 3, shared = true })
    local key = m:share()
    assert.equal(key, m:share())
    local other = assert(wasm.memory { attach = key })
    m:write(10, "both")
    assert.equal("both", other:read(10, 4))
    assert.equal(1, other:grow(2))
    assert.equal(3, m:pages())
    assert.is_nil(m:grow(1))
    m:write(3 * 65536 - 1, "x")
    local inst = assert(wasm.run([[(module (import "e" "m" (memory 1 3 shared))
      (func (export "last") (result i32) (i32.load8_u (i32.const 196607)))
      (func (export "size") (result i32) memory.size))]], { e = { m = other } }))
    m:close()
    other:close()
    assert.equal(("x"):byte(), inst.exports.last())
    assert.equal(3, inst.exports.size())
    local third = assert(wasm.memory { attach = key })
    inst:close()
    assert.equal("both", third:read(10, 4))
    third:close()
    local none, err = wasm.memory { attach = key }
    assert.is_nil(none)
    assert.equal("closed", err.kind)
    assert.truthy(err.message:find("no shared memory", 1, true))
    assert.is_nil((wasm.memory { attach = "" }))
  end)

  it("that a module defines can be shared as well", function()
    for _, bounds in ipairs { "guard", "explicit" } do
      local inst = instance([[(module (memory (export "m") 1 100 shared)
        (data (i32.const 0) "defined")
        (func (export "grow") (result i32) (memory.grow (i32.const 1)))
        (func (export "put") (param i32) (i32.store8 (local.get 0) (i32.const 1))))]], nil,
        { bounds = bounds })
      local m = assert(wasm.memory { attach = inst.exports.m:share() })
      assert.equal("defined", m:read(0, 7))
      assert.equal("out of bounds memory access", trap(inst.exports.put, 65536))
      m:grow(1)
      inst.exports.put(65536)
      assert.equal(2, inst.exports.grow())
      assert.equal(3 * 65536, #m)
      local saved, err = inst:snapshot()
      assert.is_nil(saved)
      assert.truthy(err.message:find("shared", 1, true))
    end
  end)
end)

local WAITER = [[(module (import "e" "m" (memory 1 1 shared))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 offset=8 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32)
    (memory.atomic.notify (local.get 0) (local.get 1))))]]

describe("a wait", function()
  it("ends at once for another value, and late when nobody notifies", function()
    local m = assert(wasm.memory { min = 1, max = 1, shared = true })
    local f = assert(wasm.run(WAITER, { e = { m = m } })).exports
    assert.equal(1, f.wait(0, 1, -1))
    assert.equal(1, f.wait64(0, 1, -1))
    assert.equal(2, f.wait(0, 0, 0))
    assert.equal(2, f.wait(0, 0, 2000000))
    assert.equal(2, f.wait64(0, 0, 1))
    m:i64(8, -1)
    assert.equal(1, f.wait64(0, 0xffffffff, -1))
    assert.equal(2, f.wait64(0, -1, 1000))
    assert.equal(0, f.notify(0, -1))
  end)

  it("is ended by notify in another thread, first come, first woken", function()
    host.script(([==[
      local wasm = require "wasm"
      local m = assert(wasm.memory { min = 1, max = 1, shared = true })
      local life = ([=[
        local wasm, n, bits = require "wasm", ...
        local m = assert(wasm.memory { attach = "KEY" })
        local inst = assert(wasm.run([[SOURCE]], { e = { m = m } }))
        while host.word(0) ~= 10 * n do host.pause(100) end -- enter in order
        host.word(0, 10 * n + 1)
        local why = bits == 64 and inst.exports.wait64(0, 0, -1) or inst.exports.wait(8, 0, -1)
        assert(why == 0, why)
        host.word(1, host.word(1) * 10 + n)
        return "done"]=]):gsub("KEY", m:share())
        :gsub("SOURCE", function() return [=[%s]=] end)
      local f = assert(wasm.run([=[%s]=], { e = { m = m } })).exports
      local threads = {}
      for n = 1, 3 do threads[n] = host.thread(life, n, n == 2 and 64 or 32) end
      for n = 1, 3 do
        host.word(0, 10 * n)
        while host.word(0) ~= 10 * n + 1 do host.pause(100) end
        host.pause(20000) -- it is about to wait, or waits
      end
      assert(f.notify(0, 5) == 0) -- of another place
      for n = 1, 3 do
        local woken
        repeat woken = f.notify(8, 1) until woken == 1
        assert(host.join(threads[n]) == "done")
      end
      assert(host.word(1) == 123, host.word(1))
      assert(f.notify(8, -1) == 0)]==]):format(WAITER, WAITER))
  end)

  it("is ended by an interrupt, from another thread or a signal handler", function()
    host.script(([==[
      local wasm = require "wasm"
      local m = assert(wasm.memory { min = 1, max = 1, shared = true })
      local inst = assert(wasm.run([=[%s]=], { e = { m = m } }))
      local token, fn, arg = inst:interrupter("c")
      for round = 1, 20 do
        local sender = host.sender(fn, arg, 3000)
        local ok, err = pcall(inst.exports.wait, 0, 0, -1)
        assert(not ok and err.kind == "interrupt", tostring(err))
        host.join(sender)
        assert(inst.exports.wait(0, 1, -1) == 1)
      end
      host.call_on("ALRM", fn, arg)
      for round = 1, 20 do
        host.timer(2000)
        local ok, err = pcall(inst.exports.wait, 0, 0, -1)
        host.timer(0)
        assert(not ok and err.kind == "interrupt", tostring(err))
      end
      assert(inst.exports.notify(0, -1) == 0) -- nobody is left in the queue
      assert(inst.exports.wait(0, 0, 1000) == 2)]==]):format(WAITER))
  end)

  it("is of one process: a forked child has the bytes, and nobody who waits", function()
    host.script(([==[
      local wasm = require "wasm"
      local m = assert(wasm.memory { min = 1, max = 1, shared = true })
      local life = ([=[
        local wasm = require "wasm"
        local inst = assert(wasm.run([[SOURCE]], { e = { m = wasm.memory { attach = "KEY" } } }))
        host.word(0, 1)
        assert(inst.exports.wait(0, 0, -1) == 0)
        return "done"]=]):gsub("KEY", m:share())
        :gsub("SOURCE", function() return [=[%s]=] end)
      local inst = assert(wasm.run([=[%s]=], { e = { m = m } }))
      local t = host.thread(life)
      while host.word(0) == 0 do host.pause(100) end
      host.pause(50000)
      m:write(100, "before")
      local how = host.child(function()
        assert(m:read(100, 6) == "before")
        assert(inst.exports.notify(0, -1) == 0)
        assert(inst.exports.wait(0, 0, 1000) == 2)
        m:write(100, "child ")
      end)
      assert(how == "exit 0", how)
      assert(m:read(100, 6) == "before")
      repeat until inst.exports.notify(0, -1) == 1
      assert(host.join(t) == "done")]==]):format(WAITER, WAITER))
  end)
end)

describe("wide arithmetic", function()
  it("carries, borrows, and multiplies to 128 bits", function()
    local f = instance([[(module
      (func (export "add") (param i64 i64 i64 i64) (result i64 i64)
        (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (func (export "sub") (param i64 i64 i64 i64) (result i64 i64)
        (i64.sub128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
      (func (export "muls") (param i64 i64) (result i64 i64)
        (i64.mul_wide_s (local.get 0) (local.get 1)))
      (func (export "mulu") (param i64 i64) (result i64 i64)
        (i64.mul_wide_u (local.get 0) (local.get 1)))
      (func (export "square") (param i64) (result i64) (local $low i64)
        (i64.mul_wide_u (local.get 0) (local.get 0))
        (local.set $low) (drop) (local.get $low)))]]).exports
    assert.same({ 0, 5 }, { f.add(-1, 2, 1, 2) })
    assert.same({ -1, 0 }, { f.sub(0, 3, 1, 2) })
    assert.same({ 1, 0 }, { f.muls(-1, -1) })
    assert.same({ 1, -2 }, { f.mulu(-1, -1) })
    assert.same({ -5, -1 }, { f.muls(5, -1) })
    assert.same({ -5, 4 }, { f.mulu(5, -1) })
    assert.equal(-2, f.square(-1))
  end)
end)

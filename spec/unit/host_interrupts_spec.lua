--- API row 10: ending a call from a signal handler, a debug hook or another thread.
local host = require "spec.support.host"
local weight = require "spec.support.weight"

local GUEST = [[
  local wasm = require "wasm"
  local other = assert(wasm.run('(module (func (export "spin") (loop (br 0))))'))
  local inst, hook
  local mod = assert(wasm.compile([=[(module
    (import "e" "host" (func $host (param i32) (result i32)))
    (import "other" "spin" (func $spin))
    (type $v (func)) (table 1 funcref) (elem (i32.const 0) $loop)
    (func $loop (loop (br 0)))
    (func $fib (param i32) (result i64)
      (if (result i64) (i32.lt_u (local.get 0) (i32.const 2))
        (then (i64.extend_i32_u (local.get 0)))
        (else (i64.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
          (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "loop") call $loop)
    (func (export "fib of 90") (drop (call $fib (i32.const 90))))
    (func (export "indirect") (call_indirect (type $v) (i32.const 0)))
    (func (export "linked") call $spin)
    (func (export "calls of the host") (loop (drop (call $host (i32.const 1))) (br 0)))
    (func (export "short") (param i32) (result i32) (local $k i32)
      (loop (local.set $k (i32.add (local.get $k) (i32.const 1)))
        (br_if 0 (i32.le_u (local.get $k) (i32.and (local.get 0) (i32.const 32767)))))
      (i32.sub (local.get 0) (local.get $k))))]=]))
  local function instantiate(f)
    return assert(mod:instantiate { e = { host = f or function(v) return v end }, other = other })
  end
  inst = instantiate()
  local token, fn, arg = inst:interrupter("c")
  local ENDLESS = { "loop", "fib of 90", "indirect", "linked", "calls of the host" }
  local function ended(f)
    local ok, err = pcall(f)
    assert(not ok and err.kind == "interrupt", tostring(err))
    assert(inst.exports.short(12) == -1)
    return err
  end
]]

describe("row 10: an interrupt", function()
  it("from a signal handler ends every kind of endless call", function()
    weight.report("interrupt: by a signal handler, %s", host.script(GUEST .. [[
      host.call_on("ALRM", fn, arg)
      local worst, sum, n = 0, 0, 0
      for _, name in ipairs(ENDLESS) do
        for _ = 1, 10 do
          host.timer(1000)
          local err = ended(inst.exports[name])
          local late = host.now() - host.sent_at()
          host.timer(0)
          assert(inst.exports.short(1) == -1)
          assert(#err.frames > 0)
          worst, sum, n = math.max(worst, late), sum + late, n + 1
        end
      end
      io.write(("%d calls, until pcall returned %.0f us, at worst %.0f"):format(n,
        sum / n * 1e6, worst * 1e6))]]))
  end)

  it("from a handler on the alternate stack ends it, too", function()
    host.script(GUEST .. [[
      host.call_on("ALRM", fn, arg)
      host.handle("ALRM", "call", true)
      for _, name in ipairs(ENDLESS) do
        host.timer(1000)
        ended(inst.exports[name])
        host.timer(0)
      end]])
  end)

  it("from another thread ends every kind of endless call", function()
    host.script(GUEST .. [[
      for _, name in ipairs(ENDLESS) do
        for _ = 1, 5 do
          local sender = host.sender(fn, arg, 2000)
          local ok, err = pcall(inst.exports[name])
          host.join(sender)
          assert(not ok and err.kind == "interrupt", tostring(err))
          assert(inst.exports.short(12) == -1)
        end
      end]])
  end)

  it("from another Lua state ends every kind of endless call", function()
    host.script(GUEST .. [[
      for _, name in ipairs(ENDLESS) do
        local sender = host.thread('local wasm, token = require "wasm", ...'
          .. ' local n = 0 repeat host.pause(100) n = n + 1 until wasm.interrupt(token) return n',
          token)
        ended(inst.exports[name])
        assert(math.tointeger(host.join(sender)) >= 1)
      end]])
  end)

  it("in a debug hook ends the call that the hooked host function serves", function()
    host.script(GUEST .. [[
      local sent = 0
      for _, event in ipairs { "c", "l", "" } do
        local guest = instantiate(function(v) local w = v return w + 1 end)
        local mine, count = guest:interrupter(), 0
        debug.sethook(function()
          count = count + 1
          if count > 50 and wasm.interrupt(mine) then sent = sent + 1 debug.sethook() end
        end, event, event == "" and 3 or 0)
        ended(guest.exports["calls of the host"])
      end
      assert(sent == 3)]])
  end)

  it("ends what the guest's host function calls as well, innermost first", function()
    host.script(GUEST .. [[
      local inner = instantiate()
      local outer = instantiate(function() return inner.exports.loop() end)
      local mine = outer:interrupter()
      local _, f, a = outer:interrupter("c")
      host.call_on("ALRM", f, a)
      for _ = 1, 10 do
        host.timer(1000)
        ended(outer.exports["calls of the host"])
        host.timer(0)
        assert(inner.exports.short(1) == -1 and outer.exports.short(1) == -1)
      end
      -- and of an inner call only that one
      _, f, a = inner:interrupter("c")
      host.call_on("ALRM", f, a)
      local caught = 0
      local careful = instantiate(function()
        host.timer(1000)
        local ok, err = pcall(inner.exports.loop)
        host.timer(0)
        assert(not ok and err.kind == "interrupt")
        caught = caught + 1
        if caught == 5 then error("enough", 0) end
        return 0
      end)
      local ok, err = pcall(careful.exports["calls of the host"])
      assert(not ok and err == "enough" and caught == 5)]])
  end)

  it("ends a start function that loops: nil and an error", function()
    host.script(GUEST .. [[
      local looping = assert(wasm.compile('(module (func $f (loop (br 0))) (start $f))'))
      local instance, err
      local maker = instantiate(function()
        host.timer(1000)
        instance, err = looping:instantiate()
        return 0
      end)
      local _, f, a = maker:interrupter("c")
      host.call_on("ALRM", f, a)
      for n = 1, 10 do
        instance, err = nil, nil
        ended(maker.exports["calls of the host"])
        host.timer(0)
        assert(host.seen("ALRM") >= n)
        assert(instance == nil and err.kind == "interrupt", tostring(err))
      end]])
  end)

  it("is kept for a call that has yielded, and ends nothing else", function()
    host.script(GUEST .. [[
      local guest = instantiate(coroutine.yield)
      local co = coroutine.create(guest.exports["calls of the host"])
      assert(coroutine.resume(co))
      local sent = guest:interrupt()
      assert(inst.exports.short(1) == -1)
      local ok, err = coroutine.resume(co, 1)
      assert(sent and not ok and err.kind == "interrupt", tostring(err))
      assert(guest.exports.short(1) == -1)]])
  end)
end)

describe("row 10: a late interrupt", function()
  it("never ends a later call: a race of short calls and a random sender", function()
    weight.report("interrupt: %s", host.script(GUEST .. [[
      local COUNT, innocent = %COUNT%, instantiate()
      -- words: 0 stop, 1 requests for a running call, 2 all requests
      local sender = host.thread([=[
        local wasm, token = require "wasm", ...
        local hits, all, random = 0, 0, 1
        while host.word(0) == 0 do
          random = random * 6364136223846793005 + 1442695040888963407
          for _ = 1, random >> 56 do end
          if wasm.interrupt(token) then hits = hits + 1 end
          all = all + 1
        end
        host.word(1, hits)
        host.word(2, all)
        return "done"]=], token)
      local short, other_short, ends = inst.exports.short, innocent.exports.short, 0
      local function check(n)
        local ok, got = pcall(short, n)
        if ok then assert(got == n - n % 32768 - 1, got)
        else assert(got.kind == "interrupt", tostring(got)) ends = ends + 1 end
        assert(other_short(n % 1000 * 32768) == n % 1000 * 32768 - 1)
      end
      while host.word(0) == 0 and ends == 0 do check(0) end -- the sender is there
      ends = 0
      for n = 1, COUNT do check(n) end
      host.word(0, 1)
      assert(host.join(sender) == "done")
      for n = 1, 1000 do assert(short(n) == n - n % 32768 - 1) end
      assert(ends <= host.word(1))
      io.write(("%d short calls raced with %d requests, %d came in time, %d calls ended"):format(
        COUNT, host.word(2), host.word(1), ends))]], { COUNT = weight.scaled(20000) }))
  end)

  it("has an early brother that is never lost: one request for each endless call", function()
    host.script(GUEST .. [[
      -- word 0: 1 a call begins, 0 it has been asked to end, 2 the end
      local sender = host.thread([=[
        local wasm, token = require "wasm", ...
        local random = 1
        while host.word(0) ~= 2 do
          host.pause(0)
          if host.word(0) == 1 then
            random = random * 6364136223846793005 + 1442695040888963407
            for _ = 1, random >> 54 do end
            repeat until wasm.interrupt(token) or host.word(0) == 2
            host.word(0, 0)
          end
        end
        return "done"]=], token)
      local loop, f = inst.exports.loop, inst.exports["calls of the host"]
      host.timer(20000000) -- a lost one would be waited for in vain
      for n = 1, %COUNT% do
        host.word(0, 1)
        local ok, err = pcall(n % 2 == 0 and loop or f)
        assert(not ok and err.kind == "interrupt", tostring(err))
        while host.word(0) ~= 0 do host.pause(0) end
        assert(inst.exports.short(1) == -1)
      end
      host.word(0, 2)
      assert(host.join(sender) == "done")]], { COUNT = weight.scaled(2000) })
  end)

  it("has no effect when nothing runs", function()
    host.script(GUEST .. [[
      -- word 0: whose turn it is: 1 the sender's, 0 ours, 2 the end
      local sender = host.thread([=[
        local wasm, token = require "wasm", ...
        local sent = 0
        while true do
          local turn = host.word(0)
          host.pause(0)
          if turn == 2 then return sent end
          if turn == 1 then
            for _ = 1, 5 do
              if wasm.interrupt(token) then error("nothing ran") end
              sent = sent + 1
            end
            host.word(0, 0)
          end
        end]=], token)
      for n = 1, %COUNT% do
        host.word(0, 1)
        while host.word(0) ~= 0 do host.pause(0) end
        assert(inst.exports.short(n) == n - n % 32768 - 1)
      end
      host.word(0, 2)
      assert(math.tointeger(host.join(sender)) == 5 * %COUNT%)]], { COUNT = weight.scaled(2000) })
  end)
end)

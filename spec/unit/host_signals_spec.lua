--- The host's own signal handlers and ours in one process.
--
-- What a host can rely on: handlers it had before go on to get every fault that is not a
-- guest's; one it installs later gets them as well, but it also gets the guests' traps, until
-- the next instantiation puts ours in front again. A handler must not jump out of machine code.
local host = require "spec.support.host"
local weight = require "spec.support.weight"

local SIGNALS = { SEGV = 11, FPE = 8, ILL = 4 }

-- Every kind of trap, each by a signal; `work` must do as ever afterwards.
local TRAPS = [[
  local wasm
  local function load_wasm() wasm = require "wasm" end
  local function make()
    return assert(wasm.run('(module (memory 1) (func $deep (export "deep") (param i32)'
      .. ' (call $deep (local.get 0)) (call $deep (local.get 0)))'
      .. ' (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))'
      .. ' (func (export "divide") (param i32) (result i32)'
      .. ' (i32.div_s (i32.const 6) (local.get 0)))'
      .. ' (func (export "unreachable") (param i32) unreachable))'))
  end
  local function traps(inst)
    for name, case in pairs { load = { 65536, "out of bounds memory access" },
        divide = { 0, "integer divide by zero" }, unreachable = { 0, "unreachable" },
        deep = { 0, "call stack exhausted" } } do
      local ok, err = pcall(inst.exports[name], case[1])
      assert(not ok and err.trap == case[2], tostring(err))
    end
    assert(inst.exports.divide(2) == 3)
  end
]]

describe("a host's handler of faults", function()
  for signal, number in pairs(SIGNALS) do
    for _, how in ipairs { "jump", "jump info" } do
      it(("gets SIG%s before and after the module is loaded (%s)"):format(signal, how), function()
        host.script(TRAPS .. [[
          host.handle("%SIGNAL%", "%HOW%")
          assert(host.fault("%SIGNAL%"))
          load_wasm()
          local inst = make()
          for n = 2, 4 do
            assert(host.fault("%SIGNAL%"))
            traps(inst)
            assert(host.seen("%SIGNAL%") == n)
          end]], { SIGNAL = signal, HOW = how })
      end)
    end

    it(("that is the system's lets SIG%s kill the process"):format(signal), function()
      host.script(TRAPS .. [[
        load_wasm()
        local inst = make()
        for _, how in ipairs { "default", "ignore" } do
          for _, step in ipairs { "before", "after" } do
            local ended = host.child(function()
              host.handle("%SIGNAL%", how)
              if step == "after" then traps(make()) end
              host.fault("%SIGNAL%")
            end)
            assert(ended == "signal %NUMBER%", how .. " " .. step .. ": " .. ended)
          end
        end
        traps(inst)]], { SIGNAL = signal, NUMBER = number })
    end)

    it(("installed after ours gets what is not ours of SIG%s"):format(signal), function()
      host.script(TRAPS .. [[
        load_wasm()
        local old = make()
        host.handle("%SIGNAL%", "jump info")
        assert(host.fault("%SIGNAL%"))
        local new = make() -- here ours comes in front again
        for _ = 1, 3 do
          traps(old)
          traps(new)
          assert(host.fault("%SIGNAL%"))
        end
        assert(host.seen("%SIGNAL%") == 4)]], { SIGNAL = signal })
    end)

    it(("that asks who was there before sees SIG%s once"):format(signal), function()
      host.script(TRAPS .. [[
        host.handle("%SIGNAL%", "jump")
        load_wasm()
        local inst = make()
        -- on the alternate stack: no other handler of SIGSEGV survives an exhausted one
        host.handle("%SIGNAL%", "report", true)
        assert(host.fault("%SIGNAL%") and host.seen("%SIGNAL%") == 2)
        traps(inst) -- they come to the reporter first, and from there to us
        make()      -- now ours is in front of it as well as behind
        assert(host.fault("%SIGNAL%"))
        local n = host.seen("%SIGNAL%")
        traps(inst)
        assert(host.seen("%SIGNAL%") == n)]], { SIGNAL = signal })
    end)

    it(("gets SIG%s of a C function that a guest called"):format(signal), function()
      host.script(TRAPS .. [[
        host.handle("%SIGNAL%", "jump info")
        load_wasm()
        local inst = assert(wasm.run('(module (import "e" "f" (func $f (param i32) (result i32)))'
          .. ' (func (export "f") (param i32) (result i32)'
          .. ' (i32.add (call $f (local.get 0)) (i32.const 1))))',
          { e = { f = function(n) return host.fault("%SIGNAL%") and n * 2 end } }))
        for n = 1, 10 do assert(inst.exports.f(n) == n * 2 + 1) end
        assert(coroutine.wrap(inst.exports.f)(4) == 9)
        assert(host.seen("%SIGNAL%") == 11)
        traps(make())]], { SIGNAL = signal })
    end)

    it(("gets a SIG%s that somebody sent"):format(signal), function()
      host.script(TRAPS .. [[
        host.handle("%SIGNAL%", "count")
        load_wasm()
        local inst = assert(wasm.run('(module (import "e" "f" (func $f))'
          .. ' (func (export "f") call $f))',
          { e = { f = function() host.raise("%SIGNAL%") end } }))
        host.raise("%SIGNAL%")
        inst.exports.f()
        assert(host.seen("%SIGNAL%") == 2)
        host.handle("%SIGNAL%", "default")
        local ended = host.child(function() make() host.raise("%SIGNAL%") end)
        assert(ended == "signal %NUMBER%", ended)]], { SIGNAL = signal, NUMBER = number })
    end)
  end
end)

-- run(depth, what): that many frames, then a short loop for alarms to hit, then one thing.
local DEPTHS = [[
  local wasm = require "wasm"
  local other = assert(wasm.run('(module (func (export "g") (param i32) (result i32)'
    .. ' (i32.mul (local.get 0) (i32.const 3))))'))
  local inst = assert(wasm.run([=[(module
    (import "e" "f" (func $f (param i32) (result i32)))
    (import "o" "g" (func $g (param i32) (result i32)))
    (type $one (func (param i32) (result i32)))
    (memory 1) (table $t 2 funcref) (elem (i32.const 0) $f)
    (func $run (export "run") (param $depth i32) (param $what i32) (result i32)
      (local $spin i32)
      (if (local.get $depth)
        (then (return (call $run (i32.sub (local.get $depth) (i32.const 1)) (local.get $what)))))
      (loop $again
        (local.set $spin (i32.add (local.get $spin) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get $spin) (i32.const 20000))))
      (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
        (br_table $0 $1 $2 $3 $4 $5 (local.get $what)))
        (return (i32.const 7)))
        (return (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
        (return (i32.ne (table.grow $t (ref.null func) (i32.const 1)) (i32.const -1))))
        (return (call $f (local.get $what))))
        (return (call_indirect (type $one) (local.get $what) (i32.const 0))))
        (call $g (local.get $what))))]=],
    { e = { f = function(n) return n * 2 end }, o = other }, { stack = "%STACK%" }))
  local run, wanted = inst.exports.run, { [0] = 7, 1, 1, 6, 8, 15 }
  local function try(depth, what)
    local ok, got = pcall(run, depth, what)
    if ok then assert(got == wanted[what], got)
    else assert(got.trap == "call stack exhausted", tostring(got)) end
    return ok
  end
  local deepest, beyond = 1, 1 << 20
  while beyond - deepest > 1 do
    local middle = (deepest + beyond) // 2
    if try(middle, 0) then deepest = middle else beyond = middle end
  end
]]

describe("a handler without SA_ONSTACK", function()
  for _, how in ipairs { "count", "hungry" } do
    for _, stack in ipairs { "64KiB", "1MiB" } do
      it(("may come at every depth (%s, %s)"):format(how, stack), function()
        weight.report("alarms: %s", host.script(DEPTHS .. [[
          host.handle("ALRM", "%HOW%")
          host.timer(1000)
          local returned, exhausted, until_ = 0, 0, host.now() + %SECONDS%
          repeat
            for depth = deepest - 240, deepest + 3, 3 do
              local n = depth + returned % 3
              for what = 0, 5 do
                if try(n, what) then returned = returned + 1 else exhausted = exhausted + 1 end
              end
            end
          until host.now() > until_
          host.timer(0)
          assert(returned > 0 and exhausted > 0 and host.seen("ALRM") > 0)
          for what = 0, 5 do assert(try(9, what)) end
          io.write(("%SECONDS% s at 1 kHz, %HOW%: %d alarms, %d calls near frame %d, %d exhausted")
            :format(host.seen("ALRM"), returned + exhausted, deepest, exhausted))]],
          { HOW = how, STACK = stack, SECONDS = weight.scaled(300) / 1000 }))
      end)
    end
  end

  it("that does as lua.c at Ctrl-C ends a call in its next host function", function()
    host.script([[
      local wasm = require "wasm"
      local inst = assert(wasm.run('(module (import "e" "f" (func $f))'
        .. ' (func (export "go") (loop (call $f) (br 0))) (func (export "ok") (result i32)'
        .. ' i32.const 5))', { e = { f = function() end } }))
      host.handle("ALRM", "hook")
      for n = 1, 20 do
        host.timer(20000, true) -- once: the next one could come where nobody catches it
        local ok, err = pcall(inst.exports.go)
        assert(not ok and tostring(err):find("interrupted!", 1, true), tostring(err))
        assert(host.seen("ALRM") == n)
        debug.sethook()
        assert(inst.exports.ok() == 5)
      end]])
  end)
end)

describe("a frame of 50,000 locals", function()
  it("works or is call stack exhausted, with alarms about", function()
    host.script([[
      local wasm = require "wasm"
      -- 50,000 values with the parameter, all alive during the call: v[k] = v[k - 1] + 1
      local N, set, sum = 49999, {}, {}
      for k = 1, N do
        set[k] = "i64.const 1 i64.add local.tee " .. k
        sum[k] = "local.get " .. k .. " i64.add"
      end
      local text = '(module (func $f (export "f") (param i32) (result i64) (local '
        .. ("i64 "):rep(N) .. ') local.get 0 i64.extend_i32_u ' .. table.concat(set, " ")
        .. ' drop (if (result i64) (local.get 0) (then'
        .. ' (call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i64.const 0)))'
        .. table.concat(sum, " ") .. '))'
      local f = assert(wasm.run(text)).exports.f
      local function wanted(n)
        local sum = 0
        for m = 0, n do sum = sum + N * m + N * (N + 1) // 2 end
        return sum
      end
      host.handle("ALRM", "hungry")
      host.timer(300)
      local worked, exhausted = 0, 0
      for round = 1, 30 do
        for n = 0, 6 do
          local ok, got = pcall(f, n)
          if ok then
            assert(got == wanted(n))
            worked = worked + 1
          else
            assert(got.trap == "call stack exhausted", tostring(got))
            exhausted = exhausted + 1
          end
        end
      end
      host.timer(0)
      assert(worked >= 30 and exhausted >= 30)
      local small = assert(wasm.run(text, nil, { stack = "64KiB" })).exports.f
      for _ = 1, 3 do
        local ok, err = pcall(small, 0)
        assert(ok or err.trap == "call stack exhausted")
      end]])
  end)
end)

describe("a second thread, which has no alternate signal stack,", function()
  it("gets its traps, call stack exhausted among them", function()
    host.script([=[
      local guest = [[]=] .. TRAPS .. [=[
        load_wasm()
        local inst = make()
        for _ = 1, 20 do traps(inst) end
        return "done"]]
      local first = host.thread(guest)
      assert(host.join(first) == "done")
      load(guest)()
      local all = {}
      for n = 1, 4 do all[n] = host.thread(guest) end
      for n = 1, 4 do
        local result, why = host.join(all[n])
        assert(result == "done", why)
      end]=])
  end)
end)

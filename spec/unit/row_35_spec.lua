--- Row 35: fork() after use. Both processes work.
local host = require "spec.support.host"

-- What parent and child do with what was there before the fork. (A sanitizer's allocator may be
-- locked for ever in the child of a process with busy threads: there the thread in the background
-- is waited for first.)
local USE = [==[
  local wasm, core = require "wasm", require "wasm.core"
  local function text(salt)
    local funcs = {}
    for n = 0, 199 do
      funcs[#funcs + 1] = ('(func $f%d (export "f%d") (param i32) (result i32) (i32.add '
        .. "(i32.const %d) %s))"):format(n, n, n + salt,
          n < 199 and ("(call $f%d (local.get 0))"):format(n + 1) or "(local.get 0)")
    end
    return "(module " .. table.concat(funcs, "\n") .. ")"
  end
  local function sum(first, salt, x)
    for n = first, 199 do x = x + n + salt end
    return x
  end
  local function use(inst, salt)
    for n = 0, 199 do assert(inst.exports["f" .. n](n) == sum(n, salt, n)) end
  end
  local function work(inst, salt, again)
    use(inst, salt)
    local same = assert(wasm.compile(text(salt), { eager = again }))
    use(assert(same:instantiate()), salt)
    use(assert(wasm.run(text(salt + 1000), nil, { eager = again })), salt + 1000)
    core.drain()
    same:close()
    inst:close()
    collectgarbage() collectgarbage()
  end
]==]

describe("row 35: fork() after use", function()
  it("leaves calls, parked calls and memories to both", function()
    host.script([==[
      local wasm = require "wasm"
      local inst = assert(wasm.run([[(module (import "e" "pause" (func $pause (result i32)))
        (memory (export "memory") 1)
        (func (export "put") (param i32) (i32.store (i32.const 0) (local.get 0)))
        (func (export "get") (result i32) (i32.load (i32.const 0)))
        (func (export "wait") (result i32) (i32.add (call $pause) (i32.const 1))))]],
        { e = { pause = coroutine.yield } }))
      inst.exports.put(5)
      local run = coroutine.wrap(inst.exports.wait)
      run()
      local function rest(value)
        inst.exports.put(value)
        assert(run(value) == value + 1)
        assert(inst.exports.get() == value)
        assert(not pcall(inst.exports.put))
        inst:close()
      end
      assert(host.child(function() rest(7) end) == "exit 0")
      assert(inst.exports.get() == 5)
      rest(9)]==])
  end)

  it("leaves eager code to both", function()
    host.script(USE .. [==[
      local inst = assert(wasm.run(text(1), nil, { eager = true }))
      assert(host.child(function() work(inst, 1, true) end) == "exit 0")
      work(inst, 1, true)]==])
  end)

  it("leaves lazy code to both, however far it is compiled", function()
    host.script(USE .. [==[
      for round = 1, 20 do
        local inst = assert(wasm.run(text(round), nil, { eager = false }))
        for n = 199, 200 - round * 9, -1 do inst.exports["f" .. n](0) end
        %DRAIN%
        assert(host.child(function() work(inst, round, false) end) == "exit 0")
        work(inst, round, false)
      end]==], { DRAIN = host.sanitized and "core.drain()" or "" })
  end)

  it("forgets in the child what other threads of the parent compile", function()
    if host.sanitized then
      pending("row 35: the sanitizer's allocator does not survive a fork beside busy threads")
      return
    end
    host.script(USE .. [==[
      local busy = [[
        local wasm, round = require "wasm", 0
        local text = ...
        while host.word(1) == 0 do
          round = round + 1
          local body = ("(local.set 0 (i32.add (local.get 0) (i32.const %d)))"):format(round % 4)
          assert(wasm.compile("(module (func (param i32) " .. body:rep(3000) .. "))")):close()
        end
        return round]]
      local threads = { host.thread(busy), host.thread(busy) }
      for round = 1, 30 do
        local inst = assert(wasm.run(text(2), nil, { eager = round % 2 == 0 }))
        assert(host.child(function()
          for n = 0, 3 do
            local body = ("(local.set 0 (i32.add (local.get 0) (i32.const %d)))"):format(n)
            assert(wasm.compile("(module (func (param i32) " .. body:rep(3000) .. "))"))
          end
          work(inst, 2, false)
        end) == "exit 0")
        inst:close()
      end
      host.word(1, 1)
      for _, thread in ipairs(threads) do assert(tonumber(host.join(thread)) > 0) end]==])
  end)
end)

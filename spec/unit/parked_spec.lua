--- Thousands of wasm calls parked at once: each is a coroutine that waits in a host function.
local wasm = require "wasm"
local weight = require "spec.support.weight"

-- A guest without a stack in memory: three waits, locals kept across each.
local STACKLESS = [[
  (module
    (import "env" "wait" (func $wait (param i32) (result i32)))
    (func $twice (param $x i32) (result i32)
      (i32.add (local.get $x) (call $wait (i32.add (local.get $x) (i32.const 1)))))
    (func (export "job") (param $seed i32) (result i64)
      (local $a i32) (local $b i64) (local $c f64)
      (local.set $a (call $wait (local.get $seed)))
      (local.set $b (i64.mul (i64.extend_i32_s (local.get $a)) (i64.const 1000003)))
      (local.set $c (f64.convert_i32_s (call $twice (local.get $a))))
      (i64.add (local.get $b)
        (i64.add (i64.trunc_f64_s (local.get $c))
          (i64.extend_i32_s (call $wait (local.get $seed)))))))]]

local function job(seed, answer)
  local a = answer(seed)
  return a * 1000003 + (a + answer(a + 1)) + answer(seed)
end

local function answer(value)
  return (value * 7 + 3) & 0xffff
end

--- A fixed shuffle: the same order on every machine.
local function random_numbers(seed)
  return function(n)
    seed = (seed * 6364136223846793005 + 1442695040888963407)
    return ((seed >> 33) % n) + 1
  end
end

local wait = coroutine.yield

describe("parked calls", function()
  it("wait by the ten thousand in one instance and go on in any order", function()
    local many = weight.scaled(10000)
    collectgarbage()
    local before = weight.rss()
    local start = os.clock()
    local inst = assert(wasm.run(STACKLESS, { env = { wait = wait } }, { interleave = "any" }))
    local call = inst.exports.job
    local parked = {}
    for seed = 1, many do
      local co = coroutine.create(call)
      local ok, asked = coroutine.resume(co, seed)
      assert(ok and asked == seed, asked)
      parked[seed] = { co = co, seed = seed, asked = asked }
    end
    local all_parked = weight.rss()
    local random, left, resumes = random_numbers(many), many, 0
    while left > 0 do
      local i = random(left)
      local p = parked[i]
      local ok, value = coroutine.resume(p.co, answer(p.asked))
      resumes = resumes + 1
      if not ok then error(value, 0) end
      if coroutine.status(p.co) == "dead" then
        if value ~= job(p.seed, answer) then error("job " .. p.seed .. " gave " .. value, 0) end
        parked[i] = parked[left]
        parked[left] = nil
        left = left - 1
      else
        p.asked = value
      end
    end
    assert.equal(many * 3, resumes)
    inst:close()
    weight.report("parked: %d calls at once in one instance, %.0f MiB more, %d resumes in "
      .. "random order, %.2f s in all", many, all_parked - before, resumes, os.clock() - start)
  end)

  it("wait in a thousand instances of a C guest, ten deep in each", function()
    local many, deep = weight.scaled(1000), 10
    local mod <close> = assert(wasm.load("spec/guests/coro.wasm"))
    local want, direct = {}, assert(mod:instantiate({ env = { wait = answer } }))
    for seed = 1, 50 do want[seed] = direct.exports.job(seed, seed % 4) end
    assert.equal(1181366469, direct.exports.job(1, 3)) -- as another engine has it
    local base = direct.exports.where()
    direct:close()

    collectgarbage()
    local before, start = weight.rss(), os.clock()
    local imports = { env = { wait = wait } }
    local hosts = {}
    for n = 1, many do
      local inst = assert(mod:instantiate(imports))
      local call, calls = inst.exports.job, {}
      for level = 1, deep do
        local seed = (n * deep + level) % 50 + 1
        local co = coroutine.create(call)
        local ok, asked = coroutine.resume(co, seed, seed % 4)
        assert(ok, asked)
        calls[level] = { co = co, seed = seed, asked = asked }
      end
      hosts[n] = { inst = inst, calls = calls }
    end
    local all_parked = weight.rss()

    local random, left, finished = random_numbers(many), many, 0
    while left > 0 do
      local i = random(left)
      local host = hosts[i]
      local newest = host.calls[#host.calls]
      local ok, value = coroutine.resume(newest.co, answer(newest.asked))
      if not ok then error(value, 0) end
      if coroutine.status(newest.co) == "dead" then
        if value ~= want[newest.seed] then error("wrong result of job " .. newest.seed, 0) end
        host.calls[#host.calls] = nil
        finished = finished + 1
      else
        newest.asked = value
      end
      if #host.calls == 0 then
        assert(host.inst.exports.where() == base, "stack pointer moved")
        host.inst:close()
        hosts[i] = hosts[left]
        hosts[left] = nil
        left = left - 1
      end
    end
    assert.equal(many * deep, finished)
    weight.report("parked: %d instances of a C guest with %d calls each, %.0f MiB more, %.2f s",
      many, deep, all_parked - before, os.clock() - start)
  end)

  it("may start and finish new calls on top while others wait", function()
    local mod <close> = assert(wasm.load("spec/guests/coro.wasm"))
    local mode
    local inst <close> = assert(mod:instantiate({ env = { wait = function(v)
      if mode == "park" then return coroutine.yield(v) end
      return answer(v)
    end } }))
    local call, base = inst.exports.job, inst.exports.where()
    local want = call(5, 3)
    mode = "park"
    local co = coroutine.create(call)
    local _, asked = coroutine.resume(co, 5, 3)
    mode = "direct"
    assert.is_true(inst.exports.where() < base)
    for seed = 1, 20 do call(seed, 3) end
    local ok, sum = coroutine.resume(co, answer(asked))
    assert.is_true(ok, sum)
    assert.equal(want, sum)
    assert.equal(base, inst.exports.where())
  end)

  it("raise busy when resumed out of turn and leave the others unharmed", function()
    local mod <close> = assert(wasm.load("spec/guests/coro.wasm"))
    local inst <close> = assert(mod:instantiate({ env = { wait = wait } }))
    local function start(seed)
      local co = coroutine.create(inst.exports.job)
      local _, asked = coroutine.resume(co, seed, 0)
      return co, asked
    end
    local older = start(3)
    local newer, asked = start(4)
    local ok, err = coroutine.resume(older, 1)
    assert.is_false(ok)
    assert.equal("busy", err.kind)
    local sum
    while coroutine.status(newer) ~= "dead" do
      ok, sum = coroutine.resume(newer, answer(asked))
      assert.is_true(ok, sum)
      asked = sum
    end
    local direct <close> = assert(mod:instantiate({ env = { wait = answer } }))
    assert.equal(direct.exports.job(4, 0), sum)
    assert.equal(direct.exports.where(), inst.exports.where())
  end)
end)

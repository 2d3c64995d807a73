--- Lifecycles at random: `lua5.4 spec/stress/lifecycle.lua [steps] [pairs] [seed]`.
-- Every order of closing, dropping and collecting modules, instances, functions and parked
-- calls must be safe and must answer as API.md's rows say. A small model in Lua predicts each
-- answer; a difference ends the run with the step and the seed.
local wasm = require "wasm"
local weight = require "spec.support.weight"

local lifecycle = {}

-- Every guest of the random walk: K tells which module this is, `via` calls an import.
local SOURCE = [[
  (module
    (import "env" "wait" (func $wait (param i32) (result i32)))
    (import "env" "other" (func $other (param i32) (result i32)))
    (global $count (mut i32) (i32.const 0))
    (global $__stack_pointer (mut i32) (i32.const K))
    (memory (export "memory") 1)
    (table (export "table") 2 funcref)
    (func $add (export "add") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const K)))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store (i32.const 16) (global.get $count))
      (i32.load (i32.const 16)))
    (func (export "pause") (param i32) (result i32)
      (i32.add (call $wait (local.get 0)) (i32.const K)))
    (func (export "via") (param i32) (result i32) (call $other (local.get 0)))
    (func (export "slot") (param i32) (result i32)
      (call_indirect (param i32) (result i32) (local.get 0) (i32.const 1)))
    (func (export "boom") unreachable)
    (func (export "sp") (result i32) (global.get $__stack_pointer))
    (elem (i32.const 0) $add))]]

local function source_of(k)
  return (SOURCE:gsub("%f[%w]K%f[%W]", tostring(k)))
end

--- Numbers 1..n from a seed, the same on every machine.
local function generator(seed)
  local state = seed * 2654435769 + 1
  return function(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return ((state >> 33) % n) + 1
  end
end

-- The model ------------------------------------------------------------------------------
-- A module: { h = handle, k, closed }. An instance: { h, k, state = "live" | "closing" |
-- "closed", count, other = model of the instance whose `add` it imports or nil, any =
-- interleave "any", parked = list of calls, slot = the version whose `add` its table's place 1
-- holds, version }. A version: { inst = instance, k, ended = "live" | "closed" once another one has
-- taken its place, parked }. A call:
-- { co, arg, of = instance, doomed = true when the instance was closed since }.

local Walk = {}
Walk.__index = Walk

function Walk:fail(what, ...)
  error(("step %d, seed %d, %s: %s"):format(self.step, self.seed, self.doing,
    what:format(...)), 0)
end

--- The call must raise a wasm.error of this kind (and, if given, this trap).
function Walk:expect_error(kind, trap, f, ...)
  local ok, err = pcall(f, ...)
  if ok then self:fail("gave %s instead of error %q", tostring(err), kind) end
  local is_ours, its_kind = pcall(function() return err.kind end)
  if not is_ours or its_kind ~= kind then
    self:fail("raised %s instead of error %q", tostring(err), kind)
  end
  if trap and err.trap ~= trap then self:fail("trap %q instead of %q", err.trap, trap) end
end

function Walk:expect(want, f, ...)
  local ok, got = pcall(f, ...)
  if not ok then self:fail("raised %s instead of giving %s", tostring(got), tostring(want)) end
  if got ~= want then self:fail("gave %s instead of %s", tostring(got), tostring(want)) end
end

function Walk:pick(list)
  local n = #list
  if n == 0 then return nil end
  local i = self.random(n)
  return list[i], i
end

function Walk.forget(list, i)
  list[i] = list[#list]
  list[#list] = nil
end

local function not_imported()
  error("no import was given", 0)
end

--- What calling `add` of this instance or version through another instance does now.
function Walk:expect_through(target, f, arg)
  local state = target.state or target.ended or target.inst.state
  if state == "live" then
    self:expect(arg + target.k, f, arg)
  else
    self:expect_error("trap", "callee instance closed", f, arg)
  end
end

local steps = {}

function steps.compile(walk)
  local k = walk.random(5) * 100
  local eager = ({ true, false })[walk.random(3)]
  local h, err = wasm.compile(walk.sources[k], { eager = eager })
  if not h then walk:fail("%s", tostring(err)) end
  for _, m in ipairs(walk.modules) do
    if not m.closed and (m.h == h) ~= (m.k == k) then walk:fail("equal is wrong for %d", k) end
  end
  walk.modules[#walk.modules + 1] = { h = h, k = k, closed = false }
end

function steps.instantiate(walk)
  local m = walk:pick(walk.modules)
  if not m then return end
  local other = walk.random(2) == 1 and walk:pick(walk.instances) or nil
  if other and other.state ~= "live" then other = nil end
  local any = walk.random(2) == 1
  local imports = {
    env = { wait = walk.wait, other = other and other.h.exports.add or not_imported },
  }
  local timeout = walk.random(4) == 1 and 1000 or nil -- such calls begin another way
  local options = { interleave = any and "any" or "lifo", timeout = timeout }
  if m.closed then
    return walk:expect_error("closed", nil, m.h.instantiate, m.h, imports, options)
  end
  local h, err = m.h:instantiate(imports, options)
  if not h then walk:fail("%s", tostring(err)) end
  walk:adopt { h = h, k = m.k, count = 0, other = other, any = any }
end

--- A new instance of the model, with what scripts take of it.
function Walk:adopt(i)
  local e = i.h.exports
  i.state, i.parked, i.version = "live", {}, { inst = i, k = i.k }
  i.add, i.counter, i.pause, i.via = e.add, e.count, e.pause, e.via
  i.through, i.boom, i.table, i.memory = e.slot, e.boom, e.table, e.memory
  self.instances[#self.instances + 1] = i
  return i
end

function steps.call(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then
    walk:expect_error("closed", nil, i.add, 1)
    return walk:expect_error("closed", nil, i.counter)
  end
  walk:expect(i.k + 42, i.add, 42)
  i.count = i.count + 1
  walk:expect(i.count, i.counter)
  walk:expect(i.count, i.memory.i32, i.memory, 16)
end

--- A call that is refused for its argument changes nothing.
function steps.refuse(walk)
  local i = walk:pick(walk.instances)
  if not i or i.state ~= "live" then return end
  local ok, err = pcall(i.add, "no number")
  if ok or not tostring(err):find("i32 expected", 1, true) then walk:fail("%s", tostring(err)) end
  walk:expect(i.k, i.h.exports.sp)
end

function steps.trap(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.boom) end
  walk:expect_error("trap", "unreachable", i.boom)
end

function steps.through_import(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.via, 7) end
  if i.other then return walk:expect_through(i.other, i.via, 7) end
  local ok, err = pcall(i.via, 7)
  if ok or err ~= "no import was given" then walk:fail("host error became %s", tostring(err)) end
end

--- Put a function of one instance into another's table.
function steps.link(walk)
  local i, target = walk:pick(walk.instances), walk:pick(walk.instances)
  if not i or i.state ~= "live" or target.state ~= "live" then return end
  i.table[2] = target.add -- element 1: Lua counts from 1
  i.slot = target.version
end

function steps.through_table(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  if i.state ~= "live" then return walk:expect_error("closed", nil, i.through, 9) end
  if i.slot then return walk:expect_through(i.slot, i.through, 9) end
  walk:expect_error("trap", "uninitialized element", i.through, 9)
end

function steps.park(walk)
  local i = walk:pick(walk.instances)
  if not i or #i.parked >= 6 then return end
  local arg = walk.random(1000)
  local co = coroutine.create(i.pause)
  if i.state ~= "live" then
    local ok, err = coroutine.resume(co, arg)
    if ok or err.kind ~= "closed" then walk:fail("parked in a closed instance") end
    return
  end
  local ok, asked = coroutine.resume(co, arg)
  if not ok or asked ~= arg then walk:fail("parking gave %s", tostring(asked)) end
  i.parked[#i.parked + 1] = { co = co, arg = arg }
end

function steps.resume(walk)
  local i = walk:pick(walk.instances)
  local call, at = walk:pick(i and i.parked or {})
  if not call then return end
  local newest = at == #i.parked
  local ok, got = coroutine.resume(call.co, call.arg * 2)
  table.remove(i.parked, at)
  if i.state ~= "live" then
    if ok or got.kind ~= "closed" then walk:fail("resumed to %s", tostring(got)) end
    if #i.parked == 0 then i.state = "closed" end
  elseif newest or i.any then
    if not ok or got ~= call.arg * 2 + i.k then walk:fail("resumed to %s", tostring(got)) end
  elseif ok or got.kind ~= "busy" then
    walk:fail("resumed out of turn to %s", tostring(got))
  end
end

function steps.drop_parked(walk)
  local i = walk:pick(walk.instances)
  local call, at = walk:pick(i and i.parked or {})
  if not call then return end
  table.remove(i.parked, at)
  local ok, err = coroutine.close(call.co)
  if not ok then walk:fail("closing a coroutine: %s", tostring(err)) end
  if i.state == "closing" and #i.parked == 0 then i.state = "closed" end
end

--- A parked call that nobody will ever resume; the collector finds it some day. Only where
-- the order of calls does not matter, since it stands in the order until then.
function steps.lose_parked(walk)
  local i = walk:pick(walk.instances)
  if not i or not i.any or #i.parked == 0 then return end
  table.remove(i.parked, walk.random(#i.parked))
  i.lost = true
end

--- Call an instance whose host function does `inside`, which gives what the host returns.
local function call_with(walk, i, inside)
  walk.inside = inside
  local ok, got = pcall(i.pause, 5)
  walk.inside = nil
  return ok, got
end

function steps.nest(walk)
  local i, j = walk:pick(walk.instances), walk:pick(walk.instances)
  if not i then return end
  local ok, got = call_with(walk, i, function(v)
    if walk.random(8) == 1 then collectgarbage("step") end
    return j.add(v)
  end)
  if i.state == "live" and j.state == "live" then
    if not ok or got ~= 5 + j.k + i.k then walk:fail("gave %s", tostring(got)) end
  elseif ok or got.kind ~= "closed" then
    walk:fail("gave %s", tostring(got))
  end
end

function steps.fail_inside(walk)
  local i = walk:pick(walk.instances)
  if not i or i.state ~= "live" then return end
  local problem = {}
  local ok, got = call_with(walk, i, function() error(problem) end)
  if ok or not rawequal(got, problem) then walk:fail("gave %s", tostring(got)) end
end

--- Closed, or its module closed and every handle on it dropped, in the middle of its own call.
function steps.close_inside(walk)
  local i = walk:pick(walk.instances)
  if not i or i.state ~= "live" then return end
  local ok, got = call_with(walk, i, function(v)
    if i.h:close() ~= true then walk:fail("close gave no true") end
    if walk.random(4) == 1 then collectgarbage() end
    return v
  end)
  if ok or got.kind ~= "closed" then walk:fail("gave %s", tostring(got)) end
  i.state = #i.parked == 0 and "closed" or "closing"
end

--- The last handle goes while a call waits: the call itself keeps what it needs.
function steps.outlive(walk)
  local m = walk:pick(walk.modules)
  if not m or m.closed then return end
  local co = coroutine.create(assert(m.h:instantiate {
    env = { wait = walk.wait, other = not_imported } }).exports.pause)
  local ok, asked = coroutine.resume(co, 3)
  if not ok or asked ~= 3 then walk:fail("parking gave %s", tostring(asked)) end
  collectgarbage(walk.random(20) == 1 and "collect" or "step")
  local got
  ok, got = coroutine.resume(co, 30)
  if not ok or got ~= 30 + m.k then walk:fail("resumed to %s", tostring(got)) end
end

function steps.close_module(walk)
  local m = walk:pick(walk.modules)
  if not m then return end
  walk:expect(not m.closed, m.h.close, m.h)
  m.closed = true
  walk:expect(true, m.h.closed, m.h)
  if type(tostring(m.h)) ~= "string" or not m.h:hash() then walk:fail("lost its name") end
end

function steps.close_instance(walk)
  local i = walk:pick(walk.instances)
  if not i then return end
  local force = walk.random(4) == 1
  local first = i.state == "live"
  local ok, got = pcall(i.h.close, i.h, force and "force" or nil)
  if not ok then walk:fail("close raised %s", tostring(got)) end
  if first and got ~= true then walk:fail("first close gave %s", tostring(got)) end
  if i.state == "closed" and got ~= false then walk:fail("close again gave %s", tostring(got)) end
  i.state = (force or #i.parked == 0) and "closed" or "closing"
end

function steps.drop_module(walk)
  local _, at = walk:pick(walk.modules)
  if at and #walk.modules > 3 then walk.forget(walk.modules, at) end
end

--- Let go of every handle. Others may still import it or hold its function in a table, and
-- then it must go on working for them.
function steps.drop_instance(walk)
  local i, at = walk:pick(walk.instances)
  if not i or #walk.instances <= 3 then return end
  walk.forget(walk.instances, at)
  for name, value in pairs(i) do
    if type(value) == "function" or type(value) == "userdata" then i[name] = nil end
  end
  i.parked = {}
end

function steps.collect(walk)
  collectgarbage(walk.random(10) == 1 and "collect" or "step")
end

-- How often each step comes, of the sum of all.
local SHARE = {
  compile = 6, instantiate = 12, call = 14, trap = 4, through_import = 8, link = 5,
  through_table = 7, park = 12, resume = 10, drop_parked = 3, lose_parked = 2, close_module = 5,
  close_instance = 6, drop_module = 5, drop_instance = 9, collect = 2, nest = 5, fail_inside = 2,
  close_inside = 2, outlive = 2, refuse = 3, snapshot = 3, restore = 5, clone = 2, reload = 7,
  resume_old = 5,
}
for name, step in pairs(require "spec.stress.changes") do steps[name] = step end

--- `count` random steps; returns how often each kind was taken.
function lifecycle.walk(count, seed)
  local walk = setmetatable({ seed = seed, random = generator(seed), modules = {},
    instances = {}, sources = {}, snapshots = {}, old = {} }, Walk)
  walk.wait = function(value)
    local inside = walk.inside
    if not inside then return coroutine.yield(value) end
    walk.inside = nil
    return inside(value)
  end
  for k = 100, 500, 100 do walk.sources[k] = assert(wasm.wat(source_of(k))) end
  local bag, taken, names = {}, {}, {}
  for name in pairs(SHARE) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    for _ = 1, SHARE[name] do bag[#bag + 1] = name end
    taken[name] = 0
  end
  for step = 1, count do
    local name = bag[walk.random(#bag)]
    walk.step, walk.doing = step, name
    taken[name] = taken[name] + 1
    steps[name](walk)
  end
  return taken
end

-- The scenario this began with, in every order ---------------------------------------------

local ORIGIN = [[
  (module (memory 1) (func (export "f") (param i32) (result i32)
    (i32.store (i32.const 0) (local.get 0))
    (i32.add (i32.load (i32.const 0)) (i32.const 1))))]]

local MOVES = { "new A", "new B", "call A", "call B", "close A", "close B", "end A", "end B" }

local function move(world, what)
  local verb, who = what:match("^(%l+) (%u)$")
  local side = world[who]
  if verb == "new" then
    if side.module_closed then
      local ok, err = pcall(side.module.instantiate, side.module)
      assert(not ok and err.kind == "closed", "instantiate of a closed module")
    else
      side.instance = assert(side.module:instantiate())
      side.f = side.instance.exports.f
    end
  elseif verb == "close" then
    assert(side.module:close() == not side.module_closed)
    side.module_closed = true
  elseif verb == "call" and side.instance then
    local ok, got = pcall(side.f, 41)
    if side.ended then
      assert(not ok and got.kind == "closed", "call of a closed instance")
    else
      assert(ok and got == 42, got)
    end
  elseif verb == "end" and side.instance then
    assert(side.instance:close() == not side.ended)
    side.ended = true
  end
end

--- Compile X twice as A and B, then `order` with double closes and collections mixed in.
local function play(bytes, order, mix)
  local world = { A = { module = assert(wasm.compile(bytes)) },
                  B = { module = assert(wasm.compile(bytes)) } }
  assert(world.A.module == world.B.module and not rawequal(world.A.module, world.B.module))
  for n, what in ipairs(order) do
    move(world, what)
    if mix(3) == 1 and not what:find("new") then move(world, what) end
    if mix(200) == 1 then
      collectgarbage()
    elseif mix(4) == 1 then
      collectgarbage("step")
    end
    if n == #order and mix(2) == 1 then
      local keep = world.B.f
      world = nil -- luacheck: ignore 331
      collectgarbage("step")
      if keep then pcall(keep, 1) end
    end
  end
end

--- Every `stride`-th order of the eight moves; returns how many were played.
function lifecycle.orders(stride)
  local bytes = assert(wasm.wat(ORIGIN))
  local mix, number, played = generator(11), 0, 0
  local order = { table.unpack(MOVES) }
  local function permute(n)
    if n == 1 then
      number = number + 1
      if number % stride == 0 then
        played = played + 1
        local ok, err = pcall(play, bytes, order, mix)
        if not ok then
          error(table.concat(order, ", ") .. ": " .. tostring(err), 0)
        end
      end
      return
    end
    for i = 1, n do
      order[i], order[n] = order[n], order[i]
      permute(n - 1)
      order[i], order[n] = order[n], order[i]
    end
  end
  permute(#order)
  return played
end

--- <close> in every order of A, B and their instances, left by the end, a break or an error.
function lifecycle.blocks()
  local bytes = assert(wasm.wat(ORIGIN))
  local lines = { A = "local A <close> = assert(wasm.compile(bytes))",
                  B = "local B <close> = assert(wasm.compile(bytes))",
                  I = "local I <close> = assert(A:instantiate())",
                  J = "local J <close> = assert(B:instantiate())" }
  local exits = { "", "A:close()", "I:close() A:close()", "B:close() J:close() B:close()",
                  "error('left')", "collectgarbage() error('left')" }
  local orders = { "ABIJ", "ABJI", "AIBJ", "BAIJ", "BAJI", "BJAI" }
  for _, order in ipairs(orders) do
    for _, exit in ipairs(exits) do
      local body = { "local wasm, bytes = ..." }
      for name in order:gmatch(".") do body[#body + 1] = lines[name] end
      body[#body + 1] = "assert(I.exports.f(1) == 2 and J.exports.f(2) == 3)"
      body[#body + 1] = exit
      local ok, err = pcall(assert(load(table.concat(body, "\n"), order)), wasm, bytes)
      assert(ok == not exit:find("error"), err)
      assert(ok or err:find("left", 1, true), err)
    end
  end
  return #orders * #exits
end

-- Cycles through C's tables ----------------------------------------------------------------

local PAIR = [[
  (module
    (memory 1)
    (table (export "t") 1 funcref)
    (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "g") (param i32) (result i32)
      (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0))))]]

--- `count` pairs of instances, each with the other's function in its table; none is closed.
-- Returns resident MiB after the first tenth, at the end, and the peak.
function lifecycle.pairs(count)
  local mod = assert(wasm.compile(PAIR))
  collectgarbage()
  local early
  for n = 1, count do
    local a, b = assert(mod:instantiate()), assert(mod:instantiate())
    a.exports.t[1], b.exports.t[1] = b.exports.g, a.exports.f
    if a.exports.g(n) ~= n + 1 then error("pair " .. n, 0) end
    if n == count // 10 then early = weight.rss() end
  end
  local now, peak = weight.rss()
  return early or now, now, peak
end

local function report(format, ...) print(format:format(...)) end

function lifecycle.main(step_count, pair_count, seed)
  local start = os.clock()
  local played, blocks = lifecycle.orders(1), lifecycle.blocks()
  report("orders: %d of two modules and two instances, %d blocks with <close>, %.1f s",
    played, blocks, os.clock() - start)

  start = os.clock()
  local taken = lifecycle.walk(step_count, seed)
  local parts = {}
  for name, n in pairs(taken) do parts[#parts + 1] = ("%s %d"):format(name, n) end
  table.sort(parts)
  report("steps: %d (seed %d), %.1f s: %s", step_count, seed, os.clock() - start,
    table.concat(parts, ", "))

  start = os.clock()
  local early, now, peak = lifecycle.pairs(pair_count)
  report("pairs: %d linked both ways, never closed, %.1f s; resident %.0f MiB after a "
    .. "tenth, %.0f at the end, peak %.0f", pair_count, os.clock() - start, early, now, peak)
  lifecycle.assert_bounded(early, now)
end

--- Memory may not grow with the count: the last nine tenths may add 64 MiB at most. The address
-- sanitizer keeps 256 MiB of freed memory besides.
function lifecycle.assert_bounded(early, now)
  local allowed = weight.sanitized and 64 + 256 or 64
  assert(now - early < allowed, ("grew from %.0f to %.0f MiB"):format(early, now))
end

if arg and arg[0] and arg[0]:find("spec/stress/lifecycle.lua", 1, true) then
  lifecycle.main(tonumber(arg[1]) or 100000, tonumber(arg[2]) or 100000, tonumber(arg[3]) or 1)
end

return lifecycle

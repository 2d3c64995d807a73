--- Small functions that are built where they are called behave as they are written: same results,
-- same traps, and traces that name each function and offset as without it.
local core = require "wasm.core"
local wasm = require "wasm"
local golden = require "spec.support.golden"

local EFFORTS = { 1, 2 } -- against 0, which inlines nothing

local function exports(source, effort, imports)
  local mod = assert(wasm.compile(source, { effort = effort, cache = false }))
  return assert(mod:instantiate(imports)).exports
end

--- How many calls function `func` makes when it is compiled at effort 1.
local function calls(source, func, options)
  options = options or { effort = 1 }
  local text = assert(core.dump(assert(wasm.wat(source)), func, "ir", options))
  return select(2, text:gsub("call%.?%w*%s+%d+%(", ""))
end

--- What happened: results, or the error with its wasm frames.
local function outcome(f, input)
  local got = table.pack(pcall(f, table.unpack(input)))
  if got[1] then return got end
  local e = got[2]
  local out = { kind = e.kind, code = e.code, message = e.message, offset = e.offset, frames = {} }
  for n, frame in ipairs(e.frames) do
    if frame.kind == "wasm" then
      out.frames[n] = ("%s %d 0x%x"):format(frame.name or "?", frame.index, frame.offset)
    end
  end
  return out
end

--- Every export called `name` gives the same at each effort; the outcomes at effort 0.
local function same(source, name, inputs, imports)
  local all = {}
  for n, input in ipairs(inputs) do
    local want = outcome(exports(source, 0, imports)[name], input)
    for _, effort in ipairs(EFFORTS) do
      assert.same(want, outcome(exports(source, effort, imports)[name], input))
    end
    all[n] = want
  end
  return all
end

local function numbers(first, last)
  local list = {}
  for n = first, last do list[#list + 1] = { n } end
  return list
end

describe("an inlined call", function()
  it("is none any more", function()
    local source = [[(module
      (func $twice (param i32) (result i32) (i32.add (local.get 0) (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (i32.sub (call $twice (local.get 0)) (call $twice (i32.const 4)))))]]
    assert.equal(0, calls(source, 1))
    assert.equal(2, calls(source, 1, { effort = 1, inline = false }))
    assert.equal(2, calls(source, 1, { effort = 0 }))
    same(source, "f", numbers(-2, 5))
  end)

  it("gives several results", function()
    local source = [[(module
      (func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
      (func (export "f") (param i32 i64) (result i64 i32 i64 i32)
        (call $swap (local.get 0) (local.get 1))
        (call $swap (i32.const 7) (i64.extend_i32_s (local.get 0)))))]]
    assert.equal(0, calls(source, 1))
    same(source, "f", { { 1, 2 }, { -5, 1 << 40 } })
  end)

  it("returns early, and by branches to the function's label", function()
    local source = [[(module
      (func $early (param i32) (result i32)
        (if (local.get 0) (then (return (i32.const 10))))
        (i32.const 20))
      (func $label (param i32) (result i32)
        (br_if 0 (i32.const 1) (local.get 0)) (drop) (br 0 (i32.const 2)))
      (func $table (param i32) (result i32)
        (block (result i32) (br_table 0 1 0 (i32.const 3) (local.get 0)))
        (i32.add (i32.const 100)))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $early (local.get 0))
          (i32.mul (i32.const 1000)
            (i32.add (call $label (local.get 0)) (call $table (local.get 0)))))))]]
    assert.equal(0, calls(source, 3))
    same(source, "f", numbers(-1, 4))
  end)

  it("has its own locals zeroed each time", function()
    local source = [[(module
      (func $count (param i32) (result i32) (local i32)
        (local.set 1 (i32.add (local.get 1) (local.get 0))) (local.get 1))
      (func (export "f") (param i32) (result i32) (local i32)
        (loop $l
          (local.set 1 (i32.add (i32.mul (local.get 1) (i32.const 3)) (call $count (local.get 0))))
          (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (local.get 1)))]]
    assert.equal(0, calls(source, 1))
    same(source, "f", numbers(1, 9))
  end)

  it("leaves the caller's locals alone, and those of the same number", function()
    local source = [[(module
      (func $mess (param i32) (result i32) (local.set 0 (i32.const 99)) (local.get 0))
      (func (export "f") (param i32 i32) (result i32 i32 i32)
        (local.get 1) (call $mess (local.get 1)) (local.get 0)))]]
    assert.equal(0, calls(source, 1))
    same(source, "f", { { 1, 2 } })
  end)

  it("may never come back: dead code behind it, and behind it only", function()
    local source = [[(module
      (func $never (result i32) (unreachable))
      (func (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (i32.add (call $never) (i32.const 1))
            (loop (br_if 0 (i32.eqz (local.get 0)))) (call $never) (i32.add))
          (else (i32.const 5)))))]]
    assert.equal(0, calls(source, 1))
    local got = same(source, "f", numbers(0, 1))
    assert.equal("never 0", got[2].frames[1]:match("^%a+ %d"))
    assert.equal("f 1", got[2].frames[2]:match("^%a+ %d"))
  end)

  it("may have a dead end, and dead code in it", function()
    local source = [[(module
      (func $odd (param i32) (result i32)
        (if (local.get 0) (then (return (i32.const 1))))
        (return (i32.const 2)) (drop) (i32.add))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $odd (local.get 0)) (i32.const 10))))]]
    same(source, "f", numbers(0, 2))
  end)

  it("stands in a loop's condition, in operands that are kept, and in an if", function()
    local source = [[(module (memory 1)
      (func $get (param i32) (result i32) (i32.load8_u (local.get 0)))
      (func $put (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
      (func $more (param i32) (result i32) (i32.lt_u (local.get 0) (i32.const 20)))
      (func (export "f") (param i32) (result i32) (local i32)
        (block $out
          (loop $l
            (br_if $out (i32.eqz (call $more (local.get 1))))
            (call $put (local.get 1) (i32.add (local.get 0) (call $get (local.get 1))))
            (if (call $get (local.get 1))
              (then (local.set 0 (i32.add (local.get 0) (i32.const 3)))))
            (local.set 1 (i32.add (local.get 1) (i32.const 1)))
            (br $l)))
        (i32.add (local.get 0) (call $get (i32.const 7)))))]]
    assert.equal(0, calls(source, 3))
    same(source, "f", numbers(0, 5))
  end)

  it("may loop, and polls there for interrupts", function()
    local source = [[(module (import "m" "stop" (func $stop)) (func $spin (loop (br 0)))
      (func (export "f") (call $stop) (call $spin)))]]
    local text = assert(core.dump(assert(wasm.wat(source)), 2, "ir", { effort = 1 }))
    assert.truthy(text:find("poll v%d+ +@0x%x+ in 0x%x+\n"), text)
    local want
    for effort = 0, 2 do
      local inst
      local mod = assert(wasm.compile(source, { effort = effort, cache = false }))
      inst = assert(mod:instantiate { m = { stop = function() inst:interrupt() end } })
      local got = outcome(inst.exports.f, {})
      assert.equal("interrupt", got.kind)
      want = want or got
      assert.same(want, got)
    end
  end)

  it("recurses in itself as far as its budget goes", function()
    local source = [[(module
      (func $fib (export "f") (param i32) (result i32)
        (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
          (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
            (call $fib (i32.sub (local.get 0) (i32.const 2))))))))]]
    assert.equal(17, calls(source, 0)) -- two, and one more for each that was inlined
    same(source, "f", numbers(0, 15))
  end)

  it("recurses through others", function()
    local source = [[(module
      (func $even (export "f") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1))))
      (func $odd (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))]]
    assert.equal(1, calls(source, 0))
    same(source, "f", numbers(0, 9))
  end)

  it("ends in an exhausted stack where recursion does", function()
    local source = [[(module
      (func $deep (export "f") (param i32) (result i32)
        (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))]]
    for _, effort in ipairs(EFFORTS) do
      local got = outcome(exports(source, effort).f, { 0 })
      assert.equal("call stack exhausted", got.message:match("call stack exhausted"))
      local plain = outcome(exports(source, 0).f, { 0 })
      assert.equal(plain.frames[10], got.frames[10])
    end
  end)

  it("traps with the frames and offsets that are written, wherever it does", function()
    local source = [[(module (memory 1) (table 1 funcref)
      (global $g (mut i32) (i32.const 0))
      (func $div (param i32) (result i32) (i32.div_s (i32.const 7) (local.get 0)))
      (func $load (param i32) (result i32) (i32.load (i32.mul (local.get 0) (i32.const 65536))))
      (func $stop (param i32) (result i32)
        (if (local.get 0) (then (unreachable))) (i32.const 3))
      (func $ref (param i32) (result i32) (call_indirect (result i32) (local.get 0)))
      (func $in (param i32) (result i32) (i32.add (call $div (local.get 0)) (i32.const 1)))
      (func $in2 (param i32) (result i32) (i32.add (call $in (local.get 0)) (i32.const 1)))
      (func $in3 (param i32) (result i32) (i32.add (call $in2 (local.get 0)) (i32.const 1)))
      (func $all (export "f") (param i32 i32) (result i32)
        (block $6 (block $5 (block $4 (block $3 (block $2 (block $1
          (br_table $1 $2 $3 $4 $5 $6 (local.get 0)))
          (return (call $div (local.get 1))))
          (return (call $load (local.get 1))))
          (return (call $stop (local.get 1))))
          (return (call $ref (local.get 1))))
          (return (i32.add (call $in2 (i32.const 1)) (call $in3 (local.get 1)))))
        (i32.add (call $in3 (i32.const 2))
          (i32.add (call $div (i32.const 1)) (call $div (local.get 1)))))
      (func (export "g") (param i32 i32) (result i32)
        (i32.add (i32.const 1) (call $all (local.get 0) (local.get 1)))))]]
    local inputs, traps = {}, 0
    for which = 0, 6 do
      for x = -1, 2 do inputs[#inputs + 1] = { which, x } end
    end
    for _, name in ipairs { "f", "g" } do
      for _, got in ipairs(same(source, name, inputs)) do
        if got.frames then traps = traps + 1 end
      end
    end
    assert.is_true(traps > 20)
    local deepest = outcome(exports(source, 1).g, { 4, 0 })
    assert.equal(6, #deepest.frames)
    assert.truthy(deepest.frames[1]:find("^div 0 "))
    assert.truthy(deepest.frames[5]:find("^all 7 "))
  end)

  it("shows its frames to a host function, and an exception passes it", function()
    local source = [[(module
      (import "m" "host" (func $host (param i32)))
      (tag $t (param i32))
      (func $ask (param i32) (call $host (local.get 0)))
      (func $throw (param i32) (throw $t (local.get 0)))
      (func $go (param i32) (call $ask (local.get 0)) (call $throw (local.get 0)))
      (func $mid (param i32) (call $go (local.get 0)))
      (func (export "f") (param i32) (result i32)
        (block (result i32)
          (try_table (catch $t 0) (call $mid (local.get 0)))
          (i32.const -1)))
      (func (export "g") (param i32) (call $mid (local.get 0))))]]
    local traces = {}
    local function host(n)
      if n == 5 then error("five") end
    end
    for effort = 0, 2 do
      local e = exports(source, effort, { m = { host = host } })
      assert.equal(3, e.f(3))
      assert.is_false(pcall(e.g, 5))
      traces[effort] = wasm.traceback():gsub("0x%x+ ", "")
    end
    assert.equal(traces[0], traces[1])
    assert.equal(traces[0], traces[2])
    for _, name in ipairs { "ask", "go", "mid" } do
      assert.truthy(traces[1]:find("in function '" .. name .. "'", 1, true), traces[1])
    end
    assert.equal(1, calls(source, 5)) -- where something is caught nothing is inlined
    local got = same(source, "g", { { 7 } }, { m = { host = host } })
    assert.equal("exception", got[1].kind)
  end)

  it("may grow the memory", function()
    local source = [[(module (memory 1)
      (func $grow (param i32) (result i32) (memory.grow (local.get 0)))
      (func (export "f") (param i32) (result i32 i32)
        (drop (call $grow (local.get 0)))
        (i32.store (i32.mul (local.get 0) (i32.const 65536)) (i32.const 77))
        (memory.size) (i32.load (i32.mul (local.get 0) (i32.const 65536)))))]]
    assert.equal(0, calls(source, 1))
    same(source, "f", numbers(0, 5))
  end)

  it("keeps references", function()
    local source = [[(module (type $s (struct (field i32)))
      (func $new (param i32) (result (ref $s)) (struct.new $s (local.get 0)))
      (func $get (param (ref null $s)) (result i32) (struct.get $s 0 (local.get 0)))
      (func (export "f") (param i32) (result i32) (local (ref null $s))
        (if (local.get 0) (then (local.set 1 (call $new (local.get 0)))))
        (i32.add (call $get (local.get 1)) (call $get (call $new (i32.const 2))))))]]
    same(source, "f", numbers(0, 3))
  end)

  it("is traced the same when its code was kept in a cache, and when it is lazy", function()
    local source = [[(module
      (func $div (param i32) (result i32) (i32.div_s (i32.const 7) (local.get 0)))
      (func $in (param i32) (result i32) (i32.add (call $div (local.get 0)) (i32.const 1)))
      (func (export "f") (param i32) (result i32)
        (i32.add (call $in (local.get 0)) (i32.const 1))))]]
    local want = outcome(exports(source, 0).f, { 0 })
    local kept = {}
    local cache <close> = assert(wasm.cache {
      memory_bytes = 0, key = ("k"):rep(16),
      store = {
        get = function(key) return kept[key] end,
        put = function(key, bytes) kept[key] = bytes end,
      },
    })
    for _ = 1, 2 do
      collectgarbage() collectgarbage()
      local mod = assert(wasm.compile(source, { effort = 1, cache = cache }))
      local inst = assert(mod:instantiate())
      assert.same(want, outcome(inst.exports.f, { 0 }))
      inst:close()
      mod:close()
    end
    assert.equal(1, cache:stats().disk_hits)
    local lazy = assert(wasm.compile(source, { effort = 1, eager = false, cache = false }))
    assert.same(want, outcome(assert(lazy:instantiate()).exports.f, { 0 }))
  end)

  it("is not made of a large function, one with a try or a tail call, or in a try", function()
    local function module(callee, caller)
      return ([[(module (tag $t)
        (func $other (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
        (func $f (param i32) (result i32) %s)
        (func (param i32) (result i32) %s))]]):format(callee, caller or "(call $f (local.get 0))")
    end
    assert.equal(0, calls(module("(local.get 0)"), 2))
    assert.equal(1, calls(module(("(nop)"):rep(10) .. "(local.get 0)"), 2))
    assert.equal(1, calls(module("(try_table) (local.get 0)"), 2))
    assert.equal(1, calls(module("(return_call $other (local.get 0))"), 2))
    assert.equal(1, calls(module("(local.get 0)",
      "(block (try_table (catch_all 0) (return (call $f (local.get 0))))) (i32.const 1)"), 2))
    local locals = "(local" .. (" i64"):rep(20) .. ") (local.get 0)"
    assert.equal(1, calls(module(locals), 2))
  end)

  it("is one of so many that code and time stay in proportion", function()
    local source = [[(module
      (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (param i32) (result i32) (local.get 0) %s))]]
    local most = 0
    for _, n in ipairs { 50, 500, 5000 } do
      local left = calls(source:format(("(call $f)"):rep(n)), 1)
      assert.is_true(left >= most)
      most = left
    end
    assert.is_true(most > 4000)
  end)

  it("has the callee's instructions in place, each with its operator and calls", function()
    local f = assert(io.open("spec/golden/ir_inlined.wat", "rb"))
    local bytes = wasm.wat(f:read("a"))
    f:close()
    local text = core.dump(bytes, 2, "ir", { effort = 1 })
    assert(golden.check("spec/golden/ir_inlined.txt", text))
  end)
end)

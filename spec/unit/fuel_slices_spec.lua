--- Budgets: fuel. A run that is cut into 10,000 slices ends in the same state as one that is not,
-- and what was used is the same count however a module is compiled.
local shapes = require "spec.support.shapes"
local ways = require "spec.support.ways"
local wasm = require "wasm"
local weight = require "spec.support.weight"

local SLICES = weight.scaled(10000)

--- Run f(...) in a coroutine to its end: how often it yielded, its results. `each(n)` is called
-- after every slice.
local function sliced(f, each, ...)
  local co, n = coroutine.create(f), 0
  local results = table.pack(coroutine.resume(co, ...))
  while coroutine.status(co) ~= "dead" do
    assert(results[1] and results[2] == "fuel" and results.n == 2)
    n = n + 1
    if each then each(n) end
    results = table.pack(coroutine.resume(co))
  end
  if not results[1] then error(results[2], 0) end
  return n, table.unpack(results, 2, results.n)
end

-- Something of everything: loops, recursion, br_table, tail calls, calls of the host, by table and
-- by reference, exceptions, objects, vectors, 64 bits, a memory that grows, long instructions.
local ALL = [[
  (import "e" "host" (func $host (param i32) (result i32)))
  (type $v (func (param i32) (result i32)))
  (type $node (struct (field (mut i32)) (field (ref null $node))))
  (type $bytes (array (mut i8)))
  (memory (export "memory") 1 40)
  (table (export "table") 4 64 funcref)
  (elem (i32.const 0) $double $odd)
  (elem declare func $double $odd)
  (tag $t (param i32))
  (global (export "g") (mut i64) (i64.const 1))
  (global $list (mut (ref null $node)) (ref.null $node))
  (func $double (type $v) (i32.mul (local.get 0) (i32.const 2)))
  (func $odd (type $v) (if (result i32) (i32.and (local.get 0) (i32.const 1))
    (then (throw $t (local.get 0))) (else (i32.shr_u (local.get 0) (i32.const 1)))))
  (func $down (param i32 i32) (result i32)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $down (i32.sub (local.get 0) (i32.const 1))
      (i32.add (i32.rotl (local.get 1) (i32.const 3)) (local.get 0))))
  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func $sum (result i32) (local $n (ref null $node)) (local $s i32)
    (local.set $n (global.get $list))
    (block $end (loop $l
      (local.set $s (i32.add (local.get $s)
        (struct.get $node 0 (br_on_null $end (local.get $n)))))
      (local.set $n (struct.get $node 1 (local.get $n))) (br $l)) (unreachable))
    (local.get $s))
  (func $step (param $i i32) (result i32) (local $s i32) (local $v v128)
    (local $a (ref null $bytes))
    (block $done (block $d (block $c (block $b (block $a
      (br_table $a $b $c $d (i32.and (local.get $i) (i32.const 7))))
      (local.set $s (call $down (i32.and (local.get $i) (i32.const 31)) (local.get $i)))
      (br $done))
      (local.set $s (call_indirect (type $v) (local.get $i) (i32.const 0)))
      (br $done))
      (local.set $s (block $h (result i32) (try_table (catch $t $h)
        (br $h (call_ref $v (local.get $i) (ref.func $odd)))) (unreachable)))
      (br $done))
    (local.set $v (i32x4.mul (i32x4.splat (local.get $i)) (v128.const i32x4 1 2 3 4)))
    (local.set $s (i32x4.extract_lane 3 (i32x4.add (local.get $v) (local.get $v))))
    (local.set $a (array.new $bytes (local.get $i) (i32.const 100)))
    (local.set $s (i32.add (local.get $s) (array.get_u $bytes (local.get $a) (i32.const 50)))))
    (local.get $s))
  (func (export "work") (param $n i32) (result i32 i64) (local $i i32) (local $s i32)
    (loop $l
      (local.set $s (i32.xor (i32.rotl (local.get $s) (i32.const 1)) (call $step (local.get $i))))
      (i32.store (i32.and (i32.mul (local.get $i) (i32.const 52)) (i32.const 0xfffc))
        (local.get $s))
      (global.set 0 (i64.add (i64.mul (global.get 0) (i64.const 6364136223846793005))
        (i64.extend_i32_u (local.get $s))))
      (if (i32.eqz (i32.and (local.get $i) (i32.const 63))) (then
        (global.set $list (struct.new $node (local.get $s) (global.get $list)))
        (drop (memory.grow (i32.const 1)))
        (drop (table.grow 0 (ref.func $double) (i32.const 1)))
        (memory.fill (i32.and (local.get $s) (i32.const 0x7fff)) (local.get $i) (i32.const 99))
        (memory.copy (i32.const 0x8000) (i32.const 0x100) (i32.const 0x1000))
        (local.set $s (i32.add (call $host (local.get $s)) (call $fib (i32.const 9))))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
    (i32.add (local.get $s) (call $sum)) (global.get 0))]]

local HOST = { e = { host = function(n) return n ~ 0x5555 end } }

--- All that can be seen of an instance of ALL.
local function state(inst)
  local m = inst.memory
  return ("%d %d %d "):format(#inst.exports.table, inst.exports.g.value, inst:stats().fuel_used)
    .. m:read(0, m:size())
end

describe("fuel", function()
  it("ends after 10,000 yields as without, with every way of compiling", function()
    local want, seen, n_all = nil, nil, 0
    ways.each(function(options, name, salt)
      local whole = ways.with(ALL, salt, options, HOST)
      local a, b = whole.exports.work(1600)
      local used = whole:stats().fuel_used
      local inst = ways.with(ALL, salt, options, HOST, { fuel = used // SLICES - 1,
        on_limit = "yield" })
      local n, c, d = sliced(inst.exports.work, nil, 1600)
      assert(n >= SLICES, ("%s: %d"):format(name, n))
      assert(a == c and b == d, name)
      assert(state(inst) == state(whole), name)
      want, seen = want or state(whole), seen or ("%d %d"):format(a, b)
      assert(state(inst) == want and seen == ("%d %d"):format(c, d), name)
      n_all = n_all + n
    end)
    weight.report("fuel: %d yields, all states equal", n_all)
  end)

  it("does so with another budget after each of them, and a collection now and then", function()
    local options = { fuel = true }
    local whole = ways.with(ALL, "", options, HOST)
    local a, b = whole.exports.work(1600)
    local inst = ways.with(ALL, "", options, HOST, { fuel = 1, on_limit = "yield" })
    local seed = 1
    local n, c, d = sliced(inst.exports.work, function(n)
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      inst:fuel(seed >> 16 & 31)
      if n % 97 == 0 then collectgarbage() end
    end, 1600)
    assert.truthy(n >= 5000)
    assert.same({ a, b }, { c, d })
    local m = whole.memory
    assert.equal(m:read(0, m:size()), inst.memory:read(0, m:size()))
  end)

  it("does so in a start function", function()
    local text = [[(memory (export "memory") 1) (global (export "g") (mut i32) (i32.const 0))
      (func $f (local i32) (loop
        (i32.store (i32.and (i32.mul (local.get 0) (i32.const 68)) (i32.const 0xfffc))
          (local.get 0))
        (global.set 0 (i32.xor (i32.rotl (global.get 0) (i32.const 5)) (local.get 0)))
        (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1)))
          (i32.const 20000))))) (start $f)]]
    ways.each(function(options, name, salt)
      local whole = ways.with(text, salt, options)
      local mod = assert(wasm.compile("(module " .. salt .. text .. ")", options))
      local n, inst = sliced(mod.instantiate, nil, mod, nil,
        { fuel = whole:stats().fuel_used // SLICES - 1, on_limit = "yield" })
      assert(n >= SLICES, name)
      assert(inst.exports.g.value == whole.exports.g.value, name)
      assert(inst.memory:read(0, 65536) == whole.memory:read(0, 65536), name)
      assert(inst:stats().fuel_used == whole:stats().fuel_used, name)
    end)
  end)

  it("does so to a program of WASI", function()
    local function run(options, each)
      local mod = assert(wasm.load("spec/guests/wasi/calls.wasm", { fuel = true }))
      local w = assert(wasm.wasi { args = { "calls", "renames" }, dirs = { ["/"] = {} },
        stdout = "buffer", clock = "fake", random = 1 })
      local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = w }, options))
      local n, used = 0, nil
      local ok, err = pcall(function() n = sliced(inst.exports._start, each) end)
      assert(ok or err.kind == "exit" and err.code == 0, tostring(err))
      if ok then used = inst:stats().fuel_used end
      return w:stdout(), n, used
    end
    local want, _, used = run()
    assert.truthy(#want > 1000)
    local got, n, again = run { fuel = used // SLICES - 1, on_limit = "yield" }
    assert.truthy(n >= SLICES)
    assert.equal(want, got)
    assert.equal(used, again)
  end)

  it("is the same count for every kernel of the benchmarks with every way of compiling", function()
    local WORK = { ackermann = 1, chacha = 100, crc32 = 2, edit = 1, fannkuch = 6, fib = 15,
      gemm = 10, hash = 1, interp = 3, jacobi = 2, lz = 1, mandelbrot = 10, matmul = 10, nbody = 50,
      quicksort = 1, sha256 = 5, sieve = 1, spectral = 10, simd_blake3 = 20, simd_blur = 1,
      simd_gemm = 1, simd_mandelbrot = 5, hash64 = 1, lz64 = 1, quicksort64 = 1, sieve64 = 1,
      tail_interp = 1 }
    local counts, n = {}, 0
    ways.each(function(options, name)
      options.bounds = nil -- those for 64 bits have their own
      for kernel, work in pairs(WORK) do
        local mod = assert(wasm.load(("spec/bench/kernels/%s.wasm"):format(kernel), options))
        local inst = assert(mod:instantiate())
        local sum = inst.exports.run(work)
        local now = ("%s %d"):format(sum, inst:stats().fuel_used)
        counts[kernel] = counts[kernel] or now
        assert(now == counts[kernel], ("%s, %s: %s, not %s"):format(kernel, name, now,
          counts[kernel]))
        n = n + 1
        inst:close()
        mod:close()
      end
    end)
    assert.truthy(n >= 6 * 27)
  end)

  it("stops every shape of endless guest at the same place with every way of compiling", function()
    -- without those whose instructions are long, or wait
    local left, names = {}, {}
    for _, name in ipairs(shapes.names) do
      if not name:find("MB") and not name:find("long waits") and not name:find("0,000,000")
         and not name:find("table.fill") and not name:find("table.copy")
         and not name:find("array.fill") and not name:find("array.copy") then
        names[#names + 1] = name
      end
    end
    assert.truthy(#names >= 300)
    ways.each(function(options, way)
      local inst = shapes.make(options)
      for _, name in ipairs(names) do
        inst:fuel(1000)
        local ok, err = pcall(inst.exports[name])
        assert(not ok and err.message == "out of fuel", name)
        left[name] = left[name] or inst:fuel()
        assert(inst:fuel() == left[name], ("%s, %s: %d"):format(name, way, inst:fuel()))
        inst:fuel(100)
        assert(inst.exports.add(2, 3) == 5)
      end
      inst:close()
    end)
  end)
end)

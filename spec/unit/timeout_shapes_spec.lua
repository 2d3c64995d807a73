--- Budgets: time. Hundreds of guests that would never end are ended, and each instance goes on; and
-- one instruction or call that is long by itself is no way around it.
local shapes = require "spec.support.shapes"
local wasi = require "spec.support.wasi"
local expiry = require "spec.support.expiry"
local wasm = require "wasm"
local weight = require "spec.support.weight"

local expires, works = expiry.expires, expiry.works

local WAYS = {}
for effort = 0, 2 do
  for _, bounds in ipairs { "guard", "explicit" } do
    for _, limit in ipairs { "timeout", "cpu_timeout" } do
      WAYS[#WAYS + 1] = { { effort = effort, bounds = bounds, fuel = #WAYS % 3 == 0 or nil },
        { [limit] = 0.01 } }
    end
  end
end

describe("a timeout of 10 ms", function()
  it("ends every shape of endless guest, and the instance goes on", function()
    local worst, slowest, n = 0, nil, 0
    for number, way in ipairs(WAYS) do
      local inst = shapes.make(way[1], way[2])
      for k, name in ipairs(shapes.names) do
        local mine = (k - 1) % #WAYS + 1
        -- who sleeps uses no processor: the way before has the time of the wall
        if name:find("long waits", 1, true) and WAYS[mine][2].cpu_timeout then mine = mine - 1 end
        if mine == number then
          local before = os.clock()
          local err = expires(inst.exports[name])
          local used = os.clock() - before
          if used > worst then worst, slowest = used, name end
          n = n + 1
          assert(#err.frames > 0, name)
          assert(works(inst), name)
        end
      end
      inst:close()
    end
    assert.equal(#shapes.names, n)
    assert.truthy(n >= 100)
    weight.report("timeout: 10 ms, %d shapes in %d ways in turn, at worst %.1f ms of CPU (%s)",
      n, #WAYS, worst * 1e3, slowest)
  end)

  it("ends endless calls of WASI, those that wait by the wall clock", function()
    local dir, remove = wasi.directory()
    for _, way in ipairs(WAYS) do
      if way[2].timeout then
        local inst, w = shapes.make_calls(dir, way[1], way[2])
        for _, name in ipairs(shapes.calls) do
          expires(inst.exports[name])
          assert(works(inst), name)
        end
        inst:close()
        w:close()
      end
    end
    remove()
  end)

  it("ends a start function that is one long instruction after the other", function()
    local mod = assert(wasm.compile([[(module (memory 16384)
      (func $f (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x40000000)) (br 0)))
      (start $f))]]))
    local inst, err = mod:instantiate(nil, { timeout = 0.01 })
    assert.is_nil(inst)
    assert.equal("timeout", err.message)
  end)
end)

describe("a long instruction", function()
  local TEXT = [[(module (memory (export "memory") 1024) (table $t 1000000 externref)
    (type $a (array (mut i32)))
    (func (export "fill") (param i32 i32 i32)
      (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "tables") (param externref) (result externref externref externref)
      (table.fill $t (i32.const 10) (local.get 0) (i32.const 900000))
      (table.set $t (i32.const 10) (ref.null extern))
      (table.copy $t $t (i32.const 12) (i32.const 10) (i32.const 900000))
      (table.get $t (i32.const 11)) (table.get $t (i32.const 12)) (table.get $t (i32.const 900011)))
    (func (export "arrays") (result i64) (local $a (ref $a))
      (local.set $a (array.new $a (i32.const 7) (i32.const 3000000)))
      (array.set $a (local.get $a) (i32.const 0) (i32.const 1))
      (array.copy $a $a (local.get $a) (i32.const 2) (local.get $a) (i32.const 0)
        (i32.const 2000000))
      (array.fill $a (local.get $a) (i32.const 2500000) (i32.const 9) (i32.const 500000))
      (i64.add (i64.extend_i32_u (array.get $a (local.get $a) (i32.const 2)))
        (i64.add
          (i64.mul (i64.const 10) (i64.extend_i32_u (array.get $a (local.get $a)
            (i32.const 2000001))))
          (i64.mul (i64.const 100) (i64.extend_i32_u (array.get $a (local.get $a)
            (i32.const 2999999))))))))]]

  it("does in pieces what it does in one", function()
    for _, bounds in ipairs { "guard", "explicit" } do
      local inst = assert(wasm.run(TEXT, nil, nil, { bounds = bounds }))
      local e, m, MB = inst.exports, inst.memory, 1 << 20
      local function byte_at(at) return m:u8(at) end
      for _, size in ipairs { MB - 1, MB, MB + 1, 2 * MB, 3 * MB + 17 } do
        e.fill(0, 0, 8 * MB)
        e.fill(5, 0x1ab, size)
        assert.same({ 0, 0xab, 0xab, 0 }, { byte_at(4), byte_at(5), byte_at(4 + size),
          byte_at(5 + size) })
        assert.equal(("\xab"):rep(size), m:read(5, size))
        -- numbers that tell where they were, moved both ways by less than a piece
        local words = {}
        for n = 0, size // 4 - 1, 1000 do words[n] = n * 2654435761 & 0xffffffff end
        for from, to in pairs { [0] = 12, [MB // 2] = 0, [4 * MB] = 0 } do
          for n, word in pairs(words) do m:write(from + 4 * n, ("<I4"):pack(word)) end
          e.copy(to, from, size // 4 * 4)
          for n, word in pairs(words) do assert(m:u32(to + 4 * n) == word) end
        end
      end
      local value = {}
      local a, b, c = e.tables(value)
      assert(a == value and b == nil and c == value)
      assert.equal(1 + 70 + 900, e.arrays())
    end
  end)

  it("is ended by an interrupt, with what it has done", function()
    local inst
    inst = assert(wasm.run([[(module (import "e" "host" (func $host))
      (memory (export "memory") 16384)
      (func (export "f") (call $host)
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x40000000))))]],
      { e = { host = function() inst:interrupt() end } }))
    local ok, err = pcall(inst.exports.f)
    assert.is_false(ok)
    assert.equal("interrupt", err.kind)
  end)

  it("is finished first where the call yields at its limit", function()
    local inst = assert(wasm.run([[(module (memory (export "memory") 4096)
      (func (export "f") (param $n i32)
        (loop (memory.fill (i32.const 0) (local.get $n) (i32.const 0x10000000))
          (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))))]], nil,
      { cpu_timeout = 0.002, on_limit = "yield" }))
    local co, n = coroutine.create(inst.exports.f), 0
    local ok, value = coroutine.resume(co, 20)
    while coroutine.status(co) ~= "dead" do
      assert(ok and value == "timeout", tostring(value))
      n = n + 1
      -- a whole memory is of one kind: no fill is cut in two
      assert.equal(inst.memory:u8(0), inst.memory:u8(0x0fffffff))
      ok, value = coroutine.resume(co)
    end
    assert(ok, tostring(value))
    assert.truthy(n >= 1)
    assert.equal(1, inst.memory:u8(0x0fffffff))
  end)

  it("of WASI is finished first, too, and random bytes are all there", function()
    local g = wasi.guest { dirs = { ["/"] = { big = "" } }, random = 7, stdout = "buffer" }
    local mod = assert(wasm.compile(wasi.text("wasi_snapshot_preview1",
      '(memory (export "memory") 2048)')))
    local w = assert(wasm.wasi { dirs = { ["/"] = {} }, random = 7 })
    local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = w },
      { cpu_timeout = 0.001, on_limit = "yield" }))
    local function slices(f, ...)
      local co = coroutine.create(f)
      local ok, value = coroutine.resume(co, ...)
      while coroutine.status(co) ~= "dead" do
        assert(ok and value == "timeout", tostring(value))
        ok, value = coroutine.resume(co)
      end
      assert(ok, tostring(value))
      return value
    end
    assert.equal(0, slices(inst.exports.random_get, 65536, 100 << 20))
    assert.not_equal(0, inst.memory:i64(65536 + (100 << 20) - 8))
    inst.memory:write(100, "f")
    assert.equal(0, slices(inst.exports.path_open, 3, 0, 100, 1, 1, wasi.RIGHTS_FILE, 0, 0, 8))
    inst.memory:write(16, ("<I4I4"):pack(65536, 100 << 20))
    assert.equal(0, slices(inst.exports.fd_write, inst.memory:u32(8), 16, 1, 24))
    assert.equal(100 << 20, inst.memory:u32(24))
    assert.equal(inst.memory:read(65536, 100 << 20), w:tree("/").f)
    g.w:close()
  end)
end)

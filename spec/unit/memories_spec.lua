--- Several memories, memories and tables with 64-bit addresses, pages of one byte.
local wasm = require "wasm"

local function instance(source, imports, options)
  return assert(assert(wasm.compile(source, options)):instantiate(imports))
end

local function trap(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err.trap
end

for _, bounds in ipairs { "guard", "explicit" } do
  describe("memories, " .. bounds, function()
    it("may be several", function()
      local inst = instance([[(module
        (memory $a (export "a") 1) (memory $b (export "b") 1 3) (memory $c 1)
        (data (memory $b) (i32.const 8) "second")
        (func (export "copy") (memory.copy $a $b (i32.const 0) (i32.const 8) (i32.const 6)))
        (func (export "sum") (param i32) (result i32)
          (i32.store $c (local.get 0) (i32.const 100))
          (i32.add (i32.load8_u $a (local.get 0))
            (i32.add (i32.load8_u $b (local.get 0)) (i32.load $c (local.get 0)))))
        (func (export "grow") (result i32 i32 i32)
          (memory.grow $b (i32.const 2)) (memory.size $b) (memory.size $a)))]], nil,
        { bounds = bounds })
      inst.exports.copy()
      assert.equal("second", inst.exports.a:read(0, 6))
      assert.equal(100 + ("d"):byte(), inst.exports.sum(5))
      assert.same({ 1, 3, 1 }, { inst.exports.grow() })
      assert.equal("out of bounds memory access", trap(inst.exports.sum, 65536))
      assert.equal("out of bounds memory access", trap(inst.exports.sum, -1))
      assert.is_nil((inst.exports.b:grow(1)))
      local moment = assert(inst:snapshot())
      inst.exports.a:write(0, "      ")
      inst.exports.b:write(8, "      ")
      assert(inst:restore(moment))
      assert.equal("second", inst.exports.a:read(0, 6))
      assert.equal("second", inst.exports.b:read(8, 6))
    end)

    it("may have 64-bit addresses", function()
      local inst = instance([[(module
        (memory (export "memory") i64 1 5)
        (data (i64.const 100) "text")
        (func (export "load") (param i64) (result i32) (i32.load8_u (local.get 0)))
        (func (export "far") (param i64) (result i32)
          (i32.load8_u offset=0x7fffffff (local.get 0)))
        (func (export "farther") (param i64) (result i32)
          (i32.load8_u offset=0xffffffffffffffff (local.get 0)))
        (func (export "offset") (param i64) (result i64)
          (i64.load offset=65528 (local.get 0)))
        (func (export "grow") (param i64) (result i64 i64)
          (memory.grow (local.get 0)) (memory.size)))]], nil, { bounds = bounds })
      local e = inst.exports
      assert.equal(("t"):byte(), e.load(100))
      assert.equal(0, e.load(65535))
      local outside = "out of bounds memory access"
      for _, at in ipairs { 65536, 1 << 31, 1 << 32, 1 << 47, math.mininteger, -1 } do
        assert.equal(outside, trap(e.load, at))
        assert.equal(outside, trap(e.far, at))
        assert.equal(outside, trap(e.offset, at))
      end
      assert.equal(outside, trap(e.far, 0))
      assert.equal(outside, trap(e.farther, 0))
      assert.equal(outside, trap(e.farther, 101)) -- 100, were it to wrap around
      assert.equal(0, e.offset(0))
      assert.equal(outside, trap(e.offset, 1))
      assert.same({ 1, 3 }, { e.grow(2) })
      assert.same({ -1, 3 }, { e.grow(3) })
      assert.same({ -1, 3 }, { e.grow(-1) })
      assert.equal("text", inst.memory:read(100, 4))
      local moment = assert(inst:snapshot())
      inst.memory:write(100, "TEXT")
      assert(inst:restore(moment))
      assert.equal("text", inst.memory:read(100, 4))
      assert.equal("explicit", inst:stats().bounds)
    end)

    it("may have pages of one byte, exact to the byte", function()
      local inst = instance([[(module
        (memory (export "memory") 5 70000 (pagesize 1))
        (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0)))
        (func (export "get4") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "off") (param i32) (result i32) (i32.load8_u offset=4 (local.get 0)))
        (func (export "grow") (param i32) (result i32 i32)
          (memory.grow (local.get 0)) (memory.size)))]], nil, { bounds = bounds })
      local e, outside = inst.exports, "out of bounds memory access"
      assert.equal(0, e.get(4))
      assert.equal(outside, trap(e.get, 5))
      assert.equal(0, e.get4(1))
      assert.equal(outside, trap(e.get4, 2))
      assert.equal(0, e.off(0))
      assert.equal(outside, trap(e.off, 1))
      inst.memory:write(0, "12345")
      assert.is_false(pcall(inst.memory.write, inst.memory, 1, "12345"))
      assert.same({ 5, 69999 }, { e.grow(69994) })
      assert.equal("12345", inst.memory:read(0, 5))
      assert.equal(0, e.get(69998))
      assert.equal(outside, trap(e.get, 69999))
      assert.same({ 69999, 70000 }, { e.grow(1) })
      assert.same({ -1, 70000 }, { e.grow(1) })
      assert.equal(70000, inst.memory:pages())
      local snap, err = inst:snapshot()
      assert.is_nil(snap)
      assert.equal("unsupported", err.kind)
    end)
  end)
end

describe("memories and tables of Lua", function()
  it("are linked by width and page size", function()
    local source = [[(module (import "e" "m" (memory i64 1)) (import "e" "t" (table i64 2 funcref))
      (func (export "get") (param i64) (result i64) (i64.load (local.get 0)))
      (func (export "size") (result i64) (table.size 0))
      (func (export "grow") (param i64) (result i64) (table.grow 0 (ref.null func) (local.get 0)))
      (func (export "call") (param i64) (call_indirect (local.get 0))))]]
    local m = wasm.memory { min = 1, index = "i64" }
    local t = wasm.table { "funcref", min = 2, max = 4, index = "i64" }
    local inst = instance(source, { e = { m = m, t = t } })
    m:i64(8, -5)
    assert.equal(-5, inst.exports.get(8))
    assert.equal(2, inst.exports.size())
    assert.equal(2, inst.exports.grow(2))
    assert.equal(-1, inst.exports.grow(1))
    assert.equal(-1, inst.exports.grow(-1))
    assert.equal("undefined element", trap(inst.exports.call, 1 << 32))
    assert.equal("uninitialized element", trap(inst.exports.call, 0))
    for _, wrong in ipairs { wasm.memory { min = 1 }, wasm.memory { min = 1, page_size = 1 } } do
      local bad, err = wasm.compile(source):instantiate { e = { m = wrong, t = t } }
      assert.is_nil(bad)
      assert.truthy(err.message:find("incompatible import type", 1, true))
    end
    assert.is_false(pcall(wasm.memory, { page_size = 2 }))
    assert.is_nil((wasm.memory { min = 1 << 31, index = "i64" })) -- no machine has so much
  end)

  it("are what a cached module with 64-bit addresses finds again", function()
    local dir = os.tmpname()
    os.remove(dir)
    finally(function() os.execute("rm -rf '" .. dir .. "'") end)
    local source = [[(module (memory i64 1) (func (export "f") (param i64) (result i32)
      (i32.load (local.get 0))))]]
    for round = 1, 2 do
      local cache = assert(wasm.cache { dir = dir, memory_bytes = 0 })
      local inst = assert(assert(wasm.compile(source, { cache = cache })):instantiate())
      assert.equal(0, inst.exports.f(65532))
      assert.equal("out of bounds memory access", trap(inst.exports.f, 65533))
      assert.equal(round - 1, cache:stats().disk_hits)
      cache:close()
      inst:close("force")
      collectgarbage()
      collectgarbage()
    end
  end)
end)

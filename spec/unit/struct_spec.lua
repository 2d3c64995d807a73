--- wasm.struct: names for the fields of C structs in a memory.
local wasm = require "wasm"

local function fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(pattern, 1, true), tostring(err))
  return err
end

describe("wasm.struct", function()
  local memory

  before_each(function() memory = assert(wasm.memory { min = 1 }) end)

  it("lays fields out as C does", function()
    local V = wasm.struct "f32 x, y, z; u8 flags; u32 id"
    assert.same({ x = 0, y = 4, z = 8, flags = 12, id = 16 }, V.offsets)
    assert.equal(20, V.size)
    assert.equal(4, V.align)
    local mixed = wasm.struct "u8 a; f64 b; i16 c; bool d; char e[3]; ptr f; u64 g; i8 h"
    assert.same({ a = 0, b = 8, c = 16, d = 18, e = 19, f = 24, g = 32, h = 40 }, mixed.offsets)
    assert.equal(48, mixed.size)
    assert.equal(8, mixed.align)
    local nested = wasm.struct("u8 n; V v[2]; u8 m", { V = V })
    assert.same({ n = 0, v = 4, m = 44 }, nested.offsets)
    assert.equal(48, nested.size)
  end)

  it("reads and writes every type where it lies", function()
    local V = wasm.struct [[u8 a; i8 b; u16 c; i16 d; u32 e; i32 f; i64 g; u64 h;
      f32 i; f64 j; bool k; ptr l;]]
    local v = V(memory, 100)
    local values = { a = 255, b = -128, c = 65535, d = -32768, e = 0xffffffff, f = -1,
      g = math.mininteger, h = -1, i = 0.5, j = 0.1, k = true, l = 0x10000 }
    for name, value in pairs(values) do v[name] = value end
    for name, value in pairs(values) do assert.equal(value, v[name], name) end
    local o = V.offsets
    assert.equal(string.pack("<BbHhxxI4i4", 255, -128, 65535, -32768, 0xffffffff, -1),
      memory:read(100, 16))
    assert.equal(-1, memory:i64(100 + o.h))
    assert.equal(0.1, memory:f64(100 + o.j))
    assert.equal(1, memory:u8(100 + o.k))
    v.k = false
    assert.equal(0, memory:u8(100 + o.k))
    memory:u16(100 + o.c, 7)
    assert.equal(7, v.c)
  end)

  it("has texts, arrays of numbers and other structs as fields", function()
    local P = wasm.struct "i16 x, y"
    local V = wasm.struct("char name[8]; f32 m[3]; P at; P path[2]; char c", { P = P })
    local v = V(memory, 64, { name = "ogre", m = { 1, 2, 3 }, at = { x = 5 },
      path = { { x = 1, y = 2 }, { y = 4 } }, c = "!" })
    assert.equal("ogre\0\0\0\0", memory:read(64, 8))
    assert.equal("ogre", v.name)
    v.name = "12345678"
    assert.equal("12345678", v.name)
    v.name = ""
    assert.equal("", v.name)
    assert.equal("!", v.c)
    assert.equal(3, #v.m)
    v.m[2] = 9
    assert.equal(9.0, memory:f32(64 + V.offsets.m + 4))
    assert.equal(5, v.at.x)
    v.at.y = -7
    assert.equal(-7, memory:i16(64 + V.offsets.at + 2))
    assert.equal(4, v.path[2].y)
    assert.equal(2, #v.path)
    assert.is_nil(v.path[3])
    v.at = v.path[2]
    assert.equal(4, v.at.y)
    assert.equal(0, v.at.x)
  end)

  it("makes arrays", function()
    local V = wasm.struct "u8 kind; u32 id"
    local all = V[10](memory, 8)
    assert.equal(80, V[10].size)
    assert.equal(10, #all)
    for k = 1, 10 do all[k].id = k * k end
    assert.equal(100, memory:u32(8 + 9 * 8 + 4))
    local n = 0
    for k, v in ipairs(all) do
      assert.equal(k * k, v.id)
      n = n + 1
    end
    assert.equal(10, n)
    all[3] = { kind = 4 }
    assert.equal(4, all[3].kind)
    assert.equal(9, all[3].id)
    assert.is_nil(all[0])
    assert.is_nil(all[11])
    assert.is_nil(all.id)
  end)

  it("lists its fields in order, and shows them", function()
    local v = wasm.struct "f32 x; u8 n; char s[4]"(memory, 0, { x = 1.5, n = 2, s = "a\n" })
    local names = {}
    for name, value in pairs(v) do names[#names + 1] = name .. "=" .. tostring(value) end
    assert.same({ "x=1.5", "n=2", "s=a\n" }, names)
    assert.equal('{ x = 1.5, n = 2, s = "a\\\n" }', tostring(v))
  end)

  it("shows its layout", function()
    assert.equal("wasm.struct: 8 bytes: a at 0, b at 4", tostring(wasm.struct "u8 a; f32 b"))
  end)

  it("refuses declarations that are none", function()
    fails("string expected, got nil", wasm.struct)
    fails("table expected, got string", wasm.struct, "u8 a", "u8 b")
    fails("no field", wasm.struct, " ; ")
    fails("unknown type 'int'", wasm.struct, "int x")
    fails("a type expected", wasm.struct, "u8 a; 5 b")
    fails("a name expected behind 'u8'", wasm.struct, "u8")
    fails("a name expected behind 'u8'", wasm.struct, "u8 a,")
    fails("a name expected behind 'u8'", wasm.struct, "u8 a[x]")
    fails("two fields 'a'", wasm.struct, "u8 a; u16 a")
    fails("the length of 'a' is out of range", wasm.struct, "u8 a[0]")
    fails("the length of 'a' is out of range", wasm.struct, "u8 a[99999999999999999999]")
    fails("more than 2 GiB", wasm.struct, "f64 a[2147483648]")
    fails("'V': a wasm.struct expected", wasm.struct, "V v", { V = {} })
  end)

  it("refuses places that are none", function()
    local V = wasm.struct "u32 a, b"
    fails("wasm.memory expected, got nil", V)
    fails("integer expected, got string", V, memory, "8")
    fails("integer expected, got float", V, memory, 8.5)
    fails("out of bounds memory access: 8 bytes at 65529, the memory has 65536", V, memory, 65529)
    fails("out of bounds", V, memory, -1)
    fails("out of bounds", V, memory, math.maxinteger)
    fails("out of bounds", V[8193], memory, 0)
    assert(V[8192](memory, 0))
    fails("an array of 0 structs is out of range", function() return V[0] end)
    fails("is out of range", function() return V[1 << 40] end)
    fails("never changes", function() V.size = 1 end)
    fails("wasm.memory expected", V, wasm.global("i32", 1), 0)
  end)

  it("tells a wrong value by its field, at the caller's place", function()
    local V = wasm.struct "u8 a; f32 b[2]; char c[2]"
    local v = V(memory, 0)
    local err = fails("field 'a': number expected, got string", function() v.a = "x" end)
    assert.truthy(err:find("^[%w_./]*struct_spec.lua:%d+: "), err)
    fails("field 'a': ", function() v.a = 256 end)
    fails("field 'a': ", function() v.a = 1.5 end)
    fails("field 'b': table expected, got number", function() v.b = 1 end)
    fails("field 'b': at most 2 values, got 3", function() v.b = { 1, 2, 3 } end)
    fails("field 'c': at most 2 bytes, got 3", function() v.c = "abc" end)
    fails("field 'c': string expected, got number", function() v.c = 1 end)
    fails("no field 'd'", function() v.d = 1 end)
    fails("no field 'd'", function() return v.d end)
    fails("no field 'z'", V, memory, 0, { z = 1 })
    fails("a table of fields expected, got number", V, memory, 0, 5)
    fails("index 3 is outside of the array (1 to 2)", function() V[2](memory, 0)[3] = {} end)
  end)

  it("is closed with its memory", function()
    local v = wasm.struct "u8 a; f32 b[2]"(memory, 0)
    memory:close()
    for _, f in ipairs { function() return v.a end, function() v.a = 1 end,
      function() return v.b end } do
      local ok, err = pcall(f)
      assert.is_false(ok)
      assert.equal("closed", err.kind)
    end
  end)
end)

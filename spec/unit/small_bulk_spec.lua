--- memory.copy and memory.fill of few bytes, which machine code does without calling C: every
-- length around its limit, overlapping and not, to the last byte of the memory and beyond.
local wasm = require "wasm"

local MOST = 132 -- a little more than what is done without a call
local PAGE = 65536

local function instance(index, bounds)
  return assert(assert(wasm.compile(([[(module (memory (export "m") %s 1 3)
    (func (export "copy") (param T T T)
      (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "fill") (param T i32 T)
      (memory.fill (local.get 0) (local.get 1) (local.get 2))))]])
    :gsub("T", index):format(index), { bounds = bounds, cache = false })):instantiate())
end

local function pattern(size, seed)
  local bytes = {}
  for i = 1, size do
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    bytes[i] = string.char(seed >> 16 & 0xff)
  end
  return table.concat(bytes)
end

--- `s` with `bytes` at offset `at`.
local function with(s, at, bytes)
  return s:sub(1, at) .. bytes .. s:sub(at + #bytes + 1)
end

for _, index in ipairs { "i32", "i64" } do
  for _, bounds in ipairs { "guard", "explicit" } do
    describe(("few bytes, %s, %s"):format(index, bounds), function()
      it("are copied as if all were read first", function()
        local exports = instance(index, bounds).exports
        local before = pattern(512, 7)
        for n = 0, MOST do
          for _, apart in ipairs { 0, 1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 100, 127, 180 } do
            for _, to in ipairs { 190 + apart, 190 - apart } do
              exports.m:write(0, before)
              exports.copy(to, 190, n)
              assert.equal(with(before, to, before:sub(191, 190 + n)), exports.m:read(0, 512))
            end
          end
        end
      end)

      it("are filled, none beside them", function()
        local exports = instance(index, bounds).exports
        local before = pattern(512, 9)
        for n = 0, MOST do
          exports.m:write(0, before)
          exports.fill(100 + n % 16, 0x1234 + n, n)
          assert.equal(with(before, 100 + n % 16, string.char(0x34 + n & 0xff):rep(n)),
            exports.m:read(0, 512))
        end
      end)

      it("may be the last ones, of a grown memory, too; beyond, nothing is done", function()
        local exports = instance(index, bounds).exports
        for pages = 1, 2 do
          local size = pages * PAGE
          exports.m:write(size - 300, pattern(300, 11))
          local before = exports.m:read(size - 300, 300)
          for n = 0, MOST do
            exports.copy(size - n, size - 300, n)
            assert.equal(before:sub(1, n), exports.m:read(size - n, n))
            exports.copy(size - 300, size - n, n)
            exports.fill(size - n, n, n)
            assert.equal(string.char(n):rep(n), exports.m:read(size - n, n))
            exports.m:write(size - 300, before)
            for _, call in ipairs {
              function() exports.copy(size - n + 1, 0, n) end,
              function() exports.copy(0, size - n + 1, n) end,
              function() exports.fill(size - n + 1, 1, n) end,
              function() exports.copy(-1, 0, n) end,
              function() exports.copy(0, -1, n) end,
              function() exports.fill(-1, 0, n) end,
            } do
              local ok, err = pcall(call)
              assert.is_false(ok)
              assert.equal("out of bounds memory access", err.trap)
            end
            assert.equal(before, exports.m:read(size - 300, 300))
          end
          exports.m:grow(1)
        end
      end)
    end)
  end
end

describe("few bytes", function()
  it("are not more than a memory that is smaller", function()
    local exports = assert(assert(wasm.compile [[(module (memory (export "m") 0)
      (func (export "copy") (param i32 i32 i32)
        (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "fill") (param i32 i32 i32)
        (memory.fill (local.get 0) (local.get 1) (local.get 2))))]]):instantiate()).exports
    exports.copy(0, 0, 0)
    exports.fill(0, 1, 0)
    for n = 1, 20 do
      assert.is_false(pcall(exports.copy, 0, 0, n))
      assert.is_false(pcall(exports.fill, 0, 0, n))
      assert.is_false(pcall(exports.copy, 0, -n, n))
    end
  end)

  it("go from one memory to another", function()
    local exports = assert(assert(wasm.compile [[(module (memory (export "a") 1)
      (memory (export "b") 1)
      (func (export "there") (param i32 i32 i32)
        (memory.copy 1 0 (local.get 0) (local.get 1) (local.get 2)))
      (func (export "back") (param i32 i32 i32)
        (memory.copy 0 1 (local.get 0) (local.get 1) (local.get 2)))
      (func (export "fill") (param i32 i32 i32)
        (memory.fill 1 (local.get 0) (local.get 1) (local.get 2))))]]):instantiate()).exports
    exports.a:write(10, "twelve bytes")
    exports.there(100, 10, 12)
    assert.equal("twelve bytes", exports.b:read(100, 12))
    exports.fill(103, ("x"):byte(), 6)
    assert.equal("twexxxxxxtes", exports.b:read(100, 12))
    exports.back(10, 100, 12)
    assert.equal("twexxxxxxtes", exports.a:read(10, 12))
    assert.equal(("\0"):rep(12), exports.a:read(100, 12))
  end)
end)

--- Functions made to hurt a compiler: work stays in proportion to their size, and what they do is
-- the same at every effort. Time is reported, not asserted; memory is.
local bytes = require "spec.support.bytes"
local core = require "wasm.core"
local wasm = require "wasm"

local u, vec, section = bytes.u, bytes.vec, bytes.section
-- Bytes of compile memory for each byte of the function. Builds with assertions take up to a fifth
-- more, for their checks.
local MOST = core.pass_limit and 120 or 100
local BASE = 64 << 10 -- what any function may take
local I32, EMPTY = "\x7f", "\x40"

local function get(x) return "\x20" .. u(x) end
local function set(x) return "\x21" .. u(x) end
local function i32(n) -- signed LEB128 of a small number
  return "\x41" .. (n < 64 and string.char(n) or string.char(n & 0x7f | 0x80) .. i32(n >> 7):sub(2))
end
local ADD, SUB, MUL, XOR, AND = "\x6a", "\x6b", "\x6c", "\x73", "\x71"
local END = "\x0b"

--- A module with one function of i32 to i32, exported as "f", its code and its locals; more types
--- and functions go before it.
local function module_of(code, nlocals, types, functions, bodies, tags)
  types, functions, bodies = types or {}, functions or {}, bodies or {}
  local all = { "\x60\1\x7f\1\x7f", table.unpack(types) }
  local funcs = { table.unpack(functions) }
  funcs[#funcs + 1] = "\0"
  local code_of = { table.unpack(bodies) }
  code_of[#code_of + 1] =
    bytes.body(code, nlocals and vec { u(nlocals) .. I32 } or nil)
  return bytes.module(section(1, vec(all)), section(3, vec(funcs)),
    tags and section(13, vec(tags)) or "",
    section(7, vec { bytes.name "f" .. "\0" .. u(#funcs - 1) }),
    section(10, vec(code_of))), #code
end

local shapes = {}

shapes["a straight line"] = function(n)
  local step = get(0) .. i32(7) .. MUL .. get(0) .. XOR .. set(0)
  return module_of(step:rep(n // 5) .. get(0)), n
end

shapes["locals that are all alive"] = function(n)
  local parts, last = {}, {}
  for x = 1, n do
    parts[x] = get(x - 1) .. i32(3) .. MUL .. get(0) .. ADD .. set(x)
    last[x] = get(x) .. XOR
  end
  return module_of(table.concat(parts) .. get(0) .. table.concat(last), n), 7 * n
end

shapes["locals that are alive around a loop"] = function(n)
  local parts, last = { i32(9) .. set(1) }, {}
  for x = 2, n do
    parts[x] = get(0) .. i32(x & 63) .. ADD .. set(x)
    last[x - 1] = get(x) .. XOR
  end
  local loop = "\x03" .. EMPTY .. get(2) .. get(1) .. XOR .. set(2)
    .. get(1) .. i32(1) .. SUB .. "\x22\1" .. "\x0d\0" .. END
  return module_of(table.concat(parts) .. loop .. get(0) .. table.concat(last), n), 6 * n
end

shapes["nested blocks"] = function(n)
  local parts = { ("\x02" .. EMPTY):rep(n) }
  for k = 1, n do
    parts[#parts + 1] = get(0) .. i32(k & 31) .. AND .. "\x0d" .. u((k * 7) % (n - k + 1))
      .. get(0) .. i32(3) .. ADD .. set(0) .. END
  end
  return module_of(table.concat(parts) .. get(0)), 9 * n
end

shapes["a br_table of many cases"] = function(n)
  local depth = 200
  local labels = {}
  for k = 1, n do labels[k] = u(k % depth) end
  local code = ("\x02" .. EMPTY):rep(depth) .. get(0) .. "\x0e" .. vec(labels) .. u(0) .. END
  for _ = 2, depth do code = code .. get(0) .. i32(5) .. ADD .. set(0) .. END end
  return module_of(code .. get(0)), n
end

shapes["loops, two by two"] = function(n)
  local inner = "\x03" .. EMPTY .. get(0) .. i32(5) .. MUL .. get(2) .. ADD .. set(0)
    .. get(2) .. i32(1) .. SUB .. "\x22\2" .. "\x0d\0" .. END
  local pair = i32(2) .. set(1) .. "\x03" .. EMPTY .. i32(2) .. set(2) .. inner
    .. get(1) .. i32(1) .. SUB .. "\x22\1" .. "\x0d\0" .. END
  return module_of(pair:rep(n) .. get(0), 2), 20 * n
end

shapes["loops in loops"] = function(n) -- each level goes round once more where bit 0 is set
  local open, close = {}, {}
  for k = 1, n do
    open[k] = "\x03" .. EMPTY .. get(0) .. i32(1) .. ADD .. set(0)
    close[k] = get(1) .. i32(1) .. SUB .. "\x22\1" .. i32(0) .. "\x4a\x0d\0" .. END
  end
  local code = i32(5) .. set(1) .. table.concat(open) .. table.concat(close) .. get(0)
  return module_of(code, 1), 11 * n
end

shapes["calls with 1,000 arguments"] = function(n)
  local many = u(1000) .. I32:rep(1000)
  local arguments = {}
  for k = 1, 1000 do arguments[k] = k % 3 == 0 and get(0) or i32(k & 63) end
  local sum = {}
  for k = 1, 999 do sum[k] = get(k) .. XOR end
  local call = table.concat(arguments) .. "\x10\0" .. set(0)
  return module_of(call:rep(n) .. get(0), nil, { "\x60" .. many .. "\1\x7f" }, { "\1" },
    { bytes.body(get(0) .. table.concat(sum)) }), 1001 * n
end

shapes["loops entered from handlers"] = function(n) -- as irreducible as try_table can look
  local parts = { i32(3) .. set(1) .. "\x03" .. EMPTY } -- loop $l
  for _ = 1, n do
    parts[#parts + 1] = "\x02" .. EMPTY -- block $h: what is thrown goes behind it
      .. "\x1f" .. EMPTY .. "\1\0\0\0" .. get(0) .. i32(3) .. AND .. "\x04" .. EMPTY
      .. "\x08\0" .. END .. get(0) .. i32(7) .. ADD .. set(0) .. END .. END
      .. get(0) .. i32(1) .. ADD .. set(0)
  end
  parts[#parts + 1] = get(1) .. i32(1) .. SUB .. "\x22\1" .. "\x0d\0" .. END .. get(0)
  return module_of(table.concat(parts), 1, { "\x60\0\0" }, nil, nil, { "\0\1" }), 19 * n
end

shapes["calls of nothing"] = function(n) -- which can be inlined
  return module_of(("\x10\0"):rep(n) .. get(0), nil, { "\x60\0\0" }, { "\1" }, { bytes.body "" }), n
end

local SIZES = {
  ["calls of nothing"] = 100000,
  ["a straight line"] = 600000,
  ["locals that are all alive"] = 10000,
  ["locals that are alive around a loop"] = 10000,
  ["nested blocks"] = 5000,
  ["a br_table of many cases"] = 50000,
  ["loops, two by two"] = 1000,
  ["loops in loops"] = 900,
  ["calls with 1,000 arguments"] = 100,
  ["loops entered from handlers"] = 2000,
}

describe("a function made to hurt", function()
  local names = {}
  for name in pairs(shapes) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("compiles in proportion to its size and does the same: " .. name, function()
      local results = {}
      for _, bounds in ipairs { "guard", "explicit" } do
        for effort = 0, 1 do
          local source, operators = shapes[name](SIZES[name])
          local started = os.clock()
          local mod = assert(wasm.compile(source,
            { effort = effort, bounds = bounds, cache = false, eager = true }))
          local seconds = os.clock() - started
          local info = mod:info()
          if bounds == "guard" then
            print(("hurt: %-36s effort %d %5.2f us an operator, %3d bytes a byte, code %.1f")
              :format(name, effort, seconds * 1e6 / operators,
                info.peak_scratch // info.largest_body, info.code_bytes / info.wasm_bytes))
          end
          local most = MOST * info.largest_body + BASE
          assert.truthy(info.peak_scratch <= most,
            ("%d bytes for a body of %d"):format(info.peak_scratch, info.largest_body))
          local f = assert(mod:instantiate()).exports.f
          local got = {}
          for _, x in ipairs { 0, 1, 7, 12345, -9 } do got[#got + 1] = f(x) end
          results[#results + 1] = table.concat(got, " ")
          mod:close()
        end
      end
      for k = 2, #results do assert.equal(results[1], results[k]) end
    end)
  end
end)

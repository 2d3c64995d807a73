--- The checker of register allocation: it accepts what is right, in whatever way it was
--- allocated, and finds each of many kinds of damage wherever that can be done.
local wasm = require "wasm"

local BUILD = os.getenv("BUILD") or "build/test"

local THROWING = [[(module
  (tag $e (param i32 i64))
  (func $may (param i32) (result i32 i64)
    (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 1) (i64.const 2))))
    (i32.const 5) (i64.const 7))
  (func (param i32 i64) (result i64) (local i64 i32)
    (local.set 2 (i64.mul (local.get 1) (local.get 1)))
    (block (result i32 i64)
      (try_table (result i32 i64) (catch $e 0) (call $may (local.get 0))))
    (local.set 1) (local.set 3)
    (i64.add (i64.extend_i32_u (local.get 3))
      (i64.sub (i64.mul (local.get 1) (local.get 2)) (local.get 2)))))]]

local MIXED = [[(module (memory 1)
  (type $f (func (param i32 i64 f32) (result i64)))
  (table 4 funcref)
  (func (param i32 i64 f32) (result i64)
    (return_call_indirect (type $f)
      (i32.add (local.get 0) (i32.const 1)) (local.get 1) (local.get 2) (local.get 0)))
  (func (param i32 i32 i64) (result i64)
    (i64.add
      (i64.shl (local.get 2) (i64.rotl (local.get 2) (i64.extend_i32_u (local.get 1))))
      (i64.add (i64.rem_s (local.get 2) (i64.extend_i32_s (local.get 0)))
        (i64.atomic.rmw8.xor_u (local.get 0) (local.get 2)))))
  (func (param f64 f64 i32) (result f64 i32)
    (f64.copysign (f64.max (local.get 0) (local.get 1))
      (select (local.get 0) (local.get 1) (f64.lt (local.get 0) (local.get 1))))
    (i32.atomic.rmw16.cmpxchg_u (local.get 2) (local.get 2) (i32.trunc_sat_f64_u (local.get 1))))
  (func (param i32 i32) (result i32) (local i32 i32)
    (loop $l (result i32)
      (local.set 2 (i32.add (local.get 2) (local.get 1)))
      (local.set 3 (i32.xor (local.get 3) (local.get 2)))
      (local.set 1 (local.get 2)) (local.set 2 (local.get 3))
      (block $b (block $a
        (br_table $a $b $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
        (return (local.get 2)))
      (i32.add (local.get 0) (i32.mul (local.get 3) (local.get 2))))))]]

local GOLDENS = {
  "ra_call", "ra_condition", "ra_divide", "ra_loop", "ra_many_arguments", "ra_many_results",
  "ra_pressure", "ra_simd", "ra_two_address", "asm_br_table", "ir_bulk", "asm_simd",
}

local function read(path)
  local f <close> = assert(io.open(path))
  return f:read("a")
end

--- What the program says of the module: lines, and { tried, found } for each way.
local function damage(text, how)
  local path = os.tmpname()
  local f = assert(io.open(path, "wb"))
  f:write((assert(wasm.wat(text))))
  f:close()
  local pipe = assert(io.popen(("%s/spec/ra_damage %s %s 2>&1"):format(BUILD, path, how or "")))
  local ways, lines = {}, {}
  for line in pipe:lines() do
    local way, tried, found = line:match("^(%S+) (%d+) (%d+)$")
    if way then ways[way] = { tried = tonumber(tried), found = tonumber(found) } end
    lines[#lines + 1] = line
  end
  local ended_well = pipe:close()
  os.remove(path)
  return ways, ended_well, table.concat(lines, "\n")
end

describe("the checker of register allocation", function()
  local sum, names, failures = {}, {}, {}
  local texts = { THROWING, MIXED }
  for _, name in ipairs(GOLDENS) do texts[#texts + 1] = read("spec/golden/" .. name .. ".wat") end
  for _, text in ipairs(texts) do
    local ways, ended_well, said = damage(text)
    if not ended_well then failures[#failures + 1] = said end
    for way, n in pairs(ways) do
      local all = sum[way] or { tried = 0, found = 0 }
      if not sum[way] then names[#names + 1] = way end
      sum[way] = { tried = all.tried + n.tried, found = all.found + n.found }
    end
  end
  table.sort(names)

  it("accepts the simple allocator's work", function() assert.same({}, failures) end)

  for _, way in ipairs(names) do
    if way == "slot_in_register" then
      it("accepts registers that calls preserve, across blocks and calls", function()
        assert.is_true(sum[way].tried >= 10)
        assert.equal(0, sum[way].found)
      end)
    else
      it("finds every " .. way:gsub("_", " "), function()
        assert.is_true(sum[way].tried > 0)
        assert.equal(sum[way].tried, sum[way].found)
      end)
    end
  end

  it("knows all ways", function() assert.equal(21, #names) end)

  it("says what is wrong where", function()
    local _, _, said = damage([[(module (func (param i32 i32) (result i32)
      (i32.sub (local.get 0) (local.get 1))))]], "show")
    assert.truthy(said:find("  operand_elsewhere 7: registers of func 0, b0, v2 (SUB): "
      .. "operand 1 is v1 in r13, which holds nothing known", 1, true), said)
    assert.truthy(said:find("  result_elsewhere 2: registers of func 0, b0, v2 (SUB): "
      .. "the result is in rcx", 1, true), said)
  end)
end)

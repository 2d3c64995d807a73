local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"
local assembled = require "spec.support.assembled"

local listing = opcodes.listing()
setup(function() wat.use_ops(listing) end)
teardown(function() wat.use_ops(nil) end)

local code, hex = assembled.code, assembled.hex

-- Immediates of each kind: text and bytes.
local IMMEDIATES = {
  none = { "", "" }, label = { "0", "00" }, labels = { "0 0 0", "020000" .. "00" },
  func = { "$f", "00" }, type = { "$t", "01" }, call_indirect = { "$tab (type $t)", "0101" },
  ["local"] = { "$l", "01" }, global = { "$g", "01" }, table = { "$tab", "01" },
  mem = { "$m", "01" }, i32 = { "-1", "7f" }, i64 = { "-64", "40" }, f32 = { "1", "0000803f" },
  f64 = { "-0", "0000000000000080" }, v128 = { "i32x4 1 2 3 -1",
    "010000000200000003000000ffffffff" }, heap = { "extern", "6f" },
  select_t = { "(result i32) (result i64)", "027f7e" }, data = { "$d", "01" },
  elem = { "$e", "01" }, mem_init = { "$m $d", "0101" }, mem_copy = { "$m 0", "0100" },
  table_init = { "$tab $e", "0101" }, table_copy = { "$tab 0", "0100" }, tag = { "$x", "01" },
  rethrow = { "0", "00" }, field = { "$s $b", "0201" }, type_type = { "$t $s", "0102" },
  array_n = { "$t 200", "01c801" }, array_data = { "$t $d", "0101" },
  array_elem = { "$t $e", "0101" }, br_cast = { "0 (ref null any) (ref $s)", "01006e02" },
  fence = { "", "00" }, lane = { "3", "03" },
  lanes16 = { "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31", "000102030405060708090a0b0c0d0e1f" },
}
for n = 0, 4 do
  IMMEDIATES["m" .. n] = { "offset=200", ("%02xc801"):format(n) }
  IMMEDIATES["l" .. n] = { "offset=200 1", ("%02xc80101"):format(n) }
end

local AROUND = [[
  (import "" "" (func $f)) (type (func)) (type $t (array (mut i8)))
  (type $s (struct (field $a i32) (field $b i64)))
  (import "" "" (table 0 funcref)) (import "" "" (table $tab 0 funcref))
  (import "" "" (memory 0)) (import "" "" (memory $m 0))
  (import "" "" (global i32)) (import "" "" (global $g i32))
  (import "" "" (tag)) (import "" "" (tag $x))
  (elem func) (elem $e func) (data) (data $d)]]

local function wire(op)
  if op < 0x10000 then return ("%02x"):format(op) end
  local n, rest = op & 0xffff, ""
  repeat
    local low = n & 0x7f
    n = n >> 7
    rest = rest .. ("%02x"):format(n > 0 and low | 0x80 or low)
  until n == 0
  return ("%02x"):format(op >> 16) .. rest
end

describe("every operator", function()
  local structural = { block = true, try_table = true, catch = true, delegate = true, cast = true }
  local words = { ["else"] = true, ["end"] = true, catch_all = true }
  local checked = 0
  for _, op in ipairs(listing) do
    local imm = op.imm:lower()
    if not structural[imm] and not words[op.text] then
      checked = checked + 1
      local sample = IMMEDIATES[imm]
      it(op.text .. " (" .. imm .. ") is encoded as the table says", function()
        assert.truthy(sample, "no sample for " .. imm)
        local text = "(param i32) (local $l i64) " .. op.text .. " " .. sample[1]
        local body = assembled.body(("(module %s (func %s))"):format(AROUND, text))
        assert.equal("01017e" .. wire(op.code) .. sample[2], body)
      end)
    end
  end
  assert(checked > 500, "the table is too short")
end)

describe("unfolded and folded code", function()
  for _, case in ipairs {
    { "a folded operand", "(i32.add (i32.const 1) (i32.const 2))", "410141026a" },
    { "a half-folded operand", "i32.const 1 (i32.add (i32.const 2))", "410141026a" },
    { "a block", "block nop end", "0240010b" },
    { "a folded block", "(block nop (nop))", "024001010b" },
    { "a block with a result", "(block (result i32) i32.const 0)", "027f41000b" },
    { "a loop", "(loop $l (br $l))", "03400c000b" },
    { "an if", "(if (i32.const 1) (then nop))", "41010440010b" },
    { "an if with else", "(if (i32.const 1) (then nop) (else unreachable))",
      "4101044001" .. "05000b" },
    { "an if with an empty else, which it drops", "(if (i32.const 1) (then) (else))",
      "410104400b" },
    { "an if with several operands", "(if (i32.const 1) (drop (i32.const 2)) (then))",
      "410141021a" .. "04400b" },
    { "an unfolded if", "i32.const 1 if nop else drop end", "4101044001051a0b" },
    { "an unfolded if with an empty else", "i32.const 1 if nop else end", "41010440010b" },
    { "labels that shadow", "(block $l (block $l (br $l)) (br $l))", "024002400c000b0c000b" },
    { "labels by number", "(block (br 0) (br 1))", "02400c000c010b" },
    { "the label of an outer block", "block $a block $b br $a end end", "024002400c010b0b" },
    { "a label that its condition does not see",
      "(block $l (if $l (br_if $l (i32.const 0)) (then (br $l))))",
      "024041000d0004400c000b0b" },
    { "labels repeated after end", "block $a end $a (block $a)", "02400b02400b" },
    { "br_table", "(block $a (br_table 0 $a 1 (i32.const 0)))", "024041000e020000010b" },
    { "select without types", "select", "1b" },
    { "select with types", "(select (result i32) (i32.const 1))", "41011c017f" },
    { "select with no types at all", "select (result)", "1c00" },
    { "a memory argument", "(i32.load offset=8 align=1 (i32.const 0))", "4100280008" },
    { "its natural alignment", "i64.load", "290300" },
    { "an offset of 64 bits", "i32.load offset=0xffff_ffff_ffff_ffff",
      "2802ffffffffffffffffff01" },
    { "a memory by index", "i32.load 1 offset=4", "28420104" },
    { "an alignment of 2^31", "i32.load align=0x80000000", "281f00" },
    { "memory.copy and fill of memory 0", "memory.copy memory.fill", "fc0a0000fc0b00" },
    { "a lane of a load", "v128.load8_lane 1", "fd54000001" },
    { "a lane of a load in another memory", "v128.load8_lane 1 2", "fd5440010002" },
    { "a lane of a load with an offset", "v128.load8_lane offset=1 2", "fd54000102" },
    { "a large constant", "i32.const 0x80000000 i64.const 0x8000000000000000",
      "4180808080784280808080808080808" .. "07f" },
  } do
    it("read " .. case[1], function()
      assert.equal(case[3], code(case[2], "(memory 0)"))
    end)
  end

  it("resolve the labels of catch clauses outside of their block", function()
    assert.equal("0240" .. "1f40" .. "03" .. "000000" .. "0200" .. "0301" .. "0b0b",
      code("(block $a (try_table $b (catch $e $a) (catch_all $a) (catch_all_ref 1)))", "(tag $e)"))
  end)

  it("read the legacy forms of exceptions", function()
    local tag = "(tag $e)"
    assert.equal("0640" .. "01" .. "0700" .. "0900" .. "19" .. "00" .. "0b",
      code("(try $l (do nop) (catch $e (rethrow $l)) (catch_all unreachable))", tag))
    assert.equal("0640" .. "01" .. "0700" .. "0900" .. "19" .. "00" .. "0b",
      code("try $l nop catch $e rethrow $l catch_all unreachable end $l", tag))
    assert.equal("0240" .. "064001" .. "1800" .. "0b",
      code("(block $l (try (do nop) (delegate $l)))"))
    assert.equal("0240" .. "064001" .. "1800" .. "0b", code("block $l try nop delegate $l end"))
    assert.equal("06400b", code("(try (do))"))
  end)

  it("tell casts to nullable types from others", function()
    assert.equal("fb146efb156efb1671fb1600", code(
      "ref.test (ref any) ref.test anyref ref.cast (ref none) ref.cast (ref $t)",
      "(type $t (func))"))
    assert.equal("fb1700fb1803006e6c", code(
      "ref.cast (ref null $t) br_on_cast 0 anyref (ref null i31)", "(type $t (func))"))
  end)
end)

describe("block types", function()
  local TYPES = "(type $v (func)) (type $i (func (param i32) (result i32)))"
  for _, case in ipairs {
    { "(block)", "02400b" },
    { "(block (result))", "02400b" },
    { "(block (param) (result f64))", "027c0b" },
    { "(block (result (ref null $i)))", "0263010b" },
    { "(block (result) (result funcref))", "02700b" },
    { "(block (type $v))", "02000b" },
    { "(block (type $i))", "02010b" },
    { "(block (type $i) (param i32) (result i32))", "02010b" },
    { "(block (param i32) (result i32))", "02010b" },
    { "(block (result i32) (result i32))", "02020b" },
    { "(block $b (param i32 i64))", "02020b" },
    { "block (result i32 i32) end block (result i32) (result i32) end", "02020b02020b" },
  } do
    it("of " .. case[1], function()
      assert.equal(case[2], code(case[1], TYPES))
    end)
  end
end)

describe("deep nesting", function()
  local N = 100000
  for name, forms in pairs {
    ["folded blocks"] = { "(block ", ")" },
    ["unfolded blocks"] = { "block ", "end " },
    ["named blocks"] = { "(block $l ", "(br $l))" },
    ["ifs"] = { "(if (i32.const 0) (then ", "))" },
    ["operands"] = { "(i32.eqz ", ")" },
  } do
    it("of " .. name .. " takes linear time and no stack", function()
      local start = os.clock()
      local text = "(func " .. forms[1]:rep(N) .. forms[2]:rep(N) .. ")"
      local bytes, err = wat.assemble(text)
      assert.truthy(bytes, err and err.message)
      assert.is_true(os.clock() - start < 5)
    end)
  end

  it("of labels resolves each of them", function()
    local text = {}
    for k = 1, 300 do text[k] = "(block $l" .. k .. " " end
    local body = code(table.concat(text) .. "(br $l1) (br $l300)" .. (")"):rep(300))
    assert.truthy(body:find("0cab020c00", 1, true))
  end)

  it("that never closes is refused", function()
    assert.equal("unexpected token", (assembled.refusal("(func " .. ("(block "):rep(N))))
  end)
end)

describe("locals", function()
  for _, case in ipairs {
    { "", "00" },
    { "(local)", "00" },
    { "(local i32 i32 i64)", "02027f017e" },
    { "(local i32) (local $x i32) (local f32)", "02027f017d" },
    { "(local i32) (local i64) (local i32)", "03017f017e017f" },
    { "(local (ref null 0) (ref null 0))", "01026300" },
  } do
    it("are counted in runs: " .. case[1], function()
      assert.equal(case[2], assembled.body("(type (func)) (func " .. case[1] .. ")"))
    end)
  end

  it("follow the parameters, of the named type too", function()
    assert.equal("01017f2002", assembled.body(
      "(type $t (func (param i32 i64))) (func (type $t) (local $x i32) local.get $x)"))
    assert.equal("01017f200120022003", assembled.body(
      "(func (param i32) (param $a i64) (param f32) (local $x i32) " ..
      "local.get $a local.get 2 local.get $x)"))
  end)
end)

describe("constants", function()
  it("are encoded as the shortest signed number", function()
    local text = {}
    for _, n in ipairs { 0, 63, 64, -64, -65, 8191, 8192, -8192, -8193 } do
      text[#text + 1] = "i32.const " .. n
    end
    assert.equal("4100" .. "413f" .. "41c000" .. "4140" .. "41bf7f" .. "41ff3f" .. "4180c000"
      .. "418040" .. "41ffbf7f", code(table.concat(text, " ")))
  end)

  it("of vectors have lanes in memory order", function()
    assert.equal("fd0c" .. hex(string.pack("<fffi4", 1, -2, 0.5, 0x7fc00000)),
      code("v128.const f32x4 1 -2 0.5 nan"))
    assert.equal("fd0c" .. hex(string.pack("<i8i8", -1, 5)), code("v128.const i64x2 -1 0x5"))
    assert.equal("fd0c" .. hex(string.pack("<i2i2i2i2i2i2i2i2", 1, 2, 3, 4, -1, -2, 32767, -32768)),
      code("v128.const i16x8 1 2 3 4 65535 -2 32767 32768"))
  end)
end)

local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"
local assembled = require "spec.support.assembled"

setup(function() wat.use_ops(opcodes.listing()) end)
teardown(function() wat.use_ops(nil) end)

local sections, hex = assembled.sections, assembled.hex

local TYPE, IMPORT, FUNC, TABLE, MEMORY, GLOBAL, EXPORT, START, ELEM, CODE, DATA, COUNT, TAG =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

describe("a module", function()
  it("may be empty", function()
    assert.equal("\0asm\1\0\0\0", wat.assemble("(module)"))
    assert.equal("\0asm\1\0\0\0", wat.assemble(""))
    assert.equal("\0asm\1\0\0\0", wat.assemble(" ;; nothing"))
  end)

  it("may go without its parentheses", function()
    assert.equal(wat.assemble("(module (func) (memory 1))"), wat.assemble("(func) (memory 1)"))
  end)

  it("has its sections in the standard's order, whatever the text's", function()
    local text = [[(module
      (data (i32.const 0) "x") (func $f data.drop 0) (elem (i32.const 0) $f) (start $f)
      (export "f" (func $f)) (global i32 (i32.const 0)) (tag) (memory 1) (table 1 funcref)
      (type (func (param i32))))]]
    assert.same({ TYPE, FUNC, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEM, COUNT, CODE, DATA },
      sections(text).order)
  end)

  it("is the same bytes every time", function()
    local text = "(module $m (func $a (param $x i32)) (func $b) (memory $c 1) (tag $d))"
    assert.equal(wat.assemble(text), wat.assemble(text))
  end)
end)

describe("types", function()
  for _, case in ipairs {
    { "(type (func))", "01600000" },
    { "(type (func (param i32 i64) (param f32) (result f64 v128)))", "0160037f7e7d027c7b" },
    { "(type (func (param $x i32) (result funcref externref)))", "0160017f02706f" },
    { "(type (func (param (ref func) (ref null func) (ref null extern) (ref 0))))",
      "016004" .. "6470" .. "70" .. "6f" .. "6400" .. "00" },
    { "(type (struct))", "015f00" },
    { "(type (struct (field i8) (field $x (mut i16)) (field i32 (mut i64))))",
      "015f04" .. "7800" .. "7701" .. "7f00" .. "7e01" },
    { "(type (array i8)) (type (array (mut (ref null 0))))", "025e78005e630001" },
    { "(type (array (field (mut f32))))", "015e7d01" },
    { "(type (sub (struct)))", "0150005f00" },
    { "(type (sub final (struct)))", "015f00" },
    { "(type $a (sub (func))) (type (sub final $a (func)))", "0250006000004f0100600000" },
    { "(rec (type $a (struct (field (ref $b)))) (type $b (array (ref $a))))",
      "014e025f016401005e640000" },
    { "(rec (type (func)))", "01600000" },
    { "(rec)", "014e00" },
    { "(type (func (param anyref eqref i31ref structref arrayref exnref)))",
      "0160066e6d6c6b6a6900" },
    { "(type (func (param nullref nullfuncref nullexternref nullexnref)))", "0160047173727400" },
  } do
    it("are encoded: " .. case[1], function()
      assert.equal(case[2], sections(case[1])[TYPE])
    end)
  end

  it("that inline uses add come last, each once", function()
    local found = sections [[(func (param i32)) (func (param i32)) (func (result i32) i32.const 0)
      (type (func (result i64)))
      (func (block (param i32) (result i32 i32) unreachable) unreachable)]]
    assert.equal("05" .. "6000017e" .. "60017f00" .. "6000017f" .. "600000" .. "60017f027f7f",
      found[TYPE])
    assert.equal("0401010203", found[FUNC])
  end)

  it("that inline uses find are the first plain function type", function()
    local found = sections [[(type (sub (func))) (rec (type (func)) (type (struct)))
      (type (func)) (type (func)) (func)]]
    assert.equal("0103", found[FUNC])
  end)

  it("may be used before their definition", function()
    local found = sections("(func (type $t) (param i32)) (type $t (func (param i32)))")
    assert.equal("0100", found[FUNC])
  end)

  it("that do not exist are left to the validator", function()
    assert.equal("0107", sections("(func (type 7))")[FUNC])
  end)
end)

describe("imports", function()
  for _, case in ipairs {
    { [[(import "m" "f" (func $f (param $x i32)))]], "01016d01660000" },
    { [[(import "m" "f" (func (type 0)))]], "01016d01660000" },
    { [[(import "" "" (table $t 1 2 funcref))]], "010000" .. "01700101" .. "02" },
    { [[(import "" "" (table i64 1 externref))]], "010000" .. "016f0401" },
    { [[(import "" "" (memory 1))]], "010000" .. "020001" },
    { [[(import "" "" (memory i64 1 0x1_0000_0000))]], "010000" .. "0205018080808010" },
    { [[(import "" "" (memory 1 2 shared))]], "010000" .. "02030102" },
    { [[(import "" "" (memory 1 2 (pagesize 1)))]], "010000" .. "0209010200" },
    { [[(import "" "" (global (mut i64)))]], "010000" .. "037e01" },
    { [[(import "" "" (global f32))]], "010000" .. "037d00" },
    { [[(import "" "" (tag (param i32)))]], "010000" .. "040000" },
    { [[(func (import "m" "f") (param i32))]], "01016d01660000" },
    { [[(func $f (export "a") (import "m" "f") (type 0))]], "01016d01660000" },
    { [[(memory (import "m" "f") 1)]], "01016d0166020001" },
    { [[(table (import "m" "f") 1 funcref)]], "01016d016601700001" },
    { [[(global $g (import "m" "f") (mut i32))]], "01016d0166037f01" },
    { [[(tag (import "m" "f"))]], "01016d0166040000" },
    { [[(import "\e2\82\ac" "\u{20ac}" (func))]], "0103e282ac03e282ac0000" },
  } do
    it("are encoded: " .. case[1], function()
      assert.equal(case[2], sections(case[1])[IMPORT])
    end)
  end

  it("take the first indices", function()
    local found = sections [[(func $i (import "" "")) (func $a) (export "i" (func $i))
      (export "a" (func $a))]]
    assert.equal("02" .. "01690000" .. "01610001", found[EXPORT])
  end)
end)

describe("exports", function()
  it("stand in the order of the text, inline ones too", function()
    local found = sections [[(export "z" (memory 0)) (func (export "a") (export "b"))
      (memory (export "c") 1) (global (export "d") i32 (i32.const 0)) (table (export "e") 0 funcref)
      (tag (export "f")) (export "g" (tag 0))]]
    assert.equal("08" .. "017a0200" .. "01610000" .. "01620000" .. "01630200" .. "01640300"
      .. "01650100" .. "01660400" .. "01670400", found[EXPORT])
  end)
end)

describe("tables, memories, globals and tags", function()
  for _, case in ipairs {
    { TABLE, "(table 0 funcref)", "01700000" },
    { TABLE, "(table 1 2 (ref null extern))", "016f010102" },
    { TABLE, "(table 1 (ref func) (ref.func 0)) (func)", "014000" .. "6470" .. "0001" .. "d2000b" },
    { TABLE, "(table funcref (elem 0 0)) (func)", "0170010202" },
    { TABLE, "(table i64 funcref (elem))", "0170050000" },
    { TABLE, "(table externref (elem (ref.null extern)))", "016f010101" },
    { MEMORY, "(memory 0)", "010000" },
    { MEMORY, "(memory 1 65536)", "010101808004" },
    { MEMORY, "(memory i64 0 1)", "01050001" },
    { MEMORY, [[(memory (data "a" "b"))]], "01010101" },
    { MEMORY, [[(memory (data))]], "01010000" },
    { MEMORY, "(memory i32 1)", "010001" },
    { MEMORY, "(memory (data \"" .. ("x"):rep(65537) .. "\"))", "01010202" },
    { GLOBAL, "(global i32 (i32.const 1))", "017f0041010b" },
    { GLOBAL, "(global (mut i64) i64.const 1 i64.const 2 i64.add)", "017e01420142027c0b" },
    { GLOBAL, "(global funcref (ref.null func))", "017000d0700b" },
    { TAG, "(tag (param i32 i64))", "010000" },
    { TAG, "(tag $e (type 0)) (type (func))", "010000" },
  } do
    it("are encoded: " .. case[2]:sub(1, 60), function()
      assert.equal(case[3], sections(case[2])[case[1]])
    end)
  end
end)

describe("element segments", function()
  local around = "(table $t 1 funcref) (table $u 1 funcref) (func $f) (func $g) "
  for _, case in ipairs {
    { "(elem (i32.const 0) $f $g)", "0041000b020001" },
    { "(elem (offset (i32.const 0)) func $f)", "0041000b0100" },
    { "(elem (i32.const 0))", "0041000b00" },
    { "(elem func $g)", "01000101" },
    { "(elem $e func)", "010000" },
    { "(elem (table $u) (i32.const 0) func $f)", "020141000b000100" },
    { "(elem (table 0) (offset i32.const 0) func $f)", "0041000b0100" },
    { "(elem declare func $f $g)", "0300020001" },
    { "(elem (i32.const 0) funcref (ref.func $f))", "0441000b01d2000b" },
    { "(elem (i32.const 0) funcref (item ref.null func) (ref.func 1))",
      "0441000b02d0700bd2010b" },
    { "(elem funcref (ref.func $f))", "057001d2000b" },
    { "(elem (ref func) (ref.func $f) (item (ref.func $g)))", "0100020001" },
    { "(elem (table $u) (i32.const 0) funcref (ref.func $f))", "060141000b7001d2000b" },
    { "(elem (i32.const 0) externref)", "060041000b6f00" },
    { "(elem declare funcref (ref.func $f))", "077001d2000b" },
    { "(elem 0 (i32.const 0) $f)", "0041000b0100" },
  } do
    it("are encoded: " .. case[1], function()
      assert.equal("01" .. case[2], sections(around .. case[1])[ELEM])
    end)
  end

  it("within a table take an index", function()
    local found = sections [[(table $t funcref (elem $f)) (elem $e func $f)
      (func $f elem.drop $e)]]
    assert.equal("02" .. "0041000b0100" .. "01000100", found[ELEM])
    assert.equal("01" .. "0500" .. "fc0d01" .. "0b", found[CODE])
  end)
end)

describe("data segments", function()
  for _, case in ipairs {
    { [[(data "ab")]], "01026162" },
    { [[(data $d)]], "0100" },
    { [[(data (i32.const 1) "a" "\00" "")]], "0041010b026100" },
    { [[(data (offset i32.const 1) "a")]], "0041010b0161" },
    { [[(data (memory 0) (i32.const 1))]], "0041010b00" },
    { [[(data (memory $m) (i32.const 1) "x")]], "020141010b0178" },
    { [[(data 1 (i32.const 1) "x")]], "020141010b0178" },
  } do
    it("are encoded: " .. case[1], function()
      assert.equal("01" .. case[2], sections("(memory 1) (memory $m 1) " .. case[1])[DATA])
    end)
  end

  it("within a memory start at its address 0", function()
    assert.equal("0100" .. "41000b" .. "0161", sections([[(memory (data "a"))]])[DATA])
    assert.equal("0100" .. "42000b" .. "0161", sections([[(memory i64 (data "a"))]])[DATA])
  end)

  it("are counted only when code refers to them", function()
    local memory = [[(memory 1) (data "a") (data "b") ]]
    assert.is_nil(sections(memory)[COUNT])
    assert.is_nil(sections(memory .. "(func memory.fill)")[COUNT])
    assert.equal("02", sections(memory .. "(func data.drop 1)")[COUNT])
    assert.equal("02", sections(memory .. "(func memory.init 1)")[COUNT])
  end)
end)

describe("the start function", function()
  it("is a function index", function()
    assert.equal("01", sections("(func) (func $s) (start $s)")[START])
  end)
end)

describe("the name section", function()
  local function names(text)
    local found = assembled.split(assert(wat.assemble(text)))
    return found[0] and found[0]:match("^046e616d65(.*)")
  end

  it("is left out when nothing has a name, or nobody wants it", function()
    assert.is_nil(names("(module (func (param i32)) (memory 1))"))
    assert.is_nil(assembled.split(wat.assemble("(func $f)", { names = false }))[0])
  end)

  it("names the module and its functions", function()
    assert.equal("00" .. "02" .. "016d" .. "01" .. "07" .. "02" .. "000161" .. "020162",
      names("(module $m (func $a (import \"\" \"\")) (func) (func $b))"))
  end)

  it("names locals, function by function", function()
    assert.equal("020b" .. "02" .. "0001010178" .. "0101000179",
      names("(func (param i32) (local $x i32)) (func (param $y i32))"))
  end)

  it("names everything else", function()
    local found = names [[(type $t (struct (field i32) (field $f i32))) (table $a 0 funcref)
      (memory $b 1) (global $c i32 (i32.const 0)) (elem $d func) (data $e) (tag $g)]]
    assert.equal("0404010001" .. "74" .. "0504010001" .. "61" .. "0604010001" .. "62"
      .. "0704010001" .. "63" .. "0804010001" .. "64" .. "0904010001" .. "65"
      .. "0a06" .. "01" .. "00" .. "01" .. "01" .. "01" .. "66" .. "0b04010001" .. "67", found)
  end)

  it("spells quoted identifiers without their quotes", function()
    assert.equal("01" .. "06" .. "01" .. "00" .. "03" .. hex("a b"), names([[(func $"a b")]]))
  end)
end)

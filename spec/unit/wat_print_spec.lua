--- The binary format printed as text. The suite goes round in spec/wast/identity.lua.
local bytes = require "spec.support.bytes"
local print_text = require "wasm.text.print"
local wasm = require "wasm"

local function printed(text, options)
  return print_text.module(assert(wasm.wat(text)), options)
end

--- What is between "(module" and its last parenthesis, without the indentation of all.
local function fields(text, options)
  return (printed(text, options):match("^%(module\n(.*)%)\n$"):gsub("\n  ", "\n"):gsub("^  ", ""))
end

--- Comes back as it is.
local function same(text)
  assert.equal(text, fields(text))
end

local custom = bytes.custom

describe("text out of a binary", function()
  it("folds what takes its operands from just before it", function()
    same [[
(type (;0;) (func (param i32 i32) (result i32)))
(func (;0;) (type 0) (param i32 i32) (result i32)
  (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 3))))]]
  end)

  it("leaves alone what takes something from further back", function()
    local text = fields [[(func (result i32) (i32.const 1) (i32.const 2) nop (i32.const 3)
      i32.sub i32.add)]]
    assert.equal([[
(type (;0;) (func (result i32)))
(func (;0;) (type 0) (result i32)
  i32.const 1
  i32.const 2
  nop
  i32.const 3
  i32.sub
  i32.add)]], text)
  end)

  it("has blocks, branches and handlers", function()
    same [[
(type (;0;) (func (param i32)))
(type (;1;) (func (param i32 i32) (result i32)))
(tag (;0;) (type 0) (param i32))
(func (;0;) (type 1) (param i32 i32) (result i32)
  (block (result i32)
    (try_table (catch 0 0)
      (loop
        (br_if 0 (local.get 0))
        (if (local.get 1)
          (then
            (throw 0 (i32.const 7)))
          (else
            nop))))
    i32.const 4))]]
  end)

  it("has the handlers of old", function()
    same [[
(type (;0;) (func (param i32)))
(type (;1;) (func))
(tag $e (type 0) (param i32))
(func (;0;) (type 1)
  (try
    (do
      (throw $e (i32.const 1)))
    (catch $e
      drop
      rethrow 0)
    (catch_all
      nop))
  (try
    (do
      nop)
    (delegate 0)))]]
  end)

  it("has names, of everything", function()
    same [[
(type $pair (struct (field $left (mut i32)) (field f64)))
(type $f (func (param (ref null $pair)) (result i32)))
(import "a" "b" (global $g i64))
(table $t 1 2 funcref)
(memory $m i64 1)
(export "x" (func $get))
(elem $e func $get)
(func $get (type $f) (param $p (ref null $pair)) (result i32)
  (local $n i32)
  (local i32 f32)
  (local.set $n (struct.get $pair $left (local.get $p)))
  local.get $n)
(data $d "abc")]]
  end)

  it("quotes identifiers that need it, and annotates names that are there twice", function()
    same [[
(type (;0;) (func))
(func $"a b" (type 0)
  call $"a b")
(func $f (type 0))
(func $f.2 (@name "f") (type 0))]]
  end)

  it("has floats to the last bit", function()
    same [[
(type (;0;) (func))
(func (;0;) (type 0)
  (drop (f32.const nan:0x200000))
  (drop (f64.const -nan))
  (drop (f64.const -0))
  (drop (f64.const 0.1))
  (drop (f32.const 0.1))
  (drop (f64.const 4.94065645841247e-324))
  (drop (f32.const inf)))]]
  end)

  it("has memories and tables of every kind, segments, and constants", function()
    same [[
(type (;0;) (func))
(table (;0;) 2 3 externref)
(table (;1;) i64 0 funcref (ref.null func))
(memory (;0;) i64 1 2)
(memory (;1;) 1 1 shared)
(memory (;2;) 0 (pagesize 1))
(global (;0;) (mut i32) (i32.add (i32.const 1) (i32.const 2)))
(start 0)
(elem (;0;) (table 1) (offset (i64.const 0)) funcref (item (ref.func 0)) (item (ref.null func)))
(elem (;1;) declare func 0)
(func (;0;) (type 0)
  (i32.store offset=4 align=2 (i64.const 0) (i32.const 1))
  (i32.atomic.store 1 (i32.const 8) (i32.const 2)))
(data (;0;) (memory 1) (offset (i32.const 3)) "\00\"\\\ff\c3\a9")]]
  end)

  it("has the numbers of segments and lanes", function()
    same [[
(type (;0;) (func (param i32 v128) (result v128)))
(memory (;0;) 1)
(func (;0;) (type 0) (param i32 v128) (result v128)
  (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31
    (v128.load8_lane offset=1 3 (local.get 0) (local.get 1))
    (v128.const i32x4 0x00000001 0x00000002 0x00000003 0xffffffff)))]]
  end)

  it("says on request where each instruction lies", function()
    assert.equal([[
(type (;0;) (func))
(func (;0;) (type 0)
  (drop (;@19;) (i32.const 1 (;@17;))))]],
      fields("(func (drop (i32.const 1)))", { offsets = true }))
  end)

  it("keeps branch hints", function()
    same [[
(type (;0;) (func (param i32)))
(func (;0;) (type 0) (param i32)
  (@metadata.code.branch_hint "\00")
  (if (local.get 0)
    (then
      (@metadata.code.branch_hint "\01")
      (br_if 0
        (local.get 0)))))]]
  end)

  it("keeps custom sections where they are", function()
    same [[
(type (;0;) (func))
(func (;0;) (type 0))
(@custom "first" (before first) "\00a")
(@custom "b" (after type) "")
(@custom "c" (after type) "2")
(@custom "d" (after code) "3")]]
  end)
end)

describe("a damaged section \"name\"", function()
  local HEAD = "\0asm\1\0\0\0" .. "\1\4\1\x60\0\0" .. "\3\2\1\0" .. "\10\4\1\2\0\11"
  for what, contents in pairs {
    ["cut short"] = "\1\9\1\0\3ab",
    ["not UTF-8"] = "\1\4\1\0\1\xff",
    ["of functions that are not there"] = "\1\4\1\9\1f",
    ["with numbers that do not ascend"] = "\1\7\2\0\1a\0\1b",
    ["of a huge count"] = "\1\5\xff\xff\xff\xff\15",
    ["with names of labels"] = "\3\6\1\0\1\0\1l",
  } do
    it(what .. " is kept as it is", function()
      local module = HEAD .. custom("name", contents)
      local text = print_text.module(module)
      assert.truthy(text:find('(@custom "name" (after code) ', 1, true), text)
      assert.equal(module, wasm.wat(text))
    end)
  end

  it("two of them are kept", function()
    local module = HEAD .. custom("name", "\1\4\1\0\1f") .. custom("name", "\1\4\1\0\1g")
    local text = print_text.module(module)
    assert.equal(module, wasm.wat(text))
    assert.is_nil(text:find("$", 1, true))
  end)
end)

describe("mod:wat", function()
  local mod

  before_each(function()
    mod = assert(wasm.compile [[(module (import "e" "f" (func $f))
      (func $add (export "plus") (param $a i32) (result i32)
        (i32.add (local.get $a) (local.get $a)))
      (func (call $f)))]])
  end)

  it("gives all of it", function()
    assert.equal(mod:bytes(), wasm.wat(mod:wat()))
  end)

  it("gives a function by index, name or export", function()
    local text = [[
(func $add (type 1) (param $a i32) (result i32)
  (i32.add (local.get $a) (local.get $a)))
]]
    for _, which in ipairs { 1, "add", "plus" } do assert.equal(text, mod:wat(which)) end
    assert.equal("(func (;2;) (type 0)\n  call $f)\n", mod:wat(2))
    assert.truthy(mod:wat(2, { offsets = true }):find("call $f %(;@%x+;%)"))
  end)

  it("says what it can not do", function()
    for _, case in ipairs {
      { { 0 }, "it is imported" }, { { 3 }, "there is no such function" },
      { { "minus" }, "no text of function 'minus'" }, { { {} }, "function name or index expected" },
      { { nil, { lines = true } }, "unknown option 'lines'" },
      { { nil, { offsets = 1 } }, "boolean expected, got number" },
    } do
      local ok, err = pcall(function() return mod:wat(table.unpack(case[1], 1, 2)) end)
      assert.is_false(ok)
      assert.truthy(err:find(case[2], 1, true), err)
      assert.truthy(err:find("wat_print_spec", 1, true), err)
    end
    mod:close()
    assert.is_false((pcall(mod.wat, mod)))
  end)
end)

describe("printing code made to hurt", function()
  it("goes 10,000 blocks deep", function()
    local depth = 10000
    local module = wasm.wat("(func " .. ("block "):rep(depth) .. ("end "):rep(depth) .. ")")
    local text = print_text.module(module)
    assert.equal(module, wasm.wat(text))
  end)

  it("and 10,000 operands deep", function()
    local module = wasm.wat("(func (result i32) i32.const 1 " .. ("i32.eqz "):rep(10000) .. ")")
    assert.equal(module, wasm.wat(print_text.module(module)))
  end)
end)

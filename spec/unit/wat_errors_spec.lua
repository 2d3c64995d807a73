local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"
local assembled = require "spec.support.assembled"

setup(function() wat.use_ops(opcodes.listing()) end)
teardown(function() wat.use_ops(nil) end)

local refusal = assembled.refusal

describe("a refused text", function()
  for _, case in ipairs {
    { "(func", "unexpected token" },
    { "(func))", "unexpected token" },
    { "(module) (module)", "unexpected token" },
    { "module", "unexpected token" },
    { "(modul)", "unknown operator modul" },
    { "(module (funk))", "unknown operator funk" },
    { "(import)", "unexpected token" },
    { "(import \"a\"", "unexpected token" },
    { "(func (nop) (param i32))", "unexpected token" },
    { "(func (local i32) (param i32))", "unexpected token" },
    { "(func (result i32) (param i32))", "unexpected token" },
    { "(func end)", "unexpected token" },
    { "(func else)", "unexpected token" },
    { "(func block)", "unexpected token" },
    { "(func (block end))", "unexpected token" },
    { "(func (i32.add nop))", "unexpected token" },
    { "(func (then))", "unexpected token" },
    { "(func (if (i32.const 0)))", "unexpected token" },
    { "(func (if (then) (then)))", "unexpected token" },
    { "(func (if (then) (else) (else)))", "unexpected token" },
    { "(func (if (then) (i32.const 0)))", "unexpected token" },
    { "(func if (then) end)", "unexpected token" },
    { "(func block else end)", "unexpected token" },
    { "(func (try (catch_all)))", "unexpected token" },
    { "(func (try (do) (catch_all) (catch_all)))", "unexpected token" },
    { "(func try catch_all catch_all end)", "unexpected token" },
    { "(func block $a end $b)", "mismatching label" },
    { "(func block end $b)", "mismatching label" },
    { "(func if $a else $b end)", "mismatching label" },
    { "(func (br $l))", "unknown label $l" },
    { "(func (br_table))", "unexpected token" },
    { "(func (block $l) (br $l))", "unknown label $l" },
    { "(func (i32.cons 1))", "unknown operator i32.cons" },
    { "(func get_local 0)", "unknown operator get_local" },
    { "(func (i32.const))", "unexpected token" },
    { "(func (i32.const $x))", "unexpected token" },
    { "(func (i32.const 1x))", "unknown operator 1x" },
    { "(func (i32.const 0x1_0000_0000))", "constant out of range" },
    { "(func (i32.const 1.0))", "constant out of range" },
    { "(func (f32.const nan:canonical))", "unexpected token" },
    { "(func (f32.const 1e40))", "constant out of range" },
    { "(func (local.get 0x1_0000_0000))", "i32 constant out of range" },
    { "(func (local.get -1))", "unexpected token" },
    { "(func (local.get 1.0))", "unexpected token" },
    { "(func (i32.load align=0))", "alignment must be a power of two" },
    { "(func (i32.load align=3))", "alignment must be a power of two" },
    { "(func (i32.load align=-1))", "unknown operator align=-1" },
    { "(func (i32.load offset=-1))", "unknown operator offset=-1" },
    { "(func (i32.load align=1 offset=1))", "unexpected token" },
    { "(func (i32.load offset=0x1_0000_0000_0000_0000))", "i64 constant out of range" },
    { "(func (v128.const i32x4 1 2 3))", "wrong number of lane literals" },
    { "(func (v128.const i8x16 256 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0))", "constant out of range" },
    { "(func (i8x16.extract_lane_s 256))", "i8 constant out of range" },
    { "(func (i8x16.shuffle 0 1))", "invalid lane length" },
    { "(func (call $f))", "unknown func $f" },
    { "(func (local.get $x))", "unknown local $x" },
    { "(func (global.get $x))", "unknown global $x" },
    { "(func (type $t))", "unknown type $t" },
    { "(func (type 3) (param i32))", "unknown type 3" },
    { "(type (struct)) (func (type 0) (param i32))", "unknown type 0" },
    { "(type $t (func)) (func (type $t) (param i32))", "inline function type" },
    { "(type $t (func)) (func (block (type $t) (result i32)))", "inline function type" },
    { "(type $t (func)) (func (block (type $t) (result i32) (param i32)))", "unexpected token" },
    { "(func (block (param $x i32)))", "unexpected token" },
    { "(func call_indirect (param $x i32))", "unexpected token" },
    { "(func $f) (func $f)", "duplicate func $f" },
    { "(func $f) (func $\"f\")", "duplicate func $f" },
    { "(func (param $x i32) (local $x i32))", "duplicate local $x" },
    { "(memory $m 1) (memory $m 1)", "duplicate memory $m" },
    { "(type $t (func)) (type $t (func))", "duplicate type $t" },
    { "(data $d) (data $d)", "duplicate data $d" },
    { "(type (struct (field $a i32) (field $a i32)))", "duplicate field $a" },
    { "(func) (import \"\" \"\" (func))", "import after function" },
    { "(func) (memory (import \"\" \"\") 1)", "import after function" },
    { "(global i32 (i32.const 0)) (import \"\" \"\" (func))", "import after global" },
    { "(table 0 funcref) (import \"\" \"\" (func))", "import after table" },
    { "(memory 0) (import \"\" \"\" (func))", "import after memory" },
    { "(tag) (import \"\" \"\" (func))", "import after tag" },
    { "(func $f) (start $f) (start $f)", "multiple start sections" },
    { "(memory)", "unexpected token" },
    { "(memory 1 2 3)", "unexpected token" },
    { "(memory 0x1_0000_0000_0000_0000)", "i64 constant out of range" },
    { "(memory 1 (pagesize 3))", "invalid custom page size" },
    { "(table 1 i32)", "unexpected token" },
    { "(global anyfunc (ref.null func))", "unknown operator anyfunc" },
    { "(export \"\\ff\" (func 0))", "malformed UTF-8 encoding" },
    { "(import \"\\c0\\80\" \"\" (func))", "malformed UTF-8 encoding" },
    { "(elem (table 0) (i32.const 0) $f) (func $f)", "unexpected token" },
    { "(func (ref.null i32))", "unexpected token" },
    { "(data \"a\"\"b\")", "unknown operator" },
    { "(data \"a", "unclosed string" },
  } do
    it(("%s: %s"):format(case[1], case[2]), function()
      local message, err = refusal(case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
      assert.equal("malformed", err.kind)
    end)
  end

  it("says where, with the line and a caret", function()
    local _, err = wat.assemble("(module\n\t(func (i32.cons 1))\n)", { name = "a.wat" })
    assert.same({ kind = "malformed", message = "unknown operator i32.cons", name = "a.wat",
                  line = 2, column = 9, snippet = "\t(func (i32.cons 1))", caret = 9 }, err)
    assert.equal("a.wat:2:9: unknown operator i32.cons\n\t(func (i32.cons 1))\n\t       ^",
      wat.format_error(err))
  end)

  it("points at its end when something is missing there", function()
    local _, err = wat.assemble("(module\n  (func)")
    assert.same({ 2, 9 }, { err.line, err.column })
    assert.equal("wat:2:9: unexpected token\n  (func)\n        ^", wat.format_error(err))
  end)

  it("shows a piece of a long line", function()
    local _, err = wat.assemble(("(func) "):rep(1000) .. "(oops) " .. ("(func) "):rep(1000))
    assert.equal(7002, err.column)
    assert.is_true(#err.snippet <= 130)
    assert.equal("oops", err.snippet:sub(err.caret, err.caret + 3))
  end)

  it("puts the caret under the character, not the byte", function()
    local _, err = wat.assemble("(export \"üü\" x)")
    assert.equal("wat:1:16: unknown operator x\n(export \"üü\" x)\n             ^",
      wat.format_error(err))
  end)
end)

describe("a proposal that is not built", function()
  for _, case in ipairs {
    { "(func (ref.get_desc 0))", "custom-descriptors" },
    { "(type (struct (field (ref (exact 0)))))", "custom-descriptors" },
    { "(import \"\" \"\" (func (exact (type 0))))", "custom-descriptors" },
    { "(rec (type (descriptor 1) (struct)))", "custom-descriptors" },
    { "(type (cont 0))", "stack-switching" },
  } do
    it("is named: " .. case[2], function()
      local bytes, err = wat.assemble(case[1])
      assert.is_nil(bytes)
      assert.equal("unsupported", err.kind)
      assert.equal(case[2], err.feature)
      assert.truthy(err.message:find(case[2], 1, true))
    end)
  end
end)

describe("wat.assemble", function()
  it("raises on misuse", function()
    assert.error_matches(function() wat.assemble(1) end, "string expected, got number")
    assert.error_matches(function() wat.assemble("", { nam = "x" }) end, "unknown option 'nam'")
    assert.error_matches(function() wat.assemble("", { names = 1 }) end, "boolean expected")
  end)
end)

describe("every prefix and every gap of a text", function()
  local TEXT = [[(module $m (type $t (func (param i32) (result i32)))
    (import "a" "b" (func $i (type $t))) (memory (export "m") 1 2) (table 2 funcref)
    (elem (i32.const 0) $f) (data (i32.const 0) "x\41")
    (global $g (mut i64) (i64.const -1)) (func $f (type $t) (local $x f32)
      (if (result i32) (local.get 0) (then (call $i (i32.const 1)))
        (else block $l (result i32) i32.const 0 br_if $l
          (i32.load offset=4 align=2 (i32.const 0)) end)))
    (@note) (start $s) (func $s (local f64) (local.set 0 (f64.const 0x1p-3))))]]

  it("is accepted or refused, never an error", function()
    for n = 1, #TEXT do
      local bytes, err = wat.assemble(TEXT:sub(1, n - 1))
      assert.truthy(bytes or wat.format_error(err))
      bytes, err = wat.assemble(TEXT:sub(1, n - 1) .. TEXT:sub(n + 1))
      assert.truthy(bytes or wat.format_error(err))
      bytes, err = wat.assemble(TEXT:sub(1, n - 1) .. "(" .. TEXT:sub(n))
      assert.truthy(bytes or wat.format_error(err))
    end
    assert.truthy(wat.assemble(TEXT))
  end)
end)

--- What is invalid in a text is told by line and column, though the core knows bytes only.
local wasm = require "wasm"
local wat = require "wasm.wat"

local function refusal(text, opts)
  local mod, err = wasm.compile(text, opts)
  assert.is_nil(mod)
  return err
end

describe("an invalid text", function()
  -- The place of "^" in each is where the mistake is.
  for name, text in pairs {
    ["an instruction"] = "(module\n (func (param i32)\n  local.get 0\n  ^f32.neg\n  drop))",
    ["a folded instruction, whose operands come first"] =
      "(func (param i32) (drop\n  ^(i32.add\n    (local.get 0)\n    (f32.const 0))))",
    ["the end of a function"] = "(module (func (result i32)\n  nop\n^))",
    ["a later function"] = "(func nop) (func (local i32 i64 f32)\n (local.set 1 (i64.const 5))\n"
      .. " ^(local.set 2 (i64.const 5)))",
    ["a folded if"] = "(func\n ^(if (f32.const 1)\n  (then nop)))",
    ["what is in a then"] = "(func (if (i32.const 1) (then\n  ^local.get 5 drop)))",
    ["the end of an else"] =
      "(func (if (i32.const 1) (then nop) (else (i32.const 1)\n)^))",
    ["an end"] = "(func block\n i32.const 1\n ^end)",
    ["a branch in nested blocks"] =
      "(func (block (block (loop (br 2)\n  ^(br 4)))))",
    ["a function with branch hints"] =
      "(func (param i32) (@metadata.code.branch_hint \"\\01\") (if (local.get 0)\n"
      .. " (then nop)) ^(local.get 9) drop)",
    ["a try_table"] = "(tag $t (param i32))\n(func (block (result i32)\n"
      .. " (try_table (catch $t 0)\n ^(call 7)) (i32.const 1)) drop)",
    ["what is behind an else that is empty"] =
      "(func (if (i32.const 1) (then nop) (else)) ^(local.get 3))",
  } do
    it("is told where it is: " .. name, function()
      local before = text:match("^(.-)%^")
      local _, lines = before:gsub("\n", "")
      local err = refusal(text:gsub("%^", ""), { name = "x.wat" })
      assert.same({ "invalid", lines + 1, #before:match("[^\n]*$") + 1 },
        { err.kind, err.line, err.column }, tostring(err))
      assert.equal("integer", math.type(err.offset))
    end)
  end

  it("is shown with a caret", function()
    assert.equal("x.wat:2:2: invalid: unknown local 5\n local.get 5)\n ^",
      tostring(refusal("(func\n local.get 5)", { name = "x.wat" })))
    local ok, err = wasm.validate("(func\n local.get 5)")
    assert.is_nil(ok)
    assert.equal("wat:2:2: invalid: unknown local 5\n local.get 5)\n ^", tostring(err))
  end)

  it("has only an offset outside of functions, and as bytes", function()
    local err = refusal('(export "a" (func 5))')
    assert.is_nil(err.line)
    assert.equal("invalid: unknown function 5 (at offset 0xc)", tostring(err))
    err = refusal(assert(wasm.wat "(func local.get 5)"))
    assert.is_nil(err.line)
    assert.equal("integer", math.type(err.offset))
  end)

  it("is told where a feature is used that is switched off", function()
    local err = refusal("(func (param i32)\n (drop (i32.extend8_s (local.get 0))))",
      { features = { ["sign-extension"] = false } })
    assert.same({ "unsupported", 2, 8 }, { err.kind, err.line, err.column })
  end)

  it("is found at every offset of every function", function()
    local text = [[(func (local i32)
        (if (local.get 0) (then (local.set 0 (i32.const 1000))) (else)))
      (func block loop br 0 end end) (func) (memory 1)
      (func (drop (i32.load offset=300 (i32.const 70000))))]]
    for offset = 0, #assert(wasm.wat(text)) + 5 do
      local err = { kind = "invalid", message = "", offset = offset }
      wat.add_place(err, text)
      if err.line then
        assert.truthy(err.text:find("^wat:%d:%d+: invalid: \n"), err.text)
      end
    end
  end)
end)

local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"
local assembled = require "spec.support.assembled"

setup(function() wat.use_ops(opcodes.listing()) end)
teardown(function() wat.use_ops(nil) end)

local hex = assembled.hex

describe("@custom", function()
  --- The module's sections: ids, and for custom ones their name and contents.
  local function outline(text)
    local bytes = assert(wat.assemble(text))
    local found, at = {}, 9
    while at <= #bytes do
      local id, size = bytes:byte(at, at + 1)
      local name, rest = "", nil
      if id == 0 then name, rest = string.unpack("s1", bytes, at + 2) end
      found[#found + 1] = id == 0 and name .. "=" .. bytes:sub(rest, at + 1 + size) or tostring(id)
      at = at + 2 + size
    end
    return table.concat(found, " ")
  end

  for _, case in ipairs {
    { "", [[(@custom "a" "xy") (func)]], "1 3 10 a=xy" },
    { "several strings", [[(@custom "a" "x" "" "\79") (func)]], "1 3 10 a=xy" },
    { "nothing", [[(@custom "")]], "=" },
    { "a place first", [[(func) (@custom "a" (before first) "x")]], "a=x 1 3 10" },
    { "a place last", [[(@custom "a" (after last) "x") (func)]], "1 3 10 a=x" },
    { "a place before a section", [[(func) (@custom "a" (before code) "x")]], "1 3 a=x 10" },
    { "a place after a section", [[(@custom "a" (after type) "x") (func)]], "1 a=x 3 10" },
    { "a place at a section that is not there", [[(@custom "a" (before global)) (func)]],
      "1 3 a= 10" },
    { "several at one place", [[(@custom "a" "1") (func) (@custom "b" "2") (@custom "a" "3")]],
      "1 3 10 a=1 b=2 a=3" },
  } do
    it("adds a section with " .. case[1], function()
      assert.equal(case[3], outline(case[2]))
      assert.equal(case[3], outline("(module " .. case[2] .. ")"))
    end)
  end
end)

describe("@name", function()
  local function names(text)
    return assembled.split(assert(wat.assemble(text)))[0]:match("^046e616d65(.*)")
  end

  it("names a module, over its identifier", function()
    assert.equal("0003" .. "02" .. hex("ü"), names([[(module (@name "ü"))]]))
    assert.equal("0003" .. "02" .. hex("ü"), names([[(module $m (@name "ü"))]]))
  end)

  it("names a function, over its identifier, which still refers to it", function()
    assert.equal("0106" .. "01" .. "00" .. "03" .. hex("a b"),
      names([[(func $f (@name "a b") (call $f))]]))
    assert.equal("0106" .. "01" .. "00" .. "03" .. hex("a b"), names([[(func (@name "a b"))]]))
  end)

  it("names parameters and locals", function()
    assert.equal("020b" .. "01" .. "00" .. "02" .. "0003" .. hex("p q") .. "0101" .. hex("l"),
      names([[(func (param (@name "p q") i32) (local $x (@name "l") i32))]]))
  end)

  it("of a label is read and dropped", function()
    assert.equal("\0asm\1\0\0\0", wat.assemble("(module)"))
    assert.is_nil(assembled.split(wat.assemble([[(func (block (@name "b") nop))]]))[0])
  end)

  it("counts for its own module of a script only", function()
    local wast = require "wasm.wast"
    local list = assert(wast.read([[(module (@name "a") (func)) (module (func)) (@name "stray")]]))
    assert.truthy(list[1].module.assemble():find("\1a", 1, true))
    assert.is_nil(list[2].module.assemble():find("name", 1, true))
  end)
end)

describe("@metadata.code.branch_hint", function()
  for _, case in ipairs {
    { "if", [[(func (param i32) local.get 0 (@metadata.code.branch_hint "\00") if end)]],
      "\1\0\1\3\1\0" },
    { "a folded if and the br_if in it", [[(func) (func (param i32) (local i32)
      (@metadata.code.branch_hint "\01") (if (local.get 0)
        (then (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0)))))]],
      "\1\1\2\5\1\1\9\1\0" },
  } do
    it("writes the offsets of " .. case[1] .. " before the code", function()
      local bytes = assert(wat.assemble(case[2]))
      local section = "\25metadata.code.branch_hint" .. case[3]
      assert.truthy(bytes:find(string.pack("<Bs1", 0, section) .. "\10", 1, true))
    end)
  end
end)

describe("a bad annotation", function()
  for _, case in ipairs {
    { [[(@custom)]], "@custom annotation: missing section name" },
    { [[(@custom 4)]], "@custom annotation: missing section name" },
    { [[(@custom "\df")]], "@custom annotation: malformed UTF-8 encoding" },
    { [[(@custom "a" here)]], "@custom annotation: unexpected token" },
    { [[(@custom "a" (type))]], "@custom annotation: malformed placement" },
    { [[(@custom "a" (before types))]], "@custom annotation: malformed section kind" },
    { [[(@custom "a" (before last))]], "@custom annotation: malformed section kind" },
    { [[(func (@custom "a"))]], "misplaced @custom annotation" },
    { [[(module (@name "a") (@name "b"))]], "@name annotation: multiple module" },
    { [[(module (func) (@name "a"))]], "misplaced @name annotation" },
    { [[(func (nop (@name "a")))]], "misplaced @name annotation" },
    { [[(func (@name))]], "@name annotation: missing name" },
    { [[(@metadata.code.branch_hint "\00") (func)]],
      "@metadata.code.branch_hint annotation: not in a function" },
    { [[(func (@metadata.code.branch_hint "\00") (@metadata.code.branch_hint "\01") nop)]],
      "@metadata.code.branch_hint annotation: duplicate annotation" },
    { [[(func (@metadata.code.branch_hint 0) nop)]],
      "@metadata.code.branch_hint annotation: unexpected token" },
  } do
    it(("is refused: %s %s"):format(case[1], case[2]), function()
      local message = assembled.refusal(case[1])
      assert.equal(case[2], message:sub(1, #case[2]))
    end)
  end

  it("that nobody knows is only skipped", function()
    assert.equal(wat.assemble("(module (func nop))"),
      wat.assemble([[(@x)(module (@a "b" (c))
        (func (@metadata.code "\00") nop)) (@y)]]))
  end)
end)

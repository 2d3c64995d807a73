local wast = require "wasm.wast"
local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"

setup(function() wat.use_ops(opcodes.listing()) end)
teardown(function() wat.use_ops(nil) end)

--- The only command of a script, without its module's functions.
local function read_one(text)
  local list, err = wast.read(text)
  assert.truthy(list, err and wat.format_error(err))
  assert.equal(1, #list)
  return list[1]
end

describe("a module of a script", function()
  it("is assembled when asked", function()
    local command = read_one("(module $m (func (export \"f\")))")
    assert.equal("module", command.type)
    assert.equal("$m", command.id)
    assert.equal("text", command.module.kind)
    assert.equal(wat.assemble("(module $m (func (export \"f\")))"), command.module.assemble())
    assert.equal(wat.assemble("(module (func (export \"f\")))", { names = false }),
      command.module.assemble({ names = false }))
  end)

  it("may be binary", function()
    local command = read_one([[(module $b binary "\00asm" "\01\00\00\00")]])
    assert.equal("binary", command.module.kind)
    assert.equal("$b", command.id)
    assert.equal("\0asm\1\0\0\0", command.module.bytes)
    assert.equal("\0asm\1\0\0\0", command.module.assemble())
  end)

  it("may be quoted", function()
    local command = read_one([[(module quote "(memory" " 1)" "(data \"\\00\")")]])
    assert.equal("quote", command.module.kind)
    assert.equal([[(memory 1)(data "\00")]], command.module.text)
    assert.equal(wat.assemble([[(memory 1) (data "\00")]]), command.module.assemble())
  end)

  it("may stand without parentheses as the whole script", function()
    local command = read_one("(func) (memory 0) (func (export \"f\"))")
    assert.equal("module", command.type)
    assert.equal(wat.assemble("(func) (memory 0) (func (export \"f\"))"), command.module.assemble())
  end)

  it("may be a definition or an instance", function()
    local list = assert(wast.read([[
      (module definition $M (func)) (module definition binary "") (module definition $Q quote "")
      (module instance $I $M) (module instance $I) (module instance)]]))
    local seen = {}
    for k, c in ipairs(list) do seen[k] = { c.type, c.id, c.of, c.module and c.module.kind } end
    assert.same({
      { "module_definition", "$M", nil, "text" }, { "module_definition", nil, nil, "binary" },
      { "module_definition", "$Q", nil, "quote" }, { "module_instance", "$I", "$M" },
      { "module_instance", "$I" }, { "module_instance" },
    }, seen)
  end)

  it("that is wrong spoils nothing but itself", function()
    local list = assert(wast.read(
      "(module (func (oops)))\n(module)\n(module (func (ref.get_desc)))", "a.wast"))
    local bytes, err = list[1].module.assemble()
    assert.is_nil(bytes)
    assert.same({ "malformed", "unknown operator oops", "a.wast", 1, 16 },
      { err.kind, err.message, err.name, err.line, err.column })
    assert.equal("\0asm\1\0\0\0", list[2].module.assemble())
    bytes, err = list[3].module.assemble()
    assert.is_nil(bytes)
    assert.same({ "unsupported", "custom-descriptors", 3 }, { err.kind, err.feature, err.line })
  end)
end)

describe("commands", function()
  local source = { kind = "binary", bytes = "" }
  local invoke = { type = "invoke", field = "f", args = {} }
  for _, case in ipairs {
    { [[(register "n" $m)]], { type = "register", as = "n", of = "$m" } },
    { [[(register "n")]], { type = "register", as = "n" } },
    { [[(invoke "f")]], { type = "action", action = invoke } },
    { [[(invoke $m "f" (i32.const 1))]], { type = "action", action = { type = "invoke",
      module = "$m", field = "f", args = { { type = "i32", bits = 1 } } } } },
    { [[(get $m "g")]], { type = "action",
      action = { type = "get", module = "$m", field = "g" } } },
    { [[(assert_return (invoke "f"))]],
      { type = "assert_return", action = invoke, results = {} } },
    { [[(assert_return (get "g") (i64.const -1))]], { type = "assert_return",
      action = { type = "get", field = "g" }, results = { { type = "i64", bits = -1 } } } },
    { [[(assert_trap (invoke "f") "unreachable")]],
      { type = "assert_trap", action = invoke, message = "unreachable" } },
    { [[(assert_trap (module binary) "oops")]],
      { type = "assert_trap", module = source, message = "oops" } },
    { [[(assert_exhaustion (invoke "f") "call stack exhausted")]],
      { type = "assert_exhaustion", action = invoke, message = "call stack exhausted" } },
    { [[(assert_exception (invoke "f"))]], { type = "assert_exception", action = invoke } },
    { [[(assert_malformed (module binary) "m")]],
      { type = "assert_malformed", module = source, message = "m" } },
    { [[(assert_invalid (module binary) "m")]],
      { type = "assert_invalid", module = source, message = "m" } },
    { [[(assert_unlinkable (module binary) "m")]],
      { type = "assert_unlinkable", module = source, message = "m" } },
    { [[(assert_malformed_custom (module binary) "m")]],
      { type = "assert_malformed_custom", module = source, message = "m" } },
    { [[(assert_invalid_custom (module binary) "m")]],
      { type = "assert_invalid_custom", module = source, message = "m" } },
    { [[(input $a "file")]], { type = "input", id = "$a", text = "file" } },
    { [[(output $a)]], { type = "output", id = "$a" } },
    { [[(script $s (register "n"))]], { type = "script", id = "$s",
      commands = { { type = "register", as = "n", line = 1 } } } },
    { [[(thread $T (shared (module $M)) (register "n"))]], { type = "thread", id = "$T",
      of = "$M", commands = { { type = "register", as = "n", line = 1 } } } },
    { [[(wait $T)]], { type = "wait", of = "$T" } },
  } do
    it("are read: " .. case[1], function()
      local command = read_one(case[1])
      if command.module then command.module.assemble = nil end
      case[2].line = 1
      assert.same(case[2], command)
    end)
  end

  it("know their lines", function()
    local list = assert(wast.read("(module)\n\n(module\n(func))(register \"a\")\n(module)"))
    local lines = {}
    for k, c in ipairs(list) do
      lines[k] = c.line
    end
    assert.same({ 1, 3, 4, 5 }, lines)
  end)

  it("may have annotations and comments anywhere", function()
    local list = assert(wast.read("((@a)module(;;)$m)((@x \")\")register(@y)\"n\"(@z)$m(@w)) ;;"))
    assert.same({ "module", "register" }, { list[1].type, list[2].type })
  end)
end)

describe("values of scripts", function()
  local function results(text)
    return read_one("(assert_return (invoke \"f\") " .. text .. ")").results
  end

  for _, case in ipairs {
    { "(i32.const -1)", { type = "i32", bits = 0xffffffff } },
    { "(i32.const 0x8000_0000)", { type = "i32", bits = 0x80000000 } },
    { "(i64.const -2)", { type = "i64", bits = -2 } },
    { "(f32.const 1.5)", { type = "f32", bits = 0x3fc00000 } },
    { "(f32.const -nan:0x200000)", { type = "f32", bits = 0xffa00000 } },
    { "(f64.const -0)", { type = "f64", bits = math.mininteger } },
    { "(f32.const nan:canonical)", { type = "f32", nan = "canonical" } },
    { "(f64.const nan:arithmetic)", { type = "f64", nan = "arithmetic" } },
    { "(v128.const i32x4 1 2 3 -1)", { type = "v128", shape = "i32x4",
      bits = string.pack("<I4I4I4I4", 1, 2, 3, 0xffffffff) } },
    { "(v128.const f64x2 0 1)", { type = "v128", shape = "f64x2",
      bits = string.pack("<dd", 0, 1) } },
    { "(v128.const f64x2 nan:canonical 1)", { type = "v128", shape = "f64x2", lanes = {
      { type = "f64", nan = "canonical" }, { type = "f64", bits = 0x3ff0000000000000 } } } },
    { "(ref.null func)", { type = "ref.null", heap = "func" } },
    { "(ref.null)", { type = "ref.null" } },
    { "(ref.extern 3)", { type = "ref.extern", value = 3 } },
    { "(ref.extern)", { type = "ref.extern" } },
    { "(ref.host 1)", { type = "ref.host", value = 1 } },
    { "(ref.func)", { type = "ref.func" } },
    { "(ref.i31)", { type = "ref.i31" } },
    { "(ref.any)", { type = "ref.any" } },
    { "(ref.struct)", { type = "ref.struct" } },
    { "(either (i32.const 1) (f32.const nan:canonical))", { type = "either",
      { type = "i32", bits = 1 }, { type = "f32", nan = "canonical" } } },
  } do
    it("are read: " .. case[1], function()
      assert.same({ case[2] }, results(case[1]))
    end)
  end

  it("are passed as arguments", function()
    local args = read_one([[(invoke "f" (f32.const nan:0x1) (ref.null extern) (ref.extern 1))]])
      .action.args
    assert.same({ { type = "f32", bits = 0x7f800001 }, { type = "ref.null", heap = "extern" },
                  { type = "ref.extern", value = 1 } }, args)
  end)
end)

describe("a bad script", function()
  for _, case in ipairs {
    { "(assert_retur (invoke \"f\"))", "unknown operator assert_retur", 1, 2 },
    { "(module)\n(func)", "unexpected token", 2, 2 },
    { "(module", "unexpected token", 1, 8 },
    { "(module) x", "unknown operator x", 1, 10 },
    { "(invoke \"f\" (f32.const nan:canonical))", "unexpected token", 1, 24 },
    { "(invoke \"f\" (i32.const 0x1_0000_0000))", "constant out of range", 1, 24 },
    { "(invoke \"f\" (either (i32.const 0)))", "unexpected token", 1, 14 },
    { "(assert_return (invoke \"f\") (v128.const i32x4 1 2 3))", "unexpected token", 1, 52 },
    { "(assert_invalid (invoke \"f\") \"\")", "unexpected token", 1, 18 },
    { "(assert_malformed (module) 1)", "unexpected token", 1, 28 },
    { "(register \"\\ff\")", "malformed UTF-8 encoding", 1, 11 },
    { "\"", "unclosed string", 1, 1 },
  } do
    it(("%q: %s"):format(case[1], case[2]), function()
      local list, err = wast.read(case[1], "s.wast")
      assert.is_nil(list)
      assert.same({ "malformed", case[2], "s.wast", case[3], case[4] },
        { err.kind, err.message, err.name, err.line, err.column })
    end)
  end

  it("nests other scripts only so deep", function()
    local list, err = wast.read(("(script "):rep(100000))
    assert.is_nil(list)
    assert.same({ "limit", "nesting too deep" }, { err.kind, err.message })
  end)
end)

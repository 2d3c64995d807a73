--- Modules: what they tell about themselves, options, and errors of compiling.
local wasm = require "wasm"

local SOURCE = [[(module $thing
  (import "env" "f" (func $f (param i32 f64) (result i64)))
  (import "env" "m" (memory 1 2))
  (import "env" "g" (global (mut i32)))
  (table (export "t") 10 20 funcref)
  (global (export "pi") f64 (f64.const 3))
  (func $inner (export "run") (param i32) (result i32) local.get 0))]]

describe("a module", function()
  local mod = assert(wasm.compile(SOURCE))

  it("lists its imports and exports", function()
    assert.same({
      { module = "env", name = "f", kind = "function", type = "(i32, f64) -> i64" },
      { module = "env", name = "m", kind = "memory", type = "1 2" },
      { module = "env", name = "g", kind = "global", type = "(mut i32)" },
    }, mod:imports())
    assert.same({
      { name = "t", kind = "table", type = "10 20 funcref" },
      { name = "pi", kind = "global", type = "f64" },
      { name = "run", kind = "function", type = "(i32) -> i32" },
    }, mod:exports())
  end)

  it("has bytes, a size, a hash, and a name", function()
    local bytes = mod:bytes()
    assert.equal("\0asm\1\0\0\0", bytes:sub(1, 8))
    assert.equal(#bytes, mod:size())
    assert.truthy(mod:hash():find("^%x+$"))
    assert.equal(32, #mod:hash())
    assert.equal("thing", mod.name)
    assert.equal("wasm.module: thing", tostring(mod))
    assert.equal("other", assert(wasm.compile(bytes, { name = "other" })).name)
    assert.is_true(assert(wasm.compile(bytes)) == mod)
  end)

  it("has sections that cover it", function()
    local at = 8
    for _, section in ipairs(mod:sections()) do
      assert.equal(at, section.offset)
      at = at + section.size
    end
    assert.equal(mod:size(), at)
    local with = mod:bytes() .. "\0\9\4noteabcd" .. "\0\6\4note!"
    assert.same({ "abcd", "!" }, assert(wasm.compile(with)):sections("note"))
    assert.same({}, mod:sections("none"))
  end)

  it("tells what the compile made of it", function()
    local info = mod:info()
    assert.equal(1, info.functions)
    assert.equal("guard", info.bounds)
    assert.is_true(info.code_bytes > 0 and info.wasm_bytes > 0)
  end)

  it("shows the machine code of a function by name, export or index", function()
    assert.equal(mod:disasm("run"), mod:disasm("inner"))
    assert.equal(mod:disasm("run"), mod:disasm(1))
    assert.is_false(pcall(mod.disasm, mod, "nothing"))
    assert.is_false(pcall(mod.disasm, mod, 0))
  end)
end)

describe("compile", function()
  it("tells text from binary by the first bytes", function()
    assert(wasm.compile("\0asm\1\0\0\0"))
    assert(wasm.compile("(module)"))
    assert(wasm.compile(" \n;; only this\n(module)"))
    assert.equal("malformed", select(2, wasm.compile("")).kind)
    assert.equal("malformed", select(2, wasm.compile("\0as")).kind)
  end)

  it("gives nil and an error with kind and offset for bad bytes", function()
    local mod, err = wasm.compile("\0asm\1\0\0\0\1\127")
    assert.is_nil(mod)
    assert.equal("malformed", err.kind)
    assert.equal("integer", math.type(err.offset))
    assert.truthy(tostring(err):find("malformed: ", 1, true))
    assert.truthy(tostring(err):find("(at offset 0x", 1, true))
    mod, err = wasm.compile('(module (func (result i32)))')
    assert.is_nil(mod)
    assert.equal("invalid", err.kind)
    assert.truthy(err.message:find("type mismatch", 1, true))
  end)

  it("gives line, column and a caret for bad text", function()
    local mod, err = wasm.compile("(module\n  (fun))", { name = "bad.wat" })
    assert.is_nil(mod)
    assert.equal("malformed", err.kind)
    assert.equal(2, err.line)
    assert.equal("integer", math.type(err.column))
    assert.truthy(tostring(err):find("^bad%.wat:2:%d+: .+\n  %(fun%)%)\n +%^$"), tostring(err))
  end)

  it("refuses unknown options and wrong values by name", function()
    for options, text in pairs {
      [{ feul = true }] = "unknown option 'feul' to 'compile'",
      [{ fuel = 5 }] = "option 'fuel': boolean expected, got number",
      [{ bounds = "none" }] = "option 'bounds': invalid value 'none'",
      [{ effort = 9 }] = "option 'effort'",
      [{ name = 5 }] = "option 'name': string expected, got number",
      [{ features = { "warp" } }] = "no feature is called 'warp'",
    } do
      local ok, err = pcall(wasm.compile, "\0asm\1\0\0\0", options)
      assert.is_false(ok)
      assert.truthy(err:find(text, 1, true), err)
    end
    assert.is_false(pcall(wasm.compile))
    assert.is_false(pcall(wasm.compile, {}))
  end)

  it("takes features away", function()
    local source = "(module (func (param i32) (drop (i32.extend8_s (local.get 0)))))"
    assert(wasm.compile(source))
    local mod, err = wasm.compile(source, { features = { ["sign-extension"] = false } })
    assert.is_nil(mod)
    assert.equal("unsupported", err.kind)
    assert(wasm.compile(source, { features = { "sign-extension" } }))
  end)
end)

describe("validate", function()
  it("says true, or nil and why", function()
    assert.is_true(wasm.validate(SOURCE))
    assert.is_true(wasm.validate(wasm.wat(SOURCE)))
    local ok, err = wasm.validate("(module (func (result i32)))")
    assert.is_nil(ok)
    assert.equal("invalid", err.kind)
  end)
end)

describe("load", function()
  it("reads a file, and names the module after it", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(wasm.wat("(module)"))
    file:close()
    local mod = assert(wasm.load(path))
    assert.equal(path:match("[^/]+$"), mod.name)
    os.remove(path)
    local none, err = wasm.load(path)
    assert.is_nil(none)
    assert.equal("io", err.kind)
    assert.truthy(err.message:find(path, 1, true))
  end)
end)

describe("run", function()
  it("compiles and instantiates, options for both", function()
    local inst = assert(wasm.run("(module (memory 1))", nil, { name = "n", bounds = "explicit",
      interleave = "any" }))
    assert.equal("wasm.instance: n", tostring(inst))
    assert.equal("explicit", inst:stats().bounds)
    assert.is_nil((wasm.run("(module")))
    assert.is_false(pcall(wasm.run, "(module)", nil, { nonsense = 1 }))
  end)
end)

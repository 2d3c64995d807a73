--- `luawasm validate`, `wat` and `wasm`: files in, files out, and all that is wrong with them.
local cached = require "spec.support.cached"
local cli = require "spec.support.cli"
local wasm = require "wasm"

local GOOD = '(module (func $twice (export "double") (param i32) (result i32)'
  .. " (i32.add (local.get 0) (local.get 0))))"
local INVALID = "(module (func (result i32) (i64.const 0)))"
local CUT = "\0asm\1\0\0\0\1\5"

local TWICE = [[
(func $twice (type 0) (param i32) (result i32)
  (i32.add (local.get 0) (local.get 0)))
]]

describe("every command that reads a module", function()
  local file, remove = cli.files()
  teardown(remove)

  local CASES = {
    ["a file that is not there"] = { nil, "%s: No such file or directory" },
    ["an empty file"] = { "", "%s: not a WebAssembly module" },
    ["a file of another kind"] = { "\127ELF\2\1\1\0", "%s: not a WebAssembly module" },
    ["a module that is cut off"] = { CUT,
      "%s: malformed: length out of bounds: section of 5 bytes (at offset 0x8)" },
    ["an invalid module"] = { assert(wasm.wat(INVALID)), "%s: invalid: type mismatch: instruction "
      .. "requires [i32] but stack has [i64]: end (at offset 0x1a)" },
    ["an invalid text"] = { INVALID, "%s:1:41: invalid: type mismatch: instruction requires [i32] "
      .. "but stack has [i64]: end\n" .. INVALID .. "\n" .. (" "):rep(40) .. "^\n" },
    ["a text with a mistake"] = { "(module\n  (func (i32.cnst 0)))",
      "%s:2:10: unknown operator i32.cnst\n  (func (i32.cnst 0)))\n         ^\n" },
  }

  for _, command in ipairs { "run", "compile", "validate", "wat", "wasm", "inspect", "disasm",
                             "bench" } do
    for name, case in pairs(CASES) do
      it(("%s tells of %s"):format(command, name), function()
        local path = file("case", case[1])
        if not case[1] then os.remove(path) end
        local result = cli.run({ env = "XDG_CACHE_HOME=" .. file "" }, command, path)
        assert.equal(1, result.code, result.err)
        local message = "luawasm: " .. case[2]:format(path)
        assert.equal(message, result.err:sub(1, #message))
        assert.equal("", result.out)
      end)
    end

    it(command .. " tells of a directory", function()
      cli.fails(cli.run(command, file ""), 1, file "" .. ": Is a directory")
    end)

    it(command .. " calls what is piped in stdin", function()
      cli.fails(cli.run({ stdin = CUT }, command, "-"), 1, "stdin: malformed")
    end)
  end
end)

describe("luawasm validate", function()
  local file, remove = cli.files()
  teardown(remove)

  it("says nothing about valid modules", function()
    cli.prints(cli.run("validate", file("a.wat", GOOD), file("b.wasm", assert(wasm.wat(GOOD)))), "")
  end)

  it("looks at all files, whatever is wrong with some", function()
    local a, b, c = file("a.wasm", CUT), file("b.wat", GOOD), file("c.wat", INVALID)
    local result = cli.run("validate", a, b, c, file "nowhere")
    assert.equal(1, result.code)
    local lines = {}
    for line in result.err:gmatch("[^\n]+") do
      lines[#lines + 1] = line:match("^luawasm: ([^:]+)")
    end
    assert.same({ a, c, file "nowhere" }, lines)
  end)
end)

describe("luawasm wat", function()
  local file, remove = cli.files()
  local path = file("good.wat", GOOD)
  teardown(remove)

  it("prints text that assembles to the same module", function()
    local text = cli.run("wat", path)
    assert.equal(0, text.code)
    assert.equal(assert(wasm.wat(GOOD)), assert(wasm.wat(text.out)))
  end)

  it("writes a file", function()
    cli.prints(cli.run("wat", "-o", file "out", path), "")
    assert.equal(cli.run("wat", path).out, cached.read(file "out"))
    cli.prints(cli.run("wat", path, "--output=" .. file "out2"), "")
    assert.equal(cached.read(file "out"), cached.read(file "out2"))
  end)

  it("prints one function, by name, export or index", function()
    for _, which in ipairs { "twice", "double", "0" } do
      cli.prints(cli.run("wat", path, which), TWICE)
    end
  end)

  it("says where instructions lie", function()
    cli.prints(cli.run("wat", "--offsets", path, "twice"), [[
(func $twice (type 0) (param i32) (result i32)
  (i32.add (;@29;) (local.get 0 (;@25;)) (local.get 0 (;@27;))))
]])
  end)

  it("knows what is no function", function()
    for _, which in ipairs { "thrice", "1", "99999999999999999999" } do
      cli.fails(cli.run("wat", path, which), 1,
        ("%s: no text of function '%s': there is no such function"):format(path, which))
    end
  end)

  it("keeps a name from steering the terminal", function()
    local name = "\27[31m\xc2\x9b\7"
    local bytes = assert(wasm.wat('(module (func (export "\\1b[31m\\c2\\9b\\07")))'))
    local result = cli.run({ stdin = bytes }, "wat", "-")
    assert.is_nil(result.out:find(name, 1, true))
    assert.is_nil(result.out:find("[\0-\9\11-\31\127]"))
    assert.is_nil(result.out:find("\xc2\x9b", 1, true))
    assert.equal(bytes, assert(wasm.wat(result.out)))
  end)
end)

describe("luawasm wasm", function()
  local file, remove = cli.files()
  local path = file("good.wat", GOOD)
  teardown(remove)

  it("assembles, on stdout or into a file", function()
    local bytes = assert(wasm.wat(GOOD))
    cli.prints(cli.run("wasm", path), bytes)
    cli.prints(cli.run("wasm", path, "-o" .. file "out.wasm"), "")
    assert.equal(bytes, cached.read(file "out.wasm"))
    cli.prints(cli.run({ stdin = GOOD }, "wasm", "-", "-o", "-"), bytes)
  end)

  it("writes nothing when the module is invalid", function()
    local invalid = file("invalid.wat", INVALID)
    cli.fails(cli.run("wasm", invalid, "-o", file "not.wasm"), 1, invalid .. ":1:41: invalid: ")
    assert.is_nil(io.open(file "not.wasm"))
  end)

  it("writes it all the same with --no-validate", function()
    cli.prints(cli.run({ stdin = INVALID }, "wasm", "--no-validate", "-"),
      assert(wasm.wat(INVALID)))
  end)
end)

describe("output", function()
  local file, remove = cli.files()
  local path = file("good.wat", GOOD)
  teardown(remove)

  it("that cannot be written is an error", function()
    for command in pairs { wat = true, wasm = true } do
      cli.fails(cli.run(command, path, "-o", file "no/such/directory"), 1,
        file "no/such/directory" .. ": No such file or directory")
      cli.fails(cli.run(command, path, "-o", file ""), 1, file "" .. ": Is a directory")
      cli.fails(cli.run(command, path, "-o", "/dev/full"), 1, "/dev/full: No space left on device")
    end
  end)

  it("is looked at to its end when it is stdout", function()
    for _, command in ipairs { "wat", "wasm", "inspect", "disasm", "help" } do
      local words = command == "help" and "" or cli.quote(path)
      local result = cli.shell(("%s %s %s >/dev/full;"):format(cli.program(), command, words))
      cli.fails(result, 1, "stdout: No space left on device")
    end
  end)

  it("may be large, and go through pipes", function()
    local data = ("0123456789abcdef"):rep(1 << 17)
    local source = file("large.wat", '(module (memory 64) (data (i32.const 0) "' .. data .. '"))')
    local result = cli.shell(("%s wat %s | %s wasm - | cksum; %s wasm %s | cksum;"):format(
      cli.program(), source, cli.program(), cli.program(), source))
    local one, other = result.out:match("^(%d+ %d+)\n(%d+ %d+)\n$")
    assert.equal(one, other)
    assert.is_true(tonumber(one:match(" (%d+)")) > #data)
    assert.equal("", result.err)
  end)
end)

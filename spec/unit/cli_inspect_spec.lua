--- `luawasm inspect` and `disasm`.
local cli = require "spec.support.cli"
local wasm = require "wasm"

local MODULE = [[(module $things
  (import "env" "log" (func $log (param i32 f64)))
  (import "env" "memory" (memory 1 2))
  (table (export "table") 4 4 funcref)
  (table i64 10 20 externref)
  (memory (export "shared") i64 3 9 shared)
  (global (export "g") (mut i32) (i32.const 1))
  (tag $t (export "tag") (param i32))
  (func $f (export "f") (param i32) (result i32 i32) (local.get 0) (local.get 0)))]]

describe("luawasm inspect", function()
  local file, remove = cli.files()
  teardown(remove)

  it("lists what is in a module", function()
    local path = file("things.wat", MODULE)
    local bytes = assert(wasm.wat(MODULE))
    local hash = assert(wasm.compile(bytes)):hash()
    local result = cli.run("inspect", path)
    local head, sections = result.out:match("^(.-\n)\nsections\n(.*)$")
    local needed = head:match("needs +(.-)\n\n")
    cli.prints({ out = head, err = result.err, code = result.code }, ([[
PATH: SIZE bytes, hash HASH
  name          things
  needs         NEEDS

imports (2)
  function  env.log     (i32, f64) -> ()
  memory    env.memory  1 2

exports (5)
  table     table   4 4 funcref
  memory    shared  i64 3 9 shared
  global    g       (mut i32)
  tag       tag     (i32) -> ()
  function  f       (i32) -> (i32, i32)

memories
  0  1 to 2 pages of 64 KiB, imported
  1  3 to 9 pages of 64 KiB, 64-bit, shared

tables
  0  4 funcref
  1  10 to 20 externref, 64-bit
]]):gsub("%u%u+", { PATH = path, SIZE = tostring(#bytes), HASH = hash,
                    NEEDS = needed }))
    local needs = {}
    for word in needed:gmatch("[%w-]+") do needs[word] = true end
    assert.same({ ["exceptions"] = true, ["memory64"] = true, ["multi-memory"] = true,
                  ["multi-value"] = true, ["reference-types"] = true, ["threads"] = true }, needs)
    local seen = {}
    for name, offset, size, entries in sections:gmatch("  (%S+) +0x(%x+) +(%d+) *(%d*)\n") do
      seen[#seen + 1] = { name, tonumber(offset, 16), tonumber(size), tonumber(entries) }
    end
    local at = 8
    for k, section in ipairs(seen) do
      assert.equal(at, section[2], section[1])
      at = at + section[3]
      seen[k] = section[1] .. " " .. tostring(section[4])
    end
    assert.same({ "type 3", "import 2", "function 1", "table 2", "memory 1", "tag 1", "global 1",
                  "export 5", "code 1" }, seen)
    assert.truthy(sections:find('  custom "name" +0x%x+ +%d+\n$'))
  end)

  it("needs nothing for an empty module", function()
    local result = cli.run({ stdin = "(module)" }, "inspect", "-")
    cli.prints(result, "stdin: 8 bytes, hash " .. assert(wasm.compile("(module)")):hash()
      .. "\n  needs         nothing beyond WebAssembly 1.0\n\n"
      .. "sections\n  name  offset  bytes  entries\n")
  end)

  it("tells of the tools that made a module", function()
    local result = cli.run("inspect", "examples/guests/queens.wasm")
    assert.equal(0, result.code)
    assert.truthy(result.out:find("\n  processed%-by  Debian clang 22[^\n]*\n"), result.out)
    assert.truthy(result.out:find("\n  target        %+bulk%-memory [^\n]*\n"), result.out)
    assert.truthy(result.out:find("\n  function  host.found  (i32, i32) -> ()\n", 1, true))
  end)

  -- Custom sections may hold anything.
  for name, contents in pairs {
    ["a count without entries"] = "\\ff\\ff\\ff\\ff\\0f",
    ["a name longer than the section"] = "\\01\\ff\\ff\\ff\\ff\\0fabc",
    ["a number that does not end"] = "\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff",
    ["nothing"] = "",
  } do
    it("passes over sections that are damaged: " .. name, function()
      local text = ('(module (@custom "producers" "%s") (@custom "target_features" "%s")'
        .. ' (@custom "name" "%s"))'):format(contents, contents, contents)
      local result = cli.run({ stdin = text }, "inspect", "-")
      assert.equal("", result.err)
      assert.equal(0, result.code)
      local line = "\n  needs         nothing beyond WebAssembly 1.0\n\nsections\n"
      assert.truthy(result.out:find(line, 1, true), result.out)
    end)
  end

  it("keeps names from steering the terminal", function()
    local result = cli.run({ stdin = [[(module $"\1b]0;a\07" (import "\1b[1m" "\0a" (func))
      (export "\c2\9b" (func 0)) (@custom "\1b[2J" "")
      (@custom "producers" "\01\01\1b\01\01\1b\00"))]] }, "inspect", "-")
    assert.equal(0, result.code, result.err)
    assert.is_nil(result.out:find("[\0-\9\11-\31\127]"))
    assert.is_nil(result.out:find("\xc2\x9b", 1, true))
    assert.truthy(result.out:find("function  \\x1b[1m.\\n  () -> ()", 1, true), result.out)
  end)
end)

describe("luawasm disasm", function()
  local file, remove = cli.files()
  local path = file("things.wat", '(module (import "a" "b" (func $out)) (func $f (export "g"))'
    .. " (func $h (call $out)))")
  teardown(remove)

  it("prints what mod:disasm gives, of one function or of all", function()
    local mod = assert(wasm.load(path))
    local f, h = mod:disasm(1), mod:disasm(2)
    for _, which in ipairs { "f", "g", "1" } do
      cli.prints(cli.run("disasm", path, which), f)
    end
    cli.prints(cli.run("disasm", path), f .. "\n" .. h)
    local plain = assert(wasm.load(path, { effort = 0 }))
    cli.prints(cli.run("disasm", "--effort", "0", path, "h"), plain:disasm(2))
  end)

  it("shows a terminal nothing that it obeys", function()
    local evil = file("evil.wat",
      '(module (func $"\xc2\x9b5m\\1b[2J" (call $"\xc2\x9b5m\\1b[2J")))')
    local result = cli.run("disasm", evil)
    assert.truthy(result.out:find('call $"\\c2\\9b5m\\1b[2J"', 1, true), result.out)
    assert.falsy(result.out:find("\xc2\x9b", 1, true))
  end)

  it("knows what has no code", function()
    for _, which in ipairs { "out", "0", "3", "x" } do
      cli.fails(cli.run("disasm", path, which), 1,
        ("%s: no function '%s' is defined in it"):format(path, which))
    end
  end)

  it("knows three efforts", function()
    for _, value in ipairs { "3", "x", "-1" } do
      cli.fails(cli.run("disasm", "--effort", value, path), 2,
        ("option '--effort': '%s' is no number from 0 to 2"):format(value))
    end
  end)
end)

--- `luawasm bench`: that it measures what it says, not how fast anything is.
local cli = require "spec.support.cli"

local MODULE = [[(module
  (global $n (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "none"))
  (func (export "mix") (param f32 f64 i64 externref funcref) (result f32 f64) (local.get 0)
    (local.get 1)))]]

local LINE = "^(%S+) +min +([%d.]+) ([mnu]?s)   median +([%d.]+) ([mnu]?s)   (.*)$"
local UNITS = { s = 1, ms = 1e-3, us = 1e-6, ns = 1e-9 }

-- The lines of measurements: by name, what stands at their end.
local function lines(result)
  local found = {}
  for line in result.out:gmatch("[^\n]+") do
    local what, least, unit, median, its_unit, more = line:match(LINE)
    if what then
      assert(tonumber(least) > 0)
      assert(tonumber(least) * UNITS[unit] <= tonumber(median) * UNITS[its_unit], line)
      found[what] = more
    end
  end
  return found
end

describe("luawasm bench", function()
  local file, remove = cli.files()
  local path = file("a.wat", MODULE)
  teardown(remove)

  it("measures validation and compilation", function()
    local result = cli.run("bench", "-n", "5", path)
    assert.equal("", result.err)
    assert.equal(0, result.code)
    local found = lines(result)
    assert.truthy(found.validate:find("^%d+%.%d MB/s, 5 samples$"), found.validate)
    assert.truthy(found.compile:find("^%d+%.%d MB/s, 5 samples$"), found.compile)
    assert.is_nil(found.call)
    assert.truthy(result.out:find("^" .. path:gsub("%p", "%%%0") .. ": %d+ bytes\n"), result.out)
  end)

  it("measures calls and shows the result", function()
    for _, words in ipairs { { "--invoke", "add", path, "40", "-3" },
                             { path, "--invoke", "add", "40", "-3" } } do
      local result = cli.run("bench", "-n2", "--effort=0", table.unpack(words))
      assert.equal("", result.err)
      assert.equal(0, result.code)
      assert.truthy(lines(result).call:find("^2 samples of %d+ calls?$"))
      assert.truthy(result.out:find("\nresult     37\n$"), result.out)
    end
    local result = cli.run("bench", "-n", "1", path, "--invoke", "none")
    assert.truthy(result.out:find("\nresult     none\n$"), result.out)
  end)

  it("passes values of all types", function()
    local result = cli.run("bench", "-n", "1", path, "--invoke", "mix", "0.1", "-inf", "-1", "x",
      "null")
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find("\nresult     0.1\n           %-inf\n$"), result.out)
  end)

  it("calls what has more parameters than Lua has locals", function()
    local many = file("many.wat", ('(module (func (export "f") (param%s) (result i32)'
      .. " (local.get 299)))"):format((" i32"):rep(300)))
    local words = {}
    for k = 1, 300 do words[k] = tostring(k) end
    local result = cli.run("bench", "-n", "1", many, "--invoke", "f", table.unpack(words))
    assert.truthy(result.out:find("\nresult     300\n$"), result.out .. result.err)
  end)

  it("tells what is wrong with a call", function()
    for message, case in pairs {
      [path .. ": no export 'sub'; its functions: add, div, none, mix"] =
        { 1, "--invoke", "sub", path },
      ["add takes 2 arguments (i32, i32), not 1"] = { 1, "--invoke", "add", path, "1" },
      [path .. ": trap: integer divide by zero"] = { 134, "--invoke", "div", path, "1", "0" },
    } do
      local result = cli.run("bench", "-n", "1", table.unpack(case, 2))
      assert.equal(case[1], result.code)
      assert.equal("luawasm: " .. message, result.err:match("^[^\n]*"))
    end
    cli.fails(cli.run("bench", path, "add"), 2, "arguments need a function: --invoke NAME")
    cli.fails(cli.run("bench", "-n", "0", path), 2,
      "option '--samples': '0' is no number from 1 to 1000000")
  end)
end)

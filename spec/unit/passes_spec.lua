--- What the passes of the compiler cost, told by wasm.stats("passes").
local wasm = require "wasm"

-- Not in the registry of compiled code, whatever ran before: each has a number of its own.
local number = 0
local function fresh()
  number = number + 1
  return ([[(func (export "f") (param i32) (result i32) (i32.const %d))
    (func (export "g") (param i32) (result i32) (call 0 (local.get 0)))]]):format(990000 + number)
end

local function compile(opts)
  local options = { cache = false, eager = true }
  for key, value in pairs(opts or {}) do options[key] = value end
  return assert(wasm.compile(fresh(), options))
end

local function by_name(passes)
  local rows = {}
  for _, row in ipairs(passes) do rows[row.pass] = row end
  return rows
end

describe("the pass table", function()
  after_each(function() wasm.stats("passes", false) end)

  it("is not kept until somebody asks", function()
    wasm.stats("passes", true)
    wasm.stats("passes", false)
    compile()
    local passes = wasm.stats("passes")
    assert.is_false(passes.measuring)
    assert.equal(0, passes.functions)
    for _, row in ipairs(passes) do assert.equal(0, row.ns) end
  end)

  it("has every pass that ran, and the counts of the module's own figures", function()
    assert.is_true(wasm.stats("passes", true).measuring)
    local info = compile():info()
    local passes = wasm.stats("passes", false)
    local rows = by_name(passes)
    for _, name in ipairs { "decode", "validate", "facts", "build", "live", "fuse", "select",
                            "uses", "ra", "emit", "link" } do
      assert.is_true(rows[name].ns > 0, name)
    end
    for _, name in ipairs { "facts", "build", "live", "select", "uses", "ra", "emit" } do
      assert.is_true(rows[name].bytes >= rows[name].most, name)
    end
    assert.is_true(rows.build.most > 0)
    assert.equal(2, passes.functions)
    for _, key in ipairs { "wasm_bytes", "ir_instructions", "spills", "reloads", "moves" } do
      assert.equal(info[key], passes[key], key)
    end
    assert.is_true(passes.code_bytes > 0 and passes.code_bytes <= info.code_bytes)
  end)

  it("has no figures of the real allocator at effort 0", function()
    wasm.stats("passes", true)
    compile { effort = 0 }
    local rows = by_name(wasm.stats("passes", false))
    assert.equal(0, rows.uses.ns)
    assert.equal(0, rows.fuse.ns)
    assert.is_true(rows.ra.ns > 0)
  end)

  it("counts functions that are compiled when they are called", function()
    wasm.stats("passes", true)
    local inst = assert(compile { eager = false }:instantiate())
    inst.exports.g(1)
    require "wasm.core".drain()
    assert.equal(2, wasm.stats("passes", false).functions)
  end)

  it("starts from nothing when asked again", function()
    wasm.stats("passes", true)
    compile()
    assert.equal(0, wasm.stats("passes", true).functions)
  end)

  it("counts what is left to the simple allocator", function()
    wasm.stats("passes", true)
    -- 600 locals alive around 600 blocks: more steps than the real one may take
    local parts = { "(func (param i32)" .. (" (local i64)"):rep(600) }
    for i = 1, 600 do
      parts[#parts + 1] = ("(local.set %d (i64.extend_i32_u (local.get 0)))"):format(i)
    end
    for _ = 1, 600 do
      parts[#parts + 1] = "(if (local.get 0) (then (local.set 0 (i32.ctz (local.get 0)))))"
    end
    for i = 1, 600 do
      parts[#parts + 1] = ("(drop (i64.load (i32.wrap_i64 (local.get %d))))"):format(i)
    end
    parts[#parts + 1] = ") (memory 1)"
    local mod = assert(wasm.compile(table.concat(parts, "\n"), { cache = false, eager = true }))
    local passes = wasm.stats("passes", false)
    assert.equal(mod:info().fallbacks, passes.fallbacks)
    assert.equal(1, passes.fallbacks)
  end)

  it("reads as a table", function()
    wasm.stats("passes", true)
    compile()
    local text = tostring(wasm.stats("passes", false))
    assert.truthy(text:find("^pass +ms +%% +ns/byte +mem/byte +most bytes\n"))
    assert.truthy(text:find("\nemit +%d+%.%d"))
    assert.truthy(text:find("\nall +%d+%.%d+ +100.0"))
    assert.truthy(text:find("2 functions (0 to the simple allocator)", 1, true))
  end)

  it("is for true and false, and there is nothing else to ask for", function()
    assert.is_false(pcall(wasm.stats, "passes", 1))
    assert.is_false(pcall(wasm.stats, "nothing"))
    assert.is_true(wasm.stats().codes >= 0)
  end)
end)

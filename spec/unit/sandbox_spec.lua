--- wasm.sandbox: grants and limits of one mod, and the report of what it would get.
local wasm = require "wasm"

local MOD = [[(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "secret" (func (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "count") (result i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (call $log (i32.load (i32.const 0)))
    (i32.load (i32.const 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "spin") (loop (br 0))))]]

local function box(more)
  local opts = { imports = { env = { log = function() end, secret = function(n) return n end } },
                 wasi = { args = { "a", "b", "c" } } }
  for key, value in pairs(more or {}) do opts[key] = value end
  return wasm.sandbox(opts)
end

describe("a sandbox", function()
  it("gives its mod what is named, within its limits", function()
    local inst = assert(box { memory_max = 3 * 65536, fuel = 1000, timeout = 60 }:run(MOD))
    assert.equal(3, inst.exports.count())
    assert.equal(1, inst.exports.grow(2))
    assert.equal(-1, inst.exports.grow(1))
    local ok, err = pcall(inst.exports.spin)
    assert.is_false(ok)
    assert.equal("limit", err.kind)
  end)

  it("gives each instance a WASI of its own", function()
    local b = box { wasi = { stdout = "buffer" } }
    local mod = assert(b:compile(MOD))
    assert.equal(0, assert(b:instantiate(mod)).exports.count())
    assert.equal(0, assert(b:instantiate(mod)).exports.count())
  end)

  it("grants nothing that is not named", function()
    local inst, err = wasm.sandbox():run(MOD)
    assert.is_nil(inst)
    assert.equal("link", err.kind)
    inst, err = wasm.sandbox { imports = box().imports }:run(MOD)
    assert.is_nil(inst)
    assert.truthy(tostring(err):find("wasi_snapshot_preview1", 1, true))
    inst = wasm.sandbox { features = { gc = false } }:run("(module (type (struct)))")
    assert.is_nil(inst)
  end)

  it("says what is wrong with a grant", function()
    local inst, err = box { wasi = { dirs = { ["/"] = "/no/such/directory" } } }:run(MOD)
    assert.is_nil(inst)
    assert.equal("io", err.kind)
    for options, text in pairs {
      [{ warp = 1 }] = "unknown option 'warp' to 'sandbox'",
      [{ imports = 5 }] = "option 'imports': table expected, got number",
      [{ wasi = true }] = "option 'wasi': table expected, got boolean",
    } do
      local ok, why = pcall(wasm.sandbox, options)
      assert.is_false(ok)
      assert.truthy(why:find(text, 1, true), why)
    end
  end)

  it("reports what a module asks for and what it would get", function()
    local b = wasm.sandbox {
      imports = { env = { log = print } },
      wasi = { dirs = { ["/cfg"] = { path = "cfg", read_only = true }, ["/mem"] = { a = "b" },
                        ["/sql"] = { stat = print } },
               env = { HOME = "/" }, clock = "fake", random = 7 },
      fuel = 500,
    }
    local text, complete = b:report(assert(b:compile(MOD)))
    assert.is_false(complete)
    for _, line in ipairs {
      "  function env.log (i32) -> (): a Lua function",
      "  function env.secret (i32) -> i32: NOTHING, so it cannot be instantiated",
      "  WASI: calls: args_sizes_get",
      "  WASI: directories: /cfg -> cfg, only for reading; /mem in memory; "
        .. "/sql by functions",
      "  WASI: environment: HOME",
      "  WASI: arguments: 0; clock: fake; random: seeded; sockets: none",
      "  fuel: 500", "  timeout: none",
    } do
      assert.truthy(text:find(line .. "\n", 1, true), line .. "\n-- is not in --\n" .. text)
    end
    assert.is_true(select(2, box():report(assert(wasm.compile(MOD)))))
    assert.truthy(wasm.sandbox():report(assert(wasm.compile("(module)"))):find("  nothing\n"))
  end)

  it("writes out what could steer a terminal", function()
    local mod = assert(wasm.compile('(module (import "a\\1bb" "\\c2\\9b" (func)))'))
    local text = wasm.sandbox():report(mod)
    assert.is_nil(text:find("[\0-\9\11-\31\127-\255]"))
    assert.truthy(text:find("a\\x1bb.\\xc2\\x9b", 1, true), text)
  end)
end)

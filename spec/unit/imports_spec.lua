--- Where imports come from, and what is said when they are missing or wrong.
local wasm = require "wasm"

local MOD = assert(wasm.compile [[(module
  (import "env" "log" (func $log (param i32)))
  (import "env" "mem" (memory 1))
  (func (export "go") (call $log (i32.load (i32.const 0)))))]])

describe("imports", function()
  it("come from a table of tables", function()
    local seen
    local inst = assert(MOD:instantiate { env = { log = function(x) seen = x end,
      mem = wasm.memory { min = 1 } } })
    inst.exports.go()
    assert.equal(0, seen)
  end)

  it("come from tables with __index", function()
    local asked = {}
    local function lazy(make)
      return setmetatable({}, { __index = function(_, k)
        asked[#asked + 1] = k
        return make(k)
      end })
    end
    assert(MOD:instantiate(lazy(function()
      return lazy(function(k) return k == "log" and print or wasm.memory { min = 1 } end)
    end)))
    assert.same({ "env", "log", "env", "mem" }, asked)
  end)

  it("come from an instance", function()
    local env = assert(wasm.run [[(module (memory (export "mem") 1) (data (i32.const 0) "\07")
      (global $seen (export "seen") (mut i32) (i32.const 0))
      (func (export "log") (param i32) (global.set $seen (local.get 0))))]])
    assert(MOD:instantiate { env = env }).exports.go()
    assert.equal(7, env.exports.seen.value)
    assert(MOD:instantiate(env)).exports.go()
    assert(MOD:instantiate { env = env.exports }).exports.go()
  end)

  it("come from a function that is asked for each", function()
    local asked = {}
    assert(MOD:instantiate(function(module, name, type, kind)
      asked[#asked + 1] = { module, name, type, kind }
      return name == "log" and print or wasm.memory { min = 1 }
    end))
    assert.same({ { "env", "log", "(i32) -> ()", "function" }, { "env", "mem", "1", "memory" } },
      asked)
  end)

  it("let an error of that function through", function()
    local mine = {}
    local ok, err = pcall(MOD.instantiate, MOD, function() error(mine) end)
    assert.is_false(ok)
    assert.is_true(rawequal(mine, err))
  end)

  it("may give a number for an immutable global", function()
    local inst = assert(wasm.run([[(module (import "e" "pi" (global $pi f64))
      (import "e" "n" (global $n i32))
      (func (export "get") (result f64 i32) global.get $pi global.get $n))]],
      { e = { pi = 3.25, n = 7 } }))
    assert.same({ 3.25, 7 }, { inst.exports.get() })
  end)

  local function fails(imports, kind, ...)
    local inst, err = MOD:instantiate(imports)
    assert.is_nil(inst)
    assert.equal(kind, err.kind)
    for _, text in ipairs { ... } do
      assert.truthy(err.message:find(text, 1, true), err.message)
    end
  end

  it("that are missing are listed with what is wanted", function()
    fails(nil, "link", 'unknown import "env" "log": wanted function (i32) -> ()',
      '"env" "mem": wanted memory 1')
    fails({ env = { log = print } }, "link", 'unknown import "env" "mem": wanted memory 1')
  end)

  it("of another kind or type are told with what was given", function()
    fails({ env = { log = "text", mem = wasm.memory { min = 1 } } }, "link",
      'incompatible import type for "env" "log": wanted function (i32) -> (), given string')
    fails({ env = { log = print, mem = wasm.global("i32", 1) } }, "link",
      'incompatible import type for "env" "mem": wanted memory 1, given global i32')
    fails({ env = { log = print, mem = wasm.memory { min = 0 } } }, "link",
      'wanted memory 1, given memory 0')
  end)

  it("that are misused raise", function()
    assert.is_false(pcall(MOD.instantiate, MOD, 5))
    assert.is_false(pcall(MOD.instantiate, MOD, "env"))
  end)
end)

--- API row 14: a host function raises.
local wasm = require "wasm"

local SOURCE = [[(module $middle (import "env" "f" (func $f (param i32) (result i32)))
  (func $deep (param i32) (result i32) (call $f (local.get 0)))
  (func (export "run") (param i32) (result i32) (call $deep (local.get 0))))]]

describe("row 14: a host function that raises", function()
  local f
  local inst = assert(wasm.run(SOURCE, { env = { f = function(x) return f(x) end } }))
  local run = inst.exports.run

  local values = { a_table = {}, a_string = "oops", a_number = 12, a_boolean = false,
                   a_function = print, a_thread = coroutine.create(print) }
  for name, value in pairs(values) do
    it("comes out of the call as the same value: " .. name, function()
      f = function() error(value, 0) end
      local ok, err = pcall(run, 1)
      assert.is_false(ok)
      assert.is_true(rawequal(value, err))
      local co = coroutine.create(run)
      ok, err = coroutine.resume(co, 1)
      assert.is_false(ok)
      assert.is_true(rawequal(value, err))
    end)
  end

  it("comes out as nil when it was nil", function()
    f = function() error(nil) end
    assert.same({ false, n = 2 }, table.pack(pcall(run, 1)))
  end)

  it("after a yield comes out of resume as the same value", function()
    local mine = {}
    f = function() coroutine.yield() error(mine) end
    local co = coroutine.create(run)
    assert.is_true(coroutine.resume(co, 1))
    local ok, err = coroutine.resume(co)
    assert.is_false(ok)
    assert.is_true(rawequal(mine, err))
  end)

  it("leaves the instance usable", function()
    f = function() error("x") end
    for _ = 1, 1000 do assert(not pcall(run, 1)) end
    f = function(x) return x + 1 end
    assert.equal(6, run(5))
  end)

  it("has its trace recorded, Lua and wasm interleaved", function()
    local function failing() error("deep inside", 0) end
    f = function(x)
      if x == 0 then failing() end
      return run(x - 1)
    end
    assert.is_false(pcall(run, 1))
    local trace = wasm.traceback()
    assert.truthy(trace:find("^deep inside\nstack traceback:"), trace)
    local order = {}
    for line in trace:gmatch("\n\t([^\n]+)") do
      if line:find("row_14") or line:find("^wasm:") then
        order[#order + 1] = line:match("^wasm: in function '(%w+)'") or "lua"
      end
    end
    assert.same({ "lua", "lua", "deep", "run", "lua", "deep", "run", "lua" }, order)
  end)

  it("is reported whatever a script has put into its frames", function()
    local guest = assert(wasm.run [[(func (export "f") unreachable)]])
    local _, err = pcall(guest.exports.f)
    local fleeting = setmetatable({}, { __index = function(_, key)
      collectgarbage()
      return key:rep(500)
    end })
    err.frames = { fleeting, { kind = "wasm", name = 1e15 / 3, module = {} },
                   { name = 2.5, file = 1e100, line = "7", what = true }, false, 3 }
    for _ = 1, 5 do assert.truthy(tostring(err):find("trap: unreachable", 1, true)) end
  end)

  it("can be caught by the host and does no harm", function()
    f = function(x)
      if x == 0 then error("bottom") end
      local ok = pcall(run, x - 1)
      return ok and 1 or 100
    end
    assert.equal(100, run(1))
  end)

  it("gives a clear error for results of the wrong type", function()
    f = function() return "text" end
    local ok, err = pcall(run, 1)
    assert.is_false(ok)
    assert.truthy(err:find("bad result #1 of import 'env.f' (i32 expected, got string)", 1, true))
    f = function() end
    ok, err = pcall(run, 1)
    assert.is_false(ok)
    assert.truthy(err:find("bad result #1 of import 'env.f' (i32 expected, got nil)", 1, true))
  end)
end)

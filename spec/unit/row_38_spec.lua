--- API row 38: os.exit in a host function, lua_close with calls parked.
local LUA = os.getenv("LUA") or "lua5.4"

--- Run Lua code in a process of its own: how it ended, and what it printed.
local function run(code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local pipe = assert(io.popen(("%s %s 2>&1"):format(LUA, path)))
  local out = pipe:read("a")
  local _, how, status = pipe:close()
  os.remove(path)
  return how .. " " .. status, out
end

local HEAD = [[
  local wasm = require "wasm"
  local mod = assert(wasm.compile('(module (import "env" "f" (func $f)) (memory (export "m") 1) '
    .. '(table (export "t") 2 funcref) (func (export "run") call $f))'))
  local function make(f) return assert(mod:instantiate { env = { f = f } }) end
]]

local cases = {
  ["os.exit in a host function"] = "make(function() os.exit(3) end).exports.run()",
  ["os.exit that closes the state, in a host function"] =
    "make(function() os.exit(3, true) end).exports.run()",
  ["os.exit in a host function in a coroutine"] =
    "coroutine.wrap(make(function() os.exit(3, true) end).exports.run)()",
  ["os.exit two calls deep"] = [[
    local inner = make(function() os.exit(3, true) end)
    make(function() inner.exports.run() end).exports.run()]],
  ["the state closed with calls parked"] = [[
    local kept = {}
    local inst = make(coroutine.yield)
    for i = 1, 100 do
      kept[i] = coroutine.create(inst.exports.run)
      assert(coroutine.resume(kept[i]))
    end
    os.exit(3, true)]],
  ["the state closed with everything in a global table"] = [[
    ALL = { make(print), wasm.memory { min = 1 }, wasm.table { "funcref", min = 1 },
      wasm.global("externref", {}), wasm.func("() -> ()", print), wasm }
    ALL.exports = ALL[1].exports
    ALL[3][1] = ALL[5]
    ALL.view = ALL[2]:view("u8", 0, 5)
    os.exit(3, true)]],
  ["finalizers that use what is closed already"] = [[
    local early = setmetatable({}, { __gc = function(t)
      for _, f in ipairs(t) do pcall(f) end
      pcall(wasm.compile, "(module)")
      pcall(wasm.memory, { min = 1 })
      pcall(mod.instantiate, mod, { env = { f = print } })
      pcall(tostring, t.inst)
    end })
    local inst = make(print)
    early[1], early.inst = inst.exports.run, inst
    early[2] = function() return inst.exports.m:u8(0) end
    early[3] = function() return inst.exports.t[1] end
    early[4] = function() return inst:close() end
    KEPT = early
    os.exit(3, true)]],
}

describe("row 38: no crash and no leak at the end:", function()
  for name, code in pairs(cases) do
    it(name, function()
      local how, out = run(HEAD .. code)
      assert.equal("exit 3", how, out)
      assert.equal("", out)
    end)
  end

  it("a finalizer made before the module was loaded", function()
    local how, out = run([[
      FIRST = setmetatable({}, { __gc = function(t) for _, f in ipairs(t) do pcall(f) end end })
    ]] .. HEAD .. [[
      local inst = make(print)
      FIRST[1] = inst.exports.run
      FIRST[2] = function() wasm.compile("(module)") end
      FIRST[3] = function() inst.exports.m:u8(0) end
      FIRST[4] = function() wasm.global("externref", {}).value = 1 end
      FIRST[5] = function() wasm.func("() -> ()", print):fn()() end
      os.exit(3, true)]])
    assert.equal("exit 3", how, out)
    assert.equal("", out)
  end)
end)

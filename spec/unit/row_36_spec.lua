--- API row 36: mappings refused by the system give nil and an error of kind "nomem".
local weight = require "spec.support.weight"

local LUA = os.getenv("LUA") or "lua5.4"

--- Run Lua code in a process with limited address space; its output.
local function limited(kib, code)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local pipe = assert(io.popen(("ulimit -v %d; %s %s 2>&1"):format(kib, LUA, path)))
  local out = pipe:read("a")
  pipe:close()
  os.remove(path)
  return out
end

describe("row 36: mappings refused by the system", function()
  if weight.sanitized then
    it("cannot be tried where a sanitizer reserves terabytes", function() end)
    return
  end

  it("fall back to explicit bounds where a reservation is refused", function()
    local out = limited(4000000, [[
      local wasm = require "wasm"
      local inst = assert(wasm.run('(module (memory (export "m") 1) (func (export "f") '
        .. '(param i32) (result i32) (i32.load (local.get 0))))'))
      inst.memory:i32(8, 42)
      print(inst:stats().bounds, inst.exports.f(8), pcall(inst.exports.f, 65533))]])
    assert.truthy(out:find("^explicit\t42\tfalse\t"), out)
    assert.truthy(out:find("out of bounds memory access", 1, true), out)
  end)

  it("give nil and what to do about it where nothing helps", function()
    local out = limited(600000, [[
      local wasm = require "wasm"
      local inst, err = wasm.run('(module (memory 16384))')
      print(inst, err.kind, #err.message > 10)]])
    assert.truthy(out:find("^nil\tnomem\ttrue"), out)
  end)

  it("do so for memories and tables made by Lua", function()
    local out = limited(600000, [[
      local wasm = require "wasm"
      local m, err = wasm.memory { min = 16384 }
      print(m, err.kind)]])
    assert.truthy(out:find("^nil\tnomem"), out)
  end)
end)

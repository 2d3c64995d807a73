--- spec/diff/bisect.lua finds a pass that was damaged on purpose, and the function.
local core = require "wasm.core"

if not core.pass_limit then return end -- only in builds for specs

local LUA = os.getenv("LUA") or "lua5.4"

local function quote(s)
  return "'" .. s:gsub("'", "'\\''") .. "'"
end

--- Its output and exit code for a module in text.
local function bisect(wat, damage, ...)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(wat)
  file:close()
  local words = { "DAMAGE=" .. quote(damage), LUA, "spec/diff/bisect.lua", path }
  for _, word in ipairs { ... } do words[#words + 1] = quote(word) end
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local text = pipe:read("a")
  local _, _, code = pipe:close()
  os.remove(path)
  return text, code
end

-- Twenty functions that each add something and call the next one, too large to be inlined;
-- index 0 is an import.
local NOPS = ("(nop)"):rep(10)
local function chain()
  local parts = { [[(module (import "env" "host" (func $host (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "go") (param i32) (result i32) (call $f1 (call $host (local.get 0))))
    (func (export "other") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))]] }
  for n = 1, 20 do
    parts[#parts + 1] = ("(func $f%d (param i32) (result i32) %s %s)"):format(n, NOPS, n < 20
      and ("(call $f%d (i32.add (local.get 0) (i32.const %d)))"):format(n + 1, n * 7)
      or "(i32.add (local.get 0) (i32.const 9))")
  end
  return table.concat(parts, "\n") .. ")"
end

describe("bisection", function()
  local optional = {}
  for _, row in ipairs(core.stats("passes")) do
    if row.optional then optional[#optional + 1] = row.pass end
  end

  for _, pass in ipairs(optional) do
    it(("finds pass '%s' and the function it went wrong in"):format(pass), function()
      for _, index in ipairs { 3, 9, 22 } do
        local text, code = bisect(chain(), ("%s=%d"):format(pass, index))
        assert.equal(1, code, text)
        assert.truthy(text:find(("pass '%s' makes the difference in function %d, $f%d\n"):format(
          pass, index, index - 2), 1, true), text)
      end
    end)
  end

  it("looks at one call where that is given", function()
    local text, code = bisect(chain(), "ra=9", "go 7")
    assert.equal(1, code, text)
    assert.truthy(text:find("with them: +1 go%(7%) = "), text)
    assert.truthy(text:find("in function 9, $f7\n", 1, true), text)
    text, code = bisect(chain(), "ra=9", "other 7")
    assert.equal(0, code, text)
    assert.truthy(text:find("^no difference: "), text)
  end)

  it("works in another mode", function()
    local text, code = bisect(chain(), "ra=12", "", "explicit")
    assert.equal(1, code, text)
    assert.truthy(text:find("in function 12, $f10\n", 1, true), text)
  end)

  it("says so when there is nothing to find", function()
    local text, code = bisect(chain(), "")
    assert.equal(0, code, text)
    assert.truthy(text:find("^no difference: "), text)
  end)

  it("takes whatever a damaged function does: here it calls itself until it overflows", function()
    local text, code = bisect([[(module (func $f (export "f") (param i32) (result i32) ]]
      .. NOPS:rep(5) .. [[(if (result i32) (i32.gt_s (local.get 0) (i32.const 5))
        (then (local.get 0))
        (else (call $f (i32.add (local.get 0) (i32.const 1)))))))]], "ra=0", "f 0")
    assert.equal(1, code, text)
    assert.truthy(text:find("pass 'ra' makes the difference in function 0, $f", 1, true), text)
  end)

  it("says so when the module cannot be tried at all", function()
    local text, code = bisect("(module (func (result i32)))", "")
    assert.equal(2, code, text)
    text, code = bisect(chain(), "", "nothing 1")
    assert.equal(2, code, text)
    assert.truthy(text:find("no function is exported as 'nothing'", 1, true), text)
  end)

  it("knows only passes that may be left out, and indexes", function()
    assert.is_false(pcall(core.pass_limit, "emit", 0, 0))
    assert.is_false(pcall(core.pass_limit, "ra", -1, 0))
    assert.is_false(pcall(core.pass_limit, "ra", 0, 1 << 32))
  end)
end)

describe("a pass that is limited", function()
  local wasm = require "wasm"
  local bytes = assert(wasm.wat([[(module
    (func $a (param i32 i32) (result i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0)
      (i32.const 1))))) (local.get 1))
    (func $b (param i32 i32) (result i32) (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0)
      (i32.const 1))))) (local.get 1)))]]))

  it("is made for functions in the range only", function()
    finally(function() core.pass_limit("ra", 0, 0xffffffff) end)
    local function ra(func, effort)
      return core.dump(bytes, func, "ra", { effort = effort, unroll = false })
    end
    local real, simple = { ra(0, 1), ra(1, 1) }, { ra(0, 0), ra(1, 0) }
    assert.not_equal(real[1], simple[1])
    core.pass_limit("ra", 0, 1)
    assert.same({ real[1], simple[2] }, { ra(0, 1), ra(1, 1) })
    core.pass_limit("ra", 1, 2)
    assert.same({ simple[1], real[2] }, { ra(0, 1), ra(1, 1) })
  end)
end)

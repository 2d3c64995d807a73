--- Long lists of types that are not simply equal, and long lines of supertypes: how much of that a
--- module may have validated, and that what is short stays valid.
local bytes = require "spec.support.bytes"
local wasm = require "wasm"

local u, vec, section = bytes.u, bytes.vec, bytes.section
local DEPTH = 64 -- types, each the supertype of the next

-- 0 .. 63: structs without fields, each below the one before.
local function line()
  local types = { "\x50\0\x5f\0" }
  for k = 1, DEPTH - 1 do types[k + 1] = "\x50\1" .. u(k - 1) .. "\x5f\0" end
  return types
end

local function list(type, n) return u(n) .. type:rep(n) end
local TOP, DEEP = "\x64\0", "\x64" .. u(DEPTH - 1)
local RETURNS_DEEP, WANTS_TOP, RETURNS_TOP, NOTHING = 64, 65, 66, 68

-- Function 0 returns 1,000 of the lowest type, function 1 takes as many of the highest, and then
-- come functions of that type with this code, which is never reached.
local function module_of(type, code, functions, tag, nresults)
  local types = line()
  types[65] = "\x60\0" .. list(DEEP, nresults or 1000)
  types[66] = "\x60" .. list(TOP, 1000) .. "\0"
  types[67] = "\x60\0" .. list(TOP, nresults or 1000)
  types[68] = "\x60\0" .. list("\x64\1", nresults or 1000)
  types[69] = "\x60\0\0"
  types[70] = "\x60" .. list(DEEP, nresults or 1000) .. "\0"
  types[71] = "\x5f" .. list(TOP .. "\0", 10000)
  types[72] = "\x5e" .. TOP .. "\0"
  types[73] = "\x60" .. list(DEEP, 1000) .. list(TOP, 1000)
  local funcs, bodies = { u(RETURNS_DEEP), u(WANTS_TOP) }, { bytes.body "\0", bytes.body "" }
  for _ = 1, functions or 1 do
    funcs[#funcs + 1] = u(type)
    bodies[#bodies + 1] = bytes.body("\0" .. code)
  end
  return bytes.module(section(1, vec(types)), section(3, vec(funcs)),
    tag and section(13, vec { "\0" .. u(69) }) or "", section(10, vec(bodies)))
end

local TWO_BLOCKS, ENDS = "\x02" .. "\xc2\0" .. "\x02" .. "\xc3\0", "\x0b\0\x0b\0"
local shapes = {
  { "calls", NOTHING, ("\x10\0\x10\1"):rep(25000) },
  { "br_table", NOTHING, TWO_BLOCKS .. "\x10\0\x41\0\x0e" .. u(25000) .. ("\0\1"):rep(12500) .. "\0"
    .. ENDS },
  { "tail calls", RETURNS_TOP, ("\x12\0"):rep(25000) },
  { "clauses of try_table", RETURNS_TOP,
    "\x1f\x40" .. u(25000) .. ("\0\0\0"):rep(25000) .. "\x0b\0", tag = true },
  { "struct.new", NOTHING, (("\x10\0"):rep(10) .. "\xfb\0" .. u(70) .. "\x1a"):rep(2500) },
  { "array.new_fixed", NOTHING,
    (("\x10\0"):rep(10) .. "\xfb\8" .. u(71) .. u(10000) .. "\x1a"):rep(2500) },
  { "an if without else", NOTHING, ("\x10\0\x41\0\x04\xc8\0\x0b\x10\1"):rep(25000) },
}

describe("lists of types that must be compared one by one", function()
  for _, shape in ipairs(shapes) do
    local name, type, code, tag = shape[1], shape[2], shape[3], shape.tag
    it("are limited by the size of the code: " .. name, function()
      local ok, err = wasm.validate(module_of(type, code, 1, tag))
      assert.falsy(ok)
      assert.equal("limit", err.kind)
      assert.truthy(err.message:find("too many operands of other types", 1, true))
    end)
  end

  it("are limited in all functions together", function()
    local one = ("\x10\0\x10\1"):rep(1000) -- a million steps
    assert(wasm.validate(module_of(NOTHING, one, 10)))
    local ok, err = wasm.validate(module_of(NOTHING, one, 30))
    assert.falsy(ok)
    assert.equal("limit", err.kind)
  end)

  it("are valid where they are short", function()
    for _, shape in ipairs(shapes) do
      local name, type, code, tag = shape[1], shape[2], shape[3], shape.tag
      if name == "br_table" or name == "tail calls" or tag then
        assert(wasm.validate(module_of(type, code, 1, tag, 3)), name)
      end
    end
  end)

  it("may be as long as they like where they are equal", function()
    local many = list("\x7f", 1000)
    local types = { "\x60\0" .. many, "\x60" .. many .. "\0", "\x60\0\0" }
    local code = ("\x10\0\x10\1"):rep(100000)
    assert(wasm.validate(bytes.module(section(1, vec(types)), section(3, vec { "\0", "\1", "\2" }),
      section(10, vec { bytes.body "\0", bytes.body "", bytes.body(code) }))))
  end)

  it("take nothing where the stack is that of unreachable code", function()
    assert(wasm.validate(module_of(NOTHING, ("\xfb\0" .. u(70) .. "\x1a"):rep(100000))))
  end)
end)

describe("a line of supertypes", function()
  -- Is (ref a) a subtype of (ref b), as the validator sees it?
  local function below(types, a, b)
    local n = #types
    local all = table.move(types, 1, n, 1, {})
    all[n + 1] = "\x60\1\x64" .. u(a) .. "\1\x64" .. u(b)
    return wasm.validate(bytes.module(section(1, vec(all)), section(3, vec { u(n) }),
      section(10, vec { bytes.body "\x20\0" }))) ~= nil
  end

  it("says of any two types in it which is below", function()
    local types = line()
    for a = 0, DEPTH - 1, 3 do
      for b = 0, DEPTH - 1 do assert.equal(a >= b, below(types, a, b), a .. " below " .. b) end
    end
  end)

  it("branches anywhere, with equal types in its branches", function()
    local fields, seed = { [0] = "" }, 7
    local types = { "\x50\0\x5f\0" }
    for k = 1, 63 do
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      local super = k < 30 and k - 1 or seed % k
      fields[k] = fields[super] .. (k % 2 == 0 and "\x7f\0" or "\x7e\0")
      types[k + 1] = "\x50\1" .. u(super) .. "\x5f" .. u(#fields[k] // 2) .. fields[k]
    end
    for a = 0, 63, 2 do
      for b = 0, 63 do
        local is = fields[a]:sub(1, #fields[b]) == fields[b]
        assert.equal(is, below(types, a, b), a .. " below " .. b)
      end
    end
  end)

  it("has types without default values anywhere in them", function()
    local ref, null = "\x64\0\0", "\x63\0\0"
    for at = 1, 3 do
      local fields = { null, null, null }
      fields[at] = ref
      local types = { "\x5f\0", "\x5f" .. vec(fields), "\x60\0\1\x64\1" }
      local ok, err = wasm.validate(bytes.module(section(1, vec(types)), section(3, vec { "\2" }),
        section(10, vec { bytes.body "\xfb\1\1" })))
      assert.falsy(ok)
      assert.truthy(err.message:find("no default value", 1, true))
    end
  end)
end)

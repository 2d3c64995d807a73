--- One cache for a fleet: compiled code in a Redis server that nobody has to trust.
-- Entries carry a tag that only who has the key can make, and are not looked at before the tag is
-- right. So whoever can write to the server can cause misses, and nothing else. Who has the key can
-- run code on every machine that has it: keep it like a password.
local wasm = require "wasm"

if not os.execute("command -v redis-server >/dev/null && command -v redis-cli >/dev/null") then
  print("skipped: no Redis server is installed (Debian: apt install redis-server)")
  return
end

local place = os.tmpname()
os.remove(place)
assert(os.execute("mkdir -m 700 " .. place))
local socket = place .. "/socket"
assert(os.execute(("redis-server --port 0 --unixsocket %s --save '' --daemonize yes --dir %s "
  .. "--pidfile %s/pid >/dev/null"):format(socket, place, place)))

--- Run redis-cli with `input` on its standard input; what it prints.
local function redis(command, input)
  local file = place .. "/value"
  if input then
    local f <close> = assert(io.open(file, "wb"))
    f:write(input)
  end
  local pipe <close> = assert(io.popen(("redis-cli -s %s --raw %s%s"):format(socket, command,
    input and (" <" .. file) or "")))
  return pipe:read("a")
end

--- However this file is left, the server ends.
local _ <close> = setmetatable({}, { __close = function()
  redis("SHUTDOWN NOSAVE 2>/dev/null")
  os.execute("rm -rf " .. place)
end })
for _ = 1, 100 do -- until it answers
  if redis("PING 2>/dev/null"):find("PONG") then break end
  os.execute("sleep 0.05")
end

--- A machine of the fleet. A program would use a client library and a connection that stays open.
local function machine(key)
  return assert(wasm.cache {
    memory_bytes = 0, -- so that this example always asks the server
    key = key,
    store = {
      get = function(name)
        local value = redis("GET wasm:" .. name)
        return #value > 1 and value:sub(1, -2) or nil -- redis-cli adds a line end
      end,
      put = function(name, bytes) redis("-x SET wasm:" .. name, bytes) end,
    },
  })
end

local KEY = "not a good secret: read it from a file"
local DIRECTORY = arg[0]:match("^(.*)/[^/]*$") or "."
local function compile(cache)
  local mod = assert(wasm.load(DIRECTORY .. "/guests/queens.wasm", { cache = cache }))
  mod:close()
  collectgarbage()
  collectgarbage()
  local s = cache:stats()
  return ("%d compiled, %d from the server"):format(s.misses, s.disk_hits)
end

local first, second = machine(KEY), machine(KEY)
local said = { compile(first), compile(second) }
print("the first machine:   " .. said[1])
print("the second machine:  " .. said[2])
assert(said[1] == "1 compiled, 0 from the server" and said[2] == "0 compiled, 1 from the server")

local name = redis("KEYS 'wasm:*'"):match("wasm:%x+")
redis("SETRANGE " .. name .. " 300 evil")
local third = machine(KEY)
said[3] = compile(third)
print("after a forgery:     " .. said[3])
assert(said[3] == "1 compiled, 0 from the server")

local stranger = machine("the key of somebody else")
said[4] = compile(stranger)
print("with another key:    " .. said[4])
assert(said[4] == "1 compiled, 0 from the server")

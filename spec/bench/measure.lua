--- Measuring: interleaved runs and minima, and a V8 in a process of its own.
local build = os.getenv("BUILD") or "build/release"
package.cpath = ("./%s/bench/?.so;%s"):format(build, package.cpath)
local baseline = require "baseline"

local measure = { baseline = baseline }
local ROUNDS = tonumber(os.getenv("ROUNDS")) or 7

--- Run all sides in turn, ROUNDS times, each time beginning with another: what one leaves behind
--- (caches, pages to be written) is then the others' burden alike. A side returns its checksum;
--- those in `timed`, which come last, measure themselves and return milliseconds and checksum.
---@param sides (fun(): integer)[]
---@param timed? (fun(): number, integer)[]
---@param rounds? integer
---@param before? fun()  runs before each, unmeasured
---@return number[] best milliseconds of each side
---@return integer[] checksums
function measure.interleave(sides, timed, rounds, before)
  local best, sums = {}, {}
  for round = 1, rounds or ROUNDS do
    for k = 1, #sides do
      local i = (k + round) % #sides + 1
      if before then before() end
      local started = baseline.clock()
      sums[i] = sides[i]()
      local ms = (baseline.clock() - started) / 1e6
      best[i] = math.min(best[i] or math.huge, ms)
    end
    for k, side in ipairs(timed or {}) do
      local i = #sides + k
      local ms
      ms, sums[i] = side()
      best[i] = math.min(best[i] or math.huge, ms)
    end
  end
  return best, sums
end

--- A V8 that waits for work on a named pipe; nil where there is no Node.
---@param flags? string
---@return { knows: function, run: function, pause: function, close: function }?
function measure.v8(flags)
  local node = os.getenv("NODE") or "node"
  if not os.execute(("command -v %s >/dev/null 2>&1"):format(node)) then return nil end
  local pipe = os.tmpname()
  os.remove(pipe)
  if not os.execute("mkfifo " .. pipe) then return nil end
  local answers = assert(io.popen(("%s --expose-gc %s spec/bench/v8.js <%s"):format(node,
    flags or "", pipe)))
  local questions = assert(io.open(pipe, "w"))
  questions:setvbuf("line")
  local v8 = {}
  local function ask(verb, path, n)
    questions:write(verb, " ", path, " ", n, "\n")
    local ms, sum = assert(answers:read("l"), "node ended"):match("^(%S+) (%d+)$")
    return tonumber(ms), math.tointeger(tonumber(sum))
  end
  --- Can this Node compile it?
  function v8.knows(_, kernel) return ask("knows", kernel.wasm, kernel.n) == 1 end
  function v8.run(_, kernel) return ask("run", kernel.wasm, kernel.n) end
  --- A full collection after `fill(n)`: milliseconds, and what the objects sum up to.
  function v8.pause(_, path, n) return ask("pause", path, n) end
  function v8.close()
    questions:close()
    answers:close()
    os.remove(pipe)
  end
  return v8
end

return measure

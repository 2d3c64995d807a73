--- How much processor time endless guests get with a limit of 10 ms: every shape of
-- spec/support/shapes.lua in four ways, and calls of WASI.
local shapes = require "spec.support.shapes"
local wasi = require "spec.support.wasi"

local LIMIT = 0.01
local all = {}

local function measure(inst, name, way)
  local before = os.clock()
  local ok, err = pcall(inst.exports[name])
  local ms = (os.clock() - before) * 1e3
  assert(not ok and err.message == "timeout", tostring(err))
  local good
  for _ = 1, 50 do
    good = pcall(inst.exports.add, 2, 3)
    if good then break end
  end
  assert(good, "no good call afterwards")
  all[#all + 1] = { ms = ms, name = name, way = way }
end

local dir, remove = wasi.directory()
for _, limit in ipairs { "cpu_timeout", "timeout" } do
  for effort = 0, 1 do
    for _, bounds in ipairs { "guard", "explicit" } do
      local way = ("effort %d, %s, %s"):format(effort, bounds, limit)
      local inst = shapes.make({ effort = effort, bounds = bounds }, { [limit] = LIMIT })
      for _, name in ipairs(shapes.names) do
        if limit == "timeout" or not name:find("long waits", 1, true) then
          measure(inst, name, way)
        end
      end
      inst:close()
      if limit == "timeout" then
        local calls, w = shapes.make_calls(dir, { effort = effort, bounds = bounds },
          { [limit] = LIMIT })
        for _, name in ipairs(shapes.calls) do measure(calls, name, way) end
        calls:close()
        w:close()
      end
      collectgarbage()
    end
  end
end
remove()

table.sort(all, function(a, b) return a.ms > b.ms end)
local over = 0
for _, one in ipairs(all) do if one.ms > 20 then over = over + 1 end end
print(("%d shapes, %d calls of WASI, %d runs; limit 10 ms: median %.1f ms of CPU, worst %.1f, "
  .. "%d beyond 20"):format(#shapes.names, #shapes.calls, #all, all[#all // 2 + 1].ms, all[1].ms,
  over))
for n = 1, 10 do print(("%7.1f ms  %s (%s)"):format(all[n].ms, all[n].name, all[n].way)) end

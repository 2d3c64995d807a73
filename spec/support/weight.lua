--- How much a heavy spec does, and what it weighs.
-- SPEC_SCALE=10 makes every count a tenth (slow machines, sanitizers); the report lines then
-- show the count that was really run.
local weight = {}

local percent = tonumber(os.getenv("SPEC_SCALE") or "") or 100

---@param count integer what a full run does
---@return integer at least 1
function weight.scaled(count)
  return math.max(1, count * percent // 100)
end

--- True in a process with the address sanitizer's runtime, whose own memory is not ours.
weight.sanitized = (os.getenv("LD_PRELOAD") or ""):find("libasan", 1, true) ~= nil

--- Memory of this process in MiB: resident now, and at its peak.
function weight.rss()
  local now, peak
  for line in io.lines("/proc/self/status") do
    now = now or line:match("^VmRSS:%s*(%d+)")
    peak = peak or line:match("^VmHWM:%s*(%d+)")
  end
  return tonumber(now) / 1024, tonumber(peak) / 1024
end

--- One line of figures; `...` as for string.format.
function weight.report(format, ...)
  local note = percent == 100 and "" or ("  (SPEC_SCALE=%g)"):format(percent)
  io.write(format:format(...), note, "\n")
  io.flush()
end

return weight

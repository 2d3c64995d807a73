--- A hostile neighbour exchanges names in a granted directory for so long (60 seconds), while a
-- guest tries to get out by them: paths.lua [seconds]
local escape = require "spec.support.escape"

local seconds = tonumber(arg[1]) or 60
local ways = { "kernel", "walk" }
local each = seconds / (#ways * #escape.races)
local tries, swaps, escapes = 0, 0, 0

for _, way in ipairs(ways) do
  for _, race in ipairs(escape.races) do
    local ok, got = pcall(escape.race, way, race, each)
    if ok then
      print(("%-6s  %-34s %9d tries, %8d acted inside, %9d refused, %9d swaps%s"):format(way,
        race[1], got.tries, got.inside, got.refused, got.swaps,
        got.same and "" or "  ESCAPED: changed"))
      tries, swaps = tries + got.tries, swaps + got.swaps
      if not got.same then escapes = escapes + 1 end
    else
      print(("%-6s  %-34s ESCAPED: %s"):format(way, race[1], got))
      escapes = escapes + 1
    end
    io.flush()
  end
end
print(("%d tries against %d swaps in %g s of the guest: %d escapes"):format(tries, swaps, seconds,
  escapes))
os.exit(escapes == 0)

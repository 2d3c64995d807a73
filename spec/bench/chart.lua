--- A bar chart of what the benchmarks measured (results.lua), as SVG for light and dark pages:
--   lua5.4 spec/bench/chart.lua >chart.svg
-- Bars are run times as ratios to native code, so the line at 1 is native, and shorter is faster.
-- A bar that does not fit ends at the edge with its number.
local results = require "spec.bench.results"

local WIDTH, LEFT, RIGHT = 760, 140, 60
local BAR, GAP, TOP = 9, 9, 62
local LIMIT = 3
local CLASSES = { ours = "o", V8 = "v", Liftoff = "l" }
local NAMES = { ours = "this run time", V8 = "V8, optimized", Liftoff = "V8, baseline" }

-- Grays that can be read on white and on black alike.
local STYLE = [[
<style>
  text { font: 12px sans-serif; fill: #767676 }
  .small { font-size: 10px } .mean { font-weight: bold }
  .o { fill: #3b82f6 } .v { fill: #f59e0b } .l { fill: #9ca3af }
  .grid { stroke: #808080; stroke-opacity: 0.25 } .one { stroke: #767676 }
</style>]]

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function x_of(ratio) return LEFT + math.min(ratio, LIMIT) / LIMIT * (WIDTH - LEFT - RIGHT) end

local function geomean(rows, side)
  local sum, n = 0, 0
  for _, row in ipairs(rows) do
    if row[side] then sum, n = sum + math.log(row[side]), n + 1 end
  end
  return n > 0 and math.exp(sum / n) or nil
end

--- The sides that were measured in any row.
local function sides_of(rows)
  local sides = {}
  for _, side in ipairs(results.sides) do
    for _, row in ipairs(rows) do
      if row[side] then
        sides[#sides + 1] = side
        break
      end
    end
  end
  return sides
end

local function with_means(rows)
  local groups, order = {}, {}
  for _, row in ipairs(rows) do
    if not groups[row.group] then
      groups[row.group], order[#order + 1] = {}, row.group
    end
    table.insert(groups[row.group], row)
  end
  local all = {}
  for _, name in ipairs(order) do
    local group = groups[name]
    table.move(group, 1, #group, #all + 1, all)
    if #group > 1 then
      local mean = { group = name, name = "mean of " .. name, mean = true }
      for _, side in ipairs(results.sides) do mean[side] = geomean(group, side) end
      all[#all + 1] = mean
    end
  end
  return all
end

local function bars_of(row)
  local n = 0
  for _, side in ipairs(results.sides) do n = n + (row[side] and 1 or 0) end
  return n
end

--- The chart's text.
---@param rows table[] as results.medians gives them
---@return string
local function chart(rows)
  local sides, out = sides_of(rows), {}
  rows = with_means(rows)
  local height = TOP + 24
  for _, row in ipairs(rows) do height = height + bars_of(row) * BAR + GAP end
  local function put(...) out[#out + 1] = string.format(...) end
  put('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">', WIDTH,
    height, WIDTH, height)
  out[#out + 1] = STYLE
  put('<text x="%d" y="18">run time as a ratio to native code; shorter is faster</text>', LEFT)
  local x = LEFT
  for _, side in ipairs(sides) do
    put('<rect class="%s" x="%d" y="28" width="12" height="%d"/>', CLASSES[side], x, BAR)
    put('<text x="%d" y="37">%s</text>', x + 17, NAMES[side])
    x = x + 130
  end
  for ratio = 0, LIMIT, 0.5 do
    put('<line class="%s" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>', ratio == 1 and "one" or "grid",
      x_of(ratio), TOP - 6, x_of(ratio), height - 18)
    put('<text class="small" x="%.1f" y="%d" text-anchor="middle">%g</text>', x_of(ratio),
      height - 5, ratio)
  end
  put('<text class="small" x="%.1f" y="%d" text-anchor="middle">native</text>', x_of(1), TOP - 10)
  local y = TOP
  for _, row in ipairs(rows) do
    put('<text class="%s" x="%d" y="%.1f" text-anchor="end">%s</text>', row.mean and "mean" or "",
      LEFT - 8, y + bars_of(row) * BAR / 2 + 4, escape(row.name))
    for _, side in ipairs(sides) do
      local ratio = row[side]
      if ratio then
        put('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>', CLASSES[side], LEFT, y,
          x_of(ratio) - LEFT, BAR - 1)
        put('<text class="small" x="%.1f" y="%.1f">%.2f</text>', x_of(ratio) + 4, y + BAR - 1,
          ratio)
        y = y + BAR
      end
    end
    y = y + GAP
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

if arg and arg[0] and arg[0]:find("chart%.lua$") then
  io.write(chart(results.medians()))
end

return chart

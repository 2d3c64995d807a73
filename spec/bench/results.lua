--- What the benchmarks measured against native code, kept for the chart: a line for each row of
-- each run, the sides' times as ratios to the native one. Runs add to what is there; `make chart`
-- takes medians. Deleting the file starts anew.
local results = {}

results.path = (os.getenv("BUILD") or "build/release") .. "/bench/results.tsv"
results.sides = { "ours", "V8", "Liftoff" }

--- Add one row; sides that were not measured are absent.
---@param group string   "kernels", "programs"
---@param name string
---@param ratios table<string, number>
function results.add(group, name, ratios)
  local words = { group, name }
  for _, side in ipairs(results.sides) do
    words[#words + 1] = ratios[side] and ("%.3f"):format(ratios[side]) or "-"
  end
  local file <close> = assert(io.open(results.path, "a"))
  file:write(table.concat(words, "\t"), "\n")
end

local function median(list)
  table.sort(list)
  local half = #list // 2
  return #list % 2 == 1 and list[half + 1] or (list[half] + list[half + 1]) / 2
end

--- All rows, in the order in which they came first, with the median of each side.
---@return { group: string, name: string, runs: integer, [string]: number }[]
function results.medians()
  local rows, by_key = {}, {}
  for line in io.lines(results.path) do
    local words = {}
    for word in line:gmatch("[^\t]+") do words[#words + 1] = word end
    local key = words[1] .. "\t" .. words[2]
    local row = by_key[key]
    if not row then
      row = { group = words[1], name = words[2], lists = {}, runs = 0 }
      by_key[key], rows[#rows + 1] = row, row
    end
    row.runs = row.runs + 1
    for i, side in ipairs(results.sides) do
      local list = row.lists[side] or {}
      row.lists[side] = list
      list[#list + 1] = tonumber(words[i + 2])
    end
  end
  for _, row in ipairs(rows) do
    for side, list in pairs(row.lists) do row[side] = #list > 0 and median(list) or nil end
    row.lists = nil
  end
  return rows
end

return results

--- What the compiler makes of the benchmarks' kernels, in counts that need no clock: any change of
--- them shows here, for better or worse. The code is that for a processor with SSE4.1 and no more,
--- so that it is the same on every machine.
local core = require "wasm.core"
local wasm = require "wasm"
local golden = require "spec.support.golden"

local PATH = "spec/golden/counters.txt"
local COLUMNS = { "code_bytes", "ir_instructions", "spills", "reloads", "moves" }

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

-- Bytes that no other spec has compiled for another processor: a custom section more.
local function apart(bytes)
  return bytes .. "\0\9\8counters"
end

local function kernels()
  local list = {}
  local pipe <close> = assert(io.popen("ls spec/bench/kernels/*.wasm | LC_ALL=C sort"))
  for path in pipe:lines() do list[#list + 1] = path end
  return list
end

local function row(path, effort)
  local mod <close> = assert(wasm.compile(apart(read(path)),
    { effort = effort, eager = true, cache = false }))
  local info = mod:info()
  local line = { ("%-16s %6d"):format(path:match("([^/]+)%.wasm$"), effort) }
  for n, name in ipairs(COLUMNS) do
    line[n + 1] = ("%" .. math.max(#name, 7) .. "d"):format(info[name])
  end
  return table.concat(line, " ")
end

local function counters()
  local head = { ("%-16s %6s"):format("kernel", "effort") }
  for n, name in ipairs(COLUMNS) do head[n + 1] = ("%7s"):format(name) end
  local lines = { table.concat(head, " ") }
  for _, path in ipairs(kernels()) do
    for effort = 1, 0, -1 do lines[#lines + 1] = row(path, effort) end
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The rows of `got` that are not in `want`, each below the one it was.
local function changes(want, got)
  local rows, out = {}, { want:match("^[^\n]*") }
  for line in want:gmatch("[^\n]+") do rows[line:sub(1, 23)] = line end
  for line in got:gmatch("[^\n]+") do
    local was = rows[line:sub(1, 23)]
    if was ~= line then
      out[#out + 1] = "- " .. (was or "(no such row)")
      out[#out + 1] = "+ " .. line
    end
  end
  return table.concat(out, "\n")
end

describe("the kernels of the benchmarks", function()
  if not core.cpu_keep then return end -- only in builds for specs

  it("are compiled to what they were: GOLDEN=update where a change is wanted", function()
    finally(function() core.cpu_keep(-1) end)
    core.cpu_keep(1)
    local got = counters()
    local ok = golden.check(PATH, got)
    assert(ok, not ok and changes(read(PATH), got))
  end)
end)

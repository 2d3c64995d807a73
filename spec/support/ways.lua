--- Every way of compiling a module with fuel: effort, bounds, all registers or few.
local core = require "wasm.core"
local wasm = require "wasm"

local ways = {}

local FEW_REGISTERS = 0x1f004f

--- Every way of compiling: f(options, name). Fresh code each time, so that `few` is not shared.
function ways.each(f)
  local n = 0
  for effort = 0, 2 do
    for _, bounds in ipairs { "guard", "explicit" } do
      for _, few in ipairs { false, true } do
        if not few or core.ra_keep then
          n = n + 1
          local name = ("effort %d, %s%s"):format(effort, bounds, few and ", few registers" or "")
          if few then core.ra_keep(FEW_REGISTERS) end
          local ok, err = pcall(f, { effort = effort, bounds = bounds, fuel = true, cache = false,
            eager = true }, name, ("(@custom \"way\" \"%02d\")"):format(n))
          if few then core.ra_keep(-1) end
          if not ok then error(name .. ": " .. tostring(err), 0) end
        end
      end
    end
  end
end

function ways.with(text, salt, options, imports, more)
  local mod = assert(wasm.compile("(module " .. salt .. text .. ")", options))
  return assert(mod:instantiate(imports, more))
end

return ways

--- The system refuses memory to the library at every request in turn (API row 36).
local host = require "spec.support.host"
local weight = require "spec.support.weight"

-- Where a round is dear, or many are, not every one is played; all with SPEC_SCALE=1000.
local STRIDE = math.max(1, 1000 // weight.scaled(100))
local COLD = STRIDE > 1 and 3 or 1

local CASES = {
  ["once"] = "of a busy process, once",
  ["rest"] = "of a busy process, until it gives up",
  ["once cold " .. COLD] = "of a fresh process, once",
  ["rest cold " .. COLD] = "of a fresh process, until it gives up",
  ["once lua " .. STRIDE] = "of a busy process or its Lua state, once",
  ["rest lua " .. STRIDE] = "of a busy process and its Lua state, until it gives up",
}

describe("memory refused at every request in turn", function()
  for mode, whose in pairs(CASES) do
    it(whose .. ", is an error of kind nomem, and nothing is left behind", function()
      local output = host.run("host_refuse spec/support/refuse.lua " .. mode)
      weight.report("refused: %s", (output:gsub("\n$", "")))
    end)
  end
end)

describe("memory refused to a WASI program at every request in turn", function()
  for _, mode in ipairs { "once", "rest" } do
    it(mode .. ", is an errno or an error of kind nomem, and nothing is left behind", function()
      local output = host.run("host_refuse spec/support/refuse_wasi.lua " .. mode)
      weight.report("refused, WASI: %s", (output:gsub("\n$", "")))
    end)
  end
end)

--- The system refuses memory to the library at every request in turn (API row 36).
local host = require "spec.support.host"
local weight = require "spec.support.weight"

describe("a request for memory that the system refuses", function()
  for _, mode in ipairs { "once", "rest", "once cold", "rest cold" } do
    it(("(%s) is an error of kind nomem, leaves nothing behind, and work goes on"):format(mode),
      function()
        local output = host.run("host_refuse spec/support/refuse.lua " .. mode)
        weight.report("refused: %s", (output:gsub("\n$", "")))
      end)
  end
end)

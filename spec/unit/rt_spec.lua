--- The run time without Lua: programs in C name their checks, here each is one.
local BUILD = os.getenv("BUILD") or "build/test"

local function verdicts(program)
  local names, said, why = {}, {}, {}
  local pipe = assert(io.popen(("%s/spec/%s 2>&1"):format(BUILD, program)))
  for line in pipe:lines() do
    local verdict, name = line:match("^(%a+) ([%l ]+)$")
    if verdict == "ok" or verdict == "FAILED" then
      names[#names + 1] = name
      said[name] = verdict == "ok" and "" or table.concat(why, "\n")
      why = {}
    else
      why[#why + 1] = line
    end
  end
  return names, said, pipe:close(), table.concat(why, "\n")
end

for _, program in ipairs { "rt_calls", "rt_native", "rt_traps", "rt_state", "rt_lazy" } do
  describe("the run time, " .. program .. ":", function()
    local names, said, ended_well, rest = verdicts(program)
    for _, name in ipairs(names) do
      it(name .. " work", function() assert.equal("", said[name]) end)
    end
    it("the program ends well", function()
      assert.truthy(ended_well, rest)
      assert.is_true(#names >= 5)
    end)
  end)
end

--- The run time without Lua: spec/support/rt_core.c names its checks, here each is one.
local BUILD = os.getenv("BUILD") or "build/test"

describe("the run time", function()
  local pipe = assert(io.popen(BUILD .. "/spec/rt_core 2>&1"))
  local said, names, why = {}, {}, {}
  for line in pipe:lines() do
    local verdict, name = line:match("^(%u?%l*%u*) ([%l ]+)$")
    if verdict == "ok" or verdict == "FAILED" then
      names[#names + 1] = name
      said[name] = verdict == "ok" and "" or table.concat(why, "\n")
      why = {}
    else
      why[#why + 1] = line
    end
  end
  local ended_well = pipe:close()

  for _, name in ipairs(names) do
    it("passes: " .. name, function() assert.equal("", said[name]) end)
  end

  it("ends well", function()
    assert.truthy(ended_well, table.concat(why, "\n"))
    assert.is_true(#names > 20)
  end)
end)

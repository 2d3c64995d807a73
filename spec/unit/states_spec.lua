--- One process, many Lua states: what the library leaves behind must not hurt the next one.
local weight = require "spec.support.weight"

describe("a host program", function()
  it("opens and closes a thousand Lua states, with signals and compiles between", function()
    local count = weight.scaled(1000)
    local build = os.getenv("BUILD") or "build/test"
    local pipe = assert(io.popen(("%s/spec/host_states %d 2>&1"):format(build, count)))
    local output = pipe:read("a")
    assert.is_true(pipe:close(), output)
    assert.equal(("%d states, %d signals\n"):format(count, 6 * count), output)
  end)
end)

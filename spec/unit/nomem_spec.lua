--- Lua runs out of memory at every allocation in turn: nothing leaks, nothing breaks.

describe("Lua out of memory", function()
  it("at any allocation leaves no activation, instance or code behind", function()
    local build = os.getenv("BUILD") or "build/test"
    local pipe = assert(io.popen(build .. "/spec/host_nomem spec/support/nomem.lua 2>&1"))
    local output = pipe:read("a")
    assert.is_true(pipe:close(), output)
    assert.is_true((tonumber(output:match("^(%d+) rounds\n$")) or 0) > 100, output)
  end)
end)

--- The official test suite as part of `make test`, where a copy of it is at hand.
describe("official suite", function()
  local dir = os.getenv("TESTSUITE") or ""
  local probe = io.open(dir .. "/i32.wast")
  if not probe then
    pending("official suite: not found, set TESTSUITE=")
    return
  end
  probe:close()
  for _, mode in ipairs { "guard", "explicit", "lazy", "cached" } do
    it("passes in mode " .. mode, function()
      local lua = os.getenv("LUA") or "lua5.4"
      local pipe = assert(io.popen(("MODE=%s %s spec/wast/run.lua '%s' 2>&1")
        :format(mode, lua, dir)))
      local output = pipe:read("a")
      assert.is_true(pipe:close(), output)
    end)
  end
end)

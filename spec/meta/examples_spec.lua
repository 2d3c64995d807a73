--- Every example runs by itself, as a reader would run it, and ends well.
describe("the example", function()
  local list = assert(io.popen("ls examples/*.lua examples/*/main.lua 2>/dev/null"))
  for path in list:lines() do
    it(path .. " runs", function()
      local lua = os.getenv("LUA") or "lua5.4"
      local pipe = assert(io.popen(("%s %s 2>&1 </dev/null"):format(lua, path)))
      local output = pipe:read("a")
      local ok, how, code = pipe:close()
      assert.is_true(ok, ("%s %s\n%s"):format(how, code, output))
    end)
  end
  list:close()
end)

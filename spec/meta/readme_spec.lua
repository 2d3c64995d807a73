--- Every ```lua block of the README and of the documentation runs as it stands.
local function blocks(path)
  local list, current, first = {}, nil, nil
  local n = 0
  for line in io.lines(path) do
    n = n + 1
    if line == "```lua" then
      current, first = {}, n
    elseif line == "```" and current then
      list[#list + 1] = { line = first, code = ("\n"):rep(first) .. table.concat(current, "\n") }
      current = nil
    elseif current then
      current[#current + 1] = line
    end
  end
  return list
end

-- What an example prints is for its reader, not for who runs the specs.
local quiet = setmetatable({ print = function() end }, { __index = _G, __newindex = _G })

local pages = assert(io.popen("ls README.md docs/*.md src/ARCHITECTURE.md 2>/dev/null"))
for page in pages:lines() do
  describe(page, function()
    for _, block in ipairs(blocks(page)) do
      it("example at line " .. block.line .. " runs", function()
        assert(load(block.code, "@" .. page, "t", quiet))()
        require "wasm".use_cache(nil) -- an example's choice is not for the next one
      end)
    end
  end)
end
pages:close()

--- Reading a file as a whole, for the modules here.
local files = {}

---@param path string
---@return string? bytes
---@return string? why
function files.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local bytes
  bytes, why = file:read("a")
  file:close()
  return bytes, why
end

return files

--- Reading a file as a whole, for the modules here.
local files = {}

--- What is left of a file that is open. Where its size is known, it is read in one piece: "a" would
-- grow and copy a buffer many times.
---@param file file*
---@return string? bytes
---@return string? why
function files.rest(file)
  local at = file:seek()
  local size = at and file:seek("end")
  if not size or not file:seek("set", at) then return file:read("a") end
  if size - at < 1 << 16 or size - at > 1 << 31 then return file:read("a") end -- a directory: 2^63
  local bytes, why = file:read(size - at)
  if not bytes then return why and nil or "", why end
  local more = file:read("a") -- it may be longer by now
  return more ~= "" and more and bytes .. more or bytes
end

---@param path string
---@return string? bytes
---@return string? why
function files.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local bytes
  bytes, why = files.rest(file)
  file:close()
  return bytes, why and ("%s: %s"):format(path, why)
end

return files

--- Scripts for host_lua, the interpreter with a C host's tools: each runs in a process of its own.
local host = {}

local BUILD = os.getenv("BUILD") or "build/test"

--- True where the host programs carry the address sanitizer.
host.sanitized = BUILD:find("asan", 1, true) ~= nil

--- Run a program of the specs; its output. Fails with the output unless it ends with 0.
---@param program string  name and arguments
---@return string output
function host.run(program)
  local pipe = assert(io.popen(("%s/spec/%s 2>&1"):format(BUILD, program)))
  local output = pipe:read("a")
  local ok, how, code = pipe:close()
  if not ok then error(("%s ended with %s %d:\n%s"):format(program, how, code, output), 2) end
  return output
end

--- Run a script; %NAME% in it stands for names.NAME.
---@param code string
---@param names? table<string, string|number>
---@return string output
function host.script(code, names)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write((code:gsub("%%([A-Z_]+)%%", names or {})))
  file:close()
  local ok, output = pcall(host.run, "host_lua " .. path)
  os.remove(path)
  if not ok then error(output, 2) end
  return output
end

return host

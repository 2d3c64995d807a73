--- The program `luawasm`, run as a process of its own: what it prints and how it ends.
local cli = {}

local cached = require "spec.support.cached"

local LUA = os.getenv("LUA") or "lua5.4"
-- Under the sanitizers the shells that the program itself starts are not ours to check.
local PLAIN_SHELL = [[for _, m in ipairs { io, os } do local k = m.popen and "popen" or "execute"
  local f = m[k] m[k] = function(c, ...) return f(c and "unset LD_PRELOAD; " .. c, ...) end end]]

--- A word for the shell.
function cli.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The command that starts the program. `before` is Lua that runs first.
---@param before? string
---@return string
function cli.program(before)
  local script = (LUA:find("asan", 1, true) and PLAIN_SHELL .. " " or "") .. (before or "")
  return LUA .. (script == "" and "" or " -e " .. cli.quote(script)) .. " lua/luawasm"
end

--- Run a shell command, to its end: stdout, stderr, exit code.
---@param command string
---@return { out: string, err: string, code: integer }
function cli.shell(command)
  local path = os.tmpname()
  local pipe = assert(io.popen(("{ %s\n} 2>%s; printf '\\n%%d' $?"):format(command, path)))
  local text = pipe:read("a")
  pipe:close()
  local out, code = text:match("^(.*)\n(%d+)$")
  local err = cached.read(path)
  os.remove(path)
  return { out = out, err = err, code = math.tointeger(tonumber(code)) }
end

--- Run the program: cli.run("wat", path), with options in front of the words if wanted:
--- stdin = text, before = Lua, env = "NAME=VALUE ...".
---@return { out: string, err: string, code: integer }
function cli.run(...)
  local words = { ... }
  local opts = type(words[1]) == "table" and table.remove(words, 1) or {}
  for k, word in ipairs(words) do words[k] = cli.quote(word) end
  local stdin = "/dev/null"
  if opts.stdin then
    stdin = os.tmpname()
    cached.write(stdin, opts.stdin)
  end
  local result = cli.shell(("%s %s %s <%s"):format(opts.env or "", cli.program(opts.before),
    table.concat(words, " "), stdin))
  if opts.stdin then os.remove(stdin) end
  return result
end

--- A directory of files for a spec: a function from a name to its path, which writes the file if
--- it is given a content; and one that removes all.
---@return fun(name: string, content?: string): string path
---@return fun() remove
function cli.files()
  local directory, remove = cached.directory()
  return function(name, content)
    local path = directory .. "/" .. name
    if content then cached.write(path, content) end
    return path
  end, remove
end

--- It ends with this code, one line on stderr that begins with "luawasm: " and this (a pattern if
--- `pattern`), and nothing on stdout.
function cli.fails(result, code, message, pattern)
  local line = result.err:match("^luawasm: ([^\n]*)\n")
  assert(line, "no message: " .. result.err)
  if pattern then
    assert(line:find(message), line)
  else
    assert(line:sub(1, #message) == message, line)
  end
  assert(result.code == code, ("exit code %d: %s"):format(result.code, result.err))
  assert(result.out == "", result.out)
end

--- It ends well, prints exactly this, and nothing on stderr.
function cli.prints(result, text)
  assert(result.err == "" and result.code == 0, ("%d: %s"):format(result.code, result.err))
  assert(result.out == text, result.out)
end

return cli

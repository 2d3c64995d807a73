--- What is outside of the program `luawasm`: files, streams, the terminal, Ctrl-C, exit codes.
-- Whatever comes from a module or a file name is made harmless before a terminal sees it.
-- Invariant: output that could not be written is never passed over in silence.

local core = require "wasm.core"
local files = require "wasm.files"

local shell = {}

--- How the program ends. What a guest gives to proc_exit is passed through instead.
shell.OK, shell.FAILED, shell.USAGE = 0, 1, 2
shell.INTERRUPTED, shell.TRAPPED, shell.BROKEN_PIPE = 130, 134, 141

local EPIPE = 32

---------------------------------------------------------------------------
-- Failing

local Failure = {}

--- End the program: `luawasm: message` on stderr, unless there is no message.
---@param code integer
---@param message? string
function shell.fail(code, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  error(setmetatable({ code = code, message = message }, Failure), 0)
end

---@param err any  what pcall caught
---@return boolean
function shell.is_failure(err)
  return getmetatable(err) == Failure
end

--- Control characters written out, so that a name cannot steer the terminal; lines and tabs stay,
--- as do whole characters of UTF-8.
---@param text string
---@return string
function shell.clean(text)
  local function escape(chars)
    return (chars:gsub(".", function(c) return ("\\x%02x"):format(c:byte()) end))
  end
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", escape) end
  return (text:gsub("[\0-\8\11-\31\x7f]", escape):gsub("\xc2[\x80-\x9f]", escape))
end

--- A name as one word of a line of output.
---@param text string
---@return string
function shell.word(text)
  return (shell.clean(text):gsub("[\t\n]", { ["\t"] = "\\t", ["\n"] = "\\n" }))
end

--- One message on stderr.
---@param message string
function shell.say(message)
  io.stdout:flush()
  io.stderr:write("luawasm: ", shell.clean(message), "\n")
end

-- "file: kind: message (at offset 0x2a)"; of a text the line with its caret.
local function summary(err, path)
  if err.line then return (tostring(err):gsub("%s+$", "")) end
  local at = err.offset and not err.frames and (" (at offset 0x%x)"):format(err.offset) or ""
  return ("%s: %s: %s%s"):format(path, err.kind, err.message, at)
end

local FRAMES = 20

-- The wasm frames of an error, innermost first.
local function trace(err)
  local lines, left = {}, 0
  for _, frame in ipairs(err.frames or {}) do
    if frame.skipped then
      left = left + frame.skipped
    elseif frame.kind == "wasm" and #lines == FRAMES then
      left = left + 1
    elseif frame.kind == "wasm" then
      local name = frame.name and shell.word(frame.name) or "a function without a name"
      lines[#lines + 1] = ("\n  in %s (function %d, offset 0x%x)"):format(name, frame.index,
        frame.offset or 0)
    end
  end
  if left > 0 then lines[#lines + 1] = ("\n  ... and %d more"):format(left) end
  return table.concat(lines)
end

--- An error of the library as text for the user.
---@param err wasm.Error
---@param path string
---@return string
function shell.describe(err, path)
  return summary(err, path) .. trace(err)
end

---------------------------------------------------------------------------
-- Files and streams

--- A path as messages and modules call it.
---@param path string
---@return string
function shell.name_of(path)
  return path == "-" and "stdin" or path
end

--- All of a file; "-" is stdin.
---@param path string
---@return string
function shell.read(path)
  local file = io.stdin
  if path ~= "-" then
    local why
    file, why = io.open(path, "rb")
    if not file then shell.fail(shell.FAILED, "%s", why) end
  end
  local bytes, why = files.rest(file)
  if file ~= io.stdin then file:close() end
  if not bytes then shell.fail(shell.FAILED, "%s: %s", shell.name_of(path), why) end
  return bytes
end

local function check_written(ok, why, code, path)
  if ok then return end
  if code == EPIPE then shell.fail(shell.BROKEN_PIPE) end
  shell.fail(shell.FAILED, "%s: %s", path, (why:gsub("^" .. path:gsub("%p", "%%%0") .. ": ", "")))
end

--- Text on stdout.
function shell.out(...)
  local ok, why, code = io.stdout:write(...)
  check_written(ok, why, code, "stdout")
end

--- Everything that was written has arrived.
function shell.flush()
  local ok, why, code = io.stdout:flush()
  check_written(ok, why, code, "stdout")
end

--- Bytes into a file, or on stdout.
---@param path? string  nil or "-": stdout
---@param bytes string
function shell.write(path, bytes)
  if path == nil or path == "-" then return shell.out(bytes) end
  local file, why, code = io.open(path, "wb")
  check_written(file, why, code, path)
  local ok
  ok, why, code = file:write(bytes)
  if ok then
    ok, why, code = file:close()
  else
    file:close()
  end
  check_written(ok, why, code, path)
end

--- Does this descriptor lead to a terminal?
---@param fd 1|2
---@return boolean
function shell.is_terminal(fd)
  return core.is_terminal(fd)
end

---------------------------------------------------------------------------
-- Progress

local PERIOD = 100000 -- instructions of Lua between two looks at the clock

local function status(text)
  io.stderr:write("\r\27[K", text and shell.clean(text) or "")
  io.stderr:flush()
end

--- Call f(...); on a terminal, say how long it is at it, once that is more than a second.
--- What Lua does is looked at as it runs. For what C does, `seconds` is how long it will
--- probably take.
---@param what string
---@param seconds number
function shell.watch(what, seconds, f, ...)
  local started, shown = core.clock(), nil
  local function look()
    local spent = core.clock() - started
    if spent < 1 or spent - (shown or 0) < 0.5 then return end
    if not shell.is_terminal(2) then return debug.sethook() end
    shown = spent
    status(("luawasm: %s ... %.0f s"):format(what, spent))
  end
  if seconds > 1 and shell.is_terminal(2) then
    shown = 0
    status(("luawasm: %s ..."):format(what))
  end
  debug.sethook(look, "", PERIOD)
  local results = table.pack(pcall(f, ...))
  debug.sethook()
  if shown then status() end
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

---------------------------------------------------------------------------
-- Ctrl-C

--- From now on Ctrl-C ends the program at once, also where no Lua runs (a shell sees 130).
--
-- The program `lua` catches SIGINT and looks at it between two instructions of Lua, which is never
-- while machine code loops.
function shell.end_at_interrupt()
  core.leave_interrupt()
end

return shell

-- fault.lua -- what is wrong with a text, and where.
--
-- Readers of text stop at the first fault by raising it; the public faces (wat.lua,
-- wast.lua) catch it and hand out a plain table with line, column and the source line.
-- Position is a byte offset until then, so that lexing never counts lines.
-- Invariants: only faults made here are caught, anything else is a bug and goes on
-- rising; a caught fault is a wat.Error (wat.lua).
-- Not for: misuse of the interface, which raises an ordinary error.

local fault = {}

local Fault = { __name = "wat.fault" }

local CONTEXT = 60 -- bytes shown on each side of the fault when a line is long

--- Raise a fault.
---@param at integer byte offset into the text, from 1
---@param message string worded as in the official suite
---@param kind? "malformed"|"unsupported"|"limit" default "malformed"
---@param feature? string unsupported: the proposal
function fault.raise(at, message, kind, feature)
  error(setmetatable({ at = at, message = message, kind = kind or "malformed",
                       feature = feature }, Fault), 0)
end

-- The line around byte `at`, shortened when it is long: text, index of `at` in it.
local function excerpt(text, first, at)
  local from, to = first, at
  if at - from > CONTEXT then from = utf8.offset(text, 0, at - CONTEXT) or at - CONTEXT end
  while to <= #text and to - at < CONTEXT do
    local c = text:byte(to)
    if c == 10 or c == 13 then break end
    to = to + 1
  end
  while to > at and to <= #text and text:byte(to) & 0xc0 == 0x80 do to = to - 1 end
  return text:sub(from, to - 1), at - from + 1
end

--- The line and column of a byte offset; both count from 1, columns in bytes.
---@param text string
---@param at integer
---@return integer line
---@return integer column
---@return integer first  the offset of the line's first byte
function fault.position(text, at)
  local line, first = 1, 1
  local stop = text:find("\n", 1, true)
  while stop and stop < at do
    line, first = line + 1, stop + 1
    stop = text:find("\n", first, true)
  end
  return line, at - first + 1, first
end

--- The place of a byte offset, as a wat.Error has it.
---@param text string
---@param at integer
---@param name? string  what to call the text in messages
---@return { line: integer, column: integer, snippet: string, caret: integer, name?: string }
function fault.place(text, at, name)
  local line, column, first = fault.position(text, at)
  local snippet, caret = excerpt(text, first, at)
  return { line = line, column = column, snippet = snippet, caret = caret, name = name }
end

--- Call `f(...)`; turn a fault into `nil, err`.
---@param text string the text whose offsets `f` raises
---@param name? string what to call the text in messages
function fault.catch(text, name, f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  if getmetatable(result) ~= Fault then error(result, 0) end
  local err = fault.place(text, result.at, name)
  err.kind, err.message, err.feature = result.kind, result.message, result.feature
  return nil, err
end

-- A text's own words, which must not steer a terminal: control characters written out.
local function clean(message)
  local function escape(c)
    return (c:gsub(".", function(b) return ("\\x%02x"):format(b:byte()) end))
  end
  return (message:gsub("[\0-\8\10-\31\127]", escape):gsub("\xc2[\x80-\x9f]", escape))
end

-- The same for a piece of the source line, each one column wide.
local function shown(piece)
  if not utf8.len(piece) then piece = piece:gsub("[\x80-\xff]", "?") end
  return (piece:gsub("[\0-\8\10-\31\127]", "?"):gsub("\xc2[\x80-\x9f]", "?"))
end

--- "name:line:column: message", the source line and a caret under the fault.
---@param err table
---@return string
function fault.format(err)
  local before, rest = shown(err.snippet:sub(1, err.caret - 1)), shown(err.snippet:sub(err.caret))
  local blank = before:gsub("[^\t]", function(c)
    return c:byte() & 0xc0 == 0x80 and "" or " " -- one column for a whole character
  end)
  return ("%s:%d:%d: %s\n%s\n%s^"):format(
    err.name or "wat", err.line, err.column, clean(err.message), before .. rest, blank)
end

return fault

-- lex.lua -- text becomes tokens, once.
--
-- A token is a Lua string in `tok`, its byte offset stands in `pos`. The first byte tells
-- what it is, so that a parser compares strings and never looks at the text again:
--   ( )         a parenthesis
--   "bytes      a string literal, escapes replaced, without its closing quote
--   $name       an identifier; $"quoted" ones are spelled like plain ones
--   other       a number, a keyword, or a word that is neither
-- Comments and annotations leave no token; annotations are listed with the index of the
-- token that follows them, for readers that want (@custom) or (@name).
-- Invariants: every text is read in linear time; two empty tokens end the list, so a
-- parser may look one token ahead without a test.
-- Not for: telling a keyword from an unknown word; parsers know what they expect.

local fault = require "wasm.text.fault"

local lex = {}

local byte, char, find, match, sub = string.byte, string.char, string.find, string.match,
  string.sub
local raise = fault.raise

-- Classes are spelled out: %w and %c depend on the C locale.
local IDCHARS = "A-Za-z0-9!#$%%&'*+%-./:<=>?@\\^_`|~"
local BLANK_THEN_WORD = "^[ \n\r\t]*([" .. IDCHARS .. "]*)()"
local WORD = "^[" .. IDCHARS .. "]+"
local ANNOTATION_TEXT = "^[ \n\r\t,%[%]{}" .. IDCHARS .. "]*()"
local JOINS = "^[\"" .. IDCHARS .. "]" -- what may not follow a string without a space
local PLAIN_STRING = "^\"([^\"\\\0-\31\127]*)\"()"
local STRING_PIECE = "^[^\"\\\0-\31\127]*()"

local SIMPLE = { n = "\n", r = "\r", t = "\t", ["\\"] = "\\", ["'"] = "'", ["\""] = "\"" }

-- The code point of \u{...} at `at` (its backslash), as bytes, and the offset after it.
local function unicode_escape(text, at)
  local digits, stop = match(text, "^\\u{(%x[%x_]*)}()", at)
  if not digits or find(digits, "__", 1, true) or find(digits, "_$") then
    raise(at, "illegal escape")
  end
  digits = digits:gsub("_", ""):gsub("^0+", "")
  local code = #digits <= 6 and tonumber("0x0" .. digits) or 0x110000
  if code > 0x10ffff or (code >= 0xd800 and code < 0xe000) then raise(at, "illegal escape") end
  return utf8.char(code), stop
end

-- A string literal that holds escapes, or is wrong: its bytes and the offset after it.
local function escaped_string(text, start)
  local pieces, n, at = {}, 0, start + 1
  while true do
    local stop = match(text, STRING_PIECE, at)
    n = n + 1
    pieces[n] = sub(text, at, stop - 1)
    local c = byte(text, stop)
    if c == 34 then return table.concat(pieces), stop + 1 end
    if c ~= 92 then
      if not c or c == 10 then raise(start, "unclosed string") end
      raise(stop, "illegal character")
    end
    local e = sub(text, stop + 1, stop + 1)
    n = n + 1
    if SIMPLE[e] then
      pieces[n], at = SIMPLE[e], stop + 2
    elseif e == "u" then
      pieces[n], at = unicode_escape(text, stop)
    else
      local hex = match(text, "^%x%x", stop + 1)
      if not hex then raise(stop, "illegal escape") end
      pieces[n], at = char(tonumber(hex, 16)), stop + 3
    end
  end
end

local function string_at(text, at)
  local bytes, stop = match(text, PLAIN_STRING, at)
  if bytes then return bytes, stop end
  return escaped_string(text, at)
end

-- The name in $"..." or (@"...": must be there, not empty, and UTF-8.
local function quoted_name(text, at, empty_message)
  local stop = match(text, STRING_PIECE, at + 1)
  local c = byte(text, stop)
  if c ~= 34 and c ~= 92 then raise(at, empty_message) end
  local name, after = string_at(text, at)
  if name == "" then raise(at, empty_message) end
  if not utf8.len(name) then raise(at, "malformed UTF-8 encoding") end
  return name, after
end

local function skip_line_comment(text, at)
  return find(text, "[\n\r]", at) or #text + 1
end

-- Comments nest; `start` is at "(;".
local function skip_block_comment(text, start)
  local depth, at = 1, start + 2
  while depth > 0 do
    local s = find(text, "[(;][;)]", at)
    if not s then raise(start, "unclosed comment") end
    local pair = sub(text, s, s + 1)
    if pair == "(;" then
      depth, at = depth + 1, s + 2
    elseif pair == ";)" then
      depth, at = depth - 1, s + 2
    else
      at = s + 1
    end
  end
  return at
end

-- `start` is at "(@". Returns the annotation's id, the offset after that, and the one after
-- the closing ")".
local function skip_annotation(text, start)
  local at, id = start + 2
  if byte(text, at) == 34 then
    id, at = quoted_name(text, at, "empty annotation id")
  else
    id = match(text, WORD, at)
    if not id then raise(start, "empty annotation id") end
    at = at + #id
  end
  local inner, depth = at, 1
  while depth > 0 do
    at = match(text, ANNOTATION_TEXT, at)
    local c = byte(text, at)
    if c == 41 then
      depth, at = depth - 1, at + 1
    elseif c == 40 then
      if byte(text, at + 1) == 59 then
        at = skip_block_comment(text, at)
      else
        depth, at = depth + 1, at + 1
      end
    elseif c == 34 then
      local _
      _, at = string_at(text, at)
    elseif c == 59 then
      at = byte(text, at + 1) == 59 and skip_line_comment(text, at) or at + 1
    elseif not c then
      raise(start, "unclosed annotation")
    else
      raise(at, "illegal character")
    end
  end
  return id, inner, at
end

-- A word that touches a string: $"name", else a fault.
local function quoted_identifier(text, word, start, quote)
  if word ~= "$" then raise(start, "unknown operator " .. word) end
  local name, at = quoted_name(text, quote, "empty identifier")
  if find(text, JOINS, at) then
    raise(start, "unknown operator " .. sub(text, start, at))
  end
  return "$" .. name, at
end

-- A string as a token. Whatever touches it makes it no string but a reserved word.
local function string_token(text, start)
  local bytes, at = string_at(text, start)
  if find(text, JOINS, at) then
    raise(start, "unknown operator " .. sub(text, start, at))
  end
  return "\"" .. bytes, at
end

local function check_utf8(text)
  if not find(text, "[\128-\255]") then return end
  local ok, at = utf8.len(text)
  if not ok then raise(at, "malformed UTF-8 encoding") end
end

---@class wat.Annotation
---@field id string
---@field before integer  the token that follows
---@field from integer    offset of its "("
---@field inner integer   offset of what comes after the id
---@field to integer      offset of its ")"

---@class wat.Tokens
---@field text string
---@field tok string[]
---@field pos integer[]
---@field n integer           number of tokens, the two empty ones left out
---@field annotations wat.Annotation[]

--- Split a text into tokens. Raises a fault.
---@param text string
---@return wat.Tokens
function lex.tokens(text)
  check_utf8(text)
  local tok, pos, n, at = {}, {}, 0, 1
  local annotations = {}
  while true do
    local word, stop = match(text, BLANK_THEN_WORD, at)
    local c = byte(text, stop)
    if word ~= "" then
      n = n + 1
      tok[n], pos[n] = word, stop - #word
      at = stop
      if c == 34 then
        tok[n], at = quoted_identifier(text, word, stop - #word, stop)
      elseif word == "$" then
        raise(stop, "empty identifier")
      end
      c = byte(text, at)
    else
      at = stop
    end
    while c == 41 do
      n = n + 1
      tok[n], pos[n] = ")", at
      at = at + 1
      c = byte(text, at)
    end
    if c == 40 then
      local c2 = byte(text, at + 1)
      if c2 == 59 then
        at = skip_block_comment(text, at)
      elseif c2 == 64 then
        local id, inner, after = skip_annotation(text, at)
        annotations[#annotations + 1] =
          { id = id, before = n + 1, from = at, inner = inner, to = after - 1 }
        at = after
      else
        n = n + 1
        tok[n], pos[n] = "(", at
        at = at + 1
      end
    elseif c == 34 then
      n = n + 1
      pos[n] = at
      tok[n], at = string_token(text, at)
    elseif c == 59 and byte(text, at + 1) == 59 then
      at = skip_line_comment(text, at)
    elseif not c then
      break
    elseif c == 59 or c == 44 or c == 91 or c == 93 or c == 123 or c == 125 then
      raise(at, "unknown operator " .. char(c))
    elseif c < 32 and c ~= 9 and c ~= 10 and c ~= 13 or c >= 127 then
      raise(at, "illegal character")
    end
  end
  for k = n + 1, n + 2 do tok[k], pos[k] = "", #text + 1 end
  return { text = text, tok = tok, pos = pos, n = n, annotations = annotations }
end

return lex

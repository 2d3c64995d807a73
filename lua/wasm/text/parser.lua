-- parser.lua -- what every reader of the text format shares: tokens and name spaces.
--
-- A parser is a table; readers are functions `read(p, i, ...)` that look at the token with
-- index i and return what they read and then the index after it. There is no hidden
-- cursor, so a reader may look ahead, or be called twice, without undoing anything.
-- Invariants: readers never look past the second empty token at the end; a name space
-- maps "$name" to an index and counts every entry, named or not.
-- Not for: any particular form; those are in types, immediates, code and fields.

local annotations = require "wasm.text.annotations"
local fault = require "wasm.text.fault"
local keywords = require "wasm.text.keywords"
local numbers = require "wasm.text.numbers"

local parser = {}

local byte, sub = string.byte, string.sub

local MAX_SHOWN = 80 -- bytes of an unknown word that a message repeats
local SPACES = { "type", "func", "table", "memory", "global", "tag", "elem", "data" }

---@class wat.Space
---@field names table<string, integer>  "$name" -> index
---@field list { [1]: integer, [2]: string }[]  named entries in order: index, name
---@field count integer

---@class wat.Parser
---@field tok string[]
---@field pos integer[]
---@field ops table<string, wat.Op>
---@field delimiters table<string, wat.Op>
---@field spaces table<string, wat.Space>
---@field locals wat.Space   of the function being read; empty outside
---@field labels table<string, integer>  name -> nesting depth of its block
---@field depth integer      how many blocks are open
---@field notes? table<integer, table>  names given by annotations (annotations.lua)

---@return wat.Space
function parser.space()
  return { names = {}, list = {}, count = 0 }
end

---@param tokens wat.Tokens
---@param optable { by_text: table, delimiters: table }
---@return wat.Parser
function parser.new(tokens, optable)
  local p = {
    tok = tokens.tok,
    pos = tokens.pos,
    ops = optable.by_text,
    delimiters = optable.delimiters,
    spaces = {},
    locals = parser.space(),
    labels = {},
    depth = 0,
  }
  for _, name in ipairs(SPACES) do p.spaces[name] = parser.space() end
  return p
end

--- Raise a fault at token i.
function parser.fail(p, i, message, kind)
  fault.raise(p.pos[i], message, kind)
end

--- Raise the fault that fits a token nobody expected here.
---@param p wat.Parser
---@param i integer
function parser.unexpected(p, i)
  local word = p.tok[i]
  if word == "(" and keywords.unbuilt[p.tok[i + 1]] then i, word = i + 1, p.tok[i + 1] end
  local c = byte(word)
  if not c or c == 34 or c == 36 or c == 40 or c == 41 -- nothing " $ ( )
    or p.ops[word] or keywords.known[word] or numbers.is_number(word)
    or (word:find("^offset=") or word:find("^align=")) and numbers.nat(word:match("=(.*)")) then
    fault.raise(p.pos[i], "unexpected token")
  end
  local proposal = keywords.unbuilt[word]
  if proposal then
    fault.raise(p.pos[i], ("unsupported: %s (%s)"):format(proposal, word), "unsupported", proposal)
  end
  if #word > MAX_SHOWN then word = sub(word, 1, MAX_SHOWN) .. "..." end
  fault.raise(p.pos[i], "unknown operator " .. word)
end

--- The token must be `word`; returns the next index.
function parser.expect(p, i, word)
  if p.tok[i] ~= word then parser.unexpected(p, i) end
  return i + 1
end

--- Whether a form with this keyword starts at i.
function parser.opens(p, i, word)
  return p.tok[i] == "(" and p.tok[i + 1] == word
end

--- An identifier, if there is one.
---@return string? id
---@return integer i
function parser.id(p, i)
  if byte(p.tok[i]) == 36 then return p.tok[i], i + 1 end
  return nil, i
end

--- What names the entry bound at i, if anything does.
---@return boolean named
---@return string? id
---@return integer i
function parser.binder(p, i)
  local id, after = parser.id(p, i)
  return id ~= nil or (p.notes ~= nil and p.notes[i] ~= nil), id, after
end

--- Whether an index (number or identifier) stands at i.
function parser.at_index(p, i)
  local c = byte(p.tok[i])
  return c == 36 or (c ~= nil and c >= 48 and c <= 57)
end

--- An unsigned number that fits `bits`; `message` is said of one that does not.
---@return integer value
---@return integer i
function parser.nat(p, i, bits, message)
  local c = byte(p.tok[i])
  if not c or c < 48 or c > 57 then parser.unexpected(p, i) end
  local value = numbers.nat(p.tok[i])
  if value == nil then parser.unexpected(p, i) end
  if not value or (bits < 64 and value >> bits ~= 0) then
    fault.raise(p.pos[i], message or ("i%d constant out of range"):format(bits))
  end
  return value, i + 1
end

--- A string literal's bytes.
function parser.string(p, i)
  local t = p.tok[i]
  if byte(t) ~= 34 then parser.unexpected(p, i) end
  return sub(t, 2), i + 1
end

--- A string literal that must be UTF-8.
function parser.name(p, i)
  local bytes, after = parser.string(p, i)
  if not utf8.len(bytes) then fault.raise(p.pos[i], "malformed UTF-8 encoding") end
  return bytes, after
end

--- Zero or more string literals, joined.
function parser.strings(p, i)
  local tok, pieces, n = p.tok, {}, 0
  while byte(tok[i]) == 34 do
    n = n + 1
    pieces[n] = sub(tok[i], 2)
    i = i + 1
  end
  return table.concat(pieces), i
end

--- Give the next entry of a space its name, or none.
---@param p wat.Parser
---@param space wat.Space
---@param kind string for the message: "func", "local", ...
---@param id? string
---@param i integer where the identifier stands, or would
---@return integer index
function parser.bind(p, space, kind, id, i)
  local index = space.count
  space.count = index + 1
  local name = p.notes and annotations.take(p, id and i + 1 or i)
  if id then
    if space.names[id] then fault.raise(p.pos[i], "duplicate " .. kind .. " " .. id) end
    space.names[id] = index
    name = name or sub(id, 2)
  end
  if name then space.list[#space.list + 1] = { index, name } end
  return index
end

--- An index into a space, by number or by name.
---@return integer index
---@return integer i
function parser.lookup(p, space, kind, i)
  local t = p.tok[i]
  local index = space.names[t]
  if index then return index, i + 1 end
  if byte(t) == 36 then fault.raise(p.pos[i], "unknown " .. kind .. " " .. t) end
  return parser.nat(p, i, 32)
end

--- An index into one of the module's spaces.
---@param p wat.Parser
---@param i integer
---@param kind string a key of p.spaces
function parser.index(p, i, kind)
  return parser.lookup(p, p.spaces[kind], kind, i)
end

--- The index after the ")" that closes the "(" at i. Linear.
---@return integer i
function parser.skip(p, i)
  local tok, depth = p.tok, 0
  repeat
    local t = tok[i]
    if t == "(" then
      depth = depth + 1
    elseif t == ")" then
      depth = depth - 1
    elseif t == "" then
      parser.unexpected(p, i)
    end
    i = i + 1
  until depth == 0
  return i
end

return parser

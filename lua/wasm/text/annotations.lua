-- annotations.lua -- (@custom ..) and (@name ..), which mean something to an assembler.
--
-- The standard's appendix gives two annotations for custom sections: @custom adds one, @name
-- gives a module, function, local ... a name that no identifier could spell. A branch hint,
-- (@metadata.code.branch_hint ..), says something about an instruction. Others are dropped.
-- An annotation belongs to the token after it (lex.lua). A name is taken by the reader that
-- binds an entry there; one that nobody took stands in the wrong place.
-- Invariant: texts without annotations pay one test per bound name.
-- Not for: the binary name section (binary.lua).

local fault = require "wasm.text.fault"
local leb = require "wasm.text.leb"
local lex = require "wasm.text.lex"

local annotations = {}

local SECTIONS = {}
for word in ("type import func table memory tag global export start elem datacount code data")
  :gmatch("%a+") do
  SECTIONS[word] = true
end

-- The tokens within an annotation, after its id.
local function inner_tokens(tokens, note, label)
  local ok, found = pcall(lex.tokens, tokens.text:sub(note.inner, note.to - 1))
  if not ok then fault.raise(note.from, label .. "unexpected token") end
  return found.tok
end

local function string_of(note, token, label)
  local bytes = token:match("^\"(.*)")
  if bytes and not utf8.len(bytes) then
    fault.raise(note.from, label .. "malformed UTF-8 encoding")
  end
  return bytes
end

-- (before s) or (after s), k at "(": where, which section, and the next index.
local function placement(note, tok, k, label)
  local where, section = tok[k + 1], tok[k + 2]
  if where ~= "before" and where ~= "after" then
    fault.raise(note.from, label .. "malformed placement")
  end
  local edge = where == "before" and "first" or "last"
  if not SECTIONS[section] and section ~= edge then
    fault.raise(note.from, label .. "malformed section kind")
  end
  if tok[k + 3] ~= ")" then fault.raise(note.from, label .. "unexpected token") end
  return where, section, k + 4
end

local function custom(p, tokens, note)
  local label = "@custom annotation: "
  local tok = inner_tokens(tokens, note, label)
  local name = string_of(note, tok[1], label)
  if not name then fault.raise(note.from, label .. "missing section name") end
  p.own_names = p.own_names or name == "name"
  local where, section, k = "after", "last", 2
  if tok[2] == "(" then where, section, k = placement(note, tok, 2, label) end
  local pieces = {}
  while tok[k] ~= "" do
    local bytes = tok[k]:match("^\"(.*)")
    if not bytes then fault.raise(note.from, label .. "unexpected token") end
    pieces[#pieces + 1] = bytes
    k = k + 1
  end
  local at = where .. " " .. section
  local list = p.customs[at] or {}
  p.customs[at] = list
  list[#list + 1] = "\0" .. leb.sized(leb.sized(name) .. table.concat(pieces))
end

local function name(p, tokens, note)
  local label = "@name annotation: "
  local tok = inner_tokens(tokens, note, label)
  local text = string_of(note, tok[1], label)
  if not text then fault.raise(note.from, label .. "missing name") end
  if tok[2] ~= "" then fault.raise(note.from, label .. "unexpected token") end
  if p.notes[note.before] then fault.raise(note.from, label .. "multiple names") end
  p.notes[note.before] = { text = text, from = note.from }
end

local HINT = "metadata.code.branch_hint"

local function hint(p, tokens, note)
  local label = "@metadata.code.branch_hint annotation: "
  local tok = inner_tokens(tokens, note, label)
  local bytes = tok[1]:match("^\"(.*)")
  if not bytes or tok[2] ~= "" then fault.raise(note.from, label .. "unexpected token") end
  p.hints = p.hints or {}
  if p.hints[note.before] then fault.raise(note.from, label .. "duplicate annotation") end
  p.hints[note.before] = { bytes = bytes, from = note.from }
end

-- The first annotation at or after a token: a script's modules share one list.
local function first_from(list, token)
  local low, high = 1, #list + 1
  while low < high do
    local middle = (low + high) // 2
    if list[middle].before < token then low = middle + 1 else high = middle end
  end
  return low
end

--- Collect the annotations of the tokens first .. last.
---@param p wat.Parser gets `notes`, token index -> name, and `customs`, place -> sections
---@param tokens wat.Tokens
---@param first integer the token of the first field
---@param last integer the token after the last field
---@param fields integer[] the tokens at which fields start
function annotations.collect(p, tokens, first, last, fields)
  p.customs, p.notes = {}, nil
  if #tokens.annotations == 0 then return end
  p.notes = {}
  local between = { [last] = true }
  for _, i in ipairs(fields) do between[i] = true end
  for k = first_from(tokens.annotations, first), #tokens.annotations do
    local note = tokens.annotations[k]
    local at = note.before
    if at > last then break end
    if note.id == "custom" then
      if not between[at] then fault.raise(note.from, "misplaced @custom annotation") end
      custom(p, tokens, note)
    elseif note.id == "name" then
      if at == first and p.notes[at] then
        fault.raise(note.from, "@name annotation: multiple module names")
      end
      name(p, tokens, note)
    elseif note.id == HINT then
      hint(p, tokens, note)
    end
  end
end

--- The name given before token i, if any; it counts as taken from then on.
---@return string?
function annotations.take(p, i)
  local note = p.notes[i]
  if not note then return nil end
  note.taken = true
  return note.text
end

local BRANCHES = { ["if"] = true, br_if = true }

--- The branch hint given before token i, where this operator stands, if any.
---@return string? bytes
function annotations.take_hint(p, i, operator)
  local note = p.hints[i]
  if not note then return nil end
  if not BRANCHES[operator] then
    fault.raise(note.from, "@" .. HINT .. " annotation: invalid target")
  end
  note.taken = true
  return note.bytes
end

--- Raise a fault for the first name that nobody took.
function annotations.check(p)
  local stray
  for _, note in pairs(p.notes or {}) do
    if not note.taken and not (stray and stray < note.from) then stray = note.from end
  end
  if stray then fault.raise(stray, "misplaced @name annotation") end
  for _, note in pairs(p.hints or {}) do
    if not note.taken and not (stray and stray < note.from) then stray = note.from end
  end
  if stray then fault.raise(stray, "@" .. HINT .. " annotation: not in a function") end
end

return annotations

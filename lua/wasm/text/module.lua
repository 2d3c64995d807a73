-- module.lua -- a module, from its first token to its bytes.
--
-- Three looks at the fields, since names may be used before they are bound and types that
-- inline uses add come after all that have a field of their own:
--   1. bind every name    2. read the types    3. read everything else, in order
-- Invariant: a module is a range of tokens, so that a script's modules are lexed once,
-- with the script.
-- Not for: telling text from binary, or scripts.

local annotations = require "wasm.text.annotations"
local binary = require "wasm.text.binary"
local fields = require "wasm.text.fields"
local ops = require "wasm.text.ops"
local parser = require "wasm.text.parser"
local types = require "wasm.text.types"

local module = {}

local DEFINES_TYPES = { type = true, rec = true }
local READERS = {}
for _, word in ipairs { "import", "export", "func", "table", "memory", "global", "tag", "elem",
                        "data", "start" } do
  READERS[word] = fields[word]
end

--- Whether a word starts a module field.
function module.is_field(word)
  return READERS[word] ~= nil or DEFINES_TYPES[word] == true
end

-- Where each field from token i on starts; the token after the last one.
local function field_starts(p, i)
  local starts = {}
  while p.tok[i] == "(" do
    if not module.is_field(p.tok[i + 1]) then parser.unexpected(p, i + 1) end
    starts[#starts + 1] = i
    i = parser.skip(p, i)
  end
  return starts, i
end

local function read_fields(p, starts)
  for _, at in ipairs(starts) do fields.bind(p, at) end
  for _, at in ipairs(starts) do
    if p.tok[at + 1] == "type" then
      types.define(p, at)
    elseif p.tok[at + 1] == "rec" then
      types.define_group(p, at)
    end
  end
  for _, at in ipairs(starts) do
    local read = READERS[p.tok[at + 1]]
    if read then read(p, at + 2) end
  end
end

--- Assemble the fields of a module that start at a token; raises a fault.
---@param tokens wat.Tokens
---@param i integer
---@param last string the token that must follow the fields: ")" or ""
---@param opts { names?: boolean, module_name?: string, places?: table }  places: gets, for each
---  function, the pieces that its code was made of and their tokens
---@return string bytes
---@return integer i the token after `last`
function module.assemble(tokens, i, last, opts)
  local p = parser.new(tokens, ops.table())
  p.no_locals = p.locals
  p.module = fields.module()
  p.seen = {}
  p.uses_data = false
  p.places = opts.places
  types.prepare(p)
  local starts, stop = field_starts(p, i)
  local after = parser.expect(p, stop, last)
  annotations.collect(p, tokens, i, stop, starts)
  local name = p.notes and annotations.take(p, i) or opts.module_name
  read_fields(p, starts)
  annotations.check(p)
  return binary.encode(p, name, opts.names ~= false), after
end

--- Assemble a whole text: (module $id? field*) or only its fields; raises a fault.
---@param tokens wat.Tokens
---@param opts { names?: boolean, places?: table }
---@return string bytes
function module.assemble_text(tokens, opts)
  local tok = tokens.tok
  if tok[1] ~= "(" or tok[2] ~= "module" then
    return (module.assemble(tokens, 1, "", opts))
  end
  local name = tok[3]:match("^%$(.*)")
  local bytes, i = module.assemble(tokens, name and 4 or 3, ")",
    { names = opts.names, module_name = name, places = opts.places })
  if tok[i] ~= "" then parser.unexpected(parser.new(tokens, ops.table()), i) end
  return bytes
end

return module

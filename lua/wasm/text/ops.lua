-- ops.lua -- the operator table, as the text format wants to look it up.
--
-- There is one table of operators, ops.def in the core; `require "wasm.core".opcodes()`
-- lists it. Here it is indexed by text, each row with its bytes ready and the function
-- that reads its immediates (immediates.lua).
-- Invariants: rows are shared by all parsers and never change after `use`; the words that
-- only delimit other forms (end, else, catch ...) are not among the operators, since no
-- parser may take them for one.
-- Not for: what an operator means; the validator knows.

local immediates = require "wasm.text.immediates"
local leb = require "wasm.text.leb"

local ops = {}

-- Rows of the table that are no instructions of their own in the text.
local DELIMITERS = { ["end"] = true, ["else"] = true, catch = true, catch_all = true,
                     delegate = true }

---@class wat.Op
---@field text string
---@field bytes string     the operator without immediates
---@field fixed? string    all of the instruction, when it has no immediates
---@field read? function   (parser, i, op) -> bytes of the instruction, next i
---@field block? string    "block", "loop", "if", "try", "try_table"
---@field feature string   the proposal that brought it
---@field nullable? wat.Op  ref.test and ref.cast: the row for (ref null ..)
---@field typed? wat.Op     select: the row with result types

local function wire(code)
  if code < 0x10000 then return string.char(code) end
  return string.char(code >> 16) .. leb.unsigned(code & 0xffff)
end

local BLOCK_KINDS = { block = "block", try_table = "try_table" }

local function row(entry)
  local imm = tostring(entry.imm):lower()
  local op = { text = entry.text, bytes = wire(entry.code), feature = entry.feature }
  if BLOCK_KINDS[imm] then
    op.block = entry.text
  elseif entry.text == "select" then
    op.read = immediates.select
  elseif imm == "none" then
    op.fixed = op.bytes
  else
    op.read = assert(immediates[imm], "no reader for immediates of kind " .. imm)
    op.alignment = tonumber(imm:match("^[ml](%d)$"))
  end
  return op
end

--- Index a listing of operators.
---@param listing { code: integer, text: string, imm: string, feature: string }[]
---@return { by_text: table<string, wat.Op>, delimiters: table<string, wat.Op> }
function ops.index(listing)
  local by_text, delimiters = {}, {}
  for _, entry in ipairs(listing) do
    local op = row(entry)
    local first = by_text[entry.text]
    if DELIMITERS[entry.text] then
      delimiters[entry.text] = op
    elseif not first then
      by_text[entry.text] = op
    elseif entry.text == "select" then
      first.typed = op
    else
      first.nullable = op
    end
  end
  return { by_text = by_text, delimiters = delimiters }
end

local current

--- Use this listing from now on; nil: the core's, when one is needed next.
---@param listing? table[]
function ops.use(listing)
  current = listing and ops.index(listing)
end

--- The table in use; the core's unless `use` was called.
function ops.table()
  if not current then current = ops.index(require "wasm.core".opcodes()) end
  return current
end

return ops

-- code.lua -- sequences of instructions, folded or not.
--
-- Section 6.5 of the standard. Folded forms nest without bound, so there is no recursion:
-- one loop over the tokens and a stack of what is open. A folded plain instruction waits
-- on the stack, encoded, until its ")" has been reached; blocks write their opening at
-- once and their end when they close.
-- Invariants: linear in the number of tokens, at any depth; `p.depth` and `p.labels` are
-- as they were when a sequence has been read; the kind of the innermost open form decides
-- what may come next.
-- Not for: types of operands, or whether labels exist by number.

local annotations = require "wasm.text.annotations"
local immediates = require "wasm.text.immediates"
local leb = require "wasm.text.leb"
local parser = require "wasm.text.parser"
local types = require "wasm.text.types"

local code = {}

local concat = table.concat
local unexpected, fail = parser.unexpected, parser.fail

local END <const>, ELSE <const> = "\x0b", "\x05"

-- What may be open.
local TOP <const> = 0        -- the sequence itself: anything up to its ")"
local ONE <const> = 1        -- a single folded instruction is wanted
local PLAIN <const> = 2      -- folded: operands only
local BLOCK <const> = 3      -- folded block, loop, try_table: a body
local IF <const> = 4         -- folded if: operands, then (then
local THEN <const> = 5       -- in (then
local AFTER_THEN <const> = 6
local ELSE_BODY <const> = 7  -- in (else
local AFTER_ELSE <const> = 8
local TRY <const> = 9        -- folded try: (do
local HANDLED <const> = 10   -- in (do, (catch or (catch_all of a folded try
local AFTER_DO <const> = 11
local AFTER_ALL <const> = 12 -- after (catch_all or (delegate
local OPEN <const> = 13      -- unfolded, up to `end`
local OPEN_IF <const> = 14   -- the same, and `else` may come
local OPEN_TRY <const> = 15  -- the same, and `catch`, `catch_all` or `delegate` may come

-- Where instructions may stand without parentheses, and with them.
local BARE = { [TOP] = true, [BLOCK] = true, [THEN] = true, [ELSE_BODY] = true,
               [HANDLED] = true, [OPEN] = true, [OPEN_IF] = true, [OPEN_TRY] = true }
local FOLDED = { [ONE] = true, [PLAIN] = true, [IF] = true }
for kind in pairs(BARE) do FOLDED[kind] = true end

---------------------------------------------------------------------------
-- Labels

local function push_label(p, frame)
  local depth = p.depth + 1
  p.depth = depth
  local id = frame.id
  if id then
    frame.shadowed = p.labels[id]
    p.labels[id] = depth
  end
end

local function pop_label(p, frame)
  p.depth = p.depth - 1
  if frame.id then p.labels[frame.id] = frame.shadowed end
end

-- An identifier after `end` or `else` must repeat the block's.
local function check_label(p, i, frame)
  local id, after = parser.id(p, i)
  if id and id ~= frame.id then fail(p, i, "mismatching label") end
  return after
end

---------------------------------------------------------------------------
-- Blocks

local CATCHES = { catch = "\0", catch_ref = "\1", catch_all = "\2", catch_all_ref = "\3" }

-- (catch tag label) and its like, up to something else.
local function catch_clauses(p, i)
  local list = {}
  while p.tok[i] == "(" and CATCHES[p.tok[i + 1]] do
    local word, tag = p.tok[i + 1], ""
    i = i + 2
    if word == "catch" or word == "catch_ref" then
      local index
      index, i = parser.index(p, i, "tag")
      tag = leb.unsigned(index)
    end
    local target
    target, i = immediates.read_label(p, i)
    list[#list + 1] = CATCHES[word] .. tag .. target
    i = parser.expect(p, i, ")")
  end
  return leb.vector(list), i
end

local OPEN_KIND = { ["if"] = OPEN_IF, try = OPEN_TRY }
local FOLDED_KIND = { ["if"] = IF, try = TRY }

-- The head of a block, i after its keyword: the bytes to write now, if any, the frame to
-- push, and the next index. A folded `if` writes its operands first.
local function block_head(p, i, op, folded)
  local id, block_type
  id, i = parser.id(p, i)
  if p.notes then annotations.take(p, i) end -- labels are not in the name section
  block_type, i = types.block(p, i)
  local bytes = op.bytes .. block_type
  if op.block == "try_table" then
    local clauses
    clauses, i = catch_clauses(p, i)
    bytes = bytes .. clauses
  end
  local frame = { id = id, bytes = bytes }
  if folded then
    frame.kind = FOLDED_KIND[op.block] or BLOCK
    if frame.kind ~= BLOCK then return nil, frame, i end
  else
    frame.kind = OPEN_KIND[op.block] or OPEN
  end
  push_label(p, frame)
  return bytes, frame, i
end

---------------------------------------------------------------------------
-- The parts of folded if and try, and what may close

-- Each returns the bytes to write and the next index; i is after the keyword.
local clauses = {}

clauses["then"] = function(p, i, frame)
  if frame.kind ~= IF then unexpected(p, i - 1) end
  frame.kind = THEN
  push_label(p, frame)
  return frame.bytes, i
end

clauses["else"] = function(p, i, frame)
  if frame.kind ~= AFTER_THEN then unexpected(p, i - 1) end
  frame.kind = ELSE_BODY
  return ELSE, i
end

clauses["do"] = function(p, i, frame)
  if frame.kind ~= TRY then unexpected(p, i - 1) end
  frame.kind, frame.after = HANDLED, AFTER_DO
  push_label(p, frame)
  return frame.bytes, i
end

clauses.catch = function(p, i, frame)
  if frame.kind ~= AFTER_DO then unexpected(p, i - 1) end
  frame.kind, frame.caught = HANDLED, true
  return immediates.tag(p, i, p.delimiters.catch)
end

clauses.catch_all = function(p, i, frame)
  if frame.kind ~= AFTER_DO then unexpected(p, i - 1) end
  frame.kind, frame.after = HANDLED, AFTER_ALL
  return p.delimiters.catch_all.bytes, i
end

-- The label of a delegate counts from outside of its try.
local function delegate(p, i, frame)
  pop_label(p, frame)
  return immediates.label(p, i, p.delimiters.delegate)
end

clauses.delegate = function(p, i, frame)
  if frame.kind ~= AFTER_DO or frame.caught then unexpected(p, i - 1) end
  frame.kind, frame.delegated = AFTER_ALL, true
  local bytes
  bytes, i = delegate(p, i, frame)
  return bytes, parser.expect(p, i, ")")
end

local function open_clause(p, i, frame)
  local read = clauses[p.tok[i + 1]]
  if not read then unexpected(p, i + 1) end
  local bytes, after = read(p, i + 2, frame)
  return bytes, after, false
end

-- What a ")" means where it is not the end of a plain instruction: the bytes to write, the
-- next index, whether the frame is done.
local function close_paren(p, i, frame)
  local kind = frame.kind
  if kind == THEN then
    frame.kind = AFTER_THEN
    return nil, i + 1, false
  elseif kind == ELSE_BODY then
    frame.kind = AFTER_ELSE
    return nil, i + 1, false
  elseif kind == HANDLED then
    frame.kind = frame.after
    return nil, i + 1, false
  elseif kind == BLOCK or kind == AFTER_THEN or kind == AFTER_ELSE or kind == AFTER_DO
    or kind == AFTER_ALL then
    if frame.delegated then return nil, i + 1, true end
    pop_label(p, frame)
    return END, i + 1, true
  end
  unexpected(p, i)
end

-- Words that delimit unfolded blocks: bytes, next index, whether the frame is done.
local function delimiter(p, i, frame)
  local word, kind = p.tok[i], frame.kind
  if word == "end" and (kind == OPEN or kind == OPEN_IF or kind == OPEN_TRY) then
    i = check_label(p, i + 1, frame)
    pop_label(p, frame)
    return END, i, true
  elseif word == "else" and kind == OPEN_IF then
    frame.kind = OPEN
    return ELSE, check_label(p, i + 1, frame), false
  elseif kind == OPEN_TRY then
    if word == "catch" then
      frame.caught = true
      local bytes
      bytes, i = immediates.tag(p, i + 1, p.delimiters.catch)
      return bytes, i, false
    elseif word == "catch_all" then
      frame.kind = OPEN
      return p.delimiters.catch_all.bytes, i + 1, false
    elseif word == "delegate" and not frame.caught then
      local bytes
      bytes, i = delegate(p, i + 1, frame)
      return bytes, i, true
    end
  end
  unexpected(p, i)
end

---------------------------------------------------------------------------
-- The loop

-- Hints by the index of the piece they belong to become hints by byte offset.
local function offsets_of(out, marks)
  local offset, k = 0, 1
  for _, mark in ipairs(marks) do
    while k < mark[1] do offset, k = offset + #out[k], k + 1 end
    mark[1] = offset
  end
  return marks
end

-- Reads from i. With `only` TOP: up to the ")" that closes the surrounding form, which is
-- not consumed; with ONE: a single folded instruction. Returns bytes without the final
-- end, and the next index.
-- What is open stands in `stack`, its kind in `kinds`: the bytes of a folded plain
-- instruction, the frame of anything else.
local function sequence(p, i, only)
  local tok, operators = p.tok, p.ops
  local out, n = {}, 0
  local stack, kinds, top = {}, { [0] = only }, 0
  local hints, held, marks = p.in_function and p.hints, {}, nil
  local places, heads = p.in_function and p.places and {}, {} -- pieces' tokens; of what is open
  repeat
    local kind = kinds[top]
    local word, at = tok[i], i
    local folded = word == "("
    if folded then word = tok[i + 1] end
    local op = operators[word]
    local bytes, frame, closed, hint
    if op and (folded and FOLDED[kind] or BARE[kind]) then
      hint = hints and annotations.take_hint(p, i, op.text)
      i = folded and i + 2 or i + 1
      bytes = op.fixed
      if not bytes and op.read then
        bytes, i = op.read(p, i, op)
      elseif not bytes then
        bytes, frame, i = block_head(p, i, op, folded)
        top = top + 1
        stack[top], kinds[top] = frame, frame.kind
        if hint and not bytes then held[top], hint = hint, nil end
        heads[top] = at
      end
      if folded and not frame then
        if tok[i] == ")" then
          i = i + 1
        else
          top = top + 1
          stack[top], kinds[top], heads[top] = bytes, PLAIN, at
          held[top], hint, bytes = hint, nil, nil
        end
      end
    elseif kind == PLAIN then
      if folded or word ~= ")" then unexpected(p, folded and i + 1 or i) end
      bytes, closed, i, at = stack[top], true, i + 1, heads[top]
      hint, held[top] = held[top], nil
    elseif top == 0 then
      if folded or word ~= ")" or only == ONE then unexpected(p, folded and i + 1 or i) end
      break
    else
      frame = stack[top]
      if folded then
        if kind == IF then at = heads[top] end
        bytes, i, closed = open_clause(p, i, frame)
        hint, held[top] = held[top], nil
      elseif word == ")" then
        bytes, i, closed = close_paren(p, i, frame)
      else
        bytes, i, closed = delimiter(p, i, frame)
      end
      kinds[top] = frame.kind
      if bytes == END and out[n] == ELSE then n = n - 1 end -- an empty else says nothing
    end
    if bytes then
      n = n + 1
      out[n] = bytes
      if places then places[n] = at end
      if hint then
        marks = marks or {}
        marks[#marks + 1] = { n, hint }
      end
    end
    if closed then top = top - 1 end
  until top == 0 and only == ONE
  if marks then p.marks = offsets_of(out, marks) end
  if places then p.pieces = { out = out, n = n, places = places, last = i } end
  return concat(out, "", 1, n), i
end

--- Instructions up to the ")" that closes the surrounding form, and their end.
---@param p wat.Parser
---@param i integer
---@return string bytes
---@return integer i   at the ")"
function code.expression(p, i)
  local bytes
  bytes, i = sequence(p, i, TOP)
  return bytes .. END, i
end

--- One folded instruction as an expression.
function code.folded_expression(p, i)
  if p.tok[i] ~= "(" then unexpected(p, i) end
  local bytes
  bytes, i = sequence(p, i, ONE)
  return bytes .. END, i
end

return code

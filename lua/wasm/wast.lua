-- wast.lua -- scripts: modules, actions and assertions, in order.
--
-- Reads every command of the official test scripts into plain tables and runs none of
-- them. A text module is not assembled when the script is read but when its `assemble`
-- is called, so that one bad or unsupported module costs only itself.
-- Invariants: a script is lexed once; reading is linear; `commands[k].line` is the line of
-- the command's "(".
-- Not for: running scripts, or deciding what an unsupported module means.

local fault = require "wasm.text.fault"
local lex = require "wasm.text.lex"
local module = require "wasm.text.module"
local ops = require "wasm.text.ops"
local parser = require "wasm.text.parser"
local values = require "wasm.text.values"

local wast = {}

local expect, unexpected, opens = parser.expect, parser.unexpected, parser.opens

---@class wast.Source
---@field kind "text"|"binary"|"quote"
---@field id? string     "$name" of the module
---@field bytes? string  binary: the module itself
---@field text? string   quote: the text
---@field assemble fun(opts?: { names?: boolean }): string?, wat.Error?

---@class wast.Action
---@field type "invoke"|"get"
---@field module? string  "$name"; nil: the last module
---@field field string
---@field args? wast.Value[]

---@class wast.Command
---@field type string    see `wast.read`
---@field line integer
---@field id? string
---@field of? string
---@field as? string
---@field module? wast.Source
---@field action? wast.Action
---@field results? wast.Value[]
---@field message? string
---@field commands? wast.Command[]
---@field text? string

---------------------------------------------------------------------------
-- Modules

local function text_source(s, first, stop, id)
  return {
    kind = "text",
    id = id,
    assemble = function(opts)
      local names = opts and opts.names
      return fault.catch(s.text, s.name, function()
        return (module.assemble(s.tokens, first, stop,
          { names = names, module_name = id and id:sub(2) }))
      end)
    end,
  }
end

local function binary_source(bytes, id)
  return { kind = "binary", id = id, bytes = bytes, assemble = function() return bytes end }
end

local function quote_source(s, text, id)
  return {
    kind = "quote",
    id = id,
    text = text,
    assemble = function(opts)
      return fault.catch(text, s.name and s.name .. ": quote", function()
        return module.assemble_text(lex.tokens(text), { names = opts and opts.names })
      end)
    end,
  }
end

-- What follows "(module" and its other words: a source, and the index after its ")".
local function source(s, i)
  local p = s.parser
  local id
  id, i = parser.id(p, i)
  local word = p.tok[i]
  if word == "binary" or word == "quote" then
    local bytes
    bytes, i = parser.strings(p, i + 1)
    i = expect(p, i, ")")
    if word == "binary" then return binary_source(bytes, id), i end
    return quote_source(s, bytes, id), i
  end
  local first = i
  while p.tok[i] == "(" do i = parser.skip(p, i) end
  return text_source(s, first, ")", id), expect(p, i, ")")
end

-- (module instance $I? $M?), i after "instance".
local function instance(p, i)
  local id, of
  id, i = parser.id(p, i)
  of, i = parser.id(p, i)
  return { type = "module_instance", id = id, of = of }, expect(p, i, ")")
end

local function read_module(s, i)
  local p = s.parser
  if p.tok[i] == "instance" then return instance(p, i + 1) end
  local type = "module"
  if p.tok[i] == "definition" then type, i = "module_definition", i + 1 end
  local src
  src, i = source(s, i)
  return { type = type, id = src.id, module = src }, i
end

---------------------------------------------------------------------------
-- Actions and assertions

local actions = {}

function actions.invoke(p, i)
  local id, field, args
  id, i = parser.id(p, i)
  field, i = parser.name(p, i)
  args, i = values.list(p, i, false)
  return { type = "invoke", module = id, field = field, args = args }, expect(p, i, ")")
end

function actions.get(p, i)
  local id, field
  id, i = parser.id(p, i)
  field, i = parser.name(p, i)
  return { type = "get", module = id, field = field }, expect(p, i, ")")
end

local function action(p, i)
  i = expect(p, i, "(")
  local read = actions[p.tok[i]]
  if not read then unexpected(p, i) end
  return read(p, i + 1)
end

local function message(p, i)
  local text
  text, i = parser.string(p, i)
  return text, expect(p, i, ")")
end

-- (assert_x (module ..) "message") or (assert_x action "message"), whichever is allowed.
local function assertion(type, takes_action, takes_module)
  return function(s, i)
    local p = s.parser
    local command = { type = type }
    if takes_module and opens(p, i, "module") then
      command.module, i = source(s, i + 2)
    elseif takes_action then
      command.action, i = action(p, i)
    else
      unexpected(p, i + 1)
    end
    command.message, i = message(p, i)
    return command, i
  end
end

local commands = {}

commands.module = read_module

for _, type in ipairs { "assert_malformed", "assert_invalid", "assert_unlinkable",
                        "assert_malformed_custom", "assert_invalid_custom" } do
  commands[type] = assertion(type, false, true)
end
commands.assert_trap = assertion("assert_trap", true, true)
commands.assert_exhaustion = assertion("assert_exhaustion", true, false)

function commands.assert_return(s, i)
  local p = s.parser
  local act, results
  act, i = action(p, i)
  results, i = values.list(p, i, true)
  return { type = "assert_return", action = act, results = results }, expect(p, i, ")")
end

local function without_message(type)
  return function(s, i)
    local act
    act, i = action(s.parser, i)
    return { type = type, action = act }, expect(s.parser, i, ")")
  end
end
commands.assert_exception = without_message("assert_exception")
commands.assert_suspension = without_message("assert_suspension")

for word, read in pairs(actions) do
  commands[word] = function(s, i)
    local act
    act, i = read(s.parser, i)
    return { type = "action", action = act }, i
  end
end

function commands.register(s, i)
  local p = s.parser
  local as, of
  as, i = parser.name(p, i)
  of, i = parser.id(p, i)
  return { type = "register", as = as, of = of }, expect(p, i, ")")
end

---------------------------------------------------------------------------
-- Scripts within scripts

local read_commands

-- (script $id? command*)
function commands.script(s, i)
  local p = s.parser
  local id, list
  id, i = parser.id(p, i)
  list, i = read_commands(s, i)
  return { type = "script", id = id, commands = list }, expect(p, i, ")")
end

-- (thread $id? (shared (module $id))? command*), of the threads proposal
function commands.thread(s, i)
  local p = s.parser
  local id, shared, list
  id, i = parser.id(p, i)
  if opens(p, i, "shared") then
    i = expect(p, expect(p, i + 2, "("), "module")
    shared, i = parser.id(p, i)
    i = expect(p, expect(p, i, ")"), ")")
  end
  list, i = read_commands(s, i)
  return { type = "thread", id = id, of = shared, commands = list }, expect(p, i, ")")
end

function commands.wait(s, i)
  local id
  id, i = parser.id(s.parser, i)
  return { type = "wait", of = id }, expect(s.parser, i, ")")
end

-- (input $id? "file") and (output $id? "file"?)
for _, type in ipairs { "input", "output" } do
  commands[type] = function(s, i)
    local p = s.parser
    local id, text
    id, i = parser.id(p, i)
    if type == "input" or p.tok[i] ~= ")" then text, i = parser.string(p, i) end
    return { type = type, id = id, text = text }, expect(p, i, ")")
  end
end

---------------------------------------------------------------------------
-- The reader

-- Counts lines up to the token i; tokens are asked for in order.
local function line_of(s, i)
  local at = s.parser.pos[i]
  while s.next_newline < at do
    s.line = s.line + 1
    s.next_newline = s.text:find("\n", s.next_newline + 1, true) or math.huge
  end
  return s.line
end

local MAX_NESTING = 100 -- scripts within scripts

function read_commands(s, i)
  local p, list, n = s.parser, {}, 0
  s.nesting = s.nesting + 1
  if s.nesting > MAX_NESTING then parser.fail(p, i, "nesting too deep", "limit") end
  while p.tok[i] == "(" do
    local read = commands[p.tok[i + 1]]
    if not read then unexpected(p, i + 1) end
    local line = line_of(s, i)
    n = n + 1
    list[n], i = read(s, i + 2)
    list[n].line = line
  end
  s.nesting = s.nesting - 1
  return list, i
end

local function read(s)
  s.tokens = lex.tokens(s.text)
  s.parser = parser.new(s.tokens, ops.table())
  local p = s.parser
  if p.tok[1] == "(" and module.is_field(p.tok[2]) then -- a module without its parentheses
    return { { type = "module", line = line_of(s, 1), module = text_source(s, 1, "") } }
  end
  local list, i = read_commands(s, 1)
  expect(p, i, "")
  return list
end

--- Read a script. Each command has `type` and `line`, and, by type:
---   module, module_definition  id?, module
---   module_instance            id?, of?: the definition's id; nil: the last one
---   register                   as, of?
---   action                     action
---   assert_return              action, results
---   assert_trap                action or module, message
---   assert_exhaustion          action, message
---   assert_exception, assert_suspension   action
---   assert_malformed, assert_invalid, assert_unlinkable, assert_malformed_custom,
---   assert_invalid_custom      module, message
---   script, thread             id?, of?, commands
---   wait                       of?
---   input, output              id?, text?
--- where `module` is a wast.Source; call its `assemble` for the bytes.
---@param text string
---@param name? string for messages
---@return wast.Command[]? commands
---@return wat.Error? err
function wast.read(text, name)
  local s = { text = text, name = name, line = 1, nesting = 0,
              next_newline = text:find("\n", 1, true) or math.huge }
  return fault.catch(text, name, read, s)
end

return wast

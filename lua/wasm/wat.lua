-- wat.lua -- the text format, assembled into the binary format.
--
-- The public face of the rooms below text/: one call, text in, bytes out. All of the
-- grammar of WebAssembly 3.0 is read; whether a module is valid is for the core to say
-- about the bytes.
-- Invariants: bad text never raises, it returns nil and a table that says where; any text
-- takes time and memory linear in its length.
-- Not for: scripts of several modules (wast.lua), or bytes back to text (print.lua).

local fault = require "wasm.text.fault"
local lex = require "wasm.text.lex"
local module = require "wasm.text.module"
local ops = require "wasm.text.ops"
local read = require "wasm.text.read"

local wat = {}

---@class wat.Error
---@field kind "malformed"|"unsupported"|"limit"
---@field message string   worded as in the official suite
---@field feature? string  unsupported: the proposal that is not read
---@field name? string     what `opts.name` said
---@field line integer     from 1
---@field column integer   from 1, in bytes
---@field snippet string   the source line, shortened when long
---@field caret integer    index in the snippet

local OPTIONS = { name = "string", names = "boolean" }

local function check_options(opts)
  for key, value in pairs(opts) do
    if not OPTIONS[key] then error(("unknown option '%s'"):format(tostring(key)), 3) end
    if type(value) ~= OPTIONS[key] then
      error(("option '%s': %s expected, got %s"):format(key, OPTIONS[key], type(value)), 3)
    end
  end
end

local function assemble(text, opts)
  return module.assemble_text(lex.tokens(text), opts)
end

--- Assemble one module: `(module ...)`, or its fields without that.
---@param text string
---@param opts? { name?: string, names?: boolean }  name: for messages; names=false: leave
---  out the name section, which holds the text's identifiers
---@return string? bytes
---@return wat.Error? err
function wat.assemble(text, opts)
  if type(text) ~= "string" then
    error(("bad argument #1 to 'assemble' (string expected, got %s)"):format(type(text)), 2)
  end
  opts = opts or {}
  check_options(opts)
  return fault.catch(text, opts.name, assemble, text, opts)
end

-- Where each function's code begins in a module's bytes, from 1.
local function bodies_of(bytes)
  local sections = read.sections(bytes)
  for _, section in ipairs(sections) do
    if section.id == 10 then return read.bodies(bytes, section.at) end
  end
  return {}
end

-- The place in a text that an offset in its bytes comes from, if it lies in a function's code.
local function place_of(text, offset, name)
  local places, tokens = {}, lex.tokens(text)
  local bytes = module.assemble_text(tokens, { places = places })
  for k, body in ipairs(bodies_of(bytes)) do
    if offset + 1 >= body.at and offset + 1 < body.stop then
      local pieces, at = places[k].pieces, body.at + places[k].skip
      local token = pieces.last -- the end of the function
      for piece = 1, pieces.n do
        at = at + #pieces.out[piece]
        if offset + 1 < at then
          token = pieces.places[piece]
          break
        end
      end
      return fault.place(text, tokens.pos[token], name)
    end
  end
  return nil
end

--- What the core says of a text's bytes has an offset in them: give it the place in the text too,
--- if that is in a function's code.
---@param err wasm.Error
---@param text string   which assembles
---@param name? string  what to call the text
function wat.add_place(err, text, name)
  local place = err.offset and place_of(text, err.offset, name)
  if not place then return end
  place.message = err.kind .. ": " .. err.message
  err.line, err.column, err.text = place.line, place.column, fault.format(place)
end

--- An error as "name:line:column: message", the source line, and a caret below.
---@param err wat.Error
---@return string
function wat.format_error(err)
  return fault.format(err)
end

--- Use this table of operators instead of the core's, as `core.opcodes()` lists them;
--- nil: the core's again.
---@param listing? { code: integer, text: string, imm: string, feature: string }[]
function wat.use_ops(listing)
  ops.use(listing)
end

return wat

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

--- Runs one script of the official suite, strictly.
-- There is no list of things to skip. An assertion is left out only when its own module, or one
-- that module imports from, was refused as "unsupported"; it is then counted by feature. One case
-- more: a refused module had segments for the memory or table of the assertion's module, and what
-- the assertion finds there differs (load1 and linking0).
local core = require "wasm.core"
local wast = require "wasm.wast"
local match = require "spec.wast.match"
local spectest = require "spec.wast.spectest"
local writes = require "spec.wast.writes"

local script = {}

-- What a name in the script stands for: one of `instance`, `mod` (a definition), `left_out`
-- (the feature that was missing) or `broken` (why it is not there).
---@class Entry
---@field instance? any
---@field mod? any
---@field left_out? string
---@field broken? string
---@field unwritten? string  the feature for which a module that writes to it was left out

local function is_error(e)
  return (type(e) == "userdata" or type(e) == "table") and e.kind ~= nil
end

local function kind_of(e) return is_error(e) and e.kind or nil end
local function message_of(e) return is_error(e) and (e.trap or e.message) or tostring(e) end

--- "feature not built yet: simd (v128.const)" -> "simd"
local function feature_of(e)
  return e.message:match(": ([%w%-_ ]-) ?%(") or e.message:match(": (.+)$") or e.message
end

--- Messages agree when ours begins with the suite's; it sometimes adds an index, which is optional.
local function same_message(want, got)
  if got:sub(1, #want) == want then return true end
  local stem = want:match("^(.-) %d+$")
  return stem ~= nil and got:sub(1, #stem) == stem
end

local function expect_error(e, kind, want)
  if kind_of(e) ~= kind then return ("want %s, got %s"):format(kind, tostring(e)) end
  if not same_message(want, message_of(e)) then
    return ("want message %q, got %q"):format(want, message_of(e))
  end
end

---------------------------------------------------------------------------
-- Modules

--- The module as a later process would have it: read from the entry that its compile wrote.
local function from_cache(bytes, options)
  local mod, err = core.compile(bytes, options)
  if not mod then return nil, err end
  local before = options.cache:stats()
  mod:close() -- nobody else holds the code
  mod = core.compile(bytes, options)
  local after = options.cache:stats()
  -- The same bytes may be in use: then the code was in memory.
  assert(after.disk_hits + after.hits == before.disk_hits + before.hits + 1)
  return mod
end

--- Assemble and compile: an Entry with `mod`, or without; and the error.
local function compile(state, source)
  local bytes, err = source.assemble()
  if bytes then
    local mod
    if state.options.cache then
      mod, err = from_cache(bytes, state.options)
    else
      mod, err = core.compile(bytes, state.options)
    end
    if mod then return { mod = mod } end
  end
  if kind_of(err) == "unsupported" then
    local feature = feature_of(err)
    for owner in pairs(bytes and source.kind == "text" and writes(bytes) or {}) do
      if state.registered[owner] then state.registered[owner].unwritten = feature end
    end
    return { left_out = feature }, err
  end
  return { broken = tostring(err.message or err) }, err
end

--- The feature for which a module that `mod` imports from was left out.
local function missing_import(state, mod)
  for _, import in ipairs(mod:imports()) do
    local from = state.registered[import.module]
    if from and (from.left_out or from.broken) then return from end
  end
end

local function instantiate(state, mod)
  local lacking = missing_import(state, mod)
  if lacking then return { left_out = lacking.left_out, broken = lacking.broken } end
  local imports = { spectest = state.spectest }
  for name, entry in pairs(state.registered) do imports[name] = entry.instance end
  local instance, err = mod:instantiate(imports)
  if instance then return { instance = instance } end
  if kind_of(err) == "unsupported" then return { left_out = feature_of(err) }, err end
  return { broken = tostring(err) }, err
end

local function make(state, source)
  local entry, err = compile(state, source)
  if not entry.mod then return entry, err end
  return instantiate(state, entry.mod)
end

local function define(state, id, entry)
  state.current = entry
  if id then state.named[id] = entry end
end

local NOTHING = { broken = "no such module" }

local function lookup(state, id)
  if id then return state.named[id] or NOTHING end
  return state.current or NOTHING
end

---------------------------------------------------------------------------
-- Actions

local FORMATS = { i32 = { "<i4", "<i4" }, i64 = { "<i8", "<i8" }, f32 = { "<f", "<i4" },
                  f64 = { "<d", "<i8" } }

local function get(instance, field)
  local global = instance.exports[field]
  if global == nil then return false, "no export " .. field end
  local value, type = global.value, global:type():gsub("[()]", ""):gsub("^mut ", "")
  local formats = FORMATS[type]
  if formats then value = string.unpack(formats[2], string.pack(formats[1], value)) end
  return true, value
end

--- Run an action: nil and the Entry when its module is not there, else what pcall says.
local function act(state, action)
  local entry = lookup(state, action.module)
  if not entry.instance then return nil, entry end
  if action.type == "get" then return table.pack(get(entry.instance, action.field)) end
  local f = entry.instance:func(action.field)
  if not f then return table.pack(false, "no function " .. action.field) end
  local args = {}
  for k, value in ipairs(action.args) do args[k] = match.argument(value) end
  return table.pack(pcall(f.bits, f, table.unpack(args, 1, #action.args)))
end

local function differs(want, got)
  if got.n - 1 ~= #want then return ("want %d results, got %d"):format(#want, got.n - 1) end
  for k, value in ipairs(want) do
    if not match.result(value, got[k + 1]) then
      return ("result %d: want %s, got %s"):format(k, match.show(value),
        match.show_bits(got[k + 1]))
    end
  end
end

---------------------------------------------------------------------------
-- Commands. Each returns nil when all is well, a sentence when not, or false and the feature
-- when it is left out.

local run = {}

local function absent(entry)
  if entry.left_out then return false, entry.left_out end
  return "its module is not there: " .. tostring(entry.broken)
end

function run.module(state, command)
  local entry = make(state, command.module)
  define(state, command.id, entry)
  return entry.broken
end

function run.module_definition(state, command)
  local entry = compile(state, command.module)
  state.definition = entry
  if command.id then state.definitions[command.id] = entry end
  return entry.broken
end

function run.module_instance(state, command)
  local entry = state.definition
  if command.of then entry = state.definitions[command.of] end
  if not entry then return "no such definition" end
  if entry.mod then entry = instantiate(state, entry.mod) end
  define(state, command.id, entry)
  return entry.broken
end

function run.register(state, command)
  state.registered[command.as] = lookup(state, command.of)
end

function run.action(state, command)
  local got, entry = act(state, command.action)
  if not got then return entry.broken and absent(entry) or nil end
  if not got[1] then return "raised " .. tostring(got[2]) end
end

function run.assert_return(state, command)
  local got, entry = act(state, command.action)
  if not got then return absent(entry) end
  local why
  if got[1] then why = differs(command.results, got) else why = "raised " .. tostring(got[2]) end
  local unwritten = lookup(state, command.action.module).unwritten
  if why and unwritten then return false, unwritten end
  return why
end

--- The action must raise an error of this kind.
local function raises(state, command, kind)
  local got, entry = act(state, command.action)
  if not got then return absent(entry) end
  if got[1] then return "returned" end
  return expect_error(got[2], kind, command.message or "")
end

--- Making an instance must fail.
local function unmakeable(state, command, kind)
  local entry, err = make(state, command.module)
  if entry.left_out then return false, entry.left_out end
  if entry.instance then return "was instantiated" end
  return expect_error(err, kind, command.message)
end

function run.assert_trap(state, command)
  if command.module then return unmakeable(state, command, "trap") end
  return raises(state, command, "trap")
end

function run.assert_exhaustion(state, command) return raises(state, command, "trap") end
function run.assert_exception(state, command) return raises(state, command, "exception") end
function run.assert_unlinkable(state, command) return unmakeable(state, command, "link") end

--- The threads proposal is written on an older standard. What that refuses with one of these
-- messages is part of 3.0; it must be refused where the feature that brought it is switched off.
local SINCE = {
  ["multiple tables"] = "reference-types",
  ["multiple memories"] = "multi-memory",
  ["i32 constant out of range"] = "memory64",
}

local function allowed_since(state, command)
  local feature = state.older and SINCE[command.message]
  local bytes = feature and command.module.assemble()
  if not bytes then return false end
  local mod, err = core.compile(bytes, { features = { [feature] = false } })
  return not mod and kind_of(err) == "unsupported" and feature_of(err) == feature
end

--- Assembling or compiling must fail.
local function refused(state, command, kind)
  local entry, err = compile(state, command.module)
  if entry.left_out then return false, entry.left_out end
  if allowed_since(state, command) then return end
  if entry.mod then return "was compiled" end
  return expect_error(err, kind, command.message)
end

function run.assert_malformed(state, command) return refused(state, command, "malformed") end
function run.assert_invalid(state, command) return refused(state, command, "invalid") end
-- What annotations say wrong is found while assembling, whoever is to blame.
function run.assert_malformed_custom(state, command) return refused(state, command, "malformed") end
run.assert_invalid_custom = run.assert_malformed_custom

---------------------------------------------------------------------------

local function read_file(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

--- How modules are compiled in each mode.
local MODES = {
  guard = { bounds = "guard" },
  explicit = { bounds = "explicit" },
  lazy = { eager = false },
  cached = { eager = true },
  simple = { effort = 0 },
  most = { effort = 2 },
  fuel = { fuel = true },        -- counted, without end
  few = { bounds = "explicit" }, -- with five registers of each class (jit/alloc.h)
  four = {},                     -- with the fewest that will do
  split = {},                    -- values leave their registers at any time
  cold = {},                     -- every block is
  old = {},                      -- for processors with SSE4.1 and nothing newer
}
local REGISTERS = {
  few = 0x1f004f,  -- rax, rcx, rdx, rbx, rsi; xmm0 to xmm4
  four = 0x0f000f, -- rax, rcx, rdx, rbx; xmm0 to xmm3
}

--- The mode's options; `cached` gets a directory of its own, and what removes it.
local function options_of(mode)
  local options = assert(MODES[mode], mode)
  if REGISTERS[mode] then core.ra_keep(REGISTERS[mode]) end
  if mode == "old" then core.cpu_keep(1) end
  if mode == "split" or mode == "cold" then core.ra_stress(mode == "split", mode == "cold") end
  if mode ~= "cached" then return options, function() end end
  local dir, remove = require "spec.support.cached".directory()
  options.cache = assert(core.cache { dir = dir, memory_bytes = 0 })
  return options, remove
end

--- Run a script; `report(line, type, why)` is told about each failure.
---@param path string
---@param mode string  one of MODES
---@param report fun(line: integer, type: string, why: string)
---@return { passed: integer, failed: integer, left_out: table<string, integer> }
function script.run(path, mode, report)
  local count = { passed = 0, failed = 0, left_out = {} }
  local commands, err = wast.read(read_file(path), path)
  if not commands then
    report(err.line or 0, "read", err.message)
    count.failed = 1
    return count
  end
  local options, done = options_of(mode)
  local state = { options = options, older = path:find("/threads/", 1, true) ~= nil,
                  named = {}, registered = {}, definitions = {},
                  spectest = spectest() }
  local trace = os.getenv("TRACE")
  for _, command in ipairs(commands) do
    if trace then io.stderr:write(("%s:%d %s\n"):format(path, command.line, command.type)) end
    local handler = run[command.type]
    local why, feature
    if handler then
      why, feature = handler(state, command)
    else
      why = "no such command in this runner"
    end
    local asserts = command.type:find("^assert_") ~= nil
    if why then
      count.failed = count.failed + 1
      report(command.line, command.type, why)
    elseif why == false then
      if asserts then count.left_out[feature] = (count.left_out[feature] or 0) + 1 end
    elseif asserts then
      count.passed = count.passed + 1
    end
  end
  done()
  return count
end

return script

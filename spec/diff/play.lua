--- One module in our engine, every call of a plan: the transcript.
-- A line for the instantiation, then one for each call: what came back, how often the host was
-- called and with what, and hashes of all that is exported. v8.js writes the same lines.
-- A module that imports from "peer" is instantiated twice: first with the host as peer, then,
-- to be called, with the exports of that first instance. What a module imports from
-- "fuzzing-support" is in support.lua. Memories of many pages, and all but the first, are hashed at
-- the end only.
local core = require "wasm.core"
local wasm = require "wasm"
local support = require "spec.diff.support"
local values = require "spec.diff.values"

local play = {}

play.cache_dir = "." -- of mode "cached"

local FUEL = 100 -- for an exported global called "fuel": calls a call may lead to
local TIMES = 7 -- calls of each function that has parameters
local SUPPORTED_TIMES = 3 -- and of one of a module of binaryen's
local FEW_PAGES = 4

--- How a module can be run here; transcripts must agree.
---@type table<string, { bounds: string, peer: string?, yields: boolean?, cached: boolean?,
---  effort: integer?, cpu: integer?, registers: integer?, splits: boolean?, cold: boolean?,
---  collects: boolean?, slice: integer? }>
play.modes = {
  guard = { bounds = "guard" },
  simple = { bounds = "guard", effort = 0 },
  most = { bounds = "guard", effort = 2 },
  few = { bounds = "explicit", registers = 0x1f004f }, -- five of each class (jit/alloc.h)
  four = { bounds = "guard", registers = 0x0f000f },   -- as few as will do
  split = { bounds = "guard", splits = true }, -- values leave their registers at any time
  cold = { bounds = "guard", cold = true },    -- as if every block were
  old = { bounds = "guard", cpu = 1 }, -- SSE4.1 and nothing newer
  torture = { bounds = "guard", collects = true }, -- at every allocation, in builds that can
  cached = { bounds = "guard", cached = true }, -- out of a directory
  lazy = { bounds = "guard", eager = false },
  explicit = { bounds = "explicit" },
  sliced = { bounds = "explicit", yields = true, slice = 20 }, -- so many operators at a time
  mixed = { bounds = "guard", peer = "explicit" },
  parked = { bounds = "explicit", peer = "guard", yields = true }, -- host functions yield first
}

local DEEPEST = 20 -- how often the host calls back, one inside the other

local HOST = {} -- the host reference
local GLOBALS = { i32 = -7, i64 = 0x123456789abcdef, f32 = 1.5, f64 = -2.25, externref = HOST }

local function is_error(e)
  return (type(e) == "userdata" or type(e) == "table") and e.kind ~= nil
end

local function why(e)
  if not is_error(e) then return "error " .. tostring(e) end
  if e.kind == "trap" then return "trap " .. values.trap(e.trap) end
  return e.kind
end

--- An exception by the name of its tag, with what it carries.
local function thrown(run, e)
  local payload = e.payload
  if e.tag == support.tags.jstag then
    return "throws js " .. values.show({ "externref" }, payload, run.name_of)
  end
  for _, export in ipairs(run.exports) do
    if export.kind == "tag" and run.instance and run.instance.exports[export.name] == e.tag then
      local types = values.signature(export.type)
      local list = {}
      for i, type in ipairs(types) do list[i] = values.bits(type, payload[i]) end
      return ("throws %s %s"):format(export.name, values.show(types, list, run.name_of))
    end
  end
  return "throws"
end

local function failure(run, e)
  if is_error(e) and e.kind == "exception" and e.tag then return thrown(run, e) end
  return why(e)
end

--- A host function: what it answers depends on its arguments alone, and it is remembered.
local function host_function(run, index, import)
  local params, results = values.signature(import.type)
  return function(...)
    local args = { ... }
    local h = values.hash_call(index, params, args)
    run.calls, run.heard = run.calls + 1, values.step(run.heard, h)
    if run.yields and coroutine.isyieldable() then coroutine.yield() end
    local leaf = import.name == "again" and run.instance and run.instance.exports.leaf
    if leaf and run.depth < DEEPEST then
      run.depth = run.depth + 1
      local ok, x = pcall(leaf, args[1])
      run.depth = run.depth - 1
      return ok and x or -1
    end
    local list = values.answers(results, h, HOST)
    return table.unpack(list, 1, list.n)
  end
end

local make = {}

function make.memory(_, _, import)
  local min, max = import.type:match("(%d+) ?(%d*)")
  return wasm.memory { min = tonumber(min), max = tonumber(max),
                       shared = import.type:find("shared") ~= nil,
                       index = import.type:find("i64") and "i64" or "i32" }
end

function make.table(_, _, import)
  local min, max, type = import.type:match("(%d+) ?(%d*) (%w+)$")
  return wasm.table { type, min = tonumber(min), max = tonumber(max) }
end

function make.global(_, _, import)
  if import.type == "(ref extern)" then return support.helper()[import.type] end
  local type = import.type:match("(%w+)%)?$")
  return wasm.global(type, GLOBALS[type], import.type:find("mut") ~= nil)
end

function make.tag(_, _, import)
  return wasm.tag(import.type:match("^(.*) %->"))
end

make["function"] = host_function

local function make_imports(run, list)
  local imports = {}
  for index, import in ipairs(list) do
    local module = imports[import.module] or {}
    imports[import.module] = module
    if run.peer and import.module == "peer" then
      module[import.name] = run.peer.exports[import.name]
    elseif import.module == support.MODULE then
      module[import.name] = support.import(run, import)
    else
      module[import.name] = make[import.kind](run, index - 1, import)
    end
  end
  return imports
end

local function hash_of(run, memory)
  local memo = run.memos[memory] or {}
  run.memos[memory] = memo
  return values.hash_memory(memory:read(0, memory:size()), memo)
end

--- Hashes and values of all that an instance exports but functions.
local function state_of(run, instance, out, all)
  local memories = 0
  for _, e in ipairs(run.exports) do
    local thing = instance.exports[e.name]
    if e.kind == "memory" then memories = memories + 1 end
    if e.kind == "memory" and not all and (memories > 1 or thing:pages() > FEW_PAGES) then
      out[#out + 1] = ("%s %d"):format(e.name, thing:pages())
    elseif e.kind == "memory" then
      out[#out + 1] = ("%s %d 0x%x"):format(e.name, thing:pages(), hash_of(run, thing))
    elseif e.kind == "table" then
      out[#out + 1] = ("%s %d"):format(e.name, #thing)
    elseif e.kind == "global" then
      local type = values.global_type(e.type)
      out[#out + 1] = values.show({ type }, { values.bits(type, thing.value) }, run.name_of)
    end
  end
end

local function state(run, all)
  local out = { ("host %d 0x%x"):format(run.calls, run.heard) }
  state_of(run, run.instance, out, all)
  if run.peer then state_of(run, run.peer, out, all) end
  return table.concat(out, " ")
end

local function name_of(run)
  return function(f)
    for _, e in ipairs(run.instance and run.exports or {}) do
      if e.kind == "function" then
        if run.instance.exports[e.name] == f then return e.name end
        if run.peer and run.peer.exports[e.name] == f then return "peer." .. e.name end
      end
    end
  end
end

local function to_argument(run, text)
  if text == "null" then return nil end
  if text == "host" then return HOST end
  if text ~= "func" then return math.tointeger(tonumber(text:match("^i31:(.*)") or text)) end
  for _, e in ipairs(run.exports) do
    if e.kind == "function" then return run.instance.exports[e.name] end
  end
end

local function to_arguments(run)
  return function(texts)
    local args = { n = #texts }
    for i, text in ipairs(texts) do args[i] = to_argument(run, text) end
    return args
  end
end

--- Call F:bits, through a coroutine if host functions yield.
local function call(run, f, args)
  if not run.yields then return table.pack(pcall(f.bits, f, table.unpack(args, 1, args.n))) end
  local co = coroutine.create(f.bits)
  local got = table.pack(coroutine.resume(co, f, table.unpack(args, 1, args.n)))
  while coroutine.status(co) == "suspended" do got = table.pack(coroutine.resume(co)) end
  return got
end

local function prepare(exports)
  if exports.fuel then exports.fuel.value = FUEL end
  if exports.hangLimitInitializer then exports.hangLimitInitializer() end
end

local function play_call(run, number, line)
  local name, type, list = line:match("^call\t(.-)\t(.-)\t(.*)$")
  local _, results = values.signature(type)
  local texts = {}
  for text in list:gmatch("%S+") do texts[#texts + 1] = text end
  local args = run.to_arguments(texts)
  run.host_calls = 0
  prepare(run.instance.exports)
  if run.peer then prepare(run.peer.exports) end
  local got = call(run, run.instance:func(name), args)
  local said
  if got[1] then
    said = values.show(results, table.move(got, 2, got.n, 1, {}), run.name_of)
  else
    said = failure(run, got[2])
  end
  return ("%d %s(%s) = %s | %s"):format(number, name, list, said, state(run)), said
end

local function needs_peer(imports)
  for _, import in ipairs(imports) do
    if import.module == "peer" then return true end
  end
end

local function instance_of(mod, imports, mode)
  if not mode.slice then return mod:instantiate(imports) end
  local options = { fuel = mode.slice, on_limit = "yield" }
  local co = coroutine.create(mod.instantiate)
  local got = table.pack(coroutine.resume(co, mod, imports, options))
  while coroutine.status(co) == "suspended" do got = table.pack(coroutine.resume(co)) end
  assert(got[1], got[2])
  return got[2], got[3]
end

--- Make run.instance, and run.peer before it if the module wants one.
local function instantiate(run, bytes, mode, mod, imports)
  if needs_peer(imports) then
    local other = assert(core.compile(bytes, { bounds = mode.peer or mode.bounds,
      fuel = mode.slice ~= nil }))
    local peer, err = instance_of(other, make_imports(run, imports), mode)
    if not peer then return err end
    run.peer = peer
  end
  local err
  run.instance, err = instance_of(mod, make_imports(run, imports), mode)
  return err
end

--- True when a call exhausted the stack.
local function play_calls(run, plan, put)
  local number = 0
  for _, line in ipairs(plan) do
    if line:find("^call\t") then
      number = number + 1
      local said, result = play_call(run, number, line)
      put(said)
      if result == "trap exhausted" then return true end -- engines differ in how deep they go
    end
  end
end

--- The module, in mode "cached" as it comes out of the cache's directory.
local function compile(bytes, how)
  if core.ra_keep then
    core.ra_keep(how.registers or -1)
    core.cpu_keep(how.cpu or -1)
    core.ra_stress(how.splits or false, how.cold or false)
  end
  local options = { bounds = how.bounds, eager = how.eager, effort = how.effort,
    fuel = how.slice ~= nil }
  if how.cached then
    options.eager = true
    options.cache = assert(wasm.cache { dir = play.cache_dir, memory_bytes = 0 })
    local first = core.compile(bytes, options)
    if first then first:close() end
    options.cache:close()
    options.cache = assert(wasm.cache { dir = play.cache_dir, memory_bytes = 0 })
  end
  local mod, err = core.compile(bytes, options)
  if how.cached then options.cache:close() end
  return mod, err
end

local function is_supported(imports)
  for _, import in ipairs(imports) do
    if import.module == support.MODULE then return true end
  end
end

--- Play a module. Without `plan` it is made from the exports.
---@param bytes string
---@param mode string  one of play.modes
---@param put fun(line: string)  is given the transcript, a line at a time
---@param plan string[]?
---@return string[]? plan
function play.module(bytes, mode, put, plan)
  local how = play.modes[mode]
  if core.heap_torture then core.heap_torture(how.collects == true) end
  local mod, err = compile(bytes, how)
  if not mod then
    put("refused: " .. err.kind .. ": " .. tostring(err.message))
    return
  end
  local run = { yields = how.yields, calls = 0, heard = 0, depth = 0, host_calls = 0, lines = 0,
                memos = {}, exports = mod:exports(), host = HOST, put = put }
  run.name_of, run.to_arguments = name_of(run), to_arguments(run)
  local imports = mod:imports()
  local times = is_supported(imports) and SUPPORTED_TIMES or TIMES
  plan = plan or values.plan(imports, run.exports, times)
  err = instantiate(run, bytes, how, mod, imports)
  if not run.instance then
    put("instantiated: " .. failure(run, err))
    return plan
  end
  put("instantiated: " .. state(run))
  if not play_calls(run, plan, put) then put("at the end: " .. state(run, true)) end
  run.instance:close()
  if run.peer then run.peer:close() end
  mod:close()
  if core.heap_torture then core.heap_torture(false) end
  return plan
end

return play

--- One module in our engine, every call of a plan: the transcript.
-- A line for the instantiation, then one for each call: what came back, how often the host was
-- called and with what, and hashes of all that is exported. v8.js writes the same lines.
-- A module that imports from "peer" is instantiated twice: first with the host as peer, then,
-- to be called, with the exports of that first instance.
local core = require "wasm.core"
local wasm = require "wasm"
local values = require "spec.diff.values"

local play = {}

local FUEL = 100 -- for an exported global called "fuel": calls a call may lead to
local TIMES = 7 -- calls of each function that has parameters

--- How a module can be run here; transcripts must agree.
---@type table<string, { bounds: string, peer: string?, yields: boolean? }>
play.modes = {
  guard = { bounds = "guard" },
  lazy = { bounds = "guard", eager = false },
  explicit = { bounds = "explicit" },
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
  return wasm.memory { min = tonumber(min), max = tonumber(max) }
end

function make.table(_, _, import)
  local min, max, type = import.type:match("(%d+) ?(%d*) (%w+)$")
  return wasm.table { type, min = tonumber(min), max = tonumber(max) }
end

function make.global(_, _, import)
  local type = import.type:match("(%w+)%)?$")
  return wasm.global(type, GLOBALS[type], import.type:find("mut") ~= nil)
end

make["function"] = host_function

local function make_imports(run, list)
  local imports = {}
  for index, import in ipairs(list) do
    local module = imports[import.module] or {}
    imports[import.module] = module
    if run.peer and import.module == "peer" then
      module[import.name] = run.peer.exports[import.name]
    else
      module[import.name] = make[import.kind](run, index - 1, import)
    end
  end
  return imports
end

--- Hashes and values of all that an instance exports but functions.
local function state_of(run, instance, out)
  for _, e in ipairs(run.exports) do
    local thing = instance.exports[e.name]
    if e.kind == "memory" then
      local bytes = thing:read(0, thing:size())
      out[#out + 1] = ("%s %d 0x%x"):format(e.name, thing:pages(), values.hash_memory(bytes))
    elseif e.kind == "table" then
      out[#out + 1] = ("%s %d"):format(e.name, #thing)
    elseif e.kind == "global" then
      local type = e.type:match("(%w+)%)?$")
      out[#out + 1] = values.show({ type }, { values.bits(type, thing.value) }, run.name_of)
    end
  end
end

local function state(run)
  local out = { ("host %d 0x%x"):format(run.calls, run.heard) }
  state_of(run, run.instance, out)
  if run.peer then state_of(run, run.peer, out) end
  return table.concat(out, " ")
end

local function name_of(run)
  return function(f)
    for _, e in ipairs(run.exports) do
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
  if text ~= "func" then return math.tointeger(tonumber(text)) end
  for _, e in ipairs(run.exports) do
    if e.kind == "function" then return run.instance.exports[e.name] end
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
  local args = { n = 0 }
  for text in list:gmatch("%S+") do
    args.n = args.n + 1
    args[args.n] = to_argument(run, text)
  end
  prepare(run.instance.exports)
  if run.peer then prepare(run.peer.exports) end
  local got = call(run, run.instance:func(name), args)
  local said
  if got[1] then
    said = values.show(results, table.move(got, 2, got.n, 1, {}), run.name_of)
  else
    said = why(got[2])
  end
  return ("%d %s(%s) = %s | %s"):format(number, name, list, said, state(run)), said
end

local function needs_peer(imports)
  for _, import in ipairs(imports) do
    if import.module == "peer" then return true end
  end
end

--- Make run.instance, and run.peer before it if the module wants one.
local function instantiate(run, bytes, mode, mod, imports)
  if needs_peer(imports) then
    local other = assert(core.compile(bytes, { bounds = mode.peer or mode.bounds }))
    local peer, err = other:instantiate(make_imports(run, imports))
    if not peer then return err end
    run.peer = peer
  end
  local err
  run.instance, err = mod:instantiate(make_imports(run, imports))
  return err
end

local function play_calls(run, plan, put)
  local number = 0
  for _, line in ipairs(plan) do
    if line:find("^call\t") then
      number = number + 1
      local said, result = play_call(run, number, line)
      put(said)
      if result == "trap exhausted" then break end -- engines differ in how deep they go
    end
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
  local mod, err = core.compile(bytes, { bounds = how.bounds, eager = how.eager })
  if not mod then
    put("refused: " .. err.kind .. ": " .. tostring(err.message))
    return
  end
  local run = { yields = play.modes[mode].yields, calls = 0, heard = 0, depth = 0,
                exports = mod:exports() }
  run.name_of = name_of(run)
  local imports = mod:imports()
  plan = plan or values.plan(imports, run.exports, TIMES)
  err = instantiate(run, bytes, play.modes[mode], mod, imports)
  if not run.instance then
    put("instantiated: " .. why(err))
    return plan
  end
  put("instantiated: " .. state(run))
  play_calls(run, plan, put)
  run.instance:close()
  if run.peer then run.peer:close() end
  mod:close()
  return plan
end

return play

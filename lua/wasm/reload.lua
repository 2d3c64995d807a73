--- inst:reload(source, options): another version in place of the one that runs.
-- The new version is compiled, linked and given its state beside the old one, which is not touched
-- until all of that has worked; then the two change places under the same handle, and the old one
-- ends. What failed before is closed, and the old version goes on.
local core = require "wasm.core"

local reload = {}

local OPTIONS = { "state", "when", "force", "migrate_globals", "linked", "imports", "options",
                  "compile" }
local WHEN = { idle = true, drain = true, now = true }
local LINKED = { refuse = true, relink = true }

-- Instances that are being reloaded, and the coroutine that does it: one that was closed or
-- collected at a yield of a start function will not come back.
local under_way = setmetatable({}, { __mode = "kv" })

local function failure(kind, ...)
  return nil, core.error { kind = kind, message = select("#", ...) > 1 and string.format(...)
    or (...) }
end

--- Whatever was raised, as a wasm.error.
local function caught(value)
  if core.is_error(value) then return value end
  return core.error { kind = "exception", message = tostring(value), cause = value }
end

-- State -------------------------------------------------------------------------------------

local migrate = {}

function migrate.fresh() return { mode = "fresh" } end

--- API.md 4, row 25: what the guest never changed is new, all else is kept.
function migrate.memory(old, new, opts)
  local differs = core.compare_layout(old, new)
  if differs ~= "" and not opts.force then
    return failure("link", "its static data has moved, so its memory cannot be kept:\n  "
      .. differs:gsub("\n$", ""):gsub("\n", "\n  ")
      .. "\n(state = { names of data symbols } carries over what has a name; force = true takes the"
      .. " memory as it is)")
  end
  local bytes, globals = core.merge_memories(old, new)
  if not bytes then return nil, globals end
  return { mode = "memory", bytes = bytes, globals = globals }
end

local function memory_of(inst)
  local memory = inst.memory
  if not memory then
    return failure("link", "it exports no memory, so no data symbol can be carried over")
  end
  return memory
end

--- The address that an exported data symbol has: an i32 global, as linkers make them.
local function address_of(inst, name, memory)
  local global = inst.exports[name]
  local value = type(global) == "userdata" and pcall(function() return global.value end)
    and global.value
  if math.type(value) ~= "integer" then
    return failure("link", "it exports no data symbol '%s'", name)
  end
  value = value & 0xffffffff
  if value > memory:size() then
    return failure("link", "data symbol '%s' lies at %d, beyond its memory", name, value)
  end
  return value
end

--- How many bytes a symbol has: as given, else what the symbol NAME_size says (a u32).
local function size_of(inst, name, memory, given)
  if given then return given end
  if not inst.exports[name .. "_size"] then
    return failure("link", "how big is '%s'? Say { \"%s\", bytes }, or export a u32 called"
      .. " '%s_size'", name, name, name)
  end
  local at, err = address_of(inst, name .. "_size", memory)
  if not at then return nil, err end
  if at > memory:size() - 4 then
    return failure("link", "data symbol '%s_size' lies beyond its memory", name)
  end
  return memory:u32(at)
end

local function carry(old, new, from, to, name, given)
  local a, err = address_of(old, name, from)
  if not a then return nil, err end
  local b, size, becomes
  b, err = address_of(new, name, to)
  if not b then return nil, err end
  size, err = size_of(old, name, from, given)
  if not size then return nil, err end
  becomes, err = size_of(new, name, to, given)
  if not becomes then return nil, err end
  if size ~= becomes then
    return failure("link", "data symbol '%s' had %d bytes and has %d now", name, size, becomes)
  end
  if size > from:size() - a or size > to:size() - b then
    return failure("link", "data symbol '%s' of %d bytes does not fit into the memory", name, size)
  end
  to:write(b, from:read(a, size))
  return size
end

--- { "world", { "player", bytes } }: named data goes to where it is now.
local function migrate_symbols(old, new, symbols)
  local from, err = memory_of(old)
  if not from then return nil, err end
  local to
  to, err = memory_of(new)
  if not to then return nil, err end
  local sum = 0
  for _, symbol in ipairs(symbols) do
    local name, given = symbol, nil
    if type(symbol) == "table" then name, given = symbol[1], symbol[2] end
    local size
    size, err = carry(old, new, from, to, name, given)
    if not size then return nil, err end
    sum = sum + size
  end
  return { mode = "symbols", bytes = sum }
end

--- The guest's own exports: save() -> address of a u32 length and so many bytes behind it;
-- alloc(length) -> address in the new version; load(address, length).
local function migrate_guest(old, new, names)
  local function export(inst, name)
    local f = inst.exports[name]
    if type(f) ~= "function" then return failure("link", "it exports no function '%s'", name) end
    return f
  end
  local from, err = memory_of(old)
  if not from then return nil, err end
  local to, save, load, alloc
  to, err = memory_of(new)
  if not to then return nil, err end
  save, err = export(old, names.save)
  if not save then return nil, err end
  load, err = export(new, names.load)
  if not load then return nil, err end
  alloc, err = export(new, names.alloc or "hot_alloc")
  if not alloc then return nil, err end
  local at = save() & 0xffffffff
  local bytes = from:read(at + 4, from:u32(at))
  local place = alloc(#bytes) & 0xffffffff
  to:write(place, bytes)
  load(place, #bytes)
  return { mode = "guest", bytes = #bytes }
end

--- Run f to its end; one that yields is given up, and so is one that raises.
local function uninterrupted(what, f, ...)
  local co = coroutine.create(f)
  local results = table.pack(coroutine.resume(co, ...))
  if not results[1] then return nil, caught(results[2]) end
  if coroutine.status(co) ~= "dead" then
    coroutine.close(co)
    return failure("exception", "%s must not yield", what)
  end
  return table.unpack(results, 2, results.n)
end

local function bring_over(old, new, opts)
  local state = opts.state
  if type(state) == "function" then
    local failed
    local ok, err = uninterrupted("migrate", function()
      state(old, new)
      return true
    end)
    failed = not ok
    if failed then return nil, err end
    return { mode = "function" }
  elseif type(state) == "table" and state.save then
    return uninterrupted("a guest that saves or loads its state", migrate_guest, old, new, state)
  elseif type(state) == "table" then
    return migrate_symbols(old, new, state)
  end
  return migrate[state](old, new, opts)
end

-- Checks ------------------------------------------------------------------------------------

local function check_state(state)
  if state == "fresh" or state == "memory" or type(state) == "function" then return end
  if type(state) ~= "table" then
    core.misuse("option 'state': \"fresh\", \"memory\", a table or a function expected")
  end
  if state.save or state.load then
    if type(state.save) ~= "string" or type(state.load) ~= "string"
      or state.alloc ~= nil and type(state.alloc) ~= "string" then
      core.misuse("option 'state': save, load and alloc are names of exports")
    end
    return
  end
  for _, symbol in ipairs(state) do
    local name, size = symbol, nil
    if type(symbol) == "table" then name, size = symbol[1], symbol[2] end
    if type(name) ~= "string" or size ~= nil and (math.type(size) ~= "integer" or size < 0) then
      core.misuse("option 'state': names, or { name, bytes }, expected")
    end
  end
end

--- Raises unless these options of a reload have a meaning; they with their defaults.
---@param opts? table
---@return table
function reload.check(opts)
  local checked = { state = "fresh", when = "idle", linked = "refuse" }
  for key, value in pairs(opts or {}) do checked[key] = value end
  check_state(checked.state)
  if not WHEN[checked.when] then
    core.misuse("option 'when': \"idle\", \"drain\" or \"now\" expected")
  end
  if not LINKED[checked.linked] then
    core.misuse("option 'linked': \"refuse\" or \"relink\" expected")
  end
  return checked
end

--- Exports that are there in both must be of one kind and, unless forced, of one type.
local function check_exports(old, new, force)
  local types = {}
  for _, export in ipairs(old:exports()) do types[export.name] = export end
  for _, export in ipairs(new:exports()) do
    local was = types[export.name]
    if was and (was.kind ~= export.kind or not force and was.kind == "function"
                and was.type ~= export.type) then
      return failure("link", "export '%s' was %s %s and is %s %s", export.name, was.kind, was.type,
        export.kind, export.type)
    end
  end
  return true
end

-- Steps -------------------------------------------------------------------------------------

--- From text or bytes: with fuel, unless that is refused, where the old version had it.
local function make_module(source, opts, old)
  if type(source) ~= "string" then return source, nil, false end
  local compile = {}
  for key, value in pairs(opts.compile or {}) do compile[key] = value end
  if compile.fuel == nil then compile.fuel = old:info().fuel end
  local mod, err = require "wasm".compile(source, compile)
  return mod, err, true
end

--- What is left of the fuel and the host calls goes over, unless the new version was given its own.
local function migrate_budget(old, new, given)
  given = given or {}
  if not given.host_calls then new:host_calls(old:host_calls()) end
  if given.fuel or not (old:module():info().fuel and new:module():info().fuel) then return end
  new:fuel(math.max(old:fuel(), 0))
end

--- The options the instance was made with, for the next version.
local function instance_options(kept, given)
  local all = {}
  for _, from in ipairs { kept or {}, given or {} } do
    for key, value in pairs(from) do all[key] = value end
  end
  all.on_close = nil -- stays with the handle
  return all
end

--- From compile to switch; what was made is in `made`, to be closed by the caller.
local function replace(inst, source, opts, made, report)
  local version, imports, options = core.version(inst)
  local function step(name) report.order[#report.order + 1] = name end
  local function unchanged_since()
    return pcall(core.version, inst) and core.version(inst) == version
  end

  local started = core.clock()
  local err
  made.old_module = inst:module()
  made.module, err, made.own = make_module(source, opts, made.old_module)
  if not made.module then return nil, err end
  step "compile"
  report.compile_s = core.clock() - started
  if made.module == made.old_module and not opts.force then
    report.unchanged = true
    return report
  end
  if opts.when == "idle" and inst:busy() then
    return failure("busy", "calls of it are under way; when = \"drain\" lets them end, \"now\""
      .. " ends them")
  end
  local ok
  ok, err = check_exports(made.old_module, made.module, opts.force)
  if not ok then return nil, err end
  step "check"
  if opts.imports ~= nil then imports = opts.imports end
  made.new, err = made.module:instantiate(imports, instance_options(options, opts.options))
  if not made.new then return nil, err end
  step "instantiate"
  local kept
  kept, err = bring_over(inst, made.new, opts)
  if not kept then return nil, err end
  if opts.migrate_globals then kept.globals = core.copy_globals(inst, made.new) end
  report.state = kept
  step "migrate"
  if not unchanged_since() then
    return failure("busy", "it was closed or reloaded while it was being reloaded")
  end
  if opts.when == "idle" and inst:busy() then
    return failure("busy", "a call of it has begun while it was being reloaded")
  end
  migrate_budget(inst, made.new, opts.options)
  local pinned, gone, links = core.swap(inst, made.new, opts.linked == "relink")
  if not pinned then return nil, gone end
  step "switch"
  report.pinned, report.gone, report.links = pinned, gone, links
  return report
end

--- The old version, which is behind made.new now, ends when it may.
local function retire(inst, made, opts, report)
  local old = made.new
  if report.pinned > 0 then
    report.old = "pinned" -- by functions that keep it
  elseif opts.when == "now" then
    old:close "force"
    report.old = "closed"
  else
    report.old = core.retire(old, inst) and "closed" or "draining"
  end
  report.order[#report.order + 1] = "retire"
end

local function release(made, report)
  if made.own and made.module then made.module:close() end
  if made.old_module then made.old_module:close() end
  if report then report.order[#report.order + 1] = "release" end
end

--- Another version in place of this one.
---@param inst wasm.Instance
---@param source string|wasm.Module
---@param opts? wasm.ReloadOptions
---@return wasm.ReloadReport? report
---@return wasm.Error? err
function reload.reload(inst, source, opts)
  core.check_options(opts, 2, "reload", OPTIONS)
  opts = reload.check(opts)
  if type(source) ~= "string" and not core.is_module(source) then
    core.misuse(("bad argument #1 to 'reload' (string or module expected, got %s)"):format(
      type(source)))
  end
  core.version(inst) -- raises when it is closed
  local other = under_way[inst]
  if other and coroutine.status(other) ~= "dead" then
    return failure("busy", "it is being reloaded already")
  end
  under_way[inst] = coroutine.running()
  local made, report = {}, { unchanged = false, order = {} }
  local ok, result, err = pcall(replace, inst, source, opts, made, report)
  under_way[inst] = nil
  if not ok then result, err = nil, caught(result) end
  if not result or report.unchanged then
    if made.new then made.new:close "force" end
    release(made)
    return result, err
  end
  retire(inst, made, opts, report)
  release(made, report)
  core.emit(inst, "reload", report)
  return report
end

return reload

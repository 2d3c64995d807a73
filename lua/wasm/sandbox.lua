--- wasm.sandbox{...}: all that one mod is granted, and its limits, in one place; and a report of
-- what a module asks for and what it would get, before any of it runs.
local core = require "wasm.core"

local sandbox = {}
sandbox.__index = sandbox
sandbox.__name = "wasm.sandbox"

local WASI = { wasi_snapshot_preview1 = true, wasi_unstable = true }
local LIMITS = { "memory_max", "table_max", "stack", "fuel", "timeout", "cpu_timeout",
                 "host_calls", "heap_max" }
local TYPES = { imports = "table", wasi = "table", features = "table", on_limit = "string" }
local OPTIONS = { "imports", "wasi", "features", "on_limit", table.unpack(LIMITS) }

--- A sandbox: what its modules may use (`imports`, `wasi` as wasm.wasi takes it: nil is none) and
--- how much (the limits of instantiate). Nothing that is not named here is granted.
---@param opts? wasm.SandboxOptions
---@return wasm.Sandbox
function sandbox.make(opts)
  core.check_options(opts, 1, "sandbox", OPTIONS)
  local self = {}
  for key, value in pairs(opts or {}) do
    local wanted = TYPES[key]
    if wanted and type(value) ~= wanted then
      core.misuse(("option '%s': %s expected, got %s"):format(key, wanted, type(value)))
    end
    self[key] = value
  end
  return setmetatable(self, sandbox)
end

--- Compile a module for this sandbox: with its features, and counted if it has fuel.
---@param source string
---@param opts? wasm.CompileOptions
---@return wasm.Module? module
---@return wasm.Error? err
function sandbox:compile(source, opts)
  local how = { features = self.features, fuel = self.fuel ~= nil }
  for key, value in pairs(opts or {}) do how[key] = value end
  return require "wasm".compile(source, how)
end

local function check_module(mod, name)
  if core.is_module(mod) then return end
  core.misuse(("bad argument #1 to '%s' (wasm.module expected, got %s)"):format(name, type(mod)))
end

local function asks_for_wasi(mod)
  for _, import in ipairs(mod:imports()) do
    if WASI[import.module] then return true end
  end
  return false
end

--- An instance with what is granted here. Each gets a WASI of its own.
---@param mod wasm.Module
---@return wasm.Instance? instance
---@return wasm.Error? err
function sandbox:instantiate(mod)
  check_module(mod, "instantiate")
  local imports, options = {}, { on_limit = self.on_limit }
  for name, value in pairs(self.imports or {}) do imports[name] = value end
  for _, name in ipairs(LIMITS) do options[name] = self[name] end
  if self.wasi and asks_for_wasi(mod) then
    local wasi, err = core.wasi(self.wasi)
    if not wasi then return nil, err end
    for name in pairs(WASI) do imports[name] = imports[name] or wasi end
  end
  return mod:instantiate(imports, options)
end

--- Compile and instantiate.
---@param source string
---@param opts? wasm.CompileOptions
---@return wasm.Instance? instance
---@return wasm.Error? err
function sandbox:run(source, opts)
  local mod, err = self:compile(source, opts)
  if not mod then return nil, err end
  return self:instantiate(mod)
end

---------------------------------------------------------------------------
-- The report

-- A name from a module as it may stand on a terminal.
local function plain(text)
  return (text:gsub("[%c\x7f-\xff]", function(c) return ("\\x%02x"):format(c:byte()) end))
end

-- What stands for an import, in words; nil: nothing does.
local function granted(self, import)
  local from = (self.imports or {})[import.module]
  if from == nil and WASI[import.module] then return self.wasi and "WASI" end
  if from == nil then return nil end
  local ok, value = pcall(function() return from[import.name] end)
  if not ok or value == nil then return nil end
  if type(value) == "function" then
    return require "wasm".tofunc(value) and "a function of another instance" or "a Lua function"
  end
  return tostring(value):match("^wasm%.%a+") or type(value)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local function directory(name, value)
  if type(value) ~= "table" then return ("%s -> %s"):format(name, value) end
  local mark = value.read_only == true and ", only for reading" or ""
  if type(value.path) == "string" then return ("%s -> %s%s"):format(name, value.path, mark) end
  local how = type(value.stat) == "function" and "by functions" or "in memory"
  return ("%s %s%s"):format(name, how, mark)
end

local function wasi_lines(grants, add)
  local dirs = {}
  for _, name in ipairs(sorted_keys(grants.dirs or {})) do
    dirs[#dirs + 1] = plain(directory(name, grants.dirs[name]))
  end
  add("  WASI: directories: %s", #dirs > 0 and table.concat(dirs, "; ") or "none")
  local env = sorted_keys(grants.env or {})
  add("  WASI: environment: %s", #env > 0 and plain(table.concat(env, " ")) or "none")
  add("  WASI: arguments: %d; clock: %s; random: %s; sockets: %s", #(grants.args or {}),
    type(grants.clock) == "string" and grants.clock or grants.clock and "a function" or "real",
    type(grants.random) == "number" and "seeded" or grants.random == nil and "real"
      or tostring(grants.random):match("^%a+"), grants.listen and "those that listen" or "none")
end

--- What a module asks for and what it would get here, as text; and whether nothing is missing.
---@param mod wasm.Module
---@return string report
---@return boolean complete
function sandbox:report(mod)
  check_module(mod, "report")
  local lines, complete, calls = {}, true, {}
  local function add(...) lines[#lines + 1] = select("#", ...) > 1 and string.format(...) or ... end
  add("it asks for:")
  for _, import in ipairs(mod:imports()) do
    local what = granted(self, import)
    complete = complete and what ~= nil
    if what == "WASI" then
      calls[#calls + 1] = plain(import.name)
    else
      add("  %s %s.%s %s: %s", import.kind, plain(import.module), plain(import.name),
        tostring(import.type), what or "NOTHING, so it cannot be instantiated")
    end
  end
  if #calls > 0 then
    add("  WASI: calls: %s", table.concat(calls, " "))
    wasi_lines(self.wasi, add)
  end
  if #lines == 1 then add("  nothing") end
  add("its limits:")
  for _, name in ipairs(LIMITS) do
    add("  %s: %s", name, self[name] and tostring(self[name]) or "none")
  end
  return table.concat(lines, "\n") .. "\n", complete
end

return sandbox

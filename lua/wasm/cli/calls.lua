--- Instances made and functions called for the command line: imports, arguments, results, ends.

local core = require "wasm.core"
local modules = require "wasm.cli.modules"
local shell = require "wasm.cli.shell"
local values = require "wasm.cli.values"
local wasm = require "wasm"

local calls = {}

local WASI = { wasi_snapshot_preview1 = true, wasi_unstable = true }

local function wanted_wasi(mod)
  for _, import in ipairs(mod:imports()) do
    if WASI[import.module] then return import.module end
  end
end

--- What a module gets: WASI, if it imports that, with these grants; nothing else.
---@param path string
---@param mod wasm.Module
---@param grants table  args, env, dirs as wasm.wasi takes them
---@return table imports
function calls.imports(path, mod, grants)
  local name = wanted_wasi(mod)
  if not name then return {} end
  if not wasm.wasi then
    shell.fail(shell.FAILED, "%s: this build has no WASI, which the module imports (%s)",
      shell.name_of(path), name)
  end
  grants.stdio, grants.broken_pipe = "inherit", "exit"
  local wasi, err = wasm.wasi(grants)
  if not wasi then shell.fail(shell.FAILED, "%s", err.message) end
  return { wasi_snapshot_preview1 = wasi, wasi_unstable = wasi }
end

--- How a run ends whose error this is: with the code the guest gave, or in failure.
---@param err any
---@param path string
---@return integer code
function calls.ended(err, path)
  if shell.is_failure(err) or not core.is_error(err) then error(err, 0) end
  if err.kind == "exit" then return err.code end
  if err.kind == "limit" then
    shell.fail(shell.TRAPPED, "%s", shell.describe(err, shell.name_of(path)))
  end
  modules.check(path, nil, err)
end

--- An instance; or nil and an exit code, if the guest ends the program as it starts.
---@param budget? table  fuel, timeout as mod:instantiate takes them
---@return wasm.Instance? instance
---@return integer? code
function calls.instantiate(path, mod, imports, budget)
  local inst, err = mod:instantiate(imports, budget)
  if inst then return inst end
  return nil, calls.ended(err, path)
end

-- The names of the functions a module exports, for messages.
local function functions(mod)
  local names = {}
  for _, export in ipairs(mod:exports()) do
    if export.kind == "function" then names[#names + 1] = shell.word(export.name) end
  end
  if #names == 0 then return "it exports no function" end
  local shown = table.concat(names, ", ", 1, math.min(#names, 12))
  return "its functions: " .. shown .. (#names > 12 and (", ... (%d)"):format(#names) or "")
end
calls.functions = functions

--- The type of an exported function.
---@return string[] params
---@return string[] results
function calls.type_of(path, mod, name)
  for _, export in ipairs(mod:exports()) do
    if export.name == name then
      if export.kind ~= "function" then
        shell.fail(shell.FAILED, "%s: '%s' is no function but a %s", shell.name_of(path), name,
          export.kind)
      elseif export.type:find("%.%.%.$") then -- only the beginning of a long one
        return require "wasm.cli.metadata".function_type(mod:bytes(), name)
      end
      return values.split(export.type)
    end
  end
  shell.fail(shell.FAILED, "%s: no export '%s'; %s", shell.name_of(path), name, functions(mod))
end

--- Words as arguments.
---@param name string
---@param params string[]
---@param words string[]
---@return table  packed
function calls.arguments(name, params, words)
  if #words ~= #params then
    shell.fail(shell.FAILED, "%s takes %d argument%s (%s), not %d", name, #params,
      #params == 1 and "" or "s", table.concat(params, ", "), #words)
  end
  local args = { n = #params }
  for k, type in ipairs(params) do
    local why
    args[k], why = values.read(words[k], type)
    if why then shell.fail(shell.FAILED, "argument %d of %s: %s", k, name, why) end
  end
  return args
end

--- Results, one in a line; behind a title, if there is one.
function calls.print(results, types, title)
  for k, type in ipairs(types) do
    local before = title and (k == 1 and title or (" "):rep(#title)) or ""
    shell.out(before, shell.clean(values.write(results[k], type)), "\n")
  end
  if title and #types == 0 then shell.out(title, "none\n") end
end

return calls

--- What the modules of binaryen's fuzzer import from "fuzzing-support", in Lua.
-- support.js does the same in JavaScript. Values are logged into the transcript; calls that the
-- host makes into the module are limited in depth and number, so that every call ends.
local wasm = require "wasm"
local values = require "spec.diff.values"

local support = {}

support.MODULE = "fuzzing-support"
local DEEPEST = 20 -- calls of the host into the module, one inside the other
local MOST = 300 -- calls of the host into the module in one call of a plan
local MOST_LINES = 3000 -- logged by a module

--- Passes vectors on as numbers, since JavaScript has no vectors; has what neither host can make.
local HELPER = [[(module
  (import "" "log" (func $log (param i64 i64)))
  (global (export "(ref extern)") (ref extern) (extern.convert_any (ref.i31 (i32.const 5))))
  (func (export "log-v128") (param v128)
    (call $log (i64x2.extract_lane 0 (local.get 0)) (i64x2.extract_lane 1 (local.get 0)))))]]

--- Tags by the names under which they are imported; js-tag stands for errors of JavaScript.
support.tags = { wasmtag = wasm.tag "(i32)", jstag = wasm.tag "(externref)" }

local function log(run, name, types, ...)
  run.lines = run.lines + 1
  if run.lines > MOST_LINES then return end
  local list = { ... }
  for i, type in ipairs(types) do list[i] = values.bits(type, list[i]) end
  run.put(("  %s %s"):format(name, values.show(types, list, run.name_of)))
end

local function throw_host(run)
  error(wasm.exception(support.tags.jstag, run.host))
end

--- With zeros and nulls for arguments.
local function call_export(run, export)
  run.host_calls = run.host_calls + 1
  if not run.instance or run.depth >= DEEPEST or run.host_calls > MOST then throw_host(run) end
  if not values.is_callable(export.type) then return end
  local args = run.to_arguments(values.arguments(values.signature(export.type), 0))
  local f = run.instance:func(export.name)
  run.depth = run.depth + 1
  local ok, err = pcall(f.bits, f, table.unpack(args, 1, args.n))
  run.depth = run.depth - 1
  if not ok then error(err, 0) end
end

local function nth_export(run, index)
  local list = {}
  for _, e in ipairs(run.exports) do if e.kind == "function" then list[#list + 1] = e end end
  return list[(index & 0xffffffff) % #list + 1]
end

local function export_of(run, f)
  if not run.instance then throw_host(run) end
  local name = f ~= nil and run.name_of(f)
  for _, e in ipairs(run.exports) do
    if e.kind == "function" and e.name == name then return e end
  end
end

--- 0 when it came back, 1 when it ended by a trap or an exception.
local function catching(run, export)
  if run.host_calls > MOST then throw_host(run) end
  return pcall(call_export, run, export) and 0 or 1
end

local function table_of(run, index)
  local exported = run.instance and run.instance.exports.table
  index = index & 0xffffffff
  if not exported or index >= #exported then throw_host(run) end
  return exported, index + 1
end

local functions = {}

functions["throw"] = function(run, which)
  if which == 0 then throw_host(run) end
  error(wasm.exception(support.tags.wasmtag, which))
end

functions["call-export"] = function(run, index) call_export(run, nth_export(run, index)) end
functions["call-export-catch"] = function(run, index)
  return catching(run, nth_export(run, index))
end

functions["call-ref"] = function(run, f)
  local export = export_of(run, f)
  if export then call_export(run, export) end
end

functions["call-ref-catch"] = function(run, f)
  local export = export_of(run, f)
  return export and catching(run, export) or 0
end

functions["table-get"] = function(run, index)
  local exported, at = table_of(run, index)
  return exported[at]
end

functions["table-set"] = function(run, index, f)
  local exported, at = table_of(run, index)
  exported[at] = f
end

functions["sleep"] = function(_, _, result) return result end

--- The helper's bytes, which v8.js reads from a file.
function support.helper_bytes()
  return assert(wasm.wat(HELPER))
end

--- The exports of a helper.
---@param hear? fun(low: integer, high: integer)  gets the vectors
function support.helper(hear)
  return assert(wasm.run(HELPER, { [""] = { log = hear or function() end } })).exports
end

--- The thing to import under this name.
---@param run table
---@param import { name: string, kind: string, type: string }
function support.import(run, import)
  if import.kind == "tag" then return support.tags[import.name] end
  if import.name == "log-v128" then
    local function hear(...) log(run, "log-v128", { "i64", "i64" }, ...) end
    return support.helper(hear)[import.name]
  end
  local types = values.signature(import.type)
  local f = functions[import.name]
  return function(...)
    if run.yields and coroutine.isyieldable() then coroutine.yield() end
    if f then return f(run, ...) end
    log(run, import.name, types, ...)
  end
end

return support

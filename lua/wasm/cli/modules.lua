--- Modules and caches, as the commands of `luawasm` need them: opened, or the program ends.

local core = require "wasm.core"
local shell = require "wasm.cli.shell"
local wasm = require "wasm"

local modules = {}

local texts = {} -- by path: sources of those that were no binaries

-- What is compiled, validated, assembled and printed in a second, roughly, in bytes: only to say
-- in time that something will take longer.
modules.COMPILED, modules.VALIDATED = 8000000, 60000000

--- Give the result, or end the program with the error.
---@param path string
function modules.check(path, result, err)
  if result == nil then
    if texts[path] and not err.frames then
      require "wasm.wat".add_place(err, texts[path], shell.name_of(path))
    end
    local trapped = err.kind == "trap" or err.kind == "exception"
    shell.fail(trapped and shell.TRAPPED or shell.FAILED, "%s",
      shell.describe(err, shell.name_of(path)))
  end
  return result
end

--- The bytes of a module; text is assembled.
---@param path string
---@return string bytes
function modules.bytes(path)
  local source = shell.read(path)
  if source:sub(1, 4) == "\0asm" then return source end
  if not modules.is_text(source) then
    shell.fail(shell.FAILED, "%s: not a WebAssembly module: it begins neither with the bytes "
      .. "\\0asm nor as text", shell.name_of(path))
  end
  local name = shell.name_of(path)
  texts[path] = source
  return modules.check(path, shell.watch("assembling " .. name, 0, wasm.wat, source,
    { name = name }))
end

--- As wasm.compile tells them apart, but that text has no control characters at its beginning.
---@param source string
---@return boolean
function modules.is_text(source)
  return not source:sub(1, 64):find("[\0-\8\14-\31\127]") and source ~= ""
end

--- Compile a file.
---@param path string
---@param opts? table  of wasm.compile; the name is the file's
---@return wasm.Module
function modules.open(path, opts)
  local large = path ~= "-" and core.binary(path)
  local bytes = large or modules.bytes(path)
  local with_name = { name = shell.name_of(path):match("([^/]+)/*$") }
  for key, value in pairs(opts or {}) do with_name[key] = value end
  local rate = with_name.eager == false and modules.VALIDATED or modules.COMPILED
  return modules.check(path, shell.watch("compiling " .. shell.name_of(path), #bytes / rate,
    large and core.compile or wasm.compile, bytes, with_name))
end

-- Why nothing can be stored in a cache; nil if something can.
local function hindrance(cache, dir)
  if cache:stats().mode == "rw" then return nil end
  if not dir and cache:stats().mode == "memory" and tostring(cache):find("in memory", 1, true) then
    return "there is no home directory (HOME) to keep it in"
  end
  return ("%s: cannot be written"):format(dir or tostring(cache):match("^wasm.cache: (.*)$"))
end

--- Open a cache to run with: "off", a directory, or nil for the user's. Without one things go on.
---@param dir? string
---@return wasm.Cache|false
function modules.cache(dir)
  if dir == "off" then return false end
  local cache, err = wasm.cache { dir = dir or "auto" }
  if not cache and dir then
    shell.fail(shell.FAILED, "%s", err.message)
  elseif not cache then
    shell.say("warning: no cache: " .. err.message)
    return false
  end
  local why = dir and hindrance(cache, dir)
  if why then shell.say("warning: no cache: " .. why) end
  return cache
end

--- Open a cache to work on, or the program ends.
---@param dir? string
---@param mode "rw"|"ro"
---@return wasm.Cache
function modules.open_cache(dir, mode)
  local cache, err = wasm.cache { dir = dir or "auto", mode = mode }
  if not cache then shell.fail(shell.FAILED, "%s", err.message) end
  local why = mode == "rw" and hindrance(cache, dir)
  if why then shell.fail(shell.FAILED, "no cache: %s", why) end
  return cache
end

--- "1.2 MB", for people.
---@param bytes integer
---@return string
function modules.human(bytes)
  if bytes < 1000 then return ("%d bytes"):format(bytes) end
  if bytes < 1000000 then return ("%.1f kB"):format(bytes / 1e3) end
  return ("%.1f MB"):format(bytes / 1e6)
end

return modules

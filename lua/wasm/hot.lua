--- wasm.hot(path, options): a module that follows its file.
-- poll() looks at the file and reloads when its bytes are others. While the file cannot be read or
-- does not compile, link or start, the version before lives on.
local core = require "wasm.core"
local files = require "wasm.files"

local hot = {}
hot.__index = hot
hot.__name = "wasm.hot"

local OPTIONS = { "imports", "state", "on_reload", "on_error", "options", "when", "linked", "force",
                  "migrate_globals", "compile" }
local TYPES = { on_reload = "function", on_error = "function", options = "table",
                compile = "table" }
local YOUNG = 2 -- seconds: a file written to so lately may change again without a new time

local function io_error(why)
  return core.error { kind = "io", message = why }
end

--- Read the file: its bytes, and what to compare with next time.
local function look(self)
  local stamp, age = core.stat(self.path)
  if not stamp then return nil, io_error(age) end
  local bytes, why = files.read(self.path)
  if not bytes then return nil, io_error(why) end
  self.stamp, self.young = stamp, age < YOUNG
  return bytes
end

-- What is wrong is told now, not when the file changes for the first time.
local function check_options(opts)
  core.check_options(opts, 2, "hot", OPTIONS)
  require "wasm.reload".check(opts)
  for key, wanted in pairs(TYPES) do
    local kind = type(opts and opts[key])
    if kind ~= "nil" and kind ~= wanted then
      core.misuse(("option '%s': %s expected, got %s"):format(key, wanted, kind))
    end
  end
end

--- A module that follows its file.
---@param path string
---@param opts? wasm.HotOptions
---@return wasm.Hot? hot
---@return wasm.Error? err
function hot.open(path, opts)
  local wasm = require "wasm"
  if type(path) ~= "string" then
    core.misuse(("bad argument #1 to 'hot' (string expected, got %s)"):format(type(path)))
  end
  check_options(opts)
  opts = opts or {}
  local self = setmetatable({ path = path, opts = opts, name = path:match("([^/]+)$") or path },
    hot)
  local bytes, err = look(self)
  if not bytes then return nil, err end
  self.bytes = bytes
  local compile = { name = self.name }
  for key, value in pairs(opts.compile or {}) do compile[key] = value end
  self.compile = compile
  local mod
  mod, err = wasm.compile(bytes, compile)
  if not mod then return nil, err end
  local options = { name = self.name }
  for key, value in pairs(opts.options or {}) do options[key] = value end
  self.instance, err = mod:instantiate(opts.imports, options)
  mod:close()
  if not self.instance then return nil, err end
  self.exports = self.instance.exports
  self.watch = core.watch(path:match("^(.*)/[^/]*$") or ".")
  return self
end

local function failed(self, err)
  local message = tostring(err)
  if message ~= self.last_error then -- tell the same thing once
    self.last_error = message
    if self.opts.on_error then self.opts.on_error(err, self) end
  end
  return nil, err
end

--- May the file have changed since it was read last?
local function is_suspect(self)
  if self.young or self.pending then return true end
  -- The watch sees what the times of a file do not; the times, what happens behind a link.
  return self.watch and self.watch:changed() or core.stat(self.path) ~= self.stamp
end

--- Look at the file; reload if its bytes are others than those that run.
---@return boolean? reloaded  false: nothing new; nil: the old version lives on
---@return wasm.Error? err
function hot:poll()
  if self:closed() then
    error(core.error { kind = "closed", message = ("hot module '%s' is closed"):format(self.name) })
  end
  if not is_suspect(self) then return false end
  local bytes, err = look(self)
  if not bytes then
    self.pending = true -- until it is there again
    return failed(self, err)
  end
  if bytes == self.bytes then
    self.pending, self.last_error, self.refused = nil, nil, nil
    return false
  end
  if bytes == self.refused then return nil, self.refusal end -- the same as last time
  local opts = self.opts
  local report
  report, err = self.instance:reload(bytes, {
    state = opts.state, when = opts.when, linked = opts.linked, force = opts.force,
    migrate_globals = opts.migrate_globals, imports = opts.imports, compile = self.compile })
  if not report then
    self.pending = err.kind == "busy" or nil -- try again, though the file stays as it is
    if err.kind ~= "busy" then self.refused, self.refusal = bytes, err end
    return failed(self, err)
  end
  self.bytes, self.pending, self.last_error, self.refused = bytes, nil, nil, nil
  if opts.on_reload then opts.on_reload(report, self) end
  return true
end

--- Close the instance and stop looking. True the first time.
function hot:close()
  if self:closed() then return false end
  if self.watch then self.watch:close() end
  self.is_closed = true
  self.instance:close()
  return true
end

function hot:closed() return self.is_closed == true end

hot.__close = hot.close

function hot:__tostring()
  return ("wasm.hot: %s%s"):format(self.name, self:closed() and " (closed)" or "")
end

return hot

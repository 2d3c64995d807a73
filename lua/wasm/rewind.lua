--- Save states: files of snapshots, and a ring of them to go back in.
local core = require "wasm.core"
local files = require "wasm.files"

local rewind = {}

-- Files -------------------------------------------------------------------------------------

local function io_error(why)
  return nil, core.error { kind = "io", message = why }
end

local function check_path(path, what)
  if type(path) == "string" then return end
  core.misuse(("bad argument #1 to '%s' (string expected, got %s)"):format(what, type(path)))
end

--- Write a snapshot to a file, which is replaced as a whole.
---@param snapshot wasm.Snapshot
---@param path string
---@return true? ok
---@return wasm.Error? err  kind "link" when it holds values of Lua, "io" when it cannot be written
function rewind.save(snapshot, path)
  check_path(path, "save")
  local bytes, err = snapshot:dump()
  if not bytes then return nil, err end
  local temporary = path .. ".new"
  local file, why = io.open(temporary, "wb")
  if not file then return io_error(why) end
  local ok
  ok, why = file:write(bytes)
  if ok then
    ok, why = file:close()
  else
    file:close()
  end
  if ok then ok, why = os.rename(temporary, path) end
  if ok then return true end
  os.remove(temporary)
  return io_error(why)
end

--- Read a snapshot of the module from a file.
---@param module wasm.Module
---@param path string
---@return wasm.Snapshot? snapshot
---@return wasm.Error? err  kind "io", "malformed", or "link" when it is of another module
function rewind.load(module, path)
  check_path(path, "load_snapshot")
  local bytes, why = files.read(path)
  if not bytes then return io_error(why) end
  return module:read_snapshot(bytes)
end

-- A ring ------------------------------------------------------------------------------------

local ring = {}
ring.__index = ring
ring.__name = "wasm.rewind"

local OPTIONS = { "frames" }

--- The last moments of an instance: push() one after each frame, back(n) to return.
---@param inst wasm.Instance
---@param opts? { frames?: integer }  how many are kept, default 600
---@return wasm.Rewind
function rewind.ring(inst, opts)
  core.check_options(opts, 2, "rewind", OPTIONS)
  local frames = opts and opts.frames or 600
  if math.type(frames) ~= "integer" or frames < 1 then
    core.misuse("option 'frames': a positive integer expected")
  end
  if not core.is_instance(inst) then
    core.misuse(("bad argument #1 to 'rewind' (wasm.instance expected, got %s)"):format(type(inst)))
  end
  core.version(inst) -- not closed
  return setmetatable({ inst = inst, frames = frames, first = 1, last = 0, kept = {} }, ring)
end

--- Keep this moment; the oldest one goes when there are too many.
---@return true? ok
---@return wasm.Error? err
function ring:push()
  local snapshot, err = self.inst:snapshot()
  if not snapshot then return nil, err end
  self.last = self.last + 1
  self.kept[self.last] = snapshot
  if #self > self.frames then
    self.kept[self.first]:close()
    self.kept[self.first] = nil
    self.first = self.first + 1
  end
  return true
end

--- Go back `n` moments: 0 is the newest one, 1 (the default) the one before it. What is newer is
-- forgotten, as the future will be another one.
---@param n? integer
---@return integer? n  how far it really went: no further than the oldest one
---@return wasm.Error? err
function ring:back(n)
  n = n or 1
  if math.type(n) ~= "integer" or n < 0 then
    core.misuse("bad argument #1 to 'back' (a count of moments expected)")
  end
  if #self == 0 then return 0 end
  local to = math.max(self.first, self.last - n)
  local ok, err = self.inst:restore(self.kept[to])
  if not ok then return nil, err end
  n = self.last - to
  for at = to + 1, self.last do
    self.kept[at]:close()
    self.kept[at] = nil
  end
  self.last = to
  return n
end

--- Bytes of memory pages that the ring keeps.
---@return integer
function ring:bytes()
  local pages = 0
  for at = self.first, self.last do pages = pages + self.kept[at]:stats().own_pages end
  return pages * 4096
end

function ring:close()
  for at = self.first, self.last do self.kept[at]:close() end
  self.kept, self.first, self.last = {}, 1, 0
end

ring.__close = ring.close

function ring:__len() return self.last - self.first + 1 end

function ring:__tostring() return ("wasm.rewind: %d of %d moments"):format(#self, self.frames) end

return rewind

--- A host for plugins that nobody here wrote: the formatters of dprint, sandboxed, from Lua.
--   lua5.4 examples/format.lua plugin.wasm ... -- file ...
-- Plugins are npm's: `npm pack @dprint/json@0.24.0`, or @dprint/typescript@0.96.1; unpack, and take
-- plugin.wasm. Each says for itself which files it is for. A plugin that traps, or returns an
-- error, spoils its own file and nothing else.
local wasm = require "wasm"

--- The protocol of dprint's plugins, version 4: text goes through one buffer that they own.
local Plugin = {}
Plugin.__index = Plugin

function Plugin.load(path)
  local e = assert(assert(wasm.load(path)):instantiate()).exports
  assert(e.dprint_plugin_version_4, path .. " is no plugin for dprint, version 4")
  local self = setmetatable({ exports = e, extensions = {} }, Plugin)
  self:send '{"global":{},"plugin":{}}'
  e.register_config(1)
  local matching = self:receive(e.get_config_file_matching(1))
  for name in matching:match('"fileExtensions":%[(.-)%]'):gmatch '"([^"]+)"' do
    self.extensions[name] = true
  end
  return self
end

function Plugin:send(text)
  self.exports.memory:write(self.exports.clear_shared_bytes(#text), text)
end

function Plugin:receive(size)
  return self.exports.memory:read(self.exports.get_shared_bytes_ptr(), size)
end

--- The text as it should be, or nil and why not.
function Plugin:format(path, text)
  local e = self.exports
  self:send(path)
  e.set_file_path()
  self:send(text)
  local result = e.format(1) -- 0: as it should be, 1: changed, 2: an error
  if result == 0 then return text end
  if result == 1 then return self:receive(e.get_formatted_text()) end
  return nil, self:receive(e.get_error_text())
end

local plugins, files, behind = {}, {}, false
for _, word in ipairs(arg) do
  if word == "--" then behind = true
  elseif behind then files[#files + 1] = word
  else plugins[#plugins + 1] = Plugin.load(word) end
end
if #files == 0 then print "usage: format.lua plugin.wasm ... -- file ..." end

for _, path in ipairs(files) do
  for _, plugin in ipairs(plugins) do
    if plugin.extensions[path:match "%.(%w+)$"] then
      local file <close> = assert(io.open(path, "rb"))
      local ok, text, why = pcall(plugin.format, plugin, path, file:read("a"))
      io.stdout:write(ok and text or ("%s: %s\n"):format(path, tostring(ok and why or text)))
    end
  end
end

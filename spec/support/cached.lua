--- What the specs of the cache share: directories, modules to compile, files to damage.
local cached = {}

local wasm = require "wasm"

--- A new empty directory, and a function that removes it with all in it.
---@return string path
---@return fun() remove
function cached.directory()
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkdir -m 700 " .. path))
  return path, function()
    os.execute(("chmod -R u+rwx %s 2>/dev/null; rm -rf %s"):format(path, path))
  end
end

--- The binary of a module whose f(x) is x * 3 + n.
---@param n integer
---@return string
function cached.module(n)
  return assert(wasm.wat(([[(module (memory (export "memory") 1)
    (func $helper (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
    (func (export "f") (param i32) (result i32)
      (i32.add (call $helper (local.get 0)) (i32.const %d)))
    (func (export "trap") unreachable))]]):format(n)))
end

--- Compile with the cache, check that the code is right, and let go of it all.
---@param bytes string
---@param n integer
---@param cache wasm.Cache
function cached.use(bytes, n, cache, opts)
  local options = { cache = cache }
  for key, value in pairs(opts or {}) do options[key] = value end
  local mod = assert(wasm.compile(bytes, options))
  local inst = assert(mod:instantiate())
  assert(inst.exports.f(100) == 300 + n, "the code of another module")
  local ok, err = pcall(inst.exports.trap)
  assert(not ok and err.trap == "unreachable" and err.frames[1].index == 2)
  inst:close()
  mod:close()
end

function cached.read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

function cached.write(path, bytes)
  local f <close> = assert(io.open(path, "wb"))
  f:write(bytes)
end

--- The path of the only entry of a cache.
function cached.entry_path(cache, directory)
  local entries = cache:entries()
  assert(#entries == 1, #entries .. " entries")
  return directory .. "/" .. entries[1].name
end

--- Where the fields of an entry's header lie: offset and format of string.pack.
cached.fields = {
  magic = { 0, "c8" }, version = { 8, "I4" }, explicit_bounds = { 12, "B" }, effort = { 13, "B" },
  build = { 16, "c32" }, features = { 48, "I8" }, cpu = { 56, "I8" }, hash = { 64, "c16" },
  module_size = { 80, "I8" }, text_size = { 88, "I8" }, nfuncs = { 96, "I4" },
  nlines = { 100, "I4" },
}
cached.HEADER = 176

--- The entry with `bytes` in place of what is at `offset` (from 0).
function cached.patch(entry, offset, bytes)
  return entry:sub(1, offset) .. bytes .. entry:sub(offset + #bytes + 1)
end

function cached.field(entry, name)
  local field = cached.fields[name]
  return (string.unpack("<" .. field[2], entry, field[1] + 1))
end

--- The entry with another value in a field of its header.
function cached.set_field(entry, name, value)
  local field = cached.fields[name]
  return cached.patch(entry, field[1], string.pack("<" .. field[2], value))
end

--- Where each part of the entry begins (offset) and ends.
function cached.parts(entry)
  local nfuncs = cached.field(entry, "nfuncs")
  local sizes = {
    { "header", cached.HEADER }, { "module", cached.field(entry, "module_size") },
    { "text", cached.field(entry, "text_size") }, { "func_at", (nfuncs + 1) * 4 },
    { "saves_ctx", nfuncs }, { "pad", -nfuncs % 4 }, { "lines", cached.field(entry, "nlines") * 8 },
    { "check", 16 },
  }
  local parts, at = {}, 0
  for _, part in ipairs(sizes) do
    parts[part[1]] = { at, at + part[2] }
    at = at + part[2]
  end
  assert(at == #entry)
  return parts
end

return cached

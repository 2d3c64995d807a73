--- Assemble the fuzzers' seeds: `lua5.4 spec/fuzz/assemble.lua OUT_DIRECTORY`.
-- Needs no built core: the operators are read from ops.def.
local wat = require "wasm.wat"
local opcodes = require "spec.support.opcodes"

wat.use_ops(opcodes.listing())
local list <close> = assert(io.popen("ls spec/fuzz/seeds/*.wat"))
for path in list:lines() do
  local source <close> = assert(io.open(path, "rb"))
  local bytes, err = wat.assemble(source:read("a"), { name = path })
  if not bytes then error(wat.format_error(err), 0) end
  local out <close> = assert(io.open(arg[1] .. "/" .. path:match("([^/]+)%.wat$") .. ".wasm", "wb"))
  out:write(bytes)
end

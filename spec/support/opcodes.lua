--- The listing of `core.opcodes()`, read from ops.def itself: specs of the text format run
--- without a built core.
local opcodes = {}

---@return { name: string, code: integer, text: string, imm: string, sig: string,
---  feature: string }[]
function opcodes.listing()
  local file = assert(io.open("src/wasm/ops.def"))
  local text = file:read("a")
  file:close()
  local list = {}
  local row = "\nOP%(%s*([%w_]+),%s*(0x%x+),%s*\"([^\"]+)\",%s*([%w_]+),%s*([%w_]+),%s*([%w_]+)%)"
  for name, code, op, imm, sig, feature in text:gmatch(row) do
    list[#list + 1] = { name = name, code = tonumber(code), text = op, imm = imm, sig = sig,
                        feature = feature }
  end
  return list
end

return opcodes

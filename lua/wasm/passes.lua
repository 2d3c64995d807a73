--- What the passes of the compiler cost, as a table to read.

local passes = {}

local function ratio(a, b)
  return b > 0 and a / b or 0
end

local function counts(p)
  return ("%d functions (%d to the simple allocator), %d IR instructions, %d bytes in, %d out\n")
      :format(p.functions, p.fallbacks, p.ir_instructions, p.wasm_bytes, p.code_bytes)
    .. ("%d spills, %d reloads, %d moves\n"):format(p.spills, p.reloads, p.moves)
end

--- Time in all, its share, for each byte of the bodies; scratch memory for each such byte, and of
--- the function for which it was most.
local function text(p)
  local out, total, bytes = {}, 0, 0
  for _, row in ipairs(p) do total, bytes = total + row.ns, bytes + row.bytes end
  local function line(name, ns, taken, most)
    out[#out + 1] = ("%-9s %10.2f %6.1f %9.2f %9.1f %11s\n"):format(name, ns / 1e6,
      100 * ratio(ns, total), ratio(ns, p.wasm_bytes), ratio(taken, p.wasm_bytes), most)
  end
  out[1] = ("%-9s %10s %6s %9s %9s %11s\n"):format("pass", "ms", "%", "ns/byte", "mem/byte",
    "most bytes")
  for _, row in ipairs(p) do
    if row.ns > 0 then line(row.pass, row.ns, row.bytes, row.most) end
  end
  line("all", total, bytes, "")
  return table.concat(out) .. counts(p)
end

local meta = { __tostring = text, __name = "wasm.passes" }

---@param figures table  core.stats("passes")
---@return wasm.Passes
function passes.report(figures)
  return setmetatable(figures, meta)
end

return passes

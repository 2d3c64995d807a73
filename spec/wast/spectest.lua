--- The host module "spectest" that the suite's scripts import from, fresh for each script.
local wasm = require "wasm"

local function ignore() end

---@return table<string, any>
return function()
  local spectest = {
    global_i32 = wasm.global("i32", 666),
    global_i64 = wasm.global("i64", 666),
    global_f32 = wasm.global("f32", 666.6),
    global_f64 = wasm.global("f64", 666.6),
    table = wasm.table { "funcref", min = 10, max = 20 },
    table64 = wasm.table { "funcref", min = 10, max = 20, index = "i64" },
    memory = wasm.memory { min = 1, max = 2 },
    shared_memory = wasm.memory { min = 1, max = 2, shared = true },
  }
  for _, name in ipairs { "print", "print_i32", "print_i64", "print_f32", "print_f64",
                          "print_i32_f32", "print_f64_f64" } do
    spectest[name] = ignore
  end
  return spectest
end

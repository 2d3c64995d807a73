--- Random modules that are valid, end, and are hard on a compiler.
--   lua5.4 spec/diff/generate.lua SEED     prints the text of one
-- WebAssembly 2.0 without SIMD. The same seed gives the same module.
local Random = require "spec.diff.random"
local statement = require "spec.diff.statement"
local expression = require "spec.diff.expression"

local generate = {}

local Module = {}
Module.__index = Module

local NUMBERS = { "i32", "i64", "f32", "f64" }

function Module:some_type()
  return self.random:weighted(self.weights)
end

--- How many: mostly few, sometimes more than there are registers for.
local function some_types(m, few, many)
  local list = {}
  local n = m.random:chance(15) and m.random:range(few, many) or m.random:below(few + 1)
  local only = m.random:chance(20) and m.random:pick(NUMBERS)
  for i = 1, n do list[i] = only or m:some_type() end
  return list
end

local function make_rows(m)
  local r = m.random
  for i = 1, r:range(2, 7) do
    local row = { name = "f" .. i, type = "t" .. i, params = some_types(m, 5, 26),
                  results = some_types(m, 2, 24) }
    m.functions[i] = row
  end
  -- the host calls this one back
  table.insert(m.functions, { name = "leaf", type = "leaf", params = { "i32" }, results = { "i32" } })
  for i = 1, r:range(1, 3) do
    m.imports[i] = { name = "h" .. i, params = some_types(m, 4, 14), results = some_types(m, 1, 5) }
  end
  table.insert(m.imports, { name = "again", params = { "i32" }, results = { "i32" } })
  for _, list in ipairs { m.functions, m.imports } do
    for _, row in ipairs(list) do
      if #row.results == 1 and #row.params < 12 then
        local type = row.results[1]
        m.by_result[type] = m.by_result[type] or {}
        table.insert(m.by_result[type], row)
      end
    end
  end
end

local function func_type(row)
  local text = ""
  if #row.params > 0 then text = text .. " (param " .. table.concat(row.params, " ") .. ")" end
  if #row.results > 0 then text = text .. " (result " .. table.concat(row.results, " ") .. ")" end
  return text
end

local function make_globals(m, out)
  local f = { random = m.random, some_function = function() return m.functions[1].name end }
  for _, type in ipairs(m.types) do
    m.globals[type] = {}
    for i = 1, m.random:below(4) do
      local name = ("g_%s_%d"):format(type, i)
      table.insert(m.globals[type], name)
      out[#out + 1] = ("(global $%s (export %q) (mut %s) %s)"):format(name, name, type,
        expression.const(f, type))
    end
  end
end

local function make_tables(m, out)
  local names = {}
  for i, row in ipairs(m.functions) do names[i] = "$" .. row.name end
  out[#out + 1] = "(table $functions (export \"functions\") 16 funcref)"
  out[#out + 1] = "(table $things (export \"things\") 12 40 externref)"
  out[#out + 1] = "(elem (table $functions) (i32.const 0) func " .. table.concat(names, " ") .. ")"
end

local function make_memory(m, out)
  local r = m.random
  if not m.memory then return end
  local min = r:pick { 1, 1, 1, 2 }
  out[#out + 1] = ("(memory (export \"memory\") %d %d)"):format(min, min + r:below(3))
  for _ = 1, r:range(1, 3) do
    local bytes = {}
    for i = 1, r:range(1, 60) do bytes[i] = ("\\%02x"):format(r:below(256)) end
    out[#out + 1] = ("(data (i32.const %d) \"%s\")"):format(r:below(65400), table.concat(bytes))
  end
end

--- The text of the module that belongs to a seed.
---@param seed integer
---@return string
function generate.text(seed)
  local m = setmetatable({ random = Random.new(seed), types = { "i32", "i64", "f32", "f64",
    "funcref", "externref" }, functions = {}, imports = {}, by_result = {}, globals = {} }, Module)
  local r = m.random
  m.memory = r:chance(90)
  m.weights = { "i32", r:range(10, 60), "i64", r:range(5, 60), "f32", r:range(1, 30),
                "f64", r:range(1, 40), "funcref", r:below(5), "externref", r:below(5) }
  make_rows(m)
  local out = {}
  for _, row in ipairs(m.imports) do
    out[#out + 1] = ("(import \"env\" %q (func $%s%s))"):format(row.name, row.name, func_type(row))
  end
  for _, row in ipairs(m.functions) do
    out[#out + 1] = ("(type $%s (func%s))"):format(row.type, func_type(row))
  end
  out[#out + 1] = "(global $fuel (export \"fuel\") (mut i32) (i32.const 0))"
  make_globals(m, out)
  make_tables(m, out)
  make_memory(m, out)
  for _, row in ipairs(m.functions) do out[#out + 1] = statement.make_function(m, row) end
  return "(module\n" .. table.concat(out, "\n") .. ")\n"
end

if arg and arg[0] and arg[0]:find("generate%.lua$") and not package.loaded["busted"] then
  io.write(generate.text(tonumber(arg[1]) or 1))
end

return generate

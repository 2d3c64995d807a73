--- Random modules that are valid, end, and are hard on a compiler.
--   lua5.4 spec/diff/generate.lua SEED     prints the text of one
-- WebAssembly 3.0 without vectors; vectors.lua has those. The same seed gives the same module.
-- About a third are made to be linked: they import from a module "peer" what they export themselves
-- (play.lua). Half of them have what newer.lua adds to WebAssembly 2.0.
local Random = require "spec.diff.random"
local statement = require "spec.diff.statement"
local expression = require "spec.diff.expression"
local newer = require "spec.diff.newer"

local generate = {}

local Module = {}
Module.__index = Module

local NUMBERS = { "i32", "i64", "f32", "f64" }

function Module:some_type()
  return self.random:weighted(self.weights)
end

-- Runs when the module is instantiated: no zeros in the first page.
local FILL = [[(func $fill (local $i i32) (local $x i64)
  (local.set $x (i64.const 0x9e3779b97f4a7c15))
  (loop $more
    (i64.store (local.get $i) (local.tee $x
      (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 99))))
    (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8)))
      (i32.const 65536)))))
(start $fill)]]

--- How many: mostly few, sometimes more than there are registers for.
local function some_types(m, few, many)
  local list = {}
  local n = m.random:below(few + 1)
  if m.random:chance(15) then n = m.random:range(few, many) end
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
  table.insert(m.functions, { name = "leaf", type = "leaf", params = { "i32" },
                              results = { "i32" } })
  for i = 1, r:range(1, 3) do
    m.imports[i] = { name = "h" .. i, module = "env", export = "h" .. i,
                     params = some_types(m, 4, 14), results = some_types(m, 1, 5) }
  end
  table.insert(m.imports, { name = "again", module = "env", export = "again", params = { "i32" },
                            results = { "i32" } })
  for _, row in ipairs(m.linked and m.functions or {}) do
    if r:chance(40) then
      table.insert(m.imports, { name = "p_" .. row.name, module = "peer", export = row.name,
                                params = row.params, results = row.results })
    end
  end
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

--- `kind $name` exported, and in a linked module sometimes the peer's thing of that name.
local function shared(m, kind, name)
  local from = m.linked and m.random:chance(30) and ("(import \"peer\" %q) "):format(name)
  return ("(%s $%s (export %q) %s"):format(kind, name, name, from or ""), from
end

local function make_globals(m, out)
  local f = { random = m.random, some_function = function() return m.functions[1].name end }
  for _, type in ipairs(m.types) do
    m.globals[type] = {}
    for i = 1, m.random:below(4) do
      local name = ("g_%s_%d"):format(type, i)
      table.insert(m.globals[type], name)
      local head, imported = shared(m, "global", name)
      local init = imported and "" or expression.const(f, type)
      -- imports come first
      table.insert(out, imported and 1 or #out + 1, ("%s(mut %s) %s)"):format(head, type, init))
    end
  end
end

local function make_tables(m, out)
  local names = {}
  for i, row in ipairs(m.functions) do names[i] = "$" .. row.name end
  for _, text in ipairs { "functions 16 funcref", "things 12 40 externref" } do
    local name, type = text:match("^(%w+) (.*)$")
    local head, imported = shared(m, "table", name)
    table.insert(out, imported and 1 or #out + 1, head .. type .. ")")
  end
  out[#out + 1] = "(elem (table $functions) (i32.const 0) func " .. table.concat(names, " ") .. ")"
end

local function make_memory(m, out)
  local r = m.random
  if not m.memory then return end
  local min = m.pages
  local head, imported = shared(m, "memory", "memory")
  table.insert(out, imported and 1 or #out + 1, ("%s%d %d)"):format(head, min, min + r:below(3)))
  if r:chance(80) then out[#out + 1] = FILL end
  for _ = 1, r:range(1, 3) do
    local bytes = {}
    for i = 1, r:range(1, 60) do bytes[i] = ("\\%02x"):format(r:below(256)) end
    out[#out + 1] = ("(data (i32.const %d) \"%s\")"):format(r:below(65400), table.concat(bytes))
  end
end

--- The text of the module that belongs to a seed.
---@param seed integer
---@param wide? boolean  with wide arithmetic, and all that newer.lua has
---@return string
function generate.text(seed, wide)
  local m = setmetatable({ random = Random.new(seed), types = { "i32", "i64", "f32", "f64",
    "funcref", "externref" }, functions = {}, imports = {}, by_result = {}, globals = {} }, Module)
  local r = m.random
  m.memory, m.linked, m.pages = r:chance(90), r:chance(35), r:pick { 1, 1, 1, 2, 3 }
  m.newer, m.wide = r:chance(50) or wide, wide
  m.weights = { "i32", r:range(10, 60), "i64", r:range(5, 60), "f32", r:range(1, 30),
                "f64", r:range(1, 40), "funcref", r:below(5), "externref", r:below(5) }
  make_rows(m)
  local out = {}
  for _, row in ipairs(m.imports) do
    out[#out + 1] = ("(import %q %q (func $%s%s))"):format(row.module, row.export, row.name,
      func_type(row))
  end
  for _, row in ipairs(m.functions) do
    out[#out + 1] = ("(type $%s (func%s))"):format(row.type, func_type(row))
  end
  out[#out + 1] = "(global $fuel (export \"fuel\") (mut i32) (i32.const 0))"
  make_globals(m, out)
  make_tables(m, out)
  make_memory(m, out)
  newer.declare(m, out)
  for _, row in ipairs(m.functions) do out[#out + 1] = statement.make_function(m, row) end
  return "(module\n" .. table.concat(out, "\n") .. ")\n"
end

if arg and arg[0] and arg[0]:find("generate%.lua$") and not package.loaded["busted"] then
  io.write(generate.text(tonumber(arg[1]) or 1))
end

return generate

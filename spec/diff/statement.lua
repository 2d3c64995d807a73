--- Random statements, and the function they stand in.
-- Whatever is made ends: loops count down a local that nothing else writes, and every function
-- first takes one from the global $fuel and returns when there is none.
local expression = require "spec.diff.expression"
local newer = require "spec.diff.newer"

local Function = {}
Function.__index = Function

local statement = {}

---------------------------------------------------------------------------
-- What expressions ask

function Function:some_local(type)
  local list = self.locals[type]
  return list and #list > 0 and self.random:pick(list)
end

--- A local that may be assigned: no counter, no scratch.
function Function:some_variable(type)
  local list = self.variables[type]
  return list and #list > 0 and self.random:pick(list)
end

function Function:some_global(type)
  local list = self.module.globals[type]
  return list and #list > 0 and self.random:pick(list)
end

function Function:some_function()
  return self.random:pick(self.module.functions).name
end

--- A function, defined or imported, whose only result is of this type.
function Function:some_callee(type)
  local list = self.module.by_result[type]
  return list and self.random:pick(list)
end

--- A local of its own for `without_nan`; one a type is enough, since it is read at once.
function Function:scratch(type)
  local name = "nan_" .. type
  if not self.declared[name] then self:declare(name, type) end
  return name
end

function Function:declare(name, type)
  self.declared[name] = type
  self.declarations[#self.declarations + 1] = ("(local $%s %s)"):format(name, type)
end

function Function:push_label(types, counter)
  self.label_count = self.label_count + 1
  local label = { name = "l" .. self.label_count, types = types, counter = counter }
  self.labels[#self.labels + 1] = label
  return label
end

function Function:pop_label()
  self.labels[#self.labels] = nil
end

---------------------------------------------------------------------------

local function put(f, format, ...)
  f.out[#f.out + 1] = select("#", ...) > 0 and format:format(...) or format
end

--- Take values of these types off the stack, the last one first.
local function sink(f, types)
  for i = #types, 1, -1 do
    local type = types[i]
    local name = f:some_variable(type)
    local global = f.random:chance(10) and f:some_global(type)
    if global then
      put(f, "global.set $%s", global)
    elseif name and f.random:chance(90) then
      put(f, "local.set $%s", name)
    else
      put(f, "drop")
    end
  end
end

local function push(f, types, depth)
  for _, type in ipairs(types) do put(f, expression.of(f, type, depth)) end
end

local function signature(word, types)
  return #types > 0 and (" (%s %s)"):format(word, table.concat(types, " ")) or ""
end

local function types_of(f, most)
  local out = {}
  for i = 1, f.random:below(most + 1) do out[i] = f.module:some_type() end
  return out
end

local function body(f, depth, n)
  for _ = 1, n do statement.make(f, depth) end
end

local make = {}

function make.assign(f)
  local type = f.module:some_type()
  local name = f:some_variable(type)
  if name then put(f, "(local.set $%s %s)", name, expression.of(f, type, f.random:range(1, 5))) end
end

--- Several at once: the values are all computed before the first is assigned.
function make.assign_many(f)
  local types = {}
  for i = 1, f.random:range(2, 6) do types[i] = f.module:some_type() end
  push(f, types, 2)
  sink(f, types)
end

--- A permutation of locals of one type: moves in a circle, once edges carry it.
function make.rotate(f)
  local type = f.random:pick { "i32", "i64", "f32", "f64" }
  local names = f.random:sample(f.variables[type] or {}, f.random:range(2, 6))
  if #names < 2 then return end
  for _, name in ipairs(names) do put(f, "(local.get $%s)", name) end
  for _, name in ipairs(f.random:sample(names, #names)) do put(f, "(local.set $%s)", name) end
end

function make.store(f)
  if not f.module.memory then return end
  local r = f.random
  local type = r:pick { "i32", "i64", "f32", "f64" }
  local op, align = "store", tonumber(type:sub(2)) // 8
  if type:sub(1, 1) == "i" and r:chance(40) then
    local bits = r:pick(type == "i32" and { 8, 16 } or { 8, 16, 32 })
    op, align = "store" .. bits, bits // 8
  end
  local address, offset = expression.address(f, 2)
  put(f, "(%s.%s%s %s %s)", type, op, expression.memarg(f, offset, align), address,
    expression.exact(f, type, 3))
end

make["global"] = function(f)
  local type = f.module:some_type()
  local name = f:some_global(type)
  if name then put(f, "(global.set $%s %s)", name, expression.of(f, type, 3)) end
end

make["if"] = function(f, depth)
  local params, results = types_of(f, 3), types_of(f, 3)
  local both = f.random:chance(60) or #params > 0 or #results > 0
  push(f, params, 2)
  put(f, expression.condition(f, 2))
  local label = f:push_label(results)
  put(f, "if $%s%s%s", label.name, signature("param", params), signature("result", results))
  for arm = 1, both and 2 or 1 do
    if arm == 2 then put(f, "else") end
    sink(f, params)
    body(f, depth - 1, f.random:range(0, 3))
    push(f, results, 2)
  end
  f:pop_label()
  put(f, "end")
  sink(f, results)
end

--- Its parameters are taken at once, or stay below everything and become results.
function make.block(f, depth)
  local params, results = types_of(f, 3), types_of(f, 4)
  local keep = f.random:chance(40)
  if keep then results = table.move(results, 1, #results, #params + 1, { table.unpack(params) }) end
  push(f, params, 2)
  local label = f:push_label(results)
  put(f, "block $%s%s%s", label.name, signature("param", params), signature("result", results))
  if not keep then sink(f, params) end
  body(f, depth - 1, f.random:range(1, 4))
  push(f, { table.unpack(results, keep and #params + 1 or 1) }, 2)
  f:pop_label()
  put(f, "end")
  sink(f, results)
end

local GOES_ON = { "(T.gt_s (local.get $C) (T.const 0))", "(T.lt_s (T.const 0) (local.get $C))",
                  "(T.ge_s (local.get $C) (T.const 1))",
                  "(i32.eqz (T.le_s (local.get $C) (T.const 0)))" }

local function count_down(f, counter)
  put(f, "(local.set $%s (%s.sub (local.get $%s) (%s.const 1)))", counter.name, counter.type,
    counter.name, counter.type)
end

--- Back to a loop's start if it may turn once more; the values it takes are dropped if not.
local function go_on(f, label)
  local counter = label.counter
  count_down(f, counter)
  push(f, label.types, 2)
  put(f, (f.random:pick(GOES_ON):gsub("[TC]", { T = counter.type, C = counter.name })))
  put(f, "br_if $%s", label.name)
end

function make.loop(f, depth)
  if f.loops >= 3 then return end
  local r = f.random
  local counter = { name = "c" .. f.label_count, type = r:pick { "i32", "i32", "i64" } }
  f:declare(counter.name, counter.type)
  put(f, "(local.set $%s (%s.const %d))", counter.name, counter.type,
    r:range(1, f.loops == 0 and 9 or 4))
  table.insert(f.locals[counter.type], counter.name)
  local params = types_of(f, 4)
  local same = r:chance(50)
  local results = same and params or types_of(f, 3)
  push(f, params, 2)
  local label = f:push_label(params, counter)
  f.loops = f.loops + 1
  put(f, "loop $%s%s%s", label.name, signature("param", params), signature("result", results))
  sink(f, params)
  body(f, depth - 1, r:range(1, 5))
  if r:chance(60) then make.rotate(f) end
  go_on(f, label)
  f.loops = f.loops - 1
  f:pop_label()
  if not same then
    sink(f, params)
    push(f, results, 2)
  end
  put(f, "end")
  sink(f, results)
end

function make.branch(f)
  local label = #f.labels > 0 and f.random:pick(f.labels)
  if not label then return end
  if label.counter then
    go_on(f, label)
  else
    push(f, label.types, 2)
    put(f, expression.condition(f, 2))
    put(f, "br_if $%s", label.name)
  end
  sink(f, label.types)
end

--- Nested blocks and a br_table into them; it carries values, and may go to outer blocks too.
function make.switch(f, depth)
  local r = f.random
  local types, targets = types_of(f, 4), {}
  if r:chance(25) and #f.labels > 0 then types = r:pick(f.labels).types end
  local signed = table.concat(types, " ")
  for _, label in ipairs(f.labels) do
    if not label.counter and table.concat(label.types, " ") == signed and r:chance(50) then
      targets[#targets + 1] = "$" .. label.name
    end
  end
  local n = r:range(1, 4)
  for _ = 1, n do
    local label = f:push_label(types)
    put(f, "block $%s%s", label.name, signature("result", types))
    targets[#targets + 1] = "$" .. label.name
  end
  body(f, depth - 1, r:below(2))
  push(f, types, 2)
  put(f, expression.of(f, "i32", 1))
  if r:chance(70) then put(f, "(i32.const 7) i32.and") end
  local list = {}
  for i = 1, r:range(1, 9) do list[i] = r:pick(targets) end
  put(f, "br_table %s", table.concat(list, " "))
  if r:chance(30) then body(f, depth - 1, 1) end -- dead
  for i = 1, n do
    f:pop_label()
    put(f, "end")
    sink(f, types)
    if i < n then
      body(f, depth - 1, r:below(3))
      push(f, types, 2)
    end
  end
end

--- Leave for good, behind a condition.
function make.leave(f)
  put(f, expression.condition(f, 2))
  put(f, "if")
  if f.daring and f.random:chance(20) then
    put(f, "unreachable")
  else
    push(f, f.results, 2)
    put(f, "return")
  end
  if f.random:chance(20) then body(f, 1, 1) end -- dead
  put(f, "end")
end

function make.call(f)
  local callee = f.random:pick(f.random:chance(25) and f.module.imports or f.module.functions)
  push(f, callee.params, 2)
  put(f, "call $%s", callee.name)
  sink(f, callee.results)
end

function make.call_indirect(f)
  local r = f.random
  local at = r:below(#f.module.functions)
  local callee = f.module.functions[at + 1]
  push(f, callee.params, 2)
  if r:chance(70) then
    put(f, "(i32.const %d)", at)
  elseif not f.daring or r:chance(60) then -- the same, but not known when compiled
    local name = f:some_local("i32")
    put(f, "(i32.add (i32.xor (local.get $%s) (local.get $%s)) (i32.const %d))", name, name, at)
  else
    put(f, "(i32.and %s (i32.const 15))", expression.of(f, "i32", 1))
  end
  put(f, "call_indirect $functions (type $%s)", callee.type)
  sink(f, callee.results)
end

local function bounded(f, mask)
  return ("(i32.and %s (i32.const %d))"):format(expression.of(f, "i32", 1), mask)
end

--- Memory and table operators that are calls of the run time.
function make.bulk(f)
  local r = f.random
  local kind = r:below(f.module.memory and 9 or 4)
  if kind == 0 then
    put(f, "(table.set $functions %s %s)", bounded(f, 7), expression.of(f, "funcref", 1))
  elseif kind == 1 then
    put(f, "(table.copy $functions $functions %s %s (i32.const 3))", bounded(f, 7), bounded(f, 7))
  elseif kind == 2 then
    put(f, "(table.fill $things %s %s %s)", bounded(f, 7), expression.of(f, "externref", 1),
      bounded(f, 3))
  elseif kind == 3 then
    put(f, "(drop (table.grow $things %s %s))", expression.of(f, "externref", 1), bounded(f, 1))
  elseif kind < 6 then
    put(f, "(memory.fill %s %s %s)", bounded(f, 0x7fff), expression.of(f, "i32", 2),
      bounded(f, 255))
  elseif kind < 8 then
    put(f, "(memory.copy %s %s %s)", bounded(f, 0x7fff), bounded(f, 0x7fff), bounded(f, 255))
  else
    local name = f:some_variable("i32")
    put(f, "(memory.grow %s)", bounded(f, 1))
    put(f, name and "local.set $" .. name or "drop")
  end
end

local KINDS = { "assign", 26, "assign_many", 6, "rotate", 7, "store", 10, "global", 4, "if", 10,
                "block", 6, "loop", 9, "branch", 7, "switch", 5, "leave", 2, "call", 7,
                "call_indirect", 4, "bulk", 3 }
local SIMPLE = { assign = true, assign_many = true, rotate = true, store = true, global = true,
                 branch = true, call = true, bulk = true }

-- What newer.lua adds to and makes statements with.
statement.kind, statement.kinds, statement.simple = make, KINDS, SIMPLE
statement.put, statement.sink, statement.push, statement.body = put, sink, push, body
newer.install(statement)

function statement.make(f, depth)
  f.budget = f.budget - 1
  local kind = f.random:weighted(f.module.newer and statement.newer_kinds or KINDS)
  if (depth <= 0 or f.budget <= 0) and not SIMPLE[kind] then kind = "assign" end
  make[kind](f, depth)
end

---------------------------------------------------------------------------

local function declare_variables(f)
  local r = f.random
  for i, type in ipairs(f.params) do
    table.insert(f.locals[type], "p" .. i)
    table.insert(f.variables[type], "p" .. i)
  end
  for _, type in ipairs(f.module.types) do
    local many = r:chance(25) and 16 or 5
    for i = 1, r:range(type:find("ref") and 0 or 1, type:find("ref") and 2 or many) do
      local name = ("%s_%d"):format(type, i)
      f:declare(name, type)
      table.insert(f.locals[type], name)
      table.insert(f.variables[type], name)
    end
  end
end

local function take_fuel(f)
  put(f, "(if (i32.le_s (global.get $fuel) (i32.const 0)) (then")
  for _, type in ipairs(f.results) do
    put(f, type:find("ref") and "(ref.null " .. type:sub(1, -4) .. ")"
      or "(" .. type .. ".const 0)")
  end
  put(f, "return))")
  put(f, "(global.set $fuel (i32.sub (global.get $fuel) (i32.const 1)))")
end

--- Make everything seen: locals go to memory at the function's end.
local function store_locals(f)
  for _, type in ipairs { "i32", "i64", "f32", "f64" } do
    for i, name in ipairs(f.variables[type]) do
      if f.random:chance(70) then
        local text = "(local.get $" .. name .. ")"
        if type:sub(1, 1) == "f" then
          text = ("(select %s (%s.const 7) (%s.eq %s %s))"):format(text, type, type, text, text)
        end
        put(f, "(%s.store offset=%d (i32.const 0) %s)", type,
          61440 + 8 * f.random:below(500) + i, text)
      end
    end
  end
end

--- The text of one function.
---@param module table  as generate.lua makes it
---@param row { name: string, type: string, params: string[], results: string[] }
---@return string
function statement.make_function(module, row)
  local f = setmetatable({
    module = module, random = module.random, params = row.params, results = row.results,
    locals = {}, variables = {}, declared = {}, declarations = {}, labels = {}, out = {},
    label_count = 0, loops = 0, towers = 0, daring = module.random:chance(20),
    budget = module.random:range(40, 400),
  }, Function)
  for _, type in ipairs(module.types) do f.locals[type], f.variables[type] = {}, {} end
  declare_variables(f)
  newer.locals(f)
  take_fuel(f)
  if f.random:chance(50) then -- something to live across all that follows
    for _, type in ipairs(module.types) do
      for _, name in ipairs(f.variables[type]) do
        put(f, "(local.set $%s %s)", name, expression.of(f, type, 1))
      end
    end
  end
  body(f, f.random:range(1, 5), f.random:range(3, 14))
  push(f, f.results, 3)
  if module.memory and f.random:chance(80) then store_locals(f) end
  local params = {}
  for i, type in ipairs(row.params) do params[i] = ("(param $p%d %s)"):format(i, type) end
  return ("(func $%s (export %q) (type $%s) %s\n%s\n%s)"):format(row.name, row.name, row.type,
    table.concat(params, " ") .. signature("result", row.results),
    table.concat(f.declarations, " "), table.concat(f.out, "\n"))
end

return statement

--- What WebAssembly 3.0 and threads add to the random modules of generate.lua.
-- Objects, casts, typed references, tail calls, exceptions, more memories, 64-bit addresses,
-- atomics. Types that are not numbers stay inside a module: functions of the host see numbers
-- only. Expressions mostly do not trap: a null is replaced before a field of it is read.
local expression = require "spec.diff.expression"

local newer = {}

local NUMBERS = { "i32", "i64", "f32", "f64" }
local IS_NUMBER = { i32 = true, i64 = true, f32 = true, f64 = true }

local TYPES = [[
(rec
  (type $pair (sub (struct (field $int (mut i32)) (field $long (mut i64))
    (field $next (mut (ref null $pair))) (field $byte (mut i8)))))
  (type $more (sub final $pair (struct (field $int (mut i32)) (field $long (mut i64))
    (field $next (mut (ref null $pair))) (field $byte (mut i8)) (field $real (mut f64))
    (field $any (mut anyref))))))
(type $bytes (array (mut i8)))
(type $shorts (array (mut i16)))
(type $longs (array (mut i64)))
(type $reals (array (mut f32)))
(type $pairs (array (mut (ref null $pair))))]]

-- Arrays of numbers: what they are called, their elements and how one is read.
local ARRAYS = {
  bytes = { element = "i32", gets = { "get_s", "get_u" } },
  shorts = { element = "i32", gets = { "get_s", "get_u" } },
  longs = { element = "i64", gets = { "get" } },
  reals = { element = "f32", gets = { "get" } },
}
local ARRAY_NAMES = { "bytes", "shorts", "longs", "reals" }

-- Memories beside the first: all of one page, so that an address below 0x10000 is inside.
local MEMORIES = { { name = "second", type = "1 2", address = "i32" },
                   { name = "wide", type = "i64 1 3", address = "i64" },
                   { name = "common", type = "1 2 shared", address = "i32" } }

local FUNCTIONS = [[
(func $chain (param $to (ref null $pair)) (param $n i32) (result (ref $pair))
  (struct.new $pair (local.get $n) (i64.extend_i32_s (local.get $n)) (local.get $to)
    (local.get $n)))
(func $sort (param $x anyref) (result i32) (local $pair (ref null $pair))
  (block $is_pair (result (ref $pair))
    (block $is_i31 (result (ref i31))
      (drop (br_on_cast $is_i31 anyref (ref i31)
        (br_on_cast $is_pair anyref (ref $pair) (local.get $x))))
      (return (select (i32.const 7) (i32.const 9) (ref.is_null (local.get $x)))))
    (return (i31.get_s)))
  (local.set $pair)
  (drop (block $other (result (ref null $pair))
    (drop (br_on_cast_fail $other (ref null $pair) (ref $more) (local.get $pair)))
    (return (i32.const 13))))
  (i32.const 11))
(func $tail (param $n i32) (param $x i64) (result i64)
  (if (i32.le_s (local.get $n) (i32.const 0)) (then (return (local.get $x))))
  (return_call $tail_more (i32.sub (local.get $n) (i32.const 1)) (local.get $x) (f32.const 2)
    (local.get $n)))
(func $tail_more (param $n i32) (param $x i64) (param f32 i32) (result i64)
  (return_call $tail (local.get $n)
    (i64.add (i64.mul (local.get $x) (i64.const 3)) (i64.extend_i32_u (local.get 3)))))]]

--- Types, tags, memories, globals and functions of a module that has all this.
---@param m table  the module being made
---@param out string[]
function newer.declare(m, out)
  if not m.newer then return end
  out[#out + 1] = TYPES
  for _, type in ipairs(NUMBERS) do
    out[#out + 1] = ("(tag $thrown_%s (export \"thrown_%s\") (param %s))"):format(type, type, type)
  end
  out[#out + 1] = "(tag $thrown (export \"thrown\"))"
  if m.memory then
    for _, memory in ipairs(MEMORIES) do
      out[#out + 1] = ("(memory $%s (export %q) %s)"):format(memory.name, memory.name, memory.type)
    end
  end
  out[#out + 1] = "(global $head (mut (ref null $pair)) (ref.null $pair))"
  out[#out + 1] = "(global $thing (mut anyref) (ref.i31 (i32.const 12)))"
  out[#out + 1] = "(global $fixed (ref $longs) (array.new $longs (i64.const -3) (i32.const 5)))"
  out[#out + 1] = "(data $passive \"" .. ("\\f0\\01\\7f\\80"):rep(16) .. "\")"
  out[#out + 1] = FUNCTIONS
end

--- Locals of every function of such a module.
---@param f table  the function being made
function newer.locals(f)
  if not f.module.newer then return end
  for i = 1, 3 do f:declare("pair_" .. i, "(ref null $pair)") end
  for i = 1, 2 do f:declare("any_" .. i, "anyref") end
  for _, name in ipairs(ARRAY_NAMES) do
    f:declare(name .. "_1", ("(ref null $%s)"):format(name))
  end
  f:declare("exn", "exnref")
end

---------------------------------------------------------------------------
-- References

local pair, any

local function label_name(f)
  f.label_count = f.label_count + 1
  return "n" .. f.label_count
end

--- The reference, or another where it is null; a daring function leaves the null.
local function not_null(f, type, text, other)
  if f.daring and f.random:chance(10) then return ("(ref.as_non_null %s)"):format(text) end
  local label = label_name(f)
  if f.random:chance(50) then
    return ("(block $%s (result (ref $%s)) (br_on_non_null $%s %s) %s)"):format(label, type, label,
      text, other)
  end
  local outer = label_name(f)
  return ("(block $%s (result (ref $%s)) (block $%s (br $%s (br_on_null $%s %s))) %s)"):format(
    outer, type, label, outer, label, text, other)
end

local pairs_made = {}

pairs_made["local"] = function(f) return "(local.get $pair_" .. f.random:range(1, 3) .. ")" end
function pairs_made.global() return "(global.get $head)" end
function pairs_made.null() return "(ref.null $pair)" end
pairs_made["default"] = function(f)
  return "(struct.new_default $" .. f.random:pick { "pair", "more" } .. ")"
end

function pairs_made.new(f, depth)
  return ("(struct.new $pair %s %s %s %s)"):format(expression.of(f, "i32", depth),
    expression.of(f, "i64", depth), pair(f, depth), expression.of(f, "i32", depth))
end

function pairs_made.more(f, depth)
  return ("(struct.new $more %s %s %s %s %s %s)"):format(expression.of(f, "i32", depth),
    expression.of(f, "i64", depth), pair(f, depth), expression.of(f, "i32", depth),
    expression.of(f, "f64", depth), any(f, depth))
end

function pairs_made.tee(f, depth)
  return ("(local.tee $pair_%d %s)"):format(f.random:range(1, 3), pair(f, depth))
end

function pairs_made.next(f, depth)
  return ("(struct.get $pair $next %s)"):format(
    not_null(f, "pair", pair(f, depth), "(struct.new_default $more)"))
end

function pairs_made.chain(f, depth)
  return ("(call $chain %s %s)"):format(pair(f, depth), expression.of(f, "i32", depth))
end

function pairs_made.cast(f, depth)
  local label = label_name(f)
  return ("(block $%s (result (ref null $pair)) (drop (br_on_cast $%s anyref (ref null $pair) %s))"
    .. " %s)"):format(label, label, any(f, depth), pair(f, depth))
end

function pairs_made.select(f, depth)
  return ("(select (result (ref null $pair)) %s %s %s)"):format(pair(f, depth), pair(f, depth),
    expression.condition(f, depth))
end

pairs_made["if"] = function(f, depth)
  return ("(if (result (ref null $pair)) %s (then %s) (else %s))"):format(
    expression.condition(f, depth), pair(f, depth), pair(f, depth))
end

function pairs_made.element(f, depth)
  return ("(array.get $pairs (array.new_fixed $pairs 3 %s %s %s) %s)"):format(pair(f, depth),
    pair(f, depth), pair(f, depth), f.daring and f.random:chance(10) and "(i32.const 3)"
      or ("(i32.rem_u %s (i32.const 3))"):format(expression.of(f, "i32", depth)))
end

local PAIRS = { "local", 10, "global", 3, "null", 1, "default", 2, "new", 6, "more", 5, "tee", 3,
                "next", 4, "chain", 3, "cast", 2, "select", 2, "if", 2, "element", 1 }
local LEAVES = { "local", 10, "global", 3, "null", 1, "default", 2 }

function pair(f, depth)
  f.budget = f.budget - 1
  local kind = f.random:weighted(depth > 0 and f.budget > 0 and PAIRS or LEAVES)
  return pairs_made[kind](f, depth - 1)
end

local function array(f, name, depth)
  local r = f.random
  local element = ARRAYS[name].element
  local kind = depth > 0 and r:below(6) or 0
  local n = r:range(1, 9)
  if kind == 1 then
    return ("(array.new $%s %s (i32.const %d))"):format(name,
      expression.exact(f, element, depth - 1), n)
  elseif kind == 2 then
    local list = {}
    for i = 1, n do list[i] = expression.exact(f, element, depth - 1) end
    return ("(array.new_fixed $%s %d %s)"):format(name, n, table.concat(list, " "))
  elseif kind == 3 then
    return ("(array.new_data $%s $passive (i32.const %d) (i32.const %d))"):format(name,
      r:below(24) + (f.daring and r:chance(5) and 60 or 0), math.min(n, 5))
  elseif kind == 4 and name == "longs" then
    return "(global.get $fixed)"
  elseif kind == 5 then
    return ("(local.tee $%s_1 %s)"):format(name, array(f, name, depth - 1))
  end
  return ("(local.get $%s_1)"):format(name)
end

local function array_not_null(f, name, depth)
  return not_null(f, name, array(f, name, depth),
    ("(array.new_default $%s (i32.const 6))"):format(name))
end

--- An index that is inside an array that is never shorter than one.
local function index(f, depth)
  if f.daring and f.random:chance(15) then return expression.of(f, "i32", depth) end
  return "(i32.const 0)"
end

function any(f, depth)
  local kind = f.random:below(depth > 0 and 7 or 3)
  if kind == 0 then return "(local.get $any_" .. f.random:range(1, 2) .. ")" end
  if kind == 1 then return "(global.get $thing)" end
  if kind == 2 then return ("(ref.i31 %s)"):format(expression.of(f, "i32", 0)) end
  if kind == 3 then return array(f, f.random:pick(ARRAY_NAMES), depth - 1) end
  if kind == 4 then
    return ("(any.convert_extern (extern.convert_any %s))"):format(any(f, depth - 1))
  end
  return pair(f, depth - 1)
end

---------------------------------------------------------------------------
-- Numbers out of all this: by kind, nil when it cannot be

local make = expression.make

function make.field(f, type, depth)
  local fields = { i32 = { "get $pair $int", "get_s $pair $byte", "get_u $pair $byte" },
                   i64 = { "get $pair $long" } }
  if type == "f64" then
    local label = label_name(f)
    return ("(block $%s (result f64) (struct.get $more $real (block $c%s (result (ref $more))"
      .. " (drop (br_on_cast $c%s anyref (ref $more) %s)) (br $%s %s))))"):format(label, label,
      label, any(f, depth), label, expression.of(f, "f64", depth))
  end
  return fields[type] and ("(struct.%s %s)"):format(f.random:pick(fields[type]),
    not_null(f, "pair", pair(f, depth), "(struct.new_default $pair)"))
end

function make.element(f, type, depth)
  local name = f.random:pick(ARRAY_NAMES)
  if type == "i32" and f.random:chance(20) then
    return ("(array.len %s)"):format(array_not_null(f, name, depth))
  end
  if ARRAYS[name].element ~= type then return end
  return ("(array.%s $%s %s %s)"):format(f.random:pick(ARRAYS[name].gets), name,
    array_not_null(f, name, depth), index(f, depth))
end

--- What a reference is: i32.
function make.kind(f, type, depth)
  if type ~= "i32" then return end
  local how = f.random:below(6)
  if how == 0 then return ("(ref.eq %s %s)"):format(pair(f, depth), pair(f, depth)) end
  if how == 1 then return ("(ref.is_null %s)"):format(any(f, depth)) end
  if how == 2 then return ("(call $sort %s)"):format(any(f, depth)) end
  if how == 3 then
    return ("(i31.get_%s (ref.i31 %s))"):format(f.random:pick { "s", "u" },
      expression.of(f, "i32", depth))
  end
  local tested = f.random:pick { "(ref $more)", "(ref null $pair)", "i31ref", "(ref eq)",
    "(ref array)", "structref", "nullref", "(ref $longs)" }
  return ("(ref.test %s %s)"):format(tested, any(f, depth))
end

function make.caught(f, type, depth)
  if not IS_NUMBER[type] then return end
  local label = f:push_label({ type })
  local body = expression.of(f, type, depth)
  if type:sub(1, 1) ~= "f" or f.random:chance(50) then
    body = ("(if (result %s) %s (then (throw $thrown_%s %s)) (else %s))"):format(type,
      expression.condition(f, depth), type, expression.of(f, type, depth), body)
  end
  f:pop_label()
  return ("(block $%s (result %s) (try_table (result %s) (catch $thrown_%s $%s) %s))"):format(
    label.name, type, type, type, label.name, body)
end

function make.call_ref(f, type, depth)
  local callee = f:some_callee(type)
  if not callee or not callee.type then return end
  return ("(call_ref $%s %s (ref.func $%s))"):format(callee.type,
    expression.list(f, callee.params, depth), callee.name)
end

function make.tail(f, type, depth)
  if type ~= "i64" then return end
  return ("(call $tail (i32.and %s (i32.const 31)) %s)"):format(expression.of(f, "i32", depth),
    expression.of(f, "i64", depth))
end

local ATOMICS = { i32 = { "", "8", "16" }, i64 = { "", "8", "16", "32" } }
local MODIFY = { "add", "sub", "and", "or", "xor", "xchg" }

--- A memory, an address in it and an offset, aligned for atomics but for a few.
local function access(f, depth, atomic)
  local r = f.random
  local memory = r:pick(MEMORIES)
  local mask = atomic and not (f.daring and r:chance(5)) and 0x7ff8 or 0x7fff
  if f.daring and r:chance(3) then mask = 0x1fff8 end
  local address = ("(%s.and %s (%s.const %d))"):format(memory.address,
    expression.of(f, memory.address, depth), memory.address, mask)
  return "$" .. memory.name, address, r:below(4000) * (atomic and 8 or 7)
end

local function at(memory, offset)
  return ("%s%s"):format(memory, offset > 0 and " offset=" .. offset or "")
end

function make.atomic(f, type, depth)
  if not ATOMICS[type] or not f.module.memory then return end
  local width = f.random:pick(ATOMICS[type])
  local unsigned = width == "" and "" or "_u"
  local memory, address, offset = access(f, depth, true)
  local value = expression.of(f, type, depth)
  local how = f.random:below(9)
  if how == 0 then
    return ("(%s.atomic.load%s%s %s %s)"):format(type, width, unsigned, at(memory, offset), address)
  elseif how < 3 then
    return ("(%s.atomic.rmw%s.cmpxchg%s %s %s %s %s)"):format(type, width, unsigned,
      at(memory, offset), address, expression.of(f, type, depth), value)
  elseif how == 3 and type == "i32" then
    return ("(memory.atomic.notify %s %s %s)"):format(at(memory, offset), address, value)
  end
  return ("(%s.atomic.rmw%s.%s%s %s %s %s)"):format(type, width, f.random:pick(MODIFY), unsigned,
    at(memory, offset), address, value)
end

function make.far_load(f, type, depth)
  if not f.module.memory or not IS_NUMBER[type] then return end
  local memory, address, offset = access(f, depth, false)
  return ("(%s.load %s %s)"):format(type, at(memory, offset), address)
end

--- Numbers of 128 bits, which V8 does not have yet: both halves, joined.
function make.wide(f, type, depth)
  if type ~= "i64" or not f.module.wide then return end
  local op = f.random:pick { "add128", "sub128", "mul_wide_s", "mul_wide_u" }
  local n = op:find("128") and 4 or 2
  local list = {}
  for i = 1, n do list[i] = expression.of(f, "i64", depth) end
  return ("(i64.%s (i64.%s %s))"):format(f.random:pick { "xor", "sub", "add" }, op,
    table.concat(list, " "))
end

local MINE = { "wide", 6, "field", 9, "element", 5, "kind", 4, "caught", 4, "call_ref", 3,
               "tail", 1, "atomic", 5, "far_load", 4 }

---------------------------------------------------------------------------
-- Statements

local put, sink, push, body -- of statement.lua

local statements = {}

function statements.assign_reference(f)
  local r = f.random
  local how = r:below(4)
  if how == 0 then
    put(f, "(global.set $head %s)", pair(f, 3))
  elseif how == 1 then
    put(f, "(%s %s)", r:pick { "global.set $thing", "local.set $any_1", "local.set $any_2" },
      any(f, 3))
  elseif how == 2 then
    local name = r:pick(ARRAY_NAMES)
    put(f, "(local.set $%s_1 %s)", name, array(f, name, 3))
  else
    put(f, "(local.set $pair_%d %s)", r:range(1, 3), pair(f, 3))
  end
end

function statements.set_field(f)
  local r = f.random
  local object = not_null(f, "pair", pair(f, 2), "(struct.new_default $pair)")
  local field = r:pick { "int", "long", "next", "byte" }
  local value = field == "next" and pair(f, 2)
    or expression.of(f, field == "long" and "i64" or "i32", 2)
  put(f, "(struct.set $pair $%s %s %s)", field, object, value)
end

function statements.set_element(f)
  local r = f.random
  local name = r:pick(ARRAY_NAMES)
  local element = ARRAYS[name].element
  local how = r:below(6)
  if how == 0 then
    put(f, "(array.copy $%s $%s %s %s %s %s (i32.const 1))", name, name, array_not_null(f, name, 2),
      index(f, 1), array_not_null(f, name, 2), index(f, 1))
  elseif how == 1 then
    put(f, "(array.fill $%s %s %s %s (i32.const 1))", name, array_not_null(f, name, 2),
      index(f, 1), expression.exact(f, element, 2))
  elseif how == 2 then
    put(f, "(array.init_data $%s $passive %s %s (i32.const %d) (i32.const 1))", name,
      array_not_null(f, name, 2), index(f, 1), r:below(56))
  else
    put(f, "(array.set $%s %s %s %s)", name, array_not_null(f, name, 2), index(f, 1),
      expression.exact(f, element, 2))
  end
end

--- Objects that wait while more are made.
function statements.keep(f)
  local n = f.random:range(3, 12)
  for _ = 1, n do put(f, pair(f, 2)) end
  for i = 1, n do put(f, i % 3 == 0 and "drop" or "local.set $pair_" .. i % 3) end
end

--- Statements under a handler; what is caught may be thrown again.
function statements.try(f, depth)
  local r = f.random
  local type = r:pick(NUMBERS)
  local label = f:push_label({ type })
  put(f, "block $%s (result %s)", label.name, type)
  put(f, "try_table (catch $thrown_%s $%s)", type, label.name)
  body(f, depth - 1, r:range(1, 4))
  if r:chance(50) then
    local thrown = r:chance(70) and type or r:pick(NUMBERS)
    put(f, "(if %s (then (throw $thrown_%s %s)))", expression.condition(f, 2), thrown,
      expression.of(f, thrown, 2))
  end
  put(f, "end")
  push(f, { type }, 2)
  f:pop_label()
  put(f, "end")
  sink(f, { type })
end

function statements.try_all(f, depth)
  local done = f:push_label({})
  local caught = label_name(f)
  put(f, "block $%s", done.name)
  put(f, "block $%s (result exnref)", caught)
  put(f, "try_table (catch_all_ref $%s)", caught)
  body(f, depth - 1, f.random:range(1, 4))
  if f.random:chance(30) then
    put(f, "(if %s (then (throw $thrown)))", expression.condition(f, 1))
  end
  put(f, "end")
  put(f, "br $%s", done.name)
  put(f, "end")
  put(f, "local.set $exn")
  body(f, depth - 1, f.random:below(2))
  if f.random:chance(f.daring and 60 or 15) then put(f, "(throw_ref (local.get $exn))") end
  f:pop_label()
  put(f, "end")
end

--- Leave by a tail call, behind a condition: direct, through the table or a reference.
function statements.tail_call(f)
  local r = f.random
  local signed, callees = table.concat(f.results, " "), {}
  for i, row in ipairs(f.module.functions) do
    if table.concat(row.results, " ") == signed then callees[#callees + 1] = { row, i - 1 } end
  end
  if #callees == 0 then return end
  local callee, at_index = table.unpack(r:pick(callees))
  put(f, expression.condition(f, 2))
  put(f, "if")
  push(f, callee.params, 2)
  local how = r:below(3)
  if how == 0 then
    put(f, "return_call $%s", callee.name)
  elseif how == 1 then
    put(f, "(return_call_ref $%s (ref.func $%s))", callee.type, callee.name)
  else
    put(f, "(i32.const %d)", at_index)
    put(f, "return_call_indirect $functions (type $%s)", callee.type)
  end
  put(f, "end")
end

--- Stores and bulk operators in the other memories, and between them.
function statements.far_store(f)
  if not f.module.memory then return end
  local r = f.random
  local how = r:below(7)
  local memory, address, offset = access(f, 2, how == 0)
  if how == 0 then
    local type = r:pick { "i32", "i64" }
    put(f, "(%s.atomic.store%s %s %s %s)", type, r:pick(ATOMICS[type]), at(memory, offset), address,
      expression.of(f, type, 2))
  elseif how == 1 then
    put(f, "(memory.copy $second $wide (i32.and %s (i32.const 0x7fff)) (i64.const %d)"
      .. " (i32.const %d))", expression.of(f, "i32", 1), r:below(60000), r:below(3000))
  elseif how == 2 then
    put(f, "(memory.fill $wide (i64.const %d) %s (i64.and %s (i64.const 255)))", r:below(60000),
      expression.of(f, "i32", 1), expression.of(f, "i64", 1))
  elseif how == 3 then
    put(f, "(memory.init $second $passive (i32.const %d) (i32.const %d) (i32.const 9))",
      r:below(60000), r:below(55))
  elseif how == 4 then
    put(f, "(drop (memory.grow $wide (i64.and %s (i64.const 1))))", expression.of(f, "i64", 1))
  else
    local type = r:pick(NUMBERS)
    put(f, "(%s.store %s %s %s)", type, at(memory, offset), address, expression.exact(f, type, 2))
  end
end

local STATEMENTS = { "assign_reference", 10, "set_field", 7, "set_element", 5, "keep", 2, "try", 6,
                     "try_all", 4, "tail_call", 4, "far_store", 6 }
local SIMPLE = { "assign_reference", "set_field", "set_element", "keep", "far_store" }

local function joined(a, b)
  return table.move(b, 1, #b, #a + 1, { table.unpack(a) })
end

--- Add all this to what functions are made of.
---@param statement table  statement.lua
function newer.install(statement)
  put, sink, push, body = statement.put, statement.sink, statement.push, statement.body
  expression.newer_kinds = joined(expression.kinds, MINE)
  statement.newer_kinds = joined(statement.kinds, STATEMENTS)
  for name, how in pairs(statements) do statement.kind[name] = how end
  for _, name in ipairs(SIMPLE) do statement.simple[name] = true end
end

return newer

--- Random expressions of a given type, in folded text form.
-- The first argument is always the function being made (statement.lua): its locals, labels and
-- the module around it. Expressions mostly do not trap: addresses and divisors are kept in range
-- but for a few. Where the bits of a NaN could be seen (reinterpret, store, copysign) a NaN is
-- replaced first, since engines may differ in them.
local expression = {}

local INTEGER = {
  unary = { "clz", "ctz", "popcnt", "extend8_s", "extend16_s" },
  binary = { "add", "sub", "mul", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr" },
  compare = { "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u" },
}
local FLOAT = {
  unary = { "abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt" },
  binary = { "add", "sub", "mul", "div", "min", "max", "copysign" },
  compare = { "eq", "ne", "lt", "gt", "le", "ge" },
}
local OPERATORS = { i32 = INTEGER, i64 = INTEGER, f32 = FLOAT, f64 = FLOAT }
local DIVISIONS = { "div_s", "div_u", "rem_s", "rem_u" }

-- Conversions by result: operator, operand type.
local CONVERSIONS = {
  i32 = { { "wrap_i64", "i64" }, { "wrap_i64", "i64" }, { "trunc_sat_f32_s", "f32" },
          { "trunc_sat_f32_u", "f32" }, { "trunc_sat_f64_s", "f64" }, { "trunc_sat_f64_u", "f64" },
          { "reinterpret_f32", "f32" } },
  i64 = { { "extend_i32_s", "i32" }, { "extend_i32_u", "i32" }, { "extend_i32_s", "i32" },
          { "extend_i32_u", "i32" }, { "trunc_sat_f32_s", "f32" }, { "trunc_sat_f32_u", "f32" },
          { "trunc_sat_f64_s", "f64" }, { "trunc_sat_f64_u", "f64" },
          { "reinterpret_f64", "f64" } },
  f32 = { { "convert_i32_s", "i32" }, { "convert_i32_u", "i32" }, { "convert_i64_s", "i64" },
          { "convert_i64_u", "i64" }, { "demote_f64", "f64" }, { "reinterpret_i32", "i32" } },
  f64 = { { "convert_i32_s", "i32" }, { "convert_i32_u", "i32" }, { "convert_i64_s", "i64" },
          { "convert_i64_u", "i64" }, { "promote_f32", "f32" }, { "reinterpret_i64", "i64" } },
}
local TRAPPING = { "trunc_f32_s", "trunc_f32_u", "trunc_f64_s", "trunc_f64_u" }

-- Loads by result: operator, largest alignment.
local LOADS = {
  i32 = { { "load", 4 }, { "load", 4 }, { "load8_s", 1 }, { "load8_u", 1 }, { "load16_s", 2 },
          { "load16_u", 2 } },
  i64 = { { "load", 8 }, { "load", 8 }, { "load8_s", 1 }, { "load8_u", 1 }, { "load16_s", 2 },
          { "load16_u", 2 }, { "load32_s", 4 }, { "load32_u", 4 } },
  f32 = { { "load", 4 } },
  f64 = { { "load", 8 } },
}

local INTEGERS = { 0, 1, -1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 100, 127, 128, -128, 255,
                   256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7ffffffe, 0x7fffffff, -0x80000000 }
local LONGS = { 0x80000000, 0xffffffff, 0x100000000, -0x80000001, math.maxinteger, math.mininteger,
                math.mininteger + 1, 0x123456789abcdef0, -0x100000000 }
local FLOATS = { "0", "-0", "1", "-1", "0.5", "-0.5", "1.5", "2.5", "-2.5", "0x1p31", "-0x1p31",
                 "0x1p32", "0x1p63", "-0x1p63", "0x1p64", "0x1.fffffep23", "0x1p-126", "0x1p-149",
                 "inf", "-inf", "nan", "nan", "nan", "3.25", "-100.75", "65535", "1e30" }

function expression.const(f, type)
  local r = f.random
  if type == "funcref" or type == "externref" then
    if type == "funcref" and r:chance(60) then return "(ref.func $" .. f:some_function() .. ")" end
    return "(ref.null " .. type:sub(1, -4) .. ")"
  elseif OPERATORS[type] == FLOAT then
    return ("(%s.const %s)"):format(type, r:pick(FLOATS))
  end
  local v = r:pick(INTEGERS)
  if r:chance(35) then v = r:bits() >> 32 end
  if type == "i64" and r:chance(50) then v = r:chance(50) and r:pick(LONGS) or r:bits() end
  if type == "i32" and v > 0x7fffffff then v = v - 0x100000000 end
  return ("(%s.const %d)"):format(type, v)
end

local function leaf(f, type)
  local r = f.random
  if r:chance(25) then return expression.const(f, type) end
  if r:chance(12) then
    local global = f:some_global(type)
    if global then return "(global.get $" .. global .. ")" end
  end
  local name = f:some_local(type)
  return name and "(local.get $" .. name .. ")" or expression.const(f, type)
end

--- The value with every NaN replaced.
local function without_nan(f, type, text)
  local t = f:scratch(type)
  return ("(select (local.tee $%s %s) (%s.const 7) (%s.eq (local.get $%s) (local.get $%s)))")
    :format(t, text, type, type, t, t)
end

--- An operand whose bits are going to be seen.
function expression.exact(f, type, depth)
  local text = expression.of(f, type, depth)
  if OPERATORS[type] == FLOAT then return without_nan(f, type, text) end
  return text
end

--- Address and offset of an access, mostly inside the first page.
function expression.address(f, depth)
  local r = f.random
  local how = r:weighted { "masked", 80, "wrapped", 30, "const", 30, "edge", 50, "zero", 20,
                           "wild", f.daring and 3 or 0 }
  if how == "const" then
    return ("(i32.const %d)"):format(r:below(65000)), r:chance(50) and r:below(500) or 0
  elseif how == "zero" then
    return "(i32.const 0)", r:below(65528)
  elseif how == "masked" then
    return ("(i32.and %s (i32.const 0x7fff))"):format(expression.of(f, "i32", depth)),
      r:below(32760)
  elseif how == "wrapped" then -- upper bits that do not count
    return ("(i32.wrap_i64 (i64.or (i64.shl %s (i64.const 32)) (i64.and %s (i64.const 0x7fff))))")
      :format(expression.of(f, "i64", depth), expression.of(f, "i64", depth)), r:below(32760)
  elseif how == "edge" then
    local pages = f.module.pages + (f.daring and r:chance(3) and 1 or 0)
    if r:chance(40) then
      return "(i32.const 255)", pages * 65536 - 255 - 8 + (f.daring and r:chance(4) and 1 or 0)
    end
    return ("(i32.and %s (i32.const 0xff))"):format(expression.of(f, "i32", depth)),
      pages * 65536 - 255 - 8 + (f.daring and r:chance(4) and r:below(9) or 0)
  end
  return expression.of(f, "i32", depth), r:pick { 0, 0x10000, 0x7fffffff, 0xffffffff, 0xfffffff8 }
end

local function memarg(f, offset, align)
  local r = f.random
  local text = offset > 0 and (" offset=%d"):format(offset) or ""
  if r:chance(30) then
    while align > 1 and r:chance(50) do align = align // 2 end
    text = text .. " align=" .. align
  end
  return text
end
expression.memarg = memarg

local make = {} -- by kind: text, or nil when it cannot be
expression.make = make

function make.unary(f, type, depth)
  local ops = OPERATORS[type]
  if not ops then return end
  local op = f.random:pick(ops.unary)
  if type == "i64" and f.random:chance(20) then op = "extend32_s" end
  return ("(%s.%s %s)"):format(type, op, expression.of(f, type, depth))
end

function make.binary(f, type, depth)
  local ops = OPERATORS[type]
  if not ops then return end
  local op = f.random:pick(ops.binary)
  local a = expression.of(f, type, depth)
  local b = op == "copysign" and expression.exact(f, type, depth) or expression.of(f, type, depth)
  return ("(%s.%s %s %s)"):format(type, op, a, b)
end

--- One value as both operands, mostly at the end of its life.
function make.twice(f, type, depth)
  local ops = OPERATORS[type]
  local name = ops and f:some_variable(type)
  if not name then return end
  local op = f.random:pick(ops.binary)
  if op == "copysign" then op = "min" end
  local first = f.random:chance(50) and ("(local.get $%s)"):format(name)
    or ("(local.tee $%s %s)"):format(name, expression.of(f, type, depth))
  return ("(%s.%s %s (local.get $%s))"):format(type, op, first, name)
end

--- An i32 out of an operator that could leave upper bits, where they must be gone.
function make.clean(f, type, depth)
  if not OPERATORS[type] then return end
  if type ~= "i32" then
    return ("(%s.%s_i32_u %s)"):format(type, type == "i64" and "extend" or "convert",
      make.clean(f, "i32", depth))
  end
  local kind = f.random:weighted { "wrap", 4, "load", 3, "unary", 2, "binary", 2, "convert", 1 }
  return kind ~= "wrap" and make[kind](f, "i32", depth)
    or ("(i32.wrap_i64 %s)"):format(expression.of(f, "i64", depth))
end

function make.divide(f, type, depth)
  if OPERATORS[type] ~= INTEGER then return end
  local r = f.random
  local b = expression.of(f, type, depth)
  if r:chance(15) then -- -1, but not known when compiled
    b = ("(%s.extend8_s (%s.or %s (%s.const 255)))"):format(type, type, b, type)
  elseif not (f.daring and r:chance(5)) then
    b = ("(%s.or %s (%s.const %d))"):format(type, b, type, r:pick { 1, 1, 2, 64 })
  end
  local op = r:pick(DIVISIONS)
  if op == "div_s" and r:chance(50) then
    b = ("(%s.and %s (%s.const 0x7fffffff))"):format(type, b, type)
  end
  return ("(%s.%s %s %s)"):format(type, op, expression.of(f, type, depth), b)
end

function make.compare(f, type, depth)
  if type ~= "i32" then return end
  local of = f.random:pick { "i32", "i32", "i64", "i64", "f32", "f64" }
  if f.random:chance(15) then
    of = f.random:pick { "i32", "i64" }
    return ("(%s.eqz %s)"):format(of, expression.of(f, of, depth))
  end
  local a, b = expression.of(f, of, depth), expression.of(f, of, depth)
  if OPERATORS[of] == FLOAT and f.random:chance(20) then b = ("(%s.const nan)"):format(of) end
  return ("(%s.%s %s %s)"):format(of, f.random:pick(OPERATORS[of].compare), a, b)
end

function make.convert(f, type, depth)
  local list = CONVERSIONS[type]
  if not list then return end
  local r = f.random
  if f.daring and OPERATORS[type] == INTEGER and r:chance(8) then
    local op = r:pick(TRAPPING)
    return ("(%s.%s %s)"):format(type, op, expression.of(f, op:match("f%d%d"), depth))
  end
  local row = r:pick(list)
  local seen = row[1]:find("reinterpret") ~= nil
  return ("(%s.%s %s)"):format(type, row[1],
    (seen and expression.exact or expression.of)(f, row[2], depth))
end

function make.load(f, type, depth)
  local list = LOADS[type]
  if not list or not f.module.memory then return end
  local row = f.random:pick(list)
  local address, offset = expression.address(f, depth)
  return ("(%s.%s%s %s)"):format(type, row[1], memarg(f, offset, row[2]), address)
end

function make.select(f, type, depth)
  local typed = OPERATORS[type] == nil or f.random:chance(20)
  return ("(select%s %s %s %s)"):format(typed and " (result " .. type .. ")" or "",
    expression.of(f, type, depth), expression.of(f, type, depth), expression.condition(f, depth))
end

function make.tee(f, type, depth)
  local name = f:some_variable(type)
  return name and ("(local.tee $%s %s)"):format(name, expression.of(f, type, depth))
end

make["if"] = function(f, type, depth)
  return ("(if (result %s) %s (then %s) (else %s))"):format(type, expression.condition(f, depth),
    expression.of(f, type, depth), expression.of(f, type, depth))
end

function make.block(f, type, depth)
  local label = f:push_label({ type })
  local inner = ("(drop (br_if $%s %s %s)) %s"):format(label.name, expression.of(f, type, depth),
    expression.condition(f, depth), expression.of(f, type, depth))
  f:pop_label()
  return ("(block $%s (result %s) %s)"):format(label.name, type, inner)
end

function make.call(f, type, depth)
  local callee = f:some_callee(type)
  if not callee then return end
  return ("(call $%s %s)"):format(callee.name, expression.list(f, callee.params, depth))
end

--- Many operands at once: each is computed and waits while the rest is.
function make.tower(f, type, depth)
  local ops = OPERATORS[type]
  if not ops or f.towers > 0 then return end
  f.towers = f.towers + 1
  local n = f.random:range(6, 22)
  local text = expression.of(f, type, 1)
  for _ = 1, n do
    local op = f.random:pick(ops.binary)
    if op == "copysign" then op = "sub" end
    local other = ops == INTEGER and f.random:chance(20) and make.load(f, type, 0)
      or make.binary(f, type, 0)
    text = ("(%s.%s %s %s)"):format(type, op, other, text)
  end
  f.towers = f.towers - 1
  return text, depth
end

make["size"] = function(f, type)
  if type ~= "i32" then return end
  if f.module.memory and f.random:chance(50) then return "(memory.size)" end
  return "(table.size $" .. f.random:pick { "functions", "things" } .. ")"
end

function make.reference(f, type, depth)
  local r = f.random
  if type == "i32" then
    return ("(ref.is_null %s)"):format(expression.of(f, r:pick { "funcref", "externref" }, depth))
  end
  if OPERATORS[type] then return end
  return ("(table.get $%s (i32.and %s (i32.const %d)))"):format(
    type == "funcref" and "functions" or "things", expression.of(f, "i32", depth),
    f.daring and r:chance(9) and 31 or 7)
end

local KINDS = { "leaf", 18, "unary", 8, "binary", 30, "divide", 5, "compare", 9, "convert", 14,
                "twice", 4, "clean", 5, "load", 8, "select", 6, "tee", 6, "if", 4, "block", 3,
                "call", 5, "tower", 2, "size", 1, "reference", 1 }
expression.kinds = KINDS

--- An expression of a type; `depth` limits how large it becomes.
---@param f table  the function being made
---@param type string
---@param depth integer
---@return string
function expression.of(f, type, depth)
  f.budget = f.budget - 1
  if depth > 0 and f.budget > 0 then
    for _ = 1, 4 do
      local kind = f.random:weighted(f.module.newer and expression.newer_kinds or KINDS)
      local text = make[kind] and make[kind](f, type, depth - 1)
      if text then return text end
    end
  end
  return leaf(f, type)
end

--- An i32 that decides something: mostly a comparison.
function expression.condition(f, depth)
  local name = f.random:chance(10) and f:some_variable("i32")
  if name then
    return ("(local.tee $%s %s)"):format(name, make.compare(f, "i32", math.max(depth - 1, 0)))
  end
  if f.random:chance(75) then return make.compare(f, "i32", math.max(depth - 1, 0)) end
  return expression.of(f, "i32", depth)
end

--- Operands of these types, one behind another.
function expression.list(f, types, depth)
  local out = {}
  for i, type in ipairs(types) do out[i] = expression.of(f, type, depth) end
  return table.concat(out, " ")
end

return expression

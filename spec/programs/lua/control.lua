-- Control: closures, varargs, goto, coroutines, errors and what unwinds them, to-be-closed.
local function try(...)
  local ok, err = pcall(...)
  return ok and "ok" or tostring(err)
end
local function counter()
  local n = 0
  return function() n = n + 1 return n end, function() return n end
end
local up, get = counter()
for _ = 1, 5 do up() end
print(get(), select("#", (function(...) return ... end)(1, nil, nil)))
local fs = {}
for i = 1, 3 do fs[i] = function() i = i + 1 return i end end
print(fs[1](), fs[1](), fs[2](), fs[3]())
for i = 1, 3 do
  for j = 1, 3 do
    if j == 2 then goto continue end
    io.write(i, "-", j, " ")
    ::continue::
  end
end
print()
for i = 10, 1, -3 do io.write(i, " ") end
for i = 1.0, 2, 0.25 do io.write(i, " ") end
for i = math.maxinteger - 1, math.maxinteger do io.write(i, " ") end
print(pcall(load "for i = 1, 10, 0 do end"))
-- errors: objects, levels, tracebacks, handlers, in and out of C functions
local function thrower(depth) if depth == 0 then error({ code = 7 }) end thrower(depth - 1) end
for depth = 0, 100, 25 do
  local ok, e = pcall(thrower, depth)
  io.write(tostring(ok), " ", e.code, " ")
end
print()
print(xpcall(function() local x = nil; return x.y end, function(m) return "handled: " .. m end))
print(xpcall(function() error("deep", 2) end, debug.traceback))
print(try(error), try(error, nil), try(error, "at", 0), try(error, "one"), try(error, "two", 2))
print(select(2, try(function() return 1 + {} end)), select(2, try(function() return #5 end)))
print(select(2, try(function() return {} .. "x" end)), select(2, try(function() return 1 < "2"
  end)))
print(select(2, try(function() undefinedfunction() end)), select(2, try(function() ("x"):nope()
  end)))
print(select(2, pcall(string.gsub, "abc", "%w", function() error("in gsub") end)))
print(select(2, pcall(table.sort, { 3, 2, 1 }, function() error { "in sort" } end))[1])
-- 100,000 pcalls that fail: unwinding is repeatable
local failures = 0
for i = 1, 100000 do if not pcall(error, i) then failures = failures + 1 end end
print(failures)
local function forever() return 1 + forever() end
local ok, message = pcall(forever)
print(ok, message:match("stack overflow"))
print(try(string.rep, "x", -1), select(2, try(setmetatable, 1, {})))
local co_deep = 0
local function nest() co_deep = co_deep + 1; local r,
  e = coroutine.resume(coroutine.create(nest)); return r, e end
nest()
print(co_deep)
-- coroutines
local function generate(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i,
  i * i) end return "end" end) end
local g = generate(3)
print(g(), g(), g(), g(), pcall(g))
local co = coroutine.create(function(a, b)
  local c = coroutine.yield(a + b)
  local d, e = coroutine.yield(c * 2)
  local ok1, err = pcall(function() coroutine.yield("in pcall"); error("after yield") end)
  return d + e, ok1, err
end)
print(coroutine.resume(co, 1, 2)) print(coroutine.resume(co, 10)) print(coroutine.resume(co, 3,
  4))
print(coroutine.status(co), coroutine.resume(co)) print(coroutine.status(co),
  coroutine.resume(co))
local ping = coroutine.wrap(function() for _, v in ipairs { 1, 2, 3 } do
  local s = string.gsub("x", "x", function() return tostring(v) end) coroutine.yield(s) end end)
print(ping(), ping(), ping())
print(pcall(coroutine.wrap(function() return string.gsub("x", "x", coroutine.yield) end)))
print(coroutine.isyieldable(), select(2, coroutine.running()))
local total = 0
for i = 1, 2000 do local c = generate(10) for _ = 1, i % 10 do total = total + c() end end
print(total)
-- metamethods across yields, closing
local mt = setmetatable({}, { __index = function(_, k) return coroutine.yield(k) end,
  __add = function(a) return coroutine.yield("add") end })
local cm = coroutine.wrap(function() return mt.field, mt + 1 end)
print(cm(), cm("got"), cm("sum"))
do
  local log = {}
  local function closer(name) return setmetatable({}, { __close = function(_,
    e) log[#log + 1] = name .. ":" .. tostring(e) end }) end
  pcall(function() local a <close> = closer "a"; local b <close> = closer "b"; error("oops", 0)
    end)
  local c = coroutine.create(function() local x <close> = closer "x"; coroutine.yield() end)
  coroutine.resume(c); coroutine.close(c)
  for _ in (function() return nil end), nil, nil, closer "loop" do end
  print(table.concat(log, " "))
end

-- Metatables, inheritance, finalizers, collection in both modes, load, dump, environments, require.
local Animal = {} Animal.__index = Animal
function Animal.new(name) return setmetatable({ name = name }, Animal) end
function Animal:speak() return self.name .. " says " .. self:sound() end
function Animal:sound() return "..." end
local Dog = setmetatable({}, { __index = Animal }) Dog.__index = Dog
function Dog:sound() return "woof" end
print(Animal.new("cat"):speak(), setmetatable({ name = "rex" }, Dog):speak())
local V = {}
local function vec(x, y) return setmetatable({ x = x, y = y }, V) end
V.__add = function(a, b) return vec(a.x + b.x, a.y + b.y) end
V.__sub = function(a, b) return vec(a.x - b.x, a.y - b.y) end
V.__mul = function(a, b) return type(b) == "number" and vec(a.x * b,
  a.y * b) or a.x * b.x + a.y * b.y end
V.__unm = function(a) return vec(-a.x, -a.y) end
V.__eq = function(a, b) return a.x == b.x and a.y == b.y end
V.__lt = function(a, b) return a.x < b.x end
V.__le = function(a, b) return a.x <= b.x end
V.__len = function() return 2 end
V.__call = function(self, k) return self[k] end
V.__concat = function(a, b) return tostring(a) .. tostring(b) end
V.__tostring = function(a) return ("(%g, %g)"):format(a.x, a.y) end
V.__idiv = function() return "idiv" end
V.__band = function() return "band" end
V.__shl = function() return "shl" end
V.__bnot = function() return "bnot" end
V.__name = "Vec"
V.__pairs = function(t) return function(_, k) if not k then return "x", t.x elseif k == "x" then
  return "y", t.y end end, t, nil end
local a, b = vec(1, 2), vec(3, 4)
print(tostring(a + b), tostring(a - b), a * b, tostring(a * 3), tostring(-a), a == vec(1, 2),
  a < b, a <= b, #a, a "y", a .. b)
print(a // b, a & b, a << b, ~a, rawequal(a, vec(1, 2)))
for k, v in pairs(a) do io.write(k, "=", v, " ") end
print(pcall(function() return a ~ b end))
local proxy = setmetatable({}, { __index = function(_, k) return k .. "!" end,
  __newindex = function(t, k, v) rawset(t, k, v * 2) end })
proxy.n = 21
print(proxy.hello, proxy.n, getmetatable("x").__index == string, getmetatable(setmetatable({},
  { __metatable = "locked" })))
print(pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))
-- finalizers run in reverse order, once; they may revive
local order = {}
for i = 1, 5 do setmetatable({}, { __gc = function() order[#order + 1] = i end }) end
collectgarbage()
print(table.concat(order, " "))
local revived
setmetatable({ tag = "again" }, { __gc = function(o) revived = o end })
collectgarbage()
print(revived.tag)
for _, mode in ipairs { "generational", "incremental" } do
  print(collectgarbage(mode), collectgarbage("isrunning"))
  local live, made = {}, 0
  for i = 1, 200000 do
    local node = { i, next = live[i % 97] }
    if i % 11 == 0 then node.next = nil end
    live[i % 97] = node
    made = made + 1
  end
  local chain = 0
  for _, node in pairs(live) do while node do chain, node = chain + node[1] % 7, node.next end end
  print(mode, made, chain)
end
collectgarbage()
print(collectgarbage("count") < 1000, collectgarbage("step"), collectgarbage("stop"),
  collectgarbage("restart"))
-- load, dump, environments
local env = { print = print }
local f = load("x = 1; y = x + 1; return y, ...", "chunk", "t", env)
print(f(9), env.x, env.y, x)
print(load("return 1 +"), load("x = }"), load("goto nowhere"), load("\27Lua", "b", "t"),
  type(load(function() return nil end)))
local dumped = string.dump(function(n) local s = 0 for i = 1, n do s = s + i end return s end)
print(load(dumped, "d", "b")(100), load(string.dump(load "return ...", true))(5))
local pieces, at = { "return ", "1", " + ", "2" }, 0
print(load(function() at = at + 1 return pieces[at] end)())
package.preload.mine = function(name, extra) return { name = name, extra = extra } end
print(require "mine".name, require "mine" == package.loaded.mine, pcall(require,
  "no.such.module"))
print(debug.getinfo(1, "l").currentline, debug.getinfo(print).what, debug.getinfo(vec,
  "S").short_src)
local function locals() local p, q = 1, "two" local n, v = debug.getlocal(1, 2) return n, v, p, q
  end
print(locals())
local lines = 0
debug.sethook(function() lines = lines + 1 end, "l")
for i = 1, 10 do local _ = i end
debug.sethook()
print(lines > 10, debug.gethook())
warn("@on") warn("a ", "warning") print(os.getenv "HOME", os.getenv "NOTHING")

-- Tables: the hash and array parts, sort, concat, move, next, length, weak tables.
local function try(...)
  local ok, err = pcall(...)
  return ok and "ok" or tostring(err)
end
local function show(t) return "{" .. table.concat(t, ",") .. "}" end
local t = {}
for i = 1, 20 do t[i] = (i * 7919) % 101 end
table.sort(t)
print(show(t))
table.sort(t, function(a, b) return a % 10 == b % 10 and a > b or a % 10 < b % 10 end)
print(show(t))
local words = {}
for w in ("the quick brown fox jumps over the lazy dog and runs away"):gmatch("%a+") do
  words[#words + 1] = w
end
table.sort(words, function(a, b) return #a == #b and a < b or #a < #b end)
print(show(words))
print(try(table.sort, { 3, 1, "x" }), try(table.sort, { 1, 2, 3, 4, 5 }, function() return true
  end))
table.insert(words, "end")
table.insert(words, 1, "begin")
print(table.remove(words), table.remove(words, 1), #words, table.remove({}), table.remove({ 1 },
  2))
print(try(table.insert, words, 100, "x"), try(table.insert, words), try(table.concat, { 1, {},
  3 }))
print(show(table.move({ 1, 2, 3, 4, 5 }, 2, 5, 1)), show(table.move({ 1, 2, 3 }, 1, 3, 3)))
print(table.unpack({ 1, 2, 3 }, 2), table.unpack({ 1, 2 }, 1, 4), select(-1, 1, 2, 3),
  table.pack(1, nil, 3).n)
print(try(table.unpack, {}, 1, 1e8), try(next, {}, "x"), rawlen { 1, 2 }, rawequal(t, t),
  rawget({ 5 }, 1))
-- many inserts and deletes, and a sum that does not depend on the order
local h, state = {}, 12345
for _ = 1, 200000 do
  state = (state * 1103515245 + 12345) & 0x7fffffff
  local key = state % 5000
  if state & 3 == 0 then h[key] = nil else h[key] = (h[key] or 0) + 1 end
end
local count, sum, xor = 0, 0, 0
for k, v in pairs(h) do count, sum, xor = count + 1, sum + v, xor ~ (k * v) end
print(count, sum, xor)
-- keys of every kind
local mixed = { [1.5] = "f", [2^53] = "int", [true] = "b", [print] = "fn", [""] = "e",
  [-0.0] = "zero" }
print(mixed[1.5], mixed[2^53 | 0], mixed[true], mixed[print], mixed[""], mixed[0])
print(try(function() mixed[nil] = 1 end), try(function() mixed[0 / 0] = 1 end), mixed[nil])
-- deleting while going
local d = {}
for i = 1, 100 do d[i], d["k" .. i] = i, i end
for k in pairs(d) do d[k] = nil end
print(next(d))
-- weak tables and ephemerons
local weak, keep = setmetatable({}, { __mode = "k" }), {}
for i = 1, 100 do
  local key = {}
  weak[key] = { key }
  if i % 10 == 0 then keep[#keep + 1] = key end
end
collectgarbage()
collectgarbage()
count = 0
for _ in pairs(weak) do count = count + 1 end
print(count, #keep)
local values = setmetatable({}, { __mode = "v" })
for i = 1, 10 do values[i] = i % 2 == 0 and keep[i] or {} end
collectgarbage()
for i = 1, 10 do io.write(type(values[i]), " ") end
print(#"done")

-- Whole programs: queens, primes, permutations, JSON, a small interpreter, matrices.
local function queens(n)
  local rows, up, down, count = {}, {}, {}, 0
  local function place(c)
    if c > n then count = count + 1 return end
    for r = 1, n do
      if not rows[r] and not up[r + c] and not down[r - c] then
        rows[r], up[r + c], down[r - c] = true, true, true
        place(c + 1)
        rows[r], up[r + c], down[r - c] = nil, nil, nil
      end
    end
  end
  place(1)
  return count
end
print("queens", queens(6), queens(8))
local composite, primes = {}, 0
for i = 2, 200000 do
  if not composite[i] then primes = primes + 1 for j = i * i, 200000, i do composite[j] = true end
    end
end
print("primes", primes)
local function permutations(a, n) n = n or #a if n <= 1 then coroutine.yield(a) else
  for i = 1, n do a[n], a[i] = a[i], a[n] permutations(a, n - 1) a[n], a[i] = a[i], a[n] end end
    end
local seen = {}
for p in coroutine.wrap(function() permutations { "a", "b", "c", "d" }
  end) do seen[#seen + 1] = table.concat(p) end
print("permutations", #seen, table.concat(seen, " "))
local json = {}
function json.write(v)
  if type(v) == "table" then
    local parts = {}
    if #v > 0 then for i, x in ipairs(v) do parts[i] = json.write(x) end
      return "[" .. table.concat(parts, ",") .. "]" end
    local keys = {}
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys)
    for i, k in ipairs(keys) do parts[i] = ("%q:%s"):format(k, json.write(v[k])) end
    return "{" .. table.concat(parts, ",") .. "}"
  end
  return type(v) == "string" and '"' .. v:gsub('[%c"\\]', function(c)
    return ("\\u%04x"):format(c:byte()) end) .. '"' or tostring(v)
end
function json.read(s, at)
  at = s:find("%S", at)
  local c = s:sub(at, at)
  if c == "{" or c == "[" then
    local t, close = {}, c == "{" and "}" or "]"
    at = s:find("%S", at + 1)
    while s:sub(at, at) ~= close do
      local key = #t + 1
      if c == "{" then key, at = json.read(s, at) at = s:find(":", at, true) + 1 end
      t[key], at = json.read(s, at)
      at = s:find("%S", at)
      if s:sub(at, at) == "," then at = s:find("%S", at + 1) end
    end
    return t, at + 1
  elseif c == '"' then
    local stop = at
    repeat stop = s:find('"', stop + 1, true) until s:sub(stop - 1, stop - 1) ~= "\\"
    return s:sub(at + 1, stop - 1):gsub("\\u(%x+)", function(h) return utf8.char(tonumber(h, 16))
      end), stop + 1
  end
  local word = s:match("^[%w%.%-+]+", at)
  local v = tonumber(word)
  if v == nil then v = word == "true" end
  return v, at + #word
end
local document = { name = "x\"y\n", list = { 1, 2.5, -3e10, { deep = { true, false } } },
  empty = "" }
for i = 1, 500 do document.list[#document.list + 1] = { id = i, square = i * i,
  text = ("t"):rep(i % 13) } end
local text = json.write(document)
print("json", #text, json.write((json.read(text, 1))) == text, text:sub(1, 90))
-- a stack machine that runs a program text
local function run(source)
  local stack, words, pc, out = {}, {}, 1, {}
  for w in source:gmatch("%S+") do words[#words + 1] = w end
  local function pop() return table.remove(stack) end
  local ops = { ["+"] = function() stack[#stack + 1] = pop() + pop() end,
    ["*"] = function() stack[#stack + 1] = pop() * pop() end,
    dup = function() stack[#stack + 1] = stack[#stack] end, ["-"] = function() local b, a = pop(),
      pop() stack[#stack + 1] = a - b end,
    over = function() stack[#stack + 1] = stack[#stack - 1] end, swap = function() local b,
      a = pop(), pop() stack[#stack + 1] = b stack[#stack + 1] = a end,
    print = function() out[#out + 1] = pop() end, jnz = function() local to, x = pop(), pop()
      if x ~= 0 then pc = to end end }
  while words[pc] do local w = words[pc] pc = pc + 1 if ops[w] then ops[w]()
    else stack[#stack + 1] = tonumber(w) end end
  return table.concat(out, " ")
end
print("machine", (run "1 10 swap over * swap 1 - dup 3 jnz swap print"))
local function matrix(n, f) local m = {} for i = 1, n do m[i] = {} for j = 1, n do m[i][j] = f(i,
  j) end end return m end
local x, y = matrix(60, function(i, j) return (i * j) % 7 / 3 end), matrix(60, function(i, j)
  return (i - j) % 5 * 0.1 end)
local trace = 0
for i = 1, 60 do for j = 1, 60 do local s = 0 for k = 1, 60 do s = s + x[i][k] * y[k][j] end
  if i == j then trace = trace + s end end end
print("matrices", ("%.12g"):format(trace))
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end
print("fib", fib(24))

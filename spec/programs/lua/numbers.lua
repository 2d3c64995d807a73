-- Numbers: integers that wrap, floats, conversions, the math library, its generator with a seed.
local function try(...)
  local ok, err = pcall(...)
  return ok and "ok" or tostring(err)
end
local ints = { 0, 1, -1, 2, 7, -7, 255, 1 << 31, 1 << 32, math.maxinteger, math.mininteger,
  3037000500 }
for _, a in ipairs(ints) do
  for _, b in ipairs(ints) do
    io.write(a + b, " ", a * b, " ", a & b, " ", a | b, " ", a ~ b, " ", tostring(a < b), " ")
    if b ~= 0 then io.write(a // b, " ", a % b, " ") end
    io.write(a << (b & 63), " ", a >> (b & 63), "\n")
  end
end
local floats = { 0.0, -0.0, 1.5, -1.5, 1e308, 1e-308, 5e-324, 1 / 0, -1 / 0, 0.1, 1e15, 2 ^ 53,
  123.456 }
for _, a in ipairs(floats) do
  for _, b in ipairs(floats) do
    local sum, quotient = a + b, a / b
    io.write(sum == sum and ("%.17g "):format(sum) or "nan ",
      quotient == quotient and ("%.17g "):format(quotient) or "nan ")
    local m = a % b
    io.write(m == m and ("%.17g"):format(m) or "nan", " ", tostring(a < b), tostring(a == b),
      "\n")
  end
end
for _, x in ipairs(floats) do
  for _, f in ipairs { "floor", "ceil", "abs", "sqrt", "sin", "cos", "tan", "exp", "atan",
    "tointeger", "type" } do
    local ok, y = pcall(math[f], x)
    if not ok then
      y = "error"
    elseif y ~= y then
      y = "nan"
    elseif type(y) == "number" then
      y = ("%.15g"):format(y)
    end
    io.write(f, "=", tostring(y), " ")
  end
  print()
end
print(try(function() return 1 // 0 end), try(function() return 1 % 0 end), 1 // 0.0, -1 // 0.0,
  5.5 // 2, -5.5 % 2)
print(math.ult(1, -1), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(5.5, 2), math.modf(-3.7),
  math.log(8, 2), math.log(100, 10))
print(math.max(1, 2.5), math.min(3, -1), 3 | 0, try(function() return 1.5 | 0 end), try(function()
  return "a" | 0 end), "7" // 2)
print(1 == 1.0, math.type(1), math.type(1.0), 2 ^ 53 == 2 ^ 53 + 1,
  math.maxinteger + 0.0 == math.maxinteger, 1 < 1.5)
math.randomseed(42)
for _ = 1, 8 do io.write(math.random(100), " ", math.random(-5, 5), " ",
  ("%.17g "):format(math.random())) end
print(math.random(0), pcall(math.random, 2, 1))
for n = 1, 20 do
  local x, y = 0.5, 0.0
  for i = 1, 1000 * n do x = 3.9 * x * (1 - x); y = y + math.sin(x * i) / i end
  io.write(("%.17g %.12g\n"):format(x, y))
end
-- big numbers in base 10^7: 100!
local digits = { 1 }
for n = 2, 300 do
  local carry = 0
  for i = 1, #digits do
    local v = digits[i] * n + carry
    digits[i], carry = v % 10000000, v // 10000000
  end
  while carry > 0 do digits[#digits + 1], carry = carry % 10000000, carry // 10000000 end
end
io.write(digits[#digits])
for i = #digits - 1, 1, -1 do io.write(("%07d"):format(digits[i])) end
print()

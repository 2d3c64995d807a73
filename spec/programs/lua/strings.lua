-- The string library: formats, patterns, packing, comparison, long strings.
local function try(...)
  local ok, err = pcall(...)
  return ok and "ok" or tostring(err)
end
print(...)
print(("%5d|%-5d|%05d|%+d|%x|%X|%#x|%o|%c"):format(42, 42, 42, 42, 255, 255, 255, 8, 65))
for _, x in ipairs { 0.1, 1 / 3, 1e15, 1e16, 1e100, 123456.789, -0.0, 2 ^ 53, 2 ^ 63, 5e-324,
                     1 / 0, -1 / 0, math.pi, 1e-5, 12345678901234567890 } do
  local small, plain = x > 1e100 and 0 or x % 1e9, x == 5e-324 and 0 or x
  print(x, ("%.14g %.17g %g %e %.3f %a|%-12.4e|"):format(x, x, x, x, small, plain, x))
end
print(0 / 0 ~= 0 / 0, ("%5.1f"):format(3.14159), ("%q"):format("a\n\0\r\"\\z\200"))
print(("%q %q %q"):format(1 / 3, math.mininteger, 255), ("%s %s"):format(nil, true))
print(("%-10s|%10s|%.3s|"):format("abc", "abc", "abcdef"))
print(try(string.format, "%d", 1.5), try(string.format, "%y", 1), try(string.rep, "x", 1 << 40))
local text = ("The quick brown fox; jumps over 13 lazy dogs. %s"):rep(3)
for word in text:gmatch("%a+") do io.write(word:lower(), ",") end
print()
print(text:find("fox"), text:find("%d+"), text:find("l(.)z(.)"), text:find("[^%w%s]"),
  text:find("", 10))
print(text:gsub("(%w+) (%w+)", "%2 %1", 4))
print(("hello world"):gsub("o", { o = "0" }), ("abc"):gsub("%w", function(c)
  return c:byte() .. "." end))
print(("THE (quick) fox"):find("%((%a+)%)"), ("f(a(b)c)d"):match("%b()"),
  ("THE (quick) fox"):match("%f[%a]%a+%f[%A]"))
print(try(string.gsub, "x", "(", ""), try(string.gsub, "x", "%", ""), try(string.find, "x", "[a"))
print(try(string.rep), try(("x").bad))
for _, f in ipairs { "<i4", ">i4", "<I2i8", "z", "s1", "!8i1i8", "<d", ">f", "<j n", "i3" } do
  local ok, packed = pcall(string.pack, f, f:find("z") and "abc" or f:find("s1") and "abc" or -2,
    f:find("[In]") and 3 or 7)
  print(f, ok, ok and packed:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end
print(string.unpack("<i2>i2z", "\1\2\1\2abc\0"), string.packsize("!8i1i8"))
print(try(string.pack, "i1", 200), try(string.unpack, "i4", "abc"))
print(("x"):rep(10, ","), ("abc"):reverse(), ("abc"):upper(), #("abc"):rep(1000), ("abc"):byte(1,
  -1))
print(("a\0b" < "a\0c"), ("a" < "b"), ("Z" < "a"), ("" < "a"), ("a\0" > "a"))
print(utf8.char(72, 228, 8364, 128512), utf8.len("häß€"), utf8.codepoint("häß", 1, -1),
  utf8.offset("häß€", 4))
for at, code in utf8.codes("aä€😀") do io.write(at, ":", code, " ") end
print(pcall(utf8.len, "\xff"), utf8.len("\xff"), utf8.len("\u{7FFFFFFF}", 1, -1, true),
  utf8.charpattern)
print(tostring(1e15), tostring(-1e15), 1e15 // 1, 2 ^ 31 | 0, "10" + 5, "0x10" * 2, "3" .. 4,
  10 .. "")
print(tonumber("0x1p4"), tonumber("1e1"), tonumber(" 10 "), tonumber("10a"), tonumber("zz", 36),
  tonumber("8", 8), tonumber("1e"), tonumber(""))
local parts = {}
for i = 1, 3000 do parts[#parts + 1] = ("%d:%s"):format(i, ("ab"):rep(i % 7)) end
local long = table.concat(parts, ";")
local sum = 0
for i = 1, #long do sum = (sum * 31 + long:byte(i)) & 0xffffffff end
print(#long, sum, long:sub(-20), select("#", long:byte(1, 200)))

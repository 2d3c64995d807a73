-- io, os and lfs on the granted directory, and what fails.
local function try(...)
  local ok, err = pcall(...)
  return ok and "ok" or tostring(err)
end
local lfs = require "lfs"
-- without the error number, which is each system's own
local function two(a, b) return a, b end
local f = assert(io.open("a.txt", "w"))
print(io.type(f), io.type(42), f:write("one\n", 2, "\n", 3.5, "\nlast line") == f)
print(f:seek("cur"), f:seek("set", 1), f:seek("end"), f:setvbuf("full", 64), f:flush() == f,
  f:close(), io.type(f))
print(pcall(f.write, f, "x"), tostring(f))
for line in io.lines("a.txt") do io.write("[", line, "]") end
for line in io.lines("a.txt", "L") do io.write(#line, " ") end
print()
f = assert(io.open("a.txt", "r+"))
print(f:read("l", "n", "n", "l", "L", 5, "a", "a", "l"))
print(f:seek("set", 4), f:write("TWO") == f, f:seek("set"), f:read("a"))
f:close()
f = assert(io.open("a.txt", "a"))
f:write("\nappended") f:close()
f = io.open("a.txt", "rb") print(#f:read("a"), f:read(0), f:read(1)) f:close()
print(two(io.open("missing.txt"))) print(two(io.open("no/dir/x", "w")))
print(try(io.open, "x", "bad mode"), try(io.lines, "missing.txt"))
print(os.rename("a.txt", "b.txt"), two(os.rename("nope", "x"))) print(os.remove("b.txt"),
  two(os.remove("b.txt")))
local big = io.open("big.bin", "wb")
for i = 1, 2000 do big:write(("<I4"):pack(i * 2654435761 & 0xffffffff):rep(i % 50)) end
big:close()
local sum, size = 0, 0
for block in io.lines("big.bin", 4096) do
  size = size + #block
  for i = 1, #block, 97 do sum = (sum * 33 + block:byte(i)) & 0xffffffff end
end
print(size, sum, lfs.attributes("big.bin", "size"), lfs.attributes("big.bin", "mode"))
print(lfs.mkdir("d"), lfs.mkdir("d"), lfs.mkdir("d/e"), lfs.rmdir("d"), lfs.attributes("d").mode)
for i = 1, 30 do io.open(("d/f%02d"):format(i), "w"):write(i):close() end
local names = {}
for name in lfs.dir("d") do names[#names + 1] = name end
table.sort(names)
print(#names, table.concat(names, " "))
print(lfs.touch("d/f01", 1000000000, 1000000001), lfs.attributes("d/f01", "modification"),
  lfs.attributes("d/f01", "access"))
for i = 2, 30 do os.remove(("d/f%02d"):format(i)) end
print(lfs.chdir("d"), io.open("f01"):read("a"), lfs.chdir(".."), two(lfs.attributes("d/none")))
print(two(os.remove("d")), two(os.remove("d/e")))
io.output("out.txt") io.write("through io.output") io.close() io.output(io.stdout)
io.input("out.txt") print(io.read("a")) io.close(io.input()) io.input(io.stdin)
print(io.read("l"), io.read("a"), io.read("n"))
print(os.time { year = 2024, month = 2, day = 30, hour = 12 },
  os.date("!%Y-%m-%d %H:%M:%S %j %a %b", 1e9 // 1))
print(os.date("!*t", 86400).yday, os.date("%x %X %p", 0), try(os.date, "%Ez", 0), try(os.time,
  { year = 2000 }))
print(os.time() > 1600000000, os.clock() >= 0, os.difftime(5, 3), os.setlocale(),
  os.getenv("HOME"))
local tmp = assert(io.tmpfile()) tmp:write("temporary") tmp:seek("set")
  print(tmp:read("a")) tmp:close()
io.stderr:write("to stderr\n") io.stdout:setvbuf("no") io.stdout:write("unbuffered\n")
os.exit(3, true)

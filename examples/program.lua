--- A program that knows nothing of Lua (examples/guests/count.c) runs in a sandbox: it gets the
-- arguments, files and streams that it is granted, and nothing else.
local wasm = require "wasm"

local here = arg[0]:match("^(.*)/") or "."
local mod = assert(wasm.load(here .. "/guests/count.wasm"))

--- Run it: its exit code, what it wrote, and the grants.
local function run(grants)
  grants.stdout, grants.stderr = "buffer", "buffer"
  local w = assert(wasm.wasi(grants))
  local inst = assert(mod:instantiate { wasi_snapshot_preview1 = w })
  local ok, err = pcall(inst.exports._start)
  if not ok and err.kind ~= "exit" then error(err) end
  return ok and 0 or err.code, w:stdout() .. w:stderr(), w
end

print "-- its input is a Lua string"
local code, text = run { args = { "count" }, stdin = "to be or\nnot to be\n" }
io.write(text)
assert(code == 0 and text:find("2 lines", 1, true))

print "-- its input is a Lua function"
local n = 0
code, text = run { args = { "count" }, stdin = function()
  n = n + 1
  return n <= 1000 and "one more line\n" or nil
end }
io.write(text)
assert(code == 0 and text:find("1000 lines", 1, true))

print "-- a directory of the host, read-only"
code, text = run {
  args = { "count", "/src/count.c" },
  dirs = { ["/src"] = { path = here .. "/guests", read_only = true } },
}
io.write(text)
assert(code == 0)

print "-- a Lua table as a directory, in which it leaves a report"
local w
code, text, w = run {
  args = { "count", "-o", "/files/report", "/files/a.txt", "/files/sub/b.txt" },
  dirs = { ["/files"] = { ["a.txt"] = "a b c\n", sub = { ["b.txt"] = "d e\nf\n" } } },
}
io.write(w:tree("/files").report)
assert(code == 0 and text == "")

print "-- what it may not see does not exist for it"
code, text = run { args = { "count", "/etc/passwd", "/src/../../etc/passwd" },
                   dirs = { ["/src"] = here .. "/guests" } }
io.write(text)
assert(code == 1)

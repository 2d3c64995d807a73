--- What spec/support/host_refuse.c runs for WASI: everything in it that asks the system for memory.
local wasm = require "wasm"
local core = require "wasm.core"
local wasi = require "spec.support.wasi"

--- The guest is told by an errno; then there is nothing more to be had from this step.
local function told(err, ...)
  if err == "nospc" or err == "nomem" or err == "mfile" then
    error(core.error { kind = "nomem", message = "the guest was told " .. err }, 0)
  end
  assert(err == "success", err)
  return ...
end

local bytes = wasm.wat(wasi.text "wasi_snapshot_preview1")

local function step()
  local input = { "some input", "more" }
  local w = wasm.wasi {
    args = { "a", ("b"):rep(100) }, env = { A = "b" }, stdout = "buffer",
    stdin = function() return table.remove(input) end,
    dirs = { ["/d"] = { f = "text", d = { g = "more" } }, ["/host"] = ".", ["/served"] = {
      stat = function(path) return path == "s" and "file", 4 end,
      list = function() return { "s" } end,
      read = function(_, at, n) return ("some"):sub(at + 1, at + n) end,
      write = function() end,
    } },
    on_block = "yield",
  }
  local inst, err = wasm.run(bytes, { wasi_snapshot_preview1 = w }, { heap_max = "1MiB" })
  if not inst then error(err, 0) end
  local g = wasi.around(inst, w)
  told(g.write(1, ("x"):rep(1000)))
  assert(told(g.read(0, 2)) == "mo" and told(g.read(0, 10)) == "re")
  for n = 1, 20 do told(g.file("new" .. n, ("y"):rep(n * 1000))) end
  told(g.at("path_create_directory", "e"))
  told(g.two("path_symlink", "f", "e/l"))
  told(g.two("path_rename", "new3", "e/n"))
  told(g.two("path_link", "f", "e/f"))
  for _ = 1, 20 do told(g.open("f")) end
  g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, 0, 0, 0))
  told(g.poll_oneoff(4096, 20000, 1, 8))
  told(g.open("README.md", { dir = 4, rights = wasi.RIGHT.read }))
  local fd = told(g.open("s", { dir = 5 }))
  assert(told(g.read(fd, 9)) == "some")
  told(g.write(fd, "more"))
  told(g.list(5))
  g.memory:write(4096, ("<i8Bxxxxxxxi4xxxxi8i8I2xxxxxx"):pack(1, 0, 1, 100000, 0, 0))
  local nap = coroutine.wrap(function() return g.poll_oneoff(4096, 20000, 1, 8) end)
  local what = nap()
  while type(what) == "table" do
    wasm.wait { what }
    what = nap()
  end
  told(what)
  assert(#w:stdout() == 1000 and w:tree "/d".e.n == ("y"):rep(3000))
  w:close()
  inst:close()
end

local function judge(err)
  if type(err) ~= "string" and err.kind == "nomem" then
    return err.message:find("guest was told", 1, true) and "errno" or "nomem"
  end
  if tostring(err):find("not enough memory", 1, true) then return "not enough memory" end
  error(tostring(err), 0)
end

local function collect()
  for _ = 1, 3 do collectgarbage() end
  core.collect()
  collectgarbage()
end

return step, judge, collect

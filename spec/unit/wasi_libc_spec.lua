--- A program of plain C (spec/guests/wasi/libc.c) says the same as WASI guest and natively.
-- What the native one said is shipped; where a C compiler is, it is asked again.
local wasm = require "wasm"
local wasi = require "spec.support.wasi"

local GUEST = "spec/guests/wasi/libc"
local ARGS, INPUT = { "one", "two words", "" }, "a\nbb\nccc"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]*") do list[#list + 1] = line end
  return list
end

--- Run the guest; what it wrote. `opts` has the directory.
local function run(opts, compile)
  local mod = assert(wasm.load(GUEST .. ".wasm", compile))
  opts.args = { "libc", table.unpack(ARGS) }
  opts.env = { HOME = "/h", EMPTY = "" }
  opts.stdin, opts.stdout, opts.stderr = INPUT, "buffer", "buffer"
  local w = assert(wasm.wasi(opts))
  local inst = assert(mod:instantiate { wasi_snapshot_preview1 = w })
  local ok, err = pcall(inst.exports._start)
  assert.is_false(ok)
  assert.equal("exit", err.kind)
  assert.equal(42, err.code)
  assert.equal("this goes to stderr\n", w:stderr())
  return w:stdout(), w
end

describe("a program of plain C", function()
  local want = read(GUEST .. ".txt")

  for _, way in ipairs { "kernel", "walk" } do
    it("is as its native self in a directory resolved by " .. way, function()
      local dir, remove = wasi.directory()
      assert.same(lines(want), lines((run { dirs = { ["/"] = dir }, resolve = way })))
      remove()
    end)
  end

  it("is as its native self in a directory in memory", function()
    local got, w = run { dirs = { ["/"] = {} } }
    assert.same(lines(want), lines(got))
    assert.same({}, w:tree "/")
  end)

  it("is as its native self with explicit bounds, lazily compiled", function()
    assert.same(lines(want), lines((run({ dirs = { ["/"] = {} } },
      { bounds = "explicit", eager = false }))))
  end)

  it("says the same at every run with a fake clock and a seed", function()
    local function once() return (run { dirs = { ["/"] = {} }, clock = "fake", random = 1 }) end
    assert.equal(once(), once())
  end)

  it("says natively what is recorded, where a compiler is", function()
    local cc = os.getenv("CC") or "cc"
    if not os.execute("command -v " .. cc .. " >/dev/null 2>&1") then
      return pending("no C compiler")
    end
    local dir, remove = wasi.directory()
    local program = dir .. "/libc"
    assert(os.execute(("%s -std=gnu11 -w -O1 -D_GNU_SOURCE -o %s %s.c"):format(cc, program, GUEST)))
    assert(os.execute("mkdir " .. dir .. "/empty"))
    local pipe <close> = assert(io.popen(("cd %s/empty && printf 'a\\nbb\\nccc' | HOME=/h EMPTY= "
      .. "%s one 'two words' '' 2>&1 >out | grep -v stderr; cat out"):format(dir, program)))
    -- the last listing sees the file that the shell has made for its output
    assert.same(lines((want:gsub("%. has 0:", ". has 1: out"))), lines(pipe:read("a")))
    remove()
  end)
end)

--- Every call of WASI by programs in C (spec/guests/wasi/calls) and in Rust (std.rs, raw.rs): what
-- they see is what their native selves see.
--
-- calls.txt is what the native C program said; where a C compiler is, it is built and asked again
-- (GOLDEN=update writes the file). std.txt is what the native Rust program said when `make guests`
-- was run, since nobody needs to have a rustc. Calls that no native program has (calls/bare.c,
-- raw.rs) are compared with what they must say by the standard: bare.txt, raw.txt.
local golden = require "spec.support.golden"
local wasm = require "wasm"
local wasi = require "spec.support.wasi"

local GUESTS = "spec/guests/wasi/"
local BUILD = os.getenv("BUILD") or "build/test"
local INPUT = "input\nmore"
local ARGS = { "one", "two words", "", "\u{fc}n\u{ef}" }
local GROUPS = { "files", "positions", "paths", "directories", "renames", "links", "times",
  "clocks", "polls", "randoms", "arguments", "standard" }

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function lines(text)
  local list = {}
  for line in text:gmatch("[^\n]*") do list[#list + 1] = line end
  return list
end

--- Run a guest to its end: what it wrote, how it ended, its Wasi.
local function run(name, way, opts, compile)
  local mod = assert(wasm.load(GUESTS .. name .. ".wasm", compile))
  local dir, remove = wasi.directory()
  opts.dirs = opts.dirs or { ["/"] = way == "memory" and {} or dir }
  opts.resolve = way ~= "memory" and way or nil
  opts.stdout, opts.stderr = "buffer", "buffer"
  local w = assert(wasm.wasi(opts))
  local inst = assert(mod:instantiate { wasi_snapshot_preview1 = w })
  local ok, err = pcall(inst.exports._start)
  remove()
  return w:stdout(), ok and { kind = "end" } or err, w
end

--- What one group of the C program says.
local function calls(way, group, compile)
  local args = { "calls", group }
  if group == "arguments" then table.move(ARGS, 1, #ARGS, 3, args) end
  local out, err = run("calls", way, { args = args, stdin = INPUT,
    env = { CALLS_ONE = "one value" } }, compile)
  assert(err.kind == "end" or err.kind == "exit" and err.code == 0, tostring(err))
  return out
end

local native -- the program, or false
--- What its native self says; nil where no compiler is.
local function native_calls(group)
  local cc = os.getenv("CC") or "cc"
  if native == nil then
    native = os.execute("command -v " .. cc .. " >/dev/null 2>&1")
      and BUILD .. "/spec/native_calls" or false
    if native then
      assert(os.execute(("mkdir -p %s/spec && %s -std=gnu11 -w -O1 -D_GNU_SOURCE -o %s %scalls/*.c")
        :format(BUILD, cc, native, GUESTS)))
    end
  end
  if not native then return nil end
  local dir, remove = wasi.directory()
  local args = { group }
  if group == "arguments" then
    for n, arg in ipairs(ARGS) do args[n + 1] = "'" .. arg .. "'" end
  end
  local pipe <close> = assert(io.popen(("p=$(realpath %s) && cd %s && printf '%s' | "
    .. "CALLS_ONE='one value' $p %s 2>/dev/null | cat"):format(native, dir, INPUT,
    table.concat(args, " "))))
  local text = pipe:read("a")
  remove()
  return text
end

--- The recorded sections of calls.txt.
local function recorded()
  local sections, name = {}, nil
  for line in io.lines(GUESTS .. "calls.txt", "L") do
    local found = line:match("^== (%w+)\n$")
    if found then
      name = found
      sections[name] = ""
    else
      sections[name] = sections[name] .. line
    end
  end
  return sections
end

if os.getenv("GOLDEN") == "update" then
  local text = {}
  for _, group in ipairs(GROUPS) do
    text[#text + 1] = ("== %s\n%s"):format(group, assert(native_calls(group), "no C compiler"))
  end
  assert(golden.check(GUESTS .. "calls.txt", table.concat(text)))
end

describe("calls of a C program", function()
  local want = recorded()

  for _, group in ipairs(GROUPS) do
    for _, way in ipairs { "kernel", "walk", "memory" } do
      it(("of the group %s are as natively (%s)"):format(group, way), function()
        assert.same(lines(want[group]), lines(calls(way, group)))
      end)
    end

    it(("of the group %s natively are what is recorded"):format(group), function()
      local text = native_calls(group)
      if not text then return pending("no C compiler") end
      assert.same(lines(want[group]), lines(text))
    end)
  end

  it("are the same at effort 0 with explicit bounds, compiled lazily", function()
    for _, group in ipairs(GROUPS) do
      assert.same(lines(want[group]),
        lines(calls("kernel", group, { effort = 0, bounds = "explicit", eager = false })))
    end
  end)

  it("end it as natively", function()
    for _, way in ipairs { { "exit", 0 }, { "exit", 1 }, { "exit", 255 }, { "now", 42 },
                           { "return", 0 } } do
      local out, err = run("calls", "memory", { args = { "calls", "leaves", way[1],
        tostring(way[2]) } })
      assert.equal(way[1] == "now" and "leaving\n" or "leaving\nat exit\n", out)
      if way[2] == 0 then
        assert.truthy(err.kind == "end" or err.kind == "exit" and err.code == 0)
      else
        assert.same({ "exit", way[2] }, { err.kind, err.code })
      end
      if native then
        local pipe <close> = assert(io.popen(("%s leaves %s %d; echo $?"):format(native, way[1],
          way[2])))
        assert.equal(out .. way[2] .. "\n", pipe:read("a"))
      end
    end
    local _, err = run("calls", "memory", { args = { "calls", "leaves", "abort", "0" } })
    assert.equal("trap", err.kind) -- natively a signal, which there is none of
  end)

  local function talk(port)
    return assert(io.popen(("%s/spec/tcp_talk 127.0.0.1 %s 'hello world, how are you?' 2>&1")
      :format(BUILD, port)))
  end

  it("of a socket are as natively", function()
    local mod = assert(wasm.load(GUESTS .. "calls.wasm"))
    local w = assert(wasm.wasi { args = { "calls", "sockets", "3" }, listen = { "127.0.0.1:0" },
      stdout = "buffer" })
    local inst = assert(mod:instantiate { wasi_snapshot_preview1 = w })
    local other = talk(w:listening()[1]:match(":(%d+)$"))
    local ok, err = pcall(inst.exports._start)
    assert(ok or err.code == 0, tostring(err))
    assert.equal("sent written", other:read("a"))
    other:close()
    local out = w:stdout()
    assert.truthy(out:find(" world, how are you? (20)", 1, true))
    if not native and not native_calls("clocks") then return pending("no C compiler") end
    local dir, remove = wasi.directory()
    local pipe = assert(io.popen(("%s sockets 2>&1 >%s/out"):format(native, dir)))
    other = talk(pipe:read("l"))
    assert.equal("sent written", other:read("a"))
    other:close()
    assert.is_true(pipe:close())
    assert.same(lines(read(dir .. "/out")), lines(out))
    remove()
  end)

  it("that no native program has are by the standard", function()
    for _, way in ipairs { "kernel", "walk", "memory" } do
      local out = calls(way, "bare")
      assert(golden.check(GUESTS .. "bare.txt", out))
    end
  end)
end)

describe("calls of a Rust program", function()
  for _, way in ipairs { "kernel", "walk", "memory" } do
    it(("by its standard library are as natively (%s)"):format(way), function()
      local out, err, w = run("std", way, { args = { "std", "one", "two words", "", ARGS[4] },
        env = { STD_ONE = "one value", STD_TWO = "" }, stdin = "a line\nrest" })
      assert.same({ "exit", 3 }, { err.kind, err.code })
      assert.equal("this goes to stderr\n", w:stderr())
      assert.same(lines(read(GUESTS .. "std.txt")), lines(out))
    end)

    it(("by their own names are by the standard (%s)"):format(way), function()
      local out, err = run("raw", way, { args = { "raw", "x" }, env = { A = "b" }, stdin = INPUT,
        listen = { "127.0.0.1:0" } })
      assert.same({ "exit", 7 }, { err.kind, err.code })
      assert(golden.check(GUESTS .. "raw.txt", out))
    end)
  end
end)

describe("the guests of these specs", function()
  --- The names that a module imports.
  local function imports(name)
    local set = {}
    for _, import in ipairs(assert(wasm.load(GUESTS .. name .. ".wasm")):imports()) do
      set[import.name] = true
    end
    return set
  end

  it("make every call there is, in either language", function()
    local c, rust = imports "calls", imports "raw"
    for _, row in ipairs(wasi.rows()) do
      -- wasi-libc has proc_raise no more: the standard took it out
      assert.is_true(c[row.name] or row.name == "proc_raise" or row.name .. " is not in C")
      assert.is_true(rust[row.name] or row.name .. " is not in Rust")
    end
  end)
end)

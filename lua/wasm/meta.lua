--- Classes of the objects that `wasm.core` makes, for language servers. Never loaded.
---@meta wasm

---@alias wasm.ValueType "i32"|"i64"|"f32"|"f64"|"v128"|"funcref"|"externref"|"anyref"|"eqref"
---|"i31ref"|"structref"|"arrayref"|"exnref"|string

--- A module name to its items; or an instance, whose exports are taken; or a function asked for
--- each import: f(module, name, type, kind).
---@alias wasm.Resolver fun(module: string, name: string, type: string, kind: string): any
---@alias wasm.Imports table<string, table|wasm.Instance>|wasm.Instance|wasm.Resolver

---@class wasm.CompileOptions
---@field name? string      for messages; else the name section's
---@field features? table   { "bulk-memory", ... }: only these; or { ["bulk-memory"] = false }
---@field bounds? "guard"|"explicit"  how accesses are checked; default "guard"
---@field effort? 0|1|2      0: faster to compile, slower to run, nothing is inlined;
---                          2: larger loops are unrolled; default 1
---@field eager? boolean    true: compile everything before returning; false: each function when it
--- is first called, or by a thread in the background; nil: false above 256 KiB of code
---@field fuel? boolean     true: count operators, for the option of the same name of instantiate
---@field cache? wasm.Cache|false  instead of the one that use_cache chose; false: none

---@class wasm.CacheOptions
---@field dir? string  a directory; "auto": by the XDG convention; nil: memory only
---@field max_bytes? integer|string      on disk; default 512 MiB
---@field memory_bytes? integer|string   of code that has no handle; default 32 MiB; 0: none
---@field mode? "rw"|"ro"|"off"
---@field store? { get: (fun(name: string): string?), put: fun(name: string, bytes: string) }
---@field key? string                    the store's secret, 16 bytes or more

---@class wasm.CacheStats
---@field hits integer         found in memory
---@field disk_hits integer    found in the directory or the store
---@field misses integer       compiled
---@field joined integer       waited for another thread that compiled it
---@field healed integer       bad entries removed
---@field stored integer
---@field evicted integer
---@field entries integer      on disk, as are bytes
---@field bytes integer
---@field memory_entries integer
---@field memory_bytes integer
---@field mode "rw"|"ro"|"off"|"memory"

---@class wasm.Cache
---@field stats fun(self): wasm.CacheStats  counts since it was first opened in this process
---@field entries fun(self): { name: string, bytes: integer, used: integer }[]  on disk, the longest
--- unused first; used: seconds since 1970
---@field prune fun(self, bytes?: integer|string): integer  remove the longest unused entries until
--- at most so many bytes are left (default max_bytes); how many went
---@field verify fun(self): integer, integer  sound entries, and damaged ones, which are removed
---@field clear fun(self)  forget all code, in memory and on disk; what is in use lives on
---@field close fun(self): boolean
---@field closed fun(self): boolean

--- In the order of the passes. tostring: a table.
---@class wasm.Passes
---@field [integer] { pass: string, ns: integer, bytes: integer, most: integer, optional: boolean }
--- scratch memory in all, and of the function for which it was most
---@field measuring boolean
---@field functions integer
---@field fallbacks integer  functions left to the simple allocator, since they are too large
---@field wasm_bytes integer  of bodies
---@field code_bytes integer
---@field ir_instructions integer
---@field spills integer
---@field reloads integer
---@field moves integer

---@class wasm.InstanceOptions
---@field name? string
---@field memory_max? integer|string   bytes, or "64MiB": no memory of it grows beyond
---@field table_max? integer           elements
---@field stack? integer|string        bytes of each call's private stack
---@field stack_pointer? string        the guest's stack pointer global; default "__stack_pointer"
---@field start? boolean               false: do not run the start function
---@field interleave? "lifo"|"any"     may parked calls be resumed in any order? default "lifo"
---@field on_trap? "keep"|"close"      default "keep"
---@field fuel? integer               operators that may run; of modules compiled with fuel = true
---@field timeout? number              seconds that each call may take; also cpu_timeout
---@field cpu_timeout? number
---@field host_calls? integer         calls of host functions, in all
---@field heap_max? integer|string     bytes of the structs, arrays and exceptions it makes
---@field on_limit? "error"|"yield"    what a call does that is out of fuel or time; default "error"
---@field on_close? fun(inst: wasm.Instance)
---@field catch_host_errors? boolean   catch_all sees errors of host functions; default false

---@alias wasm.ErrorKind "malformed"|"invalid"|"unsupported"|"link"|"trap"|"interrupt"|"exit"
---|"exception"|"closed"|"busy"|"io"|"limit"|"nomem"

--- What went wrong. `tostring` is the whole report with one interleaved trace.
---@class wasm.Error
---@field kind wasm.ErrorKind
---@field message string
---@field offset? integer   in the module's bytes
---@field line? integer     of a text: where it cannot be read, or a function of it is invalid
---@field column? integer
---@field trap? string      in the words of the official suite
---@field frames? wasm.Frame[]  innermost first
---@field code? integer     of an exit
---@field tag? wasm.Tag     of an exception
---@field payload? any[]    of an exception
---@field cause? any        the value a host function raised, where a function returns nil, err

---@class wasm.Frame
---@field kind "wasm"|"lua"
---@field name? string
---@field index? integer    wasm: function index
---@field offset? integer   wasm: in the module's bytes
---@field module? string    wasm: the module's name
---@field skipped? integer  wasm: how many more frames of this call are left out
---@field file? string      lua
---@field line? integer     lua

---@class wasm.ImportType
---@field module string
---@field name string
---@field kind "function"|"table"|"memory"|"global"|"tag"
---@field type string  "(i32) -> i32", "10 20 funcref", "1 2", "(mut i32)"

---@class wasm.ExportType
---@field name string
---@field kind string
---@field type string

--- A handle on shared code. Handles of equal bytes and options are equal.
---@class wasm.Module
---@field name? string
---@field imports fun(self): wasm.ImportType[]
---@field exports fun(self): wasm.ExportType[]
---@field hash fun(self): string  32 hex digits; answers after close, as does size
---@field size fun(self): integer
---@field bytes fun(self): string
---@field info fun(self): table<string, integer|string>
---@field disasm fun(self, func: string|integer, opts?: { raw: boolean? }): string  machine code
--- beside its operators; raw: only the bytes
---@field wat fun(self, func?: string|integer, opts?: { offsets: boolean? }): string  text format;
--- of a function by index (from 0, imports first), name or export
---@field read_snapshot fun(self, bytes: string): wasm.Snapshot?, wasm.Error?
---@field load_snapshot fun(self, path: string): wasm.Snapshot?, wasm.Error?
---@field close fun(self): boolean
---@field closed fun(self): boolean
local Module = {} -- luacheck: ignore

--- All sections; or the contents of the custom sections of one name.
---@param name? string
---@return { id: integer, name: string, offset: integer, size: integer }[]|string[]
function Module:sections(name) end -- luacheck: ignore

--- Link and run the start function; in a coroutine that one may yield.
---@param imports? wasm.Imports
---@param opts? wasm.InstanceOptions
---@return wasm.Instance? instance
---@return wasm.Error? err
function Module:instantiate(imports, opts) end -- luacheck: ignore

---@class wasm.Instance
---@field exports table<string, any>  read-only; functions are plain Lua functions
---@field memory? wasm.Memory         its first memory, if exported
---@field name? string
---@field call fun(self, name: string, ...): ...
---@field func fun(self, name: string): wasm.Func?
---@field on fun(self, event: "close"|"trap"|"reload", handler: function)
---@field interrupter fun(self, kind?: "lua"|"c"): integer, lightuserdata?, lightuserdata?
---@field interrupt fun(self): boolean
---@field fuel fun(self, left?: integer): integer  what is left, or was before it was set
---@field host_calls fun(self, left?: integer): integer  likewise
---@field busy fun(self): boolean
---@field module fun(self): wasm.Module
---@field snapshot fun(self): wasm.Snapshot?, wasm.Error?  kind "busy" while calls are under way
---@field restore fun(self, snapshot: wasm.Snapshot): true?, wasm.Error?
---@field clone fun(self): wasm.Instance?, wasm.Error?
---@field reload fun(self, source: string|wasm.Module, opts?: wasm.ReloadOptions): wasm.Reloaded
---@field stats fun(self): table  bounds, memory_bytes, memories, functions, code_bytes, fuel_used,
--- host_calls, heap_bytes
---@field close fun(self, how?: "force"): boolean
---@field closed fun(self): boolean

---@class wasm.Snapshot
---@field dump fun(self): string?, wasm.Error?  as bytes, for mod:read_snapshot
---@field save fun(self, path: string): true?, wasm.Error?
---@field stats fun(self): { memory_bytes: integer, pages: integer, own_pages: integer }  pages of
--- 4 KiB that are not zero, and those of them that no other snapshot shares
---@field close fun(self): boolean
---@field closed fun(self): boolean

---@class wasm.Rewind
---@operator len: integer
---@field push fun(self): true?, wasm.Error?  keep this moment
---@field back fun(self, n?: integer): integer?, wasm.Error?  return to n moments before the newest
---@field bytes fun(self): integer
---@field close fun(self)

---@alias wasm.State "fresh"|"memory"|(string|{ [1]: string, [2]: integer })[]
---|{ save: string, load: string, alloc?: string }|fun(old: wasm.Instance, new: wasm.Instance)

---@class wasm.ReloadOptions
---@field state? wasm.State             default "fresh"
---@field when? "idle"|"drain"|"now"    default "idle"
---@field linked? "refuse"|"relink"     default "refuse"
---@field force? boolean                also with identical bytes, changed types, moved data
---@field migrate_globals? boolean      exported mutable globals keep their values
---@field imports? wasm.Imports         instead of those it was instantiated with
---@field options? wasm.InstanceOptions on top of those it was instantiated with
---@field compile? wasm.CompileOptions

---@class wasm.ReloadReport
---@field unchanged boolean
---@field order string[]   the steps that were taken
---@field state? { mode: string, bytes?: integer, globals?: integer }
---@field pinned? integer  functions that stay with the old version
---@field gone? integer    functions that have no counterpart
---@field links? integer   imports of other instances that were linked anew
---@field old? "closed"|"draining"|"pinned"
---@field compile_s? number

---@alias wasm.Reloaded wasm.ReloadReport?, wasm.Error?

---@class wasm.HotOptions
---@field imports? wasm.Imports
---@field state? wasm.State
---@field when? "idle"|"drain"|"now"
---@field linked? "refuse"|"relink"
---@field force? boolean
---@field migrate_globals? boolean
---@field options? wasm.InstanceOptions
---@field compile? wasm.CompileOptions
---@field on_reload? fun(report: wasm.ReloadReport, hot: wasm.Hot)
---@field on_error? fun(err: wasm.Error, hot: wasm.Hot)  told once for each problem

---@class wasm.Hot
---@field exports table<string, any>  of the current version
---@field instance wasm.Instance
---@field poll fun(self): boolean?, wasm.Error?  true: reloaded; false: nothing new
---@field close fun(self): boolean
---@field closed fun(self): boolean

--- Nothing is granted but the real clock and real random bytes.
---@class wasm.WasiOptions
---@field args? string[]              all of them: the first is the program's name by convention
---@field env? table<string, string>
---@field stdio? "none"|"inherit"     the three streams where they are not given; default "none"
---@field stdin? string|file*|fun(n: integer): string?  n bytes are wanted (more are kept); nil: end
---@field stdout? "discard"|"buffer"|"inherit"|file*|fun(bytes: string)
---@field stderr? "discard"|"buffer"|"inherit"|file*|fun(bytes: string)
---@field dirs? table<string, wasm.WasiDir>  by the guest's name for it, such as "/data"
---@field clock? "real"|"fake"|fun(clock: "realtime"|"monotonic"|"process"|"thread"): number
---@field random? "real"|integer|fun(n: integer): string  an integer is a seed
---@field broken_pipe? "error"|"exit"  exit: who writes on to a dead stream of the process ends
---@field resolve? "kernel"|"walk"    walk: paths are resolved without openat2
---@field listen? string[]            addresses with ports, numbers only: "127.0.0.1:0", "[::1]:80"
---@field on_block? "yield"|fun(wait: wasm.WasiWait): false?  asked before it waits; false: wait
---@field max_files? integer          open at once, default 1024 or half the ulimit
---@field max_bytes? integer|string   kept in buffers and trees, default 256 MiB

--- What a call waits for: any of the descriptors, or the time.
---@class wasm.WasiWait
---@field call string         the call of WASI, such as "poll_oneoff"
---@field read integer[]      the system's descriptors, to be looked at for reading ...
---@field write integer[]     ... and for writing; good until the call goes on
---@field timeout? number     seconds, from now on
---@field deadline? number    when that is by the system's monotonic clock; nil with clock = "fake"

---@alias wasm.WasiTree table<string, string|table>  names to contents
---@alias wasm.WasiDir string|{ path: string, read_only: boolean? }|wasm.WasiTree
---|{ tree: wasm.WasiTree, read_only: boolean? }|wasm.WasiFunctions

--- A directory that is functions. Paths are plain and relative to it; "" is itself. A failure is
--- nil and the name of an errno, such as "nospc".
---@class wasm.WasiFunctions
---@field stat fun(path: string): "file"|"directory"|nil, integer?, number?  size, seconds
---@field list? fun(path: string): string[]?, string?  directories end with a slash
---@field read? fun(path: string, offset: integer, n: integer): string?, string?
---@field write? fun(path: string, offset: integer, bytes: string): nil, string?
---@field truncate? fun(path: string, size: integer): nil, string?
---@field mkdir? fun(path: string): nil, string?
---@field remove? fun(path: string): nil, string?
---@field rename? fun(from: string, to: string): nil, string?
---@field read_only? boolean

---@class wasm.Wasi
---@field stdout fun(self): string?   what was written so far; nil unless stdout = "buffer"
---@field stderr fun(self): string?
---@field tree fun(self, name: string): wasm.WasiTree?  a directory in memory as it is now; symbolic
--- links are left out
---@field listening fun(self): string[]  where its sockets listen, with the ports they have got
---@field import fun(self, name: string, module?: string): wasm.Func?  one call, for resolvers
---@field close fun(self): boolean    closes its files; calls fail from then on
---@field closed fun(self): boolean

--- What a mod is granted, and how much of it. The limits are those of instantiate.
---@class wasm.SandboxOptions
---@field imports? table<string, table>  by module, then by name
---@field wasi? wasm.WasiOptions  nil: no WASI; each instance gets one of its own
---@field features? table         as wasm.compile takes them
---@field memory_max? integer|string
---@field table_max? integer
---@field stack? integer|string
---@field fuel? integer           its modules are compiled with fuel then
---@field timeout? number
---@field cpu_timeout? number
---@field host_calls? integer
---@field heap_max? integer|string
---@field on_limit? "error"|"yield"

---@class wasm.Sandbox
---@field compile fun(self, source: string, opts?: wasm.CompileOptions): wasm.Module?, wasm.Error?
---@field instantiate fun(self, mod: wasm.Module): wasm.Instance?, wasm.Error?
---@field run fun(self, source: string, opts?: wasm.CompileOptions): wasm.Instance?, wasm.Error?
---@field report fun(self, mod: wasm.Module): string, boolean  true: nothing is missing

--- May be called as the function itself.
---@class wasm.Func
---@field type fun(self): string
---@field fn fun(self): function   the plain function
---@field pin fun(self): function  a plain function that stays with its version
---@field bits fun(self, ...): ... floats as integers with their bit pattern, f32 as 0..2^32-1
---@field close fun(self): boolean
---@field closed fun(self): boolean

---@class wasm.MemoryOptions
---@field min? integer  pages of 64 KiB
---@field max? integer
---@field shared? boolean  needs max
---@field attach? string   a key of share(), and nothing else
---@field index? "i32"|"i64"
---@field page_size? 1|65536
---@field bounds? "guard"|"explicit"

--- Offsets count bytes from 0. The accessors read with one argument and write with two.
---@class wasm.Memory
---@operator len: integer
---@field size fun(self): integer  bytes
---@field pages fun(self): integer
---@field grow fun(self, pages: integer): integer?, wasm.Error?  the old number of pages
---@field share fun(self): string  a key for wasm.memory{attach=} in another Lua state
---@field read fun(self, offset: integer, n: integer): string
---@field write fun(self, offset: integer, bytes: string)
---@field cstring fun(self, offset: integer, max?: integer): string
---@field fill fun(self, offset: integer, n: integer, byte?: integer)
---@field copy fun(self, to: integer, from: integer, n: integer)
---@field u8 fun(self, offset: integer, value?: integer): integer?
---@field i8 fun(self, offset: integer, value?: integer): integer?
---@field u16 fun(self, offset: integer, value?: integer): integer?
---@field i16 fun(self, offset: integer, value?: integer): integer?
---@field u32 fun(self, offset: integer, value?: integer): integer?
---@field i32 fun(self, offset: integer, value?: integer): integer?
---@field i64 fun(self, offset: integer, value?: integer): integer?
---@field f32 fun(self, offset: integer, value?: number): number?
---@field f64 fun(self, offset: integer, value?: number): number?
---@field view fun(self, type: string, offset: integer, n: integer): wasm.View
---@field dump fun(self, offset: integer, n?: integer): string
---@field close fun(self): boolean
---@field closed fun(self): boolean

--- An array of numbers inside a memory; counts from 1.
---@class wasm.View
---@operator len: integer
---@field [integer] number

--- Call it with a memory, an offset and, if you like, first values: a table with its fields,
--- which are read and written in the memory. V[n] is the type of n behind each other.
---@class wasm.Struct
---@field size integer     bytes
---@field align integer
---@field offsets table<string, integer>
---@field [integer] wasm.Struct
---@overload fun(memory: wasm.Memory, offset: integer, init?: table): table

---@class wasm.TableOptions
---@field [1] "funcref"|"externref"
---@field min? integer
---@field max? integer
---@field init? any
---@field index? "i32"|"i64"

--- Counts from 1: t[1] is element 0 of WebAssembly. nil is null.
---@class wasm.Table
---@operator len: integer
---@field [integer] any
---@field grow fun(self, n: integer, init?: any): integer?, wasm.Error?
---@field type fun(self): string
---@field close fun(self): boolean
---@field closed fun(self): boolean

---@class wasm.Global
---@field value any
---@field type fun(self): string  "i32" or "(mut i32)"
---@field close fun(self): boolean
---@field closed fun(self): boolean

--- Tells exceptions apart by identity.
---@class wasm.Tag
---@field type fun(self): string
---@field close fun(self): boolean
---@field closed fun(self): boolean

--- A struct or an array of the collected heap. Fields and elements count from 1.
---@class wasm.Ref
---@operator len: integer
---@field [integer] any
---@field type fun(self): string
---@field close fun(self): boolean
---@field closed fun(self): boolean

---@class wasm.HeapStats
---@field objects integer
---@field bytes integer
---@field max integer  bytes; 0: no limit
---@field collections integer

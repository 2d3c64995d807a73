--- Shapes of guests that never end: every way to go round with everything that can be done on the
-- way. For the spec of timeouts and for `make bench-timeouts`.
local wasm = require "wasm"

local shapes = {}

-- The way round: text of functions, the first exported as NAME; BODY is done each time.
local ROUNDS = {
  { "br", "(func (export NAME) LOCALS (loop $l BODY (br $l)))" },
  { "br_if", [[(func (export NAME) LOCALS
      (loop $l BODY (br_if $l (i32.eqz (global.get $zero)))))]] },
  { "br_table", [[(func (export NAME) LOCALS
      (loop $l (block $b BODY (br_table $b $l $b (global.get $zero))) (br $l)))]] },
  { "if and else", [[(func (export NAME) LOCALS
      (loop $l (if (global.get $zero) (then (unreachable)) (else BODY (br $l)))))]] },
  { "nested loops", [[(func (export NAME) LOCALS (local $k i32)
      (loop $outer (local.set $k (i32.const 3))
        (loop $l BODY (br_if $l (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (br $outer)))]] },
  { "loops in turn", [[(func (export NAME) LOCALS (local $k i32)
      (loop $a (block $out
        (loop $b BODY (local.set $k (i32.xor (local.get $k) (i32.const 1)))
          (br_if $out (local.get $k)) (br $b)))
        (br $a)))]] },
  { "br_on_null", [[(func (export NAME) LOCALS
      (loop $l BODY (drop (br_on_null $l (global.get $null)))))]] },
  { "tail call of itself", "(func $SELF (export NAME) LOCALS BODY (return_call $SELF))" },
  { "tail calls in a circle", [[(func $SELF (export NAME) LOCALS BODY (return_call $SELF.b))
      (func $SELF.b (return_call $SELF.c)) (func $SELF.c (return_call $SELF))]] },
  { "return_call_indirect", [[(func $SELF (export NAME) LOCALS BODY
      (return_call_indirect $calls (type $v) (i32.const INDEX)))
      (elem (table $calls) (i32.const INDEX) func $SELF)]] },
  { "return_call_ref", [[(elem declare func $SELF) (func $SELF (export NAME) LOCALS BODY
      (return_call_ref $v (ref.func $SELF)))]] },
  { "an exception", [[(func (export NAME) LOCALS
      (loop $l (block $h (try_table (catch $t $h) BODY (call $throws))) (br $l)))]] },
  { "an exception with a reference", [[(func (export NAME) LOCALS
      (loop $l (drop (block $h (result exnref) (try_table (catch_all_ref $h) BODY (throw $t))
        (unreachable))) (br $l)))]] },
  { "calls that return", [[(func $SELF (param $depth i32) LOCALS BODY
      (if (local.get $depth) (then
        (call $SELF (i32.sub (local.get $depth) (i32.const 1)))
        (call $SELF (i32.sub (local.get $depth) (i32.const 1))))))
      (func (export NAME) (call $SELF (i32.const 62)))]] },
}

-- What is done on the way.
local BODIES = {
  { "nothing", "" },
  { "a local", "(local.set $n (i32.add (local.get $n) (i32.const 1)))" },
  { "divisions",
    "(local.set $w (i64.div_u (i64.const -1) (i64.or (local.get $w) (i64.const 3))))" },
  { "floats", "(local.set $d (f64.sqrt (f64.add (local.get $d) (f64.const 0.5))))" },
  { "vectors", "(local.set $x (i8x16.add (local.get $x) (i8x16.splat (local.get $n))))" },
  { "stores", "(i32.store (local.get $n) (i32.load offset=64 (local.get $n)))" },
  { "a global", "(global.set $g (i32.add (global.get $g) (i32.const 7)))" },
  { "memory.fill", "(memory.fill $m (i32.const 0) (i32.const 1) (i32.const 0x10000))" },
  { "memory.fill of 512 MB",
    "(memory.fill $big (i32.const 0) (i32.const 1) (i32.const 0x20000000))" },
  { "memory.copy of 256 MB",
    "(memory.copy $big $big (i32.const 0x10000000) (i32.const 0) (i32.const 0x10000000))" },
  { "memory.init", "(memory.init $m $data (i32.const 0) (i32.const 0) (i32.const 16))" },
  { "memory.grow that fails", "(drop (memory.grow $m (i32.const 60000)))" },
  { "table.fill", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 5000000))" },
  { "table.copy", "(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 4999999))" },
  { "table.init", "(table.init $calls $elem (i32.const 0) (i32.const 0) (i32.const 2))" },
  { "table.grow that fails", "(drop (table.grow $calls (ref.null func) (i32.const 1000)))" },
  { "structs", "(local.set $box (struct.new $box (local.get $n)))" },
  { "casts", "(drop (ref.cast (ref $box) (global.get $any)))" },
  { "arrays of 1,000", "(local.set $arr (array.new $arr (i32.const 7) (i32.const 1000)))" },
  { "arrays of 10,000,000",
    "(local.set $arr (array.new $arr (i32.const 7) (i32.const 10000000)))" },
  { "array.fill", [[(array.fill $arr (global.get $array) (i32.const 0) (i32.const 5)
      (i32.const 20000000))]] },
  { "array.copy", [[(array.copy $arr $arr (global.get $array) (i32.const 1) (global.get $array)
      (i32.const 0) (i32.const 19999999))]] },
  { "a small call", "(local.set $n (call $small (local.get $n)))" },
  { "call_indirect", "(call_indirect $calls (type $v) (i32.const 0))" },
  { "call_ref", "(call_ref $v (ref.func $nothing))" },
  { "the host", "(call $host)" },
  { "another instance", "(call $other)" },
  { "a throw", "(block $caught (try_table (catch $t $caught) (throw $t)))" },
  { "atomics", "(drop (i64.atomic.rmw.add $shared (i32.const 8) (i64.const 1)))" },
  { "short waits", [[(drop (memory.atomic.wait32 $shared (i32.const 64) (i32.const 0)
      (i64.const 1000)))]] },
  { "long waits", [[(drop (memory.atomic.wait32 $shared (i32.const 64) (i32.const 0)
      (i64.const -1)))]] },
}

local LOCALS = [[(local $n i32) (local $w i64) (local $d f64) (local $x v128)
  (local $box (ref null $box)) (local $arr (ref null $arr))]]

local HEAD = [[
  (import "e" "host" (func $host))
  (import "e" "other" (func $other))
  (type $v (func)) (type $box (struct (field (mut i32)))) (type $arr (array (mut i32)))
  (memory $m 1 4) (memory $big 8192) (memory $shared 1 1 shared)
  (table $calls 1000 1000 funcref) (table $t 5000000 funcref)
  (tag $t)
  (global $zero (mut i32) (i32.const 0)) (global $g (mut i32) (i32.const 0))
  (global $null (mut anyref) (ref.null any)) (global $any (mut anyref) (ref.null any))
  (global $array (mut (ref null $arr)) (ref.null $arr))
  (data $data "0123456789abcdef")
  (elem $elem func $nothing $nothing) (elem (table $calls) (i32.const 0) func $nothing)
  (func $nothing)
  (func $small (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
  (func $throws (throw $t))
  (func $make (global.set $any (struct.new $box (i32.const 1)))
    (global.set $array (array.new_default $arr (i32.const 20000000))))
  (start $make)
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))]]

--- The names of all, in order; and the module's text.
shapes.names = {}
do
  local text = {}
  for _, round in ipairs(ROUNDS) do
    for _, body in ipairs(BODIES) do
      local name = ("%s, %s"):format(round[1], body[1])
      local number = #shapes.names + 1
      shapes.names[number] = name
      text[number] = round[2]:gsub("[A-Z]%u+", {
        NAME = ("%q"):format(name), LOCALS = LOCALS, BODY = body[2], SELF = "f" .. number,
        INDEX = tostring(number),
      })
    end
  end
  shapes.text = HEAD .. table.concat(text, "\n")
end

--- An instance with all of them.
---@param compile? table
---@param options? table
function shapes.make(compile, options)
  local other = assert(wasm.run("(module (func (export \"other\")))"))
  local mod = assert(wasm.compile("(module " .. shapes.text .. ")", compile))
  return assert(mod:instantiate({ e = { host = function() end, other = other.exports.other } },
    options))
end

-- Calls of WASI, made again and again; some of them wait, some would take seconds. Names of
-- arguments stand for numbers: see make_calls.
local CALLS = {
  { "sched_yield", "sched_yield" },
  { "clock_time_get", "clock_time_get 0 1 RESULT" },
  { "random_get", "random_get BYTES 8" },
  { "random_get of 256 MB", "random_get BYTES LONG" },
  { "a sleep of an hour", "poll_oneoff HOUR RESULT 1 RESULT" },
  { "reads of an empty pipe", "fd_read PIPE SHORT_VECTOR 1 RESULT" },
  { "writes to a full buffer", "fd_write 1 SHORT_VECTOR 1 RESULT" },
  { "reads of a file", "fd_pread FILE LONG_VECTOR 1 0 RESULT" },
  { "writes of 256 MB to a file", "fd_pwrite FILE LONG_VECTOR 1 0 RESULT" },
  { "writes of 200 MB to a tree", "fd_pwrite NODE TREE_VECTOR 1 0 RESULT" },
  { "sizes in a tree", "fd_filestat_set_size NODE TREE", "fd_filestat_set_size NODE 0" },
  { "open and close", "path_open 3 0 NAME 1 0 2 0 0 RESULT", "fd_close 7" },
  { "listings", "fd_readdir 3 BYTES 65536 0 RESULT" },
  { "a name that is none", "path_filestat_get 3 0 NONE 1 RESULT" },
  { "directories made and removed", "path_create_directory 3 NONE 1",
    "path_remove_directory 3 NONE 1" },
  { "links made and removed", "path_symlink NAME 1 3 NONE 1", "path_unlink_file 3 NONE 1" },
}

shapes.calls = {}
for n, call in ipairs(CALLS) do shapes.calls[n] = "endless: " .. call[1] end

-- FILE is 5 in a directory of the host's, NODE 6 in a tree, PIPE 8 a fifo that is its own writer.
local ARGUMENTS = { RESULT = 64, NAME = 40, NONE = 41, FIFO = 42, HOUR = 256, BYTES = 65536,
  SHORT_VECTOR = 512, LONG_VECTOR = 520, TREE_VECTOR = 528, LONG = 256 << 20, TREE = 200 << 20,
  FILE = 5, NODE = 6, PIPE = 8 }

--- An instance whose exports make these calls for ever, in a directory that it may use.
---@param directory string
---@param compile? table
---@param options? table
function shapes.make_calls(directory, compile, options)
  local wasi = require "spec.support.wasi"
  local params = {}
  for _, row in ipairs(wasi.rows()) do params[row.name] = row.params end
  local function text_of(call)
    local name, rest = call:match "^([%w_]+)(.*)$"
    local list = {}
    for word in rest:gmatch "%S+" do
      local kind = params[name]:sub(#list + 1, #list + 1)
      list[#list + 1] = ("(%s.const %d)"):format(kind == "i" and "i32" or "i64",
        ARGUMENTS[word] or word)
    end
    return ("(drop (call $%s %s))"):format(name, table.concat(list, " "))
  end
  local functions = { [[(func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))]] }
  for n, call in ipairs(CALLS) do
    functions[#functions + 1] = ("(func (export %q) (loop %s %s (br 0)))"):format(shapes.calls[n],
      text_of(call[2]), call[3] and text_of(call[3]) or "")
  end
  local text = wasi.text("wasi_snapshot_preview1", '(memory (export "memory") 5000)')
  text = text:sub(1, -2) .. table.concat(functions, "\n") .. ")"
  assert(os.execute(("test -p %s/p || mkfifo %s/p"):format(directory, directory)))
  local w = assert(wasm.wasi { dirs = { ["/a"] = directory, ["/b"] = {} }, stdout = "buffer",
    max_bytes = 220 << 20 })
  local mod = assert(wasm.compile(text, compile))
  local imports = { wasi_snapshot_preview1 = w }
  -- the files are opened by an instance that has all the time it wants
  local opener <close> = assert(mod:instantiate(imports))
  local function open(dir, name, rights, fd)
    opener.memory:write(ARGUMENTS.NAME, "fxp")
    local e = opener.exports.path_open(dir, 0, name, 1, name == ARGUMENTS.FIFO and 0 or 1, rights,
      0, 0, ARGUMENTS.RESULT)
    assert(e == 0 and opener.memory:u32(ARGUMENTS.RESULT) == fd, e)
  end
  open(3, ARGUMENTS.NAME, wasi.RIGHTS_FILE, ARGUMENTS.FILE)
  open(4, ARGUMENTS.NAME, wasi.RIGHTS_FILE, ARGUMENTS.NODE)
  open(3, ARGUMENTS.NAME, 0, 7)
  open(3, ARGUMENTS.FIFO, wasi.RIGHT.read | wasi.RIGHT.write, ARGUMENTS.PIPE)
  opener.exports.fd_close(7)
  local inst = assert(mod:instantiate(imports, options))
  local m = inst.memory
  m:write(ARGUMENTS.NAME, "fxp")
  m:write(ARGUMENTS.HOUR, ("<i8i8I4I4i8i8i8"):pack(1, 0, 1, 0, 3600 * 1000000000, 0, 0))
  m:write(ARGUMENTS.SHORT_VECTOR, ("<I4I4I4I4I4I4"):pack(1024, 1000, ARGUMENTS.BYTES,
    ARGUMENTS.LONG, ARGUMENTS.BYTES, ARGUMENTS.TREE))
  return inst, w
end

return shapes

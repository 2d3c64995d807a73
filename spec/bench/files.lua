--- Files by WASI against the same system calls made from C, and a copy against cp: many small
--- writes, and MIB megabytes (MIB=1024 for a large file) with a buffer of 64 KiB.
local wasm = require "wasm"
local measure = require "spec.bench.measure"
local baseline = measure.baseline

local files = {}

local GUEST = [[(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 4)
  ;; 16: the one iovec, its bytes at 65536; 8: results; 1024, 1025: the names of the files
  (data (i32.const 16) "\00\00\01\00") (data (i32.const 1024) "ab")
  (func $named (param $name i32) (param $oflags i32) (param $rights i64) (result i32)
    (if (call $open (i32.const 3) (i32.const 0) (local.get $name) (i32.const 1)
        (local.get $oflags) (local.get $rights) (i64.const 0) (i32.const 0) (i32.const 8))
      (then unreachable))
    (i32.load (i32.const 8)))
  (func $put (param $fd i32) (param $n i32)
    (i32.store (i32.const 20) (local.get $n))
    (if (call $write (local.get $fd) (i32.const 16) (i32.const 1) (i32.const 8))
      (then unreachable)))
  (func (export "writes") (param $n i32) (result i32) (local $fd i32) (local $size i32)
    (local.set $fd (call $named (i32.const 1025) (i32.const 9) (i64.const 0x40)))
    (loop $next
      (call $put (local.get $fd) (i32.const 64))
      (local.set $size (i32.add (local.get $size) (i32.load (i32.const 8))))
      (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (drop (call $close (local.get $fd)))
    (local.get $size))
  (func (export "copy") (result i32) (local $from i32) (local $to i32) (local $size i32)
    (local.set $from (call $named (i32.const 1024) (i32.const 0) (i64.const 2)))
    (local.set $to (call $named (i32.const 1025) (i32.const 9) (i64.const 0x40)))
    (loop $next
      (i32.store (i32.const 20) (i32.const 65536))
      (if (call $read (local.get $from) (i32.const 16) (i32.const 1) (i32.const 8))
        (then unreachable))
      (if (i32.load (i32.const 8)) (then
        (call $put (local.get $to) (i32.load (i32.const 8)))
        (local.set $size (i32.add (local.get $size) (i32.load (i32.const 8))))
        (br $next))))
    (drop (call $close (local.get $from)))
    (drop (call $close (local.get $to)))
    (local.get $size)))]]

local WRITES, ROUNDS = 20000, tonumber(os.getenv("ROUNDS"))
local MIB = math.tointeger(tonumber(os.getenv("MIB") or 256))

local function size_of(path)
  local file <close> = assert(io.open(path))
  return file:seek("end")
end

--- Prints two lines; how many results differed.
function files.report()
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute("mkdir " .. dir))
  do
    local file <close> = assert(io.open(dir .. "/a", "wb"))
    for n = 1, MIB do file:write((string.char(n % 256)):rep(1 << 20)) end
  end
  local w <close> = assert(wasm.wasi { dirs = { ["/"] = dir } })
  local inst <close> = assert(wasm.run(GUEST, { wasi_snapshot_preview1 = w }))
  -- what is still to be written to the disk is nobody's time
  local function settle() os.remove(dir .. "/b") os.execute("sync") end
  local small, sizes = measure.interleave({
    function() return baseline.writes(dir .. "/b", WRITES) end,
    function() return inst.exports.writes(WRITES) end,
  }, nil, ROUNDS or 40, function() os.remove(dir .. "/b") end)
  local large, copies = measure.interleave({
    function() return baseline.copy(dir .. "/a", dir .. "/b") end,
    function() return inst.exports.copy() end,
    function()
      assert(os.execute(("cp --reflink=never %s/a %s/b"):format(dir, dir)))
      return size_of(dir .. "/b")
    end,
  }, nil, ROUNDS or 5, settle)
  assert(os.execute("rm -r " .. dir))
  print(("fd_write of 64 bytes: %.0f ns, write in C %.0f ns: ratio %.2f"):format(
    small[2] * 1e6 / WRITES, small[1] * 1e6 / WRITES, small[2] / small[1]))
  print(("copy of %d MiB: %.1f ms, in C %.1f ms: ratio %.2f; cp %.1f ms: ratio %.2f"):format(MIB,
    large[2], large[1], large[2] / large[1], large[3], large[2] / large[3]))
  local failed = sizes[1] ~= sizes[2] and 1 or 0
  for side = 2, 3 do failed = failed + (copies[side] ~= copies[1] and 1 or 0) end
  return failed
end

return files

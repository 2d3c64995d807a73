--- Guests that never end, each in its own way: for the specs of fuel and of timeouts.
local endless = {}

--- The fields of a module; imports come first. "add" ends.
endless.text = [[
  (import "e" "host" (func $host (param i32) (result i32)))
  (import "other" "spin" (func $spin))
  (memory (export "memory") 1 4)
  (memory $shared 1 1 shared)
  (type $v (func))
  (type $i (func (param i32) (result i32)))
  (type $box (struct (field (mut i32))))
  (table 4 funcref) (elem (i32.const 0) $recurse $chain $nothing)
  (tag $t)
  (func $nothing (type $v))
  (func $self (type $i) (local.get 0))
  (elem declare func $self)
  (func (export "loop") (param i32) (loop (br 0)))
  (func (export "loop of ifs") (param i32) (loop (if (local.get 0) (then (br 1))) (br 0)))
  (func (export "while") (param i32)
    (loop (br_if 0 (i32.lt_u (local.get 0) (i32.const -1)))))
  (func (export "loops in loops") (param i32)
    (loop $a (loop $b (loop $c (br_if $c (i32.eqz (local.get 0)))) (br $b)) (br $a)))
  (func (export "two in turn") (param i32) (local i32)
    (block $out (loop $a (br_if $out (i32.const 0))
      (loop $b (local.set 1 (i32.xor (local.get 1) (i32.const 1)))
        (br_if $a (local.get 1)) (br $b)))))
  (func (export "table of labels") (param i32) (local i32)
    (loop $l (block $a (block $b
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_table $a $b $l (i32.rem_u (local.get 1) (i32.const 3)))) (br $l)) (br $l)))
  (func (export "table of one label") (param i32) (loop (br_table 0 (local.get 0))))
  (func $recurse (export "recursion") (call $recurse))
  (func $chain (export "tail call") (return_call $chain))
  (func (export "indirect tail call") (return_call_indirect (type $v) (i32.const 1)))
  (func (export "indirect call") (param i32)
    (loop (call_indirect (type $v) (i32.const 2)) (br 0)))
  (func (export "call by reference") (param i32)
    (loop (drop (call_ref $i (i32.const 1) (ref.func $self))) (br 0)))
  (func $fib (param i32) (result i64)
    (if (result i64) (i32.lt_u (local.get 0) (i32.const 2))
      (then (i64.extend_i32_u (local.get 0)))
      (else (i64.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
        (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "fib of 90") (param i32) (drop (call $fib (i32.const 90))))
  (func (export "throw and catch") (param i32)
    (loop $l (block $h (try_table (catch $t $h) (throw $t))) (br $l)))
  (func (export "fill of memory") (param i32) (loop
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 100)) (br 0)))
  (func (export "growth of memory") (param i32)
    (loop (drop (memory.grow (i32.const 1))) (br 0)))
  (func (export "stores") (param i32) (loop
    (i32.store (local.get 0) (i32.load offset=4 (local.get 0)))
    (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 12)) (i32.const 0xfff))) (br 0)))
  (func (export "objects") (param i32) (local (ref null $box))
    (loop (local.set 1 (struct.new $box (local.get 0))) (br 0)))
  (func (export "floats") (param i32) (local f64)
    (loop (local.set 1 (f64.sqrt (f64.add (local.get 1) (f64.const 0.5)))) (br 0)))
  (func (export "vectors") (param i32) (local v128)
    (loop (local.set 1 (i8x16.add (local.get 1) (i8x16.splat (local.get 0)))) (br 0)))
  (func (export "atomics") (param i32)
    (loop (drop (i32.atomic.rmw.add $shared (i32.const 0) (i32.const 1))) (br 0)))
  (func (export "calls of the host") (param i32)
    (loop (drop (call $host (i32.const 1))) (br 0)))
  (func (export "linked instance") (param i32) (call $spin))
  (func (export "tail call of a linked instance") (return_call $spin))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "wait") (param i32)
    (drop (memory.atomic.wait32 $shared (i32.const 64) (i32.const 0) (i64.const -1))))]]

endless.names = { "loop", "loop of ifs", "while", "loops in loops", "two in turn",
  "table of labels", "table of one label", "tail call", "indirect tail call",
  "indirect call", "call by reference", "fib of 90", "throw and catch", "fill of memory",
  "growth of memory", "stores", "objects", "floats", "vectors", "atomics", "calls of the host",
  "linked instance", "tail call of a linked instance" }
--- This one ends when the stack is exhausted, and so does "wait" when it is woken.
endless.recursion = "recursion"
endless.wait = "wait"

--- An instance of it and the other that it is linked to.
---@param wasm table
---@param salt? string  more fields, so that the code is not shared
---@param compile? table
---@param options? table  of both instances
---@param host? function
---@return wasm.Instance inst
---@return wasm.Instance other
function endless.make(wasm, salt, compile, options, host)
  local other = assert(assert(wasm.compile(
    '(module (func (export "spin") (loop (br 0))) ' .. (salt or "") .. ")", compile))
    :instantiate(nil, options))
  local mod = assert(wasm.compile("(module " .. endless.text .. (salt or "") .. ")", compile))
  local inst = assert(mod:instantiate({ e = { host = host or function(v) return v end },
    other = other }, options))
  return inst, other
end

return endless

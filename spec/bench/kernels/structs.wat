;; structs.wat -- struct allocation: n complete binary trees of 14 levels, counted, forgotten.
(module
  (type $node (struct (field $left (ref null $node)) (field $right (ref null $node))
    (field $value i32)))
  (func $make (param $depth i32) (param $value i32) (result (ref $node))
    (if (result (ref $node)) (i32.eqz (local.get $depth))
      (then (struct.new $node (ref.null $node) (ref.null $node) (local.get $value)))
      (else
        (struct.new $node
          (call $make (i32.sub (local.get $depth) (i32.const 1))
            (i32.mul (local.get $value) (i32.const 2)))
          (call $make (i32.sub (local.get $depth) (i32.const 1))
            (i32.add (i32.mul (local.get $value) (i32.const 2)) (i32.const 1)))
          (local.get $value)))))
  (func $sum (param $node (ref null $node)) (result i32)
    (local $it (ref $node))
    (block $none
      (local.set $it (br_on_null $none (local.get $node)))
      (return
        (i32.add (struct.get $node $value (local.get $it))
          (i32.xor (call $sum (struct.get $node $left (local.get $it)))
            (i32.mul (i32.const 3) (call $sum (struct.get $node $right (local.get $it))))))))
    (i32.const 1))
  (func (export "run") (param $n i32) (result i32)
    (local $total i32)
    (loop $next
      (if (local.get $n)
        (then
          (local.set $total
            (i32.add (i32.mul (local.get $total) (i32.const 31))
              (call $sum (call $make (i32.const 13) (local.get $n)))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))
    (local.get $total)))

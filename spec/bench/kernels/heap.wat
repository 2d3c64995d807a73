;; heap.wat -- a live heap of a given size, for the collector: trees of 1,023 nodes in a list,
;; and garbage beside it.
(module
  (type $node (struct (field $left (ref null $node)) (field $right (ref null $node))
    (field $value i32)))
  (type $list (struct (field $tree (ref null $node)) (field $next (ref null $list))))
  (global $trees (mut (ref null $list)) (ref.null $list))

  (func $make (param $depth i32) (param $value i32) (result (ref null $node))
    (if (i32.eqz (local.get $depth)) (then (return (ref.null $node))))
    (struct.new $node
      (call $make (i32.sub (local.get $depth) (i32.const 1)) (i32.mul (local.get $value)
        (i32.const 2)))
      (call $make (i32.sub (local.get $depth) (i32.const 1)) (i32.add (local.get $value)
        (i32.const 7)))
      (local.get $value)))

  ;; n trees in place of those that were.
  (func (export "fill") (param $n i32)
    (global.set $trees (ref.null $list))
    (loop $next
      (if (local.get $n)
        (then
          (global.set $trees
            (struct.new $list (call $make (i32.const 10) (local.get $n)) (global.get $trees)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next)))))

  ;; n trees, forgotten at once.
  (func (export "churn") (param $n i32) (result i32)
    (local $sum i32)
    (loop $next
      (if (local.get $n)
        (then
          (local.set $sum (i32.add (local.get $sum)
            (struct.get $node $value (ref.as_non_null
              (call $make (i32.const 10) (local.get $n))))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $next))))
    (local.get $sum))

  (func $walk (param $node (ref null $node)) (result i32)
    (if (ref.is_null (local.get $node)) (then (return (i32.const 1))))
    (i32.add (struct.get $node $value (local.get $node))
      (i32.mul (i32.const 3)
        (i32.xor (call $walk (struct.get $node $left (local.get $node)))
          (call $walk (struct.get $node $right (local.get $node)))))))

  ;; Over all that lives.
  (func (export "sum") (result i32)
    (local $at (ref null $list)) (local $sum i32)
    (local.set $at (global.get $trees))
    (loop $next
      (if (i32.eqz (ref.is_null (local.get $at)))
        (then
          (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31))
            (call $walk (struct.get $list $tree (local.get $at)))))
          (local.set $at (struct.get $list $next (local.get $at)))
          (br $next))))
    (local.get $sum)))

(module
  (func $f (import "" "f") (param i32))
  (func $g (param i32) (call $f (local.get 0)))
  (func (param $n i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (call $g (i32.const 1))
    (call $g (i32.const 2))
    (local.get $sum)))

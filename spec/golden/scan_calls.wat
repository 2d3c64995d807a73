(module
  (func $f (import "" "f") (param i32) (result i32))
  (func $g (param i32) (result i32) (call $f (local.get 0)))
  (func (param $n i32) (param $k i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (call $g (i32.mul (local.get $n) (local.get $k)))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))

(module
  (func $f (import "" "f") (param i32) (result i32))
  (func $g (param i32) (result i32) (call $f (local.get 0)))
  (func (param $n i32) (result i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32) (local $e i32)
    (loop $l
      (local.set $a (i32.add (local.get $a) (call $g (local.get $n))))
      (local.set $b (i32.add (local.get $b) (local.get $a)))
      (local.set $c (i32.add (local.get $c) (local.get $a)))
      (local.set $d (i32.add (local.get $d) (local.get $a)))
      (local.set $e (i32.add (local.get $e) (call $g (local.get $a))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $a) (i32.add (local.get $b) (i32.add (local.get $c)
      (i32.add (local.get $d) (local.get $e)))))))

(module (memory 1)
  (func (param $p i32) (param $i i32) (param $x f64) (result f64 i32)
    (f64.mul (f64.load offset=8 (local.get $p)) (local.get $x))
    (i32.xor
      (i32.sub
        (i32.mul (local.get $i) (i32.load (local.get $p)))
        (i32.load offset=4 (i32.add (local.get $p) (i32.shl (local.get $i) (i32.const 2)))))
      (i32.lt_u (i32.sub (local.get $i) (i32.const 3)) (i32.load offset=16 (local.get $p))))))

;; throw.wat -- n exceptions thrown through ten frames and caught.
(module
  (tag $e (param i32))
  (func $down (param $depth i32) (param $value i32) (result i32)
    (if (i32.eqz (local.get $depth)) (then (throw $e (local.get $value))))
    (i32.add
      (call $down (i32.sub (local.get $depth) (i32.const 1)) (local.get $value))
      (i32.const 1)))
  (func (export "run") (param $n i32) (result i32)
    (local $i i32) (local $sum i32)
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $n))
        (then
          (local.set $sum
            (i32.add
              (i32.mul (local.get $sum) (i32.const 31))
              (block $caught (result i32)
                (drop (try_table (result i32) (catch $e $caught)
                  (call $down (i32.const 10) (local.get $i))))
                (i32.const -1))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (local.get $sum)))

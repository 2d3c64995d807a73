(module
  (func $half (param i32) (result i32) (local i32)
    (br_if 0 (local.get 1) (i32.and (local.get 0) (i32.const 1)))
    (i32.div_u (local.get 0)))
  (func $both (param i32) (result i32)
    (i32.add (call $half (local.get 0)) (i32.const 5)))
  (func (param i32) (result i32)
    (i32.mul (call $both (local.get 0)) (local.get 0))))

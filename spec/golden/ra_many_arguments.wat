(module
  (func $f (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i64)
    local.get 9)
  (func (param i64) (result i64)
    (call $f (i32.const 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
             (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (local.get 0))))

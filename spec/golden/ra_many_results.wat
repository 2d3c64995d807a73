(module
  (func $f (result i32 i32 i32 i32 i32 i32 i32 i32 i32 f64)
    i32.const 0 i32.const 1 i32.const 2 i32.const 3 i32.const 4
    i32.const 5 i32.const 6 i32.const 7 i32.const 8 f64.const 9)
  (func (result i32)
    call $f
    drop
    global.set 0
    i32.add
    return)
  (global (mut i32) (i32.const 0)))

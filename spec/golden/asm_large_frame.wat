(module
  (func $f (param i32) (result i32 i32 i32 i32 i32 i32 i32 i32 i32)
    local.get 0
    call $f))

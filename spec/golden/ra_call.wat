(module
  (func $f (param i32 f64 i32) (result i32)
    local.get 2
    local.get 1
    local.get 0
    call $f2)
  (func $f2 (param i32 f64 i32) (result i32)
    local.get 2
    local.get 0
    local.get 1
    local.get 2
    call $f
    i32.add))

(module
  (import "env" "f" (func $f (param i32) (result i32)))
  (func $pair (param i32) (result i32 i64)
    local.get 0
    call $f
    i64.const 2)
  (func (param i32) (result i64 i32) (local i64)
    local.get 0
    call $pair
    local.set 1
    call $f
    local.get 1
    call $swap)
  (func $swap (param i32 i64) (result i64 i32)
    local.get 1
    local.get 0))

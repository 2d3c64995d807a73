(module
  (func (param i32 i32) (result i32)
    local.get 0
    i32.const -7
    i32.add
    local.get 1
    i32.mul))

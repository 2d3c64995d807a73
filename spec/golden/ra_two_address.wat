(module
  (func (param i32 i32) (result i32)
    local.get 0
    local.get 1
    i32.sub
    local.get 0
    i32.mul
    local.get 1
    i32.const 7
    i32.and
    i32.add))

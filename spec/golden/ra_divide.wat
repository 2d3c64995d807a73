(module
  (func (param i32 i32) (result i32)
    local.get 1
    local.get 0
    i32.div_s
    local.get 0
    i32.rem_u
    local.get 1
    i32.div_u))

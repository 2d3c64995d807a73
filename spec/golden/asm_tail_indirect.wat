(module
  (table 4 funcref)
  (func (param i32 f32) (result f32)
    local.get 1
    local.get 0
    return_call_indirect (param f32) (result f32)))

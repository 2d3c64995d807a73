(module
  (func (param f32 f64) (result i32)
    local.get 0
    f32.neg
    f32.const 1.5
    f32.min
    f64.promote_f32
    local.get 1
    f64.copysign
    i32.trunc_f64_s))

(module
  (func (result i64 f32 f64 f64 f32 funcref)
    i64.const -1
    f32.const 0x1.8p+1
    f64.const -0
    f64.const nan:0x4000000000001
    f32.const inf
    ref.null func))

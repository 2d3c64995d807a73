(module
  (memory 1)
  (func (param i32) (result i64)
    local.get 0
    local.get 0
    i32.load8_u offset=3
    i32.store16 offset=65536
    local.get 0
    f64.load
    drop
    local.get 0
    i64.load32_s offset=4294967295
    memory.size
    i64.extend_i32_u
    i64.add))

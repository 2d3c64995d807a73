(module
  (memory 1)
  (func (param i32 i64)
    local.get 0
    local.get 1
    local.get 0
    i64.load offset=8
    i64.add
    i64.store offset=65536
    i32.const 16
    local.get 0
    f32.load offset=0x90000000
    f32.store))

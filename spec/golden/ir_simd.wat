(module
  (memory 1)
  (func (param i32 v128) (result v128)
    local.get 0
    v128.load64_splat offset=8
    local.get 1
    v128.const i32x4 1 2 3 4
    i8x16.shuffle 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31
    i32x4.add
    local.get 0
    i32x4.replace_lane 3
    local.set 1
    local.get 0
    local.get 1
    v128.store16_lane offset=2 5
    local.get 0
    local.get 1
    v128.load8_lane 15))

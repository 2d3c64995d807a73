(module
  (memory 1)
  (func (param i32 v128) (result v128)
    local.get 1
    local.get 0
    v128.load
    i64x2.gt_s
    v128.const i64x2 1 2
    v128.xor))

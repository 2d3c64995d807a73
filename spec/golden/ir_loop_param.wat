(module
  (func (param i64) (result i64)
    i64.const 1
    loop (param i64) (result i64)
      local.get 0
      i64.mul
      local.get 0
      i64.const -1
      i64.add
      local.tee 0
      i64.eqz
      i32.eqz
      br_if 0
    end))

(module
  (func (param i32) (result i32)
    block (result i32)
      i32.const 1
      local.get 0
      br_if 0
      local.get 0
      i32.eqz
      br_if 1
      drop
      i32.const 3
    end))

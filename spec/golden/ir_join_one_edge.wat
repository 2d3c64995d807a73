(module
  (func (param i32) (result i32)
    block
      local.get 0
      i32.const 3
      i32.mul
      local.set 0
      br 0
    end
    local.get 0))

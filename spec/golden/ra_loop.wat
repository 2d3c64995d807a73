(module
  (func (param i32 i32) (result i32) (local i32)
    loop
      local.get 2
      local.get 0
      local.get 1
      local.set 0
      local.set 1
      i32.const 1
      i32.add
      local.tee 2
      i32.const 10
      i32.lt_s
      br_if 0
    end
    local.get 0))

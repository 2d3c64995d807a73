(module
  (func (param i32 i32 i32) (result i32)
    local.get 0
    if
      i32.const 1
      local.set 1
    else
      i32.const 2
      local.set 1
      i32.const 3
      local.set 2
    end
    local.get 1
    local.get 2
    i32.sub))

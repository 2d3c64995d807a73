(module
  (func (param i32) (result i32) (local i32)
    i32.const 10
    local.get 0
    if (param i32) (result i32)
      i32.const 1
      i32.add
    end
    local.get 1
    i32.add))

(module
  (func (param i32) (result i32)
    block
      local.get 0
      br_if 0
      unreachable
    end
    block
      i32.const 1
      return
    end
    loop
      local.get 0
      br_if 0
      br 0
    end
    i32.const 2))

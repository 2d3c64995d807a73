(module
  (func (param i32) (result i32) (local i32)
    block
      block
        i32.const 5
        local.set 1
        local.get 0
        br_table 0 1 0 1
      end
      i32.const 6
      local.set 1
    end
    local.get 1))

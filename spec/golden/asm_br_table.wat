(module
  (func (param i32) (result i32)
    block (result i32)
      block (result i32)
        i32.const 10
        local.get 0
        br_table 0 1 0 1
      end
      i32.const 1
      i32.add
    end))

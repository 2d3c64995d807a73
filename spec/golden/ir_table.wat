(module
  (table 2 externref)
  (table 2 funcref)
  (elem func 0)
  (func (param externref) (result i32)
    i32.const 1
    local.get 0
    table.set 0
    ref.func 0
    i32.const 3
    table.grow 1
    drop
    i32.const 0
    i32.const 0
    i32.const 1
    table.init 1 0
    i32.const 0
    table.get 0
    ref.is_null
    table.size 1
    i32.add))

(module
  (type $binary (func (param i32 i32) (result i32)))
  (table 4 funcref)
  (func (param i32) (result i32)
    i32.const 1
    i32.const 2
    local.get 0
    call_indirect (type $binary)))

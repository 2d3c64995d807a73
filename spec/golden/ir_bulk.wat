(module
  (memory 1)
  (data "abc")
  (func (param i32) (result i32)
    local.get 0
    i32.const 1
    i32.const 2
    memory.init 0
    data.drop 0
    local.get 0
    i32.const 0
    i32.const 8
    memory.fill
    i32.const 1
    memory.grow))

(module
  (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    local.get 0 local.get 1 i32.add
    local.get 1 local.get 2 i32.add
    local.get 2 local.get 3 i32.add
    local.get 3 local.get 4 i32.add
    local.get 4 local.get 5 i32.add
    local.get 5 local.get 6 i32.add
    local.get 6 local.get 7 i32.add
    local.get 7 local.get 8 i32.add
    i32.xor i32.xor i32.xor i32.xor i32.xor i32.xor i32.xor))

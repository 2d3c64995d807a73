(module
  (func $f (param v128) (result v128) local.get 0)
  (func (param v128 f64 v128 i32) (result v128 f64) (local v128)
    loop
      local.get 0
      local.set 4
      local.get 2
      local.set 0
      local.get 4
      local.set 2
      local.get 3
      br_if 0
    end
    local.get 0
    call $f
    local.get 2
    i8x16.add
    local.get 1))

(module
  (func (param i32 f64 f64) (result f64)
    local.get 1
    local.get 2
    local.get 0
    i32.const 3
    i32.gt_u
    select
    local.get 1
    local.get 2
    f64.eq
    if (result f64)
      f64.const 0.5
    else
      local.get 2
    end
    f64.add))

(module
  (global $g (mut i64) (i64.const 1))
  (func (result i32)
    global.get $g
    global.get $g
    i64.add
    global.set $g
    global.get $g
    i32.wrap_i64))

(module ;; a branch over few instructions of many bytes, and one over few bytes
  (func (param i32 i64) (result i64)
    (block (br_if 0 (local.get 0))
      (local.set 1
        (i64.add (i64.xor (i64.add (i64.xor (i64.add (i64.xor (i64.add (i64.xor
        (i64.add (i64.xor (i64.add (local.get 1) (i64.const 0x1122334455667788))
        (i64.const 0x1223344556677889)) (i64.const 0x132435465768798a)) (i64.const
        0x1425364758697a8b)) (i64.const 0x15263748596a7b8c)) (i64.const
        0x162738495a6b7c8d)) (i64.const 0x1728394a5b6c7d8e)) (i64.const
        0x18293a4b5c6d7e8f)) (i64.const 0x192a3b4c5d6e7f90)) (i64.const
        0x1a2b3c4d5e6f8091)) (i64.const 0x1b2c3d4e5f708192))))
    (block (br_if 0 (i32.eqz (local.get 0)))
      (local.set 1 (i64.add (local.get 1) (local.get 1))))
    (local.get 1)))

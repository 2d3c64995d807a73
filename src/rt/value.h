/*
** value.h -- one WebAssembly value at rest: globals, arguments, results.
** Layer: rt.
*/
#ifndef LW_VALUE_H
#define LW_VALUE_H

#include "wasm/types.h"

typedef union Value {
  uint32_t i32; /* write through i64 so that the upper half is zero */
  uint64_t i64;
  float f32;
  double f64;
  uint64_t ref; /* 0 = null; FuncCell* or ExternBox* */
  uint8_t v128[16];
  uint64_t words[2];
} Value;
_Static_assert(sizeof(Value) == 16, "globals and overflow cells are 16 bytes");

#endif

/*
** vectors.h -- 128-bit vectors for kernels on both sides: the compiler's own vector
** types.
*/
#ifndef VECTORS_H
#define VECTORS_H

#include "kernel.h"
#ifdef __wasm__
#include <wasm_simd128.h>
#else
#include <immintrin.h>
#endif

typedef float f32x4 __attribute__((vector_size(16)));
typedef int32_t i32x4 __attribute__((vector_size(16)));
typedef uint32_t u32x4 __attribute__((vector_size(16)));
typedef uint16_t u16x8 __attribute__((vector_size(16)));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef uint8_t u8x8 __attribute__((vector_size(8)));

/* Is any bit set? */
static inline int any(i32x4 v)
{
#ifdef __wasm__
  return wasm_v128_any_true((v128_t)v);
#else
  return _mm_movemask_epi8((__m128i)v) != 0;
#endif
}

/* 16 words, each at most 255, to bytes. */
static inline u8x16 narrow(u16x8 low, u16x8 high)
{
#ifdef __wasm__
  return (u8x16)wasm_u8x16_narrow_i16x8((v128_t)low, (v128_t)high);
#else
  return (u8x16)_mm_packus_epi16((__m128i)low, (__m128i)high);
#endif
}

static inline void widen(const uint8_t *at, u16x8 *low, u16x8 *high)
{
  u8x8 halves[2];
  __builtin_memcpy(halves, at, 16);
  *low = __builtin_convertvector(halves[0], u16x8);
  *high = __builtin_convertvector(halves[1], u16x8);
}

#endif

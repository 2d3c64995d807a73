/*
** lanes.h -- vectors for the guests: the compiler's intrinsics on wasm, plain C natively.
**
** The names are those of clang's wasm_simd128.h. Natively lanes.def says lane by lane
** what each does, in scalar C, so that nothing is shared with what is under test. Of what
** a relaxed operator may give, the native side gives one.
*/
#ifndef LANES_H
#define LANES_H

#ifdef __wasm__
#include <wasm_simd128.h>
#else

#include <stdint.h>
#include <string.h>

typedef union {
  int8_t i8[16];
  uint8_t u8[16];
  int16_t i16[8];
  uint16_t u16[8];
  int32_t i32[4];
  uint32_t u32[4];
  int64_t i64[2];
  uint64_t u64[2];
  float f32[4];
  double f64[2];
} v128_t;

#define EACH(n)     for (int i = 0; i < (n); i++)

static inline int32_t clamp(int32_t x, int32_t low, int32_t high)
{
  return x < low ? low : x > high ? high : x;
}

static inline int32_t saturated(double x)
{
  if (x != x) return 0;
  return x <= -2147483648.0 ? INT32_MIN : x >= 2147483647.0 ? INT32_MAX : (int32_t)x;
}

static inline uint32_t unsigned_saturated(double x)
{
  if (x != x || x <= 0) return 0;
  return x >= 4294967295.0 ? UINT32_MAX : (uint32_t)x;
}

/* The type of a lane, told by its member. */
#define LANE(field) __typeof__(((v128_t *)0)->field[0])
#define OP1(name, from, to, n, expression)                                               \
  static inline v128_t name(v128_t a)                                                    \
  {                                                                                      \
    v128_t result;                                                                       \
    EACH(n)                                                                              \
    {                                                                                    \
      LANE(from) x = a.from[i];                                                          \
      result.to[i] = (LANE(to))(expression);                                             \
    }                                                                                    \
    return result;                                                                       \
  }
#define OP2(name, from, to, n, expression)                                               \
  static inline v128_t name(v128_t a, v128_t b)                                          \
  {                                                                                      \
    v128_t result;                                                                       \
    EACH(n)                                                                              \
    {                                                                                    \
      LANE(from) x = a.from[i], y = b.from[i];                                           \
      result.to[i] = (LANE(to))(expression);                                             \
    }                                                                                    \
    return result;                                                                       \
  }
#define OP3(name, from, to, n, expression)                                               \
  static inline v128_t name(v128_t a, v128_t b, v128_t c)                                \
  {                                                                                      \
    v128_t result;                                                                       \
    EACH(n)                                                                              \
    {                                                                                    \
      LANE(from) x = a.from[i], y = b.from[i], z = c.from[i];                            \
      result.to[i] = (LANE(to))(expression);                                             \
    }                                                                                    \
    return result;                                                                       \
  }
#include "lanes.def"

static inline v128_t wasm_v128_load(const void *at)
{
  v128_t v;
  memcpy(&v, at, 16);
  return v;
}

static inline void wasm_v128_store(void *at, v128_t v)
{
  memcpy(at, &v, 16);
}

#define SPLAT(name, type, field, n)                                                      \
  static inline v128_t name(type x)                                                      \
  {                                                                                      \
    v128_t v;                                                                            \
    EACH(n) v.field[i] = x;                                                              \
    return v;                                                                            \
  }
SPLAT(wasm_i8x16_splat, int8_t, i8, 16)
SPLAT(wasm_i16x8_splat, int16_t, i16, 8)
SPLAT(wasm_i32x4_splat, int32_t, i32, 4)
SPLAT(wasm_i64x2_splat, int64_t, i64, 2)
SPLAT(wasm_f32x4_splat, float, f32, 4)
SPLAT(wasm_f64x2_splat, double, f64, 2)

#define wasm_i32x4_extract_lane(v, i) ((v).i32[i])

static inline v128_t wasm_i32x4_make(int32_t a, int32_t b, int32_t c, int32_t d)
{
  v128_t v = {
    .i32 = {a, b, c, d}
  };
  return v;
}

static inline v128_t wasm_f32x4_make(float a, float b, float c, float d)
{
  v128_t v = {
    .f32 = {a, b, c, d}
  };
  return v;
}

static inline v128_t wasm_f64x2_make(double a, double b)
{
  v128_t v = {
    .f64 = {a, b}
  };
  return v;
}

static inline v128_t wasm_u16x8_extend_low_u8x16(v128_t a)
{
  v128_t v;
  EACH(8) v.u16[i] = a.u8[i];
  return v;
}

static inline v128_t wasm_u16x8_extend_high_u8x16(v128_t a)
{
  v128_t v;
  EACH(8) v.u16[i] = a.u8[i + 8];
  return v;
}

static inline v128_t wasm_u8x16_narrow_i16x8(v128_t a, v128_t b)
{
  v128_t v;
  EACH(16) v.u8[i] = (uint8_t)clamp(i < 8 ? a.i16[i] : b.i16[i - 8], 0, 255);
  return v;
}

static inline v128_t wasm_i32x4_dot_i16x8(v128_t a, v128_t b)
{
  v128_t v;
  EACH(4)
  v.u32[i] = (uint32_t)(a.i16[2 * i] * b.i16[2 * i]) +
             (uint32_t)(a.i16[2 * i + 1] * b.i16[2 * i + 1]);
  return v;
}

static inline v128_t wasm_u16x8_shr(v128_t a, uint32_t count)
{
  EACH(8) a.u16[i] = (uint16_t)(a.u16[i] >> (count & 15));
  return a;
}

static inline v128_t wasm_i32x4_shl(v128_t a, uint32_t count)
{
  EACH(4) a.u32[i] <<= count & 31;
  return a;
}

static inline v128_t wasm_u32x4_shr(v128_t a, uint32_t count)
{
  EACH(4) a.u32[i] >>= count & 31;
  return a;
}

static inline v128_t wasm_i64x2_shr(v128_t a, uint32_t count)
{
  EACH(2) a.i64[i] >>= count & 63;
  return a;
}

static inline v128_t wasm_i8x16_swizzle(v128_t a, v128_t indices)
{
  v128_t v;
  EACH(16) v.u8[i] = indices.u8[i] < 16 ? a.u8[indices.u8[i]] : 0;
  return v;
}

static inline v128_t wasm_i8x16_shuffle_bytes(v128_t a, v128_t b, const uint8_t *from)
{
  v128_t v;
  EACH(16) v.u8[i] = from[i] < 16 ? a.u8[from[i]] : b.u8[from[i] - 16];
  return v;
}
#define wasm_i8x16_shuffle(a, b, ...)                                                    \
  wasm_i8x16_shuffle_bytes(a, b, (const uint8_t[16]){__VA_ARGS__})

static inline uint32_t wasm_i8x16_bitmask(v128_t a)
{
  uint32_t mask = 0;
  EACH(16) mask |= (uint32_t)(a.i8[i] < 0) << i;
  return mask;
}

static inline int wasm_v128_any_true(v128_t a)
{
  return (a.u64[0] | a.u64[1]) != 0;
}

static inline int wasm_i32x4_all_true(v128_t a)
{
  return a.u32[0] && a.u32[1] && a.u32[2] && a.u32[3];
}

static inline v128_t wasm_i32x4_trunc_sat_f64x2_zero(v128_t a)
{
  return wasm_i32x4_make(saturated(a.f64[0]), saturated(a.f64[1]), 0, 0);
}

static inline v128_t wasm_f32x4_demote_f64x2_zero(v128_t a)
{
  return wasm_f32x4_make((float)a.f64[0], (float)a.f64[1], 0, 0);
}

static inline v128_t wasm_f64x2_promote_low_f32x4(v128_t a)
{
  return wasm_f64x2_make(a.f32[0], a.f32[1]);
}

static inline v128_t wasm_i8x16_relaxed_swizzle(v128_t a, v128_t indices)
{
  return wasm_i8x16_swizzle(a, indices);
}

static inline v128_t wasm_i16x8_relaxed_dot_i8x16_i7x16(v128_t a, v128_t b)
{
  v128_t v;
  EACH(8)
  v.i16[i] = (int16_t)(a.i8[2 * i] * b.i8[2 * i] + a.i8[2 * i + 1] * b.i8[2 * i + 1]);
  return v;
}

static inline v128_t wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v128_t a, v128_t b, v128_t c)
{
  v128_t v = wasm_i16x8_relaxed_dot_i8x16_i7x16(a, b);
  EACH(4) c.u32[i] += (uint32_t)(v.i16[2 * i] + v.i16[2 * i + 1]);
  return c;
}

#endif
#endif

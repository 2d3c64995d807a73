/*
** simd.c -- kernels in 128-bit vectors, as image, sound and text libraries have them.
*/
#include "chain.h"
#include "lanes.h"

enum { WIDTH = 64, HEIGHT = 40, SIDE = 16 };

/* 1 2 1 in both directions over bytes, widened to 16 bits and narrowed again. */
static v128_t blurred(const uint8_t *at)
{
  v128_t sum[2] = {wasm_i16x8_splat(8), wasm_i16x8_splat(8)};
  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -1; dx <= 1; dx++) {
      v128_t bytes = wasm_v128_load(at + dy * WIDTH + dx);
      v128_t weight = wasm_i16x8_splat((int16_t)((2 - dx * dx) * (2 - dy * dy)));
      v128_t low = wasm_u16x8_extend_low_u8x16(bytes);
      v128_t high = wasm_u16x8_extend_high_u8x16(bytes);
      sum[0] = wasm_i16x8_add(sum[0], wasm_i16x8_mul(low, weight));
      sum[1] = wasm_i16x8_add(sum[1], wasm_i16x8_mul(high, weight));
    }
  return wasm_u8x16_narrow_i16x8(wasm_u16x8_shr(sum[0], 4), wasm_u16x8_shr(sum[1], 4));
}

EXPORT(blur)
{
  static uint8_t image[2][(HEIGHT + 2) * WIDTH + 32];
  uint32_t state = n + 1, from = 0;
  for (size_t i = 0; i < sizeof image[0]; i++)
    image[0][i] = (uint8_t)next_random(&state);
  for (uint32_t pass = 0; pass < n; pass++, from ^= 1)
    for (int y = 1; y <= HEIGHT; y++)
      for (int x = 0; x < WIDTH; x += 16) {
        const uint8_t *at = image[from] + 16 + y * WIDTH + x;
        wasm_v128_store(image[from ^ 1] + 16 + y * WIDTH + x, blurred(at));
      }
  return mix_bytes(n, image[from], sizeof image[0]);
}

/* Four points at once until all have left the circle. */
EXPORT(mandelbrot)
{
  uint32_t sum = 0;
  v128_t four = wasm_f32x4_splat(4);
  for (int y = 0; y < 48; y++)
    for (int x = 0; x < 64; x += 4) {
      v128_t left = wasm_f32x4_splat((float)x / 24 - 2);
      v128_t cr =
        wasm_f32x4_add(left, wasm_f32x4_make(0, 1.0f / 24, 2.0f / 24, 3.0f / 24));
      v128_t ci = wasm_f32x4_splat((float)y / 24 - 1);
      v128_t zr = cr, zi = ci, steps = wasm_i32x4_splat(0);
      for (uint32_t i = 0; i < n; i++) {
        v128_t rr = wasm_f32x4_mul(zr, zr), ii = wasm_f32x4_mul(zi, zi);
        v128_t inside = wasm_f32x4_le(wasm_f32x4_add(rr, ii), four);
        if (!wasm_v128_any_true(inside)) break;
        steps = wasm_i32x4_sub(steps, inside);
        v128_t ri = wasm_f32x4_mul(zr, zi);
        zr = wasm_f32x4_add(wasm_f32x4_sub(rr, ii), cr);
        zi = wasm_f32x4_add(wasm_f32x4_add(ri, ri), ci);
      }
      sum = mix_bytes(sum, &steps, sizeof steps);
    }
  return sum;
}

/* c = a * b, four columns at a time. */
EXPORT(gemm)
{
  static float a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
  uint32_t state = n + 1;
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      a[i][j] = (float)(int32_t)next_random(&state) / 65536.0f;
      b[i][j] = (float)(int32_t)next_random(&state) / 1e9f;
    }
  for (uint32_t round = 0; round < n; round++) {
    for (int i = 0; i < SIDE; i++)
      for (int j = 0; j < SIDE; j += 4) {
        v128_t sum = wasm_f32x4_splat(0);
        for (int k = 0; k < SIDE; k++)
          sum = wasm_f32x4_add(
            sum, wasm_f32x4_mul(wasm_f32x4_splat(a[i][k]), wasm_v128_load(&b[k][j])));
        sum = wasm_f32x4_pmax(wasm_f32x4_pmin(sum, wasm_f32x4_splat(1e6f)),
                              wasm_f32x4_splat(-1e6f));
        wasm_v128_store(&c[i][j], wasm_f32x4_div(sum, wasm_f32x4_splat(3)));
      }
    for (int i = 0; i < SIDE; i++)
      for (int j = 0; j < SIDE; j += 4) {
        v128_t v = wasm_v128_load(&c[i][j]);
        v128_t root = wasm_f32x4_sqrt(wasm_f32x4_mul(v, v));
        wasm_v128_store(&a[i][j], wasm_f32x4_sub(wasm_f32x4_neg(v), root));
      }
  }
  return mix_bytes(n, a, sizeof a);
}

/* Scalar products of 16-bit samples, a filter of 32 taps. */
EXPORT(filter)
{
  static int16_t samples[512 + 32], taps[32];
  uint32_t state = n + 1, sum = 0;
  for (int i = 0; i < 512 + 32; i++)
    samples[i] = (int16_t)next_random(&state);
  for (int i = 0; i < 32; i++)
    taps[i] = (int16_t)(next_random(&state) >> 22);
  for (uint32_t at = 0; at < n % 513; at++) {
    v128_t total = wasm_i32x4_splat(0);
    for (int i = 0; i < 32; i += 8)
      total = wasm_i32x4_add(total, wasm_i32x4_dot_i16x8(wasm_v128_load(samples + at + i),
                                                         wasm_v128_load(taps + i)));
    total = wasm_i32x4_add(total, wasm_i8x16_shuffle(total, total, 8, 9, 10, 11, 12, 13,
                                                     14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
    total = wasm_i32x4_add(total, wasm_i8x16_shuffle(total, total, 4, 5, 6, 7, 0, 1, 2, 3,
                                                     12, 13, 14, 15, 8, 9, 10, 11));
    sum = mix(sum, (uint32_t)wasm_i32x4_extract_lane(total, 1));
  }
  return sum;
}

/* Bytes to hexadecimal digits by table look-up, and the ones in them counted. */
EXPORT(digits)
{
  v128_t table = wasm_v128_load("0123456789abcdef");
  v128_t low_bits = wasm_i8x16_splat(15), ones = wasm_i8x16_splat(0);
  uint32_t state = n + 1, sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t random[4];
    for (int lane = 0; lane < 4; lane++)
      random[lane] = next_random(&state);
    v128_t bytes = wasm_v128_load(random);
    v128_t high =
      wasm_i8x16_swizzle(table, wasm_v128_and(wasm_u16x8_shr(bytes, 4), low_bits));
    v128_t low = wasm_i8x16_swizzle(table, wasm_v128_and(bytes, low_bits));
    v128_t text[3] = {
      wasm_i8x16_shuffle(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7,
                         23),
      wasm_i8x16_shuffle(high, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
                         15, 31),
      wasm_i8x16_swizzle(table, bytes), /* mostly out of range: zeros */
    };
    ones = wasm_i8x16_add(ones, wasm_i8x16_popcnt(bytes));
    sum = mix_bytes(sum, text, sizeof text);
  }
  return mix_bytes(sum, &ones, sizeof ones);
}

/* All the saturating, averaging and rounding of bytes and samples, one fed to the next.
 */
EXPORT(saturate)
{
  v128_t a = wasm_i8x16_splat((int8_t)(n * 37)), b = wasm_i16x8_splat((int16_t)(n * 999));
  uint32_t state = n + 1, sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    v128_t x = wasm_i32x4_splat((int32_t)next_random(&state));
    x = wasm_i32x4_mul(x, wasm_i32x4_make(1, 0x10001, 77, -3));
    a = wasm_u8x16_add_sat(a, x);
    b = wasm_i16x8_add_sat(b, x);
    b = wasm_i16x8_q15mulr_sat(b, wasm_i16x8_sub(a, x));
    a = wasm_u8x16_avgr(a, wasm_i8x16_abs(b));
    a = wasm_i8x16_sub_sat(a, wasm_u8x16_min(x, b));
    a = wasm_u8x16_sub_sat(a, wasm_i8x16_splat(3));
    b = wasm_i16x8_min(b, wasm_u16x8_max(a, wasm_u16x8_sub_sat(x, a)));
    a = wasm_i8x16_add_sat(wasm_i8x16_max(a, b), x);
    sum = mix_bytes(mix_bytes(sum, &a, sizeof a), &b, sizeof b);
  }
  return sum;
}

/* Where a byte stands in a text: compare 16 at a time, take the mask apart. */
EXPORT(search)
{
  static uint8_t text[4096];
  uint32_t state = n + 1, sum = 0;
  for (size_t i = 0; i < sizeof text; i++)
    text[i] = (uint8_t)(next_random(&state) >> 24);
  for (size_t i = 0; i < sizeof text; i += 16) {
    v128_t bytes = wasm_v128_load(text + i);
    v128_t equal = wasm_i8x16_eq(bytes, wasm_i8x16_splat((int8_t)n));
    v128_t big = wasm_u8x16_gt(bytes, wasm_i8x16_splat((int8_t)0xf0));
    v128_t control = wasm_v128_andnot(wasm_i8x16_lt(bytes, wasm_i8x16_splat(32)), big);
    for (uint32_t m = wasm_i8x16_bitmask(wasm_v128_or(equal, big)); m; m &= m - 1)
      sum = mix(sum, (uint32_t)i + (uint32_t)__builtin_ctz(m));
    if (wasm_i32x4_all_true(control)) sum = mix(sum, 99);
    sum = mix(sum, wasm_i8x16_bitmask(wasm_v128_bitselect(control, bytes, equal)));
  }
  return sum;
}

/* Doubles: square roots, every rounding, and to 32 bits and back. */
EXPORT(doubles)
{
  v128_t x = wasm_f64x2_make(0.5 + n, -1e9 - n), total = wasm_f64x2_splat(0);
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    x = wasm_f64x2_mul(x, wasm_f64x2_make(-1.0625, 0.75));
    v128_t parts[6] = {
      wasm_f64x2_floor(x),
      wasm_f64x2_ceil(x),
      wasm_f64x2_trunc(x),
      wasm_f64x2_nearest(x),
      wasm_f64x2_sqrt(wasm_f64x2_abs(x)),
      wasm_f64x2_promote_low_f32x4(wasm_f32x4_demote_f64x2_zero(x)),
    };
    v128_t less = wasm_f64x2_lt(parts[0], parts[4]);
    total = wasm_f64x2_add(total,
                           wasm_v128_bitselect(wasm_f64x2_sub(parts[1], parts[3]),
                                               wasm_f64x2_div(parts[5], parts[4]), less));
    v128_t whole = wasm_i32x4_trunc_sat_f64x2_zero(x);
    v128_t single = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_demote_f64x2_zero(x));
    sum = mix_bytes(sum, parts, sizeof parts);
    sum = mix_bytes(mix_bytes(sum, &whole, sizeof whole), &single, sizeof single);
  }
  return mix_bytes(sum, &total, sizeof total);
}

/* 32 and 64 bits: random numbers in lanes, shifted, compared, sorted into two places. */
EXPORT(integers)
{
  v128_t a = wasm_i32x4_make(1, 2, 3, (int32_t)n),
         b = wasm_i64x2_splat((int64_t)n << 32 | 5);
  v128_t low = a, high = b;
  for (uint32_t i = 0; i < n; i++) {
    a = wasm_v128_xor(a, wasm_i32x4_shl(a, 13));
    a = wasm_v128_xor(a, wasm_u32x4_shr(a, 17));
    a = wasm_v128_xor(a, wasm_i32x4_shl(a, 5 + (i & 32)));
    b = wasm_i64x2_add(wasm_i64x2_mul(b, wasm_i64x2_splat(6364136223846793005)), a);
    b = wasm_v128_xor(b, wasm_i64x2_shr(b, i));
    v128_t less = wasm_v128_or(wasm_i32x4_gt(a, b), wasm_u32x4_lt(low, a));
    low = wasm_i32x4_min(low, wasm_v128_bitselect(a, b, less));
    high = wasm_u32x4_max(high, wasm_v128_and(wasm_i64x2_gt(a, b), wasm_v128_not(a)));
    v128_t back = wasm_f32x4_convert_u32x4(wasm_u32x4_shr(a, 3));
    low = wasm_i32x4_add(low, wasm_f32x4_sub(back, wasm_f32x4_convert_i32x4(b)));
    high = wasm_i64x2_sub(high, low);
  }
  return mix_bytes(mix_bytes(n, &low, sizeof low), &high, sizeof high);
}

/*
** relaxed.c -- relaxed SIMD: kernels whose results are the same whatever an engine
** chooses, and hostile operands whose results must be among those allowed.
*/
#include "chain.h"
#include "lanes.h"

typedef struct {
  int8_t b[16];
} Bytes;
typedef struct {
  int16_t h[8];
} Halves;
typedef struct {
  uint32_t w[4];
} Words;
typedef struct {
  float f[4];
} Floats;

static v128_t random_vector(uint32_t *state)
{
  uint32_t words[4];
  for (int i = 0; i < 4; i++)
    words[i] = next_random(state);
  return wasm_v128_load(words);
}

/* A polynomial at whole numbers: products and sums are exact, so fused or not is one. */
EXPORT(polynomial)
{
  uint32_t state = n + 1, sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    int32_t k = (int32_t)(next_random(&state) % 33) - 16;
    v128_t x = wasm_f32x4_make((float)k, (float)-k, (float)(k / 2), 2);
    v128_t y = wasm_f64x2_make(k * 3.0, k - 0.5);
    v128_t p = wasm_f32x4_splat(3), q = wasm_f64x2_splat(0.25);
    for (int power = 0; power < 4; power++) {
      p = wasm_f32x4_relaxed_madd(p, x, wasm_f32x4_splat((float)power - 2));
      q = wasm_f64x2_relaxed_madd(q, y, wasm_f64x2_splat(power * 5));
    }
    p = wasm_f32x4_relaxed_nmadd(x, wasm_f32x4_splat(5), p);
    q = wasm_f64x2_relaxed_nmadd(y, wasm_f64x2_splat(1.5), q);
    p = wasm_f32x4_relaxed_max(wasm_f32x4_relaxed_min(p, wasm_f32x4_splat(30000)),
                               wasm_f32x4_splat(-30000));
    q = wasm_f64x2_relaxed_max(wasm_f64x2_relaxed_min(q, wasm_f64x2_splat(1e5)),
                               wasm_f64x2_splat(-1e5));
    v128_t whole = wasm_i32x4_relaxed_trunc_f32x4(p);
    v128_t natural = wasm_u32x4_relaxed_trunc_f32x4(wasm_f32x4_mul(p, p));
    sum = mix_bytes(mix_bytes(sum, &p, sizeof p), &q, sizeof q);
    sum = mix_bytes(mix_bytes(sum, &whole, sizeof whole), &natural, sizeof natural);
  }
  return sum;
}

/* A layer of a quantized network: bytes times 7-bit weights. */
EXPORT(network)
{
  uint32_t state = n + 1;
  v128_t seven = wasm_i8x16_splat(0x7f), total = wasm_i32x4_splat(0);
  v128_t pairs = wasm_i16x8_splat(0);
  for (uint32_t i = 0; i < n; i++) {
    v128_t a = random_vector(&state),
           weights = wasm_v128_and(random_vector(&state), seven);
    total = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(a, weights, total);
    v128_t small = wasm_v128_and(weights, wasm_i8x16_splat(31));
    pairs = wasm_i16x8_add(wasm_i16x8_relaxed_q15mulr(pairs, wasm_i16x8_splat(0x3001)),
                           wasm_i16x8_relaxed_dot_i8x16_i7x16(a, small));
  }
  return mix_bytes(mix_bytes(n, &total, sizeof total), &pairs, sizeof pairs);
}

/* Look-ups with indices in range, and lanes chosen by masks that are all or nothing. */
EXPORT(chosen)
{
  uint32_t state = n + 1, sum = 0;
  v128_t bytes = random_vector(&state), nibble = wasm_i8x16_splat(15);
  for (uint32_t i = 0; i < n; i++) {
    v128_t other = random_vector(&state);
    bytes = wasm_i8x16_relaxed_swizzle(bytes, wasm_v128_and(other, nibble));
    v128_t masks[4] = {
      wasm_i8x16_lt(bytes, other),
      wasm_i8x16_eq(wasm_v128_xor(other, other), other),
      wasm_i32x4_gt(bytes, other),
      wasm_i64x2_gt(other, bytes),
    };
    bytes = wasm_i8x16_relaxed_laneselect(bytes, other, masks[0]);
    other = wasm_i16x8_relaxed_laneselect(other, bytes, masks[2]);
    bytes = wasm_i32x4_relaxed_laneselect(wasm_i8x16_add(bytes, other), other, masks[2]);
    bytes =
      wasm_i64x2_relaxed_laneselect(bytes, wasm_v128_xor(other, masks[1]), masks[3]);
    sum = mix_bytes(sum, &bytes, sizeof bytes);
  }
  return sum;
}

/* a * b + c rounded once: the product is exact in a double, the sum rounded to odd. */
static float fused(float a, float b, float c)
{
  double p = (double)a * b, s = p + c, part = s - p;
  double lost = (p - (s - part)) + (c - part);
  union {
    double d;
    uint64_t u;
  } bits = {.d = s};
  if (lost != 0 && (bits.u & 1) == 0) bits.u += (lost > 0) == (s > 0) ? 1 : -1ull;
  return (float)bits.d;
}

static uint32_t bits_of(float x)
{
  union {
    float f;
    uint32_t u;
  } bits = {.f = x};
  return bits.u;
}

/* Products and sums that are not exact: rounded once or twice, nothing else. */
EXPORT(fused_or_not)
{
  uint32_t state = n + 1, wrong = 0;
  for (uint32_t i = 0; i < n; i++) {
    Floats a, b, c, plus, minus;
    for (int lane = 0; lane < 4; lane++) {
      a.f[lane] = (float)(int32_t)next_random(&state) / 3e5f;
      b.f[lane] = (float)(int32_t)next_random(&state) / 7e7f;
      c.f[lane] = (float)(int32_t)next_random(&state) / 9e4f;
    }
    v128_t x = wasm_v128_load(&a), y = wasm_v128_load(&b), z = wasm_v128_load(&c);
    wasm_v128_store(&plus, wasm_f32x4_relaxed_madd(x, y, z));
    wasm_v128_store(&minus, wasm_f32x4_relaxed_nmadd(x, y, z));
    for (int lane = 0; lane < 4; lane++) {
      float p = a.f[lane] * b.f[lane];
      float once = fused(a.f[lane], b.f[lane], c.f[lane]);
      float less = fused(-a.f[lane], b.f[lane], c.f[lane]);
      wrong += plus.f[lane] != once && plus.f[lane] != p + c.f[lane];
      wrong += minus.f[lane] != less && minus.f[lane] != c.f[lane] - p;
    }
  }
  return wrong;
}

/* Indices beyond 15 give 0 or wrap (16 to 127), and 0 from 128; masks of mixed bits. */
EXPORT(any_index)
{
  uint32_t state = n + 1, wrong = 0;
  for (uint32_t i = 0; i < n; i++) {
    Bytes table, indices, got, mask, select;
    v128_t a = random_vector(&state), at = random_vector(&state);
    v128_t bits = random_vector(&state);
    wasm_v128_store(&table, a);
    wasm_v128_store(&indices, at);
    wasm_v128_store(&mask, bits);
    wasm_v128_store(&got, wasm_i8x16_relaxed_swizzle(a, at));
    wasm_v128_store(&select, wasm_i8x16_relaxed_laneselect(a, at, bits));
    for (int lane = 0; lane < 16; lane++) {
      uint8_t index = (uint8_t)indices.b[lane];
      int8_t there = table.b[index & 15];
      wrong += index < 16 ? got.b[lane] != there
                          : got.b[lane] != 0 && (index >= 128 || got.b[lane] != there);
      int8_t x = table.b[lane], y = indices.b[lane], m = mask.b[lane];
      wrong +=
        select.b[lane] != ((x & m) | (y & ~m)) && select.b[lane] != (m < 0 ? x : y);
    }
  }
  return wrong;
}

/* Numbers out of range and not-a-numbers: the ends, or the one odd value. */
EXPORT(any_number)
{
  static const float odd[8] = {3e9f, -3e9f,  1e20f,         -1e20f,
                               0,    -0.75f, 4294967040.0f, 77.5f};
  uint32_t state = n + 1, wrong = 0;
  volatile float zero = 0;
  for (uint32_t i = 0; i < n; i++) {
    Floats x;
    Words whole, natural;
    for (int lane = 0; lane < 4; lane++)
      x.f[lane] = odd[next_random(&state) & 7];
    x.f[i & 3] = i % 5 ? x.f[i & 3] : zero / zero;
    wasm_v128_store(&whole, wasm_i32x4_relaxed_trunc_f32x4(wasm_v128_load(&x)));
    wasm_v128_store(&natural, wasm_u32x4_relaxed_trunc_f32x4(wasm_v128_load(&x)));
    for (int lane = 0; lane < 4; lane++) {
      float f = x.f[lane];
      uint32_t w = whole.w[lane], u = natural.w[lane];
      if (f != f) {
        wrong += (w != 0 && w != 0x80000000u) || (u != 0 && u != 0xffffffffu);
        continue;
      }
      if (f > -2147483648.0f && f < 2147483648.0f)
        wrong += w != (uint32_t)(int32_t)f;
      else
        wrong += w != 0x80000000u && (f < 0 || w != 0x7fffffffu);
      if (f > -1 && f < 4294967296.0f)
        wrong += u != (f < 0 ? 0 : (uint32_t)f);
      else
        wrong += u != 0xffffffffu && (f > 0 || u != 0);
    }
  }
  return wrong;
}

/* Zeros of both signs and not-a-numbers; -1 times -1 in Q15. */
EXPORT(any_end)
{
  uint32_t state = n + 1, wrong = 0;
  volatile float zero = 0;
  const float values[4] = {zero, -zero, zero / zero, 1};
  for (uint32_t i = 0; i < n; i++) {
    Floats a, b, low, high;
    for (int lane = 0; lane < 4; lane++) {
      a.f[lane] = values[next_random(&state) & 3];
      b.f[lane] = values[next_random(&state) & 3];
    }
    v128_t x = wasm_v128_load(&a), y = wasm_v128_load(&b);
    wasm_v128_store(&low, wasm_f32x4_relaxed_min(x, y));
    wasm_v128_store(&high, wasm_f32x4_relaxed_max(x, y));
    for (int lane = 0; lane < 4; lane++) {
      float f = a.f[lane], g = b.f[lane], l = low.f[lane], h = high.f[lane];
      if (f != f || g != g) {
        wrong += l == l && bits_of(l) != bits_of(f) && bits_of(l) != bits_of(g);
        wrong += h == h && bits_of(h) != bits_of(f) && bits_of(h) != bits_of(g);
      } else {
        wrong += l != (f < g ? f : g) || h != (f > g ? f : g);
      }
    }
    Halves ends;
    v128_t lowest = wasm_i16x8_splat((int16_t)(i % 3 ? -32768 : 0x4000));
    wasm_v128_store(&ends, wasm_i16x8_relaxed_q15mulr(lowest, lowest));
    for (int lane = 0; lane < 8; lane++)
      wrong +=
        i % 3 ? ends.h[lane] != -32768 && ends.h[lane] != 32767 : ends.h[lane] != 0x2000;
  }
  return wrong;
}

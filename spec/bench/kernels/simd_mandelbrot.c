/* simd_mandelbrot.c -- n x n points, four at a time until all of them have left. */
#include "vectors.h"

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  float step = 2.5f / (float)n;
  for (uint32_t y = 0; y < n; y++)
    for (uint32_t x = 0; x < n; x += 4) {
      float ci = (float)y * step - 1.25f, left = (float)x * step - 2;
      f32x4 cr = {left, left + step, left + 2 * step, left + 3 * step};
      f32x4 zr = cr, zi = {ci, ci, ci, ci};
      i32x4 count = {0};
      for (int i = 0; i < 100; i++) {
        f32x4 rr = zr * zr, ii = zi * zi, ri = zr * zi;
        i32x4 inside = rr + ii <= 4.0f;
        if (!any(inside)) break;
        count -= inside;
        zr = rr - ii + cr;
        zi = ri + ri + ci;
      }
      sum = sum * 31 + (uint32_t)(count[0] + count[1] * 3 + count[2] * 5 + count[3] * 7);
    }
  return sum;
}

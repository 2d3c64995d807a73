/* mandelbrot.c -- an n x n picture: a float loop that never touches memory. */
#include "kernel.h"

static uint32_t escape(double cr, double ci)
{
  double zr = 0, zi = 0;
  uint32_t i = 0;
  while (i < 200) {
    double r2 = zr * zr, i2 = zi * zi;
    if (r2 + i2 > 4.0) break;
    zi = 2 * zr * zi + ci;
    zr = r2 - i2 + cr;
    i++;
  }
  return i;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t y = 0; y < n; y++)
    for (uint32_t x = 0; x < n; x++)
      sum = sum * 31 + escape(3.0 * x / n - 2.0, 2.0 * y / n - 1.0);
  return sum;
}

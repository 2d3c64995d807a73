/* fannkuch.c -- permutations of n: tiny arrays, tiny loops. */
#include "kernel.h"

static uint32_t flips(const int32_t *perm, int32_t *p, int32_t n)
{
  uint32_t count = 0;
  for (int32_t i = 0; i < n; i++)
    p[i] = perm[i];
  for (int32_t k = p[0]; k != 0; k = p[0]) {
    for (int32_t i = 0, j = k; i < j; i++, j--) {
      int32_t t = p[i];
      p[i] = p[j];
      p[j] = t;
    }
    count++;
  }
  return count;
}

uint32_t run(uint32_t n)
{
  int32_t perm[16], scratch[16], count[16];
  int32_t size = n < 16 ? (int32_t)n : 15, r = size;
  uint32_t most = 0, sum = 0, nth = 0;
  for (int32_t i = 0; i < size; i++)
    perm[i] = i;
  for (;;) {
    for (; r != 1; r--)
      count[r - 1] = r;
    uint32_t f = perm[0] ? flips(perm, scratch, size) : 0;
    if (f > most) most = f;
    sum += nth++ & 1 ? 0 - f : f;
    for (;;) {
      if (r == size) return sum * 1000 + most;
      int32_t first = perm[0];
      for (int32_t i = 0; i < r; i++)
        perm[i] = perm[i + 1];
      perm[r] = first;
      if (--count[r] > 0) break;
      r++;
    }
  }
}

/* ackermann.c -- deep recursion: ack(2, n) has about n * n / 2 calls and a depth of 2n.
 */
#include "kernel.h"

static uint32_t ack(uint32_t m, uint32_t n)
{
  if (m == 0) return n + 1;
  if (n == 0) return ack(m - 1, 1);
  return ack(m - 1, ack(m, n - 1));
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++)
    sum = sum * 31 + ack(2, 300 + i % 8);
  return sum;
}

/* sieve.c -- strided byte stores over 256 KiB. */
#include "kernel.h"

enum { SIZE = 1 << 18 };
static uint8_t composite[SIZE];

static uint32_t count_primes(void)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < SIZE; i++)
    composite[i] = 0;
  for (uint32_t i = 2; i < SIZE; i++) {
    if (composite[i]) continue;
    count++;
    for (uint32_t j = i * 2; j < SIZE; j += i)
      composite[j] = 1;
  }
  return count;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++)
    sum = sum * 31 + count_primes();
  return sum;
}

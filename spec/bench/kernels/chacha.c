/* chacha.c -- ChaCha20 key stream, n blocks: sixteen words that want sixteen registers.
 */
#include "kernel.h"

static uint32_t rotl(uint32_t x, int n)
{
  return (x << n) | (x >> (32 - n));
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
  x[a] += x[b];
  x[d] = rotl(x[d] ^ x[a], 16);
  x[c] += x[d];
  x[b] = rotl(x[b] ^ x[c], 12);
  x[a] += x[b];
  x[d] = rotl(x[d] ^ x[a], 8);
  x[c] += x[d];
  x[b] = rotl(x[b] ^ x[c], 7);
}

static uint32_t block(const uint32_t key[16])
{
  uint32_t x[16], sum = 0;
  for (int i = 0; i < 16; i++)
    x[i] = key[i];
  for (int i = 0; i < 10; i++) {
    quarter(x, 0, 4, 8, 12);
    quarter(x, 1, 5, 9, 13);
    quarter(x, 2, 6, 10, 14);
    quarter(x, 3, 7, 11, 15);
    quarter(x, 0, 5, 10, 15);
    quarter(x, 1, 6, 11, 12);
    quarter(x, 2, 7, 8, 13);
    quarter(x, 3, 4, 9, 14);
  }
  for (int i = 0; i < 16; i++)
    sum = sum * 31 + x[i] + key[i];
  return sum;
}

uint32_t run(uint32_t n)
{
  uint32_t key[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  uint32_t sum = 0;
  for (uint32_t i = 4; i < 16; i++)
    key[i] = i * 0x01010101u;
  for (uint32_t i = 0; i < n; i++) {
    key[12] = i;
    sum ^= block(key);
  }
  return sum;
}

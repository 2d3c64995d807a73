/* simd_blake3.c -- BLAKE3's compression of four blocks at a time, one in each lane. */
#include "vectors.h"

static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
static const uint8_t moved[16] = {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

static inline u32x4 rotated(u32x4 x, int count)
{
  return x >> count | x << (32 - count);
}

static inline void quarter(u32x4 *v, int a, int b, int c, int d, u32x4 x, u32x4 y)
{
  v[a] += v[b] + x;
  v[d] = rotated(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = rotated(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = rotated(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = rotated(v[b] ^ v[c], 7);
}

static void compress(u32x4 *chain, const u32x4 *block, uint32_t counter)
{
  u32x4 v[16], m[16], next[16];
  for (int i = 0; i < 8; i++)
    v[i] = chain[i];
  for (int i = 0; i < 4; i++)
    v[i + 8] = (u32x4){0} + start[i];
  v[12] = (u32x4){counter, counter + 1, counter + 2, counter + 3};
  v[13] = (u32x4){0};
  v[14] = (u32x4){64, 64, 64, 64};
  v[15] = (u32x4){11, 11, 11, 11};
  for (int i = 0; i < 16; i++)
    m[i] = block[i];
  for (int round = 0; round < 7; round++) {
    for (int i = 0; i < 4; i++)
      quarter(v, i, i + 4, i + 8, i + 12, m[2 * i], m[2 * i + 1]);
    for (int i = 0; i < 4; i++)
      quarter(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[2 * i + 8],
              m[2 * i + 9]);
    for (int i = 0; i < 16; i++)
      next[i] = m[moved[i]];
    for (int i = 0; i < 16; i++)
      m[i] = next[i];
  }
  for (int i = 0; i < 8; i++)
    chain[i] = v[i] ^ v[i + 8];
}

uint32_t run(uint32_t n)
{
  u32x4 chain[8], block[16];
  uint32_t state = 1, sum = 0;
  for (int i = 0; i < 8; i++)
    chain[i] = (u32x4){0} + start[i];
  for (int i = 0; i < 16; i++)
    for (int lane = 0; lane < 4; lane++)
      block[i][lane] = next_random(&state);
  for (uint32_t i = 0; i < n; i++)
    compress(chain, block, i * 4);
  for (int i = 0; i < 8; i++)
    sum = sum * 31 + (chain[i][0] ^ chain[i][1] * 3 ^ chain[i][2] * 5 ^ chain[i][3] * 7);
  return sum;
}

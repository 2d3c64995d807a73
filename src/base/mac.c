/*
** mac.c -- BLAKE2b by RFC 7693, sections 2.5 to 3.3.
** Layer: base.
*/
#include "base/mac.h"

#include <assert.h>
#include <string.h>

static const uint64_t iv[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                               0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                               0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const uint8_t sigma[10][16] = {
  {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15},
  {14, 10, 4,  8,  9,  15, 13, 6,  1,  12, 0,  2,  11, 7,  5,  3 },
  {11, 8,  12, 0,  5,  2,  15, 13, 10, 14, 3,  6,  7,  1,  9,  4 },
  {7,  9,  3,  1,  13, 12, 11, 14, 2,  6,  5,  10, 4,  0,  15, 8 },
  {9,  0,  5,  7,  2,  4,  10, 15, 14, 1,  11, 12, 6,  8,  3,  13},
  {2,  12, 6,  10, 0,  11, 8,  3,  4,  13, 7,  5,  15, 14, 1,  9 },
  {12, 5,  1,  15, 14, 13, 4,  10, 0,  7,  6,  3,  9,  2,  8,  11},
  {13, 11, 7,  14, 12, 1,  3,  9,  5,  0,  15, 4,  8,  6,  2,  10},
  {6,  15, 14, 9,  11, 3,  0,  8,  12, 2,  13, 7,  1,  4,  10, 5 },
  {10, 2,  8,  4,  7,  6,  1,  5,  15, 11, 9,  14, 3,  12, 13, 0 },
};

static uint64_t rotate(uint64_t x, int n)
{
  return x >> n | x << (64 - n);
}

static uint64_t load(const uint8_t *p)
{
  uint64_t x = 0;
  for (int k = 7; k >= 0; k--)
    x = x << 8 | p[k];
  return x;
}

static void mix(uint64_t v[16], int a, int b, int c, int d, uint64_t x, uint64_t y)
{
  v[a] = v[a] + v[b] + x;
  v[d] = rotate(v[d] ^ v[a], 32);
  v[c] = v[c] + v[d];
  v[b] = rotate(v[b] ^ v[c], 24);
  v[a] = v[a] + v[b] + y;
  v[d] = rotate(v[d] ^ v[a], 16);
  v[c] = v[c] + v[d];
  v[b] = rotate(v[b] ^ v[c], 63);
}

static void compress(Mac *m, const uint8_t block[128], bool last)
{
  uint64_t v[16], x[16];
  for (int k = 0; k < 16; k++)
    x[k] = load(block + (size_t)k * 8);
  memcpy(v, m->h, sizeof m->h);
  memcpy(v + 8, iv, sizeof iv);
  v[12] ^= m->bytes; /* messages are shorter than 2^64 */
  if (last) v[14] = ~v[14];
  for (int r = 0; r < 12; r++) {
    const uint8_t *s = sigma[r % 10];
    mix(v, 0, 4, 8, 12, x[s[0]], x[s[1]]);
    mix(v, 1, 5, 9, 13, x[s[2]], x[s[3]]);
    mix(v, 2, 6, 10, 14, x[s[4]], x[s[5]]);
    mix(v, 3, 7, 11, 15, x[s[6]], x[s[7]]);
    mix(v, 0, 5, 10, 15, x[s[8]], x[s[9]]);
    mix(v, 1, 6, 11, 12, x[s[10]], x[s[11]]);
    mix(v, 2, 7, 8, 13, x[s[12]], x[s[13]]);
    mix(v, 3, 4, 9, 14, x[s[14]], x[s[15]]);
  }
  for (int k = 0; k < 8; k++)
    m->h[k] ^= v[k] ^ v[k + 8];
}

void lw_blake2b_begin(Mac *m, size_t size, const void *key, size_t key_size)
{
  assert(size >= 1 && size <= 64 && key_size <= MAC_KEY_MAX);
  *m = (Mac){.size = (uint8_t)size};
  memcpy(m->h, iv, sizeof iv);
  m->h[0] ^= 0x01010000 ^ (uint64_t)key_size << 8 ^ size;
  if (key_size == 0) return;
  memcpy(m->block, key, key_size);
  m->used = sizeof m->block;
}

void lw_blake2b_add(Mac *m, const void *bytes, size_t size)
{
  const uint8_t *p = bytes;
  while (size > 0) {
    if (m->used == sizeof m->block) { /* there is more, so it is not the last one */
      m->bytes += m->used;
      compress(m, m->block, false);
      m->used = 0;
    }
    size_t room = sizeof m->block - m->used, n = size < room ? size : room;
    memcpy(m->block + m->used, p, n);
    m->used += n;
    p += n;
    size -= n;
  }
}

void lw_blake2b_end(Mac *m, uint8_t *out)
{
  m->bytes += m->used;
  memset(m->block + m->used, 0, sizeof m->block - m->used);
  compress(m, m->block, true);
  for (size_t k = 0; k < m->size; k++)
    out[k] = (uint8_t)(m->h[k / 8] >> (8 * (k % 8)));
}

void lw_mac(const void *key, size_t key_size, const void *a, size_t na, const void *b,
            size_t nb, uint8_t out[MAC_SIZE])
{
  Mac m;
  uint8_t digest[MAC_KEY_MAX];
  if (key_size > MAC_KEY_MAX) {
    lw_blake2b_begin(&m, MAC_KEY_MAX, NULL, 0);
    lw_blake2b_add(&m, key, key_size);
    lw_blake2b_end(&m, digest);
    key = digest;
    key_size = MAC_KEY_MAX;
  }
  lw_blake2b_begin(&m, MAC_SIZE, key, key_size);
  lw_blake2b_add(&m, a, na);
  lw_blake2b_add(&m, b, nb);
  lw_blake2b_end(&m, out);
}

bool lw_mac_equal(const uint8_t a[MAC_SIZE], const uint8_t b[MAC_SIZE])
{
  volatile uint8_t differs = 0;
  for (int k = 0; k < MAC_SIZE; k++)
    differs = differs | (uint8_t)(a[k] ^ b[k]);
  return differs == 0;
}

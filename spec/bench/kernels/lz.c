/* lz.c -- compress 32 KiB of made-up text with a hash chain of one, expand it, compare.
 */
#include "kernel.h"

enum { SIZE = 1 << 15, HASH = 1 << 12 };
static uint8_t text[SIZE], packed[SIZE * 2], back[SIZE + 64];
static uint32_t last[HASH];

static void write_text(uint32_t seed)
{
  static const char words[] =
    "the quick brown fox jumps over a lazy dog and then it rests ";
  for (uint32_t i = 0; i < SIZE;) {
    uint32_t r = next_random(&seed), at = r % 48, len = 3 + (r >> 8) % 9;
    for (uint32_t j = 0; j < len && i < SIZE; j++)
      text[i++] = (uint8_t)words[at + j];
  }
}

static uint32_t hash_at(uint32_t i)
{
  uint32_t w = text[i] | (uint32_t)text[i + 1] << 8 | (uint32_t)text[i + 2] << 16;
  return (w * 2654435761u) >> 20;
}

static uint32_t match_length(uint32_t a, uint32_t b)
{
  uint32_t n = 0;
  while (n < 130 && b + n < SIZE && text[a + n] == text[b + n])
    n++;
  return n;
}

/* Tokens: 0..127 = that many + 1 literals follow; 128.. = length - 3, distance in two
 * bytes. */
static uint32_t compress(void)
{
  uint32_t out = 0, literals = 0;
  for (uint32_t i = 0; i < HASH; i++)
    last[i] = 0;
  for (uint32_t i = 0; i < SIZE;) {
    uint32_t len = 0, from = 0;
    if (i + 3 <= SIZE) {
      uint32_t h = hash_at(i);
      from = last[h];
      last[h] = i + 1;
      if (from) len = match_length(--from, i);
    }
    if (len >= 4) {
      packed[out++] = (uint8_t)(128 + len - 4);
      packed[out++] = (uint8_t)(i - from);
      packed[out++] = (uint8_t)((i - from) >> 8);
      i += len;
      literals = 0;
    } else {
      if (literals == 0 || packed[literals - 1] == 127) {
        literals = ++out;
        packed[literals - 1] = 0xff;
      }
      packed[literals - 1]++;
      packed[out++] = text[i++];
    }
  }
  return out;
}

static uint32_t expand(uint32_t size)
{
  uint32_t out = 0;
  for (uint32_t i = 0; i < size;) {
    uint32_t token = packed[i++];
    if (token < 128) {
      for (uint32_t j = 0; j <= token; j++)
        back[out++] = packed[i++];
    } else {
      uint32_t distance = packed[i] | (uint32_t)packed[i + 1] << 8;
      i += 2;
      for (uint32_t j = 0; j < token - 128 + 4; j++, out++)
        back[out] = back[out - distance];
    }
  }
  return out;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    write_text(i + 1);
    uint32_t size = compress(), same = 0, length = expand(size);
    for (uint32_t j = 0; j < length; j++)
      same += back[j] == text[j];
    sum = sum * 31 + size * 7 + same;
  }
  return sum;
}

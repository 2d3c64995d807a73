/* edit.c -- Levenshtein distance of two 512-byte strings: a row of words, three-way
 * minima. */
#include "kernel.h"

enum { SIZE = 512 };
static uint8_t left[SIZE], right[SIZE];
static uint32_t row[SIZE + 1];

static uint32_t distance(void)
{
  for (uint32_t j = 0; j <= SIZE; j++)
    row[j] = j;
  for (uint32_t i = 0; i < SIZE; i++) {
    uint32_t diagonal = row[0];
    row[0] = i + 1;
    for (uint32_t j = 0; j < SIZE; j++) {
      uint32_t best = diagonal + (left[i] != right[j]);
      diagonal = row[j + 1];
      if (diagonal + 1 < best) best = diagonal + 1;
      if (row[j] + 1 < best) best = row[j] + 1;
      row[j + 1] = best;
    }
  }
  return row[SIZE];
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0, seed = 12345;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < SIZE; j++) {
      left[j] = next_random(&seed) & 7;
      right[j] = next_random(&seed) & 7;
    }
    sum = sum * 31 + distance();
  }
  return sum;
}

/* quicksort.c -- 16 Ki words, Hoare's partition: branches no one can predict. */
#include "kernel.h"

enum { SIZE = 1 << 14 };
static uint32_t data[SIZE];

static void sort(uint32_t *v, int32_t low, int32_t high)
{
  while (low < high) {
    uint32_t pivot = v[low + (high - low) / 2];
    int32_t i = low, j = high;
    while (i <= j) {
      while (v[i] < pivot)
        i++;
      while (v[j] > pivot)
        j--;
      if (i <= j) {
        uint32_t t = v[i];
        v[i++] = v[j];
        v[j--] = t;
      }
    }
    if (j - low < high - i) {
      sort(v, low, j);
      low = i;
    } else {
      sort(v, i, high);
      high = j;
    }
  }
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0, seed = 2463534242u;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < SIZE; j++)
      data[j] = next_random(&seed);
    sort(data, 0, SIZE - 1);
    for (uint32_t j = 1; j < SIZE; j++)
      sum += data[j - 1] <= data[j];
    sum = sum * 31 + data[SIZE / 3];
  }
  return sum;
}

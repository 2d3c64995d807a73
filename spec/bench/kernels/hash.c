/* hash.c -- open addressing with 64-bit keys: insert, look up, count. */
#include "kernel.h"

enum { SLOTS = 1 << 15, KEYS = SLOTS / 2 };
typedef struct Slot {
  uint64_t key;
  uint32_t count;
} Slot;
static Slot slots[SLOTS];

static Slot *find(uint64_t key)
{
  uint64_t h = key * 0x9e3779b97f4a7c15u;
  uint32_t at = (uint32_t)(h >> 49);
  while (slots[at].count && slots[at].key != key)
    at = (at + 1) & (SLOTS - 1);
  return &slots[at];
}

static uint32_t fill(uint32_t seed)
{
  uint32_t longest = 0;
  for (uint32_t i = 0; i < SLOTS; i++)
    slots[i] = (Slot){0, 0};
  for (uint32_t i = 0; i < KEYS * 4; i++) {
    uint64_t key = (uint64_t)(next_random(&seed) % KEYS) << 20 | 1;
    Slot *s = find(key);
    s->key = key;
    if (++s->count > longest) longest = s->count;
  }
  return longest;
}

uint32_t run(uint32_t n)
{
  uint32_t sum = 0;
  for (uint32_t i = 0; i < n; i++) {
    sum = sum * 31 + fill(i + 1);
    for (uint32_t j = 0; j < KEYS; j++)
      sum += find((uint64_t)j << 20 | 1)->count * j;
  }
  return sum;
}

/*
** coro.c -- a guest that waits in nested frames, for the specs with thousands of
** parked calls.
**
** `job` walks down `depth` frames. Each has an array in linear memory, waits, mixes the
** answer into it, calls the next, waits again and checks the array: 2 * (depth + 1)
** waits. The result depends on every answer and every array; 0xffffffff somewhere on the
** way (so a wrong result) means that an array changed while the call was parked.
*/
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define NOINLINE     __attribute__((noinline))

__attribute__((import_module("env"), import_name("wait"))) int32_t wait(int32_t value);

enum { WORDS = 64 };

EXPORT(where) NOINLINE int32_t where(void)
{
  volatile char here[16];
  volatile char *volatile address = here;
  return (int32_t)(intptr_t)address;
}

NOINLINE static uint32_t step(uint32_t seed, int32_t depth)
{
  volatile uint32_t local[WORDS];
  for (int i = 0; i < WORDS; i++)
    local[i] = seed * 2654435761u + (uint32_t)i;
  uint32_t answer = (uint32_t)wait((int32_t)(seed & 0xffff));
  local[answer % WORDS] += answer;
  uint32_t below = depth > 0 ? step(seed + answer, depth - 1) : answer;
  uint32_t last = (uint32_t)wait((int32_t)(below & 0xffff));
  uint32_t sum = below ^ last;
  for (int i = 0; i < WORDS; i++) {
    uint32_t want = seed * 2654435761u + (uint32_t)i;
    if ((uint32_t)i == answer % WORDS) want += answer;
    if (local[i] != want) return 0xffffffffu;
    sum = sum * 33 + local[i];
  }
  return sum & 0x7fffffff;
}

EXPORT(job) int32_t job(int32_t seed, int32_t depth)
{
  return (int32_t)step((uint32_t)seed, depth);
}

/*
** chain.h -- what the guests of the toolchains share: exports, numbers, a checksum.
**
** Every export takes one number and returns a checksum. The same source is compiled to
** .wasm and to a native shared object (native.c calls that), and the spec compares.
*/
#ifndef CHAIN_H
#define CHAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __wasm__
#define AS(name) __attribute__((export_name(#name)))
#else
#define AS(name) __attribute__((visibility("default")))
#endif
#ifdef __cplusplus
#define EXPORT(name) extern "C" AS(name) uint32_t name(uint32_t n)
#else
#define EXPORT(name)                                                                     \
  AS(name) uint32_t name(uint32_t n);                                                    \
  uint32_t name(uint32_t n)
#endif
#define NOINLINE __attribute__((noinline))

/* xorshift32: the same numbers on every machine. The state must not be 0. */
static inline uint32_t next_random(uint32_t *state)
{
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static inline uint32_t mix(uint32_t sum, uint32_t value)
{
  sum = (sum ^ value) * 0x9e3779b1u;
  return sum ^ (sum >> 15);
}

/* All `size` bytes at `data`, so that the lanes of vectors count as they lie in memory.
 */
static inline uint32_t mix_bytes(uint32_t sum, const void *data, size_t size)
{
  const uint8_t *bytes = (const uint8_t *)data;
  for (size_t i = 0; i < size; i++)
    sum = mix(sum, bytes[i]);
  return sum;
}

#endif

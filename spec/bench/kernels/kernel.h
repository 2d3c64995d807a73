/*
** kernel.h -- what every benchmark kernel is: one exported function.
**
** run(n) does work in proportion to n and returns a checksum that depends on all of it,
** so that neither compiler may drop any. The same source is compiled to .wasm (shipped)
** and natively (at bench time); no kernel needs a library, an import or a start function.
*/
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(name)))
#else
#define EXPORT(name) __attribute__((visibility("default")))
#endif

EXPORT("run") uint32_t run(uint32_t n);

/* xorshift32: the same numbers on every machine. */
static inline uint32_t next_random(uint32_t *state)
{
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

/* Fold the exact bits of a double into a checksum. */
static inline uint32_t fold_double(uint32_t sum, double d)
{
  union {
    double d;
    uint64_t u;
  } bits = {.d = d};
  return (sum * 31u) ^ (uint32_t)bits.u ^ (uint32_t)(bits.u >> 32);
}

#endif

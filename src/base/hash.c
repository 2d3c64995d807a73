/*
** hash.c -- xxHash, compiled in.
** Layer: base.
*/
#include "base/hash.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

Hash128 lw_hash128(const void *bytes, size_t size)
{
  XXH128_hash_t h = XXH3_128bits(bytes, size);
  return (Hash128){h.low64, h.high64};
}

uint64_t lw_hash64(const void *bytes, size_t size)
{
  return XXH3_64bits(bytes, size);
}

void lw_hash_text(Hash128 h, char out[33])
{
  snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high,
           (unsigned long long)h.low);
}

/*
** hash.c -- xxHash, compiled in.
** Layer: base.
*/
#include "base/hash.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/os.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(HashStream), "it lies in there");

#ifdef NDEBUG
static Hash128 index_of(XXH128_hash_t h)
{
  return (Hash128){h.low64, h.high64};
}
#else
static _Atomic(unsigned) kept_bits = 128;

void lw_hash_keep(unsigned bits)
{
  kept_bits = bits;
}

static Hash128 index_of(XXH128_hash_t h)
{
  unsigned bits = kept_bits;
  if (bits >= 64) return (Hash128){h.low64, h.high64};
  return (Hash128){h.low64 & ((UINT64_C(1) << bits) - 1), 0};
}
#endif

Hash128 lw_hash128(const void *bytes, size_t size)
{
  return index_of(XXH3_128bits(bytes, size));
}

static XXH3_state_t *state_of(const HashStream *h)
{
  return (XXH3_state_t *)(uintptr_t)h->state;
}

void lw_hash_begin(HashStream *h)
{
  XXH3_INITSTATE(state_of(h));
  XXH3_128bits_reset(state_of(h));
}

void lw_hash_add(HashStream *h, const void *bytes, size_t size)
{
  XXH3_128bits_update(state_of(h), bytes, size);
}

Hash128 lw_hash_end(const HashStream *h)
{
  return index_of(XXH3_128bits_digest(state_of(h)));
}

uint64_t lw_hash64(const void *bytes, size_t size)
{
  return XXH3_64bits(bytes, size);
}

uint64_t lw_hash_table(const void *bytes, size_t size)
{
  static _Atomic(uint64_t) seed; /* 0: not chosen yet */
  uint64_t chosen = seed;
  if (!chosen) {
    uint64_t unset = 0;
    if (!lw_os_random(&chosen, sizeof chosen)) chosen = (uint64_t)(uintptr_t)&unset;
    chosen |= 1;
    if (!atomic_compare_exchange_strong(&seed, &unset, chosen)) chosen = unset;
  }
  return XXH3_64bits_withSeed(bytes, size, chosen);
}

void lw_hash_text(Hash128 h, char out[33])
{
  snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high,
           (unsigned long long)h.low);
}

/*
** hash.h -- 128-bit fingerprints of byte strings (XXH3).
**
** They find, they do not prove: equal fingerprints can be made on purpose, so whoever
** finds something by one compares the bytes as well.
** Layer: base.
*/
#ifndef LW_HASH_H
#define LW_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Hash128 {
  uint64_t low, high;
} Hash128;

Hash128 lw_hash128(const void *bytes, size_t size);
/* The same piece by piece. */
typedef struct HashStream {
  _Alignas(64) uint8_t state[640];
} HashStream;
void lw_hash_begin(HashStream *h);
void lw_hash_add(HashStream *h, const void *bytes, size_t size);
Hash128 lw_hash_end(const HashStream *h);
static inline bool lw_hash_equal(Hash128 a, Hash128 b)
{
  return a.low == b.low && a.high == b.high;
}
#ifndef NDEBUG
/* From now on only so many bits of a 128-bit fingerprint, so that two may be equal. */
void lw_hash_keep(unsigned bits);
#endif
/* A quick hash, the same everywhere. */
uint64_t lw_hash64(const void *bytes, size_t size);
/* For tables in memory: another one in each process, so that nobody can make up keys that
   all fall into one place. */
uint64_t lw_hash_table(const void *bytes, size_t size);
/* 32 lower-case hex digits, high half first, and a zero. */
void lw_hash_text(Hash128 h, char out[33]);

#endif

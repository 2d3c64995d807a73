/*
** mutate.h -- changes to a valid module that mostly leave it valid.
**
** Operators are exchanged for others of the same signature, constants for awkward ones,
** locals for locals of one type; neutral code is put in; labels, offsets, limits and
** segments are moved. A few changes are blind on purpose (bytes flipped, ranges copied,
** sections lost), so that every check of decoder and validator is met as well.
** Layer: spec (links with the core).
*/
#ifndef LW_SPEC_MUTATE_H
#define LW_SPEC_MUTATE_H

#include "edit.h"

typedef struct Random {
  uint64_t state;
} Random;
uint64_t lw_random(Random *r);
/* 0 .. n-1 */
uint32_t lw_random_below(Random *r, uint32_t n);

/* A mutant of a valid module, in `arena`. */
Bytes lw_mutate(const uint8_t *bytes, size_t size, Random *random, Arena *arena);

#endif

/*
** skim.h -- reading function bodies without types.
**
** To say of bad code whether it is malformed, which comes before invalid: the standard
** decodes a whole module before it validates any of it, while the validator does both in
** one walk. Also counts locals ahead of that walk.
** Layer: wasm.
*/
#ifndef LW_SKIM_H
#define LW_SKIM_H

#include "wasm/leb.h"

/* The groups of locals that begin a body; *count is how many they make. LW_MALFORMED
   "too many locals" beyond 2^32 - 1. */
Status lw_skim_locals(Reader *r, uint64_t features, uint64_t *count);
/* Locals and code; the reader stands behind the last `end`. */
Status lw_skim_body(Reader *r, uint64_t features);

#endif

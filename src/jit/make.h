/*
** make.h -- appending to a Func: what the builder and the parser share.
**
** The arrays of a Func grow by doubling in its arena; lw_make_begin takes a first size
** from the caller's knowledge so that usually nothing is ever copied.
** Invariant: a failed append leaves the Func as it was.
** Layer: jit.
*/
#ifndef LW_MAKE_H
#define LW_MAKE_H

#include "jit/ir.h"

typedef struct MakeSizes {
  uint32_t ins, pool, blocks, edges; /* expected; only a first guess */
} MakeSizes;

/* Clears *f and makes its arrays. */
Status lw_make_begin(Func *f, const Module *m, uint32_t func, Arena *arena,
                     const MakeSizes *sizes, Err *err);
/* `size` numbers for Func.where, from *first on: bytes from `at` on, inlined at a call.
 */
Status lw_make_inlined(Func *f, uint32_t call, uint32_t at, uint32_t size,
                       uint32_t *first, Err *err);
/* The slow halves of the appends below: make room for `more` entries. LW_LIMIT beyond
   what a Ref can name. */
/* Nothing more will be made: what was too much room is given back. */
void lw_make_end(Func *f);
Status lw_make_grow_ins(Func *f, Err *err);
Status lw_make_grow_pool(Func *f, uint32_t more, Err *err);
Status lw_make_grow_kons(Func *f, Err *err);
/* A new block that begins at the next instruction. */
Status lw_make_block(Func *f, uint32_t *block, Err *err);
/* A new edge out of the last block; edges of one block must be made in one go. */
Status lw_make_edge(Func *f, uint32_t to, uint32_t args, uint32_t *edge, Err *err);

static inline Status lw_make_ins(Func *f, Ins ins, uint32_t where, Ref *out, Err *err)
{
  if (f->nins == f->ins_cap) TRY(lw_make_grow_ins(f, err));
  f->ins[f->nins] = ins;
  f->where[f->nins] = where;
  *out = REF_BIAS + f->nins++;
  return LW_OK;
}

/* Room for n more pool entries at f->pool + f->npool; the caller adds to npool. */
static inline Status lw_make_pool(Func *f, uint32_t n, Err *err)
{
  return f->pool_cap - f->npool < n ? lw_make_grow_pool(f, n, err) : LW_OK;
}

/*
** Constants by value: an open-addressing table of kon numbers + 1. One to a Func under
** construction; equal constants get one Ref, but for a few when many collide.
*/
typedef struct KonTable {
  uint32_t *slots;
  uint32_t mask; /* size - 1 */
} KonTable;
Status lw_make_kon(Func *f, KonTable *t, uint8_t type, uint64_t bits, Ref *out, Err *err);
/* A v128; shared only where `high` is 0. */
Status lw_make_wide_kon(Func *f, KonTable *t, uint64_t bits, uint64_t high, Ref *out,
                        Err *err);

#endif

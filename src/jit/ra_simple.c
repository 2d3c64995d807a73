/*
** ra_simple.c -- the simple register allocator: slots between blocks, a cache inside.
**
** One forward walk. At a block's start every live value is in its slot; inside, values
** stay in the registers where they were made or loaded until those are needed or a call
** destroys them. A value that leaves its block is stored where it is defined, so a block
** ends without stores; one that does not is stored only if it is evicted. A block
** entered from nowhere but the block just before it starts with that block's registers.
** Parameters live in slots and edges write them there.
** Callee-saved registers are not used. What it is for: effort 0, and the oracle of the
** real allocator.
** Layer: jit.
*/
#include <assert.h>

#include "jit/ra.h"

/* May block n start with the registers of the block allocated before it? */
static bool follows(const Func *f, uint32_t n, uint32_t previous)
{
  const Block *b = &f->blocks[n];
  bool lands = f->ins[b->first].op == IR_LANDING;
  return !lands && b->npreds == 1 && n > 0 && previous == n - 1 &&
         f->edges[f->preds[b->preds]].from == previous;
}

static void allocate_block(Ra *ra, const Block *b)
{
  const Func *f = ra->f;
  uint32_t i = b->first;
  for (; i < b->first + b->nparams; i++) {
    assert(f->ins[i].op == IR_PARAM);
    if (!ra_needed(ra, i)) continue;
    lw_ra_sweep(ra, i);
    ra->out->allocs[i].dst = lw_ra_slot(ra, i);
  }
  if (b == f->blocks) {
    lw_ra_args(ra);
    while (i < b->end && f->ins[i].op == IR_ARG)
      i++;
  }
  for (; i < b->end; i++) {
    if (!ra_needed(ra, i)) continue;
    ra->at = i;
    lw_ra_sweep(ra, i);
    lw_ra_ins(ra);
  }
  lw_ra_edges(ra, b);
}

Status lw_ra_simple(const Selection *sel, Arena *scratch, Allocation *out, Err *err)
{
  const Func *f = sel->f;
  Ra ra;
  TRY(lw_ra_begin(&ra, sel, scratch, out, err));
  ra.ending = ARENA_ARR(scratch, uint32_t, f->nins);
  if (!ra.ending) return lw_nomem(err, "register allocation");
  uint32_t previous = UINT32_MAX;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    if (!b->reachable) continue;
    ra.at = b->first;
    if (!follows(f, n, previous)) lw_ra_release_all(&ra);
    allocate_block(&ra, b);
    if (ra.failed) return lw_nomem(err, "register allocation");
    previous = n;
  }
  out->simple = true;
  return lw_ra_finish_edges(&ra);
}

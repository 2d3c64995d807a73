/*
** live.c -- which instructions are needed, and how long each value lives; see alloc.h.
**
** First NEEDED, from the effects upwards: one backward sweep, since operands come before
** their users. Only arguments of back edges lie behind their parameter; those that the
** sweep has passed already go through a work list. Each instruction and each edge
** argument is looked at once.
** Then `end`, in one forward sweep with a stack of the open loops. The outermost loop
** that begins behind a definition is found by binary search, so deep nests cost a
** logarithm.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/alloc.h"

typedef struct OpenLoop {
  uint32_t first, last; /* instructions */
  uint32_t last_block;
} OpenLoop;

typedef struct Sweep {
  const Func *f;
  Liveness *live;
  uint32_t at;     /* needed: instructions from here on have been passed */
  uint32_t nwork;  /* needed: entries of the work list, which lies in live->end */
  OpenLoop *loops; /* end: the open ones, outermost first */
  uint32_t nloops;
  uint32_t first; /* end: where the block at hand begins */
} Sweep;

/* ---- what is needed ---- */

static inline void need(Sweep *s, Ref r)
{
  if (ref_is_kon(r)) return;
  uint32_t i = r - REF_BIAS;
  assert(i < s->f->nins);
  if (s->live->flags[i] & LIVE_NEEDED) return;
  s->live->flags[i] |= LIVE_NEEDED;
  if (i < s->at) return; /* the sweep will come by; else only an edge back names it */
  assert(s->nwork < s->f->nins);
  s->live->end[s->nwork++] = i;
}

static uint32_t block_of(const Func *f, uint32_t i)
{
  uint32_t low = 0, high = f->nblocks;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (f->blocks[middle].first <= i)
      low = middle;
    else
      high = middle;
  }
  assert(f->blocks[low].first <= i && i < f->blocks[low].end);
  return low;
}

/* What edges bring to parameter i of `block`. */
static void need_args(Sweep *s, uint32_t i, uint32_t block)
{
  const Func *f = s->f;
  const Block *b = &f->blocks[block];
  assert(i - b->first < b->nparams);
  for (uint32_t p = b->preds; p < b->preds + b->npreds; p++)
    need(s, f->pool[f->edges[f->preds[p]].args + (i - b->first)]);
}

static inline void need_operands(Sweep *s, const Ins *ins)
{
  unsigned refs = lw_ir_info[ins->op].refs;
  if (refs & IRO_A) need(s, ins->a);
  if (refs & IRO_B) need(s, ins->b);
  if (refs & IRO_C) need(s, ins->c);
  if (!(refs & IRO_POOL)) return;
  const Ref *run = s->f->pool + ins->b;
  for (uint32_t n = lw_ir_nargs(s->f, ins); n-- > 0;)
    need(s, *run++);
}

/* Everything behind the sweep that became needed only now. */
static void work_off(Sweep *s)
{
  while (s->nwork > 0) {
    uint32_t i = s->live->end[--s->nwork];
    if (s->f->ins[i].op == IR_PARAM)
      need_args(s, i, block_of(s->f, i));
    else
      need_operands(s, &s->f->ins[i]);
  }
}

static void mark_needed(Sweep *s)
{
  const Func *f = s->f;
  for (uint32_t block = f->nblocks; block-- > 0;) {
    const Block *b = &f->blocks[block];
    for (uint32_t i = b->end; i-- > b->first;) {
      const Ins *ins = &f->ins[i];
      s->at = i;
      if (lw_ir_info[ins->op].flags & (IRF_W | IRF_K | IRF_E | IRF_X))
        s->live->flags[i] |= LIVE_NEEDED;
      if (!(s->live->flags[i] & LIVE_NEEDED)) continue;
      if (ins->op != IR_PARAM) {
        need_operands(s, ins);
      } else {
        need_args(s, i, block);
        work_off(s);
      }
    }
  }
}

/* ---- how long it lives ---- */

/* The last instruction of the outermost open loop that begins behind d, or i. */
static uint32_t extended(const Sweep *s, uint32_t d, uint32_t i)
{
  uint32_t n = s->nloops;
  if (n == 0 || s->loops[n - 1].first <= d) return i;
  uint32_t low = 0, high = n - 1; /* high: known to begin behind d */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (s->loops[middle].first > d)
      high = middle;
    else
      low = middle + 1;
  }
  assert(s->loops[high].last >= i);
  return s->loops[high].last;
}

static inline void use(Sweep *s, Ref r, uint32_t i)
{
  if (ref_is_kon(r)) return;
  uint32_t d = r - REF_BIAS, end = i;
  assert(d < i && (s->live->flags[d] & LIVE_NEEDED));
  if (d < s->first) {
    s->live->flags[d] |= LIVE_LEAVES_BLOCK;
    end = extended(s, d, i);
  }
  if (s->live->end[d] < end) s->live->end[d] = end;
  s->live->uses[d]++;
}

static inline void use_operands(Sweep *s, uint32_t i)
{
  const Ins *ins = &s->f->ins[i];
  unsigned refs = lw_ir_info[ins->op].refs;
  if (refs & IRO_A) use(s, ins->a, i);
  if (refs & IRO_B) use(s, ins->b, i);
  if (refs & IRO_C) use(s, ins->c, i);
  if (!(refs & IRO_POOL)) return;
  const Ref *run = s->f->pool + ins->b;
  for (uint32_t n = lw_ir_nargs(s->f, ins); n-- > 0;)
    use(s, *run++, i);
}

static void use_edge_args(Sweep *s, const Edge *edge, uint32_t i)
{
  const Func *f = s->f;
  const Block *to = &f->blocks[edge->to];
  for (uint32_t k = 0; k < to->nparams; k++)
    if (s->live->flags[to->first + k] & LIVE_NEEDED) use(s, f->pool[edge->args + k], i);
}

static void find_ends(Sweep *s)
{
  const Func *f = s->f;
  for (uint32_t i = 0; i < f->nins; i++)
    s->live->end[i] = i;
  for (uint32_t block = 0; block < f->nblocks; block++) {
    const Block *b = &f->blocks[block];
    s->first = b->first;
    while (s->nloops > 0 && s->loops[s->nloops - 1].last_block < block)
      s->nloops--;
    if (b->loop_end != NO_BLOCK)
      s->loops[s->nloops++] = (OpenLoop){
        .first = b->first,
        .last = f->blocks[b->loop_end].end - 1,
        .last_block = b->loop_end,
      };
    for (uint32_t i = b->first; i < b->end; i++) {
      s->live->end[i] = i;
      if (s->live->flags[i] & LIVE_NEEDED) use_operands(s, i);
    }
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++)
      use_edge_args(s, &f->edges[e], b->end - 1);
  }
}

Status lw_live(const Func *f, Arena *scratch, Liveness *out, Err *err)
{
  assert(f->preds);
  uint32_t depth = 0;
  for (uint32_t i = 0; i < f->nblocks; i++)
    if (f->blocks[i].loop_end != NO_BLOCK) depth++; /* a bound is enough */
  out->end = ARENA_RAW(scratch, uint32_t, f->nins);
  out->flags = ARENA_ARR(scratch, uint8_t, f->nins);
  out->uses = ARENA_ARR(scratch, uint32_t, (size_t)f->nins + 1);
  Sweep s = {.f = f, .live = out, .loops = ARENA_RAW(scratch, OpenLoop, depth + 1)};
  if (!out->end || !out->flags || !out->uses || !s.loops)
    return lw_nomem(err, "liveness");
  mark_needed(&s);
  assert(s.nwork == 0);
  find_ends(&s);
  return LW_OK;
}

/*
** live.c -- which instructions are needed, and how long each value lives; see alloc.h.
**
** One backward sweep, from the effects upwards, since operands come before their users.
** Only arguments of back edges lie behind their parameter; those that the sweep has
** passed already go through a work list. Each instruction and each edge argument is
** looked at once, when it is known to be needed, and notes the uses that it makes.
** Then the last use of a value from before a loop becomes the loop's end, in another
** backward sweep with the outermost loops passed so far. The one that a use lies in is
** found by binary search, so many loops cost a logarithm.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/alloc.h"

typedef struct Loop { /* instructions */
  uint32_t first, last;
} Loop;

typedef struct Sweep {
  const Func *f;
  Liveness live;
  Arena *arena;
  uint32_t at;    /* instructions from here on have been passed */
  uint32_t *work; /* needed ones among them that are still to be looked at */
  uint32_t nwork, work_cap;
  bool failed; /* no memory */
} Sweep;

/* ---- what is needed ---- */

/* A use of d at instruction `at`, in a block that begins with `first`. What d was. */
static inline uint8_t use(Liveness l, uint32_t d, uint32_t at, uint32_t first)
{
  uint8_t was = l.flags[d];
  assert(d < at);
  l.flags[d] = was | LIVE_NEEDED | (d < first ? LIVE_LEAVES_BLOCK : 0);
  l.uses[d]++;
  if (l.end[d] < at) l.end[d] = at;
  return was;
}

static void push(Sweep *s, uint32_t i)
{
  if (s->nwork == s->work_cap) {
    size_t old = sizeof *s->work * s->work_cap;
    uint32_t *work = lw_arena_grow(s->arena, s->work, old, old * 2);
    if (!work) {
      s->failed = true;
      return;
    }
    s->work = work;
    s->work_cap *= 2;
  }
  s->work[s->nwork++] = i;
}

/* A use by something that the sweep has passed. */
static void late_use(Sweep *s, Ref r, uint32_t at, uint32_t first)
{
  if (ref_is_kon(r)) return;
  uint32_t d = r - REF_BIAS;
  assert(d < s->f->nins);
  bool known = use(s->live, d, at, first) & LIVE_NEEDED;
  if (!known && d >= s->at) push(s, d); /* else the sweep will come by */
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
static void use_args(Sweep *s, uint32_t i, const Block *b)
{
  const Func *f = s->f;
  assert(i - b->first < b->nparams);
  for (uint32_t p = b->preds; p < b->preds + b->npreds; p++) {
    const Edge *edge = &f->edges[f->preds[p]];
    const Block *from = &f->blocks[edge->from];
    late_use(s, f->pool[edge->args + (i - b->first)], from->end - 1, from->first);
  }
}

static void late_operands(Sweep *s, uint32_t i, uint32_t first)
{
  const Func *f = s->f;
  const Ins *ins = &f->ins[i];
  Ref refs[3];
  uint32_t n = ir_operands(ins, refs);
  for (uint32_t k = 0; k < n; k++)
    late_use(s, refs[k], i, first);
  if (!(lw_ir_info[ins->op].refs & IRO_POOL)) return;
  n = lw_ir_nargs(f, ins);
  for (uint32_t k = 0; k < n; k++)
    late_use(s, f->pool[ins->b + k], i, first);
}

/* Everything behind the sweep that became needed only now. */
static void work_off(Sweep *s)
{
  while (s->nwork > 0) {
    uint32_t i = s->work[--s->nwork];
    const Block *b = &s->f->blocks[block_of(s->f, i)];
    if (s->f->ins[i].op == IR_PARAM)
      use_args(s, i, b);
    else
      late_operands(s, i, b->first);
  }
}

static inline void use_before(Liveness l, Ref r, uint32_t at, uint32_t first)
{
  if (!ref_is_kon(r)) (void)use(l, r - REF_BIAS, at, first);
}

static inline void use_operands(const Func *f, Liveness l, uint32_t i, uint32_t first)
{
  const Ins *ins = &f->ins[i];
  unsigned refs = lw_ir_info[ins->op].refs;
  if (refs & IRO_A) use_before(l, ins->a, i, first);
  if (refs & IRO_B) use_before(l, ins->b, i, first);
  if (refs & IRO_C) use_before(l, ins->c, i, first);
  if (!(refs & IRO_POOL)) return;
  l.flags[i] |= LIVE_READS_RUN;
  const Ref *run = f->pool + ins->b;
  for (uint32_t n = lw_ir_nargs(f, ins); n-- > 0;)
    use_before(l, *run++, i, first);
}

static void mark_needed(Sweep *s)
{
  const Func *f = s->f;
  Liveness l = s->live;
  for (uint32_t block = f->nblocks; block-- > 0;) {
    const Block *b = &f->blocks[block];
    for (uint32_t i = b->end; i-- > b->first;) {
      unsigned op = f->ins[i].op;
      if (l.end[i] < i) l.end[i] = i;
      if (lw_ir_info[op].flags & (IRF_W | IRF_K | IRF_E | IRF_X))
        l.flags[i] |= LIVE_NEEDED;
      if (!(l.flags[i] & LIVE_NEEDED)) continue;
      if (op != IR_PARAM) {
        use_operands(f, l, i, b->first);
      } else {
        s->at = i;
        use_args(s, i, b);
        if (s->nwork) work_off(s);
      }
    }
  }
}

/* ---- how long it lives ---- */

/* The end of the loop that `end` lies in, or `end`; the loops lie one behind the other,
   the last one first. */
static uint32_t extended(const Loop *loops, uint32_t n, uint32_t end)
{
  if (n == 0 || loops[n - 1].first > end) return end;
  uint32_t low = 0, high = n - 1; /* high: known to begin before it */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (loops[middle].first <= end)
      high = middle;
    else
      low = middle + 1;
  }
  return loops[high].last < end ? end : loops[high].last;
}

/* Of the loops behind a definition only the outermost ones matter; since a later use
   never lies in a loop that ends earlier, the last use is the one to look at. */
static void extend(const Func *f, Liveness l, Loop *loops)
{
  uint32_t n = 0;
  for (uint32_t block = f->nblocks; block-- > 0;) {
    const Block *b = &f->blocks[block];
    for (uint32_t i = b->first; n > 0 && i < b->end; i++)
      if (l.flags[i] & LIVE_LEAVES_BLOCK) l.end[i] = extended(loops, n, l.end[i]);
    if (b->loop_end == NO_BLOCK) continue;
    uint32_t last = f->blocks[b->loop_end].end - 1;
    while (n > 0 && loops[n - 1].first <= last)
      n--;
    loops[n++] = (Loop){b->first, last};
  }
}

Status lw_live(const Func *f, Arena *scratch, Liveness *out, Err *err)
{
  enum { WORK_FIRST = 64 };
  assert(f->preds);
  uint32_t nloops = 0;
  for (uint32_t i = 0; i < f->nblocks; i++)
    nloops += f->blocks[i].loop_end != NO_BLOCK;
  out->end = ARENA_ARR(scratch, uint32_t, f->nins);
  out->flags = ARENA_ARR(scratch, uint8_t, f->nins);
  out->uses = ARENA_ARR(scratch, uint32_t, (size_t)f->nins + 1);
  Sweep s = {.f = f, .live = *out, .arena = scratch, .work_cap = WORK_FIRST};
  Loop *loops = ARENA_RAW(scratch, Loop, nloops + 1);
  s.work = ARENA_RAW(scratch, uint32_t, s.work_cap);
  if (!out->end || !out->flags || !out->uses || !loops || !s.work)
    return lw_nomem(err, "liveness");
  mark_needed(&s);
  if (s.failed) return lw_nomem(err, "liveness");
  assert(s.nwork == 0);
  if (nloops) extend(f, *out, loops);
  return LW_OK;
}

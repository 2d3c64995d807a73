/*
** ra_uses.c -- what is to come: uses, values alive at block starts, loops, calls.
**
** Everything the scan (ra_scan.c) asks about the code ahead of it, made in a few sweeps.
** The sets of live values are lists. Backwards, each block's is what it uses and what its
** successors need; then, forwards, whatever is alive at a loop's header is so in all of
** the loop (the code is reducible). Lists can be long where many values cross many
** blocks: beyond a budget the sweep gives up and `too_many` says so.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/ra.h"
#include "wasm/limits.h"

typedef struct Sweep {
  const Func *f;
  const Liveness *live;
  Arena *arena;
  Uses *u;
  uint64_t budget; /* steps that may be taken */
  uint32_t *mark;  /* per Ins: the list that it was last put into: */
  uint32_t tag;    /* this is the one at hand */
  uint32_t first;  /* instruction of the block at hand */
  uint32_t *list;  /* values */
  uint32_t n, cap; /* of list */
  bool failed;     /* no memory */
  AbiLoc *params;
  bool loops; /* there are some */
} Sweep;

static bool spend(Sweep *s, uint64_t steps)
{
  if (steps > s->budget) s->u->too_many = true;
  s->budget -= steps <= s->budget ? steps : s->budget;
  return !s->u->too_many;
}

static bool is_needed(const Sweep *s, uint32_t ins)
{
  return s->live->flags[ins] & LIVE_NEEDED;
}

/* ---- loops ---- */

/* The inner one of two loops that contain the same block; the other is around it. */
static uint32_t inner(Sweep *s, uint32_t x, uint32_t y)
{
  if (x == NO_BLOCK || x == y) return y;
  if (y == NO_BLOCK) return x;
  uint32_t high = x > y ? x : y, low = x > y ? y : x, result = high;
  while (spend(s, 1)) {
    uint32_t up = s->u->parent[high];
    if (up == low) break;
    if (up == NO_BLOCK) {
      s->u->parent[high] = low;
      break;
    }
    uint32_t above = up > low ? up : low;
    low = up > low ? low : up;
    s->u->parent[high] = above;
    high = above;
  }
  return result;
}

static bool is_header(const Func *f, uint32_t block)
{
  return f->blocks[block].loop_end != NO_BLOCK;
}

/* A block is in a loop if it leads to an edge back. */
static void find_loops(Sweep *s)
{
  const Func *f = s->f;
  Uses *u = s->u;
  for (uint32_t n = f->nblocks; n-- > 0;) {
    const Block *b = &f->blocks[n];
    uint32_t in = NO_BLOCK;
    u->parent[n] = is_header(f, n) ? u->parent[n] : NO_BLOCK;
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      uint32_t to = f->edges[e].to;
      uint32_t loop = to <= n ? to : is_header(f, to) ? u->parent[to] : u->loop[to];
      if (loop != NO_BLOCK && loop <= n) in = inner(s, in, loop);
    }
    if (is_header(f, n)) in = inner(s, in, n);
    s->loops |= in != NO_BLOCK;
    u->loop[n] = in;
  }
}

static void guess_frequencies(Sweep *s)
{
  const Func *f = s->f;
  Uses *u = s->u;
  for (uint32_t n = 0; n < f->nblocks; n++) { /* s->list: depth of each header */
    uint32_t loop = u->loop[n], freq = FREQ_ENTRY;
    if (loop == n) {
      uint32_t up = u->parent[n];
      s->list[n] = up == NO_BLOCK ? 1 : s->list[up] + 1;
    }
    if (loop != NO_BLOCK) freq += FREQ_LOOP * (s->list[loop] > 6 ? 6 : s->list[loop]);
    u->freq[n] = f->blocks[n].cold ? FREQ_COLD : (uint8_t)freq;
  }
}

/* ---- where values are used ---- */

/* Calls `each(s, value, at)` for all operands of instruction i, and at a block's end for
   the arguments of its edges. */
typedef void Each(Sweep *s, uint32_t value, uint32_t at);

static inline void operands(Sweep *s, uint32_t i, Each *each)
{
  const Ins *ins = &s->f->ins[i];
  unsigned refs = lw_ir_info[ins->op].refs;
  if (refs & IRO_A && !ref_is_kon(ins->a)) each(s, ins->a - REF_BIAS, i);
  if (refs & IRO_B && !ref_is_kon(ins->b)) each(s, ins->b - REF_BIAS, i);
  if (refs & IRO_C && !ref_is_kon(ins->c)) each(s, ins->c - REF_BIAS, i);
  if (!(refs & IRO_POOL)) return;
  const Ref *run = s->f->pool + ins->b;
  for (uint32_t n = lw_ir_nargs(s->f, ins); n-- > 0; run++)
    if (!ref_is_kon(*run)) each(s, *run - REF_BIAS, i);
}

static inline void arguments(Sweep *s, const Block *b, Each *each)
{
  const Func *f = s->f;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Edge *edge = &f->edges[e];
    const Block *to = &f->blocks[edge->to];
    for (uint32_t k = 0; k < to->nparams; k++) {
      Ref r = f->pool[edge->args + k];
      if (!ref_is_kon(r) && is_needed(s, to->first + k))
        each(s, r - REF_BIAS, b->end - 1);
    }
  }
}

static inline void count_use(Sweep *s, uint32_t value, uint32_t at)
{
  (void)at;
  s->u->at[value + 1]++;
}

/* at[value + 1] is where the next one goes, and in the end where the value's end. */
static inline void note_use(Sweep *s, uint32_t value, uint32_t at)
{
  s->u->of[s->u->at[value + 1]++] = at;
}

static inline __attribute__((always_inline)) void for_all(Sweep *s, Each *each)
{
  const Func *f = s->f;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    for (uint32_t i = b->first; i < b->end; i++)
      if (is_needed(s, i)) operands(s, i, each);
    arguments(s, b, each);
  }
}

static void list_uses(Sweep *s)
{
  Uses *u = s->u;
  uint32_t n = s->f->nins, sum = 0;
  for_all(s, count_use);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t count = u->at[i + 1];
    u->at[i + 1] = sum;
    sum += count;
  }
  u->of = ARENA_RAW(s->arena, uint32_t, sum ? sum : 1);
  if (!u->of) {
    s->failed = true;
    return;
  }
  for_all(s, note_use);
}

/* ---- who is alive ---- */

static void put(Sweep *s, uint32_t value)
{
  if (s->n == s->cap) {
    size_t old = sizeof *s->list * s->cap;
    uint32_t *list =
      spend(s, s->cap) ? lw_arena_grow(s->arena, s->list, old, old * 2) : NULL;
    if (!list) {
      s->failed = !s->u->too_many;
      s->u->too_many = true; /* go on harmlessly */
      s->n = 0;
      return;
    }
    s->list = list;
    s->cap *= 2;
  }
  s->list[s->n++] = value;
}

static inline void alive(Sweep *s, uint32_t value)
{
  if (s->mark[value] == s->tag) return;
  s->mark[value] = s->tag;
  put(s, value);
}

/* `at`: an instruction of the block at hand; most of its operands were made there. */
static inline void comes_in(Sweep *s, uint32_t value, uint32_t at)
{
  (void)at;
  if (value < s->first) alive(s, value);
}

/* What each block uses or hands on, without edges back; first[n] .. first[n] + count[n].
 */
static void look_back(Sweep *s, uint32_t *first, uint32_t *count)
{
  const Func *f = s->f;
  s->n = 0;
  for (uint32_t n = f->nblocks; n-- > 0 && !s->u->too_many;) {
    const Block *b = &f->blocks[n];
    s->tag = n + 1;
    s->first = b->first;
    first[n] = s->n;
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      uint32_t to = f->edges[e].to;
      if (to <= n || !spend(s, count[to])) continue;
      for (uint32_t k = 0; k < count[to]; k++)
        comes_in(s, s->list[first[to] + k], b->first);
    }
    arguments(s, b, comes_in);
    for (uint32_t i = b->first; i < b->end; i++)
      if (is_needed(s, i)) operands(s, i, comes_in);
    count[n] = s->n - first[n];
  }
}

/* The final lists: with what the loop around a block needs. */
static void look_ahead(Sweep *s, const uint32_t *first, const uint32_t *count)
{
  const Func *f = s->f;
  Uses *u = s->u;
  const uint32_t *before = s->list;
  uint32_t total = s->n;
  s->cap = total + total / 2 + 64;
  s->list = ARENA_RAW(s->arena, uint32_t, s->cap);
  s->n = 0;
  if (!s->list) {
    s->failed = u->too_many = true;
    return;
  }
  for (uint32_t n = 0; n < f->nblocks && !u->too_many; n++) {
    uint32_t around = u->loop[n] == n ? u->parent[n] : u->loop[n];
    s->tag = f->nblocks + n + 1;
    for (uint32_t k = 0; k < count[n]; k++)
      alive(s, before[first[n] + k]);
    if (around != NO_BLOCK) {
      uint32_t at = u->live_at[around], end = u->live_at[around + 1];
      if (!spend(s, end - at)) return;
      for (uint32_t k = at; k < end; k++)
        alive(s, s->list[k]);
    }
    u->live_at[n + 1] = s->n;
  }
  u->live = s->list;
}

/*
** How crowded each loop is: the most values alive at once, by their intervals, which is
** a little too many.
*/
static void find_pressure(Sweep *s)
{
  const Func *f = s->f;
  Uses *u = s->u;
  uint32_t *ending[2], now[2] = {0, 0};
  for (unsigned c = 0; c < 2; c++)
    if (!(ending[c] = ARENA_ARR(s->arena, uint32_t, f->nins))) {
      s->failed = true;
      return;
    }
  for (uint32_t i = 0; i < f->nins; i++)
    if (s->live->end[i] > i) ending[ra_is_float(f, REF_BIAS + i)][s->live->end[i]]++;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    uint32_t most[2] = {now[0], now[1]}, in = u->loop[n];
    for (uint32_t i = b->first; i < b->end; i++) {
      unsigned c = ra_is_float(f, REF_BIAS + i);
      now[0] -= ending[0][i];
      now[1] -= ending[1][i];
      if (s->live->end[i] > i && ++now[c] > most[c]) most[c] = now[c];
    }
    for (unsigned c = 0; c < 2 && in != NO_BLOCK; c++)
      if (u->pressure[(size_t)in * 2 + c] < most[c])
        u->pressure[(size_t)in * 2 + c] = most[c];
  }
  for (uint32_t n = f->nblocks; n-- > 0;) {
    uint32_t up = u->loop[n] == n ? u->parent[n] : NO_BLOCK;
    for (unsigned c = 0; c < 2 && up != NO_BLOCK; c++)
      if (u->pressure[(size_t)up * 2 + c] < u->pressure[(size_t)n * 2 + c])
        u->pressure[(size_t)up * 2 + c] = u->pressure[(size_t)n * 2 + c];
  }
}

static void find_live(Sweep *s)
{
  uint32_t *first = ARENA_RAW(s->arena, uint32_t, s->f->nblocks);
  uint32_t *count = ARENA_ARR(s->arena, uint32_t, s->f->nblocks);
  if (!first || !count) {
    s->failed = true;
    return;
  }
  look_back(s, first, count);
  if (!s->u->too_many) look_ahead(s, first, count);
  const Func *f = s->f;
  for (uint32_t e = 0; e < f->nedges && !s->u->too_many; e++) {
    uint32_t to = f->edges[e].to; /* each edge will be looked at with all of these */
    spend(s, s->u->live_at[to + 1] - s->u->live_at[to]);
  }
  if (s->loops && !s->u->too_many) find_pressure(s);
}

/* ---- calls, hints ---- */

static void count_calls(Sweep *s)
{
  const Func *f = s->f;
  uint32_t calls = 0;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    for (uint32_t i = b->first; i < b->end; i++) {
      s->u->calls[i] = calls;
      s->u->def_freq[i] = s->u->freq[n];
      calls += !b->cold && lw_ir_info[f->ins[i].op].flags & IRF_K && is_needed(s, i);
    }
  }
  s->u->calls[f->nins] = calls;
}

static void hint(Sweep *s, Ref r, unsigned reg)
{
  if (!ref_is_kon(r)) s->u->hint[r - REF_BIAS] = (uint8_t)reg;
}

static void hint_by_abi(Sweep *s, const Ref *args, const AbiLoc *at, uint32_t n)
{
  for (uint32_t k = 0; k < n; k++) {
    if (at[k].cls == ABI_GPR) hint(s, args[k], lw_target.abi_gpr[at[k].index]);
    if (at[k].cls == ABI_FPR) hint(s, args[k], lw_target.abi_fpr[at[k].index]);
  }
}

static void hint_operands(Sweep *s, uint32_t i)
{
  const Func *f = s->f;
  const Ins *ins = &f->ins[i];
  if (ins->op == IR_RETURN) {
    lw_abi_assign(f->type, NULL, s->params);
    hint_by_abi(s, f->pool + ins->b, s->params, ins->c);
  } else if (ins->op == IR_HELPER) {
    uint32_t n = lw_ir_nargs(f, ins);
    for (uint32_t k = 0; k < n; k++)
      hint(s, f->pool[ins->b + k], lw_target.helper_gpr[k]);
  } else if (lw_ir_info[ins->op].refs & IRO_POOL) {
    lw_abi_assign(lw_module_signature(f->module, ins->c), s->params, NULL);
    hint_by_abi(s, f->pool + ins->b, s->params, lw_ir_nargs(f, ins));
  } else if (s->u->hint[i] != NO_REG && lw_ir_info[ins->op].res == IRR_T) {
    Ref a = ins->a;
    if (!ref_is_kon(a) && s->u->hint[a - REF_BIAS] == NO_REG) hint(s, a, s->u->hint[i]);
  }
}

/* Backwards, so that the first use has the last word. */
static void find_hints(Sweep *s)
{
  const Func *f = s->f;
  memset(s->u->hint, NO_REG, f->nins);
  for (uint32_t n = f->nblocks; n-- > 0;) {
    const Block *b = &f->blocks[n];
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      const Block *to = &f->blocks[f->edges[e].to];
      if (f->edges[e].to <= n) continue;
      for (uint32_t k = 0; k < to->nparams; k++)
        if (s->u->hint[to->first + k] != NO_REG)
          hint(s, f->pool[f->edges[e].args + k], s->u->hint[to->first + k]);
    }
    for (uint32_t i = b->end; i-- > b->first;)
      if (is_needed(s, i)) hint_operands(s, i);
  }
}

Status lw_ra_uses(const Func *f, const Liveness *live, Arena *scratch, Uses *out,
                  Err *err)
{
  enum { STEPS_PER_INS = 24, STEPS_FREE = 1 << 16 };
  uint32_t n = f->nins, blocks = f->nblocks;
  *out = (Uses){0};
  Sweep s = {.f = f, .live = live, .arena = scratch, .u = out, .cap = blocks + 256};
  s.budget = (uint64_t)n * STEPS_PER_INS + STEPS_FREE;
  s.list = ARENA_RAW(scratch, uint32_t, s.cap);
  s.mark = ARENA_ARR(scratch, uint32_t, n);
  s.params = ARENA_RAW(scratch, AbiLoc, LIMIT_PARAMS);
  out->live_at = ARENA_ARR(scratch, uint32_t, (size_t)blocks + 1);
  out->at = ARENA_ARR(scratch, uint32_t, (size_t)n + 1);
  out->loop = ARENA_RAW(scratch, uint32_t, blocks);
  out->parent = ARENA_RAW(scratch, uint32_t, blocks);
  out->freq = ARENA_RAW(scratch, uint8_t, blocks);
  out->pressure = ARENA_ARR(scratch, uint32_t, (size_t)blocks * 2);
  out->calls = ARENA_RAW(scratch, uint32_t, (size_t)n + 1);
  out->hint = ARENA_RAW(scratch, uint8_t, n);
  out->def_freq = ARENA_RAW(scratch, uint8_t, n);
  if (!s.list || !s.mark || !s.params || !out->live_at || !out->at || !out->loop ||
      !out->parent || !out->freq || !out->pressure || !out->calls || !out->hint ||
      !out->def_freq)
    return lw_nomem(err, "register allocation");
  memset(out->parent, 0xff, sizeof *out->parent * blocks); /* NO_BLOCK */
  find_loops(&s);
  if (!out->too_many) {
    guess_frequencies(&s);
    list_uses(&s);
  }
  if (!out->too_many && !s.failed) find_live(&s);
  if (s.failed) return lw_nomem(err, "register allocation");
  if (out->too_many) return LW_OK;
  count_calls(&s);
  find_hints(&s);
  return LW_OK;
}

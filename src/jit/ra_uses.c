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

/* depth: room for that of each header. */
static void guess_frequencies(Sweep *s, uint32_t *depth)
{
  const Func *f = s->f;
  Uses *u = s->u;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    uint32_t loop = u->loop[n], freq = FREQ_ENTRY;
    if (loop == n) {
      uint32_t up = u->parent[n];
      depth[n] = up == NO_BLOCK ? 1 : depth[up] + 1;
    }
    if (loop != NO_BLOCK) freq += FREQ_LOOP * (depth[loop] > 6 ? 6 : depth[loop]);
    u->freq[n] = f->blocks[n].cold ? FREQ_COLD : (uint8_t)freq;
  }
}

/* ---- where values are used ---- */

/* What the sweep over all operands writes; a copy of its own, which nothing points to. */
typedef struct Noting {
  uint32_t *next; /* per Ins: where in `of` its next use goes */
  uint32_t *of;
  uint32_t *mark, *list;
  uint32_t tag, first, n;
} Noting;

/* Also those that the block at hand uses and were made before it, each once. */
static inline void note_use(Noting *w, Ref r, uint32_t at)
{
  if (ref_is_kon(r)) return;
  uint32_t value = r - REF_BIAS;
  w->of[w->next[value]++] = at;
  w->list[w->n] = value; /* nobody could predict a branch */
  w->n += (value < w->first) & (w->mark[value] != w->tag);
  w->mark[value] = w->tag;
}

static inline void note_operands(Noting *w, const Func *f, uint32_t i, unsigned refs)
{
  const Ins *ins = &f->ins[i];
  if (refs & IRO_A) note_use(w, ins->a, i);
  if (refs & IRO_B) note_use(w, ins->b, i);
  if (refs & IRO_C) note_use(w, ins->c, i);
  if (!(refs & IRO_POOL)) return;
  const Ref *run = f->pool + ins->b;
  for (uint32_t n = lw_ir_nargs(f, ins); n-- > 0; run++)
    note_use(w, *run, i);
}

static inline void note_arguments(const Sweep *s, const Noting *w, const Block *b)
{
  const Func *f = s->f;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Block *to = &f->blocks[f->edges[e].to];
    const Ref *args = f->pool + f->edges[e].args;
    for (uint32_t k = 0; k < to->nparams; k++)
      if (!ref_is_kon(args[k]) && is_needed(s, to->first + k))
        w->of[w->next[args[k] - REF_BIAS]++] = b->end - 1;
  }
}

/* From how many uses each has: at[value + 1] is where the next one goes, and in the end
   where the value's end. Their sum. */
static uint32_t lay_out(uint32_t *at, uint32_t n)
{
  uint32_t sum = 0, count = at[0];
  at[0] = 0;
  for (uint32_t i = 1; i <= n; i++) {
    uint32_t next = at[i];
    at[i] = sum;
    sum += count;
    count = next;
  }
  return sum;
}

/* Uses, calls and frequencies; and what each block uses of what was made before it:
   list[exposed[n]] on. */
static void list_uses(Sweep *s, uint32_t *exposed)
{
  const Func *f = s->f;
  Uses *u = s->u;
  uint32_t sum = lay_out(u->at, f->nins), calls = 0;
  s->cap = sum + f->nblocks + 64;
  s->list = ARENA_RAW(s->arena, uint32_t, s->cap);
  u->of = ARENA_RAW(s->arena, uint32_t, sum ? sum : 1);
  if (!u->of || !s->list) {
    s->failed = true;
    return;
  }
  Noting w = {.next = u->at + 1, .of = u->of, .mark = s->mark, .list = s->list};
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    bool counts = !b->cold;
    exposed[n] = w.n;
    w.tag = n + 1;
    w.first = b->first;
    memset(u->def_freq + b->first, u->freq[n], b->end - b->first);
    for (uint32_t i = b->first; i < b->end; i++) {
      u->calls[i] = calls;
      if (!is_needed(s, i)) continue;
      const IrInfo *info = &lw_ir_info[f->ins[i].op];
      calls += counts && info->flags & IRF_K;
      note_operands(&w, f, i, info->refs);
    }
    note_arguments(s, &w, b);
  }
  exposed[f->nblocks] = s->n = w.n;
  u->calls[f->nins] = calls;
}

/* ---- who is alive ---- */

/* Room for `more` values in the list; what is not had goes on harmlessly. */
static bool room(Sweep *s, uint32_t more)
{
  if (s->cap - s->n >= more) return true;
  uint64_t cap = s->cap;
  while (cap - s->n < more)
    cap *= 2;
  size_t each = sizeof *s->list;
  uint32_t *list = NULL;
  if (spend(s, s->cap) && cap <= UINT32_MAX)
    list = lw_arena_grow(s->arena, s->list, each * s->cap, each * (size_t)cap);
  if (!list) {
    s->failed = !s->u->too_many;
    s->u->too_many = true;
    return false;
  }
  s->list = list;
  s->cap = (uint32_t)cap;
  return true;
}

/* Adds those of `values` that lie before `first` and are not in the list yet. */
static void add(Sweep *s, const uint32_t *values, uint32_t count, uint32_t first)
{
  uint32_t *mark = s->mark, *list = s->list, n = s->n, tag = s->tag;
  for (uint32_t k = 0; k < count; k++) {
    uint32_t value = values[k];
    list[n] = value; /* here neither */
    n += (value < first) & (mark[value] != tag);
    mark[value] = tag;
  }
  s->n = n;
}

static void add_arguments(Sweep *s, const Block *b)
{
  const Func *f = s->f;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Block *to = &f->blocks[f->edges[e].to];
    const Ref *args = f->pool + f->edges[e].args;
    for (uint32_t k = 0; k < to->nparams; k++) {
      uint32_t value = args[k] - REF_BIAS;
      if (ref_is_kon(args[k]) || value >= b->first || s->mark[value] == s->tag) continue;
      if (is_needed(s, to->first + k)) add(s, &value, 1, b->first);
    }
  }
}

/* What block n adds to the list at most. */
static uint64_t most(const Sweep *s, const Block *b, const uint32_t *count)
{
  const Func *f = s->f;
  uint64_t sum = 0;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    uint32_t to = f->edges[e].to;
    sum += f->blocks[to].nparams + (f->edges[e].from < to ? count[to] : 0);
  }
  return sum;
}

/* What each block uses or hands on, without edges back; first[n] .. first[n] + count[n].
 */
static void look_back(Sweep *s, const uint32_t *exposed, uint32_t *first, uint32_t *count)
{
  const Func *f = s->f;
  for (uint32_t n = f->nblocks; n-- > 0 && !s->u->too_many;) {
    const Block *b = &f->blocks[n];
    uint32_t own = exposed[n + 1] - exposed[n];
    uint64_t more = own + most(s, b, count);
    if (more > UINT32_MAX || !room(s, (uint32_t)more)) {
      s->u->too_many = true;
      return;
    }
    s->tag = f->nblocks + n + 1;
    first[n] = s->n;
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      uint32_t to = f->edges[e].to;
      if (to > n && spend(s, count[to])) add(s, s->list + first[to], count[to], b->first);
    }
    add_arguments(s, b);
    add(s, s->list + exposed[n], own, b->first);
    count[n] = s->n - first[n];
  }
}

/* The final lists: with what the loop around a block needs. */
static void look_ahead(Sweep *s, const uint32_t *first, const uint32_t *count)
{
  const Func *f = s->f;
  Uses *u = s->u;
  uint32_t *before = s->list;
  size_t before_size = sizeof *before * s->cap;
  uint32_t total = 0;
  for (uint32_t n = 0; n < f->nblocks; n++)
    total += count[n];
  s->cap = total + total / 2 + 64;
  s->list = ARENA_RAW(s->arena, uint32_t, s->cap);
  s->n = 0;
  if (!s->list) {
    s->failed = u->too_many = true;
    return;
  }
  for (uint32_t n = 0; n < f->nblocks && !u->too_many; n++) {
    uint32_t around = u->loop[n] == n ? u->parent[n] : u->loop[n];
    uint32_t at = around == NO_BLOCK ? 0 : u->live_at[around];
    uint32_t end = around == NO_BLOCK ? 0 : u->live_at[around + 1];
    if (!spend(s, end - at) || !room(s, count[n] + (end - at))) return;
    s->tag = 2 * f->nblocks + n + 1;
    if (around == NO_BLOCK) {
      memcpy(s->list + s->n, before + first[n], sizeof *s->list * count[n]);
      s->n += count[n];
    } else {
      add(s, before + first[n], count[n], UINT32_MAX);
      add(s, s->list + at, end - at, UINT32_MAX);
    }
    /* each edge to it will be looked at with all of these */
    if (!spend(s, (uint64_t)f->blocks[n].npreds * (s->n - u->live_at[n]))) return;
    u->live_at[n + 1] = s->n;
  }
  size_t each = sizeof *s->list;
  u->live = s->list = lw_arena_trim(s->arena, s->list, each * s->cap, each * s->n);
  s->cap = s->n;
  lw_arena_drop(s->arena, before, before_size);
}

/* Numbers of values of both classes: floats in the high half. */
static inline uint64_t one(const Func *f, uint32_t ins)
{
  return ra_is_float(f, REF_BIAS + ins) ? (uint64_t)1 << 32 : 1;
}

static void raise_pressure(Uses *u, uint32_t loop, const uint32_t most[2])
{
  uint32_t *pressure = u->pressure + (size_t)loop * 2;
  for (unsigned c = 0; c < 2; c++)
    if (pressure[c] < most[c]) pressure[c] = most[c];
}

/*
** How crowded each loop is: the most values alive at once, by their intervals, which is
** a little too many.
*/
static void find_pressure(Sweep *s)
{
  const Func *f = s->f;
  Uses *u = s->u;
  const uint32_t *end = s->live->end;
  uint64_t *ending = ARENA_ARR(s->arena, uint64_t, f->nins), now = 0;
  if (!ending) {
    s->failed = true;
    return;
  }
  for (uint32_t i = 0; i < f->nins; i++)
    if (end[i] > i) ending[end[i]] += one(f, i);
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    uint32_t most[2] = {(uint32_t)now, (uint32_t)(now >> 32)};
    for (uint32_t i = b->first; i < b->end; i++) {
      now += (end[i] > i ? one(f, i) : 0) - ending[i];
      if (most[0] < (uint32_t)now) most[0] = (uint32_t)now;
      if (most[1] < (uint32_t)(now >> 32)) most[1] = (uint32_t)(now >> 32);
    }
    if (u->loop[n] != NO_BLOCK) raise_pressure(u, u->loop[n], most);
  }
  for (uint32_t n = f->nblocks; n-- > 0;)
    if (u->loop[n] == n && u->parent[n] != NO_BLOCK)
      raise_pressure(u, u->parent[n], u->pressure + (size_t)n * 2);
  lw_arena_drop(s->arena, ending, sizeof *ending * f->nins);
}

static void find_live(Sweep *s, const uint32_t *exposed)
{
  uint32_t *first = ARENA_RAW(s->arena, uint32_t, s->f->nblocks);
  uint32_t *count = ARENA_ARR(s->arena, uint32_t, s->f->nblocks);
  if (!first || !count) {
    s->failed = true;
    return;
  }
  look_back(s, exposed, first, count);
  if (!s->u->too_many) look_ahead(s, first, count);
  if (s->loops && !s->u->too_many) find_pressure(s);
}

/* ---- hints ---- */

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
  } else if (lw_ir_info[ins->op].res == IRR_T) {
    Ref a = ins->a;
    if (!ref_is_kon(a) && s->u->hint[a - REF_BIAS] == NO_REG) hint(s, a, s->u->hint[i]);
  }
}

/* Backwards, so that the first use has the last word. */
static void find_hints(Sweep *s)
{
  const Func *f = s->f;
  const uint8_t *flags = s->live->flags;
  uint8_t *hints = s->u->hint;
  memset(hints, NO_REG, f->nins);
  for (uint32_t n = f->nblocks; n-- > 0;) {
    const Block *b = &f->blocks[n];
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
      const Block *to = &f->blocks[f->edges[e].to];
      if (to->nparams == 0 || f->edges[e].to <= n) continue;
      for (uint32_t k = 0; k < to->nparams; k++)
        if (hints[to->first + k] != NO_REG)
          hint(s, f->pool[f->edges[e].args + k], hints[to->first + k]);
    }
    for (uint32_t i = b->end; i-- > b->first;)
      if (flags[i] & LIVE_READS_RUN || (hints[i] != NO_REG && flags[i] & LIVE_NEEDED))
        hint_operands(s, i);
  }
}

Status lw_ra_uses(const Func *f, const Liveness *live, Arena *scratch, Uses *out,
                  Err *err)
{
  enum { STEPS_PER_INS = 24, STEPS_FREE = 1 << 16 };
  uint32_t n = f->nins, blocks = f->nblocks;
  *out = (Uses){0};
  Sweep s = {.f = f, .live = live, .arena = scratch, .u = out};
  uint32_t *exposed = ARENA_RAW(scratch, uint32_t, (size_t)blocks + 1);
  s.budget = (uint64_t)n * STEPS_PER_INS + STEPS_FREE;
  s.mark = ARENA_ARR(scratch, uint32_t, n);
  s.params = ARENA_RAW(scratch, AbiLoc, LIMIT_PARAMS);
  out->live_at = ARENA_ARR(scratch, uint32_t, (size_t)blocks + 1);
  out->at = live->uses;
  out->loop = ARENA_RAW(scratch, uint32_t, blocks);
  out->parent = ARENA_RAW(scratch, uint32_t, blocks);
  out->freq = ARENA_RAW(scratch, uint8_t, blocks);
  out->pressure = ARENA_ARR(scratch, uint32_t, (size_t)blocks * 2);
  out->calls = ARENA_RAW(scratch, uint32_t, (size_t)n + 1);
  out->hint = ARENA_RAW(scratch, uint8_t, n);
  out->def_freq = ARENA_RAW(scratch, uint8_t, n);
  if (!exposed || !s.mark || !s.params || !out->live_at || !out->loop || !out->parent ||
      !out->freq || !out->pressure || !out->calls || !out->hint || !out->def_freq)
    return lw_nomem(err, "register allocation");
  memset(out->parent, 0xff, sizeof *out->parent * blocks); /* NO_BLOCK */
  find_loops(&s);
  if (!out->too_many) {
    guess_frequencies(&s, exposed);
    list_uses(&s, exposed);
  }
  if (!out->too_many && !s.failed) find_live(&s, exposed);
  if (s.failed) return lw_nomem(err, "register allocation");
  if (out->too_many) return LW_OK;
  find_hints(&s);
  return LW_OK;
}

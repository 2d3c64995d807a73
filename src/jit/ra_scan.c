/*
** ra_scan.c -- the register allocator: registers are carried from block to block.
**
** One forward walk. The first edge that reaches a block decides in which registers it
** starts; every later one makes that so, and so do the edges back to a loop's header.
** At a loop's header what the loop uses comes into registers, and what only lives through
** it stays in one if the loop leaves some over.
** A value that has to give up its register is stored: where it was made, if that runs no
** more often, for then it is stored everywhere; else here, and for this block. Whoever
** leaves a block makes sure that what its target needs is in its register or stored.
** Slots are given out at the end, when it is known who needs one.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/ra.h"

/* ---- how a block begins ---- */

typedef struct Wish { /* a value that a loop uses */
  uint32_t ins, weight;
} Wish;

enum { WISHES = 16 };   /* as many as there are registers of a class */
typedef struct Choice { /* the registers of a block that is being decided */
  uint32_t block, edge;
  uint32_t taken;
  /* of a loop */
  uint32_t last; /* instruction */
  bool calls;    /* there are some that are not cold */
  Wish wishes[2][WISHES];
  uint32_t nwishes[2];
  uint32_t left[2]; /* how many more registers of each class */
} Choice;

static bool is_fpr(const Ra *ra, uint32_t ins)
{
  return ra_is_float(ra->f, REF_BIAS + ins);
}

static void keep(Ra *ra, Choice *c, uint32_t ins, unsigned reg)
{
  Scan *s = ra->scan;
  bool fpr = loc_is_fpr(reg);
  assert((c->taken & ra_bit(reg)) == 0 && s->nheld < s->held_cap);
  s->held[s->nheld++] = (Held){ins, (uint8_t)reg};
  s->entries[c->block].n++;
  s->in_reg[ins] = c->edge + 1;
  c->taken |= ra_bit(reg);
  if (c->left[fpr]) c->left[fpr]--;
}

/* How often the loop uses a value, by a guess. */
static uint32_t weight_in_loop(const Ra *ra, const Choice *c, uint32_t ins)
{
  enum { MOST = 64, DEEPEST = 12 };
  const Uses *u = &ra->scan->uses;
  uint32_t first = ra->f->blocks[c->block].first, low = u->at[ins], high = u->at[ins + 1];
  uint32_t end = high, sum = 0;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (u->of[middle] < first)
      low = middle + 1;
    else
      high = middle;
  }
  for (uint32_t n = 0; low < end && u->of[low] <= c->last && n < MOST; low++, n++) {
    int deeper = u->def_freq[u->of[low]] - u->freq[c->block];
    sum += deeper <= 0 ? 1u : 2u << (deeper < DEEPEST ? deeper : DEEPEST);
  }
  return sum;
}

/* A callee-saved register for what outlives calls in the loop, if one is free. */
static unsigned kept_by_callees(const Ra *ra, const Choice *c, uint32_t ins)
{
  uint32_t free = ra->regs[0] & lw_target.callee_saved & ~c->taken;
  if (is_fpr(ra, ins) || !free || !c->calls) return NO_REG;
  if (!lw_ra_crosses(ra, ins, ra->f->blocks[c->block].first)) return NO_REG;
  unsigned now = ra->reg_of[ins];
  if (now != NO_REG && free & ra_bit(now)) return now;
  if (free & ra->out->saved) free &= ra->out->saved;
  unsigned reg = (unsigned)__builtin_ctz(free);
  return lw_ra_worth_saving(ra, ins, reg) ? reg : NO_REG;
}

/* A register for parameter p, to which the edge at hand brings r; or NO_REG. */
static unsigned for_param(Ra *ra, const Choice *c, uint32_t p, Ref r)
{
  const Scan *s = ra->scan;
  bool fpr = is_fpr(ra, p);
  uint32_t free = ra->regs[fpr] & ~c->taken;
  bool crosses = lw_ra_crosses(ra, p, p);
  if (crosses && free & lw_target.callee_saved) {
    uint32_t good = free & lw_target.callee_saved;
    if (good & ra->out->saved) good &= ra->out->saved;
    unsigned reg = (unsigned)__builtin_ctz(good);
    if (lw_ra_worth_saving(ra, p, reg)) return reg;
  }
  unsigned hint = s->uses.hint[p];
  if (hint != NO_REG && free & ra_bit(hint) && !crosses) return hint;
  uint32_t value = ref_is_kon(r) ? NO_INS : r - REF_BIAS;
  if (value != NO_INS && s->in_reg[value] != c->edge + 1 && ra->reg_of[value] != NO_REG &&
      free & ra_bit(ra->reg_of[value]))
    return ra->reg_of[value];
  uint32_t others = free & ~lw_target.callee_saved;
  if (!others) others = free & ra->out->saved;
  if (!others && ra->f->blocks[c->block].loop_end != NO_BLOCK) others = free;
  if (others & ~ra->held) others &= ~ra->held; /* nobody has to move */
  if (!others) return NO_REG;
  for (unsigned k = 0; !fpr && k < sizeof lw_target.order; k++)
    if (others & ra_bit(lw_target.order[k])) return lw_target.order[k];
  return (unsigned)__builtin_ctz(others);
}

/* Whoever else brings something to parameter p should have it there, unless somebody who
   runs more often wants it elsewhere. */
static void hint_params(Ra *ra, uint32_t block, uint32_t k, unsigned reg, unsigned depth)
{
  enum { DEPTH = 3, PREDS = 8 };
  const Func *f = ra->f;
  const Block *b = &f->blocks[block];
  uint8_t *hints = ra->scan->uses.hint;
  const uint8_t *freq = ra->scan->uses.freq;
  for (uint32_t p = b->preds; p < b->preds + b->npreds && p < b->preds + PREDS; p++) {
    const Edge *edge = &f->edges[f->preds[p]];
    Ref r = f->pool[edge->args + k];
    if (ref_is_kon(r) || r - REF_BIAS < ra->at) continue;
    uint32_t ins = r - REF_BIAS;
    if (hints[ins] != NO_REG && freq[block] < freq[edge->from]) continue;
    hints[ins] = (uint8_t)reg;
    if (f->ins[ins].op != IR_PARAM || depth == DEPTH) continue;
    const Block *from = &f->blocks[edge->from];
    if (ins >= from->first && ins < from->first + from->nparams)
      hint_params(ra, edge->from, ins - from->first, reg, depth + 1);
  }
}

static void param_in_slot(Ra *ra, uint32_t p)
{
  ra->out->allocs[p].dst = lw_ra_slot(ra, p);
  ra->scan->at_def[p] |= STORE_AT_DEF | NAMES_SLOT; /* by the edges */
}

/* Parameter p gets a register, if one is to be had. */
static bool param_in_register(Ra *ra, Choice *c, uint32_t p)
{
  uint32_t k = p - ra->f->blocks[c->block].first;
  unsigned reg = for_param(ra, c, p, ra->f->pool[ra->f->edges[c->edge].args + k]);
  if (reg == NO_REG) return false;
  keep(ra, c, p, reg);
  ra->out->allocs[p].dst = reg;
  hint_params(ra, c->block, k, reg, 0);
  return true;
}

static void place_params(Ra *ra, Choice *c, bool in_slots)
{
  const Block *b = &ra->f->blocks[c->block];
  for (uint32_t p = b->first; p < b->first + b->nparams; p++)
    if (ra_needed(ra, p) && (in_slots || !param_in_register(ra, c, p)))
      param_in_slot(ra, p);
}

/* Among the most used, as many as may be in registers; most used first. */
static void wish(Ra *ra, Choice *c, uint32_t ins, uint32_t weight)
{
  bool fpr = is_fpr(ra, ins);
  Wish *list = c->wishes[fpr];
  uint32_t n = c->nwishes[fpr], at = n;
  if (weight == 0 || (n == c->left[fpr] && (n == 0 || list[n - 1].weight >= weight)))
    return;
  if (n == c->left[fpr]) at--;
  for (; at > 0 && list[at - 1].weight < weight; at--)
    list[at] = list[at - 1];
  list[at] = (Wish){ins, weight};
  if (n < c->left[fpr]) c->nwishes[fpr]++;
}

static bool is_kept(const Ra *ra, const Choice *c, uint32_t ins)
{
  return ra->scan->in_reg[ins] == c->edge + 1;
}

/* What outlives calls first chooses from what callees keep. Then whoever is in a register
   stays there; the parameters choose; last who comes from a slot. */
static void grant_wishes(Ra *ra, Choice *c, bool fpr)
{
  uint32_t first = ra->f->blocks[c->block].first;
  const Wish *w = c->wishes[fpr], *end = w + c->nwishes[fpr];
  for (const Wish *x = w; x < end && c->calls; x++) {
    unsigned reg = kept_by_callees(ra, c, x->ins);
    if (reg == NO_REG) continue;
    if (x->ins < first)
      keep(ra, c, x->ins, reg);
    else
      (void)param_in_register(ra, c, x->ins);
  }
  for (const Wish *x = w; x < end; x++) {
    unsigned reg = x->ins < first ? ra->reg_of[x->ins] : NO_REG;
    if (reg != NO_REG && !is_kept(ra, c, x->ins) && (c->taken & ra_bit(reg)) == 0)
      keep(ra, c, x->ins, reg);
  }
  for (const Wish *x = w; x < end; x++)
    if (x->ins >= first && !is_kept(ra, c, x->ins))
      (void)param_in_register(ra, c, x->ins);
  for (const Wish *x = w; x < end; x++) {
    uint32_t free = ra->regs[fpr] & ~c->taken;
    if (is_kept(ra, c, x->ins) || !free || x->ins >= first) continue;
    if (c->calls && ra->reg_of[x->ins] == NO_REG) continue; /* it would not stay */
    if (free & ~lw_target.callee_saved) free &= ~lw_target.callee_saved;
    keep(ra, c, x->ins, (unsigned)__builtin_ctz(free));
  }
}

/* Where a value that the loop does not use is used behind it. */
static uint32_t use_behind(const Ra *ra, const Choice *c, uint32_t ins)
{
  const Uses *u = &ra->scan->uses;
  uint32_t low = u->at[ins], end = u->at[ins + 1], high = end;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (u->of[middle] <= c->last)
      low = middle + 1;
    else
      high = middle;
  }
  return low < end ? u->of[low] : UINT32_MAX;
}

/* What lives through the loop and is in a register may stay there, the soonest wanted
   first, as long as there is room. */
static void let_stay(Ra *ra, Choice *c, const uint32_t *live, uint32_t n)
{
  struct {
    uint32_t ins, use;
  } found[32], t;
  uint32_t nfound = 0;
  for (uint32_t k = 0; k < n; k++) {
    unsigned reg = ra->reg_of[live[k]];
    if (reg == NO_REG || is_kept(ra, c, live[k])) continue;
    if (c->taken & ra_bit(reg)) continue;
    if (c->calls && (lw_target.callee_saved & ra_bit(reg)) == 0) continue;
    t.ins = live[k];
    t.use = use_behind(ra, c, live[k]);
    uint32_t at = nfound++;
    for (; at > 0 && found[at - 1].use > t.use; at--)
      found[at] = found[at - 1];
    found[at] = t;
  }
  for (uint32_t k = 0; k < nfound; k++) {
    unsigned reg = ra->reg_of[found[k].ins];
    if (c->left[loc_is_fpr(reg)]) keep(ra, c, found[k].ins, reg);
  }
}

/* How many more values can be in registers before somebody in the loop has to go. */
static void count_room(const Ra *ra, Choice *c, const uint32_t *live, uint32_t n)
{
  uint32_t others[2] = {0, 0};
  for (uint32_t k = 0; k < n; k++)
    others[is_fpr(ra, live[k])] += !is_kept(ra, c, live[k]);
  for (unsigned fpr = 0; fpr < 2; fpr++) {
    uint32_t regs = (uint32_t)__builtin_popcount(ra->regs[fpr]);
    uint32_t most = ra->scan->uses.pressure[(size_t)c->block * 2 + fpr];
    uint32_t room = regs + others[fpr] > most ? regs + others[fpr] - most : 0;
    if (c->left[fpr] > room) c->left[fpr] = room;
  }
}

static void decide_loop(Ra *ra, Choice *c)
{
  enum { TEMPS = 2 };
  const Func *f = ra->f;
  const Uses *u = &ra->scan->uses;
  const Block *b = &f->blocks[c->block];
  uint32_t *live = u->live + u->live_at[c->block], rest = 0;
  uint32_t n = u->live_at[c->block + 1] - u->live_at[c->block];
  c->last = f->blocks[b->loop_end].end - 1;
  c->calls = u->calls[c->last + 1] > u->calls[b->first];
  for (unsigned fpr = 0; fpr < 2; fpr++) {
    uint32_t regs = (uint32_t)__builtin_popcount(ra->regs[fpr]);
    bool crowded = u->pressure[(size_t)c->block * 2 + fpr] > regs;
    c->left[fpr] = crowded ? regs - TEMPS : regs;
  }
  for (uint32_t k = 0; k < n; k++)
    wish(ra, c, live[k], weight_in_loop(ra, c, live[k]));
  for (uint32_t p = b->first; p < b->first + b->nparams; p++) /* also stored, in a slot */
    if (ra_needed(ra, p)) wish(ra, c, p, weight_in_loop(ra, c, p) + 1);
  grant_wishes(ra, c, false);
  grant_wishes(ra, c, true);
  for (uint32_t p = b->first; p < b->first + b->nparams; p++)
    if (ra_needed(ra, p) && !is_kept(ra, c, p)) param_in_slot(ra, p);
  count_room(ra, c, live, n);
  let_stay(ra, c, live, n);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t ins = live[k];
    if (is_kept(ra, c, ins)) continue;
    live[k] = live[rest];
    live[rest++] = ins;
  }
  ra->scan->entries[c->block].rest = rest;
}

/* Whoever is in a register and goes on. */
static void stay(Ra *ra, Choice *c)
{
  Scan *s = ra->scan;
  Entry *entry = &s->entries[c->block];
  uint32_t at = s->uses.live_at[c->block], n = s->uses.live_at[c->block + 1] - at;
  uint32_t *live = s->uses.live + at, rest = 0, nheld = s->nheld;
  for (uint32_t k = 0; k < n; k++) {
    uint32_t ins = live[k];
    unsigned reg = ra->reg_of[ins];
    if (reg != NO_REG) {
      s->held[nheld++] = (Held){ins, (uint8_t)reg};
      s->in_reg[ins] = c->edge + 1;
      c->taken |= ra_bit(reg);
    } else {
      live[k] = live[rest];
      live[rest++] = ins;
    }
  }
  assert(nheld <= s->held_cap);
  entry->n = (uint8_t)(nheld - s->nheld);
  entry->rest = rest;
  s->nheld = nheld;
}

/* The first edge that comes to a block. */
static void decide(Ra *ra, uint32_t e)
{
  const Func *f = ra->f;
  Scan *s = ra->scan;
  Choice c;
  c.block = f->edges[e].to;
  c.edge = e;
  c.taken = 0;
  for (unsigned fpr = 0; fpr < 2; fpr++) {
    c.nwishes[fpr] = 0;
    c.left[fpr] = UINT32_MAX;
  }
  const Block *b = &f->blocks[c.block];
  Entry *entry = &s->entries[c.block];
  *entry = (Entry){.first = s->nheld, .decided = true};
  bool lands = f->ins[b->first + b->nparams].op == IR_LANDING;
  if (b->loop_end != NO_BLOCK && !lands) {
    decide_loop(ra, &c);
    return;
  }
  if (lands)
    entry->rest = s->uses.live_at[c.block + 1] - s->uses.live_at[c.block];
  else
    stay(ra, &c);
  place_params(ra, &c, lands);
}

/* ---- how it ends ---- */

static void carry(Ra *ra, uint32_t e)
{
  const Func *f = ra->f;
  Scan *s = ra->scan;
  const Uses *u = &s->uses;
  const Edge *edge = &f->edges[e];
  const Block *to = &f->blocks[edge->to];
  const Entry *entry = &s->entries[edge->to];
  if (!entry->decided) decide(ra, e);
  const Held *held = s->held + entry->first;
  for (uint32_t n = entry->n; n-- > 0; held++)
    if (held->ins < to->first && ra->reg_of[held->ins] != held->reg)
      lw_ra_move(ra, REF_BIAS + held->ins, held->reg);
  unsigned freq =
    u->freq[edge->to] < u->freq[edge->from] ? u->freq[edge->to] : u->freq[edge->from];
  const uint32_t *v = u->live + u->live_at[edge->to];
  for (uint32_t n = entry->rest; n-- > 0; v++) {
    if (ra_stored(ra, *v)) continue;
    assert(ra->reg_of[*v] != NO_REG);
    Loc slot = lw_ra_slot(ra, *v);
    if (u->def_freq[*v] <= freq)
      s->at_def[*v] |= STORE_AT_DEF;
    else
      lw_ra_move(ra, REF_BIAS + *v, slot);
  }
  for (uint32_t k = 0; k < to->nparams; k++)
    if (ra_needed(ra, to->first + k))
      lw_ra_move(ra, f->pool[edge->args + k], ra->out->allocs[to->first + k].dst);
}

/* In any order, for now. */
static void leave_by(Ra *ra, uint32_t e)
{
  Allocation *out = ra->out;
  carry(ra, e);
  if (ra->nmoves && !lw_ra_edge_room(ra, ra->nmoves)) return;
  out->edges[e] = (EdgeEdits){out->nedge_edits, ra->nmoves};
  for (uint32_t k = 0; k < ra->nmoves; k++)
    out->edge_edits[out->nedge_edits++] = ra->moves[k];
  ra->nmoves = 0;
}

static void leave(Ra *ra, const Block *b)
{
  const Ins *last = &ra->f->ins[b->end - 1];
  uint32_t thrown = last->op == IR_TRY ? last->b : NO_EDGE;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++)
    if (e != thrown) leave_by(ra, e);
  lw_ra_release_all(ra);
  if (thrown == NO_EDGE) return;
  leave_by(ra, thrown); /* no register survives a throw */
}

/* ---- one block ---- */

/*
** Who is used last where in the block at hand: what goes on behind it, nowhere; of what
** comes from before it and ends here, the last use, which lies ahead of `next`. `end`
** of what is only used in its own block is right from the start.
*/
static void find_ends(Ra *ra, const Block *b)
{
  const Func *f = ra->f;
  Scan *s = ra->scan;
  const Uses *u = &s->uses;
  uint32_t *stamp = s->stamp, *ends = s->end, mark = s->block + 1;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    uint32_t to = f->edges[e].to, end = u->live_at[to + 1];
    for (uint32_t k = u->live_at[to]; k < end; k++) {
      stamp[u->live[k]] = mark;
      ends[u->live[k]] = UINT32_MAX;
    }
  }
  uint32_t last = u->live_at[s->block + 1];
  for (uint32_t k = u->live_at[s->block]; k < last; k++) {
    uint32_t v = u->live[k];
    if (stamp[v] == mark) continue;
    uint32_t at = s->next[v], end = u->at[v + 1];
    while (at < end && u->of[at] < b->first)
      at++;
    s->next[v] = at;
    while (at < end && u->of[at] < b->end)
      ends[v] = u->of[at++];
  }
}

static void enter(Ra *ra, uint32_t n)
{
  Scan *s = ra->scan;
  const Uses *u = &s->uses;
  const Entry *entry = &s->entries[n];
  assert(ra->held == 0 && (n == 0 || entry->decided));
  s->block = n;
  find_ends(ra, &ra->f->blocks[n]);
  for (uint32_t k = entry->first; k < entry->first + entry->n; k++)
    ra_hold(ra, s->held[k].reg, s->held[k].ins);
  const uint32_t *v = u->live + u->live_at[n];
  for (uint32_t k = 0; k < entry->rest; k++) {
    assert(ra->slot_of[v[k]]);
    s->stored[v[k]] = n + 1;
  }
}

static void scan_block(Ra *ra, uint32_t n)
{
  const Func *f = ra->f;
  const Block *b = &f->blocks[n];
  uint32_t i = b->first + b->nparams;
  ra->at = b->first;
  enter(ra, n);
  if (n == 0) {
    lw_ra_args(ra);
    while (i < b->end && f->ins[i].op == IR_ARG)
      i++;
  }
  for (; i < b->end; i++) {
    if (!ra_needed(ra, i)) continue;
    ra->at = i;
    lw_ra_ins(ra);
  }
  ra->at = b->end - 1;
  leave(ra, b);
}

/* ---- slots, and the stores behind definitions ---- */

/* Who takes over whose slot, so that an edge between them has nothing to move: per Ins,
   Ins + 1. Both are known to have one. */
typedef struct Heirs {
  uint32_t *heir, *source;
} Heirs;

/* Of the two that an edge connects, the later one, if it is the last to use the other, or
 * comes later. */
static void pass_on(const Ra *ra, const Heirs *h, uint32_t from, uint32_t to)
{
  const Func *f = ra->f;
  uint32_t first = from < to ? from : to, then = from < to ? to : from;
  if (h->heir[first] || h->source[then] || first == then) return;
  if (!ra->slot_of[from] || ra->live->end[first] > then) return;
  if (f->ins[from].type != f->ins[to].type) return;
  h->heir[first] = then + 1;
  h->source[then] = first + 1;
}

/* The edges back to a loop's header choose first. */
static void find_heirs(const Ra *ra, const Heirs *h)
{
  const Func *f = ra->f;
  for (unsigned back = 2; back-- > 0;)
    for (uint32_t e = 0; e < f->nedges; e++) {
      const Edge *edge = &f->edges[e];
      const Block *to = &f->blocks[edge->to];
      if (to->nparams == 0 || (edge->to <= edge->from) != back) continue;
      if (!f->blocks[edge->from].reachable) continue;
      for (uint32_t k = 0; k < to->nparams; k++) {
        Ref r = f->pool[edge->args + k];
        uint32_t p = to->first + k;
        if (ra_needed(ra, p) && ra->slot_of[p] && !ref_is_kon(r))
          pass_on(ra, h, r - REF_BIAS, p);
      }
    }
}

static void name_slots(Ra *ra)
{
  Scan *s = ra->scan;
  uint32_t nins = ra->f->nins;
  Heirs h = {s->stamp, s->in_reg}; /* nobody wants those any more */
  ra->ending = s->stored;
  memset(ra->ending, 0, sizeof *ra->ending * nins);
  memset(h.heir, 0, sizeof *h.heir * nins);
  memset(h.source, 0, sizeof *h.source * nins);
  find_heirs(ra, &h);
  ra->scan = NULL; /* real ones from now on */
  for (uint32_t i = 0; i < nins; i++) {
    if (!ra->slot_of[i]) continue;
    lw_ra_sweep(ra, i);
    uint32_t slot = h.source[i] ? ra->slot_of[h.source[i] - 1] : 0;
    lw_ra_name_slot(ra, i, slot, h.heir[i] != 0);
  }
  ra->scan = s;
}

static void rename_loc(const Ra *ra, Loc *l)
{
  if (loc_is_slot(*l)) *l = LOC_SLOT0 + ra->slot_of[*l - LOC_SLOT0] - 1;
}

static void rename_slots(Ra *ra)
{
  Allocation *out = ra->out;
  for (uint32_t i = 0; i < ra->f->nins; i++) {
    if ((ra->scan->at_def[i] & NAMES_SLOT) == 0) continue;
    rename_loc(ra, &out->allocs[i].dst);
    for (unsigned k = 0; k < 3; k++)
      rename_loc(ra, &out->allocs[i].use[k]);
  }
  for (uint32_t i = 0; i < out->nedits; i++) {
    rename_loc(ra, &out->edits[i].from);
    rename_loc(ra, &out->edits[i].to);
  }
  for (uint32_t i = 0; i < out->nedge_edits; i++) {
    rename_loc(ra, &out->edge_edits[i].from);
    rename_loc(ra, &out->edge_edits[i].to);
  }
}

static void count(Allocation *out, const Edit *e)
{
  if (loc_is_slot(e->to))
    out->nspills++;
  else if (loc_is_slot(e->from))
    out->nreloads++;
  else
    out->nmoves++;
}

/* Into the order of execution, which depends on who shares a slot. */
static Status order_edges(Ra *ra)
{
  Allocation *out = ra->out;
  Edit *all = out->edge_edits;
  uint32_t made = 0, room = out->nedge_edits + out->nedge_edits / 2;
  Edit *ordered = ARENA_RAW(ra->arena, Edit, room ? room : 1);
  if (!ordered) return lw_nomem(ra->err, "register allocation");
  for (uint32_t e = 0; e < ra->f->nedges; e++) {
    Edit *moves = all + out->edges[e].first;
    uint32_t n = 0, count_made = 0;
    for (uint32_t k = 0; k < out->edges[e].count; k++)
      if (moves[k].from != moves[k].to) moves[n++] = moves[k];
    if (n)
      TRY(lw_moves_order(&ra->mover, moves, n, ordered + made, &count_made, ra->err));
    out->edges[e] = (EdgeEdits){made, count_made};
    made += count_made;
  }
  assert(made <= room);
  lw_arena_drop(ra->arena, all, sizeof *all * out->edge_edits_cap);
  for (uint32_t k = 0; k < made; k++)
    count(out, &ordered[k]);
  out->edge_edits = ordered;
  out->nedge_edits = made;
  out->edge_edits_cap = room;
  return LW_OK;
}

typedef struct Merge {
  const Edit *old;
  uint32_t nold, taken;
  Edit *edits;
  uint32_t n;
} Merge;

/* The store of value `ins` behind its definition. */
static void store(Ra *ra, Merge *m, uint32_t ins, uint32_t before)
{
  Loc reg = ra->out->allocs[ins].dst;
  if (!loc_is_reg(reg)) return;
  while (m->taken < m->nold && m->old[m->taken].before < before)
    m->edits[m->n++] = m->old[m->taken++];
  Loc slot = LOC_SLOT0 + ra->slot_of[ins] - 1;
  m->edits[m->n++] = (Edit){before, lw_ir_type(ra->f, REF_BIAS + ins), reg, slot};
  ra->out->nspills++;
}

/* Those that come in together are stored together, before anything can take their place:
   arguments, and the results of a call. */
static void store_early(Ra *ra, Merge *m, uint32_t i, uint8_t op, uint32_t before)
{
  const Func *f = ra->f;
  for (; i < f->nins && f->ins[i].op == op; i++)
    if ((~ra->scan->at_def[i] & (STORE_AT_DEF | STORE_EARLY)) == 0)
      store(ra, m, i, before);
}

static Status merge_stores(Ra *ra)
{
  const Func *f = ra->f;
  const Scan *s = ra->scan;
  Allocation *out = ra->out;
  uint32_t more = 0;
  for (uint32_t i = 0; i < f->nins; i++)
    more += s->at_def[i] & STORE_AT_DEF;
  if (!more) return LW_OK;
  Merge m = {.old = out->edits, .nold = out->nedits};
  m.edits = ARENA_RAW(ra->arena, Edit, out->nedits + more);
  if (!m.edits) return lw_nomem(ra->err, "register allocation");
  store_early(ra, &m, 0, IR_ARG, 0);
  for (uint32_t i = 0; i < f->nins; i++) {
    if ((s->at_def[i] & (STORE_AT_DEF | STORE_EARLY)) == STORE_AT_DEF)
      store(ra, &m, i, i + 1);
    if (lw_ir_info[f->ins[i].op].flags & IRF_K)
      store_early(ra, &m, i + 1, IR_RESULT, i + 1);
  }
  while (m.taken < m.nold)
    m.edits[m.n++] = m.old[m.taken++];
  lw_arena_drop(ra->arena, out->edits, sizeof *out->edits * out->edits_cap);
  out->edits = m.edits;
  out->nedits = m.n;
  out->edits_cap = out->nedits + more;
  return LW_OK;
}

/* ---- all of it ---- */

static Status prepare(Ra *ra, Scan *s)
{
  const Func *f = ra->f;
  Arena *a = ra->arena;
  uint32_t regs =
    (uint32_t)__builtin_popcount(lw_target.allocatable[0] | lw_target.allocatable[1]);
  uint64_t cap = 0;
  for (uint32_t n = 0; n < f->nblocks; n++) {
    uint64_t most =
      (uint64_t)f->blocks[n].nparams + s->uses.live_at[n + 1] - s->uses.live_at[n];
    cap += most < regs ? most : regs;
  }
  s->held_cap = (uint32_t)cap;
  s->entries = ARENA_ARR(a, Entry, f->nblocks);
  s->held = ARENA_RAW(a, Held, cap ? (size_t)cap : 1);
  s->next = ARENA_RAW(a, uint32_t, f->nins);
  s->stamp = ARENA_ARR(a, uint32_t, f->nins);
  s->end = ARENA_RAW(a, uint32_t, f->nins);
  s->stored = ARENA_ARR(a, uint32_t, f->nins);
  s->at_def = ARENA_ARR(a, uint8_t, f->nins);
  s->in_reg = ARENA_ARR(a, uint32_t, f->nins);
  if (!s->entries || !s->held || !s->next || !s->stamp || !s->end || !s->stored ||
      !s->at_def || !s->in_reg)
    return lw_nomem(ra->err, "register allocation");
  memcpy(s->next, s->uses.at, sizeof *s->next * f->nins);
  memcpy(s->end, ra->live->end, sizeof *s->end * f->nins);
  ra->end = s->end;
  ra->scan = s;
  return LW_OK;
}

Status lw_ra_scan(const Selection *sel, Arena *scratch, Allocation *out, Err *err)
{
  const Func *f = sel->f;
  Scan s = {0};
  Ra ra;
  TRY(lw_ra_uses(f, sel->live, scratch, &s.uses, err));
  pass_done(sel->opts.meter, PASS_USES, scratch);
  if (s.uses.too_many) return lw_ra_simple(sel, scratch, out, err);
  TRY(lw_ra_begin(&ra, sel, scratch, out, err));
  TRY(prepare(&ra, &s));
  for (uint32_t n = 0; n < f->nblocks; n++) {
    if (!f->blocks[n].reachable) continue;
    scan_block(&ra, n);
    if (ra.failed) return lw_nomem(err, "register allocation");
  }
  if (s.slots) {
    name_slots(&ra);
    if (ra.failed) return lw_nomem(err, "register allocation");
    rename_slots(&ra);
  }
  TRY(order_edges(&ra));
  return merge_stores(&ra);
}

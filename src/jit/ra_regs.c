/*
** ra_regs.c -- registers as a cache of values, slots behind it, and the list of edits.
**
** A register may hold a value; a value is in at most one register, and in its slot from
** the moment when it was first stored (SSA: never stored again). Registers are freed
** when an interval ends, or lazily when one is wanted.
** Invariant: a value whose interval goes on is in a register or in its slot.
** Layer: jit.
*/
#include <assert.h>

#include "jit/ra.h"

void lw_ra_edit(Ra *ra, uint32_t before, unsigned type, Loc from, Loc to)
{
  Allocation *out = ra->out;
  if (out->nedits == out->edits_cap) {
    size_t old = sizeof(Edit) * out->edits_cap;
    Edit *edits = lw_arena_grow(ra->arena, out->edits, old, old * 2);
    if (edits) {
      out->edits = edits;
      out->edits_cap *= 2;
    } else { /* go on harmlessly; seen at the block's end */
      ra->failed = true;
      out->nedits = 0;
    }
  }
  assert(out->nedits == 0 || ra->failed || out->edits[out->nedits - 1].before <= before);
  assert(from != to && from != LOC_NONE && to != LOC_NONE);
  out->edits[out->nedits++] = (Edit){before, type, from, to};
  if (loc_is_slot(to))
    out->nspills++;
  else if (loc_is_slot(from))
    out->nreloads++;
  else
    out->nmoves++;
}

/* A v128 has two slots and is called by the second; the first has a mark for a link. */
#define PAIR_MARK UINT32_MAX
static bool is_pair(const Ra *ra, uint32_t slot)
{
  return slot >= 2 && ra->slots[slot - 2] == PAIR_MARK;
}

void lw_ra_sweep(Ra *ra, uint32_t at)
{
  for (; ra->swept < at; ra->swept++) {
    uint32_t slot = ra->ending[ra->swept];
    while (slot) {
      uint32_t next = ra->slots[slot - 1];
      uint32_t *list = is_pair(ra, slot) ? &ra->free_pair : &ra->free_slot;
      ra->slots[slot - 1] = *list;
      *list = slot;
      slot = next;
    }
  }
}

static bool slots_grow(Ra *ra)
{
  size_t old = sizeof *ra->slots * ra->slots_cap;
  uint32_t *slots = lw_arena_grow(ra->arena, ra->slots, old, old * 2);
  if (!slots) return false;
  ra->slots = slots;
  ra->slots_cap *= 2;
  return true;
}

/* n new slots; the number of the last one, or 0. */
static uint32_t slots_new(Ra *ra, uint32_t n)
{
  while (ra->out->nslots + n > ra->slots_cap)
    if (!slots_grow(ra)) return 0;
  if (n == 2) ra->slots[ra->out->nslots++] = PAIR_MARK;
  ra->slots[ra->out->nslots++] = 0; /* no link: it may be passed on */
  return ra->out->nslots;
}

/* A slot that nobody has; the number of it + 1, or 0. */
static uint32_t slot_take(Ra *ra, uint32_t ins)
{
  bool pair = lw_ir_type(ra->f, REF_BIAS + ins) == VAL_V128;
  uint32_t *list = pair ? &ra->free_pair : &ra->free_slot;
  uint32_t slot = *list;
  if (!slot) return slots_new(ra, pair ? 2 : 1);
  *list = ra->slots[slot - 1];
  return slot;
}

void lw_ra_name_slot(Ra *ra, uint32_t ins, uint32_t slot, bool passes_on)
{
  if (!slot) slot = slot_take(ra, ins);
  if (!slot) {
    ra->failed = true;
    slot = 1;
  }
  ra->slot_of[ins] = slot;
  if (passes_on || ra->failed) return;
  uint32_t end = ra->live->end[ins];
  assert(end >= ra->swept && "a slot for a value that is dead");
  ra->slots[slot - 1] = ra->ending[end];
  ra->ending[end] = slot;
}

Loc lw_ra_slot(Ra *ra, uint32_t ins)
{
  if (ra->scan) { /* which one is known in the end */
    ra->slot_of[ins] = 1;
    ra->scan->slots = true;
    return LOC_SLOT0 + ins;
  }
  if (!ra->slot_of[ins]) lw_ra_name_slot(ra, ins, 0, false);
  return LOC_SLOT0 + ra->slot_of[ins] - 1;
}

void lw_ra_spill(Ra *ra, uint32_t ins, uint32_t before)
{
  Scan *s = ra->scan;
  if (ra_stored(ra, ins)) return;
  Loc reg = ra->reg_of[ins];
  assert(reg != NO_REG);
  if (s && s->uses.def_freq[ins] <= s->uses.freq[s->block]) {
    s->at_def[ins] |= STORE_AT_DEF;
    lw_ra_slot(ra, ins);
    return;
  }
  if (s) s->stored[ins] = s->block + 1;
  lw_ra_edit(ra, before, lw_ir_type(ra->f, REF_BIAS + ins), reg, lw_ra_slot(ra, ins));
}

void lw_ra_release_all(Ra *ra)
{
  for (uint32_t left = ra->held; left; left &= left - 1)
    ra_release(ra, (unsigned)__builtin_ctz(left));
}

/* Of the held registers in `candidates`, the one to give up: free to drop if possible,
   then the value that lives longest, for that is a guess at "not soon". */
static unsigned victim(const Ra *ra, uint32_t candidates)
{
  unsigned best = NO_REG;
  uint64_t best_score = 0;
  for (uint32_t left = candidates; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    uint32_t ins = ra->holds[reg];
    uint64_t score = (uint64_t)(ra->slot_of[ins] != 0) << 32 | ra->end[ins];
    if (best == NO_REG || score > best_score) {
      best = reg;
      best_score = score;
    }
  }
  assert(best != NO_REG && "constraints want more registers than there are");
  return best;
}

/* A free register out of `candidates`, or NO_REG. */
static unsigned find_free(Ra *ra, uint32_t candidates)
{
  uint32_t unheld = candidates & ~ra->held;
  if (unheld) return (unsigned)__builtin_ctz(unheld);
  unsigned found = NO_REG;
  for (uint32_t left = candidates; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    if (ra->end[ra->holds[reg]] >= ra->at) continue;
    ra_release(ra, reg);
    if (found == NO_REG) found = reg;
  }
  return found;
}

unsigned lw_ra_take(Ra *ra, uint32_t ins, bool fpr, uint32_t avoid)
{
  uint32_t candidates = ra_allowed(ra, fpr) & ~avoid;
  unsigned reg = find_free(ra, candidates);
  if (ra->scan)
    reg = lw_ra_pick(ra, ins, candidates);
  else if (reg == NO_REG)
    reg = victim(ra, candidates);
  ra->out->saved |= lw_target.callee_saved & ra_bit(reg);
  if ((ra->held & ra_bit(reg)) == 0) return reg;
  lw_ra_spill(ra, ra->holds[reg], ra->at);
  ra_release(ra, reg);
  return reg;
}

void lw_ra_vacate(Ra *ra, unsigned reg)
{
  if ((ra->held & ra_bit(reg)) == 0) return;
  uint32_t ins = ra->holds[reg];
  bool wanted = ra->end[ins] >= ra->at;
  if (!wanted) {
    ra_release(ra, reg);
    return;
  }
  uint32_t candidates = ra_allowed(ra, loc_is_fpr(reg)) & ~ra_bit(reg);
  unsigned to = find_free(ra, candidates);
  if (to != NO_REG && ra->scan) to = lw_ra_pick(ra, ins, candidates & ~ra->held);
  if (to == NO_REG) {
    lw_ra_spill(ra, ins, ra->at);
    ra_release(ra, reg);
  } else {
    lw_ra_edit(ra, ra->at, lw_ir_type(ra->f, REF_BIAS + ins), reg, to);
    ra_release(ra, reg);
    ra_hold(ra, to, ins);
  }
}

void lw_ra_define(Ra *ra, uint32_t ins, unsigned reg)
{
  ra->out->allocs[ins].dst = reg;
  if (ra->end[ins] == ins) return; /* nobody looks */
  ra_hold(ra, reg, ins);
  if (!ra->scan && ra->live->flags[ins] & LIVE_LEAVES_BLOCK)
    lw_ra_spill(ra, ins, ins + 1);
}

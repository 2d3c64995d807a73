/*
** ra_pick.c -- which register, and who has to give one up.
**
** A value that outlives a call goes to a callee-saved register if that is worth saving;
** it
** goes where somebody will want it, if that is free; else to any free register. When
** none is, the value is given up that is wanted last and is cheapest to have again.
** Layer: jit.
*/
#include <assert.h>

#include "jit/ra.h"

bool lw_ra_crosses(const Ra *ra, uint32_t ins, uint32_t from)
{
  const uint32_t *calls = ra->scan->uses.calls;
  uint32_t end = ra->live->end[ins];
  return end > from && calls[end] > calls[from + 1];
}

/* 2^(freq of one - freq of other), in sixteenths. */
static uint32_t ratio(unsigned freq, unsigned to)
{
  enum { SIXTEENTHS = 4, MOST = 20 };
  int by = (int)freq - (int)to + SIXTEENTHS;
  return 1u << (by < 0 ? 0 : by > MOST ? MOST : by);
}

bool lw_ra_worth_saving(const Ra *ra, uint32_t ins, unsigned reg)
{
  enum { USES = 8, SAVE_AND_RESTORE = 2 << 4 };
  const Uses *u = &ra->scan->uses;
  if (((lw_target.callee_saved & ~ra->out->saved) & ra_bit(reg)) == 0) return true;
  uint32_t sum = ratio(u->def_freq[ins], FREQ_ENTRY); /* else it is stored, and loaded */
  for (uint32_t k = u->at[ins]; k < u->at[ins + 1] && k < u->at[ins] + USES; k++)
    sum += ratio(u->def_freq[u->of[k]], FREQ_ENTRY);
  return sum > SAVE_AND_RESTORE;
}

/* Where it is used next, behind the instruction at hand; far away if that is unknown. */
static uint32_t next_use(Ra *ra, uint32_t ins)
{
  Scan *s = ra->scan;
  const Uses *u = &s->uses;
  uint32_t k = s->next[ins], end = u->at[ins + 1];
  while (k < end && u->of[k] <= ra->at)
    k++;
  s->next[ins] = k;
  uint32_t loop = u->loop[s->block];
  if (loop == NO_BLOCK) return k < end ? u->of[k] : ra->f->nins;
  uint32_t last = ra->f->blocks[ra->f->blocks[loop].loop_end].end - 1;
  if (k < end && u->of[k] <= last) return u->of[k];
  bool again = k > u->at[ins] && u->of[k - 1] >= ra->f->blocks[loop].first;
  return again && ins < ra->f->blocks[loop].first ? last + 1 : ra->f->nins;
}

/* How dear it is to keep: low for those who are to go. */
static uint64_t gain(Ra *ra, uint32_t ins)
{
  const Uses *u = &ra->scan->uses;
  unsigned here = u->freq[ra->scan->block];
  uint32_t next = next_use(ra, ins);
  uint32_t at = next < ra->f->nins ? next : ra->f->nins - 1;
  uint64_t cost = ratio(next < ra->f->nins ? u->def_freq[at] : FREQ_COLD, here);
  if (!ra_stored(ra, ins)) {
    unsigned def = u->def_freq[ins];
    cost += ratio(def < here ? def : here, here);
  }
  return (cost << 32) / (next - ra->at + 1);
}

static unsigned victim(Ra *ra, uint32_t candidates)
{
  unsigned best = NO_REG;
  uint64_t least = UINT64_MAX;
  for (uint32_t left = candidates; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    uint64_t g = gain(ra, ra->holds[reg]);
    if (best != NO_REG && g >= least) continue;
    best = reg;
    least = g;
  }
  assert(best != NO_REG && "constraints want more registers than there are");
  return best;
}

static uint32_t first_in_order(uint32_t free)
{
  for (unsigned k = 0; k < sizeof lw_target.order; k++)
    if (free & ra_bit(lw_target.order[k])) return lw_target.order[k];
  return (uint32_t)__builtin_ctz(free);
}

static unsigned callee_saved(const Ra *ra, uint32_t ins, uint32_t free)
{
  free &= lw_target.callee_saved;
  if (free & ra->out->saved) free &= ra->out->saved;
  if (!free) return NO_REG;
  unsigned reg = (unsigned)__builtin_ctz(free);
  return lw_ra_worth_saving(ra, ins, reg) ? reg : NO_REG;
}

unsigned lw_ra_hint(const Ra *ra, uint32_t ins, uint32_t candidates)
{
  if (ins == NO_INS) return NO_REG;
  unsigned reg = ra->scan->uses.hint[ins];
  if (reg == NO_REG || (candidates & ~ra->held & ra_bit(reg)) == 0) return NO_REG;
  bool lost =
    (lw_target.callee_saved & ra_bit(reg)) == 0 && lw_ra_crosses(ra, ins, ra->at);
  return lost ? NO_REG : reg;
}

unsigned lw_ra_pick(Ra *ra, uint32_t ins, uint32_t candidates)
{
  uint32_t free = candidates & ~ra->held;
  unsigned reg = lw_ra_hint(ra, ins, candidates);
  if (reg != NO_REG) return reg;
  if (ins != NO_INS && lw_ra_crosses(ra, ins, ra->at) &&
      (reg = callee_saved(ra, ins, free)) != NO_REG)
    return reg;
  uint32_t others = free & ~lw_target.callee_saved;
  if (!others) others = free & ra->out->saved;
  if (!others) others = free;
  return others ? first_in_order(others) : victim(ra, candidates);
}

/* A value in a register that the callee may use goes to one that it keeps, or is stored.
 */
void lw_ra_save(Ra *ra)
{
  const Func *f = ra->f;
  const Block *b = &f->blocks[ra->scan->block];
  bool lands = f->ins[b->end - 1].op == IR_TRY;
  uint32_t kept = lw_target.callee_saved;
  if (lands) {
    uint32_t last = ra->at + 1;
    while (f->ins[last].op == IR_RESULT)
      last++;
    lands = last == b->end - 1;
  }
  for (uint32_t left = ra->held; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    uint32_t ins = ra->holds[reg];
    if (ra->end[ins] <= ra->at) continue;
    if (lands) lw_ra_spill(ra, ins, ra->at); /* nothing else survives a throw */
    if (kept & ra_bit(reg)) continue;
    uint32_t free = ra->regs[loc_is_fpr(reg)] & kept & ~ra->held;
    unsigned to = b->cold ? NO_REG : callee_saved(ra, ins, free);
    if (to == NO_REG || lands) {
      lw_ra_spill(ra, ins, ra->at);
      continue;
    }
    lw_ra_edit(ra, ra->at, lw_ir_type(f, REF_BIAS + ins), reg, to);
    ra_release(ra, reg);
    ra_hold(ra, to, ins);
  }
}

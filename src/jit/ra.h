/*
** ra.h -- the state of the simple register allocator, shared by its three files.
**
** ra_simple.c walks the instructions, ra_regs.c keeps registers, slots and edits,
** ra_calls.c does the instructions whose operands go to places by convention.
** Layer: jit.
*/
#ifndef LW_RA_H
#define LW_RA_H

#include "jit/abi.h"
#include "jit/target.h"

enum { NO_REG = 0xff };

typedef struct Ra {
  const Selection *sel;
  const Func *f;
  const Liveness *live;
  Arena *arena;
  Allocation *out;
  Err *err;
  bool failed; /* out of memory; seen at the end of each block */

  uint32_t at; /* the instruction at hand */
  /* registers */
  uint8_t *reg_of;    /* per Ins: the register that holds its value, or NO_REG */
  uint32_t holds[32]; /* per register: the Ins whose value it holds, if `held` has it */
  uint32_t held;      /* bit per register */
  uint32_t busy;      /* not to be given away before the instruction at hand is done */
  /* slots: a value has one from the moment when it was stored there */
  uint32_t *slot_of; /* per Ins: slot + 1, or 0 */
  uint32_t *ending;  /* per Ins: slot + 1 of a value whose interval ends there, a chain */
  uint32_t *slots;   /* per slot: the next one + 1, in `ending` or in the free list */
  uint32_t slots_cap;
  uint32_t free_slot; /* slot + 1, a chain */
  uint32_t swept;     /* slots of intervals that end before this are free */
  /* moves to places of the calling convention, and on edges */
  Mover mover;
  Edit *moves, *ordered;
  uint32_t nmoves, moves_cap;
  AbiLoc *params, *results;
} Ra;

static inline bool ra_needed(const Ra *ra, uint32_t ins)
{
  return ra->live->flags[ins] & LIVE_NEEDED;
}
static inline uint32_t ra_bit(unsigned reg)
{
  return 1u << reg;
}
static inline bool ra_is_float(const Func *f, Ref r)
{
  return lw_val_is_float(lw_ir_type(f, r));
}

/* ---- ra_regs.c ---- */
void lw_ra_edit(Ra *ra, uint32_t before, unsigned type, Loc from, Loc to);
/* Free the slots of values whose interval has ended before instruction `at`. */
void lw_ra_sweep(Ra *ra, uint32_t at);
/* The slot of value `ins`, a new one if it has none. The caller stores to it. */
Loc lw_ra_slot(Ra *ra, uint32_t ins);
/* Store `ins`, which is in a register, to its slot unless that was done. */
void lw_ra_spill(Ra *ra, uint32_t ins, uint32_t before);
void lw_ra_hold(Ra *ra, unsigned reg, uint32_t ins);
void lw_ra_release(Ra *ra, unsigned reg);
void lw_ra_release_all(Ra *ra);
/* A register of a class that is neither busy nor in `avoid`; whatever it held is safe. */
unsigned lw_ra_take(Ra *ra, bool fpr, uint32_t avoid);
/* Free one register; what it holds moves elsewhere if it is still used. */
void lw_ra_vacate(Ra *ra, unsigned reg);
/* Where a value can be read now. */
Loc lw_ra_where(const Ra *ra, Ref r);
/* The result of `ins` is in `reg` from the next instruction on. */
void lw_ra_define(Ra *ra, uint32_t ins, unsigned reg);

/* ---- ra_calls.c ---- */
void lw_ra_move(Ra *ra, Ref from, Loc to);    /* add to the parallel moves */
void lw_ra_args(Ra *ra);                      /* ARGs: all at the first one */
void lw_ra_call(Ra *ra, const Constraint *c); /* CALL, CALL_CELL, HELPER, RETURN */
void lw_ra_edges(Ra *ra, const Block *b);     /* note what the edges out of b carry */
Status lw_ra_finish_edges(Ra *ra);            /* once all parameters have slots */

#endif

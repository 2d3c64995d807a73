/*
** ra.h -- the state of register allocation, shared by both allocators.
**
** Both go forward through the blocks and keep values in registers as in a cache. They
** differ in what a block begins with and in what is given up: ra_simple.c, which is also
** the oracle, has everything in slots between blocks; ra_scan.c carries registers along
** the edges and looks at uses to come (ra_uses.c).
** ra_ins.c places the operands of one instruction, ra_calls.c those that a convention
** places, ra_regs.c keeps registers, slots and edits.
** Layer: jit.
*/
#ifndef LW_RA_H
#define LW_RA_H

#include <assert.h>

#include "jit/abi.h"
#include "jit/target.h"

enum { NO_REG = 0xff };
#define NO_INS UINT32_MAX

/*
** What the scan knows before it starts (ra_uses.c). Frequencies are exponents: 2^freq
** times the entry's is how often a block runs, by a guess.
*/
enum { FREQ_COLD = 0, FREQ_ENTRY = 6, FREQ_LOOP = 3, FREQ_MAX = 24 };
typedef struct Uses {
  uint32_t *live_at;  /* per block, and one more: where it begins in `live` */
  uint32_t *live;     /* values that are used in the block or behind it, and come from
                         before it: exact but for loops that the layout tears apart */
  uint32_t *at;       /* per Ins, and one more: where it begins in `of` */
  uint32_t *of;       /* instructions that use it, ascending */
  uint32_t *loop;     /* per block: the header of the innermost loop, or NO_BLOCK */
  uint32_t *parent;   /* per header: the next loop out, or NO_BLOCK */
  uint8_t *freq;      /* per block */
  uint32_t *calls;    /* per Ins: how many calls that are not cold lie before it */
  uint32_t *pressure; /* per block, of a header for each class: the most values that are
                         alive at once in the loop */
  uint8_t *hint;      /* per Ins: the register that somebody will want it in, or NO_REG */
  uint8_t *def_freq;  /* per Ins: of its block */
  bool too_many;      /* of something: linear time is not certain */
} Uses;

typedef struct Held { /* a value in a register at the start of a block */
  uint32_t ins;
  uint8_t reg;
} Held;

typedef struct Entry { /* Scan.held[first .. first+n-1] */
  uint32_t first;
  uint32_t rest; /* of Uses.live: so many, the first ones, are not in registers */
  uint8_t n;
  bool decided;
} Entry;

enum {
  STORE_AT_DEF = 1,
  STORE_EARLY = 2, /* it comes in before its instruction */
  NAMES_SLOT = 4,  /* its Alloc has a slot in it */
};

typedef struct Scan {
  Uses uses;
  uint32_t block; /* at hand */
  Entry *entries; /* per block */
  Held *held;     /* room for all registers of each block that has been decided */
  uint32_t nheld, held_cap;
  uint32_t *next;   /* per Ins: the first of uses.of that may lie ahead */
  uint32_t *stamp;  /* per Ins: block + 1 whose `end` it has */
  uint32_t *end;    /* per Ins: Ra.end */
  uint32_t *stored; /* per Ins: block + 1 in which its slot is good ... */
  uint8_t *at_def;  /* ... or everywhere, since it is stored where it is made: STORE_* */
  uint32_t *in_reg; /* per Ins: edge + 1 that brings it in a register */
  bool slots;       /* somebody has one */
} Scan;

typedef struct Ra {
  const Selection *sel;
  const Func *f;
  const Liveness *live;
  const uint32_t *end; /* per Ins: the last instruction that uses it, as far as the
                          block at hand is concerned */
  Scan *scan;          /* NULL: the simple allocator */
  Arena *arena;
  Allocation *out;
  Err *err;
  bool failed; /* out of memory; seen at the end of each block */

  uint32_t at;      /* the instruction at hand */
  uint32_t regs[2]; /* that may be given away, of each class */
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
  uint32_t free_pair; /* likewise of two slots, for v128 */
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
  assert(reg < 32);
  return 1u << reg;
}
static inline bool ra_is_float(const Func *f, Ref r)
{
  if (ref_is_kon(r)) return lw_val_is_float(ir_kon(f, r)->type);
  const Ins *ins = ir_ins(f, r);
  return lw_val_is_float(ins->type) && lw_ir_info[ins->op].res != IRR_C;
}

/* ---- ra_regs.c ---- */
void lw_ra_edit(Ra *ra, uint32_t before, unsigned type, Loc from, Loc to);
/* Free the slots of values whose interval has ended before instruction `at`. */
void lw_ra_sweep(Ra *ra, uint32_t at);
/* The slot of value `ins`, a new one if it has none. The caller stores to it. */
Loc lw_ra_slot(Ra *ra, uint32_t ins);
/* Give it slot `slot` - 1, which somebody passed on, or with 0 any that is free; it is
   free again behind its interval, unless it passes it on. */
void lw_ra_name_slot(Ra *ra, uint32_t ins, uint32_t slot, bool passes_on);
/* Store `ins`, which is in a register, to its slot unless that was done. */
void lw_ra_spill(Ra *ra, uint32_t ins, uint32_t before);
/* Is its slot good, here? */
static inline bool ra_stored(const Ra *ra, uint32_t ins)
{
  const Scan *s = ra->scan;
  if (!s) return ra->slot_of[ins] != 0;
  return s->at_def[ins] & STORE_AT_DEF || s->stored[ins] == s->block + 1;
}
static inline void ra_hold(Ra *ra, unsigned reg, uint32_t ins)
{
  assert((ra->held & ra_bit(reg)) == 0 && ra->reg_of[ins] == NO_REG);
  ra->held |= ra_bit(reg);
  ra->holds[reg] = ins;
  ra->reg_of[ins] = (uint8_t)reg;
  ra->out->saved |= lw_target.callee_saved & ra_bit(reg);
}
static inline void ra_release(Ra *ra, unsigned reg)
{
  assert(ra->held & ra_bit(reg) && ra->reg_of[ra->holds[reg]] == reg);
  ra->held &= ~ra_bit(reg);
  ra->reg_of[ra->holds[reg]] = NO_REG;
}
void lw_ra_release_all(Ra *ra);
/* A register of a class that is neither busy nor in `avoid`; whatever it held is safe.
   `ins` is the value that it will hold, or NO_INS. */
unsigned lw_ra_take(Ra *ra, uint32_t ins, bool fpr, uint32_t avoid);
/* Free one register; what it holds moves elsewhere if it is still used. */
void lw_ra_vacate(Ra *ra, unsigned reg);
/* Where a value can be read now. */
static inline Loc ra_where(const Ra *ra, Ref r)
{
  if (ref_is_kon(r)) return LOC_KON0 + r;
  uint32_t ins = r - REF_BIAS;
  if (ra->reg_of[ins] != NO_REG) return ra->reg_of[ins];
  assert((ra_stored(ra, ins) || ra->failed) && "a value that is nowhere");
  if (ra->scan) return LOC_SLOT0 + ins;
  return LOC_SLOT0 + ra->slot_of[ins] - 1;
}
/* The registers of a class that may be given away now. */
static inline uint32_t ra_allowed(const Ra *ra, bool fpr)
{
  uint32_t regs = ra->regs[fpr] & ~ra->busy;
  return ra->scan ? regs : regs & ~lw_target.callee_saved;
}
/* The result of `ins` is in `reg` from the next instruction on. */
void lw_ra_define(Ra *ra, uint32_t ins, unsigned reg);

/* ---- ra_ins.c ---- */
void lw_ra_ins(Ra *ra); /* the instruction at hand */
Status lw_ra_begin(Ra *ra, const Selection *sel, Arena *scratch, Allocation *out,
                   Err *err);

/* ---- ra_uses.c ---- */
Status lw_ra_uses(const Func *f, const Liveness *live, Arena *scratch, Uses *out,
                  Err *err);

/* ---- ra_pick.c ---- */
/* A register for `ins` (or NO_INS) out of `candidates`. */
unsigned lw_ra_pick(Ra *ra, uint32_t ins, uint32_t candidates);
/* The register somebody will want it in, if that is free and among them, or NO_REG. */
unsigned lw_ra_hint(const Ra *ra, uint32_t ins, uint32_t candidates);
/* Does its value outlive a call that is not cold, from here on? */
bool lw_ra_crosses(const Ra *ra, uint32_t ins, uint32_t from);
/* Is it worth a callee-saved register that would have to be saved? */
bool lw_ra_worth_saving(const Ra *ra, uint32_t ins, unsigned reg);
/* Before a call: move or store what its callee would destroy. */
void lw_ra_save(Ra *ra);

/* ---- ra_calls.c ---- */
void lw_ra_move(Ra *ra, Ref from, Loc to);    /* add to the parallel moves */
bool lw_ra_edge_room(Ra *ra, uint32_t n);     /* for so many more moves on edges */
void lw_ra_args(Ra *ra);                      /* ARGs: all at the first one */
void lw_ra_call(Ra *ra, const Constraint *c); /* CALL, CALL_CELL, HELPER, RETURN */
void lw_ra_edges(Ra *ra, const Block *b);     /* note what the edges out of b carry */
Status lw_ra_finish_edges(Ra *ra);            /* once all parameters have slots */

#endif

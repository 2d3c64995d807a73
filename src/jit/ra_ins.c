/*
** ra_ins.c -- the operands, temporaries and the result of one instruction.
**
** By the target's constraints: first what must be in a certain register, then what is in
** one already, then the rest. Operands that die give their registers to the result.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/ra.h"
#include "wasm/limits.h"

/* Does operand k's value also stand in another operand? */
static bool twice(const Ref *refs, const Constraint *c, unsigned k)
{
  for (unsigned j = 0; j < 3; j++)
    if (j != k && c->use[j] != USE_NONE && c->use[j] != USE_KON && refs[j] == refs[k])
      return true;
  return false;
}

/* Bring operand k into its fixed register, and what lives on out of harm's way. */
static void use_fixed(Ra *ra, const Ref *refs, const Constraint *c, unsigned k)
{
  Ref r = refs[k];
  unsigned reg = c->use_reg[k];
  uint32_t ins = r - REF_BIAS;
  bool is_home = !ref_is_kon(r) && ra->reg_of[ins] == reg;
  if (!is_home) {
    lw_ra_vacate(ra, reg);
    lw_ra_edit(ra, ra->at, lw_ir_type(ra->f, r), ra_where(ra, r), reg);
    bool dies = !ref_is_kon(r) && ra->end[ins] == ra->at && !twice(refs, c, k);
    if (dies && ra->reg_of[ins] != NO_REG) ra_release(ra, ra->reg_of[ins]);
  } else if (c->clobbers & ra_bit(reg) && (ra->end[ins] > ra->at || twice(refs, c, k))) {
    lw_ra_vacate(ra, reg); /* leaves a copy in reg */
  }
  ra->busy |= ra_bit(reg);
  ra->out->allocs[ra->at].use[k] = reg;
}

/* A register with operand r in it. */
static Loc use_reg(Ra *ra, Ref r)
{
  if (!ref_is_kon(r) && ra->reg_of[r - REF_BIAS] != NO_REG)
    return ra->reg_of[r - REF_BIAS];
  uint32_t ins = ref_is_kon(r) ? NO_INS : r - REF_BIAS;
  unsigned reg = lw_ra_take(ra, ins, ra_is_float(ra->f, r), 0);
  lw_ra_edit(ra, ra->at, lw_ir_type(ra->f, r), ra_where(ra, r), reg);
  if (!ref_is_kon(r)) ra_hold(ra, reg, r - REF_BIAS);
  ra->busy |= ra_bit(reg);
  return reg;
}

/* A register or a slot: not loaded when nobody else would use the register. */
static Loc use_any(Ra *ra, Ref r)
{
  if (ref_is_kon(r)) return use_reg(ra, r);
  uint32_t ins = r - REF_BIAS;
  if (ra->reg_of[ins] != NO_REG) return use_reg(ra, r);
  bool dies = ra->end[ins] == ra->at; /* or it is not worth one that another has */
  if (!dies && (!ra->scan || ra_allowed(ra, ra_is_float(ra->f, r)) & ~ra->held))
    return use_reg(ra, r);
  if (ra->scan) ra->scan->at_def[ra->at] |= NAMES_SLOT;
  return ra_where(ra, r);
}

/* The register that operand a and the result share. */
static unsigned use_two_address(Ra *ra, const Ref *refs, const Constraint *c)
{
  Ref r = refs[0];
  if (!ref_is_kon(r)) {
    uint32_t ins = r - REF_BIAS;
    unsigned reg = ra->reg_of[ins];
    if (reg != NO_REG && ra->end[ins] == ra->at && !twice(refs, c, 0)) return reg;
  }
  unsigned reg = lw_ra_take(ra, ra->at, ra_is_float(ra->f, r), 0);
  lw_ra_edit(ra, ra->at, lw_ir_type(ra->f, r), ra_where(ra, r), reg);
  ra->busy |= ra_bit(reg);
  return reg;
}

/* One more than the last operand's number. */
static unsigned operands(const Constraint *c)
{
  unsigned n = 3;
  while (n > 0 && c->use[n - 1] == USE_NONE)
    n--;
  return n;
}

/* Those in fixed registers, and what will be clobbered out of harm's way. */
static void place_fixed(Ra *ra, const Ref *refs, const Constraint *c, unsigned n)
{
  const Alloc *alloc = &ra->out->allocs[ra->at];
  for (unsigned k = 0; k < n; k++)
    if (c->use[k] == USE_FIXED) ra->busy |= ra_bit(c->use_reg[k]);
  for (unsigned k = 0; k < n; k++)
    if (c->use[k] == USE_FIXED) use_fixed(ra, refs, c, k);
  for (uint32_t left = c->clobbers & ra->held; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    if (alloc->use[0] != reg && alloc->use[1] != reg) lw_ra_vacate(ra, reg);
  }
}

static void place_operands(Ra *ra, const Ref *refs, const Constraint *c, unsigned n)
{
  Alloc *alloc = &ra->out->allocs[ra->at];
  bool fixed = c->clobbers != 0;
  ra->busy = c->clobbers;
  for (unsigned k = 0; k < n; k++)
    fixed |= c->use[k] == USE_FIXED;
  if (fixed) place_fixed(ra, refs, c, n);
  for (unsigned k = 0; k < n; k++) {
    bool in_reg = c->use[k] == USE_REG || c->use[k] == USE_ANY;
    if (in_reg && !ref_is_kon(refs[k]) && ra->reg_of[refs[k] - REF_BIAS] != NO_REG)
      ra->busy |= ra_bit(ra->reg_of[refs[k] - REF_BIAS]);
  }
  for (unsigned k = c->dst_is_a; k < n; k++) {
    if (c->use[k] == USE_REG)
      alloc->use[k] = use_reg(ra, refs[k]);
    else if (c->use[k] == USE_ANY)
      alloc->use[k] = use_any(ra, refs[k]);
    else if (c->use[k] == USE_KON)
      alloc->use[k] = LOC_KON0 + refs[k];
  }
  if (c->dst_is_a) alloc->use[0] = use_two_address(ra, refs, c);
}

/* Operands that die here give their registers back; the result may have one unless it is
   still needed then. */
static void release_operands(Ra *ra, const Ref *refs, const Constraint *c, unsigned n)
{
  uint32_t late = 0;
  for (unsigned k = 0; k < n; k++) {
    Loc l = ra->out->allocs[ra->at].use[k];
    if (c->use_late[k] && loc_is_reg(l)) late |= ra_bit(l);
  }
  for (unsigned k = 0; k < n; k++) {
    if (c->use[k] == USE_NONE || c->use[k] == USE_KON || ref_is_kon(refs[k])) continue;
    uint32_t ins = refs[k] - REF_BIAS;
    unsigned reg = ra->reg_of[ins];
    if (reg == NO_REG || ra->end[ins] > ra->at) continue;
    assert(ra->end[ins] == ra->at);
    ra_release(ra, reg);
    if ((late & ra_bit(reg)) == 0) ra->busy &= ~ra_bit(reg);
  }
}

static void place_result(Ra *ra, const Ins *ins, const Constraint *c)
{
  Alloc *alloc = &ra->out->allocs[ra->at];
  if (c->dst == USE_NONE) return;
  if (c->dst == USE_FIXED) {
    assert(c->clobbers & ra_bit(c->dst_reg) && (ra->held & ra_bit(c->dst_reg)) == 0);
    lw_ra_define(ra, ra->at, c->dst_reg);
    return;
  }
  bool fpr = lw_ir_info[ins->op].res != IRR_C && lw_val_is_float(ins->type);
  if (c->dst_is_a) {
    lw_ra_define(ra, ra->at, alloc->use[0]);
    return;
  }
  Loc a = alloc->use[0]; /* in place saves a move, and a byte of prefix */
  bool in_place = loc_is_reg(a) && loc_is_fpr(a) == fpr &&
                  ((ra->busy | ra->held | c->clobbers) & ra_bit(a)) == 0;
  if (ra->scan && lw_ra_hint(ra, ra->at, ra_allowed(ra, fpr)) != NO_REG) in_place = false;
  lw_ra_define(ra, ra->at, in_place ? a : lw_ra_take(ra, ra->at, fpr, 0));
}

#ifndef NDEBUG
static bool splits;
void lw_ra_split(bool always)
{
  splits = always;
}

/* One of those in registers, by lot, goes on in its slot. Results of a call that are not
   looked at yet stay. */
static void let_go(Ra *ra)
{
  uint32_t held = ra->held;
  if (!splits || !ra->scan || !held || ra->f->ins[ra->at].op == IR_RESULT) return;
  for (uint32_t n = ra->at * 2654435761u >> 28; n > 0 && held & (held - 1); n--)
    held &= held - 1;
  unsigned reg = (unsigned)__builtin_ctz(held);
  uint32_t ins = ra->holds[reg];
  if (ins >= ra->at || ra->end[ins] <= ra->at) return;
  lw_ra_spill(ra, ins, ra->at);
  ra_release(ra, reg);
}
#else
static void let_go(Ra *ra)
{
  (void)ra;
}
#endif

void lw_ra_ins(Ra *ra)
{
  const Ins *ins = &ra->f->ins[ra->at];
  Constraint c;
  let_go(ra);
  lw_target_constraint(ra->sel, ra->at, &c);
  if (c.use[1] == USE_ARGS) {
    lw_ra_call(ra, &c);
    return;
  }
  Ref refs[3] = {ins->a, ins->b, ins->c};
  if (ins->op == IR_RESULT) {
    if (ra->reg_of[ra->at] != NO_REG) { /* lw_ra_call has taken it */
      ra->out->allocs[ra->at].dst = ra->reg_of[ra->at];
      if (!ra->scan && ra->live->flags[ra->at] & LIVE_LEAVES_BLOCK)
        lw_ra_spill(ra, ra->at, ra->at + 1);
      return;
    }
    if (ra_stored(ra, ra->at)) return; /* ... and it was in the way */
  }
  unsigned n = operands(&c);
  place_operands(ra, refs, &c, n);
  for (unsigned k = 0; k < c.ntemps; k++) {
    unsigned reg = lw_ra_take(ra, NO_INS, c.temp_fpr[k], 0);
    ra->out->allocs[ra->at].temp[k] = reg;
    ra->busy |= ra_bit(reg);
  }
  if (ins->op == IR_TRY) /* a throw loses those that its frames have saved */
    ra->out->saved = lw_target.callee_saved;
  if (lw_ir_info[ins->op].flags & IRF_E) return; /* edges may read the operands again */
  release_operands(ra, refs, &c, n);
  place_result(ra, ins, &c);
}

#ifndef NDEBUG
static uint32_t kept = UINT32_MAX;
void lw_ra_keep(uint32_t regs)
{
  kept = regs;
}
#else
enum { kept = -1 };
#endif

Status lw_ra_begin(Ra *ra, const Selection *sel, Arena *scratch, Allocation *out,
                   Err *err)
{
  const Func *f = sel->f;
  *ra = (Ra){
    .sel = sel,
    .f = f,
    .live = sel->live,
    .end = sel->live->end,
    .arena = scratch,
    .out = out,
    .regs = {lw_target.allocatable[0] & (uint32_t)kept,
             lw_target.allocatable[1] & (uint32_t)kept},
    .err = err,
    .slots_cap = 64,
    .moves_cap = 64,
    .mover = {.arena = scratch                                        }
  };
  *out = (Allocation){.edits_cap = f->nins / 2 + 64};
  out->allocs = ARENA_RAW(scratch, Alloc, f->nins);
  out->edits = ARENA_RAW(scratch, Edit, out->edits_cap);
  out->edges = ARENA_ARR(scratch, EdgeEdits, f->nedges ? f->nedges : 1);
  ra->reg_of = ARENA_RAW(scratch, uint8_t, f->nins);
  ra->slot_of = ARENA_ARR(scratch, uint32_t, f->nins);
  ra->slots = ARENA_RAW(scratch, uint32_t, ra->slots_cap);
  ra->moves = ARENA_RAW(scratch, Edit, ra->moves_cap);
  ra->ordered = ARENA_RAW(scratch, Edit, ra->moves_cap + ra->moves_cap / 2);
  ra->params = ARENA_RAW(scratch, AbiLoc, LIMIT_PARAMS);
  ra->results = ARENA_RAW(scratch, AbiLoc, LIMIT_RESULTS);
  if (!out->allocs || !out->edits || !out->edges || !ra->reg_of || !ra->slot_of ||
      !ra->slots || !ra->moves || !ra->ordered || !ra->params || !ra->results)
    return lw_nomem(err, "register allocation");
  memset(out->allocs, 0xff, sizeof(Alloc) * f->nins); /* LOC_NONE */
  memset(ra->reg_of, NO_REG, f->nins);
  return LW_OK;
}

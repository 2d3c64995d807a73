/*
** fuse.c -- two instructions that the machine has as one.
**
** A load that only the next arithmetic uses becomes its memory operand; of an
** addition, a shift by 1 to 3 the scale and a constant the displacement; an inverted
** mask is taken as it was before. The operand that dies becomes the first of a
** commutative operation, which the result replaces. The user is rewritten (isel.h:
** FUSE_*) and what it took in is not needed any more. A load moves down to its user,
** so nothing may lie between that has an effect or traps in another way than loads do.
** Layer: jit.
*/
#include "jit/x64/isel.h"

enum { WINDOW = 8 }; /* instructions between the two, at most */

typedef struct Fuse {
  Func *f;
  Liveness *live;
  const Block *b;
} Fuse;

static bool needed(const Fuse *u, uint32_t i)
{
  return u->live->flags[i] & LIVE_NEEDED;
}

/* Is `at` used by `user` alone, near by in the same block? */
static bool is_only_user(const Fuse *u, uint32_t at, uint32_t user)
{
  return at >= u->b->first && user - at <= WINDOW && u->live->end[at] == user &&
         u->live->uses[at] == 1;
}

/* May a load move from `at` to `user`? */
static bool may_sink(const Fuse *u, uint32_t at, uint32_t user)
{
  for (uint32_t i = at + 1; i < user; i++) {
    unsigned flags = lw_ir_info[u->f->ins[i].op].flags;
    if (!needed(u, i)) continue;
    if (flags & (IRF_W | IRF_K | IRF_E)) return false;
    if (flags & IRF_X && u->f->ins[i].op != IR_LOAD) return false;
  }
  return true;
}

/* `user` reads what `at` has read. */
static void take_in(Fuse *u, uint32_t at, uint32_t user, Ref operand)
{
  u->live->flags[at] &= (uint8_t)~LIVE_NEEDED;
  u->live->end[at] = at;
  u->live->uses[at] = 0; /* what it has read is read by the user: as many uses */
  u->f->ins[user].b = operand;
  if (ref_is_kon(operand)) return;
  uint32_t *end = &u->live->end[operand - REF_BIAS];
  if (*end < user) *end = user;
}

static bool fuse_load(Fuse *u, uint32_t user)
{
  Ins *ins = &u->f->ins[user];
  if (ref_is_kon(ins->b) || ins->b == ins->a) return false;
  uint32_t at = ins->b - REF_BIAS;
  const Ins *load = &u->f->ins[at];
  unsigned access = isel_w(ins->type) ? MEM_64 : MEM_32;
  if (load->op != IR_LOAD || (load->aux & 0xff) != access || ref_is_kon(load->a))
    return false;
  if (!is_only_user(u, at, user) || !may_sink(u, at, user)) return false;
  ins->aux = (uint16_t)(FUSE_LOAD | (load->aux & 0xff00));
  ins->c = load->c;
  u->f->where[user] = u->f->where[at]; /* whoever traps is the load */
  take_in(u, at, user, load->a);
  return true;
}

/* a & (b ^ -1) */
static bool fuse_not(Fuse *u, uint32_t user)
{
  Ins *ins = &u->f->ins[user];
  if (ref_is_kon(ins->b) || ref_is_kon(ins->a) || ins->b == ins->a) return false;
  uint32_t at = ins->b - REF_BIAS;
  const Ins *invert = &u->f->ins[at];
  if (invert->op != IR_XOR || ref_is_kon(invert->a) || !ref_is_kon(invert->b))
    return false;
  uint64_t ones = isel_w(ins->type) ? UINT64_MAX : UINT32_MAX;
  if (ir_kon(u->f, invert->b)->bits != ones || !is_only_user(u, at, user)) return false;
  ins->aux = FUSE_NOT;
  take_in(u, at, user, invert->a);
  return true;
}

static bool fuse_scale(Fuse *u, uint32_t user)
{
  Ins *ins = &u->f->ins[user];
  if (ref_is_kon(ins->b) || ref_is_kon(ins->a) || ins->b == ins->a) return false;
  uint32_t at = ins->b - REF_BIAS;
  const Ins *shift = &u->f->ins[at];
  if (shift->op != IR_SHL || ref_is_kon(shift->a) || !ref_is_kon(shift->b)) return false;
  uint64_t by = ir_kon(u->f, shift->b)->bits;
  if (by < 1 || by > 3 || !is_only_user(u, at, user)) return false;
  ins->aux = (uint16_t)(FUSE_SCALE | by << 8);
  take_in(u, at, user, shift->a);
  return true;
}

static void swap(Ins *ins)
{
  Ref a = ins->a;
  ins->a = ins->b;
  ins->b = a;
}

/* First as it stands, then the other way round. */
static bool fuse_either(Fuse *u, uint32_t user, bool (*fuse)(Fuse *u, uint32_t user))
{
  if (fuse(u, user)) return true;
  Ins *ins = &u->f->ins[user];
  if (ref_is_kon(ins->b)) return false;
  swap(ins);
  if (fuse(u, user)) return true;
  swap(ins);
  return false;
}

/* The result replaces a: let that be the one that is not needed any more. */
static void put_dying_first(Fuse *u, uint32_t i)
{
  Ins *ins = &u->f->ins[i];
  if (ref_is_kon(ins->a) || ref_is_kon(ins->b)) return;
  if (u->live->end[ins->a - REF_BIAS] > i && u->live->end[ins->b - REF_BIAS] == i)
    swap(ins);
}

static void fuse_ins(Fuse *u, uint32_t i)
{
  const Ins *ins = &u->f->ins[i];
  switch (ins->op) {
  case IR_ADD:
    if (!lw_val_is_float(ins->type) && fuse_either(u, i, fuse_scale)) return;
    break;
  case IR_AND:
    if (lw_cpu_features() & CPU_BMI1 && fuse_either(u, i, fuse_not)) return;
    break;
  case IR_MUL:
  case IR_OR:
  case IR_XOR: break;
  case IR_SUB:
  case IR_FDIV:
  case IR_EQ:
  case IR_NE:
    if (!lw_val_is_float(ins->type) || ins->op == IR_SUB || ins->op == IR_FDIV)
      (void)fuse_load(u, i);
    return;
  case IR_LT_S:
  case IR_LT_U:
  case IR_GT_S:
  case IR_GT_U:
  case IR_LE_S:
  case IR_LE_U:
  case IR_GE_S:
  case IR_GE_U: (void)fuse_load(u, i); return;
  default: return;
  }
  if (!fuse_either(u, i, fuse_load)) put_dying_first(u, i);
}

void lw_target_fuse(Func *f, Liveness *live)
{
  Fuse u = {.f = f, .live = live};
  for (uint32_t n = 0; n < f->nblocks; n++) {
    u.b = &f->blocks[n];
    for (uint32_t i = u.b->first; i < u.b->end; i++)
      if (needed(&u, i)) fuse_ins(&u, i);
  }
}

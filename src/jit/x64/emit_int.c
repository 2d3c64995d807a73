/*
** emit_int.c -- integer arithmetic, comparisons, select.
** Layer: jit.
*/
#include "jit/x64/emit.h"

/* A constant operand as the sign-extended immediate it fits in. */
static int32_t imm(const Emit *em, Loc l)
{
  return (int32_t)(uint32_t)lw_emit_kon(em, l)->bits;
}

static void alu(Emit *em, XOp op, int w, unsigned dst, Loc b)
{
  em->zero_of = em->ins;
  if (loc_is_kon(b))
    lw_enc_alu_ri(&em->e, op, w, dst, imm(em, b));
  else
    lw_emit_op(em, op, w, dst, b);
}

/* `op dst, [address]`: the load that the instruction has taken in. */
static void from_memory(Emit *em, XOp op, const Ins *ins, const Alloc *a, unsigned reg)
{
  int w = isel_w(ins->type);
  Mem m = lw_emit_address(em, ins->aux >> 8, ins->c, a->use[1], w ? 8 : 4);
  lw_emit_line(em);
  lw_enc_rm(&em->e, op, w, reg, m);
}

/* The only form with three operands: lea where the result is in neither. */
static void add(Emit *em, const Alloc *a, int w)
{
  unsigned dst = a->dst, x = a->use[0];
  Loc y = a->use[1];
  if (dst == x) {
    alu(em, X_ADD, w, dst, y);
  } else if (loc_is_kon(y)) {
    lw_enc_rm(&em->e, X_LEA, w, dst, mem_at(x, imm(em, y)));
  } else if (dst == y) {
    alu(em, X_ADD, w, dst, x);
  } else if (loc_is_reg(y)) {
    lw_enc_rm(&em->e, X_LEA, w, dst, mem_index(x, y, 0, 0));
  } else {
    lw_enc_rr(&em->e, X_MOV, w, dst, x);
    alu(em, X_ADD, w, dst, y);
  }
}

static void imul(Emit *em, const Alloc *a, int w)
{
  if (!loc_is_kon(a->use[1])) {
    assert(a->dst == a->use[0]);
    lw_emit_op(em, X_IMUL, w, a->dst, a->use[1]);
    return;
  }
  int32_t k = imm(em, a->use[1]);
  bool short_imm = k >= -128 && k <= 127;
  lw_emit_op(em, short_imm ? X_IMUL_B : X_IMUL_D, w, a->dst, a->use[0]);
  if (short_imm)
    lw_enc_8(&em->e, (unsigned)k);
  else
    lw_enc_32(&em->e, (uint32_t)k);
}

static void alu_imm(Emit *em, XOp op, int w, Loc a, int32_t value)
{
  if (loc_is_reg(a))
    lw_enc_alu_ri(&em->e, op, w, a, value);
  else
    lw_enc_alu_mi(&em->e, op, w, emit_slot(em, a), value);
}

/* One operand, ModRM.reg is a digit. */
static void unary(Emit *em, XOp op, int w, Loc a)
{
  if (loc_is_reg(a))
    lw_enc_r(&em->e, op, w, a);
  else
    lw_enc_m(&em->e, op, w, emit_slot(em, a));
}

/*
** Division by zero is the processor's #DE. INT_MIN / -1 would be one too, so it is told
** apart before: -1 is looked for unless the divisor is known.
*/
static void divide(Emit *em, const Ins *ins, const Alloc *a, const Row *row, int w)
{
  Enc *e = &em->e;
  Loc b = a->use[1];
  assert(a->use[0] == RAX && b != RAX && b != RDX);
  if ((row->extra & DIV_SIGNED) == 0) {
    lw_enc_rr(e, X_XOR, 0, RDX, RDX);
    lw_emit_line(em);
    unary(em, row->op, w, b);
    return;
  }
  uint64_t mask = w ? UINT64_MAX : UINT32_MAX;
  bool maybe_minus1 = !ref_is_kon(ins->b) || ir_kon(em->f, ins->b)->bits == mask;
  uint32_t skip = 0;
  if (maybe_minus1 && row->extra & DIV_REM) {
    lw_enc_rr(e, X_XOR, 0, RDX, RDX); /* anything rem -1 is 0 */
    alu_imm(em, X_CMP, w, b, -1);
    skip = lw_enc_jcc8(e, CC_E);
  } else if (maybe_minus1) {
    alu_imm(em, X_CMP, w, b, -1);
    uint32_t fine = lw_enc_jcc8(e, CC_NE);
    lw_enc_alu_ri(e, X_CMP, w, RAX, 1); /* overflows for INT_MIN only */
    lw_emit_trap_if(em, CC_O, TRAP_INT_OVERFLOW);
    lw_enc_here8(e, fine);
  }
  lw_enc_cdq(e, w);
  lw_emit_line(em);
  unary(em, row->op, w, b);
  if (skip) lw_enc_here8(e, skip);
}

static void shift(Emit *em, const Ins *ins, const Alloc *a, const Row *row, int w)
{
  Enc *e = &em->e;
  Loc b = a->use[1];
  bool by_kon = loc_is_kon(b);
  unsigned width = w ? 64 : 32;
  unsigned count = by_kon ? (unsigned)lw_emit_kon(em, b)->bits & (width - 1) : 0;
  if (isel_shift_bmi2(row, by_kon)) {
    XOp op = by_kon ? X_RORX : (XOp)row->extra;
    unsigned v = by_kon ? 0 : b;
    if (loc_is_reg(a->use[0]))
      lw_enc_vex_rr(e, op, w, a->dst, a->use[0], v);
    else
      lw_enc_vex_rm(e, op, w, a->dst, emit_slot(em, a->use[0]), v);
    if (by_kon) lw_enc_8(e, ins->op == IR_ROTL ? (width - count) & (width - 1) : count);
    return;
  }
  assert(a->dst == a->use[0]);
  if (by_kon) {
    _Static_assert(X_SHL_CL - X_SHL_B == 0x12 && X_ROR_CL - X_ROR_B == 0x12, "rows");
    lw_enc_r(e, (XOp)(row->op - 0x12), w, a->dst);
    lw_enc_8(e, count);
  } else {
    assert(b == RCX && a->dst != RCX);
    lw_enc_r(e, row->op, w, a->dst);
  }
}

/* x -= x >> 1 & 55..; x = (x & 33..) + (x >> 2 & 33..); x = x + (x >> 4) & 0f.., and the
   bytes summed by a multiplication. t holds the masks. */
static void popcnt_by_hand(Emit *em, const Alloc *a, int w)
{
  Enc *e = &em->e;
  unsigned x = a->dst, t = a->temp[0];
  uint64_t mask = w ? UINT64_MAX : UINT32_MAX;
  assert(x != t && a->use[0] != t && a->use[0] != x);
  lw_emit_op(em, X_MOV, w, x, a->use[0]);
  lw_enc_rr(e, X_MOV, w, R11, x);
  lw_enc_r(e, X_SHR_B, w, R11);
  lw_enc_8(e, 1);
  lw_enc_mov_ri(e, t, 0x5555555555555555 & mask);
  lw_enc_rr(e, X_AND, w, R11, t);
  lw_enc_rr(e, X_SUB, w, x, R11);
  lw_enc_mov_ri(e, t, 0x3333333333333333 & mask);
  lw_enc_rr(e, X_MOV, w, R11, x);
  lw_enc_r(e, X_SHR_B, w, R11);
  lw_enc_8(e, 2);
  lw_enc_rr(e, X_AND, w, R11, t);
  lw_enc_rr(e, X_AND, w, x, t);
  lw_enc_rr(e, X_ADD, w, x, R11);
  lw_enc_rr(e, X_MOV, w, R11, x);
  lw_enc_r(e, X_SHR_B, w, R11);
  lw_enc_8(e, 4);
  lw_enc_rr(e, X_ADD, w, x, R11);
  lw_enc_mov_ri(e, t, 0x0f0f0f0f0f0f0f0f & mask);
  lw_enc_rr(e, X_AND, w, x, t);
  lw_enc_mov_ri(e, t, 0x0101010101010101 & mask);
  lw_enc_rr(e, X_IMUL, w, x, t);
  lw_enc_r(e, X_SHR_B, w, x);
  lw_enc_8(e, w ? 56 : 24);
}

static void count_bits(Emit *em, const Ins *ins, const Alloc *a, const Row *row, int w)
{
  Enc *e = &em->e;
  unsigned width = w ? 64 : 32;
  if (lw_cpu_features() & row->extra) {
    /* older cores wait for the old value of dst, which is of no use */
    if (a->dst != a->use[0]) lw_enc_rr(e, X_XOR, 0, a->dst, a->dst);
    lw_emit_op(em, row->op, w, a->dst, a->use[0]);
  } else if (ins->op == IR_CTZ) {
    lw_emit_op(em, X_BSF, w, a->dst, a->use[0]);
    lw_enc_mov_ri(e, R11, width);
    lw_enc_cmov_rr(e, CC_E, w, a->dst, R11);
  } else if (ins->op == IR_CLZ) {
    lw_emit_op(em, X_BSR, w, a->dst, a->use[0]);
    lw_enc_mov_ri(e, R11, w ? UINT64_MAX : UINT32_MAX); /* as if bit -1 were set */
    lw_enc_cmov_rr(e, CC_E, w, a->dst, R11);
    lw_enc_r(e, X_NEG, w, a->dst);
    lw_enc_alu_ri(e, X_ADD, w, a->dst, (int32_t)width - 1);
  } else {
    popcnt_by_hand(em, a, w);
  }
}

/* WRAP and EXTEND_U in place: the former must still clear the upper half. */
static void movx(Emit *em, const Ins *ins, const Alloc *a, const Row *row, int w)
{
  if (ins->op == IR_EXTEND_U && a->dst == a->use[0]) return;
  lw_emit_op(em, row->op, row->extra & MOVX_BY_TYPE ? w : 0, a->dst, a->use[0]);
}

void lw_emit_int(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  int w = isel_w(ins->type);
  switch (row->form) {
  case FORM_ADD:
    if (isel_fused(ins, FUSE_LOAD))
      from_memory(em, X_ADD, ins, a, a->dst);
    else if (isel_fused(ins, FUSE_SCALE))
      lw_enc_rm(&em->e, X_LEA, w, a->dst,
                mem_index(a->use[0], a->use[1], ins->aux >> 8, 0));
    else
      add(em, a, w);
    break;
  case FORM_ALU:
    if (isel_fused(ins, FUSE_LOAD))
      from_memory(em, row->op, ins, a, a->dst);
    else if (isel_fused(ins, FUSE_NOT))
      lw_enc_vex_rr(&em->e, X_ANDN, w, a->dst, a->use[0], a->use[1]);
    else if (a->dst != a->use[0]) /* sub */
      lw_enc_rm(&em->e, X_LEA, w, a->dst, mem_at(a->use[0], -imm(em, a->use[1])));
    else
      alu(em, row->op, w, a->dst, a->use[1]);
    break;
  case FORM_IMUL:
    if (isel_fused(ins, FUSE_LOAD))
      from_memory(em, X_IMUL, ins, a, a->dst);
    else
      imul(em, a, w);
    break;
  case FORM_DIV: divide(em, ins, a, row, w); break;
  case FORM_MULH: unary(em, row->op, w, a->use[1]); break; /* rdx:rax = rax * it */
  case FORM_SHIFT: shift(em, ins, a, row, w); break;
  case FORM_COUNT: count_bits(em, ins, a, row, w); break;
  default: assert(row->form == FORM_MOVX); movx(em, ins, a, row, w);
  }
}

/* ---- comparisons ---- */

/* Set the flags; returns the condition under which the comparison is true. */
static unsigned set_flags(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  Enc *e = &em->e;
  int w = isel_w(ins->type); /* the operands' */
  bool zero_known = emit_zero_known(em->zero_of, ins->a);
  if (row->form == FORM_EQZ) {
    if (zero_known) return row->extra;
    if (loc_is_reg(a->use[0]))
      lw_enc_rr(e, X_TEST, w, a->use[0], a->use[0]);
    else
      lw_enc_alu_mi(e, X_CMP, w, emit_slot(em, a->use[0]), 0);
    return row->extra;
  }
  if (row->form == FORM_CMP) {
    if (isel_fused(ins, FUSE_LOAD))
      from_memory(em, X_CMP, ins, a, a->use[0]);
    else if (!loc_is_kon(a->use[1]))
      lw_emit_op(em, X_CMP, w, a->use[0], a->use[1]);
    else if (imm(em, a->use[1]) == 0 && zero_known && row->extra <= CC_NE &&
             row->extra >= CC_E)
      return row->extra;
    else if (loc_is_reg(a->use[0]) && imm(em, a->use[1]) == 0)
      lw_enc_rr(e, X_TEST, w, a->use[0], a->use[0]);
    else
      alu_imm(em, X_CMP, w, a->use[0], imm(em, a->use[1]));
    return row->extra;
  }
  assert(row->form == FORM_FCMP);
  unsigned swap = (row->extra & FCMP_SWAP) != 0;
  lw_emit_op(em, isel_f(row->op, ins->type), 0, a->use[swap], a->use[!swap]);
  return row->extra & FCMP_CC;
}

void lw_emit_compare(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  Enc *e = &em->e;
  unsigned cc = set_flags(em, ins, a, row);
  if (em->sel->folded[em->ins]) {
    em->cc = cc;
    return;
  }
  if (cc == CC_FEQ || cc == CC_FNE) {
    lw_enc_setcc(e, cc == CC_FEQ ? CC_NP : CC_P, R11);
    lw_enc_setcc(e, cc == CC_FEQ ? CC_E : CC_NE, a->dst);
    lw_enc_rr(e, cc == CC_FEQ ? X_AND : X_OR, 0, a->dst, R11);
  } else {
    lw_enc_setcc(e, cc, a->dst);
  }
  lw_enc_rr(e, X_MOVZX8, 0, a->dst, a->dst);
}

/* ---- select ---- */

/* dst (= a) becomes b where the condition is false. */
static void select_int(Emit *em, const Alloc *a, unsigned cc, int w)
{
  Enc *e = &em->e;
  Loc b = a->use[1];
  if (cc == CC_FNE) { /* b where equal and ordered: a where not */
    lw_emit_op(em, X_MOV, w, R11, b);
    lw_enc_cmov_rr(e, CC_NE, w, R11, a->dst);
    lw_enc_cmov_rr(e, CC_P, w, R11, a->dst);
    lw_enc_rr(e, X_MOV, w, a->dst, R11);
    return;
  }
  bool two = cc == CC_FEQ;
  if (two) cc = CC_E;
  for (int i = 0; i <= two; i++, cc = CC_NP) {
    if (loc_is_reg(b))
      lw_enc_cmov_rr(e, cc ^ 1, w, a->dst, b);
    else
      lw_enc_cmov_rm(e, cc ^ 1, w, a->dst, emit_slot(em, b));
  }
}

static void select_float(Emit *em, const Alloc *a, unsigned cc, unsigned type)
{
  Enc *e = &em->e;
  uint32_t keep[2] = {0, 0}, other = 0;
  if (cc == CC_FEQ) {
    other = lw_enc_jcc8(e, CC_P);
    keep[0] = lw_enc_jcc8(e, CC_E);
  } else if (cc == CC_FNE) {
    keep[0] = lw_enc_jcc8(e, CC_NE);
    keep[1] = lw_enc_jcc8(e, CC_P);
  } else {
    keep[0] = lw_enc_jcc8(e, cc);
  }
  if (other) lw_enc_here8(e, other);
  if (a->use[1] != a->dst) lw_emit_copy(em, type, a->use[1], a->dst);
  lw_enc_here8(e, keep[0]);
  if (keep[1]) lw_enc_here8(e, keep[1]);
}

void lw_emit_select(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned cc = em->cc;
  if (a->use[2] != LOC_NONE) {
    lw_enc_rr(&em->e, X_TEST, 0, a->use[2], a->use[2]);
    cc = CC_NE;
  }
  assert(a->dst == a->use[0]);
  if (lw_val_is_float(ins->type))
    select_float(em, a, cc, ins->type);
  else
    select_int(em, a, cc, isel_w(ins->type));
}

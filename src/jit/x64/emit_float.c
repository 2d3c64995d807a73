/*
** emit_float.c -- floating-point arithmetic and conversions.
**
** NaN: arithmetic quiets it, as the processor does; abs, neg and copysign work on bits
** and keep it. Instructions that write only the low lane wait for the rest of their
** destination, so it is cleared first where it is not an operand.
** Layer: jit.
*/
#include "jit/x64/emit.h"

static void clear(Emit *em, unsigned dst)
{
  lw_enc_rr(&em->e, X_XORPS, 0, dst, dst);
}

static void shift_bits(Emit *em, XOp op_f32, unsigned type, unsigned reg, unsigned count)
{
  _Static_assert(X_PSRLQ_B - X_PSRLD_B == 1 && X_PSLLQ_B - X_PSLLD_B == 1, "q is d + 1");
  lw_enc_r(&em->e, (XOp)(op_f32 + (type == VAL_F64)), 0, reg);
  lw_enc_8(&em->e, count);
}

/*
** The processor's minimum is b for two zeros and for NaN. Equal operands differ at most
** in sign, which `or` (min) or `and` (max) joins; adding NaN gives a quiet NaN.
*/
static void min_max(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  Enc *e = &em->e;
  unsigned dst = a->dst, b = a->use[1];
  lw_enc_rr(e, isel_f(X_UCOMISS, ins->type), 0, dst, b);
  uint32_t differ = lw_enc_jcc8(e, CC_NE);
  uint32_t nan = lw_enc_jcc8(e, CC_P);
  lw_enc_rr(e, (XOp)row->extra, 0, dst, b);
  uint32_t done1 = lw_enc_jmp8(e);
  lw_enc_here8(e, nan);
  lw_enc_rr(e, isel_f(X_ADDSS, ins->type), 0, dst, b);
  uint32_t done2 = lw_enc_jmp8(e);
  lw_enc_here8(e, differ);
  lw_enc_rr(e, isel_f(row->op, ins->type), 0, dst, b);
  lw_enc_here8(e, done1);
  lw_enc_here8(e, done2);
}

static void copy_sign(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned last = ins->type == VAL_F64 ? 63 : 31;
  lw_enc_rr(&em->e, X_MOVAPS, 0, XMM15, a->use[1]);
  shift_bits(em, X_PSRLD_B, ins->type, XMM15, last);
  shift_bits(em, X_PSLLD_B, ins->type, XMM15, last);
  shift_bits(em, X_PSLLD_B, ins->type, a->dst, 1);
  shift_bits(em, X_PSRLD_B, ins->type, a->dst, 1);
  lw_enc_rr(&em->e, X_ORPS, 0, a->dst, XMM15);
}

static void sign(Emit *em, const Ins *ins, const Alloc *a, bool negate)
{
  if (!negate) {
    shift_bits(em, X_PSLLD_B, ins->type, a->dst, 1);
    shift_bits(em, X_PSRLD_B, ins->type, a->dst, 1);
    return;
  }
  lw_enc_rr(&em->e, X_PCMPEQD, 0, XMM15, XMM15);
  shift_bits(em, X_PSLLD_B, ins->type, XMM15, ins->type == VAL_F64 ? 63 : 31);
  lw_enc_rr(&em->e, X_XORPS, 0, a->dst, XMM15);
}

static void from_memory(Emit *em, XOp op, const Ins *ins, const Alloc *a)
{
  uint32_t size = ins->type == VAL_F64 ? 8 : 4;
  Mem m = lw_emit_address(em, ins->aux >> 8, ins->c, a->use[1], size);
  lw_emit_line(em);
  lw_enc_rm(&em->e, op, 0, a->dst, m);
}

void lw_emit_float(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  Enc *e = &em->e;
  unsigned dst = a->dst;
  switch (row->form) {
  case FORM_SSE2:
    if (isel_fused(ins, FUSE_LOAD))
      from_memory(em, isel_f(row->op, ins->type), ins, a);
    else
      lw_emit_op(em, isel_f(row->op, ins->type), 0, dst, a->use[1]);
    break;
  case FORM_SSE1:
    if (dst != a->use[0]) clear(em, dst);
    lw_emit_op(em, row->extra & SSE1_EXACT ? row->op : isel_f(row->op, ins->type), 0, dst,
               a->use[0]);
    break;
  case FORM_MINMAX: min_max(em, ins, a, row); break;
  case FORM_COPYSIGN: copy_sign(em, ins, a); break;
  case FORM_SIGN: sign(em, ins, a, row->extra); break;
  default:
    assert(row->form == FORM_ROUND && X_ROUNDSD - X_ROUNDSS == 1);
    if (dst != a->use[0]) clear(em, dst);
    lw_emit_op(em, (XOp)(row->op + (ins->type == VAL_F64)), 0, dst, a->use[0]);
    lw_enc_8(e, row->extra);
  }
}

/* ---- float to integer ---- */

typedef struct Trunc { /* one conversion */
  unsigned type;       /* of the float */
  unsigned dst, src;
  int w; /* of the integer */
} Trunc;

static void cvtt(Emit *em, const Trunc *t, int w, unsigned src)
{
  lw_enc_rr(&em->e, isel_f(X_CVTTSS2SI, t->type), w, t->dst, src);
}

/* Compare a float with a constant. */
static void ucomi_kon(Emit *em, const Trunc *t, unsigned reg, uint64_t f64, uint32_t f32)
{
  bool wide = t->type == VAL_F64;
  lw_emit_pool_rm(em, isel_f(X_UCOMISS, t->type), 0, reg, wide ? f64 : f32, wide ? 8 : 4);
}

static void ucomi_zero(Emit *em, const Trunc *t)
{
  clear(em, XMM15);
  lw_enc_rr(&em->e, isel_f(X_UCOMISS, t->type), 0, t->src, XMM15);
}

/*
** Signed: the conversion gives INT_MIN for everything it cannot convert, and INT_MIN - 1
** overflows. Only then it is looked at what the operand was.
*/
static void trunc_signed(Emit *em, const Trunc *t, bool sat)
{
  Enc *e = &em->e;
  cvtt(em, t, t->w, t->src);
  lw_enc_alu_ri(e, X_CMP, t->w, t->dst, 1);
  uint32_t done = lw_enc_jcc8(e, CC_NO);
  if (sat) {
    ucomi_zero(em, t);
    uint32_t nan = lw_enc_jcc8(e, CC_P);
    uint32_t low = lw_enc_jcc8(e, CC_B);
    lw_enc_mov_ri(e, t->dst, t->w ? INT64_MAX : INT32_MAX);
    uint32_t high = lw_enc_jmp8(e);
    lw_enc_here8(e, nan);
    lw_enc_rr(e, X_XOR, 0, t->dst, t->dst);
    lw_enc_here8(e, low);
    lw_enc_here8(e, high);
  } else if (t->w) { /* -2^63 itself is right; there is no float between it and -2^63-1 */
    ucomi_kon(em, t, t->src, 0xc3e0000000000000, 0xdf000000);
    lw_emit_trap_if(em, CC_P, TRAP_BAD_CONVERSION);
    lw_emit_trap_if(em, CC_NE, TRAP_INT_OVERFLOW);
  } else if (t->type == VAL_F32) {
    ucomi_kon(em, t, t->src, 0, 0xcf000000); /* -2^31, likewise */
    lw_emit_trap_if(em, CC_P, TRAP_BAD_CONVERSION);
    lw_emit_trap_if(em, CC_NE, TRAP_INT_OVERFLOW);
  } else { /* all above -2^31-1 and below 0 are right */
    ucomi_kon(em, t, t->src, 0xc1e0000000200000, 0);
    lw_emit_trap_if(em, CC_P, TRAP_BAD_CONVERSION);
    lw_emit_trap_if(em, CC_BE, TRAP_INT_OVERFLOW);
    ucomi_zero(em, t);
    lw_emit_trap_if(em, CC_AE, TRAP_INT_OVERFLOW);
  }
  lw_enc_here8(e, done);
}

/* To u32 by way of i64: right when the upper half is zero. */
static void trunc_u32(Emit *em, const Trunc *t, bool sat)
{
  Enc *e = &em->e;
  cvtt(em, t, 1, t->src);
  lw_enc_rr(e, X_MOV, 0, R11, t->dst);
  lw_enc_rr(e, X_CMP, 1, R11, t->dst);
  uint32_t done = lw_enc_jcc8(e, CC_E);
  if (sat) {
    ucomi_zero(em, t);
    lw_enc_mov_ri(e, t->dst, UINT32_MAX);
    uint32_t high = lw_enc_jcc8(e, CC_A);
    lw_enc_rr(e, X_XOR, 0, t->dst, t->dst);
    lw_enc_here8(e, high);
  } else {
    lw_enc_rr(e, isel_f(X_UCOMISS, t->type), 0, t->src, t->src);
    lw_emit_trap_if(em, CC_P, TRAP_BAD_CONVERSION);
    lw_emit_trap_if(em, CC_NP, TRAP_INT_OVERFLOW);
  }
  lw_enc_here8(e, done);
}

/* To u64: from 2^63 on, 2^63 is taken off before and put back after. */
static void trunc_u64(Emit *em, const Trunc *t, bool sat)
{
  Enc *e = &em->e;
  bool wide = t->type == VAL_F64;
  uint64_t two63 = wide ? 0x43e0000000000000 : 0x5f000000;
  ucomi_kon(em, t, t->src, two63, (uint32_t)two63);
  if (!sat) lw_emit_trap_if(em, CC_P, TRAP_BAD_CONVERSION);
  uint32_t big = lw_enc_jcc8(e, CC_AE);
  cvtt(em, t, 1, t->src);
  lw_enc_rr(e, X_TEST, 1, t->dst, t->dst);
  uint32_t done[3] = {0};
  if (sat) { /* negative: too low, or NaN */
    done[0] = lw_enc_jcc8(e, CC_NS);
    lw_enc_rr(e, X_XOR, 0, t->dst, t->dst);
  } else {
    lw_emit_trap_if(em, CC_S, TRAP_INT_OVERFLOW);
  }
  done[1] = lw_enc_jmp8(e);
  lw_enc_here8(e, big);
  lw_enc_rr(e, X_MOVAPS, 0, XMM15, t->src);
  lw_emit_pool_rm(em, isel_f(X_SUBSS, t->type), 0, XMM15, two63, wide ? 8 : 4);
  cvtt(em, t, 1, XMM15);
  lw_enc_r(e, X_BTC_B, 1, t->dst); /* sets the sign, or clears it: */
  lw_enc_8(e, 63);                 /* then the difference was too large as well */
  if (sat) {
    done[2] = lw_enc_jcc8(e, CC_AE); /* the bit was clear */
    lw_enc_mov_ri(e, t->dst, UINT64_MAX);
    lw_enc_here8(e, done[0]);
    lw_enc_here8(e, done[2]);
  } else {
    lw_emit_trap_if(em, CC_B, TRAP_INT_OVERFLOW);
  }
  lw_enc_here8(e, done[1]);
}

void lw_emit_trunc(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  Trunc t = {lw_ir_type(em->f, ins->a), a->dst, a->use[0], isel_w(ins->type)};
  bool sat = row->extra & TRUNC_SAT;
  if (row->extra & TRUNC_SIGNED)
    trunc_signed(em, &t, sat);
  else if (t.w)
    trunc_u64(em, &t, sat);
  else
    trunc_u32(em, &t, sat);
}

/* ---- integer to float ---- */

/*
** From u64: the upper half of the range is halved, its lost bit kept as a sticky one so
** that rounding sees it, converted and doubled.
*/
static void convert_u64(Emit *em, XOp op, unsigned type, const Alloc *a)
{
  Enc *e = &em->e;
  unsigned dst = a->dst, src = a->use[0];
  lw_enc_rr(e, X_TEST, 1, src, src);
  uint32_t big = lw_enc_jcc8(e, CC_S);
  lw_enc_rr(e, op, 1, dst, src);
  uint32_t done = lw_enc_jmp8(e);
  lw_enc_here8(e, big);
  lw_enc_rr(e, X_MOV, 1, R11, src);
  lw_enc_r(e, X_SHR_B, 1, R11);
  lw_enc_8(e, 1);
  uint32_t even = lw_enc_jcc8(e, CC_AE);
  lw_enc_alu_ri(e, X_OR, 1, R11, 1);
  lw_enc_here8(e, even);
  lw_enc_rr(e, op, 1, dst, R11);
  lw_enc_rr(e, isel_f(X_ADDSS, type), 0, dst, dst);
  lw_enc_here8(e, done);
}

void lw_emit_convert(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  unsigned from = lw_ir_type(em->f, ins->a);
  if (row->form == FORM_BITCAST) {
    lw_emit_copy(em, ins->type, a->use[0], a->dst);
    return;
  }
  XOp op = isel_f(row->op, ins->type);
  clear(em, a->dst);
  if (row->extra & CONVERT_SIGNED)
    lw_emit_op(em, op, isel_w(from), a->dst, a->use[0]);
  else if (from == VAL_I32) /* clean, so it is a positive i64 */
    lw_enc_rr(&em->e, op, 1, a->dst, a->use[0]);
  else
    convert_u64(em, op, ins->type, a);
}

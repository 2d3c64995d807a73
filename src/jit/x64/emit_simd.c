/*
** emit_simd.c -- vectors.
**
** One sequence for each form of simd.def. With AVX the three-operand forms save most
** moves; without, SSE4.1 does it all. A sequence may write its result before it has read
** all operands: then isel.c has seen to it that they do not share a register. xmm15 is
** free everywhere, and so is Alloc.temp[0] where isel.c asks for one.
** Layer: jit.
*/
#include "base/cpu.h"
#include "jit/x64/emit.h"
#include "wasm/ops.h"

typedef struct Vec { /* the instruction at hand */
  Emit *em;
  Enc *e;
  const VecRow *row;
  unsigned dst, a, b, t; /* registers; t a temporary */
  uint32_t lane;
} Vec;

static bool avx(void)
{
  return lw_cpu_features() & CPU_AVX;
}

static bool avx2(void)
{
  return lw_cpu_features() & CPU_AVX2;
}

/* ---- one instruction ---- */

static void copy(const Vec *v, unsigned dst, unsigned a)
{
  if (dst != a) lw_enc_rr(v->e, X_MOVAPS, 0, dst, a);
}

/* dst = a op b */
static void op3(const Vec *v, XOp op, unsigned dst, unsigned a, unsigned b)
{
  if (avx()) {
    lw_enc_vex_rr(v->e, op, 0, dst, b, a);
    return;
  }
  assert(dst == a || dst != b);
  copy(v, dst, a);
  lw_enc_rr(v->e, op, 0, dst, b);
}

static void op3i(const Vec *v, XOp op, unsigned dst, unsigned a, unsigned b, unsigned imm)
{
  op3(v, op, dst, a, b);
  lw_enc_8(v->e, imm);
}

/* dst = op a */
static void op2(const Vec *v, XOp op, unsigned dst, unsigned a)
{
  lw_enc_rr(v->e, op, 0, dst, a);
}

static void op2i(const Vec *v, XOp op, unsigned dst, unsigned a, unsigned imm)
{
  lw_enc_rr(v->e, op, 0, dst, a);
  lw_enc_8(v->e, imm);
}

/* A shift by a number: dst = dst op n. */
static void by(const Vec *v, XOp op, unsigned dst, unsigned n)
{
  lw_enc_r(v->e, op, 0, dst);
  lw_enc_8(v->e, n);
}

static void zero(const Vec *v, unsigned dst)
{
  lw_enc_rr(v->e, X_PXOR, 0, dst, dst);
}

static void ones(const Vec *v, unsigned dst)
{
  lw_enc_rr(v->e, X_PCMPEQD, 0, dst, dst);
}

/* dst = a op n */
static void by3(const Vec *v, XOp op, unsigned dst, unsigned a, unsigned n)
{
  if (avx()) {
    lw_enc_vex_r(v->e, op, dst, a);
    lw_enc_8(v->e, n);
    return;
  }
  copy(v, dst, a);
  by(v, op, dst, n);
}

/* The same 64 bits twice. */
static void kon(const Vec *v, unsigned dst, uint64_t bits)
{
  lw_emit_wide_rm(v->em, X_MOVUPS, dst, bits, bits);
}

static void turn_over(const Vec *v, unsigned dst)
{
  ones(v, XMM15);
  op3(v, X_PXOR, dst, dst, XMM15);
}

/* ---- integers ---- */

static void compare_unsigned(const Vec *v)
{
  op3(v, v->row->x1, v->dst, v->a, v->b);
  op3(v, v->row->x2, v->dst, v->dst, v->a);
}

/* a > b of 64 bits: the upper halves decide, where they are equal the borrow does. */
static void greater_q(const Vec *v)
{
  op3(v, X_PSUBQ, v->dst, v->b, v->a);
  op3(v, X_PCMPEQD, XMM15, v->a, v->b);
  op3(v, X_PAND, v->dst, v->dst, XMM15);
  op3(v, X_PCMPGTD, XMM15, v->a, v->b);
  op3(v, X_POR, v->dst, v->dst, XMM15);
  op2i(v, X_PSHUFD, v->dst, v->dst, 0xf5);
}

static void abs_q(const Vec *v)
{
  op2i(v, X_PSHUFD, XMM15, v->a, 0xf5);
  by(v, X_PSRAD_B, XMM15, 31);
  op3(v, X_PXOR, v->dst, v->a, XMM15);
  op3(v, X_PSUBQ, v->dst, v->dst, XMM15);
}

/* low * low + ((high a * low b + low a * high b) << 32) */
static void mul_q(const Vec *v)
{
  copy(v, v->t, v->a);
  by(v, X_PSRLQ_B, v->t, 32);
  op3(v, X_PMULUDQ, v->t, v->t, v->b);
  copy(v, XMM15, v->b);
  by(v, X_PSRLQ_B, XMM15, 32);
  op3(v, X_PMULUDQ, XMM15, XMM15, v->a);
  op3(v, X_PADDQ, v->t, v->t, XMM15);
  by(v, X_PSLLQ_B, v->t, 32);
  op3(v, X_PMULUDQ, v->dst, v->a, v->b);
  op3(v, X_PADDQ, v->dst, v->dst, v->t);
}

/* -1 * -1 is the one product that does not fit. */
static void q15(const Vec *v)
{
  op3(v, X_PMULHRSW, v->dst, v->a, v->b);
  kon(v, XMM15, 0x8000800080008000);
  op3(v, X_PCMPEQW, XMM15, XMM15, v->dst);
  op3(v, X_PXOR, v->dst, v->dst, XMM15);
}

/* Two look-ups of four bits each. */
static void popcnt(const Vec *v)
{
  kon(v, v->t, 0x0f0f0f0f0f0f0f0f);
  op3(v, X_PAND, XMM15, v->t, v->a); /* low halves */
  op3(v, X_PANDN, v->t, v->t, v->a);
  by(v, X_PSRLW_B, v->t, 4);
  lw_emit_wide_rm(v->em, X_MOVUPS, v->dst, 0x0302020102010100, 0x0403030203020201);
  op3(v, X_PSHUFB, v->dst, v->dst, XMM15);
  lw_emit_wide_rm(v->em, X_MOVUPS, XMM15, 0x0302020102010100, 0x0403030203020201);
  op3(v, X_PSHUFB, XMM15, XMM15, v->t);
  op3(v, X_PADDB, v->dst, v->dst, XMM15);
}

static void extmul(const Vec *v)
{
  unsigned a = v->a, b = v->b;
  if (v->row->extra) {
    op2i(v, X_PSHUFD, v->dst, a, 0xee);
    op2i(v, X_PSHUFD, XMM15, b, 0xee);
    a = v->dst;
    b = XMM15;
  }
  op2(v, v->row->x1, v->dst, a);
  op2(v, v->row->x1, XMM15, b);
  op3(v, v->row->x2, v->dst, v->dst, XMM15);
}

static void extmul_q(const Vec *v)
{
  op2i(v, X_PSHUFD, v->dst, v->a, v->row->extra);
  op2i(v, X_PSHUFD, XMM15, v->b, v->row->extra);
  op3(v, v->row->x1, v->dst, v->dst, XMM15);
}

/* The operand that pmaddubsw takes for unsigned comes first. */
static void pairs_8(const Vec *v)
{
  kon(v, XMM15, 0x0101010101010101);
  if (v->row->extra)
    op3(v, X_PMADDUBSW, v->dst, v->a, XMM15);
  else
    op3(v, X_PMADDUBSW, v->dst, XMM15, v->a);
}

static void pairs_16(const Vec *v)
{
  kon(v, XMM15, 0x0001000100010001);
  op3(v, X_PMADDWD, v->dst, v->a, XMM15);
}

static void pairs_16_unsigned(const Vec *v)
{
  copy(v, XMM15, v->a);
  by(v, X_PSRLD_B, XMM15, 16);
  copy(v, v->dst, v->a);
  by(v, X_PSLLD_B, v->dst, 16);
  by(v, X_PSRLD_B, v->dst, 16);
  op3(v, X_PADDD, v->dst, v->dst, XMM15);
}

static void dot_add(const Vec *v, unsigned c)
{
  op3(v, X_PMADDUBSW, v->dst, v->b, v->a);
  kon(v, XMM15, 0x0001000100010001);
  op3(v, X_PMADDWD, v->dst, v->dst, XMM15);
  op3(v, X_PADDD, v->dst, v->dst, c);
}

/* ---- shifts: the count is taken modulo the lane's width ---- */

static void count_to(const Vec *v, unsigned mask, unsigned more)
{
  if (loc_is_kon(v->b)) {
    lw_enc_mov_ri(v->e, R11, (lw_emit_kon(v->em, v->b)->bits & mask) + more);
  } else {
    lw_enc_rr(v->e, X_MOV, 0, R11, v->b);
    lw_enc_alu_ri(v->e, X_AND, 0, R11, (int32_t)mask);
    if (more) lw_enc_alu_ri(v->e, X_ADD, 0, R11, (int32_t)more);
  }
  lw_enc_rr(v->e, X_MOVD, 0, XMM15, R11);
}

/* The form with a number of a shift by what is in a register. */
static XOp by_number(XOp op)
{
  switch (op) { /* dispatch */
  case X_PSLLW: return X_PSLLW_B;
  case X_PSRLW: return X_PSRLW_B;
  case X_PSRAW: return X_PSRAW_B;
  case X_PSLLD: return X_PSLLD_B;
  case X_PSRLD: return X_PSRLD_B;
  case X_PSRAD: return X_PSRAD_B;
  case X_PSLLQ: return X_PSLLQ_B;
  default: assert(op == X_PSRLQ); return X_PSRLQ_B;
  }
}

static unsigned lane_bits(Opcode op)
{
  const char *text = lw_op_info[op].text; /* "i16x8.shl" */
  return text[1] == '8' ? 8 : text[1] == '1' ? 16 : text[1] == '3' ? 32 : 64;
}

static void shift(const Vec *v, Opcode op)
{
  unsigned mask = lane_bits(op) - 1;
  if (loc_is_kon(v->b)) {
    unsigned n = (unsigned)lw_emit_kon(v->em, v->b)->bits & mask;
    by3(v, by_number(v->row->x1), v->dst, v->a, n);
    return;
  }
  count_to(v, mask, 0);
  op3(v, v->row->x1, v->dst, v->a, XMM15);
}

/* There is no arithmetic one of 64 bits: (x >>u n ^ s) - s, where s = sign bit >>u n. */
static void sar_q(const Vec *v)
{
  count_to(v, 63, 0);
  op3(v, X_PSRLQ, v->dst, v->a, XMM15);
  ones(v, v->t);
  by(v, X_PSLLQ_B, v->t, 63);
  op3(v, X_PSRLQ, v->t, v->t, XMM15);
  op3(v, X_PXOR, v->dst, v->dst, v->t);
  op3(v, X_PSUBQ, v->dst, v->dst, v->t);
}

/* Bytes as words that hold each byte twice, and back. */
static void shift_8(const Vec *v)
{
  if (loc_is_kon(v->b) && v->row->x1 != X_PSRAW) {
    bool left = v->row->x1 == X_PSLLW;
    unsigned n = (unsigned)lw_emit_kon(v->em, v->b)->bits & 7;
    by3(v, by_number(v->row->x1), v->dst, v->a, n);
    kon(v, XMM15, 0x0101010101010101 * (uint64_t)((left ? 0xff << n : 0xff >> n) & 0xff));
    op3(v, X_PAND, v->dst, v->dst, XMM15);
    return;
  }
  count_to(v, 7, v->row->extra);
  op3(v, X_PUNPCKLBW, v->dst, v->a, v->a);
  op3(v, X_PUNPCKHBW, v->t, v->a, v->a);
  op3(v, v->row->x1, v->dst, v->dst, XMM15);
  op3(v, v->row->x1, v->t, v->t, XMM15);
  if (!v->row->extra) {
    ones(v, XMM15);
    by(v, X_PSRLW_B, XMM15, 8);
    op3(v, X_PAND, v->dst, v->dst, XMM15);
    op3(v, X_PAND, v->t, v->t, XMM15);
  }
  op3(v, v->row->x2, v->dst, v->dst, v->t);
}

/* ---- bits and lanes ---- */

static void bitselect(const Vec *v, unsigned c)
{
  op3(v, X_PAND, v->dst, v->a, c);
  op3(v, X_PANDN, XMM15, c, v->b);
  op3(v, X_POR, v->dst, v->dst, XMM15);
}

static void test_to(const Vec *v, unsigned reg, unsigned cc)
{
  lw_enc_rr(v->e, X_PTEST, 0, reg, reg);
  lw_enc_setcc(v->e, cc, v->dst);
  lw_enc_rr(v->e, X_MOVZX8, 0, v->dst, v->dst);
}

static void all_true(const Vec *v)
{
  zero(v, XMM15);
  op3(v, v->row->x1, XMM15, XMM15, v->a);
  test_to(v, XMM15, CC_E);
}

static void mask_16(const Vec *v)
{
  op3(v, X_PACKSSWB, XMM15, v->a, v->a);
  lw_enc_rr(v->e, X_PMOVMSKB, 0, v->dst, XMM15);
  lw_enc_rr(v->e, X_MOVZX8, 0, v->dst, v->dst);
}

/* An index of 16 or more gives 0: its highest bit must be set. */
static void swizzle(const Vec *v)
{
  kon(v, XMM15, 0x7070707070707070);
  op3(v, X_PADDUSB, XMM15, XMM15, v->b);
  op3(v, X_PSHUFB, v->dst, v->a, XMM15);
}

/* Eight lanes of the shuffle's immediate as pshufb wants them for one operand. */
static uint64_t half_lanes(uint64_t lanes, unsigned first)
{
  uint64_t out = 0;
  for (unsigned i = 0; i < 64; i += 8) {
    unsigned lane = (unsigned)(lanes >> i & 0xff) - first;
    out |= (uint64_t)(lane < 16 ? lane : 0x80u) << i;
  }
  return out;
}

static void shuffle(const Vec *v, const Kon *k)
{
  lw_emit_wide_rm(v->em, X_MOVUPS, v->t, half_lanes(k->bits, 0), half_lanes(k->high, 0));
  op3(v, X_PSHUFB, v->dst, v->a, v->t);
  lw_emit_wide_rm(v->em, X_MOVUPS, v->t, half_lanes(k->bits, 16),
                  half_lanes(k->high, 16));
  op3(v, X_PSHUFB, XMM15, v->b, v->t);
  op3(v, X_POR, v->dst, v->dst, XMM15);
}

static void splat_8(const Vec *v)
{
  lw_enc_rr(v->e, X_MOVD, 0, v->dst, v->a);
  zero(v, XMM15);
  op3(v, X_PSHUFB, v->dst, v->dst, XMM15);
}

static void splat_16(const Vec *v)
{
  lw_enc_rr(v->e, X_MOVD, 0, v->dst, v->a);
  op2i(v, X_PSHUFLW, v->dst, v->dst, 0);
  op2i(v, X_PSHUFD, v->dst, v->dst, 0);
}

static void splat(const Vec *v)
{
  lw_enc_rr(v->e, X_MOVD, v->row->extra != 0, v->dst, v->a);
  op2i(v, X_PSHUFD, v->dst, v->dst, v->row->extra);
}

static void extract(const Vec *v)
{
  lw_enc_rr(v->e, v->row->x1, (int)v->row->extra, v->a, v->dst);
  lw_enc_8(v->e, v->lane);
  if (v->row->x2 != X__NONE) lw_enc_rr(v->e, v->row->x2, 0, v->dst, v->dst);
}

static void replace(const Vec *v)
{
  copy(v, v->dst, v->a);
  lw_enc_rr(v->e, v->row->x1, (int)v->row->extra, v->dst, v->b);
  lw_enc_8(v->e, v->lane);
}

static void extract_float(const Vec *v)
{
  if (v->row->extra == 1)
    op2i(v, X_PSHUFD, v->dst, v->a, v->lane);
  else
    op2i(v, X_PSHUFD, v->dst, v->a, v->lane ? 0xee : 0x44);
}

static void replace_float(const Vec *v)
{
  if (v->row->extra == 1)
    op3i(v, X_INSERTPS, v->dst, v->a, v->b, v->lane << 4);
  else
    op3(v, v->lane ? X_MOVLHPS : X_MOVSD_XX, v->dst, v->a, v->b);
}

/* ---- floats ---- */

static bool is_double(XOp op) /* the pd form has a prefix where the ps form has none */
{
  return op >> XB_PREFIX & 3;
}

/*
** The processor's minimum is its second operand for two zeros and for NaN, so it is done
** both ways. Joining the results keeps -0 and makes a NaN of every NaN; what is left of
** payloads is cleared.
*/
static void min_max(const Vec *v, bool max)
{
  bool wide = is_double(v->row->x1);
  XOp x = v->row->x1;
  op3(v, x, XMM15, v->a, v->b);
  op3(v, x, v->dst, v->b, v->a);
  if (max) { /* zeros of two signs differ: taking the difference off leaves +0 */
    op3(v, X_XORPS, v->dst, v->dst, XMM15);
    op3(v, X_ORPS, XMM15, XMM15, v->dst);
    op3(v, wide ? X_SUBPD : X_SUBPS, XMM15, XMM15, v->dst);
  } else {
    op3(v, X_ORPS, XMM15, XMM15, v->dst);
  }
  op3i(v, wide ? X_CMPPD : X_CMPPS, v->dst, v->dst, XMM15, 3);
  if (!max) op3(v, X_ORPS, XMM15, XMM15, v->dst);
  by(v, v->row->x2, v->dst, v->row->extra);
  op3(v, X_ANDNPS, v->dst, v->dst, XMM15);
}

static void sign(const Vec *v)
{
  ones(v, XMM15);
  by(v, v->row->x1, XMM15, v->row->extra);
  op3(v, v->row->x2, v->dst, v->a, XMM15);
}

/* a * b + c, or c - a * b. One rounding where the processor can, as is allowed. */
static void madd(const Vec *v, unsigned c)
{
  bool negate = v->row->extra & VEC_NOT;
  if (lw_cpu_features() & CPU_FMA) {
    copy(v, XMM15, c);
    lw_enc_vex_rr(v->e, negate ? X_FNMADDPS : X_FMADDPS, (int)(v->row->extra & 1), XMM15,
                  v->b, v->a);
    copy(v, v->dst, XMM15);
    return;
  }
  op3(v, v->row->x1, XMM15, v->a, v->b);
  op3(v, v->row->x2, v->dst, c, XMM15);
}

/* Lower and upper 16 bits each, exactly; only their sum rounds. */
static void convert_u32(const Vec *v)
{
  zero(v, XMM15);
  op3i(v, X_PBLENDW, XMM15, XMM15, v->a, 0x55);
  op3(v, X_PSUBD, v->dst, v->a, XMM15);
  op2(v, X_CVTDQ2PS, XMM15, XMM15);
  by(v, X_PSRLD_B, v->dst, 1); /* so that it is not negative */
  op2(v, X_CVTDQ2PS, v->dst, v->dst);
  op3(v, X_ADDPS, v->dst, v->dst, v->dst);
  op3(v, X_ADDPS, v->dst, v->dst, XMM15);
}

/* The mantissa of 2^52 + x. */
static void convert_u64(const Vec *v)
{
  kon(v, XMM15, 0x4330000043300000);
  op3(v, X_PUNPCKLDQ, v->dst, v->a, XMM15);
  kon(v, XMM15, 0x4330000000000000);
  op3(v, X_SUBPD, v->dst, v->dst, XMM15);
}

/* NaN becomes 0; where a positive one comes out negative it was too large. */
static void trunc_32(const Vec *v)
{
  op3i(v, X_CMPPS, XMM15, v->a, v->a, 0);
  op3(v, X_PAND, v->dst, v->a, XMM15);
  op3(v, X_PXOR, XMM15, XMM15, v->dst);
  op2(v, X_CVTTPS2DQ, v->dst, v->dst);
  op3(v, X_PAND, XMM15, XMM15, v->dst);
  by(v, X_PSRAD_B, XMM15, 31);
  op3(v, X_PXOR, v->dst, v->dst, XMM15);
}

/* What is beyond 2^31 - 1 is converted apart and added. */
static void trunc_32_unsigned(const Vec *v)
{
  zero(v, XMM15);
  op3(v, X_MAXPS, v->dst, v->a, XMM15); /* 0 for negative ones and NaN */
  ones(v, XMM15);
  by(v, X_PSRLD_B, XMM15, 1);
  op2(v, X_CVTDQ2PS, XMM15, XMM15); /* 2^31 */
  op3(v, X_SUBPS, v->t, v->dst, XMM15);
  op3i(v, X_CMPPS, XMM15, XMM15, v->t, 2); /* overflows even so */
  op2(v, X_CVTTPS2DQ, v->t, v->t);
  op3(v, X_PXOR, v->t, v->t, XMM15);
  zero(v, XMM15);
  op3(v, X_PMAXSD, v->t, v->t, XMM15);
  op2(v, X_CVTTPS2DQ, v->dst, v->dst);
  op3(v, X_PADDD, v->dst, v->dst, v->t);
}

static void trunc_64(const Vec *v)
{
  op3i(v, X_CMPPD, XMM15, v->a, v->a, 0);
  kon(v, v->t, 0x41dfffffffc00000); /* 2^31 - 1 */
  op3(v, X_PAND, XMM15, XMM15, v->t);
  op3(v, X_MINPD, v->dst, v->a, XMM15); /* NaN: 0 */
  op2(v, X_CVTTPD2DQ, v->dst, v->dst);
}

/* The mantissa of 2^52 + x again. */
static void trunc_64_unsigned(const Vec *v)
{
  zero(v, XMM15);
  op3(v, X_MAXPD, v->dst, v->a, XMM15);
  kon(v, XMM15, 0x41efffffffe00000); /* 2^32 - 1 */
  op3(v, X_MINPD, v->dst, v->dst, XMM15);
  op2i(v, X_ROUNDPD, v->dst, v->dst, 11);
  kon(v, XMM15, 0x4330000000000000);
  op3(v, X_ADDPD, v->dst, v->dst, XMM15);
  zero(v, XMM15);
  op3i(v, X_SHUFPS, v->dst, v->dst, XMM15, 0x88);
}

/* ---- which ---- */

static void integer_form(const Vec *v, Opcode op, unsigned c)
{
  switch ((VForm)v->row->form) {
  case VFORM_NEG:
    zero(v, XMM15);
    op3(v, v->row->x1, v->dst, XMM15, v->a);
    break;
  case VFORM_CMPU: compare_unsigned(v); break;
  case VFORM_GTQ: greater_q(v); break;
  case VFORM_ABSQ: abs_q(v); break;
  case VFORM_MULQ: mul_q(v); break;
  case VFORM_Q15: q15(v); break;
  case VFORM_POPCNT: popcnt(v); break;
  case VFORM_HIGH:
    op2i(v, X_PSHUFD, XMM15, v->a, 0xee);
    op2(v, v->row->x1, v->dst, XMM15);
    break;
  case VFORM_EXTMUL: extmul(v); break;
  case VFORM_EXTMULQ: extmul_q(v); break;
  case VFORM_PAIR8: pairs_8(v); break;
  case VFORM_PAIR16: pairs_16(v); break;
  case VFORM_PAIR16U: pairs_16_unsigned(v); break;
  case VFORM_DOT_ADD: dot_add(v, c); break;
  case VFORM_SHIFT: shift(v, op); break;
  case VFORM_SARQ: sar_q(v); break;
  default: assert(v->row->form == VFORM_SHIFT8); shift_8(v);
  }
}

static void lane_form(const Vec *v, unsigned c, const Kon *k)
{
  switch ((VForm)v->row->form) {
  case VFORM_NOT:
    ones(v, XMM15);
    op3(v, X_PXOR, v->dst, XMM15, v->a);
    break;
  case VFORM_SELECT: bitselect(v, c); break;
  case VFORM_ANY_TRUE: test_to(v, v->a, CC_NE); break;
  case VFORM_ALL_TRUE: all_true(v); break;
  case VFORM_MASK: lw_enc_rr(v->e, v->row->x1, 0, v->dst, v->a); break;
  case VFORM_MASK16: mask_16(v); break;
  case VFORM_SWIZZLE: swizzle(v); break;
  case VFORM_SHUFFLE: shuffle(v, k); break;
  case VFORM_SPLAT8: splat_8(v); break;
  case VFORM_SPLAT16: splat_16(v); break;
  case VFORM_SPLAT: splat(v); break;
  case VFORM_EXTRACT: extract(v); break;
  case VFORM_REPLACE: replace(v); break;
  case VFORM_FEXTRACT: extract_float(v); break;
  default: assert(v->row->form == VFORM_FREPLACE); replace_float(v);
  }
}

static void float_form(const Vec *v, unsigned c)
{
  switch ((VForm)v->row->form) {
  case VFORM_FMIN: min_max(v, false); break;
  case VFORM_FMAX: min_max(v, true); break;
  case VFORM_FABS: sign(v); break;
  case VFORM_MADD: madd(v, c); break;
  case VFORM_CVTU32: convert_u32(v); break;
  case VFORM_CVTU64: convert_u64(v); break;
  case VFORM_TRUNC32: trunc_32(v); break;
  case VFORM_TRUNC32U: trunc_32_unsigned(v); break;
  case VFORM_TRUNC64: trunc_64(v); break;
  default: assert(v->row->form == VFORM_TRUNC64U); trunc_64_unsigned(v);
  }
}

void lw_emit_vector(Emit *em, const Ins *ins, const Alloc *a)
{
  const VecRow *row = isel_vec(ins);
  bool swap = row->extra & VEC_SWAP && row->form != VFORM_MADD;
  Vec v = {em, &em->e, row, a->dst, a->use[swap], a->use[!swap], a->temp[0], ins->c};
  bool shuffles = row->form == VFORM_SHUFFLE;
  unsigned c = ins->op == IR_VEC3 && !shuffles ? a->use[2] : 0;
  switch ((VForm)row->form) {
  case VFORM_BIN: op3(&v, row->x1, v.dst, v.a, v.b); break;
  case VFORM_BINI: op3i(&v, row->x1, v.dst, v.a, v.b, row->extra & 7); break;
  case VFORM_UN: op2(&v, row->x1, v.dst, v.a); break;
  case VFORM_UNI: op2i(&v, row->x1, v.dst, v.a, row->extra); break;
  default:
    if (row->form < VFORM_NOT)
      integer_form(&v, (Opcode)ins->aux, c);
    else if (row->form < VFORM_FMIN)
      lane_form(&v, c, shuffles ? lw_emit_kon(em, a->use[2]) : NULL);
    else
      float_form(&v, c);
  }
  if (row->extra & VEC_NOT && row->form != VFORM_MADD) turn_over(&v, v.dst);
}

/* ---- memory ---- */

void lw_emit_load_wide(Emit *em, unsigned access, unsigned dst, Mem m)
{
  static const XOp extend[] = {X_PMOVSXBW, X_PMOVZXBW, X_PMOVSXWD,
                               X_PMOVZXWD, X_PMOVSXDQ, X_PMOVZXDQ};
  Vec v = {.em = em, .e = &em->e, .dst = dst, .a = R11};
  switch (access) {
  case MEM_128: lw_enc_rm(v.e, X_MOVUPS, 0, dst, m); break;
  case MEM_SPLAT8:
    if (avx2()) {
      lw_enc_vex_rm(v.e, X_VPBROADCASTB, 0, dst, m, 0);
      break;
    }
    lw_enc_rm(v.e, X_MOVZX8, 0, R11, m);
    splat_8(&v);
    break;
  case MEM_SPLAT16:
    if (avx2()) {
      lw_enc_vex_rm(v.e, X_VPBROADCASTW, 0, dst, m, 0);
      break;
    }
    lw_enc_rm(v.e, X_MOVZX16, 0, R11, m);
    splat_16(&v);
    break;
  case MEM_SPLAT32:
    if (avx()) {
      lw_enc_vex_rm(v.e, X_VBROADCASTSS, 0, dst, m, 0);
      break;
    }
    lw_enc_rm(v.e, X_MOVSS, 0, dst, m);
    op2i(&v, X_PSHUFD, dst, dst, 0);
    break;
  case MEM_SPLAT64: lw_enc_rm(v.e, X_MOVDDUP, 0, dst, m); break;
  case MEM_ZERO32: lw_enc_rm(v.e, X_MOVSS, 0, dst, m); break;
  case MEM_ZERO64: lw_enc_rm(v.e, X_MOVSD, 0, dst, m); break;
  default:
    assert(access >= MEM_8X8S && access <= MEM_32X2U);
    lw_enc_rm(v.e, extend[access - MEM_8X8S], 0, dst, m);
  }
}

/* pinsr* and pextr* with memory; `size` is log2 of the lane's bytes. */
void lw_emit_lane(Emit *em, bool store, unsigned size, unsigned lane, unsigned reg, Mem m)
{
  static const XOp in[] = {X_PINSRB, X_PINSRW, X_PINSRD, X_PINSRD};
  static const XOp out[] = {X_PEXTRB, X_PEXTRW, X_PEXTRD, X_PEXTRD};
  lw_enc_rm(&em->e, store ? out[size] : in[size], size == 3, reg, m);
  lw_enc_8(&em->e, lane);
}

/*
** emit_move.c -- one value from one place to another.
**
** Invariants: flags survive (a folded comparison may lie before); r11 and xmm15 are the
** only registers written besides the target. A cycle of moves keeps a value in one of
** them (moves.c): r11, for v128 xmm15; moves between slots use xmm15, moves to outgoing
** cells either, since those are never part of a cycle.
** Layer: jit.
*/
#include "jit/x64/emit.h"

void lw_emit_load_typed(Emit *em, unsigned type, unsigned reg, Mem m)
{
  if (!loc_is_fpr(reg))
    lw_enc_rm(&em->e, X_MOV, isel_w(type), reg, m);
  else if (type == VAL_V128)
    lw_enc_rm(&em->e, X_MOVUPS, 0, reg, m);
  else
    lw_enc_rm(&em->e, isel_w(type) ? X_MOVSD : X_MOVSS, 0, reg, m);
}

void lw_emit_store_typed(Emit *em, unsigned type, unsigned reg, Mem m)
{
  if (!loc_is_fpr(reg))
    lw_enc_rm(&em->e, X_MOV_ST, isel_w(type), reg, m);
  else if (type == VAL_V128)
    lw_enc_rm(&em->e, X_MOVUPS_ST, 0, reg, m);
  else
    lw_enc_rm(&em->e, isel_w(type) ? X_MOVSD_ST : X_MOVSS_ST, 0, reg, m);
}

static void copy(Emit *em, unsigned type, unsigned from, unsigned to)
{
  int w = isel_w(type);
  if (loc_is_fpr(to) && loc_is_fpr(from))
    lw_enc_rr(&em->e, X_MOVAPS, 0, to, from);
  else if (loc_is_fpr(to)) /* out of or into a cycle's r11 */
    lw_enc_rr(&em->e, X_MOVD, w, to, from);
  else if (loc_is_fpr(from))
    lw_enc_rr(&em->e, X_MOVD_ST, w, from, to);
  else
    lw_enc_rr(&em->e, X_MOV, w, to, from);
}

/* No xor here: it would destroy the flags. */
static void kon_to_reg(Emit *em, Loc kon, unsigned reg)
{
  const Kon *k = lw_emit_kon(em, kon);
  if (!loc_is_fpr(reg))
    lw_enc_mov_ri(&em->e, reg, k->bits);
  else if (k->bits == 0 && k->high == 0)
    lw_enc_rr(&em->e, X_XORPS, 0, reg, reg);
  else if (k->type == VAL_V128)
    lw_emit_wide_rm(em, X_MOVUPS, reg, k->bits, k->high);
  else
    lw_emit_op(em, k->type == VAL_F32 ? X_MOVSS : X_MOVSD, 0, reg, kon);
}

static void kon_to_mem(Emit *em, Loc kon, int w, Mem m)
{
  const Kon *k = lw_emit_kon(em, kon);
  if (w ? (int64_t)k->bits == (int32_t)k->bits : k->bits <= UINT32_MAX) {
    lw_enc_m(&em->e, X_MOV_D, w, m);
    lw_enc_32(&em->e, (uint32_t)k->bits);
  } else {
    lw_enc_mov_ri(&em->e, R11, k->bits);
    lw_enc_rm(&em->e, X_MOV_ST, w, R11, m);
  }
}

/* All 16 bytes. */
static void wide_to_cell(Emit *em, Loc from, bool returns, int32_t at)
{
  unsigned reg = loc_is_reg(from) ? from : XMM15;
  if (loc_is_kon(from))
    kon_to_reg(em, from, reg);
  else if (loc_is_slot(from))
    lw_emit_load_typed(em, VAL_V128, reg, emit_slot(em, from));
  if (returns) lw_enc_rm(&em->e, X_MOV, 1, R11, mem_at(RBP, -16));
  lw_emit_store_typed(em, VAL_V128, reg, mem_at(returns ? R11 : RSP, at));
}

/* xmm15 may hold what a cycle has saved. */
static void wide_between_slots(Emit *em, Mem from, Mem to)
{
  for (int half = 0; half < 2; half++, from.disp += 8, to.disp += 8) {
    lw_enc_rm(&em->e, X_MOV, 1, R11, from);
    lw_enc_rm(&em->e, X_MOV_ST, 1, R11, to);
  }
}

static void wide_kon_to_slot(Emit *em, const Kon *k, Mem to)
{
  const uint64_t halves[2] = {k->bits, k->high};
  for (int half = 0; half < 2; half++, to.disp += 8) {
    lw_enc_mov_ri(&em->e, R11, halves[half]);
    lw_enc_rm(&em->e, X_MOV_ST, 1, R11, to);
  }
}

/* To outgoing cell n, or before a RETURN to the caller's result area: always 8 bytes,
   so that whoever reads the cell finds a clean upper half. */
static void to_cell(Emit *em, unsigned type, Loc from, uint32_t n)
{
  bool returns = emit_ins(em)->op == IR_RETURN;
  int32_t at = 16 * (int32_t)n;
  if (type == VAL_V128) {
    wide_to_cell(em, from, returns, at);
    return;
  }
  if (loc_is_kon(from)) {
    const Kon *k = lw_emit_kon(em, from);
    bool short_imm = (int64_t)k->bits == (int32_t)k->bits;
    if (!short_imm) lw_enc_mov_ri(&em->e, R11, k->bits);
    if (!short_imm && returns) { /* one integer scratch register is not enough */
      lw_enc_rr(&em->e, X_MOVD, 1, XMM15, R11);
      lw_enc_rm(&em->e, X_MOV, 1, R11, mem_at(RBP, -16));
      lw_enc_rm(&em->e, X_MOVSD_ST, 0, XMM15, mem_at(R11, at));
      return;
    }
    if (returns) lw_enc_rm(&em->e, X_MOV, 1, R11, mem_at(RBP, -16));
    Mem to = mem_at(returns ? R11 : RSP, at);
    if (short_imm)
      kon_to_mem(em, from, 1, to);
    else
      lw_enc_rm(&em->e, X_MOV_ST, 1, R11, to);
    return;
  }
  unsigned reg = from;
  if (loc_is_slot(from)) { /* movss and movsd clear the rest of the register */
    reg = XMM15;
    lw_emit_load_typed(em,
                       type == VAL_I32   ? VAL_F32
                       : type == VAL_F32 ? VAL_F32
                                         : VAL_F64,
                       reg, emit_slot(em, from));
  }
  if (returns) lw_enc_rm(&em->e, X_MOV, 1, R11, mem_at(RBP, -16));
  lw_emit_store_typed(em, loc_is_fpr(reg) ? VAL_F64 : VAL_I64, reg,
                      mem_at(returns ? R11 : RSP, at));
}

void lw_emit_copy(Emit *em, unsigned type, Loc from, Loc to)
{
  assert(from != to && !loc_is_out(from) && !loc_is_kon(to));
  if (loc_is_out(to)) {
    to_cell(em, type, from, to - LOC_OUT0);
  } else if (loc_is_reg(to)) {
    if (loc_is_reg(from))
      copy(em, type, from, to);
    else if (loc_is_kon(from))
      kon_to_reg(em, from, to);
    else
      lw_emit_load_typed(em, type, to, emit_slot(em, from));
  } else if (loc_is_reg(from)) {
    lw_emit_store_typed(em, type, from, emit_slot(em, to));
  } else if (type == VAL_V128 && loc_is_kon(from)) {
    wide_kon_to_slot(em, lw_emit_kon(em, from), emit_slot(em, to));
  } else if (type == VAL_V128) {
    wide_between_slots(em, emit_slot(em, from), emit_slot(em, to));
  } else if (loc_is_kon(from)) {
    kon_to_mem(em, from, isel_w(type), emit_slot(em, to));
  } else {
    unsigned as = isel_w(type) ? VAL_F64 : VAL_F32;
    lw_emit_load_typed(em, as, XMM15, emit_slot(em, from));
    lw_emit_store_typed(em, as, XMM15, emit_slot(em, to));
  }
}

void lw_emit_move(Emit *em, const Edit *edit)
{
  lw_emit_copy(em, edit->type, edit->from, edit->to);
}

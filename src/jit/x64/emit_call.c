/*
** emit_call.c -- frames: prologue, return, calls out of a function (abi.h, emit.h).
**
** r14 and r15 across calls. A direct callee has the same instance and gives r14 back as
** it was; with guard bounds r15 too, since the base never moves. A call through a cell
** enters with the r14 of the cell and, for callees with guard bounds, the base of that
** instance's memory; code with explicit bounds loads its base itself when it is entered
** and after every call. So code of both kinds may call each other.
** Layer: jit.
*/
#include "jit/layout.h"
#include "jit/x64/emit.h"

enum {
  FRAME_UNCHECKED = 4000, /* smaller frames end in the guard page at worst */
  SAVED_CTX = -8,         /* of rbp: see emit.h */
  RESULT_POINTER = -16
};

/* Fills in the offsets of emit.h's picture. */
static void lay_out(Emit *em)
{
  const Allocation *al = em->alloc;
  uint32_t at = em->sel->cell_call || em->abi.result_area ? 16 : 0;
  at += 8 * (uint32_t)__builtin_popcount(al->saved);
  at = (at + 15) & ~15u; /* an even slot of a v128 is aligned */
  em->slots_at = -(int32_t)at - 8;
  at += 8 * al->nslots;
  em->locals_at = -(int32_t)at - 8;
  at += 8 * em->f->nslots_local;
  at = ((at + 15) & ~15u) + 16 * al->result_area;
  em->area_at = -(int32_t)at;
  em->frame_bytes = at + 16 * al->nout;
  assert(em->frame_bytes % 16 == 0 && em->frame_bytes < INT32_MAX / 2);
}

static void saved_registers(Emit *em, XOp mov)
{
  int32_t at = em->sel->cell_call || em->abi.result_area ? -16 : 0;
  for (uint32_t left = em->alloc->saved; left; left &= left - 1)
    lw_enc_rm(&em->e, mov, 1, (unsigned)__builtin_ctz(left), mem_at(RBP, at -= 8));
}

void lw_emit_prologue(Emit *em)
{
  Enc *e = &em->e;
  em->abi = lw_abi_assign(em->f->type, em->params, em->results);
  lay_out(em);
  lw_enc_push(e, RBP);
  lw_enc_rr(e, X_MOV, 1, RBP, RSP);
  if (em->frame_bytes > FRAME_UNCHECKED) {
    lw_enc_rm(e, X_MOV, 1, R11, mem_at(R14, VMCTX_STORE));
    lw_enc_rm(e, X_MOV, 1, R11, mem_at(R11, STORE_ACT));
    lw_enc_rm(e, X_MOV, 1, R11, mem_at(R11, ACT_LIMIT));
    lw_enc_alu_ri(e, X_ADD, 1, R11, (int32_t)em->frame_bytes);
    lw_enc_rr(e, X_CMP, 1, RSP, R11);
    lw_emit_trap_if(em, CC_B, TRAP_STACK);
  }
  if (em->frame_bytes) lw_enc_alu_ri(e, X_SUB, 1, RSP, (int32_t)em->frame_bytes);
  if (em->sel->cell_call) lw_enc_rm(e, X_MOV_ST, 1, R14, mem_at(RBP, SAVED_CTX));
  if (em->abi.result_area) lw_enc_rm(e, X_MOV_ST, 1, RAX, mem_at(RBP, RESULT_POINTER));
  saved_registers(em, X_MOV_ST);
  lw_emit_reload_base(em);
}

/* Edits have put the results where they belong. */
void lw_emit_return(Emit *em)
{
  saved_registers(em, X_MOV);
  if (em->frame_bytes)
    lw_enc_leave(&em->e);
  else
    lw_enc_pop(&em->e, RBP);
  lw_enc_ret(&em->e, 16u * em->abi.nstack_params);
}

void lw_emit_arg(Emit *em, const Ins *ins, const Alloc *a)
{
  AbiLoc loc = em->params[ins->a]; /* of the function: ARGs come first */
  if (loc.cls != ABI_STACK) return;
  Mem m = mem_at(RBP, 16 + 16 * (int32_t)loc.index);
  int w = isel_w(ins->type);
  if (loc_is_fpr(a->dst))
    lw_enc_rm(&em->e, w ? X_MOVSD : X_MOVSS, 0, a->dst, m);
  else
    lw_enc_rm(&em->e, X_MOV, w, a->dst, m);
}

/* Behind its call, whose places are still in em->results. */
void lw_emit_result(Emit *em, const Ins *ins, const Alloc *a)
{
  AbiLoc loc = em->results[ins->b];
  if (loc.cls != ABI_STACK) return;
  Mem m = mem_at(RBP, em->area_at + 16 * (int32_t)loc.index);
  int w = isel_w(ins->type);
  if (loc_is_fpr(a->dst))
    lw_enc_rm(&em->e, w ? X_MOVSD : X_MOVSS, 0, a->dst, m);
  else
    lw_enc_rm(&em->e, X_MOV, w, a->dst, m);
}

void lw_emit_call(Emit *em, const Ins *ins)
{
  Enc *e = &em->e;
  Abi abi = lw_abi_assign(&em->f->module->types[ins->c], em->params, em->results);
  if (abi.result_area) lw_enc_rm(e, X_LEA, 1, RAX, mem_at(RBP, em->area_at));
  if (ins->op == IR_CALL_CELL) { /* an edit has put the cell into r14 */
    lw_enc_rm(e, X_MOV, 1, R11, mem_at(R14, CELL_CODE));
    lw_enc_rm(e, X_MOV, 1, R14, mem_at(R14, CELL_CTX));
    lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
    lw_enc_r(e, X_CALL_M, 0, R11);
  } else {
    assert(ins->a >= em->f->module->nfuncs_imported);
    uint32_t at = lw_enc_call32(e);
    EMIT_PUSH(em, calls, (CallSite){at, ins->a});
  }
  lw_emit_line(em);
  if (ins->op == IR_CALL_CELL) {
    lw_enc_rm(e, X_MOV, 1, R14, mem_at(RBP, SAVED_CTX));
    if (!em->sel->opts.explicit_bounds)
      lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
  }
  lw_emit_reload_base(em);
  if (abi.nstack_params) /* the callee has popped its arguments */
    lw_enc_rm(e, X_LEA, 1, RSP, mem_at(RSP, -16 * (int32_t)abi.nstack_params));
}

void lw_emit_helper(Emit *em, const Ins *ins)
{
  Enc *e = &em->e;
  lw_enc_rr(e, X_MOV, 1, RDI, R14);
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(R14, VMCTX_HELPERS));
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(R11, (int32_t)(ins->a * 8)));
  lw_enc_m(e, X_CALL_M, 0, mem_at(R14, VMCTX_CALL_C));
  lw_emit_line(em);
  if (ins->type == VAL_I32) lw_enc_rr(e, X_MOV, 0, RAX, RAX); /* C leaves it dirty */
  lw_emit_reload_base(em);
}

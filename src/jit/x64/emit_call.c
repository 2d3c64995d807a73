/*
** emit_call.c -- frames: prologue, return, calls out of a function (abi.h, emit.h).
**
** r14 and r15 across calls. A direct callee has the same instance and gives r14 back as
** it was; with guard bounds r15 too, since the base never moves. A call through a cell
** enters with the r14 of the cell and, for callees with guard bounds, the base of that
** instance's memory; code with explicit bounds loads its base itself when it is entered
** and after every call. So code of both kinds may call each other. Where the cell's r14
** turns out to be ours, such a call is made like a direct one.
** A tail call out of the instance comes back to our caller with the r14 of somebody else:
** in a module that has one (Module.tail_leaves) every caller sets its own again.
** Layer: jit.
*/
#include "jit/helper.h"
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
  em->local_size = 8;
  for (uint32_t i = 0; i < em->f->nslots_local; i++)
    if (em->f->slot_types[i] == VAL_V128) em->local_size = 16;
  em->locals_at = -(int32_t)at - em->local_size;
  at += (uint32_t)em->local_size * em->f->nslots_local;
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

/*
** What an earlier call left in our slots would keep objects alive that nothing refers to,
** and with a list's first one all of it. So functions that make objects clear their slots
** first.
*/
static void clear_slots(Emit *em)
{
  Enc *e = &em->e;
  int32_t words = (int32_t)em->alloc->nslots;
  words += (int32_t)em->f->nslots_local * (em->local_size / 8);
  int32_t bytes = words * 8, low = em->slots_at + 8 - bytes;
  if (words & 1) {
    lw_enc_m(e, X_MOV_D, 1, mem_at(RBP, low));
    lw_enc_32(e, 0);
    bytes -= 8, low += 8;
  }
  if (bytes == 0) return;
  lw_enc_rr(e, X_XORPS, 0, XMM15, XMM15);
  if (bytes <= 128) {
    for (int32_t at = 0; at < bytes; at += 16)
      lw_enc_rm(e, X_MOVUPS_ST, 0, XMM15, mem_at(RBP, low + at));
    return;
  }
  lw_enc_mov_ri(e, R11, (uint64_t) - (int64_t)bytes);
  uint32_t loop = e->size;
  lw_enc_rm(e, X_MOVUPS_ST, 0, XMM15, mem_index(RBP, R11, 0, low + bytes));
  lw_enc_alu_ri(e, X_ADD, 1, R11, 16);
  lw_enc_patch8(e, lw_enc_jcc8(e, CC_NE), loop);
}

void lw_emit_prologue(Emit *em)
{
  Enc *e = &em->e;
  em->abi = lw_abi_assign(em->f->type, em->params, em->results);
  lay_out(em);
  if (em->frameless) return;
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
  if (em->sel->allocates) clear_slots(em);
  lw_emit_reload_base(em);
}

static void take_down(Emit *em)
{
  if (em->frame_bytes)
    lw_enc_leave(&em->e);
  else if (!em->frameless)
    lw_enc_pop(&em->e, RBP);
}

/* Edits have put the results where they belong. */
void lw_emit_return(Emit *em)
{
  saved_registers(em, X_MOV);
  take_down(em);
  lw_enc_ret(&em->e, 16u * em->abi.nstack_params);
}

void lw_emit_arg(Emit *em, const Ins *ins, const Alloc *a)
{
  AbiLoc loc = em->params[ins->a]; /* of the function: ARGs come first */
  if (loc.cls != ABI_STACK) return;
  Mem m = mem_at(RBP, 16 + 16 * (int32_t)loc.index);
  lw_emit_load_typed(em, ins->type, a->dst, m);
}

/* Behind its call, whose places are still in em->results. */
void lw_emit_result(Emit *em, const Ins *ins, const Alloc *a)
{
  AbiLoc loc = em->results[ins->b];
  if (loc.cls != ABI_STACK) return;
  Mem m = mem_at(RBP, em->area_at + 16 * (int32_t)loc.index);
  lw_emit_load_typed(em, ins->type, a->dst, m);
}

/*
** The mark at the return address of a call that may throw to a frame of this function: a
** `nop` of seven bytes whose last four say how far behind it the landing is. It costs no
** more than its fetch, and the run time needs no table (rt/except.c reads it).
*/
static void mark_landing(Emit *em, uint32_t edge)
{
  static const uint8_t nop[] = {LANDING_MARK};
  if (edge == UNPLACED) return;
  for (unsigned i = 0; i < sizeof nop; i++)
    lw_enc_8(&em->e, nop[i]);
  lw_enc_32(&em->e, 0);
  EMIT_PUSH(em, landings, (Landing){em->e.size - 4, edge});
}

/* The exceptional edge of the call at hand, or UNPLACED. */
static uint32_t landing_edge(const Emit *em)
{
  const Ins *next = emit_ins(em) + 1;
  while (next->op == IR_RESULT)
    next++;
  return next->op == IR_TRY ? next->b : UNPLACED;
}

void lw_emit_land(Emit *em)
{
  Enc *e = &em->e;
  lw_enc_rm(e, X_LEA, 1, RSP, mem_at(RBP, -(int32_t)em->frame_bytes));
  lw_enc_rm(e, X_MOV, 1, R14, mem_at(RBP, SAVED_CTX));
  if (!em->sel->opts.explicit_bounds)
    lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
  lw_emit_reload_base(em);
}

/* The cell is in r14 or, when the function may be of this instance, in r10. */
static void enter_cell(Emit *em, unsigned cell)
{
  Enc *e = &em->e;
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(cell, CELL_CODE));
  lw_enc_rm(e, X_MOV, 1, R14, mem_at(cell, CELL_CTX));
  lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
  lw_enc_r(e, X_CALL_M, 0, R11);
}

/* Behind the return address of a call: its line, where it lands, whose registers. */
static void come_back(Emit *em, uint32_t edge, bool from_away)
{
  Enc *e = &em->e;
  lw_emit_line(em);
  mark_landing(em, edge);
  if (!from_away) return;
  lw_enc_rm(e, X_MOV, 1, R14, mem_at(RBP, SAVED_CTX));
  if (!em->sel->opts.explicit_bounds)
    lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
}

/*
** Most often the function is of this very instance: then r14 and r15 stay as they are,
** here and there.
**   cmp  r14, [r10 + CELL_CTX]
**   jne  1f                          behind the function:
**   call [r10 + CELL_CODE]           1: the call as of any instance
** 2:                                    jmp 2b
*/
static void call_near_cell(Emit *em, uint32_t edge)
{
  Enc *e = &em->e;
  lw_enc_rm(e, X_CMP, 1, R14, mem_at(R10, CELL_CTX));
  uint32_t at = lw_enc_jcc32(e, CC_NE);
  lw_enc_m(e, X_CALL_M, 0, mem_at(R10, CELL_CODE));
  come_back(em, edge, false);
  EMIT_PUSH(em, aways, (AwayStub){at, e->size, em->where, edge});
}

void lw_emit_aways(Emit *em)
{
  for (uint32_t i = 0; i < em->naways; i++) {
    AwayStub s = em->aways[i];
    em->where = s.where;
    lw_enc_patch32(&em->e, s.at, em->e.size);
    enter_cell(em, R10);
    come_back(em, s.edge, true);
    lw_enc_patch32(&em->e, lw_enc_jmp32(&em->e), s.back);
  }
}

void lw_emit_call(Emit *em, const Ins *ins)
{
  Enc *e = &em->e;
  Abi abi =
    lw_abi_assign(lw_module_signature(em->f->module, ins->c), em->params, em->results);
  uint32_t edge = landing_edge(em);
  if (abi.result_area) lw_enc_rm(e, X_LEA, 1, RAX, mem_at(RBP, em->area_at));
  if (ins->op == IR_CALL_CELL && lw_isel_cell_near(em->f, ins)) {
    call_near_cell(em, edge);
  } else if (ins->op == IR_CALL_CELL) {
    enter_cell(em, R14);
    come_back(em, edge, true);
  } else {
    assert(ins->a >= em->f->module->nfuncs_imported);
    uint32_t at = lw_enc_call32(e);
    EMIT_PUSH(em, calls, (CallSite){at, ins->a});
    come_back(em, edge, em->f->module->tail_leaves);
  }
  lw_emit_reload_base(em);
  if (abi.nstack_params) /* the callee has popped its arguments */
    lw_enc_rm(e, X_LEA, 1, RSP, mem_at(RSP, -16 * (int32_t)abi.nstack_params));
}

/*
** Our frame goes, the callee's arguments take the place of ours, below the same bytes:
**
**     before                          after (two cells less, say)
**     | caller's frame     |          | caller's frame     |
**     | our overflow cells |          | their cells        |
**     | return address     |          | return address     | <- rsp
**     | rbp, our frame     |
**     | their cells        | <- rsp
**
** So the stack is as deep as before, whatever the types are. The cells move up, from the
** last one on. r11 and r15 carry what lies in between; r15 is set again.
*/
static void tail_frame(Emit *em, uint32_t theirs)
{
  Enc *e = &em->e;
  int32_t up = 16 * ((int32_t)em->abi.nstack_params - (int32_t)theirs);
  saved_registers(em, X_MOV);
  if (theirs == 0 && up == 0) {
    take_down(em);
    return;
  }
  assert(!em->frameless);
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(RBP, 8));
  lw_enc_rm(e, X_MOV, 1, R15, mem_at(RBP, 0));
  for (uint32_t k = theirs; k-- > 0;) {
    lw_enc_rm(e, X_MOVUPS, 0, XMM15, mem_at(RSP, 16 * (int32_t)k));
    lw_enc_rm(e, X_MOVUPS_ST, 0, XMM15, mem_at(RBP, 16 + up + 16 * (int32_t)k));
  }
  lw_enc_rm(e, X_MOV_ST, 1, R11, mem_at(RBP, 8 + up));
  lw_enc_rm(e, X_LEA, 1, RSP, mem_at(RBP, 8 + up));
  lw_enc_rr(e, X_MOV, 1, RBP, R15);
}

/*
** An edit has put the cell into r15. Most often its function is of this very instance:
** then
** r14 stays, so that the next function need not wait for a context that has come through
** table and cell. The branch makes a threaded interpreter eight times as fast.
*/
static void tail_through_cell(Emit *em, uint32_t theirs)
{
  Enc *e = &em->e;
  bool moves =
    theirs || em->abi.nstack_params; /* tail_frame takes r11 and r15 for that */
  unsigned cell = moves ? R14 : R15;
  if (moves) lw_enc_rr(e, X_MOV, 1, R14, R15);
  tail_frame(em, theirs);
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(cell, CELL_CODE));
  uint32_t same = 0;
  if (!moves) {
    lw_enc_rm(e, X_CMP, 1, R14, mem_at(R15, CELL_CTX));
    same = lw_enc_jcc8(e, CC_E);
  }
  lw_enc_rm(e, X_MOV, 1, R14, mem_at(cell, CELL_CTX));
  if (!moves) lw_enc_here8(e, same);
  lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
  lw_enc_r(e, X_JMP_M, 0, R11);
}

void lw_emit_tail(Emit *em, const Ins *ins)
{
  Enc *e = &em->e;
  const FuncType *t = lw_module_signature(em->f->module, ins->c);
  Abi abi = lw_abi_assign(t, em->params, em->results);
  assert(abi.result_area == em->abi.result_area);
  if (abi.result_area) lw_enc_rm(e, X_MOV, 1, RAX, mem_at(RBP, RESULT_POINTER));
  if (ins->op == IR_TAIL_CELL) {
    tail_through_cell(em, abi.nstack_params);
    return;
  }
  assert(ins->a >= em->f->module->nfuncs_imported);
  tail_frame(em, abi.nstack_params);
  if (!em->sel->opts.explicit_bounds && (abi.nstack_params || em->abi.nstack_params))
    lw_enc_rm(e, X_MOV, 1, R15, mem_at(R14, VMCTX_MEM_BASE));
  uint32_t at = lw_enc_jmp32(e);
  EMIT_PUSH(em, calls, (CallSite){at, ins->a});
}

/* Who calls a helper, or does without. */
static int32_t way_to(uint32_t helper)
{
  switch (helper) {
  case HELPER_struct_new: return VMCTX_NEW_STRUCT;
  case HELPER_array_new: return VMCTX_NEW_ARRAY;
  case HELPER_memory_copy: return VMCTX_COPY;
  case HELPER_memory_fill: return VMCTX_FILL;
  default: return VMCTX_CALL_C;
  }
}

void lw_emit_helper(Emit *em, const Ins *ins)
{
  Enc *e = &em->e;
  lw_enc_rr(e, X_MOV, 1, RDI, R14);
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(R14, VMCTX_HELPERS));
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(R11, (int32_t)(ins->a * 8)));
  lw_enc_m(e, X_CALL_M, 0, mem_at(R14, way_to(ins->a)));
  lw_emit_line(em);
  mark_landing(em, landing_edge(em));
  if (ins->type == VAL_I32) lw_enc_rr(e, X_MOV, 0, RAX, RAX); /* C leaves it dirty */
  lw_emit_reload_base(em);
}

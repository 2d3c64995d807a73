/*
** emit_obj.c -- fields, elements and types of objects.
** Layer: jit.
*/
#include "jit/layout.h"
#include "jit/x64/emit.h"
#include "wasm/types.h"

static Mem element(const Ins *ins, const Alloc *a)
{
  static const uint8_t scale[] = {
    [MEM_8S] = 0,  [MEM_8U] = 0, [MEM_16S] = 1, [MEM_16U] = 1,
    [MEM_32S] = 2, [MEM_32] = 2, [MEM_64] = 3};
  assert(ins->aux < sizeof scale);
  return mem_index(a->use[0], a->use[1], scale[ins->aux], ARRAY_HEADER);
}

/* 16 bytes an element: no scale does that. */
static Mem wide_element(Emit *em, const Alloc *a)
{
  Enc *e = &em->e;
  lw_enc_rr(e, X_MOV, 0, R11, a->use[1]);
  lw_enc_r(e, X_SHL_B, 1, R11);
  lw_enc_8(e, 4);
  return mem_index(a->use[0], R11, 0, ARRAY_HEADER);
}

/* ---- is a reference of a type? ---- */

/* Flags E: the function's type is the one of typeidx x. */
static void compare_id(Emit *em, unsigned id, unsigned scratch, uint32_t x)
{
  lw_enc_rm(&em->e, X_MOV, 1, scratch, mem_at(R14, VMCTX_TYPES));
  lw_enc_rm(&em->e, X_CMP, 0, id, mem_at(scratch, (int32_t)(x * 4)));
}

/* Flags E: the object's type is x or below it; jumps to *miss when it has too few
   supertypes. r11 is its TypeInfo. */
static void compare_line(Emit *em, unsigned scratch, uint32_t x, uint32_t *miss)
{
  Enc *e = &em->e;
  uint32_t depth = em->f->module->types[x].depth;
  lw_enc_alu_mi(e, X_CMP, 0, mem_at(R11, TYPE_INFO_DEPTH), (int32_t)depth);
  *miss = lw_enc_jcc8(e, CC_B);
  lw_enc_rm(e, X_MOV, 1, R11, mem_at(R11, TYPE_INFO_LINE));
  lw_enc_rm(e, X_MOV, 0, R11, mem_at(R11, (int32_t)(depth * 4)));
  compare_id(em, R11, scratch, x);
}

static void compare_kind(Emit *em, unsigned kind)
{
  Enc *e = &em->e;
  lw_enc_rm(e, X_MOVZX8, 0, R11, mem_at(R11, TYPE_INFO_KIND));
  lw_enc_alu_ri(e, X_CMP, 0, R11, (int32_t)kind);
}

/* Sets the result where the reference is neither null nor i31. */
static void test_object(Emit *em, const Ins *ins, unsigned ref, unsigned dst)
{
  Enc *e = &em->e;
  unsigned how = ins->aux & TEST_HOW, cc = CC_E;
  uint32_t miss = 0;
  if (how == TEST_NEVER || how == TEST_ALWAYS) {
    lw_enc_mov_ri(e, dst, how == TEST_ALWAYS);
    return;
  }
  if (how == TEST_FUNC)
    lw_enc_rm(e, X_MOV, 0, R11, mem_at(ref, CELL_TYPE));
  else
    lw_enc_rm(e, X_MOV, 1, R11, mem_at(ref, OBJECT_INFO));
  switch (how) {
  case TEST_STRUCT: compare_kind(em, TYPE_STRUCT); break;
  case TEST_ARRAY: compare_kind(em, TYPE_ARRAY); break;
  case TEST_NOT_BOX:
    compare_kind(em, TYPE_ARRAY);
    cc = CC_BE;
    break;
  case TEST_FUNC: compare_id(em, R11, dst, ins->b); break;
  case TEST_EXACT: /* nothing is below it, and equal depth is not enough */
  default: compare_line(em, dst, ins->b, &miss);
  }
  lw_enc_setcc(e, cc, dst);
  lw_enc_rr(e, X_MOVZX8, 0, dst, dst);
  if (!miss) return;
  uint32_t over = lw_enc_jmp8(e);
  lw_enc_here8(e, miss);
  lw_enc_mov_ri(e, dst, 0);
  lw_enc_here8(e, over);
}

static void ref_test(Emit *em, const Ins *ins, const Alloc *a)
{
  Enc *e = &em->e;
  unsigned ref = a->use[0], dst = a->dst;
  uint32_t tagged = 0, done = 0;
  lw_enc_rr(e, X_TEST, 1, ref, ref);
  uint32_t null = lw_enc_jcc8(e, CC_E);
  if (ins->aux & TEST_TAGGED) {
    lw_enc_rr(e, X_MOV, 0, R11, ref);
    lw_enc_alu_ri(e, X_AND, 0, R11, 1);
    tagged = lw_enc_jcc8(e, CC_NE);
  }
  test_object(em, ins, ref, dst);
  uint32_t over = lw_enc_jmp8(e);
  if (tagged) {
    lw_enc_here8(e, tagged);
    lw_enc_mov_ri(e, dst, (ins->aux & TEST_I31) != 0);
    done = lw_enc_jmp8(e);
  }
  lw_enc_here8(e, null);
  lw_enc_mov_ri(e, dst, (ins->aux & TEST_NULL) != 0);
  lw_enc_here8(e, over);
  if (done) lw_enc_here8(e, done);
}

void lw_emit_object(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  bool wide = ins->aux == MEM_128;
  switch (row->form) {
  case FORM_OBJ_LOAD:
    lw_emit_load_from(em, ins, a->dst, mem_at(a->use[0], (int32_t)ins->c));
    break;
  case FORM_OBJ_STORE:
    lw_emit_store_to(em, ins, a->use[1], mem_at(a->use[0], (int32_t)ins->c));
    break;
  case FORM_ELEM_LOAD:
    lw_emit_load_from(em, ins, a->dst, wide ? wide_element(em, a) : element(ins, a));
    break;
  case FORM_ELEM_STORE:
    lw_emit_store_to(em, ins, a->use[2], wide ? wide_element(em, a) : element(ins, a));
    break;
  case FORM_CHECK_INDEX:
    lw_emit_op(em, X_CMP, 0, a->use[0], a->use[1]);
    lw_emit_trap_if(em, CC_AE, TRAP_ARRAY);
    break;
  default: assert(row->form == FORM_REF_TEST); ref_test(em, ins, a);
  }
}

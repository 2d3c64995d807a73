/*
** emit_mem.c -- loads, stores, and the state of the instance: globals, tables, cells.
**
** Guard bounds: the reservation covers every address plus offset, so an access is one
** instruction and the fault is the check. Explicit bounds: the length is read each time;
** small offsets need no addition, because what lies behind the length, 64 KiB and more,
** is inaccessible too.
** Layer: jit.
*/
#include "jit/layout.h"
#include "jit/x64/emit.h"

enum { GUARDED = 65536 }; /* inaccessible bytes behind every memory, at least */

static void load_word(Emit *em, unsigned reg, unsigned base, uint32_t disp)
{
  lw_enc_rm(&em->e, X_MOV, 1, reg, mem_at(base, (int32_t)disp));
}

/* r11 -> Memory */
static void load_memory(Emit *em, uint32_t memory)
{
  uint32_t at = memory ? lw_layout_memory(em->f->module, memory) : VMCTX_MEMORY0;
  load_word(em, R11, R14, at);
}

void lw_emit_reload_base(Emit *em)
{
  if (!em->sel->opts.explicit_bounds || !em->sel->memory0) return;
  load_word(em, R15, R14, VMCTX_MEMORY0);
  load_word(em, R15, R15, MEMORY_BASE);
}

/* Trap unless [addr + offset, + size) is inside. Leaves r11 undefined. */
static void check_bounds(Emit *em, unsigned addr, uint32_t memory, uint32_t offset,
                         uint32_t size)
{
  uint64_t need = (uint64_t)offset + size;
  bool whole_pages = !em->f->module->memories[memory].bytes;
  load_memory(em, memory);
  if (need <= GUARDED && whole_pages) {
    lw_enc_rm(&em->e, X_CMP, 1, addr, mem_at(R11, MEMORY_LENGTH));
    lw_emit_trap_if(em, CC_AE, TRAP_MEMORY);
    return;
  }
  load_word(em, R11, R11, MEMORY_LENGTH);
  while (need > 0) {
    int32_t step = need > INT32_MAX ? INT32_MAX : (int32_t)need;
    lw_enc_alu_ri(&em->e, X_SUB, 1, R11, step);
    lw_emit_trap_if(em, CC_B, TRAP_MEMORY);
    need -= (uint64_t)step;
  }
  lw_enc_rr(&em->e, X_CMP, 1, addr, R11);
  lw_emit_trap_if(em, CC_A, TRAP_MEMORY);
}

Mem lw_emit_address(Emit *em, uint32_t memory, uint32_t offset, unsigned a, uint32_t size)
{
  const Limits *l = &em->f->module->memories[memory];
  if (em->sel->opts.explicit_bounds || l->is64 || l->bytes)
    check_bounds(em, a, memory, offset, size);
  unsigned base = R15;
  if (memory != 0) {
    load_memory(em, memory);
    load_word(em, R11, R11, MEMORY_BASE);
    base = R11;
  }
  if (offset <= INT32_MAX) return mem_index(base, a, 0, (int32_t)offset);
  lw_enc_rm(&em->e, X_LEA, 1, R11, mem_index(base, a, 0, INT32_MAX));
  for (offset -= INT32_MAX; offset > INT32_MAX; offset -= INT32_MAX)
    lw_enc_alu_ri(&em->e, X_ADD, 1, R11, INT32_MAX);
  return mem_at(R11, (int32_t)offset);
}

static Mem address(Emit *em, const Ins *ins, Loc a, uint32_t size)
{
  if (!loc_is_kon(a)) return lw_emit_address(em, ins->aux >> 8, ins->c, a, size);
  assert(lw_isel_kon_address(em->sel, ins));
  return mem_at(R15, (int32_t)(lw_emit_kon(em, a)->bits + ins->c));
}

static uint32_t access_size(unsigned access)
{
  static const uint8_t sizes[] = {
    [MEM_8S] = 1,     [MEM_8U] = 1,      [MEM_16S] = 2,     [MEM_16U] = 2,
    [MEM_32S] = 4,    [MEM_32] = 4,      [MEM_64] = 8,      [MEM_128] = 16,
    [MEM_SPLAT8] = 1, [MEM_SPLAT16] = 2, [MEM_SPLAT32] = 4, [MEM_ZERO32] = 4,
    [MEM_ZERO64] = 8};
  if (access >= MEM_8X8S && access <= MEM_32X2U) return 8;
  if (access == MEM_SPLAT64) return 8;
  assert(access < sizeof sizes);
  return sizes[access];
}

void lw_emit_load_from(Emit *em, const Ins *ins, unsigned dst, Mem m)
{
  Enc *e = &em->e;
  unsigned access = ins->aux & 0xff;
  int w = isel_w(ins->type);
  assert(loc_is_reg(dst));
  if (access >= MEM_128) {
    lw_emit_load_wide(em, access, dst, m);
    return;
  }
  if (loc_is_fpr(dst)) {
    lw_enc_rm(e, w ? X_MOVSD : X_MOVSS, 0, dst, m);
    return;
  }
  switch (access) {
  case MEM_8S: lw_enc_rm(e, X_MOVSX8, w, dst, m); break;
  case MEM_8U: lw_enc_rm(e, X_MOVZX8, 0, dst, m); break;
  case MEM_16S: lw_enc_rm(e, X_MOVSX16, w, dst, m); break;
  case MEM_16U: lw_enc_rm(e, X_MOVZX16, 0, dst, m); break;
  case MEM_32S: lw_enc_rm(e, X_MOVSXD, 0, dst, m); break;
  case MEM_32: lw_enc_rm(e, X_MOV, 0, dst, m); break;
  default: assert(access == MEM_64); lw_enc_rm(e, X_MOV, 1, dst, m);
  }
}

/* A load whose value nobody wants still has to trap: into the scratch register. */
void lw_emit_load(Emit *em, const Ins *ins, const Alloc *a)
{
  Mem m = address(em, ins, a->use[0], access_size(ins->aux & 0xff));
  lw_emit_line(em);
  lw_emit_load_from(em, ins, a->dst, m);
}

void lw_emit_store(Emit *em, const Ins *ins, const Alloc *a)
{
  Mem m = address(em, ins, a->use[0], access_size(ins->aux & 0xff));
  lw_emit_line(em);
  lw_emit_store_to(em, ins, a->use[1], m);
}

void lw_emit_lane_access(Emit *em, const Ins *ins, const Alloc *a)
{
  bool store = ins->op == IR_STORE_LANE;
  unsigned size = ins->aux & 15, lane = ins->aux >> 4 & 15;
  if (!store && a->dst != a->use[1]) lw_enc_rr(&em->e, X_MOVAPS, 0, a->dst, a->use[1]);
  Mem m = address(em, ins, a->use[0], 1u << size);
  lw_emit_line(em);
  lw_emit_lane(em, store, size, lane, store ? a->use[1] : a->dst, m);
}

void lw_emit_store_to(Emit *em, const Ins *ins, Loc value, Mem m)
{
  Enc *e = &em->e;
  uint32_t size = access_size(ins->aux & 0xff);
  if (size == 16) {
    lw_enc_rm(e, X_MOVUPS_ST, 0, value, m);
    return;
  }
  if (loc_is_kon(value)) {
    uint64_t bits = lw_emit_kon(em, value)->bits;
    lw_enc_m(e, size == 1 ? X_MOV_M8_B : size == 2 ? X_MOV_M16_H : X_MOV_D, size == 8, m);
    if (size == 1)
      lw_enc_8(e, (unsigned)bits);
    else if (size == 2)
      lw_enc_16(e, (unsigned)bits);
    else
      lw_enc_32(e, (uint32_t)bits);
  } else if (loc_is_fpr(value)) {
    lw_enc_rm(e, size == 8 ? X_MOVSD_ST : X_MOVSS_ST, 0, value, m);
  } else {
    lw_enc_rm(e,
              size == 1   ? X_MOV_ST8
              : size == 2 ? X_MOV_ST16
                          : X_MOV_ST,
              size == 8, value, m);
  }
}

/* ---- globals and locals in slots ---- */

static Mem state_operand(Emit *em, const Ins *ins)
{
  const Module *m = em->f->module;
  if (ins->op == IR_POLL_PAGE) return mem_at(R14, VMCTX_POLL);
  if (ins->op == IR_SLOT_GET || ins->op == IR_SLOT_SET) {
    assert(ins->a < em->f->nslots_local);
    return mem_at(RBP, em->locals_at - em->local_size * (int32_t)ins->a);
  }
  uint32_t at = lw_layout_global(m, ins->a);
  if (!lw_layout_global_is_cell(m, ins->a)) return mem_at(R14, (int32_t)at);
  load_word(em, R11, R14, at);
  return mem_at(R11, GLOBAL_VALUE);
}

static void get(Emit *em, const Ins *ins, const Alloc *a)
{
  lw_emit_load_typed(em, ins->type, a->dst, state_operand(em, ins));
}

static void set(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned type = lw_ir_type(em->f, ins->b);
  Loc value = a->use[1];
  Mem m = state_operand(em, ins);
  if (loc_is_kon(value)) {
    lw_enc_m(&em->e, X_MOV_D, isel_w(type), m);
    lw_enc_32(&em->e, (uint32_t)lw_emit_kon(em, value)->bits);
  } else {
    lw_emit_store_typed(em, type, value, m);
  }
}

/* ---- memories, tables, functions ---- */

static void size_of(Emit *em, const Ins *ins, const Alloc *a)
{
  if (ins->op == IR_MEMORY_SIZE) {
    load_memory(em, ins->a);
    load_word(em, a->dst, R11, MEMORY_LENGTH);
    if (em->f->module->memories[ins->a].bytes) return;
    lw_enc_r(&em->e, X_SHR_B, 1, a->dst);
    lw_enc_8(&em->e, 16);
  } else {
    load_word(em, R11, R14, lw_layout_table(em->f->module, ins->a));
    lw_enc_rm(&em->e, X_MOV, isel_w(ins->type), a->dst, mem_at(R11, TABLE_LENGTH));
  }
}

/* [r11 + index * 8] is the element, or trap. */
static Mem table_element(Emit *em, uint32_t table, unsigned index, TrapCode code)
{
  load_word(em, R11, R14, lw_layout_table(em->f->module, table));
  lw_enc_rm(&em->e, X_CMP, 1, index, mem_at(R11, TABLE_LENGTH));
  lw_emit_trap_if(em, CC_AE, code);
  load_word(em, R11, R11, TABLE_ELEMS);
  return mem_index(R11, index, 3, 0);
}

static void func_ref(Emit *em, const Ins *ins, const Alloc *a)
{
  const Module *m = em->f->module;
  if (ins->op == IR_TAG) {
    load_word(em, a->dst, R14, lw_layout_tag(m, ins->a));
    return;
  }
  if (ins->a < m->nfuncs_imported) {
    load_word(em, a->dst, R14, lw_layout_import(m, ins->a));
    return;
  }
  uint32_t escape = m->funcs[ins->a].escape;
  assert(escape != NO_ESCAPE && escape < m->nescapes);
  load_word(em, a->dst, R14, VMCTX_CELLS);
  if (escape) lw_enc_alu_ri(&em->e, X_ADD, 1, a->dst, (int32_t)(escape * CELL_SIZE));
}

static void check_sig(Emit *em, const Ins *ins, const Alloc *a)
{
  Enc *e = &em->e;
  unsigned cell = a->use[0];
  lw_enc_rr(e, X_TEST, 1, cell, cell);
  lw_emit_trap_if(em, CC_E, TRAP_ELEMENT_NULL);
  load_word(em, R11, R14, VMCTX_TYPES);
  lw_enc_rm(e, X_MOV, 0, R11, mem_at(R11, (int32_t)(ins->b * 4)));
  lw_enc_rm(e, X_CMP, 0, R11, mem_at(cell, CELL_TYPE));
  lw_emit_trap_if(em, CC_NE, TRAP_SIGNATURE);
}

static void poll(Emit *em, const Alloc *a)
{
  unsigned page = a->use[0];
  if (!loc_is_reg(page))
    lw_enc_rm(&em->e, X_MOV, 1, page = R11, emit_slot(em, a->use[0]));
  lw_emit_line(em);
  lw_enc_rm(&em->e, X_MOV, 0, R11, mem_at(page, 0));
}

void lw_emit_state(Emit *em, const Ins *ins, const Alloc *a, const Row *row)
{
  switch (row->form) {
  case FORM_GET: get(em, ins, a); break;
  case FORM_SET: set(em, ins, a); break;
  case FORM_SIZE: size_of(em, ins, a); break;
  case FORM_TABLE_GET: {
    TrapCode code = ins->aux ? TRAP_TABLE_UNDEFINED : TRAP_TABLE;
    Mem m = table_element(em, ins->b, a->use[0], code);
    lw_enc_rm(&em->e, X_MOV, 1, a->dst, m);
    break;
  }
  case FORM_TABLE_SET: {
    Mem m = table_element(em, ins->c, a->use[0], TRAP_TABLE);
    lw_enc_rm(&em->e, X_MOV_ST, 1, a->use[1], m);
    break;
  }
  case FORM_FUNC_REF: func_ref(em, ins, a); break;
  case FORM_CHECK_NULL:
    lw_enc_rr(&em->e, X_TEST, 1, a->use[0], a->use[0]);
    lw_emit_trap_if(em, CC_E, (TrapCode)ins->b);
    break;
  case FORM_CHECK_SIG: check_sig(em, ins, a); break;
  default: assert(row->form == FORM_POLL); poll(em, a);
  }
}

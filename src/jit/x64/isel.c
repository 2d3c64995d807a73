/*
** isel.c -- what each instruction asks of the register allocator.
**
** lw_target_select decides which comparisons only set the machine's condition; the
** constraints then follow from the instruction's row alone. Immediates and float
** constants are folded wherever the machine has a form for them.
** Invariant: between a folded comparison and its user lie only edits, and those keep the
** flags (emit_move.c).
** Layer: jit.
*/
#include "jit/x64/isel.h"

#include <string.h>

#include "jit/abi.h"
#include "jit/helper.h"

/* What has no row is FORM_NONE: parameters live in slots and need no code. */
enum { I, F };
/* clang-format off */
#define ROW(ir, of, form, op, extra) [IR_##ir][of] = {FORM_##form, X_##op, extra},
const Row lw_x64_rows[IR__MAX][2] = {
#include "jit/x64/isel.def"
};

/* clang-format off */
#define VEC(op, form, x1, x2, extra)                                                     \
  [OP_##op - OP_V128_LOAD] = {VFORM_##form, X_##x1, X_##x2, extra},
const VecRow lw_x64_vecs[] = {
#include "jit/x64/simd.def"
};

#define BIT(r) (1u << (r))
enum {
  XMM0 = LOC_FPR0,
  CALLEE_SAVED = BIT(RBX) | BIT(R12) | BIT(R13),
  INTEGERS = BIT(RAX) | BIT(RCX) | BIT(RDX) | BIT(RSI) | BIT(RDI) | BIT(R8) | BIT(R9) |
             BIT(R10) | CALLEE_SAVED,
  VECTORS = 0x7fff0000
};

const Target lw_target = {
  .allocatable = {INTEGERS, VECTORS},
  .callee_saved = CALLEE_SAVED,
  .order = {RSI, RDI, RDX, RCX, RAX, R8, R9, R10, RBX, R12, R13},
  .scratch = {R11, XMM0 + 15},
  .abi_gpr = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10},
  .abi_fpr = {XMM0, XMM0 + 1, XMM0 + 2, XMM0 + 3, XMM0 + 4, XMM0 + 5, XMM0 + 6, XMM0 + 7},
  .helper_gpr = {RSI, RDX, RCX, R8, R9},
};
/* clang-format on */

const char *lw_target_reg_name(Loc reg)
{
  static const char *const names[32] = {
    "rax",  "rcx",  "rdx",   "rbx",   "rsp",   "rbp",   "rsi",   "rdi",
    "r8",   "r9",   "r10",   "r11",   "r12",   "r13",   "r14",   "r15",
    "xmm0", "xmm1", "xmm2",  "xmm3",  "xmm4",  "xmm5",  "xmm6",  "xmm7",
    "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"};
  assert(loc_is_reg(reg));
  return names[reg];
}

static bool is_comparison(const Ins *ins)
{
  unsigned form = isel_row(ins)->form;
  return form == FORM_CMP || form == FORM_EQZ || form == FORM_FCMP;
}

/* Is `r` passed along an edge out of this block? */
static bool is_edge_argument(const Func *f, const Block *b, Ref r)
{
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Edge *edge = &f->edges[e];
    for (uint32_t k = 0; k < f->blocks[edge->to].nparams; k++)
      if (f->pool[edge->args + k] == r) return true;
  }
  return false;
}

/* May comparison `at`, the NEEDED one before instruction `user`, become its condition? */
static bool can_fold(const Selection *s, const Block *b, uint32_t at, uint32_t user)
{
  const Ins *ins = &s->f->ins[user];
  Ref r = REF_BIAS + at;
  if (s->live->end[at] != user || !is_comparison(&s->f->ins[at])) return false;
  if (ins->op == IR_SELECT) return ins->c == r && ins->a != r && ins->b != r;
  return ins->op == IR_BRIF && ins->a == r && !is_edge_argument(s->f, b, r);
}

/* Arithmetic with an operand in memory? */
static bool is_fused_load(const Ins *ins)
{
  switch (isel_row(ins)->form) {
  case FORM_ADD:
  case FORM_ALU:
  case FORM_IMUL:
  case FORM_CMP:
  case FORM_SSE2: return isel_fused(ins, FUSE_LOAD);
  default: return false;
  }
}

static bool accesses_memory(const Ins *ins)
{
  if (is_fused_load(ins)) return true;
  switch (ins->op) {
  case IR_LOAD:
  case IR_STORE:
  case IR_LOAD_LANE:
  case IR_STORE_LANE:
  case IR_ATOMIC_LOAD:
  case IR_ATOMIC_STORE:
  case IR_ATOMIC_RMW:
  case IR_ATOMIC_CAS: return true;
  default: return false;
  }
}

Status lw_target_select(const Func *f, const Liveness *live, const EmitOptions *opts,
                        Arena *scratch, Selection *out, Err *err)
{
  *out = (Selection){.f = f, .live = live, .opts = *opts};
  out->folded = ARENA_ARR(scratch, uint8_t, f->nins);
  if (!out->folded) return lw_nomem(err, "instruction selection");
  for (uint32_t n = 0; n < f->nblocks; n++) {
    const Block *b = &f->blocks[n];
    uint32_t before = UINT32_MAX; /* the NEEDED instruction before i */
    for (uint32_t i = b->first; i < b->end; i++) {
      const Ins *ins = &f->ins[i];
      if ((live->flags[i] & LIVE_NEEDED) == 0) continue;
      if ((ins->op == IR_BRIF || ins->op == IR_SELECT) && before != UINT32_MAX)
        out->folded[before] = can_fold(out, b, before, i);
      if (!out->memory0 && ins->aux >> 8 == 0) out->memory0 = accesses_memory(ins);
      if (ins->op == IR_HELPER && lw_helper_info[ins->a].result == VAL_REF)
        out->allocates = true;
      if (ins->op == IR_CALL_CELL || (ins->op == IR_CALL && f->module->tail_leaves))
        out->cell_call = true;
      if (ins->op == IR_TRY) out->cell_call = true;
      before = i;
    }
  }
  return LW_OK;
}

bool lw_isel_kon_address(const Selection *sel, const Ins *ins)
{
  return ref_is_kon(ins->a) && ins->aux >> 8 == 0 && !sel->f->module->memories[0].is64 &&
         !sel->f->module->memories[0].bytes && !sel->opts.explicit_bounds &&
         ir_kon(sel->f, ins->a)->bits + ins->c <= INT32_MAX;
}

/* An operand that may be an immediate (floats: a constant in memory). */
static uint8_t kon_or(const Func *f, Ref r, UseKind otherwise)
{
  if (!ref_is_kon(r)) return (uint8_t)otherwise;
  const Kon *k = ir_kon(f, r);
  if (k->type == VAL_V128) return (uint8_t)otherwise;
  if (lw_val_is_float(k->type)) return USE_KON;
  return (uint8_t)(isel_imm32(k) ? USE_KON : otherwise);
}

/* A value to be stored: any constant of which the machine stores the low 32 bits. */
static uint8_t stored(const Func *f, Ref r)
{
  return ref_is_kon(r) && isel_imm32(ir_kon(f, r)) ? USE_KON : USE_REG;
}

/* The operand tested by BRIF and SELECT: nothing when a folded comparison sets it. */
static uint8_t condition(const Selection *sel, Ref r, UseKind otherwise)
{
  return (uint8_t)(!ref_is_kon(r) && sel->folded[r - REF_BIAS] ? USE_NONE : otherwise);
}

static void constrain_shift(const Func *f, const Ins *ins, const Row *row, Constraint *c)
{
  bool by_kon = ref_is_kon(ins->b);
  c->dst = USE_REG;
  if (isel_shift_bmi2(row, by_kon)) {
    c->use[0] = USE_ANY;
    c->use[1] = by_kon ? USE_KON : USE_REG;
    return;
  }
  c->dst_is_a = true;
  c->use[0] = USE_REG;
  c->use[1] = kon_or(f, ins->b, USE_FIXED);
  if (by_kon) c->use[1] = USE_KON; /* only the low bits count, so all constants fit */
  c->use_reg[1] = RCX;
  c->use_late[1] = true;
}

/*
** May the function of the cell be one of this very instance? An import is of another, and
** with tail calls out of the instance nobody knows whose r14 a call comes back with. r10,
** where the cell is then, must not be an argument's.
*/
bool lw_isel_cell_near(const Func *f, const Ins *ins)
{
  assert(ins->op == IR_CALL_CELL);
  if (ref_is_kon(ins->a)) return false; /* null: it does not get this far */
  const Ins *cell = &f->ins[ins->a - REF_BIAS];
  bool imported = cell->op == IR_FUNC_REF && cell->a < f->module->nfuncs_imported;
  return !imported && !f->module->tail_leaves &&
         lw_module_signature(f->module, ins->c)->nparams < ABI_REGS - 1;
}

static void constrain_call(const Func *f, const Ins *ins, Constraint *c)
{
  c->use[1] = USE_ARGS;
  if (ins->op == IR_CALL_CELL) {
    c->use[0] = USE_FIXED; /* loaded from there, r14 becomes the callee's instance */
    c->use_reg[0] = lw_isel_cell_near(f, ins) ? R10 : R14;
  }
  c->clobbers = lw_target.allocatable[0] | lw_target.allocatable[1];
  c->clobbers &= ~lw_target.callee_saved;
  if (!lw_ir_has_result(ins)) return;
  c->dst = USE_FIXED;
  c->dst_reg = lw_val_is_float(ins->type) ? XMM0 : RAX;
}

/* The usual shape: two operands and a result. */
static void shape(Constraint *c, unsigned a, unsigned b, unsigned dst)
{
  c->use[0] = (uint8_t)a;
  c->use[1] = (uint8_t)b;
  c->dst = (uint8_t)dst;
}

static void constrain_compare(const Selection *sel, uint32_t at, const Row *row,
                              Constraint *c)
{
  const Ins *ins = &sel->f->ins[at];
  unsigned dst = sel->folded[at] ? USE_NONE : USE_REG;
  if (row->form == FORM_EQZ) {
    shape(c, USE_ANY, USE_NONE, dst);
  } else if (row->form == FORM_CMP) {
    unsigned b = ins->aux ? USE_REG : kon_or(sel->f, ins->b, USE_ANY);
    shape(c, b == USE_KON ? USE_ANY : USE_REG, b, dst); /* one of them in memory */
  } else if (row->extra & FCMP_SWAP) {
    shape(c, kon_or(sel->f, ins->a, USE_ANY), USE_REG, dst);
  } else {
    shape(c, USE_REG, kon_or(sel->f, ins->b, USE_ANY), dst);
  }
}

static void constrain_divide(const Row *row, Constraint *c)
{
  shape(c, USE_FIXED, USE_ANY, USE_FIXED);
  c->use_reg[0] = RAX;
  c->use_late[1] = true;
  c->dst_reg = row->extra & DIV_REM ? RDX : RAX;
  c->clobbers = BIT(RAX) | BIT(RDX);
}

static void constrain_atomic(const Ins *ins, Constraint *c)
{
  bool logic = ins->op == IR_ATOMIC_RMW && (ins->aux >> 4 & 15) >= ATOMIC_AND &&
               (ins->aux >> 4 & 15) <= ATOMIC_XOR;
  bool cas = ins->op == IR_ATOMIC_CAS;
  shape(c, USE_REG, USE_REG, USE_REG);
  c->use_late[0] = true;
  if (ins->op == IR_ATOMIC_STORE) c->dst = USE_NONE;
  if (cas) { /* what is expected comes in rax and what is there leaves in it */
    c->use[1] = USE_FIXED;
    c->use_reg[1] = RAX;
    c->use[2] = USE_REG;
    c->use_late[2] = true;
  }
  if (logic) c->use_late[1] = true;
  if (cas || logic) {
    c->dst = USE_FIXED;
    c->dst_reg = RAX;
    c->clobbers = BIT(RAX);
  }
  c->ntemps = ins->op == IR_ATOMIC_STORE || logic;
}

/* Does the sequence want a temporary? Which of the others write their result first? */
static bool vector_has_temp(VForm form)
{
  switch (form) {
  case VFORM_MULQ:
  case VFORM_POPCNT:
  case VFORM_SARQ:
  case VFORM_SHIFT8:
  case VFORM_SHUFFLE:
  case VFORM_TRUNC32U:
  case VFORM_TRUNC64: return true;
  default: return false;
  }
}

static bool vector_is_plain(VForm form)
{
  return form >= VFORM_BIN && form <= VFORM_UNI;
}

static bool vector_is_shift(VForm form)
{
  return form == VFORM_SHIFT || form == VFORM_SARQ || form == VFORM_SHIFT8;
}

static void constrain_vector(const Ins *ins, Constraint *c)
{
  const VecRow *row = isel_vec(ins);
  VForm form = (VForm)row->form;
  bool shuffles = form == VFORM_SHUFFLE, two = ins->op != IR_VEC1;
  assert(form != VFORM_NONE);
  shape(c, USE_REG, two ? USE_REG : USE_NONE, USE_REG);
  if (ins->op == IR_VEC3) c->use[2] = shuffles ? USE_KON : USE_REG;
  if (vector_is_shift(form) && ref_is_kon(ins->b)) c->use[1] = USE_KON;
  c->ntemps = vector_has_temp(form);
  c->temp_fpr[0] = true;
  bool free_dst = vector_is_plain(form) && (lw_cpu_features() & CPU_AVX || !two);
  if (form == VFORM_SHIFT && c->use[1] == USE_KON) free_dst = true;
  if (vector_is_plain(form) && !free_dst && !(row->extra & VEC_SWAP)) {
    c->dst_is_a = true;
    c->use_late[1] = true;
  } else if (!free_dst) {
    c->use_late[0] = c->use_late[1] = c->use_late[2] = true;
  }
}

void lw_target_constraint(const Selection *sel, uint32_t at, Constraint *c)
{
  const Func *f = sel->f;
  const Ins *ins = &f->ins[at];
  const Row *row = isel_row(ins);
  *c = (Constraint){0};
  switch ((Form)row->form) { /* dispatch */
  case FORM_NONE:
  case FORM_JUMP:
  case FORM_TRY:
  case FORM_FUEL:
  case FORM_TRAP: break;
  case FORM_POLL: shape(c, USE_ANY, USE_NONE, USE_NONE); break;
  case FORM_LANDING:
    c->dst = USE_FIXED;
    c->dst_reg = RAX;
    c->clobbers = lw_target.allocatable[0] | lw_target.allocatable[1];
    break;
  case FORM_ADD:
    shape(c, USE_REG, ins->aux ? USE_REG : kon_or(f, ins->b, USE_ANY), USE_REG);
    c->dst_is_a = isel_fused(ins, FUSE_LOAD);
    break;
  case FORM_SSE2:
  case FORM_ALU:
    shape(c, USE_REG, ins->aux ? USE_REG : kon_or(f, ins->b, USE_ANY), USE_REG);
    c->dst_is_a = !isel_fused(ins, FUSE_NOT) &&
                  !(ins->op == IR_SUB && row->form == FORM_ALU && c->use[1] == USE_KON &&
                    isel_negatable(ir_kon(f, ins->b)));
    break;
  case FORM_IMUL:
    shape(c, USE_REG, ins->aux ? USE_REG : kon_or(f, ins->b, USE_ANY), USE_REG);
    c->dst_is_a = c->use[1] != USE_KON;
    if (!c->dst_is_a) c->use[0] = USE_ANY;
    break;
  case FORM_DIV: constrain_divide(row, c); break;
  case FORM_MULH:
    constrain_divide(row, c);
    c->dst_reg = RDX;
    break;
  case FORM_SHIFT: constrain_shift(f, ins, row, c); break;
  case FORM_COUNT:
    shape(c, USE_ANY, USE_NONE, USE_REG);
    c->ntemps = (lw_cpu_features() & row->extra) == 0;
    c->use_late[0] = c->ntemps > 0;
    break;
  case FORM_MOVX:
  case FORM_SSE1:
  case FORM_ROUND:
  case FORM_BITCAST: shape(c, USE_ANY, USE_NONE, USE_REG); break;
  case FORM_CMP:
  case FORM_EQZ:
  case FORM_FCMP: constrain_compare(sel, at, row, c); break;
  case FORM_MINMAX:
  case FORM_COPYSIGN:
    shape(c, USE_REG, USE_REG, USE_REG);
    c->dst_is_a = c->use_late[1] = true;
    break;
  case FORM_SIGN:
    shape(c, USE_REG, USE_NONE, USE_REG);
    c->dst_is_a = true;
    break;
  case FORM_TRUNC:
  case FORM_TABLE_GET: shape(c, USE_REG, USE_NONE, USE_REG); break;
  case FORM_CONVERT:
    shape(c, row->extra & CONVERT_SIGNED ? USE_ANY : USE_REG, USE_NONE, USE_REG);
    break;
  case FORM_SELECT:
    shape(c, USE_REG, USE_ANY, USE_REG);
    c->dst_is_a = true;
    c->use[2] = condition(sel, ins->c, USE_REG);
    break;
  case FORM_VECTOR: constrain_vector(ins, c); break;
  case FORM_LANE:
    if (ins->op == IR_STORE_LANE) {
      shape(c, USE_REG, USE_REG, USE_NONE);
    } else {
      shape(c, USE_REG, USE_REG, USE_REG);
      c->use_late[0] = true;
    }
    break;
  case FORM_FENCE: break;
  case FORM_ATOMIC_CHECK: shape(c, USE_REG, USE_NONE, USE_NONE); break;
  case FORM_ATOMIC_LOAD: shape(c, USE_REG, USE_NONE, USE_REG); break;
  case FORM_ATOMIC_STORE:
  case FORM_ATOMIC_RMW:
  case FORM_ATOMIC_CAS: constrain_atomic(ins, c); break;
  case FORM_LOAD:
    shape(c, lw_isel_kon_address(sel, ins) ? USE_KON : USE_REG, USE_NONE, USE_REG);
    break;
  case FORM_STORE:
    shape(c, lw_isel_kon_address(sel, ins) ? USE_KON : USE_REG, stored(f, ins->b),
          USE_NONE);
    break;
  case FORM_OBJ_LOAD:
  case FORM_REF_TEST: shape(c, USE_REG, USE_NONE, USE_REG); break;
  case FORM_OBJ_STORE: shape(c, USE_REG, stored(f, ins->b), USE_NONE); break;
  case FORM_ELEM_LOAD: shape(c, USE_REG, USE_REG, USE_REG); break;
  case FORM_ELEM_STORE:
    shape(c, USE_REG, USE_REG, USE_NONE);
    c->use[2] = USE_REG;
    break;
  case FORM_CHECK_INDEX: shape(c, USE_REG, USE_ANY, USE_NONE); break;
  case FORM_SET: shape(c, USE_NONE, stored(f, ins->b), USE_NONE); break;
  case FORM_TABLE_SET: shape(c, USE_REG, USE_REG, USE_NONE); break;
  case FORM_CHECK_NULL:
  case FORM_CHECK_SIG: shape(c, USE_REG, USE_NONE, USE_NONE); break;
  case FORM_BRIF: shape(c, condition(sel, ins->a, USE_ANY), USE_NONE, USE_NONE); break;
  case FORM_BRTABLE:
    shape(c, USE_REG, USE_NONE, USE_NONE);
    c->ntemps = 1;
    break;
  case FORM_GET:
  case FORM_SIZE:
  case FORM_FUNC_REF:
  case FORM_ARG:
  case FORM_RESULT: shape(c, USE_NONE, USE_NONE, USE_REG); break;
  case FORM_RETURN: shape(c, USE_NONE, USE_ARGS, USE_NONE); break;
  case FORM_TAIL:
    shape(c, ins->op == IR_TAIL_CELL ? USE_FIXED : USE_NONE, USE_ARGS, USE_NONE);
    c->use_reg[0] = R15;
    break;
  case FORM_HELPER:
  case FORM_CALL: constrain_call(f, ins, c); break;
  }
}

/*
** emit.c -- from allocated IR to bytes: one forward pass.
**
** Blocks in order, edits before the instruction they are for, short code for each form
** (the other emit_*.c files). Behind the code come the stubs that trap, the jump tables
** and the constants; everything refers to everything else relative to pc.
** Layer: jit.
*/
#include "jit/x64/emit.h"

#include <string.h>

#include "jit/layout.h"
#include "wasm/limits.h"

void *lw_emit_room(Emit *em, void *array, uint32_t *n, uint32_t *cap, size_t each)
{
  assert(array && *n == *cap && *cap > 0);
  void *grown = NULL;
  if (!em->e.failed)
    grown = lw_arena_grow(em->arena, array, each * *cap, each * *cap * 2);
  if (!grown) {
    em->e.failed = true;
    *n = 0;
    return array;
  }
  *cap *= 2;
  return grown;
}

void lw_emit_line(Emit *em)
{
  const LineEntry *last = em->nlines > 0 ? &em->lines[em->nlines - 1] : NULL;
  if (last && last->pc == em->e.size) {
    if (last->where == em->where) return;
    lw_enc_8(&em->e, 0x90); /* a return address is not also the pc of a trap */
  }
  assert(em->lines);
  EMIT_PUSH(em, lines, (LineEntry){em->e.size, em->where});
}

void lw_emit_trap_if(Emit *em, unsigned cc, TrapCode code)
{
  uint32_t at = lw_enc_jcc32(&em->e, cc);
  EMIT_PUSH(em, traps, (TrapStub){at, em->where, (uint8_t)code});
}

void lw_emit_trap(Emit *em, TrapCode code)
{
  lw_emit_line(em);
  lw_enc_ud2(&em->e);
  lw_enc_8(&em->e, code);
}

/* The stubs; neighbours with the same reason share one. */
static void emit_traps(Emit *em)
{
  uint32_t stub = 0;
  for (uint32_t i = 0; i < em->ntraps; i++) {
    const TrapStub *t = &em->traps[i];
    bool same = i > 0 && t[-1].code == t->code && t[-1].where == t->where;
    if (!same) {
      em->where = t->where;
      stub = em->e.size;
      lw_emit_trap(em, (TrapCode)t->code);
    }
    lw_enc_patch32(&em->e, t->at, stub);
  }
}

/*
** Fuel: what is straight on pays where it begins. Only who has not enough left jumps.
**   sub qword [r14 + VMCTX_FUEL], amount
**   js  1f                                  behind the function:
** 2:                                        1: mov  r11d, amount
**                                              call [r14 + VMCTX_LIMIT]
**                                              jmp  2b
** lw_stub_limit keeps all registers, so the allocator knows of no call.
*/
static void fuel(Emit *em, const Ins *ins)
{
  if (ins->a == 0) return;
  assert(ins->a <= INT32_MAX);
  lw_enc_alu_mi(&em->e, X_SUB, 1, mem_at(R14, VMCTX_FUEL), (int32_t)ins->a);
  uint32_t at = lw_enc_jcc32(&em->e, CC_S);
  EMIT_PUSH(em, fuels, (FuelStub){at, em->e.size, em->where, ins->a});
}

static void emit_fuels(Emit *em)
{
  for (uint32_t i = 0; i < em->nfuels; i++) {
    const FuelStub *f = &em->fuels[i];
    em->where = f->where;
    lw_enc_patch32(&em->e, f->at, em->e.size);
    lw_enc_mov_ri(&em->e, R11, f->amount);
    lw_enc_m(&em->e, X_CALL_M, 0, mem_at(R14, VMCTX_LIMIT));
    lw_emit_line(em);
    lw_enc_patch32(&em->e, lw_enc_jmp32(&em->e), f->back);
  }
}

const Kon *lw_emit_kon(const Emit *em, Loc l)
{
  assert(loc_is_kon(l) && l - LOC_KON0 < em->f->nkons);
  return ir_kon(em->f, l - LOC_KON0);
}

static void pool_operand(Emit *em, XOp op, int w, unsigned reg, uint32_t entry)
{
  lw_enc_rm(&em->e, op, w, reg, mem_rip(0));
  EMIT_PUSH(em, pool_uses, (PoolUse){em->e.size - 4, entry});
}

void lw_emit_pool_rm(Emit *em, XOp op, int w, unsigned reg, uint64_t bits, uint32_t size)
{
  enum {
    NEAR = 16
  }; /* constants of the compiler itself are few: look at the last ones */
  uint32_t first = em->npool > NEAR ? em->npool - NEAR : 0, entry = em->npool;
  for (uint32_t i = first; i < em->npool; i++)
    if (em->pool[i].bits == bits && em->pool[i].size == size) entry = i;
  if (entry == em->npool) EMIT_PUSH(em, pool, (PoolEntry){bits, 0, size, 0});
  pool_operand(em, op, w, reg, entry);
}

void lw_emit_wide_rm(Emit *em, XOp op, unsigned reg, uint64_t bits, uint64_t high)
{
  enum { NEAR = 16 };
  uint32_t first = em->npool > NEAR ? em->npool - NEAR : 0, entry = em->npool;
  for (uint32_t i = first; i < em->npool; i++) {
    const PoolEntry *p = &em->pool[i];
    if (p->bits == bits && p->high == high && p->size == 16) entry = i;
  }
  if (entry == em->npool) EMIT_PUSH(em, pool, (PoolEntry){bits, high, 16, 0});
  pool_operand(em, op, 0, reg, entry);
}

static void kon_operand(Emit *em, XOp op, int w, unsigned reg, Loc l)
{
  const Kon *k = lw_emit_kon(em, l);
  assert(lw_val_is_float(k->type) && "integers are immediates");
  uint32_t *entry = &em->kon_entry[l - LOC_KON0];
  if (*entry == 0 || em->e.failed) {
    EMIT_PUSH(em, pool, (PoolEntry){k->bits, 0, k->type == VAL_F32 ? 4 : 8, 0});
    *entry = em->npool;
  }
  pool_operand(em, op, w, reg, *entry - 1);
}

void lw_emit_op(Emit *em, XOp op, int w, unsigned reg, Loc operand)
{
  if (loc_is_reg(operand))
    lw_enc_rr(&em->e, op, w, reg, operand);
  else if (loc_is_slot(operand))
    lw_enc_rm(&em->e, op, w, reg, emit_slot(em, operand));
  else
    kon_operand(em, op, w, reg, operand);
}

static void align(Emit *em, uint32_t to, unsigned filler)
{
  while (em->e.size & (to - 1))
    lw_enc_8(&em->e, filler);
}

static void emit_pool(Emit *em)
{
  if (em->npool == 0 || em->e.failed) return;
  align(em, 8, 0xcc); /* nothing reads 16 aligned bytes */
  for (uint32_t size = 16; size >= 4; size /= 2)
    for (uint32_t i = 0; i < em->npool; i++) {
      PoolEntry *p = &em->pool[i];
      if (p->size != size) continue;
      p->at = em->e.size;
      if (size >= 8) lw_enc_64(&em->e, p->bits);
      if (size == 16) lw_enc_64(&em->e, p->high);
      if (size == 4) lw_enc_32(&em->e, (uint32_t)p->bits);
    }
  for (uint32_t i = 0; i < em->npool_uses && !em->e.failed; i++)
    lw_enc_patch32(&em->e, em->pool_uses[i].at, em->pool[em->pool_uses[i].entry].at);
}

static void emit_ins_form(Emit *em, const Ins *ins)
{
  const Alloc *a = emit_alloc(em);
  const Row *row = isel_row(ins);
  switch ((Form)row->form) { /* dispatch */
  case FORM_NONE: assert(ins->op == IR_PARAM); break;
  case FORM_ADD:
  case FORM_ALU:
  case FORM_IMUL:
  case FORM_DIV:
  case FORM_MULH:
  case FORM_SHIFT:
  case FORM_COUNT:
  case FORM_MOVX: lw_emit_int(em, ins, a, row); break;
  case FORM_SSE2:
  case FORM_SSE1:
  case FORM_MINMAX:
  case FORM_COPYSIGN:
  case FORM_SIGN:
  case FORM_ROUND: lw_emit_float(em, ins, a, row); break;
  case FORM_CMP:
  case FORM_EQZ:
  case FORM_FCMP: lw_emit_compare(em, ins, a, row); break;
  case FORM_TRUNC: lw_emit_trunc(em, ins, a, row); break;
  case FORM_CONVERT:
  case FORM_BITCAST: lw_emit_convert(em, ins, a, row); break;
  case FORM_SELECT: lw_emit_select(em, ins, a); break;
  case FORM_VECTOR: lw_emit_vector(em, ins, a); break;
  case FORM_LANE: lw_emit_lane_access(em, ins, a); break;
  case FORM_ATOMIC_CHECK:
  case FORM_ATOMIC_STORE:
  case FORM_ATOMIC_RMW:
  case FORM_ATOMIC_CAS:
  case FORM_FENCE: lw_emit_atomic(em, ins, a); break;
  case FORM_ATOMIC_LOAD: /* what x86 loads is in order */
  case FORM_LOAD: lw_emit_load(em, ins, a); break;
  case FORM_STORE: lw_emit_store(em, ins, a); break;
  case FORM_OBJ_LOAD:
  case FORM_OBJ_STORE:
  case FORM_ELEM_LOAD:
  case FORM_ELEM_STORE:
  case FORM_CHECK_INDEX:
  case FORM_REF_TEST: lw_emit_object(em, ins, a, row); break;
  case FORM_GET:
  case FORM_SET:
  case FORM_SIZE:
  case FORM_TABLE_GET:
  case FORM_TABLE_SET:
  case FORM_FUNC_REF:
  case FORM_CHECK_NULL:
  case FORM_CHECK_SIG:
  case FORM_POLL: lw_emit_state(em, ins, a, row); break;
  case FORM_FUEL: fuel(em, ins); break;
  case FORM_HELPER: lw_emit_helper(em, ins); break;
  case FORM_CALL: lw_emit_call(em, ins); break;
  case FORM_TAIL: lw_emit_tail(em, ins); break;
  case FORM_TRY: lw_emit_try(em, ins); break;
  case FORM_LANDING: break; /* it came in its register */
  case FORM_ARG: lw_emit_arg(em, ins, a); break;
  case FORM_RESULT: lw_emit_result(em, ins, a); break;
  case FORM_JUMP: lw_emit_jump(em, ins); break;
  case FORM_BRIF: lw_emit_brif(em, ins, a); break;
  case FORM_BRTABLE: lw_emit_brtable(em, ins, a); break;
  case FORM_RETURN: lw_emit_return(em); break;
  case FORM_TRAP: lw_emit_trap(em, (TrapCode)ins->a); break;
  }
}

static void emit_edits(Emit *em, uint32_t before)
{
  const Allocation *al = em->alloc;
  for (; em->edit < al->nedits && al->edits[em->edit].before <= before; em->edit++)
    lw_emit_move(em, &al->edits[em->edit]);
}

static void emit_block(Emit *em, uint32_t n, uint32_t *ins_at)
{
  const Block *b = &em->f->blocks[n];
  em->block_at[n] = em->e.size;
  em->zero_of = UNPLACED;
  em->next_block = n + 1;
  while (em->next_block < em->f->nblocks && !em->f->blocks[em->next_block].reachable)
    em->next_block++;
  for (uint32_t i = b->first; i < b->end; i++) {
    em->ins = i;
    if (ins_at) ins_at[i] = em->e.size;
    if ((em->sel->live->flags[i] & LIVE_NEEDED) == 0) continue;
    em->where = em->f->where[i];
    emit_edits(em, i);
    uint32_t zero_of = em->zero_of;
    emit_ins_form(em, emit_ins(em));
    if (em->zero_of == zero_of) em->zero_of = UNPLACED;
  }
}

static Status begin(Emit *em, const Selection *sel, const Allocation *alloc,
                    Arena *scratch, Err *err)
{
  const Func *f = sel->f;
  *em = (Emit){.f = f,
               .sel = sel,
               .alloc = alloc,
               .arena = scratch,
               .fixups_cap = 64,
               .traps_cap = 64,
               .fuels_cap = 16,
               .aways_cap = 16,
               .pool_uses_cap = 32,
               .pool_cap = 32,
               .tables_cap = 4,
               .lines_cap = 64,
               .landings_cap = 16,
               .calls_cap = 16};
  bool ok = lw_enc_begin(&em->e, scratch, f->nins * 8 + 64);
  em->block_at = ARENA_RAW(scratch, uint32_t, f->nblocks);
  em->edge_at = ARENA_RAW(scratch, uint32_t, f->nedges + 1);
  em->params = ARENA_RAW(scratch, AbiLoc, LIMIT_PARAMS);
  em->results = ARENA_RAW(scratch, AbiLoc, LIMIT_RESULTS);
  em->fixups = ARENA_RAW(scratch, Fixup, em->fixups_cap);
  em->traps = ARENA_RAW(scratch, TrapStub, em->traps_cap);
  em->fuels = ARENA_RAW(scratch, FuelStub, em->fuels_cap);
  em->aways = ARENA_RAW(scratch, AwayStub, em->aways_cap);
  em->pool_uses = ARENA_RAW(scratch, PoolUse, em->pool_uses_cap);
  em->pool = ARENA_RAW(scratch, PoolEntry, em->pool_cap);
  em->kon_entry = ARENA_RAW(scratch, uint32_t, f->nkons + 1);
  em->tables = ARENA_RAW(scratch, JumpTable, em->tables_cap);
  em->lines = ARENA_RAW(scratch, LineEntry, em->lines_cap);
  em->calls = ARENA_RAW(scratch, CallSite, em->calls_cap);
  em->landings = ARENA_RAW(scratch, Landing, em->landings_cap);
  if (!ok || !em->block_at || !em->edge_at || !em->params || !em->results ||
      !em->fixups || !em->traps || !em->fuels || !em->aways || !em->pool_uses ||
      !em->pool || !em->kon_entry || !em->tables || !em->lines || !em->calls ||
      !em->landings)
    return lw_nomem(err, "machine code");
  return LW_OK;
}

/* To the first byte, with all the room that there was. */
static void rewind_all(Emit *em)
{
  const Func *f = em->f;
  em->e.size = em->edit = 0;
  em->nfixups = em->ntraps = em->nfuels = em->npool_uses = em->npool = em->ntables = 0;
  em->nlandings = em->nlines = em->ncalls = em->naways = 0;
  memset(em->block_at, 0xff, sizeof *em->block_at * f->nblocks);
  memset(em->edge_at, 0xff, sizeof *em->edge_at * (f->nedges + 1));
  memset(em->kon_entry, 0, sizeof *em->kon_entry * (f->nkons + 1));
}

/* Inlined instructions get one entry for each call around them, outermost first. */
static Status expand_lines(const Emit *em, FuncCode *out, Err *err)
{
  const Func *f = em->f;
  out->lines = em->lines;
  out->nlines = em->nlines;
  if (f->ninlined == 0) return LW_OK;
  LineEntry *lines = ARENA_RAW(em->arena, LineEntry, (size_t)em->nlines * PLACES);
  if (!lines) return lw_nomem(err, "machine code");
  uint32_t n = 0;
  for (uint32_t i = 0; i < em->nlines; i++) {
    uint32_t at[PLACES], depth = 0, where = em->lines[i].where;
    do {
      assert(depth < PLACES);
      at[depth++] = lw_ir_offset(f, where, &where);
    } while (where);
    for (uint32_t bit = 0; depth > 0; bit = LINE_INLINED)
      lines[n++] = (LineEntry){em->lines[i].pc, at[--depth] | bit};
  }
  out->lines = lines;
  out->nlines = n;
  return LW_OK;
}

/* All but what waits for places. */
static void emit_body(Emit *em, FuncCode *out)
{
  const Func *f = em->f;
  rewind_all(em);
  em->where = f->module->funcs[f->index].body.at;
  lw_emit_line(em);
  lw_emit_prologue(em);
  for (uint32_t n = 0; n < f->nblocks; n++)
    if (f->blocks[n].reachable) emit_block(em, n, out->ins_at);
  assert(em->edit == em->alloc->nedits);
  if (out->ins_at) out->ins_at[f->nins] = em->e.size;
  emit_traps(em);
  emit_fuels(em);
  lw_emit_aways(em);
  lw_emit_landings(em);
}

/* Again with far blocks that were taken for near; a third time with all of them far. */
static Status emit_what_reaches(Emit *em, FuncCode *out, Err *err)
{
  uint32_t n = em->f->nblocks;
  emit_body(em, out);
  if (lw_emit_reaches(em, NULL)) return LW_OK;
  bool *is_far = ARENA_ARR(em->arena, bool, n);
  if (!is_far) return lw_nomem(err, "machine code");
  em->is_far = is_far;
  lw_emit_reaches(em, is_far);
  emit_body(em, out);
  if (lw_emit_reaches(em, NULL)) return LW_OK;
  memset(is_far, true, n * sizeof *is_far);
  emit_body(em, out);
  return LW_OK;
}

/*
** Does nothing need the frame? Who walks the stack begins at a trap or behind a call, and
** both have a line; here the entry's is the only one.
*/
static bool needs_no_frame(const Emit *em)
{
  return em->nlines == 1 && em->frame_bytes == 0 && em->abi.nstack_params == 0;
}

static Status emit_all(Emit *em, FuncCode *out, Err *err)
{
  TRY(emit_what_reaches(em, out, err));
  em->frameless = needs_no_frame(em);
  if (em->frameless) emit_body(em, out); /* shorter: what reached still does */
  return LW_OK;
}

Status lw_emit(const Selection *sel, const Allocation *alloc, Arena *scratch,
               FuncCode *out, Err *err)
{
  const Func *f = sel->f;
  Emit em;
  *out = (FuncCode){0};
  if (sel->opts.listing) {
    out->ins_at = ARENA_ARR(scratch, uint32_t, f->nins + 1);
    if (!out->ins_at) return lw_nomem(err, "listing");
  }
  TRY(begin(&em, sel, alloc, scratch, err));
  TRY(emit_all(&em, out, err));
  lw_emit_resolve(&em);
  emit_pool(&em);
  if (em.e.failed) return lw_nomem(err, "machine code");
  out->text = em.e.buf;
  out->size = em.e.size;
  TRY(expand_lines(&em, out, err));
  out->calls = em.calls;
  out->ncalls = em.ncalls;
  out->frame_bytes = em.frame_bytes;
  out->saves_ctx = sel->cell_call;
  return LW_OK;
}

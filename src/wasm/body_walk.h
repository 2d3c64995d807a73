/*
** body_walk.h -- part of the template body.h: from the first local to the last `end`.
**
** body_begin reads the locals, body_walk the operators. Most operators are numeric and
** need no code of their own: their row in ops.def has the signature.
** Layer: wasm.
*/
#ifndef LW_BODY_WALK_H
#define LW_BODY_WALK_H

#include "wasm/body_atomic.h"
#include "wasm/body_ctl.h"
#include "wasm/body_gc.h"
#include "wasm/body_mem.h"
#include "wasm/body_simd.h"
#include "wasm/body_try.h"

/* The types of `count` declared locals, a second look at groups already skimmed. */
static Status body_read_locals(Body *b, ValType *into, uint64_t count)
{
  uint32_t groups;
  uint64_t at = 0;
  TRY(lw_leb_u32(&b->r, &groups));
  for (uint32_t i = 0; i < groups; i++) {
    uint32_t n;
    ValType type;
    TRY(lw_leb_u32(&b->r, &n));
    TRY(lw_read_valtype(&b->r, b->module->features, &type));
    TRY(lw_type_known(b->module, type, b->op_at, b->err));
    assert(n <= count - at);
    for (uint32_t k = 0; k < n; k++)
      into[at++] = type;
  }
  assert(at == count);
  (void)count;
  return LW_OK;
}

/* Note the declared locals that have no default value. */
static Status body_no_defaults(Body *b)
{
  uint32_t n = 0;
  for (uint32_t i = b->type->nparams; i < b->nlocals; i++)
    n += lw_val_is_ref(b->locals[i]) && !(b->locals[i] & VAL_NULLABLE);
  if (n == 0) return LW_OK;
  b->unset = ARENA_ARR(b->arena, uint8_t, b->nlocals);
  b->set = ARENA_RAW(b->arena, uint32_t, n);
  if (!b->unset || !b->set) return lw_nomem(b->err, "locals");
  for (uint32_t i = b->type->nparams; i < b->nlocals; i++)
    b->unset[i] = lw_val_is_ref(b->locals[i]) && !(b->locals[i] & VAL_NULLABLE);
  return LW_OK;
}

static Status body_locals(Body *b)
{
  uint32_t nparams = b->type->nparams;
  uint64_t declared;
  Reader ahead = b->r;
  b->op_at = (uint32_t)lw_reader_at(&b->r);
  TRY(lw_skim_locals(&ahead, b->module->features, &declared));
  uint64_t count = declared + nparams;
  if (count > LIMIT_LOCALS)
    return lw_fail(b->err, LW_LIMIT, b->op_at, "too many locals: %llu, the limit is %d",
                   (unsigned long long)count, LIMIT_LOCALS);
  b->nlocals = (uint32_t)count;
  b->locals = ARENA_RAW(b->arena, ValType, b->nlocals + 1);
  if (!b->locals) return lw_nomem(b->err, "locals");
  if (nparams) memcpy(b->locals, b->type->params, nparams * sizeof *b->locals);
  TRY(body_read_locals(b, b->locals + nparams, declared));
  return body_no_defaults(b);
}

/* Prepare a walk of `func`, a function with a body: reads its locals. */
static Status body_begin_in(Body *b, const BodyRoom *room, const Module *m, uint32_t func,
                            Arena *arena, Err *err)
{
  assert(func >= m->nfuncs_imported && func < m->nfuncs);
  Span span = m->funcs[func].body;
  *b = (Body){.module = m, .func = func, .err = err, .arena = arena};
  b->matches_max = UINT64_MAX;
  b->stack = room->stack;
  b->stack_cap = room->stack_cap;
  b->ctls = room->ctls;
  b->ctls_cap = room->ctls_cap;
  b->type = lw_module_functype(m, func);
  b->r = lw_reader(m->bytes, span.at, span.size, err);
  TRY(body_locals(b));
  b->op_at = (uint32_t)lw_reader_at(&b->r);
  TRY(body_stack_room(b, STACK_ROOM));
  Ctl self = {.op = OP_BLOCK, .results = b->type->results, .nresults = b->type->nresults};
  b->live = true;
  return body_ctl_push(b, &self);
}

static inline Status body_begin(Body *b, const Module *m, uint32_t func, Arena *arena,
                                Err *err)
{
  return body_begin_in(b, &(BodyRoom){0}, m, func, arena, err);
}

static inline Status body_const(Body *b, uint64_t bits, ValType type)
{
  if (b->live) TRY(hook_const(b, b->op, bits, b->nstack));
  body_push(b, type);
  return LW_OK;
}

static inline Status body_i32_const(Body *b)
{
  int32_t v;
  TRY(lw_leb_s32(&b->r, &v));
  return body_const(b, (uint32_t)v, VAL_I32);
}

static inline Status body_i64_const(Body *b)
{
  int64_t v;
  TRY(lw_leb_s64(&b->r, &v));
  return body_const(b, (uint64_t)v, VAL_I64);
}

static Status body_float_const(Body *b)
{
  bool is64 = b->op == OP_F64_CONST;
  uint64_t bits;
  TRY(lw_read_fixed(&b->r, is64 ? 8 : 4, &bits));
  return body_const(b, bits, is64 ? VAL_F64 : VAL_F32);
}

static inline Status body_local_get(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->nlocals, "local", &x));
  if (b->unset && b->unset[x])
    return lw_fail(b->err, LW_INVALID, b->op_at, "uninitialized local %u", x);
  if (b->live) TRY(hook_local_get(b, x, b->nstack));
  body_push(b, b->locals[x]);
  return LW_OK;
}

static inline void body_note_set(Body *b, uint32_t x)
{
  if (!b->unset || !b->unset[x]) return;
  b->unset[x] = 0;
  b->set[b->nset++] = x;
}

static inline Status body_local_set(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->nlocals, "local", &x));
  TRY(body_pop(b, b->locals[x]));
  body_note_set(b, x);
  return b->live ? hook_local_set(b, x, b->nstack) : LW_OK;
}

static inline Status body_local_tee(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->nlocals, "local", &x));
  TRY(body_pop(b, b->locals[x]));
  body_note_set(b, x);
  if (b->live) TRY(hook_local_tee(b, x, b->nstack));
  body_push(b, b->locals[x]);
  return LW_OK;
}

static Status body_drop(Body *b)
{
  ValType type;
  TRY(body_pop_any(b, &type));
  return b->live ? hook_drop(b, b->nstack) : LW_OK;
}

static Status body_select(Body *b)
{
  ValType t1, t2;
  TRY(body_pop(b, VAL_I32));
  TRY(body_pop_any(b, &t2));
  TRY(body_pop_any(b, &t1));
  if (lw_val_is_ref(t1) || lw_val_is_ref(t2))
    return lw_bad_type(OP_SELECT, "references need select with a type", b->op_at, b->err);
  if (t1 != t2 && t1 != VAL_NONE && t2 != VAL_NONE)
    return lw_bad_operand(OP_SELECT, t1, t2, b->op_at, b->err);
  ValType type = t1 == VAL_NONE ? t2 : t1;
  if (b->live) TRY(hook_select(b, type, b->nstack));
  body_push(b, type);
  return LW_OK;
}

static Status body_select_typed(Body *b)
{
  uint32_t n, cap;
  ValType type = VAL_NONE;
  TRY(lw_read_count(&b->r, "types of select", LIMIT_RESULTS, 1, &n, &cap));
  for (uint32_t i = 0; i < n; i++)
    TRY(lw_read_valtype(&b->r, b->module->features, &type));
  if (n != 1) return lw_fail(b->err, LW_INVALID, b->op_at, "invalid result arity %u", n);
  TRY(lw_type_known(b->module, type, b->op_at, b->err));
  TRY(body_pop3(b, type, type, VAL_I32));
  if (b->live) TRY(hook_select(b, type, b->nstack));
  body_push(b, type);
  return LW_OK;
}

static Status body_unreachable(Body *b)
{
  if (b->live) TRY(hook_unreachable(b));
  body_dead(b);
  return LW_OK;
}

/* ---- operators that are a signature and nothing else ---- */

static inline const SigInfo *body_sig(const Body *b)
{
  assert(lw_op_info[b->op].imm == IMM_NONE && lw_op_info[b->op].sig != SIG_CODE);
  return &lw_sig_info[lw_op_info[b->op].sig];
}

/* Any signature: pops and pushes one by one. */
static Status body_by_sig(Body *b, const SigInfo *sig)
{
  for (unsigned i = sig->npop; i > 0; i--)
    TRY(body_pop(b, sig->pop[i - 1]));
  if (b->live) TRY(hook_op(b, b->op, b->nstack));
  for (unsigned i = 0; i < sig->npush; i++)
    body_push(b, sig->push[i]);
  return LW_OK;
}

static inline Status body_unary(Body *b)
{
  const SigInfo *sig = body_sig(b);
  TRY(body_pop(b, sig->pop[0]));
  if (b->live) TRY(hook_op(b, b->op, b->nstack));
  body_push(b, sig->push[0]);
  return LW_OK;
}

/* Two operands of one type. */
static inline Status body_binary(Body *b)
{
  const SigInfo *sig = body_sig(b);
  ValType want = sig->pop[0];
  const ValType *top = b->stack + b->nstack;
  if (b->nstack - b->floor < 2 || top[-1] != want || top[-2] != want)
    return body_by_sig(b, sig);
  b->nstack -= 2;
  if (b->live) TRY(hook_op(b, b->op, b->nstack));
  body_push(b, sig->push[0]);
  return LW_OK;
}

/* ---- dispatch ----
**
** The switch has a case for each kind of operator, not for each operator: a table maps
** every Opcode to the one whose case serves it. The table is dense where it matters, so
** compilers make one indirect jump of the switch; a switch over all Opcodes became a tree
** of comparisons and cost 1.8 times as much in all.
*/
enum {
  CASE_LATER = 0x80, /* added where a proposal must be there first */
  CASE_LOAD = OP_I32_LOAD,
  CASE_STORE = OP_I32_STORE,
  CASE_MEMORY = OP_MEMORY_SIZE,
  CASE_TABLE = OP_TABLE_GET,
  CASE_FLOAT = OP_F32_CONST,
  CASE_UNARY = OP_I32_EQZ,
  CASE_BINARY,
  CASE_SIG,
  CASE_REF, /* ref.null to br_on_non_null */
  CASE_ATOMIC,
  CASE_SIMD, /* vector operators with immediates */
  CASE_GC,   /* all with the prefix 0xfb */
  CASE_NONE, /* of no proposal here: no such row */
  CASE__MAX,
};
_Static_assert(CASE__MAX < CASE_LATER && (int)OP_F64_CONST < (int)CASE_UNARY,
               "cases of their own do not collide with Opcodes that are cases");

enum { /* what the table wants to know about a signature */
#define SIG(name, npop, a, b, c, d, npush, e, f)                                         \
  SIG_IS_UNARY_##name = (npop) == 1 && (npush) == 1,                                     \
  SIG_IS_BINARY_##name = (npop) == 2 && (npush) == 1 && (int)VAL_##a == (int)VAL_##b,    \
  SIG_IS_OTHER_##name = 1, SIG_STORES_##name = (npush) == 0,
#define VAL_ADDR SIG_ADDR
#include "wasm/sigs.def"
#undef VAL_ADDR
       SIG_IS_UNARY_CODE = 0,
       SIG_IS_BINARY_CODE = 0,
       SIG_IS_OTHER_CODE = 0,
       SIG_STORES_CODE = 0,
};

/* clang-format off */
#define CASE_OF(op, imm, sig)                                                            \
  ((op) >= OP_MEMORY_ATOMIC_NOTIFY            ? CASE_ATOMIC                              \
   : (imm) >= IMM_M0 && (imm) <= IMM_M4       ? SIG_STORES_##sig ? CASE_STORE : CASE_LOAD\
   : (imm) == IMM_NONE && SIG_IS_UNARY_##sig  ? CASE_UNARY                               \
   : (imm) == IMM_NONE && SIG_IS_BINARY_##sig ? CASE_BINARY                              \
   : (imm) == IMM_NONE && SIG_IS_OTHER_##sig  ? CASE_SIG                                 \
   : (imm) == IMM_V128 || (imm) == IMM_LANES16 || (imm) == IMM_LANE                      \
                       || ((imm) >= IMM_L0 && (imm) <= IMM_L3) ? CASE_SIMD               \
   : (imm) == IMM_F32  || (imm) == IMM_F64    ? CASE_FLOAT                               \
   : (imm) == IMM_TABLE || (imm) == IMM_TABLE_INIT || (imm) == IMM_TABLE_COPY            \
                        || (imm) == IMM_ELEM  ? CASE_TABLE                               \
   : (imm) == IMM_MEM || (imm) == IMM_MEM_INIT || (imm) == IMM_MEM_COPY                  \
                      || (imm) == IMM_DATA    ? CASE_MEMORY                              \
   : (op) < CASE_UNARY                        ? (op)                                     \
   : (op) >= OP_REF_NULL && (op) <= OP_BR_ON_NON_NULL ? CASE_REF                         \
   : (op) >= OP_STRUCT_NEW && (op) <= OP_I31_GET_U ? CASE_GC : CASE_NONE)
/* clang-format on */

static const uint8_t body_case[OP__MAX] = {
#define OP(name, code, text, imm, sig, feat)                                             \
  [OP_##name] = CASE_OF((int)OP_##name, (int)IMM_##imm, sig) |                           \
                (FEAT_##feat == FEAT_MVP ? 0 : CASE_LATER),
#include "wasm/ops.def"
};

static inline Status body_op(Body *b, unsigned which) /* dispatch */
{
  switch (which) {
  case OP_UNREACHABLE: return body_unreachable(b);
  case OP_NOP: return LW_OK;
  case OP_BLOCK:
  case OP_LOOP:
  case OP_IF: return body_enter(b, b->op);
  case OP_ELSE: return body_else(b);
  case OP_END: return body_end(b);
  case OP_BR: return body_br(b);
  case OP_BR_IF: return body_br_if(b);
  case OP_BR_TABLE: return body_br_table(b);
  case OP_RETURN: return body_return(b);
  case OP_CALL: return body_call(b);
  case OP_CALL_INDIRECT: return body_call_indirect(b);
  case OP_TRY_TABLE: return body_try_table(b);
  case OP_THROW: return body_throw(b);
  case OP_THROW_REF: return body_throw_ref(b);
  case OP_TRY: return body_legacy_try(b);
  case OP_CATCH:
  case OP_CATCH_ALL: return body_legacy_catch(b);
  case OP_DELEGATE: return body_delegate(b);
  case OP_RETHROW: return body_rethrow(b);
  case OP_CALL_REF: return body_call_ref(b);
  case OP_RETURN_CALL: return body_return_call(b);
  case OP_RETURN_CALL_INDIRECT: return body_return_call_indirect(b);
  case OP_RETURN_CALL_REF: return body_return_call_ref(b);
  case OP_DROP: return body_drop(b);
  case OP_SELECT: return body_select(b);
  case OP_SELECT_T: return body_select_typed(b);
  case OP_LOCAL_GET: return body_local_get(b);
  case OP_LOCAL_SET: return body_local_set(b);
  case OP_LOCAL_TEE: return body_local_tee(b);
  case OP_GLOBAL_GET: return body_global_get(b);
  case OP_GLOBAL_SET: return body_global_set(b);
  case OP_I32_CONST: return body_i32_const(b);
  case OP_I64_CONST: return body_i64_const(b);
  case CASE_FLOAT: return body_float_const(b);
  case CASE_LOAD: return body_load(b);
  case CASE_STORE: return body_store(b);
  case CASE_TABLE: return body_table_op(b);
  case CASE_MEMORY: return body_memory_op(b);
  case CASE_UNARY: return body_unary(b);
  case CASE_BINARY: return body_binary(b);
  case CASE_SIG: return body_by_sig(b, body_sig(b));
  case CASE_REF: return body_ref(b);
  case CASE_SIMD: return body_simd(b);
  case CASE_ATOMIC: return body_atomic(b);
  case CASE_GC: return body_gc(b);
  default: assert(!"an operator without a case"); return LW_OK;
  }
}

/* Read the operator's code into b->op; *which is its case. */
static inline Status body_read_op(Body *b, unsigned *which)
{
  unsigned slot = lw_op_slots[*b->r.pos];
  if (slot == 0) { /* prefixed, or nothing */
    TRY(lw_opcode_read(&b->r, b->module->features, &b->op));
    *which = body_case[b->op] & ~(unsigned)CASE_LATER;
    return LW_OK;
  }
  b->r.pos++;
  b->op = (Opcode)(slot - 1);
  *which = body_case[b->op];
  if (*which & CASE_LATER) {
    const OpInfo *info = &lw_op_info[b->op];
    TRY(
      lw_feat_need(b->module->features, (Feat)info->feat, info->text, b->op_at, b->err));
    *which &= ~(unsigned)CASE_LATER;
  }
  return LW_OK;
}

/* A new maximum, so more than STACK_ROOM is not sure any more. */
static Status body_deeper(Body *b)
{
  b->max_stack = b->nstack;
  return body_stack_room(b, STACK_ROOM);
}

enum { BYTE_LOCAL_GET = 0x20 };

/* Walk the operators. b->hook must be set. */
static Status body_walk(Body *b)
{
  TRY(hook_begin(b));
  while (b->nctls > 0) {
    unsigned which = 0;
    if (b->r.pos == b->r.end)
      return lw_bad_body_end(b->module, b->module->funcs[b->func].body, b->err);
    if (b->nstack > b->max_stack) TRY(body_deeper(b));
    b->noperators++;
    b->op_at = (uint32_t)lw_reader_at(&b->r);
    if (*b->r.pos == BYTE_LOCAL_GET) { /* every third one; saves 8 % of all the time */
      b->r.pos++;
      b->op = OP_LOCAL_GET;
      TRY(body_local_get(b));
      continue;
    }
    TRY(body_read_op(b, &which));
    TRY(body_op(b, which));
  }
  if (b->r.pos != b->r.end)
    return lw_reader_bad(&b->r,
                         "section size mismatch: bytes after the end of a function");
  return LW_OK;
}

#endif

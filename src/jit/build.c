/*
** build.c -- WebAssembly to IR: the hooks of the body template (wasm/body.h).
**
** The template decodes and checks types; each hook here turns one operator into
** instructions. A hook finds its operands in Builder.stack from `base` on and leaves its
** results there. Plain operators come from buildmap.def; labels are build_flow.c's.
** Where no block is open (after br, unreachable, or a frame nobody leaves) the template
** may still call: then `emit` and the control hooks do nothing, and operands are
** REF_NONE.
** Layer: jit.
*/
#include "jit/build.h"

#include <assert.h>
#include <string.h>

#include "jit/helper.h"
#include "jit/trap.h"

typedef Builder HookBody;
typedef Label HookCtl;
#include "wasm/body.h"

typedef struct OpMap {
  uint8_t ir, type;
  uint16_t aux;
} OpMap;

static const OpMap op_map[OP__MAX] = {
#define MAP(op, ir, type, aux) [OP_##op] = {IR_##ir, VAL_##type, aux},
#include "jit/buildmap.def"
};
_Static_assert(IR_PARAM == 0,
               "an operator without a row maps to PARAM, which asserts find");

/* ---- small steps ---- */

static inline void at_operator(Body *b)
{
  b->hook.where = b->op_at + b->hook.shift;
}

static inline Status emit(Body *b, Ins ins, Ref *out)
{
  if (b->hook.block == NO_BLOCK) {
    *out = REF_NONE;
    return LW_OK;
  }
  at_operator(b);
  return lw_build_ins(&b->hook, ins, out);
}

/* For instructions without a result. */
static inline Status emit_effect(Body *b, Ins ins)
{
  Ref ignored;
  return emit(b, ins, &ignored);
}

static inline Status constant(Body *b, uint8_t type, uint64_t bits, Ref *out)
{
  return lw_make_kon(b->hook.f, &b->hook.kons, type, bits, out, b->err);
}

static inline Ref *operands(Body *b, uint32_t base)
{
  assert(base <= b->hook.facts->max_stack);
  return b->hook.stack + base;
}

static inline bool dead(const Body *b)
{
  return b->hook.block == NO_BLOCK;
}

/* Copy n values into the pool; *run is where they are. */
static Status push_run(Body *b, const Ref *values, uint32_t n, uint32_t *run)
{
  Func *f = b->hook.f;
  TRY(lw_make_pool(f, n, b->err));
  *run = f->npool;
  memcpy(f->pool + f->npool, values, n * sizeof(Ref));
  f->npool += n;
  return LW_OK;
}

/* n values at `base` and the locals assigned in the frame. The function's own label
   carries results only: nothing reads a local behind it. */
static inline Carry carry(Body *b, const Ctl *c, uint32_t base, uint32_t n)
{
  Carry out = {.values = operands(b, base), .nvalues = n};
  if (c->frame == 0) return out;
  assert(c->frame < b->hook.facts->nframes);
  const FrameFacts *facts = &b->hook.facts->frames[c->frame];
  if (facts->count) out.locals = b->hook.facts->assigned + facts->first;
  out.nlocals = facts->count;
  return out;
}

static inline uint32_t label_arity(const Ctl *c)
{
  uint32_t n;
  body_label(c, &n);
  return n;
}

static inline bool in_slot(const Body *b, uint32_t local)
{
  return b->hook.facts->in_slot && b->hook.facts->in_slot[local];
}

/* The value becomes that of a local that lives in a slot. */
static Status set_slot(Body *b, uint32_t local, Ref value)
{
  uint8_t kind = (uint8_t)lw_val_kind(b->locals[local]);
  return emit_effect(b, (Ins){.op = IR_SLOT_SET, .type = kind, .a = local, .b = value});
}

/* ---- the function itself ---- */

static Status begin_inlined(Body *b);

/* Parameters are arguments, other locals zero. All arguments come before any store. */
static Status begin_locals(Body *b)
{
  Builder *h = &b->hook;
  Ref zeros[VAL_REF + 1];
  for (unsigned kind = VAL_NONE; kind <= VAL_REF; kind++)
    zeros[kind] = REF_NONE;
  for (uint32_t i = 0; i < b->nlocals; i++) {
    uint8_t kind = (uint8_t)lw_val_kind(b->locals[i]);
    assert(kind > VAL_NONE && kind <= VAL_REF);
    if (i < b->type->nparams) {
      TRY(emit(b, (Ins){.op = IR_ARG, .type = kind, .a = i}, &h->locals[i]));
      continue;
    }
    if (zeros[kind] == REF_NONE) TRY(constant(b, kind, 0, &zeros[kind]));
    h->locals[i] = zeros[kind];
  }
  return LW_OK;
}

/* The locals that live in slots, if there are any. */
static Status begin_slots(Body *b)
{
  Func *f = b->hook.f;
  if (!b->hook.facts->in_slot) return LW_OK;
  f->slot_types = ARENA_ARR(f->arena, uint8_t, b->nlocals + 1);
  if (!f->slot_types) return lw_nomem(b->err, "locals");
  f->nslots_local = b->nlocals;
  for (uint32_t i = 0; i < b->nlocals; i++) {
    if (!in_slot(b, i)) continue;
    f->slot_types[i] = (uint8_t)lw_val_kind(b->locals[i]);
    TRY(set_slot(b, i, b->hook.locals[i]));
  }
  return LW_OK;
}

static bool has_poll(const Body *b)
{
  return !NO_POLLS && (b->hook.facts->calls || b->hook.facts->loops);
}

static inline Status hook_begin(Body *b)
{
  assert(b->nlocals == b->hook.facts->nlocals && b->nctls == 1);
  b->ctls[0].hook = NO_LABEL;
  if (b->hook.inside) return begin_inlined(b);
  TRY(lw_flow_open(&b->hook));
  TRY(begin_locals(b));
  TRY(begin_slots(b));
  if (!has_poll(b)) return LW_OK;
  Ref *page = &b->hook.poll_page;
  TRY(emit(b, (Ins){.op = IR_POLL_PAGE, .type = VAL_I64}, page));
  /* Calls can take for ever without any loop: fib(90), or a chain of functions that each
     call the next one twice. */
  return b->hook.facts->calls ? emit_effect(b, (Ins){.op = IR_POLL, .a = *page}) : LW_OK;
}

/* Leave the function with the values at `base`. */
static Status leave(Body *b, uint32_t base)
{
  uint32_t run, n = b->type->nresults;
  if (dead(b)) return LW_OK;
  if (b->hook.inside) {
    Carry results = carry(b, &b->ctls[0], base, n);
    at_operator(b);
    return lw_flow_jump(&b->hook, &b->ctls[0].hook, &results);
  }
  TRY(push_run(b, operands(b, base), n, &run));
  TRY(emit_effect(b, (Ins){.op = IR_RETURN, .b = run, .c = n}));
  lw_flow_close(&b->hook);
  return LW_OK;
}

/* ---- control ---- */

static inline Status hook_unreachable(Body *b)
{
  if (dead(b)) return LW_OK;
  TRY(emit_effect(b, (Ins){.op = IR_TRAP, .a = TRAP_UNREACHABLE}));
  lw_flow_close(&b->hook);
  return LW_OK;
}

static inline Status hook_block(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  lw_flow_free(&b->hook);
  c->hook = NO_LABEL;
  return LW_OK;
}

enum { UNROLL_FREE = 1024 }; /* and half as many operators as the function has */

/* Should the body of loop `c`, which has just begun, be built more than once? What
   another copy saves is a poll, and a move for each local that goes round; what it costs
   is its size. Two or four, as trip counts are often a power of two. */
static Status begin_copies(Body *b, Ctl *c)
{
  enum { SIZE = 96, SIZE_PER_LOCAL = 8, MOST = 4, EFFORTS = 3 };
  static const uint8_t times[EFFORTS] = {0, 1, 3};
  const FrameFacts *facts = &b->hook.facts->frames[c->frame];
  if (b->hook.unroll < facts->operators || facts->operators == 0) return LW_OK;
  uint64_t size = SIZE + (uint64_t)SIZE_PER_LOCAL * facts->count;
  assert(b->hook.effort < EFFORTS);
  size *= times[b->hook.effort];
  uint32_t copies = (uint32_t)(size / facts->operators) & ~1u;
  if (copies > MOST) copies = MOST;
  while (copies > 1 && b->hook.unroll / facts->operators < copies - 1)
    copies /= 2;
  if (copies < 2) return LW_OK;
  b->hook.unroll -= (copies - 1) * facts->operators;
  Copies *k = ARENA_NEW(b->arena, Copies);
  if (!k) return lw_nomem(b->err, "a loop");
  *k = (Copies){NO_LABEL, c->hook.header, copies - 1};
  c->hook.copies = k;
  c->hook.header = NO_BLOCK;
  return LW_OK;
}

static inline Status hook_again(Body *b, Ctl *c, bool reachable, bool *again)
{
  Copies *k = c->hook.copies;
  if (!k || k->left == 0) return LW_OK;
  at_operator(b);
  lw_flow_free(&b->hook);
  if (reachable && !dead(b)) {
    Carry results = carry(b, c, c->height, c->nresults);
    TRY(lw_flow_jump(&b->hook, &k->out, &results));
  }
  k->left = c->hook.pending == NO_EDGE ? 0 : k->left - 1;
  if (c->hook.pending == NO_EDGE) return LW_OK; /* it is never repeated */
  Carry params = carry(b, c, c->height, c->nparams);
  TRY(lw_flow_join(&b->hook, &c->hook, &params));
  if (k->left == 0) c->hook.header = k->header;
  b->noperators -= b->hook.facts->frames[c->frame].operators;
  b->hook.paid = b->noperators;
  *again = true;
  return LW_OK;
}

/* The loop is over: here go on all that fell through a copy's end. */
static Status end_copies(Body *b, Ctl *c, bool reachable)
{
  Copies *k = c->hook.copies;
  if (!k || k->out.pending == NO_EDGE) return LW_OK;
  Carry results = carry(b, c, c->height, c->nresults);
  if (reachable && !dead(b)) TRY(lw_flow_jump(&b->hook, &k->out, &results));
  return lw_flow_join(&b->hook, &k->out, &results);
}

static inline Status hook_loop(Body *b, Ctl *c, uint32_t base)
{
  c->hook = NO_LABEL;
  if (dead(b)) return LW_OK;
  Carry params = carry(b, c, base, c->nparams);
  at_operator(b);
  lw_flow_free(&b->hook);
  TRY(lw_flow_loop(&b->hook, &c->hook, &params));
  return begin_copies(b, c);
}

static inline Status hook_if(Body *b, Ctl *c, uint32_t base)
{
  c->hook = NO_LABEL;
  if (dead(b)) return LW_OK;
  Carry params = carry(b, c, base, c->nparams);
  at_operator(b);
  return lw_flow_if(&b->hook, &c->hook, &params, operands(b, base)[c->nparams]);
}

static inline Status hook_else(Body *b, Ctl *c, bool reachable)
{
  at_operator(b);
  lw_flow_free(&b->hook);
  if (reachable && !dead(b)) {
    Carry results = carry(b, c, c->height, c->nresults);
    TRY(lw_flow_jump(&b->hook, &c->hook, &results));
  }
  b->hook.block = NO_BLOCK;
  Carry params = carry(b, c, c->height, c->nparams);
  return lw_flow_else(&b->hook, &c->hook, &params);
}

static Status end_try(Body *b, Ctl *c);

static inline Status hook_end(Body *b, Ctl *c, bool reachable)
{
  Builder *h = &b->hook;
  assert(reachable || dead(b)), (void)reachable;
  at_operator(b);
  lw_flow_free(h);
  if (c->op == OP_LOOP) {
    TRY(end_copies(b, c, reachable));
    return lw_flow_stretch(h); /* as where there are copies, whose ends meet here */
  }
  if (c->hook.catches) TRY(end_try(b, c));
  Carry results = carry(b, c, c->height, c->nresults);
  if (c->op == OP_IF) lw_flow_no_else(h, &c->hook);
  if (c->hook.pending != NO_EDGE) {
    if (!dead(b)) TRY(lw_flow_jump(h, &c->hook, &results));
    TRY(lw_flow_join(h, &c->hook, &results));
  }
  return c->frame == 0 && !h->inside ? leave(b, c->height) : LW_OK;
}

static inline Status hook_frame_dead(Body *b)
{
  (void)b;
  return LW_OK;
}

static inline Status hook_br(Body *b, Ctl *c, uint32_t base)
{
  if (dead(b)) return LW_OK;
  if (c->frame == 0) return leave(b, base);
  Carry values = carry(b, c, base, label_arity(c));
  at_operator(b);
  return lw_flow_jump(&b->hook, &c->hook, &values);
}

static inline Status hook_br_if(Body *b, Ctl *c, uint32_t base)
{
  if (dead(b)) return LW_OK;
  Carry values = carry(b, c, base, label_arity(c));
  at_operator(b);
  return lw_flow_branch_if(&b->hook, &c->hook, &values, values.values[values.nvalues]);
}

static inline Status hook_br_table(Body *b, const uint32_t *depths, uint32_t n,
                                   uint32_t base)
{
  if (dead(b)) return LW_OK;
  Builder *h = &b->hook;
  Ctl *last = &b->ctls[b->nctls - 1 - depths[n]];
  uint32_t arity = label_arity(last);
  Ref index = operands(b, base)[arity];
  if (n == 0) return hook_br(b, last, base);
  TRY(lw_make_pool(h->f, n + 1, b->err));
  uint32_t run = h->f->npool;
  h->f->npool += n + 1;
  h->stamp++;
  for (uint32_t i = 0; i <= n; i++) {
    assert(depths[i] < b->nctls);
    Ctl *c = &b->ctls[b->nctls - 1 - depths[i]];
    if (c->hook.stamp != h->stamp) {
      Carry values = carry(b, c, base, arity);
      TRY(lw_flow_edge(h, &c->hook, &values, &c->hook.table_edge));
      c->hook.stamp = h->stamp;
    }
    h->f->pool[run + i] = c->hook.table_edge;
  }
  TRY(emit_effect(b, (Ins){.op = IR_BRTABLE, .a = index, .b = run, .c = n}));
  lw_flow_close(h);
  return LW_OK;
}

static inline Status hook_return(Body *b, uint32_t base)
{
  return leave(b, base);
}

/* ---- calls ---- */

/* Helper `id` with these arguments; *result is set if it has one. */
static Status call_helper(Body *b, HelperId id, const Ref *args, Ref *result)
{
  const HelperInfo *info = &lw_helper_info[id];
  uint32_t run;
  *result = REF_NONE;
  if (dead(b)) return LW_OK;
  TRY(push_run(b, args, info->nargs, &run));
  Ins ins = {
    .op = IR_HELPER, .type = info->result, .a = (uint32_t)id, .b = run, .c = info->nargs};
  return emit(b, ins, result);
}

/* A function's type may have subtypes: the run time looks through supertypes. */
static Status check_signature(Body *b, Ref cell, uint32_t typeidx)
{
  Ref args[2] = {cell}, ignored;
  TRY(constant(b, VAL_I32, typeidx, &args[1]));
  return call_helper(b, HELPER_check_sig, args, &ignored);
}

/* The results of a call: its own value is the first. */
static Status push_results(Body *b, const FuncType *t, Ref call, uint32_t base)
{
  Ref *to = operands(b, base);
  if (t->nresults > 0) to[0] = call;
  for (uint32_t i = 1; i < t->nresults; i++) {
    uint8_t kind = (uint8_t)lw_val_kind(t->results[i]);
    TRY(emit(b, (Ins){.op = IR_RESULT, .type = kind, .a = call, .b = i}, &to[i]));
  }
  return LW_OK;
}

/* Something may have been thrown: inside a frame that catches, the block ends here. */
static Status end_throwing(Body *b)
{
  Builder *h = &b->hook;
  uint32_t next, caught;
  if (!b->catcher || dead(b)) return LW_OK;
  Ctl *by = &b->ctls[b->catcher - 1];
  Carry locals = carry(b, by, by->height, 0);
  TRY(lw_make_edge(h->f, h->f->nblocks, 0, &next, b->err));
  TRY(lw_flow_edge(h, &by->hook.catches->dispatch, &locals, &caught));
  TRY(emit_effect(b, (Ins){.op = IR_TRY, .a = next, .b = caught}));
  lw_flow_close(h);
  return lw_flow_open(h);
}

/* IR_CALL or IR_CALL_CELL of `callee` with the arguments at base. */
static Status emit_call(Body *b, IrOp op, uint32_t callee, uint32_t typeidx,
                        uint32_t base)
{
  assert(typeidx < b->module->ntypes);
  const FuncType *t = lw_module_signature(b->module, typeidx);
  uint8_t kind = t->nresults ? (uint8_t)lw_val_kind(t->results[0]) : (uint8_t)VAL_NONE;
  uint32_t run = 0;
  Ref call;
  if (!dead(b)) TRY(push_run(b, operands(b, base), t->nparams, &run));
  Ins ins = {.op = (uint8_t)op, .type = kind, .a = callee, .b = run, .c = typeidx};
  TRY(emit(b, ins, &call));
  TRY(push_results(b, t, call, base));
  return end_throwing(b);
}

/* The cell that call_indirect finds, checked. */
static Status indirect_cell(Body *b, uint32_t typeidx, uint32_t table, uint32_t base,
                            Ref *cell)
{
  Ref index = operands(b, base)[lw_module_signature(b->module, typeidx)->nparams];
  Ins get = {.op = IR_TABLE_GET, .type = VAL_REF, .aux = 1, .a = index, .b = table};
  TRY(emit(b, get, cell));
  if (b->module->types[typeidx].final)
    return emit_effect(b, (Ins){.op = IR_CHECK_SIG, .a = *cell, .b = typeidx});
  return check_signature(b, *cell, typeidx);
}

static inline Status hook_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                        uint32_t base)
{
  Ref cell;
  TRY(indirect_cell(b, typeidx, table, base, &cell));
  return emit_call(b, IR_CALL_CELL, cell, typeidx, base);
}

static Status check_null(Body *b, Ref ref, TrapCode code)
{
  return emit_effect(b, (Ins){.op = IR_CHECK_NULL, .a = ref, .b = code});
}

static inline Status hook_call_ref(Body *b, uint32_t typeidx, uint32_t base)
{
  Ref cell = operands(b, base)[lw_module_signature(b->module, typeidx)->nparams];
  TRY(check_null(b, cell, TRAP_NULL_FUNCTION));
  return emit_call(b, IR_CALL_CELL, cell, typeidx, base);
}

#include "jit/build_inline.h"

#include "jit/build_tail.h"

/* A helper takes `nindexes` module indexes and then the operands at base. */
static Status emit_helper(Body *b, HelperId id, const uint32_t *indexes,
                          uint32_t nindexes, uint32_t base)
{
  const HelperInfo *info = &lw_helper_info[id];
  Ref args[HELPER_MAX_ARGS], *at = operands(b, base), result;
  assert(nindexes <= info->nargs);
  if (dead(b)) return LW_OK;
  for (uint32_t i = 0; i < nindexes; i++)
    TRY(constant(b, VAL_I32, indexes[i], &args[i]));
  for (uint32_t i = nindexes; i < info->nargs; i++)
    args[i] = at[i - nindexes];
  TRY(call_helper(b, id, args, &result));
  if (info->result != VAL_NONE) at[0] = result;
  return LW_OK;
}

/* ---- parametric and variables ---- */

static inline Status hook_drop(Body *b, uint32_t base)
{
  (void)b, (void)base;
  return LW_OK;
}

static inline Status hook_select(Body *b, ValType type, uint32_t base)
{
  Ref *at = operands(b, base);
  uint8_t kind = (uint8_t)lw_val_kind(type);
  Ins ins = {.op = IR_SELECT, .type = kind, .a = at[0], .b = at[1], .c = at[2]};
  return emit(b, ins, at);
}

static inline Status hook_local_get(Body *b, uint32_t x, uint32_t base)
{
  Ref *at = operands(b, base);
  *at = b->hook.locals[x];
  if (!in_slot(b, x)) return LW_OK;
  uint8_t kind = (uint8_t)lw_val_kind(b->locals[x]);
  return emit(b, (Ins){.op = IR_SLOT_GET, .type = kind, .a = x}, at);
}

static inline Status hook_local_set(Body *b, uint32_t x, uint32_t base)
{
  Ref value = *operands(b, base);
  b->hook.locals[x] = value;
  return in_slot(b, x) ? set_slot(b, x, value) : LW_OK;
}

static inline Status hook_local_tee(Body *b, uint32_t x, uint32_t base)
{
  return hook_local_set(b, x, base);
}

static inline Status hook_global_get(Body *b, uint32_t x, uint32_t base)
{
  uint8_t kind = (uint8_t)lw_val_kind(b->module->globals[x].type.type);
  return emit(b, (Ins){.op = IR_GLOBAL_GET, .type = kind, .a = x}, operands(b, base));
}

static inline Status hook_global_set(Body *b, uint32_t x, uint32_t base)
{
  uint8_t kind = (uint8_t)lw_val_kind(b->module->globals[x].type.type);
  Ref value = *operands(b, base);
  return emit_effect(b, (Ins){.op = IR_GLOBAL_SET, .type = kind, .a = x, .b = value});
}

/* ---- tables and memories ---- */

static inline Status hook_table_op(Body *b, Opcode op, uint32_t x, uint32_t y,
                                   uint32_t base)
{
  Ref *at = operands(b, base);
  bool sized = op == OP_TABLE_SIZE || op == OP_TABLE_GROW;
  bool wide = sized && b->module->tables[x].type.limits.is64;
  switch (op) {
  case OP_TABLE_GET:
    return emit(b, (Ins){.op = IR_TABLE_GET, .type = VAL_REF, .a = at[0], .b = x}, at);
  case OP_TABLE_SET: {
    Ins ins = {.op = IR_TABLE_SET, .type = VAL_REF, .a = at[0], .b = at[1], .c = x};
    return emit_effect(b, ins);
  }
  case OP_TABLE_SIZE: {
    Ins ins = {.op = IR_TABLE_SIZE, .type = wide ? VAL_I64 : VAL_I32, .a = x};
    return emit(b, ins, at);
  }
  case OP_TABLE_GROW:
    return emit_helper(b, wide ? HELPER_table_grow64 : HELPER_table_grow, &x, 1, base);
  case OP_TABLE_FILL: return emit_helper(b, HELPER_table_fill, &x, 1, base);
  case OP_TABLE_COPY:
    return emit_helper(b, HELPER_table_copy, (uint32_t[]){x, y}, 2, base);
  case OP_TABLE_INIT: /* the binary format has the segment first */
    return emit_helper(b, HELPER_table_init, (uint32_t[]){y, x}, 2, base);
  default:
    assert(op == OP_ELEM_DROP);
    return emit_helper(b, HELPER_elem_drop, &x, 1, base);
  }
}

static inline Status hook_memory_op(Body *b, Opcode op, uint32_t x, uint32_t y,
                                    uint32_t base)
{
  switch (op) {
  case OP_MEMORY_SIZE: {
    uint8_t type = b->module->memories[x].is64 ? VAL_I64 : VAL_I32;
    Ins ins = {.op = IR_MEMORY_SIZE, .type = type, .a = x};
    return emit(b, ins, operands(b, base));
  }
  case OP_MEMORY_GROW: {
    bool wide = b->module->memories[x].is64;
    return emit_helper(b, wide ? HELPER_memory_grow64 : HELPER_memory_grow, &x, 1, base);
  }
  case OP_MEMORY_FILL: return emit_helper(b, HELPER_memory_fill, &x, 1, base);
  case OP_MEMORY_COPY:
    return emit_helper(b, HELPER_memory_copy, (uint32_t[]){x, y}, 2, base);
  case OP_MEMORY_INIT:
    return emit_helper(b, HELPER_memory_init, (uint32_t[]){y, x}, 2, base);
  default:
    assert(op == OP_DATA_DROP);
    return emit_helper(b, HELPER_data_drop, &x, 1, base);
  }
}

static inline uint16_t access_aux(OpMap map, const MemArg *m)
{
  assert(map.ir == IR_LOAD || map.ir == IR_STORE);
  assert(m->memory <= UINT8_MAX);
  return (uint16_t)(map.aux | m->memory << 8);
}

/*
** The address and offset of an access. Offsets beyond 32 bits are added here, and an
** address that wraps around traps: nothing lies there.
*/
static inline Status access_at(Body *b, const MemArg *m, Ref *address, uint32_t *offset)
{
  *offset = (uint32_t)m->offset;
  if (m->offset <= UINT32_MAX) return LW_OK;
  Ref far, fits;
  *offset = 0;
  TRY(constant(b, VAL_I64, m->offset, &far));
  Ins add = {.op = IR_ADD, .type = VAL_I64, .a = *address, .b = far};
  TRY(emit(b, add, address));
  Ins above = {.op = IR_GE_U, .type = VAL_I64, .a = *address, .b = far};
  TRY(emit(b, above, &fits));
  return emit_effect(b, (Ins){.op = IR_CHECK_NULL, .a = fits, .b = TRAP_MEMORY});
}

static inline Status hook_load(Body *b, Opcode op, const MemArg *memarg, uint32_t base)
{
  Ref *at = operands(b, base);
  OpMap map = op_map[op];
  Ins ins = {.op = map.ir, .type = map.type, .aux = access_aux(map, memarg)};
  ins.a = at[0];
  TRY(access_at(b, memarg, &ins.a, &ins.c));
  return emit(b, ins, at);
}

static inline Status hook_store(Body *b, Opcode op, const MemArg *memarg, uint32_t base)
{
  Ref *at = operands(b, base);
  OpMap map = op_map[op];
  Ins ins = {.op = map.ir, .type = map.type, .aux = access_aux(map, memarg)};
  ins.a = at[0];
  ins.b = at[1];
  TRY(access_at(b, memarg, &ins.a, &ins.c));
  return emit_effect(b, ins);
}

#include "jit/build_simd.h"

#include "jit/build_gc.h"

#include "jit/build_try.h"

#include "jit/build_atomic.h"

static inline Status hook_delegate(Body *b, Ctl *c, uint32_t catcher, bool reachable)
{
  c->outside = catcher; /* what is thrown inside goes there */
  return hook_end(b, c, reachable);
}

/* ---- references, constants, plain operators ---- */

static inline Status hook_ref_null(Body *b, ValType type, uint32_t base)
{
  (void)type;
  return constant(b, VAL_REF, 0, operands(b, base));
}

static inline Status hook_ref_is_null(Body *b, uint32_t base)
{
  Ref *at = operands(b, base);
  return emit(b, (Ins){.op = IR_EQZ, .type = VAL_REF, .a = at[0]}, at);
}

static inline Status hook_ref_func(Body *b, uint32_t func, uint32_t base)
{
  Ins ins = {.op = IR_FUNC_REF, .type = VAL_REF, .a = func};
  return emit(b, ins, operands(b, base));
}

static inline Status hook_ref_eq(Body *b, uint32_t base)
{
  Ref *at = operands(b, base);
  return emit(b, (Ins){.op = IR_EQ, .type = VAL_REF, .a = at[0], .b = at[1]}, at);
}

static inline Status hook_ref_as_non_null(Body *b, uint32_t base)
{
  return check_null(b, *operands(b, base), TRAP_NULL_REFERENCE);
}

/* Branch if the reference behind (or last of) the n values is null, or if it is not. */
static Status branch_on_null(Body *b, Ctl *c, uint32_t base, uint32_t n, IrOp op)
{
  if (dead(b)) return LW_OK;
  Carry values = carry(b, c, base, label_arity(c));
  Ins ins = {.op = (uint8_t)op, .type = VAL_REF, .a = operands(b, base)[n]};
  Ref cond;
  if (op == IR_NE) TRY(constant(b, VAL_REF, 0, &ins.b));
  TRY(emit(b, ins, &cond));
  return lw_flow_branch_if(&b->hook, &c->hook, &values, cond);
}

static inline Status hook_br_on_null(Body *b, Ctl *c, uint32_t base)
{
  return branch_on_null(b, c, base, label_arity(c), IR_EQZ);
}

static inline Status hook_br_on_non_null(Body *b, Ctl *c, uint32_t base)
{
  return branch_on_null(b, c, base, label_arity(c) - 1, IR_NE);
}

static inline Status hook_const(Body *b, Opcode op, uint64_t bits, uint32_t base)
{
  static const uint8_t kinds[] = {VAL_I32, VAL_I64, VAL_F32, VAL_F64};
  _Static_assert(OP_F64_CONST - OP_I32_CONST == 3, "constants are neighbours");
  assert(op >= OP_I32_CONST && op <= OP_F64_CONST);
  return constant(b, kinds[op - OP_I32_CONST], bits, operands(b, base));
}

static inline Status hook_op(Body *b, Opcode op, uint32_t base)
{
  Ref *at = operands(b, base);
  OpMap map = op_map[op];
  if (is_vector_op(op)) return vector(b, op, 0, base);
  if (op >= OP_I64_ADD128 && op <= OP_I64_MUL_WIDE_U) return hook_wide(b, op, base);
  assert(map.type != VAL_NONE); /* has a row */
  Ins ins = {.op = map.ir, .type = map.type, .a = at[0]};
  if (lw_ir_info[map.ir].args[1] == 'v') ins.b = at[1];
  return emit(b, ins, at);
}

/* ---- the way in ---- */

Status lw_ir_build(const Module *m, uint32_t func, const BodyFacts *facts,
                   const BuildOptions *opts, Arena *scratch, Func *f, Err *err)
{
  assert(func >= m->nfuncs_imported && func < m->nfuncs);
  uint32_t n = facts->noperators;
  /* measured on compiled C: 0.4 instructions, 0.3 pool entries, 0.1 blocks an operator */
  MakeSizes sizes = {n / 2 + 32, n / 2 + 32, n / 8 + 8, n / 6 + 8};
  TRY(lw_make_begin(f, m, func, scratch, &sizes, err));
  Builder h = {.f = f, .err = err, .block = NO_BLOCK, .effort = opts->loops};
  h.meter = NO_METER;
  if (h.effort > 0) h.unroll = UNROLL_FREE + n / 2;
  Inliner inliner = {.left = INLINE_FREE + n / INLINE_SHARE, .book = opts->book};
  inliner.walks = opts->walks;
  if (opts->calls) h.inliner = &inliner;
  TRY(begin_values(&h, facts));
  Body b;
  TRY(body_begin(&b, m, func, scratch, err));
  b.hook = h;
  if (opts->fuel) b.hook.operators = &b.noperators;
  TRY(body_walk(&b));
  assert(b.hook.block == NO_BLOCK && b.noperators == n);
  assert(f->blocks[f->nblocks - 1].end == f->nins);
  lw_make_end(f);
  return lw_ir_cfg(f, err);
}

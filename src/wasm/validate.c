/*
** validate.c -- function bodies: the template body.h with hooks that record facts.
**
** Without facts to record the hooks vanish and what remains is the validator.
** Layer: wasm.
*/
#include "wasm/recorder.h"

typedef struct HookBody {
  Recorder *rec; /* NULL: nobody wants facts */
  int64_t last;  /* the last loop, or NO_LOOP: a call or a try came behind it */
  bool calls;    /* some call was seen */
  bool loops;    /* some loop */
  bool tries;    /* some try or try_table */
  bool tails;    /* some tail call, ... */
  bool leaves;   /* ... and one out of the instance */
} HookBody;
typedef RecorderFrame HookCtl;
enum { NO_LOOP = -1 };

#include "wasm/body.h"

static inline Status hook_begin(Body *b)
{
  Ctl *self = &b->ctls[0];
  return b->hook.rec ? lw_recorder_open(b->hook.rec, self->frame, &self->hook) : LW_OK;
}

static inline Status open_frame(Body *b, Ctl *c)
{
  return b->hook.rec ? lw_recorder_open(b->hook.rec, c->frame, &c->hook) : LW_OK;
}

static inline Status hook_block(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  return open_frame(b, c);
}

static inline Status hook_loop(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  b->hook.loops = true;
  b->hook.last = c->frame;
  TRY(open_frame(b, c));
  c->hook.opened = b->noperators;
  return LW_OK;
}

static inline Status hook_if(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  return open_frame(b, c);
}

/* Numbers count dead frames too, so the array of frames must reach that far. */
static inline Status hook_frame_dead(Body *b)
{
  RecorderFrame unused;
  return b->hook.rec ? lw_recorder_open(b->hook.rec, body_top(b)->frame, &unused) : LW_OK;
}

static inline Status hook_end(Body *b, Ctl *c, bool reachable)
{
  (void)reachable;
  if (!b->hook.rec) return LW_OK;
  if (c->outside) b->ctls[c->outside - 1].hook.branches++;
  for (uint32_t i = 0; i < c->nclauses; i++)
    b->ctls[c->clauses[i].target].hook.branches++;
  if (c->op == OP_LOOP && b->hook.last == c->frame)
    b->hook.rec->frames[c->frame].operators = b->noperators - c->hook.opened;
  const RecorderFrame *outer = b->nctls > 1 ? &(c - 1)->hook : NULL;
  return lw_recorder_close(b->hook.rec, c->frame, &c->hook, outer);
}

static inline Status hook_br(Body *b, Ctl *c, uint32_t base)
{
  (void)b, (void)base;
  c->hook.branches++;
  return LW_OK;
}

static inline Status hook_br_if(Body *b, Ctl *c, uint32_t base)
{
  (void)b, (void)base;
  c->hook.branches++;
  return LW_OK;
}

/* One branch to each distinct target, as the builder makes them. */
static inline Status hook_br_table(Body *b, const uint32_t *depths, uint32_t n,
                                   uint32_t base)
{
  (void)base;
  if (!b->hook.rec) return LW_OK;
  for (uint32_t i = 0; i <= n; i++) {
    RecorderFrame *f = &b->ctls[b->nctls - 1 - depths[i]].hook;
    if (f->table != b->op_at + 1) f->branches++;
    f->table = b->op_at + 1;
  }
  return LW_OK;
}

static inline Status hook_local_get(Body *b, uint32_t x, uint32_t base)
{
  (void)base;
  if (b->hook.rec) b->hook.rec->uses[x]++;
  return LW_OK;
}

static inline Status hook_local_set(Body *b, uint32_t x, uint32_t base)
{
  (void)base;
  if (!b->hook.rec) return LW_OK;
  b->hook.rec->uses[x]++;
  return lw_recorder_assign(b->hook.rec, &body_top(b)->hook, x);
}

static inline Status hook_local_tee(Body *b, uint32_t x, uint32_t base)
{
  return hook_local_set(b, x, base);
}

/* What is thrown here is one more edge to the frame that catches. */
static inline void note_throw(Body *b)
{
  if (b->catcher) b->ctls[b->catcher - 1].hook.branches++;
}

static inline void note_call(Body *b)
{
  b->hook.calls = true;
  b->hook.last = NO_LOOP;
  note_throw(b);
}

static inline Status hook_call(Body *b, uint32_t func, const FuncType *type,
                               uint32_t base)
{
  (void)func, (void)type, (void)base;
  note_call(b);
  return LW_OK;
}

static inline Status hook_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                        uint32_t base)
{
  (void)typeidx, (void)table, (void)base;
  note_call(b);
  return LW_OK;
}

static inline Status hook_call_ref(Body *b, uint32_t typeidx, uint32_t base)
{
  (void)typeidx, (void)base;
  note_call(b);
  return LW_OK;
}

static inline Status hook_return_call(Body *b, uint32_t func, uint32_t base)
{
  (void)base;
  b->hook.calls = b->hook.tails = true;
  b->hook.leaves |= func < b->module->nfuncs_imported;
  return LW_OK;
}

static inline Status hook_return_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                               uint32_t base)
{
  (void)typeidx, (void)table, (void)base;
  b->hook.calls = b->hook.tails = b->hook.leaves = true;
  return LW_OK;
}

static inline Status hook_return_call_ref(Body *b, uint32_t typeidx, uint32_t base)
{
  (void)typeidx, (void)base;
  b->hook.calls = b->hook.tails = b->hook.leaves = true;
  return LW_OK;
}

static inline Status hook_try(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  b->hook.tries = true;
  b->hook.last = NO_LOOP;
  return open_frame(b, c);
}

static inline Status hook_throw(Body *b, uint32_t x, uint32_t base)
{
  (void)x, (void)base;
  note_throw(b);
  return LW_OK;
}

static inline Status hook_throw_ref(Body *b, uint32_t base)
{
  (void)base;
  note_throw(b);
  return LW_OK;
}

static inline Status hook_rethrow(Body *b, Ctl *c)
{
  (void)c;
  note_throw(b);
  return LW_OK;
}

static inline Status hook_catch(Body *b, Ctl *c, Opcode op, uint32_t x, bool first,
                                bool reachable)
{
  (void)op, (void)x, (void)first, (void)reachable;
  c->hook.branches += 2; /* its test, and the end of its arm */
  note_throw(b);         /* what no arm takes */
  return LW_OK;
}

static inline Status hook_delegate(Body *b, Ctl *c, uint32_t catcher, bool reachable)
{
  if (catcher) b->ctls[catcher - 1].hook.branches++;
  return hook_end(b, c, reachable);
}

static inline Status hook_br_on_null(Body *b, Ctl *c, uint32_t base)
{
  return hook_br_if(b, c, base);
}

static inline Status hook_br_on_cast(Body *b, Ctl *c, ValType to, bool fail,
                                     uint32_t base)
{
  (void)to, (void)fail;
  return hook_br_if(b, c, base);
}

static inline Status hook_br_on_non_null(Body *b, Ctl *c, uint32_t base)
{
  return hook_br_if(b, c, base);
}

/* The rest has nothing to say. */
/* NOLINTBEGIN(misc-unused-parameters) */
/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
static inline Status hook_unreachable(Body *b) { return LW_OK; }
static inline Status hook_again(Body *b, Ctl *c, bool reachable, bool *again)
{ return LW_OK; }
static inline Status hook_else(Body *b, Ctl *c, bool reachable) { return LW_OK; }
static inline Status hook_return(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_drop(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_select(Body *b, ValType type, uint32_t base) { return LW_OK; }
static inline Status hook_global_get(Body *b, uint32_t x, uint32_t base) { return LW_OK; }
static inline Status hook_global_set(Body *b, uint32_t x, uint32_t base) { return LW_OK; }
static inline Status hook_table_op(Body *b, Opcode op, uint32_t x, uint32_t y,
  uint32_t base) { return LW_OK; }
static inline Status hook_load(Body *b, Opcode op, const MemArg *memarg, uint32_t base)
{ return LW_OK; }
static inline Status hook_store(Body *b, Opcode op, const MemArg *memarg, uint32_t base)
{ return LW_OK; }
static inline Status hook_fence(Body *b) { return LW_OK; }
static inline Status hook_atomic(Body *b, Opcode op, const MemArg *memarg, uint32_t base)
{ return LW_OK; }
static inline Status hook_memory_op(Body *b, Opcode op, uint32_t x, uint32_t y,
  uint32_t base) { return LW_OK; }
static inline Status hook_ref_null(Body *b, ValType type, uint32_t base) { return LW_OK; }
static inline Status hook_ref_is_null(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_ref_func(Body *b, uint32_t func, uint32_t base)
{ return LW_OK; }
static inline Status hook_ref_eq(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_ref_as_non_null(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_struct_new(Body *b, uint32_t x, bool given, uint32_t base)
{ return LW_OK; }
static inline Status hook_struct_get(Body *b, Opcode op, uint32_t x, uint32_t field,
  uint32_t base) { return LW_OK; }
static inline Status hook_struct_set(Body *b, uint32_t x, uint32_t field, uint32_t base)
{ return LW_OK; }
static inline Status hook_array_new(Body *b, Opcode op, uint32_t x, uint32_t y,
  uint32_t base) { return LW_OK; }
static inline Status hook_array_get(Body *b, Opcode op, uint32_t x, uint32_t base)
{ return LW_OK; }
static inline Status hook_array_set(Body *b, uint32_t x, uint32_t base) { return LW_OK; }
static inline Status hook_array_len(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_array_bulk(Body *b, Opcode op, uint32_t x, uint32_t y,
  uint32_t base) { return LW_OK; }
static inline Status hook_ref_test(Body *b, ValType to, uint32_t base) { return LW_OK; }
static inline Status hook_ref_cast(Body *b, ValType to, uint32_t base) { return LW_OK; }
static inline Status hook_i31(Body *b, Opcode op, uint32_t base) { return LW_OK; }
static inline Status hook_const(Body *b, Opcode op, uint64_t bits, uint32_t base)
{ return LW_OK; }
static inline Status hook_v128_const(Body *b, const uint8_t *bytes, uint32_t base)
{ return LW_OK; }
static inline Status hook_shuffle(Body *b, const uint8_t *lanes, uint32_t base)
{ return LW_OK; }
static inline Status hook_lane(Body *b, Opcode op, uint32_t lane, uint32_t base)
{ return LW_OK; }
static inline Status hook_lane_access(Body *b, bool store, const MemArg *memarg,
  unsigned size, uint32_t lane, uint32_t base) { return LW_OK; }
static inline Status hook_op(Body *b, Opcode op, uint32_t base) { return LW_OK; }
#pragma GCC diagnostic pop
/* NOLINTEND(misc-unused-parameters) */
/* clang-format on */

enum { SMALL_OPERATORS = 48, SMALL_BYTES = 255, SMALL_LOCALS = 16 };

/* Bytes say little: linkers leave calls of 6 bytes. */
static uint8_t small(const Body *b)
{
  bool is = b->noperators <= SMALL_OPERATORS &&
            b->module->funcs[b->func].body.size <= SMALL_BYTES &&
            b->nlocals <= SMALL_LOCALS && b->type->nresults <= SMALL_LOCALS &&
            !b->hook.tries && !b->hook.tails;
  return is ? (uint8_t)b->noperators : 0;
}

static BodyTraits traits_of(const Body *b)
{
  return (BodyTraits){.leaves = b->hook.leaves, .small = small(b), .matches = b->matches};
}

/* One body may take as much as all of them (validate_module.c). */
static Status begin(Body *b, const Module *m, uint32_t func, Arena *scratch, Err *err)
{
  TRY(body_begin(b, m, func, scratch, err));
  b->matches_max = lw_matches_max(m->code.size);
  return LW_OK;
}

Status lw_validate_facts(const Module *m, uint32_t func, BodyFacts *facts,
                         BodyTraits *traits, Arena *scratch, Err *err)
{
  Body b;
  Recorder rec;
  bool again;
  TRY(begin(&b, m, func, scratch, err));
  TRY(lw_recorder_begin(&rec, b.nlocals, m->funcs[func].body.size, scratch, err));
  b.hook.rec = &rec;
  TRY(body_walk(&b));
  TRY(lw_recorder_finish(&rec, facts, &again));
  if (again) {
    TRY(begin(&b, m, func, scratch, err));
    b.hook.rec = &rec;
    TRY(body_walk(&b));
    TRY(lw_recorder_finish(&rec, facts, &again));
    assert(!again);
  }
  facts->max_stack = b.max_stack;
  facts->max_frames = b.max_frames;
  facts->noperators = b.noperators;
  facts->calls = b.hook.calls;
  facts->loops = b.hook.loops;
  *traits = traits_of(&b);
  return LW_OK;
}

Status lw_validate_func(const Module *m, uint32_t func, BodyFacts *facts, Arena *scratch,
                        Err *err)
{
  BodyTraits traits;
  return lw_validate_facts(m, func, facts, &traits, scratch, err);
}

Status lw_validate_body(const Module *m, uint32_t func, BodyTraits *traits,
                        Arena *scratch, Err *err)
{
  Body b;
  TRY(begin(&b, m, func, scratch, err));
  TRY(body_walk(&b));
  *traits = traits_of(&b);
  return LW_OK;
}

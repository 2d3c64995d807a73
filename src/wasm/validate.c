/*
** validate.c -- function bodies: the template body.h with hooks that record facts.
**
** Without facts to record the hooks vanish and what remains is the validator.
** Layer: wasm.
*/
#include "wasm/recorder.h"

typedef struct HookBody {
  Recorder *rec; /* NULL: nobody wants facts */
  bool calls;    /* some call was seen */
} HookBody;
typedef RecorderFrame HookCtl;

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
  return open_frame(b, c);
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

static inline Status hook_call(Body *b, uint32_t func, const FuncType *type,
                               uint32_t base)
{
  (void)func, (void)type, (void)base;
  b->hook.calls = true;
  return LW_OK;
}

static inline Status hook_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                        uint32_t base)
{
  (void)typeidx, (void)table, (void)base;
  b->hook.calls = true;
  return LW_OK;
}

/* The rest has nothing to say. */
/* NOLINTBEGIN(misc-unused-parameters) */
/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
static inline Status hook_unreachable(Body *b) { return LW_OK; }
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
static inline Status hook_memory_op(Body *b, Opcode op, uint32_t x, uint32_t y,
  uint32_t base) { return LW_OK; }
static inline Status hook_ref_null(Body *b, ValType type, uint32_t base) { return LW_OK; }
static inline Status hook_ref_is_null(Body *b, uint32_t base) { return LW_OK; }
static inline Status hook_ref_func(Body *b, uint32_t func, uint32_t base)
{ return LW_OK; }
static inline Status hook_const(Body *b, Opcode op, uint64_t bits, uint32_t base)
{ return LW_OK; }
static inline Status hook_op(Body *b, Opcode op, uint32_t base) { return LW_OK; }
#pragma GCC diagnostic pop
/* NOLINTEND(misc-unused-parameters) */
/* clang-format on */

static Status record(const Module *m, uint32_t func, BodyFacts *facts, Arena *scratch,
                     Err *err)
{
  Body b;
  Recorder rec;
  bool again;
  TRY(body_begin(&b, m, func, scratch, err));
  TRY(lw_recorder_begin(&rec, b.nlocals, m->funcs[func].body.size, scratch, err));
  b.hook.rec = &rec;
  TRY(body_walk(&b));
  TRY(lw_recorder_finish(&rec, facts, &again));
  if (again) {
    TRY(body_begin(&b, m, func, scratch, err));
    b.hook.rec = &rec;
    TRY(body_walk(&b));
    TRY(lw_recorder_finish(&rec, facts, &again));
    assert(!again);
  }
  facts->max_stack = b.max_stack;
  facts->max_frames = b.max_frames;
  facts->noperators = b.noperators;
  facts->calls = b.hook.calls;
  return LW_OK;
}

Status lw_validate_func(const Module *m, uint32_t func, BodyFacts *facts, Arena *scratch,
                        Err *err)
{
  if (facts) return record(m, func, facts, scratch, err);
  Body b;
  TRY(body_begin(&b, m, func, scratch, err));
  return body_walk(&b);
}

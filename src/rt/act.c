/*
** act.c -- activations: one call from the host into wasm, on a private stack.
**
** An activation is in up to three lists: all of the Store (acts), the nest while it or
** what it called runs, the order of its memory from entry to end. It leaves the last two
** as soon as it ends, the first when it is dropped.
** Layer: rt.
*/
#include "rt/act.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "jit/layout.h"
#include "jit/stubs.h"
#include "jit/trap.h"
#include "rt/budget.h"
#include "rt/lists.h"
#include "rt/native.h"
#include "rt/stack.h"
#include "rt/state.h"
#include "rt/trap.h"
#include "rt/type.h"

#define NOINLINE __attribute__((noinline))

_Static_assert(offsetof(Activation, guest_sp) == ACT_GUEST_SP, "layout.h");
_Static_assert(offsetof(Activation, host_sp) == ACT_HOST_SP, "layout.h");
_Static_assert(offsetof(Activation, trap) == ACT_TRAP, "layout.h");
_Static_assert(offsetof(Activation, why) == ACT_WHY, "layout.h");
_Static_assert(offsetof(Activation, callee) == ACT_CALLEE, "layout.h");
_Static_assert(offsetof(Activation, limit) == ACT_LIMIT, "layout.h");
_Static_assert(offsetof(Activation, overflow) == ACT_OVERFLOW, "layout.h");
_Static_assert(offsetof(Activation, gpr) == ACT_GPR, "layout.h");
_Static_assert(offsetof(Activation, fpr) == ACT_FPR, "layout.h");
_Static_assert(offsetof(Activation, trap_pc) == ACT_TRAP_PC, "layout.h");
_Static_assert(offsetof(Activation, trap_rbp) == ACT_TRAP_RBP, "layout.h");
_Static_assert(offsetof(Activation, trap_rsp) == ACT_TRAP_RSP, "layout.h");
_Static_assert(offsetof(Activation, trap_ctx) == ACT_TRAP_CTX, "layout.h");
_Static_assert(offsetof(Activation, land_pc) == ACT_LAND_PC, "layout.h");
_Static_assert(offsetof(Activation, land_rbp) == ACT_LAND_RBP, "layout.h");
_Static_assert(offsetof(Activation, exn) == ACT_EXN, "layout.h");
_Static_assert(offsetof(Activation, flags) == ACT_FLAGS, "layout.h");
_Static_assert((int)ACT_IS_RETURNED == ACT_RETURNED, "layout.h");
_Static_assert((int)ACT_IS_CALLOUT == ACT_CALLOUT, "layout.h");
_Static_assert((int)ACT_IS_TRAPPED == ACT_TRAPPED, "layout.h");

/* ---- the nest ---- */

static inline void nest_remove(Activation *a)
{
  assert(a->nested);
  Store *s = a->store;
  if (s->nest == a)
    s->nest = a->outer;
  else
    a->inner->outer = a->outer;
  if (a->outer) a->outer->inner = a->inner;
  a->outer = a->inner = NULL;
  a->nested = false;
  if (!a->instance) return;
  assert(a->instance->entered > 0);
  if (--a->instance->entered > 0) return;
  if (a->instance->budget) lw_budget_end(a->instance);
  InterruptSlot *slot = a->instance->slot;
  if (a->state != ACT_OUT)
    lw_slot_end(slot);
  else if (lw_slot_park(slot) && a->end == LW_OK)
    a->end = LW_INTERRUPT; /* asked while it was parked: it ends when it is resumed */
}

/* Who yielded since we last looked is not an outer call of what comes now. */
static inline void leave_parked(Store *s)
{
  while (s->nest && s->parked && s->parked(s->nest, s->user))
    nest_remove(s->nest);
}

static inline void nest_push(Activation *a)
{
  assert(!a->nested && !a->inner);
  Store *s = a->store;
  a->outer = s->nest;
  if (a->outer) a->outer->inner = a;
  a->depth = a->outer ? a->outer->depth + 1 : 1;
  a->nested = true;
  s->nest = a;
  if (!a->instance || a->instance->entered++ > 0) return;
  lw_slot_begin(a->instance->slot);
  if (a->instance->budget && !lw_budget_begin(a->instance) && a->end == LW_OK)
    a->end = LW_NOMEM;
}

/* On resume: whatever was entered from its host function has ended or yielded. */
static void nest_return_to(Activation *a)
{
  Store *s = a->store;
  if (!a->nested) {
    leave_parked(s);
    nest_push(a);
  } else {
    while (s->nest != a)
      nest_remove(s->nest);
  }
}

/* ---- order per memory 0, and the guest's stack pointer ---- */

static inline void order_push(Activation *a)
{
  assert(!a->memory);
  Memory *m = a->instance ? a->instance->vm.memory0 : NULL;
  if (!m) return;
  a->memory = m; /* the instance holds it, and waits for us */
  a->newer = NULL;
  a->older = m->newest;
  if (a->older) a->older->newer = a;
  m->newest = a;
}

static inline void order_remove(Activation *a)
{
  Memory *m = a->memory;
  if (!m) return;
  if (a->older) a->older->newer = a->newer;
  if (a->newer) a->newer->older = a->older;
  if (m->newest == a) m->newest = a->older;
  a->older = a->newer = NULL;
  a->memory = NULL;
}

/* The global with the guest's stack pointer, of the instance that was entered. */
static inline Value *sp_of(const Activation *a)
{
  return a->instance->sp;
}

static inline void sp_save(Activation *a)
{
  a->sp_saved = a->instance && a->instance->sp;
  if (a->sp_saved) a->sp_value = sp_of(a)->i32;
}

/* Before it leaves the order. Who was entered later still uses the stack below: that one
   gives back what this one owes, even when it returns. */
static inline void sp_restore(Activation *a)
{
  if (!a->sp_saved) return;
  Value *sp = sp_of(a);
  Activation *later = a->newer;
  while (later && !(later->sp_saved && sp_of(later) == sp))
    later = later->newer;
  a->sp_saved = false;
  if (later) {
    later->sp_value = a->sp_value;
    later->sp_owed = true;
  } else
    sp->i64 = a->sp_value;
}

/* ---- making one ---- */

Status lw_act_new(Store *s, FuncCell *cell, Activation **out, Err *err)
{
  if (cell->code == lw_stub_closed)
    return lw_fail(err, LW_CLOSED, ERR_NOWHERE,
                   "the instance of this function is closed");
  if (!lw_act_may_nest(s))
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                   "calls from wasm to the host and back are nested %u deep",
                   s->max_depth);
  Instance *i = cell->shell ? cell->shell->instance : NULL;
  Activation *a = lw_stack_take(s, i ? i->stack_size : 0);
  if (!a) return lw_nomem(err, "a call's stack");
  const TypeInfo *t = lw_type_info(cell->type);
  assert(lw_act_is_clean(a));
  a->store = s;
  a->entry = cell;
  a->instance = i;
  a->sp_saved = false; /* of the call before: this one may be dropped unentered */
  a->flags = (t->abi.has_float ? ACT_FLOATS : 0) | (t->abi.has_many ? ACT_MANY : 0);
  a->state = ACT_FRESH;
  /* result area on top, overflow arguments below it, then the return address */
  Value *area = (Value *)(void *)lw_stack_top(a) - t->abi.nstack_results;
  a->guest_sp = a->overflow = area - t->abi.nstack_params;
  if (t->abi.result_area) a->gpr[0] = (uintptr_t)area;
  lw_acts_push(a);
  *out = a;
  return LW_OK;
}

/* ---- values in and out ---- */

/* Every i32 in a register or cell is zero-extended: addresses rely on it. */
static Value widened(ValType t, Value v)
{
  switch (lw_val_kind(t)) {
  case VAL_I32:
  case VAL_F32:
    return (Value){
      .words = {v.i32, 0}
    };
  case VAL_V128: return v;
  default:
    return (Value){
      .words = {v.i64, 0}
    };
  }
}

static void put(Activation *a, AbiLoc at, Value *cells, Value v)
{
  switch ((AbiClass)at.cls) {
  case ABI_GPR: a->gpr[at.index] = v.i64; break;
  case ABI_FPR: a->fpr[at.index] = v; break;
  case ABI_STACK:
    assert(cells);
    cells[at.index] = v;
    break;
  }
}

static Value get(const Activation *a, AbiLoc at, const Value *cells, ValType t)
{
  Value v = {.i64 = 0};
  switch ((AbiClass)at.cls) {
  case ABI_GPR: v.i64 = a->gpr[at.index]; break;
  case ABI_FPR: v = a->fpr[at.index]; break;
  case ABI_STACK: v = cells[at.index]; break;
  }
  return widened(t, v);
}

void lw_act_set_args(Activation *a, const Value *args)
{
  assert(a->state == ACT_FRESH);
  const TypeInfo *t = lw_type_info(a->entry->type);
  for (uint32_t k = 0; k < t->type.nparams; k++)
    put(a, t->params[k], a->overflow, widened(t->type.params[k], args[k]));
}

void lw_act_results(const Activation *a, Value *results)
{
  assert(a->state == ACT_FINISHED);
  const TypeInfo *t = lw_type_info(a->entry->type);
  const Value *area = (Value *)(void *)lw_stack_top(a) - t->abi.nstack_results;
  for (uint32_t k = 0; k < t->type.nresults; k++)
    results[k] = get(a, t->results[k], area, t->type.results[k]);
}

void lw_act_callout_args(const Activation *a, Value *args)
{
  assert(a->state == ACT_OUT);
  const TypeInfo *t = lw_type_info(a->callee->cell.type);
  for (uint32_t k = 0; k < t->type.nparams; k++)
    args[k] = get(a, t->params[k], a->overflow, t->type.params[k]);
}

void lw_act_callout_results(Activation *a, const Value *results)
{
  if (a->state == ACT_DEAD) return; /* killed: nobody will read them */
  assert(a->state == ACT_OUT);
  const TypeInfo *t = lw_type_info(a->callee->cell.type);
  /* The hidden pointer is in the register that the first result will take. */
  Value *area = t->abi.result_area ? (Value *)(uintptr_t)a->gpr[0] : NULL;
  for (uint32_t k = 0; k < t->type.nresults; k++)
    put(a, t->results[k], area, widened(t->type.results[k], results[k]));
}

/* ---- running it ---- */

static inline ActWhy ended(Activation *a, ActState state, ActWhy why)
{
  a->state = state;
  nest_remove(a);
  if (state == ACT_DEAD || a->sp_owed) sp_restore(a);
  order_remove(a);
  return why;
}

/* Must it end before it runs (again)? */
static inline bool cut_short(Activation *a)
{
  if (atomic_load_explicit(&lw_timers_armed, memory_order_relaxed) &&
      !lw_timers_revive() && a->end == LW_OK)
    a->end = LW_NOMEM;
  unsigned asked = a->end == LW_OK ? lw_interrupt_pending(a->store->poll, a) : 0;
  if (asked == TRAP_TIMEOUT && lw_act_late_yields(a)) {
    lw_poll_protect(a->store->poll); /* at the next poll */
  } else if (asked) {
    a->trap = asked;
    a->end = lw_limit_status(asked);
  } else if (a->end == LW_INTERRUPT)
    a->trap = TRAP_INTERRUPT;
  return a->end != LW_OK || a->trap != TRAP_NONE; /* the latter: a native function's */
}

/* Machine code has been left. */
ActWhy lw_act_left(Activation *a, ActWhy why)
{
  lw_trap_end();
  switch (why) {
  case ACT_IS_CALLOUT: assert(a->state == ACT_OUT); return why;
  case ACT_IS_RETURNED: return ended(a, ACT_FINISHED, why);
  default:
    assert(why == ACT_IS_TRAPPED && (a->trap != TRAP_NONE || a->end != LW_OK));
    if (a->end == LW_OK) a->end = lw_limit_status(a->trap);
    return ended(a, ACT_DEAD, why);
  }
}

static inline ActWhy run(Activation *a, bool fresh)
{
  if (cut_short(a)) return ended(a, ACT_DEAD, ACT_IS_TRAPPED);
  if (!lw_trap_begin(a)) {
    a->end = LW_NOMEM;
    return ended(a, ACT_DEAD, ACT_IS_TRAPPED);
  }
  a->store->act = a;
  a->state = ACT_RUNNING;
  return lw_act_left(a, (ActWhy)(fresh        ? lw_stub_enter(a, a->entry)
                                 : a->land_pc ? lw_stub_resume_landing(a)
                                              : lw_stub_resume(a)));
}

/* What has been called needs nobody of the binding's: is it done? */
static NOINLINE bool callout_special(Activation *a)
{
  if (!lw_act_at_limit(a))
    return !lw_act_pay_host_call(a) || lw_act_native(a) != NATIVE_ASK;
  if (lw_act_limit_yields(a)) return false;
  lw_act_limit_deny(a);
  return true;
}

unsigned lw_act_callout(Activation *a)
{
  Store *s = a->store;
  lw_trap_end();
  lw_acts_settle(a);
  a->state = ACT_OUT;
  bool done = a->callee->special ? callout_special(a) : !lw_act_pay_host_call(a);
  if (!done && (!s->callout || !s->callout(a, s->user))) return ACT_IS_CALLOUT;
  assert(a->state == ACT_OUT && "its host function ran, so nobody killed it");
  if (s->nest != a) nest_return_to(a);
  if (cut_short(a)) return ACT_IS_TRAPPED;
  bool ready = lw_trap_begin(a);
  assert(ready && "this thread has entered wasm before");
  (void)ready;
  s->act = a;
  a->state = ACT_RUNNING;
  return a->land_pc ? ACT_LANDS : (unsigned)ACT_IS_RETURNED;
}

bool lw_act_may_nest(Store *s)
{
  leave_parked(s);
  return !s->nest || s->nest->depth < s->max_depth;
}

bool lw_act_may_nest_quickly(Store *s)
{
  return !atomic_load_explicit(&lw_timers_armed, memory_order_relaxed) &&
         !atomic_load_explicit(&s->poll->hint, memory_order_acquire) &&
         lw_act_may_nest(s);
}

ActWhy lw_act_enter(Activation *a)
{
  assert(a->state == ACT_FRESH);
  leave_parked(a->store);
  nest_push(a);
  order_push(a);
  sp_save(a);
  return run(a, true);
}

void lw_store_leave_parked(Store *s)
{
  leave_parked(s);
}

bool lw_act_parked(const Activation *a)
{
  if (a->state != ACT_OUT) return false;
  return !a->nested || (a->store->parked && a->store->parked(a, a->store->user));
}

void lw_act_kill(Activation *a)
{
  assert(lw_act_parked(a));
  Store *s = a->store;
  if (s->closing) lw_close_leave(a);
  if (a->nested) nest_remove(a);
  sp_restore(a);
  order_remove(a);
  a->state = ACT_DEAD;
  a->end = LW_CLOSED;
  a->instance = NULL;
  a->callee = NULL;
  a->trap_pc = NULL;
  a->trap_rbp = NULL;
  lw_stack_detach(a);
}

Status lw_act_may_resume(const Activation *a, bool any_order, Err *err)
{
  assert(a->state == ACT_OUT || a->state == ACT_DEAD);
  if (any_order || !a->newer || a->instance->interleave_any) return LW_OK;
  if (a->end != LW_OK) return LW_OK; /* nothing of it will run: let it end */
  return lw_fail(err, LW_BUSY, ERR_NOWHERE,
                 "a later call on the same memory has not ended yet");
}

ActWhy lw_act_resume(Activation *a)
{
  if (a->state == ACT_DEAD) return ACT_IS_TRAPPED; /* killed while it was parked */
  assert(a->state == ACT_OUT);
  nest_return_to(a);
  return run(a, false);
}

void lw_act_back(Activation *a)
{
  assert(a->state == ACT_OUT);
  nest_return_to(a);
}

void lw_act_drop(Activation *a)
{
  assert(a->state != ACT_RUNNING);
  Store *s = a->store;
  if (s->closing) lw_close_leave(a);
  if (a->nested) nest_remove(a);
  if (a->state != ACT_FINISHED) sp_restore(a);
  order_remove(a);
  lw_acts_remove(a);
  a->callee = NULL;
  a->land_pc = NULL;
  a->exn = 0;
  a->user = NULL;
  a->trap_pc = NULL;
  a->trap_rbp = NULL;
  a->anchor = NULL;
  a->laid_out = a->covered = a->sp_owed = a->has_grown = false; /* not soft_open */
  a->ncallouts = 0;
  a->end = LW_OK;
  a->trap = TRAP_NONE;
  if (a->ask.what) lw_ask_end(&a->ask);
  a->grown = 0;
  lw_stack_give(a);
  if (s->closing) lw_close_waiting(s);
  if (s->nretiring) lw_close_retiring(s);
}

void lw_act_trap(Store *s, unsigned trap_code)
{
  assert(s->act && s->act->state == ACT_RUNNING);
  assert(trap_code != TRAP_NONE && trap_code < TRAP__MAX);
  s->act->trap = trap_code;
}

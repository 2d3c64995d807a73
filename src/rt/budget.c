/*
** budget.c -- how much an instance may run and make: fuel, time, host calls, objects.
** Layer: rt.
*/
#include "rt/budget.h"

#include <assert.h>
#include <stdlib.h>

#include "jit/trap.h"
#include "rt/instance.h"
#include "rt/object.h"
#include "rt/state.h"

/* What calls that reach a limit call out to. The Store has the only reference. */
static Status make_limit(Store *s, Err *err)
{
  static const FuncType nothing;
  if (s->limit) return LW_OK;
  TRY(lw_host_new(s, &nothing, NULL, &s->limit, err));
  s->limit->user = s->limit;
  s->limit->special = true;
  return LW_OK;
}

Status lw_budget_make(Instance *i, const InstanceOptions *opts, Err *err)
{
  bool fuel = lw_code_options(i->code)->fuel;
  Timer time = {.wall_ns = opts->timeout_ns, .cpu_ns = opts->cpu_timeout_ns};
  assert(!i->budget && opts->fuel >= FUEL_DEFAULT);
  if (!fuel && !lw_timer_limits(&time) && !opts->heap_max_bytes) return LW_OK;
  TRY(make_limit(i->vm.store, err));
  Budget *b = calloc(1, sizeof *b);
  if (!b) return lw_nomem(err, "an instance's budget");
  if (fuel) b->fuel = opts->fuel == FUEL_DEFAULT ? FUEL_MAX : opts->fuel;
  b->granted = (uint64_t)b->fuel;
  b->yields = opts->limit_yields;
  b->time = time;
  i->vm.fuel = b->fuel;
  i->budget = b;
  if (!opts->heap_max_bytes) return LW_OK;
  b->heap = lw_heap_account_new(i->vm.store, opts->heap_max_bytes);
  if (!b->heap) return lw_nomem(err, "an instance's budget");
  i->vm.runs = b->heap->runs;
  return LW_OK;
}

void lw_budget_free(Instance *i)
{
  i->vm.runs = i->vm.store->heap.common.runs;
  if (lw_heap_account(i)) lw_heap_account_end(i->vm.store, i->budget->heap);
  free(i->budget);
  i->budget = NULL;
}

bool lw_budget_begin(Instance *i)
{
  Timer *t = &i->budget->time;
  return !lw_timer_limits(t) || lw_timer_arm(t, i->slot);
}

void lw_budget_end(Instance *i)
{
  Timer *t = &i->budget->time;
  if (lw_timer_limits(t)) lw_timer_disarm(t);
}

int64_t lw_fuel_left(const Instance *i)
{
  return i->vm.fuel;
}

uint64_t lw_fuel_used(const Instance *i)
{
  return i->budget->granted - (uint64_t)i->vm.fuel;
}

void lw_fuel_set(Instance *i, int64_t left)
{
  assert(left >= 0);
  i->budget->granted += (uint64_t)left - (uint64_t)i->vm.fuel;
  i->vm.fuel = left;
}

uint64_t lw_host_calls_left(const Instance *i)
{
  return i->host_calls_max - i->host_calls;
}

void lw_host_calls_set(Instance *i, uint64_t left)
{
  assert(left <= HOST_CALLS_MAX);
  i->host_calls_max = i->host_calls + left; /* neither comes near 2^63 */
}

bool lw_act_pay_host_call(Activation *a)
{
  Instance *i = a->instance;
  if (!i) return true;
  if (i->host_calls < i->host_calls_max) {
    i->host_calls++;
    return true;
  }
  if (a->end == LW_OK) {
    a->end = LW_LIMIT;
    a->trap = TRAP_HOST_CALLS;
  }
  return false;
}

bool lw_act_at_limit(const Activation *a)
{
  return a->callee && a->callee == a->store->limit;
}

/*
** The one that is late: `a`, or from which it was called, in the same coroutine (or what
** else the binding has as user), so that it yields when `a` does. NULL: none, or one
** whose limit is an error.
*/
static const Activation *late(const Activation *a)
{
  for (const Activation *x = a; x && x->user == a->user; x = x->outer) {
    const Instance *i = x->instance;
    if (!i || !(atomic_load(&i->slot->word) & SLOT_LATE)) continue;
    return i->budget->yields ? x : NULL;
  }
  return NULL;
}

bool lw_act_late_yields(const Activation *a)
{
  return late(a) != NULL;
}

bool lw_act_late(const Activation *a)
{
  return a->end == LW_OK && late(a) &&
         lw_interrupt_pending(a->store->poll, a) == TRAP_TIMEOUT;
}

void lw_act_late_grant(Activation *a)
{
  const Activation *x = late(a);
  if (x) lw_slot_in_time(x->instance->slot);
}

void lw_act_late_deny(Activation *a)
{
  if (a->end != LW_OK) return;
  a->end = LW_LIMIT;
  a->trap = TRAP_TIMEOUT;
}

/* The amount of no stretch is 0: that is lw_stub_late. */
bool lw_act_out_of_fuel(const Activation *a)
{
  assert(lw_act_at_limit(a));
  return a->gpr[0] != 0;
}

bool lw_act_limit_yields(const Activation *a)
{
  const Instance *i = a->trap_ctx;
  if (a->end != LW_OK) return false;
  return lw_act_out_of_fuel(a) ? i->budget->yields : late(a) != NULL;
}

void lw_act_limit_deny(Activation *a)
{
  Store *s = a->store;
  Instance *i = a->trap_ctx;
  unsigned why = lw_act_out_of_fuel(a) ? TRAP_FUEL : lw_interrupt_pending(s->poll, a);
  i->vm.fuel += (int64_t)a->gpr[0]; /* the stretch does not run */
  if (a->end != LW_OK || !why) return;
  a->end = lw_limit_status(why);
  a->trap = why;
}

void lw_act_limit_grant(Activation *a)
{
  Instance *i = a->trap_ctx;
  if (!lw_act_out_of_fuel(a)) {
    lw_act_late_grant(a);
    return;
  }
  i->vm.fuel += i->budget->fuel;
  i->budget->granted += (uint64_t)i->budget->fuel;
}

void lw_act_woken(Activation *a)
{
  if (a->state != ACT_OUT) return;
  for (Activation *x = a; x && x->user == a->user; x = x->outer) {
    Instance *i = x->instance;
    if (!i || !i->budget || !x->nested) continue; /* not nested: it will begin */
    lw_budget_end(i);
    lw_slot_in_time(i->slot);
    if (!lw_budget_begin(i) && a->end == LW_OK) a->end = LW_NOMEM;
  }
}

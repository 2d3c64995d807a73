/*
** budget.c -- how much an instance may run: fuel and time.
** Layer: rt.
*/
#include "rt/budget.h"

#include <assert.h>
#include <stdlib.h>

#include "jit/trap.h"
#include "rt/instance.h"
#include "rt/state.h"

/* What calls that reach a limit call out to. The Store has the only reference. */
static Status make_limit(Store *s, Err *err)
{
  static const FuncType nothing;
  if (s->limit) return LW_OK;
  TRY(lw_host_new(s, &nothing, NULL, &s->limit, err));
  s->limit->user = s->limit;
  return LW_OK;
}

Status lw_budget_make(Instance *i, const InstanceOptions *opts, Err *err)
{
  bool fuel = lw_code_options(i->code)->fuel;
  Timer time = {.wall_ns = opts->timeout_ns, .cpu_ns = opts->cpu_timeout_ns};
  assert(!i->budget && opts->fuel >= FUEL_DEFAULT);
  if (!fuel && !lw_timer_limits(&time)) return LW_OK;
  TRY(make_limit(i->vm.store, err));
  Budget *b = calloc(1, sizeof *b);
  if (!b) return lw_nomem(err, "an instance's budget");
  if (fuel) b->fuel = opts->fuel == FUEL_DEFAULT ? FUEL_MAX : opts->fuel;
  b->granted = (uint64_t)b->fuel;
  b->yields = opts->limit_yields;
  b->time = time;
  i->vm.fuel = b->fuel;
  i->budget = b;
  return LW_OK;
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

bool lw_act_at_limit(const Activation *a)
{
  return a->callee && a->callee == a->store->limit;
}

bool lw_act_limit_yields(const Activation *a)
{
  const Instance *i = a->trap_ctx;
  assert(lw_act_at_limit(a) && i->budget);
  return i->budget->yields && a->end == LW_OK;
}

void lw_act_limit_deny(Activation *a)
{
  Instance *i = a->trap_ctx;
  i->vm.fuel += (int64_t)a->gpr[0]; /* the stretch does not run */
  if (a->end != LW_OK) return;
  a->end = LW_LIMIT;
  a->trap = TRAP_FUEL;
}

void lw_act_limit_grant(Activation *a)
{
  Instance *i = a->trap_ctx;
  assert(i->vm.fuel < 0);
  i->vm.fuel += i->budget->fuel;
  i->budget->granted += (uint64_t)i->budget->fuel;
}

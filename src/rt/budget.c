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

Status lw_budget_make(Instance *i, int64_t fuel, bool yields, Err *err)
{
  assert(!i->budget && fuel >= FUEL_DEFAULT);
  TRY(make_limit(i->vm.store, err));
  Budget *b = calloc(1, sizeof *b);
  if (!b) return lw_nomem(err, "an instance's budget");
  b->fuel = fuel == FUEL_DEFAULT ? FUEL_MAX : fuel;
  b->granted = (uint64_t)b->fuel;
  b->yields = yields;
  i->vm.fuel = b->fuel;
  i->budget = b;
  return LW_OK;
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

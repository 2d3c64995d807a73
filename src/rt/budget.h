/*
** budget.h -- how much an instance may run and make: fuel, time, host calls, objects.
**
** Fuel is counted by the machine code of modules that were compiled with it: VmCtx.fuel
** is what is left, in operators (IR_FUEL). Each instance has a tank of its own and pays
** for what its own code does, whoever called it. When a stretch of code wants more than
** is left, lw_stub_limit calls out to Store.limit: either the call ends (LW_LIMIT,
** TRAP_FUEL) and the stretch is not paid for, or the binding lets it go on: then the
** stretch is paid for out of what comes next, so what has been used is always exact.
** Layer: rt.
*/
#ifndef LW_BUDGET_H
#define LW_BUDGET_H

#include "jit/trap.h"
#include "rt/instance.h"
#include "rt/watchdog.h"

typedef struct Budget {
  uint64_t granted;         /* fuel given so far; less VmCtx.fuel: used */
  int64_t fuel;             /* what is given anew each time a call has yielded */
  Timer time;               /* for each call through it */
  bool yields;              /* a call that reaches a limit yields, where it can */
  struct HeapAccount *heap; /* of the objects it makes; NULL: no limit of its own */
} Budget;

enum { FUEL_DEFAULT = -1 }; /* in InstanceOptions: as much as there can be */
#define FUEL_MAX INT64_MAX  /* 2^63 operators take decades */

/* The instance gets its budget, if it needs one. */
Status lw_budget_make(Instance *i, const InstanceOptions *opts, Err *err);
/* A call through the instance begins to run, or does no more. False: its time can not be
   watched. */
bool lw_budget_begin(Instance *i);
void lw_budget_end(Instance *i);
/* What is left; below 0 where a parked call has begun what it could not pay. */
int64_t lw_fuel_left(const Instance *i);
uint64_t lw_fuel_used(const Instance *i);
void lw_fuel_set(Instance *i, int64_t left);

static inline struct HeapAccount *lw_heap_account(const Instance *i)
{
  return i->budget ? i->budget->heap : NULL;
}
/* The instance is closed. */
void lw_budget_free(Instance *i);

/* How a call ends that was stopped by this trap: LW_INTERRUPT, LW_LIMIT; LW_OK: it has
   simply trapped. */
static inline Status lw_limit_status(unsigned trap)
{
  switch (trap) {
  case TRAP_INTERRUPT: return LW_INTERRUPT;
  case TRAP_FUEL:
  case TRAP_TIMEOUT:
  case TRAP_HOST_CALLS:
  case TRAP_HEAP_LIMIT: return LW_LIMIT;
  default: return LW_OK;
  }
}

#define HOST_CALLS_MAX INT64_MAX /* as good as none */
/* Calls of host functions, paid by the instance that was called from the host: what is
   left. */
uint64_t lw_host_calls_left(const Instance *i);
void lw_host_calls_set(Instance *i, uint64_t left);
/* `a` calls a host function: pay for it. False: there are none left, and it ends. */
bool lw_act_pay_host_call(Activation *a);
/* Has this activation called out because a limit is reached? */
bool lw_act_at_limit(const Activation *a);
/* If so, is it for want of fuel? Else of time. */
bool lw_act_out_of_fuel(const Activation *a);
/* May it yield, should the binding be able to? Else deny it. */
bool lw_act_limit_yields(const Activation *a);
/* It ends as it goes on. */
void lw_act_limit_deny(Activation *a);
/* It goes on with a new budget; of time, when it is resumed. */
void lw_act_limit_grant(Activation *a);
/* It is out of time: may it yield at the next poll? Async-signal-safe. */
bool lw_act_late_yields(const Activation *a);
/* For a native function that waits: has its call no more time, so that it is to yield?
   Then the binding lets it go on after that, or ends it. */
bool lw_act_late(const Activation *a);
void lw_act_late_grant(Activation *a);
void lw_act_late_deny(Activation *a);
/* It has yielded, for whatever reason, and is about to be resumed: its time begins anew,
   and so it does for those that yielded with it. */
void lw_act_woken(Activation *a);

#endif

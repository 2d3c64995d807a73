/*
** native.c -- host functions that are C, and need no Lua to run.
** Layer: rt.
*/
#include "rt/native.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/os.h"
#include "jit/trap.h"
#include "rt/budget.h"
#include "rt/frames.h"
#include "rt/instance.h"
#include "rt/state.h"

void lw_host_native(HostFunc *h, NativeFunc run, void *context, uint32_t number,
                    void (*drop)(void *context))
{
  assert(!h->native && run && h->type->nparams <= NATIVE_PARAMS);
  assert(h->type->nresults <= NATIVE_RESULTS);
  h->native = run;
  h->context = context;
  h->number = number;
  h->drop = drop;
}

/* A frame that calls through cells keeps its instance; a function that was entered from
   the host, or left by a tail call, has no frame. */
Memory *lw_act_memory(const Activation *a)
{
  Walk w;
  assert(a->state == ACT_OUT);
  bool known = lw_walk_first(a, &w) && w.place.saves_ctx;
  const Instance *caller = known ? w.ctx : a->instance;
  return caller ? caller->vm.memory0 : NULL;
}

NativeWhy lw_act_native(Activation *a)
{
  HostFunc *h = a->callee;
  assert(a->state == ACT_OUT && h && h->native);
  Value args[NATIVE_PARAMS], results[NATIVE_RESULTS] = {{.i64 = 0}};
  NativeCall c = {.act = a,
                  .context = h->context,
                  .number = h->number,
                  .memory = lw_act_memory(a),
                  .args = args,
                  .results = results};
  lw_act_callout_args(a, args);
  NativeWhy why = (NativeWhy)h->native(&c);
  if (why == NATIVE_ASK) return why;
  a->ask = (NativeAsk){0};
  switch (why) {
  case NATIVE_TRAP:
    assert(c.trap != TRAP_NONE && c.trap < TRAP__MAX);
    a->trap = c.trap;
    break;
  case NATIVE_EXIT:
    if (a->end == LW_OK) a->end = LW_EXIT;
    a->exit_code = c.exit_code;
    break;
  default: lw_act_callout_results(a, results);
  }
  return why;
}

bool lw_act_wants_end(const Activation *a)
{
  return a->end != LW_OK || lw_interrupt_pending(a->store->poll, a);
}

unsigned lw_act_asked(const Activation *a)
{
  unsigned asked = lw_interrupt_pending(a->store->poll, a);
  if (asked != TRAP_TIMEOUT || !lw_act_late_yields(a)) return asked;
  lw_poll_protect(a->store->poll); /* at the next poll */
  return 0;
}

bool lw_act_must_end(const Activation *a)
{
  return a->end != LW_OK || lw_act_asked(a);
}

void lw_act_sleep(const Activation *a, uint64_t ns)
{
  PollPage *page = a->store->poll;
  uint32_t seen = atomic_load(&page->wake); /* before the look: interrupt.c */
  if (!lw_act_wants_end(a)) lw_os_wait(&page->wake, seen, ns);
}

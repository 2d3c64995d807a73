/*
** native.c -- host functions that are C, and need no Lua to run.
** Layer: rt.
*/
#include "rt/native.h"

#include <assert.h>
#include <stdlib.h>

#include "jit/abi.h"
#include "jit/trap.h"
#include "rt/budget.h"
#include "rt/frames.h"
#include "rt/instance.h"
#include "rt/state.h"
#include "rt/texts.h"

void lw_host_native(HostFunc *h, NativeFunc run, void *context, uint32_t number,
                    void (*drop)(void *context))
{
  assert(!h->native && run && h->type->nparams <= NATIVE_PARAMS);
  assert(h->type->nresults <= NATIVE_RESULTS);
  h->native = run;
  h->special = true;
  h->context = context;
  h->number = number;
  h->drop = drop;
  h->integers = h->type->nparams <= ABI_REGS;
  for (uint32_t k = 0; k < h->type->nparams + h->type->nresults; k++) {
    ValType v = k < h->type->nparams ? h->type->params[k] : h->type->results[0];
    h->integers = h->integers && (v == VAL_I32 || v == VAL_I64);
  }
}

/* Does the function that called out keep its instance in its frame? It is looked up once
   for each place: 25 ns. */
static bool saves_ctx(const Activation *a, HostFunc *h)
{
  uint32_t gone = lw_texts_gone();
  if (h->site != a->trap_pc || h->site_gone != gone || !h->site) {
    CodePlace place;
    h->site_saves = a->trap_pc && lw_code_place(a->trap_pc, &place) && place.saves_ctx;
    h->site = a->trap_pc;
    h->site_gone = gone;
  }
  return h->site_saves;
}

/* A frame that calls through cells keeps its instance; a function that was entered from
   the host, or left by a tail call, has no frame. */
Memory *lw_act_memory(const Activation *a)
{
  assert(a->state == ACT_OUT);
  const Instance *caller =
    saves_ctx(a, a->callee) ? lw_frame_ctx(a, a->trap_rbp) : a->instance;
  return caller ? caller->vm.memory0 : NULL;
}

/* All in registers: i32s are zero-extended there. */
static void integer_args(const Activation *a, uint32_t n, Value *args)
{
  for (uint32_t k = 0; k < n; k++)
    args[k].i64 = a->gpr[k];
}

static void integer_result(Activation *a, const FuncType *t, const Value *result)
{
  if (a->state == ACT_DEAD || t->nresults == 0) return;
  a->gpr[0] = t->results[0] == VAL_I32 ? result->i32 : result->i64;
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
  if (h->integers)
    integer_args(a, h->type->nparams, args);
  else
    lw_act_callout_args(a, args);
  NativeWhy why = (NativeWhy)h->native(&c);
  if (why == NATIVE_ASK) return why;
  lw_ask_end(&a->ask);
  switch (why) {
  case NATIVE_TRAP:
    assert(c.trap != TRAP_NONE && c.trap < TRAP__MAX);
    a->trap = c.trap;
    break;
  case NATIVE_EXIT:
    if (a->end == LW_OK) a->end = LW_EXIT;
    a->exit_code = c.exit_code;
    break;
  default:
    if (h->integers)
      integer_result(a, h->type, results);
    else
      lw_act_callout_results(a, results);
  }
  return why;
}

void lw_ask_again(NativeAsk *ask, uint32_t what, uint32_t which, uint64_t number)
{
  assert(what);
  free(ask->owned);
  *ask = (NativeAsk){.what = what,
                     .which = which,
                     .number = number,
                     .began = ask->began,
                     .done = ask->done};
}

void lw_ask_end(NativeAsk *ask)
{
  if (ask->owned) free(ask->owned);
  *ask = (NativeAsk){0};
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

int lw_store_event_begin(Store *s)
{
  return lw_poll_event_begin(s->poll);
}

void lw_store_event_end(Store *s)
{
  lw_poll_event_end(s->poll);
}

bool lw_store_wants_end(Store *s)
{
  lw_store_leave_parked(s);
  return s->nest && lw_act_wants_end(s->nest);
}

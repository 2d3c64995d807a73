/*
** quick.h -- the shortest way through a call: lw_act_new, _enter and _drop in one.
**
** For functions whose arguments and results all lie in registers. Every instruction
** here is paid for by every call from the host: so what can be known before is one
** flag (VMCTX_READY), what a call did not touch is not cleared after it, and all of it
** is inline. Whatever is out of the ordinary goes the general way (act.c): before it
** enters because lw_act_quick says no, afterwards by lw_act_left. Until it calls out,
** or a collection comes, an activation that was entered this way is in no list of the
** Store's (lw_acts_settle): nobody but the signal handler, which knows it from
** elsewhere, can look for it meanwhile. So if it returns without that, no other one
** was taken or given back, and no instance can have begun to wait for it.
** Layer: rt.
*/
#ifndef LW_QUICK_H
#define LW_QUICK_H

#include <assert.h>
#include <stdatomic.h>

#include "jit/layout.h"
#include "jit/stubs.h"
#include "rt/lists.h"
#include "rt/stack.h"
#include "rt/trap.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/*
** The activation that would be taken next, for its registers to be filled; it stays in
** the pool, so whoever finds that an argument is wrong just goes away. NULL: something is
** out of the ordinary, lw_act_new must look at it.
*/
static inline Activation *lw_act_quick(const FuncCell *cell)
{
  const VmCtx *vm = cell->ctx;
  Store *s = vm->store;
  Activation *a = s->pool;
  if (UNLIKELY(!(vm->flags & VMCTX_READY) || !a || !lw_thread.ready)) return NULL;
  if (UNLIKELY(s->nest && !lw_act_may_nest_quickly(s))) return NULL;
  assert(lw_act_is_clean(a) && a->store == s);
  return a;
}

/* The nest, the order per memory and the guest's stack pointer: as act.c has them. */
static inline void lw_quick_begin(Store *s, Activation *a, Instance *i)
{
  Activation *outer = s->nest;
  a->outer = outer;
  a->depth = 1;
  if (UNLIKELY(outer)) {
    outer->inner = a;
    a->depth = outer->depth + 1;
  }
  a->nested = true;
  s->nest = a;
  assert(!i->budget);
  if (!UNLIKELY(i->entered++)) lw_slot_begin(i->slot);
  Memory *m = i->vm.memory0;
  if (m) {
    a->memory = m;
    a->older = m->newest;
    if (UNLIKELY(a->older)) a->older->newer = a;
    m->newest = a;
  }
  a->sp_saved = i->sp != NULL;
  if (i->sp) a->sp_value = i->sp->i32;
}

/* It has returned, is innermost, and owes nobody a stack pointer. */
static inline void lw_quick_end(Store *s, Activation *a, Instance *i)
{
  Activation *outer = a->outer;
  assert(s->nest == a && !a->inner && a->nested && a->instance == i);
  s->nest = outer;
  if (UNLIKELY(outer)) {
    outer->inner = NULL;
    a->outer = NULL;
  }
  a->nested = false;
  if (!UNLIKELY(--i->entered)) lw_slot_end(i->slot);
  Memory *m = a->memory;
  if (!m) return;
  if (UNLIKELY(a->older)) a->older->newer = a->newer;
  if (UNLIKELY(a->newer))
    a->newer->older = a->older;
  else
    m->newest = a->older;
  a->older = a->newer = NULL;
  a->memory = NULL;
}

/*
** Enter `cell` with it, before anything else is done with the Store; `flags` (ACT_*) are
** its type's. After ACT_IS_OVER the registers have the results until the next activation
** is taken; otherwise it is as after lw_act_enter.
*/
static inline ActWhy lw_act_quick_enter(Activation *a, FuncCell *cell, uint32_t flags,
                                        void *user)
{
  Store *s = a->store;
  Instance *i = cell->ctx;
  assert(s->pool == a && i == cell->shell->instance && i->state == INSTANCE_LIVE);
  s->pool = a->next;
  a->entry = cell;
  a->instance = i;
  a->flags = flags;
  a->user = user;
  a->guest_sp = lw_stack_top(a);
  lw_quick_begin(s, a, i);
  lw_thread.running = a;
  s->act = a;
  a->state = ACT_RUNNING;
  ActWhy why = (ActWhy)lw_stub_enter(a, cell);
  if (UNLIKELY(why != ACT_IS_RETURNED || a->unusual)) {
    lw_acts_settle(a);
    return lw_act_left(a, why);
  }
  lw_trap_end();
  lw_quick_end(s, a, i);
  a->trap_pc = NULL; /* helpers leave it behind */
  assert(lw_act_is_clean(a));
  s->pool = a; /* a->next has not changed, nor has the pool */
  return ACT_IS_OVER;
}

#endif

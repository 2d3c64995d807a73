/*
** lists.h -- activations in their Store's list and in the pool: for act.c and quick.h.
** Layer: rt.
*/
#ifndef LW_LISTS_H
#define LW_LISTS_H

#include <stddef.h>

#include "jit/trap.h"
#include "rt/state.h"

/* All that are not dropped. */
static inline void lw_acts_push(Activation *a)
{
  Store *s = a->store;
  a->prev = NULL;
  a->next = s->acts;
  if (a->next) a->next->prev = a;
  s->acts = a;
  a->listed = true;
}

static inline void lw_acts_remove(Activation *a)
{
  Store *s = a->store;
  if (a->next) a->next->prev = a->prev;
  if (s->acts == a)
    s->acts = a->next;
  else
    a->prev->next = a->next;
  a->listed = false;
}
/* One that was entered the quick way is not among them yet. */
static inline void lw_acts_settle(Activation *a)
{
  if (!a->listed) lw_acts_push(a);
}

/* What pooled activations have in common, beside being in no list. */
static inline bool lw_act_is_clean(const Activation *a)
{
  return !a->nested && !a->outer && !a->inner && !a->memory && !a->older && !a->newer &&
         !a->callee && !a->anchor && !a->laid_out && !a->covered && !a->ncallouts &&
         !a->land_pc && !a->exn && !a->trap_pc && !a->ask.what && a->grown == 0 &&
         a->end == LW_OK && a->trap == TRAP_NONE;
}

/* Who yielded is out of the nest: is there room for one more? */
bool lw_act_may_nest(Store *s);
/* The same; and is no call of it timed, and none interrupted? */
bool lw_act_may_nest_quickly(Store *s);
/* Machine code has been left for that reason: so does the call end, or is out. */
ActWhy lw_act_left(Activation *a, ActWhy why);

#endif

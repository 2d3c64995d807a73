/*
** stack.h -- private stacks, and activations that carry one.
**
**   low                                                                    low + size
**   | hard guard 64K | signal room 32K |            frames            ....|
**   | never access   | no access, soft | limit ->                          | <- first rsp
**
** A frame of at most 4 KiB that does not fit touches the signal room and traps; a larger
** one compares rsp with the limit first, so none jumps over the 96 KiB.
** A host's signal handler that has no alternate stack (lua.c's Ctrl-C) runs on the
** private stack too. Where it runs into the room, our SIGSEGV handler opens the room and
** lets it go on: it has 32 KiB then, whatever the guest left; the guest's call ends as
** "call stack exhausted" when the handler returns, lest the guest use the room itself.
** The room is closed again before the stack is used by another call. When not even the
** kernel's frame fits, the guest's call ends the same way, and that signal is lost.
** Layer: rt.
*/
#ifndef LW_STACK_H
#define LW_STACK_H

#include "rt/state.h"

enum {
  STACK_HARD = 64 << 10,
  STACK_SOFT = 32 << 10,
  STACK_DEFAULT = 1 << 20,
  STACK_WHOLE = STACK_HARD + STACK_SOFT + STACK_DEFAULT,
  STACK_MIN = 64 << 10, /* usable bytes; a smaller wish is raised to it */
};
#define STACK_MAX ((size_t)1 << 30)

/* A new Activation with a stack of `size` usable bytes (0 = default). NULL: no memory */
Activation *lw_stack_new(size_t size);
Activation *lw_stack_take_cold(Store *s); /* or a new one; NULL: no memory */
/* Back to the pool after looking after it, or unmapped. */
void lw_stack_retire(Activation *a);

/* From the pool or new; everything but the stack's fields is to be set by the caller. */
static inline Activation *lw_stack_take(Store *s, size_t size)
{
  Activation *a = s->pool;
  if (size && size != STACK_DEFAULT) return lw_stack_new(size);
  if (!a) return lw_stack_take_cold(s);
  s->pool = a->next;
  return a;
}
/* How many there are in the pool; not counted, for the sake of quick.h. */
static inline uint32_t lw_stack_warm(const Store *s)
{
  uint32_t n = 0;
  for (const Activation *a = s->pool; a; a = a->next)
    n++;
  return n;
}
static inline void lw_stack_give(Activation *a)
{
  Store *s = a->store;
  if (a->stack_size != STACK_WHOLE || a->soft_open || lw_stack_warm(s) >= POOL_HOT) {
    lw_stack_retire(a);
    return;
  }
  a->next = s->pool;
  s->pool = a;
}
/* Unmap the stack; the Activation stays, without one, until it is given back. */
void lw_stack_detach(Activation *a);
void lw_stack_free_pool(Store *s);

static inline uint8_t *lw_stack_top(const Activation *a)
{
  return a->stack + a->stack_size;
}
/* Is p in the part of the stack that nobody may touch just now, or that the guest may
   not touch? */
static inline bool lw_stack_guards(const Activation *a, const void *p)
{
  return (uintptr_t)p - (uintptr_t)a->stack < STACK_HARD + STACK_SOFT;
}
/* Signal handler: make the room below the limit usable. */
bool lw_stack_open_room(Activation *a);

#endif

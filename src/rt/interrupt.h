/*
** interrupt.h -- ending a call from outside: tokens, poll pages and their protocol.
**
** A poll page is a page that machine code reads at loop back edges. Protecting it makes
** the next such read fault. Protection is only a hint ("look at your slots"); what
** counts is the slot of an instance, one atomic word {epoch, running, pending}.
** Slots and pages live for ever and are reused, so a token or a page address may be
** stale in any thread at any time without harm. The protocol is in interrupt.c.
** Layer: rt.
*/
#ifndef LW_INTERRUPT_H
#define LW_INTERRUPT_H

#include <assert.h>
#include <stdatomic.h>

#include "rt/act.h"

typedef struct PollPage {
  uint8_t *address;
  atomic_uint hint;
  _Atomic(uint32_t) wake; /* changes when whoever waits should look around (shared.c) */
  _Atomic(int) event;     /* signalled then; -1: nobody waits for descriptors */
  _Atomic(uint32_t) senders; /* that may be about to signal one */
  int spare;                 /* an event that could not be closed, or -1 */
  uint32_t spare_generation; /* of the process that made it */
  struct PollPage *next;     /* free ones */
} PollPage;

/* LATE: what is pending is a timeout, not an interrupt. */
enum { SLOT_PENDING = 1, SLOT_RUNNING = 2, SLOT_LATE = 4, SLOT_EPOCH = 8 };
enum { SLOT_FLAGS = SLOT_EPOCH - 1 };
typedef struct InterruptSlot {
  _Atomic(uint64_t) word; /* epoch, SLOT_LATE, SLOT_RUNNING, SLOT_PENDING */
  _Atomic(uint64_t) gen;  /* of its owner; part of the token */
  PollPage *_Atomic page;
  uint32_t index;
  struct InterruptSlot *next; /* free ones */
} InterruptSlot;

PollPage *lw_poll_take(void); /* NULL: no memory */
void lw_poll_give(PollPage *p);
/* Who waits on p->wake or p->event, in a wait of the guest, looks around.
   Async-signal-safe. */
void lw_poll_wake(PollPage *p);
/* For the host, around a wait for descriptors: the event to wait for with them. -1: there
   is none to be had. What has been asked before must be looked for after begin. */
int lw_poll_event_begin(PollPage *p);
void lw_poll_event_end(PollPage *p);
/* The next poll faults. */
void lw_poll_protect(PollPage *p);

/* A slot for an instance of a Store with that page; its token goes to *token. */
InterruptSlot *lw_slot_take(PollPage *p, uint64_t *token); /* NULL: no memory */
void lw_slot_give(InterruptSlot *s);
/* The outermost activation entered through the instance begins or ends. */
static inline void lw_slot_begin(InterruptSlot *s)
{
  uint64_t w = atomic_load_explicit(&s->word, memory_order_relaxed);
  assert((w & SLOT_FLAGS) == 0);
  atomic_store_explicit(&s->word, (w + SLOT_EPOCH) | SLOT_RUNNING, memory_order_release);
}
static inline void lw_slot_end(InterruptSlot *s)
{
  uint64_t w = atomic_load_explicit(&s->word, memory_order_relaxed);
  assert(w & SLOT_RUNNING);
  atomic_store_explicit(&s->word, w & ~(uint64_t)SLOT_FLAGS, memory_order_release);
}
/* It stops running because its host function yielded: was an interrupt pending? What
   is late only is so no more. */
bool lw_slot_park(InterruptSlot *s);

/* The call with that word is out of time, unless it has ended. Async-signal-safe. */
void lw_slot_late(InterruptSlot *s, uint64_t word);
/* It has time again. */
void lw_slot_in_time(InterruptSlot *s);

/* Has any call of this nest, from `a` outwards, been asked to end? TRAP_INTERRUPT or
   TRAP_TIMEOUT; else 0, and the page is readable again. Async-signal-safe. */
unsigned lw_interrupt_look(PollPage *p, const Activation *a);
/* The same where the hint tells whether it is worth a look. */
static inline unsigned lw_interrupt_pending(PollPage *p, const Activation *a)
{
  if (!atomic_load_explicit(&p->hint, memory_order_acquire)) return 0;
  return lw_interrupt_look(p, a);
}

#endif

/*
** interrupt.c -- ending a call from outside: tokens, poll pages and their protocol.
**
** Shared words, all atomic:
**   slot.word   {epoch, LATE, RUNNING, PENDING}; epoch grows with every call and owner
**   slot.gen    who owns the slot; part of the token
**   page.hint   "some slot of this Store may be PENDING"
**   the page's protection: a hint too, read by machine code at loop back edges
**
**   sender (any thread, any signal handler)     host (the thread that runs the Store)
**   S1 read word, gen; stop unless ours         E  call begins: epoch + 1 | RUNNING
**      and RUNNING                              X  call ends: clear RUNNING and PENDING
**   S2 compare-and-swap word | PENDING          C1 hint = 0
**   S3 hint = 1                                 C2 make the page readable
**   S4 protect the page                         C3 look at the slots of the nest; if one
**                                                  is PENDING: hint = 1, the call ends
**   S5 change page.wake, wake who waits on it
**   S6 if page.event is one: senders + 1, signal page.event if it still is one,
**      senders - 1
** A wait of the guest reads page.wake, looks as in C1-C3, and sleeps while page.wake is
** still what it has read: so S5 either comes before the look or ends the sleep. A wait
** for descriptors makes an event, puts it into page.event, looks, and sleeps; so S6
** either comes after the look and ends the sleep, or PENDING is seen. Afterwards it takes
** page.event back and closes it if senders is 0: whoever comes now finds none. If not, it
** keeps the event for the next wait, since a number that is closed may become somebody
** else's file. A fork may leave senders above 0 for ever: then one event stays open.
** The host does C1-C3 when a poll faults, and, if hint is 1, before every entry into
** machine code; but not where a call begins that is within no other (quick.h), for nobody
** can have asked for its end yet. "Call" is the outermost activation of the nest that was
** entered through the instance, so what was entered from its host functions ends as well,
** innermost first, as control returns outward.
**
** To be proved, and why it holds:
**  1. A request never ends a later call. Only PENDING ends a call (C3); S2 sets it only
**     while the word still has the epoch read in S1, and X and E take it away.
**  2. A request for a running call is not lost. If C3 does not see PENDING, S2 comes
**     after C3, hence S3 and S4 after C1 and C2: the page stays protected and the next
**     poll or switch looks again.
**  3. A stale S4 (the call is over, the page serves another Store) does no harm: the next
**     poll faults, C3 finds nothing and the load is executed again. Pages are never
**     unmapped, slots never freed.
**  4. A slot that changes owners between S1 and S2 has another epoch, so S2 fails.
**  5. A handler on the host's own thread is a sender that runs to completion between two
**     steps of the host; no lock is taken anywhere, so nothing can deadlock.
** E and X are plain stores: a sender changes a word only while it is RUNNING, and losing
** its PENDING to X is what X means. A call that is found to be parked is X too, but its
** PENDING is moved into Activation.end, so that the call ends when it is resumed.
** The watchdog is a sender like any other, with the word of the call in place of a token
** (lw_slot_late). It adds LATE, which says that the call ends for want of time; one who
** interrupts takes it away. Who is parked is not late.
** Layer: rt.
*/
#include "rt/interrupt.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/os.h"
#include "jit/trap.h"
#include "rt/state.h"

enum {
  PENDING = SLOT_PENDING,
  RUNNING = SLOT_RUNNING,
  LATE = SLOT_LATE,
  EPOCH = SLOT_EPOCH,
  INDEX_BITS = 20,
  CHUNK_BITS = 10,
  CHUNK = 1 << CHUNK_BITS,
  NCHUNKS = 1 << (INDEX_BITS - CHUNK_BITS),
};

static PollPage *free_pages;
static InterruptSlot *free_slots;
static InterruptSlot *_Atomic chunks[NCHUNKS];
static uint32_t nchunks;

/* ---- pages ---- */

static PollPage *page_new(void)
{
  PollPage *p = malloc(sizeof *p);
  if (!p) return NULL;
  *p = (PollPage){.address = lw_os_reserve(lw_os_page_size()), .spare = -1};
  atomic_store(&p->event, -1);
  if (p->address && lw_os_protect_read(p->address, lw_os_page_size())) return p;
  lw_os_release(p->address, lw_os_page_size());
  free(p);
  return NULL;
}

PollPage *lw_poll_take(void)
{
  lw_lock(LOCK_POLLS);
  PollPage *p = free_pages;
  if (p) free_pages = p->next;
  lw_unlock(LOCK_POLLS);
  return p ? p : page_new(); /* a recycled one may still be protected: point 3 */
}

void lw_poll_give(PollPage *p)
{
  lw_lock(LOCK_POLLS);
  p->next = free_pages;
  free_pages = p;
  lw_unlock(LOCK_POLLS);
}

void lw_poll_wake(PollPage *p)
{
  atomic_fetch_add(&p->wake, 1);
  lw_os_wake(&p->wake);
  if (atomic_load(&p->event) < 0) return;
  atomic_fetch_add(&p->senders, 1);
  int event = atomic_load(&p->event);
  if (event >= 0) lw_os_event_signal(event);
  atomic_fetch_sub(&p->senders, 1);
}

/* One that is signalled already wakes its wait once for nothing. A child of a fork must
   not use its parent's. */
int lw_poll_event_begin(PollPage *p)
{
  assert(atomic_load(&p->event) < 0 || lw_fork_generation() > 0);
  int event = p->spare;
  p->spare = -1;
  if (event >= 0 && p->spare_generation != lw_fork_generation()) {
    lw_os_event_free(event);
    event = -1;
  }
  if (event < 0) event = lw_os_event_new();
  atomic_store(&p->event, event);
  return event;
}

void lw_poll_event_end(PollPage *p)
{
  int event = atomic_exchange(&p->event, -1);
  if (event < 0) return;
  if (atomic_load(&p->senders) == 0) {
    lw_os_event_free(event);
    return;
  }
  p->spare = event;
  p->spare_generation = lw_fork_generation();
}

/* ---- slots ---- */

static bool chunk_add(void) /* under the lock */
{
  if (nchunks == NCHUNKS) return false;
  InterruptSlot *c = calloc(CHUNK, sizeof *c);
  if (!c) return false;
  for (uint32_t i = CHUNK; i-- > 0;) {
    c[i].index = nchunks << CHUNK_BITS | i;
    c[i].next = free_slots;
    free_slots = &c[i];
  }
  atomic_store_explicit(&chunks[nchunks++], c, memory_order_release);
  return true;
}

InterruptSlot *lw_slot_take(PollPage *p, uint64_t *token)
{
  lw_lock(LOCK_POLLS);
  InterruptSlot *s = NULL;
  if (free_slots || chunk_add()) {
    s = free_slots;
    free_slots = s->next;
  }
  lw_unlock(LOCK_POLLS);
  if (!s) return NULL;
  assert((atomic_load(&s->word) & SLOT_FLAGS) == 0);
  atomic_store(&s->page, p);
  uint64_t gen = atomic_load(&s->gen) + 1; /* from 1, so that no token is 0 */
  atomic_store(&s->gen, gen);
  *token = gen << INDEX_BITS | s->index;
  return s;
}

void lw_slot_give(InterruptSlot *s)
{
  /* A new epoch, so that no sender with the old generation in hand succeeds. */
  uint64_t w = atomic_load(&s->word);
  atomic_store(&s->gen, atomic_load(&s->gen) + 1);
  atomic_store(&s->word, (w | (EPOCH - 1)) + 1);
  lw_lock(LOCK_POLLS);
  s->next = free_slots;
  free_slots = s;
  lw_unlock(LOCK_POLLS);
}

bool lw_slot_park(InterruptSlot *s)
{
  uint64_t w = atomic_fetch_and(&s->word, ~(uint64_t)SLOT_FLAGS);
  assert(w & RUNNING);
  return (w & (PENDING | LATE)) == PENDING;
}

void lw_slot_in_time(InterruptSlot *s)
{
  uint64_t w = atomic_load(&s->word);
  while (w & LATE)
    if (atomic_compare_exchange_strong(&s->word, &w, w & ~(uint64_t)(PENDING | LATE)))
      break;
}

/* ---- sender ---- */

static InterruptSlot *slot_of(uint64_t token)
{
  uint32_t index = (uint32_t)token & ((1u << INDEX_BITS) - 1);
  InterruptSlot *c =
    atomic_load_explicit(&chunks[index >> CHUNK_BITS], memory_order_acquire);
  return c ? &c[index & (CHUNK - 1)] : NULL;
}

/* S3, S4 */
void lw_poll_protect(PollPage *p)
{
  atomic_store(&p->hint, 1);
  int kept = errno; /* we may be inside anybody's signal handler */
  /* If this is refused the call still ends at its next switch, for the hint is set. */
  (void)lw_os_protect_none(p->address, lw_os_page_size());
  errno = kept;
}

static void deliver(InterruptSlot *s)
{
  PollPage *p = atomic_load(&s->page);
  lw_poll_protect(p);
  lw_poll_wake(p);
}

bool lw_interrupt_send(uint64_t token)
{
  InterruptSlot *s = slot_of(token);
  if (!s) return false;
  for (;;) {
    uint64_t w = atomic_load(&s->word);
    if (atomic_load(&s->gen) != token >> INDEX_BITS) return false;
    if (!(w & RUNNING)) return false;
    uint64_t asked = (w | PENDING) & ~(uint64_t)LATE;
    if (w == asked || atomic_compare_exchange_strong(&s->word, &w, asked)) break;
  }
  deliver(s);
  return true;
}

void lw_slot_late(InterruptSlot *s, uint64_t word)
{
  assert((word & SLOT_FLAGS) == RUNNING);
  /* One that is asked to end already need not be asked again. */
  if (atomic_compare_exchange_strong(&s->word, &word, word | PENDING | LATE)) deliver(s);
}

void lw_interrupt_handler(void *token)
{
  lw_interrupt_send((uint64_t)(uintptr_t)token);
}

/* ---- host ---- */

static unsigned slot_asked(const Instance *i)
{
  uint64_t w = i ? atomic_load(&i->slot->word) : 0;
  if (!(w & PENDING)) return 0;
  return w & LATE ? TRAP_TIMEOUT : TRAP_INTERRUPT;
}

unsigned lw_interrupt_look(PollPage *p, const Activation *a)
{
  int kept = errno;
  atomic_store(&p->hint, 0);
  bool readable = lw_os_protect_read(p->address, lw_os_page_size());
  errno = kept;
  unsigned end = readable ? 0 : TRAP_INTERRUPT;
  for (const Activation *x = a; x && !end; x = x->outer)
    end = slot_asked(x->instance);
  if (end) atomic_store(&p->hint, 1);
  return end;
}

/*
** shared.c -- memories of several Stores, and waiting on them.
**
** One lock guards the registry, the attached memories, growth, and the queue of waiters.
** Under it a waiter compares the value and enters the queue, so a notify that follows a
** store of another value finds the waiter, or the waiter finds the value. It then sleeps
** on its Store's poll page (interrupt.c), which both notify and interrupts change.
** After a fork the child has the bytes as they were and is the only one that has them;
** waiters were other threads, which it has not.
** Layer: rt.
*/
#include "rt/shared.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/os.h"
#include "rt/interrupt.h"
#include "rt/reserve.h"
#include "rt/state.h"

struct Shared {
  uint8_t *base;
  uint64_t max_pages;
  size_t reserved;
  Limits type;
  bool guard;
  Known *known;
  Memory *memories; /* attached, one at least; all have the same length */
  Shared *next;
  char key[SHARED_KEY];
};

typedef struct Waiter {
  const uint8_t *at;
  PollPage *page;
  bool woken;
  struct Waiter *next;
} Waiter;

/* Under LOCK_SHARED. */
static Shared *all;
static Waiter *waiters, **last_waiter = &waiters;
static uint32_t waiters_of; /* the fork generation that the queue is of */

static void lock(void)
{
  lw_lock(LOCK_SHARED);
  if (waiters_of == lw_fork_generation()) return;
  waiters_of = lw_fork_generation();
  waiters = NULL;
  last_waiter = &waiters;
}

static void unlock(void)
{
  lw_unlock(LOCK_SHARED);
}

/* ---- bytes ---- */

/* As much of the limit as the system has address space for, so that it never moves. */
static bool reserve(Shared *s, uint64_t length)
{
  unsigned log2 = lw_page_log2(&s->type);
  for (uint64_t room = s->max_pages << log2;; room /= 2) {
    if (room < length) room = length;
    s->reserved = lw_os_pages(room) + MEMORY_GUARD;
    s->base = lw_os_reserve(s->reserved);
    if (s->base) {
      if (room >> log2 < s->max_pages) s->max_pages = room >> log2;
      if (lw_os_commit(s->base, lw_os_pages(length))) return true;
      lw_os_release(s->base, s->reserved);
      s->base = NULL;
    }
    if (room == length) return false;
  }
}

static Status map(Shared *s, uint64_t length, bool explicit_bounds, Err *err)
{
  bool commit;
  if (!explicit_bounds && !lw_limits_checked(&s->type)) {
    s->base = lw_guard_take(length, -1, 0, &commit);
    s->guard = s->base != NULL;
    s->reserved = lw_os_pages(GUARD_SPACE);
  }
  if (!s->base && !reserve(s, length))
    return lw_fail(err, LW_NOMEM, ERR_NOWHERE,
                   "the system refused address space for a shared memory of %llu bytes: "
                   "see ulimit -v, vm.overcommit_memory and vm.max_map_count",
                   (unsigned long long)length);
  s->known = lw_known_add(s->base, s->reserved);
  return s->known ? LW_OK : lw_nomem(err, "a shared memory");
}

static void free_shared(Shared *s, uint64_t length)
{
  if (s->known) lw_known_remove(s->known);
  if (s->guard)
    lw_guard_give(s->base, length, -1);
  else if (s->base)
    lw_os_release(s->base, s->reserved);
  free(s);
}

static bool make_key(char key[SHARED_KEY])
{
  uint8_t bytes[(SHARED_KEY - 1) / 2];
  if (!lw_os_random(bytes, sizeof bytes)) return false;
  for (unsigned i = 0; i < SHARED_KEY - 1; i++)
    key[i] = "0123456789abcdef"[bytes[i / 2] >> (i & 1) * 4 & 15];
  key[SHARED_KEY - 1] = '\0';
  return true;
}

static void attach(Shared *s, Memory *m, uint64_t length)
{
  m->shared = s;
  m->type = s->type;
  m->base = s->base;
  m->length = length;
  m->max_pages = s->max_pages;
  m->guard = s->guard;
  m->reserved = s->reserved;
  m->fellow = s->memories;
  if (m->fellow) m->fellow->before = m;
  s->memories = m;
}

Status lw_shared_new(Memory *m, bool explicit_bounds, Err *err)
{
  Shared *s = calloc(1, sizeof *s);
  if (!s) return lw_nomem(err, "a shared memory");
  s->type = m->type;
  s->max_pages = m->max_pages;
  Status made = make_key(s->key)
                  ? map(s, m->length, explicit_bounds, err)
                  : lw_fail(err, LW_NOMEM, ERR_NOWHERE, "no random numbers");
  if (made != LW_OK) {
    free_shared(s, m->length);
    return made;
  }
  lock();
  attach(s, m, m->length);
  s->next = all;
  all = s;
  unlock();
  return LW_OK;
}

Status lw_shared_attach(const char *key, Memory **out, Err *err)
{
  Memory *m = calloc(1, sizeof *m);
  if (!m) return lw_nomem(err, "a memory");
  m->refs = 1;
  m->image = -1;
  lock();
  Shared *s = all;
  while (s && strcmp(s->key, key) != 0)
    s = s->next;
  if (s) attach(s, m, lw_memory_length(s->memories));
  unlock();
  if (!s) {
    free(m);
    return lw_fail(err, LW_CLOSED, ERR_NOWHERE, "no shared memory has this key");
  }
  *out = m;
  return LW_OK;
}

void lw_shared_leave(Memory *m)
{
  Shared *s = m->shared;
  lock();
  if (m->before)
    m->before->fellow = m->fellow;
  else
    s->memories = m->fellow;
  if (m->fellow) m->fellow->before = m->before;
  bool last = s->memories == NULL;
  if (last) {
    Shared **link = &all;
    while (*link != s)
      link = &(*link)->next;
    *link = s->next;
  }
  unlock();
  if (last) free_shared(s, m->length);
  m->shared = NULL;
  m->base = NULL;
  m->fellow = m->before = NULL;
}

uint64_t lw_shared_grow(Memory *m, uint64_t pages)
{
  Shared *s = m->shared;
  unsigned log2 = lw_page_log2(&s->type);
  lock();
  uint64_t length = m->length, old = length >> log2;
  bool done = pages <= s->max_pages - old;
  if (done && pages > 0) {
    uint64_t wanted = (old + pages) << log2;
    size_t now = lw_os_pages(length), whole = lw_os_pages(wanted);
    done = whole == now || lw_os_commit(s->base + now, whole - now);
    for (Memory *x = s->memories; done && x; x = x->fellow)
      __atomic_store_n(&x->length, wanted, __ATOMIC_SEQ_CST);
  }
  unlock();
  return done ? old : UINT64_MAX;
}

const char *lw_shared_key(const Memory *m)
{
  return m->shared ? m->shared->key : NULL;
}

/* ---- waiting ---- */

static uint64_t value_at(const uint8_t *at, unsigned size)
{
  if (size == 8)
    return __atomic_load_n((const uint64_t *)(const void *)at, __ATOMIC_SEQ_CST);
  return __atomic_load_n((const uint32_t *)(const void *)at, __ATOMIC_SEQ_CST);
}

static bool enter(Waiter *w, unsigned size, uint64_t expected)
{
  lock();
  bool same = value_at(w->at, size) == expected;
  if (same) {
    *last_waiter = w;
    last_waiter = &w->next;
  }
  unlock();
  return same;
}

/* Under the lock. */
static void leave(Waiter **link)
{
  Waiter *w = *link;
  *link = w->next;
  if (last_waiter == &w->next) last_waiter = link;
}

/* Out of the queue; what has happened first counts. */
static WaitEnd give_up(Waiter *w, WaitEnd why)
{
  lock();
  if (w->woken) {
    why = WAIT_WOKEN;
  } else {
    Waiter **link = &waiters;
    while (*link && *link != w)
      link = &(*link)->next;
    if (*link) leave(link);
  }
  unlock();
  return why;
}

static bool is_woken(const Waiter *w)
{
  return __atomic_load_n(&w->woken, __ATOMIC_ACQUIRE);
}

WaitEnd lw_shared_wait(Store *s, Memory *m, uint64_t at, unsigned size, uint64_t expected,
                       int64_t ns)
{
  assert(m->shared && lw_memory_has(m, at, size) && at % size == 0);
  uint64_t now = lw_os_now_ns();
  uint64_t until =
    ns < 0 || now > UINT64_MAX - (uint64_t)ns ? UINT64_MAX : now + (uint64_t)ns;
  PollPage *page = s->poll;
  Waiter w = {.at = m->base + at, .page = page};
  if (!enter(&w, size, expected)) return WAIT_OTHER;
  for (;;) {
    uint32_t seen = atomic_load(&page->wake);
    if (is_woken(&w)) return give_up(&w, WAIT_WOKEN);
    if (lw_interrupt_pending(page, s->nest)) {
      WaitEnd end = give_up(&w, WAIT_INTERRUPT);
      if (end == WAIT_WOKEN) atomic_store(&page->hint, 1); /* the next poll ends it */
      return end;
    }
    now = lw_os_now_ns();
    if (until != UINT64_MAX && now >= until) return give_up(&w, WAIT_LATE);
    lw_os_wait(&page->wake, seen, until == UINT64_MAX ? UINT64_MAX : until - now);
  }
}

uint32_t lw_shared_notify(Memory *m, uint64_t at, uint32_t n)
{
  if (!m->shared) return 0;
  uint32_t woken = 0;
  const uint8_t *place = m->base + at;
  lock();
  for (Waiter **link = &waiters; *link && woken < n;) {
    Waiter *w = *link;
    if (w->at != place) {
      link = &w->next;
      continue;
    }
    leave(link);
    PollPage *page = w->page;
    __atomic_store_n(&w->woken, true, __ATOMIC_RELEASE);
    lw_poll_wake(page); /* `w` may be gone: its thread takes the lock before it goes */
    woken++;
  }
  unlock();
  return woken;
}

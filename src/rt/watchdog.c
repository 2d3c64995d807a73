/*
** watchdog.c -- time limits: one thread that interrupts calls whose time is up.
**
** There are never more armed timers than calls that run just now, so they are a plain
** list that the thread goes through each time it wakes. `wake_at` is until when it
** sleeps: who arms a timer that is due sooner wakes it. A timer that is disarmed does
** not: the thread finds out by itself, so a short call costs two locks and a clock.
** Layer: rt.
*/
#include "rt/watchdog.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "base/lock.h"

enum { STACK = 256 << 10 };
#define LINGER_NS 1000000000u /* the thread stays for more timers to come */
#define NEVER     UINT64_MAX

_Atomic(uint32_t) lw_timers_armed;
static Timer *timers;
static uint64_t wake_at;
static bool running;
static uint32_t generation; /* in which it runs */

static uint64_t later(uint64_t now, uint64_t ns)
{
  return ns < NEVER - now ? now + ns : NEVER;
}

/* The next moment at which it may be due; not after `now`: it is. */
static uint64_t due_at(const Timer *t, uint64_t now)
{
  uint64_t at = t->wall_ns ? t->wall_end : NEVER, used;
  if (!t->cpu_ns || at <= now) return at;
  if (!lw_os_clock_now(t->cpu, &used)) return at; /* that thread is no more */
  uint64_t cpu_at = used >= t->cpu_end ? now : later(now, t->cpu_end - used);
  return cpu_at < at ? cpu_at : at;
}

static void unlink_timer(Timer *t)
{
  assert(t->armed);
  if (t->prev) t->prev->next = t->next;
  if (t->next) t->next->prev = t->prev;
  if (timers == t) timers = t->next;
  t->prev = t->next = NULL;
  t->armed = false;
  atomic_fetch_sub_explicit(&lw_timers_armed, 1, memory_order_relaxed);
}

/* End those that are due; when will the next one be? */
static uint64_t sweep(uint64_t now)
{
  uint64_t soonest = NEVER;
  for (Timer *t = timers, *next; t; t = next) {
    next = t->next;
    uint64_t at = due_at(t, now);
    if (at <= now) {
      unlink_timer(t);
      lw_slot_late(t->slot, t->word);
    } else if (at < soonest)
      soonest = at;
  }
  return soonest;
}

static void *watch(void *unused)
{
  (void)unused;
  lw_lock(LOCK_TIMERS);
  for (bool idle = false;;) {
    uint64_t now = lw_os_now_ns(), soonest = sweep(now);
    if (!timers && idle) break;
    idle = !timers;
    wake_at = idle ? later(now, LINGER_NS) : soonest;
    lw_lock_wait_until(LOCK_TIMERS, wake_at);
  }
  running = false;
  lw_unlock(LOCK_TIMERS);
  return NULL;
}

/* With the lock held. */
static bool start(void)
{
  pthread_t thread;
  pthread_attr_t attr;
  sigset_t all, before;
  if (running && generation == lw_fork_generation()) return true;
  if (pthread_attr_init(&attr) != 0) return false;
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attr, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  wake_at = 0; /* it looks around at once */
  running = pthread_create(&thread, &attr, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attr);
  generation = lw_fork_generation();
  return running;
}

/* Its time begins now, in this thread. */
static bool set(Timer *t, uint64_t now)
{
  uint64_t used;
  t->wall_end = later(now, t->wall_ns);
  if (!t->cpu_ns) return true;
  if (!lw_os_cpu_clock(&t->cpu) || !lw_os_clock_now(t->cpu, &used)) return false;
  t->cpu_end = later(used, t->cpu_ns);
  return true;
}

bool lw_timer_arm(Timer *t, InterruptSlot *slot)
{
  assert(!t->armed && lw_timer_limits(t));
  uint64_t now = lw_os_now_ns();
  if (!set(t, now)) return false;
  t->slot = slot;
  uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
  t->word = (word & ~(uint64_t)SLOT_FLAGS) | SLOT_RUNNING;
  lw_lock(LOCK_TIMERS);
  bool ready = start();
  if (ready) {
    t->armed = true;
    t->prev = NULL;
    t->next = timers;
    if (t->next) t->next->prev = t;
    timers = t;
    atomic_fetch_add_explicit(&lw_timers_armed, 1, memory_order_relaxed);
    if (due_at(t, now) < wake_at) lw_lock_wake(LOCK_TIMERS);
  }
  lw_unlock(LOCK_TIMERS);
  return ready;
}

void lw_timer_disarm(Timer *t)
{
  lw_lock(LOCK_TIMERS);
  if (t->armed) unlink_timer(t);
  lw_unlock(LOCK_TIMERS);
}

/* In the child the calls that ran in the thread that forked go on; their processor time
   begins anew. Those of other threads are lost, and their timers harm nobody. */
bool lw_timers_revive(void)
{
  bool ready = true;
  lw_lock(LOCK_TIMERS);
  if (timers && generation != lw_fork_generation()) {
    uint64_t used;
    for (Timer *t = timers; t; t = t->next)
      if (t->cpu_ns && lw_os_cpu_clock(&t->cpu) && lw_os_clock_now(t->cpu, &used))
        t->cpu_end = later(used, t->cpu_ns);
    ready = start();
  }
  lw_unlock(LOCK_TIMERS);
  return ready;
}

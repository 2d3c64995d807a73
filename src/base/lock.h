/*
** lock.h -- every lock that belongs to the whole process, in one table.
**
** The order of the names is the order in which they may be taken: who holds one takes
** only later ones, which debug builds check. So a fork can take them all first, and the
** child finds nothing half done: what another thread was at stays with the parent, and
** whoever would wait for it sees by the generation that nobody is left to finish it.
** Layer: base.
*/
#ifndef LW_LOCK_H
#define LW_LOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
  LOCK_WORKER,   /* rt/worker.c: the queue of what is to be compiled */
  LOCK_CACHES,   /* cache/: the open caches and their lists */
  LOCK_CODES,    /* rt/code.c: the registry, and how far each Code is */
  LOCK_TYPES,    /* rt/type.c: canonical types */
  LOCK_SIGNALS,  /* rt/trap.c: installing handlers */
  LOCK_POLLS,    /* rt/interrupt.c: free poll pages and slots */
  LOCK_SHARED,   /* rt/shared.c: shared memories, and who waits on them */
  LOCK_RESERVES, /* rt/reserve.c: known ranges, the pool of reservations */
  LOCK_TEXT,     /* base/os_text.c: executable memory */
  LOCK_WATCH,    /* base/os_watch.c: the descriptors */
  LOCK_TIMERS,   /* rt/watchdog.c: the armed timers */
  LOCK_PASSES,   /* jit/passes.c: sums of what passes cost */
  LOCK__MAX
} LockName;

void lw_lock(LockName name);
void lw_unlock(LockName name);
/* Give the lock up until somebody wakes those who wait on it, or for no reason. */
void lw_lock_wait(LockName name);
/* The same, but not longer than until lw_os_now_ns() is `ns`. */
void lw_lock_wait_until(LockName name, uint64_t ns);
void lw_lock_wake(LockName name); /* all of them; the lock is held */

/* How many forks lie between this process and the one that loaded the library: what was
   under way in a thread at an earlier count has no thread any more. */
uint32_t lw_fork_generation(void);
/* How many forks this process has seen as parent or child: memory that is shared with
   the other side since then must not be written. */
uint32_t lw_fork_count(void);

#endif

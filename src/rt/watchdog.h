/*
** watchdog.h -- time limits: one thread that interrupts calls whose time is up.
**
** A Timer belongs to an instance and is armed while a call that was entered through it
** runs. When its time is up the watchdog marks the slot of that very call (SLOT_LATE,
** interrupt.h), so that it ends where an interrupt would end it, and never a later one.
** The thread starts when the first timer is armed, after a fork as well, and ends when
** none has been for a while. All signals are blocked in it.
** Layer: rt.
*/
#ifndef LW_WATCHDOG_H
#define LW_WATCHDOG_H

#include "base/os.h"
#include "rt/interrupt.h"

typedef struct Timer {
  uint64_t wall_ns, cpu_ns; /* that each call has; 0: any */
  /* the rest under LOCK_TIMERS */
  bool armed;
  InterruptSlot *slot;
  uint64_t word; /* of the slot, with the epoch of the call */
  uint64_t wall_end, cpu_end;
  OsClock cpu; /* of the thread that runs the call */
  struct Timer *prev, *next;
} Timer;

static inline bool lw_timer_limits(const Timer *t)
{
  return t->wall_ns || t->cpu_ns;
}
/* The call that has just begun in `slot` has all its time before it. False: there is no
   thread to be had, the timer is not armed. */
bool lw_timer_arm(Timer *t, InterruptSlot *slot);
/* The call has ended, or is parked. Nothing if it is not armed. */
void lw_timer_disarm(Timer *t);

/* How many are armed: a hint. */
extern _Atomic(uint32_t) lw_timers_armed;
/* Before wasm runs: a fork may have left the watchdog behind. False as above. */
bool lw_timers_revive(void);

#endif

/*
** trap.h -- traps by signal: SIGSEGV, SIGILL and SIGFPE in machine code.
**
** The handlers are process-wide and chained: what is not ours goes to whoever was there
** before. They are installed on first use and looked after at every instantiation, for a
** host may install its own later.
** Layer: rt.
*/
#ifndef LW_TRAPS_H
#define LW_TRAPS_H

#include "rt/act.h"

/* Install the handlers if they are not in place. LW_IO when the system refuses. */
Status lw_trap_install(Err *err);

/* What a thread is doing. Initial-exec, so that a signal handler may read it. */
typedef struct ThreadState {
  Activation *running;     /* in machine code */
  bool ready;              /* the alternate stack was looked after */
  const void *passing;     /* the context of a fault that is being passed on, */
  const void *passed_from; /* the frame that does it, */
  int passed_to;           /* and to whom */
} ThreadState;
extern _Thread_local ThreadState lw_thread __attribute__((tls_model("initial-exec")));

bool lw_trap_thread_ready(void);
/* Around every stay in machine code: which activation does this thread run? begin also
   sees to the thread's alternate stack; false: no memory for one. */
static inline bool lw_trap_begin(Activation *a)
{
  if (__builtin_expect(!lw_thread.ready, 0) && !lw_trap_thread_ready()) return false;
  lw_thread.running = a;
  return true;
}
static inline void lw_trap_end(void)
{
  lw_thread.running = NULL;
}

#endif

/*
** worker.h -- one thread that compiles in the background what is lazy.
**
** It starts when there is something to do and ends when there is nothing more, so an idle
** process has no thread of ours; so it does after a fork. A Code that nobody holds any
** more is given up between two functions. All signals are blocked in it.
** Layer: rt.
*/
#ifndef LW_WORKER_H
#define LW_WORKER_H

#include "rt/code.h"

/* Compile all of that image, unless that is under way, done, or no thread can be had:
   then it is compiled as it is called. Quick when there is nothing to do. */
void lw_worker_add(Code *c, bool explicit_bounds);
/* Wait until there is nothing to do: for specs and programs that want to be sure. */
void lw_worker_drain(void);

#endif

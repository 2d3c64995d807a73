/*
** shared.h -- memories of several Stores, and waiting on them.
**
** A Shared owns the bytes; every Store that has the memory has a Memory attached to it,
** whose `length` is kept equal by whoever grows it. It lives as long as one is attached.
** A key names it inside the process, for other Lua states to attach to.
** Layer: rt.
*/
#ifndef LW_SHARED_H
#define LW_SHARED_H

#include "rt/memory.h"
#include "rt/store.h"

enum { SHARED_KEY = 33 }; /* characters of a key and its zero */

typedef struct Shared Shared;

/* Bytes for m, whose type, limit and length are set, and attach it. */
Status lw_shared_new(Memory *m, bool explicit_bounds, Err *err);
/* Another Memory with the bytes that the key names. LW_CLOSED: nobody has them. */
Status lw_shared_attach(const char *key, Memory **out, Err *err);
/* m had its last reference. */
void lw_shared_leave(Memory *m);
/* As lw_memory_grow. */
uint64_t lw_shared_grow(Memory *m, uint64_t pages);
const char *lw_shared_key(const Memory *m);

/*
** Wait on `size` bytes (4 or 8) at an aligned address inside, for `ns` at most (negative:
** for ever), if they are `expected` now. Of the guest that runs in `s`: an interrupt ends
** the wait.
*/
typedef enum { WAIT_WOKEN, WAIT_OTHER, WAIT_LATE, WAIT_INTERRUPT } WaitEnd;
WaitEnd lw_shared_wait(Store *s, Memory *m, uint64_t at, unsigned size, uint64_t expected,
                       int64_t ns);
/* Wake at most n of those who wait there, who came first first. -> how many */
uint32_t lw_shared_notify(Memory *m, uint64_t at, uint32_t n);

#endif

/*
** reserve.h -- address space for memories: who has which, and what lies ready for reuse.
**
** Two tables, both process-wide. The known ranges tell the signal handler that a fault is
** an access out of bounds; the pool keeps released guard reservations, for making one
** costs more than most calls.
** Layer: rt.
*/
#ifndef LW_RESERVE_H
#define LW_RESERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 4 GiB of index + 4 GiB of offset + the widest access and what explicit traps need. */
#define GUARD_SPACE (((size_t)8 << 30) + (size_t)MEMORY_GUARD)

typedef struct Known Known;
/* A note that [base, base + size) is a memory with its guard. NULL: no memory. */
Known *lw_known_add(const void *base, size_t size);
void lw_known_move(Known *k, const void *base, size_t size);
void lw_known_remove(Known *k);
bool lw_known_contains(const void *address); /* async-signal-safe */

/*
** A guard reservation whose first `length` bytes are accessible and zero, or, below
** `image_size`, copies of `image` (image = -1: none). NULL: refused; then *commit tells
** whether the address space was there but access was refused.
*/
uint8_t *lw_guard_take(size_t length, int image, size_t image_size, bool *commit);
/* `length` accessible bytes, of which an image (or -1) covers the start. */
void lw_guard_give(uint8_t *base, size_t length, int image);
/* The image's number is about to be reused: nothing in the pool may hold it. */
void lw_guard_forget(int image);
/* Address space is short: empty the pool. False: there was nothing in it. */
bool lw_guard_empty(void);

#endif

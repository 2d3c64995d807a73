/*
** bulk.h -- long operations of one instruction, in pieces.
**
** A guest can ask for a gigabyte to be filled or copied in one instruction, and machine
** code polls only between instructions. So what is longer than a piece looks for an
** interrupt after each. A call that is to end traps there, with as much done as has been
** done; one that yields at its time limit finishes the instruction first.
** Invariant: everything has been checked before the first piece.
** Not for: instantiation, where no call of this instance runs.
** Layer: rt.
*/
#ifndef LW_BULK_H
#define LW_BULK_H

#include "rt/store.h"

enum { BULK_PIECE = 1 << 20 }; /* bytes: half a millisecond if none was touched before */

/* Is the running call to end now? Then its trap is set. */
bool lw_bulk_ends(Store *s);
/* memset, memmove. */
void lw_bulk_fill(Store *s, uint8_t *to, uint8_t byte, uint64_t n);
void lw_bulk_move(Store *s, uint8_t *to, const uint8_t *from, uint64_t n);

#endif

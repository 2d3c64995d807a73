/*
** bulk.c -- long operations of one instruction, in pieces.
** Layer: rt.
*/
#include "rt/bulk.h"

#include <string.h>

#include "rt/native.h"
#include "rt/state.h"

bool lw_bulk_ends(Store *s)
{
  unsigned asked = lw_act_asked(s->act);
  if (asked) lw_act_trap(s, asked);
  return asked;
}

void lw_bulk_fill(Store *s, uint8_t *to, uint8_t byte, uint64_t n)
{
  for (; n > BULK_PIECE; to += BULK_PIECE, n -= BULK_PIECE) {
    memset(to, byte, BULK_PIECE);
    if (lw_bulk_ends(s)) return;
  }
  if (n) memset(to, byte, n);
}

/* Where they overlap, each piece is read before it is written. */
void lw_bulk_move(Store *s, uint8_t *to, const uint8_t *from, uint64_t n)
{
  if ((uintptr_t)to <= (uintptr_t)from) {
    for (; n > BULK_PIECE; to += BULK_PIECE, from += BULK_PIECE, n -= BULK_PIECE) {
      memmove(to, from, BULK_PIECE);
      if (lw_bulk_ends(s)) return;
    }
  } else {
    for (; n > BULK_PIECE; n -= BULK_PIECE) {
      memmove(to + n - BULK_PIECE, from + n - BULK_PIECE, BULK_PIECE);
      if (lw_bulk_ends(s)) return;
    }
  }
  if (n) memmove(to, from, n);
}

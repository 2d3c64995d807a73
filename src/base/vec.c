/*
** vec.c -- see vec.h.
** Layer: base.
*/
#include "base/vec.h"

#include <assert.h>
#include <string.h>

enum { FIRST = 16 };

void *lw_vec_room(Arena *a, void *array, uint32_t *cap, uint32_t n, size_t size)
{
  assert(size > 0 && (array || *cap == 0));
  if (n < *cap) return array;
  if (n >= UINT32_MAX / 2) return NULL;
  uint32_t more = *cap ? *cap : FIRST;
  while (more <= n)
    more *= 2;
  unsigned char *p = lw_arena_grow(a, array, *cap * size, more * size);
  if (!p) return NULL;
  memset(p + *cap * size, 0, (more - *cap) * size);
  *cap = more;
  return p;
}

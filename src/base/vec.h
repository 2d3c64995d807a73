/*
** vec.h -- arrays that grow as entries come, in an arena.
**
** For lists whose length an input merely claims: memory follows what was really read.
** The owner keeps pointer, count and capacity as plain fields and asks for room before
** it appends.
** Layer: base.
*/
#ifndef LW_VEC_H
#define LW_VEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
** `array` (*cap entries of `size` bytes) with room for entry number n: itself, or a copy
** at least twice as large in `a`, *cap updated. New entries are zero. NULL when out of
** memory.
*/
void *lw_vec_room(Arena *a, void *array, uint32_t *cap, uint32_t n, size_t size);

#endif

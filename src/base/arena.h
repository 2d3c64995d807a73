/*
** arena.h -- bump allocation for things that die together.
**
** A compile makes thousands of small objects (blocks, instructions, live
** ranges) and throws all of them away at once. They come from an Arena and
** are never freed one by one, so an error path is a bare `return`.
**
** Invariants: memory is zeroed unless taken with _raw; alignment is 16; a
** pointer stays valid until arena_reset or arena_free; an Arena is owned by
** exactly one struct.
** Not for: anything a Lua object can reach after the call returns.
** Layer: base.
*/
#ifndef LW_ARENA_H
#define LW_ARENA_H

#include <stddef.h>

typedef struct Slab Slab;
typedef struct Arena {
  Slab *head;   /* newest slab; older ones hang off it */
  Slab *large;  /* each with one block */
  size_t used;  /* bytes taken from head */
  size_t apart; /* bytes in large ones */
  size_t total; /* bytes handed out since reset (for stats and limits) */
  size_t peak;  /* the largest total ever reached */
  size_t next;  /* what one slab should hold: the last use that needed several */
} Arena;

/* Returns zeroed memory, or NULL when the system is out of memory. */
void *lw_arena_alloc(Arena *a, size_t size);
/* The same without clearing it. */
void *lw_arena_raw(Arena *a, size_t size);
/* A copy of `old` (old_size bytes) in a block of new_size bytes; in place when
   `old` was the latest block. The rest is not cleared. NULL when out of memory; then
   `old` is as it was, else it is gone. */
void *lw_arena_grow(Arena *a, void *old, size_t old_size, size_t new_size);
/* Give back what is behind new_size bytes, if it is large enough to matter. Returns where
   the block is then. */
void *lw_arena_trim(Arena *a, void *old, size_t old_size, size_t new_size);
/* Give a block back that nobody needs any longer, if it is large enough to matter. */
void lw_arena_drop(Arena *a, void *old, size_t old_size);
/* Forget the objects; keep one slab, next time as large as all of them together. */
void lw_arena_reset(Arena *a);
void lw_arena_free(Arena *a); /* give everything back; `a` is reusable */

/* `n` must have been checked against a limit: the product is not. */
#define ARENA_NEW(a, T)    ((T *)lw_arena_alloc((a), sizeof(T)))
#define ARENA_ARR(a, T, n) ((T *)lw_arena_alloc((a), sizeof(T) * (size_t)(n)))
#define ARENA_RAW(a, T, n) ((T *)lw_arena_raw((a), sizeof(T) * (size_t)(n)))

#endif

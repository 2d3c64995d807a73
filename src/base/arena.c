/*
** arena.c -- slabs double up to 1 MiB; oversized requests get their own slab.
**
** A use that needed several slabs is followed, after a reset, by one slab of their size
** (up to 64 MiB): a compiler's scratch then stops asking the system for pages.
** In debug builds, memory that nobody cleared is full of ARENA_FILL, so that whoever
** reads what they did not write does so every time: what an earlier use left looks like
** data.
** Layer: base.
*/
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, SLAB_MIN = 4096, SLAB_MAX = 1 << 20, NEXT_MAX = 1 << 26 };

#ifndef ARENA_FILL
#define ARENA_FILL 0xff /* the bytes of most marks and of "none" */
#endif

struct Slab {
  Slab *next;
  size_t cap;
  _Alignas(ALIGN) unsigned char mem[];
};

static size_t rounded(size_t size)
{
  return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static Slab *slab_push(Arena *a, size_t need)
{
  size_t cap = a->head ? a->head->cap * 2 : SLAB_MIN;
  if (cap > SLAB_MAX) cap = SLAB_MAX;
  if (!a->head && cap < a->next) cap = a->next;
  if (cap < need) cap = need;
  Slab *s = malloc(sizeof *s + cap);
  if (!s) return NULL;
  s->next = a->head;
  s->cap = cap;
  a->head = s;
  a->used = 0;
  return s;
}

static void count(Arena *a, size_t size)
{
  a->used += size;
  a->total += size;
  if (a->total > a->peak) a->peak = a->total;
  assert(a->used <= a->head->cap);
}

static void spoil(void *p, size_t size)
{
#ifndef NDEBUG
  memset(p, ARENA_FILL, size);
#else
  (void)p, (void)size;
#endif
}

void *lw_arena_raw(Arena *a, size_t size)
{
  if (size > SIZE_MAX / 2) return NULL; /* a caller's overflow ends here */
  size = rounded(size);
  if (!a->head || a->head->cap - a->used < size)
    if (!slab_push(a, size)) return NULL;
  void *p = a->head->mem + a->used;
  count(a, size);
  spoil(p, size);
  return p;
}

void *lw_arena_alloc(Arena *a, size_t size)
{
  void *p = lw_arena_raw(a, size);
  return p ? memset(p, 0, size) : NULL;
}

void *lw_arena_grow(Arena *a, void *old, size_t old_size, size_t new_size)
{
  assert(new_size >= old_size);
  if (new_size > SIZE_MAX / 2) return NULL;
  size_t was = rounded(old_size), more = rounded(new_size) - was;
  if (old && a->head && (unsigned char *)old + was == a->head->mem + a->used &&
      a->head->cap - a->used >= more) {
    count(a, more);
    spoil((unsigned char *)old + was, more);
    return old;
  }
  void *p = lw_arena_raw(a, new_size);
  if (p && old && old_size) memcpy(p, old, old_size);
  return p;
}

static void free_slabs(Slab *s)
{
  while (s) {
    Slab *next = s->next;
    free(s);
    s = next;
  }
}

void lw_arena_reset(Arena *a)
{
  if (!a->head) return;
  if (a->head->next && a->total > a->head->cap) {
    a->next = a->total < NEXT_MAX ? a->total : NEXT_MAX;
    free_slabs(a->head);
    a->head = NULL;
  } else {
    free_slabs(a->head->next);
    a->head->next = NULL;
  }
  a->used = a->total = 0;
}

void lw_arena_free(Arena *a)
{
  free_slabs(a->head);
  *a = (Arena){0};
}

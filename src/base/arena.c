/*
** arena.c -- slabs double up to 1 MiB; a large block gets one of its own, so that it
** grows by realloc and leaves nothing behind.
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

/* With 16, a sanitizer finds whoever keeps a pointer to what has grown. */
#ifndef ARENA_LARGE
#define ARENA_LARGE (1 << 16)
#endif

#ifndef ARENA_FILL
#define ARENA_FILL 0xff /* the bytes of most marks and of "none" */
#endif

enum {
  ALIGN = 16,
  SLAB_MIN = 4096,
  SLAB_MAX = 1 << 20,
  NEXT_MAX = 1 << 26,
  LARGE = ARENA_LARGE
};

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
  a->total += size;
  if (a->total > a->peak) a->peak = a->total;
}

static void take(Arena *a, size_t size)
{
  a->used += size;
  assert(a->used <= a->head->cap);
  count(a, size);
}

static void spoil(void *p, size_t size)
{
#ifndef NDEBUG
  memset(p, ARENA_FILL, size);
#else
  (void)p, (void)size;
#endif
}

static void *large_raw(Arena *a, size_t size)
{
  Slab *s = malloc(sizeof *s + size);
  if (!s) return NULL;
  *s = (Slab){a->large, size};
  a->large = s;
  a->apart += size;
  count(a, size);
  spoil(s->mem, size);
  return s->mem;
}

/* The block in large slab *link; the link is valid again in any case. */
static void *large_grow(Arena *a, Slab **link, size_t size)
{
  size_t was = (*link)->cap;
  Slab *s = realloc(*link, sizeof *s + size);
  if (!s) return NULL;
  *link = s;
  s->cap = size;
  a->apart += size - was;
  count(a, size - was);
  spoil(s->mem + was, size - was);
  return s->mem;
}

static Slab **large_of(Arena *a, const void *block)
{
  for (Slab **link = &a->large; *link; link = &(*link)->next)
    if ((*link)->mem == block) return link;
  return NULL;
}

void *lw_arena_raw(Arena *a, size_t size)
{
  if (size > SIZE_MAX / 2) return NULL; /* a caller's overflow ends here */
  size = rounded(size);
  if (size >= LARGE) return large_raw(a, size);
  if (!a->head || a->head->cap - a->used < size)
    if (!slab_push(a, size)) return NULL;
  void *p = a->head->mem + a->used;
  take(a, size);
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
  Slab **link = old && rounded(old_size) >= LARGE ? large_of(a, old) : NULL;
  if (link) return large_grow(a, link, rounded(new_size));
  size_t was = rounded(old_size), more = rounded(new_size) - was;
  if (old && a->head && (unsigned char *)old + was == a->head->mem + a->used &&
      a->head->cap - a->used >= more) {
    take(a, more);
    spoil((unsigned char *)old + was, more);
    return old;
  }
  void *p = lw_arena_raw(a, new_size);
  if (p && old && old_size) memcpy(p, old, old_size);
  return p;
}

void *lw_arena_trim(Arena *a, void *old, size_t old_size, size_t new_size)
{
  assert(new_size <= old_size);
  size_t was = rounded(old_size), now = rounded(new_size);
  Slab **link = now >= LARGE && was - now >= LARGE / 4 ? large_of(a, old) : NULL;
  Slab *s = link ? realloc(*link, sizeof *s + now) : NULL;
  if (!s) return old;
  *link = s;
  s->cap = now;
  a->apart -= was - now;
  a->total -= was - now;
  return s->mem;
}

void lw_arena_drop(Arena *a, void *old, size_t old_size)
{
  Slab **link = rounded(old_size) >= LARGE ? large_of(a, old) : NULL;
  if (!link) return;
  Slab *s = *link;
  *link = s->next;
  a->apart -= s->cap;
  a->total -= s->cap;
  free(s);
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
  size_t small = a->total - a->apart;
  free_slabs(a->large);
  a->large = NULL;
  a->used = a->total = a->apart = 0;
  if (!a->head) return;
  if (a->head->next && small > a->head->cap) {
    a->next = small < NEXT_MAX ? small : NEXT_MAX;
    free_slabs(a->head);
    a->head = NULL;
  } else {
    free_slabs(a->head->next);
    a->head->next = NULL;
  }
}

void lw_arena_free(Arena *a)
{
  free_slabs(a->head);
  free_slabs(a->large);
  *a = (Arena){0};
}

/*
** memory.c -- linear memories.
**
**   guard      base [ length, accessible |   no access up to 8 GiB + guard          ]
**   explicit   base [ length, accessible | spare, no access | guard, no access ]
**
** A guard memory grows by giving access; an explicit one as well while it has spare
** space, then moves to a reservation half as large again. The first time its pages move
** by mremap; then it is two mappings, what moved and what was added, and systems before
** Linux 6.17 move one at a time, so later moves copy.
** Layer: rt.
*/
#include "rt/memory.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "jit/layout.h"
#include "rt/reserve.h"
#include "rt/shared.h"
#include "rt/track.h"

_Static_assert(offsetof(Memory, base) == MEMORY_BASE, "layout.h");
_Static_assert(offsetof(Memory, length) == MEMORY_LENGTH, "layout.h");
_Static_assert(WASM_PAGE % 4096 == 0 && MEMORY_GUARD % 4096 == 0, "whole system pages");

enum { PAGES_32 = 65536 };
#define PAGES_64 ((uint64_t)1 << 30) /* 64 TiB: beyond what an address space has */

static uint64_t effective_max(const Limits *type, uint64_t max_pages)
{
  uint64_t max = type->is64 ? PAGES_64 : PAGES_32;
  if (type->bytes) max = type->is64 ? PAGES_64 * WASM_PAGE : UINT32_MAX;
  if (type->has_max && type->max < max) max = type->max;
  if (max_pages && max_pages < max) max = max_pages;
  return max;
}

static bool map_explicit(Memory *m, size_t length)
{
  m->reserved = lw_os_pages(length) + MEMORY_GUARD;
  m->base = lw_os_reserve(m->reserved);
  if (!m->base) return false;
  if (lw_os_commit(m->base, lw_os_pages(length))) return true;
  lw_os_release(m->base, m->reserved);
  m->base = NULL;
  return false;
}

static void unmap(Memory *m)
{
  if (!m->base) return;
  lw_track_free(m);
  if (m->guard)
    lw_guard_give(m->base, m->length, m->image);
  else
    lw_os_release(m->base, m->reserved);
  m->base = NULL;
}

static Status refused(const Memory *m, bool commit, Err *err)
{
  return lw_fail(err, LW_NOMEM, ERR_NOWHERE,
                 "the system refused %s for a memory of %llu bytes: see ulimit -v, "
                 "vm.overcommit_memory and vm.max_map_count",
                 commit ? "access to pages" : "address space",
                 (unsigned long long)m->length);
}

static Status map(Memory *m, bool explicit_bounds, int image, size_t image_size, Err *err)
{
  bool commit = false;
  if (!explicit_bounds && !lw_limits_checked(&m->type)) {
    m->base = lw_guard_take(m->length, image, image_size, &commit);
    m->guard = m->base != NULL;
    if (m->guard) {
      m->reserved = lw_os_pages(GUARD_SPACE);
      m->image = image;
    }
  }
  if (!m->base && !map_explicit(m, m->length) &&
      !(lw_guard_empty() && map_explicit(m, m->length)))
    return refused(m, commit, err);
  m->known = lw_known_add(m->base, m->reserved);
  return m->known ? LW_OK : lw_nomem(err, "a memory");
}

Status lw_memory_new_image(const Limits *type, uint64_t max_pages, bool explicit_bounds,
                           int image, size_t image_size, Memory **out, Err *err)
{
  uint64_t max = effective_max(type, max_pages);
  if (type->min > max)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                   "a memory of at least %llu pages is beyond the limit of %llu",
                   (unsigned long long)type->min, (unsigned long long)max);
  Memory *m = calloc(1, sizeof *m);
  if (!m) return lw_nomem(err, "a memory");
  m->type = *type;
  m->max_pages = max;
  m->length = type->min << lw_page_log2(type);
  m->refs = 1;
  m->image = -1;
  Status s = type->shared ? lw_shared_new(m, explicit_bounds, err)
                          : map(m, explicit_bounds, image, image_size, err);
  if (s != LW_OK) {
    if (!m->shared) unmap(m);
    free(m);
    return s;
  }
  *out = m;
  return LW_OK;
}

Status lw_memory_new(const Limits *type, uint64_t max_pages, bool explicit_bounds,
                     Memory **out, Err *err)
{
  return lw_memory_new_image(type, max_pages, explicit_bounds, -1, 0, out, err);
}

void lw_memory_blank(Memory *m, size_t image_size)
{
  assert(m->image >= 0 && image_size <= m->length);
  memset(m->base, 0, image_size); /* private copies; the pool gets the image back */
}

Memory *lw_memory_ref(Memory *m)
{
  assert(m->refs > 0 && m->refs < UINT32_MAX);
  m->refs++;
  return m;
}

void lw_memory_unref(Memory *m)
{
  if (!m) return;
  assert(m->refs > 0);
  if (--m->refs > 0) return;
  assert(!m->newest && "activations hold a reference");
  if (m->shared) {
    lw_shared_leave(m);
  } else {
    lw_known_remove(m->known);
    unmap(m);
  }
  m->length = m->max_pages = 0;
  if (m->watchers == 0) free(m);
}

void lw_memory_watch(Memory *m)
{
  assert(m->refs > 0 && m->watchers < UINT32_MAX);
  m->watchers++;
}

void lw_memory_unwatch(Memory *m)
{
  assert(m->watchers > 0);
  if (--m->watchers == 0 && m->refs == 0) free(m);
}

/* The contents go to `to`; what is left at the old place is given up. */
static bool move_contents(Memory *m, uint8_t *to)
{
  size_t whole = lw_os_pages(m->length), rest = whole;
  if (m->moved) {
    if (!lw_os_commit(to, whole)) return false;
    if (m->length) memcpy(to, m->base, m->length);
    rest = 0;
  } else if (!lw_os_move(m->base, whole, to)) {
    return false;
  }
  lw_os_release(m->base + rest, m->reserved - rest);
  m->moved = true;
  return true;
}

/* Move an explicit memory to a reservation with room for `length`. */
static bool move(Memory *m, size_t length)
{
  size_t whole = lw_os_pages(length), now = lw_os_pages(m->length);
  size_t roomy = lw_os_pages(length + length / 2) + MEMORY_GUARD;
  size_t exact = whole + MEMORY_GUARD, size = roomy;
  uint8_t *to = lw_os_reserve(roomy);
  if (!to) to = lw_os_reserve(size = exact);
  if (!to) return false;
  if (!lw_os_commit(to + now, whole - now) || !move_contents(m, to)) {
    lw_os_release(to, size);
    return false;
  }
  m->base = to;
  m->reserved = size;
  lw_known_move(m->known, to, size);
  return true;
}

uint64_t lw_memory_grow(Memory *m, uint64_t pages)
{
  if (m->shared) return lw_shared_grow(m, pages);
  unsigned log2 = lw_page_log2(&m->type);
  uint64_t old = lw_memory_pages(m);
  assert(old <= m->max_pages);
  if (pages > m->max_pages - old) return UINT64_MAX;
  if (pages == 0) return old;
  size_t length = (old + pages) << log2; /* at most 2^46 */
  size_t whole = lw_os_pages(length), now = lw_os_pages(m->length);
  if (m->guard || whole + MEMORY_GUARD <= m->reserved) {
    if (whole > now && !lw_os_commit(m->base + now, whole - now)) return UINT64_MAX;
  } else if (!move(m, length)) {
    return UINT64_MAX;
  }
  m->length = length;
  return old;
}

bool lw_memory_shrink(Memory *m, uint64_t pages)
{
  if (pages < m->type.min || pages > lw_memory_pages(m)) return false;
  assert(!m->type.bytes && "snapshots do not keep such a memory");
  size_t length = pages * WASM_PAGE;
  if (!lw_os_decommit(m->base + length, m->length - length)) return false;
  m->length = length;
  lw_track_cut(m);
  return true;
}

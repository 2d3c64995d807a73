/*
** reserve.c -- address space for memories: who has which, and what lies ready for reuse.
**
** Known ranges lie in chunks that are never freed, so that a handler on another thread
** may read them while they change; a torn read can only be about a memory that its
** thread does not run. The pool keeps few reservations, each with the image it was laid
** out with: MADV_DONTNEED brings an image back to its first state, for 0.5 us + 2-3 us a
** dirty page against 12 us for mapping it anew.
** Layer: rt.
*/
#include "rt/reserve.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/lock.h"
#include "base/os.h"
#include "rt/memory.h"

enum { CHUNK = 256, NCHUNKS = 4096, POOL = 8 };
#define POOL_LENGTH ((size_t)64 << 20) /* a longer one is not kept */

struct Known {
  _Atomic(uintptr_t) base;
  _Atomic(size_t) size; /* 0: free */
  Known *next;          /* free ones */
};

static Known *_Atomic chunks[NCHUNKS];
static _Atomic(uint32_t) nchunks;
static Known *free_known;

static bool chunk_add(void) /* under the lock */
{
  uint32_t n = atomic_load_explicit(&nchunks, memory_order_relaxed);
  if (n == NCHUNKS) return false;
  Known *c = calloc(CHUNK, sizeof *c);
  if (!c) return false;
  for (uint32_t i = CHUNK; i-- > 0;) {
    c[i].next = free_known;
    free_known = &c[i];
  }
  atomic_store_explicit(&chunks[n], c, memory_order_release);
  atomic_store_explicit(&nchunks, n + 1, memory_order_release);
  return true;
}

Known *lw_known_add(const void *base, size_t size)
{
  lw_lock(LOCK_RESERVES);
  Known *k = NULL;
  if (free_known || chunk_add()) {
    k = free_known;
    free_known = k->next;
  }
  lw_unlock(LOCK_RESERVES);
  if (k) lw_known_move(k, base, size);
  return k;
}

void lw_known_move(Known *k, const void *base, size_t size)
{
  assert(size > 0);
  atomic_store_explicit(&k->base, (uintptr_t)base, memory_order_relaxed);
  atomic_store_explicit(&k->size, size, memory_order_release);
}

void lw_known_remove(Known *k)
{
  atomic_store_explicit(&k->size, 0, memory_order_release);
  lw_lock(LOCK_RESERVES);
  k->next = free_known;
  free_known = k;
  lw_unlock(LOCK_RESERVES);
}

bool lw_known_contains(const void *address)
{
  uint32_t n = atomic_load_explicit(&nchunks, memory_order_acquire);
  for (uint32_t i = 0; i < n; i++) {
    Known *c = atomic_load_explicit(&chunks[i], memory_order_acquire);
    for (uint32_t j = 0; j < CHUNK; j++) {
      uintptr_t base = atomic_load_explicit(&c[j].base, memory_order_relaxed);
      size_t size = atomic_load_explicit(&c[j].size, memory_order_relaxed);
      if ((uintptr_t)address - base < size) return true;
    }
  }
  return false;
}

/* ---- pool of guard reservations ---- */

typedef struct Ready {
  uint8_t *base; /* NULL: nothing here */
  size_t length; /* accessible and as new */
  int image;
} Ready;

static Ready pool[POOL]; /* under the lock */

/* Under the lock: the one with that image, else one without any, else any. */
static Ready *choose(int image)
{
  Ready *best = NULL;
  for (int i = 0; i < POOL; i++) {
    if (!pool[i].base) continue;
    if (pool[i].image == image) return &pool[i];
    if (!best || pool[i].image < 0) best = &pool[i];
  }
  return best;
}

static Ready take(int image)
{
  lw_lock(LOCK_RESERVES);
  Ready *r = choose(image), got = {NULL, 0, -1};
  if (r) {
    got = *r;
    r->base = NULL;
  }
  lw_unlock(LOCK_RESERVES);
  return got;
}

/* Make [0, length) accessible, the rest not, and the start a copy of the image. */
static bool shape(Ready *r, size_t length, int image, size_t image_size)
{
  if (r->image != image) {
    if (!lw_os_decommit(r->base, r->length)) return false;
    r->length = 0;
    r->image = -1;
  }
  if (r->length > length) {
    if (!lw_os_decommit(r->base + length, r->length - length)) return false;
  } else if (!lw_os_commit(r->base + r->length, length - r->length)) {
    return false;
  }
  r->length = length;
  if (image >= 0 && r->image < 0 && !lw_os_image_map(image, r->base, image_size))
    return false;
  r->image = image;
  return true;
}

uint8_t *lw_guard_take(size_t length, int image, size_t image_size, bool *commit)
{
  assert(length <= (size_t)4 << 30 && image_size <= length);
  size_t space = lw_os_pages(GUARD_SPACE);
  *commit = false;
  Ready r = take(image);
  if (!r.base) r.base = lw_os_reserve(space);
  if (!r.base) return NULL;
  *commit = true;
  if (shape(&r, length, image, image_size)) return r.base;
  lw_os_release(r.base, space);
  return NULL;
}

void lw_guard_give(uint8_t *base, size_t length, int image)
{
  bool kept = false;
  if (length <= POOL_LENGTH && lw_os_discard(base, length)) {
    lw_lock(LOCK_RESERVES);
    for (int i = 0; i < POOL && !kept; i++)
      if (!pool[i].base) {
        pool[i] = (Ready){base, length, image};
        kept = true;
      }
    lw_unlock(LOCK_RESERVES);
  }
  if (!kept) lw_os_release(base, lw_os_pages(GUARD_SPACE));
}

static int forget(bool all, int image)
{
  Ready gone[POOL];
  int n = 0;
  lw_lock(LOCK_RESERVES);
  for (int i = 0; i < POOL; i++)
    if (pool[i].base && (all || pool[i].image == image)) {
      gone[n++] = pool[i];
      pool[i].base = NULL;
    }
  lw_unlock(LOCK_RESERVES);
  for (int i = 0; i < n; i++)
    lw_os_release(gone[i].base, lw_os_pages(GUARD_SPACE));
  return n;
}

void lw_guard_forget(int image)
{
  forget(false, image);
}

bool lw_guard_empty(void)
{
  return forget(true, -1) > 0;
}

/*
** track.c -- page maps, and what a memory changed since the last one.
** Layer: rt.
*/
#include "rt/track.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/os.h"

typedef struct Page {
  uint32_t refs; /* leaves */
  uint8_t bytes[TRACK_PAGE];
} Page;

typedef struct Leaf {
  uint32_t refs; /* maps */
  Page *pages[TRACK_LEAF];
} Leaf;

struct PageMap {
  uint32_t refs;
  uint64_t length; /* bytes, whole pages */
  uint64_t nleaves;
  Leaf *leaves[]; /* NULL: zeros */
};

typedef struct Track {
  PageMap *base;    /* what was seen last */
  uint8_t *at;      /* where it is watched, and how much of it */
  uint64_t watched; /* 0: anything may have changed */
  uint32_t generation;
} Track;

/* ---- maps ---- */

static void leaf_unref(Leaf *leaf)
{
  if (!leaf || --leaf->refs > 0) return;
  for (int k = 0; k < TRACK_LEAF; k++)
    if (leaf->pages[k] && --leaf->pages[k]->refs == 0) free(leaf->pages[k]);
  free(leaf);
}

PageMap *lw_pages_ref(PageMap *map)
{
  assert(map->refs > 0 && map->refs < UINT32_MAX);
  map->refs++;
  return map;
}

void lw_pages_unref(PageMap *map)
{
  if (!map || --map->refs > 0) return;
  for (uint64_t k = 0; k < map->nleaves; k++)
    leaf_unref(map->leaves[k]);
  free(map);
}

uint64_t lw_pages_length(const PageMap *map)
{
  return map->length;
}

PageMap *lw_pages_new(uint64_t length)
{
  assert(length % TRACK_PAGE == 0);
  uint64_t n = length / TRACK_PAGE / TRACK_LEAF + 1;
  PageMap *map = n <= SIZE_MAX / sizeof(Leaf *) / 2
                   ? calloc(1, sizeof *map + (size_t)n * sizeof(void *))
                   : NULL;
  if (!map) return NULL;
  map->refs = 1;
  map->length = length;
  map->nleaves = n;
  return map;
}

/* As `from`, but `length` long. */
static PageMap *map_like(const PageMap *from, uint64_t length)
{
  PageMap *map = lw_pages_new(length);
  for (uint64_t k = 0; map && from && k < map->nleaves && k < from->nleaves; k++) {
    map->leaves[k] = from->leaves[k];
    if (map->leaves[k]) map->leaves[k]->refs++;
  }
  return map;
}

static Page *page_of(const PageMap *map, uint64_t n)
{
  const Leaf *leaf = n / TRACK_LEAF < map->nleaves ? map->leaves[n / TRACK_LEAF] : NULL;
  return leaf ? leaf->pages[n % TRACK_LEAF] : NULL;
}

const uint8_t *lw_pages_at(const PageMap *map, uint64_t n)
{
  const Page *page = page_of(map, n);
  return page ? page->bytes : NULL;
}

/* The leaf of page n, which is this map's alone. */
static Leaf *own_leaf(PageMap *map, uint64_t n)
{
  Leaf **place = &map->leaves[n / TRACK_LEAF], *old = *place;
  if (old && old->refs == 1) return old;
  Leaf *leaf = old ? malloc(sizeof *leaf) : calloc(1, sizeof *leaf);
  if (!leaf) return NULL;
  if (old) {
    *leaf = *old;
    for (int k = 0; k < TRACK_LEAF; k++)
      if (leaf->pages[k]) leaf->pages[k]->refs++;
    old->refs--;
  }
  leaf->refs = 1;
  *place = leaf;
  return leaf;
}

static const uint8_t zeros[TRACK_PAGE];

bool lw_pages_set(PageMap *map, uint64_t n, const uint8_t *bytes)
{
  assert(n < map->length / TRACK_PAGE);
  const Page *is = page_of(map, n);
  if (memcmp(bytes, is ? is->bytes : zeros, TRACK_PAGE) == 0) return true;
  Leaf *leaf = own_leaf(map, n);
  if (!leaf) return false;
  Page *page = NULL;
  if (memcmp(bytes, zeros, TRACK_PAGE) != 0) {
    page = malloc(sizeof *page);
    if (!page) return false;
    page->refs = 1;
    memcpy(page->bytes, bytes, TRACK_PAGE);
  }
  Page **place = &leaf->pages[n % TRACK_LEAF];
  if (*place && --(*place)->refs == 0) free(*place);
  *place = page;
  return true;
}

void lw_pages_count(const PageMap *map, uint64_t *used, uint64_t *own)
{
  *used = *own = 0;
  for (uint64_t k = 0; k < map->nleaves; k++) {
    const Leaf *leaf = map->leaves[k];
    for (int p = 0; leaf && p < TRACK_LEAF; p++) {
      if (!leaf->pages[p]) continue;
      ++*used;
      *own += leaf->refs == 1 && leaf->pages[p]->refs == 1;
    }
  }
}

/* ---- looking ---- */

typedef struct Look {
  PageMap *map;
  const uint8_t *base;
  bool failed;
} Look;

static void copy_run(void *user, uint8_t *from, uint8_t *to)
{
  Look *look = user;
  for (; from < to && !look->failed; from += TRACK_PAGE) {
    uint64_t n = (uint64_t)(from - look->base) / TRACK_PAGE;
    look->failed = !lw_pages_set(look->map, n, from);
  }
}

static Track *track_of(Memory *m)
{
  if (!m->track) m->track = calloc(1, sizeof *m->track);
  return m->track;
}

/* What is certain to be known of writes: so many bytes from the start. */
static uint64_t still_watched(const Track *t, const Memory *m)
{
  if (t->at != m->base || t->generation != lw_fork_generation()) return 0;
  return t->watched < m->length ? t->watched : m->length;
}

Status lw_track_look(Memory *m, PageMap **out, Err *err)
{
  Track *t = track_of(m);
  Look look = {.base = m->base};
  if (t) look.map = map_like(t->base, m->length);
  if (!look.map) return lw_nomem(err, "a snapshot");
  uint64_t known = still_watched(t, m);
  t->watched = 0; /* until all has worked */
  /* Watching begins before the copy: what is written in between is seen the next time. */
  bool watches = known == m->length || lw_os_watch(m->base + known, m->length - known);
  if (!lw_os_written(m->base, known, copy_run, &look)) {
    known = 0;
    watches = lw_os_watch(m->base, m->length);
  }
  copy_run(&look, m->base + known, m->base + m->length);
  if (look.failed) {
    lw_pages_unref(look.map);
    return lw_nomem(err, "a snapshot");
  }
  lw_pages_unref(t->base);
  t->base = lw_pages_ref(look.map);
  t->at = m->base;
  t->generation = lw_fork_generation();
  if (watches) t->watched = m->length;
  *out = look.map;
  return LW_OK;
}

static void put_page(uint8_t *to, const Page *page)
{
  if (page)
    memcpy(to, page->bytes, TRACK_PAGE);
  else
    memset(to, 0, TRACK_PAGE);
}

void lw_track_put(Memory *m, PageMap *map)
{
  Track *t = m->track;
  assert(map->length <= m->length);
  if (m->length > map->length) memset(m->base + map->length, 0, m->length - map->length);
  uint64_t npages = map->length / TRACK_PAGE;
  bool knows = t && t->base && t->base->length == m->length;
  for (uint64_t k = 0; k < map->nleaves; k++) {
    if (knows && t->base->leaves[k] == map->leaves[k]) continue;
    for (uint64_t n = k * TRACK_LEAF; n < (k + 1) * TRACK_LEAF && n < npages; n++) {
      const Page *page = page_of(map, n);
      uint8_t *to = m->base + n * TRACK_PAGE;
      if (knows ? page_of(t->base, n) == page
                : memcmp(to, page ? page->bytes : zeros, TRACK_PAGE) == 0)
        continue;
      put_page(to, page);
    }
  }
  if (!t) return;
  /* What was written here counts as written since, and will be found equal. */
  lw_pages_unref(t->base);
  t->base = lw_pages_ref(map);
}

void lw_track_cut(Memory *m)
{
  if (m->track && m->track->watched > m->length) m->track->watched = m->length;
}

void lw_track_free(Memory *m)
{
  Track *t = m->track;
  if (!t) return;
  if (t->watched && t->at == m->base && t->generation == lw_fork_generation())
    lw_os_unwatch(m->base, m->length);
  lw_pages_unref(t->base);
  free(t);
  m->track = NULL;
}

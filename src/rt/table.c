/*
** table.c -- tables of references, and global cells.
** Layer: rt.
*/
#include "rt/table.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "jit/layout.h"
#include "rt/state.h"
#include "wasm/limits.h"

_Static_assert(offsetof(Table, elems) == TABLE_ELEMS, "layout.h");
_Static_assert(offsetof(Table, length) == TABLE_LENGTH, "layout.h");
_Static_assert(offsetof(GlobalCell, value) == GLOBAL_VALUE, "layout.h");

static void fill(Table *t, uint64_t from, uint64_t to, uint64_t init)
{
  assert(from <= to && to <= t->capacity);
  for (uint64_t k = from; k < to; k++)
    t->elems[k] = init;
}

Status lw_table_new(Store *s, const TableType *type, uint64_t max, uint64_t init,
                    Table **out, Err *err)
{
  uint64_t limit = LIMIT_TABLE_ELEMS;
  if (type->limits.has_max && type->limits.max < limit) limit = type->limits.max;
  if (max && max < limit) limit = max;
  uint64_t min = type->limits.min;
  if (min > limit)
    return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                   "a table of at least %llu elements is beyond the limit of %llu",
                   (unsigned long long)min, (unsigned long long)limit);
  Table *t = calloc(1, sizeof *t);
  uint64_t *elems = calloc(min ? min : 1, sizeof *elems);
  if (!t || !elems) {
    free(t);
    free(elems);
    return lw_nomem(err, "a table");
  }
  *t = (Table){.elems = elems,
               .length = min,
               .type = *type,
               .max = limit,
               .capacity = min ? min : 1,
               .refs = 1,
               .store = s,
               .next = s->tables};
  if (init) fill(t, 0, min, init); /* calloc's pages stay untouched for null */
  if (t->next) t->next->prev = t;
  s->tables = t;
  *out = t;
  return LW_OK;
}

Table *lw_table_ref(Table *t)
{
  assert(t->refs > 0 && t->refs < UINT32_MAX);
  t->refs++;
  return t;
}

void lw_table_unref(Table *t)
{
  if (!t) return;
  assert(t->refs > 0);
  if (--t->refs > 0) return;
  if (t->prev) t->prev->next = t->next;
  if (t->next) t->next->prev = t->prev;
  if (t->store && t->store->tables == t) t->store->tables = t->next;
  t->prev = t->next = NULL;
  free(t->elems);
  t->elems = NULL;
  t->length = t->capacity = t->max = 0;
  if (t->watchers == 0) free(t);
}

void lw_table_watch(Table *t)
{
  assert(t->refs > 0 && t->watchers < UINT32_MAX);
  t->watchers++;
}

void lw_table_unwatch(Table *t)
{
  assert(t->watchers > 0);
  if (--t->watchers == 0 && t->refs == 0) free(t);
}

static bool make_room(Table *t, uint64_t length)
{
  if (length <= t->capacity) return true;
  uint64_t cap = t->capacity * 2 > length ? t->capacity * 2 : length;
  if (cap > t->max) cap = t->max;
  assert(cap >= length && cap <= LIMIT_TABLE_ELEMS);
  uint64_t *elems = realloc(t->elems, cap * sizeof *elems);
  if (!elems) return false;
  t->elems = elems;
  t->capacity = cap;
  return true;
}

uint64_t lw_table_grow(Table *t, uint64_t n, uint64_t init)
{
  uint64_t old = t->length;
  assert(old <= t->max);
  if (n > t->max - old || !make_room(t, old + n)) return UINT64_MAX;
  fill(t, old, old + n, init);
  t->length = old + n;
  return old;
}

Status lw_global_new(Store *s, const GlobalType *type, Value init, GlobalCell **out,
                     Err *err)
{
  GlobalCell *g = calloc(1, sizeof *g);
  if (!g) return lw_nomem(err, "a global");
  *g =
    (GlobalCell){.value = init, .type = *type, .refs = 1, .store = s, .next = s->globals};
  if (g->next) g->next->prev = g;
  s->globals = g;
  *out = g;
  return LW_OK;
}

GlobalCell *lw_global_ref(GlobalCell *g)
{
  assert(g->refs > 0 && g->refs < UINT32_MAX);
  g->refs++;
  return g;
}

void lw_global_unref(GlobalCell *g)
{
  if (!g) return;
  assert(g->refs > 0);
  if (--g->refs > 0) return;
  if (g->prev) g->prev->next = g->next;
  if (g->next) g->next->prev = g->prev;
  if (g->store && g->store->globals == g) g->store->globals = g->next;
  g->prev = g->next = NULL;
  if (g->watchers == 0) free(g);
}

void lw_global_watch(GlobalCell *g)
{
  assert(g->refs > 0 && g->watchers < UINT32_MAX);
  g->watchers++;
}

void lw_global_unwatch(GlobalCell *g)
{
  assert(g->watchers > 0);
  if (--g->watchers == 0 && g->refs == 0) free(g);
}

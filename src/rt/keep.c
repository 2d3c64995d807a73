/*
** keep.c -- the types that what a Store has is of.
**
** A hash set of ids, each held once. The sweep marks what living instances, tables,
** globals and objects name and gives the rest back; it only looks after an instance has
** ended, for nothing else takes types away.
** Layer: rt.
*/
#include "rt/keep.h"

#include <assert.h>
#include <stdlib.h>

#include "rt/code.h"
#include "rt/object.h"
#include "rt/state.h"

struct Kept {
  uint32_t *ids; /* NO_TYPE: a free place */
  bool *used;    /* in a sweep */
  uint32_t n, cap;
  bool stale;
};

static uint32_t place_of(const Kept *k, uint32_t id)
{
  uint32_t at = id * 0x9e3779b1u & (k->cap - 1);
  while (k->ids[at] != NO_TYPE && k->ids[at] != id)
    at = (at + 1) & (k->cap - 1);
  return at;
}

static bool set_room(Kept *k, uint32_t cap)
{
  assert(cap > k->n);
  Kept bigger = {.n = k->n, .cap = cap, .stale = k->stale};
  bigger.ids = malloc(cap * sizeof *bigger.ids);
  bigger.used = calloc(cap, sizeof *bigger.used);
  if (!bigger.ids || !bigger.used) {
    free(bigger.ids);
    free(bigger.used);
    return false;
  }
  for (uint32_t i = 0; i < cap; i++)
    bigger.ids[i] = NO_TYPE;
  for (uint32_t i = 0; i < k->cap; i++) {
    if (k->ids[i] == NO_TYPE) continue;
    uint32_t *place = &bigger.ids[place_of(&bigger, k->ids[i])];
    if (*place == NO_TYPE) {
      *place = k->ids[i];
    } else { /* a twin: see lw_types_sweep */
      lw_type_release(k->ids[i]);
      bigger.n--;
    }
  }
  free(k->ids);
  free(k->used);
  *k = bigger;
  return true;
}

Status lw_types_keep(Store *s, const Module *m, const uint32_t *ids, Err *err)
{
  if (!m->keeps_types) return LW_OK;
  if (!s->kept && !(s->kept = calloc(1, sizeof *s->kept)))
    return lw_nomem(err, "the types of objects");
  Kept *k = s->kept;
  for (uint32_t i = 0; i < m->ntypes; i++) {
    if ((k->n + 1) * 2 > k->cap && !set_room(k, k->cap ? k->cap * 2 : 64))
      return lw_nomem(err, "the types of objects");
    uint32_t at = place_of(k, ids[i]);
    if (k->ids[at] == ids[i]) continue;
    k->ids[at] = ids[i];
    k->n++;
    lw_type_retain(ids[i]);
  }
  return LW_OK;
}

void lw_types_stale(Store *s)
{
  if (s->kept) s->kept->stale = true;
}

/* ---- sweep ---- */

static void use(Kept *k, uint32_t id)
{
  uint32_t at = place_of(k, id);
  if (k->ids[at] == id) k->used[at] = true;
}

static void use_valtype(Kept *k, ValType t)
{
  if (lw_val_is_ref(t) && lw_val_heap(t) < HEAP_ABSTRACT) use(k, lw_val_heap(t));
}

static void use_object(void *kept, const Object *o)
{
  const TypeInfo *t = o->info;
  if (t != &lw_type_exn) use(kept, t->line[t->depth]);
}

static void use_instances(Kept *k, const Instance *list)
{
  for (const Instance *i = list; i; i = i->next)
    for (uint32_t n = 0; i->module && i->module->keeps_types && n < i->module->ntypes;
         n++)
      use(k, i->vm.types[n]);
}

void lw_types_sweep(Store *s)
{
  Kept *k = s->kept;
  if (!k || !k->stale || k->n == 0) return;
  k->stale = false;
  use_instances(k, s->instances);
  use_instances(k, s->closing);
  for (const Table *t = s->tables; t; t = t->next)
    use_valtype(k, t->type.elem);
  for (const GlobalCell *g = s->globals; g; g = g->next)
    use_valtype(k, g->type.type);
  lw_objects_visit(s, use_object, k);
  for (uint32_t i = 0; i < k->cap; i++) {
    if (k->ids[i] == NO_TYPE) continue;
    if (!k->used[i]) {
      lw_type_release(k->ids[i]);
      k->ids[i] = NO_TYPE; /* and the others move up below */
      k->n--;
    }
    k->used[i] = false;
  }
  /* Without memory for a new set there are holes in the way of some ids, which may then
     come to be there twice, and held twice. */
  (void)set_room(k, k->cap);
}

void lw_types_free(Store *s)
{
  Kept *k = s->kept;
  if (!k) return;
  for (uint32_t i = 0; i < k->cap; i++)
    if (k->ids[i] != NO_TYPE) lw_type_release(k->ids[i]);
  free(k->ids);
  free(k->used);
  free(k);
  s->kept = NULL;
}

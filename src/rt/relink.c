/*
** relink.c -- imports that follow a new version.
**
** An import of a function is the address of its cell, in the importer's words (layout.h).
** Functions are matched by the names they are exported with, and by canonical type.
** Layer: rt.
*/
#include "rt/relink.h"

#include <assert.h>

#include "jit/layout.h"
#include "rt/state.h"

/* The cell in `new` for the function of `old` behind `c`; NULL: *name is not there, or
   not of that type. */
static FuncCell *counterpart(const Instance *old, Instance *new, const FuncCell *c,
                             Name *name)
{
  const Module *m = old->module;
  *name = (Name){0};
  for (uint32_t k = 0; k < m->nexports; k++) {
    const Export *e = &m->exports[k], *other;
    if (e->kind != EXTERN_FUNC || e->index != c->func) continue;
    *name = e->name;
    other = lw_module_export(new->module, e->name.text, e->name.len);
    if (!other || other->kind != EXTERN_FUNC) continue;
    FuncCell *cell = lw_instance_func(new, other->index);
    if (cell->type == c->type) return cell;
  }
  return NULL;
}

static FuncCell **import_place(Instance *i, uint32_t func)
{
  return (FuncCell **)(void *)((uint8_t *)i + lw_layout_import(i->module, func));
}

static bool is_own_memory(const Instance *old, const Memory *m)
{
  Instance *i = (Instance *)(uintptr_t)old;
  for (uint32_t k = i->module->nmemories_imported; k < i->module->nmemories; k++)
    if (lw_instance_memory(i, k) == m) return true;
  return false;
}

static bool is_own_table(const Instance *old, const Table *t)
{
  Instance *i = (Instance *)(uintptr_t)old;
  for (uint32_t k = i->module->ntables_imported; k < i->module->ntables; k++)
    if (lw_instance_table(i, k) == t) return true;
  return false;
}

static bool is_own_global(const Instance *old, const GlobalCell *g)
{
  Instance *i = (Instance *)(uintptr_t)old;
  for (uint32_t k = i->module->nglobals_imported; k < i->module->nglobals; k++)
    if (lw_layout_global_is_cell(i->module, k) && lw_instance_global(i, k) == g)
      return true;
  return false;
}

static Status check_state(const Instance *old, Instance *other, Err *err)
{
  const Module *m = other->module;
  const char *what = NULL;
  for (uint32_t k = 0; k < m->nmemories_imported; k++)
    if (is_own_memory(old, lw_instance_memory(other, k))) what = "memory";
  for (uint32_t k = 0; k < m->ntables_imported; k++)
    if (is_own_table(old, lw_instance_table(other, k))) what = "table";
  for (uint32_t k = 0; k < m->nglobals_imported; k++)
    if (is_own_global(old, lw_instance_global(other, k))) what = "global";
  if (!what) return LW_OK;
  return lw_fail(err, LW_LINK, ERR_NOWHERE,
                 "another instance imports a %s of it, which cannot be linked anew",
                 what);
}

Status lw_relink_check(const Instance *old, Instance *new, uint32_t *links, Err *err)
{
  Store *s = old->vm.store;
  *links = 0;
  for (Instance *i = s->instances; i; i = i->next) {
    if (i == old || i == new || i->state != INSTANCE_LIVE) continue;
    TRY(check_state(old, i, err));
    for (uint32_t k = 0; k < i->module->nfuncs_imported; k++) {
      const FuncCell *c = *import_place(i, k);
      Name name;
      if (c->shell != old->shell) continue;
      ++*links;
      if (counterpart(old, new, c, &name)) continue;
      return lw_fail(
        err, LW_LINK, ERR_NOWHERE,
        "another instance imports its function '%.*s', which the new version "
        "does not export with that type",
        (int)(name.len < 60 ? name.len : 60), name.len ? name.text : "");
    }
  }
  return LW_OK;
}

void lw_relink(const Instance *old, Instance *new)
{
  Store *s = old->vm.store;
  for (Instance *i = s->instances; i; i = i->next) {
    if (i == old || i == new || i->state != INSTANCE_LIVE) continue;
    for (uint32_t k = 0; k < i->module->nfuncs_imported; k++) {
      FuncCell **place = import_place(i, k);
      Name name;
      if ((*place)->shell != old->shell) continue;
      FuncCell *cell = counterpart(old, new, *place, &name);
      assert(cell);
      if (lw_cell_host(cell) && !lw_cell_closed(cell)) lw_host_ref(lw_cell_host(cell));
      *place = cell;
    }
  }
}

void lw_relink_tokens(Instance *a, Instance *b)
{
  if (a->entered || b->entered || lw_instance_busy(a) || lw_instance_busy(b)) return;
  uint64_t token = a->interrupt;
  struct InterruptSlot *slot = a->slot;
  a->interrupt = b->interrupt;
  a->slot = b->slot;
  b->interrupt = token;
  b->slot = slot;
}

/*
** close.c -- the end of an instance: live -> closing -> closed -> freed.
**
** From the first call of close on, its cells trap and it starts no call. Its memories,
** tables, globals and code go when no activation has a frame of it; until then those
** activations are marked to end as soon as control would return into wasm. So no new
** one can come to use it: `waiting` counts them once and only falls, drop by drop.
** Layer: rt.
*/
#include <assert.h>
#include <stdlib.h>

#include "jit/layout.h"
#include "rt/budget.h"
#include "rt/frames.h"
#include "rt/keep.h"
#include "rt/state.h"
#include "rt/tag.h"

bool lw_instance_busy(const Instance *i)
{
  for (const Activation *a = i->vm.store->acts; a; a = a->next)
    if (lw_act_uses(a, i)) return true;
  return false;
}

void lw_store_visit(const Instance *i, void (*visit)(void *user, Activation *a),
                    void *user)
{
  for (Activation *a = i->vm.store->acts; a; a = a->next)
    if (lw_act_uses(a, i)) visit(user, a);
}

void lw_shell_free(Store *s, Shell *shell)
{
  if (shell->prev) shell->prev->next = shell->next;
  if (shell->next) shell->next->prev = shell->prev;
  if (s->shells == shell) s->shells = shell->next;
  for (uint32_t k = 0; k < shell->ncells; k++)
    if (shell->cells[k].shell) lw_type_release(shell->cells[k].type);
  free(shell);
}

static void close_cells(Instance *i)
{
  if (!i->shell) return;
  for (uint32_t k = 0; k < i->shell->ncells; k++)
    if (i->shell->cells[k].shell) lw_cell_close(&i->shell->cells[k], i->vm.store);
}

static void give_back_imports(Instance *i)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nfuncs_imported; k++) {
    FuncCell *c = lw_instance_func(i, k);
    HostFunc *h = c ? lw_cell_host(c) : NULL;
    if (h && h->refs > 0) lw_host_unref(h);
  }
  for (uint32_t k = 0; k < m->nmemories; k++)
    lw_memory_unref(lw_instance_memory(i, k));
  for (uint32_t k = 0; k < m->ntables; k++)
    lw_table_unref(lw_instance_table(i, k));
  for (uint32_t k = 0; k < m->ntags; k++)
    lw_tag_unref(lw_instance_tag(i, k));
  for (uint32_t k = 0; k < m->nglobals; k++)
    if (lw_layout_global_is_cell(m, k)) lw_global_unref(lw_instance_global(i, k));
}

void lw_instance_enlist(Instance **list, Instance *i)
{
  i->prev = NULL;
  i->next = *list;
  if (i->next) i->next->prev = i;
  *list = i;
}

static void delist(Instance **list, Instance *i)
{
  if (i->prev) i->prev->next = i->next;
  if (i->next) i->next->prev = i->prev;
  if (*list == i) *list = i->next;
}

static void finish(Instance *i)
{
  assert(i->state == INSTANCE_CLOSING && i->waiting == 0);
  assert(i->entered == 0 && !lw_instance_busy(i));
  give_back_imports(i);
  if (i->slot) lw_slot_give(i->slot);
  free(i->elem_dropped); /* data_dropped lies in the same block */
  for (uint32_t k = 0; i->elem_refs && k < i->module->nelems; k++)
    free(i->elem_refs[k]);
  free(i->elem_refs);
  lw_budget_free(i);
  if (i->shell) i->shell->instance = NULL;
  Code *code = i->code;
  i->state = INSTANCE_CLOSED;
  i->slot = NULL;
  i->shell = NULL;
  i->elem_dropped = i->data_dropped = NULL;
  i->elem_refs = NULL;
  i->code = NULL;
  i->module = NULL;
  i->image = NULL;
  i->vm.memory0 = NULL;
  i->vm.cells = NULL;
  i->vm.types = NULL;
  i->vm.infos = NULL;
  Store *s = i->vm.store;
  delist(&s->closing, i);
  lw_instance_enlist(&s->instances, i);
  s->heap.since++; /* a shell the collector may free */
  lw_types_stale(s);
  lw_code_unref(code);
}

static void discard(Instance *i)
{
  assert(i->state == INSTANCE_CLOSED);
  delist(&i->vm.store->instances, i);
  free(i);
}

static void begin(Instance *i)
{
  Store *s = i->vm.store;
  i->state = INSTANCE_CLOSING;
  i->vm.flags &= ~(uint32_t)VMCTX_READY;
  if (i->retiring) s->nretiring--;
  i->retiring = false;
  delist(&s->instances, i);
  lw_instance_enlist(&s->closing, i);
  close_cells(i);
  for (Activation *a = s->acts; a; a = a->next) {
    if (!lw_act_uses(a, i)) continue;
    i->waiting++;
    if ((a->state == ACT_FRESH || a->state == ACT_OUT) && a->end == LW_OK)
      a->end = LW_CLOSED;
  }
}

bool lw_instance_close(Instance *i, bool force)
{
  Store *s = i->vm.store;
  if (i->state == INSTANCE_CLOSED) return true;
  if (i->state == INSTANCE_LIVE) begin(i);
  for (Activation *a = force ? s->acts : NULL; a; a = a->next)
    if (lw_act_parked(a) && lw_act_uses(a, i)) lw_act_kill(a);
  if (i->state == INSTANCE_CLOSING && i->waiting == 0) finish(i);
  bool closed = i->state == INSTANCE_CLOSED;
  if (force && s->closing) lw_close_waiting(s); /* others may have waited for the same */
  return closed;
}

bool lw_instance_retire(Instance *i)
{
  if (i->state != INSTANCE_LIVE) return i->state == INSTANCE_CLOSED;
  if (!lw_instance_busy(i)) return lw_instance_close(i, false);
  if (!i->retiring) i->vm.store->nretiring++;
  i->retiring = true;
  return false;
}

void lw_close_retiring(Store *s)
{
  for (Instance *i = s->instances, *next; i; i = next) {
    next = i->next;
    if (!i->retiring || lw_instance_busy(i)) continue;
    bool released = i->released;
    if (lw_instance_close(i, false) && released) discard(i);
  }
}

void lw_instance_release(Instance *i)
{
  if (i->state == INSTANCE_LIVE && i->retiring && lw_instance_busy(i)) {
    i->released = true;
    return;
  }
  if (lw_instance_close(i, false))
    discard(i);
  else
    i->released = true;
}

void lw_close_leave(Activation *a)
{
  for (Instance *i = a->store->closing; i; i = i->next)
    if (lw_act_uses(a, i)) {
      assert(i->waiting > 0);
      i->waiting--;
    }
}

void lw_close_waiting(Store *s)
{
  for (Instance *i = s->closing, *next; i; i = next) {
    next = i->next;
    if (i->waiting > 0) continue;
    finish(i);
    if (i->released) discard(i);
  }
}

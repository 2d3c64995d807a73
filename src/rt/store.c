/*
** store.c -- everything that belongs to one Lua state: birth, death and figures.
** Layer: rt.
*/
#include "rt/store.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "jit/layout.h"
#include "rt/keep.h"
#include "rt/object.h"
#include "rt/stack.h"
#include "rt/state.h"
#include "rt/tag.h"

_Static_assert(offsetof(Store, act) == STORE_ACT, "layout.h");
_Static_assert(offsetof(Store, limit) == STORE_LIMIT, "layout.h");

Store *lw_store_new(Err *err)
{
  Store *s = calloc(1, sizeof *s);
  if (s && (s->poll = lw_poll_take())) {
    lw_vm_init(&s->closed, s);
    s->max_depth = DEPTH_DEFAULT;
    return s;
  }
  free(s);
  lw_nomem(err, "the state of the engine");
  return NULL;
}

void lw_store_rules(Store *s, bool (*parked)(const Activation *a, void *user), void *user,
                    uint32_t max_depth)
{
  s->parked = parked;
  s->user = user;
  s->max_depth = max_depth ? max_depth : DEPTH_DEFAULT;
}

void lw_store_on_callout(Store *s, bool (*callout)(Activation *a, void *user))
{
  s->callout = callout;
}

unsigned lw_store_asked(Store *s)
{
  return lw_interrupt_pending(s->poll, s->nest);
}

Activation *lw_store_running(Store *s)
{
  return s->nest;
}

/*
** Tables, globals and references that handles outside still count stay allocated until
** those give them back, but no Store knows them any more.
*/
static void disown(Store *s)
{
  for (Table *t = s->tables, *next; t; t = next) {
    next = t->next;
    t->prev = t->next = NULL;
    t->store = NULL;
  }
  for (GlobalCell *g = s->globals, *next; g; g = next) {
    next = g->next;
    g->prev = g->next = NULL;
    g->store = NULL;
  }
  for (Tag *t = s->tags, *next; t; t = next) {
    next = t->next;
    t->prev = t->next = NULL;
    t->store = NULL;
    if (t->refs == 0) lw_tag_free(t);
  }
  for (RefHandle *h = s->handles, *next; h; h = next) {
    next = h->next;
    h->prev = h->next = NULL;
    h->store = NULL;
  }
}

void lw_store_free(Store *s)
{
  if (!s) return;
  s->parked = NULL;
  while (s->acts)
    lw_act_drop(s->acts);
  assert(!s->closing && "nothing is left to wait for");
  while (s->instances)
    lw_instance_release(s->instances);
  while (s->shells)
    lw_shell_free(s, s->shells);
  while (s->hosts)
    lw_host_free(s->hosts);
  free(s->host_indexes);
  disown(s);
  lw_stack_free_pool(s);
  lw_heap_free(&s->heap);
  lw_types_free(s);
  lw_poll_give(s->poll);
  free(s);
}

static void count_instances(const Instance *list, StoreStats *out)
{
  for (const Instance *i = list; i; i = i->next) {
    if (i->state == INSTANCE_CLOSED) continue;
    out->instances++;
    out->memory_bytes += lw_instance_memory_bytes(i);
  }
}

void lw_store_stats(const Store *s, StoreStats *out)
{
  *out = (StoreStats){.boxes = s->heap.live, .collections = s->heap.collections};
  count_instances(s->instances, out);
  count_instances(s->closing, out);
  for (const Shell *h = s->shells; h; h = h->next)
    out->shells++;
  for (const Activation *a = s->acts; a; a = a->next) {
    out->activations++;
    out->parked += lw_act_parked(a);
  }
  out->stacks = out->activations + lw_stack_warm(s) + s->ncold;
}

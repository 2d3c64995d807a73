/*
** except.c -- tags, exceptions, and finding who catches.
**
** A call that may throw to a frame of its own function has a mark at its return address
** (LANDING_MARK), a `nop` that says where the landing is. So a throw walks the frames
** from the innermost on and looks at return addresses; nothing is written anywhere while
** nothing is thrown. Which clause takes the exception is for the code at the landing.
** Layer: rt.
*/
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "jit/layout.h"
#include "rt/frames.h"
#include "rt/state.h"
#include "rt/tag.h"

_Static_assert(offsetof(ExnObject, tag) == EXN_TAG, "layout.h");
_Static_assert(offsetof(ExnObject, values) == EXN_VALUES, "layout.h");

Status lw_tag_new(Store *s, uint32_t type, Tag **out, Err *err)
{
  Tag *t = calloc(1, sizeof *t);
  if (!t) return lw_nomem(err, "a tag");
  lw_type_retain(type);
  *t = (Tag){.type = type, .refs = 1, .store = s, .next = s->tags};
  if (t->next) t->next->prev = t;
  s->tags = t;
  *out = t;
  return LW_OK;
}

Tag *lw_tag_ref(Tag *t)
{
  assert(t->refs > 0 && t->refs < UINT32_MAX);
  t->refs++;
  return t;
}

void lw_tag_free(Tag *t)
{
  assert(t->refs == 0);
  if (t->prev) t->prev->next = t->next;
  if (t->next) t->next->prev = t->prev;
  if (t->store && t->store->tags == t) t->store->tags = t->next;
  lw_type_release(t->type);
  free(t);
}

/* Exceptions may still have it: the collector frees it then. */
void lw_tag_unref(Tag *t)
{
  if (!t) return;
  assert(t->refs > 0);
  if (--t->refs > 0) return;
  if (!t->store)
    lw_tag_free(t);
  else
    t->store->heap.since++; /* something the collector can free */
}

ExnObject *lw_exn_new(Store *s, HeapAccount *a, Tag *tag)
{
  uint32_t n = lw_type_of(tag->type)->nparams;
  lw_tag_ref(tag); /* a collection must not find it without a holder */
  ExnObject *e = lw_exn_allocate(s, a, sizeof *e + n * sizeof *e->values);
  if (e) e->tag = tag;
  lw_tag_unref(tag);
  return e;
}

/* Where the frame that returns to `pc` catches, or NULL. */
static const uint8_t *landing_of(const uint8_t *pc)
{
  static const uint8_t mark[] = {LANDING_MARK};
  int32_t distance;
  if (memcmp(pc, mark, sizeof mark) != 0) return NULL;
  memcpy(&distance, pc + sizeof mark, sizeof distance);
  return pc + sizeof mark + sizeof distance + distance;
}

bool lw_act_throw(Activation *a, const ExnObject *exn, bool (*only)(const Instance *i))
{
  Walk w;
  for (bool more = lw_walk_first(a, &w); more; more = lw_walk_next(&w)) {
    const uint8_t *landing = landing_of(w.pc);
    if (!landing || (only && !only(w.ctx))) continue;
    a->land_pc = landing;
    a->land_rbp = w.rbp;
    a->exn = (uintptr_t)exn;
    return true;
  }
  return false;
}

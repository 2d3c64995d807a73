/*
** frames.c -- walking the frames on a private stack, innermost first.
**
** The stack is the guest's, so nothing on it is believed: frame pointers must lie inside
** it and rise, return addresses must lie in the text of a known image.
** Layer: rt.
*/
#include "rt/frames.h"

#include <assert.h>

#include "jit/context.h"
#include "rt/instance.h"
#include "rt/stack.h"

static bool name_frame(Walk *w)
{
  return lw_code_place(w->pc, &w->place);
}

/* May the two words at rbp be read? */
static bool inside(const Activation *a, void **rbp)
{
  uintptr_t p = (uintptr_t)rbp, top = (uintptr_t)lw_stack_top(a);
  return p % sizeof(void *) == 0 && p >= (uintptr_t)a->limit && p < top &&
         top - p >= 2 * sizeof(void *);
}

/* What the frame itself says, else what its callee was. */
static void attribute(Walk *w)
{
  if (w->place.saves_ctx && inside(w->act, w->rbp - 1)) w->ctx = w->rbp[-1];
}

const Instance *lw_frame_ctx(const Activation *a, void **rbp)
{
  return inside(a, rbp - 1) ? rbp[-1] : NULL;
}

bool lw_walk_first(const Activation *a, Walk *w)
{
  *w = (Walk){.act = a, .pc = a->trap_pc, .rbp = a->trap_rbp, .ctx = a->trap_ctx};
  if (!w->pc || !name_frame(w)) return false;
  /* Where it called out, r14 was the host function. Where it trapped, r14 is its own, and
     the frame may not have been made yet. */
  if (a->trap_ctx == a->callee) attribute(w);
  if (inside(a, (void **)(void *)a->trap_rsp))
    w->next_pc = lw_context_return(w->place.offset, a->trap_rsp);
  return true;
}

bool lw_walk_next(Walk *w)
{
  void **rbp = w->rbp;
  if (w->next_pc) { /* rbp is the caller's still */
    w->pc = w->next_pc;
    w->next_pc = NULL;
  } else {
    if (!inside(w->act, rbp)) return false;
    w->pc = rbp[1];
    w->rbp = rbp[0];
    if (w->rbp && w->rbp <= rbp) return false; /* frames rise: else it is none */
  }
  if (!name_frame(w)) return false;
  attribute(w);
  return true;
}

uint32_t lw_act_frames(const Activation *a, Frame *out, uint32_t cap)
{
  assert(a->state == ACT_OUT || a->state == ACT_DEAD);
  Walk w;
  uint32_t n = 0;
  for (bool more = lw_walk_first(a, &w); more; more = lw_walk_next(&w)) {
    const CodePlace *p = &w.place;
    const Module *m = lw_code_module(p->code);
    for (uint32_t k = 0; k < p->where.n; k++, n++) {
      if (n >= cap) continue;
      uint32_t at = p->where.at[k], func = m->nfuncs_imported + p->func;
      if (k + 1 < p->where.n) func = lw_module_func_at(m, at); /* inlined */
      out[n] = (Frame){m, p->code, func, at};
    }
  }
  return n;
}

bool lw_act_uses(const Activation *a, const Instance *i)
{
  if (a->instance == i) return true;
  if (a->state != ACT_OUT && a->state != ACT_DEAD) return false;
  Walk w;
  for (bool more = lw_walk_first(a, &w); more; more = lw_walk_next(&w))
    if (w.ctx == i) return true;
  return false;
}

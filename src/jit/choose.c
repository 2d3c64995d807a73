/*
** choose.c -- see choose.h.
** Layer: jit.
*/
#include "jit/choose.h"

#ifndef NDEBUG
#include <assert.h>
#include <stdatomic.h>

/* What is left out: all from `end` on, and all before `first`. */
static _Atomic(uint32_t) first_of[PASS__MAX], left_out[PASS__MAX]; /* UINT32_MAX - end */
static _Atomic(uint32_t) damaged[PASS__MAX];                       /* index + 1, or 0 */

bool lw_pass_wanted(Pass p, uint32_t func)
{
  assert(p < PASS__MAX);
  return func >= atomic_load_explicit(&first_of[p], memory_order_relaxed) &&
         func < UINT32_MAX - atomic_load_explicit(&left_out[p], memory_order_relaxed);
}

void lw_pass_limit(Pass p, uint32_t first, uint32_t end)
{
  assert(p < PASS__MAX && lw_pass_optional(p));
  atomic_store(&first_of[p], first);
  atomic_store(&left_out[p], UINT32_MAX - end);
}

void lw_pass_damage(Pass p, uint32_t func)
{
  assert(p < PASS__MAX && lw_pass_optional(p));
  atomic_store(&damaged[p], func + 1);
}

static bool is_damaged(uint32_t func)
{
  for (int p = 0; p < PASS__MAX; p++)
    if (atomic_load_explicit(&damaged[p], memory_order_relaxed) == func + 1 &&
        lw_pass_wanted((Pass)p, func))
      return true;
  return false;
}

void lw_pass_spoil(Func *f)
{
  if (!is_damaged(f->index)) return;
  for (uint32_t i = 0; i < f->nins; i++) {
    Ins *ins = &f->ins[i];
    if (ins->op != IR_ADD || lw_val_is_float(ins->type)) continue;
    ins->op = IR_SUB;
    return;
  }
}
#else
typedef int ChooseNothing; /* an empty file is not C */
#endif

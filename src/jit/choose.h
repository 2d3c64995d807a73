/*
** choose.h -- which passes are made for which functions, in builds for specs.
**
** A pass that may be left out (passes.def) can be limited to functions with indexes in a
** range: what a bisection needs that looks for the function in which a pass goes wrong
** (spec/diff/bisect.lua). And one can be damaged on purpose, so that a spec sees the
** bisection find something.
** Layer: jit.
*/
#ifndef LW_CHOOSE_H
#define LW_CHOOSE_H

#include "jit/ir.h"
#include "jit/passes.h"

#ifdef NDEBUG
static inline bool pass_wanted(Pass p, uint32_t func)
{
  (void)p, (void)func;
  return true;
}
#else
bool lw_pass_wanted(Pass p, uint32_t func);
static inline bool pass_wanted(Pass p, uint32_t func)
{
  return lw_pass_wanted(p, func);
}
/* From now on only for functions first <= index < end. */
void lw_pass_limit(Pass p, uint32_t first, uint32_t end);
/* Wherever it is made for function `func` (NO_FUNCTION: nowhere), the first integer
   addition there becomes a subtraction. */
#define NO_FUNCTION UINT32_MAX
void lw_pass_damage(Pass p, uint32_t func);
void lw_pass_spoil(Func *f); /* does that, before instructions are selected */
#endif

#endif

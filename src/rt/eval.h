/*
** eval.h -- the value of a constant expression of a validated module.
** Layer: rt.
*/
#ifndef LW_EVAL_H
#define LW_EVAL_H

#include "rt/instance.h"

/* In the context of instance i, whose cells and earlier globals must be ready. Standard,
   section 3.3.13. i32 and f32 values have a zero upper half. */
Value lw_eval_const(Instance *i, Span expr);

#endif

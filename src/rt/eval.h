/*
** eval.h -- the value of a constant expression of a validated module.
** Layer: rt.
*/
#ifndef LW_EVAL_H
#define LW_EVAL_H

#include "rt/instance.h"

/* Globals and functions must be in place as far as it uses them. */
Status lw_eval(Instance *i, Span expr, Value *out, Err *err);
/* One that makes no object: offsets, functions, numbers. It cannot fail. */
Value lw_eval_const(Instance *i, Span expr);

#endif

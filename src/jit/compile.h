/*
** compile.h -- one function through all passes: what link and the dumps share.
** Layer: jit.
*/
#ifndef LW_COMPILE_H
#define LW_COMPILE_H

#include "jit/image.h"

/* Everything lives in the scratch arena the function was compiled in. */
typedef struct Compiled {
  Func f;
  Liveness live;
  Selection sel;
  Allocation alloc;
  FuncCode code;
} Compiled;

/* The pipeline in two halves: to IR and liveness; from there to machine code. `func` is a
   funcidx >= nfuncs_imported of a validated module. */
Status lw_compile_front(const Module *m, uint32_t func, const EmitOptions *opts,
                        Arena *scratch, Compiled *out, Err *err);
Status lw_compile_back(const EmitOptions *opts, Arena *scratch, Compiled *out, Err *err);

#endif

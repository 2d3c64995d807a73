/*
** abi.c -- one walk over each half of a function type; see abi.h.
** Layer: jit.
*/
#include "jit/abi.h"

#include <assert.h>

#include "wasm/limits.h"

typedef struct Taken {
  uint32_t regs[2]; /* of each class */
  uint32_t cells;
} Taken;

/* Places for n types; `taken` says what is gone already. `out` may be NULL. */
static void assign(const ValType *types, uint32_t n, Taken *taken, AbiLoc *out)
{
  for (uint32_t i = 0; i < n; i++) {
    AbiClass cls = lw_val_is_float(lw_val_kind(types[i])) ? ABI_FPR : ABI_GPR;
    AbiLoc loc;
    if (taken->regs[cls] < ABI_REGS)
      loc = (AbiLoc){(uint8_t)cls, (uint16_t)taken->regs[cls]++};
    else
      loc = (AbiLoc){ABI_STACK, (uint16_t)taken->cells++};
    if (out) out[i] = loc;
  }
}

Abi lw_abi_assign(const FuncType *t, AbiLoc *params, AbiLoc *results)
{
  _Static_assert(ABI_GPR == 0 && ABI_FPR == 1, "Taken.regs is indexed by class");
  _Static_assert(LIMIT_PARAMS <= UINT16_MAX && LIMIT_RESULTS <= UINT16_MAX,
                 "cell numbers are 16 bits");
  assert(t->nparams <= LIMIT_PARAMS && t->nresults <= LIMIT_RESULTS);
  Taken out =
          {
            {0, 0},
            0
  },
        in = {{0, 0}, 0};
  assign(t->results, t->nresults, &out, results);
  bool area = out.cells > 0;
  in.regs[ABI_GPR] = area; /* the hidden pointer */
  assign(t->params, t->nparams, &in, params);
  return (Abi){.result_area = area,
               .nstack_params = (uint16_t)in.cells,
               .nstack_results = (uint16_t)out.cells,
               .has_float = in.regs[ABI_FPR] > 0 || out.regs[ABI_FPR] > 0,
               .has_many = in.regs[ABI_GPR] > ABI_FEW || out.regs[ABI_GPR] > 1};
}

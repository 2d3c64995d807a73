/*
** ir.c -- the table of operations and questions about one instruction; see ir.h.
** Layer: jit.
*/
#include "jit/ir.h"

#include <assert.h>

/* The letters of the columns `res` and `flags` as ir.def has them, only for the table. */
#define RES_T IRR_T
#define RES_C IRR_C
#define RES_X IRR_X
#define RES_N IRR_N
enum { P = IRF_P, L = IRF_L, W = IRF_W, X = IRF_X, K = IRF_K, E = IRF_E };

#define REFS(s)                                                                          \
  (((s)[0] == 'v' ? IRO_A : 0) | ((s)[1] == 'v' ? IRO_B : 0) |                           \
   ((s)[2] == 'v' ? IRO_C : 0) | ((s)[1] == 'p' ? IRO_POOL : 0))

const IrInfo lw_ir_info[IR__MAX] = {
#define IR(name, args, res, flags)                                                       \
  [IR_##name] = {#name, args, RES_##res, (flags), REFS(args)},
#include "jit/ir.def"
};

_Static_assert(IR__MAX <= 256, "Ins.op is one byte");
_Static_assert(IR_PARAM == 0 && IR_TRAP - IR_JUMP == 7,
               "the operations that end a block are neighbours");

uint8_t lw_ir_type(const Func *f, Ref r)
{
  if (ref_is_kon(r)) {
    assert(r < f->nkons);
    return (uint8_t)ir_kon(f, r)->type;
  }
  assert(r - REF_BIAS < f->nins);
  const Ins *ins = ir_ins(f, r);
  return lw_ir_info[ins->op].res == IRR_C ? (uint8_t)VAL_I32 : ins->type;
}

bool lw_ir_has_result(const Ins *ins)
{
  return lw_ir_info[ins->op].res != IRR_N && ins->type != VAL_NONE;
}

uint32_t lw_ir_nargs(const Func *f, const Ins *ins)
{
  switch (ins->op) {
  case IR_RETURN:
  case IR_HELPER: return ins->c;
  case IR_CALL:
  case IR_CALL_CELL:
  case IR_TAIL_CALL:
  case IR_TAIL_CELL:
    assert(ins->c < f->module->ntypes);
    return lw_module_signature(f->module, ins->c)->nparams;
  default: return 0;
  }
}

uint32_t lw_ir_offset(const Func *f, uint32_t where, uint32_t *call)
{
  *call = 0;
  if (where < WHERE_INLINED) return where;
  uint32_t low = 0, high = f->ninlined;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (f->inlined[middle].first <= where)
      low = middle;
    else
      high = middle;
  }
  assert(f->ninlined > 0 && f->inlined[low].first <= where && where < f->inlined_end);
  *call = f->inlined[low].call;
  return f->inlined[low].at + (where - f->inlined[low].first);
}

/*
** build_tail.h -- part of build.c: tail calls.
** Layer: jit.
*/
#ifndef LW_BUILD_TAIL_H
#define LW_BUILD_TAIL_H

static Status emit_tail(Body *b, IrOp op, uint32_t callee, uint32_t typeidx,
                        uint32_t base)
{
  uint32_t run;
  if (dead(b)) return LW_OK;
  uint32_t n = lw_module_signature(b->module, typeidx)->nparams;
  TRY(push_run(b, operands(b, base), n, &run));
  Ins ins = {.op = (uint8_t)op, .a = callee, .b = run, .c = typeidx};
  TRY(emit_effect(b, ins));
  lw_flow_close(&b->hook);
  return LW_OK;
}

static inline Status hook_return_call(Body *b, uint32_t func, uint32_t base)
{
  uint32_t typeidx = b->module->funcs[func].type;
  if (func >= b->module->nfuncs_imported)
    return emit_tail(b, IR_TAIL_CALL, func, typeidx, base);
  Ref cell;
  TRY(emit(b, (Ins){.op = IR_FUNC_REF, .type = VAL_REF, .a = func}, &cell));
  return emit_tail(b, IR_TAIL_CELL, cell, typeidx, base);
}

static inline Status hook_return_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                               uint32_t base)
{
  Ref cell;
  TRY(indirect_cell(b, typeidx, table, base, &cell));
  return emit_tail(b, IR_TAIL_CELL, cell, typeidx, base);
}

static inline Status hook_return_call_ref(Body *b, uint32_t typeidx, uint32_t base)
{
  Ref cell = operands(b, base)[lw_module_signature(b->module, typeidx)->nparams];
  TRY(check_null(b, cell, TRAP_NULL_FUNCTION));
  return emit_tail(b, IR_TAIL_CELL, cell, typeidx, base);
}

#endif

/*
** eval.c -- the value of a constant expression of a validated module.
**
** A stack machine of a dozen operators; validation has bounded its stack and checked its
** types, so there is nothing left to fail.
** Layer: rt.
*/
#include "rt/eval.h"

#include <assert.h>

#include "wasm/constexpr.h"
#include "wasm/limits.h"

static uint64_t arithmetic(Opcode op, uint64_t a, uint64_t b)
{
  switch (op) {
  case OP_I32_ADD: return (uint32_t)(a + b);
  case OP_I32_SUB: return (uint32_t)(a - b);
  case OP_I32_MUL: return (uint32_t)(a * b);
  case OP_I64_ADD: return a + b;
  case OP_I64_SUB: return a - b;
  case OP_I64_MUL: return a * b;
  default: assert(!"not a constant operator"); return 0;
  }
}

static Value one(Instance *i, const ConstOp *op)
{
  switch (op->op) {
  case OP_GLOBAL_GET: return *lw_instance_global_value(i, op->index);
  case OP_REF_FUNC: return (Value){.ref = (uintptr_t)lw_instance_func(i, op->index)};
  case OP_REF_NULL:
    return (Value){
      .words = {0, 0}
    };
  default:
    return (Value){
      .words = {op->bits, 0}
    };
  }
}

Value lw_eval_const(Instance *i, Span expr)
{
  const Module *m = i->module;
  Value stack[LIMIT_CONST_STACK];
  uint32_t n = 0;
  Err err = {0};
  Reader r = lw_constexpr_reader(m, expr, &err);
  for (;;) {
    ConstOp op;
    Status s = lw_constexpr_next(&r, m->features, &op);
    assert(s == LW_OK && "the module was validated");
    if (s != LW_OK || op.op == OP_END) break;
    if (op.op >= OP_I32_ADD && op.op <= OP_I64_MUL) {
      assert(n >= 2);
      n--;
      stack[n - 1].i64 = arithmetic(op.op, stack[n - 1].i64, stack[n].i64);
    } else {
      assert(n < LIMIT_CONST_STACK);
      stack[n++] = one(i, &op);
    }
  }
  assert(n == 1);
  return stack[0];
}

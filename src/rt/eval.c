/*
** eval.c -- the value of a constant expression of a validated module.
**
** A stack machine of two dozen operators; validation has bounded its stack and checked
** its types, so nothing can fail but the making of an object. What is on the stack is a
** root of the collector meanwhile.
** Layer: rt.
*/
#include "rt/eval.h"

#include <assert.h>
#include <string.h>

#include "rt/budget.h"
#include "rt/object.h"
#include "wasm/constexpr.h"
#include "wasm/limits.h"

typedef struct Eval {
  Instance *i;
  uint32_t n;
  Value stack[LIMIT_CONST_STACK];
  Err *err;
} Eval;

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

static void push(Eval *e, Value v)
{
  assert(e->n < LIMIT_CONST_STACK);
  e->stack[e->n++] = v;
}

static Status no_object(const Eval *e)
{
  return lw_fail(e->err, LW_LIMIT, ERR_NOWHERE,
                 "out of memory for objects, or beyond the heap's limit");
}

/* The operands stay on the stack until the object is there. */
static Status make_struct(Eval *e, const ConstOp *op)
{
  const TypeInfo *info = lw_type_info(e->i->vm.types[op->index]);
  uint32_t n = op->op == OP_STRUCT_NEW ? info->nfields : 0;
  Object *o = lw_struct_new(e->i->vm.store, lw_heap_account(e->i), info);
  if (!o) return no_object(e);
  assert(e->n >= n);
  e->n -= n;
  for (uint32_t k = 0; k < n; k++)
    lw_storage_set((uint8_t *)o + info->fields[k].offset, info->fields[k].type,
                   e->stack[e->n + k]);
  push(e, (Value){.ref = (uintptr_t)o});
  return LW_OK;
}

static Status make_array(Eval *e, const ConstOp *op)
{
  const TypeInfo *info = lw_type_info(e->i->vm.types[op->index]);
  bool fixed = op->op == OP_ARRAY_NEW_FIXED;
  assert(fixed || e->n > 0);
  uint32_t length = fixed ? op->count : e->stack[e->n - 1].i32;
  ArrayObject *a = lw_array_new(e->i->vm.store, lw_heap_account(e->i), info, length);
  if (!a) return no_object(e);
  if (fixed) {
    e->n -= length;
    for (uint32_t k = 0; k < length; k++)
      lw_storage_set(a->elems + (size_t)k * info->size, info->fields[0].type,
                     e->stack[e->n + k]);
  } else if (op->op == OP_ARRAY_NEW) {
    e->n -= 2;
    lw_array_spread(a, 0, length, e->stack[e->n]);
  } else {
    e->n--;
  }
  push(e, (Value){.ref = (uintptr_t)a});
  return LW_OK;
}

static Status step(Eval *e, const ConstOp *op)
{
  Value v = {
    .words = {op->bits, 0}
  };
  switch (op->op) {
  case OP_GLOBAL_GET: push(e, *lw_instance_global_value(e->i, op->index)); return LW_OK;
  case OP_REF_FUNC: v.ref = (uintptr_t)lw_instance_func(e->i, op->index); break;
  case OP_REF_NULL: v.ref = 0; break;
  case OP_V128_CONST: memcpy(v.v128, op->raw, sizeof v.v128); break;
  case OP_STRUCT_NEW:
  case OP_STRUCT_NEW_DEFAULT: return make_struct(e, op);
  case OP_ARRAY_NEW:
  case OP_ARRAY_NEW_DEFAULT:
  case OP_ARRAY_NEW_FIXED: return make_array(e, op);
  case OP_ANY_CONVERT_EXTERN:
  case OP_EXTERN_CONVERT_ANY: return LW_OK;
  case OP_REF_I31:
    assert(e->n > 0);
    e->stack[e->n - 1].ref = lw_i31_new(e->stack[e->n - 1].i32);
    return LW_OK;
  default:
    if (op->op < OP_I32_ADD || op->op > OP_I64_MUL) break;
    assert(e->n >= 2);
    e->n--;
    e->stack[e->n - 1].i64 =
      arithmetic(op->op, e->stack[e->n - 1].i64, e->stack[e->n].i64);
    return LW_OK;
  }
  push(e, v);
  return LW_OK;
}

Status lw_eval(Instance *i, Span expr, Value *out, Err *err)
{
  const Module *m = i->module;
  Eval e;
  e.i = i, e.n = 0, e.err = err;
  Roots roots;
  Status s;
  Reader r = lw_constexpr_reader(m, expr, err);
  lw_roots_begin(i->vm.store, &roots, e.stack, &e.n);
  for (;;) {
    ConstOp op = {0};
    s = lw_constexpr_next(&r, m->features, &op);
    if (s != LW_OK || op.op == OP_END) break;
    if ((s = step(&e, &op)) != LW_OK) break;
  }
  lw_roots_end(i->vm.store, &roots);
  assert(s != LW_OK || e.n == 1);
  if (s == LW_OK) *out = e.stack[0];
  return s;
}

Value lw_eval_const(Instance *i, Span expr)
{
  Err err = {0};
  Value v = {
    .words = {0, 0}
  };
  Status s = lw_eval(i, expr, &v, &err);
  assert(s == LW_OK && "the module was validated");
  (void)s;
  return v;
}

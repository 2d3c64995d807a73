/*
** constexpr.c -- see constexpr.h.
** Layer: wasm.
*/
#include "wasm/constexpr.h"

#include <assert.h>

#include "wasm/complain.h"
#include "wasm/instr.h"
#include "wasm/limits.h"
#include "wasm/match.h"

static bool is_const(Opcode op)
{
  switch (op) {
  case OP_END:
  case OP_GLOBAL_GET:
  case OP_I32_CONST:
  case OP_I64_CONST:
  case OP_F32_CONST:
  case OP_F64_CONST:
  case OP_V128_CONST:
  case OP_REF_NULL:
  case OP_REF_FUNC:
  case OP_REF_I31:
  case OP_STRUCT_NEW:
  case OP_STRUCT_NEW_DEFAULT:
  case OP_ARRAY_NEW:
  case OP_ARRAY_NEW_DEFAULT:
  case OP_ARRAY_NEW_FIXED:
  case OP_ANY_CONVERT_EXTERN:
  case OP_EXTERN_CONVERT_ANY:
  case OP_I32_ADD:
  case OP_I32_SUB:
  case OP_I32_MUL:
  case OP_I64_ADD:
  case OP_I64_SUB:
  case OP_I64_MUL: return true;
  default: return false;
  }
}

Reader lw_constexpr_reader(const Module *m, Span expr, Err *err)
{
  assert(expr.at <= m->size && expr.size <= m->size - expr.at);
  return lw_reader(m->bytes, expr.at, expr.size, err);
}

Status lw_constexpr_next(Reader *r, uint64_t features, ConstOp *out)
{
  Instr in = {0};
  TRY(lw_instr_read(r, features, &in));
  if (!is_const(in.op))
    return lw_fail(r->err, LW_INVALID, in.at, "constant expression required: not %s",
                   lw_op_info[in.op].text);
  if (in.op >= OP_I32_ADD && in.op <= OP_I64_MUL)
    TRY(
      lw_feat_need(features, FEAT_EXTENDED_CONST, lw_op_info[in.op].text, in.at, r->err));
  *out = (ConstOp){in.op, in.x, in.y, in.bits, in.raw, in.type, in.at};
  return LW_OK;
}

typedef struct Check {
  const Module *module;
  uint32_t nglobals; /* those that may be used */
  uint32_t n;
  ValType stack[LIMIT_CONST_STACK];
  Err *err;
} Check;

static Status push(Check *c, const ConstOp *op, ValType type)
{
  if (c->n == LIMIT_CONST_STACK)
    return lw_fail(c->err, LW_LIMIT, op->at,
                   "constant expression too deep, the limit is %d values",
                   LIMIT_CONST_STACK);
  c->stack[c->n++] = type;
  return LW_OK;
}

static Status pop(Check *c, const ConstOp *op, ValType want)
{
  /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): below n all are set */
  ValType got = c->n ? c->stack[c->n - 1] : VAL_NONE;
  if (got == VAL_NONE || !lw_match(c->module, got, want))
    return lw_bad_operand(op->op, want, got, op->at, c->err);
  c->n--;
  return LW_OK;
}

static Status check_global(Check *c, const ConstOp *op)
{
  if (op->index >= c->nglobals) return lw_bad_index("global", op->index, op->at, c->err);
  const GlobalType *t = &c->module->globals[op->index].type;
  if (t->mutable_)
    return lw_fail(c->err, LW_INVALID, op->at,
                   "constant expression required: global %u is mutable", op->index);
  return push(c, op, t->type);
}

static Status pop_fields(Check *c, const ConstOp *op, const TypeDef *t, uint32_t n)
{
  for (uint32_t k = n; k-- > 0;) {
    ValType want = t->fields[t->kind == TYPE_ARRAY ? 0 : k].type;
    TRY(pop(c, op, want == VAL_I8 || want == VAL_I16 ? (ValType)VAL_I32 : want));
  }
  return LW_OK;
}

static Status check_defaults(Check *c, const ConstOp *op, const TypeDef *t)
{
  if (t->defaults) return LW_OK;
  return lw_bad_type(op->op, "a field has no default value", op->at, c->err);
}

/* struct.new to array.new_fixed. */
static Status check_new(Check *c, const ConstOp *op)
{
  const Module *m = c->module;
  if (op->index >= m->ntypes) return lw_bad_index("type", op->index, op->at, c->err);
  const TypeDef *t = &m->types[op->index];
  bool struct_ = op->op == OP_STRUCT_NEW || op->op == OP_STRUCT_NEW_DEFAULT;
  if (t->kind != (struct_ ? TYPE_STRUCT : TYPE_ARRAY))
    return lw_bad_type(op->op, struct_ ? "not a struct type" : "not an array type",
                       op->at, c->err);
  if (op->op == OP_ARRAY_NEW || op->op == OP_ARRAY_NEW_DEFAULT) TRY(pop(c, op, VAL_I32));
  if (op->op == OP_STRUCT_NEW_DEFAULT || op->op == OP_ARRAY_NEW_DEFAULT)
    TRY(check_defaults(c, op, t));
  else
    TRY(pop_fields(c, op, t, op->op == OP_ARRAY_NEW_FIXED ? op->count : t->nfields));
  return push(c, op, VAL_REF_TO(op->index, 0));
}

static Status check_convert(Check *c, const ConstOp *op)
{
  bool in = op->op == OP_ANY_CONVERT_EXTERN;
  ValType got = c->n ? c->stack[c->n - 1] : VAL_NONE;
  TRY(pop(c, op, VAL_REF_TO(in ? HEAP_EXTERN : HEAP_ANY, 1)));
  return push(c, op, VAL_REF_TO(in ? HEAP_ANY : HEAP_EXTERN, got & VAL_NULLABLE));
}

static Status check_op(Check *c, const ConstOp *op)
{
  const SigInfo *sig = &lw_sig_info[lw_op_info[op->op].sig];
  switch (op->op) {
  case OP_GLOBAL_GET: return check_global(c, op);
  case OP_STRUCT_NEW:
  case OP_STRUCT_NEW_DEFAULT:
  case OP_ARRAY_NEW:
  case OP_ARRAY_NEW_DEFAULT:
  case OP_ARRAY_NEW_FIXED: return check_new(c, op);
  case OP_ANY_CONVERT_EXTERN:
  case OP_EXTERN_CONVERT_ANY: return check_convert(c, op);
  case OP_REF_I31: TRY(pop(c, op, VAL_I32)); return push(c, op, VAL_REF_TO(HEAP_I31, 0));
  case OP_REF_NULL:
    TRY(lw_type_known(c->module, op->type, op->at, c->err));
    return push(c, op, op->type);
  case OP_REF_FUNC:
    if (op->index >= c->module->nfuncs)
      return lw_bad_index("function", op->index, op->at, c->err);
    return push(c, op, VAL_REF_TO(c->module->funcs[op->index].type, 0));
  default:
    for (unsigned i = sig->npop; i > 0; i--)
      TRY(pop(c, op, sig->pop[i - 1]));
    assert(sig->npush == 1);
    return push(c, op, sig->push[0]);
  }
}

Status lw_constexpr_check(const Module *m, Span expr, ValType want, uint32_t nglobals,
                          Err *err)
{
  Check c;
  c.module = m, c.nglobals = nglobals, c.n = 0, c.err = err;
  Reader r = lw_constexpr_reader(m, expr, err);
  for (;;) {
    ConstOp op = {0};
    TRY(lw_constexpr_next(&r, m->features, &op));
    if (op.op == OP_END) {
      TRY(pop(&c, &op, want));
      return c.n ? lw_bad_height(OP_END, c.stack, c.n, op.at, err) : LW_OK;
    }
    TRY(check_op(&c, &op));
  }
}

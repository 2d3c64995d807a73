/*
** body_mem.h -- part of the template body.h: memories, tables, globals, references.
**
** What these have in common: an index that must exist, and operand types that depend on
** what it names.
** Layer: wasm.
*/
#ifndef LW_BODY_MEM_H
#define LW_BODY_MEM_H

#include "wasm/body_ctl.h"

static inline Status body_read_index(Body *b, uint32_t count, const char *space,
                                     uint32_t *out)
{
  TRY(lw_leb_u32(&b->r, out));
  return *out < count ? LW_OK : lw_bad_index(space, *out, b->op_at, b->err);
}

/* The type of an address or size in a memory or table. */
static inline ValType body_addr(const Limits *l)
{
  return l->is64 ? VAL_I64 : VAL_I32;
}

static Status body_bad_memarg(Body *b, const MemArg *m, unsigned natural)
{
  if (m->memory >= b->module->nmemories)
    return lw_bad_index("memory", m->memory, b->op_at, b->err);
  if (m->align > natural)
    return lw_fail(b->err, LW_INVALID, b->op_at,
                   "alignment must not be larger than natural: 2**%u", m->align);
  return lw_fail(b->err, LW_INVALID, b->op_at, "offset out of range: %llu",
                 (unsigned long long)m->offset);
}

static inline Status body_memarg(Body *b, unsigned natural, MemArg *m)
{
  const Module *module = b->module;
  TRY(lw_read_memarg(&b->r, m));
  if (m->memory >= module->nmemories || m->align > natural ||
      (m->offset > UINT32_MAX && !module->memories[m->memory].is64))
    return body_bad_memarg(b, m, natural);
  return LW_OK;
}

static inline Status body_load(Body *b)
{
  const OpInfo *info = &lw_op_info[b->op];
  MemArg m;
  TRY(body_memarg(b, info->imm - IMM_M0, &m));
  TRY(body_pop(b, body_addr(&b->module->memories[m.memory])));
  if (b->live) TRY(hook_load(b, b->op, &m, b->nstack));
  body_push(b, lw_sig_info[info->sig].push[0]);
  return LW_OK;
}

static inline Status body_store(Body *b)
{
  const OpInfo *info = &lw_op_info[b->op];
  MemArg m;
  TRY(body_memarg(b, info->imm - IMM_M0, &m));
  TRY(body_pop(b, lw_sig_info[info->sig].pop[1]));
  TRY(body_pop(b, body_addr(&b->module->memories[m.memory])));
  return b->live ? hook_store(b, b->op, &m, b->nstack) : LW_OK;
}

/* Data segments come after the code, so operators that name one need their count first.
   Whether there is such a segment is a second question, asked after the memory. */
static Status body_read_data(Body *b, uint32_t *out)
{
  TRY(lw_leb_u32(&b->r, out));
  if (!b->module->has_data_count)
    return lw_fail(b->err, LW_MALFORMED, b->op_at, "data count section required");
  return LW_OK;
}

static Status body_check_data(Body *b, uint32_t x)
{
  if (x < b->module->ndatas) return LW_OK;
  return lw_bad_index("data segment", x, b->op_at, b->err);
}

static inline Status body_read_memory(Body *b, uint32_t *out)
{
  return body_read_index(b, b->module->nmemories, "memory", out);
}

static inline Status body_read_table(Body *b, uint32_t *out)
{
  return body_read_index(b, b->module->ntables, "table", out);
}

/* The narrower of two address types: the length of a copy between two memories. */
static inline ValType body_length(const Limits *a, const Limits *c)
{
  return a->is64 && c->is64 ? VAL_I64 : VAL_I32;
}

static inline Status body_pop3(Body *b, ValType t0, ValType t1, ValType t2)
{
  TRY(body_pop(b, t2));
  TRY(body_pop(b, t1));
  return body_pop(b, t0);
}

static Status body_memory_op(Body *b)
{
  const Limits *mem = b->module->memories;
  uint32_t x = 0, y = 0;
  ValType result = VAL_NONE;
  switch (b->op) {
  case OP_MEMORY_SIZE:
    TRY(body_read_memory(b, &x));
    result = body_addr(&mem[x]);
    break;
  case OP_MEMORY_GROW:
    TRY(body_read_memory(b, &x));
    result = body_addr(&mem[x]);
    TRY(body_pop(b, result));
    break;
  case OP_MEMORY_FILL:
    TRY(body_read_memory(b, &x));
    TRY(body_pop3(b, body_addr(&mem[x]), VAL_I32, body_addr(&mem[x])));
    break;
  case OP_MEMORY_COPY:
    TRY(body_read_memory(b, &x));
    TRY(body_read_memory(b, &y));
    TRY(body_pop3(b, body_addr(&mem[x]), body_addr(&mem[y]),
                  body_length(&mem[x], &mem[y])));
    break;
  case OP_MEMORY_INIT:
    TRY(body_read_data(b, &x));
    TRY(body_read_memory(b, &y));
    TRY(body_check_data(b, x));
    TRY(body_pop3(b, body_addr(&mem[y]), VAL_I32, VAL_I32));
    break;
  default:
    assert(b->op == OP_DATA_DROP);
    TRY(body_read_data(b, &x));
    TRY(body_check_data(b, x));
    break;
  }
  if (b->live) TRY(hook_memory_op(b, b->op, x, y, b->nstack));
  if (result != VAL_NONE) body_push(b, result);
  return LW_OK;
}

static Status body_table_copy(Body *b, uint32_t *x, uint32_t *y)
{
  const TableDef *tables = b->module->tables;
  TRY(body_read_table(b, x));
  TRY(body_read_table(b, y));
  const TableType *to = &tables[*x].type, *from = &tables[*y].type;
  if (!body_match(b, from->elem, to->elem))
    return lw_bad_type(b->op, "the tables hold different types", b->op_at, b->err);
  return body_pop3(b, body_addr(&to->limits), body_addr(&from->limits),
                   body_length(&to->limits, &from->limits));
}

static Status body_table_init(Body *b, uint32_t *x, uint32_t *y)
{
  const Module *m = b->module;
  TRY(lw_leb_u32(&b->r, x));
  TRY(body_read_table(b, y));
  if (*x >= m->nelems) return lw_bad_index("elem segment", *x, b->op_at, b->err);
  if (!body_match(b, m->elems[*x].type, m->tables[*y].type.elem))
    return lw_bad_type(b->op, "the segment does not fit the table", b->op_at, b->err);
  return body_pop3(b, body_addr(&m->tables[*y].type.limits), VAL_I32, VAL_I32);
}

/* Operators on one table x; *result is what they push. */
static Status body_one_table(Body *b, uint32_t *x, ValType *result)
{
  TRY(body_read_table(b, x));
  const TableType *t = &b->module->tables[*x].type;
  ValType addr = body_addr(&t->limits);
  switch (b->op) {
  case OP_TABLE_GET: *result = t->elem; return body_pop(b, addr);
  case OP_TABLE_SIZE: *result = addr; return LW_OK;
  case OP_TABLE_FILL: return body_pop3(b, addr, t->elem, addr);
  case OP_TABLE_GROW:
    *result = addr;
    TRY(body_pop(b, addr));
    return body_pop(b, t->elem);
  default:
    assert(b->op == OP_TABLE_SET);
    TRY(body_pop(b, t->elem));
    return body_pop(b, addr);
  }
}

static Status body_table_op(Body *b)
{
  uint32_t x = 0, y = 0;
  ValType result = VAL_NONE;
  switch (b->op) {
  case OP_TABLE_COPY: TRY(body_table_copy(b, &x, &y)); break;
  case OP_TABLE_INIT: TRY(body_table_init(b, &x, &y)); break;
  case OP_ELEM_DROP:
    TRY(body_read_index(b, b->module->nelems, "elem segment", &x));
    break;
  default: TRY(body_one_table(b, &x, &result)); break;
  }
  if (b->live) TRY(hook_table_op(b, b->op, x, y, b->nstack));
  if (result != VAL_NONE) body_push(b, result);
  return LW_OK;
}

static inline Status body_global_get(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->module->nglobals, "global", &x));
  if (b->live) TRY(hook_global_get(b, x, b->nstack));
  body_push(b, b->module->globals[x].type.type);
  return LW_OK;
}

static inline Status body_global_set(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->module->nglobals, "global", &x));
  const GlobalType *t = &b->module->globals[x].type;
  if (!t->mutable_)
    return lw_fail(b->err, LW_INVALID, b->op_at, "immutable global %u", x);
  TRY(body_pop(b, t->type));
  return b->live ? hook_global_set(b, x, b->nstack) : LW_OK;
}

static Status body_ref_null(Body *b)
{
  uint32_t heap;
  TRY(lw_read_heaptype(&b->r, b->module->features, &heap));
  ValType t = VAL_REF_TO(heap, 1);
  TRY(lw_type_known(b->module, t, b->op_at, b->err));
  if (b->live) TRY(hook_ref_null(b, t, b->nstack));
  body_push(b, t);
  return LW_OK;
}

static Status body_ref_is_null(Body *b)
{
  ValType t;
  TRY(body_pop_ref(b, &t));
  if (b->live) TRY(hook_ref_is_null(b, b->nstack));
  body_push(b, VAL_I32);
  return LW_OK;
}

static Status body_ref_func(Body *b)
{
  uint32_t x;
  TRY(body_read_index(b, b->module->nfuncs, "function", &x));
  if (b->module->funcs[x].escape == NO_ESCAPE)
    return lw_fail(b->err, LW_INVALID, b->op_at, "undeclared function reference %u", x);
  if (b->live) TRY(hook_ref_func(b, x, b->nstack));
  body_push(b, VAL_REF_TO(b->module->funcs[x].type, 0));
  return LW_OK;
}

static Status body_ref_eq(Body *b)
{
  ValType eq = VAL_REF_TO(HEAP_EQ, 1);
  TRY(body_pop(b, eq));
  TRY(body_pop(b, eq));
  if (b->live) TRY(hook_ref_eq(b, b->nstack));
  body_push(b, VAL_I32);
  return LW_OK;
}

static Status body_ref_as_non_null(Body *b)
{
  ValType t;
  TRY(body_pop_ref(b, &t));
  if (b->live) TRY(hook_ref_as_non_null(b, b->nstack));
  body_push(b, t & ~(ValType)VAL_NULLABLE);
  return LW_OK;
}

static Status body_br_on_null(Body *b)
{
  Ctl *c;
  ValType t;
  uint32_t n;
  TRY(body_read_label(b, &c));
  TRY(body_pop_ref(b, &t));
  const ValType *types = body_label(c, &n);
  TRY(body_pop_list(b, types, n));
  if (b->live) TRY(hook_br_on_null(b, c, b->nstack));
  TRY(body_push_list(b, types, n));
  body_push(b, t & ~(ValType)VAL_NULLABLE);
  return LW_OK;
}

static Status body_br_on_non_null(Body *b)
{
  Ctl *c;
  uint32_t n;
  TRY(body_read_label(b, &c));
  const ValType *types = body_label(c, &n);
  if (n == 0 || !lw_val_is_ref(types[n - 1]))
    return lw_bad_type(b->op, "the label takes no reference", b->op_at, b->err);
  TRY(body_pop(b, types[n - 1] | VAL_NULLABLE));
  TRY(body_pop_list(b, types, n - 1));
  if (b->live) TRY(hook_br_on_non_null(b, c, b->nstack));
  return body_push_list(b, types, n - 1);
}

static Status body_ref(Body *b)
{
  switch (b->op) {
  case OP_REF_NULL: return body_ref_null(b);
  case OP_REF_IS_NULL: return body_ref_is_null(b);
  case OP_REF_FUNC: return body_ref_func(b);
  case OP_REF_EQ: return body_ref_eq(b);
  case OP_REF_AS_NON_NULL: return body_ref_as_non_null(b);
  case OP_BR_ON_NULL: return body_br_on_null(b);
  default: assert(b->op == OP_BR_ON_NON_NULL); return body_br_on_non_null(b);
  }
}

#endif

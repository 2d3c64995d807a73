/*
** body_gc.h -- part of the template body.h: structs, arrays, casts, i31.
**
** Standard, sections 3.4.5 to 3.4.7. Operators name a type by index; fields and elements
** that are packed are i32 on the stack.
** Layer: wasm.
*/
#ifndef LW_BODY_GC_H
#define LW_BODY_GC_H

#include "wasm/body_mem.h"

static inline ValType body_unpacked(const FieldType *f)
{
  return f->type == VAL_I8 || f->type == VAL_I16 ? VAL_I32 : f->type;
}

static inline bool body_is_packed(const FieldType *f)
{
  return f->type == VAL_I8 || f->type == VAL_I16;
}

static Status body_read_kind(Body *b, TypeKind kind, uint32_t *x)
{
  TRY(body_read_index(b, b->module->ntypes, "type", x));
  if (b->module->types[*x].kind == kind) return LW_OK;
  return lw_bad_type(b->op,
                     kind == TYPE_STRUCT ? "not a struct type" : "not an array type",
                     b->op_at, b->err);
}

static Status body_must_mutate(Body *b, const FieldType *f)
{
  if (f->mutable_) return LW_OK;
  return lw_fail(b->err, LW_INVALID, b->op_at, "immutable %s: %s",
                 lw_op_info[b->op].text[0] == 's' ? "field" : "array",
                 lw_op_info[b->op].text);
}

/* ---- structs ---- */

static Status body_struct_new(Body *b)
{
  uint32_t x;
  TRY(body_read_kind(b, TYPE_STRUCT, &x));
  const TypeDef *t = &b->module->types[x];
  bool given = b->op == OP_STRUCT_NEW;
  if (!given && !t->defaults)
    return lw_bad_type(b->op, "a field has no default value", b->op_at, b->err);
  if (given) TRY(body_count(b, t->nfields));
  for (uint32_t i = given ? t->nfields : 0; i-- > 0;) {
    if (b->nstack == b->floor && body_top(b)->unreachable) break;
    TRY(body_pop(b, body_unpacked(&t->fields[i])));
  }
  if (b->live) TRY(hook_struct_new(b, x, given, b->nstack));
  body_push(b, VAL_REF_TO(x, 0));
  return LW_OK;
}

static Status body_struct_field(Body *b)
{
  uint32_t x, field;
  TRY(body_read_kind(b, TYPE_STRUCT, &x));
  const TypeDef *t = &b->module->types[x];
  TRY(body_read_index(b, t->nfields, "field", &field));
  const FieldType *f = &t->fields[field];
  ValType type = body_unpacked(f);
  if (b->op == OP_STRUCT_SET) {
    TRY(body_must_mutate(b, f));
    TRY(body_pop(b, type));
    TRY(body_pop(b, VAL_REF_TO(x, 1)));
    return b->live ? hook_struct_set(b, x, field, b->nstack) : LW_OK;
  }
  if (body_is_packed(f) != (b->op != OP_STRUCT_GET))
    return lw_bad_type(
      b->op, body_is_packed(f) ? "the field is packed" : "the field is not packed",
      b->op_at, b->err);
  TRY(body_pop(b, VAL_REF_TO(x, 1)));
  if (b->live) TRY(hook_struct_get(b, b->op, x, field, b->nstack));
  body_push(b, type);
  return LW_OK;
}

/* ---- arrays ---- */

/* A data segment's bytes, or the references of an element segment, as elements. */
static Status body_read_segment(Body *b, const FieldType *f, bool data, uint32_t *y)
{
  const Module *m = b->module;
  if (data) {
    TRY(body_read_data(b, y));
    TRY(body_check_data(b, *y));
    if (!lw_val_is_ref(f->type)) return LW_OK;
    return lw_fail(b->err, LW_INVALID, b->op_at,
                   "array type is not numeric or vector: %s", lw_op_info[b->op].text);
  }
  TRY(lw_leb_u32(&b->r, y));
  if (*y >= m->nelems) return lw_bad_index("elem segment", *y, b->op_at, b->err);
  if (body_match(b, m->elems[*y].type, f->type)) return LW_OK;
  return lw_bad_type(b->op, "the segment does not fit the array", b->op_at, b->err);
}

static Status body_pop_fixed(Body *b, const FieldType *f, uint32_t n)
{
  if (n > LIMIT_FIELDS)
    return lw_fail(b->err, LW_LIMIT, b->op_at,
                   "too many operands of array.new_fixed: %u, the limit is %d", n,
                   LIMIT_FIELDS);
  TRY(body_count(b, n));
  while (n-- > 0) {
    if (b->nstack == b->floor && body_top(b)->unreachable) break;
    TRY(body_pop(b, body_unpacked(f)));
  }
  return LW_OK;
}

static Status body_array_new(Body *b)
{
  uint32_t x, y = 0;
  TRY(body_read_kind(b, TYPE_ARRAY, &x));
  const FieldType *f = b->module->types[x].fields;
  switch (b->op) {
  case OP_ARRAY_NEW:
    TRY(body_pop(b, VAL_I32));
    TRY(body_pop(b, body_unpacked(f)));
    break;
  case OP_ARRAY_NEW_DEFAULT:
    if (!b->module->types[x].defaults)
      return lw_bad_type(b->op, "the element has no default value", b->op_at, b->err);
    TRY(body_pop(b, VAL_I32));
    break;
  case OP_ARRAY_NEW_FIXED:
    TRY(lw_leb_u32(&b->r, &y));
    TRY(body_pop_fixed(b, f, y));
    break;
  default:
    TRY(body_read_segment(b, f, b->op == OP_ARRAY_NEW_DATA, &y));
    TRY(body_pop(b, VAL_I32));
    TRY(body_pop(b, VAL_I32));
  }
  if (b->live) TRY(hook_array_new(b, b->op, x, y, b->nstack));
  body_push(b, VAL_REF_TO(x, 0));
  return LW_OK;
}

static Status body_array_element(Body *b)
{
  uint32_t x;
  TRY(body_read_kind(b, TYPE_ARRAY, &x));
  const FieldType *f = b->module->types[x].fields;
  if (b->op == OP_ARRAY_SET) {
    TRY(body_must_mutate(b, f));
    TRY(body_pop3(b, VAL_REF_TO(x, 1), VAL_I32, body_unpacked(f)));
    return b->live ? hook_array_set(b, x, b->nstack) : LW_OK;
  }
  if (body_is_packed(f) != (b->op != OP_ARRAY_GET))
    return lw_bad_type(
      b->op, body_is_packed(f) ? "the array is packed" : "the array is not packed",
      b->op_at, b->err);
  TRY(body_pop(b, VAL_I32));
  TRY(body_pop(b, VAL_REF_TO(x, 1)));
  if (b->live) TRY(hook_array_get(b, b->op, x, b->nstack));
  body_push(b, body_unpacked(f));
  return LW_OK;
}

static Status body_array_len(Body *b)
{
  TRY(body_pop(b, VAL_REF_TO(HEAP_ARRAY, 1)));
  if (b->live) TRY(hook_array_len(b, b->nstack));
  body_push(b, VAL_I32);
  return LW_OK;
}

static Status body_array_copy(Body *b, uint32_t x, uint32_t *y)
{
  const FieldType *to = b->module->types[x].fields;
  TRY(body_read_kind(b, TYPE_ARRAY, y));
  const FieldType *from = b->module->types[*y].fields;
  TRY(body_must_mutate(b, to));
  if (!body_match(b, from->type, to->type))
    return lw_fail(b->err, LW_INVALID, b->op_at, "array types do not match");
  TRY(body_pop3(b, VAL_REF_TO(*y, 1), VAL_I32, VAL_I32));
  TRY(body_pop(b, VAL_I32));
  return body_pop(b, VAL_REF_TO(x, 1));
}

static Status body_array_bulk(Body *b)
{
  uint32_t x, y = 0;
  TRY(body_read_kind(b, TYPE_ARRAY, &x));
  const FieldType *f = b->module->types[x].fields;
  if (b->op == OP_ARRAY_COPY) {
    TRY(body_array_copy(b, x, &y));
  } else {
    TRY(body_must_mutate(b, f));
    if (b->op != OP_ARRAY_FILL)
      TRY(body_read_segment(b, f, b->op == OP_ARRAY_INIT_DATA, &y));
    ValType third = b->op == OP_ARRAY_FILL ? body_unpacked(f) : VAL_I32;
    TRY(body_pop3(b, VAL_I32, third, VAL_I32));
    TRY(body_pop(b, VAL_REF_TO(x, 1)));
  }
  return b->live ? hook_array_bulk(b, b->op, x, y, b->nstack) : LW_OK;
}

/* ---- casts ---- */

static Status body_read_target(Body *b, bool nullable, ValType *out)
{
  uint32_t heap;
  TRY(lw_read_heaptype(&b->r, b->module->features, &heap));
  *out = VAL_REF_TO(heap, nullable);
  return lw_type_known(b->module, *out, b->op_at, b->err);
}

static Status body_cast(Body *b)
{
  ValType target;
  bool test = b->op == OP_REF_TEST || b->op == OP_REF_TEST_NULL;
  TRY(
    body_read_target(b, b->op == OP_REF_TEST_NULL || b->op == OP_REF_CAST_NULL, &target));
  TRY(body_pop(b, VAL_REF_TO(lw_match_top(b->module, lw_val_heap(target)), 1)));
  if (b->live)
    TRY(test ? hook_ref_test(b, target, b->nstack) : hook_ref_cast(b, target, b->nstack));
  body_push(b, test ? VAL_I32 : target);
  return LW_OK;
}

/* The label takes the reference last; what is left on the stack otherwise. */
static Status body_br_on_cast(Body *b)
{
  uint8_t flags;
  Ctl *c;
  uint32_t n;
  ValType from = VAL_NONE, to = VAL_NONE;
  bool fail = b->op == OP_BR_ON_CAST_FAIL;
  TRY(lw_read_byte(&b->r, &flags));
  if (flags > 3) return lw_reader_bad(&b->r, "malformed br_on_cast flags");
  TRY(body_read_label(b, &c));
  TRY(body_read_target(b, flags & 1, &from));
  TRY(body_read_target(b, flags >> 1, &to));
  if (!body_match(b, to, from))
    return lw_bad_type(b->op, "the types are not sub- and supertype", b->op_at, b->err);
  ValType rest = to & VAL_NULLABLE ? from & ~(ValType)VAL_NULLABLE : from;
  const ValType *types = body_label(c, &n);
  if (n == 0 || !body_match(b, fail ? rest : to, types[n - 1]))
    return lw_bad_type(b->op, "the label does not take the reference", b->op_at, b->err);
  TRY(body_pop(b, from));
  TRY(body_pop_list(b, types, n - 1));
  if (b->live) TRY(hook_br_on_cast(b, c, to, fail, b->nstack));
  TRY(body_push_list(b, types, n - 1));
  body_push(b, fail ? to : rest);
  return LW_OK;
}

/* ---- what changes the type alone; i31 ---- */

static Status body_convert(Body *b)
{
  bool in = b->op == OP_ANY_CONVERT_EXTERN;
  ValType t;
  TRY(body_pop_ref(b, &t));
  if (!body_match(b, t, VAL_REF_TO(in ? HEAP_EXTERN : HEAP_ANY, 1)))
    return lw_bad_operand(b->op, VAL_REF_TO(in ? HEAP_EXTERN : HEAP_ANY, 1), t, b->op_at,
                          b->err);
  body_push(b, VAL_REF_TO(in ? HEAP_ANY : HEAP_EXTERN, t & VAL_NULLABLE));
  return LW_OK;
}

static Status body_i31(Body *b)
{
  bool make = b->op == OP_REF_I31;
  TRY(body_pop(b, make ? (ValType)VAL_I32 : VAL_REF_TO(HEAP_I31, 1)));
  if (b->live) TRY(hook_i31(b, b->op, b->nstack));
  body_push(b, make ? VAL_REF_TO(HEAP_I31, 0) : (ValType)VAL_I32);
  return LW_OK;
}

static Status body_gc(Body *b)
{
  switch (b->op) {
  case OP_STRUCT_NEW:
  case OP_STRUCT_NEW_DEFAULT: return body_struct_new(b);
  case OP_STRUCT_GET:
  case OP_STRUCT_GET_S:
  case OP_STRUCT_GET_U:
  case OP_STRUCT_SET: return body_struct_field(b);
  case OP_ARRAY_NEW:
  case OP_ARRAY_NEW_DEFAULT:
  case OP_ARRAY_NEW_FIXED:
  case OP_ARRAY_NEW_DATA:
  case OP_ARRAY_NEW_ELEM: return body_array_new(b);
  case OP_ARRAY_GET:
  case OP_ARRAY_GET_S:
  case OP_ARRAY_GET_U:
  case OP_ARRAY_SET: return body_array_element(b);
  case OP_ARRAY_LEN: return body_array_len(b);
  case OP_ARRAY_FILL:
  case OP_ARRAY_COPY:
  case OP_ARRAY_INIT_DATA:
  case OP_ARRAY_INIT_ELEM: return body_array_bulk(b);
  case OP_REF_TEST:
  case OP_REF_TEST_NULL:
  case OP_REF_CAST:
  case OP_REF_CAST_NULL: return body_cast(b);
  case OP_BR_ON_CAST:
  case OP_BR_ON_CAST_FAIL: return body_br_on_cast(b);
  case OP_ANY_CONVERT_EXTERN:
  case OP_EXTERN_CONVERT_ANY: return body_convert(b);
  default: return body_i31(b);
  }
}

#endif

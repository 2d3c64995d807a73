/*
** build_gc.h -- part of build.c: objects. One hook for each kind of operator of
** wasm/body_gc.h.
**
** An object's fields lie at fixed offsets (TypeDef), an array's elements behind its
** header, so reading and writing are plain accesses behind a null check, which falls away
** where the operand's type says so, and a comparison with the length. Making an object is
** a call of the run time.
** Layer: jit.
*/
#ifndef LW_BUILD_GC_H
#define LW_BUILD_GC_H

#include "jit/layout.h"

static MemAccess storage_access(ValType t, bool sign)
{
  switch (lw_val_kind(t)) {
  case VAL_I8: return sign ? MEM_8S : MEM_8U;
  case VAL_I16: return sign ? MEM_16S : MEM_16U;
  case VAL_I32:
  case VAL_F32: return MEM_32;
  case VAL_V128: return MEM_128;
  default: return MEM_64;
  }
}

static uint8_t storage_kind(ValType t)
{
  unsigned kind = lw_val_kind(t);
  return (uint8_t)(kind == VAL_I8 || kind == VAL_I16 ? VAL_I32 : kind);
}

/* The operand at `at` is not null from here on. */
static Status need_object(Body *b, uint32_t at, TrapCode code)
{
  if (!(b->stack[at] & VAL_NULLABLE)) return LW_OK;
  return check_null(b, *operands(b, at), code);
}

/* ---- structs ---- */

static inline Status hook_struct_new(Body *b, uint32_t x, bool given, uint32_t base)
{
  const TypeDef *t = &b->module->types[x];
  Ref *at = operands(b, base), index, made;
  TRY(constant(b, VAL_I32, x, &index));
  TRY(call_helper(b, HELPER_struct_new, &index, &made));
  for (uint32_t k = 0; given && k < t->nfields; k++) {
    const FieldType *f = &t->fields[k];
    Ins ins = {.op = IR_OBJ_STORE, .type = storage_kind(f->type), .a = made, .b = at[k]};
    ins.aux = storage_access(f->type, false);
    ins.c = f->offset;
    TRY(emit_effect(b, ins));
  }
  at[0] = made;
  return LW_OK;
}

static inline Status hook_struct_get(Body *b, Opcode op, uint32_t x, uint32_t field,
                                     uint32_t base)
{
  const FieldType *f = &b->module->types[x].fields[field];
  Ref *at = operands(b, base);
  TRY(need_object(b, base, TRAP_NULL_STRUCT));
  Ins ins = {.op = IR_OBJ_LOAD, .type = storage_kind(f->type), .a = at[0]};
  ins.aux = storage_access(f->type, op == OP_STRUCT_GET_S);
  ins.c = f->offset;
  return emit(b, ins, at);
}

static inline Status hook_struct_set(Body *b, uint32_t x, uint32_t field, uint32_t base)
{
  const FieldType *f = &b->module->types[x].fields[field];
  const Ref *at = operands(b, base);
  TRY(need_object(b, base, TRAP_NULL_STRUCT));
  Ins ins = {.op = IR_OBJ_STORE, .type = storage_kind(f->type), .a = at[0], .b = at[1]};
  ins.aux = storage_access(f->type, false);
  ins.c = f->offset;
  return emit_effect(b, ins);
}

/* ---- arrays ---- */

static Status array_length(Body *b, Ref array, Ref *out)
{
  Ins ins = {.op = IR_OBJ_LOAD, .type = VAL_I32, .aux = MEM_32, .a = array};
  ins.c = ARRAY_LENGTH;
  return emit(b, ins, out);
}

/* A value as two integers of 64 bits, as helpers take it. */
static Status halves(Body *b, ValType t, Ref value, Ref out[2])
{
  uint8_t kind = storage_kind(t);
  out[0] = value;
  if (kind == VAL_F32 || kind == VAL_F64) {
    uint8_t as = kind == VAL_F32 ? VAL_I32 : VAL_I64;
    TRY(emit(b, (Ins){.op = IR_BITCAST, .type = as, .a = value}, &out[0]));
  }
  if (kind != VAL_V128) return constant(b, VAL_I64, 0, &out[1]);
  for (uint32_t lane = 0; lane < 2; lane++) {
    Ins ins = {.op = IR_VEC1, .type = VAL_I64, .aux = OP_I64X2_EXTRACT_LANE};
    ins.a = value;
    ins.c = lane;
    TRY(emit(b, ins, &out[lane]));
  }
  return LW_OK;
}

static Status fill(Body *b, ValType t, Ref array, Ref from, Ref value, Ref n)
{
  Ref args[5] = {array, from, n}, ignored;
  TRY(halves(b, t, value, &args[3]));
  return call_helper(b, HELPER_array_fill, args, &ignored);
}

static bool is_zero(const Body *b, Ref r)
{
  if (r == REF_NONE || !ref_is_kon(r)) return false;
  const Kon *k = ir_kon(b->hook.f, r);
  return k->bits == 0 && k->high == 0;
}

static Status new_fixed(Body *b, const FieldType *f, uint32_t n, Ref *at, Ref index)
{
  Ref args[2] = {index}, made;
  TRY(constant(b, VAL_I32, n, &args[1]));
  TRY(call_helper(b, HELPER_array_new, args, &made));
  for (uint32_t k = 0; k < n; k++) {
    Ins ins = {.op = IR_OBJ_STORE, .type = storage_kind(f->type), .a = made, .b = at[k]};
    ins.aux = storage_access(f->type, false);
    ins.c = f->offset + k * lw_storage_size(f->type); /* LIMIT_FIELDS bounds n */
    TRY(emit_effect(b, ins));
  }
  at[0] = made;
  return LW_OK;
}

static inline Status hook_array_new(Body *b, Opcode op, uint32_t x, uint32_t y,
                                    uint32_t base)
{
  const FieldType *f = b->module->types[x].fields;
  Ref *at = operands(b, base), index, zero, made;
  TRY(constant(b, VAL_I32, x, &index));
  switch (op) {
  case OP_ARRAY_NEW: {
    Ref args[2] = {index, at[1]};
    TRY(call_helper(b, HELPER_array_new, args, &made));
    TRY(constant(b, VAL_I32, 0, &zero));
    if (!is_zero(b, at[0])) TRY(fill(b, f->type, made, zero, at[0], at[1]));
    break;
  }
  case OP_ARRAY_NEW_DEFAULT: {
    Ref args[2] = {index, at[0]};
    TRY(call_helper(b, HELPER_array_new, args, &made));
    break;
  }
  case OP_ARRAY_NEW_FIXED: return new_fixed(b, f, y, at, index);
  default: {
    bool data = op == OP_ARRAY_NEW_DATA;
    Ref args[4] = {index, 0, at[0], at[1]};
    TRY(constant(b, VAL_I32, y, &args[1]));
    TRY(
      call_helper(b, data ? HELPER_array_new_data : HELPER_array_new_elem, args, &made));
  }
  }
  at[0] = made;
  return LW_OK;
}

/* Traps unless the index at base + 1 is inside the array at base. */
static Status need_element(Body *b, uint32_t base)
{
  Ref length, *at = operands(b, base);
  TRY(need_object(b, base, TRAP_NULL_ARRAY));
  TRY(array_length(b, at[0], &length));
  return emit_effect(b, (Ins){.op = IR_CHECK_INDEX, .a = at[1], .b = length});
}

static inline Status hook_array_get(Body *b, Opcode op, uint32_t x, uint32_t base)
{
  const FieldType *f = b->module->types[x].fields;
  Ref *at = operands(b, base);
  TRY(need_element(b, base));
  Ins ins = {.op = IR_ELEM_LOAD, .type = storage_kind(f->type), .a = at[0], .b = at[1]};
  ins.aux = storage_access(f->type, op == OP_ARRAY_GET_S);
  return emit(b, ins, at);
}

static inline Status hook_array_set(Body *b, uint32_t x, uint32_t base)
{
  const FieldType *f = b->module->types[x].fields;
  const Ref *at = operands(b, base);
  TRY(need_element(b, base));
  Ins ins = {.op = IR_ELEM_STORE, .type = storage_kind(f->type), .a = at[0], .b = at[1]};
  ins.aux = storage_access(f->type, false);
  ins.c = at[2];
  return emit_effect(b, ins);
}

static inline Status hook_array_len(Body *b, uint32_t base)
{
  Ref *at = operands(b, base);
  TRY(need_object(b, base, TRAP_NULL_ARRAY));
  return array_length(b, at[0], at);
}

static inline Status hook_array_bulk(Body *b, Opcode op, uint32_t x, uint32_t y,
                                     uint32_t base)
{
  const FieldType *f = b->module->types[x].fields;
  const Ref *at = operands(b, base);
  Ref args[5], ignored;
  if (op == OP_ARRAY_FILL) return fill(b, f->type, at[0], at[1], at[2], at[3]);
  if (op == OP_ARRAY_COPY) return call_helper(b, HELPER_array_copy, at, &ignored);
  args[0] = at[0];
  TRY(constant(b, VAL_I32, y, &args[1]));
  memcpy(&args[2], &at[1], 3 * sizeof *args);
  bool data = op == OP_ARRAY_INIT_DATA;
  return call_helper(b, data ? HELPER_array_init_data : HELPER_array_init_elem, args,
                     &ignored);
}

/* ---- casts ---- */

static RefTest test_of(const Module *m, uint32_t heap)
{
  switch (heap) {
  case HEAP_FUNC:
  case HEAP_EXTERN:
  case HEAP_EXN:
  case HEAP_ANY: return TEST_ALWAYS;
  case HEAP_EQ: return TEST_NOT_BOX | TEST_TAGGED | TEST_I31;
  case HEAP_I31: return TEST_NEVER | TEST_TAGGED | TEST_I31;
  case HEAP_STRUCT: return TEST_STRUCT | TEST_TAGGED;
  case HEAP_ARRAY: return TEST_ARRAY | TEST_TAGGED;
  default: break;
  }
  if (heap >= HEAP_ABSTRACT) return TEST_NEVER;
  const TypeDef *t = &m->types[heap];
  if (t->kind == TYPE_FUNC) return TEST_FUNC;
  return (t->final ? TEST_EXACT : TEST_BELOW) | TEST_TAGGED;
}

/* *cond: 1 where the reference has the type, else 0. */
static Status test_ref(Body *b, ValType to, Ref ref, Ref *cond)
{
  const Module *m = b->module;
  uint32_t heap = lw_val_heap(to);
  bool func = heap < HEAP_ABSTRACT && m->types[heap].kind == TYPE_FUNC;
  if (func && !m->types[heap].final) {
    Ref args[3] = {ref};
    TRY(constant(b, VAL_I32, heap, &args[1]));
    TRY(constant(b, VAL_I32, (to & VAL_NULLABLE) != 0, &args[2]));
    return call_helper(b, HELPER_ref_fits, args, cond);
  }
  unsigned test = test_of(m, heap) | (to & VAL_NULLABLE ? TEST_NULL : 0u);
  Ins ins = {.op = IR_REF_TEST, .type = VAL_I32, .aux = (uint16_t)test, .a = ref};
  ins.b = heap < HEAP_ABSTRACT ? heap : 0;
  return emit(b, ins, cond);
}

static inline Status hook_ref_test(Body *b, ValType to, uint32_t base)
{
  Ref *at = operands(b, base);
  return test_ref(b, to, at[0], at);
}

static inline Status hook_ref_cast(Body *b, ValType to, uint32_t base)
{
  Ref cond;
  TRY(test_ref(b, to, *operands(b, base), &cond));
  return check_null(b, cond, TRAP_CAST);
}

static inline Status hook_br_on_cast(Body *b, Ctl *c, ValType to, bool fail,
                                     uint32_t base)
{
  if (dead(b)) return LW_OK;
  Ref cond;
  Carry values = carry(b, c, base, label_arity(c));
  TRY(test_ref(b, to, values.values[values.nvalues - 1], &cond));
  if (fail) TRY(emit(b, (Ins){.op = IR_EQZ, .type = VAL_I32, .a = cond}, &cond));
  return lw_flow_branch_if(&b->hook, &c->hook, &values, cond);
}

/* ---- i31: the value shifted left, bit 0 set ---- */

static Status by_one(Body *b, IrOp op, Ref a, Ref *out)
{
  Ref one;
  TRY(constant(b, VAL_I32, 1, &one));
  return emit(b, (Ins){.op = (uint8_t)op, .type = VAL_I32, .a = a, .b = one}, out);
}

static inline Status hook_i31(Body *b, Opcode op, uint32_t base)
{
  Ref *at = operands(b, base), word;
  if (op == OP_REF_I31) {
    TRY(by_one(b, IR_SHL, at[0], &word));
    TRY(by_one(b, IR_OR, word, &word));
    return emit(b, (Ins){.op = IR_WORD_REF, .type = VAL_REF, .a = word}, at);
  }
  TRY(need_object(b, base, TRAP_NULL_I31));
  TRY(emit(b, (Ins){.op = IR_REF_WORD, .type = VAL_I32, .a = at[0]}, &word));
  return by_one(b, op == OP_I31_GET_S ? IR_SHR_S : IR_SHR_U, word, at);
}

#endif

/*
** decode_types.c -- the type section: functions, structs, arrays, recursion groups.
**
** Here only the form is read; whether indexes exist and supertypes fit is validation's
** to say (validate_types.c).
** Layer: wasm.
*/
#include <assert.h>

#include "wasm/decode.h"
#include "wasm/limits.h"

enum { /* first byte of a type definition; from SUB_FINAL on they are 3.0's */
       FORM_FUNC = 0x60,
       FORM_STRUCT = 0x5f,
       FORM_ARRAY = 0x5e,
       FORM_SUB = 0x50,
       FORM_SUB_FINAL = 0x4f,
       FORM_REC = 0x4e,
       PACKED_I8 = 0x78,
       PACKED_I16 = 0x77,
};

static Status bad_form(const Decoder *d, uint8_t form, uint64_t at)
{
  return lw_fail(d->err, LW_MALFORMED, at,
                 form & 0x80 ? "integer representation too long"
                             : "malformed definition type");
}

/* ---- functions ---- */

static Status read_types(Decoder *d, const char *what, uint32_t limit,
                         const ValType **out, uint32_t *n)
{
  uint32_t cap;
  TRY(lw_read_count(&d->r, what, limit, 1, n, &cap));
  ValType *types = ARENA_RAW(&d->m->arena, ValType, cap + 1);
  if (!types) return lw_nomem(d->err, "types");
  for (uint32_t i = 0; i < *n; i++) {
    ValType type;
    TRY(lw_read_valtype(&d->r, d->m->features, &type));
    assert(i < cap);
    types[i] = type;
  }
  *out = types;
  return LW_OK;
}

static Status read_func(Decoder *d, uint64_t at, FuncType *t)
{
  TRY(read_types(d, "parameters", LIMIT_PARAMS, &t->params, &t->nparams));
  TRY(read_types(d, "results", LIMIT_RESULTS, &t->results, &t->nresults));
  if (t->nresults > 1)
    TRY(lw_feat_need(d->m->features, FEAT_MULTI_VALUE, "several results", at, d->err));
  return LW_OK;
}

/* ---- structs and arrays ---- */

static Status read_field(Decoder *d, FieldType *f)
{
  uint8_t mut;
  *f = (FieldType){0};
  if (d->r.pos < d->r.end && (*d->r.pos == PACKED_I8 || *d->r.pos == PACKED_I16))
    f->type = *d->r.pos++ == PACKED_I8 ? VAL_I8 : VAL_I16;
  else
    TRY(lw_read_valtype(&d->r, d->m->features, &f->type));
  TRY(lw_read_byte(&d->r, &mut));
  if (mut > 1) {
    d->r.pos--;
    return lw_reader_bad(&d->r, "malformed mutability");
  }
  f->mutable_ = mut;
  return LW_OK;
}

static Status read_fields(Decoder *d, TypeDef *t)
{
  uint32_t cap = 1;
  t->nfields = 1;
  if (t->kind == TYPE_STRUCT)
    TRY(lw_read_count(&d->r, "fields", LIMIT_FIELDS, 2, &t->nfields, &cap));
  FieldType *fields = ARENA_RAW(&d->m->arena, FieldType, cap + 1);
  if (!fields) return lw_nomem(d->err, "fields");
  t->defaults = true;
  for (uint32_t i = 0; i < t->nfields; i++) {
    FieldType f;
    TRY(read_field(d, &f));
    assert(i < cap);
    fields[i] = f;
    t->defaults &= !lw_val_is_ref(f.type) || f.type & VAL_NULLABLE;
  }
  if (t->kind == TYPE_STRUCT)
    t->size = lw_fields_lay_out(fields, t->nfields);
  else
    fields[0].offset = ARRAY_HEADER;
  t->fields = fields;
  return LW_OK;
}

/* ---- any of them ---- */

/* At most one supertype: more are refused as invalid, once all is known to be well-formed
   they could not be anything else. */
static Status read_super(Decoder *d, TypeDef *t)
{
  uint32_t count, cap, super = NO_TYPE;
  uint64_t at = lw_reader_at(&d->r);
  TRY(lw_read_count(&d->r, "supertypes", LIMIT_TYPES, 1, &count, &cap));
  for (uint32_t i = 0; i < count; i++)
    TRY(lw_leb_u32(&d->r, &super));
  if (count > 1)
    return lw_fail(d->err, LW_INVALID, at, "sub type with more than one supertype");
  if (count && super == NO_TYPE) super--; /* as unknown, and it means "none" */
  t->super = super;
  return LW_OK;
}

static Status read_type(Decoder *d, TypeDef *t)
{
  uint64_t at = lw_reader_at(&d->r);
  uint8_t form;
  *t = (TypeDef){.super = NO_TYPE, .final = true};
  TRY(lw_read_byte(&d->r, &form));
  if (form == FORM_SUB || form == FORM_SUB_FINAL) {
    TRY(lw_feat_need(d->m->features, FEAT_GC, "sub type", at, d->err));
    t->final = form == FORM_SUB_FINAL;
    TRY(read_super(d, t));
    at = lw_reader_at(&d->r);
    TRY(lw_read_byte(&d->r, &form));
  }
  switch (form) {
  case FORM_FUNC: t->kind = TYPE_FUNC; return read_func(d, at, &t->func);
  case FORM_STRUCT: t->kind = TYPE_STRUCT; break;
  case FORM_ARRAY: t->kind = TYPE_ARRAY; break;
  default: return bad_form(d, form, at);
  }
  TRY(lw_feat_need(d->m->features, FEAT_GC, "struct or array type", at, d->err));
  return read_fields(d, t);
}

static Status add_type(Decoder *d, uint32_t group, uint32_t ngroup)
{
  Module *m = d->m;
  TypeDef t;
  void *types;
  TRY(read_type(d, &t));
  t.group = group;
  t.ngroup = ngroup;
  t.canon = m->ntypes;
  TRY(lw_decode_room(d, m->types, &d->types_cap, m->ntypes, sizeof t, LIMIT_TYPES,
                     "types", &types));
  m->types = types;
  m->types[m->ntypes++] = t;
  return LW_OK;
}

Status lw_decode_types(Decoder *d)
{
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "types", LIMIT_TYPES, 2, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    uint32_t first = d->m->ntypes, n = 1;
    if (d->r.pos < d->r.end && *d->r.pos == FORM_REC) {
      TRY(lw_feat_need(d->m->features, FEAT_GC, "recursion group", lw_reader_at(&d->r),
                       d->err));
      d->r.pos++;
      TRY(lw_read_count(&d->r, "types of a recursion group", LIMIT_TYPES, 2, &n, &cap));
    }
    for (uint32_t k = 0; k < n; k++)
      TRY(add_type(d, first, n));
  }
  return LW_OK;
}

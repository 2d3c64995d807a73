/*
** decode_segments.c -- element and data segments: what fills tables and memories.
** Layer: wasm.
*/
#include <assert.h>

#include "wasm/decode.h"
#include "wasm/limits.h"

enum { /* bits of an element segment's flags; bit 1 depends on bit 0 */
       ELEM_NOT_ACTIVE = 1,
       ELEM_DECLARED = 2,  /* not active: declared, else passive */
       ELEM_HAS_TABLE = 2, /* active: names its table */
       ELEM_EXPRS = 4,
       ELEM_FLAGS_MAX = 7,
};

static Status read_func_indexes(Decoder *d, Elem *e)
{
  uint32_t cap;
  TRY(lw_read_count(&d->r, "entries of an element segment", LIMIT_ELEM_ENTRIES, 1,
                    &e->count, &cap));
  uint32_t *funcs = ARENA_RAW(&d->m->arena, uint32_t, (size_t)cap + 1);
  if (!funcs) return lw_nomem(d->err, "an element segment");
  for (uint32_t i = 0; i < e->count; i++) {
    uint32_t func;
    TRY(lw_leb_u32(&d->r, &func));
    assert(i < cap);
    funcs[i] = func;
  }
  e->funcs = funcs;
  return LW_OK;
}

static Status read_exprs(Decoder *d, Elem *e)
{
  uint32_t cap;
  TRY(lw_read_count(&d->r, "entries of an element segment", LIMIT_ELEM_ENTRIES, 1,
                    &e->count, &cap));
  Span *exprs = ARENA_RAW(&d->m->arena, Span, (size_t)cap + 1);
  if (!exprs) return lw_nomem(d->err, "an element segment");
  for (uint32_t i = 0; i < e->count; i++) {
    Span expr;
    TRY(lw_decode_expr(d, &expr));
    assert(i < cap);
    exprs[i] = expr;
  }
  e->exprs = exprs;
  return LW_OK;
}

static Status read_elem_kind(Decoder *d, Elem *e, unsigned flags)
{
  e->type = VAL_REF_TO(HEAP_FUNC, flags & ELEM_EXPRS ? 1 : 0);
  if ((flags & (ELEM_NOT_ACTIVE | ELEM_HAS_TABLE)) == 0) return LW_OK; /* implied */
  if (flags & ELEM_EXPRS) return lw_read_reftype(&d->r, d->m->features, &e->type);
  uint8_t kind;
  TRY(lw_read_byte(&d->r, &kind));
  if (kind != 0) {
    d->r.pos--;
    return lw_reader_bad(&d->r, "malformed element kind");
  }
  return LW_OK;
}

static Status read_elem(Decoder *d, Elem *e)
{
  uint64_t at = lw_reader_at(&d->r);
  uint32_t flags;
  TRY(lw_leb_u32(&d->r, &flags));
  if (flags > ELEM_FLAGS_MAX)
    return lw_fail(d->err, LW_MALFORMED, at, "malformed elements segment kind %u", flags);
  if (flags)
    TRY(lw_feat_need(d->m->features, FEAT_BULK, "element segment kind", at, d->err));
  if (flags & ELEM_NOT_ACTIVE) {
    e->mode = flags & ELEM_DECLARED ? SEG_DECLARED : SEG_PASSIVE;
  } else {
    e->mode = SEG_ACTIVE;
    if (flags & ELEM_HAS_TABLE) TRY(lw_leb_u32(&d->r, &e->table));
    TRY(lw_decode_expr(d, &e->offset));
  }
  TRY(read_elem_kind(d, e, flags));
  return flags & ELEM_EXPRS ? read_exprs(d, e) : read_func_indexes(d, e);
}

Status lw_decode_elems(Decoder *d)
{
  Module *m = d->m;
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "element segments", LIMIT_ELEM_SEGMENTS, 2, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    Elem e = {0};
    TRY(read_elem(d, &e));
    m->elems = lw_vec_room(&m->arena, m->elems, &d->elems_cap, m->nelems, sizeof e);
    if (!m->elems) return lw_nomem(d->err, "element segments");
    m->elems[m->nelems++] = e;
  }
  return LW_OK;
}

static Status read_data(Decoder *d, Data *data)
{
  enum { ACTIVE, PASSIVE, ACTIVE_MEMORY };
  uint64_t at = lw_reader_at(&d->r);
  uint32_t flags, size;
  TRY(lw_leb_u32(&d->r, &flags));
  if (flags > ACTIVE_MEMORY)
    return lw_fail(d->err, LW_MALFORMED, at, "malformed data segment kind %u", flags);
  if (flags)
    TRY(lw_feat_need(d->m->features, FEAT_BULK, "data segment kind", at, d->err));
  data->mode = flags == PASSIVE ? SEG_PASSIVE : SEG_ACTIVE;
  if (flags == ACTIVE_MEMORY) TRY(lw_leb_u32(&d->r, &data->memory));
  if (flags != PASSIVE) TRY(lw_decode_expr(d, &data->offset));
  TRY(lw_leb_u32(&d->r, &size));
  data->bytes = (Span){(uint32_t)lw_reader_at(&d->r), size};
  return lw_read_bytes(&d->r, size, NULL);
}

Status lw_decode_datas(Decoder *d)
{
  Module *m = d->m;
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "data segments", LIMIT_DATA_SEGMENTS, 2, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    Data data = {0};
    TRY(read_data(d, &data));
    m->datas = lw_vec_room(&m->arena, m->datas, &d->datas_cap, m->ndatas, sizeof data);
    if (!m->datas) return lw_nomem(d->err, "data segments");
    m->datas[m->ndatas++] = data;
  }
  return LW_OK;
}

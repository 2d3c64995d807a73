/*
** decode_sections.c -- imports, the index spaces, exports, start.
** Layer: wasm.
*/
#include <assert.h>

#include "wasm/decode.h"
#include "wasm/limits.h"

/* Append to an index space: room for one more, and not beyond the limit. */
Status lw_decode_room(Decoder *d, void *array, uint32_t *cap, uint32_t n, size_t size,
                      uint32_t limit, const char *what, void **out)
{
  if (n >= limit) {
    lw_fail(d->err, LW_LIMIT, lw_reader_at(&d->r), "too many %s, the limit is %u", what,
            limit);
    return LW_LIMIT; /* spelled out: compilers see that *out is set on LW_OK */
  }
  *out = lw_vec_room(&d->m->arena, array, cap, n, size);
  if (*out) return LW_OK;
  lw_nomem(d->err, what);
  return LW_NOMEM;
}

/* ---- index spaces: one function for each kind, imported or defined ---- */

static Status add_func(Decoder *d)
{
  Module *m = d->m;
  FuncDef f = {.escape = NO_ESCAPE};
  void *funcs;
  TRY(lw_leb_u32(&d->r, &f.type));
  TRY(lw_decode_room(d, m->funcs, &d->funcs_cap, m->nfuncs, sizeof f, LIMIT_FUNCTIONS,
                     "functions", &funcs));
  m->funcs = funcs;
  m->funcs[m->nfuncs++] = f;
  return LW_OK;
}

static Status add_table(Decoder *d, bool with_init)
{
  Module *m = d->m;
  TableDef t = {.at = (uint32_t)lw_reader_at(&d->r)};
  void *tables;
  if (m->ntables)
    TRY(lw_feat_need(m->features, FEAT_REF_TYPES, "a second table", lw_reader_at(&d->r),
                     d->err));
  TRY(lw_read_reftype(&d->r, m->features, &t.type.elem));
  TRY(lw_read_limits(&d->r, m->features, false, &t.type.limits));
  if (with_init) TRY(lw_decode_expr(d, &t.init));
  TRY(lw_decode_room(d, m->tables, &d->tables_cap, m->ntables, sizeof t, LIMIT_TABLES,
                     "tables", &tables));
  m->tables = tables;
  m->tables[m->ntables++] = t;
  return LW_OK;
}

static Status add_memory(Decoder *d)
{
  Module *m = d->m;
  Limits l;
  void *memories;
  uint64_t at = lw_reader_at(&d->r);
  TRY(lw_read_limits(&d->r, m->features, true, &l));
  if (m->nmemories)
    TRY(lw_feat_need(m->features, FEAT_MULTI_MEMORY, "a second memory", at, d->err));
  TRY(lw_decode_room(d, m->memories, &d->memories_cap, m->nmemories, sizeof l,
                     LIMIT_MEMORIES, "memories", &memories));
  m->memories = memories;
  m->memories[m->nmemories++] = l;
  return LW_OK;
}

static Status add_global(Decoder *d, bool defined)
{
  Module *m = d->m;
  Global g = {0};
  void *globals;
  TRY(lw_read_globaltype(&d->r, m->features, &g.type));
  if (defined) TRY(lw_decode_expr(d, &g.init));
  TRY(lw_decode_room(d, m->globals, &d->globals_cap, m->nglobals, sizeof g, LIMIT_GLOBALS,
                     "globals", &globals));
  m->globals = globals;
  m->globals[m->nglobals++] = g;
  return LW_OK;
}

static Status add_tag(Decoder *d)
{
  Module *m = d->m;
  uint8_t attribute;
  uint32_t type;
  void *tags;
  TRY(lw_read_byte(&d->r, &attribute));
  if (attribute != 0) {
    d->r.pos--;
    return lw_reader_bad(&d->r, "malformed tag attribute");
  }
  TRY(lw_leb_u32(&d->r, &type));
  TRY(lw_decode_room(d, m->tags, &d->tags_cap, m->ntags, sizeof type, LIMIT_TAGS, "tags",
                     &tags));
  m->tags = tags;
  m->tags[m->ntags++] = type;
  return LW_OK;
}

/* Tags came with the legacy form, too. */
static Status need_tags(const Module *m, const char *what, uint64_t at, Err *err)
{
  if (m->features >> FEAT_LEGACY_EXCEPTIONS & 1) return LW_OK;
  return lw_feat_need(m->features, FEAT_EXCEPTIONS, what, at, err);
}

/* ---- imports and exports ---- */

static Status read_kind(Decoder *d, const char *bad, ExternKind *out)
{
  uint8_t kind;
  TRY(lw_read_byte(&d->r, &kind));
  if (kind >= EXTERN__MAX) {
    d->r.pos--;
    return lw_reader_bad(&d->r, bad);
  }
  *out = (ExternKind)kind;
  return LW_OK;
}

static Status add_import(Decoder *d, Import *in)
{
  Module *m = d->m;
  switch (in->kind) {
  case EXTERN_FUNC:
    in->index = m->nfuncs;
    TRY(add_func(d));
    m->nfuncs_imported = m->nfuncs;
    return LW_OK;
  case EXTERN_TABLE:
    in->index = m->ntables;
    TRY(add_table(d, false));
    m->ntables_imported = m->ntables;
    return LW_OK;
  case EXTERN_MEMORY:
    in->index = m->nmemories;
    TRY(add_memory(d));
    m->nmemories_imported = m->nmemories;
    return LW_OK;
  case EXTERN_GLOBAL:
    in->index = m->nglobals;
    TRY(add_global(d, false));
    m->nglobals_imported = m->nglobals;
    return LW_OK;
  case EXTERN_TAG:
    TRY(need_tags(m, "imported tag", in->at, d->err));
    in->index = m->ntags;
    TRY(add_tag(d));
    m->ntags_imported = m->ntags;
    return LW_OK;
  case EXTERN__MAX: break;
  }
  assert(!"read_kind has seen to it");
  return LW_OK;
}

Status lw_decode_imports(Decoder *d)
{
  Module *m = d->m;
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "imports", LIMIT_IMPORTS, 4, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    Import in = {.at = (uint32_t)lw_reader_at(&d->r)};
    void *imports;
    TRY(lw_read_name(&d->r, &in.module));
    TRY(lw_read_name(&d->r, &in.name));
    TRY(read_kind(d, "malformed import kind", &in.kind));
    TRY(add_import(d, &in));
    TRY(lw_decode_room(d, m->imports, &d->imports_cap, m->nimports, sizeof in,
                       LIMIT_IMPORTS, "imports", &imports));
    m->imports = imports;
    m->imports[m->nimports++] = in;
  }
  return LW_OK;
}

Status lw_decode_exports(Decoder *d)
{
  Module *m = d->m;
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "exports", LIMIT_EXPORTS, 3, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    Export out;
    void *exports;
    TRY(lw_read_name(&d->r, &out.name));
    TRY(read_kind(d, "malformed export kind", &out.kind));
    TRY(lw_leb_u32(&d->r, &out.index));
    TRY(lw_decode_room(d, m->exports, &d->exports_cap, m->nexports, sizeof out,
                       LIMIT_EXPORTS, "exports", &exports));
    m->exports = exports;
    m->exports[m->nexports++] = out;
  }
  return LW_OK;
}

/* ---- sections that are one list ---- */

Status lw_decode_funcs(Decoder *d)
{
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "functions", LIMIT_FUNCTIONS, 1, &count, &cap));
  for (uint32_t i = 0; i < count; i++)
    TRY(add_func(d));
  return LW_OK;
}

/* 0x40 0x00 before a table type: an initializer follows it. */
static Status read_init_mark(Decoder *d, bool *out)
{
  enum { WITH_INIT = 0x40 };
  uint64_t at = lw_reader_at(&d->r);
  uint8_t reserved;
  *out = d->r.pos < d->r.end && *d->r.pos == WITH_INIT;
  if (!*out) return LW_OK;
  TRY(lw_feat_need(d->m->features, FEAT_FUNC_REFS, "table initializer", at, d->err));
  d->r.pos++;
  TRY(lw_read_byte(&d->r, &reserved));
  return reserved == 0 ? LW_OK : lw_reader_bad(&d->r, "malformed table");
}

Status lw_decode_tables(Decoder *d)
{
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "tables", LIMIT_TABLES, 3, &count, &cap));
  for (uint32_t i = 0; i < count; i++) {
    bool with_init;
    TRY(read_init_mark(d, &with_init));
    TRY(add_table(d, with_init));
  }
  return LW_OK;
}

Status lw_decode_memories(Decoder *d)
{
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "memories", LIMIT_MEMORIES, 2, &count, &cap));
  for (uint32_t i = 0; i < count; i++)
    TRY(add_memory(d));
  return LW_OK;
}

Status lw_decode_tags(Decoder *d)
{
  uint32_t count, cap;
  uint64_t at = lw_reader_at(&d->r);
  TRY(lw_read_count(&d->r, "tags", LIMIT_TAGS, 2, &count, &cap));
  if (count) TRY(need_tags(d->m, "tag section", at, d->err));
  for (uint32_t i = 0; i < count; i++)
    TRY(add_tag(d));
  return LW_OK;
}

Status lw_decode_globals(Decoder *d)
{
  uint32_t count, cap;
  TRY(lw_read_count(&d->r, "globals", LIMIT_GLOBALS, 3, &count, &cap));
  for (uint32_t i = 0; i < count; i++)
    TRY(add_global(d, true));
  return LW_OK;
}

Status lw_decode_start(Decoder *d)
{
  TRY(lw_leb_u32(&d->r, &d->m->start));
  if (d->m->start == UINT32_MAX) d->m->start--; /* as unknown, and it means "none" */
  return LW_OK;
}

Status lw_decode_data_count(Decoder *d)
{
  TRY(lw_feat_need(d->m->features, FEAT_BULK, "data count section", lw_reader_at(&d->r),
                   d->err));
  d->m->has_data_count = true;
  return lw_leb_u32(&d->r, &d->data_count);
}

Status lw_decode_code(Decoder *d)
{
  Module *m = d->m;
  uint64_t at = lw_reader_at(&d->r);
  d->code_at = at;
  uint32_t cap, defined = m->nfuncs - m->nfuncs_imported;
  TRY(lw_read_count(&d->r, "functions", LIMIT_FUNCTIONS, 2, &d->nbodies, &cap));
  for (uint32_t i = 0; i < d->nbodies; i++) {
    uint32_t size;
    TRY(lw_leb_u32(&d->r, &size));
    Span body = {(uint32_t)lw_reader_at(&d->r), size};
    TRY(lw_read_bytes(&d->r, size, NULL));
    if (size > LIMIT_BODY_BYTES)
      return lw_fail(d->err, LW_LIMIT, body.at,
                     "function too large: %u bytes, the limit is %d", size,
                     LIMIT_BODY_BYTES);
    if (i < defined) m->funcs[m->nfuncs_imported + i].body = body;
  }
  m->code = (Span){(uint32_t)at, (uint32_t)(lw_reader_at(&d->r) - at)};
  return LW_OK;
}

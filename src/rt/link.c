/*
** link.c -- do the values given for a module's imports have the types it wants?
** Layer: rt.
*/
#include "rt/link.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rt/tag.h"

enum { TEXT = 200 };

/* ---- in words ---- */

static void limits_text(char *buf, size_t cap, uint64_t now, const Limits *l)
{
  int n = snprintf(buf, cap, "%s%llu", l->is64 ? "i64 " : "", (unsigned long long)now);
  if (l->bytes && n > 0 && (size_t)n < cap)
    n += snprintf(buf + n, cap - (size_t)n, " bytes");
  if (l->has_max && n > 0 && (size_t)n < cap)
    snprintf(buf + n, cap - (size_t)n, " %llu%s", (unsigned long long)l->max,
             l->shared ? " shared" : "");
}

static void global_text(char *buf, size_t cap, const GlobalType *t)
{
  char type[40];
  lw_val_text(t->type, type, sizeof type);
  snprintf(buf, cap, t->mutable_ ? "(mut %s)" : "%s", type);
}

static void table_text(char *buf, size_t cap, uint64_t now, const TableType *t)
{
  char type[40], limits[80];
  limits_text(limits, sizeof limits, now, &t->limits);
  snprintf(buf, cap, "%s %s", limits, lw_val_text(t->elem, type, sizeof type));
}

static void wanted_text(const Module *m, const Import *im, char *buf, size_t cap)
{
  switch (im->kind) {
  case EXTERN_FUNC: lw_functype_text(lw_module_functype(m, im->index), buf, cap); break;
  case EXTERN_TABLE: {
    const TableType *t = &m->tables[im->index].type;
    table_text(buf, cap, t->limits.min, t);
    break;
  }
  case EXTERN_MEMORY:
    limits_text(buf, cap, m->memories[im->index].min, &m->memories[im->index]);
    break;
  case EXTERN_GLOBAL: global_text(buf, cap, &m->globals[im->index].type); break;
  case EXTERN_TAG:
    lw_functype_text(lw_module_signature(m, m->tags[im->index]), buf, cap);
    break;
  default: buf[0] = '\0';
  }
}

static void given_text(const ImportValue *v, char *buf, size_t cap)
{
  switch (v->kind) {
  case EXTERN_FUNC: lw_functype_text(lw_cell_type(v->u.func), buf, cap); break;
  case EXTERN_TABLE: table_text(buf, cap, v->u.table->length, &v->u.table->type); break;
  case EXTERN_MEMORY:
    limits_text(buf, cap, lw_memory_pages(v->u.memory), &v->u.memory->type);
    break;
  case EXTERN_GLOBAL: global_text(buf, cap, &v->u.global->type); break;
  case EXTERN_TAG: lw_functype_text(lw_type_of(v->u.tag->type), buf, cap); break;
  default: buf[0] = '\0';
  }
}

static int shown(Name n) /* names may be long: show their beginning */
{
  return n.len < 60 ? (int)n.len : 60;
}

static Status mismatch(const Module *m, const Import *im, const ImportValue *v, Err *err)
{
  char want[TEXT], got[TEXT];
  wanted_text(m, im, want, sizeof want);
  if (v->kind == EXTERN__MAX)
    return lw_fail(err, LW_LINK, im->at, "unknown import \"%.*s\" \"%.*s\": wanted %s %s",
                   shown(im->module), im->module.text, shown(im->name), im->name.text,
                   lw_extern_text(im->kind), want);
  given_text(v, got, sizeof got);
  return lw_fail(
    err, LW_LINK, im->at,
    "incompatible import type for \"%.*s\" \"%.*s\": wanted %s %s, given %s %s",
    shown(im->module), im->module.text, shown(im->name), im->name.text,
    lw_extern_text(im->kind), want, lw_extern_text(v->kind), got);
}

/* ---- matching ---- */

/* `now` is the current size of what is given. */
static bool limits_match(uint64_t now, const Limits *given, const Limits *wanted)
{
  if (given->is64 != wanted->is64 || given->shared != wanted->shared ||
      given->bytes != wanted->bytes)
    return false;
  if (now < wanted->min) return false;
  return !wanted->has_max || (given->has_max && given->max <= wanted->max);
}

static bool matches(const Module *m, const uint32_t *types, const Import *im,
                    const ImportValue *v)
{
  if (v->kind != im->kind) return false;
  switch (im->kind) {
  case EXTERN_FUNC:
    return lw_type_below(v->u.func->type, types[m->funcs[im->index].type]);
  case EXTERN_TABLE: {
    const TableType *want = &m->tables[im->index].type, *got = &v->u.table->type;
    return got->elem == lw_type_canonical(want->elem, types) &&
           limits_match(v->u.table->length, &got->limits, &want->limits);
  }
  case EXTERN_MEMORY: {
    const Memory *got = v->u.memory;
    return limits_match(lw_memory_pages(got), &got->type, &m->memories[im->index]);
  }
  case EXTERN_TAG: return v->u.tag->type == types[m->tags[im->index]];
  case EXTERN_GLOBAL: {
    const GlobalType *want = &m->globals[im->index].type, *got = &v->u.global->type;
    ValType type = lw_type_canonical(want->type, types);
    return got->mutable_ == want->mutable_ &&
           (want->mutable_ ? got->type == type : lw_type_match(got->type, type));
  }
  default: return false;
  }
}

Status lw_link_check(const Module *m, const uint32_t *types, const ImportValue *imports,
                     Err *err)
{
  for (uint32_t k = 0; k < m->nimports; k++) {
    const Import *im = &m->imports[k];
    assert(im->kind < EXTERN__MAX);
    if (!matches(m, types, im, &imports[k])) return mismatch(m, im, &imports[k], err);
  }
  return LW_OK;
}

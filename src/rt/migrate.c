/*
** migrate.c -- comparing and merging the state of two versions.
** Layer: rt.
*/
#include "rt/migrate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "rt/eval.h"
#include "rt/type.h"

enum { PAGE = 4096, SHOWN = 12 };

/* ---- where static data lies ---- */

static uint64_t offset_of(Instance *i, const Data *d)
{
  Value v = lw_eval_const(i, d->offset);
  return i->module->memories[d->memory].is64 ? v.i64 : v.i32;
}

/* The line that is number `*n` of the differences, if it is to be shown. */
static bool show(uint32_t *n)
{
  return (*n)++ < SHOWN;
}

static void compare_data(Instance *old, Instance *new, Str *out, uint32_t *n)
{
  const Module *a = old->module, *b = new->module;
  uint32_t most = a->ndatas > b->ndatas ? a->ndatas : b->ndatas;
  for (uint32_t k = 0; k < most; k++) {
    const Data *x = k < a->ndatas ? &a->datas[k] : NULL;
    const Data *y = k < b->ndatas ? &b->datas[k] : NULL;
    assert(x || y);
    uint64_t from = x && x->mode == SEG_ACTIVE ? offset_of(old, x) : 0;
    uint64_t to = y && y->mode == SEG_ACTIVE ? offset_of(new, y) : 0;
    if (x && y && x->mode == y->mode && x->memory == y->memory && from == to &&
        x->bytes.size == y->bytes.size)
      continue;
    if (!show(n)) continue;
    if (!y)
      lw_str_fmt(out, "data segment %u: was at %llu, %u bytes; is gone\n", k,
                 (unsigned long long)from, x->bytes.size);
    else if (!x)
      lw_str_fmt(out, "data segment %u: new, at %llu, %u bytes\n", k,
                 (unsigned long long)to, y->bytes.size);
    else
      lw_str_fmt(out, "data segment %u: was at %llu, %u bytes; is at %llu, %u bytes\n", k,
                 (unsigned long long)from, x->bytes.size, (unsigned long long)to,
                 y->bytes.size);
  }
}

/* The value of a global that the linker exports or names; false: there is none. */
static bool symbol(Instance *i, const char *name, uint64_t *value)
{
  const Module *m = i->module;
  const Export *e = lw_module_export(m, name, strlen(name));
  int64_t g = lw_module_global_named(m, name);
  if (e && e->kind == EXTERN_GLOBAL) g = e->index;
  if (g < (int64_t)m->nglobals_imported || g >= (int64_t)m->nglobals) return false;
  if (lw_val_kind(m->globals[g].type.type) != VAL_I32) return false;
  *value = lw_eval_const(i, m->globals[g].init).i32;
  return true;
}

static void compare_symbols(Instance *old, Instance *new, Str *out, uint32_t *n)
{
  static const char *const names[] = {"__data_end", "__heap_base", "__stack_pointer"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    uint64_t a, b;
    bool in_old = symbol(old, names[k], &a), in_new = symbol(new, names[k], &b);
    if (in_old == in_new && (!in_old || a == b)) continue;
    if (!show(n)) continue;
    if (in_old && in_new)
      lw_str_fmt(out, "%s: was %llu, is %llu\n", names[k], (unsigned long long)a,
                 (unsigned long long)b);
    else
      lw_str_fmt(out, "%s: %s\n", names[k], in_old ? "is gone" : "new");
  }
}

static bool same_name(Name a, Name b)
{
  return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
}

/* A function that guests know by its index in a table must be the same one there. */
static void compare_elems(Instance *old, Instance *new, Str *out, uint32_t *n)
{
  const Module *a = old->module, *b = new->module;
  if (a->nelems != b->nelems && show(n))
    lw_str_fmt(out, "element segments: were %u, are %u\n", a->nelems, b->nelems);
  for (uint32_t k = 0; k < a->nelems && k < b->nelems; k++) {
    const Elem *x = &a->elems[k], *y = &b->elems[k];
    uint32_t at = 0;
    while (x->funcs && y->funcs && at < x->count && at < y->count &&
           old->vm.types[a->funcs[x->funcs[at]].type] ==
             new->vm.types[b->funcs[y->funcs[at]].type] &&
           same_name(lw_module_func_name(a, x->funcs[at]),
                     lw_module_func_name(b, y->funcs[at])))
      at++;
    if (at == x->count && at == y->count) continue;
    if (x->count == 0 && y->count == 0) continue;
    if (!show(n)) continue;
    Name was = {0}, is = {0};
    if (x->funcs && at < x->count) was = lw_module_func_name(a, x->funcs[at]);
    if (y->funcs && at < y->count) is = lw_module_func_name(b, y->funcs[at]);
    lw_str_fmt(out,
               "element segment %u: %u functions, now %u; number %u was '%.*s', "
               "is '%.*s'\n",
               k, x->count, y->count, at, (int)(was.len < 60 ? was.len : 60),
               was.len ? was.text : "", (int)(is.len < 60 ? is.len : 60),
               is.len ? is.text : "");
  }
}

static bool same_globals(const Instance *old, const Instance *new)
{
  const Module *a = old->module, *b = new->module;
  if (a->nglobals != b->nglobals || a->nglobals_imported != b->nglobals_imported)
    return false;
  for (uint32_t k = 0; k < a->nglobals; k++)
    if (a->globals[k].type.mutable_ != b->globals[k].type.mutable_ ||
        lw_type_canonical(a->globals[k].type.type, old->vm.types) !=
          lw_type_canonical(b->globals[k].type.type, new->vm.types))
      return false;
  return true;
}

/* Constants that moved are what the symbols are for; state is what counts here. */
static void compare_globals(Instance *old, Instance *new, Str *out, uint32_t *n)
{
  const Module *a = old->module, *b = new->module;
  if (same_globals(old, new)) return;
  uint32_t was = 0, is = 0;
  for (uint32_t k = a->nglobals_imported; k < a->nglobals; k++)
    was += a->globals[k].type.mutable_;
  for (uint32_t k = b->nglobals_imported; k < b->nglobals; k++)
    is += b->globals[k].type.mutable_;
  if (was <= 1 && is <= 1) return; /* the stack pointer, which starts afresh */
  if (show(n))
    lw_str_fmt(out, "globals: were %u, %u of them mutable; are %u, %u\n", a->nglobals,
               was, b->nglobals, is);
}

Status lw_migrate_compare(Instance *old, Instance *new, Str *out, Err *err)
{
  uint32_t n = 0;
  compare_data(old, new, out, &n);
  compare_symbols(old, new, out, &n);
  compare_elems(old, new, out, &n);
  compare_globals(old, new, out, &n);
  if (n > SHOWN) lw_str_fmt(out, "and %u more\n", n - SHOWN);
  return out->failed ? lw_nomem(err, "a comparison") : LW_OK;
}

/* ---- memories ---- */

/* What a memory was when its instance began: zero but for the active segments. */
typedef struct Initial {
  uint8_t *bytes; /* zeroed memory of the system's; touched where there is data */
  bool *has_data; /* of each page */
  uint64_t npages;
} Initial;

static bool initial_make(Initial *in, Instance *i, uint32_t memory, uint64_t length)
{
  const Module *m = i->module;
  in->npages = length / PAGE;
  in->bytes = calloc(length ? length : 1, 1);
  in->has_data = calloc(in->npages + 1, sizeof *in->has_data);
  if (!in->bytes || !in->has_data) return false;
  for (uint32_t k = 0; k < m->ndatas; k++) {
    const Data *d = &m->datas[k];
    if (d->mode != SEG_ACTIVE || d->memory != memory || d->bytes.size == 0) continue;
    uint64_t at = offset_of(i, d);
    if (at > length || d->bytes.size > length - at) continue; /* it has trapped then */
    memcpy(in->bytes + at, m->bytes + d->bytes.at, d->bytes.size);
    for (uint64_t p = at / PAGE; p <= (at + d->bytes.size - 1) / PAGE; p++)
      in->has_data[p] = true;
  }
  return true;
}

static void initial_free(Initial *in)
{
  free(in->bytes);
  free(in->has_data);
}

static bool is_zero(const uint8_t *page)
{
  static const uint8_t zeros[PAGE];
  return memcmp(page, zeros, PAGE) == 0;
}

static uint64_t merge_page(const uint8_t *live, const uint8_t *initial, uint8_t *to)
{
  uint64_t kept = 0;
  for (uint32_t at = 0; at < PAGE; at += 4) {
    if (initial ? memcmp(live + at, initial + at, 4) == 0
                : (live[at] | live[at + 1] | live[at + 2] | live[at + 3]) == 0)
      continue;
    memcpy(to + at, live + at, 4);
    kept += 4;
  }
  return kept;
}

static Status merge(Instance *old, Instance *new, uint32_t memory, uint64_t *kept,
                    Err *err)
{
  const Memory *from = lw_instance_memory(old, memory);
  Memory *to = lw_instance_memory(new, memory);
  if (from->type.bytes || to->type.bytes || from->type.shared || to->type.shared)
    return lw_fail(
      err, LW_UNSUPPORTED, ERR_NOWHERE,
      "memory %u is shared or has pages of 1 byte: its state cannot be merged", memory);
  if (to->length < from->length) {
    uint64_t pages = (from->length - to->length) / WASM_PAGE;
    if (lw_memory_grow(to, pages) == UINT64_MAX)
      return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                     "memory %u has grown to %llu bytes, which the new version does not "
                     "allow",
                     memory, (unsigned long long)from->length);
  }
  Initial in = {0};
  if (!initial_make(&in, old, memory, from->length)) {
    initial_free(&in);
    return lw_nomem(err, "a comparison of memories");
  }
  for (uint64_t p = 0; p < in.npages; p++) {
    const uint8_t *live = from->base + p * PAGE, *was = in.bytes + p * PAGE;
    if (!in.has_data[p]) {
      if (!is_zero(live)) *kept += merge_page(live, NULL, to->base + p * PAGE);
    } else if (memcmp(live, was, PAGE) != 0) {
      *kept += merge_page(live, was, to->base + p * PAGE);
    }
  }
  initial_free(&in);
  return LW_OK;
}

Status lw_migrate_memories(Instance *old, Instance *new, uint64_t *kept, Err *err)
{
  const Module *a = old->module, *b = new->module;
  *kept = 0;
  for (uint32_t k = 0; k < a->nmemories && k < b->nmemories; k++) {
    if (k < a->nmemories_imported || k < b->nmemories_imported) continue;
    TRY(merge(old, new, k, kept, err));
  }
  return LW_OK;
}

/* ---- globals ---- */

static bool is_state(Instance *i, uint32_t g)
{
  const GlobalType *t = &i->module->globals[g].type;
  return t->mutable_ && !lw_val_is_ref(t->type) && g >= i->module->nglobals_imported &&
         lw_instance_global_value(i, g) != i->sp;
}

static bool take_over(Instance *old, uint32_t from, Instance *new, uint32_t to)
{
  if (!is_state(old, from) || !is_state(new, to)) return false;
  if (old->module->globals[from].type.type != new->module->globals[to].type.type)
    return false;
  *lw_instance_global_value(new, to) = *lw_instance_global_value(old, from);
  return true;
}

uint32_t lw_migrate_globals(Instance *old, Instance *new, bool by_name)
{
  const Module *a = old->module, *b = new->module;
  uint32_t n = 0;
  if (!by_name) {
    if (!same_globals(old, new)) return 0;
    for (uint32_t g = a->nglobals_imported; g < a->nglobals; g++)
      n += take_over(old, g, new, g);
    return n;
  }
  for (uint32_t k = 0; k < a->nexports; k++) {
    const Export *e = &a->exports[k], *other;
    if (e->kind != EXTERN_GLOBAL) continue;
    other = lw_module_export(b, e->name.text, e->name.len);
    if (other && other->kind == EXTERN_GLOBAL)
      n += take_over(old, e->index, new, other->index);
  }
  return n;
}

/*
** snapshot.c -- taking, restoring, cloning.
** Layer: rt.
*/
#include "rt/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "jit/layout.h"
#include "rt/object.h"
#include "rt/snapshot_state.h"
#include "rt/state.h"
#include "wasm/match.h"

/* ---- making and freeing ---- */

Snapshot *lw_snapshot_new(Store *store, Code *code, Err *err)
{
  const Module *m = lw_code_module(code);
  Snapshot *s = calloc(1, sizeof *s);
  if (s) {
    s->memories = calloc(m->nmemories + 1, sizeof(void *));
    s->tables = calloc(m->ntables + 1, sizeof *s->tables);
    s->globals = calloc(m->nglobals + 1, sizeof *s->globals);
    s->dropped = calloc((size_t)m->nelems + m->ndatas + 1, sizeof *s->dropped);
  }
  if (!s || !s->memories || !s->tables || !s->globals || !s->dropped) {
    if (s) free(s->memories), free(s->tables), free(s->globals), free(s->dropped);
    free(s);
    lw_nomem(err, "a snapshot");
    return NULL;
  }
  s->store = store;
  s->code = lw_code_ref(code);
  s->next = store->snapshots;
  if (s->next) s->next->prev = s;
  store->snapshots = s;
  return s;
}

void lw_snapshot_free(Snapshot *s)
{
  if (!s) return;
  const Module *m = lw_code_module(s->code);
  if (s->prev) s->prev->next = s->next;
  if (s->next) s->next->prev = s->prev;
  if (s->store->snapshots == s) s->store->snapshots = s->next;
  for (uint32_t k = 0; k < m->nmemories; k++)
    lw_pages_unref(s->memories[k]);
  for (uint32_t k = 0; k < m->ntables; k++)
    free(s->tables[k].refs);
  free(s->memories);
  free(s->tables);
  free(s->globals);
  free(s->dropped);
  lw_code_unref(s->code);
  s->store->heap.since++; /* something the collector can free */
  free(s);
}

/* ---- references ---- */

/* A function of the instance's own is kept by its number, with bit 0 set; all else as it
   is. Only functions are, since an i31 has that bit too. */
static bool is_func(const Module *m, ValType t)
{
  return lw_match_top(m, lw_val_heap(t)) == HEAP_FUNC;
}

static Status pack(const Instance *i, ValType t, uint64_t ref, uint64_t *out, Err *err)
{
  *out = ref;
  if (!ref) return LW_OK;
  if (is_func(i->module, t)) {
    const FuncCell *c = (const FuncCell *)(uintptr_t)ref;
    if (c->shell == i->shell) *out = (uint64_t)(c - i->shell->cells) << 1 | 1;
  } else if (!lw_ref_is_i31(ref) && !lw_ref_is_box(ref)) {
    return lw_fail(err, LW_UNSUPPORTED, ERR_NOWHERE,
                   "a table or global refers to an object of the collected heap, which a "
                   "snapshot does not keep");
  }
  return LW_OK;
}

static uint64_t unpack(const Instance *i, ValType t, uint64_t ref)
{
  if (!(ref & 1) || !is_func(i->module, t)) return ref;
  assert(ref >> 1 < i->shell->ncells);
  return (uintptr_t)&i->shell->cells[ref >> 1];
}

static void visit_one(const Module *m, const uint32_t *types, ValType t, uint64_t ref,
                      RefVisit visit, void *user)
{
  if (ref & 1 && is_func(m, t)) return;
  visit(user, lw_type_canonical(t, types), ref);
}

void lw_snapshots_visit(const Store *store, RefVisit visit, void *user)
{
  for (const Snapshot *s = store->snapshots; s; s = s->next) {
    const Module *m = lw_code_module(s->code);
    const uint32_t *types = lw_code_types(s->code);
    for (uint32_t k = 0; k < m->ntables; k++)
      for (uint64_t n = 0; n < s->tables[k].length; n++)
        visit_one(m, types, m->tables[k].type.elem, s->tables[k].refs[n], visit, user);
    for (uint32_t k = 0; k < m->nglobals; k++) {
      ValType t = m->globals[k].type.type;
      if (m->globals[k].type.mutable_ && lw_val_is_ref(t))
        visit_one(m, types, t, s->globals[k].ref, visit, user);
    }
  }
}

/* ---- may it be looked at? ---- */

/* Calls under way keep parts of the state on their stacks. */
static Status check_idle(Instance *i, Err *err)
{
  bool busy = lw_instance_busy(i);
  for (uint32_t k = 0; k < i->module->nmemories; k++)
    busy = busy || lw_instance_memory(i, k)->newest;
  if (!busy) return LW_OK;
  return lw_fail(err, LW_BUSY, ERR_NOWHERE, "calls of the instance are under way");
}

static Status check_module(const Snapshot *s, const Instance *i, Err *err)
{
  const Module *a = lw_code_module(s->code), *b = i->module;
  if (s->store != i->vm.store)
    return lw_fail(err, LW_LINK, ERR_NOWHERE, "the snapshot is of another Lua state");
  if (s->code == i->code) return LW_OK;
  if (a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0) return LW_OK;
  char was[33], is[33];
  lw_hash_text(lw_code_hash(s->code), was);
  lw_hash_text(lw_code_hash(i->code), is);
  return lw_fail(
    err, LW_LINK, ERR_NOWHERE,
    "the snapshot is of another module: '%.*s' (%s), not '%.*s' (%s)",
    (int)(a->name.len < 60 ? a->name.len : 60), a->name.len ? a->name.text : "", was,
    (int)(b->name.len < 60 ? b->name.len : 60), b->name.len ? b->name.text : "", is);
}

/* ---- taking ---- */

static Status take_table(Snapshot *s, Instance *i, uint32_t k, Err *err)
{
  const Table *t = lw_instance_table(i, k);
  s->tables[k].refs = malloc(t->length ? t->length * sizeof(uint64_t) : 1);
  if (!s->tables[k].refs) return lw_nomem(err, "a snapshot");
  for (uint64_t n = 0; n < t->length; n++)
    TRY(pack(i, i->module->tables[k].type.elem, t->elems[n], &s->tables[k].refs[n], err));
  s->tables[k].length = t->length;
  return LW_OK;
}

static Status take(Snapshot *s, Instance *i, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nmemories; k++) {
    if (m->memories[k].bytes || m->memories[k].shared)
      return lw_fail(
        err, LW_UNSUPPORTED, ERR_NOWHERE, "memory %u %s, which a snapshot %s", k,
        m->memories[k].shared ? "is shared" : "has pages of 1 byte", "does not keep");
    TRY(lw_track_look(lw_instance_memory(i, k), &s->memories[k], err));
  }
  for (uint32_t k = 0; k < m->ntables; k++)
    TRY(take_table(s, i, k, err));
  for (uint32_t k = 0; k < m->nglobals; k++) {
    const GlobalType *t = &m->globals[k].type;
    if (!t->mutable_) continue;
    s->globals[k] = *lw_instance_global_value(i, k);
    if (!lw_val_is_ref(t->type)) continue;
    uint64_t ref = s->globals[k].ref;
    s->globals[k] = (Value){.ref = 0};
    TRY(pack(i, t->type, ref, &s->globals[k].ref, err));
  }
  memcpy(s->dropped, i->elem_dropped, (size_t)m->nelems + m->ndatas);
  return LW_OK;
}

Status lw_snapshot_take(Instance *i, Snapshot **out, Err *err)
{
  TRY(check_idle(i, err));
  Snapshot *s = lw_snapshot_new(i->vm.store, i->code, err);
  if (!s) return LW_NOMEM;
  Status status = take(s, i, err);
  if (status != LW_OK) {
    lw_snapshot_free(s);
    return status;
  }
  *out = s;
  return LW_OK;
}

/* ---- restoring ---- */

static Status no_size(const char *what, uint32_t k, uint64_t size, Err *err)
{
  return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                 "%s %u cannot have the %llu %s of the snapshot", what, k,
                 (unsigned long long)size, *what == 'm' ? "bytes" : "elements");
}

/* Can everything have the size that it had? */
static Status check_room(const Snapshot *s, Instance *i, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nmemories; k++) {
    const Memory *mem = lw_instance_memory(i, k);
    uint64_t want = lw_pages_length(s->memories[k]);
    if (want / WASM_PAGE < mem->type.min || want / WASM_PAGE > mem->max_pages)
      return no_size("memory", k, want, err);
  }
  for (uint32_t k = 0; k < m->ntables; k++)
    if (s->tables[k].length > lw_instance_table(i, k)->max)
      return no_size("table", k, s->tables[k].length, err);
  return LW_OK;
}

/* Grow what is too small. Only the system can refuse that now. */
static Status make_room(const Snapshot *s, Instance *i, uint32_t memory, uint32_t table,
                        Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = table; k < m->ntables; k++) {
    Table *t = lw_instance_table(i, k);
    uint64_t want = s->tables[k].length;
    if (want > t->length && lw_table_grow(t, want - t->length, 0) == UINT64_MAX)
      return no_size("table", k, want, err);
  }
  for (uint32_t k = memory; k < m->nmemories; k++) {
    Memory *mem = lw_instance_memory(i, k);
    uint64_t want = lw_pages_length(s->memories[k]);
    if (want > mem->length &&
        lw_memory_grow(mem, (want - mem->length) / WASM_PAGE) == UINT64_MAX)
      return no_size("memory", k, want, err);
  }
  return LW_OK;
}

/* Learn what differs, so that nothing else need be looked at. */
static Status look_at_all(Instance *i, Err *err)
{
  for (uint32_t k = 0; k < i->module->nmemories; k++) {
    PageMap *now;
    TRY(lw_track_look(lw_instance_memory(i, k), &now, err));
    lw_pages_unref(now); /* the memory's track has it */
  }
  return LW_OK;
}

static void put_memory(Memory *m, PageMap *map)
{
  uint64_t length = lw_pages_length(map);
  /* Where the system refuses even that it stays longer, as if it had just grown. */
  if (m->length > length) (void)lw_memory_shrink(m, length / WASM_PAGE);
  lw_track_put(m, map);
}

static void put(const Snapshot *s, Instance *i, uint32_t memory, uint32_t table,
                uint32_t global)
{
  const Module *m = i->module;
  for (uint32_t k = memory; k < m->nmemories; k++)
    put_memory(lw_instance_memory(i, k), s->memories[k]);
  for (uint32_t k = table; k < m->ntables; k++) {
    Table *t = lw_instance_table(i, k);
    assert(s->tables[k].length <= t->capacity);
    t->length = s->tables[k].length;
    for (uint64_t n = 0; n < t->length; n++)
      t->elems[n] = unpack(i, m->tables[k].type.elem, s->tables[k].refs[n]);
  }
  for (uint32_t k = global; k < m->nglobals; k++) {
    const GlobalType *t = &m->globals[k].type;
    if (!t->mutable_) continue;
    Value v = s->globals[k];
    if (lw_val_is_ref(t->type)) v = (Value){.ref = unpack(i, t->type, v.ref)};
    *lw_instance_global_value(i, k) = v;
  }
  memcpy(i->elem_dropped, s->dropped, (size_t)m->nelems + m->ndatas);
}

Status lw_snapshot_restore(const Snapshot *s, Instance *i, Err *err)
{
  TRY(check_module(s, i, err));
  TRY(check_idle(i, err));
  TRY(check_room(s, i, err));
  TRY(look_at_all(i, err));
  TRY(make_room(s, i, 0, 0, err));
  put(s, i, 0, 0, 0);
  return LW_OK;
}

/* ---- cloning ---- */

static void list_imports(Instance *of, ImportValue *out)
{
  const Module *m = of->module;
  for (uint32_t k = 0; k < m->nimports; k++) {
    uint32_t x = m->imports[k].index;
    out[k] = (ImportValue){.kind = m->imports[k].kind};
    switch (m->imports[k].kind) {
    case EXTERN_FUNC: out[k].u.func = lw_instance_func(of, x); break;
    case EXTERN_MEMORY: out[k].u.memory = lw_instance_memory(of, x); break;
    case EXTERN_TABLE: out[k].u.table = lw_instance_table(of, x); break;
    case EXTERN_GLOBAL: out[k].u.global = lw_instance_global(of, x); break;
    case EXTERN_TAG: out[k].u.tag = lw_instance_tag(of, x); break;
    default: assert(!"no such import is built");
    }
  }
}

Status lw_snapshot_clone(const Snapshot *s, Instance *of, const InstanceOptions *opts,
                         Instance **out, Err *err)
{
  TRY(check_module(s, of, err));
  const Module *m = of->module;
  InstanceOptions bare = *opts;
  Instance *made = NULL;
  bare.bare = true;
  ImportValue *imports = malloc((m->nimports + 1) * sizeof *imports);
  if (!imports) return lw_nomem(err, "an instance");
  list_imports(of, imports);
  Status status = lw_instance_new(of->vm.store, of->code, imports, &bare, &made, err);
  free(imports);
  if (status == LW_OK)
    status = make_room(s, made, m->nmemories_imported, m->ntables_imported, err);
  if (status != LW_OK) {
    if (made) lw_instance_release(made);
    return status;
  }
  put(s, made, m->nmemories_imported, m->ntables_imported, m->nglobals_imported);
  *out = made;
  return LW_OK;
}

void lw_snapshot_stats(const Snapshot *s, SnapshotStats *out)
{
  const Module *m = lw_code_module(s->code);
  *out = (SnapshotStats){0};
  for (uint32_t k = 0; k < m->nmemories; k++) {
    uint64_t used, own;
    lw_pages_count(s->memories[k], &used, &own);
    out->memory_bytes += lw_pages_length(s->memories[k]);
    out->pages += used;
    out->own_pages += own;
  }
}

/*
** instance.c -- a module brought to life.
**
** Everything that can fail for want of memory is made before anything that others can
** see is written; only the active segments write to what was imported, and they come
** last. An instance is entered into its Store when it is allocated, half made as it is,
** so that one function (lw_instance_release) takes it apart at any stage.
** Layer: rt.
*/
#include "rt/instance.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "jit/layout.h"
#include "rt/budget.h"
#include "rt/eval.h"
#include "rt/keep.h"
#include "rt/link.h"
#include "rt/segment.h"
#include "rt/state.h"
#include "rt/tag.h"
#include "rt/trap.h"
#include "rt/type.h"
#include "wasm/match.h"

_Static_assert(offsetof(Instance, vm) == 0, "r14 of an instance");
_Static_assert(sizeof(Instance) <= INSTANCE_WORDS, "the words begin behind it");
_Static_assert(INSTANCE_WORDS % 16 == 0, "inline globals are aligned");

/* ---- the words behind the struct ---- */

static void *at(Instance *i, uint32_t offset)
{
  assert(offset >= INSTANCE_WORDS && offset < lw_layout_size(i->module));
  return (uint8_t *)i + offset;
}

static FuncCell **import_place(Instance *i, uint32_t func)
{
  return at(i, lw_layout_import(i->module, func));
}
static Memory **memory_place(Instance *i, uint32_t memory)
{
  return at(i, lw_layout_memory(i->module, memory));
}
static Table **table_place(Instance *i, uint32_t table)
{
  return at(i, lw_layout_table(i->module, table));
}
static GlobalCell **global_place(Instance *i, uint32_t global)
{
  assert(lw_layout_global_is_cell(i->module, global));
  return at(i, lw_layout_global(i->module, global));
}

Memory *lw_instance_memory(Instance *i, uint32_t memory)
{
  assert(memory < i->module->nmemories);
  return *memory_place(i, memory);
}

Table *lw_instance_table(Instance *i, uint32_t table)
{
  assert(table < i->module->ntables);
  return *table_place(i, table);
}

GlobalCell *lw_instance_global(Instance *i, uint32_t global)
{
  assert(global < i->module->nglobals);
  return *global_place(i, global);
}

static Tag **tag_place(Instance *i, uint32_t tag)
{
  return at(i, lw_layout_tag(i->module, tag));
}

Tag *lw_instance_tag(Instance *i, uint32_t tag)
{
  assert(tag < i->module->ntags);
  return *tag_place(i, tag);
}

Value *lw_instance_global_value(Instance *i, uint32_t global)
{
  assert(global < i->module->nglobals);
  if (lw_layout_global_is_cell(i->module, global))
    return &lw_instance_global(i, global)->value;
  return at(i, lw_layout_global(i->module, global));
}

FuncCell *lw_instance_func(Instance *i, uint32_t func)
{
  const Module *m = i->module;
  assert(func < m->nfuncs);
  if (func < m->nfuncs_imported) return *import_place(i, func);
  assert(m->funcs[func].escape < m->nescapes);
  return &i->shell->cells[m->funcs[func].escape];
}

FuncCell *lw_instance_start(Instance *i)
{
  uint32_t func = i->module->start;
  if (func == UINT32_MAX) return NULL;
  if (func < i->module->nfuncs_imported || i->module->funcs[func].escape != NO_ESCAPE)
    return lw_instance_func(i, func);
  return &i->shell->cells[i->module->nescapes]; /* its own cell, known to nobody else */
}

uint64_t lw_instance_memory_bytes(const Instance *i)
{
  uint64_t sum = 0;
  Instance *self = (Instance *)(uintptr_t)i;
  uint32_t imported = i->module->nmemories_imported;
  for (uint32_t k = 0; k < i->nmemories_own; k++)
    sum += lw_instance_memory(self, imported + k)->length;
  return sum;
}

/* ---- parts ---- */

/* An instance in its Store's list, all else zero, but with its code. */
static Instance *allocate(Store *s, Code *code)
{
  const Module *m = lw_code_module(code);
  size_t size = ((size_t)lw_layout_size(m) + 63) & ~(size_t)63;
  Instance *i = aligned_alloc(64, size);
  if (!i) return NULL;
  memset(i, 0, size);
  lw_vm_init(&i->vm, s);
  i->code = lw_code_ref(code);
  i->module = m;
  i->vm.types = lw_code_types(code);
  i->vm.infos = lw_code_infos(code);
  lw_instance_enlist(&s->instances, i);
  return i;
}

static Status make_shell(Instance *i, Err *err)
{
  const Module *m = i->module;
  Store *s = i->vm.store;
  uint32_t n = m->nescapes + 1; /* the last one is for the start function */
  Shell *shell = calloc(1, sizeof *shell + n * sizeof *shell->cells);
  if (!shell) return lw_nomem(err, "an instance's functions");
  shell->instance = i;
  shell->ncells = n;
  shell->next = s->shells;
  if (shell->next) shell->next->prev = shell;
  s->shells = shell;
  i->shell = shell;
  i->vm.cells = shell->cells;
  i->slot = lw_slot_take(s->poll, &i->interrupt);
  if (!i->slot) return lw_nomem(err, "an instance");
  i->elem_dropped = calloc((size_t)m->nelems + m->ndatas + 1, sizeof(bool));
  if (!i->elem_dropped) return lw_nomem(err, "an instance's segments");
  i->data_dropped = i->elem_dropped + m->nelems;
  return LW_OK;
}

static void take_imports(Instance *i, const ImportValue *imports)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nimports; k++) {
    uint32_t x = m->imports[k].index;
    const ImportValue *v = &imports[k];
    switch (v->kind) {
    case EXTERN_FUNC:
      *import_place(i, x) = v->u.func;
      if (lw_cell_host(v->u.func) && !lw_cell_closed(v->u.func))
        lw_host_ref(lw_cell_host(v->u.func));
      break;
    case EXTERN_MEMORY: *memory_place(i, x) = lw_memory_ref(v->u.memory); break;
    case EXTERN_TABLE: *table_place(i, x) = lw_table_ref(v->u.table); break;
    case EXTERN_GLOBAL: *global_place(i, x) = lw_global_ref(v->u.global); break;
    case EXTERN_TAG: *tag_place(i, x) = lw_tag_ref(v->u.tag); break;
    default: assert(!"checked by lw_link_check");
    }
  }
}

static Status make_memories(Instance *i, const InstanceOptions *opts, size_t *laid_out,
                            Err *err)
{
  const Module *m = i->module;
  bool explicit_bounds = lw_code_options(i->code)->explicit_bounds;
  *laid_out = 0;
  for (uint32_t k = m->nmemories_imported; k < m->nmemories; k++) {
    size_t size = 0;
    uint64_t max = opts->memory_max_bytes >> lw_page_log2(&m->memories[k]);
    if (opts->memory_max_bytes && !max)
      return lw_fail(err, LW_LIMIT, ERR_NOWHERE,
                     "a memory is beyond the limit of %llu bytes, less than a page",
                     (unsigned long long)opts->memory_max_bytes);
    bool guard = !explicit_bounds && !lw_limits_checked(&m->memories[k]);
    int image = k == 0 && guard ? lw_code_data_image(i->code, &size) : -1;
    Memory *made;
    TRY(lw_memory_new_image(&m->memories[k], max, explicit_bounds, image, size, &made,
                            err));
    *memory_place(i, k) = made;
    i->nmemories_own++;
    if (made->image >= 0) *laid_out = size;
  }
  return LW_OK;
}

static Status choose_image(Instance *i, Err *err)
{
  const Module *m = i->module;
  i->explicit_bounds = lw_code_explicit(i->code);
  for (uint32_t k = 0; k < m->nmemories; k++)
    if (!lw_instance_memory(i, k)->guard) i->explicit_bounds = true;
  if (m->nmemories) {
    i->vm.memory0 = lw_instance_memory(i, 0);
    i->vm.mem_base = i->vm.memory0->base;
    if (i->explicit_bounds) i->vm.flags |= VMCTX_EXPLICIT;
  }
  return lw_code_image(i->code, i->explicit_bounds, &i->image, err);
}

static void fill_cell(Instance *i, FuncCell *c, uint32_t func)
{
  const Module *m = i->module;
  uint32_t defined = func - m->nfuncs_imported;
  assert(func >= m->nfuncs_imported);
  c->code = lw_code_entry(i->image, defined);
  c->ctx = i;
  c->type = i->vm.types[m->funcs[func].type];
  c->func = func;
  c->shell = i->shell;
  lw_type_retain(c->type); /* a closed shell outlives its module's types */
}

static void fill_cells(Instance *i)
{
  const Module *m = i->module;
  for (uint32_t k = 0; k < m->nescapes; k++) {
    uint32_t func = m->escapes[k];
    /* A reference to an imported function is the cell it was imported as. */
    if (func >= m->nfuncs_imported) fill_cell(i, &i->shell->cells[k], func);
  }
  if (m->start != UINT32_MAX && m->start >= m->nfuncs_imported &&
      m->funcs[m->start].escape == NO_ESCAPE)
    fill_cell(i, &i->shell->cells[m->nescapes], m->start);
}

static Status make_tags(Instance *i, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = m->ntags_imported; k < m->ntags; k++)
    TRY(lw_tag_new(i->vm.store, i->vm.types[m->tags[k]], tag_place(i, k), err));
  return LW_OK;
}

static Status make_globals(Instance *i, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = m->nglobals_imported; k < m->nglobals; k++) {
    Value v;
    TRY(lw_eval(i, m->globals[k].init, &v, err));
    if (!lw_layout_global_is_cell(m, k))
      *lw_instance_global_value(i, k) = v;
    else {
      GlobalType type = m->globals[k].type;
      type.type = lw_type_canonical(type.type, i->vm.types);
      TRY(lw_global_new(i->vm.store, &type, v, global_place(i, k), err));
    }
  }
  return LW_OK;
}

static Status make_tables(Instance *i, const InstanceOptions *opts, Err *err)
{
  const Module *m = i->module;
  for (uint32_t k = m->ntables_imported; k < m->ntables; k++) {
    const TableDef *t = &m->tables[k];
    Value init = {.ref = 0};
    if (t->init.size) TRY(lw_eval(i, t->init, &init, err));
    TableType type = t->type;
    type.elem = lw_type_canonical(type.elem, i->vm.types);
    TRY(lw_table_new(i->vm.store, &type, opts->table_max, init.ref, table_place(i, k),
                     err));
  }
  return LW_OK;
}

/* Functions can be told from their index at any time; objects are made once. */
static bool holds_objects(const Module *m, const Elem *e)
{
  return e->exprs && lw_match_top(m, lw_val_heap(e->type)) != HEAP_FUNC;
}

static Status make_elems(Instance *i, Err *err)
{
  const Module *m = i->module;
  bool any = false;
  for (uint32_t k = 0; k < m->nelems; k++)
    any |= holds_objects(m, &m->elems[k]);
  if (!any) return LW_OK;
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
  i->elem_refs = calloc(m->nelems, sizeof *i->elem_refs);
  if (!i->elem_refs) return lw_nomem(err, "an instance's segments");
  for (uint32_t k = 0; k < m->nelems; k++) {
    const Elem *e = &m->elems[k];
    if (!holds_objects(m, e)) continue;
    uint64_t *refs = calloc(e->count ? e->count : 1, sizeof *refs);
    i->elem_refs[k] = refs;
    if (!refs) return lw_nomem(err, "an instance's segments");
    for (uint32_t n = 0; n < e->count; n++) {
      Value v;
      TRY(lw_eval(i, e->exprs[n], &v, err));
      refs[n] = v.ref;
    }
  }
  return LW_OK;
}

/* The guest's stack pointer: a mutable i32 global of that name. */
static void find_sp(Instance *i, const char *name)
{
  const Module *m = i->module;
  int64_t g = lw_module_global_named(m, name ? name : "__stack_pointer");
  if (g < 0) return;
  const GlobalType *t = &m->globals[g].type;
  if (t->mutable_ && lw_val_kind(t->type) == VAL_I32)
    i->sp = lw_instance_global_value(i, (uint32_t)g);
}

static Status make(Instance *i, const ImportValue *imports, const InstanceOptions *opts,
                   size_t *laid_out, Err *err)
{
  TRY(lw_types_keep(i->vm.store, i->module, i->vm.types, err));
  TRY(make_shell(i, err));
  take_imports(i, imports);
  TRY(lw_budget_make(i, opts, err)); /* before it makes objects */
  TRY(make_memories(i, opts, laid_out, err));
  TRY(choose_image(i, err));
  fill_cells(i);
  TRY(make_tags(i, err));
  TRY(make_globals(i, err));
  TRY(make_tables(i, opts, err));
  TRY(make_elems(i, err));
  find_sp(i, opts->stack_pointer);
  i->stack_size = opts->stack_size;
  i->interleave_any = opts->interleave_any;
  i->on_trap_close = opts->on_trap_close;
  i->catch_host_errors = opts->catch_host_errors;
  lw_host_calls_set(i, opts->limits_host_calls ? opts->host_calls : HOST_CALLS_MAX);
  if (!i->budget && !i->stack_size) i->vm.flags |= VMCTX_READY;
  return LW_OK;
}

Status lw_instance_new(Store *s, Code *code, const ImportValue *imports,
                       const InstanceOptions *opts, Instance **out, Err *err)
{
  static const InstanceOptions none = {.fuel = FUEL_DEFAULT};
  if (!opts) opts = &none;
  TRY(lw_trap_install(err));
  TRY(lw_link_check(lw_code_module(code), lw_code_types(code), imports, err));
  Instance *i = allocate(s, code);
  if (!i) return lw_nomem(err, "an instance");
  size_t laid_out = 0;
  Status status = make(i, imports, opts, &laid_out, err);
  if (status != LW_OK) {
    lw_instance_release(i);
    return status;
  }
  *out = i;
  if (opts->bare) return LW_OK;
  return lw_segments_run(i, laid_out, err);
}

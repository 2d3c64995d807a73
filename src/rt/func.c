/*
** func.c -- host functions, and what a cell can say about itself.
**
** A cell is closed by pointing it at a stub that traps and at a context that the Store
** owns, so that whoever still holds it can call it without harm.
** Layer: rt.
*/
#include "rt/func.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "jit/layout.h"
#include "jit/stubs.h"
#include "rt/helpers.h"
#include "rt/instance.h"
#include "rt/state.h"
#include "rt/type.h"

_Static_assert(offsetof(FuncCell, code) == CELL_CODE, "layout.h");
_Static_assert(offsetof(FuncCell, ctx) == CELL_CTX, "layout.h");
_Static_assert(offsetof(FuncCell, type) == CELL_TYPE, "layout.h");
_Static_assert(sizeof(FuncCell) == CELL_SIZE, "layout.h");

_Static_assert(offsetof(VmCtx, poll) == VMCTX_POLL, "layout.h");
_Static_assert(offsetof(VmCtx, store) == VMCTX_STORE, "layout.h");
_Static_assert(offsetof(VmCtx, mem_base) == VMCTX_MEM_BASE, "layout.h");
_Static_assert(offsetof(VmCtx, memory0) == VMCTX_MEMORY0, "layout.h");
_Static_assert(offsetof(VmCtx, types) == VMCTX_TYPES, "layout.h");
_Static_assert(offsetof(VmCtx, helpers) == VMCTX_HELPERS, "layout.h");
_Static_assert(offsetof(VmCtx, call_c) == VMCTX_CALL_C, "layout.h");
_Static_assert(offsetof(VmCtx, flags) == VMCTX_FLAGS, "layout.h");
_Static_assert(offsetof(VmCtx, pop) == VMCTX_POP, "layout.h");
_Static_assert(offsetof(VmCtx, cells) == VMCTX_CELLS, "layout.h");
_Static_assert(offsetof(VmCtx, lazy) == VMCTX_LAZY, "layout.h");
_Static_assert(offsetof(VmCtx, fuel) == VMCTX_FUEL, "layout.h");
_Static_assert(offsetof(VmCtx, limit) == VMCTX_LIMIT, "layout.h");
_Static_assert(offsetof(VmCtx, infos) == VMCTX_INFOS, "layout.h");
_Static_assert(offsetof(VmCtx, new_struct) == VMCTX_NEW_STRUCT, "layout.h");
_Static_assert(offsetof(VmCtx, new_array) == VMCTX_NEW_ARRAY, "layout.h");
_Static_assert(offsetof(VmCtx, copy) == VMCTX_COPY, "layout.h");
_Static_assert(offsetof(VmCtx, fill) == VMCTX_FILL, "layout.h");
_Static_assert(offsetof(VmCtx, runs) == VMCTX_RUNS, "layout.h");
_Static_assert(offsetof(HostFunc, vm) == 0, "r14 of a host function");

void lw_vm_init(VmCtx *vm, Store *s)
{
  *vm = (VmCtx){
    .poll = s->poll->address + POLL_WORD,
    .store = s,
    .helpers = lw_helpers,
    .call_c = lw_stub_helper,
    .lazy = lw_stub_lazy,
    .limit = lw_stub_limit,
    .new_struct = lw_stub_new_struct,
    .new_array = lw_stub_new_array,
    .copy = lw_stub_copy,
    .fill = lw_stub_fill,
    .runs = s->heap.common.runs,
  };
}

/* A reference to the type, known or looked up. */
static Status type_for(const FuncType *type, const uint32_t *id, HostFunc *h, Err *err)
{
  if (!id) return lw_type_intern(type, &h->cell.type, &h->type, err);
  lw_type_retain(*id);
  h->cell.type = *id;
  h->type = lw_type_of(*id);
  return LW_OK;
}

/* The numbers are dense, so that a table of the binding's is an array. */
static bool take_index(Store *s, uint32_t *out)
{
  if (s->nhost_indexes > 0) {
    *out = s->host_indexes[--s->nhost_indexes];
    return true;
  }
  if (s->host_index_max == s->host_index_room) {
    uint32_t room = s->host_index_room ? s->host_index_room * 2 : 64;
    if (room > UINT32_MAX / 2 / sizeof(uint32_t)) return false;
    uint32_t *grown = realloc(s->host_indexes, room * sizeof *grown);
    if (!grown) return false;
    s->host_indexes = grown;
    s->host_index_room = room;
  }
  *out = ++s->host_index_max;
  return true;
}

static void give_index(Store *s, uint32_t index)
{
  assert(s->nhost_indexes < s->host_index_max);
  s->host_indexes[s->nhost_indexes++] = index;
}

Status lw_host_new(Store *s, const FuncType *type, const uint32_t *id, HostFunc **out,
                   Err *err)
{
  HostFunc *h = calloc(1, sizeof *h);
  if (!h) return lw_nomem(err, "a host function");
  Status status = type_for(type, id, h, err);
  if (status == LW_OK && !take_index(s, &h->index)) {
    lw_type_release(h->cell.type);
    status = lw_nomem(err, "a host function");
  }
  if (status != LW_OK) {
    free(h);
    return status;
  }
  const Abi *abi = &lw_type_info(h->cell.type)->abi;
  lw_vm_init(&h->vm, s);
  h->vm.flags = (abi->has_float ? VMCTX_FLOATS : 0) | (abi->has_many ? VMCTX_MANY : 0);
  h->vm.pop = 16u * abi->nstack_params;
  h->cell.code = lw_stub_callout;
  h->cell.ctx = h;
  h->cell.func = UINT32_MAX;
  h->refs = 1;
  h->next = s->hosts;
  if (h->next) h->next->prev = h;
  s->hosts = h;
  *out = h;
  return LW_OK;
}

HostFunc *lw_host_ref(HostFunc *h)
{
  assert(h->refs > 0 && h->refs < UINT32_MAX);
  h->refs++;
  return h;
}

void lw_host_unref(HostFunc *h)
{
  if (!h) return;
  assert(h->refs > 0);
  if (--h->refs > 0) return;
  Store *s = h->vm.store;
  lw_cell_close(&h->cell, s);
  s->heap.since++; /* something the collector can free */
}

void lw_host_free(HostFunc *h)
{
  Store *s = h->vm.store;
  if (h->prev) h->prev->next = h->next;
  if (h->next) h->next->prev = h->prev;
  if (s->hosts == h) s->hosts = h->next;
  if (h->drop) h->drop(h->context);
  lw_type_release(h->cell.type);
  give_index(s, h->index);
  free(h);
}

void lw_cell_close(FuncCell *c, Store *s)
{
  c->code = lw_stub_closed;
  c->ctx = &s->closed;
}

bool lw_cell_closed(const FuncCell *c)
{
  return c->code == lw_stub_closed;
}

const FuncType *lw_cell_type(const FuncCell *c)
{
  return lw_type_of(c->type);
}

Instance *lw_cell_instance(const FuncCell *c)
{
  if (!c->shell || lw_cell_closed(c)) return NULL;
  assert(c->shell->instance);
  return c->shell->instance;
}

HostFunc *lw_cell_host(const FuncCell *c)
{
  if (c->shell) return NULL;
  /* The cell lies inside its HostFunc; ctx says so only while it is not given up. */
  const char *at = (const char *)c - offsetof(HostFunc, cell);
  return (HostFunc *)(uintptr_t)at;
}

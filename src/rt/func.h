/*
** func.h -- callable things: function cells, host functions, canonical types.
**
** A funcref is a FuncCell*. Cells of an instance lie in one array (its shell), which
** outlives the instance as long as the collector finds a reference to any of them; when
** the instance is closed each cell's code becomes a stub that traps
** ("callee instance closed").
** Layer: rt.
*/
#ifndef LW_FUNC_H
#define LW_FUNC_H

#include "base/status.h"
#include "rt/value.h"

typedef struct Store Store;
typedef struct Instance Instance;

typedef struct FuncCell {
  const void *code;    /* layout.h */
  void *ctx;           /* layout.h: Instance or HostFunc */
  uint32_t type;       /* layout.h: canonical type id */
  uint32_t func;       /* funcidx in its instance; UINT32_MAX for a host function */
  struct Shell *shell; /* the array this cell lies in; NULL for a host function */
} FuncCell;

/* The first words of what r14 points to (layout.h VMCTX_*). */
typedef struct VmCtx {
  uint8_t *poll;
  Store *store;
  uint8_t *mem_base;
  struct Memory *memory0;
  const uint32_t *types;
  const void *const *helpers;
  const void *call_c;
  uint32_t flags; /* VMCTX_FLOATS, VMCTX_EXPLICIT */
  uint32_t pop;   /* HostFunc: bytes of overflow arguments it pops */
  FuncCell *cells;
  const void *lazy;
  int64_t fuel; /* Instance: what is left (rt/budget.h) */
  const void *limit;
  const struct TypeInfo *const *infos;
  const void *new_struct, *new_array, *copy, *fill;
  struct ObjectRun *runs; /* of the account that pays for its objects */
} VmCtx;

/*
** A function of the host. Calling it from wasm ends lw_act_enter/resume with
** ACT_CALLOUT and act->callee = this, unless it is native (native.h) and needs nothing of
** the binding. `user` is the binding's.
*/
typedef struct NativeCall NativeCall;
typedef unsigned (*NativeFunc)(NativeCall *call); /* NativeWhy */
typedef struct HostFunc {
  VmCtx vm;
  FuncCell cell;
  const FuncType *type; /* interned */
  NativeFunc native;    /* NULL: the binding runs it */
  void *context;        /* of native */
  uint32_t number;      /* likewise */
  void (*drop)(void *context);
  bool integers;       /* of native: all fit in the integer registers */
  bool site_saves;     /* native.c: of the function at `site` */
  uint32_t site_gone;  /* likewise: lw_texts_gone then */
  const uint8_t *site; /* likewise: where it was called last */
  void *user;          /* the binding's name for it */
  uint32_t slot;       /* likewise */
  uint32_t index;      /* from 1: no other one of its Store has it just now */
  uint32_t refs;       /* instances that import it, handles */
  bool marked;         /* collector */
  bool special;        /* native, or Store.limit: not just a call of the binding */
  struct HostFunc *prev, *next; /* Store.hosts */
} HostFunc;

/* `type` names other types by id; `id`: the canonical type to have, or NULL for that of a
   plain function type. */
Status lw_host_new(Store *s, const FuncType *type, const uint32_t *id, HostFunc **out,
                   Err *err);
HostFunc *lw_host_ref(HostFunc *h);
/* When the last reference goes the shell stays until no table, global or stack refers to
   it; calling it then traps ("callee instance closed"). */
void lw_host_unref(HostFunc *h);

/*
** Canonical types: equal signatures have one id in the whole process. Refcounted.
** The FuncType returned lives as long as a reference is held.
*/
Status lw_type_intern(const FuncType *t, uint32_t *id, const FuncType **interned,
                      Err *err);
void lw_type_release(uint32_t id);
const FuncType *lw_type_of(uint32_t id);
void lw_type_retain(uint32_t id); /* one more reference to an id that is held */

const FuncType *lw_cell_type(const FuncCell *c);
/* Has its instance been closed, or its host function given up? Calling it traps. */
bool lw_cell_closed(const FuncCell *c);
/* The live instance behind a cell, or NULL: a host function, or closed. */
Instance *lw_cell_instance(const FuncCell *c);
HostFunc *lw_cell_host(const FuncCell *c); /* or NULL */

#endif

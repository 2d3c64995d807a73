/*
** state.h -- what is inside a Store. For the files of this room only.
** Layer: rt.
*/
#ifndef LW_STATE_H
#define LW_STATE_H

#include "rt/interrupt.h"
#include "rt/store.h"

enum {
  DEPTH_DEFAULT = 150,
  POOL_HOT = 4,  /* dropped stacks that keep all their pages */
  POOL_MAX = 64, /* dropped stacks kept at all */
  BOX_SLAB = 65536,
};

/* Externref boxes lie in aligned slabs, so that any address inside one finds it. */
typedef struct BoxSlab {
  struct BoxSlab *next;
  uint64_t pad;
  ExternBox boxes[];
} BoxSlab;
enum { BOXES_PER_SLAB = (BOX_SLAB - 16) / sizeof(ExternBox) };

typedef struct Heap {
  BoxSlab *slabs;
  uint32_t nslabs;
  uintptr_t *index; /* open addressing on slab address; a power of two of entries */
  uint32_t index_cap;
  BoxSlab *scan; /* where the search for a free box goes on */
  uint32_t scan_at;
  BoxSlab *dead; /* where the search for a dead box goes on; NULL: none left */
  uint32_t dead_at;
  uint64_t live;  /* boxes in use, dead ones included until they are taken */
  uint64_t since; /* boxes made since the last collection */
  uint64_t threshold;
  uint64_t collections;
} Heap;

struct Store {
  Activation *act; /* layout.h STORE_ACT: the one in machine code, or that was last */
  VmCtx closed;    /* context of cells whose instance is closed */
  PollPage *poll;
  Activation *nest;    /* innermost */
  Activation *acts;    /* all that are not dropped */
  Instance *instances; /* all but those that are closing */
  Instance *closing;   /* they wait for activations */
  uint32_t nretiring;  /* of instances */
  Shell *shells;
  HostFunc *hosts;
  Table *tables;
  GlobalCell *globals;
  struct Snapshot *snapshots;
  Activation *pool; /* dropped activations with default stacks, hottest first */
  uint32_t npool;
  uint32_t max_depth;
  bool (*parked)(const Activation *a, void *user);
  void *user; /* of parked */
  bool (*callout)(Activation *a);
  Heap heap;
};

/* rt/func.c */
void lw_vm_init(VmCtx *vm, Store *s);
void lw_cell_close(FuncCell *c, Store *s);
void lw_host_free(HostFunc *h);
/* rt/act.c */
bool lw_act_parked(const Activation *a); /* called out, and not waiting for a return */
/* Give up a parked activation's stack; the struct stays until its owner drops it, and a
   resume tells it LW_CLOSED. */
void lw_act_kill(Activation *a);
/* rt/close.c: add to Store.instances or .closing */
void lw_instance_enlist(Instance **list, Instance *i);
/* `a` is about to use no instance any more; afterwards, who has waited? */
void lw_close_leave(Activation *a);
void lw_close_waiting(Store *s);
void lw_close_retiring(Store *s); /* who is not used any more? */
void lw_shell_free(Store *s, Shell *shell);
/* rt/snapshot.c: every reference in the Store's snapshots */
void lw_snapshots_visit(const Store *s, void (*visit)(ValType t, uint64_t ref));
/* rt/gc.c */
void lw_heap_free(Heap *h);

#endif

/*
** state.h -- what is inside a Store. For the files of this room only (and, through
** quick.h, for the place where Lua calls).
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
/* Addresses of aligned slabs: open addressing, a power of two of entries, 0 is free. */
typedef struct SlabSet {
  uintptr_t *of;
  uint32_t n, cap;
} SlabSet;
enum { BOXES_PER_SLAB = (BOX_SLAB - 16) / sizeof(ExternBox) };

enum {
  OBJECT_SLAB = BOX_SLAB,
  OBJECT_MAX = 8192, /* bytes of an object in a slab */
  OBJECT_CLASSES = 32 + 4 * 4,
  ARRAY_BYTES_MAX = 1 << 30,
  PACE_MIN = 8 << 20, /* bytes between two collections, at least */
};

/* What a cell holds: nothing; an object that was not met; one whose references are to be
   looked at; one that is done. */
enum { CELL_FREE, CELL_WHITE, CELL_GREY, CELL_BLACK };

typedef struct ObjectSlab {
  struct ObjectSlab *next;
  uint32_t size, ncells; /* bytes of a cell */
  uint32_t first;        /* offset of cell 0 */
  uint8_t state[];       /* CELL_* */
} ObjectSlab;

typedef struct LargeObject { /* the object lies behind it */
  struct LargeObject *next;
  size_t size;
  uint8_t state;
  _Alignas(16) uint8_t object[];
} LargeObject;

/* Free cells in a row, zeroed and marked as used: whoever makes an object takes the first
   one (layout.h). What is left of them counts as used until a collection begins. */
typedef struct ObjectRun {
  uint8_t *at, *end;
} ObjectRun;

typedef struct ObjectClass { /* all slabs of one cell size */
  ObjectSlab *slabs, *last;
  ObjectSlab *scan; /* where the search for a free cell goes on; NULL: at the start */
  uint32_t at;
} ObjectClass;

/* Who objects are charged to: an instance that has a limit of its own, or all others.
   Slabs are not shared, so what one holds is exact: 64 KiB for each slab, objects in it
   or not, and its large objects. */
typedef struct HeapAccount {
  ObjectRun runs[OBJECT_CLASSES + 1]; /* VmCtx.runs; the last one is always empty */
  ObjectClass classes[OBJECT_CLASSES];
  LargeObject *large;
  uint64_t held;            /* bytes */
  uint64_t limit;           /* of held; 0: none */
  struct HeapAccount *next; /* Heap.accounts */
} HeapAccount;

typedef struct Heap {
  BoxSlab *slabs;
  SlabSet boxes;
  BoxSlab *scan; /* where the search for a free box goes on */
  uint32_t scan_at;
  BoxSlab *dead; /* where the search for a dead box goes on; NULL: none left */
  uint32_t dead_at;
  uint64_t live;  /* boxes in use, dead ones included until they are taken */
  uint64_t since; /* boxes made since the last collection */
  uint64_t threshold;
  uint64_t collections;

  HeapAccount common;
  HeapAccount *accounts; /* the others */
  SlabSet objects;
  uint64_t nlarge;
  uint64_t nobjects, bytes; /* alive, as far as is known */
  uint64_t fresh;           /* bytes taken since the last collection ... */
  uint64_t pace;            /* ... after so many there is another */
  uint64_t limit;           /* of bytes; 0: none */
  bool refused;             /* the last allocation, by an account's limit */
} Heap;

struct Store {
  Activation *act; /* layout.h STORE_ACT: the one in machine code, or that was last */
  HostFunc *limit; /* layout.h STORE_LIMIT: called when fuel has run out; () -> () */
  VmCtx closed;    /* context of cells whose instance is closed */
  PollPage *poll;
  Activation *nest;    /* innermost */
  Activation *acts;    /* all that are not dropped */
  Instance *instances; /* all but those that are closing */
  Instance *closing;   /* they wait for activations */
  uint32_t nretiring;  /* of instances */
  Shell *shells;
  HostFunc *hosts;
  uint32_t *host_indexes; /* those that nobody has any more; there is room for all */
  uint32_t nhost_indexes, host_index_max, host_index_room;
  Table *tables;
  GlobalCell *globals;
  struct Snapshot *snapshots;
  struct Tag *tags;
  struct RefHandle *handles;
  struct Kept *kept;
  struct Roots *roots;
  Activation *pool; /* dropped activations with default stacks: POOL_HOT at most ... */
  Activation *cold; /* ... and those that have given their pages back */
  uint32_t ncold;
  uint32_t max_depth;
  bool (*parked)(const Activation *a, void *user);
  void *user; /* of parked and callout */
  bool (*callout)(Activation *a, void *user);
  Heap heap;
};

/* rt/func.c */
void lw_vm_init(VmCtx *vm, Store *s);
void lw_cell_close(FuncCell *c, Store *s);
void lw_host_free(HostFunc *h);
/* rt/act.c */
bool lw_act_parked(const Activation *a); /* called out, and not waiting for a return */
void lw_store_leave_parked(Store *s);    /* the innermost of the nest has not yielded */
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
typedef void (*RefVisit)(void *user, ValType t, uint64_t ref); /* t is canonical */
void lw_snapshots_visit(const Store *s, RefVisit visit, void *user);
/* rt/gc.c */
void lw_heap_free(Heap *h);
bool lw_slabs_room(SlabSet *set); /* for one more */
void lw_slabs_add(SlabSet *set, uintptr_t slab);
void lw_slabs_remove(SlabSet *set, uintptr_t slab);
/* rt/object.c */
void lw_objects_free(Heap *h);
/* The accounts one after the other: the next one, NULL behind the last. */
static inline HeapAccount *lw_heap_account_next(Heap *h, const HeapAccount *a)
{
  return a == &h->common ? h->accounts : a->next;
}
/* After a collection: give empty slabs back. */
void lw_heap_account_shrink(Heap *h, HeapAccount *a);
struct ExnObject *lw_exn_allocate(Store *s, HeapAccount *a, size_t size);

#endif

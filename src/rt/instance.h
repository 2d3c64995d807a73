/*
** instance.h -- a module brought to life: its memories, tables, globals and cells.
**
** States: live -> closing (calls of it are on some stack) -> closed. A closed Instance
** keeps nothing but its shell (FuncCells that trap), which the collector frees.
** Machine code addresses the words behind the struct (layout.h).
** Layer: rt.
*/
#ifndef LW_INSTANCE_H
#define LW_INSTANCE_H

#include "rt/act.h"
#include "rt/code.h"
#include "rt/table.h"

typedef enum { INSTANCE_LIVE, INSTANCE_CLOSING, INSTANCE_CLOSED } InstanceState;

/* The cells of one instance; found by the collector; outlives it. */
typedef struct Shell {
  Instance *instance; /* NULL once it is freed */
  uint32_t ncells;
  bool marked;
  struct Shell *prev, *next; /* Store.shells */
  FuncCell cells[];
} Shell;

struct Instance {
  VmCtx vm; /* layout.h */
  InstanceState state;
  uint32_t nmemories_own; /* for stats */
  Code *code;
  const Module *module;
  const CodeImage *image;
  Shell *shell;
  bool *elem_dropped, *data_dropped;
  uint64_t **elem_refs; /* nelems; the values of segments that may hold objects, which are
                           made once; else NULL. NULL: there are no such segments */
  Value *sp;            /* the global with the guest's stack pointer, or NULL */
  uint64_t interrupt;   /* token */
  struct InterruptSlot *slot;
  uint32_t entered; /* activations in the nest that were entered through it */
  uint32_t waiting; /* closing: activations that still use it */
  bool explicit_bounds;
  bool on_trap_close; /* for the binding */
  bool interleave_any;
  bool catch_host_errors;
  bool released; /* nobody outside knows it: freed as soon as it is closed */
  bool retiring; /* closes itself when no activation uses it */
  size_t stack_size;
  struct Budget *budget; /* rt/budget.h; NULL: without limits of that kind */
  uint64_t host_calls, host_calls_max; /* made in all, and the limit */
  Instance *prev, *next;               /* Store.instances or .closing */
  void *user;                          /* the binding's */
  /* the words of layout.h begin at INSTANCE_WORDS */
};

typedef struct ImportValue {
  ExternKind kind; /* EXTERN__MAX: the host has nothing by that name */
  union {
    FuncCell *func;
    Memory *memory;
    Table *table;
    GlobalCell *global;
    struct Tag *tag;
  } u;
} ImportValue;

typedef struct InstanceOptions {
  uint64_t memory_max_bytes; /* 0 = no limit of ours */
  uint64_t table_max;        /* elements; 0 = no limit of ours */
  size_t stack_size;         /* bytes; 0 = default */
  const char
    *stack_pointer; /* name of the global, NULL = "__stack_pointer" of the name section */
  bool interleave_any, on_trap_close;
  bool catch_host_errors; /* catch_all takes errors of the host, too */
  int64_t fuel;           /* FUEL_DEFAULT, or what it gets (code with fuel only) */
  uint64_t timeout_ns, cpu_timeout_ns; /* for each call; 0: any */
  uint64_t heap_max_bytes;             /* of objects; 0 = no limit of its own */
  bool limits_host_calls;
  uint64_t host_calls; /* then: in all */
  bool limit_yields;   /* who reaches a limit yields, if the binding can do that */
  bool bare;           /* no segment is run: its state comes from a snapshot */
} InstanceOptions;

/*
** Checks the imports (in the order of Module.imports; standard, section 4.5.4), makes
** memories, tables and globals, runs active segments. Does not run `start`: see
** lw_instance_start. LW_LINK with module, name, wanted and given type; LW_TRAP when a
** segment is out of bounds: then *out is still set, so that what it wrote to imported
** tables stays callable, and the caller decides how long it lives.
*/
Status lw_instance_new(Store *s, Code *code, const ImportValue *imports,
                       const InstanceOptions *opts, Instance **out, Err *err);
/* The cell of the start function, or NULL. The caller runs it as an activation. */
FuncCell *lw_instance_start(Instance *i);
/*
** Close: memories, tables, globals and code go at once, or as soon as no activation has
** a frame of it. Idempotent. `force` drops parked activations that do.
** Returns false when it must wait. `i` itself stays readable (i->state) until released.
*/
bool lw_instance_close(Instance *i, bool force);
/*
** Another version has taken its place: no new calls will come. Calls under way go on, and
** when the last has ended it is closed. At once (true) when there are none.
*/
bool lw_instance_retire(Instance *i);
/* The caller gives up its pointer: closes `i` if need be and frees it once closed. */
void lw_instance_release(Instance *i);
/* Lengths of the memories that it defines. */
uint64_t lw_instance_memory_bytes(const Instance *i);
/* Is there an activation, running or parked, that has a frame of it? */
bool lw_instance_busy(const Instance *i);

/* By index in the index space. A funcidx must have an escape number. */
FuncCell *lw_instance_func(Instance *i, uint32_t func);
Memory *lw_instance_memory(Instance *i, uint32_t memory);
Table *lw_instance_table(Instance *i, uint32_t table);
GlobalCell *lw_instance_global(Instance *i, uint32_t global); /* exported or imported */
struct Tag *lw_instance_tag(Instance *i, uint32_t tag);
/* Where the value of any global is; stays there while the instance lives. */
Value *lw_instance_global_value(Instance *i, uint32_t global);

/* An integer, valid for ever. */
static inline uint64_t lw_interrupt_token(const Instance *i)
{
  return i->interrupt;
}
/*
** Ends the call of that instance which is running, in whichever linked instance it is
** just then; nothing when none is. From any thread, also from a signal handler.
** False: the instance is gone or not running.
*/
bool lw_interrupt_send(uint64_t token);
/* The same for C signal handlers that carry one pointer: the token, cast. */
void lw_interrupt_handler(void *token);

#endif

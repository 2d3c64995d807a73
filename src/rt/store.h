/*
** store.h -- everything that belongs to one Lua state, and the collector over it.
**
** One OS thread uses a Store at a time. The lists let the collector see every reference
** outside stacks; stacks (running and parked) are scanned conservatively.
** Layer: rt.
*/
#ifndef LW_STORE_H
#define LW_STORE_H

#include "rt/instance.h"

/* An externref: names a value that the binding keeps in slot `slot` of `owner`. */
typedef struct ExternBox {
  const struct TypeInfo *info; /* &lw_type_box */
  void *owner;
  uint32_t slot;
  bool marked;
  uint8_t used; /* free, used, dead */
} ExternBox;

typedef struct DeadSlot {
  void *owner;
  uint32_t slot;
} DeadSlot;

Store *lw_store_new(Err *err); /* NULL: LW_NOMEM */
/* Closes all instances, drops all activations, frees all shells. */
void lw_store_free(Store *s);
/* Call `visit` for every activation that has anything to do with the instance. */
void lw_store_visit(const Instance *i, void (*visit)(void *user, Activation *a),
                    void *user);
/* The innermost activation whose host function runs now (or that is running), or NULL. */
/* Is the running call to end? TRAP_INTERRUPT, TRAP_TIMEOUT, or 0. */
unsigned lw_store_asked(Store *s);
Activation *lw_store_running(Store *s);
/*
** The core cannot see that a host function yielded instead of going on to run; the
** binding can: `parked` answers for an activation that called out (Lua: lua_status of
** the coroutine that entered it is LUA_YIELD). Asked on entry, from the innermost
** outwards, with `user`. Without it every called-out activation counts as an outer call,
** for depth.
** `max_depth` = 0 means the default of 150.
*/
void lw_store_rules(Store *s, bool (*parked)(const Activation *a, void *user), void *user,
                    uint32_t max_depth);

/*
** The quick way out. When set, a callout calls this on the host's stack, below the frames
** of lw_act_enter or resume, instead of ending them; a->state is ACT_OUT, `user` that of
** lw_store_rules. It may
**   - run the host function, give the results and return true: wasm goes on (the order
**     per memory is its to check: lw_act_may_resume);
**   - return false, having done nothing: lw_act_enter or resume ends with
**     ACT_IS_CALLOUT, as without it;
**   - never return: longjmp past lw_act_enter or resume. Then the activation is parked,
**     to be gone on with by lw_act_resume, or has been dropped.
** Measured: half the time of ACT_IS_CALLOUT and resume, or less.
*/
void lw_store_on_callout(Store *s, bool (*callout)(Activation *a, void *user));

/* A reference to what the binding keeps in (owner, slot); 0 = out of memory. */
uint64_t lw_extern_new(Store *s, void *owner, uint32_t slot);
const ExternBox *lw_extern_of(uint64_t ref);

/* True when enough was allocated since the last collection to make one worth while. */
bool lw_gc_wanted(const Store *s);
/*
** Mark from tables, globals, stacks and `roots`; free boxes, shells of closed instances
** and host functions nothing refers to. Slots of freed boxes are queued.
*/
void lw_gc_collect(Store *s, const uint64_t *roots, size_t nroots);
/* A collection after which HostFunc.marked and Shell.marked tell for every one of them,
   held or not, whether a table, global, import or stack refers to it. */
void lw_gc_survey(Store *s);
/* Takes one queued slot; false: none left. The binding clears its table with it. */
bool lw_gc_next_dead(Store *s, DeadSlot *out);

typedef struct StoreStats {
  uint64_t instances, activations, parked, stacks, boxes, shells, collections;
  uint64_t memory_bytes; /* lengths of the memories that live instances define */
} StoreStats;
void lw_store_stats(const Store *s, StoreStats *out);

#endif

/*
** act.h -- activations: one call from the host into wasm, on a private stack.
**
**      host stack                          private stack
**   lw_act_enter ------------------------> machine code
**        <--------- ACT_CALLOUT ----------   an import that is a host function
**   (the binding runs Lua)
**   lw_act_resume -----------------------> goes on behind the import
**        <--------- ACT_RETURNED ---------   results in regs
**        <--------- ACT_TRAPPED ----------   why in trap and end, frames still walkable
**   lw_act_drop
**
** Nothing that may raise a Lua error ever runs on a private stack. Between callout and
** resume an activation may stay parked for any time, be resumed from another OS thread,
** or be dropped in any order.
** Two orders: the nest (outer, inner: who was entered while whose host function runs)
** is what depth and interruption follow; the order per memory 0 (older, newer) is what
** keeps the guest's stack in linear memory last in, first out.
** Layer: rt.
*/
#ifndef LW_ACT_H
#define LW_ACT_H

#include "jit/abi.h"
#include "rt/code.h"
#include "rt/func.h"
#include "rt/memory.h"

typedef enum {
  ACT_IS_RETURNED,
  ACT_IS_CALLOUT,
  ACT_IS_TRAPPED,
  ACT_IS_OVER /* lw_act_quick_enter only: returned, and dropped already */
} ActWhy;

typedef enum {
  ACT_FRESH,    /* made, not entered */
  ACT_RUNNING,  /* in machine code just now */
  ACT_OUT,      /* called out: its host function runs, or has yielded (parked) */
  ACT_FINISHED, /* returned */
  ACT_DEAD      /* trapped; its frames can still be walked */
} ActState;

/* What a native function wants of the binding, and the answer (native.h). */
typedef struct NativeAsk {
  bool answered;
  bool failed;   /* the answer: it could not be done */
  uint32_t what; /* for the two to agree on, as are the next two */
  uint32_t which;
  uint32_t how;
  uint64_t number;   /* asked for, or the answer */
  uint64_t more;     /* of the answer */
  const void *bytes; /* of the answer: good until the function returns */
  size_t size;
  void *owned; /* malloc'ed, of the question; freed with it */
  /* what a function keeps that asks more than once (lw_ask_again) */
  uint64_t began, done;
} NativeAsk;

struct Activation {
  /* layout.h, in its order */
  void *guest_sp, *host_sp;
  uint32_t trap, why;
  HostFunc *callee;
  uint8_t *limit;
  Value *overflow; /* callout: the guest's overflow arguments */
  uint64_t gpr[8];
  Value fpr[8];
  const uint8_t *trap_pc;
  void **trap_rbp;
  uint8_t *trap_rsp;
  void *trap_ctx;
  uint32_t flags;
  const uint8_t *land_pc; /* a throw goes on there (rt/except.c) */
  void **land_rbp;
  uint64_t exn; /* an exception on its way, or that nobody has caught */
  /* not known to machine code */
  ActState state;
  uint32_t exit_code; /* where end is LW_EXIT */
  FuncCell *entry;
  Store *store;
  Instance *instance; /* of entry; NULL for a host function's own cell */
  void *anchor;       /* the binding's, NULL from lw_act_new */
  void *user;         /* the binding's: set it between lw_act_new and lw_act_enter */
  uint8_t *stack;     /* lowest byte, guard included */
  size_t stack_size;
  union {
    struct {
      bool laid_out;  /* the binding's, false from lw_act_new */
      bool covered;   /* likewise */
      bool soft_open; /* the signal room below the limit is accessible */
      bool sp_owed;   /* see sp_saved; an earlier call has been dropped */
      bool listed;    /* in Store.acts */
      bool has_grown; /* `grown` is not 0 */
    };
    uint64_t unusual; /* not 0: one of them is true */
  };
  const uint8_t *diverted;   /* where the guest was when that happened */
  Activation *outer, *inner; /* the nest: outer is called out while this one runs */
  bool nested;               /* in the nest */
  uint32_t depth;            /* 1 for the outermost */
  Activation *prev,
    *next; /* Store.acts: all that are not dropped (but see quick.h); pool */
  Activation *older, *newer; /* order per memory 0 (API.md 4 row 17) */
  Memory *memory;            /* whose order; NULL until entered and once ended */
  Status end;                /* not LW_OK: why it ends as control returns into wasm, or
                                has ended: LW_CLOSED, LW_INTERRUPT, LW_EXIT, or the
                                host's own */
  bool sp_saved; /* the stack-pointer global is to be given back unless it returns; and
                    even then if sp_owed */
  uint32_t sp_value;
  NativeAsk ask;
  uint64_t grown;     /* bytes its guests grew by, for the binding; 0 from lw_act_new */
  uint32_t ncallouts; /* the binding's, 0 from lw_act_new */
};

/*
** Take an activation for calling `cell`, with arguments and results placed by
** lw_act_set_args / lw_act_results. LW_CLOSED, LW_NOMEM, LW_LIMIT (nesting too deep).
*/
Status lw_act_new(Store *s, FuncCell *cell, Activation **out, Err *err);
/* `args` in parameter order; arrays of the type's counts. */
void lw_act_set_args(Activation *a, const Value *args);
void lw_act_results(const Activation *a, Value *results);
/*
** Once. An activation that ends before its first instruction (interrupted or closed
** meanwhile) is ACT_IS_TRAPPED like any other.
** After ACT_IS_TRAPPED: a->end says LW_CLOSED, LW_INTERRUPT or what the host had set;
** if it is LW_OK the guest trapped, and a->trap is the TrapCode.
*/
ActWhy lw_act_enter(Activation *a);
/* Where a callout's arguments are, and where its results go (once, before resume). */
void lw_act_callout_args(const Activation *a, Value *args);
void lw_act_callout_results(Activation *a, const Value *results);
/* One that was killed while parked (its instance was closed by force) may still be
   resumed, which ends it with LW_CLOSED. LW_BUSY when it is not the newest on its memory
   (and `any_order` is false). */
Status lw_act_may_resume(const Activation *a, bool any_order, Err *err);
ActWhy lw_act_resume(Activation *a);
/* It is resumed, but its host function is not done yet: what comes is interrupted and
   timed like the call itself. */
void lw_act_back(Activation *a);
/* Gives the stack back; legal in every state but running. Restores the stack pointer of
   the guest unless it returned. Closes instances that waited for it. The only function
   that frees an Activation: a forced close of an instance takes the stack and leaves the
   struct to the binding, which still knows it (a->end is LW_CLOSED, ACT_DEAD; resuming it
   traps at once). */
void lw_act_drop(Activation *a);

/* For helpers: make the running call trap when the helper returns. */
void lw_act_trap(Store *s, unsigned trap_code);

/* One frame of a trace, innermost first. */
typedef struct Frame {
  const Module *module;
  Code *code;
  uint32_t func;  /* funcidx */
  uint32_t where; /* byte offset in the module */
} Frame;
/* Up to `cap` frames of an activation that called out or trapped; returns how many there
   are in all. */
uint32_t lw_act_frames(const Activation *a, Frame *out, uint32_t cap);

#endif

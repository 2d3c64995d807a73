/*
** native.h -- host functions that are C, and need no Lua to run.
**
** A native function runs on the host's stack between two stretches of machine code. It
** gets its arguments, and memory 0 of the instance that called it; it must check every
** range before it touches it, and never raise. What only the binding can do (call back
** into Lua, wait where others may run) it asks for: it returns NATIVE_ASK, and is called
** again with the same arguments and the answer. So it must not have changed anything
** before it asks, or say in ask->began and ask->done how far it is.
** A function that was called by a tail call is taken for called by its caller's caller.
** Layer: rt.
*/
#ifndef LW_NATIVE_H
#define LW_NATIVE_H

#include "rt/act.h"

typedef enum {
  NATIVE_DONE, /* results are set */
  NATIVE_TRAP, /* the guest traps: call->trap */
  NATIVE_EXIT, /* the guest asked to end: call->exit_code */
  NATIVE_ASK   /* act->ask says what for */
} NativeWhy;

enum { NATIVE_PARAMS = 16, NATIVE_RESULTS = 1 }; /* at most */

struct NativeCall {
  Activation *act;
  void *context;   /* as given to lw_host_native */
  uint32_t number; /* likewise */
  Memory *memory;  /* NULL: the caller has none */
  const Value *args;
  Value *results;
  uint32_t exit_code;
  unsigned trap;
};

/* Make a fresh host function native. `drop` gives `context` back when the function is
   freed, after everybody who could call it. */
void lw_host_native(HostFunc *h, NativeFunc run, void *context, uint32_t number,
                    void (*drop)(void *context));
/* Run the native function that `a` has called out to. After NATIVE_ASK the binding fills
   in the answer and calls it again; after the others the activation may be resumed, which
   ends it where that was the outcome. */
NativeWhy lw_act_native(Activation *a);
/* Memory 0 of the instance whose code called out, or NULL. */
Memory *lw_act_memory(const Activation *a);
/* A new question in place of the last one; what is in began and done stays. */
void lw_ask_again(NativeAsk *ask, uint32_t what, uint32_t which, uint64_t number);
/* Nothing is asked any more. */
void lw_ask_end(NativeAsk *ask);
/* For whoever waits: should the call end now? Cheap. */
bool lw_act_wants_end(const Activation *a);
/* For who computes long: likewise, but one that is to yield for want of time can finish
   first. */
bool lw_act_must_end(const Activation *a);
/* Has somebody asked for that? TRAP_INTERRUPT, TRAP_TIMEOUT, or 0. */
unsigned lw_act_asked(const Activation *a);
/* To wait for descriptors: one more to wait for, which becomes readable when somebody
   wants one of the Store's calls to end. lw_act_wants_end (or lw_store_wants_end) must be
   asked after begin. -1: the system has none; then look every so often. */
int lw_store_event_begin(Store *s);
void lw_store_event_end(Store *s);

/* Should the call whose host function runs now end? */
bool lw_store_wants_end(Store *s);

#endif

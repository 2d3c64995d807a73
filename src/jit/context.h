/*
** context.h -- the machine's side of a signal: registers at a fault, and where to go on.
**
** All of it is async-signal-safe. One implementation per machine.
** Layer: jit.
*/
#ifndef LW_CONTEXT_H
#define LW_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

struct Activation;

typedef struct MachineState {
  const uint8_t *pc;
  uint8_t *sp;
  void **frame; /* rbp */
  void *ctx;    /* r14 */
} MachineState;

/* `ucontext` is the third argument of a signal handler. */
void lw_context_get(const void *ucontext, MachineState *out);
/* The handler returns into lw_stub_trap_exit with this activation. */
void lw_context_end(void *ucontext, struct Activation *a);
/* The handler returns into `pc` as if machine code had called that where it was: its
   stack has room for 8 bytes more. */
void lw_context_call(void *ucontext, const uint8_t *pc);
/*
** A signal handler runs on a private stack, its sp at `low`. Find where the kernel saved
** the registers of machine code (a pc that `is_text` knows) and make it go on at `pc`,
** which must not return; gives the pc it would have gone on at, NULL if there is none.
** Every place up to `high` that looks like one is changed, for what earlier signals left
** behind looks the same: so nothing there may be used by machine code again.
*/
const uint8_t *lw_context_divert(uint8_t *low, uint8_t *high,
                                 bool (*is_text)(const void *pc), const uint8_t *pc);
/* The return address of a function that trapped `offset` bytes behind its start, where
   the frame is not made yet; NULL where it is, and can be found by the frame pointer. */
const uint8_t *lw_context_return(uint32_t offset, const uint8_t *sp);
/* Is the instruction at pc (in our text) an explicit trap? Its code goes to *code. */
bool lw_context_is_trap(const uint8_t *pc, unsigned *code);

#endif

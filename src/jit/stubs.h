/*
** stubs.h -- the hand-written ways between the host's stack and a private one.
**
** They are addresses, not C functions: all but enter and resume are reached from machine
** code only, with its registers. See x64/stubs.S for the drawing.
** Layer: jit.
*/
#ifndef LW_STUBS_H
#define LW_STUBS_H

#include <stdbool.h>

struct Activation;
struct FuncCell;

/* Both return ACT_RETURNED, ACT_CALLOUT or ACT_TRAPPED (layout.h). */
unsigned lw_stub_enter(struct Activation *a, const struct FuncCell *entry);
unsigned lw_stub_resume(struct Activation *a);
unsigned lw_stub_resume_landing(struct Activation *a); /* at a->land_pc */

/*
** Called by the callout stub on the host's stack (rt/act.c defines it). 0: the results
** are in place, the guest goes on; ACT_LANDS: it goes on where it catches; else what
** lw_stub_enter or resume returns.
*/
unsigned lw_act_callout(struct Activation *a);
/*
** Called by the lazy stub on the host's stack (rt/lazy.c defines it): the code of the
** function whose thunk of `ctx` would be returned to at `back`, or NULL with a->trap set.
*/
const void *lw_lazy_enter(struct Activation *a, void *ctx, const void *back);

extern const unsigned char lw_stub_callout[];    /* code of a host function's cell */
extern const unsigned char lw_stub_helper[];     /* VMCTX_CALL_C */
extern const unsigned char lw_stub_new_struct[]; /* VMCTX_NEW_STRUCT */
extern const unsigned char lw_stub_copy[];       /* VMCTX_COPY */
extern const unsigned char lw_stub_fill[];       /* VMCTX_FILL */
extern const unsigned char lw_stub_new_array[];  /* VMCTX_NEW_ARRAY */
extern const unsigned char lw_stub_lazy[];       /* VMCTX_LAZY */
extern const unsigned char lw_stub_limit[];      /* VMCTX_LIMIT */
extern const unsigned char lw_stub_late[];       /* called where time is up */
extern const unsigned char lw_stub_closed[];     /* code of a closed instance's cells */
extern const unsigned char lw_stub_exhausted[];  /* traps: call stack exhausted */
extern const unsigned char lw_stub_trap_exit[];  /* where a signal handler goes on */
extern const unsigned char lw_stubs_begin[], lw_stubs_end[];

static inline bool lw_stubs_contain(const void *pc)
{
  const unsigned char *p = pc;
  return p >= lw_stubs_begin && p < lw_stubs_end;
}

#endif

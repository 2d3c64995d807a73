/*
** context.c -- x86-64 Linux: the registers in a ucontext.
** Layer: jit.
*/
#include "jit/context.h"

#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "jit/layout.h"
#include "jit/stubs.h"

/* Reads all of a stack, red zones of the handler that runs there included. */
#define UNCHECKED __attribute__((no_sanitize("address")))

void lw_context_get(const void *ucontext, MachineState *out)
{
  const greg_t *r = ((const ucontext_t *)ucontext)->uc_mcontext.gregs;
  out->pc = (const uint8_t *)(uintptr_t)r[REG_RIP];
  out->sp = (uint8_t *)(uintptr_t)r[REG_RSP];
  out->frame = (void **)(uintptr_t)r[REG_RBP];
  out->ctx = (void *)(uintptr_t)r[REG_R14];
}

/* On the host's stack at once: a signal that waits to be delivered as the handler returns
   would find no room on a private stack that is exhausted. */
void lw_context_end(void *ucontext, struct Activation *a)
{
  greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
  r[REG_RBX] = (greg_t)(uintptr_t)a;
  memcpy(&r[REG_RSP], (const char *)a + ACT_HOST_SP, sizeof r[REG_RSP]);
  r[REG_RIP] = (greg_t)(uintptr_t)lw_stub_trap_exit;
}

void lw_context_call(void *ucontext, const uint8_t *pc)
{
  greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
  r[REG_RSP] -= (greg_t)sizeof r[REG_RIP];
  memcpy((void *)(uintptr_t)r[REG_RSP], &r[REG_RIP], sizeof r[REG_RIP]);
  r[REG_RIP] = (greg_t)(uintptr_t)pc;
}

/* Does the kernel's signal frame of machine code begin here? Four of its fields say so.
 */
UNCHECKED static bool is_saved(const ucontext_t *u, const uint8_t *high,
                               bool (*is_text)(const void *pc))
{
  const greg_t *r = u->uc_mcontext.gregs;
  uintptr_t at = (uintptr_t)u, end = (uintptr_t)high;
  uintptr_t fp = (uintptr_t)u->uc_mcontext.fpregs, sp = (uintptr_t)r[REG_RSP];
  if (u->uc_link || !is_text((const void *)(uintptr_t)r[REG_RIP])) return false;
  return sp > at && sp <= end && fp > at && fp < sp && fp % 64 == 0;
}

UNCHECKED const uint8_t *lw_context_divert(uint8_t *low, uint8_t *high,
                                           bool (*is_text)(const void *pc),
                                           const uint8_t *pc)
{
  const uint8_t *was = NULL;
  uintptr_t at = ((uintptr_t)low + 7) & ~(uintptr_t)7;
  for (; at + sizeof(ucontext_t) <= (uintptr_t)high; at += 8) {
    ucontext_t *u = (ucontext_t *)at;
    if (!is_saved(u, high, is_text)) continue;
    greg_t *rip = &u->uc_mcontext.gregs[REG_RIP];
    was = (const uint8_t *)(uintptr_t)*rip;
    *rip = (greg_t)(uintptr_t)pc;
  }
  return was;
}

const uint8_t *lw_context_return(uint32_t offset, const uint8_t *sp)
{
  enum { PUSHED = 1, MADE = 4 }; /* push rbp; mov rbp, rsp */
  if (offset >= MADE) return NULL;
  return ((const uint8_t *const *)(const void *)sp)[offset >= PUSHED];
}

bool lw_context_is_trap(const uint8_t *pc, unsigned *code)
{
  if (pc[0] != 0x0f || pc[1] != 0x0b) return false; /* ud2 */
  *code = pc[2];
  return true;
}

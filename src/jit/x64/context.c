/*
** context.c -- x86-64 Linux: the registers in a ucontext.
** Layer: jit.
*/
#include "jit/context.h"

#include <ucontext.h>

#include "jit/stubs.h"

void lw_context_get(const void *ucontext, MachineState *out)
{
  const greg_t *r = ((const ucontext_t *)ucontext)->uc_mcontext.gregs;
  out->pc = (const uint8_t *)(uintptr_t)r[REG_RIP];
  out->sp = (uint8_t *)(uintptr_t)r[REG_RSP];
  out->frame = (void **)(uintptr_t)r[REG_RBP];
  out->ctx = (void *)(uintptr_t)r[REG_R14];
}

void lw_context_end(void *ucontext, struct Activation *a)
{
  greg_t *r = ((ucontext_t *)ucontext)->uc_mcontext.gregs;
  r[REG_RBX] = (greg_t)(uintptr_t)a;
  r[REG_RIP] = (greg_t)(uintptr_t)lw_stub_trap_exit;
}

bool lw_context_is_trap(const uint8_t *pc, unsigned *code)
{
  if (pc[0] != 0x0f || pc[1] != 0x0b) return false; /* ud2 */
  *code = pc[2];
  return true;
}

/*
** body_atomic.h -- part of the template body.h: atomic operators.
**
** An atomic access states the alignment that is natural for it, no less, and takes its
** types from its signature, but for the address (threads proposal, "Alignment").
** Layer: wasm.
*/
#ifndef LW_BODY_ATOMIC_H
#define LW_BODY_ATOMIC_H

#include "wasm/body_mem.h"

static Status body_fence(Body *b)
{
  uint8_t order;
  TRY(lw_read_byte(&b->r, &order));
  if (order != 0) return lw_fail(b->err, LW_MALFORMED, b->op_at, "zero byte expected");
  return b->live ? hook_fence(b) : LW_OK;
}

static Status body_atomic(Body *b)
{
  const OpInfo *info = &lw_op_info[b->op];
  if (info->imm == IMM_FENCE) return body_fence(b);
  const SigInfo *sig = &lw_sig_info[info->sig];
  unsigned natural = info->imm - IMM_M0;
  MemArg m;
  TRY(body_memarg(b, natural, &m));
  if (m.align != natural)
    return lw_fail(b->err, LW_INVALID, b->op_at,
                   "atomic alignment must be natural: 2**%u", m.align);
  for (unsigned i = sig->npop; i > 1; i--)
    TRY(body_pop(b, sig->pop[i - 1]));
  TRY(body_pop(b, body_addr(&b->module->memories[m.memory])));
  if (b->live) TRY(hook_atomic(b, b->op, &m, b->nstack));
  if (sig->npush) body_push(b, sig->push[0]);
  return LW_OK;
}

#endif

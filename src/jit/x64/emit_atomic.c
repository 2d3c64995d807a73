/*
** emit_atomic.c -- atomic accesses.
**
** x86 keeps loads in order with each other and stores with each other; what a
** sequentially consistent access needs beyond that is a locked instruction (or xchg,
** which is always locked) wherever something is stored.
** Layer: jit.
*/
#include "jit/x64/emit.h"

/* The rows of an instruction by log2 of its width. */
static const XOp xchg[] = {X_XCHG8, X_XCHG16, X_XCHG, X_XCHG};
static const XOp xadd[] = {X_XADD8, X_XADD16, X_XADD, X_XADD};
static const XOp cmpxchg[] = {X_CMPXCHG8, X_CMPXCHG16, X_CMPXCHG, X_CMPXCHG};
static const XOp load[] = {X_MOVZX8, X_MOVZX16, X_MOV, X_MOV};

static void locked(Emit *em, const XOp rows[4], unsigned size, unsigned reg, Mem m)
{
  lw_enc_8(&em->e, 0xf0);
  lw_enc_rm(&em->e, rows[size], size == 3, reg, m);
}

static void copy(Emit *em, unsigned to, unsigned from)
{
  if (to != from) lw_enc_rr(&em->e, X_MOV, 1, to, from);
}

/* What was read into the lower bytes of a register, without the others. */
static void only(Emit *em, unsigned size, unsigned reg)
{
  if (size < 2) lw_enc_rr(&em->e, load[size], 0, reg, reg);
}

static void check(Emit *em, const Ins *ins, unsigned address)
{
  int32_t mask = (1 << ins->aux) - 1, low = (int32_t)(ins->c & (uint32_t)mask);
  lw_enc_rm(&em->e, X_LEA, 0, R11, mem_at(address, low));
  lw_enc_alu_ri(&em->e, X_AND, 0, R11, mask);
  lw_emit_trap_if(em, CC_NE, TRAP_UNALIGNED);
}

static void store(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned access = ins->aux & 0xff;
  unsigned size = access == MEM_8U ? 0 : access == MEM_16U ? 1 : access == MEM_32 ? 2 : 3;
  Mem m = lw_emit_address(em, ins->aux >> 8, ins->c, a->use[0], 1u << size);
  copy(em, a->temp[0], a->use[1]);
  lw_emit_line(em);
  lw_enc_rm(&em->e, xchg[size], size == 3, a->temp[0], m);
}

/* and, or, xor: until nobody came in between. rax is what was there. */
static void logic(Emit *em, const Alloc *a, unsigned kind, unsigned size, Mem m)
{
  Enc *e = &em->e;
  XOp op = kind == ATOMIC_AND ? X_AND : kind == ATOMIC_OR ? X_OR : X_XOR;
  unsigned next = a->temp[0];
  assert(a->dst == RAX && a->use[0] != RAX && a->use[1] != RAX && next != RAX);
  lw_enc_rm(e, load[size], size == 3, RAX, m);
  uint32_t again = e->size;
  copy(em, next, RAX);
  lw_enc_rr(e, op, 1, next, a->use[1]);
  locked(em, cmpxchg, size, next, m);
  lw_enc_patch8(e, lw_enc_jcc8(e, CC_NE), again);
}

static void modify(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned size = ins->aux & 15, kind = ins->aux >> 4 & 15, dst = a->dst;
  Mem m = lw_emit_address(em, ins->aux >> 8, ins->c, a->use[0], 1u << size);
  lw_emit_line(em);
  switch (kind) {
  case ATOMIC_AND:
  case ATOMIC_OR:
  case ATOMIC_XOR: logic(em, a, kind, size, m); break;
  case ATOMIC_XCHG:
    copy(em, dst, a->use[1]);
    lw_enc_rm(&em->e, xchg[size], size == 3, dst, m);
    break;
  default:
    copy(em, dst, a->use[1]);
    if (kind == ATOMIC_SUB) lw_enc_r(&em->e, X_NEG, size == 3, dst);
    locked(em, xadd, size, dst, m);
  }
  only(em, size, dst);
}

/* Of what is expected only the bits that are compared count (threads proposal: wrapped).
   cmpxchg leaves the others of rax alone. */
static void exchange(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned size = ins->aux & 15;
  assert(a->dst == RAX && a->use[1] == RAX);
  Mem m = lw_emit_address(em, ins->aux >> 8, 0, a->use[0], 1u << size);
  lw_emit_line(em);
  locked(em, cmpxchg, size, a->use[2], m);
  if (size < 3) lw_enc_rr(&em->e, load[size], 0, RAX, RAX);
}

void lw_emit_atomic(Emit *em, const Ins *ins, const Alloc *a)
{
  switch (ins->op) {
  case IR_ATOMIC_CHECK: check(em, ins, a->use[0]); break;
  case IR_ATOMIC_STORE: store(em, ins, a); break;
  case IR_ATOMIC_RMW: modify(em, ins, a); break;
  case IR_ATOMIC_CAS: exchange(em, ins, a); break;
  default:
    assert(ins->op == IR_FENCE);
    lw_enc_8(&em->e, 0x0f); /* mfence */
    lw_enc_8(&em->e, 0xae);
    lw_enc_8(&em->e, 0xf0);
  }
}

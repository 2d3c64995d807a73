/*
** build_atomic.h -- part of build.c: atomics, and arithmetic of 128 bits.
**
** Every access checks its alignment first, then it is an access like others; only the
** bounds check may still trap. wait and notify are helpers.
** Layer: jit.
*/
#ifndef LW_BUILD_ATOMIC_H
#define LW_BUILD_ATOMIC_H

static inline Status hook_fence(Body *b)
{
  return emit_effect(b, (Ins){.op = IR_FENCE});
}

/* The address with its offset added, in 64 bits where there is one. */
static Status effective(Body *b, const MemArg *m, Ref *address, uint32_t offset)
{
  Ref by, fits;
  if (offset == 0) return LW_OK;
  bool wide = b->module->memories[m->memory].is64;
  TRY(constant(b, VAL_I64, offset, &by));
  if (!wide)
    TRY(emit(b, (Ins){.op = IR_EXTEND_U, .type = VAL_I64, .a = *address}, address));
  TRY(emit(b, (Ins){.op = IR_ADD, .type = VAL_I64, .a = *address, .b = by}, address));
  if (!wide) return LW_OK;
  TRY(emit(b, (Ins){.op = IR_GE_U, .type = VAL_I64, .a = *address, .b = by}, &fits));
  return emit_effect(b, (Ins){.op = IR_CHECK_NULL, .a = fits, .b = TRAP_MEMORY});
}

static Status wait_or_notify(Body *b, Opcode op, uint32_t memory, Ref address, Ref *at)
{
  HelperId id = op == OP_MEMORY_ATOMIC_NOTIFY   ? HELPER_atomic_notify
                : op == OP_MEMORY_ATOMIC_WAIT32 ? HELPER_atomic_wait32
                                                : HELPER_atomic_wait64;
  Ref args[4] = {0, address, at[1], at[2]};
  TRY(constant(b, VAL_I32, memory, &args[0]));
  return call_helper(b, id, args, at);
}

static Status compare_exchange(Body *b, unsigned size, uint8_t type, uint32_t memory,
                               Ref address, Ref *at)
{
  Ins ins = {.op = IR_ATOMIC_CAS, .type = type, .aux = (uint16_t)(size | memory << 8)};
  ins.a = address;
  ins.b = at[1];
  ins.c = at[2];
  return emit(b, ins, at);
}

/* One of the seven widths of an operation, from i32.atomic.*.add on. */
static Status read_modify_write(Body *b, Opcode op, unsigned size, uint8_t type, Ins ins,
                                Ref *at)
{
  static const uint8_t kinds[] = {ATOMIC_ADD, ATOMIC_SUB, ATOMIC_AND,
                                  ATOMIC_OR,  ATOMIC_XOR, ATOMIC_XCHG};
  unsigned kind = kinds[(op - OP_I32_ATOMIC_RMW_ADD) / 7];
  ins.op = IR_ATOMIC_RMW;
  ins.type = type;
  ins.aux = (uint16_t)(size | kind << 4 | (ins.aux & 0xff00));
  ins.b = at[1];
  return emit(b, ins, at);
}

static inline Status hook_atomic(Body *b, Opcode op, const MemArg *m, uint32_t base)
{
  static const uint8_t access[] = {MEM_8U, MEM_16U, MEM_32, MEM_64};
  const OpInfo *info = &lw_op_info[op];
  const SigInfo *sig = &lw_sig_info[info->sig];
  unsigned size = info->imm - IMM_M0;
  Ref *at = operands(b, base);
  Ins ins = {.aux = (uint16_t)(access[size] | m->memory << 8), .a = at[0]};
  if (dead(b)) return LW_OK;
  TRY(access_at(b, m, &ins.a, &ins.c));
  if (size)
    TRY(emit_effect(b, (Ins){
                         .op = IR_ATOMIC_CHECK,
                         .aux = (uint16_t)size,
                         .a = ins.a,
                         .c = ins.c,
                       }));
  if (op < OP_I32_ATOMIC_LOAD || op >= OP_I32_ATOMIC_RMW_CMPXCHG) {
    TRY(effective(b, m, &ins.a, ins.c));
    if (op < OP_I32_ATOMIC_LOAD) return wait_or_notify(b, op, m->memory, ins.a, at);
    return compare_exchange(b, size, (uint8_t)sig->push[0], m->memory, ins.a, at);
  }
  if (op >= OP_I32_ATOMIC_RMW_ADD)
    return read_modify_write(b, op, size, (uint8_t)sig->push[0], ins, at);
  bool store = sig->npush == 0;
  ins.op = store ? IR_ATOMIC_STORE : IR_ATOMIC_LOAD;
  ins.type = (uint8_t)(store ? sig->pop[1] : sig->push[0]);
  ins.b = store ? at[1] : 0;
  return store ? emit_effect(b, ins) : emit(b, ins, at);
}

/* ---- wide arithmetic: a value of 128 bits is two i64, the low half first ---- */

static Status two(Body *b, IrOp op, Ref x, Ref y, Ref *out)
{
  return emit(b, (Ins){.op = op, .type = VAL_I64, .a = x, .b = y}, out);
}

static Status hook_wide(Body *b, Opcode op, uint32_t base)
{
  Ref *at = operands(b, base), low, high, carry;
  if (op == OP_I64_MUL_WIDE_S || op == OP_I64_MUL_WIDE_U) {
    TRY(two(b, IR_MUL, at[0], at[1], &low));
    TRY(two(b, op == OP_I64_MUL_WIDE_S ? IR_MULH_S : IR_MULH_U, at[0], at[1], &high));
  } else {
    bool add = op == OP_I64_ADD128;
    IrOp plain = add ? IR_ADD : IR_SUB;
    TRY(two(b, plain, at[0], at[2], &low));
    TRY(two(b, IR_LT_U, add ? low : at[0], add ? at[0] : at[2], &carry));
    TRY(emit(b, (Ins){.op = IR_EXTEND_U, .type = VAL_I64, .a = carry}, &carry));
    TRY(two(b, plain, at[1], at[3], &high));
    TRY(two(b, plain, high, carry, &high));
  }
  at[0] = low;
  at[1] = high;
  return LW_OK;
}

#endif

/*
** build_simd.h -- part of build.c: vectors.
**
** Every vector operator is one instruction whose aux is the operator itself: VEC1, VEC2
** or VEC3 by how many values it takes. What it becomes is the target's affair.
** Layer: jit.
*/
#ifndef LW_BUILD_SIMD_H
#define LW_BUILD_SIMD_H

static inline bool is_vector_op(Opcode op)
{
  return op >= OP_V128_LOAD && op <= OP_I32X4_RELAXED_DOT_I8X16_I7X16_ADD_S;
}

static uint64_t eight_bytes(const uint8_t *p)
{
  uint64_t v = 0;
  for (unsigned i = 8; i-- > 0;)
    v = v << 8 | p[i];
  return v;
}

static Status wide_constant(Body *b, const uint8_t bytes[16], Ref *out)
{
  return lw_make_wide_kon(b->hook.f, &b->hook.kons, eight_bytes(bytes),
                          eight_bytes(bytes + 8), out, b->err);
}

static inline Status hook_v128_const(Body *b, const uint8_t *bytes, uint32_t base)
{
  return wide_constant(b, bytes, operands(b, base));
}

/* An operator with this lane (0 for those that have none). */
static Status vector(Body *b, Opcode op, uint32_t lane, uint32_t base)
{
  const SigInfo *sig = &lw_sig_info[lw_op_info[op].sig];
  Ref *at = operands(b, base);
  Ins ins = {.type = sig->push[0], .aux = (uint16_t)op, .a = at[0], .c = lane};
  ins.op = sig->npop == 1 ? IR_VEC1 : sig->npop == 2 ? IR_VEC2 : IR_VEC3;
  if (sig->npop > 1) ins.b = at[1];
  if (sig->npop > 2) ins.c = at[2];
  return emit(b, ins, at);
}

static inline Status hook_lane(Body *b, Opcode op, uint32_t lane, uint32_t base)
{
  return vector(b, op, lane, base);
}

static inline Status hook_shuffle(Body *b, const uint8_t *lanes, uint32_t base)
{
  Ref *at = operands(b, base);
  Ins ins = {.op = IR_VEC3, .type = VAL_V128, .aux = OP_I8X16_SHUFFLE};
  ins.a = at[0];
  ins.b = at[1];
  TRY(wide_constant(b, lanes, &ins.c));
  return emit(b, ins, at);
}

static inline Status hook_lane_access(Body *b, bool store, const MemArg *memarg,
                                      unsigned size, uint32_t lane, uint32_t base)
{
  Ref *at = operands(b, base);
  Ins ins = {.op = store ? IR_STORE_LANE : IR_LOAD_LANE, .type = VAL_V128};
  ins.aux = (uint16_t)(size | lane << 4 | memarg->memory << 8);
  ins.a = at[0];
  ins.b = at[1];
  TRY(access_at(b, memarg, &ins.a, &ins.c));
  return store ? emit_effect(b, ins) : emit(b, ins, at);
}

#endif

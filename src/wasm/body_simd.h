/*
** body_simd.h -- part of the template body.h: vector operators with immediates.
**
** Those without are plain signatures. A lane index must exist in the shape (standard,
** section 3.4.3).
** Layer: wasm.
*/
#ifndef LW_BODY_SIMD_H
#define LW_BODY_SIMD_H

#include "wasm/body_mem.h"

static Status body_v128_const(Body *b)
{
  const uint8_t *bytes;
  TRY(lw_read_bytes(&b->r, 16, &bytes));
  if (b->live) TRY(hook_v128_const(b, bytes, b->nstack));
  body_push(b, VAL_V128);
  return LW_OK;
}

static Status body_read_lane(Body *b, unsigned count, uint8_t *out)
{
  TRY(lw_read_byte(&b->r, out));
  if (*out < count) return LW_OK;
  return lw_fail(b->err, LW_INVALID, b->op_at, "invalid lane index %u", *out);
}

static Status body_shuffle(Body *b)
{
  const uint8_t *lanes;
  TRY(lw_read_bytes(&b->r, 16, &lanes));
  for (unsigned i = 0; i < 16; i++)
    if (lanes[i] >= 32)
      return lw_fail(b->err, LW_INVALID, b->op_at, "invalid lane index %u", lanes[i]);
  TRY(body_pop(b, VAL_V128));
  TRY(body_pop(b, VAL_V128));
  if (b->live) TRY(hook_shuffle(b, lanes, b->nstack));
  body_push(b, VAL_V128);
  return LW_OK;
}

/* Lanes of the shape that an extract_lane or replace_lane is about. */
static unsigned body_lanes(Opcode op)
{
  if (op <= OP_I8X16_REPLACE_LANE) return 16;
  if (op <= OP_I16X8_REPLACE_LANE) return 8;
  if (op <= OP_I32X4_REPLACE_LANE) return 4;
  if (op <= OP_I64X2_REPLACE_LANE) return 2;
  return op <= OP_F32X4_REPLACE_LANE ? 4 : 2;
}

static Status body_lane(Body *b)
{
  const SigInfo *sig = &lw_sig_info[lw_op_info[b->op].sig];
  uint8_t lane;
  TRY(body_read_lane(b, body_lanes(b->op), &lane));
  for (unsigned i = sig->npop; i > 0; i--)
    TRY(body_pop(b, sig->pop[i - 1]));
  if (b->live) TRY(hook_lane(b, b->op, lane, b->nstack));
  body_push(b, sig->push[0]);
  return LW_OK;
}

/* v128.load8_lane to v128.store64_lane. */
static Status body_lane_access(Body *b)
{
  unsigned size = lw_op_info[b->op].imm - IMM_L0;
  bool store = b->op >= OP_V128_STORE8_LANE;
  uint8_t lane;
  MemArg m;
  TRY(body_memarg(b, size, &m));
  TRY(body_read_lane(b, 16u >> size, &lane));
  TRY(body_pop(b, VAL_V128));
  TRY(body_pop(b, body_addr(&b->module->memories[m.memory])));
  if (b->live) TRY(hook_lane_access(b, store, &m, size, lane, b->nstack));
  if (!store) body_push(b, VAL_V128);
  return LW_OK;
}

static Status body_simd(Body *b)
{
  switch (lw_op_info[b->op].imm) {
  case IMM_V128: return body_v128_const(b);
  case IMM_LANES16: return body_shuffle(b);
  case IMM_LANE: return body_lane(b);
  default: return body_lane_access(b);
  }
}

#endif

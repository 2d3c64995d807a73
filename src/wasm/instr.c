/*
** instr.c -- see instr.h. One case for each kind of immediate.
** Layer: wasm.
*/
#include "wasm/instr.h"

#include <assert.h>

#include "wasm/limits.h"

Status lw_opcode_read(Reader *r, uint64_t features, Opcode *out)
{
  uint64_t at = lw_reader_at(r);
  uint8_t byte;
  TRY(lw_read_byte(r, &byte));
  uint32_t code = byte;
  if (byte >= 0xfb && byte <= 0xfe) {
    uint32_t number;
    TRY(lw_leb_u32(r, &number));
    if (number > 0xffff)
      return lw_fail(r->err, LW_MALFORMED, at, "illegal opcode %02x %x", byte, number);
    code = code << 16 | number;
  }
  Opcode op = lw_op_find(code);
  if (op == OP__MAX) {
    if (code > 0xff)
      return lw_fail(r->err, LW_MALFORMED, at, "illegal opcode %02x %02x", byte,
                     code & 0xffff);
    return lw_fail(r->err, LW_MALFORMED, at, "illegal opcode %02x", byte);
  }
  *out = op;
  return lw_feat_need(features, (Feat)lw_op_info[op].feat, lw_op_info[op].text, at,
                      r->err);
}

static Status skip_labels(Reader *r, Instr *out)
{
  uint32_t cap, label;
  TRY(lw_read_count(r, "labels of br_table", LIMIT_BR_TABLE, 1, &out->x, &cap));
  out->raw = r->pos;
  for (uint32_t i = 0; i <= out->x; i++)
    TRY(lw_leb_u32(r, &label));
  return LW_OK;
}

static Status skip_catches(Reader *r, uint64_t features, Instr *out)
{
  uint32_t count, cap, index;
  TRY(lw_read_blocktype(r, features, &out->block));
  TRY(lw_read_count(r, "catches", LIMIT_BR_TABLE, 2, &count, &cap));
  out->x = count;
  out->raw = r->pos;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t kind; /* 0 catch, 1 catch_ref, 2 catch_all, 3 catch_all_ref */
    TRY(lw_read_byte(r, &kind));
    if (kind > 3) return lw_reader_bad(r, "malformed catch clause");
    if (kind < 2) TRY(lw_leb_u32(r, &index));
    TRY(lw_leb_u32(r, &index));
  }
  return LW_OK;
}

static Status skip_select_types(Reader *r, uint64_t features, Instr *out)
{
  uint32_t cap;
  TRY(lw_read_count(r, "types of select", LIMIT_RESULTS, 1, &out->x, &cap));
  for (uint32_t i = 0; i < out->x; i++)
    TRY(lw_read_valtype(r, features, &out->type));
  return LW_OK;
}

static Status read_heap(Reader *r, uint64_t features, Instr *out)
{
  uint32_t heap;
  TRY(lw_read_heaptype(r, features, &heap));
  out->x = heap;
  out->type = VAL_REF_TO(heap, 1);
  return LW_OK;
}

static Status read_br_cast(Reader *r, uint64_t features, Instr *out)
{
  uint8_t flags;
  TRY(lw_read_byte(r, &flags));
  if (flags > 3) return lw_reader_bad(r, "malformed br_on_cast flags");
  out->bits = flags;
  TRY(lw_leb_u32(r, &out->x));
  TRY(lw_read_heaptype(r, features, &out->y));
  return lw_read_heaptype(r, features, &out->z);
}

static Status read_const(Reader *r, Imm imm, Instr *out)
{
  int32_t i32;
  int64_t i64;
  switch (imm) {
  case IMM_I32:
    TRY(lw_leb_s32(r, &i32));
    out->bits = (uint32_t)i32;
    return LW_OK;
  case IMM_I64:
    TRY(lw_leb_s64(r, &i64));
    out->bits = (uint64_t)i64;
    return LW_OK;
  case IMM_F32: return lw_read_fixed(r, 4, &out->bits);
  default: assert(imm == IMM_F64); return lw_read_fixed(r, 8, &out->bits);
  }
}

static Status read_memarg(Reader *r, Imm imm, Instr *out)
{
  uint8_t lane;
  TRY(lw_read_memarg(r, &out->mem));
  if (imm < IMM_L0) return LW_OK;
  TRY(lw_read_byte(r, &lane));
  out->x = lane;
  return LW_OK;
}

static Status read_byte(Reader *r, uint32_t *out)
{
  uint8_t byte;
  TRY(lw_read_byte(r, &byte));
  *out = byte;
  return LW_OK;
}

Status lw_instr_read(Reader *r, uint64_t features, Instr *out)
{
  *out = (Instr){.at = lw_reader_at(r)};
  TRY(lw_opcode_read(r, features, &out->op));
  Imm imm = (Imm)lw_op_info[out->op].imm;
  switch (imm) { /* dispatch */
  case IMM_NONE: return LW_OK;
  case IMM_BLOCK: return lw_read_blocktype(r, features, &out->block);
  case IMM_LABELS: return skip_labels(r, out);
  case IMM_M0:
  case IMM_M1:
  case IMM_M2:
  case IMM_M3:
  case IMM_M4:
  case IMM_L0:
  case IMM_L1:
  case IMM_L2:
  case IMM_L3: return read_memarg(r, imm, out);
  case IMM_LANE:
  case IMM_FENCE: return read_byte(r, &out->x);
  case IMM_LANES16:
  case IMM_V128: return lw_read_bytes(r, 16, &out->raw);
  case IMM_I32:
  case IMM_I64:
  case IMM_F32:
  case IMM_F64: return read_const(r, imm, out);
  case IMM_HEAP:
  case IMM_CAST: return read_heap(r, features, out);
  case IMM_SELECT_T: return skip_select_types(r, features, out);
  case IMM_TRY_TABLE: return skip_catches(r, features, out);
  case IMM_BR_CAST: return read_br_cast(r, features, out);
  case IMM_LABEL:
  case IMM_FUNC:
  case IMM_TYPE:
  case IMM_LOCAL:
  case IMM_GLOBAL:
  case IMM_TABLE:
  case IMM_MEM:
  case IMM_DATA:
  case IMM_ELEM:
  case IMM_TAG:
  case IMM_CATCH:
  case IMM_DELEGATE:
  case IMM_RETHROW: return lw_leb_u32(r, &out->x);
  case IMM_CALL_INDIRECT:
  case IMM_MEM_INIT:
  case IMM_MEM_COPY:
  case IMM_TABLE_INIT:
  case IMM_TABLE_COPY:
  case IMM_FIELD:
  case IMM_TYPE_TYPE:
  case IMM_ARRAY_N:
  case IMM_ARRAY_DATA:
  case IMM_ARRAY_ELEM: TRY(lw_leb_u32(r, &out->x)); return lw_leb_u32(r, &out->y);
  case IMM__MAX: break;
  }
  assert(!"an immediate without a case");
  return LW_OK;
}

Status lw_instr_skip_expr(Reader *r, uint64_t features)
{
  /* Depth only: which frame an inner `else` belongs to is for the validator to say. */
  for (uint64_t depth = 1; depth > 0;) {
    Instr in;
    TRY(lw_instr_read(r, features, &in));
    switch (in.op) {
    case OP_BLOCK:
    case OP_LOOP:
    case OP_IF:
    case OP_TRY:
    case OP_TRY_TABLE: depth++; break;
    case OP_ELSE:
    case OP_CATCH:
    case OP_CATCH_ALL:
      if (depth == 1)
        return lw_fail(r->err, LW_MALFORMED, in.at, "END opcode expected, found %s",
                       lw_op_info[in.op].text);
      break;
    case OP_END:
    case OP_DELEGATE: depth--; break;
    default: break;
    }
  }
  return LW_OK;
}

/*
** enc.c -- prefixes, ModRM, SIB, displacement: in that order, once.
** Layer: jit.
*/
#include "jit/x64/enc.h"

#include <string.h>

_Static_assert(X_F64(X_ADDSS) == X_ADDSD && X_F64(X_UCOMISS) == X_UCOMISD &&
                 X_F64(X_CVTSS2SD) == X_CVTSD2SS && X_F64(X_MOVSS_ST) == X_MOVSD_ST &&
                 X_F64(X_CVTTSS2SI) == X_CVTTSD2SI && X_F64(X_SQRTSS) == X_SQRTSD,
               "the f64 row is the f32 row with the next prefix");

bool lw_enc_begin(Enc *e, Arena *arena, uint32_t expected)
{
  *e = (Enc){.arena = arena, .cap = expected < 256 ? 256 : expected};
  e->buf = ARENA_RAW(arena, uint8_t, e->cap);
  return e->buf != NULL;
}

void lw_enc_grow(Enc *e)
{
  assert(e->cap >= ENC_LONGEST);
  uint8_t *buf = NULL;
  if (!e->failed && e->cap <= UINT32_MAX / 2)
    buf = lw_arena_grow(e->arena, e->buf, e->cap, (size_t)e->cap * 2);
  if (!buf) {
    e->failed = true;
    e->size = 0;
    return;
  }
  e->buf = buf;
  e->cap *= 2;
}

/* Where the next instruction goes: ENC_LONGEST bytes are free there. */
static inline uint8_t *start(Enc *e)
{
  if (e->cap - e->size < ENC_LONGEST) lw_enc_grow(e);
  return e->buf + e->size;
}

static inline void finish(Enc *e, const uint8_t *p)
{
  e->size = (uint32_t)(p - e->buf);
  assert(e->size <= e->cap);
}

static inline uint8_t *put32(uint8_t *p, uint32_t v)
{
  memcpy(p, &v, 4);
  return p + 4;
}

/* Prefix, REX, escape bytes and opcode. `byte_reg`: spl bpl sil dil need an empty REX.
   Each is written, and written over unless it is wanted: nobody could predict branches.
 */
static inline uint8_t *put_op(uint8_t *p, uint32_t op, int w, unsigned reg,
                              unsigned index, unsigned base, bool byte_reg)
{
  static const uint8_t prefixes[4] = {0, 0x66, 0xf3, 0xf2};
  static const uint8_t maps[4] = {0, 0, 0x38, 0x3a};
  unsigned prefix = op >> XB_PREFIX & 3, map = op >> XB_MAP & 3;
  *p = prefixes[prefix];
  p += prefix != 0;
  unsigned rex = (unsigned)(w | (op & XF_W ? 1 : 0)) << 3 | (reg >> 3 & 1) << 2 |
                 (index >> 3 & 1) << 1 | (base >> 3 & 1);
  *p = (uint8_t)(0x40 | rex);
  p += (rex != 0) | byte_reg;
  *p = 0x0f;
  p += map != 0;
  *p = maps[map];
  p += map > 1;
  *p++ = (uint8_t)op;
  return p;
}

static inline bool needs_rex(unsigned byte_reg)
{
  return (byte_reg & 15) >= RSP && (byte_reg & 15) <= RDI;
}

/* ModRM, SIB and displacement of a memory operand. */
static uint8_t *put_mem(uint8_t *p, unsigned reg, Mem m)
{
  reg = (reg & 7) << 3;
  if (m.base == MEM_RIP) {
    assert(m.index == MEM_NO_INDEX);
    *p++ = (uint8_t)(reg | 5);
    return put32(p, (uint32_t)m.disp);
  }
  static const uint8_t disp_bytes[3] = {0, 1, 4};
  unsigned base = m.base & 7;
  unsigned wide = m.disp < -128 || m.disp > 127;
  unsigned any = m.disp != 0 || base == RBP; /* rbp and r13 have no form without */
  unsigned mod = (any + wide) << 6;
  if (m.index != MEM_NO_INDEX) {
    assert(m.index != RSP && m.index < 16 && m.scale <= 3);
    *p++ = (uint8_t)(mod | reg | 4);
    *p++ = (uint8_t)((unsigned)m.scale << 6 | (m.index & 7u) << 3 | base);
  } else if (base == RSP) { /* rsp and r12 only exist with a SIB byte */
    *p++ = (uint8_t)(mod | reg | 4);
    *p++ = 0x24;
  } else {
    *p++ = (uint8_t)(mod | reg | base);
  }
  (void)put32(p, (uint32_t)m.disp);
  return p + disp_bytes[mod >> 6];
}

static inline unsigned mem_base(Mem m)
{
  return m.base == MEM_RIP ? 0 : m.base;
}
static inline unsigned mem_idx(Mem m)
{
  return m.index == MEM_NO_INDEX ? 0 : m.index;
}

static inline void modrm_rr(Enc *e, uint32_t op, int w, unsigned reg, unsigned rm)
{
  bool byte = (op & XF_BR && needs_rex(reg)) || (op & XF_BM && needs_rex(rm));
  uint8_t *p = put_op(start(e), op, w, reg, 0, rm, byte);
  *p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
  finish(e, p);
}

static inline void modrm_rm(Enc *e, uint32_t op, int w, unsigned reg, Mem m)
{
  bool byte = op & XF_BR && needs_rex(reg);
  uint8_t *p = put_op(start(e), op, w, reg, mem_idx(m), mem_base(m), byte);
  finish(e, put_mem(p, reg, m));
}

void lw_enc_rr(Enc *e, XOp op, int w, unsigned reg, unsigned rm)
{
  assert(op >> XB_DIGIT == 0 && "this row has a digit: lw_enc_r");
  modrm_rr(e, op, w, reg, rm);
}

void lw_enc_rm(Enc *e, XOp op, int w, unsigned reg, Mem m)
{
  assert(op >> XB_DIGIT == 0 && "this row has a digit: lw_enc_m");
  modrm_rm(e, op, w, reg, m);
}

void lw_enc_r(Enc *e, XOp op, int w, unsigned rm)
{
  modrm_rr(e, op, w, op >> XB_DIGIT, rm);
}

void lw_enc_m(Enc *e, XOp op, int w, Mem m)
{
  modrm_rm(e, op, w, op >> XB_DIGIT, m);
}

/* The three-byte VEX prefix: register bits and v are stored inverted. */
static uint8_t *put_vex(uint8_t *p, uint32_t op, int w, unsigned reg, unsigned index,
                        unsigned base, unsigned v)
{
  *p++ = 0xc4;
  *p++ = (uint8_t)((~reg >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~base >> 3 & 1) << 5 |
                   (op >> XB_MAP & 3));
  *p++ = (uint8_t)((unsigned)w << 7 | (~v & 15) << 3 | (op >> XB_PREFIX & 3));
  *p++ = (uint8_t)op;
  return p;
}

void lw_enc_vex_rr(Enc *e, XOp op, int w, unsigned reg, unsigned rm, unsigned v)
{
  uint8_t *p = put_vex(start(e), op, w, reg, 0, rm, v);
  *p++ = (uint8_t)(0xc0 | (reg & 7) << 3 | (rm & 7));
  finish(e, p);
}

void lw_enc_vex_r(Enc *e, XOp op, unsigned dst, unsigned rm)
{
  lw_enc_vex_rr(e, op, 0, op >> XB_DIGIT & 7, rm, dst);
}

void lw_enc_vex_rm(Enc *e, XOp op, int w, unsigned reg, Mem m, unsigned v)
{
  uint8_t *p = put_vex(start(e), op, w, reg, mem_idx(m), mem_base(m), v);
  finish(e, put_mem(p, reg, m));
}

void lw_enc_8(Enc *e, unsigned value)
{
  uint8_t *p = start(e);
  *p++ = (uint8_t)value;
  finish(e, p);
}

void lw_enc_16(Enc *e, unsigned value)
{
  lw_enc_8(e, value);
  lw_enc_8(e, value >> 8);
}

void lw_enc_32(Enc *e, uint32_t value)
{
  finish(e, put32(start(e), value));
}

void lw_enc_64(Enc *e, uint64_t value)
{
  finish(e, put32(put32(start(e), (uint32_t)value), (uint32_t)(value >> 32)));
}

/* Group 1: op is 00 ddd 011 for `reg, r/m`, and ddd is the digit of 80..83. */
static inline XOp group1(XOp op, bool short_imm)
{
  assert((op & 0xc7) == 0x03 && op >> 8 == 0 && "not an rm row of group 1");
  return (XOp)((short_imm ? 0x83u : 0x81u) | (op >> 3 & 7u) << XB_DIGIT);
}

static inline void put_imm(Enc *e, bool short_imm, int32_t imm)
{
  if (short_imm)
    lw_enc_8(e, (unsigned)imm);
  else
    lw_enc_32(e, (uint32_t)imm);
}

void lw_enc_alu_ri(Enc *e, XOp op, int w, unsigned rm, int32_t imm)
{
  bool short_imm = imm >= -128 && imm <= 127;
  lw_enc_r(e, group1(op, short_imm), w, rm);
  put_imm(e, short_imm, imm);
}

void lw_enc_alu_mi(Enc *e, XOp op, int w, Mem m, int32_t imm)
{
  assert(m.base != MEM_RIP && "its displacement would not count the immediate");
  bool short_imm = imm >= -128 && imm <= 127;
  lw_enc_m(e, group1(op, short_imm), w, m);
  put_imm(e, short_imm, imm);
}

void lw_enc_mov_ri(Enc *e, unsigned reg, uint64_t value)
{
  if (value > UINT32_MAX && (int64_t)value >= INT32_MIN && (int64_t)value < 0) {
    lw_enc_r(e, X_MOV_D, 1, reg);
    lw_enc_32(e, (uint32_t)value);
    return;
  }
  bool wide = value > UINT32_MAX;
  uint8_t *p = start(e);
  if (wide || reg & 8) *p++ = (uint8_t)(0x40 | (wide ? 8 : 0) | (reg >> 3 & 1));
  *p++ = (uint8_t)(0xb8 | (reg & 7));
  p = put32(p, (uint32_t)value);
  if (wide) p = put32(p, (uint32_t)(value >> 32));
  finish(e, p);
}

/* One opcode byte with the register in its low bits. */
static void opcode_reg(Enc *e, unsigned opcode, unsigned reg)
{
  uint8_t *p = start(e);
  if (reg & 8) *p++ = 0x41;
  *p++ = (uint8_t)(opcode | (reg & 7));
  finish(e, p);
}

void lw_enc_push(Enc *e, unsigned reg)
{
  opcode_reg(e, 0x50, reg);
}
void lw_enc_pop(Enc *e, unsigned reg)
{
  opcode_reg(e, 0x58, reg);
}

void lw_enc_setcc(Enc *e, unsigned cc, unsigned reg)
{
  assert(cc <= CC_G);
  modrm_rr(e, (0x90 | cc) | 1 << XB_MAP | XF_BM, 0, 0, reg);
}

void lw_enc_cmov_rr(Enc *e, unsigned cc, int w, unsigned reg, unsigned rm)
{
  assert(cc <= CC_G);
  modrm_rr(e, (0x40 | cc) | 1 << XB_MAP, w, reg, rm);
}

void lw_enc_cmov_rm(Enc *e, unsigned cc, int w, unsigned reg, Mem m)
{
  assert(cc <= CC_G);
  modrm_rm(e, (0x40 | cc) | 1 << XB_MAP, w, reg, m);
}

void lw_enc_cdq(Enc *e, int w)
{
  if (w) lw_enc_8(e, 0x48);
  lw_enc_8(e, 0x99);
}

void lw_enc_ret(Enc *e, unsigned pop_bytes)
{
  assert(pop_bytes <= UINT16_MAX);
  lw_enc_8(e, pop_bytes ? 0xc2 : 0xc3);
  if (pop_bytes) lw_enc_16(e, pop_bytes);
}

void lw_enc_leave(Enc *e)
{
  lw_enc_8(e, 0xc9);
}
void lw_enc_ud2(Enc *e)
{
  lw_enc_16(e, 0x0b0f);
}

static uint32_t branch32(Enc *e, unsigned opcode)
{
  uint8_t *p = start(e);
  if (opcode > 0xff) *p++ = 0x0f;
  *p++ = (uint8_t)opcode;
  finish(e, put32(p, 0));
  return e->size - 4;
}

static uint32_t branch8(Enc *e, unsigned opcode)
{
  uint8_t *p = start(e);
  *p++ = (uint8_t)opcode;
  *p++ = 0;
  finish(e, p);
  return e->size - 1;
}

uint32_t lw_enc_jmp32(Enc *e)
{
  return branch32(e, 0xe9);
}
uint32_t lw_enc_call32(Enc *e)
{
  return branch32(e, 0xe8);
}
uint32_t lw_enc_jmp8(Enc *e)
{
  return branch8(e, 0xeb);
}

uint32_t lw_enc_jcc32(Enc *e, unsigned cc)
{
  assert(cc <= CC_G);
  return branch32(e, 0x0f80 | cc);
}

uint32_t lw_enc_jcc8(Enc *e, unsigned cc)
{
  assert(cc <= CC_G);
  return branch8(e, 0x70 | cc);
}

void lw_enc_patch32(Enc *e, uint32_t at, uint32_t target)
{
  assert(e->failed || at + 4 <= e->size);
  put32(e->buf + at, target - (at + 4));
}

void lw_enc_patch8(Enc *e, uint32_t at, uint32_t target)
{
  int32_t d = (int32_t)(target - (at + 1));
  assert(e->failed || (d >= -128 && d <= 127 && at < e->size));
  e->buf[at] = (uint8_t)d;
}

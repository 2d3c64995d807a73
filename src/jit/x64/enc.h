/*
** enc.h -- x86-64 instructions as bytes.
**
** An XOp names an instruction of enc.def and holds all its fixed bits; the functions here
** add operands. They are named by operand form, and know nothing of what the instruction
** does. Registers are machine numbers; only the low four bits of a number count, so a
** vector Loc (16..31) may be given as it is.
** Invariants: `w` is 0 or 1, REX.W; after a failed allocation `failed` is set and bytes
** go to the buffer's start, so that callers check once, at the end.
** Layer: jit.
*/
#ifndef LW_X64_ENC_H
#define LW_X64_ENC_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* clang-format off */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Condition codes; the lowest bit negates. The last two are for equality of floats and
   take two jumps. */
enum {
  CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A,
  CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G,
  CC_FEQ, /* equal and ordered */
  CC_FNE  /* different or unordered */
};
/* clang-format on */

/* The bits of an XOp: opcode 0-7, map 8-9, prefix 10-11, then as follows. */
enum {
  XB_MAP = 8,
  XB_PREFIX = 10,
  XF_W = 1 << 12,
  XF_BR = 1 << 13,
  XF_BM = 1 << 14,
  XB_DIGIT = 16
};
/* The f64 form of an instruction whose f32 form is `op`. */
#define X_F64(op) ((XOp)((op) + (1 << XB_PREFIX)))

typedef enum {
#define W  XF_W
#define BR XF_BR
#define BM XF_BM
#define V3 0
#define V2 0
#define ENC(name, pfx, map, opcode, digit, flags, form, text)                            \
  X_##name =                                                                             \
    (opcode) | (map) << XB_MAP | (pfx) << XB_PREFIX | (digit) << XB_DIGIT | (flags),
#include "jit/x64/enc.def"
#undef W
#undef BR
#undef BM
#undef V3
#undef V2
  X__NONE = 0
} XOp;

/* A memory operand: [base + (index << scale) + disp]. */
typedef struct Mem {
  uint8_t base;  /* register, or MEM_RIP: disp counts from the instruction's end */
  uint8_t index; /* register, not rsp; or MEM_NO_INDEX */
  uint8_t scale; /* 0..3 */
  int32_t disp;
} Mem;
enum { MEM_NO_INDEX = 0xff, MEM_RIP = 0xfe };

static inline Mem mem_at(unsigned base, int32_t disp)
{
  return (Mem){(uint8_t)base, MEM_NO_INDEX, 0, disp};
}
static inline Mem mem_index(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
  return (Mem){(uint8_t)base, (uint8_t)index, (uint8_t)scale, disp};
}
static inline Mem mem_rip(int32_t disp)
{
  return (Mem){MEM_RIP, MEM_NO_INDEX, 0, disp};
}

typedef struct Enc {
  uint8_t *buf;
  uint32_t size, cap;
  Arena *arena;
  bool failed;
} Enc;

enum { ENC_LONGEST = 16 }; /* bytes kept free before each instruction */

/* False: out of memory (nothing to undo). `expected` is a first guess at the size. */
bool lw_enc_begin(Enc *e, Arena *arena, uint32_t expected);
void lw_enc_grow(Enc *e);

/* One ModRM instruction: `reg` and r/m are registers, or r/m is memory. */
void lw_enc_rr(Enc *e, XOp op, int w, unsigned reg, unsigned rm);
void lw_enc_rm(Enc *e, XOp op, int w, unsigned reg, Mem m);
/* The same with ModRM.reg = the row's digit. */
void lw_enc_r(Enc *e, XOp op, int w, unsigned rm);
void lw_enc_m(Enc *e, XOp op, int w, Mem m);
/* VEX-encoded, three operands: reg, r/m, v. (XOp rows of form rmv; vb with v = 0) */
void lw_enc_vex_rr(Enc *e, XOp op, int w, unsigned reg, unsigned rm, unsigned v);
void lw_enc_vex_r(Enc *e, XOp op, unsigned dst, unsigned rm); /* of a form with a digit */
void lw_enc_vex_rm(Enc *e, XOp op, int w, unsigned reg, Mem m, unsigned v);

/* Raw bytes: immediates behind one of the above, tables, constants. */
void lw_enc_8(Enc *e, unsigned value);
void lw_enc_16(Enc *e, unsigned value);
void lw_enc_32(Enc *e, uint32_t value);
void lw_enc_64(Enc *e, uint64_t value);

/* ADD OR AND SUB XOR CMP with an immediate, in the shortest form; `op` is the rm row. */
void lw_enc_alu_ri(Enc *e, XOp op, int w, unsigned rm, int32_t imm);
void lw_enc_alu_mi(Enc *e, XOp op, int w, Mem m, int32_t imm);
/* mov reg, value; the flags stay as they are. */
void lw_enc_mov_ri(Enc *e, unsigned reg, uint64_t value);

void lw_enc_push(Enc *e, unsigned reg);
void lw_enc_pop(Enc *e, unsigned reg);
void lw_enc_setcc(Enc *e, unsigned cc, unsigned reg);
void lw_enc_cmov_rr(Enc *e, unsigned cc, int w, unsigned reg, unsigned rm);
void lw_enc_cmov_rm(Enc *e, unsigned cc, int w, unsigned reg, Mem m);
void lw_enc_cdq(Enc *e, int w); /* cdq or cqo */
void lw_enc_ret(Enc *e, unsigned pop_bytes);
void lw_enc_leave(Enc *e);
void lw_enc_ud2(Enc *e);

/* Branches. These return the offset of the field, whose value is 0 for now. */
uint32_t lw_enc_jmp32(Enc *e);
uint32_t lw_enc_jcc32(Enc *e, unsigned cc);
uint32_t lw_enc_call32(Enc *e);
uint32_t lw_enc_jmp8(Enc *e);
uint32_t lw_enc_jcc8(Enc *e, unsigned cc);
/* Point a field at `target`, an offset in the buffer. */
void lw_enc_patch32(Enc *e, uint32_t at, uint32_t target);
void lw_enc_patch8(Enc *e, uint32_t at, uint32_t target);
/* Point a short branch at the next instruction. */
static inline void lw_enc_here8(Enc *e, uint32_t at)
{
  lw_enc_patch8(e, at, e->size);
}

#endif

/*
** isel.h -- the rows of isel.def: what x86-64 makes of each IR operation.
** Layer: jit.
*/
#ifndef LW_X64_ISEL_H
#define LW_X64_ISEL_H

#include "base/cpu.h"
#include "jit/target.h"
#include "jit/x64/enc.h"
#include "wasm/ops.h"

/* clang-format off */
/* Forms that share their constraints and their code. `extra` in brackets. */
typedef enum {
  FORM_NONE,
  FORM_ADD,      /* add or lea */
  FORM_ALU,      /* dst op= b */
  FORM_IMUL,
  FORM_DIV,      /* [DIV_*] through rax and rdx */
  FORM_MULH,     /* the same, the upper half */
  FORM_SHIFT,    /* [the BMI2 form, if there is one] */
  FORM_COUNT,    /* [the CPU feature] */
  FORM_MOVX,     /* [MOVX_BY_TYPE: REX.W for i64] dst = extension of a */
  FORM_CMP,      /* [condition] */
  FORM_EQZ,      /* [condition] */
  FORM_SSE2,     /* dst op= b */
  FORM_SSE1,     /* [SSE1_EXACT: op is not the f32 form] dst = op a */
  FORM_MINMAX,   /* [what to do with equal operands] */
  FORM_COPYSIGN,
  FORM_SIGN,     /* [0 abs, 1 neg] */
  FORM_ROUND,    /* [the rounding mode] */
  FORM_FCMP,     /* [condition; FCMP_SWAP: of b and a] */
  FORM_TRUNC,    /* [TRUNC_*] */
  FORM_CONVERT,  /* [CONVERT_SIGNED] */
  FORM_BITCAST,
  FORM_SELECT,
  FORM_VECTOR,   /* simd.def says more */
  FORM_LANE,
  FORM_LOAD,
  FORM_STORE,
  FORM_ATOMIC_CHECK,
  FORM_ATOMIC_LOAD,
  FORM_ATOMIC_STORE,
  FORM_ATOMIC_RMW,
  FORM_ATOMIC_CAS,
  FORM_FENCE,
  FORM_OBJ_LOAD,
  FORM_OBJ_STORE,
  FORM_ELEM_LOAD,
  FORM_ELEM_STORE,
  FORM_CHECK_INDEX,
  FORM_REF_TEST,
  FORM_GET,      /* global, local in a slot */
  FORM_SET,
  FORM_SIZE,     /* memory, table */
  FORM_TABLE_GET,
  FORM_TABLE_SET,
  FORM_FUNC_REF,
  FORM_CHECK_NULL,
  FORM_CHECK_SIG,
  FORM_POLL,
  FORM_FUEL,
  FORM_HELPER,
  FORM_CALL,
  FORM_ARG,
  FORM_RESULT,
  FORM_JUMP,
  FORM_BRIF,
  FORM_BRTABLE,
  FORM_RETURN,
  FORM_TAIL,
  FORM_TRY,
  FORM_LANDING,
  FORM_TRAP
} Form;
/* clang-format on */

/*
** Ins.aux of arithmetic that has taken another instruction in (fuse.c), in its low byte:
** b is the address of a load, c its offset, the high byte its memory; or b is scaled by
** 1 << the high byte; or all bits of b are inverted.
*/
enum { FUSE_LOAD = 1, FUSE_SCALE = 2, FUSE_NOT = 3, FUSE_HOW = 0xff };
static inline bool isel_fused(const Ins *ins, unsigned how)
{
  return (ins->aux & FUSE_HOW) == how;
}

enum { DIV_SIGNED = 1, DIV_REM = 2 };
enum { MOVX_BY_TYPE = 1 };
enum { SSE1_EXACT = 1 };
enum { FCMP_SWAP = 0x100, FCMP_CC = 0xff };
enum { TRUNC_SIGNED = 1, TRUNC_SAT = 2 };
enum { CONVERT_SIGNED = 1 };

typedef struct Row {
  uint8_t form; /* Form */
  XOp op;
  uint32_t extra;
} Row;

/* The row of an instruction: the second half of the table for floats. */
extern const Row lw_x64_rows[IR__MAX][2];
static inline const Row *isel_row(const Ins *ins)
{
  return &lw_x64_rows[ins->op][lw_val_is_float(ins->type)];
}

/* The sequences of simd.def: plain ones, integers, lanes and bits, floats. */
/* clang-format off */
typedef enum {
  VFORM_NONE,
  VFORM_BIN, VFORM_BINI, VFORM_UN, VFORM_UNI,
  VFORM_NEG, VFORM_CMPU, VFORM_GTQ, VFORM_ABSQ, VFORM_MULQ, VFORM_Q15, VFORM_POPCNT,
  VFORM_HIGH, VFORM_EXTMUL, VFORM_EXTMULQ, VFORM_PAIR8, VFORM_PAIR16, VFORM_PAIR16U,
  VFORM_DOT_ADD, VFORM_SHIFT, VFORM_SARQ, VFORM_SHIFT8,
  VFORM_NOT, VFORM_SELECT, VFORM_ANY_TRUE, VFORM_ALL_TRUE, VFORM_MASK, VFORM_MASK16,
  VFORM_SWIZZLE, VFORM_SHUFFLE, VFORM_SPLAT8, VFORM_SPLAT16, VFORM_SPLAT, VFORM_EXTRACT,
  VFORM_REPLACE, VFORM_FEXTRACT, VFORM_FREPLACE,
  VFORM_FMIN, VFORM_FMAX, VFORM_FABS, VFORM_MADD, VFORM_CVTU32, VFORM_CVTU64,
  VFORM_TRUNC32, VFORM_TRUNC32U, VFORM_TRUNC64, VFORM_TRUNC64U
} VForm;
/* clang-format on */
enum { VEC_SWAP = 0x100, VEC_NOT = 0x200 };

typedef struct VecRow {
  uint8_t form; /* VForm */
  XOp x1, x2;
  uint32_t extra;
} VecRow;

extern const VecRow lw_x64_vecs[]; /* from OP_V128_LOAD on */
static inline const VecRow *isel_vec(const Ins *ins)
{
  assert(ins->aux >= OP_V128_LOAD);
  return &lw_x64_vecs[ins->aux - OP_V128_LOAD];
}

/* REX.W for a value of this type. */
static inline int isel_w(unsigned type)
{
  return type == VAL_I64 || type == VAL_F64 || type == VAL_REF;
}
/* The instruction for this float type, when `op` is the f32 form. */
static inline XOp isel_f(XOp op, unsigned type)
{
  assert(type == VAL_F32 || type == VAL_F64);
  return type == VAL_F64 ? X_F64(op) : op;
}
/* Does the constant fit the sign-extended 32-bit immediate of an instruction? */
static inline bool isel_imm32(const Kon *k)
{
  if (k->type == VAL_V128) return false;
  return k->type == VAL_I32 || k->type == VAL_F32 || (int64_t)k->bits == (int32_t)k->bits;
}
/* An immediate of which the negative one is one, too. */
static inline bool isel_negatable(const Kon *k)
{
  return (uint32_t)k->bits != (uint32_t)INT32_MIN;
}
/* Is the address of a memory access a constant that fits its displacement? */
bool lw_isel_kon_address(const Selection *sel, const Ins *ins);
/* Is a call through a cell made as one within the instance, if it turns out to be one? */
bool lw_isel_cell_near(const Func *f, const Ins *ins);
/* A shift or rotation that needs neither rcx nor a copy. */
static inline bool isel_shift_bmi2(const Row *row, bool by_kon)
{
  if ((lw_cpu_features() & CPU_BMI2) == 0) return false;
  return by_kon ? row->extra == 0 : row->extra != 0;
}

#endif

/*
** isel.h -- the rows of isel.def: what x86-64 makes of each IR operation.
** Layer: jit.
*/
#ifndef LW_X64_ISEL_H
#define LW_X64_ISEL_H

#include "base/cpu.h"
#include "jit/target.h"
#include "jit/x64/enc.h"

/* clang-format off */
/* Forms that share their constraints and their code. `extra` in brackets. */
typedef enum {
  FORM_NONE,
  FORM_ADD,      /* add or lea */
  FORM_ALU,      /* dst op= b */
  FORM_IMUL,
  FORM_DIV,      /* [DIV_*] through rax and rdx */
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
  FORM_LOAD,
  FORM_STORE,
  FORM_GET,      /* global, local in a slot */
  FORM_SET,
  FORM_SIZE,     /* memory, table */
  FORM_TABLE_GET,
  FORM_TABLE_SET,
  FORM_FUNC_REF,
  FORM_CHECK_SIG,
  FORM_POLL,
  FORM_HELPER,
  FORM_CALL,
  FORM_ARG,
  FORM_RESULT,
  FORM_JUMP,
  FORM_BRIF,
  FORM_BRTABLE,
  FORM_RETURN,
  FORM_TRAP
} Form;
/* clang-format on */

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
  return k->type == VAL_I32 || k->type == VAL_F32 || (int64_t)k->bits == (int32_t)k->bits;
}
/* Is the address of a memory access a constant that fits its displacement? */
bool lw_isel_kon_address(const Selection *sel, const Ins *ins);
/* A shift or rotation that needs neither rcx nor a copy. */
static inline bool isel_shift_bmi2(const Row *row, bool by_kon)
{
  if ((lw_cpu_features() & CPU_BMI2) == 0) return false;
  return by_kon ? row->extra == 0 : row->extra != 0;
}

#endif

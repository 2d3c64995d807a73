/*
** constexpr.h -- constant expressions: offsets of segments, initial values of globals.
**
** The module keeps them as byte spans. Decoding only finds their end; here they are
** checked, and stepped through by whoever evaluates them (the run time, with a stack of
** LIMIT_CONST_STACK values at most).
** Standard, section 3.3.13, with the extended constant expressions of 3.0: integer
** addition, subtraction and multiplication, any earlier immutable global, and new
** structs, arrays and i31 references.
** Layer: wasm.
*/
#ifndef LW_CONSTEXPR_H
#define LW_CONSTEXPR_H

#include "wasm/leb.h"
#include "wasm/module.h"
#include "wasm/ops.h"

typedef struct ConstOp {
  Opcode op;
  uint32_t index;     /* global.get, ref.func; the type of struct.new and its like */
  uint32_t count;     /* array.new_fixed */
  uint64_t bits;      /* constants; i32 and f32 zero-extended */
  const uint8_t *raw; /* v128.const: 16 bytes */
  ValType type;       /* ref.null: the nullable reference */
  uint64_t at;        /* offset in the module */
} ConstOp;

/* A Reader at the start of an expression of `m`. */
Reader lw_constexpr_reader(const Module *m, Span expr, Err *err);
/*
** Read the next operator; the last one is OP_END. LW_INVALID "constant expression
** required" for operators that are none; in a validated module it cannot fail.
*/
Status lw_constexpr_next(Reader *r, uint64_t features, ConstOp *out);

/* Check that `expr` is constant, uses only the first `nglobals` globals, and leaves one
   value of type `want`. */
Status lw_constexpr_check(const Module *m, Span expr, ValType want, uint32_t nglobals,
                          Err *err);

#endif

/*
** complain.h -- the sentences about code that does not validate.
**
** Shared by function bodies and constant expressions, and out of line on purpose: the
** template of body.h is expanded twice and wants its hot paths short. The texts begin
** with the wording of the official suite; what follows the colon is ours.
** All return the Status they fill `err` with.
** Layer: wasm.
*/
#ifndef LW_COMPLAIN_H
#define LW_COMPLAIN_H

#include "wasm/module.h"
#include "wasm/ops.h"

/* LW_INVALID "type mismatch: instruction requires [i32] but stack has [f32]: i32.add";
   VAL_NONE: nothing there. */
Status lw_bad_operand(Opcode op, ValType want, ValType got, uint64_t at, Err *err);
/* LW_INVALID "type mismatch: `why`", prefixed with the operator's name. */
Status lw_bad_type(Opcode op, const char *why, uint64_t at, Err *err);
/* LW_INVALID "type mismatch: block requires [] but stack has [i32]: at the end of block":
   n operands too many, besides the block's results. */
Status lw_bad_height(Opcode op, const ValType *extra, uint32_t n, uint64_t at, Err *err);
/* LW_INVALID "unknown local 7" */
Status lw_bad_index(const char *space, uint64_t index, uint64_t at, Err *err);
/* A body whose bytes end before its last `end`. LW_MALFORMED; the wording depends on
   what follows, as in the suite, where decoders read on. */
Status lw_bad_body_end(const Module *m, Span body, Err *err);
/* An `else` outside an `if`. LW_MALFORMED. */
Status lw_bad_else(uint64_t at, Err *err);
/* Too many types of lists had to be compared one by one. LW_LIMIT. */
Status lw_bad_matches(uint64_t at, Err *err);

#endif

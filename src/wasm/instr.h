/*
** instr.h -- one operator and its immediates, without any types.
**
** Enough to walk over code that is not to be checked: to find the end of a constant
** expression, to skim a body, to list one. The validator does not come this way: it
** reads immediates itself, since there speed counts (wasm/body.h).
** Layer: wasm.
*/
#ifndef LW_INSTR_H
#define LW_INSTR_H

#include "wasm/binary.h"

typedef struct Instr {
  Opcode op;
  uint64_t at;      /* offset of the operator */
  uint32_t x, y, z; /* indexes, labels, counts, lane: in the order of the binary format */
  uint64_t bits;    /* constants; i32 and f32 zero-extended */
  MemArg mem;       /* IMM_M*, IMM_L* */
  BlockType block;  /* IMM_BLOCK, IMM_TRY_TABLE */
  ValType type;     /* IMM_HEAP: the nullable reference; IMM_SELECT_T: the last type */
  const uint8_t *raw; /* IMM_V128, IMM_LANES16: 16 bytes; IMM_LABELS: x + 1 labels */
} Instr;

/*
** Read the operator's code. LW_MALFORMED "illegal opcode ..." for codes that no proposal
** has, LW_UNSUPPORTED for those of a feature that is missing.
*/
Status lw_opcode_read(Reader *r, uint64_t features, Opcode *out);
/* Read one operator with its immediates. */
Status lw_instr_read(Reader *r, uint64_t features, Instr *out);
/*
** Walk over an expression to behind its `end`. "END opcode expected" where an `else`
** stands in its place.
*/
Status lw_instr_skip_expr(Reader *r, uint64_t features);

#endif

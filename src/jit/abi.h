/*
** abi.h -- where arguments and results of a wasm function are.
**
** Parameters in order: the first 8 integers and references in integer registers, the
** first 8 floats and vectors in vector registers, the others in the overflow area: 16
** bytes each, in order, the first one lowest, at rsp just before the call. The callee
** pops the area (so every tail call is uniform). Results likewise: 8 + 8 registers; when
** some do not fit, the caller passes a pointer to a result area (16 bytes each, in order)
** as a hidden first integer parameter, and the callee stores the rest there.
** rsp is a multiple of 16 before the call instruction.
** Register numbers here are positions 0..7 in the target's lists (x86-64: rax rcx rdx
** rsi rdi r8 r9 r10; xmm0..xmm7), not machine numbers.
** Layer: jit.
*/
#ifndef LW_ABI_H
#define LW_ABI_H

#include "wasm/types.h"

enum { ABI_REGS = 8, ABI_FEW = 4 };
typedef enum { ABI_GPR, ABI_FPR, ABI_STACK } AbiClass;
typedef struct AbiLoc {
  uint8_t cls;    /* AbiClass */
  uint16_t index; /* register position, or number of the overflow cell */
} AbiLoc;

typedef struct Abi {
  bool result_area;       /* a hidden pointer is in integer register 0 */
  uint16_t nstack_params; /* overflow cells popped by the callee */
  uint16_t nstack_results;
  uint8_t has_float; /* any vector register in use by parameters or results */
  uint8_t
    has_many; /* more than ABI_FEW integer registers for parameters, or 1 for results */
} Abi;

/* Walks the types; params/results get nparams/nresults entries (either may be NULL). */
Abi lw_abi_assign(const FuncType *t, AbiLoc *params, AbiLoc *results);

#endif

/*
** layout.h -- all that machine code knows about run-time structures.
**
** Only #defines, so that the hand-written assembly includes it as well. The run time
** (rt/) asserts every one of them beside the structure it describes.
**
** Registers of machine code (x86-64): r14 = the running Instance, r15 = base of its
** memory 0, rbp = frame, r11 and xmm15 = scratch.
** Layer: jit.
*/
#ifndef LW_LAYOUT_H
#define LW_LAYOUT_H

/* Tables, read by the assembler too. */
/* clang-format off */
/* VmCtx: what r14 points to; the common head of Instance and HostFunc */
#define VMCTX_POLL     0  /* -> poll page of the Store: a load from it may end the call */
#define POLL_WORD      2176 /* it points there: lines at a page's start have many users */
#define VMCTX_STORE    8  /* -> Store */
#define VMCTX_MEM_BASE 16 /* base of memory 0; fixed for guard memories; 0: none */
#define VMCTX_MEMORY0  24 /* -> Memory 0 (explicit bounds: base and length move) */
#define VMCTX_TYPES    32 /* -> uint32_t[ntypes]: canonical type id of each typeidx */
#define VMCTX_HELPERS  40 /* -> void *[HELPER__MAX] */
#define VMCTX_CALL_C   48 /* lw_stub_helper: calls C function r11 on the host stack */
#define VMCTX_FLAGS    56 /* u32: VMCTX_FLOATS, ... */
#define VMCTX_POP      60 /* u32: HostFunc: bytes of overflow arguments it pops */
#define VMCTX_CELLS    64 /* -> FuncCell[nescapes] of this instance */
#define VMCTX_LAZY     72 /* lw_stub_lazy: compiles what the calling thunk is for */
#define VMCTX_FUEL     80 /* i64: how much is left (IR_FUEL); below 0 it calls ... */
#define VMCTX_LIMIT    88 /* ... lw_stub_limit, with r11d = what it has just taken */
#define VMCTX_INFOS    96 /* -> TypeInfo *[ntypes] */
#define VMCTX_NEW_STRUCT 104 /* lw_stub_new_struct, lw_stub_new_array: VMCTX_CALL_C for */
#define VMCTX_NEW_ARRAY  112 /* two helpers; where a run has room nothing is called */
#define VMCTX_COPY     120 /* lw_stub_copy, lw_stub_fill: likewise, for few bytes */
#define VMCTX_FILL     128
#define VMCTX_RUNS     136 /* -> ObjectRun[], by class: cells of 16 bytes, 32 ... */
#define VMCTX_FLOATS   1  /* HostFunc: its type uses vector registers */
#define VMCTX_EXPLICIT 2  /* Instance: memory 0 moves; take its base from MEMORY0 */
#define VMCTX_MANY     8  /* HostFunc: as ACT_MANY */
#define VMCTX_READY    4  /* Instance: calls may begin, and have no limits of their own */
/* Instance only: a row of 8-byte words follows, see lw_layout_* below */
#define INSTANCE_WORDS 320

/* FuncCell: one callable function; what a funcref points to. Null is 0. */
#define CELL_CODE 0  /* entry in the wasm calling convention */
#define CELL_CTX  8  /* VmCtx to have in r14 there */
#define CELL_TYPE 16 /* u32: canonical type id */
#define CELL_SIZE 32

/* Memory */
#define MEMORY_BASE   0
#define MEMORY_LENGTH 8 /* bytes */

/* Table: elements are 8-byte references */
#define TABLE_ELEMS  0
#define TABLE_LENGTH 8 /* u64, elements */

/* GlobalCell: a global that several instances may see */
#define GLOBAL_VALUE 0 /* 16 bytes */

/* Object: a struct or an array; a host's value looks the same */
#define OBJECT_INFO  0 /* -> TypeInfo */
#define ARRAY_LENGTH 8 /* u32, elements */
#define ARRAY_ELEMS  16

/* ExnObject: an exception */
#define EXN_TAG    8  /* -> Tag */
#define EXN_VALUES 16 /* 16 bytes each */

/* TypeInfo: a canonical type */
#define TYPE_INFO_KIND  0 /* u8 TypeKind */
#define TYPE_INFO_DEPTH 4 /* u32: number of supertypes */
#define TYPE_INFO_LINE  8 /* -> u32[depth + 1]: canonical ids, from the root to itself */
#define TYPE_INFO_RUN   16 /* u32: of a struct: which run, as an offset in VMCTX_RUNS */
#define TYPE_INFO_CELL  20 /* u32: of a struct: bytes of a cell */
#define TYPE_INFO_SIZE  24 /* u32: bytes of a struct, of an element */

/* Store */
#define STORE_ACT   0 /* -> running Activation */
#define STORE_LIMIT 8 /* -> HostFunc that lw_stub_limit calls out to */

/* ObjectRun */
#define RUN_AT   0
#define RUN_END  8
#define RUN_SIZE 16
#define RUN_FINE 512 /* up to here (cell size - 16) / 16 is the class */

/* Activation: one call from the host, with its private stack */
#define ACT_GUEST_SP 0   /* while the host runs */
#define ACT_HOST_SP  8   /* while the guest runs */
#define ACT_TRAP     16  /* u32 TrapCode; a helper sets it to make the call trap */
#define ACT_WHY      20  /* u32 ACT_RETURNED, ACT_CALLOUT, ACT_TRAPPED */
#define ACT_CALLEE   24  /* -> HostFunc that is called out to */
#define ACT_LIMIT    32  /* lowest rsp a frame may reach */
#define ACT_OVERFLOW 40  /* host: -> overflow arguments; see abi.h */
#define ACT_GPR      48  /* u64[8]: integer argument and result registers */
#define ACT_FPR      112 /* 16 bytes x 8: float argument and result registers */
#define ACT_TRAP_PC  240 /* pc, rbp, rsp of the guest where it trapped or called out */
#define ACT_TRAP_RBP 248
#define ACT_TRAP_RSP 256
#define ACT_TRAP_CTX 264 /* r14 there */
#define ACT_FLAGS    272 /* u32: ACT_FLOATS, ACT_MANY */
#define ACT_LAND_PC  280 /* where a throw goes on, or 0; rbp there */
#define ACT_LAND_RBP 288
#define ACT_EXN      296 /* the exception that is under way */

#define ACT_FLOATS 1 /* the entry's type uses vector registers */
#define ACT_MANY   2 /* ... or more than 4 integer registers, or 1 for results */

#define ACT_RETURNED 0
#define ACT_CALLOUT  1
#define ACT_TRAPPED  2
#define ACT_LANDS    3 /* lw_act_callout only: the host has thrown, and it is caught */

/* TRAP_CALLEE_CLOSED and TRAP_STACK, for assembly; rt/trap.c asserts them */
#define TRAP_CODE_CLOSED 11
#define TRAP_CODE_STACK  10
/* The first bytes at a return address that has a landing: nop dword ptr [rax + disp32] */
#define LANDING_MARK 0x0f, 0x1f, 0x80
/* clang-format on */

#ifndef __ASSEMBLER__
#include "wasm/module.h"

/*
** The words behind an Instance, in this order:
**   nfuncs_imported x FuncCell*   | nmemories x Memory* | ntables x Table*
**   ntags x Tag*
**   nglobals x 2 words: an own global that is not exported lies inline (16 bytes);
**   every other one has GlobalCell* in its first word
*/
static inline uint32_t lw_layout_import(const Module *m, uint32_t func)
{
  (void)m;
  return INSTANCE_WORDS + 8 * func;
}
static inline uint32_t lw_layout_memory(const Module *m, uint32_t memory)
{
  return INSTANCE_WORDS + 8 * (m->nfuncs_imported + memory);
}
static inline uint32_t lw_layout_table(const Module *m, uint32_t table)
{
  return lw_layout_memory(m, m->nmemories) + 8 * table;
}
static inline uint32_t lw_layout_tag(const Module *m, uint32_t tag)
{
  return lw_layout_table(m, m->ntables) + 8 * tag;
}
static inline uint32_t lw_layout_global(const Module *m, uint32_t global)
{
  uint32_t at = lw_layout_tag(m, m->ntags);
  return ((at + 15) & ~15u) + 16 * global;
}
static inline bool lw_layout_global_is_cell(const Module *m, uint32_t global)
{
  return global < m->nglobals_imported || m->globals[global].exported;
}
/* Bytes of an Instance of this module. */
static inline uint32_t lw_layout_size(const Module *m)
{
  return lw_layout_global(m, m->nglobals);
}
#endif
#endif

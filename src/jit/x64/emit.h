/*
** emit.h -- the state of emission, shared by the emit_*.c files.
**
** The frame of a function, from high to low addresses:
**
**     rbp+16+16n   overflow argument n; the callee pops them
**     rbp+8        return address
**     rbp          the caller's rbp
**     rbp-8        r14, where the function calls through cells
**     rbp-16       pointer to the caller's result area, where there is one
**     rbp-below..  callee-saved registers, as Allocation.saved says
**     slots_at     slot 0, the others below it, 8 bytes each; a v128 has the bytes of its
**                  slot and of the one before
**     locals_at    local 0 of those in slots (SLOT_GET), the others below it; 16 bytes
**                  each where one of them is a v128
**     area_at+16n  result n of a callee that did not fit registers
**     rsp+16n      overflow argument n of a callee; always there, for the largest call
**
** A function that calls nothing, keeps nothing there and cannot trap has no frame: its
** code is that between prologue and return.
**
** An i32 in a slot occupies the lower half and is loaded with 32 bits; everywhere else
** (registers, overflow cells, result areas) its upper half is zero.
** Registers: r14 the instance, r15 the base of memory 0 (guard bounds: always; explicit
** bounds: in functions that use it, loaded at entry and after every call), r11 and xmm15
** free for the code of any one instruction.
** Layer: jit.
*/
#ifndef LW_X64_EMIT_H
#define LW_X64_EMIT_H

#include "jit/abi.h"
#include "jit/target.h"
#include "jit/trap.h"
#include "jit/x64/enc.h"
#include "jit/x64/isel.h"

enum { XMM15 = LOC_FPR0 + 15 };

#define UNPLACED UINT32_MAX

typedef struct Fixup { /* a field that waits for the place of a block */
  uint32_t at, target;
  bool is_short; /* 8 bits, else 32 */
} Fixup;

typedef struct TrapStub { /* a jump to code behind the function */
  uint32_t at, where;
  uint8_t code;
} TrapStub;

typedef struct FuelStub { /* a jump to code behind the function, which comes back */
  uint32_t at, back, where, amount;
} FuelStub;

typedef struct AwayStub { /* a call of another instance: a jump to code behind the
                             function */
  uint32_t at, back, where;
  uint32_t edge; /* where what it throws lands, or UNPLACED */
} AwayStub;

typedef struct PoolUse { /* a rip-relative operand that waits for its constant */
  uint32_t at, entry;
} PoolUse;

typedef struct PoolEntry {
  uint64_t bits, high;
  uint32_t size; /* 4, 8 or 16 */
  uint32_t at;
} PoolEntry;

typedef struct Landing { /* a call that may throw to a frame of this function */
  uint32_t at;           /* the field behind the call that says where to land */
  uint32_t edge;         /* the exceptional one */
} Landing;

typedef struct JumpTable {
  uint32_t at;    /* the lea that waits for it */
  uint32_t edges; /* Func.pool[edges .. edges+count-1] */
  uint32_t count;
} JumpTable;

typedef struct Emit {
  Enc e;
  const Func *f;
  const Selection *sel;
  const Allocation *alloc;
  Arena *arena;
  Abi abi; /* of the function */

  uint32_t ins, where; /* the instruction at hand */
  uint32_t edit;       /* the next of Allocation.edits */
  uint32_t next_block; /* the block emitted behind this one */
  unsigned cc;         /* the condition that a folded comparison has set */
  uint32_t zero_of; /* the Ins by whose result the last one emitted set the zero flag, or
                       UNPLACED */
  int32_t slots_at, locals_at, area_at; /* from rbp */
  int32_t local_size;                   /* bytes of a local in a slot: 8, or 16 */
  uint32_t frame_bytes;
  bool frameless; /* nothing looks for the frame: there is none, not even rbp */

  uint32_t *block_at;       /* text offset of each block, or UNPLACED */
  uint32_t *edge_at;        /* of the moves of a br_table's edge, or UNPLACED */
  AbiLoc *params, *results; /* of the latest call or of the function */

  Fixup *fixups;
  uint32_t nfixups, fixups_cap;
  const bool *is_far; /* by block: what turned out to be too far for 8 bits; or NULL */
  TrapStub *traps;
  uint32_t ntraps, traps_cap;
  FuelStub *fuels;
  uint32_t nfuels, fuels_cap;
  AwayStub *aways;
  uint32_t naways, aways_cap;
  PoolUse *pool_uses;
  uint32_t npool_uses, pool_uses_cap;
  PoolEntry *pool;
  uint32_t npool, pool_cap;
  uint32_t *kon_entry; /* per constant: pool entry + 1, or 0 */
  JumpTable *tables;
  uint32_t ntables, tables_cap;
  Landing *landings;
  uint32_t nlandings, landings_cap;
  LineEntry *lines;
  uint32_t nlines, lines_cap;
  CallSite *calls;
  uint32_t ncalls, calls_cap;
} Emit;

/* Does the zero flag tell whether r is 0? */
static inline bool emit_zero_known(uint32_t zero_of, Ref r)
{
  return zero_of != UNPLACED && !ref_is_kon(r) && r - REF_BIAS == zero_of;
}

static inline const Ins *emit_ins(const Emit *em)
{
  return &em->f->ins[em->ins];
}
static inline const Alloc *emit_alloc(const Emit *em)
{
  return &em->alloc->allocs[em->ins];
}
/* The address of a slot. */
static inline Mem emit_slot(const Emit *em, Loc l)
{
  assert(loc_is_slot(l) && !em->frameless);
  return mem_at(RBP, em->slots_at - 8 * (int32_t)(l - LOC_SLOT0));
}

/* ---- emit.c ---- */
/* The array itself or its copy of twice the size; when memory is out, itself with *n = 0
   and em->e.failed, so that emission can go on to its end. */
void *lw_emit_room(Emit *em, void *array, uint32_t *n, uint32_t *cap, size_t each);
#define EMIT_PUSH(em, field, ...)                                                        \
  do {                                                                                   \
    if ((em)->n##field == (em)->field##_cap)                                             \
      (em)->field = lw_emit_room((em), (em)->field, &(em)->n##field, &(em)->field##_cap, \
                                 sizeof *(em)->field);                                   \
    (em)->field[(em)->n##field++] = __VA_ARGS__;                                         \
  } while (0)
/* The next byte belongs to the operator at hand: what traps there, what returns there. */
void lw_emit_line(Emit *em);
/* Trap if the condition holds; or always. */
void lw_emit_trap_if(Emit *em, unsigned cc, TrapCode code);
void lw_emit_trap(Emit *em, TrapCode code);
/* A memory operand with these bits in it, 4 or 8 bytes: the next instruction's. It must
   have no immediate. */
void lw_emit_pool_rm(Emit *em, XOp op, int w, unsigned reg, uint64_t bits, uint32_t size);
/* The same with 16 bytes. */
void lw_emit_wide_rm(Emit *em, XOp op, unsigned reg, uint64_t bits, uint64_t high);
/* `op reg, operand` where the operand is a register, a slot or a float constant. */
void lw_emit_op(Emit *em, XOp op, int w, unsigned reg, Loc operand);
/* The constant behind a LOC_KON. */
const Kon *lw_emit_kon(const Emit *em, Loc l);

/* ---- emit_simd.c ---- */
void lw_emit_vector(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_load_wide(Emit *em, unsigned access, unsigned dst, Mem m);
void lw_emit_lane(Emit *em, bool store, unsigned size, unsigned lane, unsigned reg,
                  Mem m);

/* ---- emit_move.c ---- */
void lw_emit_load_typed(Emit *em, unsigned type, unsigned reg, Mem m);
void lw_emit_store_typed(Emit *em, unsigned type, unsigned reg, Mem m);
void lw_emit_move(Emit *em, const Edit *edit); /* keeps the flags */
void lw_emit_copy(Emit *em, unsigned type, Loc from, Loc to);

/* ---- one function for each form; the instruction at hand, its Alloc, its row ---- */
void lw_emit_int(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_float(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_trunc(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_convert(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_compare(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_select(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_load(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_store(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_atomic(Emit *em, const Ins *ins, const Alloc *a);
/* The operand of an access of `size` bytes at a + offset; may use r11. With explicit
   bounds, and where the memory has no guard in any mode, it is checked first. */
Mem lw_emit_address(Emit *em, uint32_t memory, uint32_t offset, unsigned a,
                    uint32_t size);
void lw_emit_lane_access(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_object(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
/* The move itself, of the width that ins->aux says. */
void lw_emit_load_from(Emit *em, const Ins *ins, unsigned dst, Mem m);
void lw_emit_store_to(Emit *em, const Ins *ins, Loc value, Mem m);
void lw_emit_state(Emit *em, const Ins *ins, const Alloc *a, const Row *row);
void lw_emit_call(Emit *em, const Ins *ins);
void lw_emit_aways(Emit *em); /* behind the code */
void lw_emit_tail(Emit *em, const Ins *ins);
void lw_emit_helper(Emit *em, const Ins *ins);
void lw_emit_arg(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_result(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_try(Emit *em, const Ins *ins);
void lw_emit_landings(Emit *em); /* behind the code */
void lw_emit_land(Emit *em);     /* rsp, r14 and r15 are those of the frame again */
void lw_emit_prologue(Emit *em);
void lw_emit_return(Emit *em);
void lw_emit_jump(Emit *em, const Ins *ins);
void lw_emit_brif(Emit *em, const Ins *ins, const Alloc *a);
void lw_emit_brtable(Emit *em, const Ins *ins, const Alloc *a);
/* Behind the code: point all that waits at its place; jump tables. */
/* Do all short branches reach? Whose do not is noted in is_far, by block, or nowhere. */
bool lw_emit_reaches(const Emit *em, bool *is_far);
void lw_emit_resolve(Emit *em);

/* Explicit bounds: r15 again, after whatever may have moved the memory. */
void lw_emit_reload_base(Emit *em);

#endif

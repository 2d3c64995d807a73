/*
** alloc.h -- the commitment between register allocation and emission.
**
** An allocator reads the IR, liveness and the target's constraints (target.h) and
** writes, for every instruction, where its operands and result are (Alloc), and the
** moves, loads and stores between instructions (Edit). Emission is one forward pass
** over both. Any allocator that fills these arrays can stand behind emission.
** Invariants: edits are in the order in which they are to be executed and already
** sequential (cycles are broken); a value is in the Loc that Alloc names when the
** instruction starts; slots are numbered from 0, 8 bytes each, a v128 takes two
** consecutive ones and goes by the second.
** Layer: jit.
*/
#ifndef LW_ALLOC_H
#define LW_ALLOC_H

#include "jit/ir.h"

/* A place for a value. */
typedef uint32_t Loc;
#define LOC_NONE  0xffffffffu
#define LOC_FPR0  16u         /* machine numbers: 0..15 integer, 16..31 vector */
#define LOC_SLOT0 32u         /* frame slot n */
#define LOC_OUT0  0x40000000u /* outgoing cell n of 16 bytes; see below */
#define LOC_KON0  0x80000000u /* constant n: an Edit's source only, or an immediate */
/* Outgoing cells are the overflow area of a call; before a RETURN they are the caller's
   result area (abi.h). */
static inline bool loc_is_reg(Loc l)
{
  return l < LOC_SLOT0;
}
static inline bool loc_is_fpr(Loc l)
{
  return l >= LOC_FPR0 && l < LOC_SLOT0;
}
static inline bool loc_is_slot(Loc l)
{
  return l >= LOC_SLOT0 && l < LOC_OUT0;
}
static inline bool loc_is_out(Loc l)
{
  return l >= LOC_OUT0 && l < LOC_KON0;
}
static inline bool loc_is_kon(Loc l)
{
  return l >= LOC_KON0 && l != LOC_NONE;
}

typedef struct Alloc {
  Loc dst;     /* LOC_NONE: no result, or the result is never used */
  Loc use[3];  /* of a, b, c where they are values; LOC_NONE otherwise. A CALL_CELL's
                  cell and arguments in the pool get there by edits */
  Loc temp[2]; /* as many as the target asked for */
} Alloc;

/* One move. In order: all edits `before` instruction n come before those of n+1. */
typedef struct Edit {
  uint32_t before; /* index into Func.ins; executed just before it */
  uint32_t type;   /* VAL_* kind: says how many bytes */
  Loc from, to;
} Edit;

typedef struct EdgeEdits { /* moves to be made on one edge */
  uint32_t first, count;   /* range of Allocation.edge_edits */
} EdgeEdits;

typedef struct Allocation {
  Alloc *allocs; /* Func.nins of them */
  Edit *edits;   /* sorted by `before` */
  uint32_t nedits, edits_cap;
  Edit *edge_edits; /* `before` unused */
  uint32_t nedge_edits, edge_edits_cap;
  EdgeEdits *edges;     /* Func.nedges of them */
  uint32_t nslots;      /* 8-byte frame slots in use */
  uint32_t nout;        /* largest outgoing overflow area, in cells of 16 bytes */
  uint32_t result_area; /* cells of the largest result area of a callee */
  uint32_t saved;       /* mask of callee-saved registers to save in the prologue */
  /* counters for goldens */
  uint32_t nspills, nreloads, nmoves;
  bool simple; /* made by the simple allocator */
} Allocation;

/*
** How long each value lives, as one interval of instruction numbers in the linear order
** of Func.ins (live.c). That is coarser than live-in sets, but its size is that of the
** IR on any input, and blocks lie in an order in which definitions come first and loops
** are contiguous, so it is exact enough to share slots.
** An instruction is NEEDED when it has an effect, may trap, reads state or ends a block,
** or when a NEEDED one uses its value; a parameter when its value is so used, not because
** edges bring it something. The others are dead: allocation and emission skip them, and
** an edge's argument for a parameter that is not NEEDED is not passed (it may have no
** place at all).
** A value is used from its definition up to and including instruction `end`:
**   - an operand (args letter v, or in the pool) of a NEEDED instruction is used there;
**   - an edge's argument is used at the instruction that ends the edge's source block;
**   - a value defined before a loop and used inside it is used up to the last
**     instruction of the loop's last block (Block.loop_end), outermost such loop;
**   - RESULT does not use the call it names.
** So two values whose intervals [own number, end] do not share an instruction may share
** a slot. Where one ends at the instruction that defines the other they may share too if
** that instruction reads its operands before it writes. A parameter is written on the
** edges into its block, which is safe: whatever is live there has an interval around
** the block's start. The parameters of one block are written together.
*/
enum {
  LIVE_NEEDED = 1,       /* the instruction has to be executed */
  LIVE_LEAVES_BLOCK = 2, /* its value is used in a block other than its own, also as
                            argument of an edge out of that block */
  LIVE_READS_RUN = 4,    /* it is NEEDED and reads a run of values in the pool */
};
typedef struct Liveness {
  uint32_t *end;  /* per Ins; its own number: its value is never used (or it has none) */
  uint8_t *flags; /* per Ins: LIVE_* */
  uint32_t *uses; /* per Ins: how many, as operand of what is NEEDED or as an edge's
                     argument; room for one more. lw_ra_uses counts on in it */
} Liveness;
/* LW_NOMEM only. The IR must be as lw_ir_cfg leaves it. */
Status lw_live(const Func *f, Arena *scratch, Liveness *out, Err *err);

/* Everything in slots between blocks, slots shared by ranges that do not overlap. */
struct Selection; /* target.h */
Status lw_ra_simple(const struct Selection *sel, Arena *scratch, Allocation *out,
                    Err *err);
/* Registers across blocks. Linear, for it leaves what would not be to the simple one. */
Status lw_ra_scan(const struct Selection *sel, Arena *scratch, Allocation *out, Err *err);
#ifndef NDEBUG
/* Stress. Both give away only these registers: four of each class are enough for every
   instruction if rax, rcx and rdx are among them. */
void lw_ra_keep(uint32_t regs);
/* The real one, before each instruction, lets go of a register that holds something. */
void lw_ra_split(bool always);
#endif

/*
** For debug builds, specs, fuzzing: does every instruction find its operands where Alloc
** says, whatever allocator said it (ra_check.c)? LW_INVALID with a sentence about the
** first breach. Linear; a function so large that it would take too long is only checked
** in part.
*/
Status lw_ra_check(const struct Selection *sel, const Allocation *alloc, Arena *scratch,
                   Err *err);

/*
** Parallel moves into a sequence (moves.c). A cycle is broken through a scratch register
** (target.h): the integer one, for a v128 the vector one; a move from slot to slot is
** free to use the other. The worker's arrays grow in `arena` and are used again.
*/
typedef struct Mover {
  Arena *arena;
  uint32_t cap;      /* moves there is room for */
  uint32_t *writer;  /* hash of Loc: number of the move that writes it, + 1 */
  uint32_t *source;  /* per move: the move that writes what it reads, or MOVE_NONE */
  uint32_t *readers; /* per move: moves that read what it writes and are still to come */
  uint32_t *ready;   /* moves that may be made */
} Mover;
/*
** No place is written twice; moves from a place to itself must not be among them. Writes
** the sequence to out: at most n + n/2 entries. Linear.
*/
Status lw_moves_order(Mover *m, const Edit *moves, uint32_t n, Edit *out, uint32_t *nout,
                      Err *err);

#endif

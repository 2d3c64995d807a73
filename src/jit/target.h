/*
** target.h -- what a machine tells the rest of the compiler. One implementation is
** linked in: jit/x64 (later jit/a64). Nothing outside those folders knows a register's
** name.
** Layer: jit.
*/
#ifndef LW_TARGET_H
#define LW_TARGET_H

#include "jit/alloc.h"
#include "jit/passes.h"

typedef struct EmitOptions {
  bool explicit_bounds;        /* check every access against the length; bases may move */
  bool fuel;                   /* CompileOptions.fuel */
  bool listing;                /* fill FuncCode.ins_at */
  uint8_t effort;              /* CompileOptions.effort */
  bool keep_loops, keep_calls; /* those of CompileOptions */
  const FactsBook *book;
  PassMeter *meter; /* NULL: nobody wants to know */
} EmitOptions;

/*
** What will be done with each instruction, known before registers are: written once per
** function by lw_target_select, read by allocation and emission alike.
*/
typedef struct Selection {
  const Func *f;
  const Liveness *live;
  EmitOptions opts;
  uint8_t *folded; /* per Ins: not 0: a comparison that only sets the machine's condition,
                      for the next NEEDED instruction; it has no result */
  bool memory0;    /* some access to memory 0 */
  bool allocates;  /* some object is made: the collector may look at the frame */
  bool cell_call;  /* some call that may come back with another instance: CALL_CELL,
                      and in a module with tail calls out of it every one; or a
                      landing */
} Selection;

/* Joins instructions that the machine has as one: rewrites the users, and `live` with
   them. */
void lw_target_fuse(Func *f, Liveness *live);
Status lw_target_select(const Func *f, const Liveness *live, const EmitOptions *opts,
                        Arena *scratch, Selection *out, Err *err);

/* How an operand wants its value. */
typedef enum {
  USE_NONE,  /* not a value, or a condition that is folded */
  USE_REG,   /* any register of its class */
  USE_ANY,   /* register or slot */
  USE_KON,   /* a constant that the instruction holds itself: Alloc has its LOC_KON */
  USE_FIXED, /* the register in use_reg */
  USE_ARGS   /* a run in Func.pool: calls and RETURN, places by abi.h; HELPER,
                places by Target.helper_gpr */
} UseKind;

typedef struct Constraint {
  uint8_t use[3];     /* UseKind of a, b, c */
  uint8_t use_reg[3]; /* for USE_FIXED; Loc numbering */
  bool use_late[3];   /* still needed after the result or a clobbered register is written:
                         shares a register with neither */
  uint8_t dst;        /* USE_NONE, USE_REG or USE_FIXED */
  uint8_t dst_reg;
  bool dst_is_a;  /* two-address: the result replaces operand a */
  uint8_t ntemps; /* scratch registers wanted, of the class in temp_fpr */
  bool temp_fpr[2];
  uint32_t clobbers; /* registers that do not survive, bit per Loc 0..31; USE_ARGS
                        instructions clobber all that Target.callee_saved lacks */
} Constraint;

typedef struct Target {
  uint32_t allocatable[2]; /* masks (bit per Loc) of integer and vector registers */
  uint32_t callee_saved;
  uint8_t order[11];  /* integer registers, those first that nothing else asks for */
  uint8_t scratch[2]; /* Locs, one of each class, never allocated: moves, emission. An
                         edit may use either: no value is in them between instructions */
  uint8_t abi_gpr[8], abi_fpr[8]; /* Locs behind the positions of abi.h */
  uint8_t helper_gpr[5];          /* Locs of helper arguments */
} Target;
extern const Target lw_target;

void lw_target_constraint(const Selection *sel, uint32_t ins, Constraint *out);
const char *lw_target_reg_name(Loc reg);

/* ---- emission ---- */
/* Where machine code came from: calls and possible traps, ascending. The first entry of
   a function is its own start, for what goes wrong before its first operator. */
typedef struct LineEntry {
  uint32_t pc;    /* offset in the function's text, of the instruction that traps, or
                     of the byte behind a call */
  uint32_t where; /* byte offset in the module; with LINE_INLINED set, the entry before,
                     for the same pc, is the call that was inlined */
} LineEntry;
#define LINE_INLINED ((uint32_t)1 << 31)

typedef struct CallSite { /* a direct call to be resolved by link */
  uint32_t at;            /* offset of the 32-bit field in the function's text */
  uint32_t func;          /* funcidx */
} CallSite;

typedef struct FuncCode { /* in scratch memory; link copies it */
  uint8_t *text;
  uint32_t size;
  LineEntry *lines;
  uint32_t nlines;
  CallSite *calls;
  uint32_t ncalls;
  uint32_t *ins_at; /* nins offsets, if asked for: where each instruction's code begins */
  uint32_t frame_bytes; /* below the saved frame pointer */
  bool saves_ctx; /* its frame has the instance in the word below the frame pointer */
} FuncCode;

/* Linear. The text is position-independent; direct calls are left to link. */
Status lw_emit(const Selection *sel, const Allocation *alloc, Arena *scratch,
               FuncCode *out, Err *err);

#endif

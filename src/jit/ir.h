/*
** ir.h -- the intermediate representation of one function: SSA in blocks.
**
** Instructions are 16 bytes in one array; a value is named by a Ref, the number of the
** instruction that defines it. A block is a contiguous run of instructions: first its
** parameters (IR_PARAM; SSA's phi functions), then a body, last one instruction that
** ends it. Edges carry the arguments for the parameters of their target.
** Invariants (checked by lw_ir_verify after every pass in debug builds): blocks cover
** the instructions in order and without gaps; definitions dominate uses; the entry is
** block 0 and has no predecessor; argument and parameter counts and types agree;
** **every i32 value is held zero-extended** in its 64-bit register or slot.
** An Ins has no place for where it came from: Func.where runs parallel to Func.ins.
** Layer: jit.
*/
#ifndef LW_IR_H
#define LW_IR_H

#include "base/arena.h"
#include "base/status.h"
#include "wasm/facts.h"

typedef uint32_t Ref;

/* Refs below the bias are constants (Func.kons), from it on instructions. */
#define REF_BIAS ((Ref)1 << 28)
#define REF_NONE UINT32_MAX
#define NO_BLOCK UINT32_MAX
#define NO_EDGE  UINT32_MAX
static inline bool ref_is_kon(Ref r)
{
  return r < REF_BIAS;
}

typedef enum {
#define IR(name, args, res, flags) IR_##name,
#include "jit/ir.def"
  IR__MAX
} IrOp;

/* IrInfo.res and .flags, as the columns of ir.def */
enum { IRR_T, IRR_C, IRR_X, IRR_N };
enum { IRF_P = 1, IRF_L = 2, IRF_W = 4, IRF_X = 8, IRF_K = 16, IRF_E = 32 };
/* IrInfo.refs: where an instruction has the values it reads */
enum { IRO_A = 1, IRO_B = 2, IRO_C = 4, IRO_POOL = 8 };
typedef struct IrInfo {
  const char *text; /* the C name; dumps print it in lower case */
  char args[4];
  uint8_t res, flags;
  uint8_t refs; /* IRO_*; the pool's are lw_ir_nargs many from pool[b] on */
} IrInfo;
extern const IrInfo lw_ir_info[IR__MAX];

/* Types of IR values: the ValType kinds; a reference is VAL_REF, whatever it refers to.
 */
typedef struct Ins {
  uint8_t op;   /* IrOp */
  uint8_t type; /* VAL_* kind */
  uint16_t aux;
  uint32_t a, b, c;
} Ins;
_Static_assert(sizeof(Ins) == 16, "an instruction is 16 bytes");

/* Ins.aux of LOAD and STORE: the low byte says what is read, the high byte which memory.
 */
typedef enum {
  MEM_8S,
  MEM_8U,
  MEM_16S,
  MEM_16U,
  MEM_32S, /* into i64 */
  MEM_32,  /* i32, f32, or zero-extended into i64 */
  MEM_64,
  MEM_128,
  /* into v128, loads only: eight bytes widened; one lane to all lanes; the rest zero */
  MEM_8X8S,
  MEM_8X8U,
  MEM_16X4S,
  MEM_16X4U,
  MEM_32X2S,
  MEM_32X2U,
  MEM_SPLAT8,
  MEM_SPLAT16,
  MEM_SPLAT32,
  MEM_SPLAT64,
  MEM_ZERO32,
  MEM_ZERO64,
  MEM__MAX
} MemAccess; /* stores use the unsigned forms */
/* What an ATOMIC_RMW does to what is there. */
typedef enum {
  ATOMIC_ADD,
  ATOMIC_SUB,
  ATOMIC_AND,
  ATOMIC_OR,
  ATOMIC_XOR,
  ATOMIC_XCHG,
  ATOMIC__MAX
} AtomicOp;
extern const char *const lw_mem_text[MEM__MAX]; /* "8s" */

/* Ins.aux of REF_TEST: what a reference must be that is neither null nor i31, and whether
   those two will do. */
typedef enum {
  TEST_NEVER,
  TEST_ALWAYS,
  TEST_STRUCT,
  TEST_ARRAY,
  TEST_NOT_BOX, /* struct or array: not a value of the host */
  TEST_FUNC,    /* a function of just that type */
  TEST_EXACT,   /* an object of that type, which is final */
  TEST_BELOW,   /* or of a subtype */
  TEST_HOW = 0xf,
  TEST_NULL = 0x10,
  TEST_I31 = 0x20,
  TEST_TAGGED = 0x40, /* it may be an i31 */
} RefTest;

typedef struct Kon {
  uint64_t bits; /* i32 and f32 zero-extended; the low half of a v128 */
  uint64_t high; /* of a v128 */
  uint32_t type; /* VAL_* kind */
  uint32_t pad;
} Kon;

typedef struct Edge {
  uint32_t from, to; /* blocks */
  uint32_t args;     /* Func.pool[args ..]: as many as `to` has parameters */
} Edge;

typedef struct Block {
  uint32_t first, end;    /* Func.ins[first .. end-1] */
  uint32_t nparams;       /* the first ones of them */
  uint32_t edges, nedges; /* outgoing: Func.edges[edges ..], contiguous */
  uint32_t preds, npreds; /* Func.preds[preds ..] = incoming edge numbers (lw_ir_cfg) */
  uint32_t loop_end;      /* for a loop header: the last block of its body, else
                             NO_BLOCK. Bodies are contiguous and nest (lw_ir_cfg) */
  uint16_t depth;         /* loop nesting */
  bool reachable;         /* from the entry (lw_ir_cfg) */
  bool cold;              /* ends in a trap, or is only reached from cold blocks */
} Block;

/* Module offsets, innermost first: of an operator, and of the calls that inlined it. */
enum { PLACES = 6 };
typedef struct Places {
  uint32_t n; /* 1 .. PLACES */
  uint32_t at[PLACES];
} Places;

/* A call whose callee's instructions stand in its place. Their Func.where is not an
   offset but `first` and the offset in the callee's body. */
typedef struct Inlined {
  uint32_t first; /* of so many numbers as the body has bytes, from WHERE_INLINED on */
  uint32_t at;    /* the body's offset in the module */
  uint32_t call;  /* Func.where of the call */
} Inlined;
#define WHERE_INLINED ((uint32_t)1 << 31)

typedef struct Func {
  const Module *module;
  uint32_t index; /* funcidx */
  const FuncType *type;
  Arena *arena; /* scratch: everything below lives there */

  Ins *ins;
  uint32_t *where; /* byte offset in the module of the operator behind each Ins, or
                      what Inlined says: see lw_ir_offset */
  uint32_t nins, ins_cap;
  Kon *kons;
  uint32_t nkons, kons_cap;
  uint32_t *pool; /* arguments of calls and edges (Refs), edges of tables */
  uint32_t npool, pool_cap;
  Block *blocks;
  uint32_t nblocks, blocks_cap;
  Edge *edges;
  uint32_t nedges, edges_cap;
  uint32_t *preds;
  Inlined *inlined; /* by rising `first` */
  uint32_t ninlined, inlined_cap;
  uint32_t inlined_end;  /* the next one's `first` */
  uint32_t nslots_local; /* all locals if some are addressed by SLOT_GET/SET, else 0 */
  uint8_t *slot_types;   /* VAL_* kind of each of them; VAL_NONE: not such a one */
} Func;

static inline Ins *ir_ins(const Func *f, Ref r)
{
  return &f->ins[r - REF_BIAS];
}
static inline const Kon *ir_kon(const Func *f, Ref r)
{
  return &f->kons[r];
}
/* The Refs among a, b, c that are read. */
static inline uint32_t ir_operands(const Ins *ins, Ref out[3])
{
  unsigned refs = lw_ir_info[ins->op].refs;
  uint32_t n = 0;
  if (refs & IRO_A) out[n++] = ins->a;
  if (refs & IRO_B) out[n++] = ins->b;
  if (refs & IRO_C) out[n++] = ins->c;
  return n;
}
/* The offset that `where` stands for; *call is Func.where of the call around it, or 0. */
uint32_t lw_ir_offset(const Func *f, uint32_t where, uint32_t *call);
/* The type of the value that `r` names (i32 for comparisons). */
uint8_t lw_ir_type(const Func *f, Ref r);
/* Does this instruction define a value? */
bool lw_ir_has_result(const Ins *ins);
/* Number of Refs in pool[b ...] of a call-like instruction, RETURN included. */
uint32_t lw_ir_nargs(const Func *f, const Ins *ins);

/*
** Fills preds, npreds, loop_end, reachable, depth, cold. Linear. To be called again by
** whoever changes blocks or edges. Only an edge that goes back (to <= from) makes a loop:
** blocks are in an order where every other one goes forward.
*/
Status lw_ir_cfg(Func *f, Err *err);
#ifndef NDEBUG
/* Stress: every block but the entry is cold. */
void lw_ir_cold(bool all);
#endif

typedef struct BuildOptions {
  uint8_t loops;         /* how much to unroll: an effort */
  bool calls;            /* may be inlined */
  bool fuel;             /* an IR_FUEL wherever a straight stretch of operators begins */
  const FactsBook *book; /* of callees, or NULL */
  Arena *walks;          /* room for facts that are not in it */
} BuildOptions;

/*
** wasm -> IR. `facts` are those of lw_validate_func for the same function. `f` is made
** from `scratch`. The function must have been validated: LW_NOMEM or LW_LIMIT only.
** With loops > 0, an effort, small loops get several copies of their body; with `calls`
** small functions are built where they are called.
** All blocks are reachable, and lw_ir_cfg has been run.
*/
Status lw_ir_build(const Module *m, uint32_t func, const BodyFacts *facts,
                   const BuildOptions *opts, Arena *scratch, Func *f, Err *err);
/*
** Checks every invariant of this page, and types by the columns of ir.def. LW_INVALID
** with a sentence about the first breach. lw_ir_cfg must have been run. Uses f->arena.
** Zero-extension is a rule about what emission does: each row's code leaves a clean i32,
** CALL, CALL_CELL and HELPER included (an import's or helper's result is extended at its
** one thunk), so here "has type i32" means "is clean", and an address has type i32.
*/
Status lw_ir_verify(const Func *f, Err *err);

#endif

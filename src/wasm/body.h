/*
** body.h -- the one decoder of function bodies: a template with hooks.
**
** Walks the operators of one body, checks the types (standard, section 3.4 and the
** algorithm of its appendix) and calls a hook for every operator that reachable code
** executes. Included by exactly two files: wasm/validate.c, whose hooks record facts or
** do nothing, and jit/build.c, whose hooks make IR. So each operator's typing rule
** exists once.
**
** The includer defines, before the #include,
**   typedef struct ... HookBody;   its state, as Body.hook
**   typedef struct ... HookCtl;    its state for each control frame, as Ctl.hook
** and, after it, the `static inline Status hook_*` functions declared below. Then
**   Body b;
**   TRY(body_begin(&b, module, func, arena, err));   reads the locals
**   b.hook = ...;
**   TRY(body_walk(&b));                              from hook_begin to the last hook_end
**
** The operand stack holds types only; an includer keeps its values in an array of its
** own, parallel to it: BodyFacts.max_stack entries suffice. `base` is the index of the
** first operand in that stack: a hook reads its operands from base.. and puts its results
** at base.. as well. A hook runs after the operands were popped and before the results
** are pushed, so that stack[base..] still has the operands' types and nstack == base
** (the hooks of frames are the exception: parameters and results are in place).
** Hooks are called only where the code is reachable by the typing rules, but for
** hook_frame_dead. A frame opened in dead code never reaches any other hook.
** Not for: constant expressions (wasm/constexpr.h).
** Layer: wasm.
*/
#ifndef LW_BODY_H
#define LW_BODY_H

#include <assert.h>
#include <string.h>

#include "wasm/binary.h"
#include "wasm/complain.h"
#include "wasm/facts.h"
#include "wasm/instr.h"
#include "wasm/limits.h"
#include "wasm/match.h"
#include "wasm/skim.h"

/* A clause of try_table. */
enum { CATCH_REF = 1, CATCH_ALL = 2 }; /* bits of its kind in the binary format */
typedef struct CatchClause {
  uint8_t kind;
  uint32_t tag;    /* unless CATCH_ALL */
  uint32_t target; /* the frame of its label, in Body.ctls */
} CatchClause;

typedef struct Ctl {
  Opcode op; /* OP_BLOCK, OP_LOOP, OP_IF, OP_ELSE once seen; the function is a block;
                OP_TRY_TABLE; OP_TRY, OP_CATCH and OP_CATCH_ALL once seen */
  bool live; /* opened in reachable code: hooks know this frame */
  bool unreachable;                /* the rest of the current arm is dead */
  uint32_t frame;                  /* number in BodyFacts.frames */
  uint32_t height;                 /* operand stack height below the parameters */
  const uint8_t *start;            /* its first operator; of loops only */
  const ValType *params, *results; /* live as long as the Module and Body.arena */
  uint32_t nparams, nresults;
  uint32_t set; /* length of Body.set when it opened */
  const CatchClause *clauses;
  uint32_t nclauses;
  uint32_t catcher; /* who catches inside it now: a frame's number from 1, or 0 */
  uint32_t outside; /* try_table and try: who catches what they do not */
  HookCtl hook;
} Ctl;
/* What a branch to the frame carries: its parameters for a loop, else its results. */

typedef struct Body {
  const Module *module;
  uint32_t func;
  const FuncType *type;
  Reader r;
  uint32_t op_at; /* offset of the operator being decoded, in the module's bytes */
  Opcode op;      /* that operator */
  Err *err;
  Arena *arena;
  ValType *locals; /* params included */
  uint32_t nlocals;
  /* Locals without a default value (section 3.4.2) cannot be read before they are set;
     what a frame sets is unset again where the frame ends. */
  uint8_t *unset; /* per local; NULL: all have one */
  uint32_t *set;  /* those set so far, in order */
  uint32_t nset;
  ValType *stack;
  uint32_t nstack, stack_cap;
  Ctl *ctls; /* ctls[nctls - 1] is the innermost; ctls[0] the function itself */
  uint32_t nctls, ctls_cap;
  uint32_t nframes; /* opened so far */
  uint32_t floor;   /* ctls[nctls - 1].height: what is below is out of reach */
  uint32_t catcher; /* ctls[nctls - 1].catcher */
  bool live;        /* hooks are called: the frame is live, the code in it reachable */
  uint32_t noperators, max_stack, max_frames; /* so far */
  uint64_t matches, matches_max; /* types of lists compared one by one: so far, at most */
  uint32_t *depths;              /* labels of the br_table being decoded */
  uint32_t depths_cap;
  HookBody hook;
} Body;

/* Arrays of a walk that is over, for another one. */
typedef struct BodyRoom {
  ValType *stack;
  Ctl *ctls;
  uint32_t stack_cap, ctls_cap;
} BodyRoom;

/* ---- the hooks, in the order of the standard ----
**
** hook_begin(b)                      locals are known; ctls[0] is open
** hook_unreachable(b)
** hook_block(b, c, base)             c = the new frame, already pushed; its parameters
** hook_loop(b, c, base)              are at base..base+nparams
** hook_if(b, c, base)                the condition is at base + nparams
** hook_else(b, c, reachable)         `reachable`: the `then` arm falls through; its
**                                    results are at c->height..
** hook_end(b, c, reachable)          the frame (or arm) ends; c is about to be popped.
**                                    For an `if` without `else` c->op is still OP_IF.
**                                    For ctls[0] this is the function's end.
** hook_again(b, c, reachable, &again)  a loop's body ends. Set `again` (false before) and
**                                    it is walked once more, in the same frame: hook_end
**                                    comes when nobody wants that any more
** hook_br(b, c, base)                c = the target; the values it carries are at base..
** hook_br_if(b, c, base)             the condition comes after the carried values
** hook_br_table(b, depths, n, base)  n+1 label depths, the default last; carried values
**                                    at base.., the index after them
** hook_return(b, base)
** hook_call(b, func, type, base)
** hook_call_indirect(b, typeidx, table, base)   the index comes after the arguments
** hook_call_ref(b, typeidx, base)                the reference comes after the arguments
** hook_return_call(b, func, base)  hook_return_call_indirect(b, typeidx, table, base)
** hook_return_call_ref(b, typeidx, base)         as the calls; the function ends there
** hook_try(b, c, base)               try_table or try opens; its parameters are at base..
** hook_throw(b, x, base)  hook_throw_ref(b, base)  hook_rethrow(b, c)
** hook_catch(b, c, op, x, first, reachable)   a legacy arm begins; c->op is still that of
**                                    the arm before, which falls through if `reachable`
** hook_delegate(b, c, catcher, reachable)     ends a legacy try
** hook_drop(b, base)                 hook_select(b, type, base)
** hook_local_get(b, x, base)  hook_local_set(b, x, base)  hook_local_tee(b, x, base)
** hook_global_get(b, x, base) hook_global_set(b, x, base)
** hook_table_op(b, op, x, y, base)   table.get/set/size/grow/fill/copy/init, elem.drop;
**                                    x, y: immediates in the order of the binary format
** hook_load(b, op, memarg, base)     hook_store(b, op, memarg, base)
** hook_atomic(b, op, memarg, base)      all with an address; hook_fence(b)
** hook_memory_op(b, op, x, y, base)  memory.size/grow/fill/copy/init, data.drop
** hook_ref_null(b, type, base)  hook_ref_is_null(b, base)  hook_ref_func(b, func, base)
** hook_ref_eq(b, base)  hook_ref_as_non_null(b, base)
** hook_br_on_null(b, c, base)        the reference comes after the carried values; it
**                                    stays where it is when the branch is not taken
** hook_br_on_non_null(b, c, base)    the reference is the last of the carried values
** hook_struct_new(b, x, given, base)  one operand for each field, or none: defaults
** hook_struct_get(b, op, x, field, base)  hook_struct_set(b, x, field, base)
** hook_array_new(b, op, x, y, base)  y: the number of elements of array.new_fixed, or the
**                                    segment
** hook_array_get(b, op, x, base)  hook_array_set(b, x, base)  hook_array_len(b, base)
** hook_array_bulk(b, op, x, y, base) fill, copy, init_data, init_elem
** hook_ref_test(b, to, base)  hook_ref_cast(b, to, base)
** hook_br_on_cast(b, c, to, fail, base)  the reference is the last of the carried values;
**                                    `fail`: taken where the cast fails
** hook_i31(b, op, base)              ref.i31, i31.get_s, i31.get_u
** hook_const(b, op, bits, base)      i32 and f32 bits zero-extended to u64
** hook_v128_const(b, bytes, base)  hook_shuffle(b, lanes, base)   16 bytes each
** hook_lane(b, op, lane, base)       extract_lane, replace_lane
** hook_lane_access(b, store, memarg, size, lane, base)   size: log2 of the lane's bytes
** hook_op(b, op, base)               everything whose row has a signature and no
**                                    immediate: numeric, comparison, conversion
** hook_frame_dead(b)                 a frame opened in dead code (it still takes a
** number)
*/
static inline Status hook_begin(Body *b);
static inline Status hook_unreachable(Body *b);
static inline Status hook_block(Body *b, Ctl *c, uint32_t base);
static inline Status hook_loop(Body *b, Ctl *c, uint32_t base);
static inline Status hook_if(Body *b, Ctl *c, uint32_t base);
static inline Status hook_else(Body *b, Ctl *c, bool reachable);
static inline Status hook_end(Body *b, Ctl *c, bool reachable);
static inline Status hook_again(Body *b, Ctl *c, bool reachable, bool *again);
static inline Status hook_br(Body *b, Ctl *c, uint32_t base);
static inline Status hook_br_if(Body *b, Ctl *c, uint32_t base);
static inline Status hook_br_table(Body *b, const uint32_t *depths, uint32_t n,
                                   uint32_t base);
static inline Status hook_return(Body *b, uint32_t base);
static inline Status hook_call(Body *b, uint32_t func, const FuncType *type,
                               uint32_t base);
static inline Status hook_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                        uint32_t base);
static inline Status hook_call_ref(Body *b, uint32_t typeidx, uint32_t base);
static inline Status hook_return_call(Body *b, uint32_t func, uint32_t base);
static inline Status hook_return_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                               uint32_t base);
static inline Status hook_return_call_ref(Body *b, uint32_t typeidx, uint32_t base);
static inline Status hook_try(Body *b, Ctl *c, uint32_t base);
static inline Status hook_throw(Body *b, uint32_t x, uint32_t base);
static inline Status hook_throw_ref(Body *b, uint32_t base);
static inline Status hook_rethrow(Body *b, Ctl *c);
static inline Status hook_catch(Body *b, Ctl *c, Opcode op, uint32_t x, bool first,
                                bool reachable);
static inline Status hook_delegate(Body *b, Ctl *c, uint32_t catcher, bool reachable);
static inline Status hook_drop(Body *b, uint32_t base);
static inline Status hook_select(Body *b, ValType type, uint32_t base);
static inline Status hook_local_get(Body *b, uint32_t x, uint32_t base);
static inline Status hook_local_set(Body *b, uint32_t x, uint32_t base);
static inline Status hook_local_tee(Body *b, uint32_t x, uint32_t base);
static inline Status hook_global_get(Body *b, uint32_t x, uint32_t base);
static inline Status hook_global_set(Body *b, uint32_t x, uint32_t base);
static inline Status hook_table_op(Body *b, Opcode op, uint32_t x, uint32_t y,
                                   uint32_t base);
static inline Status hook_load(Body *b, Opcode op, const MemArg *memarg, uint32_t base);
static inline Status hook_store(Body *b, Opcode op, const MemArg *memarg, uint32_t base);
static inline Status hook_fence(Body *b);
static inline Status hook_atomic(Body *b, Opcode op, const MemArg *memarg, uint32_t base);
static inline Status hook_memory_op(Body *b, Opcode op, uint32_t x, uint32_t y,
                                    uint32_t base);
static inline Status hook_ref_null(Body *b, ValType type, uint32_t base);
static inline Status hook_ref_is_null(Body *b, uint32_t base);
static inline Status hook_ref_func(Body *b, uint32_t func, uint32_t base);
static inline Status hook_ref_eq(Body *b, uint32_t base);
static inline Status hook_ref_as_non_null(Body *b, uint32_t base);
static inline Status hook_br_on_null(Body *b, Ctl *c, uint32_t base);
static inline Status hook_br_on_non_null(Body *b, Ctl *c, uint32_t base);
static inline Status hook_struct_new(Body *b, uint32_t x, bool given, uint32_t base);
static inline Status hook_struct_get(Body *b, Opcode op, uint32_t x, uint32_t field,
                                     uint32_t base);
static inline Status hook_struct_set(Body *b, uint32_t x, uint32_t field, uint32_t base);
static inline Status hook_array_new(Body *b, Opcode op, uint32_t x, uint32_t y,
                                    uint32_t base);
static inline Status hook_array_get(Body *b, Opcode op, uint32_t x, uint32_t base);
static inline Status hook_array_set(Body *b, uint32_t x, uint32_t base);
static inline Status hook_array_len(Body *b, uint32_t base);
static inline Status hook_array_bulk(Body *b, Opcode op, uint32_t x, uint32_t y,
                                     uint32_t base);
static inline Status hook_ref_test(Body *b, ValType to, uint32_t base);
static inline Status hook_ref_cast(Body *b, ValType to, uint32_t base);
static inline Status hook_br_on_cast(Body *b, Ctl *c, ValType to, bool fail,
                                     uint32_t base);
static inline Status hook_i31(Body *b, Opcode op, uint32_t base);
static inline Status hook_const(Body *b, Opcode op, uint64_t bits, uint32_t base);
static inline Status hook_v128_const(Body *b, const uint8_t *bytes, uint32_t base);
static inline Status hook_shuffle(Body *b, const uint8_t *lanes, uint32_t base);
static inline Status hook_lane(Body *b, Opcode op, uint32_t lane, uint32_t base);
static inline Status hook_lane_access(Body *b, bool store, const MemArg *memarg,
                                      unsigned size, uint32_t lane, uint32_t base);
static inline Status hook_op(Body *b, Opcode op, uint32_t base);
static inline Status hook_frame_dead(Body *b);

static inline Ctl *body_top(const Body *b)
{
  assert(b->nctls > 0);
  return &b->ctls[b->nctls - 1];
}

/* What a branch to `c` carries. */
static inline const ValType *body_label(const Ctl *c, uint32_t *n)
{
  *n = c->op == OP_LOOP ? c->nparams : c->nresults;
  return c->op == OP_LOOP ? c->params : c->results;
}

/* The rest of the template: walk includes ctl and mem, and both include stack. */
#include "wasm/body_walk.h"

#endif

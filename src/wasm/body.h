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
#include "wasm/skim.h"

typedef struct Ctl {
  Opcode op; /* OP_BLOCK, OP_LOOP, OP_IF, OP_ELSE once seen; the function is a block */
  bool live; /* opened in reachable code: hooks know this frame */
  bool unreachable;                /* the rest of the current arm is dead */
  uint32_t frame;                  /* number in BodyFacts.frames */
  uint32_t height;                 /* operand stack height below the parameters */
  const ValType *params, *results; /* live as long as the Module and Body.arena */
  uint32_t nparams, nresults;
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
  ValType *stack;
  uint32_t nstack, stack_cap;
  Ctl *ctls; /* ctls[nctls - 1] is the innermost; ctls[0] the function itself */
  uint32_t nctls, ctls_cap;
  uint32_t nframes; /* opened so far */
  uint32_t floor;   /* ctls[nctls - 1].height: what is below is out of reach */
  bool live;        /* hooks are called: the frame is live, the code in it reachable */
  uint32_t noperators, max_stack, max_frames; /* so far */
  uint32_t *depths;                           /* labels of the br_table being decoded */
  uint32_t depths_cap;
  HookBody hook;
} Body;

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
** hook_br(b, c, base)                c = the target; the values it carries are at base..
** hook_br_if(b, c, base)             the condition comes after the carried values
** hook_br_table(b, depths, n, base)  n+1 label depths, the default last; carried values
**                                    at base.., the index after them
** hook_return(b, base)
** hook_call(b, func, type, base)
** hook_call_indirect(b, typeidx, table, base)   the index comes after the arguments
** hook_drop(b, base)                 hook_select(b, type, base)
** hook_local_get(b, x, base)  hook_local_set(b, x, base)  hook_local_tee(b, x, base)
** hook_global_get(b, x, base) hook_global_set(b, x, base)
** hook_table_op(b, op, x, y, base)   table.get/set/size/grow/fill/copy/init, elem.drop;
**                                    x, y: immediates in the order of the binary format
** hook_load(b, op, memarg, base)     hook_store(b, op, memarg, base)
** hook_memory_op(b, op, x, y, base)  memory.size/grow/fill/copy/init, data.drop
** hook_ref_null(b, type, base)  hook_ref_is_null(b, base)  hook_ref_func(b, func, base)
** hook_const(b, op, bits, base)      i32 and f32 bits zero-extended to u64
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
static inline Status hook_br(Body *b, Ctl *c, uint32_t base);
static inline Status hook_br_if(Body *b, Ctl *c, uint32_t base);
static inline Status hook_br_table(Body *b, const uint32_t *depths, uint32_t n,
                                   uint32_t base);
static inline Status hook_return(Body *b, uint32_t base);
static inline Status hook_call(Body *b, uint32_t func, const FuncType *type,
                               uint32_t base);
static inline Status hook_call_indirect(Body *b, uint32_t typeidx, uint32_t table,
                                        uint32_t base);
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
static inline Status hook_memory_op(Body *b, Opcode op, uint32_t x, uint32_t y,
                                    uint32_t base);
static inline Status hook_ref_null(Body *b, ValType type, uint32_t base);
static inline Status hook_ref_is_null(Body *b, uint32_t base);
static inline Status hook_ref_func(Body *b, uint32_t func, uint32_t base);
static inline Status hook_const(Body *b, Opcode op, uint64_t bits, uint32_t base);
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

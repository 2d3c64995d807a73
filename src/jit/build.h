/*
** build.h -- the state of the IR builder, and how it deals with labels.
**
** SSA is made on the fly: `locals` has the current value of every local, `stack` of every
** operand. Structured control needs no incomplete blocks: a forward label is closed when
** its frame ends, so all branches to it are known then; a loop's label is open, so it
** gets parameters at once, for the locals that facts.h says are assigned inside.
** What a branch brings is a Carry: the label's values first, then the locals assigned in
** its frame. All other locals have the same value on every branch by definition.
** Invariants: `block` is the last block of the Func or NO_BLOCK; without a block nothing
** is emitted, so unreachable code costs nothing and makes no blocks; the edges to a label
** that is not placed yet are chained through Edge.to.
** Layer: jit.
*/
#ifndef LW_BUILD_H
#define LW_BUILD_H

#include "jit/make.h"

typedef struct Label { /* of one control frame */
  uint32_t pending;    /* newest edge to it, of a chain; NO_EDGE: none. Not for loops */
  uint32_t npending;
  uint32_t header;     /* loops: the block; else NO_BLOCK */
  uint32_t otherwise;  /* `if`: the edge taken when the condition is zero, or NO_EDGE */
  uint32_t stamp;      /* the last br_table that has an edge here ... */
  uint32_t table_edge; /* ... and that edge */
  struct Catches *catches; /* of a frame that catches; else NULL */
  struct Copies *copies;   /* of a loop whose body is built several times; else NULL */
} Label;

typedef struct Catches {
  Label dispatch; /* where the exceptional edges go */
  Label tests;    /* legacy: `otherwise` is what the tags compared so far have left */
  Ref exception;  /* from the dispatch block on */
} Catches;

/* A small loop's body is built several times in a row. Branches to the loop's label go to
   the next copy, those of the last one to the header: so only there are parameters to be
   set, and polls. */
typedef struct Copies {
  Label out;       /* behind the loop: what falls through the end of a copy */
  uint32_t header; /* the first copy */
  uint32_t left;   /* to be built yet */
} Copies;

typedef struct Builder {
  Func *f;
  const BodyFacts *facts;
  Err *err;
  KonTable kons;
  Ref *stack;              /* parallel to Body.stack */
  Ref *locals;             /* current values; those in slots: unused */
  Ref *merge;              /* room for one Carry */
  Ref poll_page;           /* of functions with a poll */
  uint32_t block;          /* the open block, or NO_BLOCK */
  uint32_t sole;           /* the edge of a BRIF that alone leads there, or NO_EDGE */
  uint32_t where;          /* Func.where of the operator at hand */
  uint32_t stamp;          /* number of the br_table at hand, from 1 */
  uint32_t unroll;         /* so many operators may be built again */
  unsigned effort;         /* of unrolling */
  struct Inliner *inliner; /* NULL: nothing is inlined */
  const struct Inlining *inside; /* the call that is being inlined, or NULL */
  uint32_t shift; /* from its operators' offsets to their Func.where; else 0 */
  /* Fuel: a stretch is what runs from one IR_FUEL to the next, or to the block's end. */
  const uint32_t *operators; /* Body.noperators; NULL: nobody counts */
  uint32_t
    paid; /* so many of them belong to stretches that have ended, or cost nothing */
  uint32_t meter; /* the IR_FUEL of the stretch at hand, or NO_METER: not yet */
} Builder;

typedef struct Carry {
  Ref *values; /* in Builder.stack: read by branches, written where the label is placed */
  uint32_t nvalues;
  const uint32_t *locals; /* local indexes */
  uint32_t nlocals;
} Carry;

/* A build for a benchmark only (make bench-polls): nothing can be interrupted. */
#ifdef LW_NO_POLLS
enum { NO_POLLS = 1 };
#else
enum { NO_POLLS = 0 };
#endif

#define NO_METER UINT32_MAX
/* A stretch begins with instruction `op`: IR_FUEL in front of it, unless that is one of
   those that must come first in a block. */
Status lw_flow_meter(Builder *b, IrOp op);
/* It ends behind the operator at hand. */
Status lw_flow_stretch(Builder *b);
/* The operator at hand costs nothing. */
static inline void lw_flow_free(Builder *b)
{
  b->paid++;
}

#define NO_LABEL ((Label){.pending = NO_EDGE, .header = NO_BLOCK, .otherwise = NO_EDGE})

/* Append an instruction to the open block; *out names its value, if it has one. */
static inline Status lw_build_ins(Builder *b, Ins ins, Ref *out)
{
  *out = REF_NONE;
  if (b->operators && b->meter == NO_METER) TRY(lw_flow_meter(b, (IrOp)ins.op));
  return lw_make_ins(b->f, ins, b->where, out, b->err);
}
/* Open a block that begins here, without parameters. */
Status lw_flow_open(Builder *b);
/* End the open block; its last instruction is there. */
void lw_flow_close(Builder *b);
/* A new edge from the open block to the label, which takes what `c` holds now. */
Status lw_flow_edge(Builder *b, Label *label, const Carry *c, uint32_t *edge);
/* End the open block with a jump to the label. One that is empty goes away: the edge to
   it goes there instead. */
Status lw_flow_jump(Builder *b, Label *label, const Carry *c);
/* End the open block with a branch to the label if `cond`; go on in a new block. */
Status lw_flow_branch_if(Builder *b, Label *label, const Carry *c, Ref cond);
/* End the open block with a branch on `cond` to a new block, where building goes on;
   label->otherwise holds what `c` holds, for the other arm. */
Status lw_flow_if(Builder *b, Label *label, const Carry *c, Ref cond);
/* Open the other arm: a block behind label->otherwise, if there is one. */
Status lw_flow_else(Builder *b, Label *label, const Carry *c);
/* The same edge goes to the label itself: an `if` without `else`. */
void lw_flow_no_else(Builder *b, Label *label);
/* Begin a loop: jump to a new block with a parameter for all that `c` holds, and poll. */
Status lw_flow_loop(Builder *b, Label *label, const Carry *c);
/*
** Place a forward label; no block is open (a frame that falls through has jumped).
** Opens a block behind all pending edges, with a parameter for each part of the Carry in
** which they differ; none are pending: no block. Linear in what the edges carry.
*/
Status lw_flow_join(Builder *b, Label *label, const Carry *c);

#endif

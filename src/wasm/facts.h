/*
** facts.h -- what validation learns about one body for the compiler.
**
** The IR builder needs to know, when a block, loop or if opens, which locals are
** assigned somewhere inside it: those get block parameters at its label, no others.
** lw_validate_func records that. Frames are numbered in the order in which
** they open, dead ones included, the function's own frame first; both walks use the
** same template, so the numbers agree.
** Invariant: the sum over frames of (assigned locals x (branches to the label + 1))
** is at most 2 x body bytes + 4096 (no real module we met needs more than 1). Where a
** body would exceed it, the least used locals are marked in_slot instead: they are
** never in `assigned`, and the builder keeps them in frame slots (loads and stores).
** That is what makes compile time linear on any input.
** Layer: wasm.
*/
#ifndef LW_FACTS_H
#define LW_FACTS_H

#include "wasm/module.h"

typedef struct FrameFacts {
  uint32_t first, count; /* range of BodyFacts.assigned */
  uint32_t operators; /* of a loop without loop, call and try, `end` included; else 0 */
} FrameFacts;

typedef struct BodyFacts {
  FrameFacts *frames;
  uint32_t nframes;
  uint32_t *assigned;  /* local indexes, ascending inside a frame */
  uint8_t *in_slot;    /* one byte a local (params included), or NULL: none */
  uint32_t nlocals;    /* params included */
  uint32_t max_stack;  /* deepest operand stack */
  uint32_t max_frames; /* deepest control stack */
  uint32_t noperators;
  bool calls, loops; /* reachable code has some */
} BodyFacts;

typedef struct BodyTraits {
  bool leaves;      /* it may tail-call a function of another instance */
  uint8_t small;    /* its operators; 0: they are many, or there are many locals, or there
                       is a try or a tail call */
  uint64_t matches; /* types of lists that were compared one by one */
} BodyTraits;

/*
** The facts of bodies that will be compiled right behind, so that no body is walked
** twice: as many as take little room.
*/
typedef struct FactsBook {
  Arena arena;
  BodyFacts *bodies; /* by index - nfuncs_imported; without frames: not in here */
} FactsBook;

/* Validate one body. */
Status lw_validate_body(const Module *m, uint32_t func, BodyTraits *traits,
                        Arena *scratch, Err *err);
/*
** The same with facts; `func` is an index >= nfuncs_imported. Their arrays come from
** `scratch`, which the caller resets.
*/
Status lw_validate_func(const Module *m, uint32_t func, BodyFacts *facts, Arena *scratch,
                        Err *err);
/* Both at once. */
Status lw_validate_facts(const Module *m, uint32_t func, BodyFacts *facts,
                         BodyTraits *traits, Arena *scratch, Err *err);

/*
** lw_module_validate_bodies (module.h), with a book of facts; lw_book_free whatever comes
** of it.
*/
Status lw_module_validate_into(Module *m, FactsBook *book, Err *err);
void lw_book_free(FactsBook *book);
/* What the book has about a body, or NULL. There may be no book. */
static inline const BodyFacts *lw_book_facts(const FactsBook *book, const Module *m,
                                             uint32_t func)
{
  const BodyFacts *facts = book ? &book->bodies[func - m->nfuncs_imported] : NULL;
  return facts && facts->frames ? facts : NULL;
}

#endif

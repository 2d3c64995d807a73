/*
** build_try.h -- part of build.c: exceptions.
**
** A call inside a frame that catches ends its block with TRY: one edge goes on, the other
** leads to the frame's dispatch label with the locals as they are at the call. Nothing is
** executed for that unless something is thrown: the run time finds the landing by the
** return address (rt/except.c). The dispatch block begins with LANDING, the exception; it
** compares tags one after the other, and what no clause takes is thrown anew, outside.
** An exception is an object: its tag in the second word, each value in 16 bytes behind
** it.
** Layer: jit.
*/
#ifndef LW_BUILD_TRY_H
#define LW_BUILD_TRY_H

#include "jit/layout.h"

static const Carry carry_nothing;

/* Throw: control does not come back. */
static Status raise(Body *b, Ref exception)
{
  Ref ignored;
  if (dead(b)) return LW_OK;
  TRY(call_helper(b, HELPER_throw, &exception, &ignored));
  TRY(end_throwing(b));
  TRY(emit_effect(b, (Ins){.op = IR_TRAP, .a = TRAP_UNREACHABLE}));
  lw_flow_close(&b->hook);
  return LW_OK;
}

static inline Status hook_throw(Body *b, uint32_t x, uint32_t base)
{
  const FuncType *t = lw_module_signature(b->module, b->module->tags[x]);
  const Ref *at = operands(b, base);
  Ref index, made;
  if (dead(b)) return LW_OK;
  TRY(constant(b, VAL_I32, x, &index));
  TRY(call_helper(b, HELPER_exn_new, &index, &made));
  for (uint32_t k = 0; k < t->nparams; k++) {
    Ins ins = {.op = IR_OBJ_STORE, .type = storage_kind(t->params[k]), .a = made};
    ins.aux = storage_access(t->params[k], false);
    ins.b = at[k];
    ins.c = EXN_VALUES + 16 * k; /* LIMIT_PARAMS bounds k */
    TRY(emit_effect(b, ins));
  }
  return raise(b, made);
}

static inline Status hook_throw_ref(Body *b, uint32_t base)
{
  Ref exception = *operands(b, base);
  TRY(check_null(b, exception, TRAP_NULL_EXN));
  return raise(b, exception);
}

static inline Status hook_rethrow(Body *b, Ctl *c)
{
  return raise(b, c->hook.catches->exception);
}

static inline Status hook_try(Body *b, Ctl *c, uint32_t base)
{
  (void)base;
  c->hook = NO_LABEL;
  c->hook.catches = ARENA_NEW(b->hook.f->arena, Catches);
  if (!c->hook.catches) return lw_nomem(b->err, "catch clauses");
  *c->hook.catches = (Catches){NO_LABEL, NO_LABEL, REF_NONE};
  return LW_OK;
}

/* Place the dispatch label, if anything can be thrown. No block is open. */
static Status open_dispatch(Body *b, const Ctl *c)
{
  Catches *k = c->hook.catches;
  Carry locals = carry(b, c, c->height, 0);
  at_operator(b);
  TRY(lw_flow_join(&b->hook, &k->dispatch, &locals));
  return emit(b, (Ins){.op = IR_LANDING, .type = VAL_REF}, &k->exception);
}

/* *cond: is it an exception of tag x? */
static Status compare_tag(Body *b, Ref exception, uint32_t x, Ref *cond)
{
  Ref has, want;
  Ins load = {.op = IR_OBJ_LOAD, .type = VAL_I64, .aux = MEM_64, .a = exception};
  load.c = EXN_TAG;
  TRY(emit(b, load, &has));
  TRY(emit(b, (Ins){.op = IR_TAG, .type = VAL_I64, .a = x}, &want));
  return emit(b, (Ins){.op = IR_EQ, .type = VAL_I64, .a = has, .b = want}, cond);
}

/* The values of an exception of tag x. */
static Status unpack(Body *b, Ref exception, uint32_t x, Ref *to)
{
  const FuncType *t = lw_module_signature(b->module, b->module->tags[x]);
  for (uint32_t k = 0; k < t->nparams; k++) {
    Ins ins = {.op = IR_OBJ_LOAD, .type = storage_kind(t->params[k]), .a = exception};
    ins.aux = storage_access(t->params[k], false);
    ins.c = EXN_VALUES + 16 * k;
    TRY(emit(b, ins, &to[k]));
  }
  return LW_OK;
}

/* ---- try_table: the clauses, where the frame ends ---- */

static Status take_clause(Body *b, Ctl *c, const CatchClause *clause)
{
  Ctl *target = &b->ctls[clause->target];
  Ref *to = operands(b, c->height), exception = c->hook.catches->exception;
  uint32_t n = 0;
  if (!(clause->kind & CATCH_ALL)) {
    n = lw_module_signature(b->module, b->module->tags[clause->tag])->nparams;
    TRY(unpack(b, exception, clause->tag, to));
  }
  if (clause->kind & CATCH_REF) to[n] = exception;
  return hook_br(b, target, c->height);
}

static Status try_clauses(Body *b, Ctl *c)
{
  for (uint32_t i = 0; i < c->nclauses; i++) {
    const CatchClause *clause = &c->clauses[i];
    if (clause->kind & CATCH_ALL) return take_clause(b, c, clause);
    Label other = NO_LABEL;
    Ref cond;
    TRY(compare_tag(b, c->hook.catches->exception, clause->tag, &cond));
    TRY(lw_flow_if(&b->hook, &other, &carry_nothing, cond));
    TRY(take_clause(b, c, clause));
    TRY(lw_flow_else(&b->hook, &other, &carry_nothing));
  }
  return LW_OK;
}

/* ---- legacy: arms ---- */

/* The open block, if any, is the end of an arm. */
static Status close_arm(Body *b, Ctl *c)
{
  if (dead(b)) return LW_OK;
  Carry results = carry(b, c, c->height, c->nresults);
  at_operator(b);
  return lw_flow_jump(&b->hook, &c->hook, &results);
}

static inline Status hook_catch(Body *b, Ctl *c, Opcode op, uint32_t x, bool first,
                                bool reachable)
{
  Catches *k = c->hook.catches;
  Carry locals = carry(b, c, c->height, 0);
  assert(reachable || dead(b)), (void)reachable;
  TRY(close_arm(b, c));
  if (!first)
    TRY(lw_flow_else(&b->hook, &k->tests, &locals));
  else if (k->dispatch.pending != NO_EDGE)
    TRY(open_dispatch(b, c));
  if (op == OP_CATCH_ALL) return LW_OK;
  if (!dead(b)) {
    Ref cond;
    TRY(compare_tag(b, k->exception, x, &cond));
    TRY(lw_flow_if(&b->hook, &k->tests, &locals, cond));
  }
  return unpack(b, k->exception, x, operands(b, c->height));
}

/* ---- the end of either ---- */

/* Leaves no block open if anything can be thrown inside. */
static Status end_try(Body *b, Ctl *c)
{
  Catches *k = c->hook.catches;
  bool arms = c->op == OP_CATCH;
  if (c->op == OP_CATCH_ALL) return LW_OK;
  if ((arms ? k->tests.otherwise : k->dispatch.pending) == NO_EDGE) return LW_OK;
  TRY(close_arm(b, c));
  if (arms) {
    Carry locals = carry(b, c, c->height, 0);
    TRY(lw_flow_else(&b->hook, &k->tests, &locals));
  } else {
    TRY(open_dispatch(b, c));
    TRY(try_clauses(b, c));
  }
  b->catcher = c->outside;
  return raise(b, k->exception);
}

#endif

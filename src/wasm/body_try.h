/*
** body_try.h -- part of the template body.h: exceptions, of 3.0 and the legacy form.
**
** A try_table has its clauses at the start, and they name labels outside it; a legacy try
** has them as arms. Body.catcher is the frame that catches what is thrown at the current
** place: the includer's hooks for calls and throws look there.
** Standard, section 3.4.4; the legacy form as its proposal says.
** Layer: wasm.
*/
#ifndef LW_BODY_TRY_H
#define LW_BODY_TRY_H

#include "wasm/body_mem.h"

/* From here on exceptions go to the frame at index c (from 1), or out of the function. */
static inline void body_catch_by(Body *b, Ctl *self, uint32_t catcher)
{
  self->catcher = catcher;
  b->catcher = catcher;
}

static Status body_read_tag(Body *b, uint32_t *x, const FuncType **t)
{
  TRY(body_read_index(b, b->module->ntags, "tag", x));
  *t = lw_module_signature(b->module, b->module->tags[*x]);
  return LW_OK;
}

/* ---- throwing ---- */

static Status body_throw(Body *b)
{
  uint32_t x = 0;
  const FuncType *t;
  TRY(body_read_tag(b, &x, &t));
  TRY(body_pop_list(b, t->params, t->nparams));
  if (b->live) TRY(hook_throw(b, x, b->nstack));
  body_dead(b);
  return LW_OK;
}

static Status body_throw_ref(Body *b)
{
  TRY(body_pop(b, VAL_REF_TO(HEAP_EXN, 1)));
  if (b->live) TRY(hook_throw_ref(b, b->nstack));
  body_dead(b);
  return LW_OK;
}

/* ---- try_table ---- */

/* What a clause brings to its label: the tag's values, the exception. */
static Status body_check_clause(Body *b, const CatchClause *k)
{
  uint32_t n, want = 0;
  const FuncType *t = NULL;
  const ValType *types = body_label(&b->ctls[k->target], &n);
  if (!(k->kind & CATCH_ALL)) {
    t = lw_module_signature(b->module, b->module->tags[k->tag]);
    want = t->nparams;
  }
  bool ref = k->kind & CATCH_REF, fits = n == want + ref;
  if (fits && t) TRY(body_lists_fit(b, t->params, types, want, &fits));
  if (fits && ref) fits = body_match(b, VAL_REF_TO(HEAP_EXN, 0), types[want]);
  if (!fits)
    return lw_bad_type(b->op, "a catch clause does not fit its label", b->op_at, b->err);
  /* an includer puts them where the operands are */
  TRY(body_stack_room(b, n + STACK_ROOM));
  if (b->nstack + n > b->max_stack) b->max_stack = b->nstack + n;
  return LW_OK;
}

static Status body_read_clause(Body *b, CatchClause *k)
{
  Ctl *target;
  const FuncType *t;
  TRY(lw_read_byte(&b->r, &k->kind));
  if (k->kind > (CATCH_REF | CATCH_ALL))
    return lw_reader_bad(&b->r, "malformed catch clause");
  if (!(k->kind & CATCH_ALL)) TRY(body_read_tag(b, &k->tag, &t));
  TRY(body_read_label(b, &target));
  k->target = (uint32_t)(target - b->ctls);
  return body_check_clause(b, k);
}

/* The labels of its clauses are counted without the frame itself. */
static Status body_try_table(Body *b)
{
  Ctl proto = {.op = OP_TRY_TABLE};
  uint32_t cap, n;
  TRY(body_read_block(b, &proto));
  TRY(body_pop_list(b, proto.params, proto.nparams));
  TRY(lw_read_count(&b->r, "catches", LIMIT_BR_TABLE, 2, &n, &cap));
  CatchClause *clauses = ARENA_RAW(b->arena, CatchClause, cap + 1);
  if (!clauses) return lw_nomem(b->err, "catch clauses");
  for (uint32_t i = 0; i < n; i++) {
    CatchClause k = {0, 0, 0};
    TRY(body_read_clause(b, &k));
    assert(i < cap);
    clauses[i] = k;
  }
  TRY(body_push_list(b, proto.params, proto.nparams));
  proto.clauses = clauses;
  proto.nclauses = n;
  TRY(body_ctl_push(b, &proto));
  Ctl *c = body_top(b);
  c->outside = b->catcher;
  if (n) body_catch_by(b, c, b->nctls);
  return b->live ? hook_try(b, c, c->height) : hook_frame_dead(b);
}

/* ---- legacy ---- */

static Status body_legacy_try(Body *b)
{
  Ctl proto = {.op = OP_TRY};
  TRY(body_read_block(b, &proto));
  TRY(body_pop_list(b, proto.params, proto.nparams));
  TRY(body_push_list(b, proto.params, proto.nparams));
  TRY(body_ctl_push(b, &proto));
  Ctl *c = body_top(b);
  c->outside = b->catcher;
  body_catch_by(b, c, b->nctls);
  return b->live ? hook_try(b, c, c->height) : hook_frame_dead(b);
}

/* catch and catch_all: the arm before ends, what is thrown in this one goes out. */
static Status body_legacy_catch(Body *b)
{
  Ctl *c = body_top(b);
  uint32_t x = 0;
  const FuncType *t = NULL;
  if (c->op != OP_TRY && c->op != OP_CATCH)
    return lw_fail(b->err, LW_MALFORMED, b->op_at, "%s outside a try",
                   lw_op_info[b->op].text);
  TRY(body_close_arm(b, c));
  if (b->op == OP_CATCH) TRY(body_read_tag(b, &x, &t));
  bool first = c->op == OP_TRY;
  body_catch_by(b, c, c->outside);
  if (c->live) TRY(hook_catch(b, c, b->op, x, first, !c->unreachable));
  c->op = b->op;
  c->unreachable = false;
  b->live = c->live;
  return t ? body_push_list(b, t->params, t->nparams) : LW_OK;
}

static Status body_delegate(Body *b)
{
  Ctl *c = body_top(b), *target;
  if (c->op != OP_TRY)
    return lw_fail(b->err, LW_MALFORMED, b->op_at, "delegate outside a try");
  TRY(body_close_arm(b, c));
  uint32_t depth;
  TRY(lw_leb_u32(&b->r, &depth));
  if (depth + 1 >= b->nctls || depth == UINT32_MAX)
    return lw_bad_index("label", depth, b->op_at, b->err);
  target = c - 1 - depth;
  if (c->live) TRY(hook_delegate(b, c, target->catcher, !c->unreachable));
  return body_pop_frame(b, c);
}

static Status body_rethrow(Body *b)
{
  Ctl *c;
  TRY(body_read_label(b, &c));
  if (c->op != OP_CATCH && c->op != OP_CATCH_ALL)
    return lw_fail(b->err, LW_INVALID, b->op_at, "invalid rethrow label");
  if (b->live) TRY(hook_rethrow(b, c));
  body_dead(b);
  return LW_OK;
}

#endif

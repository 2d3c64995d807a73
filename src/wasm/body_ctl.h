/*
** body_ctl.h -- part of the template body.h: frames, branches and calls.
**
** Each structured operator opens a frame; labels count frames from the innermost. The
** function itself is frame 0, whose results a `return` carries.
** Invariants: floor and live mirror the innermost frame; the operands below its height
** are those of the frames around it; frames are numbered as they open, dead ones too.
** Layer: wasm.
*/
#ifndef LW_BODY_CTL_H
#define LW_BODY_CTL_H

#include "wasm/body_stack.h"

enum { CTLS_FIRST = 16, DEPTHS_FIRST = 64 };

/* The list that holds just `t`. The usual ones are constants, so that equal lists of
   different frames mostly have equal addresses. */
static Status body_single(Body *b, ValType t, const ValType **out)
{
  static const ValType numeric[] = {VAL_NONE, VAL_I32, VAL_I64,
                                    VAL_F32,  VAL_F64, VAL_V128};
  static const ValType refs[] = {VAL_FUNCREF, VAL_EXTERNREF};
  if (t <= VAL_V128) {
    *out = &numeric[t];
    return LW_OK;
  }
  if (t == VAL_FUNCREF || t == VAL_EXTERNREF) {
    *out = &refs[t == VAL_EXTERNREF];
    return LW_OK;
  }
  ValType *own = ARENA_NEW(b->arena, ValType);
  if (!own) return lw_nomem(b->err, "a block type");
  *own = t;
  *out = own;
  return LW_OK;
}

static Status body_read_block(Body *b, Ctl *c)
{
  BlockType bt;
  TRY(lw_read_blocktype(&b->r, b->module->features, &bt));
  c->params = c->results = NULL;
  c->nparams = c->nresults = 0;
  if (bt.indexed) {
    TRY(lw_type_is_func(b->module, bt.index, b->op_at, b->err));
    const FuncType *t = lw_module_signature(b->module, bt.index);
    c->params = t->params, c->nparams = t->nparams;
    c->results = t->results, c->nresults = t->nresults;
  } else if (bt.result != VAL_NONE) {
    c->nresults = 1;
    TRY(lw_type_known(b->module, bt.result, b->op_at, b->err));
    TRY(body_single(b, bt.result, &c->results));
  }
  return LW_OK;
}

static Status body_ctls_grow(Body *b)
{
  if (b->nctls >= LIMIT_NESTING)
    return lw_fail(b->err, LW_LIMIT, b->op_at,
                   "blocks nested too deeply, the limit is %d", LIMIT_NESTING);
  uint32_t cap = b->ctls_cap ? b->ctls_cap * 2 : CTLS_FIRST;
  Ctl *ctls =
    lw_arena_grow(b->arena, b->ctls, b->ctls_cap * sizeof *ctls, cap * sizeof *ctls);
  if (!ctls) return lw_nomem(b->err, "control frames");
  b->ctls = ctls;
  b->ctls_cap = cap;
  return LW_OK;
}

/* Make `proto`, whose op and types are set, the innermost frame. Its parameters lie on
   the stack. */
static inline Status body_ctl_push(Body *b, const Ctl *proto)
{
  if (b->nctls == b->ctls_cap) TRY(body_ctls_grow(b));
  Ctl *c = &b->ctls[b->nctls++];
  *c = *proto;
  c->live = b->live;
  c->unreachable = false;
  c->frame = b->nframes++;
  c->height = b->nstack - c->nparams;
  c->set = b->nset;
  c->catcher = b->catcher;
  b->floor = c->height;
  if (b->nctls > b->max_frames) b->max_frames = b->nctls;
  return LW_OK;
}

/* block, loop, if */
static Status body_enter(Body *b, Opcode op)
{
  Ctl proto = {.op = op};
  TRY(body_read_block(b, &proto));
  if (op == OP_IF) TRY(body_pop(b, VAL_I32));
  if (proto.nparams) {
    TRY(body_pop_list(b, proto.params, proto.nparams));
    TRY(body_push_list(b, proto.params, proto.nparams));
  }
  TRY(body_ctl_push(b, &proto));
  Ctl *c = body_top(b);
  if (!b->live) return hook_frame_dead(b);
  switch (op) {
  case OP_LOOP: c->start = b->r.pos; return hook_loop(b, c, c->height);
  case OP_IF: return hook_if(b, c, c->height);
  default: return hook_block(b, c, c->height);
  }
}

/* The rest of the arm cannot be reached. */
static inline void body_dead(Body *b)
{
  Ctl *c = body_top(b);
  c->unreachable = true;
  b->nstack = c->height;
  b->live = false;
}

/* What the arm that ends has set is unset again. */
static inline void body_unset(Body *b, const Ctl *c)
{
  while (b->nset > c->set)
    b->unset[b->set[--b->nset]] = 1;
}

/* The end of an arm: its results, and nothing else, lie above the floor. They stay. */
static inline Status body_close_arm(Body *b, const Ctl *c)
{
  TRY(body_pop_list(b, c->results, c->nresults));
  if (b->nstack != c->height)
    return lw_bad_height(c->op, b->stack + c->height, b->nstack - c->height, b->op_at,
                         b->err);
  body_unset(b, c);
  return LW_OK;
}

static Status body_else(Body *b)
{
  Ctl *c = body_top(b);
  if (c->op != OP_IF) return lw_bad_else(b->op_at, b->err);
  TRY(body_close_arm(b, c));
  if (c->live) TRY(hook_else(b, c, !c->unreachable));
  c->op = OP_ELSE;
  c->unreachable = false;
  b->live = c->live;
  return body_push_list(b, c->params, c->nparams);
}

/* An `if` without `else` passes its parameters on. */
static Status body_check_one_armed(Body *b, const Ctl *c)
{
  bool same = c->nparams == c->nresults;
  if (same) TRY(body_lists_fit(b, c->params, c->results, c->nparams, &same));
  return same ? LW_OK
              : lw_bad_type(OP_IF, "without else its parameters must be its results",
                            b->op_at, b->err);
}

/* The frame is over; its results are on the stack of the one around it. */
static inline Status body_pop_frame(Body *b, const Ctl *c)
{
  b->nctls--;
  if (b->nctls == 0) return LW_OK;
  const Ctl *outer = c - 1;
  b->floor = outer->height;
  b->catcher = outer->catcher;
  b->live = outer->live && !outer->unreachable;
  return c->nresults ? body_push_list(b, c->results, c->nresults) : LW_OK;
}

/* Back to the first operator of the loop, if its hook wants that. Inner frames get the
   same numbers again. */
static Status body_repeat(Body *b, Ctl *c, bool *again)
{
  *again = false;
  TRY(hook_again(b, c, !c->unreachable, again));
  if (!*again) return LW_OK;
  b->r.pos = c->start;
  b->nframes = c->frame + 1;
  b->nstack = c->height;
  b->live = true;
  c->unreachable = false;
  return body_push_list(b, c->params, c->nparams);
}

static inline Status body_end(Body *b)
{
  Ctl *c = body_top(b);
  TRY(body_close_arm(b, c));
  if (c->op == OP_LOOP && c->live) {
    bool again;
    TRY(body_repeat(b, c, &again));
    if (again) return LW_OK;
  }
  if (c->op == OP_IF) TRY(body_check_one_armed(b, c));
  if (c->live) TRY(hook_end(b, c, !c->unreachable));
  return body_pop_frame(b, c);
}

static inline Status body_read_label(Body *b, Ctl **out)
{
  uint32_t depth;
  TRY(lw_leb_u32(&b->r, &depth));
  if (depth >= b->nctls) {
    lw_bad_index("label", depth, b->op_at, b->err);
    return LW_INVALID; /* spelled out: compilers see that *out is set on LW_OK */
  }
  *out = &b->ctls[b->nctls - 1 - depth];
  return LW_OK;
}

static Status body_br(Body *b)
{
  Ctl *c;
  uint32_t n;
  TRY(body_read_label(b, &c));
  const ValType *types = body_label(c, &n);
  TRY(body_pop_list(b, types, n));
  if (b->live) TRY(hook_br(b, c, b->nstack));
  body_dead(b);
  return LW_OK;
}

static inline Status body_br_if(Body *b)
{
  Ctl *c;
  uint32_t n;
  TRY(body_read_label(b, &c));
  TRY(body_pop(b, VAL_I32));
  const ValType *types = body_label(c, &n);
  if (n == 0) return b->live ? hook_br_if(b, c, b->nstack) : LW_OK;
  TRY(body_pop_list(b, types, n));
  if (b->live) TRY(hook_br_if(b, c, b->nstack));
  return body_push_list(b, types, n);
}

/* The labels of a br_table into b->depths, the default last. */
static Status body_read_labels(Body *b, uint32_t *n)
{
  uint32_t cap;
  TRY(lw_read_count(&b->r, "labels of br_table", LIMIT_BR_TABLE, 1, n, &cap));
  if (*n >= b->depths_cap) {
    uint32_t room = b->depths_cap ? b->depths_cap : DEPTHS_FIRST;
    while (room <= *n)
      room *= 2;
    b->depths = ARENA_RAW(b->arena, uint32_t, room);
    b->depths_cap = b->depths ? room : 0;
    if (!b->depths) return lw_nomem(b->err, "labels of br_table");
  }
  for (uint32_t i = 0; i <= *n; i++)
    TRY(lw_leb_u32(&b->r, &b->depths[i]));
  return LW_OK;
}

static Status body_br_table(Body *b)
{
  uint32_t n, arity, count;
  TRY(body_read_labels(b, &n));
  TRY(body_pop(b, VAL_I32));
  for (uint32_t i = 0; i <= n; i++)
    if (b->depths[i] >= b->nctls)
      return lw_bad_index("label", b->depths[i], b->op_at, b->err);
  const ValType *last = body_label(&b->ctls[b->nctls - 1 - b->depths[n]], &arity);
  TRY(body_peek_list(b, last, arity));
  for (uint32_t i = 0; i < n; i++) {
    const ValType *types = body_label(&b->ctls[b->nctls - 1 - b->depths[i]], &count);
    if (count != arity)
      return lw_bad_type(OP_BR_TABLE, "labels carry different numbers of values",
                         b->op_at, b->err);
    if (types != last) TRY(body_peek_list(b, types, count));
    last = types; /* the same list again needs no second look */
  }
  if (b->live) {
    b->nstack -= arity;
    TRY(hook_br_table(b, b->depths, n, b->nstack));
  }
  body_dead(b);
  return LW_OK;
}

static Status body_return(Body *b)
{
  const Ctl *c = &b->ctls[0];
  TRY(body_pop_list(b, c->results, c->nresults));
  if (b->live) TRY(hook_return(b, b->nstack));
  body_dead(b);
  return LW_OK;
}

static Status body_call(Body *b)
{
  uint32_t func;
  TRY(lw_leb_u32(&b->r, &func));
  if (func >= b->module->nfuncs) return lw_bad_index("function", func, b->op_at, b->err);
  const FuncType *t = lw_module_functype(b->module, func);
  TRY(body_pop_list(b, t->params, t->nparams));
  if (b->live) TRY(hook_call(b, func, t, b->nstack));
  return body_push_list(b, t->results, t->nresults);
}

/* typeidx tableidx, and the table index on the stack; the arguments are still there. */
static Status body_read_indirect(Body *b, uint32_t *typeidx, uint32_t *table)
{
  const Module *m = b->module;
  TRY(lw_leb_u32(&b->r, typeidx));
  TRY(lw_leb_u32(&b->r, table));
  if (*table >= m->ntables) return lw_bad_index("table", *table, b->op_at, b->err);
  TRY(lw_type_is_func(m, *typeidx, b->op_at, b->err));
  if (!body_match(b, m->tables[*table].type.elem, VAL_FUNCREF))
    return lw_bad_type(b->op, "the table does not hold functions", b->op_at, b->err);
  return body_pop(b, m->tables[*table].type.limits.is64 ? VAL_I64 : VAL_I32);
}

static Status body_call_indirect(Body *b)
{
  uint32_t typeidx = 0, table = 0;
  TRY(body_read_indirect(b, &typeidx, &table));
  const FuncType *t = lw_module_signature(b->module, typeidx);
  TRY(body_pop_list(b, t->params, t->nparams));
  if (b->live) TRY(hook_call_indirect(b, typeidx, table, b->nstack));
  return body_push_list(b, t->results, t->nresults);
}

/* typeidx, and a reference to such a function on the stack. */
static Status body_read_ref(Body *b, uint32_t *typeidx)
{
  TRY(lw_leb_u32(&b->r, typeidx));
  TRY(lw_type_is_func(b->module, *typeidx, b->op_at, b->err));
  return body_pop(b, VAL_REF_TO(*typeidx, 1));
}

static Status body_call_ref(Body *b)
{
  uint32_t typeidx = 0;
  TRY(body_read_ref(b, &typeidx));
  const FuncType *t = lw_module_signature(b->module, typeidx);
  TRY(body_pop_list(b, t->params, t->nparams));
  if (b->live) TRY(hook_call_ref(b, typeidx, b->nstack));
  return body_push_list(b, t->results, t->nresults);
}

/* ---- tail calls: the callee's results are ours ---- */

static Status body_tail(Body *b, const FuncType *t)
{
  const Ctl *c = &b->ctls[0];
  bool ok = t->nresults == c->nresults;
  if (ok) TRY(body_lists_fit(b, t->results, c->results, t->nresults, &ok));
  if (!ok)
    return lw_bad_type(b->op, "the callee's results are not those of the function",
                       b->op_at, b->err);
  return body_pop_list(b, t->params, t->nparams);
}

static Status body_return_call(Body *b)
{
  uint32_t func;
  TRY(lw_leb_u32(&b->r, &func));
  if (func >= b->module->nfuncs) return lw_bad_index("function", func, b->op_at, b->err);
  TRY(body_tail(b, lw_module_functype(b->module, func)));
  if (b->live) TRY(hook_return_call(b, func, b->nstack));
  body_dead(b);
  return LW_OK;
}

static Status body_return_call_indirect(Body *b)
{
  uint32_t typeidx = 0, table = 0;
  TRY(body_read_indirect(b, &typeidx, &table));
  TRY(body_tail(b, lw_module_signature(b->module, typeidx)));
  if (b->live) TRY(hook_return_call_indirect(b, typeidx, table, b->nstack));
  body_dead(b);
  return LW_OK;
}

static Status body_return_call_ref(Body *b)
{
  uint32_t typeidx = 0;
  TRY(body_read_ref(b, &typeidx));
  TRY(body_tail(b, lw_module_signature(b->module, typeidx)));
  if (b->live) TRY(hook_return_call_ref(b, typeidx, b->nstack));
  body_dead(b);
  return LW_OK;
}

#endif

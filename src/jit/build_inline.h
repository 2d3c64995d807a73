/*
** build_inline.h -- part of build.c: direct calls, and small functions in their place.
**
** The callee's body is walked by a Body of its own, whose state is the caller's with
** other arrays of values: so it goes on in the open block. Arguments are its first
** locals, its own label is an ordinary one, to which `return` jumps, too; at its end
** the results are the caller's operands. Func.where gets numbers that lw_ir_offset
** explains, for traces. Which calls: FuncDef.small says which callees; not where
** something may be caught, since no landing is made for what happens in an inlined
** call; no more than MOST_INSIDE in each other. Operators are counted, so that it is
** linear.
** Layer: jit.
*/
#ifndef LW_BUILD_INLINE_H
#define LW_BUILD_INLINE_H

enum {
  INLINE_FREE = 256,
  INLINE_SHARE = 4,
  MOST_ITSELF = 48,
  MOST_OTHERS = 10,
  MOST_INSIDE = PLACES - 1,
  MOST_INS = 1 << 20
};

enum { KNOWN = 16 };
typedef struct Inliner { /* one to a function that is built */
  uint32_t left;         /* operators of callees that may be built yet */
  const FactsBook *book; /* or NULL */
  Arena *walks;
  uint32_t func[KNOWN]; /* what was inlined last, by its index % KNOWN ... */
  const BodyFacts *facts[KNOWN];
  BodyRoom rooms[MOST_INSIDE]; /* by depth */
} Inliner;

typedef struct Inlining { /* a call whose callee is being built */
  uint32_t func;
  const struct Inlining *outer;
} Inlining;

static uint32_t depth_of(const Body *b)
{
  uint32_t depth = 0;
  for (const Inlining *i = b->hook.inside; i; i = i->outer)
    depth++;
  return depth;
}

/* May there be one more `func` in what is being built? */
static bool may_nest(const Body *b, uint32_t func)
{
  uint32_t same = b->hook.f->index == func;
  for (const Inlining *i = b->hook.inside; i; i = i->outer)
    same += i->func == func;
  return depth_of(b) < MOST_INSIDE && same < 6;
}

static bool wants_inlined(const Body *b, uint32_t func)
{
  const Inliner *in = b->hook.inliner;
  const FuncDef *def = &b->module->funcs[func];
  uint32_t most = func == b->hook.f->index ? MOST_ITSELF : MOST_OTHERS;
  return in && def->small && def->small <= most && def->small <= in->left &&
         !b->catcher && !dead(b) && b->hook.f->nins < MOST_INS && may_nest(b, func);
}

static Status facts_of(Body *b, uint32_t func, const BodyFacts **out)
{
  Inliner *in = b->hook.inliner;
  *out = lw_book_facts(in->book, b->module, func);
  if (*out) return LW_OK;
  *out = in->facts[func % KNOWN];
  if (*out && in->func[func % KNOWN] == func) return LW_OK;
  BodyFacts *facts = ARENA_NEW(in->walks, BodyFacts);
  if (!facts) return lw_nomem(b->err, "facts about a function");
  TRY(lw_validate_func(b->module, func, facts, in->walks, b->err));
  in->func[func % KNOWN] = func;
  in->facts[func % KNOWN] = *out = facts;
  return LW_OK;
}

/* Room for the values of a body with these facts. */
static Status begin_values(Builder *h, const BodyFacts *facts)
{
  Arena *arena = h->f->arena;
  uint32_t nstack = facts->max_stack + 1;
  h->facts = facts;
  h->stack = ARENA_RAW(arena, Ref, nstack);
  h->locals = ARENA_RAW(arena, Ref, facts->nlocals + 1);
  h->merge = ARENA_RAW(arena, Ref, nstack + facts->nlocals);
  return h->stack && h->locals && h->merge ? LW_OK : lw_nomem(h->err, "values of locals");
}

/* The arguments are in their locals; the others are zero. There is no poll, but fuel is
   paid where one would be. */
static Status begin_inlined(Body *b)
{
  assert(!b->hook.facts->in_slot);
  if (b->hook.operators && has_poll(b)) {
    at_operator(b);
    TRY(lw_flow_meter(&b->hook, IR_FUEL));
  }
  for (uint32_t i = b->type->nparams; i < b->nlocals; i++) {
    uint8_t kind = (uint8_t)lw_val_kind(b->locals[i]);
    TRY(constant(b, kind, 0, &b->hook.locals[i]));
  }
  return LW_OK;
}

/* What has been built goes on in `h`: all but the values of a body. */
static void go_on_in(Builder *h, const Builder *from)
{
  Builder own = *h;
  *h = *from;
  h->facts = own.facts;
  h->stack = own.stack;
  h->locals = own.locals;
  h->merge = own.merge;
  h->inside = own.inside;
  h->shift = own.shift;
}

/*
** Fuel is counted as by a call: the caller's stretch has begun and goes on behind the
** callee, which pays for itself. So it must go on even where the callee never returns.
*/
static Status begin_paying(Body *b, Body *callee)
{
  Builder *h = &b->hook;
  if (!h->operators) return LW_OK;
  if (h->meter == NO_METER) TRY(lw_flow_meter(h, IR_FUEL));
  callee->hook.operators = &callee->noperators;
  callee->hook.paid = 0;
  callee->hook.meter = NO_METER;
  return LW_OK;
}

/* `at`: the callee's results, among the caller's operands. */
static Status end_paying(Body *b, Body *callee, Ref *at)
{
  Builder *h = &callee->hook;
  if (!b->hook.operators) return LW_OK;
  TRY(lw_flow_stretch(h));
  if (dead(callee)) {
    TRY(lw_flow_open(h));
    for (uint32_t i = 0; i < callee->type->nresults; i++)
      TRY(constant(callee, (uint8_t)lw_val_kind(callee->type->results[i]), 0, &at[i]));
  }
  h->operators = b->hook.operators;
  h->paid = b->hook.paid;
  h->meter = b->hook.meter;
  return LW_OK;
}

static Status inline_call(Body *b, uint32_t func, uint32_t base)
{
  Span body = b->module->funcs[func].body;
  Inlining call = {func, b->hook.inside};
  const BodyFacts *facts;
  uint32_t first;
  Body callee;
  b->hook.inliner->left -= b->module->funcs[func].small;
  at_operator(b);
  TRY(lw_make_inlined(b->hook.f, b->hook.where, body.at, body.size, &first, b->err));
  TRY(facts_of(b, func, &facts));
  BodyRoom *room = &b->hook.inliner->rooms[depth_of(b)];
  TRY(body_begin_in(&callee, room, b->module, func, b->hook.f->arena, b->err));
  Builder *h = &callee.hook;
  *h = b->hook;
  TRY(begin_paying(b, &callee));
  h->inside = &call;
  h->shift = first - body.at;
  TRY(begin_values(h, facts));
  Ref *at = operands(b, base);
  memcpy(h->locals, at, callee.type->nparams * sizeof *at);
  TRY(body_walk(&callee));
  *room = (BodyRoom){callee.stack, callee.ctls, callee.stack_cap, callee.ctls_cap};
  for (uint32_t i = 0; i < callee.type->nresults; i++)
    at[i] = dead(&callee) ? REF_NONE : h->stack[i];
  TRY(end_paying(b, &callee, at));
  go_on_in(&b->hook, h);
  return LW_OK;
}

static inline Status hook_call(Body *b, uint32_t func, const FuncType *type,
                               uint32_t base)
{
  uint32_t typeidx = b->module->funcs[func].type;
  assert(type == lw_module_signature(b->module, typeidx));
  (void)type;
  if (wants_inlined(b, func)) return inline_call(b, func, base);
  if (func >= b->module->nfuncs_imported)
    return emit_call(b, IR_CALL, func, typeidx, base);
  Ref cell;
  TRY(emit(b, (Ins){.op = IR_FUNC_REF, .type = VAL_REF, .a = func}, &cell));
  return emit_call(b, IR_CALL_CELL, cell, typeidx, base);
}

#endif

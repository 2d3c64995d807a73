/*
** body_stack.h -- part of the template body.h: the operand stack of types.
**
** After an unconditional branch the rest of an arm is dead and its stack is polymorphic:
** popping below the frame's floor yields whatever is wanted. Such operands, where their
** type is never asked for, are VAL_NONE, which matches everything.
** Invariants: floor <= nstack <= stack_cap; before each operator STACK_ROOM free entries
** are there, so that pushing one result needs no check (the walk looks only when nstack
** reaches a new maximum).
** Layer: wasm.
*/
#ifndef LW_BODY_STACK_H
#define LW_BODY_STACK_H

enum { STACK_ROOM = 4, STACK_FIRST = 32 };

/* Make room for `more` entries. Cold: doubles. */
static Status body_stack_grow(Body *b, uint32_t more)
{
  if (more > LIMIT_OPERANDS - b->nstack)
    return lw_fail(b->err, LW_LIMIT, b->op_at,
                   "too many operands on the stack, the limit is %d", LIMIT_OPERANDS);
  uint32_t cap = b->stack_cap ? b->stack_cap : STACK_FIRST;
  while (cap < b->nstack + more)
    cap *= 2;
  ValType *stack =
    lw_arena_grow(b->arena, b->stack, b->stack_cap * sizeof *stack, cap * sizeof *stack);
  if (!stack) return lw_nomem(b->err, "operand types");
  b->stack = stack;
  b->stack_cap = cap;
  return LW_OK;
}

static inline Status body_stack_room(Body *b, uint32_t more)
{
  assert(b->nstack <= b->stack_cap);
  return b->stack_cap - b->nstack >= more ? LW_OK : body_stack_grow(b, more);
}

static inline void body_push(Body *b, ValType t)
{
  assert(b->nstack < b->stack_cap);
  b->stack[b->nstack++] = t;
}

/* Does an operand of type `got` do where `want` is asked for? (section 3.3) */
static inline bool body_match(const Body *b, ValType got, ValType want)
{
  return lw_match(b->module, got, want);
}

/*
** Lists that are not simply equal are compared one by one, and those of 1,000 types cost
** a hostile module two bytes. So all such steps together are limited by the size of the
** code. At most `n` of them, the operands that are there, come now.
*/
static Status body_count(Body *b, uint32_t n)
{
  uint32_t there = b->nstack - b->floor;
  b->matches += n < there ? n : there;
  if (b->matches <= b->matches_max) return LW_OK;
  return lw_bad_matches(b->op_at, b->err);
}

/* Can what has these types be put where those are wanted? */
static Status body_lists_fit(Body *b, const ValType *from, const ValType *to, uint32_t n,
                             bool *fit)
{
  *fit = from == to || n == 0 || memcmp(from, to, n * sizeof *from) == 0;
  if (*fit) return LW_OK;
  b->matches += n;
  if (b->matches > b->matches_max) return lw_bad_matches(b->op_at, b->err);
  *fit = true;
  for (uint32_t i = 0; *fit && i < n; i++)
    *fit = body_match(b, from[i], to[i]);
  return LW_OK;
}

/* The cases that are rare: no operand, or not the same type. */
static Status body_pop_slow(Body *b, ValType want)
{
  if (b->nstack == b->floor) {
    if (body_top(b)->unreachable) return LW_OK;
    return lw_bad_operand(b->op, want, VAL_NONE, b->op_at, b->err);
  }
  ValType got = b->stack[b->nstack - 1];
  if (!body_match(b, got, want))
    return lw_bad_operand(b->op, want, got, b->op_at, b->err);
  b->nstack--;
  return LW_OK;
}

static inline Status body_pop(Body *b, ValType want)
{
  assert(b->floor <= b->nstack);
  if (b->nstack > b->floor && b->stack[b->nstack - 1] == want) {
    b->nstack--;
    return LW_OK;
  }
  return body_pop_slow(b, want);
}

/* Pop an operand of any type; VAL_NONE where the stack is polymorphic. */
static inline Status body_pop_any(Body *b, ValType *got)
{
  if (b->nstack > b->floor) {
    *got = b->stack[--b->nstack];
    return LW_OK;
  }
  *got = VAL_NONE;
  if (body_top(b)->unreachable) return LW_OK;
  return lw_bad_type(b->op, "an operand is missing", b->op_at, b->err);
}

/* Pop a reference of any type; that of unreachable code is the bottom. */
static Status body_pop_ref(Body *b, ValType *got)
{
  TRY(body_pop_any(b, got));
  if (*got == VAL_NONE) *got = VAL_REF_TO(HEAP_BOTTOM, 0);
  if (lw_val_is_ref(*got)) return LW_OK;
  return lw_bad_type(b->op, "wants a reference", b->op_at, b->err);
}

/* Are the topmost operands exactly these types? One comparison for all of them, since
   calls with 1,000 parameters cost a hostile module two bytes. */
static inline bool body_has(const Body *b, const ValType *types, uint32_t n)
{
  if (b->nstack - b->floor < n) return false;
  const ValType *at = b->stack + b->nstack - n;
  if (n <= 1) return n == 0 || at[0] == types[0];
  return memcmp(at, types, n * sizeof *types) == 0;
}

/* Not simply these: the stack is polymorphic, or something is wrong. Stops at the floor
   of dead code, since below it everything fits. */
static Status body_pop_list_slow(Body *b, const ValType *types, uint32_t n)
{
  TRY(body_count(b, n));
  for (uint32_t i = n; i > 0; i--) {
    if (b->nstack == b->floor && body_top(b)->unreachable) return LW_OK;
    TRY(body_pop(b, types[i - 1]));
  }
  return LW_OK;
}

static inline Status body_pop_list(Body *b, const ValType *types, uint32_t n)
{
  if (!body_has(b, types, n)) return body_pop_list_slow(b, types, n);
  b->nstack -= n;
  return LW_OK;
}

static inline Status body_push_list(Body *b, const ValType *types, uint32_t n)
{
  TRY(body_stack_room(b, n + STACK_ROOM));
  if (n == 1)
    b->stack[b->nstack] = types[0];
  else if (n)
    memcpy(b->stack + b->nstack, types, n * sizeof *types);
  b->nstack += n;
  return LW_OK;
}

/* Do these types lie on top? Leaves the stack alone; bottom operands stay bottom. */
static Status body_peek_list(Body *b, const ValType *types, uint32_t n)
{
  if (body_has(b, types, n)) return LW_OK;
  TRY(body_count(b, n));
  uint32_t was = b->nstack;
  for (uint32_t i = n; i > 0; i--)
    TRY(body_pop(b, types[i - 1]));
  b->nstack = was; /* popping only moves nstack */
  return LW_OK;
}

#endif

/*
** build_flow.c -- labels, branches and block parameters; see build.h.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/build.h"

Status lw_flow_open(Builder *b)
{
  assert(b->block == NO_BLOCK);
  b->sole = NO_EDGE;
  b->meter = NO_METER;
  if (b->operators) b->paid = *b->operators;
  return lw_make_block(b->f, &b->block, b->err);
}

Status lw_flow_meter(Builder *b, IrOp op)
{
  Ref at;
  /* A poll has the offset of its loop, which a copy of the body does not know. */
  if (op == IR_PARAM || op == IR_ARG || op == IR_LANDING || op == IR_POLL) return LW_OK;
  TRY(lw_make_ins(b->f, (Ins){.op = IR_FUEL}, b->where, &at, b->err));
  b->meter = at - REF_BIAS;
  return LW_OK;
}

static void end_stretch(Builder *b)
{
  if (!b->operators) return;
  assert(b->meter != NO_METER);
  b->f->ins[b->meter].a = *b->operators - b->paid;
  b->paid = *b->operators;
  b->meter = NO_METER;
}

Status lw_flow_stretch(Builder *b)
{
  if (!b->operators || b->block == NO_BLOCK || *b->operators == b->paid) return LW_OK;
  if (b->meter == NO_METER) TRY(lw_flow_meter(b, IR_FUEL));
  end_stretch(b);
  return LW_OK;
}

void lw_flow_close(Builder *b)
{
  Func *f = b->f;
  assert(b->block == f->nblocks - 1 && f->nins > f->blocks[b->block].first);
  assert(lw_ir_info[f->ins[f->nins - 1].op].flags & IRF_E);
  f->blocks[b->block].end = f->nins;
  b->block = NO_BLOCK;
  end_stretch(b);
}

/* Copy what `c` holds now into the pool. */
static Status push_args(Builder *b, const Carry *c, uint32_t *args)
{
  Func *f = b->f;
  uint32_t n = c->nvalues + c->nlocals;
  TRY(lw_make_pool(f, n, b->err));
  *args = f->npool;
  uint32_t *to = f->pool + f->npool;
  for (uint32_t i = 0; i < c->nvalues; i++)
    *to++ = c->values[i];
  for (uint32_t i = 0; i < c->nlocals; i++)
    *to++ = b->locals[c->locals[i]];
  f->npool += n;
  return LW_OK;
}

/* The edge goes to the label: to its block, or into its chain. */
static void aim(Builder *b, Label *label, uint32_t edge)
{
  Edge *e = &b->f->edges[edge];
  if (label->header != NO_BLOCK) {
    e->to = label->header;
    return;
  }
  e->to = label->pending;
  label->pending = edge;
  label->npending++;
}

Status lw_flow_edge(Builder *b, Label *label, const Carry *c, uint32_t *edge)
{
  assert(b->block != NO_BLOCK);
  uint32_t args;
  TRY(push_args(b, c, &args));
  TRY(lw_make_edge(b->f, NO_BLOCK, args, edge, b->err));
  aim(b, label, *edge);
  return LW_OK;
}

/* The open block is empty: who came here by edge `sole` goes on to the label. */
static Status pass_by(Builder *b, Label *label, const Carry *c)
{
  Func *f = b->f;
  uint32_t edge = b->sole;
  assert(b->block == f->nblocks - 1 && f->edges[edge].to == b->block);
  assert(f->blocks[b->block].first == f->nins && f->blocks[b->block].nparams == 0);
  f->nblocks--;
  b->block = NO_BLOCK;
  TRY(push_args(b, c, &f->edges[edge].args));
  aim(b, label, edge);
  return LW_OK;
}

Status lw_flow_jump(Builder *b, Label *label, const Carry *c)
{
  uint32_t edge;
  Ref ignored;
  bool costs = b->operators && *b->operators != b->paid;
  if (b->sole != NO_EDGE && b->f->blocks[b->block].first == b->f->nins && !costs)
    return pass_by(b, label, c);
  TRY(lw_flow_edge(b, label, c, &edge));
  TRY(lw_build_ins(b, (Ins){.op = IR_JUMP, .a = edge}, &ignored));
  lw_flow_close(b);
  return LW_OK;
}

static bool is_comparison(const Ins *ins)
{
  return lw_ir_info[ins->op].res == IRR_C;
}

/* Only a comparison that stands right before its branch sets the flags for it, so one
   that is a little away is made again there: if nobody else wants the first it is dead.
 */
static Status bring_near(Builder *b, Ref *cond)
{
  enum { FAR = 16 };
  const Func *f = b->f;
  uint32_t at = *cond - REF_BIAS, i = f->nins;
  if (!is_comparison(&f->ins[at]) || at < f->blocks[b->block].first || at + FAR < i)
    return LW_OK;
  while (--i > at)
    if (lw_ir_info[f->ins[i].op].flags & IRF_K) return LW_OK;
  return at + 1 == f->nins ? LW_OK : lw_build_ins(b, f->ins[at], cond);
}

/* BRIF with the edges made in the order taken, not taken; then open a block behind
   `next`, one of them. */
static Status end_brif(Builder *b, Ref cond, uint32_t taken, uint32_t other,
                       uint32_t next)
{
  Ref ignored;
  Ins ins = {.op = IR_BRIF, .a = cond, .b = taken, .c = other};
  while (!ref_is_kon(ins.a)) { /* not zero of a condition: the edges change places */
    const Ins *test = ir_ins(b->f, ins.a);
    if (test->op != IR_EQZ || test->type != VAL_I32) break;
    ins = (Ins){.op = IR_BRIF, .a = test->a, .b = ins.c, .c = ins.b};
  }
  if (!ref_is_kon(ins.a)) TRY(bring_near(b, &ins.a));
  TRY(lw_build_ins(b, ins, &ignored));
  lw_flow_close(b);
  TRY(lw_flow_open(b));
  b->sole = next;
  return LW_OK;
}

Status lw_flow_branch_if(Builder *b, Label *label, const Carry *c, Ref cond)
{
  uint32_t taken, next;
  TRY(lw_flow_edge(b, label, c, &taken));
  TRY(lw_make_edge(b->f, b->f->nblocks, 0, &next, b->err));
  return end_brif(b, cond, taken, next, next);
}

Status lw_flow_if(Builder *b, Label *label, const Carry *c, Ref cond)
{
  uint32_t taken, args;
  assert(label->otherwise == NO_EDGE);
  TRY(lw_make_edge(b->f, b->f->nblocks, 0, &taken, b->err));
  TRY(push_args(b, c, &args));
  TRY(lw_make_edge(b->f, NO_BLOCK, args, &label->otherwise, b->err));
  return end_brif(b, cond, taken, label->otherwise, taken);
}

/* Write a Carry back into the builder's state. */
static void take(Builder *b, const Carry *c, const Ref *from)
{
  for (uint32_t i = 0; i < c->nvalues; i++)
    c->values[i] = *from++;
  for (uint32_t i = 0; i < c->nlocals; i++)
    b->locals[c->locals[i]] = *from++;
}

Status lw_flow_else(Builder *b, Label *label, const Carry *c)
{
  if (label->otherwise == NO_EDGE) return LW_OK; /* a frame in code without a block */
  TRY(lw_flow_open(b));
  Edge *edge = &b->f->edges[label->otherwise];
  assert(edge->to == NO_BLOCK && edge->from < b->block);
  edge->to = b->block;
  take(b, c, b->f->pool + edge->args);
  b->sole = label->otherwise;
  label->otherwise = NO_EDGE;
  return LW_OK;
}

void lw_flow_no_else(Builder *b, Label *label)
{
  if (label->otherwise == NO_EDGE) return;
  b->f->edges[label->otherwise].to = label->pending;
  label->pending = label->otherwise;
  label->npending++;
  label->otherwise = NO_EDGE;
}

static Status add_param(Builder *b, uint8_t type, Ref *out)
{
  assert(b->f->blocks[b->block].first + b->f->blocks[b->block].nparams == b->f->nins);
  b->f->blocks[b->block].nparams++;
  return lw_build_ins(b, (Ins){.op = IR_PARAM, .type = type}, out);
}

Status lw_flow_loop(Builder *b, Label *label, const Carry *c)
{
  Func *f = b->f;
  uint32_t n = c->nvalues + c->nlocals;
  Ref ignored;
  assert(label->header == NO_BLOCK && label->pending == NO_EDGE);
  TRY(lw_flow_jump(b, label, c));
  TRY(lw_flow_open(b));
  uint32_t edge = label->pending;
  label->pending = NO_EDGE;
  label->npending = 0;
  label->header = f->edges[edge].to = b->block;
  for (uint32_t i = 0; i < n; i++)
    TRY(add_param(b, lw_ir_type(f, f->pool[f->edges[edge].args + i]), &b->merge[i]));
  take(b, c, b->merge);
  if (NO_POLLS) return LW_OK;
  return lw_build_ins(b, (Ins){.op = IR_POLL, .a = b->poll_page}, &ignored);
}

/* The values on which all pending edges agree into b->merge, REF_NONE where they do not;
   returns how many differ. */
static uint32_t merge_values(Builder *b, const Label *label, uint32_t n)
{
  const Func *f = b->f;
  uint32_t differ = 0;
  memcpy(b->merge, f->pool + f->edges[label->pending].args, n * sizeof(Ref));
  for (uint32_t e = f->edges[label->pending].to; e != NO_EDGE; e = f->edges[e].to) {
    const Ref *args = f->pool + f->edges[e].args;
    for (uint32_t i = 0; i < n; i++) {
      if (b->merge[i] == args[i] || b->merge[i] == REF_NONE) continue;
      b->merge[i] = REF_NONE;
      differ++;
    }
  }
  return differ;
}

Status lw_flow_join(Builder *b, Label *label, const Carry *c)
{
  assert(label->header == NO_BLOCK && label->otherwise == NO_EDGE);
  if (label->pending == NO_EDGE) return LW_OK;
  Func *f = b->f;
  uint32_t n = c->nvalues + c->nlocals, count = 0;
  TRY(lw_flow_open(b));
  uint32_t newest = label->pending, nparams = merge_values(b, label, n);
  for (uint32_t e = newest, next; e != NO_EDGE; e = next, count++) {
    next = f->edges[e].to;
    f->edges[e].to = b->block;
    uint32_t *args = f->pool + f->edges[e].args, kept = 0;
    for (uint32_t i = 0; nparams && i < n; i++)
      if (b->merge[i] == REF_NONE) args[kept++] = args[i];
    assert(kept == nparams);
  }
  assert(count == label->npending);
  for (uint32_t i = 0, p = 0; p < nparams; i++)
    if (b->merge[i] == REF_NONE) {
      Ref arg = f->pool[f->edges[newest].args + p++];
      TRY(add_param(b, lw_ir_type(f, arg), &b->merge[i]));
    }
  take(b, c, b->merge);
  label->pending = NO_EDGE;
  label->npending = 0;
  return LW_OK;
}

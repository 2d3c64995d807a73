/*
** ra_calls.c -- where a convention says where operands are: calls, returns, edges.
**
** All three are parallel moves. What a call destroys is stored before it; what an edge
** carries is noted when its block ends and put in order at the very end, when every
** parameter has its slot.
** Layer: jit.
*/
#include <assert.h>

#include "jit/ra.h"
#include "wasm/limits.h"

void lw_ra_move(Ra *ra, Ref from, Loc to)
{
  Loc at = ra_where(ra, from);
  if (at == to) return;
  if (ra->nmoves == ra->moves_cap) {
    size_t old = sizeof(Edit) * ra->moves_cap;
    Edit *moves = lw_arena_grow(ra->arena, ra->moves, old, old * 2);
    Edit *ordered = ARENA_RAW(ra->arena, Edit, (size_t)ra->moves_cap * 3);
    if (!moves || !ordered) {
      ra->failed = true;
      ra->nmoves = 0;
      return;
    }
    ra->moves = moves;
    ra->ordered = ordered;
    ra->moves_cap *= 2;
  }
  ra->moves[ra->nmoves++] = (Edit){ra->at, lw_ir_type(ra->f, from), at, to};
}

/* The collected moves become edits before the instruction at hand. */
static void flush_moves(Ra *ra)
{
  uint32_t n = 0;
  if (lw_moves_order(&ra->mover, ra->moves, ra->nmoves, ra->ordered, &n, ra->err)) {
    ra->failed = true;
    n = 0;
  }
  for (uint32_t i = 0; i < n; i++) {
    const Edit *e = &ra->ordered[i];
    lw_ra_edit(ra, ra->at, e->type, e->from, e->to);
  }
  ra->nmoves = 0;
}

static Loc abi_loc(AbiLoc a)
{
  if (a.cls == ABI_GPR) return lw_target.abi_gpr[a.index];
  if (a.cls == ABI_FPR) return lw_target.abi_fpr[a.index];
  return LOC_OUT0 + a.index;
}

/* Value `ins` is in a register before its own instruction is reached. */
static void came_in(Ra *ra, unsigned reg, uint32_t ins)
{
  ra_hold(ra, reg, ins);
  if (!ra->scan) return;
  ra->out->allocs[ins].dst = reg;
  ra->scan->at_def[ins] |= STORE_EARLY;
}

/* All arguments at once, since each register is taken from the start. */
void lw_ra_args(Ra *ra)
{
  const Func *f = ra->f;
  const Block *b = &f->blocks[0];
  lw_abi_assign(f->type, ra->params, ra->results);
  uint32_t last = b->first;
  for (; last < b->end && f->ins[last].op == IR_ARG; last++) {
    Loc loc = abi_loc(ra->params[f->ins[last].a]);
    ra->out->allocs[last].dst = LOC_NONE;
    if (ra_needed(ra, last) && loc_is_reg(loc)) came_in(ra, loc, last);
  }
  for (uint32_t i = b->first; i < last; i++) {
    if (!ra_needed(ra, i)) continue;
    ra->at = i;
    if (ra->reg_of[i] == NO_REG) { /* came in memory, or was already in the way */
      if (ra_stored(ra, i)) continue;
      unsigned reg = lw_ra_take(ra, i, lw_val_is_float(f->ins[i].type), 0);
      lw_ra_define(ra, i, reg);
    } else {
      ra->out->allocs[i].dst = ra->reg_of[i];
      if (!ra->scan && ra->live->flags[i] & LIVE_LEAVES_BLOCK) lw_ra_spill(ra, i, i + 1);
    }
  }
}

static bool ends_function(const Ins *ins)
{
  return ins->op == IR_RETURN || ins->op == IR_TAIL_CALL || ins->op == IR_TAIL_CELL;
}

/* Moves the operands of a call-like instruction to where its callee expects them. */
static void place_args(Ra *ra, const Ins *ins, const Constraint *c)
{
  const Func *f = ra->f;
  uint32_t n = lw_ir_nargs(f, ins);
  const uint32_t *args = f->pool + ins->b;
  if (ins->op == IR_HELPER) {
    assert(n <= sizeof lw_target.helper_gpr);
    for (uint32_t k = 0; k < n; k++)
      lw_ra_move(ra, args[k], lw_target.helper_gpr[k]);
  } else if (ins->op == IR_RETURN) {
    lw_abi_assign(f->type, NULL, ra->results);
    assert(n == f->type->nresults);
    for (uint32_t k = 0; k < n; k++)
      lw_ra_move(ra, args[k], abi_loc(ra->results[k]));
  } else {
    const FuncType *t = lw_module_signature(f->module, ins->c);
    Abi abi = lw_abi_assign(t, ra->params, ra->results);
    if (abi.nstack_params > ra->out->nout) ra->out->nout = abi.nstack_params;
    if (!ends_function(ins) && abi.nstack_results > ra->out->result_area)
      ra->out->result_area = abi.nstack_results;
    for (uint32_t k = 0; k < n; k++)
      lw_ra_move(ra, args[k], abi_loc(ra->params[k]));
    if (c->use[0] == USE_FIXED) lw_ra_move(ra, ins->a, c->use_reg[0]);
  }
  flush_moves(ra);
}

/* The results of a call and the RESULTs behind it, where they come in registers. */
static void take_results(Ra *ra, const Constraint *c)
{
  const Func *f = ra->f;
  uint32_t call = ra->at;
  if (c->dst == USE_NONE) return;
  for (uint32_t i = call + 1; f->ins[i].op == IR_RESULT; i++) {
    assert(f->ins[i].a == REF_BIAS + call && f->ins[i].b > 0);
    Loc loc = abi_loc(ra->results[f->ins[i].b]);
    if (ra_needed(ra, i) && loc_is_reg(loc)) came_in(ra, loc, i);
  }
  lw_ra_define(ra, call, c->dst_reg);
}

void lw_ra_call(Ra *ra, const Constraint *c)
{
  const Ins *ins = &ra->f->ins[ra->at];
  bool returns = ends_function(ins);
  if (ra->scan && !returns) lw_ra_save(ra);
  for (uint32_t left = returns || ra->scan ? 0 : ra->held; left; left &= left - 1) {
    uint32_t value = ra->holds[__builtin_ctz(left)];
    if (ra->end[value] > ra->at) lw_ra_spill(ra, value, ra->at);
  }
  place_args(ra, ins, c);
  for (uint32_t left = ra->held; left; left &= left - 1) {
    unsigned reg = (unsigned)__builtin_ctz(left);
    bool kept = !returns && lw_target.callee_saved & ra_bit(reg);
    if (!kept || ra->end[ra->holds[reg]] <= ra->at) ra_release(ra, reg);
  }
  if (!returns) take_results(ra, c);
}

/* ---- edges ---- */

bool lw_ra_edge_room(Ra *ra, uint32_t n)
{
  Allocation *out = ra->out;
  if (out->edge_edits_cap - out->nedge_edits >= n) return true;
  uint32_t cap = out->edge_edits_cap ? out->edge_edits_cap : 64;
  while (cap - out->nedge_edits < n)
    cap *= 2;
  Edit *edits = lw_arena_grow(ra->arena, out->edge_edits,
                              sizeof(Edit) * out->edge_edits_cap, sizeof(Edit) * cap);
  if (!edits) return !(ra->failed = true);
  out->edge_edits = edits;
  out->edge_edits_cap = cap;
  return true;
}

/* For now `to` is the number of the parameter's instruction. */
void lw_ra_edges(Ra *ra, const Block *b)
{
  const Func *f = ra->f;
  Allocation *out = ra->out;
  for (uint32_t e = b->edges; e < b->edges + b->nedges; e++) {
    const Edge *edge = &f->edges[e];
    const Block *to = &f->blocks[edge->to];
    out->edges[e].first = out->nedge_edits;
    if (!lw_ra_edge_room(ra, to->nparams)) return;
    for (uint32_t k = 0; k < to->nparams; k++) {
      if (!ra_needed(ra, to->first + k)) continue;
      Ref r = f->pool[edge->args + k];
      out->edge_edits[out->nedge_edits++] =
        (Edit){e, lw_ir_type(f, r), ra_where(ra, r), to->first + k};
    }
    out->edges[e].count = out->nedge_edits - out->edges[e].first;
  }
}

Status lw_ra_finish_edges(Ra *ra)
{
  Allocation *out = ra->out;
  const Edit *notes = out->edge_edits;
  uint32_t made = 0, longest = 0, room = out->nedge_edits + out->nedge_edits / 2;
  Edit *made_edits = ARENA_RAW(ra->arena, Edit, room ? room : 1);
  for (uint32_t e = 0; e < ra->f->nedges; e++)
    if (out->edges[e].count > longest) longest = out->edges[e].count;
  Edit *moves = ARENA_RAW(ra->arena, Edit, longest ? longest : 1);
  if (!made_edits || !moves) return lw_nomem(ra->err, "edges");
  for (uint32_t e = 0; e < ra->f->nedges; e++) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < out->edges[e].count; k++) {
      Edit m = notes[out->edges[e].first + k];
      assert(ra->slot_of[m.to] && "a needed parameter has a slot");
      m.to = LOC_SLOT0 + ra->slot_of[m.to] - 1;
      if (m.from != m.to) moves[n++] = m;
    }
    TRY(lw_moves_order(&ra->mover, moves, n, made_edits + made, &n, ra->err));
    out->edges[e] = (EdgeEdits){made, n};
    made += n;
  }
  assert(made <= room);
  for (uint32_t i = 0; i < made; i++) {
    out->nspills += loc_is_reg(made_edits[i].from);
    out->nmoves += !loc_is_reg(made_edits[i].from);
  }
  out->edge_edits = made_edits;
  out->nedge_edits = made;
  out->edge_edits_cap = room;
  return LW_OK;
}

/*
** ra_check.c -- does every instruction find its operands where the allocation says?
**
** Symbolic execution of what emission will do, with names in place of values: each
** register, slot and outgoing cell holds the name of one value (a Ref) or nothing known.
** Edits copy names, instructions ask for those of their operands, kill what they destroy
** and put their own into the place of their result. Where paths meet, only what all of
** them agree on stays. Blocks start optimistically, as the first edge into them says; an
** edge that knows less makes them be walked again. So each breach that is met on the way
** is one, and the last walk over each block is the one that counts.
** How an allocator came to its decisions is nobody's business here: all that is used is
** what alloc.h, target.h and abi.h promise to emission. A value in a place from an
** earlier
** round of a loop is no danger: the loop's header is also entered from outside, where
** the place does not hold that name.
** Between blocks only places of values that are still live are kept (a list for each
** block), and work is bounded, so the cost is linear: a function that takes more than
** WORK is checked only so far.
** Layer: jit.
*/
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "jit/abi.h"
#include "jit/target.h"
#include "wasm/limits.h"

enum { WORK = 1 << 24, WORK_PER_INS = 64, NO_INS = -1 };

typedef struct Held {
  uint32_t place;
  Ref ref;
} Held;

typedef struct Entry { /* what holds at a block's start */
  Held *held;
  uint32_t n;
  uint32_t edit; /* the first of Allocation.edits in it */
  bool reached, dirty;
} Entry;

typedef struct Check {
  const Selection *sel;
  const Func *f;
  const Allocation *alloc;
  Arena *arena;
  Err *err;
  uint32_t at;     /* the instruction at hand */
  uint32_t block;  /* and its block */
  uint32_t edit;   /* the next edit */
  uint32_t folded; /* the comparison whose condition is set, or NO_INS */
  Constraint want; /* of the instruction at hand */
  /* places: 32 registers, the slots, the cells */
  Ref *ref; /* per place: the value it holds, or REF_NONE */
  bool *listed;
  uint32_t *touched; /* the places that may hold something, each once: `listed` */
  uint32_t ntouched, nslots, ncells;
  bool cells_in_use;
  Held *undo; /* what an edge has changed, while `noting` */
  uint32_t nundo;
  bool noting;
  Entry *blocks;
  bool again;   /* a block that was walked is to be walked again */
  int64_t work; /* what may still be spent */
  AbiLoc *params, *results;
} Check;

/* ---- breaches ---- */

typedef struct Words {
  char text[32];
} Words;

static Words place_name(Loc l)
{
  Words n;
  if (loc_is_reg(l))
    snprintf(n.text, sizeof n.text, "%s", lw_target_reg_name(l));
  else if (l == LOC_NONE)
    snprintf(n.text, sizeof n.text, "no place");
  else if (loc_is_kon(l))
    snprintf(n.text, sizeof n.text, "constant %u", l - LOC_KON0);
  else
    snprintf(n.text, sizeof n.text, "%s %u", loc_is_out(l) ? "cell" : "slot",
             loc_is_out(l) ? l - LOC_OUT0 : l - LOC_SLOT0);
  return n;
}

static Words ref_name(Ref r)
{
  Words n;
  if (r == REF_NONE)
    snprintf(n.text, sizeof n.text, "nothing known");
  else if (ref_is_kon(r))
    snprintf(n.text, sizeof n.text, "constant %u", r);
  else
    snprintf(n.text, sizeof n.text, "v%u", r - REF_BIAS);
  return n;
}

__attribute__((format(printf, 2, 3))) static Status breach(const Check *c,
                                                           const char *fmt, ...)
{
  char what[200];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  uint32_t call, at = lw_ir_offset(c->f, c->f->where[c->at], &call);
  return lw_fail(c->err, LW_INVALID, at, "registers of func %u, b%u, v%u (%s): %s",
                 c->f->index, c->block, c->at, lw_ir_info[c->f->ins[c->at].op].text,
                 what);
}

/* ---- what is where ---- */

static inline uint32_t bit(Loc reg)
{
  return loc_is_reg(reg) ? 1u << reg : 0;
}

static inline uint32_t cells_at(const Check *c)
{
  return LOC_SLOT0 + c->nslots;
}

static inline uint32_t place_of(const Check *c, Loc l)
{
  return loc_is_out(l) ? cells_at(c) + (l - LOC_OUT0) : l;
}

static bool is_wide(const Check *c, Ref r)
{
  return r != REF_NONE && lw_ir_type(c->f, r) == VAL_V128;
}

static void set(Check *c, uint32_t place, Ref r)
{
  Ref old = c->ref[place];
  if (old == r) return;
  if (c->noting) {
    assert(c->undo);
    c->undo[c->nundo++] = (Held){place, old};
  }
  c->ref[place] = r;
  if (c->listed[place]) return;
  c->listed[place] = true;
  c->touched[c->ntouched++] = place;
}

/* `l` holds `r` from now on. A v128 has two slots and goes by the second. */
static void hold(Check *c, Loc l, unsigned type, Ref r)
{
  if (loc_is_slot(l)) {
    if (l + 1 < cells_at(c) && is_wide(c, c->ref[l + 1])) set(c, l + 1, REF_NONE);
    if (type == VAL_V128) set(c, l - 1, REF_NONE);
  }
  c->cells_in_use |= loc_is_out(l);
  set(c, place_of(c, l), r);
}

static void kill_registers(Check *c, uint32_t mask)
{
  for (uint32_t left = mask; left; left &= left - 1)
    set(c, (uint32_t)__builtin_ctz(left), REF_NONE);
}

static void kill_scratch(Check *c)
{
  set(c, lw_target.scratch[0], REF_NONE);
  set(c, lw_target.scratch[1], REF_NONE);
}

static void kill_cells(Check *c)
{
  if (!c->cells_in_use) return;
  for (uint32_t k = 0; k < c->ncells; k++)
    set(c, cells_at(c) + k, REF_NONE);
  c->cells_in_use = false;
}

static Status expect(const Check *c, Loc l, Ref r, const char *what, uint32_t k)
{
  Ref is = c->ref[place_of(c, l)];
  if (is == r) return LW_OK;
  return breach(c, "%s %u is %s in %s, which holds %s", what, k, ref_name(r).text,
                place_name(l).text, ref_name(is).text);
}

static bool slot_exists(const Check *c, Loc l, unsigned type)
{
  uint32_t slot = l - LOC_SLOT0;
  return loc_is_slot(l) && slot < c->nslots && (type != VAL_V128 || slot > 0);
}

/* May a value of this type be in this register? */
static bool reg_fits(Loc reg, unsigned type)
{
  return (bit(reg) & lw_target.allocatable[lw_val_is_float(type)]) != 0;
}

static Status written(const Check *c, Loc reg)
{
  if ((bit(reg) & lw_target.callee_saved & ~c->alloc->saved) == 0) return LW_OK;
  return breach(c, "%s is written but not saved", place_name(reg).text);
}

/* ---- edits ---- */

/* A scratch register carries bits of either class for a while. */
static bool edit_reg_fits(const Edit *e, Loc reg, uint32_t also)
{
  bool is_kon = loc_is_kon(e->from);
  if (reg == lw_target.scratch[0]) return e->type != VAL_V128;
  if (reg == lw_target.scratch[1]) return !is_kon || lw_val_is_float(e->type);
  return reg_fits(reg, e->type) || (bit(reg) & also && !lw_val_is_float(e->type));
}

static Status check_edit(const Check *c, const Edit *e, uint32_t also, uint32_t ncells)
{
  Loc from = e->from, to = e->to;
  bool source = loc_is_reg(from)   ? edit_reg_fits(e, from, also)
                : loc_is_kon(from) ? from - LOC_KON0 < c->f->nkons
                                   : slot_exists(c, from, e->type);
  bool target = loc_is_reg(to)   ? edit_reg_fits(e, to, also)
                : loc_is_out(to) ? to - LOC_OUT0 < ncells
                                 : slot_exists(c, to, e->type);
  if (!source || !target || from == to)
    return breach(c, "no move of kind %u from %s to %s", e->type, place_name(from).text,
                  place_name(to).text);
  Ref r = loc_is_kon(from) ? from - LOC_KON0 : c->ref[from];
  if (r != REF_NONE && lw_ir_type(c->f, r) != e->type)
    return breach(c, "a move of kind %u from %s, which holds %s of kind %u", e->type,
                  place_name(from).text, ref_name(r).text, lw_ir_type(c->f, r));
  return written(c, to);
}

/* `also`: registers that edits may name here beside those that can be allocated. */
static Status run_edit(Check *c, const Edit *e, uint32_t also, uint32_t ncells)
{
  TRY(check_edit(c, e, also, ncells));
  bool from_kon = loc_is_kon(e->from), from_slot = loc_is_slot(e->from);
  if (loc_is_out(e->to) || (from_kon && loc_is_slot(e->to)))
    kill_scratch(c);
  else if (from_slot && loc_is_slot(e->to))
    set(c, lw_target.scratch[e->type != VAL_V128], REF_NONE);
  hold(c, e->to, e->type, from_kon ? e->from - LOC_KON0 : c->ref[e->from]);
  c->work--;
  return LW_OK;
}

/* Those that emission makes before the instruction at hand. */
static Status run_edits(Check *c)
{
  const Allocation *al = c->alloc;
  uint32_t also = 0, ncells = al->nout;
  for (unsigned k = 0; k < 3; k++)
    if (c->want.use[k] == USE_FIXED) also |= bit(c->want.use_reg[k]);
  if (c->f->ins[c->at].op == IR_RETURN) { /* they are the caller's now */
    kill_cells(c);
    ncells = lw_abi_assign(c->f->type, NULL, NULL).nstack_results;
  }
  for (; c->edit < al->nedits && al->edits[c->edit].before <= c->at; c->edit++)
    TRY(run_edit(c, &al->edits[c->edit], also, ncells));
  return LW_OK;
}

/* ---- edges ---- */

/* Does a place that holds `r` matter in block b? */
static bool passes(const Check *c, const Block *b, uint32_t place, Ref r)
{
  if (r == REF_NONE || place >= cells_at(c)) return false;
  if (place == lw_target.scratch[0] || place == lw_target.scratch[1]) return false;
  return ref_is_kon(r) || c->sel->live->end[r - REF_BIAS] >= b->first;
}

/* The state as it is now comes to block `to`. */
static Status arrive(Check *c, uint32_t to)
{
  Entry *e = &c->blocks[to];
  const Block *b = &c->f->blocks[to];
  uint32_t n = 0;
  bool first = !e->reached;
  if (first) {
    e->reached = true;
    for (uint32_t i = 0; i < c->ntouched; i++)
      n += passes(c, b, c->touched[i], c->ref[c->touched[i]]);
    e->held = ARENA_RAW(c->arena, Held, n ? n : 1);
    if (!e->held) return lw_nomem(c->err, "the check of registers");
    for (uint32_t i = 0; i < c->ntouched; i++) {
      Held h = {c->touched[i], c->ref[c->touched[i]]};
      if (passes(c, b, h.place, h.ref)) e->held[e->n++] = h;
    }
    c->work -= c->ntouched;
  } else {
    for (uint32_t i = 0; i < e->n; i++)
      if (c->ref[e->held[i].place] == e->held[i].ref) e->held[n++] = e->held[i];
    c->work -= e->n;
  }
  if (!first && n == e->n) return LW_OK;
  e->n = n;
  e->dirty = true;
  c->again |= to <= c->block;
  return LW_OK;
}

/* Each needed parameter's place has its argument, and from then on the parameter. */
static Status pass_arguments(Check *c, const Edge *edge)
{
  const Func *f = c->f;
  const Block *to = &f->blocks[edge->to];
  for (unsigned pass = 0; pass < 2; pass++)
    for (uint32_t i = to->first; i < to->first + to->nparams; i++) {
      if ((c->sel->live->flags[i] & LIVE_NEEDED) == 0) continue;
      Loc l = c->alloc->allocs[i].dst;
      unsigned type = f->ins[i].type;
      if (pass == 1)
        hold(c, l, type, REF_BIAS + i);
      else if (!reg_fits(l, type) && !slot_exists(c, l, type))
        return breach(c, "parameter %u of b%u is in %s", i - to->first, edge->to,
                      place_name(l).text);
      else
        TRY(expect(c, l, f->pool[edge->args + (i - to->first)], "edge argument",
                   i - to->first));
    }
  return LW_OK;
}

/* What throws leaves the slots as they are, and the exception in the register of the
   LANDING that the block begins with. */
static void throw_to(Check *c, const Block *to)
{
  uint32_t landing = to->first + to->nparams;
  Constraint want;
  lw_target_constraint(c->sel, landing, &want);
  kill_registers(c, UINT32_MAX);
  if (want.dst == USE_FIXED) set(c, want.dst_reg, REF_BIAS + landing);
}

static Status take_edge(Check *c, uint32_t e, bool thrown)
{
  const Edge *edge = &c->f->edges[e];
  const EdgeEdits *edits = &c->alloc->edges[e];
  bool cells_in_use = c->cells_in_use;
  c->noting = true;
  c->nundo = 0;
  if (thrown) throw_to(c, &c->f->blocks[edge->to]);
  kill_scratch(c);
  for (uint32_t i = 0; i < edits->count; i++)
    TRY(run_edit(c, &c->alloc->edge_edits[edits->first + i], 0, 0));
  TRY(pass_arguments(c, edge));
  TRY(arrive(c, edge->to));
  c->noting = false;
  while (c->nundo > 0) {
    const Held *h = &c->undo[--c->nundo];
    c->ref[h->place] = h->ref;
  }
  c->cells_in_use = cells_in_use;
  c->work -= c->f->blocks[edge->to].nparams + 1;
  return LW_OK;
}

/* ---- instructions ---- */

static Loc abi_loc(AbiLoc a)
{
  if (a.cls == ABI_GPR) return lw_target.abi_gpr[a.index];
  if (a.cls == ABI_FPR) return lw_target.abi_fpr[a.index];
  return LOC_OUT0 + a.index;
}

static bool ends_function(const Ins *ins)
{
  return (lw_ir_info[ins->op].flags & IRF_E) != 0;
}

/* Arguments of calls and returns, all in their places at once. */
static Status check_args(Check *c, const Ins *ins)
{
  const Func *f = c->f;
  uint32_t n = lw_ir_nargs(f, ins);
  const AbiLoc *places = c->params;
  if (ins->op == IR_RETURN) {
    lw_abi_assign(f->type, NULL, c->results);
    places = c->results;
  } else if (ins->op != IR_HELPER) {
    Abi abi =
      lw_abi_assign(lw_module_signature(f->module, ins->c), c->params, c->results);
    if (abi.nstack_params > c->alloc->nout ||
        (!ends_function(ins) && abi.nstack_results > c->alloc->result_area))
      return breach(c, "the frame has no room for the call");
  }
  for (uint32_t k = 0; k < n; k++) {
    Loc l = ins->op == IR_HELPER ? lw_target.helper_gpr[k] : abi_loc(places[k]);
    TRY(expect(c, l, f->pool[ins->b + k], "argument", k));
  }
  c->work -= n;
  if (c->want.use[0] != USE_FIXED) return LW_OK;
  return expect(c, c->want.use_reg[0], ins->a, "operand", 0);
}

/* What a call leaves: what callees save, the slots, and its results. */
static Status call(Check *c, const Ins *ins)
{
  const Func *f = c->f;
  const Ins *next = ins + 1;
  while (next->op == IR_RESULT)
    next++;
  if (next->op == IR_TRY) TRY(take_edge(c, next->b, true));
  kill_registers(c, ~lw_target.callee_saved);
  kill_cells(c);
  if (c->want.dst == USE_NONE) return LW_OK;
  Loc dst = c->alloc->allocs[c->at].dst;
  if (dst != c->want.dst_reg && dst != LOC_NONE)
    return breach(c, "the result is in %s", place_name(dst).text);
  set(c, c->want.dst_reg, REF_BIAS + c->at);
  for (uint32_t i = c->at + 1; f->ins[i].op == IR_RESULT; i++) {
    AbiLoc l = c->results[f->ins[i].b];
    if (l.cls != ABI_STACK) set(c, abi_loc(l), REF_BIAS + i);
  }
  return LW_OK;
}

/* ARG and RESULT: nothing is done for those that came in registers. */
static Status incoming(Check *c, const Ins *ins)
{
  bool arg = ins->op == IR_ARG;
  AbiLoc l = arg ? c->params[ins->a] : c->results[ins->b];
  Loc dst = c->alloc->allocs[c->at].dst;
  Ref own = REF_BIAS + c->at;
  if (l.cls != ABI_STACK) {
    if (dst == LOC_NONE || (loc_is_reg(dst) && c->ref[dst] == own)) return LW_OK;
    return breach(c, "it is not in %s", place_name(dst).text);
  }
  if (!reg_fits(dst, ins->type))
    return breach(c, "it cannot be loaded into %s", place_name(dst).text);
  set(c, dst, own);
  return written(c, dst);
}

static Status check_operand(Check *c, const Ins *ins, const Alloc *a, unsigned k)
{
  Ref r = k == 0 ? ins->a : k == 1 ? ins->b : ins->c;
  Loc l = a->use[k];
  unsigned kind = c->want.use[k];
  bool is_value = lw_ir_info[ins->op].refs & (unsigned)(IRO_A << k);
  if (kind == USE_NONE) {
    if (is_value && (ref_is_kon(r) || r - REF_BIAS != c->folded))
      return breach(c, "operand %u is not the condition that is set", k);
    if (is_value) c->folded = (uint32_t)NO_INS;
    return l == LOC_NONE ? LW_OK : breach(c, "operand %u has a place", k);
  }
  bool good = false;
  if (kind == USE_KON) {
    if (l == LOC_KON0 + r) return LW_OK;
  } else if (kind == USE_FIXED) {
    good = l == c->want.use_reg[k];
  } else {
    unsigned type = lw_ir_type(c->f, r);
    good = reg_fits(l, type) || (kind == USE_ANY && slot_exists(c, l, type));
  }
  if (!good) return breach(c, "operand %u cannot be in %s", k, place_name(l).text);
  return expect(c, l, r, "operand", k);
}

static Status check_temps(Check *c, const Alloc *a, uint32_t late)
{
  const Constraint *w = &c->want;
  for (unsigned k = 0; k < w->ntemps; k++) {
    uint32_t t = bit(a->temp[k]);
    bool good = (t & lw_target.allocatable[w->temp_fpr[k]] & ~w->clobbers & ~late) != 0 &&
                (k == 0 || a->temp[k] != a->temp[0]) && a->temp[k] != a->dst;
    for (unsigned j = 0; j < 3; j++)
      if (w->use[j] == USE_FIXED && w->use_reg[j] == a->temp[k]) good = false;
    if (!good) return breach(c, "%s for a temporary", place_name(a->temp[k]).text);
    TRY(written(c, a->temp[k]));
  }
  return LW_OK;
}

static Status check_result(Check *c, const Alloc *a, uint32_t late)
{
  const Constraint *w = &c->want;
  bool good = a->dst == LOC_NONE;
  if (w->dst == USE_FIXED)
    good = a->dst == w->dst_reg;
  else if (w->dst == USE_REG)
    good = reg_fits(a->dst, lw_ir_type(c->f, REF_BIAS + c->at)) &&
           (bit(a->dst) & w->clobbers) == 0 && (!w->dst_is_a || a->dst == a->use[0]);
  if (!good) return breach(c, "the result is in %s", place_name(a->dst).text);
  if (late & (bit(a->dst) | w->clobbers))
    return breach(c, "an operand that is needed late is overwritten");
  return w->dst == USE_NONE ? LW_OK : written(c, a->dst);
}

/* Everything that is not a call: operands, temporaries, result. */
static Status plain(Check *c, const Ins *ins)
{
  const Alloc *a = &c->alloc->allocs[c->at];
  const Constraint *w = &c->want;
  uint32_t late = 0;
  for (unsigned k = 0; k < 3; k++) {
    TRY(check_operand(c, ins, a, k));
    if (w->use_late[k] && !(k == 0 && w->dst_is_a)) late |= bit(a->use[k]);
  }
  TRY(check_temps(c, a, late));
  TRY(check_result(c, a, late));
  if (ins->op == IR_LANDING) /* it came with the edge */
    TRY(expect(c, a->dst, REF_BIAS + c->at, "result", 0));
  kill_registers(c, w->clobbers);
  for (unsigned k = 0; k < w->ntemps; k++)
    set(c, a->temp[k], REF_NONE);
  if (w->dst != USE_NONE) set(c, a->dst, REF_BIAS + c->at);
  return LW_OK;
}

static Status walk_ins(Check *c)
{
  const Ins *ins = &c->f->ins[c->at];
  uint32_t folded = c->folded;
  lw_target_constraint(c->sel, c->at, &c->want);
  TRY(run_edits(c));
  c->work--;
  if (ins->op == IR_ARG || ins->op == IR_RESULT) {
    TRY(incoming(c, ins));
  } else if (c->want.use[1] == USE_ARGS) {
    TRY(check_args(c, ins));
    if (!ends_function(ins)) TRY(call(c, ins));
  } else if (ins->op != IR_PARAM) {
    TRY(plain(c, ins));
  }
  if (folded != (uint32_t)NO_INS && c->folded == folded)
    return breach(c, "it is not what the comparison v%u was folded into", folded);
  if (c->sel->folded[c->at]) c->folded = c->at;
  kill_scratch(c);
  return LW_OK;
}

/* ---- blocks ---- */

static void load(Check *c, const Entry *e)
{
  for (uint32_t i = 0; i < c->ntouched; i++) {
    c->ref[c->touched[i]] = REF_NONE;
    c->listed[c->touched[i]] = false;
  }
  c->ntouched = 0;
  for (uint32_t i = 0; i < e->n; i++)
    set(c, e->held[i].place, e->held[i].ref);
  c->work -= e->n;
}

/* Edges need not look at what died in this block. */
static void forget_dead(Check *c, const Block *b)
{
  uint32_t n = 0;
  for (uint32_t i = 0; i < c->ntouched; i++) {
    uint32_t place = c->touched[i];
    Ref r = c->ref[place];
    if (r != REF_NONE && !ref_is_kon(r) && c->sel->live->end[r - REF_BIAS] < b->end - 1)
      c->ref[place] = REF_NONE;
    if (c->ref[place] == REF_NONE)
      c->listed[place] = false;
    else
      c->touched[n++] = place;
  }
  c->work -= c->ntouched;
  c->ntouched = n;
}

static Status walk_block(Check *c, uint32_t n)
{
  const Block *b = &c->f->blocks[n];
  Entry *e = &c->blocks[n];
  const Ins *last = &c->f->ins[b->end - 1];
  e->dirty = false;
  c->block = n;
  c->edit = e->edit;
  c->folded = (uint32_t)NO_INS;
  load(c, e);
  for (uint32_t i = b->first; i < b->end; i++) {
    c->at = i;
    if (c->sel->live->flags[i] & LIVE_NEEDED) TRY(walk_ins(c));
  }
  forget_dead(c, b);
  for (uint32_t k = b->edges; k < b->edges + b->nedges; k++)
    if (last->op != IR_TRY || k != last->b) TRY(take_edge(c, k, false));
  return LW_OK;
}

/* The order of edits, and where each block's begin: emission goes through them once. */
static Status check_edit_order(Check *c)
{
  const Func *f = c->f;
  const Allocation *al = c->alloc;
  uint32_t next = 0;
  for (uint32_t i = 1; i < al->nedits; i++)
    if (al->edits[i].before < al->edits[i - 1].before)
      return breach(c, "edit %u is out of order", i);
  for (uint32_t n = 0; n < f->nblocks; n++) {
    c->blocks[n].edit = next;
    if (!f->blocks[n].reachable) continue;
    while (next < al->nedits && al->edits[next].before < f->blocks[n].end)
      next++;
  }
  if (next != al->nedits) return breach(c, "edits behind the end");
  if (al->saved & ~lw_target.callee_saved)
    return breach(c, "registers are saved that callers do not keep");
  for (uint32_t n = 0; n < f->nblocks; n++) {
    if (f->ins[f->blocks[n].end - 1].op == IR_TRY && al->saved != lw_target.callee_saved)
      return breach(c, "not all registers are saved where something may be caught");
  }
  return LW_OK;
}

/* Edges' ranges, and room to undo what the largest edge changes. */
static Status check_edges(Check *c)
{
  const Func *f = c->f;
  uint64_t most = 0;
  for (uint32_t e = 0; e < f->nedges; e++) {
    const EdgeEdits *r = &c->alloc->edges[e];
    if (r->count > 0 && (r->first >= c->alloc->nedge_edits ||
                         r->count > c->alloc->nedge_edits - r->first))
      return breach(c, "edge %u has edits that are not there", e);
    uint64_t sets =
      5 * (uint64_t)r->count + 3 * (uint64_t)f->blocks[f->edges[e].to].nparams;
    if (sets > most) most = sets;
  }
  c->undo = ARENA_RAW(c->arena, Held, most + 40); /* all registers, when it is thrown */
  return c->undo ? LW_OK : lw_nomem(c->err, "the check of registers");
}

static Status begin(Check *c)
{
  const Func *f = c->f;
  uint32_t nresults = lw_abi_assign(f->type, NULL, NULL).nstack_results;
  c->nslots = c->alloc->nslots;
  c->ncells = c->alloc->nout > nresults ? c->alloc->nout : nresults;
  c->work = WORK + (int64_t)f->nins * WORK_PER_INS;
  uint32_t nplaces = LOC_SLOT0 + c->nslots + c->ncells;
  c->ref = ARENA_RAW(c->arena, Ref, nplaces);
  c->listed = ARENA_ARR(c->arena, bool, nplaces);
  c->touched = ARENA_RAW(c->arena, uint32_t, nplaces);
  c->blocks = ARENA_ARR(c->arena, Entry, f->nblocks);
  c->params = ARENA_RAW(c->arena, AbiLoc, LIMIT_PARAMS);
  c->results = ARENA_RAW(c->arena, AbiLoc, LIMIT_RESULTS);
  if (!c->ref || !c->listed || !c->touched || !c->blocks || !c->params || !c->results)
    return lw_nomem(c->err, "the check of registers");
  memset(c->ref, 0xff, sizeof *c->ref * nplaces); /* REF_NONE */
  TRY(check_edit_order(c));
  return check_edges(c);
}

/* The function is entered with its arguments in the places of abi.h. */
static Status enter(Check *c)
{
  const Func *f = c->f;
  lw_abi_assign(f->type, c->params, NULL);
  for (uint32_t i = 0; f->ins[i].op == IR_ARG; i++) {
    AbiLoc l = c->params[f->ins[i].a];
    if (l.cls != ABI_STACK) set(c, abi_loc(l), REF_BIAS + i);
  }
  return arrive(c, 0);
}

Status lw_ra_check(const Selection *sel, const Allocation *alloc, Arena *scratch,
                   Err *err)
{
  Check c = {.sel = sel, .f = sel->f, .alloc = alloc, .arena = scratch, .err = err};
  TRY(begin(&c));
  TRY(enter(&c));
  do {
    c.again = false;
    for (uint32_t n = 0; n < c.f->nblocks && c.work > 0; n++)
      if (c.blocks[n].dirty) TRY(walk_block(&c, n));
  } while (c.again && c.work > 0);
  return LW_OK;
}

/*
** ra_damage.c -- allocations of registers, damaged, and whether the checker sees it.
**
** usage: ra_damage FILE [show]
** Allocates each function of the module in FILE and then does to it, one after the other,
** everything that is in `ways`, at every place where it can be done. Prints how often it
** was done and how often lw_ra_check found it; with `show`, also what it said, or
** nothing.
** The last way is no damage: what was in slots is put into registers that calls preserve.
** Layer: spec.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jit/compile.h"

typedef enum { OVER, NOT_HERE, DONE } Outcome;

typedef struct Trial {
  const Compiled *c;
  Allocation al; /* a copy */
} Trial;

static void *copied(Arena *arena, const void *from, size_t size)
{
  void *to = lw_arena_raw(arena, size + 16);
  if (!to) abort();
  if (size) memcpy(to, from, size);
  return to;
}

static Allocation copy_of(const Compiled *c, Arena *arena)
{
  Allocation al = c->alloc;
  al.allocs = copied(arena, al.allocs, sizeof *al.allocs * c->f.nins);
  al.edits = copied(arena, al.edits, sizeof *al.edits * al.nedits);
  al.edge_edits = copied(arena, al.edge_edits, sizeof *al.edge_edits * al.nedge_edits);
  al.edges = copied(arena, al.edges, sizeof *al.edges * c->f.nedges);
  return al;
}

static bool needed(const Trial *t, uint32_t i)
{
  return t->c->live.flags[i] & LIVE_NEEDED;
}

/* Another register that can be allocated, or another slot. */
static Loc other(const Trial *t, Loc l)
{
  if (loc_is_slot(l)) return LOC_SLOT0 + (l - LOC_SLOT0 + 1) % (t->al.nslots + 1);
  if (!loc_is_reg(l)) return LOC_NONE;
  uint32_t mask = lw_target.allocatable[loc_is_fpr(l)];
  do
    l = (l + 1) % 32;
  while ((mask >> l & 1) == 0);
  return l;
}

/* Is it a store to a slot that nobody looks at? (A value that leaves its block has one,
   even when the next block finds it in a register.) */
static bool is_dead(const Trial *t, const Edit *e)
{
  const Allocation *al = &t->al;
  if (!loc_is_slot(e->to)) return false;
  for (uint32_t i = 0; i < al->nedits; i++)
    if (al->edits[i].from == e->to) return false;
  for (uint32_t i = 0; i < al->nedge_edits; i++)
    if (al->edge_edits[i].from == e->to) return false;
  for (uint32_t i = 0; i < t->c->f.nins; i++) {
    const Alloc *a = &al->allocs[i];
    bool used = a->use[0] == e->to || a->use[1] == e->to || a->use[2] == e->to;
    if (needed(t, i) && (used || a->dst == e->to)) return false;
  }
  return true;
}

/* The last register that can be allocated: the simple allocator never gets there. */
static Loc unused(Loc l)
{
  return 31 - (Loc)__builtin_clz(lw_target.allocatable[loc_is_fpr(l)]);
}

/* ---- edits ---- */

static Outcome edit_removed(Trial *t, uint32_t at)
{
  Allocation *al = &t->al;
  if (at >= al->nedits) return OVER;
  if (is_dead(t, &al->edits[at])) return NOT_HERE;
  memmove(al->edits + at, al->edits + at + 1, sizeof(Edit) * (al->nedits - at - 1));
  al->nedits--;
  return DONE;
}

static Outcome swapped(Edit *e)
{
  if (e[0].to != e[1].from && e[0].from != e[1].to) return NOT_HERE;
  Edit first = e[0];
  e[0] = e[1];
  e[1] = first;
  return DONE;
}

static Outcome edits_swapped(Trial *t, uint32_t at)
{
  Edit *e = t->al.edits + at;
  if (at + 1 >= t->al.nedits) return OVER;
  return e[0].before == e[1].before ? swapped(e) : NOT_HERE;
}

static Outcome edit_of_another_type(Trial *t, uint32_t at)
{
  if (at >= t->al.nedits) return OVER;
  Edit *e = &t->al.edits[at];
  e->type = e->type == VAL_I32   ? VAL_I64
            : e->type == VAL_F32 ? VAL_F64
            : e->type == VAL_F64 ? VAL_F32
                                 : VAL_I32;
  return DONE;
}

static Outcome edit_from_elsewhere(Trial *t, uint32_t at)
{
  if (at >= t->al.nedits) return OVER;
  Edit *e = &t->al.edits[at];
  if (loc_is_kon(e->from) || is_dead(t, e)) return NOT_HERE;
  e->from = other(t, e->from);
  return DONE;
}

static Outcome edit_to_elsewhere(Trial *t, uint32_t at)
{
  if (at >= t->al.nedits) return OVER;
  Edit *e = &t->al.edits[at];
  if (loc_is_out(e->to) || is_dead(t, e)) return NOT_HERE;
  e->to = other(t, e->to);
  return DONE;
}

static Outcome edits_out_of_order(Trial *t, uint32_t at)
{
  Edit *e = t->al.edits + at;
  if (at + 1 >= t->al.nedits) return OVER;
  if (e[0].before == e[1].before) return NOT_HERE;
  Edit first = e[0];
  e[0] = e[1];
  e[1] = first;
  return DONE;
}

/* ---- edges ---- */

static Outcome edge_edit_removed(Trial *t, uint32_t at)
{
  if (at >= t->c->f.nedges) return OVER;
  EdgeEdits *r = &t->al.edges[at];
  if (r->count == 0) return NOT_HERE;
  r->count--;
  return DONE;
}

static Outcome edge_edits_swapped(Trial *t, uint32_t at)
{
  if (at + 1 >= t->al.nedge_edits) return OVER;
  for (uint32_t e = 0; e < t->c->f.nedges; e++) {
    const EdgeEdits *r = &t->al.edges[e];
    if (at >= r->first && at + 1 < r->first + r->count)
      return swapped(t->al.edge_edits + at);
  }
  return NOT_HERE;
}

static Outcome parameter_elsewhere(Trial *t, uint32_t at)
{
  if (at >= t->c->f.nins) return OVER;
  if (t->c->f.ins[at].op != IR_PARAM || !needed(t, at)) return NOT_HERE;
  t->al.allocs[at].dst = other(t, t->al.allocs[at].dst);
  return DONE;
}

/* ---- instructions ---- */

static Outcome operand_elsewhere(Trial *t, uint32_t at)
{
  if (at / 3 >= t->c->f.nins) return OVER;
  Loc *l = &t->al.allocs[at / 3].use[at % 3];
  if (!needed(t, at / 3) || *l == LOC_NONE) return NOT_HERE;
  *l = loc_is_reg(*l) ? unused(*l) : other(t, *l);
  return DONE;
}

static Outcome operand_in_scratch(Trial *t, uint32_t at)
{
  if (at / 3 >= t->c->f.nins) return OVER;
  Loc *l = &t->al.allocs[at / 3].use[at % 3];
  if (!needed(t, at / 3) || !loc_is_reg(*l)) return NOT_HERE;
  *l = lw_target.scratch[loc_is_fpr(*l)];
  return DONE;
}

static Outcome result_elsewhere(Trial *t, uint32_t at)
{
  if (at >= t->c->f.nins) return OVER;
  Loc *l = &t->al.allocs[at].dst;
  if (!needed(t, at) || !loc_is_reg(*l) || t->c->live.end[at] == at) return NOT_HERE;
  *l = other(t, *l);
  return DONE;
}

static Outcome result_nowhere(Trial *t, uint32_t at)
{
  if (at >= t->c->f.nins) return OVER;
  Constraint want;
  lw_target_constraint(&t->c->sel, at, &want);
  bool calls = want.use[1] == USE_ARGS || t->c->f.ins[at].op == IR_RESULT ||
               t->c->f.ins[at].op == IR_ARG;
  if (!needed(t, at) || t->al.allocs[at].dst == LOC_NONE || calls) return NOT_HERE;
  t->al.allocs[at].dst = LOC_NONE;
  return DONE;
}

static Outcome temporary_in_scratch(Trial *t, uint32_t at)
{
  if (at >= t->c->f.nins) return OVER;
  Loc *l = &t->al.allocs[at].temp[0];
  if (!needed(t, at) || *l == LOC_NONE) return NOT_HERE;
  *l = lw_target.scratch[loc_is_fpr(*l)];
  return DONE;
}

/* A late operand where the result is. */
static Outcome operand_overwritten(Trial *t, uint32_t at)
{
  if (at / 3 >= t->c->f.nins) return OVER;
  Constraint want;
  uint32_t i = at / 3, k = at % 3;
  lw_target_constraint(&t->c->sel, i, &want);
  bool can = needed(t, i) && want.use_late[k] && want.dst == USE_REG && !want.dst_is_a &&
             loc_is_reg(t->al.allocs[i].use[k]);
  if (!can) return NOT_HERE;
  t->al.allocs[i].dst = t->al.allocs[i].use[k];
  return DONE;
}

/* ---- the frame ---- */

static Outcome less(uint32_t *n, uint32_t at)
{
  if (at > 0 || *n == 0) return OVER;
  --*n;
  return DONE;
}

static Outcome slot_too_few(Trial *t, uint32_t at)
{
  return less(&t->al.nslots, at);
}

static Outcome cell_too_few(Trial *t, uint32_t at)
{
  return less(&t->al.nout, at);
}

static Outcome area_too_small(Trial *t, uint32_t at)
{
  return less(&t->al.result_area, at);
}

/* ---- what was in a slot goes to a register ---- */

static bool is_integer(unsigned type)
{
  return type != VAL_NONE && !lw_val_is_float(type);
}

/* Is slot `l` only used for integers and in places where a register will do? */
static bool can_move(const Trial *t, Loc l)
{
  const Allocation *al = &t->al;
  for (uint32_t i = 0; i < al->nedits + al->nedge_edits; i++) {
    const Edit *e = i < al->nedits ? &al->edits[i] : &al->edge_edits[i - al->nedits];
    if (e->type == VAL_V128 && (e->from == l + 1 || e->to == l + 1)) return false;
    if ((e->from == l || e->to == l) && !is_integer(e->type)) return false;
  }
  for (uint32_t i = 0; i < t->c->f.nins; i++) {
    const Ins *ins = &t->c->f.ins[i];
    Ref refs[3] = {ins->a, ins->b, ins->c};
    if (needed(t, i) && al->allocs[i].dst == l && !is_integer(ins->type)) return false;
    for (unsigned k = 0; k < 3; k++)
      if (al->allocs[i].use[k] == l && !is_integer(lw_ir_type(&t->c->f, refs[k])))
        return false;
  }
  return true;
}

static void put_instead(Loc *l, Loc from, Loc to)
{
  if (*l == from) *l = to;
}

static Outcome move_to(Trial *t, uint32_t at, Loc reg)
{
  Allocation *al = &t->al;
  if (at >= al->nslots) return OVER;
  Loc l = LOC_SLOT0 + at;
  if (!can_move(t, l)) return NOT_HERE;
  for (uint32_t i = 0; i < al->nedits; i++) {
    put_instead(&al->edits[i].from, l, reg);
    put_instead(&al->edits[i].to, l, reg);
  }
  for (uint32_t i = 0; i < al->nedge_edits; i++) {
    put_instead(&al->edge_edits[i].from, l, reg);
    put_instead(&al->edge_edits[i].to, l, reg);
  }
  for (uint32_t i = 0; i < t->c->f.nins; i++) {
    put_instead(&al->allocs[i].dst, l, reg);
    for (unsigned k = 0; k < 3; k++)
      put_instead(&al->allocs[i].use[k], l, reg);
  }
  return DONE;
}

static Loc kept(void)
{
  return (Loc)__builtin_ctz(lw_target.callee_saved);
}

static Outcome register_not_saved(Trial *t, uint32_t at)
{
  t->al.saved = 0;
  return move_to(t, at, kept());
}

static bool catches(const Func *f)
{
  for (uint32_t b = 0; b < f->nblocks; b++)
    if (f->ins[f->blocks[b].end - 1].op == IR_TRY) return true;
  return false;
}

/* A throw leaves nothing in them. The first slot of a function that catches is taken to
   be of a value from before the call that is used behind the catch. */
static Outcome register_across_throw(Trial *t, uint32_t at)
{
  if (!catches(&t->c->f) || at > 0) return OVER;
  t->al.saved = lw_target.callee_saved;
  return move_to(t, at, kept());
}

static Outcome slot_in_register(Trial *t, uint32_t at)
{
  if (catches(&t->c->f)) return OVER;
  t->al.saved = lw_target.callee_saved;
  return move_to(t, at, kept());
}

/* ---- the program ---- */

typedef struct Way {
  const char *name;
  Outcome (*damage)(Trial *t, uint32_t at);
  uint32_t tried, found;
} Way;

#define WAY(name)                                                                        \
  {                                                                                      \
#name, name, 0, 0                                                                    \
  }
static Way ways[] = {
  WAY(edit_removed),        WAY(edits_swapped),         WAY(edit_of_another_type),
  WAY(edit_from_elsewhere), WAY(edit_to_elsewhere),     WAY(edits_out_of_order),
  WAY(edge_edit_removed),   WAY(edge_edits_swapped),    WAY(parameter_elsewhere),
  WAY(operand_elsewhere),   WAY(operand_in_scratch),    WAY(result_elsewhere),
  WAY(result_nowhere),      WAY(temporary_in_scratch),  WAY(operand_overwritten),
  WAY(slot_too_few),        WAY(cell_too_few),          WAY(area_too_small),
  WAY(register_not_saved),  WAY(register_across_throw), WAY(slot_in_register)};
enum { NWAYS = sizeof ways / sizeof *ways };

static void try_way(Way *w, const Compiled *c, bool show)
{
  Arena arena = {0};
  Outcome outcome = DONE;
  for (uint32_t at = 0; outcome != OVER; at++) {
    Trial t = {c, copy_of(c, &arena)};
    outcome = w->damage(&t, at);
    if (outcome == DONE) {
      Err err = {0};
      Status s = lw_ra_check(&c->sel, &t.al, &arena, &err);
      w->tried++;
      w->found += s == LW_INVALID;
      if (show) printf("  %s %u: %s\n", w->name, at, err.msg);
    }
    lw_arena_reset(&arena);
  }
  lw_arena_free(&arena);
}

static void must(Status s, const Err *err)
{
  if (s == LW_OK) return;
  fprintf(stderr, "%s\n", err->msg);
  exit(1);
}

static size_t read_file(const char *path, uint8_t **bytes)
{
  enum { LARGEST = 1 << 20 };
  FILE *file = fopen(path, "rb");
  *bytes = malloc(LARGEST);
  if (!file || !*bytes) abort();
  size_t n = fread(*bytes, 1, LARGEST, file);
  fclose(file);
  return n;
}

int main(int argc, char **argv)
{
  uint8_t *bytes;
  Module m;
  Err err = {0};
  DecodeOptions opts = {0};
  EmitOptions emit = {0};
  Arena scratch = {0};
  if (argc < 2) return 2;
  size_t size = read_file(argv[1], &bytes);
  must(lw_module_decode(bytes, size, &opts, &m, &err), &err);
  must(lw_module_validate(&m, &err), &err);
  for (uint32_t func = m.nfuncs_imported; func < m.nfuncs; func++) {
    Compiled c;
    must(lw_compile_front(&m, func, &emit, &scratch, &c, &err), &err);
    must(lw_target_select(&c.f, &c.live, &emit, &scratch, &c.sel, &err), &err);
    must(lw_ra_simple(&c.sel, &scratch, &c.alloc, &err), &err);
    must(lw_ra_check(&c.sel, &c.alloc, &scratch, &err), &err);
    for (unsigned k = 0; k < NWAYS; k++)
      try_way(&ways[k], &c, argc > 2);
    lw_arena_reset(&scratch);
  }
  for (unsigned k = 0; k < NWAYS; k++)
    printf("%s %u %u\n", ways[k].name, ways[k].tried, ways[k].found);
  lw_arena_free(&scratch);
  lw_module_free(&m);
  free(bytes);
  return 0;
}

/*
** emit_branch.c -- jumps, and the moves that edges bring.
**
** Moves are made where nothing has to jump around them: behind the jump that does not
** take the edge. Backward jumps are short when they reach. A forward one is when few
** instructions lie between: a guess, nearly always right. Where one was wrong, the
** function is emitted once more, with that block far away.
** Layer: jit.
*/
#include "jit/x64/emit.h"

static const EdgeEdits *edge_edits(const Emit *em, uint32_t edge)
{
  return &em->alloc->edges[edge];
}

static void edge_moves(Emit *em, uint32_t edge)
{
  const EdgeEdits *r = edge_edits(em, edge);
  for (uint32_t i = r->first; i < r->first + r->count; i++)
    lw_emit_move(em, &em->alloc->edge_edits[i]);
}

static uint32_t target(const Emit *em, uint32_t edge)
{
  return em->f->edges[edge].to;
}

/* Does a branch to this place, already emitted, reach it with 8 bits? */
static bool is_near(const Emit *em, uint32_t at)
{
  return at != UNPLACED && em->e.size + 2 - at <= 128;
}

/* About how many times four bytes an instruction takes. */
static uint32_t weight(const Emit *em, const Ins *ins)
{
  const EdgeEdits *edges = em->alloc->edges;
  switch ((Form)isel_row(ins)->form) { /* dispatch */
  case FORM_JUMP: return 1 + edges[ins->a].count;
  case FORM_BRIF: return 1 + edges[ins->b].count + edges[ins->c].count;
  case FORM_CALL:
  case FORM_HELPER:
  case FORM_TAIL:
  case FORM_BRTABLE:
  case FORM_RETURN:
  case FORM_TRUNC:
  case FORM_CONVERT: return 4;
  case FORM_LOAD:
  case FORM_STORE: return 2;
  default: return 1;
  }
}

/* Is a block that comes later likely to begin within 127 bytes? */
static bool looks_near(const Emit *em, uint32_t block)
{
  enum { MOST = 12 };
  const Allocation *al = em->alloc;
  uint32_t first = em->f->blocks[block].first, sum = 0;
  if (em->is_far && em->is_far[block]) return false;
  if (first - em->ins > 4 * MOST) return false;
  for (uint32_t i = em->ins + 1; i < first && sum <= MOST; i++)
    if (em->sel->live->flags[i] & LIVE_NEEDED) sum += weight(em, &em->f->ins[i]);
  for (uint32_t i = em->edit; i < al->nedits && sum <= MOST; i++) {
    if (al->edits[i].before >= first) break;
    sum++;
  }
  return sum <= MOST;
}

static void jump_always(Emit *em, uint32_t block)
{
  uint32_t to = em->block_at[block];
  if (is_near(em, to)) {
    lw_enc_patch8(&em->e, lw_enc_jmp8(&em->e), to);
  } else {
    bool is_short = to == UNPLACED && looks_near(em, block);
    uint32_t at = is_short ? lw_enc_jmp8(&em->e) : lw_enc_jmp32(&em->e);
    EMIT_PUSH(em, fixups, (Fixup){at, block, is_short});
  }
}

static void jump_to(Emit *em, uint32_t block)
{
  if (block != em->next_block) jump_always(em, block);
}

static void jump_if(Emit *em, unsigned cc, uint32_t block)
{
  uint32_t to = em->block_at[block];
  if (is_near(em, to)) {
    lw_enc_patch8(&em->e, lw_enc_jcc8(&em->e, cc), to);
  } else {
    bool is_short = to == UNPLACED && looks_near(em, block);
    uint32_t at = is_short ? lw_enc_jcc8(&em->e, cc) : lw_enc_jcc32(&em->e, cc);
    EMIT_PUSH(em, fixups, (Fixup){at, block, is_short});
  }
}

void lw_emit_jump(Emit *em, const Ins *ins)
{
  edge_moves(em, ins->a);
  jump_to(em, target(em, ins->a));
}

/* Equality of floats is two conditions: `true` when both hold (CC_FEQ) or one (CC_FNE).
 */
static void jump_if_any(Emit *em, unsigned cc, uint32_t block)
{
  if (cc == CC_FNE) {
    jump_if(em, CC_P, block);
    jump_if(em, CC_NE, block);
  } else if (cc == CC_FEQ) {
    uint32_t skip = lw_enc_jcc8(&em->e, CC_P);
    jump_if(em, CC_E, block);
    lw_enc_here8(&em->e, skip);
  } else {
    jump_if(em, cc, block);
  }
}

/* Jumps over what will be emitted next, to be patched when that is done. */
typedef struct Skip {
  uint32_t at[2];
  unsigned count;
  bool is_short;
} Skip;

static void skip_if(Emit *em, Skip *s, unsigned cc)
{
  Enc *e = &em->e;
  s->at[s->count++] = s->is_short ? lw_enc_jcc8(e, cc) : lw_enc_jcc32(e, cc);
}

/* Skip the moves of `edge` and a jump unless the condition holds. */
static Skip skip_unless(Emit *em, unsigned cc, uint32_t edge)
{
  enum { LONGEST_MOVE = 20 };
  Skip s = {.is_short = edge_edits(em, edge)->count * LONGEST_MOVE + 5 <= 127};
  if (cc == CC_FEQ) {
    skip_if(em, &s, CC_P);
    skip_if(em, &s, CC_NE);
  } else if (cc == CC_FNE) {
    uint32_t holds = lw_enc_jcc8(&em->e, CC_P);
    skip_if(em, &s, CC_E);
    lw_enc_here8(&em->e, holds);
  } else {
    skip_if(em, &s, cc ^ 1);
  }
  return s;
}

static void skip_to_here(Emit *em, const Skip *s)
{
  for (unsigned i = 0; i < s->count; i++) {
    if (s->is_short)
      lw_enc_here8(&em->e, s->at[i]);
    else
      lw_enc_patch32(&em->e, s->at[i], em->e.size);
  }
}

void lw_emit_brif(Emit *em, const Ins *ins, const Alloc *a)
{
  unsigned cc = em->cc;
  uint32_t yes = ins->b, no = ins->c;
  if (a->use[0] != LOC_NONE && emit_zero_known(em->zero_of, ins->a)) {
    cc = CC_NE;
  } else if (loc_is_reg(a->use[0])) {
    lw_enc_rr(&em->e, X_TEST, 0, a->use[0], a->use[0]);
    cc = CC_NE;
  } else if (a->use[0] != LOC_NONE) {
    lw_enc_alu_mi(&em->e, X_CMP, 0, emit_slot(em, a->use[0]), 0);
    cc = CC_NE;
  }
  bool yes_moves = edge_edits(em, yes)->count > 0,
       no_moves = edge_edits(em, no)->count > 0;
  if (!yes_moves && (no_moves || target(em, yes) != em->next_block)) {
    jump_if_any(em, cc, target(em, yes));
  } else if (!no_moves && target(em, no) != em->next_block) {
    jump_if_any(em, cc ^ 1, target(em, no));
    edge_moves(em, yes);
    jump_to(em, target(em, yes));
    return;
  } else {
    Skip s = skip_unless(em, cc, yes);
    edge_moves(em, yes);
    jump_always(em, target(em, yes)); /* what follows belongs to the other edge */
    skip_to_here(em, &s);
  }
  edge_moves(em, no);
  jump_to(em, target(em, no));
}

/* What is thrown lands elsewhere: see lw_emit_landings. */
void lw_emit_try(Emit *em, const Ins *ins)
{
  edge_moves(em, ins->a);
  jump_to(em, target(em, ins->a));
}

/*
** Where the run time goes on after a throw: rax is the exception, rbp the frame, nothing
** else is as it was. What the edge moves lies in slots, since the call had destroyed all
** registers, and no move writes rax.
*/
void lw_emit_landings(Emit *em)
{
  for (uint32_t i = 0; i < em->nlandings && !em->e.failed; i++) {
    const Landing *l = &em->landings[i];
    lw_enc_patch32(&em->e, l->at, em->e.size);
    lw_emit_land(em);
    edge_moves(em, l->edge);
    jump_always(em, target(em, l->edge));
  }
}

/* The place of an edge's moves, or of its target when it has none. */
static uint32_t edge_place(const Emit *em, uint32_t edge)
{
  uint32_t at = em->edge_at[edge];
  return at != UNPLACED ? at : em->block_at[target(em, edge)];
}

void lw_emit_brtable(Emit *em, const Ins *ins, const Alloc *a)
{
  Enc *e = &em->e;
  const uint32_t *edges = em->f->pool + ins->b;
  uint32_t count = ins->c; /* and the default behind them */
  unsigned index = a->use[0], to = a->temp[0];
  uint32_t to_default = 0;
  if (count) {
    lw_enc_alu_ri(e, X_CMP, 0, index, (int32_t)count);
    to_default = lw_enc_jcc32(e, CC_AE);
    lw_enc_rm(e, X_LEA, 1, R11, mem_rip(0));
    EMIT_PUSH(em, tables, (JumpTable){e->size - 4, ins->b, count});
    lw_enc_rm(e, X_MOVSXD, 0, to, mem_index(R11, index, 2, 0));
    lw_enc_rr(e, X_ADD, 1, to, R11);
    lw_enc_r(e, X_JMP_M, 0, to);
    for (uint32_t i = 0; i < count; i++) {
      if (edge_edits(em, edges[i])->count == 0 || em->edge_at[edges[i]] != UNPLACED)
        continue;
      em->edge_at[edges[i]] = e->size;
      edge_moves(em, edges[i]);
      jump_always(em, target(em, edges[i]));
    }
    lw_enc_patch32(e, to_default, e->size);
  }
  edge_moves(em, edges[count]);
  jump_to(em, target(em, edges[count]));
}

bool lw_emit_reaches(const Emit *em, bool *is_far)
{
  bool all = true;
  for (uint32_t i = 0; i < em->nfixups && !em->e.failed; i++) {
    const Fixup *x = &em->fixups[i];
    if (!x->is_short || em->block_at[x->target] - (x->at + 1) <= INT8_MAX) continue;
    if (is_far) is_far[x->target] = true;
    all = false;
  }
  return all;
}

void lw_emit_resolve(Emit *em)
{
  Enc *e = &em->e;
  if (em->e.failed) return;
  for (uint32_t i = 0; i < em->nfixups; i++) {
    const Fixup *x = &em->fixups[i];
    assert(em->block_at[x->target] != UNPLACED);
    if (x->is_short)
      lw_enc_patch8(e, x->at, em->block_at[x->target]);
    else
      lw_enc_patch32(e, x->at, em->block_at[x->target]);
  }
  while (em->ntables && e->size & 3)
    lw_enc_8(e, 0xcc);
  for (uint32_t i = 0; i < em->ntables; i++) {
    const JumpTable *t = &em->tables[i];
    uint32_t at = e->size;
    lw_enc_patch32(e, t->at, at);
    for (uint32_t k = 0; k < t->count && !e->failed; k++)
      lw_enc_32(e, edge_place(em, em->f->pool[t->edges + k]) - at);
  }
}

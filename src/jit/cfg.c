/*
** cfg.c -- what follows from the edges alone: predecessors, loops, reachability, cold.
**
** Blocks lie in an order where only edges to loop headers go back, so no depth-first
** search is needed: everything is a sweep over blocks or edges.
** A loop's body here is the contiguous run from its header to the last block that is in
** it; blocks in between that leave the loop for good count as in it. That is what
** liveness intervals need, and it costs nothing to know.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/ir.h"

/* Incoming edges of each block, by counting sort: in the order of edge numbers. */
static void fill_preds(Func *f)
{
  for (uint32_t i = 0; i < f->nblocks; i++)
    f->blocks[i].npreds = 0;
  for (uint32_t e = 0; e < f->nedges; e++) {
    assert(f->edges[e].to < f->nblocks && f->edges[e].from < f->nblocks);
    f->blocks[f->edges[e].to].npreds++;
  }
  uint32_t at = 0;
  for (uint32_t i = 0; i < f->nblocks; i++) {
    f->blocks[i].preds = at;
    at += f->blocks[i].npreds;
    f->blocks[i].npreds = 0;
  }
  assert(at == f->nedges);
  for (uint32_t e = 0; e < f->nedges; e++) {
    Block *to = &f->blocks[f->edges[e].to];
    f->preds[to->preds + to->npreds++] = e;
  }
}

/* One forward sweep is enough: every block but the entry has a forward predecessor. */
static void mark_reachable(Func *f)
{
  for (uint32_t i = 0; i < f->nblocks; i++)
    f->blocks[i].reachable = i == 0;
  for (uint32_t i = 0; i < f->nblocks; i++) {
    const Block *b = &f->blocks[i];
    if (!b->reachable) continue;
    for (uint32_t e = b->edges; e < b->edges + b->nedges; e++)
      f->blocks[f->edges[e].to].reachable = true;
  }
}

/*
** loop_end and depth. The last back edge alone is not enough: an inner loop may jump to
** the outer header before its own last back edge, and then all of it is in the outer
** loop. Headers are visited from the last one to the first; `stack` holds the outermost
** loops that start behind the current one, the nearest on top.
*/
static void find_loops(Func *f, uint32_t *stack)
{
  for (uint32_t i = 0; i < f->nblocks; i++)
    f->blocks[i].loop_end = NO_BLOCK;
  for (uint32_t e = 0; e < f->nedges; e++) {
    const Edge *edge = &f->edges[e];
    if (edge->to > edge->from) continue;
    Block *header = &f->blocks[edge->to];
    if (header->loop_end == NO_BLOCK || header->loop_end < edge->from)
      header->loop_end = edge->from;
  }
  uint32_t n = 0;
  for (uint32_t i = f->nblocks; i-- > 0;) {
    Block *header = &f->blocks[i];
    if (header->loop_end == NO_BLOCK) continue;
    for (; n > 0 && stack[n - 1] <= header->loop_end; n--) {
      uint32_t inner_end = f->blocks[stack[n - 1]].loop_end;
      if (inner_end > header->loop_end) header->loop_end = inner_end;
    }
    stack[n++] = i;
  }
  n = 0;
  for (uint32_t i = 0; i < f->nblocks; i++) {
    Block *b = &f->blocks[i];
    while (n > 0 && stack[n - 1] < i)
      n--;
    if (b->loop_end != NO_BLOCK) {
      assert(n == 0 || b->loop_end <= stack[n - 1]);
      stack[n++] = b->loop_end;
    }
    b->depth = n > UINT16_MAX ? UINT16_MAX : (uint16_t)n;
  }
}

#ifndef NDEBUG
static bool all_cold;
void lw_ir_cold(bool all)
{
  all_cold = all;
}
#else
enum { all_cold = false };
#endif

/* Cold: only leads to traps, or can only be reached from such a place. */
static void mark_cold(Func *f)
{
  for (uint32_t i = f->nblocks; i-- > 0;) {
    Block *b = &f->blocks[i];
    assert(b->end > b->first);
    b->cold = f->ins[b->end - 1].op == IR_TRAP || b->nedges > 0;
    for (uint32_t e = b->edges; b->cold && e < b->edges + b->nedges; e++)
      b->cold = f->edges[e].to > i && f->blocks[f->edges[e].to].cold;
  }
  for (uint32_t i = 1; i < f->nblocks; i++) {
    Block *b = &f->blocks[i];
    if (b->cold) continue;
    b->cold = true;
    if (all_cold) continue;
    for (uint32_t p = b->preds; b->cold && p < b->preds + b->npreds; p++) {
      const Edge *edge = &f->edges[f->preds[p]];
      b->cold = edge->from >= i || f->blocks[edge->from].cold;
    }
  }
}

Status lw_ir_cfg(Func *f, Err *err)
{
  assert(f->nblocks > 0);
  f->preds = ARENA_RAW(f->arena, uint32_t, f->nedges ? f->nedges : 1);
  /* open loops never outnumber back edges */
  uint32_t *stack = ARENA_RAW(f->arena, uint32_t, f->nblocks);
  if (!f->preds || !stack) return lw_nomem(err, "control flow");
  fill_preds(f);
  mark_reachable(f);
  find_loops(f, stack);
  mark_cold(f);
  return LW_OK;
}

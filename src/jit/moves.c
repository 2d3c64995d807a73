/*
** moves.c -- parallel moves in a sequence.
**
** Think of a graph: move i reads its source, which another move j may overwrite, so i
** must come before j. Every place is written at most once, so a component is a tree of
** such orders hanging off at most one cycle. Moves that nobody waits for are made first,
** which peels the trees; what remains are plain cycles, and each of them is opened by
** saving one place in a scratch register. So a scratch register is in use only inside
** one cycle, and moves into outgoing cells or from constants, never part of a cycle, may
** use it freely.
** Layer: jit.
*/
#include <assert.h>
#include <string.h>

#include "jit/target.h"

#define MOVE_NONE UINT32_MAX

static Status room(Mover *m, uint32_t n, Err *err)
{
  if (n <= m->cap) return LW_OK;
  uint32_t cap = m->cap ? m->cap : 32;
  while (cap < n)
    cap *= 2;
  m->writer = ARENA_RAW(m->arena, uint32_t, (size_t)cap * 2);
  m->source = ARENA_RAW(m->arena, uint32_t, cap);
  m->readers = ARENA_RAW(m->arena, uint32_t, cap);
  m->ready = ARENA_RAW(m->arena, uint32_t, cap);
  if (!m->writer || !m->source || !m->readers || !m->ready)
    return lw_nomem(err, "parallel moves");
  m->cap = cap;
  return LW_OK;
}

static inline uint32_t hash(Loc l, uint32_t mask)
{
  return (l * 0x9e3779b1u >> 8 ^ l) & mask;
}

/* Fills source and readers. Few moves are compared pairwise, many by a table. */
static void link_moves(Mover *m, const Edit *moves, uint32_t n)
{
  enum { PAIRWISE = 8 };
  memset(m->readers, 0, sizeof *m->readers * n);
  if (n <= PAIRWISE) {
    for (uint32_t i = 0; i < n; i++) {
      m->source[i] = MOVE_NONE;
      for (uint32_t j = 0; j < n; j++)
        if (moves[j].to == moves[i].from) m->source[i] = j;
    }
  } else {
    uint32_t size = 16;
    while (size < n * 2)
      size *= 2;
    assert(size <= m->cap * 2);
    memset(m->writer, 0, sizeof *m->writer * size);
    for (uint32_t i = 0; i < n; i++) {
      uint32_t at = hash(moves[i].to, size - 1);
      while (m->writer[at]) {
        assert(moves[m->writer[at] - 1].to != moves[i].to && "two moves to one place");
        at = (at + 1) & (size - 1);
      }
      m->writer[at] = i + 1;
    }
    for (uint32_t i = 0; i < n; i++) {
      uint32_t at = hash(moves[i].from, size - 1);
      while (m->writer[at] && moves[m->writer[at] - 1].to != moves[i].from)
        at = (at + 1) & (size - 1);
      m->source[i] = m->writer[at] - 1; /* 0 - 1 is MOVE_NONE */
    }
  }
  for (uint32_t i = 0; i < n; i++)
    if (m->source[i] != MOVE_NONE) m->readers[m->source[i]]++;
}

/* The cycle of move i: save what i overwrites, go round, use what was saved. */
static uint32_t break_cycle(Mover *m, const Edit *moves, uint32_t i, Edit *out,
                            uint32_t made)
{
  Edit *save = &out[made++];
  uint32_t j = i;
  for (; m->source[j] != i; j = m->source[j]) {
    assert(m->readers[j] == 1 && m->source[j] != MOVE_NONE);
    out[made++] = moves[j];
    m->readers[j] = 0;
  }
  Loc scratch = lw_target.scratch[moves[j].type == VAL_V128];
  *save = (Edit){moves[i].before, moves[j].type, moves[i].to, scratch};
  out[made] = moves[j];
  out[made++].from = scratch;
  m->readers[j] = 0;
  return made;
}

Status lw_moves_order(Mover *m, const Edit *moves, uint32_t n, Edit *out, uint32_t *nout,
                      Err *err)
{
  *nout = n;
  if (n <= 1) {
    if (n) out[0] = moves[0];
    return LW_OK;
  }
  TRY(room(m, n, err));
  link_moves(m, moves, n);
  uint32_t nready = 0, made = 0;
  for (uint32_t i = 0; i < n; i++) {
    assert(moves[i].from != moves[i].to);
    if (m->readers[i] == 0) m->ready[nready++] = i;
  }
  for (uint32_t k = 0; k < nready; k++) {
    uint32_t i = m->ready[k], j = m->source[i];
    out[made++] = moves[i];
    if (j != MOVE_NONE && --m->readers[j] == 0) m->ready[nready++] = j;
  }
  for (uint32_t i = 0; i < n; i++) {
    if (m->readers[i] == 0) continue;
    made = break_cycle(m, moves, i, out, made);
    (*nout)++;
  }
  assert(made == *nout && "every move is a tree's or a cycle's");
  return LW_OK;
}

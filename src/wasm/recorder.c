/*
** recorder.c -- see recorder.h.
** Layer: wasm.
*/
#include "wasm/recorder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { BUDGET_PER_BYTE = 2, BUDGET_BASE = 4096 };

Status lw_recorder_begin(Recorder *rec, uint32_t nlocals, uint32_t body_bytes,
                         Arena *arena, Err *err)
{
  *rec = (Recorder){.arena = arena, .err = err, .nlocals = nlocals};
  rec->budget = (uint64_t)BUDGET_PER_BYTE * body_bytes + BUDGET_BASE;
  rec->uses = ARENA_ARR(arena, uint32_t, nlocals + 1);
  rec->mark = ARENA_ARR(arena, uint32_t, nlocals + 1);
  rec->is_set = ARENA_ARR(arena, uint8_t, nlocals + 1);
  if (!rec->uses || !rec->mark || !rec->is_set)
    return lw_nomem(err, "facts about a function");
  return LW_OK;
}

Status lw_recorder_open(Recorder *rec, uint32_t number, RecorderFrame *f)
{
  rec->frames =
    lw_vec_room(rec->arena, rec->frames, &rec->frames_cap, number, sizeof *rec->frames);
  if (!rec->frames) return lw_nomem(rec->err, "facts about a function");
  if (number >= rec->nframes) rec->nframes = number + 1;
  *f = (RecorderFrame){.start = rec->nset};
  return LW_OK;
}

Status lw_recorder_assign(Recorder *rec, const RecorderFrame *f, uint32_t x)
{
  assert(x < rec->nlocals);
  rec->is_set[x] = 1;
  if (rec->counting || (rec->in_slot && rec->in_slot[x])) return LW_OK;
  if (rec->mark[x] > f->start) return LW_OK; /* this frame has it already */
  rec->set =
    lw_vec_room(rec->arena, rec->set, &rec->set_cap, rec->nset, sizeof *rec->set);
  if (!rec->set) return lw_nomem(rec->err, "facts about a function");
  rec->set[rec->nset++] = (SetEntry){x, rec->mark[x]};
  rec->mark[x] = rec->nset;
  return LW_OK;
}

/* Write the innermost segment down as the set of frame `number`. */
static Status write_down(Recorder *rec, uint32_t number, const RecorderFrame *f)
{
  uint32_t count = rec->nset - f->start;
  uint64_t cost = (uint64_t)count * ((uint64_t)f->branches + 1);
  if (cost > rec->budget - rec->spent) {
    assert(!rec->in_slot && "the second walk keeps within the budget");
    rec->counting = true;
    return LW_OK;
  }
  rec->spent += cost;
  rec->frames[number].first = rec->nlog;
  rec->frames[number].count = count;
  if (count == 0) return LW_OK;
  rec->log = lw_vec_room(rec->arena, rec->log, &rec->log_cap, rec->nlog + count - 1,
                         sizeof *rec->log);
  if (!rec->log) return lw_nomem(rec->err, "facts about a function");
  for (uint32_t i = f->start; i < rec->nset; i++)
    rec->log[rec->nlog++] = rec->set[i].local;
  return LW_OK;
}

Status lw_recorder_close(Recorder *rec, uint32_t number, const RecorderFrame *f,
                         const RecorderFrame *outer)
{
  rec->nbranches += f->branches;
  if (rec->counting || !outer)
    return LW_OK; /* no local is read after the function's end */
  assert(outer->start <= f->start && f->start <= rec->nset);
  TRY(write_down(rec, number, f));
  uint32_t kept = f->start;
  for (uint32_t i = f->start; i < rec->nset; i++) {
    SetEntry e = rec->set[i];
    assert(rec->mark[e.local] == i + 1);
    if (e.outer > outer->start) {
      rec->mark[e.local] = e.outer;
    } else {
      rec->set[kept++] = e;
      rec->mark[e.local] = kept;
    }
  }
  rec->nset = kept;
  return LW_OK;
}

/* ---- the end of a walk ---- */

typedef struct Candidate {
  uint32_t local, uses;
} Candidate;

static int by_uses(const void *pa, const void *pb)
{
  const Candidate *a = pa, *b = pb;
  if (a->uses != b->uses) return a->uses > b->uses ? -1 : 1;
  return a->local < b->local ? -1 : 1; /* the order is total, so results are the same
                                          with every qsort */
}

/* Over budget: only the most used locals keep their place in the sets. */
static Status choose_slots(Recorder *rec)
{
  uint64_t keep = rec->budget / (rec->nframes + rec->nbranches);
  Candidate *all = ARENA_RAW(rec->arena, Candidate, rec->nlocals + 1);
  rec->in_slot = ARENA_ARR(rec->arena, uint8_t, rec->nlocals + 1);
  if (!all || !rec->in_slot) return lw_nomem(rec->err, "facts about a function");
  uint32_t n = 0;
  for (uint32_t x = 0; x < rec->nlocals; x++)
    if (rec->is_set[x]) all[n++] = (Candidate){x, rec->uses[x]};
  qsort(all, n, sizeof *all, by_uses);
  for (uint64_t i = keep; i < n; i++)
    rec->in_slot[all[i].local] = 1;
  return LW_OK;
}

static void start_over(Recorder *rec)
{
  rec->counting = false;
  rec->spent = rec->nbranches = 0;
  rec->nset = rec->nlog = rec->nframes = 0;
  memset(rec->mark, 0, rec->nlocals * sizeof *rec->mark);
  if (rec->frames) memset(rec->frames, 0, rec->frames_cap * sizeof *rec->frames);
}

/* Each frame's set in ascending order: dealt out by local, then back to the frames. Two
   passes over the log, whatever its shape. */
static Status sort_sets(Recorder *rec)
{
  uint32_t *from = ARENA_ARR(rec->arena, uint32_t, rec->nlocals + 1);
  uint32_t *next = ARENA_RAW(rec->arena, uint32_t, rec->nframes + 1);
  uint32_t *frame_of = ARENA_RAW(rec->arena, uint32_t, rec->nlog + 1);
  if (!from || !next || !frame_of) return lw_nomem(rec->err, "facts about a function");
  for (uint32_t i = 0; i < rec->nlog; i++)
    from[rec->log[i] + 1]++;
  for (uint32_t x = 0; x < rec->nlocals; x++)
    from[x + 1] += from[x];
  for (uint32_t f = 0; f < rec->nframes; f++) {
    next[f] = rec->frames[f].first;
    for (uint32_t i = 0; i < rec->frames[f].count; i++)
      frame_of[from[rec->log[next[f] + i]]++] = f;
  }
  /* Dealing moved from[x] to the end of local x's run, which is where x + 1 begins. */
  for (uint32_t x = 0, i = 0; x < rec->nlocals; x++)
    for (; i < from[x]; i++)
      rec->log[next[frame_of[i]]++] = x;
  return LW_OK;
}

Status lw_recorder_finish(Recorder *rec, BodyFacts *facts, bool *again)
{
  *again = rec->counting;
  if (rec->counting) {
    TRY(choose_slots(rec));
    start_over(rec);
    return LW_OK;
  }
  assert(rec->spent <= rec->budget);
  TRY(sort_sets(rec));
  facts->frames = rec->frames;
  facts->nframes = rec->nframes;
  facts->assigned = rec->log;
  facts->in_slot = rec->in_slot;
  facts->nlocals = rec->nlocals;
  return LW_OK;
}

/*
** recorder.h -- collects the BodyFacts of one walk.
**
** One walk of the body drives it: frames open and close, locals are assigned, branches
** are counted. The set of locals assigned in each open frame is a segment of one stack;
** a closing frame's segment is written down and merged into that of the frame around it.
** When the sets written down would exceed the budget (see facts.h), the recorder goes on
** counting only; recorder_finish then picks the locals that stay out of the sets, and
** the caller walks the body once more.
** Layer: wasm.
*/
#ifndef LW_RECORDER_H
#define LW_RECORDER_H

#include "wasm/facts.h"

typedef struct SetEntry {
  uint32_t local;
  uint32_t outer; /* 1 + its entry in an outer frame's segment, or 0 */
} SetEntry;

typedef struct Recorder {
  Arena *arena;
  Err *err;
  uint32_t nlocals;
  uint64_t budget, spent;
  bool counting;    /* over budget: nothing but counts */
  uint32_t *uses;   /* of each local: get, set, tee */
  uint8_t *is_set;  /* of each local: assigned anywhere */
  uint8_t *in_slot; /* second walk: left out of the sets; else NULL */
  uint32_t *mark;   /* of each local: 1 + its topmost entry in `set`, or 0 */
  SetEntry *set;    /* segments of the open frames */
  uint32_t nset, set_cap;
  uint32_t *log; /* locals of the frames closed so far */
  uint32_t nlog, log_cap;
  FrameFacts *frames;
  uint32_t nframes, frames_cap;
  uint64_t nbranches;
} Recorder;

/* What the recorder keeps in each control frame. */
typedef struct RecorderFrame {
  uint32_t start;    /* its segment of Recorder.set begins here */
  uint32_t branches; /* to its label */
  uint32_t table;    /* 1 + offset of the last br_table that was counted */
  uint32_t opened;   /* operators before it, itself included */
} RecorderFrame;

Status lw_recorder_begin(Recorder *rec, uint32_t nlocals, uint32_t body_bytes,
                         Arena *arena, Err *err);
Status lw_recorder_open(Recorder *rec, uint32_t number, RecorderFrame *f);
/* `outer` is the frame around `f`; NULL for the function's own. */
Status lw_recorder_close(Recorder *rec, uint32_t number, const RecorderFrame *f,
                         const RecorderFrame *outer);
/* Local x is assigned in the innermost frame `f`. */
Status lw_recorder_assign(Recorder *rec, const RecorderFrame *f, uint32_t x);
/*
** The walk is over. *again: it was too much; walk once more with this recorder.
** Otherwise the facts about frames and locals are complete.
*/
Status lw_recorder_finish(Recorder *rec, BodyFacts *facts, bool *again);

#endif

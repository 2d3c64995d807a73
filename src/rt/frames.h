/*
** frames.h -- walking the frames on a private stack, innermost first.
**
** Every wasm function keeps rbp as in C: [rbp] is the caller's rbp, [rbp + 8] the return
** address; the outermost has [rbp] = 0. A function that may lead into another instance
** or to the host also keeps its own context at [rbp - 8]; all others run in the same
** instance as the function they called last. So every frame is attributed exactly.
** Layer: rt.
*/
#ifndef LW_FRAMES_H
#define LW_FRAMES_H

#include "rt/act.h"

typedef struct Walk {
  const Activation *act;
  const uint8_t *pc; /* the trapping instruction, or a return address */
  void **rbp;
  const uint8_t *next_pc; /* the caller's, where this frame was not made yet */
  const void *ctx;        /* the Instance whose frame it is */
  CodePlace place;        /* what pc is */
  bool done;
} Walk;

/* Both: true when *w names a frame of wasm code. Only for activations that called out
   or trapped. */
bool lw_walk_first(const Activation *a, Walk *w);
bool lw_walk_next(Walk *w);

/* What a function that keeps its context has in its frame; NULL: the frame cannot be. */
const Instance *lw_frame_ctx(const Activation *a, void **rbp);

/* Has a (not dropped) anything to do with i: entered through it, or a frame of it? */
bool lw_act_uses(const Activation *a, const Instance *i);

#endif

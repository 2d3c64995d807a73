/*
** passes.h -- what each pass of the compiler costs, when somebody wants to know.
**
** A compile that is measured carries a PassMeter, a stopwatch with one hand: whoever
** has done a pass says so, and all time since the last such moment, and all memory
** taken from the scratch arena, are that pass's. Who is not measured has NULL in its
** place: the price of not asking is a comparison for each pass. (To ask costs 2 %,
** sql.js, 1,968 functions.) Sums are of the whole process, over all its threads.
** Layer: jit.
*/
#ifndef LW_PASSES_H
#define LW_PASSES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef enum {
#define PASS(name, text, optional) PASS_##name,
#include "jit/passes.def"
#undef PASS
  PASS__MAX
} Pass;
const char *lw_pass_text(Pass p);
bool lw_pass_optional(Pass p);

typedef struct PassCost {
  uint64_t ns;
  uint64_t bytes; /* taken from scratch memory, over all runs */
  uint64_t most;  /* ... and by the run that took most */
} PassCost;

typedef struct PassMeter {
  uint64_t ns;  /* when the last pass was done */
  size_t bytes; /* how much of the arena was taken then */
  PassCost cost[PASS__MAX];
} PassMeter;

/* `m`, set to now; or NULL when nobody measures. */
PassMeter *lw_meter_begin(PassMeter *m, const Arena *scratch);
void lw_meter_done(PassMeter *m, Pass p, const Arena *scratch);
static inline void pass_done(PassMeter *m, Pass p, const Arena *scratch)
{
  if (m) lw_meter_done(m, p, scratch);
}

struct CompileStats; /* image.h */
typedef struct PassTotals {
  PassCost cost[PASS__MAX];
  uint64_t functions; /* whose compile was measured to its end */
} PassTotals;

/* Start from nothing, or stop measuring and keep the sums. */
void lw_passes_measure(bool on);
/* Add the meter to the sums; of a function that was compiled with `stats`, or NULL. */
void lw_passes_add(const PassMeter *m, const struct CompileStats *stats);
/* Is anybody measuring? */
bool lw_passes_read(PassTotals *out, struct CompileStats *stats);

#endif

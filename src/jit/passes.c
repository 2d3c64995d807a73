/*
** passes.c -- see passes.h.
** Layer: jit.
*/
#include "jit/passes.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/lock.h"
#include "base/os.h"
#include "jit/image.h"

static _Atomic(bool) measuring;
static PassTotals totals; /* both under LOCK_PASSES */
static CompileStats counters;

const char *lw_pass_text(Pass p)
{
  static const char *const texts[] = {
#define PASS(name, text, optional) text,
#include "jit/passes.def"
#undef PASS
  };
  assert(p < PASS__MAX);
  return texts[p];
}

bool lw_pass_optional(Pass p)
{
  static const bool may[] = {
#define PASS(name, text, optional) optional,
#include "jit/passes.def"
#undef PASS
  };
  assert(p < PASS__MAX);
  return may[p];
}

PassMeter *lw_meter_begin(PassMeter *m, const Arena *scratch)
{
  if (!atomic_load_explicit(&measuring, memory_order_relaxed)) return NULL;
  *m = (PassMeter){.ns = lw_os_now_ns(), .bytes = scratch ? scratch->total : 0};
  return m;
}

void lw_meter_done(PassMeter *m, Pass p, const Arena *scratch)
{
  uint64_t now = lw_os_now_ns();
  size_t total = scratch ? scratch->total : m->bytes;
  assert(p < PASS__MAX && total >= m->bytes);
  PassCost *c = &m->cost[p];
  c->ns += now - m->ns;
  c->bytes += total - m->bytes;
  if (total - m->bytes > c->most) c->most = total - m->bytes;
  m->ns = now;
  m->bytes = total;
}

void lw_passes_measure(bool on)
{
  lw_lock(LOCK_PASSES);
  if (on) {
    totals = (PassTotals){0};
    counters = (CompileStats){0};
  }
  atomic_store_explicit(&measuring, on, memory_order_relaxed);
  lw_unlock(LOCK_PASSES);
}

void lw_passes_add(const PassMeter *m, const CompileStats *stats)
{
  if (!m) return;
  lw_lock(LOCK_PASSES);
  for (int p = 0; p < PASS__MAX; p++) {
    PassCost *sum = &totals.cost[p];
    const PassCost *c = &m->cost[p];
    sum->ns += c->ns;
    sum->bytes += c->bytes;
    if (c->most > sum->most) sum->most = c->most;
  }
  if (stats) {
    totals.functions++;
    lw_stats_add(&counters, stats);
  }
  lw_unlock(LOCK_PASSES);
}

bool lw_passes_read(PassTotals *out, CompileStats *stats)
{
  lw_lock(LOCK_PASSES);
  *out = totals;
  *stats = counters;
  bool on = atomic_load_explicit(&measuring, memory_order_relaxed);
  lw_unlock(LOCK_PASSES);
  return on;
}

/*
** mutants.c -- mutants of real modules through decode, validate, compile and call.
**
**   mutants COUNT SEED file.wasm ...
**
** Each mutant that is still valid is instantiated with imports made to fit and some
** exported functions are called with awkward arguments, under an interrupt: a watchdog
** thread ends calls that take longer than a fraction of a millisecond. Nothing may
** crash; run it under the sanitizers. The last mutant is left in MUTANT_FILE (if set)
** before it runs, so that a crash can be replayed with COUNT 0.
** Prints counts; exit status 1 when fewer than 30 % of the mutants were valid.
** Layer: spec (links with the core).
*/
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "jit/trap.h"
#include "mutate.h"
#include "rt/store.h"
#include "rt/tag.h"
#include "rt/type.h"

enum {
  MAX_SEEDS = 1000,
  MAX_CALLOUTS = 50,
  TICK_NS = 300000,
  MAX_CALLS = 3,
  LIMIT_VALUES = 1000
};

typedef struct Seed {
  uint8_t *bytes;
  size_t size;
} Seed;

typedef struct Counts {
  uint64_t mutants, valid, linked, calls, returned, callouts, trapped[64];
  uint64_t refused[LW_STATUS__MAX];
} Counts;

static Counts counts;
static _Atomic uint64_t running_token; /* 0: no call runs */
static _Atomic uint64_t call_number;

static void *watchdog(void *unused)
{
  (void)unused;
  for (uint64_t seen = 0;;) {
    nanosleep(&(struct timespec){.tv_nsec = TICK_NS}, NULL);
    uint64_t number = atomic_load(&call_number), token = atomic_load(&running_token);
    if (token && number == seen) lw_interrupt_send(token);
    seen = number;
  }
  return NULL;
}

static Value some_value(Random *r, ValType t)
{
  static const uint64_t awkward[] = {0, 1, 8, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
  Value v = {
    .words = {0, 0}
  };
  uint64_t bits = lw_random_below(r, 3) ? awkward[lw_random_below(r, 7)] : lw_random(r);
  if (lw_val_is_ref(t)) return v;
  v.i64 = t == VAL_I32 || t == VAL_F32 ? (uint32_t)bits : bits;
  return v;
}

/* May each of these be null? There is no other reference to give. */
static bool null_will_do(const ValType *types, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (lw_val_is_ref(types[i]) && !(types[i] & VAL_NULLABLE)) return false;
  return true;
}

/* Call one function to its end, at most MAX_CALLOUTS callouts long. */
static void call(Store *s, Instance *inst, FuncCell *cell, Random *r)
{
  Err err = {0};
  Activation *a;
  const FuncType *t = lw_cell_type(cell);
  static Value values[LIMIT_VALUES];
  if (t->nparams > LIMIT_VALUES || t->nresults > LIMIT_VALUES) return;
  if (!null_will_do(t->params, t->nparams)) return;
  if (lw_act_new(s, cell, &a, &err) != LW_OK) return;
  for (uint32_t i = 0; i < t->nparams; i++)
    values[i] = some_value(r, t->params[i]);
  lw_act_set_args(a, values);
  atomic_fetch_add(&call_number, 1);
  atomic_store(&running_token, lw_interrupt_token(inst));
  ActWhy why = lw_act_enter(a);
  for (int n = 0; why == ACT_IS_CALLOUT && n < MAX_CALLOUTS; n++) {
    const FuncType *ct = a->callee->type;
    counts.callouts++;
    if (ct->nresults > LIMIT_VALUES || !null_will_do(ct->results, ct->nresults)) break;
    for (uint32_t i = 0; i < ct->nresults; i++)
      values[i] = some_value(r, ct->results[i]);
    lw_act_callout_results(a, values);
    why = lw_act_resume(a);
  }
  atomic_store(&running_token, 0);
  counts.calls++;
  if (why == ACT_IS_RETURNED) {
    counts.returned++;
    lw_act_results(a, values);
  }
  if (why == ACT_IS_TRAPPED) {
    Frame frames[16];
    counts.trapped[a->trap & 63]++;
    lw_act_frames(a, frames, 16);
  }
  lw_act_drop(a);
}

typedef struct Imports {
  ImportValue *values;
  uint32_t n;
} Imports;

static bool make_import(Store *s, const Code *code, const Import *im, Random *r,
                        ImportValue *out)
{
  const Module *m = lw_code_module(code);
  const uint32_t *types = lw_code_types(code);
  Err err = {0};
  HostFunc *host;
  out->kind = im->kind;
  switch (im->kind) {
  case EXTERN_FUNC: {
    const uint32_t *id = &types[m->funcs[im->index].type];
    if (lw_host_new(s, lw_type_of(*id), id, &host, &err) != LW_OK) return false;
    out->u.func = &host->cell;
    return true;
  }
  case EXTERN_TABLE: {
    TableType t = m->tables[im->index].type;
    t.elem = lw_type_canonical(t.elem, types);
    return t.limits.min < 100000 && null_will_do(&t.elem, 1) &&
           lw_table_new(s, &t, 100000, 0, &out->u.table, &err) == LW_OK;
  }
  case EXTERN_MEMORY: {
    Limits l = m->memories[im->index];
    return l.min < 100 &&
           lw_memory_new(&l, 1000, lw_random_below(r, 2), &out->u.memory, &err) == LW_OK;
  }
  case EXTERN_GLOBAL: {
    GlobalType t = m->globals[im->index].type;
    t.type = lw_type_canonical(t.type, types);
    return null_will_do(&t.type, 1) &&
           lw_global_new(s, &t, some_value(r, t.type), &out->u.global, &err) == LW_OK;
  }
  case EXTERN_TAG:
    return lw_tag_new(s, types[m->tags[im->index]], &out->u.tag, &err) == LW_OK;
  default: return false;
  }
}

static void drop_imports(Imports *im)
{
  for (uint32_t i = 0; i < im->n; i++) {
    ImportValue *v = &im->values[i];
    if (v->kind == EXTERN_FUNC) lw_host_unref(lw_cell_host(v->u.func));
    if (v->kind == EXTERN_TABLE) lw_table_unref(v->u.table);
    if (v->kind == EXTERN_MEMORY) lw_memory_unref(v->u.memory);
    if (v->kind == EXTERN_GLOBAL) lw_global_unref(v->u.global);
    if (v->kind == EXTERN_TAG) lw_tag_unref(v->u.tag);
  }
}

static void run_exports(Store *s, Instance *inst, Random *r)
{
  const Module *m = inst->module;
  FuncCell *start = lw_instance_start(inst);
  if (start) call(s, inst, start, r);
  for (int n = 0; m->nexports && n < MAX_CALLS; n++) {
    const Export *e = &m->exports[lw_random_below(r, m->nexports)];
    if (e->kind == EXTERN_FUNC) call(s, inst, lw_instance_func(inst, e->index), r);
  }
}

static void run(Store *s, Code *code, Random *r, Arena *arena)
{
  const Module *m = lw_code_module(code);
  Imports im = {ARENA_ARR(arena, ImportValue, m->nimports + 1), 0};
  bool fits = true;
  for (uint32_t i = 0; i < m->nimports && fits; i++) {
    fits = make_import(s, code, &m->imports[i], r, &im.values[im.n]);
    im.n += fits;
  }
  Err err = {0};
  Instance *inst = NULL;
  InstanceOptions opts = {.memory_max_bytes = 16 << 20, .table_max = 100000};
  if (fits) {
    Status st = lw_instance_new(s, code, im.values, &opts, &inst, &err);
    counts.linked += st == LW_OK;
    if (st == LW_OK) run_exports(s, inst, r);
    if (inst) lw_instance_close(inst, true);
  }
  drop_imports(&im);
}

static void one(Store *s, Bytes mutant, Random *r, Arena *arena)
{
  Code *code;
  CodeHow how;
  Err err = {0};
  CodeOptions opts = {.explicit_bounds = lw_random_below(r, 2)};
  counts.mutants++;
  Status st = lw_code_compile(mutant.at, mutant.size, &opts, NULL, &code, &how, &err);
  counts.refused[st]++;
  if (st != LW_OK) return;
  counts.valid++;
  run(s, code, r, arena);
  lw_code_unref(code);
}

static bool load(const char *path, Seed *out)
{
  FILE *f = fopen(path, "rb");
  if (!f) return false;
  size_t cap = 1 << 20;
  out->bytes = malloc(cap);
  out->size = fread(out->bytes, 1, cap, f);
  fclose(f);
  return out->size > 8;
}

static void keep(Bytes mutant)
{
  const char *path = getenv("MUTANT_FILE");
  FILE *f = path ? fopen(path, "wb") : NULL;
  if (!f) return;
  fwrite(mutant.at, 1, mutant.size, f);
  fclose(f);
}

static int report(uint64_t wanted)
{
  static const char *const traps[] = {
#define TRAP(name, text) text,
#include "jit/trap.def"
  };
  printf("%llu mutants, %llu valid (%.1f %%), %llu instantiated\n",
         (unsigned long long)counts.mutants, (unsigned long long)counts.valid,
         100.0 * (double)counts.valid / (double)(counts.mutants ? counts.mutants : 1),
         (unsigned long long)counts.linked);
  for (int i = 1; i < LW_STATUS__MAX; i++)
    if (counts.refused[i])
      printf("  refused as %-12s %llu\n", lw_status_text((Status)i),
             (unsigned long long)counts.refused[i]);
  printf("%llu calls: %llu returned, %llu callouts\n", (unsigned long long)counts.calls,
         (unsigned long long)counts.returned, (unsigned long long)counts.callouts);
  for (size_t i = 0; i < sizeof traps / sizeof *traps; i++)
    if (counts.trapped[i])
      printf("  trapped: %-32s %llu\n", traps[i], (unsigned long long)counts.trapped[i]);
  return counts.mutants < wanted || counts.valid * 10 < counts.mutants * 3;
}

int main(int argc, char **argv)
{
  if (argc < 4) return fprintf(stderr, "usage: mutants COUNT SEED file.wasm ...\n"), 2;
  uint64_t n = strtoull(argv[1], NULL, 10);
  Random random = {strtoull(argv[2], NULL, 10)};
  static Seed seeds[MAX_SEEDS];
  uint32_t nseeds = 0;
  for (int i = 3; i < argc && nseeds < MAX_SEEDS; i++)
    if (load(argv[i], &seeds[nseeds])) nseeds++;
  if (!nseeds) return fprintf(stderr, "mutants: no seed could be read\n"), 2;
  Err err = {0};
  Store *s = lw_store_new(&err);
  Arena arena = {0};
  pthread_t thread;
  if (!s || pthread_create(&thread, NULL, watchdog, NULL)) return 2;
  for (uint32_t i = 0; n == 0 && i < nseeds; i++) /* replay */
    one(s, (Bytes){seeds[i].bytes, seeds[i].size}, &random, &arena);
  for (uint64_t i = 0; i < n; i++) {
    const Seed *seed = &seeds[lw_random_below(&random, nseeds)];
    Bytes mutant = lw_mutate(seed->bytes, seed->size, &random, &arena);
    keep(mutant);
    one(s, mutant, &random, &arena);
    lw_arena_reset(&arena);
    if (i % 1000 == 999) lw_gc_collect(s, NULL, 0);
    if (i % 100000 == 99999) fprintf(stderr, "%llu ...\n", (unsigned long long)i + 1);
  }
  lw_store_free(s);
  lw_arena_free(&arena);
  for (uint32_t i = 0; i < nseeds; i++)
    free(seeds[i].bytes);
  return n ? report(n) : 0;
}

/*
** rt_kit.h -- what the programs that check the run time from C share.
**
** Modules are written as hex, section by section. Each check is a function; a program
** names those that fail and ends with 1 if any did; with an argument it runs that one.
** Layer: spec.
*/
#ifndef RT_KIT_H
#define RT_KIT_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "jit/trap.h"
#include "rt/store.h"

static const char *running_check;
static int nchecks, nfailed;
#define CHECK(x)                                                                         \
  do {                                                                                   \
    nchecks++;                                                                           \
    if (!(x)) {                                                                          \
      nfailed++;                                                                         \
      fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, running_check, #x); \
    }                                                                                    \
  } while (0)

/* ---- modules ---- */

typedef struct Bytes {
  uint8_t at[1 << 16];
  size_t n;
} Bytes;

static inline void byte(Bytes *b, unsigned v)
{
  if (b->n == sizeof b->at) abort();
  b->at[b->n++] = (uint8_t)v;
}

static inline void leb(Bytes *b, uint32_t v)
{
  for (; v >= 0x80; v >>= 7)
    byte(b, (v & 0x7f) | 0x80);
  byte(b, v);
}

/* Hex digits and spaces; [ ... ] is a run of bytes preceded by its length. */
static const char *hex(Bytes *b, const char *s)
{
  static const char digits[] = "0123456789abcdef";
  for (; *s && *s != ']'; s++) {
    if (*s == '[') {
      Bytes *inner = calloc(1, sizeof *inner);
      s = hex(inner, s + 1);
      leb(b, (uint32_t)inner->n);
      for (size_t i = 0; i < inner->n; i++)
        byte(b, inner->at[i]);
      free(inner);
    } else if (*s != ' ') {
      const char *high = strchr(digits, s[0]), *low = strchr(digits, s[1]);
      if (!high || !low) abort();
      byte(b, (unsigned)((high - digits) << 4 | (low - digits)));
      s++;
    }
  }
  return s;
}

static inline Code *compile(const char *text, bool explicit_bounds)
{
  Bytes *b = calloc(1, sizeof *b);
  if (!b) abort();
  hex(b, "0061736d 01000000");
  hex(b, text);
  CodeOptions opts = {.explicit_bounds = explicit_bounds};
  Err err = {0};
  Code *c = NULL;
  CodeHow how;
  Status s = lw_code_compile(b->at, b->n, &opts, NULL, &c, &how, &err);
  free(b);
  if (s != LW_OK) {
    fprintf(stderr, "%s: %s: %s at %" PRIu64 "\n", running_check, lw_status_text(s),
            err.msg, err.at);
    exit(1);
  }
  return c;
}

static inline Store *new_store(void)
{
  Err err = {0};
  Store *s = lw_store_new(&err);
  if (!s) abort();
  return s;
}

static inline Instance *instantiate(Store *s, Code *c, const ImportValue *imports,
                                    const InstanceOptions *opts)
{
  Err err = {0};
  Instance *i = NULL;
  Status status = lw_instance_new(s, c, imports, opts, &i, &err);
  if (status != LW_OK) {
    fprintf(stderr, "%s: %s\n", running_check, err.msg);
    exit(1);
  }
  lw_code_unref(c);
  return i;
}

static inline Instance *make(Store *s, const char *text, const ImportValue *imports)
{
  return instantiate(s, compile(text, false), imports, NULL);
}

static inline FuncCell *export_of(Instance *i, const char *name)
{
  const Export *e = lw_module_export(i->module, name, strlen(name));
  if (!e) abort();
  return lw_instance_func(i, e->index);
}

static inline Activation *begin(FuncCell *f, const Value *args)
{
  Err err = {0};
  Activation *a = NULL;
  Store *s = ((VmCtx *)f->ctx)->store;
  if (lw_act_new(s, f, &a, &err) != LW_OK) abort();
  lw_act_set_args(a, args);
  return a;
}

/* Calls a function of i32 arguments; TRAP_NONE, or why it trapped. */
static inline unsigned call(FuncCell *f, const uint32_t *args, uint32_t n,
                            uint64_t *result)
{
  Value v[16] = {{.i64 = 0}}, results[16] = {{.i64 = 0}};
  for (uint32_t k = 0; k < n; k++)
    v[k].i64 = args[k];
  Activation *a = begin(f, v);
  ActWhy why = lw_act_enter(a);
  unsigned trap = why == ACT_IS_TRAPPED ? a->trap : TRAP_NONE;
  if (why == ACT_IS_RETURNED && result) {
    lw_act_results(a, results);
    *result = results[0].i64;
  }
  lw_act_drop(a);
  return trap;
}

static inline unsigned call1(FuncCell *f, uint32_t x, uint64_t *result)
{
  return call(f, &x, 1, result);
}
static inline unsigned call2(FuncCell *f, uint32_t x, uint32_t y, uint64_t *result)
{
  uint32_t args[] = {x, y};
  return call(f, args, 2, result);
}

static inline HostFunc *host(Store *s, const ValType *params, uint32_t np,
                             const ValType *results, uint32_t nr)
{
  FuncType t = {params, results, np, nr};
  HostFunc *h = NULL;
  Err err = {0};
  if (lw_host_new(s, &t, NULL, &h, &err) != LW_OK) abort();
  return h;
}

static inline ImportValue func_import(FuncCell *f)
{
  return (ImportValue){EXTERN_FUNC, {.func = f}};
}

__attribute__((unused)) static const ValType i32s[] = {
  VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32,
  VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32};

/* ---- modules that several programs use ---- */

/* add(i32 i32) i32 -- addf(f64 f64) f64 */
#define ADD                                                                              \
  "01 [02 60 02 7f7f 01 7f 60 02 7c7c 01 7c] 03 [02 00 01]"                              \
  "07 [02 [616464] 00 00 [61646466] 00 01]"                                              \
  "0a [02 [00 2000 2001 6a 0b] [00 2000 2001 a0 0b]]"

/*
** load(i32) i32 with offset 0; far(i32) i32 with offset 0xffffffff; store(i32 i32);
** div(i32 i32) i32; stop(); rec(i32) i32 = rec(x + 1); grow(i32) i32. Memory 1 to 100.
*/
#define TRAPS                                                                            \
  "01 [04 60 01 7f 01 7f 60 02 7f7f 00 60 02 7f7f 01 7f 60 00 00]"                       \
  "03 [07 00 00 01 02 03 00 00] 05 [01 01 01 64]"                                        \
  "07 [07 [6c6f6164] 00 00 [666172] 00 01 [73746f7265] 00 02 [646976] 00 03"             \
  "  [73746f70] 00 04 [726563] 00 05 [67726f77] 00 06]"                                  \
  "0a [07 [00 2000 28 02 00 0b] [00 2000 2d 00 ffffffff0f 0b] [00 2000 2001 36 02 00 "   \
  "0b]"                                                                                  \
  "  [00 2000 2001 6d 0b] [00 00 0b] [00 2000 41 01 6a 10 05 0b] [00 2000 4000 0b]]"

/* "e" "f" (i32) i32 imported; run(n) = f(n) + 1; a memory, so that there is an order. */
#define CALLER                                                                           \
  "01 [01 60 01 7f 01 7f] 02 [01 [65] [66] 00 00] 03 [01 00] 05 [01 00 01]"              \
  "07 [01 [72756e] 00 01] 0a [01 [00 2000 1000 41 01 6a 0b]]"

static inline bool all_parked(const Activation *a, void *user)
{
  (void)user;
  return a->user != NULL;
}

/* A quick callout of i32 -> i32. */
static inline bool answer(Activation *a, void *user)
{
  (void)user;
  Value v = {.i64 = 9};
  lw_act_callout_results(a, &v);
  return true;
}

/* ---- the program ---- */

typedef struct Check {
  const char *name;
  void (*run)(void);
} Check;

static inline int run_checks(const Check *checks, size_t n, const char *only)
{
  for (size_t k = 0; k < n; k++) {
    if (only && strcmp(only, checks[k].name) != 0) continue;
    int before = nfailed;
    running_check = checks[k].name;
    checks[k].run();
    printf("%s %s\n", nfailed == before ? "ok" : "FAILED", checks[k].name);
    fflush(stdout);
  }
  printf("%d checks, %d failed\n", nchecks, nfailed);
  return nfailed != 0;
}

#define RUN_CHECKS(checks, argc, argv)                                                   \
  run_checks((checks), sizeof(checks) / sizeof *(checks), (argc) > 1 ? (argv)[1] : NULL)

#endif

/*
** rt_core.c -- the run time without Lua: what the binding stands on, checked from C.
**
** Modules are written as hex, section by section. Each check is a function; the program
** names those that fail and ends with 1 if any did. `rt_core bench` prints figures.
** Layer: spec.
*/
#include <fenv.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void byte(Bytes *b, unsigned v)
{
  if (b->n == sizeof b->at) abort();
  b->at[b->n++] = (uint8_t)v;
}

static void leb(Bytes *b, uint32_t v)
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

static Code *compile(const char *text, bool explicit_bounds)
{
  Bytes *b = calloc(1, sizeof *b);
  if (!b) abort();
  hex(b, "0061736d 01000000");
  hex(b, text);
  CodeOptions opts = {.explicit_bounds = explicit_bounds};
  Err err = {0};
  Code *c = NULL;
  bool hit;
  Status s = lw_code_compile(b->at, b->n, &opts, &c, &hit, &err);
  free(b);
  if (s != LW_OK) {
    fprintf(stderr, "%s: %s: %s at %" PRIu64 "\n", running_check, lw_status_text(s),
            err.msg, err.at);
    exit(1);
  }
  return c;
}

static Store *new_store(void)
{
  Err err = {0};
  Store *s = lw_store_new(&err);
  if (!s) abort();
  return s;
}

static Instance *instantiate(Store *s, Code *c, const ImportValue *imports,
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

static Instance *make(Store *s, const char *text, const ImportValue *imports)
{
  return instantiate(s, compile(text, false), imports, NULL);
}

static FuncCell *export_of(Instance *i, const char *name)
{
  const Export *e = lw_module_export(i->module, name, strlen(name));
  if (!e) abort();
  return lw_instance_func(i, e->index);
}

static Activation *begin(FuncCell *f, const Value *args)
{
  Err err = {0};
  Activation *a = NULL;
  Store *s = ((VmCtx *)f->ctx)->store;
  if (lw_act_new(s, f, &a, &err) != LW_OK) return NULL;
  lw_act_set_args(a, args);
  return a;
}

/* Calls a function of i32 arguments; TRAP_NONE, or why it trapped. */
static unsigned call(FuncCell *f, const uint32_t *args, uint32_t n, uint64_t *result)
{
  Value v[16] = {{.i64 = 0}}, results[16] = {{.i64 = 0}};
  for (uint32_t k = 0; k < n; k++)
    v[k].i64 = args[k];
  Activation *a = begin(f, v);
  if (!a) return TRAP__MAX;
  ActWhy why = lw_act_enter(a);
  unsigned trap = why == ACT_IS_TRAPPED ? a->trap : TRAP_NONE;
  if (why == ACT_IS_RETURNED && result) {
    lw_act_results(a, results);
    *result = results[0].i64;
  }
  lw_act_drop(a);
  return trap;
}

static unsigned call1(FuncCell *f, uint32_t x, uint64_t *result)
{
  return call(f, &x, 1, result);
}
static unsigned call2(FuncCell *f, uint32_t x, uint32_t y, uint64_t *result)
{
  uint32_t args[] = {x, y};
  return call(f, args, 2, result);
}

static HostFunc *host(Store *s, const ValType *params, uint32_t np,
                      const ValType *results, uint32_t nr)
{
  FuncType t = {params, results, np, nr};
  HostFunc *h = NULL;
  Err err = {0};
  if (lw_host_new(s, &t, &h, &err) != LW_OK) abort();
  return h;
}

static ImportValue func_import(FuncCell *f)
{
  return (ImportValue){EXTERN_FUNC, {.func = f}};
}

static const ValType i32s[] = {VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32,
                               VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32, VAL_I32};

/* ---- calls ---- */

/* add(i32 i32) i32 -- addf(f64 f64) f64 */
#define ADD                                                                              \
  "01 [02 60 02 7f7f 01 7f 60 02 7c7c 01 7c] 03 [02 00 01]"                              \
  "07 [02 [616464] 00 00 [61646466] 00 01]"                                              \
  "0a [02 [00 2000 2001 6a 0b] [00 2000 2001 a0 0b]]"

static void calls(void)
{
  Store *s = new_store();
  Instance *i = make(s, ADD, NULL);
  uint64_t r = 0;
  CHECK(call2(export_of(i, "add"), 40, 2, &r) == TRAP_NONE && r == 42);
  CHECK(call2(export_of(i, "add"), UINT32_MAX, 2, &r) == TRAP_NONE && r == 1);
  Value v[2] = {{.f64 = 1.5}, {.f64 = 2.25}}, out;
  Activation *a = begin(export_of(i, "addf"), v);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_results(a, &out);
  CHECK(out.f64 == 3.75);
  lw_act_drop(a);
  lw_store_free(s);
}

/* The host's float settings must not reach wasm, and must come back. */
static void float_settings(void)
{
  Store *s = new_store();
  Instance *i = make(s, ADD, NULL);
  Value v[2] = {{.f64 = 1.0}, {.f64 = 0x1p-60}}, out;
  fesetround(FE_UPWARD);
  Activation *a = begin(export_of(i, "addf"), v);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  CHECK(fegetround() == FE_UPWARD);
  fesetround(FE_TONEAREST);
  lw_act_results(a, &out);
  CHECK(out.f64 == 1.0);
  lw_act_drop(a);
  lw_store_free(s);
}

/*
** f(12 x i32) -> 12 x i32 imported; g the same, exported, calls f with its arguments:
** overflow arguments and result areas on both sides.
*/
#define I12   "7f7f7f7f7f7f7f7f7f7f7f7f"
#define GET12 "2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200a 200b"
#define WIDE                                                                             \
  "01 [01 60 0c " I12 " 0c " I12 "] 02 [01 [65] [66] 00 00] 03 [01 00]"                  \
  "07 [01 [67] 00 01] 0a [01 [00 " GET12 " 1000 0b]]"

static void wide_calls(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 12, i32s, 12);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, WIDE, &im);
  Value v[12], w[12];
  for (unsigned k = 0; k < 12; k++)
    v[k].i64 = 100 + k;
  Activation *a = begin(export_of(i, "g"), v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  CHECK(a->callee == h);
  lw_act_callout_args(a, w);
  for (unsigned k = 0; k < 12; k++) {
    CHECK(w[k].i64 == 100 + k);
    w[k].i64 = 1000 - k;
  }
  lw_act_callout_results(a, w);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  memset(w, 0, sizeof w);
  lw_act_results(a, w);
  for (unsigned k = 0; k < 12; k++)
    CHECK(w[k].i64 == 1000 - k);
  lw_act_drop(a);
  /* The host function itself, called through its cell. */
  a = begin(&h->cell, v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  lw_act_callout_args(a, w);
  CHECK(w[11].i64 == 111);
  lw_act_callout_results(a, v);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  lw_act_results(a, w);
  CHECK(w[0].i64 == 100 && w[11].i64 == 111);
  lw_act_drop(a);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- traps ---- */

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

static void traps_of(bool explicit_bounds)
{
  Store *s = new_store();
  Instance *i = instantiate(s, compile(TRAPS, explicit_bounds), NULL, NULL);
  CHECK(i->explicit_bounds == explicit_bounds);
  uint64_t r = 0;
  FuncCell *load = export_of(i, "load"), *far = export_of(i, "far");
  FuncCell *store = export_of(i, "store");
  CHECK(call1(load, 0, &r) == TRAP_NONE && r == 0);
  CHECK(call1(load, 65532, &r) == TRAP_NONE);
  CHECK(call1(load, 65533, &r) == TRAP_MEMORY);
  CHECK(call1(load, 65536, &r) == TRAP_MEMORY);
  CHECK(call1(load, UINT32_MAX, &r) == TRAP_MEMORY);
  CHECK(call1(far, 0, &r) == TRAP_MEMORY);
  CHECK(call1(far, UINT32_MAX, &r) == TRAP_MEMORY);
  CHECK(call2(store, 65536, 1, NULL) == TRAP_MEMORY);
  CHECK(call2(export_of(i, "div"), 7, 2, &r) == TRAP_NONE && r == 3);
  CHECK(call2(export_of(i, "div"), 7, 0, &r) == TRAP_DIV_ZERO);
  CHECK(call2(export_of(i, "div"), 0x80000000u, UINT32_MAX, &r) == TRAP_INT_OVERFLOW);
  CHECK(call(export_of(i, "stop"), NULL, 0, NULL) == TRAP_UNREACHABLE);
  for (int k = 0; k < 3; k++) {
    CHECK(call1(export_of(i, "rec"), 0, &r) == TRAP_STACK);
    CHECK(call2(store, 16, 7, NULL) == TRAP_NONE);
    CHECK(call1(load, 16, &r) == TRAP_NONE && r == 7);
  }
  CHECK(call1(export_of(i, "grow"), 2, &r) == TRAP_NONE && r == 1);
  CHECK(call1(load, 16, &r) == TRAP_NONE && r == 7);
  CHECK(call1(load, 3 * 65536 - 4, &r) == TRAP_NONE && r == 0);
  CHECK(call1(load, 3 * 65536 - 3, &r) == TRAP_MEMORY);
  CHECK(call1(export_of(i, "grow"), 98, &r) == TRAP_NONE && r == UINT32_MAX);
  CHECK(call1(export_of(i, "grow"), 97, &r) == TRAP_NONE && r == 3);
  CHECK(call1(load, 100 * 65536 - 4, &r) == TRAP_NONE);
  CHECK(call1(load, 16, &r) == TRAP_NONE && r == 7);
  CHECK(call1(export_of(i, "grow"), UINT32_MAX, &r) == TRAP_NONE && r == UINT32_MAX);
  lw_store_free(s);
}

static void traps(void)
{
  traps_of(false);
  traps_of(true);
}

static void frames(void)
{
  Store *s = new_store();
  Instance *i = make(s, TRAPS, NULL);
  Frame f[4];
  Value v = {.i64 = 0};
  Activation *a = begin(export_of(i, "rec"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_TRAPPED && a->trap == TRAP_STACK);
  uint32_t n = lw_act_frames(a, f, 4);
  CHECK(n > 1000);
  CHECK(f[0].func == 5 && f[3].func == 5 && f[3].module == i->module);
  lw_act_drop(a);
  v.i64 = 70000;
  a = begin(export_of(i, "load"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_TRAPPED);
  CHECK(lw_act_frames(a, f, 4) == 1 && f[0].func == 0 && f[0].where > 0);
  lw_act_drop(a);
  lw_store_free(s);
}

/* ---- parked calls, order, nesting ---- */

/* "e" "f" (i32) i32 imported; run(n) = f(n) + 1; a memory, so that there is an order. */
#define CALLER                                                                           \
  "01 [01 60 01 7f 01 7f] 02 [01 [65] [66] 00 00] 03 [01 00] 05 [01 00 01]"              \
  "07 [01 [72756e] 00 01] 0a [01 [00 2000 1000 41 01 6a 0b]]"

static bool all_parked(const Activation *a)
{
  return a->user != NULL;
}

static void parked(void)
{
  enum { N = 300 };
  static Activation *acts[N];
  Store *s = new_store();
  lw_store_rules(s, all_parked, 0);
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, CALLER, &im);
  Err err = {0};
  Value v;
  for (uint32_t k = 0; k < N; k++) {
    v.i64 = k;
    acts[k] = begin(export_of(i, "run"), &v);
    CHECK(acts[k] != NULL);
    CHECK(lw_act_enter(acts[k]) == ACT_IS_CALLOUT);
    acts[k]->user = s; /* parked */
  }
  StoreStats st;
  lw_store_stats(s, &st);
  CHECK(st.parked == N && st.activations == N && st.instances == 1);
  CHECK(lw_act_may_resume(acts[0], false, &err) == LW_BUSY);
  CHECK(lw_act_may_resume(acts[0], true, &err) == LW_OK);
  CHECK(lw_act_may_resume(acts[N - 1], false, &err) == LW_OK);
  lw_act_drop(acts[N - 1]);
  CHECK(lw_act_may_resume(acts[N - 2], false, &err) == LW_OK);
  for (uint32_t k = 0; k < N - 1; k++) {
    v.i64 = 10 * k;
    lw_act_callout_results(acts[k], &v);
    acts[k]->user = NULL;
    CHECK(lw_act_resume(acts[k]) == ACT_IS_RETURNED);
    lw_act_results(acts[k], &v);
    CHECK(v.i64 == 10 * k + 1);
    lw_act_drop(acts[k]);
  }
  CHECK(lw_instance_memory(i, 0)->newest == NULL);
  CHECK(lw_store_running(s) == NULL);
  lw_host_unref(h);
  lw_store_free(s);
}

static void nesting(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, CALLER, &im);
  static Activation *acts[200];
  int n = 0;
  Err err = {0};
  Value v = {.i64 = 1};
  while (n < 200 && lw_act_new(s, export_of(i, "run"), &acts[n], &err) == LW_OK) {
    lw_act_set_args(acts[n], &v);
    CHECK(lw_act_enter(acts[n]) == ACT_IS_CALLOUT);
    n++;
  }
  CHECK(n == 150);
  CHECK(strstr(err.msg, "150") != NULL);
  while (n-- > 0) {
    lw_act_callout_results(acts[n], &v);
    CHECK(lw_act_resume(acts[n]) == ACT_IS_RETURNED);
    lw_act_results(acts[n], &v);
    lw_act_drop(acts[n]);
  }
  CHECK(v.i64 == 151);
  lw_host_unref(h);
  lw_store_free(s);
}

static void *resume_there(void *p)
{
  Activation *a = p;
  Value v = {.i64 = 5};
  lw_act_callout_results(a, &v);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  return NULL;
}

static void other_thread(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, CALLER, &im);
  Value v = {.i64 = 1};
  Activation *a = begin(export_of(i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  pthread_t t;
  pthread_create(&t, NULL, resume_there, a);
  pthread_join(t, NULL);
  lw_act_results(a, &v);
  CHECK(v.i64 == 6);
  lw_act_drop(a);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- closing ---- */

static void closing(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *inner = make(s, CALLER, &im);
  ImportValue im2 = func_import(export_of(inner, "run"));
  Instance *outer = make(s, CALLER, &im2);
  Value v = {.i64 = 1};
  Activation *a = begin(export_of(outer, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  CHECK(lw_instance_busy(inner) && lw_instance_busy(outer));
  Instance *idle = make(s, CALLER, &im); /* the same code, but no frame of it */
  CHECK(!lw_instance_busy(idle) && lw_instance_close(idle, false));
  lw_instance_release(idle);
  CHECK(!lw_instance_close(inner, false)); /* a frame of it waits */
  CHECK(inner->state == INSTANCE_CLOSING);
  lw_act_callout_results(a, &v);
  CHECK(lw_act_resume(a) == ACT_IS_TRAPPED && a->end == LW_CLOSED);
  CHECK(inner->state == INSTANCE_CLOSING);
  lw_act_drop(a);
  CHECK(inner->state == INSTANCE_CLOSED && outer->state == INSTANCE_LIVE);
  /* What was imported from it traps, and the importer goes on. */
  uint64_t r;
  CHECK(call1(export_of(outer, "run"), 1, &r) == TRAP_CALLEE_CLOSED);
  lw_gc_collect(s, NULL, 0); /* the importer keeps the closed cells */
  CHECK(call1(export_of(outer, "run"), 1, &r) == TRAP_CALLEE_CLOSED);
  FuncCell *kept = export_of(outer, "run");
  CHECK(lw_instance_close(outer, false));
  CHECK(lw_instance_close(outer, false));
  Err err = {0};
  CHECK(lw_cell_closed(kept) && lw_act_new(s, kept, &a, &err) == LW_CLOSED);
  StoreStats st;
  lw_store_stats(s, &st);
  CHECK(st.instances == 0 && st.shells == 2); /* that of `idle` went with the first */
  lw_instance_release(outer);
  lw_instance_release(inner);
  lw_gc_collect(s, NULL, 0);
  lw_store_stats(s, &st);
  CHECK(st.shells == 0);
  lw_host_unref(h);
  lw_store_free(s);
}

static void closing_by_force(void)
{
  Store *s = new_store();
  lw_store_rules(s, all_parked, 0);
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, CALLER, &im);
  Value v = {.i64 = 1};
  Activation *a = begin(export_of(i, "run"), &v), *b = begin(export_of(i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  a->user = s;
  CHECK(lw_act_enter(b) == ACT_IS_CALLOUT); /* its host function runs */
  CHECK(!lw_instance_close(i, true));
  CHECK(a->state == ACT_DEAD && b->state == ACT_OUT);
  CHECK(lw_act_resume(a) == ACT_IS_TRAPPED && a->end == LW_CLOSED);
  lw_act_drop(b);
  CHECK(i->state == INSTANCE_CLOSED);
  lw_act_drop(a);
  lw_instance_release(i);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- interruption ---- */

/* "e" "f" imported; spin() for ever; work(n) i32 = n loops; host(n) = f(n) + 1 */
#define SPIN                                                                             \
  "01 [02 60 00 00 60 01 7f 01 7f] 02 [01 [65] [66] 00 01] 03 [03 00 01 01]"             \
  "07 [03 [7370696e] 00 01 [776f726b] 00 02 [686f7374] 00 03]"                           \
  "0a [03 [00 03 40 0c 00 0b 0b]"                                                        \
  "  [00 03 40 2000 41 01 6b 21 00 2000 0d 00 0b 2000 0b] [00 2000 1000 41 01 6a 0b]]"

typedef struct Sender {
  uint64_t token;
  atomic_bool stop;
  uint64_t sent;
  unsigned pause_us;
} Sender;

static void *send_all_the_time(void *p)
{
  Sender *s = p;
  while (!atomic_load(&s->stop)) {
    s->sent += lw_interrupt_send(s->token);
    if (s->pause_us) usleep(s->pause_us);
  }
  return NULL;
}

static uint64_t alarm_token;
static void on_alarm(int sig)
{
  (void)sig;
  lw_interrupt_handler((void *)(uintptr_t)alarm_token);
}

static void set_alarm(long first_us, long interval_us)
{
  struct itimerval t = {
    {0, interval_us},
    {0, first_us   }
  };
  setitimer(ITIMER_REAL, &t, NULL);
}

static void handle_alarm(void (*f)(int))
{
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  sa.sa_handler = f; /* no SA_ONSTACK: it runs on the private stack */
  sigaction(SIGALRM, &sa, NULL);
}

static void interrupts(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, SPIN, &im);
  uint64_t r;
  CHECK(!lw_interrupt_send(i->interrupt)); /* nothing runs */
  CHECK(!lw_interrupt_send(0) && !lw_interrupt_send(UINT64_MAX));
  /* From a signal handler on the same thread. */
  alarm_token = i->interrupt;
  handle_alarm(on_alarm);
  for (int k = 0; k < 20; k++) {
    set_alarm(500, 0);
    CHECK(call(export_of(i, "spin"), NULL, 0, NULL) == TRAP_INTERRUPT);
  }
  CHECK(call1(export_of(i, "work"), 1000, &r) == TRAP_NONE && r == 0);
  /* While the host function runs: ends as control returns; what it calls ends, too. */
  Value v = {.i64 = 1};
  Activation *a = begin(export_of(i, "host"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  CHECK(lw_interrupt_send(i->interrupt));
  CHECK(call1(export_of(i, "work"), 10, &r) == TRAP_INTERRUPT);
  lw_act_callout_results(a, &v);
  CHECK(lw_act_resume(a) == ACT_IS_TRAPPED && a->end == LW_INTERRUPT);
  CHECK(lw_act_frames(a, NULL, 0) == 1);
  lw_act_drop(a);
  CHECK(call1(export_of(i, "work"), 1000, &r) == TRAP_NONE);
  uint64_t token = i->interrupt;
  lw_instance_release(i);
  CHECK(!lw_interrupt_send(token));
  Instance *j = make(s, SPIN, &im);
  CHECK(j->interrupt != token);
  a = begin(export_of(j, "host"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  CHECK(!lw_interrupt_send(token)); /* the slot's new owner runs: not its token */
  CHECK(lw_interrupt_send(j->interrupt));
  lw_act_drop(a);
  CHECK(call1(export_of(j, "work"), 1000, &r) == TRAP_NONE);
  lw_host_unref(h);
  lw_store_free(s);
}

/* Requests for one instance never end calls of another, however many come late. */
static void late_requests(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *hunted = make(s, SPIN, &im), *other = make(s, SPIN, &im);
  Sender sender = {.token = hunted->interrupt};
  pthread_t t;
  pthread_create(&t, NULL, send_all_the_time, &sender);
  unsigned ended = 0, innocent = 0;
  uint64_t r;
  for (int k = 0; k < 300; k++) {
    ended += call(export_of(hunted, "spin"), NULL, 0, NULL) == TRAP_INTERRUPT;
    for (int n = 0; n < 20; n++)
      innocent += call1(export_of(other, "work"), 200, &r) == TRAP_NONE && r == 0;
  }
  atomic_store(&sender.stop, true);
  pthread_join(t, NULL);
  CHECK(ended == 300);
  CHECK(innocent == 300 * 20);
  CHECK(sender.sent >= 300);
  lw_host_unref(h);
  lw_store_free(s);
}

/* Asked while parked: it ends when it is resumed, and nothing else does. */
static void interrupt_parked(void)
{
  Store *s = new_store();
  lw_store_rules(s, all_parked, 0);
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, SPIN, &im);
  Value v = {.i64 = 1};
  uint64_t r;
  Activation *a = begin(export_of(i, "host"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  a->user = s;
  CHECK(lw_interrupt_send(i->interrupt));
  CHECK(call1(export_of(i, "work"), 10, &r) == TRAP_NONE);
  a->user = NULL;
  lw_act_callout_results(a, &v);
  CHECK(lw_act_resume(a) == ACT_IS_TRAPPED && a->end == LW_INTERRUPT);
  lw_act_drop(a);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- signals ---- */

static volatile unsigned alarms;
static __attribute__((noinline)) void hungry_alarm(int sig)
{
  volatile char eats[12000]; /* as a careless handler may */
  for (size_t k = 0; k < sizeof eats; k += 64)
    eats[k] = (char)sig;
  alarms += eats[64] == (char)sig;
}

/* A host's handler without an alternate stack, at every depth of the guest. */
static void alarms_at_every_depth(void)
{
  Store *s = new_store();
  Instance *i = make(s, TRAPS, NULL);
  uint64_t r;
  alarms = 0;
  handle_alarm(hungry_alarm);
  set_alarm(100, 100);
  uint64_t until = lw_os_now_ns() + 300000000;
  unsigned ok = 0, n = 0;
  for (; lw_os_now_ns() < until; n++)
    ok += call1(export_of(i, "rec"), 0, &r) == TRAP_STACK;
  set_alarm(0, 0);
  CHECK(ok == n && n > 0);
  CHECK(alarms > 0);
  lw_store_free(s);
}

static sigjmp_buf out_of_fault;
static volatile int foreign_faults;
static struct sigaction ours;

static void on_foreign(int sig, siginfo_t *si, void *context)
{
  (void)sig, (void)si, (void)context;
  foreign_faults++;
  siglongjmp(out_of_fault, 1);
}

/* Installed after us and passes everything on to us first, as crash reporters do. */
static void on_reporter(int sig, siginfo_t *si, void *context)
{
  foreign_faults += 100;
  if (foreign_faults > 1000) abort();
  ours.sa_sigaction(sig, si, context);
}

static void fault(void)
{
  volatile char *nowhere = lw_os_reserve(4096);
  if (!sigsetjmp(out_of_fault, 1)) nowhere[0] = 1;
}

static void foreign(void)
{
  struct sigaction sa, before;
  memset(&sa, 0, sizeof sa);
  sa.sa_sigaction = on_foreign;
  sa.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &sa, &before);
  Store *s = new_store();
  Instance *i = make(s, TRAPS, NULL); /* we come in front of on_foreign */
  foreign_faults = 0;
  fault();
  fault();
  CHECK(foreign_faults == 2);
  uint64_t r;
  CHECK(call1(export_of(i, "load"), 70000, &r) == TRAP_MEMORY);
  /* One that was installed after us and knows us. */
  sa.sa_sigaction = on_reporter;
  sigaction(SIGSEGV, &sa, &ours);
  Instance *j = make(s, TRAPS, NULL); /* and we in front of it again */
  foreign_faults = 0;
  CHECK(call1(export_of(j, "load"), 70000, &r) == TRAP_MEMORY);
  CHECK(foreign_faults == 0);
  fault(); /* ours, the reporter, ours again, the first one of all */
  CHECK(foreign_faults == 101);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, NULL, &now);
  CHECK(!sigismember(&now, SIGSEGV));
  lw_store_free(s);
  sigaction(SIGSEGV, &before, NULL);
}

/* A fault that is nobody's kills the process with the signal it had. */
static void unhandled(void)
{
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    struct sigaction usual;
    setrlimit(RLIMIT_CORE, &none);
    memset(&usual, 0, sizeof usual);
    sigaction(SIGSEGV, &usual, NULL);
    Store *s = new_store();
    make(s, TRAPS, NULL);
    volatile char *nowhere = lw_os_reserve(4096);
    nowhere[0] = 1;
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void *thread_life(void *p)
{
  (void)p;
  Store *s = new_store();
  Instance *i = make(s, TRAPS, NULL);
  uint64_t r;
  unsigned ok = 0;
  for (int k = 0; k < 50; k++) {
    ok += call1(export_of(i, "load"), 70000, &r) == TRAP_MEMORY;
    ok += call1(export_of(i, "rec"), 0, &r) == TRAP_STACK;
    ok += call2(export_of(i, "div"), 1, 0, &r) == TRAP_DIV_ZERO;
  }
  lw_store_free(s);
  return (void *)(uintptr_t)ok;
}

static void threads(void)
{
  enum { N = 6 };
  pthread_t t[N];
  for (int k = 0; k < N; k++)
    pthread_create(&t[k], NULL, thread_life, NULL);
  for (int k = 0; k < N; k++) {
    void *ok;
    pthread_join(t[k], &ok);
    CHECK((uintptr_t)ok == 150);
  }
}

/* ---- memory and segments ---- */

/* A memory of 1 page; data at 0 "abc", data at 65534 "xyz": the second does not fit. */
#define BAD_DATA                                                                         \
  "05 [01 00 01] 07 [01 [6d] 02 00] 0b [02 00 41 00 0b [616263] 00 41 feff03 0b "        \
  "[78797a]]"

static void bad_segment(void)
{
  Store *s = new_store();
  Code *c = compile(BAD_DATA, false);
  Instance *i = NULL;
  Err err = {0};
  CHECK(lw_instance_new(s, c, NULL, NULL, &i, &err) == LW_TRAP);
  CHECK(strncmp(err.msg, "out of bounds memory access", 27) == 0);
  CHECK(i && memcmp(lw_instance_memory(i, 0)->base, "abc", 3) == 0);
  lw_code_unref(c);
  lw_instance_release(i);
  lw_store_free(s);
}

static void limits(void)
{
  Store *s = new_store();
  Err err = {0};
  InstanceOptions opts = {.memory_max_bytes = 65536};
  Code *c = compile(TRAPS, false);
  Instance *i = instantiate(s, lw_code_ref(c), NULL, &opts);
  uint64_t r;
  CHECK(call1(export_of(i, "grow"), 1, &r) == TRAP_NONE && r == UINT32_MAX);
  lw_code_unref(c);
  Memory *m = NULL;
  Limits l = {.min = 2, .max = UINT64_MAX};
  CHECK(lw_memory_new(&l, 1, false, &m, &err) == LW_LIMIT);
  Table *t = NULL;
  TableType tt = {
    VAL_FUNCREF, {.min = UINT32_MAX, .max = UINT64_MAX}
  };
  err.msg[0] = 0;
  CHECK(lw_table_new(s, &tt, 0, 0, &t, &err) == LW_LIMIT);
  tt.limits.min = 3;
  CHECK(lw_table_new(s, &tt, 5, 0, &t, &err) == LW_OK);
  CHECK(lw_table_grow(t, 2, 0) == 3 && lw_table_grow(t, 1, 0) == UINT64_MAX);
  CHECK(lw_table_grow(t, UINT64_MAX, 0) == UINT64_MAX);
  lw_table_unref(t);
  lw_store_free(s);
}

static rlim_t address_space(void)
{
  unsigned long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%lu", &pages) != 1) abort();
  fclose(f);
  return (rlim_t)pages * 4096;
}

/* Without address space a memory falls back to explicit bounds. */
static void little_space(void)
{
#if !defined(__SANITIZE_ADDRESS__)
  pid_t child = fork();
  if (child == 0) {
    Store *s = new_store();
    lw_instance_release(make(s, TRAPS, NULL)); /* text region and pool are there */
    rlim_t now = address_space() + ((rlim_t)1 << 30);
    struct rlimit small = {now, now};
    setrlimit(RLIMIT_AS, &small);
    Limits l = {.min = 2, .max = UINT64_MAX};
    Memory *spare[16] = {NULL};
    Err err = {0};
    for (int k = 0; k < 16; k++) /* whatever the pool still had */
      CHECK(lw_memory_new(&l, 0, false, &spare[k], &err) == LW_OK);
    CHECK(!spare[15]->guard);
    Instance *i = make(s, TRAPS, NULL);
    CHECK(i->explicit_bounds);
    uint64_t r;
    CHECK(call1(export_of(i, "load"), 65533, &r) == TRAP_MEMORY);
    CHECK(call1(export_of(i, "grow"), 9, &r) == TRAP_NONE && r == 1);
    CHECK(call1(export_of(i, "load"), 65533, &r) == TRAP_NONE);
    _exit(nfailed != 0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
#endif
}

/* 2 MiB of data: an image; the second instance and the pool start from the same bytes. */
static void data_image(void)
{
  enum { DATA = 2 << 20 };
  static const char head[] =
    "0061736d 01000000 01 [01 60 01 7f 01 7f] 03 [01 00] 05 [01 00 28] 07 [01 [6c] 00 00]"
    "0a [01 [00 2000 2d 00 00 0b]]";
  static Bytes b;
  uint8_t *all = malloc(DATA + 4096);
  if (!all) abort();
  b.n = 0;
  hex(&b, head);
  byte(&b, 11);
  Bytes inner = {.n = 0};
  hex(&inner, "01 00 41 c800 0b"); /* at 72 */
  leb(&inner, DATA);
  leb(&b, (uint32_t)(inner.n + DATA));
  memcpy(all, b.at, b.n);
  memcpy(all + b.n, inner.at, inner.n);
  size_t n = b.n + inner.n;
  for (size_t k = 0; k < DATA; k++)
    all[n + k] = (uint8_t)(k * 7 + 1);
  n += DATA;
  CodeOptions opts = {0};
  Code *c = NULL;
  Err err = {0};
  bool hit;
  Store *s = new_store();
  CHECK(lw_code_compile(all, n, &opts, &c, &hit, &err) == LW_OK);
  free(all);
  for (int round = 0; round < 3; round++) {
    Instance *i = instantiate(s, lw_code_ref(c), NULL, NULL);
    Memory *m = lw_instance_memory(i, 0);
    uint64_t r;
    CHECK(m->image >= 0);
    CHECK(call1(export_of(i, "l"), 71, &r) == TRAP_NONE && r == 0);
    CHECK(call1(export_of(i, "l"), 72, &r) == TRAP_NONE && r == 1);
    CHECK(call1(export_of(i, "l"), 72 + DATA - 1, &r) == TRAP_NONE &&
          r == (uint8_t)((DATA - 1) * 7 + 1));
    CHECK(call1(export_of(i, "l"), 72 + DATA, &r) == TRAP_NONE && r == 0);
    memset(m->base, 0x55, DATA + 8192);
    CHECK(call1(export_of(i, "l"), 72, &r) == TRAP_NONE && r == 0x55);
    lw_instance_release(i);
  }
  lw_code_unref(c); /* the image goes, and the pool must not keep it */
  Instance *i = make(s, TRAPS, NULL);
  uint64_t r;
  CHECK(call1(export_of(i, "load"), 72, &r) == TRAP_NONE && r == 0);
  lw_store_free(s);
}

/* ---- the collector ---- */

/* id(externref) externref; put(externref) into a global; get() from it */
#define REFS                                                                             \
  "01 [03 60 01 6f 01 6f 60 01 6f 00 60 00 01 6f] 03 [03 00 01 02] 06 [01 6f 01 d0 6f "  \
  "0b]"                                                                                  \
  "07 [03 [6964] 00 00 [707574] 00 01 [676574] 00 02]"                                   \
  "0a [03 [00 2000 0b] [00 2000 24 00 0b] [00 23 00 0b]]"

static uint64_t collect(Store *s)
{
  uint64_t dead = 0;
  DeadSlot d;
  lw_gc_collect(s, NULL, 0);
  while (lw_gc_next_dead(s, &d))
    dead++;
  return dead;
}

static void boxes(void)
{
  Store *s = new_store();
  Instance *i = make(s, REFS, NULL);
  Value v = {.ref = lw_extern_new(s, i, 7)}, out;
  Activation *a = begin(export_of(i, "put"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_drop(a);
  CHECK(collect(s) == 0);
  a = begin(export_of(i, "get"), NULL);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_results(a, &out);
  CHECK(out.ref == v.ref && lw_extern_of(out.ref)->slot == 7);
  lw_act_drop(a);
  Value null = {.ref = 0};
  a = begin(export_of(i, "put"), &null);
  lw_act_enter(a);
  lw_act_drop(a);
  CHECK(collect(s) == 1);
  /* Round trips in bounded memory. */
  StoreStats st;
  uint64_t dead = 0, peak = 0;
  enum { N = 400000 };
  for (uint32_t k = 0; k < N; k++) {
    if (lw_gc_wanted(s)) {
      lw_store_stats(s, &st);
      if (st.boxes > peak) peak = st.boxes;
      dead += collect(s);
    }
    v.ref = lw_extern_new(s, i, k);
    a = begin(export_of(i, "id"), &v);
    CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
    lw_act_results(a, &out);
    CHECK(lw_extern_of(out.ref)->slot == k);
    lw_act_drop(a);
  }
  CHECK(dead + peak >= N && peak < 40000);
  lw_store_free(s);
}

/* hold(externref) i32: keeps it in a local across the host call. */
#define HOLD                                                                             \
  "01 [02 60 01 7f 01 7f 60 01 6f 01 6f] 02 [01 [65] [66] 00 00] 03 [01 01]"             \
  "07 [01 [68] 00 01] 0a [01 [00 41 05 1000 1a 2000 0b]]"

static void boxes_on_stacks(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, HOLD, &im);
  Value v = {.ref = lw_extern_new(s, i, 3)}, out = {.i64 = 0};
  Activation *a = begin(export_of(i, "h"), &v);
  CHECK(collect(s) == 0); /* an argument */
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  memset(a->gpr, 0, sizeof a->gpr);
  CHECK(collect(s) == 0); /* in its frame */
  lw_act_callout_results(a, &out);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  CHECK(collect(s) == 0); /* its result */
  lw_act_results(a, &out);
  CHECK(lw_extern_of(out.ref)->slot == 3);
  lw_act_drop(a);
  CHECK(collect(s) == 1);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- code ---- */

static void shared_code(void)
{
  CodeStats before, after;
  lw_code_stats(&before);
  Code *a = compile(ADD, false), *b = compile(ADD, false), *c = compile(ADD, true);
  CHECK(a == b && a != c);
  lw_code_stats(&after);
  CHECK(after.live - before.live == 2 && after.compiles - before.compiles == 2);
  CHECK(after.hits - before.hits == 1);
  char text[33];
  lw_code_hash(a, text);
  CHECK(strlen(text) == 32);
  lw_code_unref(a);
  lw_code_unref(b);
  lw_code_unref(c);
  lw_code_stats(&after);
  CHECK(after.live == before.live && after.text_bytes == before.text_bytes);
}

static void *compile_some(void *p)
{
  static const char *const texts[] = {ADD, TRAPS, SPIN, "01 [01 60 01]", ADD, REFS};
  (void)p;
  uintptr_t ok = 0;
  for (int k = 0; k < 60; k++) {
    Bytes *b = calloc(1, sizeof *b);
    hex(b, "0061736d 01000000");
    hex(b, texts[k % 6]);
    CodeOptions opts = {0};
    Err err = {0};
    Code *c = NULL;
    bool hit;
    Status s = lw_code_compile(b->at, b->n, &opts, &c, &hit, &err);
    ok += k % 6 == 3 ? s == LW_MALFORMED && err.msg[0] : s == LW_OK;
    lw_code_unref(c);
    free(b);
  }
  return (void *)ok;
}

static void parallel_compiles(void)
{
  enum { N = 4 };
  pthread_t t[N];
  for (int k = 0; k < N; k++)
    pthread_create(&t[k], NULL, compile_some, NULL);
  for (int k = 0; k < N; k++) {
    void *ok;
    pthread_join(t[k], &ok);
    CHECK((uintptr_t)ok == 60);
  }
}

static void imports(void)
{
  Store *s = new_store();
  Code *c = compile(CALLER, false);
  Instance *i = NULL;
  Err err = {0};
  ImportValue im = {EXTERN__MAX, {NULL}};
  CHECK(lw_instance_new(s, c, &im, NULL, &i, &err) == LW_LINK);
  CHECK(strncmp(err.msg, "unknown import", 14) == 0);
  HostFunc *h = host(s, i32s, 2, i32s, 1);
  im = func_import(&h->cell);
  err.msg[0] = 0;
  CHECK(lw_instance_new(s, c, &im, NULL, &i, &err) == LW_LINK);
  CHECK(strcmp(err.msg, "incompatible import type for \"e\" \"f\": wanted function "
                        "(i32) -> i32, given function (i32, i32) -> i32") == 0);
  CHECK(i == NULL);
  lw_code_unref(c);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- figures ---- */

static double ns_each(uint64_t from, uint64_t n)
{
  return (double)(lw_os_now_ns() - from) / (double)n;
}

static void bench(void)
{
  enum { N = 1000000, ROUNDS = 9 };
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, ADD, NULL), *j = make(s, CALLER, &im), *k = make(s, TRAPS, NULL);
  FuncCell *add = export_of(i, "add"), *run = export_of(j, "run");
  FuncCell *load = export_of(k, "load"), *div = export_of(k, "div");
  double best[6] = {1e9, 1e9, 1e9, 1e9, 1e9, 1e9};
  for (int round = 0; round < ROUNDS; round++) {
    double t[6];
    Value v[2] = {{.i64 = 1}, {.i64 = 2}};
    uint64_t from = lw_os_now_ns(), r;
    for (int n = 0; n < N; n++) {
      Activation *a = begin(add, v);
      lw_act_enter(a);
      lw_act_results(a, v);
      lw_act_drop(a);
    }
    t[0] = ns_each(from, N);
    from = lw_os_now_ns();
    for (int n = 0; n < N; n++) {
      Activation *a = begin(run, v);
      lw_act_enter(a);
      lw_act_callout_args(a, v);
      lw_act_callout_results(a, v);
      lw_act_resume(a);
      lw_act_results(a, v);
      lw_act_drop(a);
    }
    t[1] = ns_each(from, N) - t[0];
    from = lw_os_now_ns();
    for (int n = 0; n < N / 100; n++)
      call1(load, 70000, &r);
    t[2] = ns_each(from, N / 100);
    from = lw_os_now_ns();
    for (int n = 0; n < N / 100; n++)
      call2(div, 1, 0, &r);
    t[3] = ns_each(from, N / 100);
    Code *code = compile(TRAPS, false);
    from = lw_os_now_ns();
    for (int n = 0; n < N / 1000; n++) {
      Instance *x = instantiate(s, lw_code_ref(code), NULL, NULL);
      lw_instance_memory(x, 0)->base[100] = 1;
      lw_instance_release(x);
      if (n % 100 == 0) lw_gc_collect(s, NULL, 0);
    }
    t[4] = ns_each(from, N / 1000);
    lw_code_unref(code);
    from = lw_os_now_ns();
    for (int n = 0; n < N / 1000; n++)
      call1(export_of(k, "rec"), 0, &r);
    t[5] = ns_each(from, N / 1000);
    for (int x = 0; x < 6; x++)
      if (t[x] < best[x]) best[x] = t[x];
  }
  printf("enter + return      %8.1f ns\n", best[0]);
  printf("callout + resume    %8.1f ns\n", best[1]);
  printf("trap, bounds        %8.0f ns\n", best[2]);
  printf("trap, ud2           %8.0f ns\n", best[3]);
  printf("instantiate + close %8.2f us\n", best[4] / 1e3);
  printf("stack overflow      %8.2f us\n", best[5] / 1e3);
  lw_host_unref(h);
  lw_store_free(s);
}

static const struct {
  const char *name;
  void (*run)(void);
} checks[] = {
  {"calls",                 calls                },
  {"float settings",        float_settings       },
  {"wide calls",            wide_calls           },
  {"traps",                 traps                },
  {"frames",                frames               },
  {"parked",                parked               },
  {"nesting",               nesting              },
  {"other thread",          other_thread         },
  {"closing",               closing              },
  {"closing by force",      closing_by_force     },
  {"interrupts",            interrupts           },
  {"late requests",         late_requests        },
  {"interrupt parked",      interrupt_parked     },
  {"alarms at every depth", alarms_at_every_depth},
  {"foreign faults",        foreign              },
  {"unhandled faults",      unhandled            },
  {"threads",               threads              },
  {"bad segment",           bad_segment          },
  {"limits",                limits               },
  {"little space",          little_space         },
  {"data image",            data_image           },
  {"boxes",                 boxes                },
  {"boxes on stacks",       boxes_on_stacks      },
  {"shared code",           shared_code          },
  {"parallel compiles",     parallel_compiles    },
  {"imports",               imports              },
};

int main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "bench") == 0) {
    running_check = "bench";
    bench();
    return 0;
  }
  for (size_t k = 0; k < sizeof checks / sizeof *checks; k++) {
    if (argc > 1 && strcmp(argv[1], checks[k].name) != 0) continue;
    int before = nfailed;
    running_check = checks[k].name;
    checks[k].run();
    printf("%s %s\n", nfailed == before ? "ok" : "FAILED", checks[k].name);
    fflush(stdout);
  }
  printf("%d checks, %d failed\n", nchecks, nfailed);
  return nfailed != 0;
}

/*
** rt_calls.c -- calls, parked calls, closing, seen from C.
**
** `rt_calls bench` prints figures.
** Layer: spec.
*/
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>

#include "rt/quick.h"
#include "rt_kit.h"

/* ---- calls ---- */

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

/* ---- parked calls, order, nesting ---- */

static void parked(void)
{
  enum { N = 300 };
  static Activation *acts[N];
  Store *s = new_store();
  lw_store_rules(s, all_parked, NULL, 0);
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
    v.i64 = 10 * (uint64_t)k;
    lw_act_callout_results(acts[k], &v);
    acts[k]->user = NULL;
    CHECK(lw_act_resume(acts[k]) == ACT_IS_RETURNED);
    lw_act_results(acts[k], &v);
    CHECK(v.i64 == 10 * k + 1);
    lw_act_drop(acts[k]);
  }
  CHECK(lw_instance_memory(i, 0)->newest == NULL);
  CHECK(lw_store_running(s) == NULL);
  /* stacks that have kept their pages are taken before those that have not */
  CHECK(lw_stack_warm(s) == POOL_HOT && s->ncold == POOL_MAX - POOL_HOT);
  for (int n = 0; n < 3; n++) {
    Activation *a = begin(export_of(i, "run"), &v);
    CHECK(lw_stack_warm(s) == POOL_HOT - 1 && s->ncold == POOL_MAX - POOL_HOT);
    lw_act_drop(a);
    CHECK(lw_stack_warm(s) == POOL_HOT && s->ncold == POOL_MAX - POOL_HOT);
  }
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
  uint64_t r = 0;
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
  lw_store_rules(s, all_parked, NULL, 0);
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

/* The quick way out: the host function runs below lw_act_enter's frame. */
static bool reverse(Activation *a, void *user)
{
  (void)user;
  Value v[12], w[12];
  lw_act_callout_args(a, v);
  for (unsigned k = 0; k < 12; k++)
    w[k] = v[11 - k];
  lw_act_callout_results(a, w);
  return true;
}
static bool refuse(Activation *a, void *user)
{
  (void)user;
  (void)a;
  return false;
}
static jmp_buf past_enter;
static Activation *left;
static bool leave(Activation *a, void *user)
{
  (void)user;
  left = a;
  longjmp(past_enter, 1);
}
static bool close_it(Activation *a, void *user)
{
  (void)user;
  lw_instance_close(a->instance, false);
  return answer(a, user);
}

static void quick_callouts(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 12, i32s, 12);
  HostFunc *h1 = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell), im1 = func_import(&h1->cell);
  Instance *i = make(s, WIDE, &im), *j = make(s, CALLER, &im1);
  Value v[12], w[12];
  for (unsigned k = 0; k < 12; k++)
    v[k].i64 = 100 + k;
  lw_store_on_callout(s, reverse);
  Activation *a = begin(export_of(i, "g"), v);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_results(a, w);
  for (unsigned k = 0; k < 12; k++)
    CHECK(w[k].i64 == 111 - k);
  lw_act_drop(a);
  lw_store_on_callout(s, refuse);
  a = begin(export_of(j, "run"), v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  lw_act_callout_results(a, w);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  lw_act_drop(a);
  lw_store_on_callout(s, leave);
  a = begin(export_of(j, "run"), v);
  if (!setjmp(past_enter)) {
    lw_act_enter(a);
    CHECK(!"it never returns");
  }
  CHECK(left == a && a->state == ACT_OUT && lw_store_running(s) == a);
  lw_store_on_callout(s, NULL);
  w[0].i64 = 41;
  lw_act_callout_results(left, w);
  CHECK(lw_act_resume(left) == ACT_IS_RETURNED);
  lw_act_results(left, w);
  CHECK(w[0].i64 == 42);
  lw_act_drop(left);
  lw_store_on_callout(s, close_it);
  a = begin(export_of(j, "run"), v);
  CHECK(lw_act_enter(a) == ACT_IS_TRAPPED && a->end == LW_CLOSED);
  lw_act_drop(a);
  CHECK(j->state == INSTANCE_CLOSED);
  lw_host_unref(h);
  lw_host_unref(h1);
  lw_store_free(s);
}

/* ---- the quick way in ---- */

static void quick_calls(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, ADD, NULL), *j = make(s, CALLER, &im), *k = make(s, TRAPS, NULL);
  FuncCell *add = export_of(i, "add"), *load = export_of(k, "load");
  uint64_t r = 0;
  CHECK(call2(add, 3, 4, &r) == TRAP_NONE && r == 7); /* now there is a stack */
  Activation *a = lw_act_quick(add);
  CHECK(a && a == s->pool && a == lw_act_quick(add));
  a->gpr[0] = 5;
  a->gpr[1] = 6;
  CHECK(lw_act_quick_enter(a, add, 0, NULL) == ACT_IS_OVER && a->gpr[0] == 11);
  CHECK(s->pool == a && !s->acts && !s->nest && i->entered == 0);
  a->gpr[0] = 70000;
  CHECK(lw_act_quick_enter(a, load, 0, NULL) == ACT_IS_TRAPPED && a->trap == TRAP_MEMORY);
  CHECK(!s->nest && s->acts == a && lw_instance_memory(k, 0)->newest == NULL);
  lw_act_drop(a);
  FuncCell *run = export_of(j, "run");
  a = lw_act_quick(run);
  CHECK(a && lw_act_quick_enter(a, run, 0, NULL) == ACT_IS_CALLOUT && s->nest == a);
  CHECK(!lw_act_quick(add)); /* there is no other stack yet */
  CHECK(call2(add, 3, 4, &r) == TRAP_NONE && r == 7 && lw_act_quick(add)); /* inside */
  lw_act_drop(a);
  CHECK(!lw_act_quick(&h->cell));
  lw_poll_protect(s->poll); /* whoever that was for, it is for none that begins now */
  CHECK(lw_act_quick(add) && call2(add, 3, 4, &r) == TRAP_NONE && r == 7);
  lw_instance_close(i, false);
  CHECK(!lw_act_quick(add));
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

static const Check checks[] = {
  {"calls",            calls           },
  {"float settings",   float_settings  },
  {"wide calls",       wide_calls      },
  {"parked",           parked          },
  {"nesting",          nesting         },
  {"other thread",     other_thread    },
  {"closing",          closing         },
  {"closing by force", closing_by_force},
  {"quick callouts",   quick_callouts  },
  {"quick calls",      quick_calls     },
};

int main(int argc, char **argv)
{
  if (argc > 1 && strcmp(argv[1], "bench") == 0) {
    running_check = "bench";
    bench();
    return 0;
  }
  return RUN_CHECKS(checks, argc, argv);
}

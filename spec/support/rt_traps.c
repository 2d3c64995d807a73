/*
** rt_traps.c -- traps, signals, interruption, seen from C.
**
** Hosts with handlers of their own, threads, stacks that are nearly used up.
** Layer: spec.
*/
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt_kit.h"

/* ---- traps ---- */

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
  uint64_t r = 0;
  CHECK(!lw_interrupt_send(i->interrupt)); /* nothing runs */
  CHECK(!lw_interrupt_send(0) && !lw_interrupt_send(UINT64_MAX));
  /* From a signal handler on the same thread. */
  alarm_token = i->interrupt;
  handle_alarm(on_alarm);
  for (int k = 0; k < 20; k++) {
    set_alarm(500, 500); /* again and again: the first may come before the call */
    CHECK(call(export_of(i, "spin"), NULL, 0, NULL) == TRAP_INTERRUPT);
    set_alarm(0, 0);
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
  uint64_t r = 0;
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
  lw_store_rules(s, all_parked, NULL, 0);
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, SPIN, &im);
  Value v = {.i64 = 1};
  uint64_t r = 0;
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
  uint64_t r = 0;
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

/*
** Recursion to exactly `depth` frames, then: 0 nothing, 1 a helper, 2 the host.
** "e" "f" (i32) i32 imported; run(depth, then) i32; a memory for the helper.
*/
#define DEEP                                                                             \
  "01 [02 60 01 7f 01 7f 60 02 7f7f 01 7f] 02 [01 [65] [66] 00 00] 03 [01 01]"           \
  "05 [01 00 01] 07 [01 [72756e] 00 01]"                                                 \
  "0a [01 [00 2000 04 7f 2000 41 01 6b 2001 1001 05 2001 41 01 46 04 7f 41 00 4000"      \
  "  05 2001 41 02 46 04 7f 2001 1000 05 41 07 0b 0b 0b 0b]]"

static void helpers_at_every_depth(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, DEEP, &im);
  FuncCell *run = export_of(i, "run");
  static const uint64_t want[] = {7, 1, 9};
  uint32_t low = 1, high = 1 << 20;
  uint64_t r = 0;
  while (high - low > 1) { /* the deepest that fits */
    uint32_t mid = low + (high - low) / 2;
    if (call2(run, mid, 0, &r) == TRAP_NONE)
      low = mid;
    else
      high = mid;
  }
  CHECK(low > 1000);
  lw_store_on_callout(s, answer);
  handle_alarm(hungry_alarm);
  set_alarm(1000, 1000);
  unsigned returned = 0, exhausted = 0, wrong = 0;
  for (int round = 0; round < 10; round++)
    for (uint32_t depth = low - 150; depth < low + 3; depth++)
      for (uint32_t then = 0; then < 3; then++) {
        unsigned trap = call2(run, depth, then, &r);
        returned += trap == TRAP_NONE;
        exhausted += trap == TRAP_STACK;
        wrong += trap == TRAP_NONE ? r != want[then] : trap != TRAP_STACK;
      }
  set_alarm(0, 0);
  CHECK(wrong == 0 && returned > 0 && exhausted > 0);
  lw_host_unref(h);
  lw_store_free(s);
}

/* r(1000 x i32) calls itself with its arguments until the first is 0: large frames. */
static void large_frames(void)
{
  enum { N = 1000 };
  Store *s = new_store();
  static char text[1 << 16];
  size_t n = (size_t)sprintf(text, "01 [02 60 e807 ");
  for (int k = 0; k < N; k++)
    n += (size_t)sprintf(text + n, "7f");
  n += (size_t)sprintf(text + n, "01 7f 60 01 7f 01 7f] 03 [02 00 01] 07 [01 [72] 00 01]"
                                 "0a [02 [00 2000 04 7f 2000 41 01 6b");
  for (int k = 1; k < N; k++)
    n += (size_t)sprintf(text + n, "20%02x%02x", (k & 127) | 128, k >> 7);
  n += (size_t)sprintf(text + n, "1000 05 20e7 07 0b 0b] [00");
  for (int k = 0; k < N; k++)
    n += (size_t)sprintf(text + n, "2000");
  sprintf(text + n, "1000 0b]]");
  Instance *i = make(s, text, NULL);
  uint64_t r = 0;
  for (uint32_t k = 0; k < 200; k++) {
    unsigned trap = call1(export_of(i, "r"), k, &r);
    CHECK(trap == TRAP_NONE ? r == k : trap == TRAP_STACK);
  }
  CHECK(call1(export_of(i, "r"), 1, &r) == TRAP_NONE && r == 1);
  CHECK(call1(export_of(i, "r"), 1000, &r) == TRAP_STACK);
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
  uint64_t r = 0;
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
  uint64_t r = 0;
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

static const Check checks[] = {
  {"traps",                  traps                 },
  {"frames",                 frames                },
  {"interrupts",             interrupts            },
  {"late requests",          late_requests         },
  {"interrupt parked",       interrupt_parked      },
  {"alarms at every depth",  alarms_at_every_depth },
  {"helpers at every depth", helpers_at_every_depth},
  {"large frames",           large_frames          },
  {"foreign faults",         foreign               },
  {"unhandled faults",       unhandled             },
  {"threads",                threads               },
};

int main(int argc, char **argv)
{
  return RUN_CHECKS(checks, argc, argv);
}

/*
** trap.c -- traps by signal: SIGSEGV, SIGILL and SIGFPE in machine code.
**
** The handler decides whether a fault is ours, notes why and where in the Activation and
** lets the kernel return into lw_stub_trap_exit. It takes no lock, allocates nothing and
** reads only memory of the running activation, tables that are never freed, and one
** thread-local word in initial-exec storage.
** Ours is a fault while this thread runs an activation, at a pc in our text (or in a
** stub, which touches the private stack), that is also one of
**   SIGILL    ud2 and a code byte: that trap
**   SIGFPE    the division instruction: integer divide by zero
**   SIGSEGV   in a known memory or its guard: out of bounds; in the lower end of the
**             private stack: call stack exhausted; on the poll page: interrupted, if
**             somebody asked, else the page is readable again and the load is repeated;
**             out of time where that yields: lw_stub_late;
**             SI_KERNEL with rsp near that lower end: a signal found no room for its
**             frame, which counts as exhaustion
** One more is ours to mend: a host's signal handler that runs on the private stack and
** reaches the signal room (stack.h). The guest's call ends then, too.
** Anything else is passed on as if we were not there: a bug in machine code must crash.
** Layer: rt.
*/
#include "rt/trap.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/lock.h"
#include "base/os.h"
#include "jit/context.h"
#include "jit/layout.h"
#include "jit/stubs.h"
#include "jit/trap.h"
#include "rt/budget.h"
#include "rt/reserve.h"
#include "rt/stack.h"
#include "rt/state.h"

_Static_assert(TRAP_CALLEE_CLOSED == TRAP_CODE_CLOSED, "layout.h");
_Static_assert(TRAP_STACK == TRAP_CODE_STACK, "layout.h");

enum { ALT_MIN = 16 << 10, ALT_SIZE = 64 << 10, NEAR = 16 << 10, SCAN = 1 << 20 };
_Thread_local ThreadState lw_thread;

static const int signals[] = {SIGSEGV, SIGILL, SIGFPE};
enum { NSIGNALS = sizeof signals / sizeof *signals };

/* Who was there before us, each time we came: the oldest first. */
enum { OTHERS = 8 };
static struct sigaction others[NSIGNALS][OTHERS];
static atomic_int nothers[NSIGNALS];

/* ---- is it ours? ---- */

static bool in_our_text(const void *pc)
{
  return lw_os_text_contains(pc) || lw_stubs_contain(pc);
}

static bool on_poll_page(const Activation *a, const void *address)
{
  uint8_t *page = a->store->poll->address;
  return (uintptr_t)address - (uintptr_t)page < lw_os_page_size();
}

/* What SIGSEGV means; GO_ON: nothing, execute the instruction again. */
enum { NOT_OURS = TRAP__MAX, GO_ON, LATE };
static unsigned segv(Activation *a, const siginfo_t *si, const MachineState *at)
{
  if (si->si_code == SI_KERNEL) {
    bool near_end = lw_stack_guards(a, at->sp) || lw_stack_guards(a, at->sp - NEAR);
    return near_end ? TRAP_STACK : NOT_OURS;
  }
  if (si->si_code <= 0) return NOT_OURS; /* sent by kill() and the like */
  if (lw_stack_guards(a, si->si_addr)) return TRAP_STACK;
  if (on_poll_page(a, si->si_addr)) {
    unsigned asked = lw_interrupt_look(a->store->poll, a);
    if (asked == TRAP_TIMEOUT && lw_act_late_yields(a) &&
        at->sp - sizeof(void *) >= a->limit)
      return LATE;
    return asked ? asked : GO_ON;
  }
  return lw_known_contains(si->si_addr) ? TRAP_MEMORY : NOT_OURS;
}

static unsigned classify(Activation *a, int sig, const siginfo_t *si,
                         const MachineState *at)
{
  unsigned code;
  if (!in_our_text(at->pc)) return NOT_OURS;
  switch (sig) {
  case SIGSEGV: return segv(a, si, at);
  case SIGFPE: return si->si_code > 0 ? TRAP_DIV_ZERO : NOT_OURS;
  default:
    if (si->si_code <= 0 || !lw_context_is_trap(at->pc, &code)) return NOT_OURS;
    return code < TRAP__MAX ? code : NOT_OURS;
  }
}

/* The words a stub may have pushed when it faults, return address included. */
enum { STUB_WORDS = 6 };

static void note(Activation *a, unsigned code, const MachineState *at)
{
  a->trap = code;
  a->trap_pc = at->pc;
  a->trap_rbp = at->frame;
  a->trap_rsp = at->sp;
  a->trap_ctx = at->ctx;
  if (at->pc == lw_stub_exhausted) {
    a->trap_pc = a->diverted;
    return;
  }
  if (!lw_stubs_contain(at->pc)) return;
  /* In a stub the trace begins with its caller: what lies next in our text. */
  void **word = (void **)(void *)at->sp, **top = (void **)(void *)lw_stack_top(a);
  for (int k = 0; k < STUB_WORDS && word + k < top; k++)
    if (lw_os_text_contains(word[k])) {
      a->trap_pc = word[k];
      /* rbp may be the stub's own already; the caller's lies there then */
      if (at->frame >= word && at->frame < word + k) a->trap_rbp = at->frame[0];
      break;
    }
}

/* ---- passing on ---- */

static void call_other(const struct sigaction *other, int sig, siginfo_t *si,
                       void *context)
{
  sigset_t mask = other->sa_mask, before;
  if (!(other->sa_flags & SA_NODEFER)) sigaddset(&mask, sig);
  pthread_sigmask(SIG_BLOCK, &mask, &before);
  if (other->sa_flags & SA_NODEFER) {
    sigemptyset(&mask);
    sigaddset(&mask, sig);
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
  }
  if (other->sa_flags & SA_SIGINFO)
    other->sa_sigaction(sig, si, context);
  else
    other->sa_handler(sig);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/*
** The one who was there before may itself pass on to us (it was installed after us and
** we came back in front of it). Then the fault reaches us again, from deeper in the
** stack, and goes to who was there before that one.
*/
static void pass_on(int sig, siginfo_t *si, void *context)
{
  int n = sig == SIGSEGV ? 0 : sig == SIGILL ? 1 : 2;
  assert(signals[n] == sig);
  const void *frame = __builtin_frame_address(0);
  const ThreadState before = lw_thread;
  bool again = lw_thread.passing == context && frame < lw_thread.passed_from;
  int to = (again ? lw_thread.passed_to : atomic_load(&nothers[n])) - 1;
  static const struct sigaction nobody = {.sa_handler = SIG_DFL};
  const struct sigaction *other = to >= 0 ? &others[n][to] : &nobody;
  if (!(other->sa_flags & SA_SIGINFO) &&
      (other->sa_handler == SIG_DFL || other->sa_handler == SIG_IGN)) {
    /* A fault that is ignored would be repeated for ever: the kernel kills, so do we. */
    sigaction(sig, &nobody, NULL);
    if (si->si_code <= 0) raise(sig); /* sent, not faulted: returning repeats nothing */
    return;
  }
  lw_thread.passing = context;
  lw_thread.passed_from = frame;
  lw_thread.passed_to = to;
  call_other(other, sig, si, context);
  lw_thread.passing = before.passing;
  lw_thread.passed_from = before.passed_from;
  lw_thread.passed_to = before.passed_to;
}

/*
** Did a host's signal handler, on the private stack, run out of it? It gets the signal
** room. The guest has used its stack up then: it must not come to use the room as well,
** so it ends as soon as the handler returns.
*/
static bool mends(Activation *a, int sig, const siginfo_t *si, const MachineState *at)
{
  if (sig != SIGSEGV || si->si_code <= 0 || in_our_text(at->pc)) return false;
  uintptr_t room = (uintptr_t)a->limit - STACK_SOFT;
  if ((uintptr_t)si->si_addr - room >= STACK_SOFT) return false;
  bool on_it = (uintptr_t)at->sp - (uintptr_t)a->stack < a->stack_size;
  if (!on_it || !lw_stack_open_room(a)) return false;
  uint8_t *low = at->sp, *high = lw_stack_top(a);
  if ((uintptr_t)low < room) low = a->limit - STACK_SOFT;
  if (high - low > SCAN) high = low + SCAN;
  a->diverted = lw_context_divert(low, high, in_our_text, lw_stub_exhausted);
  return true;
}

static void on_signal(int sig, siginfo_t *si, void *context)
{
  int kept = errno;
  Activation *a = lw_thread.running;
  if (a) {
    MachineState at;
    lw_context_get(context, &at);
    unsigned code = classify(a, sig, si, &at);
    if (code < TRAP__MAX) {
      note(a, code, &at);
      lw_context_end(context, a);
      return;
    }
    if (code == LATE) lw_context_call(context, lw_stub_late);
    if (code == GO_ON || code == LATE || mends(a, sig, si, &at)) {
      errno = kept;
      return;
    }
  }
  pass_on(sig, si, context);
  errno = kept;
}

/* ---- installation ---- */

static bool is_ours(const struct sigaction *sa)
{
  return (sa->sa_flags & SA_SIGINFO) && sa->sa_sigaction == on_signal;
}

static bool install_one(int n)
{
  struct sigaction now, ours;
  if (sigaction(signals[n], NULL, &now) != 0) return false;
  if (is_ours(&now)) return true;
  int at = atomic_load(&nothers[n]);
  if (at == OTHERS) at--; /* the second newest is forgotten */
  others[n][at] = now;
  atomic_store(&nothers[n], at + 1);
  memset(&ours, 0, sizeof ours);
  ours.sa_sigaction = on_signal;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&ours.sa_mask);
  return sigaction(signals[n], &ours, NULL) == 0;
}

Status lw_trap_install(Err *err)
{
  bool ok = true;
  lw_lock(LOCK_SIGNALS);
  for (int n = 0; n < NSIGNALS; n++)
    ok = install_one(n) && ok;
  lw_unlock(LOCK_SIGNALS);
  if (ok) return LW_OK;
  return lw_fail(err, LW_IO, ERR_NOWHERE, "cannot install signal handlers: %s",
                 strerror(errno));
}

/* ---- alternate stacks ---- */

static pthread_key_t alt_key;
static pthread_once_t alt_once = PTHREAD_ONCE_INIT;
static bool alt_key_made;

/* At the end of a thread: sanitizers unmap whatever alternate stack is current then. */
static void alt_free(void *p)
{
  stack_t now, none = {.ss_flags = SS_DISABLE};
  if (sigaltstack(NULL, &now) == 0 && now.ss_sp == p) sigaltstack(&none, NULL);
  lw_os_release(p, ALT_SIZE);
  lw_thread.ready = false; /* other destructors may still call wasm */
}

static void alt_make_key(void)
{
  alt_key_made = pthread_key_create(&alt_key, alt_free) == 0;
}

static bool alt_install(void)
{
  pthread_once(&alt_once, alt_make_key);
  if (!alt_key_made) return false;
  void *p = lw_os_reserve(ALT_SIZE);
  if (!p) return false;
  stack_t ours = {.ss_sp = p, .ss_size = ALT_SIZE};
  if (lw_os_commit(p, ALT_SIZE) && pthread_setspecific(alt_key, p) == 0) {
    if (sigaltstack(&ours, NULL) == 0) return true;
    pthread_setspecific(alt_key, NULL);
  }
  lw_os_release(p, ALT_SIZE);
  return false;
}

bool lw_trap_thread_ready(void)
{
  stack_t now;
  if (sigaltstack(NULL, &now) != 0) return false;
  bool usable = !(now.ss_flags & SS_DISABLE) && now.ss_size >= ALT_MIN;
  return lw_thread.ready = usable || alt_install();
}

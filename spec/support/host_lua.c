/*
** host_lua.c -- a Lua interpreter whose host does what hosts in C do: signals, faults,
** threads, limits.
**
** usage: host_lua FILE
** The script finds its tools in the global `host`:
**   handle(signal, how [, onstack])   a handler of the host's own; see `handlers` below
**   call_on(signal, fn, arg)          its handler calls ((void (*)(void *))fn)(arg)
**   seen(signal)  sent_at()           signals handled; when the last "call" was made
**   raise(signal)  timer(us)          now; SIGALRM every so often, 0 ends it
**   fault(signal)                     a real fault in C; true when a handler jumped out
**   child(f)                          f in a forked process: "exit 0", "signal 11"
**   thread(code, ...)  join(t)        another OS thread with a Lua state of its own
**   elsewhere(f)                      f of this Lua state in another OS thread
**   sender(fn, arg, us)  join(t)      a thread that calls fn(arg) after random pauses
**   word(i [, value])                 integers that all threads share
**   now()  pause(us)                  seconds; sleep
**   limit_space(bytes)                address space: what there is and so much more
**   refuse_exec()                     no page may become executable any more
** Signals go by their names without SIG. Threads do not get SIGALRM.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNCHECKED __attribute__((noinline, no_sanitize("address", "undefined")))

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- handlers ---- */

enum { NSIGNALS = 32, HUNGRY_BYTES = 12000 };
static volatile sig_atomic_t seen[NSIGNALS];
static sigjmp_buf back;
static volatile sig_atomic_t guarded; /* a fault() is under way */
static volatile double last_call;
static void (*call)(void *);
static void *call_argument;
static struct sigaction before[NSIGNALS];
static lua_State *main_state;

static void on_count(int sig)
{
  seen[sig]++;
}

/* As a careless handler may. */
static void on_hungry(int sig)
{
  volatile char eats[HUNGRY_BYTES];
  for (size_t k = 0; k < sizeof eats; k += 64)
    eats[k] = (char)sig;
  seen[sig] += eats[64] == (char)sig;
}

static void on_jump(int sig)
{
  seen[sig]++;
  if (!guarded) _exit(99); /* a fault that is not the host's came to the host */
  guarded = 0;
  siglongjmp(back, 1);
}

static void on_jump_info(int sig, siginfo_t *si, void *context)
{
  if (!context || si->si_signo != sig) _exit(98);
  on_jump(sig);
}

/* Like a crash reporter: takes a note, then asks who was there before. */
static void on_report(int sig, siginfo_t *si, void *context)
{
  if (++seen[sig] > 1000) _exit(97);
  before[sig].sa_sigaction(sig, si, context);
}

static void on_call(int sig)
{
  seen[sig]++;
  last_call = now();
  call(call_argument);
}

/* What lua.c does at Ctrl-C. */
static void stop(lua_State *L, lua_Debug *ar)
{
  (void)ar;
  lua_sethook(L, NULL, 0, 0);
  luaL_error(L, "interrupted!");
}

static void on_hook(int sig)
{
  seen[sig]++;
  lua_sethook(main_state, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT,
              1);
}

static const struct {
  const char *name;
  void (*plain)(int);
  void (*info)(int, siginfo_t *, void *);
} handlers[] = {
  {"default",   SIG_DFL,   NULL        },
  {"ignore",    SIG_IGN,   NULL        },
  {"count",     on_count,  NULL        },
  {"hungry",    on_hungry, NULL        },
  {"jump",      on_jump,   NULL        },
  {"jump info", NULL,      on_jump_info},
  {"report",    NULL,      on_report   },
  {"hook",      on_hook,   NULL        },
  {"call",      on_call,   NULL        },
};
enum { NHANDLERS = sizeof handlers / sizeof *handlers };

static int check_signal(lua_State *L, int arg)
{
  static const char *const names[] = {"SEGV", "FPE", "ILL", "ALRM", "USR1", NULL};
  static const int numbers[] = {SIGSEGV, SIGFPE, SIGILL, SIGALRM, SIGUSR1};
  return numbers[luaL_checkoption(L, arg, NULL, names)];
}

static int host_handle(lua_State *L)
{
  int sig = check_signal(L, 1), n = 0;
  const char *how = luaL_checkstring(L, 2);
  while (n < NHANDLERS && strcmp(handlers[n].name, how) != 0)
    n++;
  luaL_argcheck(L, n < NHANDLERS, 2, "no such handler");
  struct sigaction sa;
  memset(&sa, 0, sizeof sa);
  if (handlers[n].info) {
    sa.sa_sigaction = handlers[n].info;
    sa.sa_flags = SA_SIGINFO;
  } else
    sa.sa_handler = handlers[n].plain;
  if (lua_toboolean(L, 3)) sa.sa_flags |= SA_ONSTACK;
  if (sigaction(sig, &sa, &before[sig]) != 0) return luaL_error(L, "sigaction failed");
  return 0;
}

static int host_call_on(lua_State *L)
{
  void *fn = lua_touserdata(L, 2);
  luaL_checktype(L, 2, LUA_TLIGHTUSERDATA);
  luaL_checktype(L, 3, LUA_TLIGHTUSERDATA);
  memcpy(&call, &fn, sizeof call);
  call_argument = lua_touserdata(L, 3);
  lua_settop(L, 1);
  lua_pushliteral(L, "call");
  return host_handle(L);
}

static int host_seen(lua_State *L)
{
  lua_pushinteger(L, seen[check_signal(L, 1)]);
  return 1;
}

static int host_sent_at(lua_State *L)
{
  lua_pushnumber(L, last_call);
  return 1;
}

static int host_raise(lua_State *L)
{
  raise(check_signal(L, 1));
  return 0;
}

static int host_timer(lua_State *L)
{
  long us = (long)luaL_checkinteger(L, 1);
  struct itimerval t = {
    {us / 1000000, us % 1000000},
    {us / 1000000, us % 1000000}
  };
  setitimer(ITIMER_REAL, &t, NULL);
  return 0;
}

/* ---- faults ---- */

static UNCHECKED void fault(int sig)
{
  static volatile int zero, some = 9;
  switch (sig) {
  case SIGSEGV: {
    volatile char *nowhere =
      mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *nowhere = 1;
    return;
  }
  case SIGFPE: some /= zero; return;
  default: __asm__ volatile("ud2");
  }
}

static int host_fault(lua_State *L)
{
  int sig = check_signal(L, 1);
  guarded = 1;
  bool jumped = sigsetjmp(back, 1) != 0;
  if (!jumped) fault(sig);
  guarded = 0;
  lua_pushboolean(L, jumped);
  return 1;
}

/* ---- processes ---- */

static int host_child(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    bool ok = lua_pcall(L, 0, 0, 0) == LUA_OK;
    if (!ok) fprintf(stderr, "in the child: %s\n", luaL_tolstring(L, -1, NULL));
    fflush(NULL);
    _exit(!ok);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return luaL_error(L, "no child");
  lua_pushfstring(L, WIFSIGNALED(status) ? "signal %d" : "exit %d",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  return 1;
}

/* ---- threads ---- */

static int open_host(lua_State *L);

enum { NARGS = 4, NWORDS = 16 };
static atomic_llong words[NWORDS];

typedef struct Thread {
  pthread_t id;
  char *code; /* NULL: a sender */
  lua_Integer args[NARGS];
  int nargs;
  void (*fn)(void *);
  void *arg;
  unsigned pause_us;
  atomic_bool stop;
  char *result; /* what the script returned, or its error */
  bool ok;
} Thread;

static void *script_thread(void *p)
{
  Thread *t = p;
  lua_State *L = luaL_newstate();
  if (!L) return NULL;
  luaL_openlibs(L);
  luaL_requiref(L, "host", open_host, 1);
  lua_settop(L, 0);
  t->ok = luaL_loadstring(L, t->code) == LUA_OK;
  if (t->ok) {
    for (int k = 0; k < t->nargs; k++)
      lua_pushinteger(L, t->args[k]);
    t->ok = lua_pcall(L, t->nargs, 1, 0) == LUA_OK;
  }
  t->result = strdup(luaL_tolstring(L, -1, NULL));
  lua_close(L);
  return NULL;
}

static void *sender_thread(void *p)
{
  Thread *t = p;
  unsigned random = 1;
  for (t->nargs = 0; !atomic_load(&t->stop); t->nargs++) {
    random = random * 1103515245 + 12345;
    if (t->pause_us) usleep(random / 65536 % t->pause_us);
    t->fn(t->arg);
  }
  t->ok = true;
  char sent[24];
  snprintf(sent, sizeof sent, "%d", t->nargs);
  t->result = strdup(sent);
  return NULL;
}

static int start(lua_State *L, Thread *t, void *(*body)(void *))
{
  sigset_t alarm, kept;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &alarm, &kept);
  int refused = pthread_create(&t->id, NULL, body, t);
  pthread_sigmask(SIG_SETMASK, &kept, NULL);
  if (refused) return luaL_error(L, "no thread");
  lua_pushlightuserdata(L, t);
  return 1;
}

static int host_thread(lua_State *L)
{
  const char *code = luaL_checkstring(L, 1);
  Thread *t = calloc(1, sizeof *t);
  if (!t) return luaL_error(L, "no memory");
  t->code = strdup(code);
  for (t->nargs = 0; t->nargs < NARGS && !lua_isnone(L, t->nargs + 2); t->nargs++)
    t->args[t->nargs] = lua_tointeger(L, t->nargs + 2);
  return start(L, t, script_thread);
}

static int host_sender(lua_State *L)
{
  Thread *t = calloc(1, sizeof *t);
  if (!t) return luaL_error(L, "no memory");
  void *fn = lua_touserdata(L, 1);
  memcpy(&t->fn, &fn, sizeof fn);
  t->arg = lua_touserdata(L, 2);
  t->pause_us = (unsigned)luaL_checkinteger(L, 3);
  return start(L, t, sender_thread);
}

/* join(thread) -> result | nil, message; a sender's result is how often it called */
static int host_join(lua_State *L)
{
  Thread *t = lua_touserdata(L, 1);
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  atomic_store(&t->stop, true);
  pthread_join(t->id, NULL);
  if (!t->ok) lua_pushnil(L);
  lua_pushstring(L, t->result);
  int n = t->ok ? 1 : 2;
  free(t->code);
  free(t->result);
  free(t);
  return n;
}

typedef struct Elsewhere {
  lua_State *L;
  int status;
} Elsewhere;

static void *run_elsewhere(void *p)
{
  Elsewhere *e = p;
  e->status = lua_pcall(e->L, lua_gettop(e->L) - 1, LUA_MULTRET, 0);
  return NULL;
}

static int host_elsewhere(lua_State *L)
{
  Elsewhere e = {L, LUA_ERRRUN};
  pthread_t id;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  if (pthread_create(&id, NULL, run_elsewhere, &e) != 0)
    return luaL_error(L, "no thread");
  pthread_join(id, NULL);
  if (e.status != LUA_OK) return lua_error(L);
  return lua_gettop(L);
}

static int host_word(lua_State *L)
{
  lua_Integer i = luaL_checkinteger(L, 1);
  luaL_argcheck(L, i >= 0 && i < NWORDS, 1, "no such word");
  if (lua_isnone(L, 2)) {
    lua_pushinteger(L, atomic_load(&words[i]));
    return 1;
  }
  atomic_store(&words[i], luaL_checkinteger(L, 2));
  return 0;
}

static int host_now(lua_State *L)
{
  lua_pushnumber(L, now());
  return 1;
}

static int host_pause(lua_State *L)
{
  usleep((useconds_t)luaL_checkinteger(L, 1));
  return 0;
}

/* ---- limits ---- */

static int host_limit_space(lua_State *L)
{
  unsigned long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  bool known = f && fscanf(f, "%lu", &pages) == 1;
  if (f) fclose(f);
  if (!known) return luaL_error(L, "no /proc");
  rlim_t bytes = (rlim_t)pages * 4096 + (rlim_t)luaL_checkinteger(L, 1);
  struct rlimit limit = {bytes, bytes};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return luaL_error(L, "no limit");
  return 0;
}

/* true | nil, why */
static int host_refuse_exec(lua_State *L)
{
  enum { SET_MDWE = 65, REFUSE_EXEC_GAIN = 1 }; /* linux/prctl.h of 6.3 */
  bool done = prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0L, 0L, 0L) == 0;
  lua_pushboolean(L, done);
  if (done) return 1;
  lua_pushnil(L);
  lua_pushliteral(L, "PR_SET_MDWE needs Linux 6.3");
  return 2;
}

static const luaL_Reg tools[] = {
  {"handle",      host_handle     },
  {"call_on",     host_call_on    },
  {"seen",        host_seen       },
  {"sent_at",     host_sent_at    },
  {"raise",       host_raise      },
  {"timer",       host_timer      },
  {"fault",       host_fault      },
  {"child",       host_child      },
  {"thread",      host_thread     },
  {"join",        host_join       },
  {"elsewhere",   host_elsewhere  },
  {"sender",      host_sender     },
  {"word",        host_word       },
  {"now",         host_now        },
  {"pause",       host_pause      },
  {"limit_space", host_limit_space},
  {"refuse_exec", host_refuse_exec},
  {NULL,          NULL            },
};

static int open_host(lua_State *L)
{
  luaL_newlib(L, tools);
  return 1;
}

static int traceback(lua_State *L)
{
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

int main(int argc, char **argv)
{
  lua_State *L = main_state = luaL_newstate();
  if (!L || argc < 2) return 2;
  luaL_openlibs(L);
  luaL_requiref(L, "host", open_host, 1);
  lua_settop(L, 0);
  lua_pushcfunction(L, traceback);
  bool ok =
    luaL_loadfile(L, argv[1]) == LUA_OK && lua_pcall(L, 0, 0, 1) == LUA_OK;
  if (!ok) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return !ok;
}

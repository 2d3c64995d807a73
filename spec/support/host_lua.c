/*
** host_lua.c -- a Lua interpreter whose host does what hosts in C do: signals, faults,
** threads, limits.
**
** usage: host_lua FILE
** The script finds its tools in the global `host`:
**   handle(signal, how [, onstack])   a handler of the host's own; see `handlers` below
**   call_on(signal, fn, arg)          its handler calls ((void (*)(void *))fn)(arg)
**   seen(signal)  sent_at()           signals handled; when the last "call" was made
**   raise(signal)  timer(us [, once]) now; SIGALRM every so often, 0 ends it
**   fault(signal)                     a real fault in C; true when a handler jumped out
**   child(f)                          f in a forked process: "exit 0", "signal 11"
**   now()  pause(us)                  seconds; sleep
**   limit_space(bytes)                address space: what there is and so much more
**   refuse_exec()                     no page may become executable any more
** and those of host_threads.h. Signals go by their names without SIG.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
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

#include "host_threads.h"

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
  if (lua_toboolean(L, 2)) t.it_interval = (struct timeval){0, 0};
  setitimer(ITIMER_REAL, &t, NULL);
  return 0;
}

/* ---- faults ---- */

static UNCHECKED void fault(int sig)
{
  switch (sig) {
  case SIGSEGV: {
    volatile char *nowhere =
      mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *nowhere = 1;
    return;
  }
  case SIGFPE: __asm__ volatile("idivl %0" : : "r"(0), "a"(9), "d"(0) : "cc"); return;
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

/* ---- time and limits ---- */

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
  HOST_THREADS,
  {"handle",      host_handle     },
  {"call_on",     host_call_on    },
  {"seen",        host_seen       },
  {"sent_at",     host_sent_at    },
  {"raise",       host_raise      },
  {"timer",       host_timer      },
  {"fault",       host_fault      },
  {"child",       host_child      },
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
  bool ok = luaL_loadfile(L, argv[1]) == LUA_OK && lua_pcall(L, 0, 0, 1) == LUA_OK;
  if (!ok) fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L);
  return !ok;
}

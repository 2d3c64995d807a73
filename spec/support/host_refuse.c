/*
** host_refuse.c -- a host program whose system refuses the library memory, request by
** request.
**
** usage: host_refuse SCRIPT once|rest [cold|lua [STRIDE]]
** The script returns functions: `step` does some work and raises when it cannot;
** `judge(err)` says what was refused, and raises when that is not how a refusal should
** look; `collect` leaves no garbage. In round n the n-th request for memory that comes
** from core.so (malloc, mmap,
** mprotect, ...) is refused, and in mode "rest" all later ones of that step. Then step
** must work again, and no block may have been left behind. Rounds go on until step gets
** through unrefused.
** "cold": each round has a process of its own, and the script itself is refused, too.
** "lua": what Lua wants for itself counts like any other request (refused once, it
** collects
** garbage and asks again); only every STRIDE-th round is played.
** Under a sanitizer, which brings a malloc of its own, only mappings are refused.
** Prints the number of rounds and how often judge gave what.
*/
#include <errno.h>
#include <lauxlib.h>
#include <link.h>
#include <lua.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEEN      __attribute__((visibility("default")))
#define FROM_CORE from_core(__builtin_return_address(0))

static uintptr_t core_begin, core_end;
static long patience = -1; /* requests that still succeed; -1: all of them */
static bool rest;          /* and when they are used up: all fail, not one */
static bool of_lua;        /* Lua's own requests count, too */
static long refused, live;

static bool from_core(const void *caller)
{
  return (uintptr_t)caller - core_begin < core_end - core_begin;
}

static bool refuses(bool is_core)
{
  if (!is_core || patience < 0) return false;
  if (patience > 0) {
    patience--;
    return false;
  }
  if (!rest) patience = -1;
  refused++;
  errno = ENOMEM;
  return true;
}

/* ---- what the library asks the system for ---- */

#if !defined(__SANITIZE_ADDRESS__)
void *libc_malloc(size_t size) __asm__("__libc_malloc");
void *libc_calloc(size_t n, size_t size) __asm__("__libc_calloc");
void *libc_realloc(void *block, size_t size) __asm__("__libc_realloc");
void *libc_memalign(size_t alignment, size_t size) __asm__("__libc_memalign");
void libc_free(void *block) __asm__("__libc_free");

SEEN void *malloc(size_t size)
{
  bool core = FROM_CORE;
  if (refuses(core)) return NULL;
  live += core;
  return libc_malloc(size);
}

SEEN void *calloc(size_t n, size_t size)
{
  bool core = FROM_CORE;
  if (refuses(core)) return NULL;
  live += core;
  return libc_calloc(n, size);
}

SEEN void *realloc(void *block, size_t size)
{
  bool core = FROM_CORE;
  if (refuses(core)) return NULL;
  live += core && !block;
  return libc_realloc(block, size);
}

SEEN void *aligned_alloc(size_t alignment, size_t size)
{
  bool core = FROM_CORE;
  if (refuses(core)) return NULL;
  live += core;
  return libc_memalign(alignment, size);
}

SEEN void free(void *block)
{
  live -= block && FROM_CORE;
  libc_free(block);
}
#endif

SEEN void *mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
  if (refuses(FROM_CORE)) return MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, size, access, flags, fd, offset);
}

SEEN int mprotect(void *at, size_t size, int access)
{
  if (refuses(FROM_CORE)) return -1;
  return (int)syscall(SYS_mprotect, at, size, access);
}

SEEN void *mremap(void *at, size_t size, size_t new_size, int flags, ...)
{
  va_list more;
  va_start(more, flags);
  void *to = va_arg(more, void *);
  va_end(more);
  if (refuses(FROM_CORE)) return MAP_FAILED;
  return (void *)syscall(SYS_mremap, at, size, new_size, flags, to);
}

SEEN int memfd_create(const char *name, unsigned flags)
{
  if (refuses(FROM_CORE)) return -1;
  return (int)syscall(SYS_memfd_create, name, flags);
}

SEEN int ftruncate(int fd, off_t size)
{
  if (refuses(FROM_CORE)) return -1;
  return (int)syscall(SYS_ftruncate, fd, size);
}

static void *allocate(void *ud, void *block, size_t size, size_t new_size)
{
  (void)ud;
  if (new_size == 0) {
    free(block);
    return NULL;
  }
  if (of_lua && (!block || new_size > size) && refuses(true)) return NULL;
  return realloc(block, new_size);
}

/* ---- rounds ---- */

static int note_core(struct dl_phdr_info *info, size_t size, void *unused)
{
  (void)size, (void)unused;
  if (!strstr(info->dlpi_name, "/wasm/core.so")) return 0;
  for (int n = 0; n < info->dlpi_phnum; n++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[n];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
    core_begin = info->dlpi_addr + p->p_vaddr;
    core_end = core_begin + p->p_memsz;
  }
  return 1;
}

static int complain(lua_State *L, long n, const char *what)
{
  fprintf(stderr, "request %ld, %s: %s\n", n, what, luaL_tolstring(L, -1, NULL));
  return -1;
}

enum { STEP = 1, JUDGE, COLLECT, VERDICTS };

static long live_now(lua_State *L)
{
  lua_pushvalue(L, COLLECT);
  lua_call(L, 0, 0);
  return live;
}

static int do_step(lua_State *L)
{
  lua_pushvalue(L, STEP);
  return lua_pcall(L, 0, 0, 0);
}

/* *left: how many blocks more there are than before. -1: something is wrong; 1: nothing
   was refused; else 0. */
static int try_round(lua_State *L, long n, long *left)
{
  long before = live_now(L);
  refused = 0;
  patience = n;
  int status = do_step(L);
  patience = -1;
  if (refused == 0) return status == LUA_OK ? 1 : complain(L, n, "nothing refused");
  if (status != LUA_OK) {
    lua_pushvalue(L, JUDGE);
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) return complain(L, n, "judge");
  } else
    lua_pushliteral(L, "nothing");
  lua_pushvalue(L, -1);
  lua_Integer times = lua_gettable(L, VERDICTS) == LUA_TNUMBER ? lua_tointeger(L, -1) : 0;
  lua_pop(L, 1);
  lua_pushinteger(L, times + 1);
  lua_settable(L, VERDICTS);
  lua_settop(L, VERDICTS);
  if (do_step(L) != LUA_OK) return complain(L, n, "again");
  *left = live_now(L) - before;
  return 0;
}

/* A pool may have one more afterwards; what grows each time is a leak. */
static int run_round(lua_State *L, long n)
{
  enum { TIMES = 4 };
  long left = 1;
  int done = 0;
  for (int k = 0; k < TIMES && done == 0 && left > 0; k++)
    done = try_round(L, n, &left);
  /* What Lua could not finalize for want of memory is given back when it is closed. */
  if (done || left <= 0 || (rest && of_lua)) return done;
  lua_pushfstring(L, "%d blocks more than before, each time", (int)left);
  return complain(L, n, "leak");
}

/* Script and `step`; -1: something is wrong; 1: nothing was refused; else 0. */
static int cold_round(lua_State *L, const char *script, long n)
{
  patience = n;
  bool ok = luaL_loadfile(L, script) == LUA_OK && lua_pcall(L, 0, 3, 0) == LUA_OK;
  if (ok) ok = do_step(L) == LUA_OK;
  patience = -1;
  if (!refused) return ok ? 1 : complain(L, n, "nothing refused");
  const char *why = ok ? "memory" : luaL_tolstring(L, -1, NULL);
  if (!strstr(why, "memory") && !strstr(why, "refused")) return complain(L, n, "cold");
  lua_settop(L, 0);
  ok = luaL_loadfile(L, script) == LUA_OK && lua_pcall(L, 0, 3, 0) == LUA_OK;
  if (!ok || do_step(L) != LUA_OK) return complain(L, n, "again");
  return 0;
}

/* Each round in a process that has the library mapped but has never used it. */
static int run_cold(lua_State *L, const char *script, long stride, long *n)
{
  enum { NOTHING = 3 };
  lua_settop(L, 0);
  if (luaL_dostring(L,
                    "local path = assert(package.searchpath('wasm.core', package.cpath))"
                    "assert(package.loadlib(path, '*'))"))
    return complain(L, -1, "loading");
  dl_iterate_phdr(note_core, NULL);
  for (*n = 0;; *n += stride) {
    int status = 1;
    pid_t child = fork();
    if (child == 0) {
      int done = cold_round(L, script, *n);
      if (done >= 0) lua_close(L);
      exit(done < 0 ? 1 : done ? NOTHING : 0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOTHING) return 1;
    if (status == 0) continue;
    fprintf(stderr, "request %ld: status %x\n", *n, (unsigned)status);
    return -1;
  }
}

static int run_warm(lua_State *L, const char *script, long stride, long *n)
{
  if (luaL_loadfile(L, script) != LUA_OK || lua_pcall(L, 0, 3, 0) != LUA_OK)
    return complain(L, -1, "loading");
  lua_newtable(L); /* VERDICTS: what judge gave -> how often */
  dl_iterate_phdr(note_core, NULL);
  for (int warm = 0; warm < 3; warm++)
    if (do_step(L) != LUA_OK) return complain(L, -1, "warming up");
  int done = 0;
  for (*n = 0; done == 0; *n += stride)
    done = run_round(L, *n);
  *n -= stride;
  return done;
}

int main(int argc, char **argv)
{
  lua_State *L = lua_newstate(allocate, NULL);
  if (!L || argc < 3) return 2;
  rest = strcmp(argv[2], "rest") == 0;
  bool cold = argc > 3 && strcmp(argv[3], "cold") == 0;
  of_lua = argc > 3 && strcmp(argv[3], "lua") == 0;
  long n = 0, stride = argc > 4 ? atol(argv[4]) : 1;
  luaL_openlibs(L);
  int done = cold ? run_cold(L, argv[1], stride, &n) : run_warm(L, argv[1], stride, &n);
  if (done > 0)
    printf("%ld requests, %ld refused in turn, %s%s", n, n / stride, argv[2],
           cold     ? ", cold"
           : of_lua ? ", Lua's as well"
                    : "");
  if (done > 0 && !cold)
    for (lua_pushnil(L); lua_next(L, VERDICTS); lua_pop(L, 1))
      printf(", %d x %s", (int)lua_tointeger(L, -1), lua_tostring(L, -2));
  if (done > 0) printf("\n");
  lua_close(L);
  enum { POOLS = 64 };
  if (!cold && live > POOLS) {
    fprintf(stderr, "%ld blocks left after lua_close\n", live);
    return 1;
  }
  return done < 0;
}

/*
** host_states.c -- a host program that opens and closes Lua states, over and over.
**
** usage: host_states COUNT
** Each state loads the library anew, compiles a module that no other has, calls it, lets
** it trap, and leaves handles and a parked call for lua_close to find. The host has a
** SIGUSR1 handler, as it had before the library came; it raises that signal between all
** steps, and a thread sends it all the time.
** Prints one line and returns 0 when every state did what it should and left neither a
** mapping nor a file behind: the counts are taken after the first WARM states, and the
** library stays mapped when the last one is gone.
*/
#include <dirent.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM = 20, MARK_BYTES = 4, PAUSE_US = 200 };

/* i32.const 0x01234567 marks where each state's own number goes. */
static const char maker[] =
  "return assert(require 'wasm'.wat [[(module"
  "  (import \"e\" \"wait\" (func $wait (result i32))) (memory 1)"
  "  (func (export \"n\") (result i32) (i32.const 0x01234567))"
  "  (func (export \"beyond\") (result i32) (i32.load (i32.const 65536)))"
  "  (func (export \"wait\") (result i32) (call $wait)))]])";
static const char mark[MARK_BYTES] = {0x67 - 0x80, 0x8a - 0x100, 0x8d - 0x100, 0x09};

static const char script[] =
  "local wasm, bytes, n, raise = require 'wasm', ...\n"
  "raise()\n"
  "local mod = assert(wasm.compile(bytes, { cache = false }))\n"
  "raise()\n"
  "local inst = assert(mod:instantiate { e = { wait = coroutine.yield } })\n"
  "raise()\n"
  "assert(inst.exports.n() == n)\n"
  "local ok, err = pcall(inst.exports.beyond)\n"
  "assert(not ok and err.kind == 'trap', err)\n"
  "parked = coroutine.wrap(inst.exports.wait)\n"
  "parked()\n"
  "raise()\n"
  "if n % 2 == 0 then inst:close('force') mod:close() end\n";

static atomic_int signals;
static atomic_bool stop;

static void on_signal(int number)
{
  (void)number;
  atomic_fetch_add(&signals, 1);
}

static void *send_signals(void *to)
{
  while (!atomic_load(&stop)) {
    usleep(PAUSE_US);
    pthread_kill(*(pthread_t *)to, SIGUSR1);
  }
  return NULL;
}

static int host_raise(lua_State *L)
{
  (void)L;
  raise(SIGUSR1);
  return 0;
}

static lua_State *open_state(void)
{
  lua_State *L = luaL_newstate();
  if (!L) exit(2);
  luaL_openlibs(L);
  return L;
}

/* The module's bytes; *at is where the mark lies. */
static char *make_bytes(size_t *size, char **at)
{
  lua_State *L = open_state();
  if (luaL_dostring(L, maker)) {
    fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
    exit(2);
  }
  const char *s = lua_tolstring(L, -1, size);
  char *bytes = malloc(*size);
  if (!bytes) exit(2);
  memcpy(bytes, s, *size);
  *at = memmem(bytes, *size, mark, MARK_BYTES);
  lua_close(L);
  if (!*at) exit(2);
  return bytes;
}

static void set_number(char *at, unsigned n)
{
  for (int k = 0; k < MARK_BYTES; k++)
    at[k] = (char)((n >> 7 * k & 0x7f) | (k < MARK_BYTES - 1 ? 0x80 : 0));
}

static int run_state(const char *bytes, size_t size, int n)
{
  lua_State *L = open_state();
  int ok = luaL_loadstring(L, script) == LUA_OK;
  lua_pushlstring(L, bytes, size);
  lua_pushinteger(L, n);
  lua_pushcfunction(L, host_raise);
  ok = ok && lua_pcall(L, 3, 0, 0) == LUA_OK;
  if (!ok) fprintf(stderr, "state %d: %s\n", n, luaL_tolstring(L, -1, NULL));
  raise(SIGUSR1);
  lua_close(L);
  raise(SIGUSR1);
  return ok;
}

static int count_maps(int *of_library)
{
  char line[512];
  int n = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  *of_library = 0;
  while (f && fgets(line, sizeof line, f)) {
    n++;
    *of_library += strstr(line, "wasm/core.so") != NULL;
  }
  if (f) fclose(f);
  return n;
}

static int count_files(void)
{
  int n = 0;
  DIR *d = opendir("/proc/self/fd");
  while (d && readdir(d))
    n++;
  if (d) closedir(d);
  return n;
}

int main(int argc, char **argv)
{
  int count = argc > 1 ? atoi(argv[1]) : 1000, done = 0;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  pthread_t self = pthread_self(), sender;
  size_t size;
  char *at, *bytes = make_bytes(&size, &at);
  int library, maps = 0, files = 0;
  if (pthread_create(&sender, NULL, send_signals, &self) != 0) exit(2);
  for (; done < count + WARM; done++) {
    if (done == WARM) {
      maps = count_maps(&library);
      files = count_files();
    }
    set_number(at, (unsigned)done);
    if (!run_state(bytes, size, done)) break;
  }
  int more_maps = count_maps(&library) - maps, more_files = count_files() - files;
  atomic_store(&stop, true);
  pthread_join(sender, NULL);
  free(bytes);
  int raised = 6 * (count + WARM), caught = atomic_load(&signals);
  printf("%d states, %d signals raised, %d more sent, %d more mappings, %d more files, "
         "library %s\n",
         done - WARM, raised, caught - raised, more_maps, more_files,
         library ? "mapped" : "gone");
  return done == count + WARM && caught >= raised && more_maps <= 0 && more_files <= 0 &&
             library
           ? 0
           : 1;
}

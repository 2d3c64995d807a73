/*
** host_nomem.c -- a host program whose Lua runs out of memory at every allocation in
** turn.
**
** usage: host_nomem SCRIPT
** The script returns two functions: `step` does some work, `check` raises when something
** has leaked or broken. In round n every allocation of Lua's from the n-th on fails until
** step has ended; then check runs with memory again. Rounds go on until step gets
** through.
** Prints one line and returns 0 when all is well.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

static long left = -1; /* allocations that still work; -1: all */

static void *allocate(void *ud, void *block, size_t old_size, size_t new_size)
{
  (void)ud;
  if (new_size == 0) {
    free(block);
    return NULL;
  }
  if (left >= 0 && (!block || new_size > old_size)) {
    if (left == 0) return NULL;
    left--;
  }
  return realloc(block, new_size);
}

/* One round; -1 when something is wrong, 1 when step had memory enough, else 0. */
static int run_round(lua_State *L, long n)
{
  lua_pushvalue(L, 1);
  left = n;
  int status = lua_pcall(L, 0, 0, 0);
  int reached = left == 0;
  left = -1;
  if (status != LUA_OK && !reached) {
    fprintf(stderr, "round %ld: %s\n", n, luaL_tolstring(L, -1, NULL));
    return -1;
  }
  lua_settop(L, 2);
  for (int i = 0; i < 3; i++)
    lua_gc(L, LUA_GCCOLLECT);
  lua_pushvalue(L, 2);
  if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
    fprintf(stderr, "round %ld, check: %s\n", n, luaL_tolstring(L, -1, NULL));
    return -1;
  }
  return !reached;
}

int main(int argc, char **argv)
{
  lua_State *L = lua_newstate(allocate, NULL);
  if (!L || argc != 2) return 2;
  luaL_openlibs(L);
  if (luaL_loadfile(L, argv[1]) != LUA_OK || lua_pcall(L, 0, 2, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 2;
  }
  long n = 0;
  int done = 0;
  while (!done)
    done = run_round(L, n++);
  lua_close(L);
  if (done < 0) return 1;
  printf("%ld rounds\n", n);
  return 0;
}

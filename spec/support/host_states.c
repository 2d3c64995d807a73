/*
** host_states.c -- a host program that opens and closes Lua states, over and over.
**
** usage: host_states COUNT
** Each state loads the library anew, compiles a module of its own, calls it, lets it
*trap,
** and leaves handles and a parked call for lua_close to find. The host has a SIGUSR1
** handler, as it had before the library came, and raises that signal between all steps.
** Prints one line and returns 0 when every state did what it should.
*/
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t signals;

static const char script[] =
  "local wasm, n, raise = require 'wasm', ...\n"
  "raise()\n"
  "local mod = assert(wasm.compile((([[(module\n"
  "  (import 'e' 'wait' (func $wait (result i32)))\n"
  "  (memory 1)\n"
  "  (func (export 'n') (result i32) (i32.const %d))\n"
  "  (func (export 'beyond') (result i32) (i32.load (i32.const 65536)))\n"
  "  (func (export 'wait') (result i32) (call $wait)))]]):gsub(\"'\", "
  "'\"'):format(n))))\n"
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

static void on_signal(int number)
{
  (void)number;
  signals++;
}

static int host_raise(lua_State *L)
{
  (void)L;
  raise(SIGUSR1);
  return 0;
}

static int run_state(int n)
{
  lua_State *L = luaL_newstate();
  if (!L) return 0;
  luaL_openlibs(L);
  int ok = luaL_loadstring(L, script) == LUA_OK;
  lua_pushinteger(L, n);
  lua_pushcfunction(L, host_raise);
  ok = ok && lua_pcall(L, 2, 0, 0) == LUA_OK;
  if (!ok) fprintf(stderr, "state %d: %s\n", n, luaL_tolstring(L, -1, NULL));
  raise(SIGUSR1);
  lua_close(L);
  raise(SIGUSR1);
  return ok;
}

int main(int argc, char **argv)
{
  int count = argc > 1 ? atoi(argv[1]) : 1000, done = 0;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  sigaction(SIGUSR1, &action, NULL);
  while (done < count && run_state(done))
    done++;
  printf("%d states, %d signals\n", done, (int)signals);
  return done == count && signals == 6 * count ? 0 : 1;
}

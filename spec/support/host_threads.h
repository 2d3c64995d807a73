/*
** host_threads.h -- what scripts of host_lua.c can do with threads.
**
**   thread(code, ...)  join(t)        another OS thread with a Lua state of its own
**   sender(fn, arg, us)  join(t)      a thread that calls fn(arg) after random pauses
**   elsewhere(f, ...)                 f of this Lua state in another OS thread
**   word(i [, value])                 integers that all threads share
** Threads do not get SIGALRM. For inclusion in host_lua.c only.
*/
#ifndef HOST_THREADS_H
#define HOST_THREADS_H

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

static int open_host(lua_State *L); /* of host_lua.c: the library itself */

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

#define HOST_THREADS                                                                     \
  {"thread", host_thread}, {"join", host_join}, {"sender", host_sender},                 \
    {"elsewhere", host_elsewhere},                                                       \
  {                                                                                      \
    "word", host_word                                                                    \
  }

#endif

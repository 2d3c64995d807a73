/*
** lua_wasi_ask.c -- what the calls of a WASI program ask of Lua.
**
** A question lies in the activation (NativeAsk). Here the function that answers it is
** pushed with its arguments, or a Lua file is used at once; what the function gave
** becomes the answer.
** Layer: lua.
*/
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "lua/wasi.h"
#include "rt/budget.h"
#include "wasi/wasi.h"

static int flush(void *file)
{
  return fflush(file);
}

/* Nothing of a file's that is written may end the process for want of a reader. */
static int quietly(int (*run)(void *), void *arg)
{
  const struct timespec now = {0, 0};
  sigset_t broken, before, waiting;
  sigemptyset(&broken);
  sigaddset(&broken, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken, &before);
  sigpending(&waiting);
  int result = run(arg);
  if (result != 0 && !sigismember(&waiting, SIGPIPE))
    while (sigtimedwait(&broken, NULL, &now) < 0 && errno == EINTR) {
    }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return result;
}

/* As much as there is, at most `most` bytes: from a file that may be a terminal, no more
   than a line. */
static void read_file(lua_State *L, FILE *file, size_t most, NativeAsk *ask)
{
  luaL_Buffer b;
  char *to = luaL_buffinitsize(L, &b, most);
  size_t n = 0;
  int c = 0;
  while (n < most && c != '\n' && (c = getc(file)) != EOF)
    to[n++] = (char)c;
  ask->failed = n == 0 && ferror(file);
  if (ferror(file)) clearerr(file);
  luaL_pushresultsize(&b, n);
  ask->bytes = lua_tolstring(L, -1, &ask->size);
  ask->answered = true;
}

/* A Lua file is read and written here and now; it may have been closed meanwhile. */
static int ask_file(lua_State *L, NativeAsk *ask)
{
  const luaL_Stream *stream = lua_touserdata(L, -1);
  if (!stream->closef) {
    ask->answered = ask->failed = true;
  } else if (ask->what == ASK_READ) {
    read_file(L, stream->f, ask->number < 65536 ? ask->number : 65536, ask);
  } else {
    ask->failed = quietly(flush, stream->f) != 0;
    ask->how = ANSWER_DESCRIPTOR;
    ask->number = (uint64_t)fileno(stream->f);
    ask->answered = true;
  }
  return -1;
}

/* A host's signal handler may have left a hook, as lua.c does at Ctrl-C: a call is where
   it is run. */
static int nothing(lua_State *L)
{
  (void)L;
  return 0;
}

static int ask_signal(lua_State *L, NativeAsk *ask)
{
  ask->answered = !lua_gethook(L);
  lua_pushcfunction(L, nothing);
  return ask->answered ? -1 : 0;
}

/* ---- instead of waiting ---- */

static int yield(lua_State *L)
{
  return lua_yield(L, lua_gettop(L));
}

/* As a call that has reached its limit: with a word for whoever resumes it. */
static int ask_late(lua_State *L, Activation *a)
{
  a->ask.answered = !lua_isyieldable(L);
  if (a->ask.answered) {
    lw_act_late_deny(a);
    return -1;
  }
  lw_act_late_grant(a);
  lua_pushcfunction(L, yield);
  lua_pushliteral(L, "timeout");
  return 1;
}

static void push_descriptors(lua_State *L, const NativeAsk *ask, bool writes)
{
  const WasiWait *list = ask->owned;
  lua_Integer n = 0;
  lua_newtable(L);
  for (size_t k = 0; k < ask->size; k++) {
    if (list[k].writes != writes) continue;
    lua_pushinteger(L, list[k].host);
    lua_rawseti(L, -2, ++n);
  }
}

static void set_seconds(lua_State *L, const char *key, uint64_t ns)
{
  lua_pushnumber(L, (lua_Number)ns * 1e-9);
  lua_setfield(L, -2, key);
}

/* Who is to be asked is on the top; put a description of the wait on it. */
static int ask_block(lua_State *L, const Activation *a, NativeAsk *ask)
{
  if (lua_type(L, -1) == LUA_TSTRING) {
    ask->answered = !lua_isyieldable(L);
    ask->how = ANSWER_WAIT; /* if that is the answer */
    if (ask->answered) return -1;
    lua_pop(L, 1);
    lua_pushcfunction(L, yield);
  }
  lua_createtable(L, 0, 5);
  lua_pushstring(L, lw_wasi_asking(a));
  lua_setfield(L, -2, "call");
  push_descriptors(L, ask, false);
  lua_setfield(L, -2, "read");
  push_descriptors(L, ask, true);
  lua_setfield(L, -2, "write");
  if (ask->number == UINT64_MAX) return 1;
  uint64_t now = lw_os_now_ns(), left = ask->number;
  if (ask->which) {
    left = ask->number > now ? ask->number - now : 0;
    bool late = ask->number < UINT64_MAX - 1000; /* a little, for it is rounded */
    set_seconds(L, "deadline", ask->number + (late ? 1000 : 0));
  }
  set_seconds(L, "timeout", left);
  return 1;
}

/* ---- the questions ---- */

int lw_wasi_ask(lua_State *L, Activation *a)
{
  static const char *const clocks[] = {"realtime", "monotonic", "process", "thread"};
  NativeAsk *ask = &a->ask;
  if (ask->what == ASK_SIGNAL) return ask_signal(L, ask);
  if (ask->what == ASK_LATE) return ask_late(L, a);
  int which = (int)ask->which;
  if (ask->what == ASK_CLOCK) which = ASKED_CLOCK;
  if (ask->what == ASK_RANDOM) which = ASKED_RANDOM;
  if (ask->what == ASK_BLOCK) which = ASKED_BLOCK;
  if (ask->what == ASK_DIR) which += ASKED_DIRS;
  assert(lw_test(L, lw_state_find(L), -1, KIND_WASI));
  lua_getiuservalue(L, -1, UV_WASI_ASKED);
  lua_rawgeti(L, -1, which);
  if (luaL_testudata(L, -1, LUA_FILEHANDLE)) return ask_file(L, ask);
  if (ask->what == ASK_BLOCK) return ask_block(L, a, ask);
  if (ask->what == ASK_DIR) return lw_wasi_ask_dir(L, a, ask);
  if (ask->what == ASK_CLOCK) {
    assert(ask->which < sizeof clocks / sizeof *clocks);
    lua_pushstring(L, clocks[ask->which]);
  } else if (ask->what == ASK_WRITE) {
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, ask->number);
    ask->number = lw_wasi_gather(a, to, ask->number);
    luaL_pushresultsize(&b, ask->number);
  } else
    lua_pushinteger(L, (lua_Integer)ask->number);
  return 1;
}

/* Seconds to nanoseconds. */
static bool to_ns(lua_State *L, int index, uint64_t *ns)
{
  lua_Number n = lua_tonumber(L, index);
  if (lua_type(L, index) != LUA_TNUMBER || !(n >= 0 && n < 1.8e10)) return false;
  lua_Integer whole = (lua_Integer)n;
  *ns = (uint64_t)whole * 1000000000 + (uint64_t)((n - (lua_Number)whole) * 1e9);
  return true;
}

void lw_wasi_answer(lua_State *L, Activation *a, int at)
{
  NativeAsk *ask = &a->ask;
  at = lua_absindex(L, at);
  ask->answered = true;
  switch ((AskWhat)ask->what) {
  case ASK_CLOCK: ask->failed = !to_ns(L, at, &ask->number); break;
  case ASK_READ:
  case ASK_RANDOM:
    if (lua_type(L, at) == LUA_TSTRING)
      ask->bytes = lua_tolstring(L, at, &ask->size);
    else
      ask->failed = ask->what == ASK_RANDOM || !lua_isnil(L, at);
    break;
  case ASK_DIR: lw_wasi_answer_dir(L, ask, at); break;
  case ASK_BLOCK:
    ask->how = lua_isboolean(L, at) && !lua_toboolean(L, at) ? ANSWER_WAIT : 0;
    break;
  default: break; /* whoever is given bytes has them */
  }
}

/*
** lua_wait.c -- wasm.wait: for schedulers that have nothing else to wait with.
**
** It takes the descriptions that on_block= gives (lua_wasi_ask.c) and waits until one of
** them is due. An interrupt of a call around it ends it early, as does a signal for which
** Lua has a hook; then nothing need be due.
** Layer: lua.
*/
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "base/os.h"
#include "lua/bind.h"
#include "rt/native.h"

enum { SLICE_NS = 10000000 };

typedef struct Waits {
  struct pollfd *fds; /* one more than n */
  lua_Integer n;
} Waits;

/* The length of the array `key` of the description on the top. */
static lua_Integer count_of(lua_State *L, const char *key)
{
  int type = lua_getfield(L, -1, key);
  if (type != LUA_TTABLE && type != LUA_TNIL)
    luaL_error(L, "field '%s' of a wait: table expected, got %s", key,
               luaL_typename(L, -1));
  lua_Integer n = type == LUA_TNIL ? 0 : (lua_Integer)lua_rawlen(L, -1);
  lua_pop(L, 1);
  return n;
}

/* Put the descriptors of the description on the top behind the others. */
static void take_fds(lua_State *L, Waits *w, const char *key, short events,
                     lua_Integer room)
{
  lua_Integer n = count_of(L, key);
  if (n > room - w->n) luaL_error(L, "a list of waits has changed");
  if (n == 0) return;
  lua_getfield(L, -1, key);
  for (lua_Integer k = 1; k <= n; k++) {
    int good;
    lua_rawgeti(L, -1, k);
    lua_Integer fd = lua_tointegerx(L, -1, &good);
    if (!good || fd < 0 || fd > INT_MAX)
      luaL_error(L, "field '%s' of a wait: not a descriptor", key);
    w->fds[w->n++] = (struct pollfd){.fd = (int)fd, .events = events};
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static uint64_t to_ns(lua_Number seconds)
{
  if (!(seconds > 0)) return 0;
  return seconds < 1.8e10 ? (uint64_t)(seconds * 1e9) : UINT64_MAX;
}

/* The moment at which the description on the top is due by itself: 0 if it names a time
   that is not the system's; UINT64_MAX if it names none. */
static uint64_t due_at(lua_State *L)
{
  bool timed = lua_getfield(L, -1, "timeout") != LUA_TNIL;
  int type = lua_getfield(L, -2, "deadline");
  uint64_t at = type == LUA_TNUMBER ? to_ns(lua_tonumber(L, -1)) : timed ? 0 : UINT64_MAX;
  if (type != LUA_TNUMBER && type != LUA_TNIL)
    luaL_error(L, "field 'deadline' of a wait: number expected, got %s",
               luaL_typename(L, -1));
  lua_pop(L, 2);
  return at;
}

static void push_wait(lua_State *L, lua_Integer k)
{
  if (lua_rawgeti(L, 1, k) != LUA_TTABLE)
    luaL_error(L, "a wait: table expected, got %s", luaL_typename(L, -1));
}

/* Once, until `until`: as ppoll. */
static int wait_once(Store *s, Waits *w, uint64_t until)
{
  int event = lw_store_event_begin(s), ready = 0;
  uint64_t now = lw_os_now_ns(), ns = until > now ? until - now : 0;
  if (event < 0 && ns > SLICE_NS) ns = SLICE_NS;
  struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
  w->fds[w->n] = (struct pollfd){.fd = event, .events = POLLIN};
  if (!lw_store_wants_end(s))
    ready = ppoll(w->fds, (nfds_t)w->n + 1, until == UINT64_MAX && event >= 0 ? NULL : &t,
                  NULL);
  int kept = errno;
  lw_store_event_end(s);
  errno = kept;
  return ready > 0 && w->fds[w->n].revents ? ready - 1 : ready;
}

/* Push an array of the descriptions that are due; how many. */
static lua_Integer push_due(lua_State *L, const Waits *w, lua_Integer n)
{
  uint64_t now = lw_os_now_ns();
  lua_Integer found = 0, at = 0;
  lua_newtable(L);
  int list = lua_gettop(L);
  for (lua_Integer k = 1; k <= n; k++) {
    push_wait(L, k);
    lua_Integer end = at + count_of(L, "read") + count_of(L, "write");
    bool due = due_at(L) <= now;
    if (end > w->n) luaL_error(L, "a list of waits has changed");
    for (; at < end; at++)
      due = due || w->fds[at].revents;
    if (due)
      lua_rawseti(L, list, ++found);
    else
      lua_pop(L, 1);
  }
  return found;
}

/* wasm.wait(list [, seconds]) -> those of the list that are due: at least one, unless the
   seconds have passed or something else has ended the wait */
static int wait(lua_State *L)
{
  Store *s = lw_state(L)->store;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1), room = 0;
  uint64_t now = lw_os_now_ns(), until = UINT64_MAX;
  if (!lua_isnoneornil(L, 2)) {
    uint64_t ns = to_ns(luaL_checknumber(L, 2));
    until = ns < UINT64_MAX - now ? now + ns : UINT64_MAX;
  }
  lua_settop(L, 1);
  for (lua_Integer k = 1; k <= n; k++, lua_settop(L, 1)) {
    push_wait(L, k);
    room += count_of(L, "read") + count_of(L, "write");
    if (room > INT_MAX / 16) luaL_error(L, "too many descriptors");
  }
  Waits w = {.fds = lua_newuserdatauv(L, ((size_t)room + 1) * sizeof *w.fds, 0)};
  for (lua_Integer k = 1; k <= n; k++, lua_settop(L, 2)) {
    push_wait(L, k);
    take_fds(L, &w, "read", POLLIN, room);
    take_fds(L, &w, "write", POLLOUT, room);
    uint64_t at = due_at(L);
    if (at < until) until = at;
  }
  while (n > 0 || until != UINT64_MAX) {
    int ready = wait_once(s, &w, until);
    if (ready < 0 && errno != EINTR) return luaL_error(L, "the system cannot wait");
    if (ready < 0)
      for (lua_Integer k = 0; k < w.n; k++)
        w.fds[k].revents = 0;
    bool over = lw_os_now_ns() >= until || lw_store_wants_end(s);
    if (push_due(L, &w, n) > 0 || over || (ready < 0 && lua_gethook(L))) return 1;
    lua_settop(L, 2);
  }
  lua_newtable(L); /* for ever for nothing: better not at all */
  return 1;
}

static const luaL_Reg functions[] = {
  {"wait", wait},
  {NULL,   NULL},
};

void lw_open_wait(lua_State *L)
{
  lw_add_functions(L, functions);
}

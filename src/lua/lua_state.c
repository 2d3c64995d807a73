/*
** lua_state.c -- what one Lua state has once: the Store, the weak tables, the boxes.
**
** The State userdata is made before every other, and lua_close runs finalizers in
** reverse order of making, so it comes last. Boxes made by a finalizer during lua_close
** get no finalizer of their own any more; State finds them, as all boxes that Lua has not
** freed yet, among the weak keys of a table, and releases them. What is left in
** State.owned then is of boxes that Lua freed without a finalizer.
** Invariant: the registry keeps nothing alive but the State, metatables, and the frames
** (plain strings and numbers) of the last trace.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rt/object.h"

/* Addresses are the keys in the registry. */
static const char state_key, boxes_key, weak_keys[WEAK__MAX], metatable_keys[KIND__MAX];
static const char method_keys[KIND__MAX];

/* Tell Lua's collector after so much; small enough that garbage of two rounds fits
   wherever one such heap does. */
enum { REPORT_BYTES = 32 << 20 };

State *lw_state_find(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
  State *st = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return st;
}

Store *lw_store(lua_State *L, State *st)
{
  if (!st->store) lw_raise(L, LW_CLOSED, "the Lua state is closing");
  return st->store;
}

/* ---- what boxes own ---- */

static bool owns(Kind kind)
{
  return kind != KIND_FUNC && kind != KIND_VIEW;
}

static Owned *owned_new(lua_State *L, State *st)
{
  lw_store(L, st);
  Owned *o = calloc(1, sizeof *o);
  if (!o) lw_raise(L, LW_NOMEM, "out of memory for a handle");
  o->next = st->owned;
  if (o->next) o->next->prev = o;
  st->owned = o;
  return o;
}

static void owned_give_back(Owned *o)
{
  void *thing = o->thing;
  o->thing = NULL;
  if (thing) o->give_back(thing);
}

static void owned_free(State *st, Owned *o)
{
  assert(!o->thing);
  if (o->prev)
    o->prev->next = o->next;
  else
    st->owned = o->next;
  if (o->next) o->next->prev = o->prev;
  free(o);
}

void lw_own(Handle *h, void *thing, void (*give_back)(void *), void (*forget)(Handle *))
{
  Owned *o = h->owned;
  assert(o && !o->thing && thing && give_back && forget && !h->forget);
  o->thing = thing;
  o->give_back = give_back;
  h->forget = forget;
}

void lw_release(Handle *h)
{
  void (*forget)(Handle *) = h->forget;
  if (!forget) return;
  assert(h->owned && h->owned->thing);
  h->forget = NULL;
  forget(h);
  owned_give_back(h->owned);
}

int lw_box_gc(lua_State *L)
{
  Handle *h = lua_touserdata(L, 1);
  lw_release(h);
  if (h->owned) owned_free(h->state, h->owned);
  h->owned = NULL;
  return 0;
}

/* ---- the State ---- */

/* The boxes that there still are: an older object's finalizer may yet use them. */
static void release_boxes(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &boxes_key);
  assert(lua_istable(L, -1));
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    Handle *h = lua_touserdata(L, -2);
    lw_release(h);
    h->owned = NULL;
  }
  lua_pop(L, 1);
}

static int state_gc(lua_State *L)
{
  State *st = lua_touserdata(L, 1);
  assert(st);
  if (!st->store) return 0; /* never made */
  release_boxes(L);
  for (Owned *o = st->owned, *next; o; o = next) {
    next = o->next;
    owned_give_back(o);
    free(o);
  }
  st->owned = NULL;
  lw_store_free(st->store);
  st->store = NULL;
  if (st->pin) lw_handle_free(st->pin);
  st->pin = NULL;
  return 0;
}

static void make_weak_tables(lua_State *L)
{
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k"); /* a key stays until its userdata is freed, finalized or not */
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &boxes_key);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  for (int i = 0; i < WEAK__MAX; i++) {
    lua_newtable(L);
    lua_pushvalue(L, -2);
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &weak_keys[i]);
  }
  lua_pop(L, 1);
}

State *lw_state_open(lua_State *L)
{
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key) == LUA_TUSERDATA)
    return lua_touserdata(L, -1);
  lua_pop(L, 1);
  State *st = lua_newuserdatauv(L, sizeof *st, 0);
  *st = (State){0};
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  st->main = lua_tothread(L, -1);
  lua_pop(L, 1);
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  make_weak_tables(L);
  Err err = {.at = ERR_NOWHERE};
  st->store = lw_store_new(&err);
  if (!st->store) luaL_error(L, "%s", err.msg);
  st->pin = lw_handle_new(st->store, 0);
  if (!st->pin) luaL_error(L, "out of memory for the state of the engine");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
  return st;
}

void lw_open_kind(lua_State *L, Kind kind, const char *name, const luaL_Reg *meta,
                  const luaL_Reg *methods)
{
  State *st = lua_touserdata(L, -1);
  int state = lua_gettop(L);
  assert(st && kind < KIND__MAX && !st->metatables[kind]);
  lua_newtable(L); /* the metatable */
  lua_newtable(L); /* the methods */
  lua_pushvalue(L, state);
  luaL_setfuncs(L, methods, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &method_keys[kind]);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__index");
  for (const luaL_Reg *r = meta; r->name; r++) {
    lua_pushvalue(L, state);
    lua_pushvalue(L, state + 2);
    lua_pushcclosure(L, r->func, 2);
    lua_setfield(L, state + 1, r->name);
  }
  lua_pop(L, 1);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  st->metatables[kind] = lua_topointer(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
  assert(lua_gettop(L) == state);
}

void lw_push_methods(lua_State *L, Kind kind)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &method_keys[kind]);
  assert(lua_istable(L, -1));
}

void *lw_new_box(lua_State *L, State *st, Kind kind, size_t size, int nuvalues)
{
  assert(size >= sizeof(Handle) && st->metatables[kind]);
  Handle *h = lua_newuserdatauv(L, size, nuvalues);
  memset(h, 0, size);
  h->state = st;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_keys[kind]);
  lua_setmetatable(L, -2);
  if (!owns(kind)) return h;
  h->owned = owned_new(L, st);
  if (kind == KIND_HELD) return h; /* no Lua code ever sees one */
  lua_rawgetp(L, LUA_REGISTRYINDEX, &boxes_key);
  lua_pushvalue(L, -2);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return h;
}

/* Comparing the metatable's address saves the registry lookup of luaL_checkudata: 6 ns
   instead of 20. */
void *lw_test(lua_State *L, const State *st, int arg, Kind kind)
{
  if (lua_type(L, arg) != LUA_TUSERDATA || !lua_getmetatable(L, arg)) return NULL;
  const void *metatable = lua_topointer(L, -1);
  lua_pop(L, 1);
  return metatable == st->metatables[kind] ? lua_touserdata(L, arg) : NULL;
}

void *lw_check(lua_State *L, int arg, Kind kind, const char *name)
{
  void *box = lw_test(L, lw_state(L), arg, kind);
  if (!box) luaL_typeerror(L, arg, name);
  return box;
}

void lw_push_weak(lua_State *L, Weak which)
{
  assert(which < WEAK__MAX);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &weak_keys[which]);
  assert(lua_istable(L, -1));
}

bool lw_weak_get(lua_State *L, Weak which, const void *p)
{
  lw_push_weak(L, which);
  if (lua_rawgetp(L, -1, p) == LUA_TNIL) {
    lua_pop(L, 2);
    return false;
  }
  lua_remove(L, -2);
  return true;
}

void lw_weak_set(lua_State *L, Weak which, const void *p, int index)
{
  index = lua_absindex(L, index);
  assert(p && !lua_isnil(L, index));
  lw_push_weak(L, which);
  lua_pushvalue(L, index);
  lua_rawsetp(L, -2, p);
  lua_pop(L, 1);
}

void lw_hold(lua_State *L, int owner, int value)
{
  owner = lua_absindex(L, owner);
  value = lua_absindex(L, value);
  assert(lua_isuserdata(L, owner) && lua_isuserdata(L, value));
  if (lua_getiuservalue(L, owner, UV_HOLDS) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, owner, UV_HOLDS);
  }
  lua_pushvalue(L, value);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void lw_unhold(lua_State *L, int owner, int value)
{
  value = lua_absindex(L, value);
  if (lua_getiuservalue(L, owner, UV_HOLDS) == LUA_TTABLE) {
    lua_pushvalue(L, value);
    lua_pushnil(L);
    lua_rawset(L, -3);
  }
  lua_pop(L, 1);
}

void lw_unaccount(State *st, uint64_t bytes)
{
  st->unreported = bytes < st->unreported ? st->unreported - bytes : 0;
}

void lw_account(lua_State *L, State *st, uint64_t bytes)
{
  st->unreported += bytes;
  if (st->unreported < REPORT_BYTES) return;
  uint64_t kib = st->unreported / 1024;
  st->unreported = 0;
  /* -1 inside a finalizer, where the collector may not be asked: then later */
  if (lua_gc(L, LUA_GCSTEP, kib < INT_MAX / 2048 ? (int)kib : INT_MAX / 2048) < 0)
    st->unreported = bytes;
}

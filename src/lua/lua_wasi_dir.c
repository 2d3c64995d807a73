/*
** lua_wasi_dir.c -- directories of WASI programs that are Lua functions.
**
** Each function gets paths and does one thing (README); how the calls of WASI come
** down to them is src/wasi/served.c. A function says that it cannot by a second
** result, the name of an errno.
** Layer: lua.
*/
#include <assert.h>
#include <string.h>

#include "lua/wasi.h"
#include "wasi/wasi.h"

static const char *const names[] = {
  [DIR_STAT] = "stat",     [DIR_LIST] = "list",         [DIR_READ] = "read",
  [DIR_WRITE] = "write",   [DIR_TRUNCATE] = "truncate", [DIR_MKDIR] = "mkdir",
  [DIR_REMOVE] = "remove", [DIR_RENAME] = "rename",
};
enum { NAMES = sizeof names / sizeof *names };

/* ---- the option ---- */

bool lw_wasi_is_served(lua_State *L)
{
  bool served = lua_getfield(L, -1, names[DIR_STAT]) == LUA_TFUNCTION;
  lua_pop(L, 1);
  return served;
}

static int call_of(const char *name)
{
  int n = 0;
  while (n < NAMES && strcmp(names[n], name) != 0)
    n++;
  return n;
}

/* A table of its own, so that nobody changes it: the functions by their numbers. */
void lw_wasi_take_served(lua_State *L, int box, const char *name)
{
  int from = lua_gettop(L);
  uint32_t can = 0;
  bool read_only = false;
  lua_createtable(L, NAMES, 0);
  for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
    int call = call_of(key);
    if (strcmp(key, "read_only") == 0 && lua_isboolean(L, -1)) {
      read_only = lua_toboolean(L, -1);
      continue;
    }
    if (call == NAMES || !lua_isfunction(L, -1))
      lw_misuse(L, "option 'dirs': '%s' is no function of a directory", key);
    can |= 1u << call;
    lua_pushvalue(L, -1);
    lua_rawseti(L, from + 1, call);
  }
  int number =
    lw_wasi_add_served(((WasiBox *)lua_touserdata(L, box))->w, name, read_only, can);
  if (number < 0) lw_raise(L, LW_NOMEM, "out of memory for a WASI program");
  lua_getiuservalue(L, box, UV_WASI_ASKED);
  lua_insert(L, -2);
  lua_rawseti(L, -2, ASKED_DIRS + number);
  lua_pop(L, 1);
}

/* ---- questions ---- */

int lw_wasi_ask_dir(lua_State *L, const Activation *a, NativeAsk *ask)
{
  const char *path = ask->owned;
  bool create = ask->how == DIR_CREATE;
  lua_rawgeti(L, -1, create ? DIR_WRITE : (int)ask->how);
  assert(lua_isfunction(L, -1));
  lua_pushstring(L, path);
  switch ((DirCall)ask->how) {
  case DIR_READ:
    lua_pushinteger(L, (lua_Integer)ask->number);
    lua_pushinteger(L, (lua_Integer)ask->size);
    return 3;
  case DIR_WRITE: {
    luaL_Buffer b;
    lua_pushinteger(L, (lua_Integer)ask->number);
    char *to = luaL_buffinitsize(L, &b, ask->size);
    ask->size = lw_wasi_gather(a, to, ask->size);
    luaL_pushresultsize(&b, ask->size);
    return 3;
  }
  case DIR_CREATE:
    lua_pushinteger(L, 0);
    lua_pushliteral(L, "");
    return 3;
  case DIR_TRUNCATE: lua_pushinteger(L, (lua_Integer)ask->number); return 2;
  case DIR_RENAME: lua_pushstring(L, path + strlen(path) + 1); return 2;
  default: return 1;
  }
}

/* ---- answers ---- */

/* The errno of that name; io where there is none. */
static void fail(NativeAsk *ask, const char *name)
{
  ask->failed = true;
  ask->number = lw_wasi_errno(name);
}

/* kind, size, time in seconds; nil: there is nothing of that name */
static bool take_stat(lua_State *L, NativeAsk *ask, int at)
{
  static const char *const kinds[] = {"file", "directory"};
  if (!lua_toboolean(L, at)) {
    fail(ask, "noent");
    return true;
  }
  const char *kind = lua_type(L, at) == LUA_TSTRING ? lua_tostring(L, at) : "";
  lua_Integer size = 0;
  lua_Number time = lua_type(L, at + 2) == LUA_TNUMBER ? lua_tonumber(L, at + 2) : 0;
  int integer = 1;
  if (!lua_isnil(L, at + 1)) size = lua_tointegerx(L, at + 1, &integer);
  if (strcmp(kind, kinds[0]) != 0 && strcmp(kind, kinds[1]) != 0) return false;
  if (!integer || size < 0 || !(time >= 0 && time < 1.8e10)) return false;
  ask->which = strcmp(kind, kinds[1]) == 0 ? DIR_IS_DIR : DIR_IS_FILE;
  ask->number = (uint64_t)size;
  ask->more = (uint64_t)(time * 1e9);
  return true;
}

static bool good_name(const char *name, size_t size)
{
  if (size == 0 || size > 255 || strlen(name) != size || strchr(name, '/')) return false;
  return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* An array of names, those of directories with a slash: put the bytes in its place. */
static bool take_list(lua_State *L, NativeAsk *ask, int at)
{
  luaL_Buffer b;
  char entry[1 + 255 + 1];
  if (!lua_istable(L, at)) return false;
  lua_Integer n = (lua_Integer)lua_rawlen(L, at);
  luaL_buffinit(L, &b);
  for (lua_Integer k = 1; k <= n; k++) {
    size_t size = 0;
    const char *name = lua_rawgeti(L, at, k) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (name) size = lua_rawlen(L, -1);
    bool dir = size > 0 && name[size - 1] == '/';
    if (dir) size--;
    if (!name || size > 255) return false;
    memcpy(entry + 1, name, size);
    entry[size + 1] = '\0';
    lua_pop(L, 1);
    if (!good_name(entry + 1, size)) return false;
    entry[0] = dir ? DIR_IS_DIR : DIR_IS_FILE;
    luaL_addlstring(&b, entry, size + 2);
  }
  luaL_pushresult(&b);
  lua_replace(L, at);
  ask->bytes = lua_tolstring(L, at, &ask->size);
  return true;
}

void lw_wasi_answer_dir(lua_State *L, NativeAsk *ask, int at)
{
  bool good = true;
  if (!lua_toboolean(L, at) && lua_type(L, at + 1) == LUA_TSTRING) {
    fail(ask, lua_tostring(L, at + 1));
    return;
  }
  switch ((DirCall)ask->how) {
  case DIR_STAT: good = take_stat(L, ask, at); break;
  case DIR_LIST:
    if (lua_toboolean(L, at))
      good = take_list(L, ask, at);
    else
      fail(ask, "noent");
    break;
  case DIR_READ:
    ask->size = 0;
    if (lua_type(L, at) == LUA_TSTRING)
      ask->bytes = lua_tolstring(L, at, &ask->size);
    else
      good = !lua_toboolean(L, at); /* nil: the end */
    break;
  default: break;
  }
  if (!good) fail(ask, "io");
}

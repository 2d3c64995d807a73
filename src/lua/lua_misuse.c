/*
** lua_misuse.c -- what a caller did wrong, at his place; what he may have meant.
**
** luaL_error gives the position of whoever called the C function. Where that is Lua of
** the library itself, as in wasm.compile, the caller is further out: functions of the
** library's own files are left out. core.own() tells where those lie.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char own_key; /* registry: "@/usr/share/lua/5.4/wasm/" */

/* core.own(): the file of the caller and those beside and below it are the library's. */
static int misuse_own(lua_State *L)
{
  lua_Debug ar;
  if (!lua_getstack(L, 1, &ar) || !lua_getinfo(L, "S", &ar)) return 0;
  const char *end = ar.source[0] == '@' ? strrchr(ar.source, '/') : NULL;
  if (!end) return 0;
  lua_pushlstring(L, ar.source, (size_t)(end + 1 - ar.source));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &own_key);
  return 0;
}

void lw_where(lua_State *L)
{
  lua_Debug ar;
  size_t len = 0;
  luaL_checkstack(L, 4, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_key);
  const char *own = lua_tolstring(L, -1, &len);
  bool inside = false; /* the C function was called by the library */
  for (int level = 1; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (own && strncmp(ar.source, own, len) == 0) {
      inside = true;
      continue;
    }
    if (ar.currentline <= 0 && inside) continue; /* pcall(wasm.compile, 5) */
    if (ar.currentline <= 0) break;
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
    lua_remove(L, -2);
    return;
  }
  lua_pop(L, 1);
  lua_pushliteral(L, "");
}

int lw_misuse(lua_State *L, const char *fmt, ...)
{
  va_list args;
  lw_where(L);
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  lua_concat(L, 2);
  lua_error(L);
  __builtin_unreachable();
}

/* core.misuse(message): error() with the position of whoever called the library */
static int misuse_raise(lua_State *L)
{
  lw_misuse(L, "%s", luaL_checkstring(L, 1));
}

/* ---- what was meant ---- */

enum { WORD_MAX = 40 };

/* How many letters have to be put in, left out or replaced to make `b` of `a`. */
static size_t distance(const char *a, const char *b)
{
  size_t row[WORD_MAX + 1], n = strlen(b);
  assert(strlen(a) <= WORD_MAX && n <= WORD_MAX);
  for (size_t j = 0; j <= n; j++)
    row[j] = j;
  for (size_t i = 1; a[i - 1]; i++) {
    size_t corner = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t least = corner + (a[i - 1] != b[j - 1]);
      corner = row[j];
      if (row[j] + 1 < least) least = row[j] + 1;
      if (row[j - 1] + 1 < least) least = row[j - 1] + 1;
      row[j] = least;
    }
  }
  return row[n];
}

bool lw_nearer(const char *word, const char *candidate, size_t *least)
{
  size_t a = strlen(word), b = strlen(candidate);
  if (a > WORD_MAX || b > WORD_MAX) return false;
  size_t d = distance(word, candidate), shorter = a < b ? a : b;
  if (d > 2 && shorter >= 3 && strncmp(word, candidate, shorter) == 0) d = 2;
  if (d >= *least || d >= a) return false;
  *least = d;
  return true;
}

/* core.nearest(word, words) -> the one that was meant by a misspelt word, or nil */
static int misuse_nearest(lua_State *L)
{
  size_t least = NEAR;
  const char *word = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_pushnil(L);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  for (lua_Integer k = 1; k <= n; k++) {
    lua_rawgeti(L, 2, k);
    if (lua_type(L, 4) == LUA_TSTRING && lw_nearer(word, lua_tostring(L, 4), &least))
      lua_replace(L, 3);
    lua_settop(L, 3);
  }
  return 1;
}

static const luaL_Reg functions[] = {
  {"own",     misuse_own    },
  {"misuse",  misuse_raise  },
  {"nearest", misuse_nearest},
  {NULL,      NULL          },
};

void lw_open_misuse(lua_State *L)
{
  lw_add_functions(L, functions);
}

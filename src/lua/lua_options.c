/*
** lua_options.c -- tables of options: strict about keys, generous about sizes.
**
** An option that is misspelt or belongs to another function is an error, never ignored.
** All of these raise; none owns anything.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

void lw_check_options(lua_State *L, int arg, const char *what, const char *const *known)
{
  if (lua_isnoneornil(L, arg)) return;
  luaL_checktype(L, arg, LUA_TTABLE);
  assert(arg > 0 && what);
  for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
    const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
    const char *const *k = known;
    while (key && *k && strcmp(*k, key) != 0)
      k++;
    if (key && *k) continue;
    luaL_tolstring(L, -2, NULL);
    luaL_error(L, "unknown option '%s' to '%s'", lua_tostring(L, -1), what);
  }
}

/* Push the option; false (nothing pushed) when there is none. */
static bool option(lua_State *L, int arg, const char *key)
{
  if (!lua_istable(L, arg)) return false;
  lua_getfield(L, arg, key);
  if (!lua_isnil(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

static int wrong(lua_State *L, const char *key, const char *wanted)
{
  return luaL_error(L, "option '%s': %s expected, got %s", key, wanted,
                    luaL_typename(L, -1));
}

bool lw_opt_bool(lua_State *L, int arg, const char *key, bool or_else)
{
  if (!option(L, arg, key)) return or_else;
  if (!lua_isboolean(L, -1)) wrong(L, key, "boolean");
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

const char *lw_opt_string(lua_State *L, int arg, const char *key)
{
  if (!option(L, arg, key)) {
    lua_pushnil(L);
    return NULL;
  }
  if (lua_type(L, -1) != LUA_TSTRING) wrong(L, key, "string");
  return lua_tostring(L, -1);
}

int lw_opt_choice(lua_State *L, int arg, const char *key, const char *const *list,
                  int or_else)
{
  const char *value = lw_opt_string(L, arg, key);
  int found = or_else;
  assert(list[0] && or_else >= 0);
  if (value) {
    for (found = 0; list[found] && strcmp(list[found], value) != 0;)
      found++;
    if (!list[found]) luaL_error(L, "option '%s': invalid value '%s'", key, value);
  }
  lua_pop(L, 1);
  return found;
}

uint64_t lw_opt_count(lua_State *L, int arg, const char *key, uint64_t or_else,
                      uint64_t max)
{
  if (!option(L, arg, key)) return or_else;
  int exact;
  lua_Integer value = lua_tointegerx(L, -1, &exact);
  if (lua_type(L, -1) != LUA_TNUMBER || !exact) wrong(L, key, "integer");
  if (value < 0 || (uint64_t)value > max)
    luaL_error(L, "option '%s': %I is out of range", key, (LUAI_UACINT)value);
  lua_pop(L, 1);
  return (uint64_t)value;
}

uint64_t lw_opt_seconds(lua_State *L, int arg, const char *key)
{
  if (!option(L, arg, key)) return 0;
  if (lua_type(L, -1) != LUA_TNUMBER) wrong(L, key, "number");
  lua_Number seconds = lua_tonumber(L, -1);
  if (!(seconds > 0 && seconds <= 1e9))
    luaL_error(L, "option '%s': %f is out of range", key, (LUAI_UACNUMBER)seconds);
  lua_pop(L, 1);
  uint64_t ns = (uint64_t)(seconds * 1e9);
  return ns ? ns : 1;
}

static uint64_t unit_of(const char *text)
{
  static const struct {
    const char *name;
    uint64_t bytes;
  } units[] = {
    {"",    1                },
    {"B",   1                },
    {"KiB", 1024             },
    {"MiB", 1 << 20          },
    {"GiB", (uint64_t)1 << 30},
    {"KB",  1000             },
    {"MB",  1000000          },
    {"GB",  1000000000       },
  };
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(units[i].name, text) == 0) return units[i].bytes;
  return 0;
}

/* "64MiB" -> bytes; 0 when it is no size. */
static uint64_t size_of_text(const char *text)
{
  uint64_t value = 0;
  int digits = 0;
  for (; isdigit((unsigned char)*text) && digits < 15; text++, digits++)
    value = value * 10 + (uint64_t)(*text - '0');
  while (*text == ' ')
    text++;
  uint64_t unit = digits ? unit_of(text) : 0;
  return unit && value <= (UINT64_MAX >> 1) / unit ? value * unit : 0;
}

uint64_t lw_opt_size(lua_State *L, int arg, const char *key, uint64_t or_else)
{
  if (!option(L, arg, key)) return or_else;
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    return lw_opt_count(L, arg, key, or_else, (uint64_t)1 << 62);
  }
  uint64_t size = size_of_text(lua_tostring(L, -1));
  if (!size) luaL_error(L, "option '%s': '%s' is no size", key, lua_tostring(L, -1));
  lua_pop(L, 1);
  return size;
}

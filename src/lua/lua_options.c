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

enum { OPTIONS_MOST = 20 };

/* Push "'a', 'b' or 'c'". */
static const char *push_list(lua_State *L, const char *const *list)
{
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (size_t k = 0; list[k]; k++) {
    if (k) luaL_addstring(&b, list[k + 1] ? ", " : " or ");
    luaL_addchar(&b, '\'');
    luaL_addstring(&b, list[k]);
    luaL_addchar(&b, '\'');
  }
  luaL_pushresult(&b);
  return lua_tostring(L, -1);
}

static void unknown(lua_State *L, const char *key, const char *what,
                    const char *const *known)
{
  size_t least = NEAR;
  const char *meant = NULL;
  for (const char *const *k = known; *k; k++)
    if (lw_nearer(key, *k, &least)) meant = *k;
  if (meant)
    lw_misuse(L, "unknown option '%s' to '%s'; did you mean '%s'?", key, what, meant);
  lw_misuse(L, "unknown option '%s' to '%s' (%s expected)", key, what,
            push_list(L, known));
}

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
    unknown(L, luaL_tolstring(L, -2, NULL), what, known);
  }
}

/*
** core.check_options(opts, position, what, names): nil or a table with no other keys, for
** functions of the Lua layer; `position` is that of the argument
*/
static int options_check(lua_State *L)
{
  const char *names[OPTIONS_MOST + 1], *what = luaL_checkstring(L, 3);
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  if (!lua_isnil(L, 1) && !lua_istable(L, 1))
    lw_misuse(L, "bad argument #%d to '%s' (table expected, got %s)",
              (int)luaL_checkinteger(L, 2), what, luaL_typename(L, 1));
  lua_Integer n = (lua_Integer)lua_rawlen(L, 4);
  luaL_argcheck(L, n <= OPTIONS_MOST, 4, "too many options");
  luaL_checkstack(L, OPTIONS_MOST + LUA_MINSTACK, NULL);
  for (lua_Integer k = 1; k <= n; k++) {
    lua_rawgeti(L, 4, k); /* stays on the stack */
    names[k - 1] = luaL_checkstring(L, -1);
  }
  names[n] = NULL;
  lw_check_options(L, 1, what, names);
  return 0;
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
  return lw_misuse(L, "option '%s': %s expected, got %s", key, wanted,
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
  int found = 0;
  assert(list[0] && or_else >= 0);
  if (!option(L, arg, key)) return or_else;
  const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  while (list[found] && !(value && strcmp(list[found], value) == 0))
    found++;
  if (!list[found]) {
    const char *given = luaL_typename(L, -1), *wanted = push_list(L, list);
    if (value)
      lw_misuse(L, "option '%s': invalid value '%s' (%s expected)", key, value, wanted);
    lw_misuse(L, "option '%s': %s expected, got %s", key, wanted, given);
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
    lw_misuse(L, "option '%s': %I is out of range", key, (LUAI_UACINT)value);
  lua_pop(L, 1);
  return (uint64_t)value;
}

uint64_t lw_opt_seconds(lua_State *L, int arg, const char *key)
{
  if (!option(L, arg, key)) return 0;
  if (lua_type(L, -1) != LUA_TNUMBER) wrong(L, key, "number");
  lua_Number seconds = lua_tonumber(L, -1);
  if (!(seconds > 0 && seconds <= 1e9))
    lw_misuse(L, "option '%s': %f is out of range (seconds, more than 0)", key,
              (LUAI_UACNUMBER)seconds);
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
    {"K",   1024             },
    {"M",   1 << 20          },
    {"G",   (uint64_t)1 << 30},
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

/* "64MiB" -> bytes; false when it is no size. */
static bool size_of_text(const char *text, uint64_t *size)
{
  uint64_t value = 0;
  int digits = 0;
  for (; isdigit((unsigned char)*text) && digits < 15; text++, digits++)
    value = value * 10 + (uint64_t)(*text - '0');
  while (*text == ' ')
    text++;
  uint64_t unit = digits ? unit_of(text) : 0;
  if (!unit || value > ((uint64_t)1 << 62) / unit) return false;
  *size = value * unit;
  return true;
}

bool lw_to_size(lua_State *L, int arg, uint64_t *size)
{
  if (lua_type(L, arg) == LUA_TSTRING) return size_of_text(lua_tostring(L, arg), size);
  int exact;
  lua_Integer value = lua_tointegerx(L, arg, &exact);
  *size = (uint64_t)value;
  return exact && value >= 0 && value <= (lua_Integer)1 << 62;
}

uint64_t lw_opt_size(lua_State *L, int arg, const char *key, uint64_t or_else)
{
  if (!option(L, arg, key)) return or_else;
  if (lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    return lw_opt_count(L, arg, key, or_else, (uint64_t)1 << 62);
  }
  uint64_t size;
  const char *text = lua_tostring(L, -1);
  if (!size_of_text(text, &size))
    lw_misuse(L, "option '%s': '%s' is no size, such as 65536 or \"64MiB\"", key, text);
  lua_pop(L, 1);
  return size;
}

static const luaL_Reg functions[] = {
  {"check_options", options_check},
  {NULL,            NULL         },
};

void lw_open_options(lua_State *L)
{
  lw_add_functions(L, functions);
}

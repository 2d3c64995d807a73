/*
** lua_error.c -- wasm.error: what went wrong, as a table with fields.
**
** Fields: kind, message; offset (in the module's bytes), trap (the official suite's
** words), frames (innermost first), cause (the Lua value of a host function's error),
** and line, column where text was at fault. tostring() is the whole report.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char metatable_key;

void lw_push_error(lua_State *L, Status s, const char *message, uint64_t offset)
{
  assert(s != LW_OK && s < LW_STATUS__MAX && message);
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, 0, 4);
  lua_pushstring(L, lw_status_text(s));
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  if (offset != ERR_NOWHERE) {
    lua_pushinteger(L, (lua_Integer)offset);
    lua_setfield(L, -2, "offset");
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  lua_setmetatable(L, -2);
}

int lw_push_fail(lua_State *L, Status s, const Err *err)
{
  assert(err->msg[0] && "status.h: a failure has a sentence");
  lua_pushnil(L);
  lw_push_error(L, s, err->msg, err->at);
  return 2;
}

int lw_raise(lua_State *L, Status s, const char *fmt, ...)
{
  va_list args;
  luaL_checkstack(L, 8, NULL);
  lw_where(L);
  va_start(args, fmt);
  lua_pushvfstring(L, fmt, args);
  va_end(args);
  lua_concat(L, 2);
  lw_push_error(L, s, lua_tostring(L, -1), ERR_NOWHERE);
  lw_push_frames(L, NULL);
  lua_setfield(L, -2, "frames");
  lua_error(L);
  __builtin_unreachable();
}

bool lw_is_error(lua_State *L, int arg)
{
  if (lua_type(L, arg) != LUA_TTABLE || !lua_getmetatable(L, arg)) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  bool same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}

int lw_push_caught(lua_State *L)
{
  if (!lw_is_error(L, -1)) {
    if (lua_type(L, -1) == LUA_TSTRING)
      lw_push_error(L, LW_EXCEPTION, lua_tostring(L, -1), ERR_NOWHERE);
    else {
      lua_pushfstring(L, "a host function raised a %s value", luaL_typename(L, -1));
      lw_push_error(L, LW_EXCEPTION, lua_tostring(L, -1), ERR_NOWHERE);
      lua_remove(L, -2);
    }
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "cause");
    if (lw_trace_recall(L, -2)) lua_setfield(L, -2, "frames");
  }
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

/* C0, DEL, and C1 as UTF-8 has it; how many bytes. */
static size_t control(const char *s, const char *end, bool word)
{
  uint8_t c = (uint8_t)*s;
  if (c < 0x20) return word || (c != '\n' && c != '\t');
  if (c == 0x7f) return 1;
  return c == 0xc2 && end - s > 1 && (uint8_t)s[1] >= 0x80 && (uint8_t)s[1] < 0xa0 ? 2
                                                                                   : 0;
}

void lw_clean(lua_State *L, bool word)
{
  size_t size;
  char hex[8];
  const char *s = lua_tolstring(L, -1, &size), *end = s + size;
  while (s < end && !control(s, end, word))
    s++;
  if (s == end) return;
  luaL_checkstack(L, 4, NULL);
  int text = lua_gettop(L);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (s = lua_tostring(L, text); s < end;) {
    size_t n = control(s, end, word);
    if (n == 0) luaL_addchar(&b, *s++);
    for (; n > 0; n--) {
      snprintf(hex, sizeof hex, "\\x%02x", (uint8_t)*s++);
      luaL_addstring(&b, hex);
    }
  }
  luaL_pushresult(&b);
  lua_replace(L, text);
}

/* kind: message (at offset 0x1f); kind is left out where the message says it. */
static void add_headline(lua_State *L, luaL_Buffer *b)
{
  lua_getfield(L, 1, "kind");
  lua_getfield(L, 1, "message");
  const char *kind = lua_tostring(L, -2), *message = lua_tostring(L, -1);
  bool says_it = !kind || strcmp(kind, "closed") == 0 || strcmp(kind, "busy") == 0 ||
                 (message && strncmp(message, kind, strlen(kind)) == 0);
  luaL_buffinit(L, b);
  if (!says_it) {
    luaL_addstring(b, kind);
    luaL_addstring(b, ": ");
  }
  luaL_addstring(b, message ? message : "?");
}

static int error_tostring(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_getfield(L, 1, "text") == LUA_TSTRING) return 1;
  lua_settop(L, 1);
  bool has_frames = lua_getfield(L, 1, "frames") == LUA_TTABLE;
  bool has_offset = lua_getfield(L, 1, "offset") == LUA_TNUMBER;
  lua_Integer offset = lua_tointeger(L, -1);
  luaL_Buffer b;
  char where[40];
  add_headline(L, &b);
  if (has_offset && !has_frames) {
    snprintf(where, sizeof where, " (at offset 0x%llx)", (unsigned long long)offset);
    luaL_addstring(&b, where);
  }
  if (has_frames) {
    luaL_addchar(&b, '\n');
    lw_push_traceback(L, 2);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
  lw_clean(L, false);
  return 1;
}

/* core.error(fields) -> the same table as a wasm.error: for the Lua layer. */
static int error_new(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
  lua_setmetatable(L, 1);
  return 1;
}

static const luaL_Reg functions[] = {
  {"error", error_new},
  {NULL,    NULL     },
};

void lw_open_error(lua_State *L)
{
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, error_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "wasm.error");
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
  lw_add_functions(L, functions);
}

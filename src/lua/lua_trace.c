/*
** lua_trace.c -- one trace of Lua and wasm, interleaved.
**
** Walks Lua's own stack. A level that is one of our plain functions and has called out
** stands for the wasm frames of its activation, which are put in its place. The
** activation is found in the level's first stack slot (lua_call.c lays it out), so this
** works at any depth and in any coroutine.
** Frames hold strings and numbers only, so remembering the last trace keeps nothing
** alive.
** Layer: lua.
*/
#include "lua/bind.h"
#include "lua/call.h"

#include <assert.h>
#include <stdio.h>

enum { LEVELS = 60, WASM_FRAMES = 40 };

static const char frames_key, value_key;

static void set_name(lua_State *L, const char *key, Name name)
{
  if (name.len == 0) return;
  lua_pushlstring(L, name.text, name.len);
  lua_setfield(L, -2, key);
}

static void set_integer(lua_State *L, const char *key, lua_Integer value)
{
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}

static void set_string(lua_State *L, const char *key, const char *value)
{
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* Append the frames of `a` to the array on the top. */
static void add_activation(lua_State *L, const Activation *a)
{
  Frame frames[WASM_FRAMES];
  uint32_t total = lw_act_frames(a, frames, WASM_FRAMES);
  uint32_t n = total < WASM_FRAMES ? total : WASM_FRAMES;
  lua_Integer at = (lua_Integer)lua_rawlen(L, -1);
  assert(a->state == ACT_OUT || a->state == ACT_DEAD);
  for (uint32_t i = 0; i < n; i++) {
    const Frame *f = &frames[i];
    assert(f->module && f->func < f->module->nfuncs);
    lua_createtable(L, 0, 5);
    set_string(L, "kind", "wasm");
    set_name(L, "name", lw_module_func_name(f->module, f->func));
    set_name(L, "module", f->module->name);
    set_integer(L, "index", f->func);
    set_integer(L, "offset", f->where);
    if (i + 1 == n && total > n) set_integer(L, "skipped", total - n);
    lua_rawseti(L, -2, ++at);
  }
}

/* Append the Lua or C function of `ar` to the array on the top. */
static void add_lua_level(lua_State *L, lua_Debug *ar)
{
  lua_createtable(L, 0, 5);
  set_string(L, "kind", "lua");
  if (ar->name) set_string(L, "name", ar->name);
  set_string(L, "what", ar->what);
  set_string(L, "file", ar->short_src);
  if (ar->currentline > 0) set_integer(L, "line", ar->currentline);
  if (ar->linedefined > 0) set_integer(L, "defined", ar->linedefined);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

void lw_push_frames(lua_State *L, const Activation *top)
{
  lua_Debug ar;
  luaL_checkstack(L, 8, NULL);
  lua_newtable(L);
  if (top) add_activation(L, top);
  for (int level = 0; level < LEVELS && lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "nSlf", &ar);
    lua_CFunction f = lua_tocfunction(L, -1);
    lua_pop(L, 1);
    if (f == lw_trace_handler || f == lw_run_covered || (level == 0 && top)) continue;
    bool plain = f == lw_call_export || f == lw_call_bits;
    const Activation *a = plain ? lw_call_activation(L, &ar) : NULL;
    if (a)
      add_activation(L, a);
    else
      add_lua_level(L, &ar);
  }
  if (lua_getstack(L, LEVELS, &ar)) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "truncated");
  }
}

/* Push what the frame itself has: a script may have made it, with a metatable. */
static int get_raw(lua_State *L, int frame, const char *key)
{
  lua_pushstring(L, key);
  return lua_rawget(L, frame);
}

/* The text stays in the frame, so it must be a string already. */
static const char *get_string(lua_State *L, int frame, const char *key)
{
  bool is_text = get_raw(L, frame, key) == LUA_TSTRING;
  const char *text = is_text ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1);
  return text;
}

static lua_Integer get_integer(lua_State *L, int frame, const char *key)
{
  get_raw(L, frame, key);
  lua_Integer value = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return value;
}

/* Push a name, which is a guest's, or nil. */
static const char *push_word(lua_State *L, int frame, const char *key)
{
  if (lua_getfield(L, frame, key) == LUA_TSTRING) lw_clean(L, true);
  return lua_tostring(L, -1);
}

/* Push one line for the wasm frame on the top. */
static void push_wasm_line(lua_State *L, int frame)
{
  char offset[24];
  const char *name = push_word(L, frame, "name");
  const char *module = push_word(L, frame, "module");
  int index = (int)get_integer(L, frame, "index");
  lua_Integer skipped = get_integer(L, frame, "skipped");
  snprintf(offset, sizeof offset, "0x%llx", (long long)get_integer(L, frame, "offset"));
  if (name)
    lua_pushfstring(L, "\n\twasm: in function '%s' (", name);
  else
    lua_pushfstring(L, "\n\twasm: in function %d (", index);
  if (module)
    lua_pushfstring(L, "module '%s', function %d, offset %s)", module, index, offset);
  else
    lua_pushfstring(L, "function %d, offset %s)", index, offset);
  lua_concat(L, 2);
  if (skipped) {
    lua_pushfstring(L, "\n\t...\t(%I more wasm frames)", (LUAI_UACINT)skipped);
    lua_concat(L, 2);
  }
  lua_replace(L, frame + 1);
  lua_settop(L, frame + 1);
}

/* In the wording of Lua's own traceback. */
static void push_lua_line(lua_State *L, int frame)
{
  const char *name = get_string(L, frame, "name");
  const char *what = get_string(L, frame, "what");
  const char *file = get_string(L, frame, "file");
  lua_Integer line = get_integer(L, frame, "line");
  if (line)
    lua_pushfstring(L, "\n\t%s:%I: in ", file, (LUAI_UACINT)line);
  else
    lua_pushfstring(L, "\n\t%s: in ", file);
  if (name)
    lua_pushfstring(L, "function '%s'", name);
  else if (what && *what == 'm')
    lua_pushliteral(L, "main chunk");
  else if (what && *what != 'C')
    lua_pushfstring(L, "function <%s:%I>", file,
                    (LUAI_UACINT)get_integer(L, frame, "defined"));
  else
    lua_pushliteral(L, "?");
  lua_concat(L, 2);
}

void lw_push_traceback(lua_State *L, int arg)
{
  arg = lua_absindex(L, arg);
  luaL_checkstack(L, 8, NULL);
  lua_pushliteral(L, "stack traceback:");
  lua_Integer n = (lua_Integer)lua_rawlen(L, arg);
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, arg, i) == LUA_TTABLE) {
      int frame = lua_gettop(L);
      const char *kind = get_string(L, frame, "kind");
      if (kind && *kind == 'w')
        push_wasm_line(L, frame);
      else
        push_lua_line(L, frame);
      lua_remove(L, frame);
      lua_concat(L, 2);
    } else
      lua_pop(L, 1);
  }
  if (get_raw(L, arg, "truncated") != LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushliteral(L, "\n\t...");
    lua_concat(L, 2);
  } else
    lua_pop(L, 1);
}

void lw_trace_record(lua_State *L, State *st, int value)
{
  value = lua_absindex(L, value);
  assert(lua_istable(L, -1));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &frames_key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &value_key);
  lua_pushvalue(L, value);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 1);
  st->rethrown = true;
}

static bool is_recorded(lua_State *L, int value)
{
  value = lua_absindex(L, value);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &value_key);
  lua_rawgeti(L, -1, 1);
  bool same = lua_rawequal(L, -1, value);
  lua_pop(L, 2);
  return same;
}

bool lw_trace_recall(lua_State *L, int value)
{
  if (!is_recorded(L, value)) return false;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &frames_key) == LUA_TTABLE) return true;
  lua_pop(L, 1);
  return false;
}

/* An error that passes several wasm calls on its way out meets this handler in each of
   them; only the first one sees the whole stack. */
int lw_trace_handler(lua_State *L)
{
  State *st = lw_state_find(L);
  lua_settop(L, 1);
  bool again = st->rethrown && is_recorded(L, 1);
  if (!again) {
    lw_push_frames(L, NULL);
    lw_trace_record(L, st, 1);
  }
  lua_settop(L, 1);
  return 1;
}

/* wasm.traceback() -> string | nil: of the last error that crossed wasm. */
static int trace_back(lua_State *L)
{
  lua_settop(L, 0);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &frames_key) != LUA_TTABLE) return 0;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &value_key);
  lua_rawgeti(L, -1, 1);
  bool has_text = lua_type(L, -1) == LUA_TSTRING;
  if (lw_is_error(L, -1)) has_text = lua_getfield(L, -1, "message") == LUA_TSTRING;
  if (has_text) lua_pushliteral(L, "\n");
  lw_push_traceback(L, 1);
  if (has_text) lua_concat(L, 3);
  return 1;
}

static const luaL_Reg functions[] = {
  {"traceback", trace_back},
  {NULL,        NULL      },
};

void lw_open_trace(lua_State *L)
{
  lua_createtable(L, 1, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &value_key);
  lw_add_functions(L, functions);
}

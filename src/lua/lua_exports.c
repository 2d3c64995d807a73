/*
** lua_exports.c -- inst.exports: what an instance exports, as a read-only proxy.
**
** The proxy's __index is a plain table of the functions looked up so far, so a repeated
** look-up runs no C at all; a miss comes to `resolve`. Memories, tables and globals are
** not kept there: their handles may be closed and made anew.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>

void lw_push_export(lua_State *L, State *st, int inst, Instance *i, const Export *e)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  switch (e->kind) {
  case EXTERN_FUNC: lw_push_func(L, st, lw_instance_func(i, e->index)); break;
  case EXTERN_MEMORY:
    lw_push_memory(L, st, inst, i, lw_instance_memory(i, e->index));
    break;
  case EXTERN_TABLE: lw_push_table(L, st, inst, i, lw_instance_table(i, e->index)); break;
  case EXTERN_GLOBAL:
    lw_push_global(L, st, inst, i, lw_instance_global(i, e->index));
    break;
  case EXTERN_TAG: lw_push_tag(L, st, inst, i, lw_instance_tag(i, e->index)); break;
  default: lua_pushnil(L);
  }
}

/* Upvalues of resolve and next: State, instance, index (name -> number of the export). */
enum { UP_INSTANCE = 2, UP_INDEX = 3 };

static Instance *live_instance(lua_State *L)
{
  return lw_live_instance(L, lua_upvalueindex(UP_INSTANCE));
}

/* Push the value of export number n (from 1) of the closure's instance; its kind. */
static ExternKind push_nth(lua_State *L, lua_Integer n)
{
  Instance *i = live_instance(L);
  assert(n >= 1);
  if (n > i->module->nexports) luaL_error(L, "the instance was reloaded meanwhile");
  const Export *e = &i->module->exports[n - 1];
  ExternKind kind = e->kind;
  lua_pushvalue(L, lua_upvalueindex(UP_INSTANCE));
  lw_push_export(L, lw_state(L), lua_gettop(L), i, e);
  lua_remove(L, -2);
  return kind;
}

/* __index of the table of known functions */
static int exports_resolve(lua_State *L)
{
  live_instance(L);
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(UP_INDEX));
  lua_Integer n = lua_tointeger(L, -1);
  if (!n) {
    lua_pushnil(L);
    return 1;
  }
  if (push_nth(L, n) == EXTERN_FUNC) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  return 1;
}

static int exports_next(lua_State *L)
{
  Instance *i = live_instance(L);
  lua_Integer n = 0;
  lua_settop(L, 2);
  if (!lua_isnil(L, 2)) {
    lua_rawget(L, lua_upvalueindex(UP_INDEX));
    n = lua_tointeger(L, -1);
    if (!n) return luaL_error(L, "this is no export");
  }
  if (n >= i->module->nexports) return 0;
  const Export *e = &i->module->exports[n];
  lua_pushlstring(L, e->name.len ? e->name.text : "", e->name.len);
  push_nth(L, n + 1); /* a finalizer may have closed it just now */
  return 2;
}

/* __pairs: upvalue 1 is exports_next */
static int exports_pairs(lua_State *L)
{
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

static int exports_newindex(lua_State *L)
{
  return luaL_error(L, "the exports of an instance are read-only");
}

static int exports_tostring(lua_State *L)
{
  const InstanceBox *box = lua_touserdata(L, lua_upvalueindex(1));
  lua_pushfstring(L, "wasm.exports: %s", box->name ? box->name : "?");
  lw_clean(L, true);
  return 1;
}

void lw_push_export_index(lua_State *L, int inst)
{
  HeldCode *held = lw_new_held_code(L, lw_state(L));
  lw_hold_code(held, lw_live_instance(L, inst)->code);
  const Module *m = lw_code_module(held->code);
  lua_createtable(L, 0, (int)m->nexports);
  for (uint32_t i = 0; i < m->nexports; i++) {
    const Name *name = &m->exports[i].name;
    lua_pushlstring(L, name->len ? name->text : "", name->len);
    lua_pushinteger(L, (lua_Integer)i + 1);
    lua_rawset(L, -3);
  }
  lw_release(&held->h);
  lua_remove(L, -2);
}

static void push_with_upvalues(lua_State *L, lua_CFunction f, int inst, int index)
{
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, inst);
  lua_pushvalue(L, index);
  lua_pushcclosure(L, f, 3);
}

void lw_push_exports(lua_State *L, int inst)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lw_live_instance(L, inst);
  if (lua_getiuservalue(L, inst, UV_INSTANCE_EXPORTS) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lw_push_export_index(L, inst);
  int index = lua_gettop(L);
  lua_newtable(L); /* the proxy: always empty, so that every write is seen */
  lua_createtable(L, 0, 6);
  lua_newtable(L); /* functions known so far */
  lua_createtable(L, 0, 1);
  push_with_upvalues(L, exports_resolve, inst, index);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  push_with_upvalues(L, exports_next, inst, index);
  lua_pushcclosure(L, exports_pairs, 1);
  lua_setfield(L, -2, "__pairs");
  lua_pushcfunction(L, exports_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pushvalue(L, inst);
  lua_pushcclosure(L, exports_tostring, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "wasm.exports");
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_remove(L, index);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, inst, UV_INSTANCE_EXPORTS);
}

/* Nothing here allocates, but for the first look at a table. */
void lw_exports_renew(lua_State *L, int inst, int index)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int top = lua_gettop(L);
  if (lua_getiuservalue(L, inst, UV_INSTANCE_EXPORTS) == LUA_TTABLE) {
    lua_getmetatable(L, -1);
    int meta = lua_gettop(L);
    lua_getfield(L, meta, "__index"); /* the functions known so far */
    int known = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, known);) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, known);
    }
    lua_getmetatable(L, known);
    lua_getfield(L, -1, "__index"); /* exports_resolve */
    lua_pushvalue(L, index);
    lua_setupvalue(L, -2, UP_INDEX);
    lua_getfield(L, meta, "__pairs");
    lua_getupvalue(L, -1, 1); /* exports_next */
    lua_pushvalue(L, index);
    lua_setupvalue(L, -2, UP_INDEX);
  }
  lua_settop(L, top);
}

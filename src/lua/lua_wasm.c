/*
** lua_wasm.c -- luaopen_wasm_core: assembles the module table.
** The only symbol this shared object exports.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>

void lw_add_functions(lua_State *L, const luaL_Reg *functions)
{
  int state = lua_gettop(L);
  assert(lua_isuserdata(L, state) && lua_istable(L, state - 1));
  lua_pushvalue(L, state - 1);
  lua_pushvalue(L, state);
  luaL_setfuncs(L, functions, 1);
  lua_settop(L, state);
}

static const char core_key = 0; /* its address names the module table in the registry */

/* A Lua state has one core, however often package.loaded forgets it: types keep their
   identity, and objects made before still belong to it. */
__attribute__((visibility("default"))) int luaopen_wasm_core(lua_State *L)
{
  luaL_checkversion(L);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key) == LUA_TTABLE) return 1;
  lua_pop(L, 1);
  lua_newtable(L);
  lw_state_open(L);
  lw_open_error(L);
  lw_open_misuse(L);
  lw_open_options(L);
  lw_open_trace(L);
  lw_open_call(L);
  lw_open_tools(L);
  lw_open_cache(L);
  lw_open_func(L);
  lw_open_memory(L);
  lw_open_view(L);
  lw_open_table(L);
  lw_open_global(L);
  lw_open_ref(L);
  lw_open_tag(L);
  lw_open_instance(L);
  lw_open_module(L);
  lw_open_reload(L);
  lw_open_snapshot(L);
  lw_open_files(L);
  lw_open_wasi(L);
  lw_open_wait(L);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
  return 1;
}

/*
** openlibs.c -- Lua's standard libraries, and two more that `require` finds.
**
** Lua's own linit.c is compiled with its function renamed.
*/
#include "lauxlib.h"
#include "lualib.h"

void open_standard(lua_State *L);
int luaopen_lpeg(lua_State *L);
int luaopen_lfs(lua_State *L);

void luaL_openlibs(lua_State *L)
{
  open_standard(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_lpeg);
  lua_setfield(L, -2, "lpeg");
  lua_pushcfunction(L, luaopen_lfs);
  lua_setfield(L, -2, "lfs");
  lua_pop(L, 1);
}

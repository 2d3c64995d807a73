/*
** cache.h -- a compile through the cache that Lua has chosen.
** Layer: lua.
*/
#ifndef LW_LUA_CACHE_H
#define LW_LUA_CACHE_H

#include "cache/cache.h"
#include "lua/bind.h"

/*
** Compile with the cache of the options at `options` (field "cache": a cache, or false
** for none), else the one that wasm.use_cache chose, else that of the process. `held`
** owns the code then. May call Lua functions (of a store), and raise for a wrong
** option. The bytes must stay on the stack.
*/
Status lw_compile_cached(lua_State *L, int options, const uint8_t *bytes, size_t size,
                         const CodeOptions *opts, HeldCode *held, CodeHow *how, Err *err);

#endif

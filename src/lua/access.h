/*
** access.h -- the typed loads and stores that Lua may do in linear memory.
**
** Little-endian and unaligned, as wasm's own. Values out of range are refused, with the
** same rule as arguments of functions: nothing wraps.
** Layer: lua.
*/
#ifndef LW_ACCESS_H
#define LW_ACCESS_H

#include "lua/bind.h"

typedef enum {
  ACCESS_U8,
  ACCESS_I8,
  ACCESS_U16,
  ACCESS_I16,
  ACCESS_U32,
  ACCESS_I32,
  ACCESS_I64,
  ACCESS_F32,
  ACCESS_F64,
  ACCESS__MAX
} Access;

/* "u8", ... and NULL at the end: a list for luaL_checkoption. */
extern const char *const lw_access_names[ACCESS__MAX + 1];
size_t lw_access_size(Access type);
void lw_access_push(lua_State *L, Access type, const uint8_t *from);
/* Store the value at `arg`; raises when it does not fit. */
void lw_access_store(lua_State *L, Access type, uint8_t *to, int arg);
/* m:view(type, offset, n) */
int lw_memory_view(lua_State *L);

#endif

/*
** lua_access.c -- typed loads and stores between Lua and linear memory.
** Layer: lua.
*/
#include "lua/access.h"

#include <assert.h>
#include <string.h>

const char *const lw_access_names[ACCESS__MAX + 1] = {
  "u8", "i8", "u16", "i16", "u32", "i32", "i64", "f32", "f64", NULL,
};

/* Size, and which integers may be stored. i32 takes both readings, like an argument. */
static const struct {
  uint8_t size;
  lua_Integer min, max;
} rules[ACCESS__MAX] = {
  [ACCESS_U8] = {1, 0,         UINT8_MAX },
  [ACCESS_I8] = {1, INT8_MIN,  INT8_MAX  },
  [ACCESS_U16] = {2, 0,         UINT16_MAX},
  [ACCESS_I16] = {2, INT16_MIN, INT16_MAX },
  [ACCESS_U32] = {4, 0,         UINT32_MAX},
  [ACCESS_I32] = {4, INT32_MIN, UINT32_MAX},
  [ACCESS_I64] = {8, INT64_MIN, INT64_MAX },
  [ACCESS_F32] = {4, 0,         0         },
  [ACCESS_F64] = {8, 0,         0         },
};
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "memory is little-endian");

size_t lw_access_size(Access type)
{
  assert(type < ACCESS__MAX);
  return rules[type].size;
}

void lw_access_push(lua_State *L, Access type, const uint8_t *from)
{
  uint64_t bits = 0;
  float f;
  double d;
  memcpy(&bits, from, rules[type].size);
  switch (type) {
  case ACCESS_I8: lua_pushinteger(L, (int8_t)bits); break;
  case ACCESS_I16: lua_pushinteger(L, (int16_t)bits); break;
  case ACCESS_I32: lua_pushinteger(L, (int32_t)bits); break;
  case ACCESS_F32:
    memcpy(&f, from, sizeof f);
    lua_pushnumber(L, (lua_Number)f);
    break;
  case ACCESS_F64:
    memcpy(&d, from, sizeof d);
    lua_pushnumber(L, d);
    break;
  default: lua_pushinteger(L, (lua_Integer)bits);
  }
}

void lw_access_store(lua_State *L, Access type, uint8_t *to, int arg)
{
  if (type == ACCESS_F32) {
    float f = (float)luaL_checknumber(L, arg);
    memcpy(to, &f, sizeof f);
  } else if (type == ACCESS_F64) {
    double d = luaL_checknumber(L, arg);
    memcpy(to, &d, sizeof d);
  } else {
    lua_Integer v = luaL_checkinteger(L, arg);
    if (v < rules[type].min || v > rules[type].max)
      luaL_argerror(L, arg,
                    lua_pushfstring(L, "%s expected, %I is out of range",
                                    lw_access_names[type], (LUAI_UACINT)v));
    memcpy(to, &v, rules[type].size);
  }
}

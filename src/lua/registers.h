/*
** registers.h -- numbers between the Lua stack and an activation's registers.
**
** For functions that are `fast` (bind.h): all their arguments and results are numbers and
** fit in the registers of the convention. "Words" are those that have no floats; that is
** inline, since every call pays for it.
** Layer: lua.
*/
#ifndef LW_REGISTERS_H
#define LW_REGISTERS_H

#include "lua/bind.h"

/* An integer, if it is one in other clothes: a float, or a boolean; false: it is not. */
bool lw_set_integer(lua_State *L, int arg, ValType t, uint64_t *out);
/* From the stack, at `first`. 0, or the index behind that of the first value that is
   wrong: lw_to_value knows why. */
uint32_t lw_set_registers(lua_State *L, const ValType *types, uint32_t n, int first,
                          Activation *a);
void lw_push_registers(lua_State *L, const ValType *types, uint32_t n,
                       const Activation *a);

static inline uint32_t lw_set_words(lua_State *L, const ValType *types, uint32_t n,
                                    int first, uint64_t *gpr)
{
  for (uint32_t k = 1; k <= n; k++) { /* counted like this it needs a register less */
    int arg = first - 1 + (int)k;
    if (__builtin_expect(!lua_isinteger(L, arg), 0)) {
      if (!lw_set_integer(L, arg, types[k - 1], &gpr[k - 1])) return k;
      continue;
    }
    uint64_t v = (uint64_t)lua_tointegerx(L, arg, NULL);
    if (__builtin_expect(v > UINT32_MAX, 0) && types[k - 1] == VAL_I32) {
      if (v < (uint64_t)INT32_MIN) return k;
      v = (uint32_t)v; /* it is negative */
    }
    gpr[k - 1] = v;
  }
  return 0;
}

static inline void lw_push_words(lua_State *L, const ValType *types, uint32_t n,
                                 const Activation *a)
{
  for (uint32_t i = 0; i < n; i++) {
    uint64_t v = a->gpr[i];
    lua_pushinteger(L, types[i] == VAL_I32 ? (int32_t)(uint32_t)v : (lua_Integer)v);
  }
}

#endif

/*
** lua_registers.c -- numbers between the Lua stack and an activation's registers.
** Layer: lua.
*/
#include "lua/registers.h"

#include <assert.h>

#include "jit/abi.h"

static bool set_float(lua_State *L, int arg, ValType t, Value *out)
{
  if (lua_type(L, arg) != LUA_TNUMBER) return false;
  lua_Number n = lua_tonumberx(L, arg, NULL);
  *out = (Value){.i64 = 0};
  if (t == VAL_F32)
    out->f32 = (float)n;
  else
    out->f64 = n;
  return true;
}

bool lw_set_integer(lua_State *L, int arg, ValType t, uint64_t *out)
{
  Value v;
  char why[WHY_SIZE];
  if (lw_to_value(L, arg, t, false, 0, &v, why)) return false;
  *out = v.i64;
  return true;
}

uint32_t lw_set_registers(lua_State *L, const ValType *types, uint32_t n, int first,
                          Activation *a)
{
  uint64_t *gpr = a->gpr;
  Value *fpr = a->fpr;
  for (uint32_t i = 0; i < n; i++) {
    assert(lw_val_is_num(types[i]) && gpr < a->gpr + ABI_REGS && fpr < a->fpr + ABI_REGS);
    bool good = lw_val_is_float(types[i])
                  ? set_float(L, first + (int)i, types[i], fpr++)
                  : !lw_set_words(L, &types[i], 1, first + (int)i, gpr++);
    if (!good) return i + 1;
  }
  return 0;
}

void lw_push_registers(lua_State *L, const ValType *types, uint32_t n,
                       const Activation *a)
{
  const uint64_t *gpr = a->gpr;
  const Value *fpr = a->fpr;
  for (uint32_t i = 0; i < n; i++) {
    switch (types[i]) {
    case VAL_I32: lua_pushinteger(L, (int32_t)(uint32_t)*gpr++); break;
    case VAL_I64: lua_pushinteger(L, (lua_Integer)*gpr++); break;
    case VAL_F32: lua_pushnumber(L, (lua_Number)(fpr++)->f32); break;
    default: lua_pushnumber(L, (fpr++)->f64);
    }
  }
}

/*
** lua_global.c -- userdata "wasm.global": one value that instances share.
**
** g.value reads, g.value = v writes a mutable one. A global that can hold a reference
** and the instances that have it keep each other, as with tables.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <string.h>

#define GLOBAL_NAME "wasm.global"

static bool is_open(const GlobalBox *box)
{
  return box->global && box->global->refs > 0;
}

static GlobalCell *check_global(lua_State *L)
{
  GlobalBox *box = lw_check(L, 1, KIND_GLOBAL, GLOBAL_NAME);
  if (!is_open(box)) lw_raise(L, LW_CLOSED, "global is closed");
  return box->global;
}

static void own_give_back(void *global)
{
  lw_global_unref(global);
}

static void watch_give_back(void *global)
{
  lw_global_unwatch(global);
}

static void global_forget(Handle *h)
{
  ((GlobalBox *)h)->global = NULL;
}

void lw_push_global(lua_State *L, State *st, int inst, const Instance *i, GlobalCell *g)
{
  GlobalBox *box = NULL;
  inst = lua_absindex(L, inst);
  if (lw_weak_get(L, WEAK_THINGS, g)) {
    box = lw_test(L, st, -1, KIND_GLOBAL); /* the address may have been another thing's */
    if (!box || box->global != g) {
      lua_pop(L, 1);
      box = NULL;
    }
  }
  if (!box) {
    box = lw_new_box(L, st, KIND_GLOBAL, sizeof *box, UV_GIVEN);
    lw_still_instance(L, inst, i);
    lw_global_watch(g);
    box->global = g;
    lw_own(&box->h, g, watch_give_back, global_forget);
    lw_weak_set(L, WEAK_THINGS, g, -1);
  }
  bool ref = lw_val_is_ref(g->type.type);
  if (ref || !box->own) lw_hold(L, -1, inst);
  if (ref) lw_hold(L, inst, -1);
}

/* The value at `arg`, kept by the global's userdata at stack index `owner`. */
static Value check_value(lua_State *L, ValType type, int arg, int owner)
{
  Value v;
  char why[WHY_SIZE];
  lw_prepare_owner(L, lw_state(L), owner);
  const char *wrong = lw_to_value(L, arg, type, false, owner, &v, why);
  if (wrong) lw_bad_argument(L, arg, wrong);
  return v;
}

GlobalBox *lw_new_global(lua_State *L, State *st, const GlobalType *type, int arg)
{
  Store *store = lw_store(L, st);
  Err err = {.at = ERR_NOWHERE};
  arg = lua_absindex(L, arg);
  GlobalBox *box = lw_new_box(L, st, KIND_GLOBAL, sizeof *box, UV_GIVEN);
  Value init = {
    .words = {0, 0}
  };
  bool must = lw_val_is_ref(type->type) && (type->type & VAL_NULLABLE) == 0;
  if (must || !lua_isnoneornil(L, arg))
    init = check_value(L, type->type, arg, lua_gettop(L));
  Status s = lw_global_new(store, type, init, &box->global, &err);
  if (s != LW_OK) lw_raise(L, s, "%s", err.msg);
  box->own = true;
  lw_own(&box->h, box->global, own_give_back, global_forget);
  lw_weak_set(L, WEAK_THINGS, box->global, -1);
  return box;
}

/* wasm.global(type [, value [, mutable]]) -> global */
static int global_new(lua_State *L)
{
  GlobalType type = {.type = lw_check_valtype(L, 1), .mutable_ = lua_toboolean(L, 3)};
  lua_settop(L, 3);
  lw_new_global(L, lw_state(L), &type, 2);
  return 1;
}

static int global_index(lua_State *L)
{
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "value") == 0) {
    const GlobalCell *g = check_global(L);
    lw_push_value(L, lw_state(L), g->type.type, false, g->value);
  } else {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

static int global_newindex(lua_State *L)
{
  const char *key = luaL_tolstring(L, 2, NULL);
  GlobalCell *g = check_global(L);
  if (strcmp(key, "value") != 0) return luaL_error(L, "a global has no field '%s'", key);
  if (!g->type.mutable_) return luaL_error(L, "global is immutable");
  lw_collect_refs(L, lw_state(L), false);
  Value v = check_value(L, g->type.type, 3, 1);
  check_global(L)->value = v;
  return 0;
}

/* g:type() -> "i32" or "(mut i32)" */
static int global_type(lua_State *L)
{
  char text[32];
  const GlobalCell *g = check_global(L);
  lua_pushfstring(L, g->type.mutable_ ? "(mut %s)" : "%s",
                  lw_val_text(g->type.type, text, sizeof text));
  return 1;
}

static int global_close(lua_State *L)
{
  GlobalBox *box = lw_check(L, 1, KIND_GLOBAL, GLOBAL_NAME);
  lua_pushboolean(L, is_open(box));
  lw_release(&box->h);
  return 1;
}

static int global_closed(lua_State *L)
{
  lua_pushboolean(L, !is_open(lw_check(L, 1, KIND_GLOBAL, GLOBAL_NAME)));
  return 1;
}

static int global_tostring(lua_State *L)
{
  const GlobalBox *box = lw_check(L, 1, KIND_GLOBAL, GLOBAL_NAME);
  char text[32];
  if (!is_open(box)) {
    lua_pushliteral(L, GLOBAL_NAME " (closed)");
    return 1;
  }
  const GlobalCell *g = box->global;
  GlobalType type = g->type; /* what follows may run a finalizer that closes it */
  lw_push_value(L, box->h.state, type.type, false, g->value);
  const char *value = luaL_tolstring(L, -1, NULL);
  lua_pushfstring(L, type.mutable_ ? GLOBAL_NAME ": (mut %s) %s" : GLOBAL_NAME ": %s %s",
                  lw_val_text(type.type, text, sizeof text), value);
  return 1;
}

static const luaL_Reg methods[] = {
  {"type",   global_type  },
  {"close",  global_close },
  {"closed", global_closed},
  {NULL,     NULL         },
};
static const luaL_Reg meta[] = {
  {"__index",    global_index   },
  {"__newindex", global_newindex},
  {"__gc",       lw_box_gc      },
  {"__close",    global_close   },
  {"__tostring", global_tostring},
  {NULL,         NULL           },
};
static const luaL_Reg functions[] = {
  {"global", global_new},
  {NULL,     NULL      },
};

void lw_open_global(lua_State *L)
{
  lw_open_kind(L, KIND_GLOBAL, GLOBAL_NAME, meta, methods);
  lw_add_functions(L, functions);
}

/*
** lua_instance.c -- userdata "wasm.instance".
**
** Keeps what it imports; where something shared can carry references both sides keep
** each other (API.md 3). Collecting the userdata closes the instance; handlers of
** on("close") run on an explicit close only, since finalizers call no Lua.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <string.h>

#include "rt/budget.h"
#include "rt/object.h"

#define INSTANCE_NAME "wasm.instance"

static const char *name_of(const InstanceBox *box)
{
  return box->name ? box->name : "?";
}

static InstanceBox *check_instance(lua_State *L)
{
  return lw_check(L, 1, KIND_INSTANCE, INSTANCE_NAME);
}

static bool is_live(const InstanceBox *box)
{
  return box->inst && box->inst->state == INSTANCE_LIVE;
}

Instance *lw_live_instance(lua_State *L, int inst)
{
  InstanceBox *box = lua_touserdata(L, inst);
  if (!is_live(box)) lw_raise(L, LW_CLOSED, "instance '%s' is closed", name_of(box));
  return box->inst;
}

void lw_still_instance(lua_State *L, int inst, const Instance *i)
{
  if (lw_live_instance(L, inst) == i) return;
  const InstanceBox *box = lua_touserdata(L, inst);
  lw_raise(L, LW_CLOSED, "this version of instance '%s' is closed", name_of(box));
}

static InstanceBox *check_live(lua_State *L)
{
  InstanceBox *box = check_instance(L);
  lw_live_instance(L, 1);
  return box;
}

bool lw_push_instance(lua_State *L, const Instance *i)
{
  if (!i->user || !lw_weak_get(L, WEAK_THINGS, i->user)) return false;
  const InstanceBox *box = lw_test(L, lw_state_find(L), -1, KIND_INSTANCE);
  if (box && box->inst == i) return true;
  lua_pop(L, 1); /* another's, at the address of one that was freed */
  return false;
}

/* ---- closing ---- */

/* What the instance at `inst` shares need not keep it any more. */
static void let_go(lua_State *L, State *st, int inst)
{
  if (lua_getiuservalue(L, inst, UV_HOLDS) == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      int other = lua_gettop(L) - 1;
      if (lw_test(L, st, other, KIND_TABLE) || lw_test(L, st, other, KIND_GLOBAL) ||
          lw_test(L, st, other, KIND_INSTANCE))
        lw_unhold(L, other, inst);
    }
  }
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_setiuservalue(L, inst, UV_HOLDS);
}

bool lw_instance_shut(lua_State *L, int inst, bool force)
{
  InstanceBox *box = lua_touserdata(L, inst);
  if (!box->inst) return false;
  bool was_live = box->inst->state == INSTANCE_LIVE;
  assert(box->inst->user == box);
  if (!was_live && !force) return false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (was_live) lw_unaccount(box->h.state, lw_instance_weight(box->inst));
  if (lw_instance_close(box->inst, force)) let_go(L, box->h.state, inst);
  if (was_live) {
    lua_pushvalue(L, inst);
    lw_instance_event(L, inst, "close", 1);
  }
  return was_live;
}

/* inst:close(["force"]) -> true the first time */
static int instance_close(lua_State *L)
{
  static const char *const how[] = {"idle", "force", NULL};
  check_instance(L);
  bool force = luaL_checkoption(L, 2, "idle", how) == 1;
  lua_pushboolean(L, lw_instance_shut(L, 1, force));
  return 1;
}

/* The __close metamethod gets an error value as second argument. */
static int instance_leave(lua_State *L)
{
  check_instance(L);
  lw_instance_shut(L, 1, false);
  return 0;
}

static int instance_closed(lua_State *L)
{
  lua_pushboolean(L, !is_live(check_instance(L)));
  return 1;
}

/* ---- events ---- */

void lw_instance_event(lua_State *L, int inst, const char *event, int n)
{
  int values = lua_gettop(L) - n;
  assert(values >= inst && lua_isuserdata(L, inst));
  if (lua_getiuservalue(L, inst, UV_INSTANCE_EVENTS) == LUA_TTABLE &&
      lua_getfield(L, -1, event) == LUA_TTABLE) {
    int handlers = lua_gettop(L);
    lua_Integer count = (lua_Integer)lua_rawlen(L, handlers);
    for (lua_Integer k = 1; k <= count; k++) {
      lua_rawgeti(L, handlers, k);
      for (int v = 1; v <= n; v++)
        lua_pushvalue(L, values + v);
      if (lua_pcall(L, n, 0, 0) == LUA_OK) continue;
      lua_warning(L, "wasm: error in a handler of on(\"", 1);
      lua_warning(L, event, 1);
      lua_warning(L, "\"): ", 1);
      lua_warning(L, lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?", 0);
      lua_pop(L, 1);
    }
  }
  lua_settop(L, values);
}

/* Add the function at `handler` for `event` to the instance at `inst`. */
void lw_instance_on(lua_State *L, int inst, const char *event, int handler)
{
  handler = lua_absindex(L, handler);
  assert(lua_isfunction(L, handler) && event);
  if (lua_getiuservalue(L, inst, UV_INSTANCE_EVENTS) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, inst, UV_INSTANCE_EVENTS);
  }
  if (lua_getfield(L, -1, event) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, event);
  }
  lua_pushvalue(L, handler);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 2);
}

/* inst:on("close" | "trap" | "reload", function) */
static int instance_on(lua_State *L)
{
  static const char *const events[] = {"close", "trap", "reload", NULL};
  check_live(L);
  const char *event = events[luaL_checkoption(L, 2, NULL, events)];
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lw_instance_on(L, 1, event, 3);
  return 0;
}

/* ---- calls ---- */

/* Push the export called like argument 2, which must be a function. */
static void push_function(lua_State *L, bool must)
{
  size_t len;
  const char *name = luaL_checklstring(L, 2, &len); /* may run a finalizer */
  InstanceBox *box = check_live(L);
  const Export *e = lw_module_export(box->inst->module, name, len);
  if (e && e->kind == EXTERN_FUNC)
    lw_push_export(L, box->h.state, 1, box->inst, e);
  else if (must)
    luaL_error(L, "instance '%s' exports no function '%s'", name_of(box), name);
  else
    lua_pushnil(L);
}

static int call_done(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  return lua_gettop(L) - 1;
}

/* inst:call(name, ...) -> ... */
static int instance_call(lua_State *L)
{
  push_function(L, true);
  lua_replace(L, 2);
  lua_callk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, call_done);
  return call_done(L, LUA_OK, 0);
}

/* inst:func(name) -> wasm.func | nil */
static int instance_func(lua_State *L)
{
  push_function(L, false);
  if (!lua_isnil(L, -1)) lw_push_funcbox(L, lw_state(L), -1);
  return 1;
}

/* inst:interrupter() -> token; inst:interrupter("c") -> token, fn, arg */
static int instance_interrupter(lua_State *L)
{
  static const char *const kinds[] = {"lua", "c", NULL};
  InstanceBox *box = check_live(L);
  uint64_t token = lw_interrupt_token(box->inst);
  bool for_c = luaL_checkoption(L, 2, "lua", kinds) == 1;
  lua_pushinteger(L, (lua_Integer)token);
  if (!for_c) return 1;
  void (*handler)(void *) = lw_interrupt_handler;
  void *address;
  _Static_assert(sizeof address == sizeof handler, "POSIX has it so");
  memcpy(&address, &handler, sizeof address);
  lua_pushlightuserdata(L, address);
  lua_pushlightuserdata(L, (void *)(uintptr_t)token);
  return 3;
}

/* inst:interrupt() -> was a call running? */
static int instance_interrupt(lua_State *L)
{
  lua_pushboolean(L, lw_interrupt_send(lw_interrupt_token(check_live(L)->inst)));
  return 1;
}

/* inst:fuel() -> what is left; inst:fuel(n): set it, returns what was left */
static int instance_fuel(lua_State *L)
{
  InstanceBox *box = check_live(L);
  if (!lw_code_options(box->inst->code)->fuel)
    return luaL_error(L, "instance '%s' has no fuel: compile with fuel=true",
                      name_of(box));
  int64_t left = lw_fuel_left(box->inst);
  if (!lua_isnoneornil(L, 2)) {
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 0, 2, "not negative expected");
    lw_fuel_set(check_live(L)->inst, n);
  }
  lua_pushinteger(L, left);
  return 1;
}

/* inst:host_calls() -> how many are left; inst:host_calls(n): set it, returns what was */
static int instance_host_calls(lua_State *L)
{
  uint64_t left = lw_host_calls_left(check_live(L)->inst);
  if (!lua_isnoneornil(L, 2)) {
    lua_Integer n = luaL_checkinteger(L, 2);
    luaL_argcheck(L, n >= 0, 2, "not negative expected");
    lw_host_calls_set(check_live(L)->inst, (uint64_t)n);
  }
  lua_pushinteger(L, (lua_Integer)left);
  return 1;
}

/* ---- what it says about itself ---- */

static int instance_busy(lua_State *L)
{
  const InstanceBox *box = check_instance(L);
  lua_pushboolean(L, box->inst && box->inst->state != INSTANCE_CLOSED &&
                       lw_instance_busy(box->inst));
  return 1;
}

static int instance_module(lua_State *L)
{
  InstanceBox *box = check_instance(L);
  HeldCode *held = lw_new_held_code(L, box->h.state);
  lw_hold_code(held, lw_live_instance(L, 1)->code);
  lua_getiuservalue(L, 1, UV_INSTANCE_NAME);
  lw_push_module(L, box->h.state, held->code, lua_gettop(L));
  lw_release(&held->h);
  return 1;
}

/* inst:stats() -> {bounds=, memory_bytes=, memories=, functions=, code_bytes=,
                  host_calls=, fuel_used=, heap_bytes=} */
static int instance_stats(lua_State *L)
{
  check_instance(L);
  lua_createtable(L, 0, 5);
  const Instance *i = lw_live_instance(L, 1);
  CodeInfo info;
  lw_code_info(i->code, i->image, &info);
  lw_set_count(L, "memory_bytes", lw_instance_memory_bytes(i));
  lw_set_count(L, "memories", i->module->nmemories);
  lw_set_count(L, "functions", i->module->nfuncs);
  lw_set_count(L, "code_bytes", info.stats.code_bytes);
  lw_set_count(L, "host_calls", i->host_calls);
  if (i->budget) lw_set_count(L, "fuel_used", lw_fuel_used(i));
  if (lw_heap_account(i))
    lw_set_count(L, "heap_bytes", lw_heap_account_held(lw_heap_account(i)));
  lua_pushstring(L, i->explicit_bounds ? "explicit" : "guard"); /* may run a finalizer */
  lua_setfield(L, -2, "bounds");
  return 1;
}

/* Push the first memory if it is exported, else nil. */
static void push_memory(lua_State *L, InstanceBox *box)
{
  const Module *m = box->inst->module;
  for (uint32_t k = 0; k < m->nexports; k++)
    if (m->exports[k].kind == EXTERN_MEMORY && m->exports[k].index == 0) {
      lw_push_export(L, box->h.state, 1, box->inst, &m->exports[k]);
      return;
    }
  lua_pushnil(L);
}

static int instance_index(lua_State *L)
{
  InstanceBox *box = check_instance(L);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "exports") == 0) {
    lw_push_exports(L, 1);
  } else if (strcmp(key, "memory") == 0) {
    check_live(L);
    push_memory(L, box);
  } else if (strcmp(key, "name") == 0) {
    lua_pushstring(L, box->name); /* or nil */
  } else {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

static int instance_tostring(lua_State *L)
{
  const InstanceBox *box = check_instance(L);
  const char *state = is_live(box)                                        ? ""
                      : box->inst && box->inst->state == INSTANCE_CLOSING ? " (closing)"
                                                                          : " (closed)";
  lua_pushfstring(L, INSTANCE_NAME ": %s%s", name_of(box), state);
  lw_clean(L, true);
  return 1;
}

static const luaL_Reg methods[] = {
  {"call",        instance_call       },
  {"func",        instance_func       },
  {"on",          instance_on         },
  {"interrupter", instance_interrupter},
  {"interrupt",   instance_interrupt  },
  {"fuel",        instance_fuel       },
  {"host_calls",  instance_host_calls },
  {"busy",        instance_busy       },
  {"module",      instance_module     },
  {"stats",       instance_stats      },
  {"close",       instance_close      },
  {"closed",      instance_closed     },
  {NULL,          NULL                },
};
static const luaL_Reg meta[] = {
  {"__index",    instance_index   },
  {"__gc",       lw_box_gc        },
  {"__close",    instance_leave   },
  {"__tostring", instance_tostring},
  {NULL,         NULL             },
};

void lw_open_instance(lua_State *L)
{
  lw_open_kind(L, KIND_INSTANCE, INSTANCE_NAME, meta, methods);
}

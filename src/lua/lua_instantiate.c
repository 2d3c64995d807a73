/*
** lua_instantiate.c -- mod:instantiate(imports, options).
**
** The userdata comes first, empty; then it holds the imports; then it gets the instance;
** then the start function runs as any Lua call, so that it may yield.
** When it fails after segments were written, the instance lives on exactly as long as
** something shared may refer to it (the suite's linking3), else it is closed at once.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <string.h>

#include "rt/budget.h"

/* Slots of the C function's stack. */
enum { ARG_MODULE = 1, ARG_IMPORTS, ARG_OPTIONS, SLOT_INSTANCE, SLOT_BASE };

static void instance_give_back(void *thing)
{
  Instance *i = thing;
  i->user = NULL;
  lw_instance_release(i);
}

static void instance_forget(Handle *h)
{
  InstanceBox *box = (InstanceBox *)h;
  assert(box->inst && box->inst->user == box);
  box->inst = NULL;
}

/* ---- options ---- */

typedef struct Wishes {
  InstanceOptions core;
  bool start;
} Wishes;

static const char *const known_wishes[] = {
  "name",       "memory_max", "table_max",     "stack",       "start",
  "interleave", "on_trap",    "stack_pointer", "on_close",    "catch_host_errors",
  "fuel",       "on_limit",   "timeout",       "cpu_timeout", "host_calls",
  "heap_max",   NULL};

/* The core knows no limit as 0, which somebody might mean: so it cannot be said. */
static uint64_t limit_of(lua_State *L, const char *key, uint64_t value)
{
  if (value == 0)
    lw_misuse(L, "option '%s': 0 is out of range; without it there is no limit", key);
  return value == UINT64_MAX ? 0 : value;
}

/* Strings of the options stay on the stack. */
static Wishes check_wishes(lua_State *L, int arg)
{
  static const char *const orders[] = {"lifo", "any", NULL};
  static const char *const after[] = {"keep", "close", NULL};
  static const char *const ends[] = {"error", "yield", NULL};
  lw_check_options(L, arg, "instantiate", known_wishes);
  Wishes w = {.start = lw_opt_bool(L, arg, "start", true)};
  w.core.memory_max_bytes =
    limit_of(L, "memory_max", lw_opt_size(L, arg, "memory_max", UINT64_MAX));
  w.core.table_max =
    limit_of(L, "table_max", lw_opt_count(L, arg, "table_max", UINT64_MAX, UINT32_MAX));
  w.core.stack_size = lw_opt_size(L, arg, "stack", 0);
  if (w.core.stack_size && w.core.stack_size < 65536)
    lw_misuse(L, "option 'stack': at least 64KiB expected");
  if (w.core.stack_size > (uint64_t)1 << 30)
    lw_misuse(L, "option 'stack': at most 1GiB expected");
  w.core.interleave_any = lw_opt_choice(L, arg, "interleave", orders, 0) == 1;
  w.core.on_trap_close = lw_opt_choice(L, arg, "on_trap", after, 0) == 1;
  w.core.catch_host_errors = lw_opt_bool(L, arg, "catch_host_errors", false);
  w.core.fuel = (int64_t)lw_opt_count(L, arg, "fuel", UINT64_MAX, FUEL_MAX);
  w.core.heap_max_bytes =
    limit_of(L, "heap_max", lw_opt_size(L, arg, "heap_max", UINT64_MAX));
  w.core.host_calls = lw_opt_count(L, arg, "host_calls", UINT64_MAX, HOST_CALLS_MAX);
  w.core.limits_host_calls = w.core.host_calls != UINT64_MAX;
  w.core.timeout_ns = lw_opt_seconds(L, arg, "timeout");
  w.core.cpu_timeout_ns = lw_opt_seconds(L, arg, "cpu_timeout");
  w.core.limit_yields = lw_opt_choice(L, arg, "on_limit", ends, 0) == 1;
  if (lua_istable(L, arg)) {
    int type = lua_getfield(L, arg, "on_close");
    if (type != LUA_TNIL && type != LUA_TFUNCTION)
      lw_misuse(L, "option 'on_close': function expected, got %s", lua_typename(L, type));
    lua_pop(L, 1);
  }
  w.core.stack_pointer = lw_opt_string(L, arg, "stack_pointer");
  return w;
}

/* Limits that stand where imports belong would be ignored, and nobody would know. */
static void check_imports(lua_State *L, State *st)
{
  static const char *const of_compile[] = {"effort", "bounds", "eager", NULL};
  if (lua_isnil(L, ARG_IMPORTS) || lua_isfunction(L, ARG_IMPORTS) ||
      lw_test(L, st, ARG_IMPORTS, KIND_INSTANCE))
    return;
  if (!lua_istable(L, ARG_IMPORTS))
    luaL_typeerror(L, ARG_IMPORTS, "table, instance or function");
  for (lua_pushnil(L); lua_next(L, ARG_IMPORTS); lua_pop(L, 1)) {
    int type = lua_type(L, -1);
    if (lua_type(L, -2) != LUA_TSTRING) continue;
    if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN) continue;
    const char *key = lua_tostring(L, -2);
    for (size_t k = 0; k < 2; k++)
      for (const char *const *o = k ? of_compile : known_wishes; *o; o++)
        if (strcmp(key, *o) == 0)
          lw_misuse(L, "imports: '%s' is an option; options come after the imports", key);
  }
}

InstanceOptions lw_instance_options(lua_State *L, int arg)
{
  return check_wishes(L, arg).core;
}

void lw_own_instance(lua_State *L, InstanceBox *box, int at, Instance *made)
{
  box->inst = made;
  made->user = box;
  lw_own(&box->h, made, instance_give_back, instance_forget);
  lw_weak_set(L, WEAK_THINGS, box, at);
}

static void set_name(lua_State *L, InstanceBox *box, const ModuleBox *module)
{
  if (lw_opt_string(L, ARG_OPTIONS, "name") == NULL) {
    lua_pop(L, 1);
    lua_pushstring(L, module->name); /* may be nil */
  }
  box->name = lua_tostring(L, -1);
  lua_setiuservalue(L, SLOT_INSTANCE, UV_INSTANCE_NAME);
}

/* ---- who keeps whom ---- */

/* Can what the instance imports (the userdata at `other`) carry references to it? */
static bool carries_references(lua_State *L, State *st, int other)
{
  const GlobalBox *g = lw_test(L, st, other, KIND_GLOBAL);
  if (g) return g->global && lw_val_is_ref(g->global->type.type);
  const FuncBox *f = lw_test(L, st, other, KIND_FUNC);
  if (f) return f->has_refs && f->owner;
  return lw_test(L, st, other, KIND_TABLE) != NULL;
}

bool lw_share(lua_State *L, State *st, int inst)
{
  bool shared = false;
  if (lua_getiuservalue(L, inst, UV_HOLDS) == LUA_TTABLE) {
    int holds = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, holds); lua_settop(L, holds + 1)) {
      lua_pop(L, 1);
      if (!carries_references(L, st, holds + 1)) continue;
      shared = true;
      if (lw_test(L, st, holds + 1, KIND_FUNC))
        lua_getiuservalue(L, holds + 1, UV_FUNC_OWNER);
      else
        lua_pushvalue(L, holds + 1);
      lw_hold(L, -1, inst);
    }
  }
  lua_pop(L, 1);
  return shared;
}

/* ---- the steps ---- */

/* No Lua runs between taking what the imports stand for and using it. */
static Status make_instance(lua_State *L, State *st, Code *code, int things,
                            ImportValue *imports, const InstanceOptions *opts,
                            Instance **made, Err *err)
{
  Store *store = lw_store(L, st);
  TRY(lw_link_imports(L, st, lw_code_module(code), things, imports, err));
  return lw_instance_new(store, code, imports, opts, made, err);
}

static Status link_code(lua_State *L, State *st, Code *code, const InstanceOptions *opts,
                        Err *err)
{
  InstanceBox *box = lua_touserdata(L, SLOT_INSTANCE);
  const Module *m = lw_code_module(code);
  ImportValue *imports = lua_newuserdatauv(L, (m->nimports + 1) * sizeof *imports, 0);
  lua_newtable(L);
  int things = lua_gettop(L);
  TRY(lw_resolve_imports(L, st, code, ARG_IMPORTS, SLOT_INSTANCE, things, err));
  if (!((ModuleBox *)lua_touserdata(L, ARG_MODULE))->code)
    return lw_fail(err, LW_CLOSED, ERR_NOWHERE, "the module was closed meanwhile");
  Instance *made = NULL;
  Status s = make_instance(L, st, code, things, imports, opts, &made, err);
  if (s == LW_NOMEM && !made) { /* what Lua has not collected yet may be in the way */
    lua_gc(L, LUA_GCCOLLECT);
    *err = (Err){.at = ERR_NOWHERE};
    s = make_instance(L, st, code, things, imports, opts, &made, err);
  }
  if (!made) {
    assert(s != LW_OK);
    return s;
  }
  lw_own_instance(L, box, SLOT_INSTANCE, made);
  return s;
}

/* Whoever was asked for options or is asked for imports may close the module. */
static Status link_instance(lua_State *L, State *st, const InstanceOptions *opts,
                            Err *err)
{
  HeldCode *held = lw_new_held_code(L, st);
  lw_hold_code(held, lw_check_open_module(L)->code);
  Status s = link_code(L, st, held->code, opts, err);
  lw_release(&held->h);
  return s;
}

/* nil and the error on the top; the instance goes unless something may refer to it. */
static int fail(lua_State *L)
{
  InstanceBox *box = lua_touserdata(L, SLOT_INSTANCE);
  int error = lua_gettop(L);
  if (box->inst && !lw_share(L, box->h.state, SLOT_INSTANCE)) lw_release(&box->h);
  lua_settop(L, error);
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

uint64_t lw_instance_weight(const Instance *i)
{
  return 4096 + lw_instance_memory_bytes(i) + (uint64_t)i->nmemories_own * WASM_PAGE;
}

static int start_done(lua_State *L, int status, lua_KContext context)
{
  (void)context;
  if (status != LUA_OK && status != LUA_YIELD) {
    lw_push_caught(L);
    return fail(L);
  }
  const InstanceBox *box = lua_touserdata(L, SLOT_INSTANCE);
  if (box->inst && box->inst->state == INSTANCE_LIVE)
    lw_account(L, box->h.state, lw_instance_weight(box->inst));
  lua_settop(L, SLOT_INSTANCE);
  return 1;
}

int lw_module_instantiate(lua_State *L)
{
  State *st = lw_state(L);
  lw_check_open_module(L);
  lw_collect_refs(L, st, false);
  lw_store(L, st);
  lua_settop(L, ARG_OPTIONS);
  check_imports(L, st);
  InstanceBox *box = lw_new_box(L, st, KIND_INSTANCE, sizeof *box, UV_INSTANCE__LAST);
  assert(lua_gettop(L) == SLOT_INSTANCE);
  Wishes wishes = check_wishes(L, ARG_OPTIONS);
  const ModuleBox *module =
    lw_check_open_module(L); /* the options may be anybody's code */
  if (wishes.core.fuel != FUEL_DEFAULT && !lw_code_options(module->code)->fuel)
    lw_misuse(L, "option 'fuel': the module was not compiled with fuel=true");
  set_name(L, box, module);
  lua_pushvalue(L, ARG_IMPORTS);
  lua_setiuservalue(L, SLOT_INSTANCE, UV_INSTANCE_IMPORTS);
  lua_pushvalue(L, ARG_OPTIONS);
  lua_setiuservalue(L, SLOT_INSTANCE, UV_INSTANCE_OPTIONS);
  Err err = {.at = ERR_NOWHERE};
  Status s = link_instance(L, st, &wishes.core, &err);
  if (s != LW_OK) {
    /* a list of what is missing may be longer than an Err */
    bool listed = s == LW_LINK && err.at == ERR_NOWHERE && lua_type(L, -1) == LUA_TSTRING;
    lw_push_error(L, s, listed ? lua_tostring(L, -1) : err.msg, err.at);
    if (s == LW_TRAP) {
      lua_pushlstring(L, err.msg,
                      strcspn(err.msg, ":")); /* the suite's words come first */
      lua_setfield(L, -2, "trap");
    }
    return fail(L);
  }
  lw_share(L, st, SLOT_INSTANCE);
  if (lua_istable(L, ARG_OPTIONS) &&
      lua_getfield(L, ARG_OPTIONS, "on_close") != LUA_TNIL) {
    lw_instance_on(L, SLOT_INSTANCE, "close", -1);
  }
  /* a function of it in an imported table may have been called, and have trapped */
  if (box->inst->state != INSTANCE_LIVE) {
    lw_push_error(L, LW_CLOSED, "the instance was closed while it was made", ERR_NOWHERE);
    return fail(L);
  }
  FuncCell *start = wishes.start ? lw_instance_start(box->inst) : NULL;
  lua_settop(L, SLOT_INSTANCE);
  if (!start) return start_done(L, LUA_OK, 0);
  lua_pushcfunction(L, lw_trace_handler);
  lw_push_func(L, st, start);
  int status = lua_pcallk(L, 0, 0, SLOT_BASE, 0, start_done);
  return start_done(L, status, 0);
}

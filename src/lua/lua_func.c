/*
** lua_func.c -- plain functions and the wasm.func objects behind them.
**
** A plain function is a C closure over its wasm.func; the two keep each other, so there
** is one of each for a FuncCell as long as Lua has either. A function of an instance
** keeps the instance; a host function keeps the Lua function it stands for.
** Invariant: a cell is touched only when lw_func_live says so.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "jit/abi.h"
#include "jit/layout.h"

#define FUNC_NAME "wasm.func"

static FuncType func_type(const FuncBox *f)
{
  return (FuncType){f->types, f->types + f->nparams, f->nparams, f->nresults};
}

/* A closed one, with room for the type. */
static FuncBox *new_func(lua_State *L, State *st, Kind kind, const FuncType *t)
{
  assert(kind == KIND_FUNC || kind == KIND_HOST);
  size_t ntypes = t ? (size_t)t->nparams + t->nresults : 0;
  size_t size = sizeof(FuncBox) + ntypes * sizeof(ValType);
  FuncBox *f =
    lw_new_box(L, st, kind, size, kind == KIND_HOST ? UV_HOST_NAME : UV_FUNC_GONE);
  f->closed = true;
  return f;
}

/* `t` is the type it was made for. */
static void set_type(FuncBox *f, const FuncType *t)
{
  f->closed = false;
  f->nparams = t->nparams;
  f->nresults = t->nresults;
  if (t->nparams) memcpy(f->types, t->params, t->nparams * sizeof(ValType));
  if (t->nresults)
    memcpy(f->types + t->nparams, t->results, t->nresults * sizeof(ValType));
  f->has_refs = lw_type_has_refs(t);
  f->fast = t->nparams <= ABI_REGS && t->nresults <= ABI_REGS;
  for (uint32_t i = 0; i < t->nparams + t->nresults; i++)
    f->fast &= lw_val_is_num(f->types[i]);
  f->one_i32 = t->nresults == 1 && t->results[0] == VAL_I32;
  Abi abi = lw_abi_assign(t, NULL, NULL);
  f->flags = (abi.has_float ? ACT_FLOATS : 0) | (abi.has_many ? ACT_MANY : 0);
}

/* Push a closure of `function` over the wasm.func on the top. */
static void push_closure(lua_State *L, lua_CFunction function, bool bits)
{
  lua_pushlightuserdata(L, lua_touserdata(L, -1));
  lw_push_weak(L, WEAK_HOSTS);
  lua_pushvalue(L, -3);
  if (bits) lua_pushboolean(L, 1);
  lua_pushcclosure(L, function, bits ? UPVALUE_BITS : UPVALUE_BOX);
}

/* Push the plain function of the wasm.func at `func`. */
static void push_plain(lua_State *L, int func)
{
  func = lua_absindex(L, func);
  FuncBox *f = lua_touserdata(L, func);
  assert(f && (!f->host || f->cell == &f->host->cell));
  int uv = f->host ? UV_HOST_PLAIN : UV_FUNC_PLAIN;
  if (lua_getiuservalue(L, func, uv) == LUA_TFUNCTION) return;
  lua_pop(L, 1);
  lua_pushvalue(L, func);
  push_closure(L, lw_call_export, false);
  lua_remove(L, -2);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, func, uv);
  if (f->cell) lw_weak_set(L, WEAK_FUNCS, f->cell, -1);
}

/* Is `f`, found under its address, what `cell` is now? Addresses are used again. */
static bool is_current(const FuncBox *f, FuncCell *cell)
{
  if (!f || f->cell != cell) return false;
  if (f->host) return lw_cell_host(cell) == f->host;
  return f->owner && f->owner->inst && lw_cell_instance(cell) == f->owner->inst;
}

/* Push a new plain function for a cell; it is closed if its instance is gone. A reload
   finds functions in WEAK_FUNCS only, so from the moment that it knows its cell until it
   is there, nothing may run a finalizer. */
static void push_new(lua_State *L, State *st, FuncCell *cell)
{
  const Instance *i = lw_cell_instance(cell);
  bool live = i && lw_push_instance(L, i);
  if (!live) lua_pushnil(L);
  InstanceBox *owner = lua_touserdata(L, -1);
  FuncBox *f = new_func(L, st, KIND_FUNC, live ? lw_cell_type(cell) : NULL);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, UV_FUNC_OWNER);
  push_plain(L, -1);
  lua_remove(L, -2);
  if (!live || owner->inst != i || i->state != INSTANCE_LIVE) return;
  set_type(f, lw_cell_type(cell));
  f->cell = cell;
  f->owner = owner;
  lw_func_settle(f);
  lw_weak_set(L, WEAK_FUNCS, cell, -1);
}

void lw_push_func(lua_State *L, State *st, FuncCell *cell)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!cell) {
    lua_pushnil(L);
    return;
  }
  if (lw_weak_get(L, WEAK_FUNCS, cell)) {
    lua_getupvalue(L, -1, UPVALUE_BOX);
    bool current = is_current(lua_touserdata(L, -1), cell);
    lua_pop(L, current ? 1 : 2);
    if (current) return;
  }
  HostFunc *host = lw_cell_host(cell);
  if (host && lw_weak_get(L, WEAK_THINGS, host)) {
    push_plain(L, -1);
    lua_remove(L, -2);
  } else
    push_new(L, st, cell);
}

FuncBox *lw_push_funcbox(lua_State *L, State *st, int arg)
{
  lua_CFunction c = lua_tocfunction(L, arg);
  if (c == lw_call_export || c == lw_call_bits) {
    lua_getupvalue(L, arg, UPVALUE_BOX);
    return lua_touserdata(L, -1);
  }
  FuncBox *f = lw_test(L, st, arg, KIND_FUNC);
  if (!f) f = lw_test(L, st, arg, KIND_HOST);
  if (f) lua_pushvalue(L, arg);
  return f;
}

static void host_give_back(void *thing)
{
  HostFunc *host = thing;
  host->user = NULL;
  lw_host_unref(host);
}

static void host_forget(Handle *h)
{
  FuncBox *f = (FuncBox *)h;
  assert(f->host && f->host->user == f);
  f->host = NULL;
  f->cell = NULL;
  f->closed = true;
}

FuncBox *lw_push_host(lua_State *L, State *st, int arg, const FuncType *t,
                      const uint32_t *id, int name)
{
  Store *store = lw_store(L, st);
  arg = lua_absindex(L, arg);
  if (name) name = lua_absindex(L, name);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  FuncBox *f = new_func(L, st, KIND_HOST, t);
  set_type(f, t);
  lua_pushvalue(L, arg);
  lua_setiuservalue(L, -2, UV_HOST_LUA);
  if (name) {
    lua_pushvalue(L, name);
    f->name = lua_tostring(L, -1);
    lua_setiuservalue(L, -2, UV_HOST_NAME);
  }
  Err err = {.at = ERR_NOWHERE};
  HostFunc *host;
  Status s = lw_host_new(store, t, id, &host, &err);
  if (s != LW_OK) lw_raise(L, s, "%s", err.msg);
  f->host = host;
  f->cell = &host->cell;
  host->user = f;
  host->slot = !f->fast ? 0 : f->flags & ACT_FLOATS ? HOST_FAST : HOST_FAST | HOST_WORDS;
  lw_own(&f->h, host, host_give_back, host_forget);
  lw_push_weak(L, WEAK_HOSTS);
  lua_pushvalue(L, arg);
  lua_rawseti(L, -2, host->index);
  lua_pop(L, 1);
  lw_weak_set(L, WEAK_THINGS, host, -1);
  return f;
}

const char *lw_func_name(const FuncBox *f, char *buf, size_t cap)
{
  Name name = {0};
  if (!f->owner || !lw_func_live(f)) {
    snprintf(buf, cap, "%s", f->name ? f->name : "?");
    return buf;
  }
  const Module *m = f->owner->inst->module;
  uint32_t index = f->cell->func;
  for (uint32_t i = 0; i < m->nexports && !name.len; i++)
    if (m->exports[i].kind == EXTERN_FUNC && m->exports[i].index == index)
      name = m->exports[i].name;
  if (!name.len) name = lw_module_func_name(m, index);
  if (name.len)
    snprintf(buf, cap, "%.*s", (int)(name.len < cap ? name.len : cap - 1), name.text);
  else
    snprintf(buf, cap, "function %u", (unsigned)index);
  return buf;
}

/* ---- methods of wasm.func ---- */

static FuncBox *check_func(lua_State *L)
{
  State *st = lw_state(L);
  FuncBox *f = lw_test(L, st, 1, KIND_FUNC);
  if (!f) f = lw_test(L, st, 1, KIND_HOST);
  if (!f) luaL_typeerror(L, 1, FUNC_NAME);
  return f;
}

/* F:type() -> "(i32) -> i32" */
static int func_type_text(lua_State *L)
{
  char text[512];
  FuncType t = func_type(check_func(L));
  lua_pushstring(L, lw_functype_text(&t, text, sizeof text));
  return 1;
}

static FuncBox *check_open(lua_State *L)
{
  FuncBox *f = check_func(L);
  char name[80];
  if (f->shut)
    lw_raise(L, LW_CLOSED, FUNC_NAME " '%s' is closed",
             lw_func_name(f, name, sizeof name));
  return f;
}

/* F:fn() -> the plain function */
static int func_fn(lua_State *L)
{
  check_open(L);
  push_plain(L, 1);
  return 1;
}

static int call_done(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* F(...), as the plain function */
static int func_call(lua_State *L)
{
  check_open(L);
  push_plain(L, 1);
  lua_replace(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, call_done);
  return call_done(L, LUA_OK, 0);
}

/* F:bits(...) -> ...; arguments and results as integers: floats by their bit pattern */
static int func_bits(lua_State *L)
{
  check_open(L);
  int nargs = lua_gettop(L) - 1;
  lua_pushvalue(L, 1);
  push_closure(L, lw_call_bits, true);
  lua_replace(L, 1);
  lua_pop(L, 1);
  lua_callk(L, nargs, LUA_MULTRET, 0, call_done);
  return call_done(L, LUA_OK, 0);
}

/* F:pin() -> a plain function that stays with this version when the instance is reloaded
 */
static int func_pin(lua_State *L)
{
  FuncBox *f = check_open(L);
  State *st = lw_state(L);
  if (f->host) {
    push_plain(L, 1); /* a Lua function has one version */
    return 1;
  }
  FuncType t = func_type(f);
  FuncBox *pinned = new_func(L, st, KIND_FUNC, &t);
  int at = lua_gettop(L);
  lua_getiuservalue(L, 1, UV_FUNC_OWNER);
  lw_push_aside(L, at + 1);
  lua_pushvalue(L, at);
  push_closure(L, lw_call_export, false);
  /* A finalizer may have run until now. A reload finds it in the set. */
  if (!lw_func_live(f) || f->owner != lua_touserdata(L, at + 1))
    lw_raise(L, LW_CLOSED, "the function is closed");
  set_type(pinned, &t);
  pinned->cell = f->cell;
  pinned->owner = f->owner;
  pinned->pinned = true;
  lw_func_settle(pinned);
  lua_pushvalue(L, at);
  lua_pushboolean(L, 1);
  lua_rawset(L, at + 2);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, at, UV_FUNC_PLAIN);
  lua_pushvalue(L, at + 1);
  lua_setiuservalue(L, at, UV_FUNC_OWNER);
  return 1;
}

/* Only this object: the plain function, and what imports it, go on. */
static int func_close(lua_State *L)
{
  FuncBox *f = check_func(L);
  lua_pushboolean(L, !f->shut);
  f->shut = true;
  return 1;
}

static int func_closed(lua_State *L)
{
  const FuncBox *f = check_func(L);
  lua_pushboolean(L, f->shut || !lw_func_live(f));
  return 1;
}

static int func_tostring(lua_State *L)
{
  char name[80], text[256];
  const FuncBox *f = check_func(L);
  FuncType t = func_type(f);
  lw_func_name(f, name, sizeof name);
  bool named = f->owner || name[0] != '('; /* wasm.func has but a type */
  lua_pushfstring(L, FUNC_NAME ": %s%s%s%s", named ? name : "", named ? " " : "",
                  lw_functype_text(&t, text, sizeof text),
                  f->shut || !lw_func_live(f) ? " (closed)" : "");
  lw_clean(L, true);
  return 1;
}

/* wasm.func(type, function) -> wasm.func */
static int func_new(lua_State *L)
{
  State *st = lw_state(L);
  if (lua_isnone(L, 2)) luaL_typeerror(L, 2, "function");
  FuncType t = lw_check_functype(L, 1);
  if (lw_push_funcbox(L, st, 2)) luaL_argerror(L, 2, "this is a wasm function already");
  if (!lua_isfunction(L, 2) && luaL_getmetafield(L, 2, "__call") == LUA_TNIL)
    luaL_typeerror(L, 2, "function");
  lw_push_host(L, st, 2, &t, NULL, 1);
  return 1;
}

/* wasm.tofunc(f) -> wasm.func | nil: the object behind a plain function */
static int func_of(lua_State *L)
{
  luaL_checkany(L, 1);
  if (!lw_push_funcbox(L, lw_state(L), 1)) lua_pushnil(L);
  return 1;
}

static const luaL_Reg methods[] = {
  {"type",   func_type_text},
  {"fn",     func_fn       },
  {"bits",   func_bits     },
  {"pin",    func_pin      },
  {"close",  func_close    },
  {"closed", func_closed   },
  {NULL,     NULL          },
};
static const luaL_Reg meta[] = {
  {"__call",     func_call    },
  {"__tostring", func_tostring},
  {"__close",    func_close   },
  {NULL,         NULL         },
};
static const luaL_Reg host_meta[] = {
  {"__call",     func_call    },
  {"__tostring", func_tostring},
  {"__close",    func_close   },
  {"__gc",       lw_box_gc    },
  {NULL,         NULL         },
};
static const luaL_Reg functions[] = {
  {"func",   func_new},
  {"tofunc", func_of },
  {NULL,     NULL    },
};

void lw_open_func(lua_State *L)
{
  lw_open_kind(L, KIND_FUNC, FUNC_NAME, meta, methods);
  lw_open_kind(L, KIND_HOST, FUNC_NAME, host_meta, methods);
  lw_add_functions(L, functions);
}

/* ---- errors about functions ---- */

int lw_raise_dead(lua_State *L, const FuncBox *f)
{
  char name[80];
  if (f->gone) return lw_raise(L, LW_LINK, "%s", f->gone);
  if (f->owner)
    return lw_raise(L, LW_CLOSED, "instance '%s' is closed",
                    f->owner->name ? f->owner->name : "?");
  return lw_raise(L, LW_CLOSED, "function '%s' is closed",
                  lw_func_name(f, name, sizeof name));
}

int lw_bad_argument(lua_State *L, int arg, const char *wrong)
{
  const FuncBox *f = wrong == lw_why_closed ? lw_push_funcbox(L, lw_state(L), arg) : NULL;
  if (f) return lw_raise_dead(L, f);
  lua_Debug ar;
  if (lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) && ar.name &&
      strcmp(ar.namewhat, "metamethod") == 0)
    return lw_misuse(L, "bad value (%s)", wrong);
  return luaL_argerror(L, arg, wrong);
}

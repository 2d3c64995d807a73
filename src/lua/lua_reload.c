/*
** lua_reload.c -- one instance's userdata gets another version of what is behind it.
**
** lua/wasm/reload.lua makes the new version as an instance of its own (B) and brings the
** state over; then `swap` exchanges what the two userdata A and B stand for, and B, the
** old version, is retired. So a reload can be given up at any time before by closing B,
** and a failure in the swap itself leaves both as they were: all that may fail is done
** before the first change. Lua's collector rests meanwhile, so no finalizer sees anything
** half done, or closes what is at hand.
** What scripts hold of A follows: functions by the name and type they are exported with,
** A.exports, imports of other instances if that is asked for. Functions that find no
** counterpart say so when they are called, and come back if a later version has one.
** Pinned ones stay with B.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/call.h"
#include "rt/migrate.h"
#include "rt/relink.h"

enum { ARG_A = 1, ARG_B, ARG_RELINK, SLOT_FUNCS, SLOT_TAKEN };

static InstanceBox *check_live(lua_State *L, int arg)
{
  InstanceBox *box = lw_check(L, arg, KIND_INSTANCE, "wasm.instance");
  lw_live_instance(L, arg);
  return box;
}

void lw_push_aside(lua_State *L, int inst)
{
  if (lua_getiuservalue(L, inst, UV_INSTANCE_ASIDE) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, inst, UV_INSTANCE_ASIDE);
}

/* ---- the functions that Lua has ---- */

/* Append to the list at `list` the wasm.funcs whose owner is the box at `inst`. */
static void list_funcs(lua_State *L, int inst, int list)
{
  const InstanceBox *box = lua_touserdata(L, inst);
  lw_push_weak(L, WEAK_FUNCS);
  int weak = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, weak); lua_settop(L, weak + 1)) {
    if (!lua_getupvalue(L, -1, UPVALUE_BOX)) continue;
    const FuncBox *f = lua_touserdata(L, -1);
    if (f->host || f->owner != box) continue;
    if (lua_touserdata(L, weak + 1) != (void *)f->cell)
      continue; /* of an older version */
    lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
  }
  lua_settop(L, weak - 1);
}

/* And those that an earlier reload left without a counterpart. */
static void list_gone(lua_State *L, int inst, int list)
{
  lw_push_aside(L, inst);
  int aside = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, aside); lua_settop(L, aside + 1)) {
    const FuncBox *f = lua_touserdata(L, aside + 1);
    if (!f->gone) continue;
    lua_pushvalue(L, aside + 1);
    lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
  }
  lua_settop(L, aside - 1);
}

static FuncType type_of(const FuncBox *f)
{
  return (FuncType){f->types, f->types + f->nparams, f->nparams, f->nresults};
}

static bool same_type(const FuncBox *f, const FuncType *t)
{
  size_t params = f->nparams * sizeof *f->types, results = f->nresults * sizeof *f->types;
  return f->nparams == t->nparams && f->nresults == t->nresults &&
         (params == 0 || memcmp(f->types, t->params, params) == 0) &&
         (results == 0 || memcmp(f->types + f->nparams, t->results, results) == 0);
}

/* The export of `new` called `name`, when it is a function. */
static FuncCell *export_named(Instance *new, const char *name, size_t len)
{
  const Export *e = lw_module_export(new->module, name, len);
  return e && e->kind == EXTERN_FUNC ? lw_instance_func(new, e->index) : NULL;
}

/*
** The counterpart of f in `new`, or NULL. Pushes the name it goes by: the first of its
** export names that has one there, else the first of all, else nil.
*/
static FuncCell *find_counterpart(lua_State *L, const FuncBox *f, const Instance *old,
                                  Instance *new)
{
  if (f->gone) {
    lua_pushstring(L, f->name);
    FuncCell *c = f->name ? export_named(new, f->name, strlen(f->name)) : NULL;
    return c && same_type(f, lw_cell_type(c)) ? c : NULL;
  }
  const Module *m = old->module;
  const Export *first = NULL;
  for (uint32_t k = 0; k < m->nexports; k++) {
    const Export *e = &m->exports[k];
    if (e->kind != EXTERN_FUNC || e->index != f->cell->func) continue;
    if (!first) first = e;
    FuncCell *c = export_named(new, e->name.len ? e->name.text : "", e->name.len);
    if (!c || !same_type(f, lw_cell_type(c))) continue;
    lua_pushlstring(L, e->name.len ? e->name.text : "", e->name.len);
    return c;
  }
  if (first)
    lua_pushlstring(L, first->name.len ? first->name.text : "", first->name.len);
  else
    lua_pushnil(L);
  return NULL;
}

/* Push why f has no counterpart; its name is on the top. */
static void push_why(lua_State *L, const FuncBox *f, Instance *new)
{
  char was[200], is[200];
  FuncType t = type_of(f);
  size_t len = 0;
  const char *name = lua_tolstring(L, -1, &len);
  FuncCell *c = name ? export_named(new, name, len) : NULL;
  lw_functype_text(&t, was, sizeof was);
  if (c)
    lua_pushfstring(L, "function '%s' was %s; since the reload it is %s", name, was,
                    lw_functype_text(lw_cell_type(c), is, sizeof is));
  else
    lua_pushfstring(L, "function '%s' (%s) is gone since the reload",
                    name ? name : "without a name", was);
}

/* ---- preparing: may raise, changes nothing that counts ---- */

/*
** For each function k of the list: its new cell, or NULL, is element -k of the list,
** and is known under the function already (nobody believes that before the swap); or
** its reason to be gone is its user value.
*/
static void prepare_funcs(lua_State *L, InstanceBox *a, InstanceBox *b)
{
  lua_Integer n = (lua_Integer)lua_rawlen(L, SLOT_FUNCS);
  lw_push_aside(L, ARG_A);
  int aside = lua_gettop(L);
  for (lua_Integer k = 1; k <= n; k++, lua_settop(L, aside)) {
    lua_rawgeti(L, SLOT_FUNCS, k);
    int at = lua_gettop(L);
    FuncBox *f = lua_touserdata(L, at);
    FuncCell *c = find_counterpart(L, f, a->inst, b->inst);
    lua_pushlightuserdata(L, c);
    lua_rawseti(L, SLOT_FUNCS, -k);
    if (f->gone) f->name = lua_tostring(L, -1); /* the user value before goes */
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, at, UV_FUNC_NAME);
    if (!c) {
      push_why(L, f, b->inst);
      if (f->gone) f->gone = lua_tostring(L, -1);
      lua_setiuservalue(L, at, UV_FUNC_GONE);
    } else if (lua_getiuservalue(L, at, UV_FUNC_PLAIN) == LUA_TFUNCTION) {
      lw_weak_set(L, WEAK_FUNCS, c, -1);
    }
    lua_pushvalue(L, at);
    lua_pushboolean(L, 1);
    lua_rawset(L, aside); /* so that it is there for those that go */
  }
  lua_settop(L, aside - 1);
}

/* ---- changing: allocates nothing ---- */

static void set_owner(lua_State *L, int func, int inst)
{
  FuncBox *f = lua_touserdata(L, func);
  f->owner = lua_touserdata(L, inst);
  lua_pushvalue(L, inst);
  lua_setiuservalue(L, func, UV_FUNC_OWNER);
}

/* After the boxes were exchanged: a->inst is the new version. How many are gone. */
static lua_Integer follow_funcs(lua_State *L)
{
  lua_Integer n = (lua_Integer)lua_rawlen(L, SLOT_FUNCS), gone = 0;
  for (lua_Integer k = 1; k <= n; k++) {
    lua_rawgeti(L, SLOT_FUNCS, k);
    int at = lua_gettop(L);
    FuncBox *f = lua_touserdata(L, at);
    lua_rawgeti(L, SLOT_FUNCS, -k);
    FuncCell *c = lua_touserdata(L, -1);
    f->cell = c;
    f->closed = c == NULL;
    lw_func_settle(f);
    lua_getiuservalue(L, at, UV_FUNC_NAME);
    f->name = lua_tostring(L, -1);
    lua_getiuservalue(L, at, UV_FUNC_GONE);
    f->gone = c ? NULL : lua_tostring(L, -1);
    gone += c == NULL;
    lua_settop(L, at - 1);
  }
  return gone;
}

/* Pinned ones go with the old version, whose userdata is at ARG_B now; how many. */
static lua_Integer leave_pinned(lua_State *L)
{
  lua_Integer pinned = 0;
  lua_getiuservalue(L, ARG_A, UV_INSTANCE_ASIDE);
  lua_getiuservalue(L, ARG_B, UV_INSTANCE_ASIDE);
  int from = lua_gettop(L) - 1;
  for (lua_pushnil(L); lua_next(L, from);) {
    lua_pop(L, 1);
    int at = lua_gettop(L);
    const FuncBox *f = lua_touserdata(L, at);
    if (f->pinned) {
      set_owner(L, at, ARG_B);
      pinned++;
    }
    if (!f->pinned && f->gone) continue;
    lua_pushvalue(L, at);
    lua_pushnil(L);
    lua_rawset(L, from);
  }
  lua_settop(L, from - 1);
  return pinned;
}

static void exchange(lua_State *L, InstanceBox *a, InstanceBox *b)
{
  Instance *inst = a->inst;
  Owned *owned = a->h.owned;
  a->inst = b->inst;
  b->inst = inst;
  a->h.owned = b->h.owned;
  b->h.owned = owned;
  a->inst->user = a;
  b->inst->user = b;
  lua_getiuservalue(L, ARG_A, UV_HOLDS);
  lua_getiuservalue(L, ARG_B, UV_HOLDS);
  lua_setiuservalue(L, ARG_A, UV_HOLDS);
  lua_setiuservalue(L, ARG_B, UV_HOLDS);
  lua_getiuservalue(L, ARG_A, UV_INSTANCE_OPTIONS);
  lua_getiuservalue(L, ARG_B, UV_INSTANCE_OPTIONS);
  lua_setiuservalue(L, ARG_A, UV_INSTANCE_OPTIONS);
  lua_setiuservalue(L, ARG_B, UV_INSTANCE_OPTIONS);
  lua_getiuservalue(L, ARG_A, UV_INSTANCE_IMPORTS);
  lua_getiuservalue(L, ARG_B, UV_INSTANCE_IMPORTS);
  lua_setiuservalue(L, ARG_A, UV_INSTANCE_IMPORTS);
  lua_setiuservalue(L, ARG_B, UV_INSTANCE_IMPORTS);
}

/* The same as reload_swap, while no collector runs. */
static int swap(lua_State *L)
{
  State *st = lw_state(L);
  InstanceBox *a = check_live(L, ARG_A), *b = check_live(L, ARG_B);
  luaL_checkstack(L, 4 * LUA_MINSTACK,
                  NULL); /* nothing asks for more once it changes things */
  bool relink = lua_toboolean(L, ARG_RELINK);
  lua_newtable(L);
  list_funcs(L, ARG_A, SLOT_FUNCS);
  list_gone(L, ARG_A, SLOT_FUNCS);
  lua_newtable(L);
  list_funcs(L, ARG_B, SLOT_TAKEN); /* what a migration took of the new version */
  lw_push_export_index(L, ARG_B);
  int index = lua_gettop(L);
  lw_push_aside(L, ARG_B);
  prepare_funcs(L, a, b);
  uint32_t links;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_relink_check(a->inst, b->inst, &links, &err);
  if (s == LW_OK && links > 0 && !relink)
    s =
      lw_fail(&err, LW_LINK, ERR_NOWHERE,
              "other instances import %u of its functions; linked=\"relink\" gives them "
              "the new ones",
              (unsigned)links);
  if (s != LW_OK) return lw_push_fail(L, s, &err);

  exchange(L, a, b);
  lw_relink(b->inst, a->inst);
  lw_relink_tokens(a->inst, b->inst);
  lua_Integer gone = follow_funcs(L), pinned = leave_pinned(L);
  for (lua_Integer k = 1; k <= (lua_Integer)lua_rawlen(L, SLOT_TAKEN); k++) {
    lua_rawgeti(L, SLOT_TAKEN, k);
    set_owner(L, lua_gettop(L), ARG_A);
    lua_pop(L, 1);
  }
  lw_exports_renew(L, ARG_A, index);
  lua_pushnil(L);
  lua_setiuservalue(L, ARG_B, UV_INSTANCE_EXPORTS);
  lw_share(L, st, ARG_A);
  lw_share(L, st, ARG_B);
  if (a->keep.id || b->keep.id) lw_hold(L, ARG_A, ARG_B); /* values it was given */
  lua_pushinteger(L, pinned);
  lua_pushinteger(L, gone);
  lua_pushinteger(L, links);
  return 3;
}

/*
** core.swap(A, B, relink) -> pinned, gone, links | nil, err
** A and B: instances. Afterwards A is what B was, and B what A was.
*/
static int reload_swap(lua_State *L)
{
  check_live(L, ARG_A);
  check_live(L, ARG_B);
  luaL_argcheck(L, !lua_rawequal(L, ARG_A, ARG_B), ARG_B, "this is the same instance");
  lua_settop(L, ARG_RELINK);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushcclosure(L, swap, 1);
  lua_insert(L, 1);
  bool collects = lua_gc(L, LUA_GCISRUNNING);
  lua_gc(L, LUA_GCSTOP);
  int status = lua_pcall(L, ARG_RELINK, LUA_MULTRET, 0);
  if (collects) lua_gc(L, LUA_GCRESTART);
  return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* A parked call keeps the userdata at 1, and with it the functions that it calls. */
static void keep_for(void *user, Activation *a)
{
  lua_State *L = user;
  if (!a->anchor || !lw_weak_get(L, WEAK_THINGS, a->anchor)) return;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, UV_ANCHOR_KEEPS);
  lua_pop(L, 1);
}

/* core.retire(B, A): close B when no call uses it any more; A keeps it until then. */
static int reload_retire(lua_State *L)
{
  InstanceBox *b = lw_check(L, 1, KIND_INSTANCE, "wasm.instance");
  lw_check(L, 2, KIND_INSTANCE, "wasm.instance");
  bool closed = !b->inst || b->inst->state != INSTANCE_LIVE;
  if (!closed && lw_instance_busy(b->inst)) {
    lw_hold(L, 2, 1);
    lw_store_visit(b->inst, keep_for, L);
    closed = lw_instance_retire(b->inst);
  } else if (!closed) {
    lw_instance_shut(L, 1, false);
    closed = true;
  }
  lua_pushboolean(L, closed);
  return 1;
}

/* core.version(inst) -> what tells its versions apart, imports, options */
static int reload_version(lua_State *L)
{
  check_live(L, 1);
  lua_pushlightuserdata(L, lw_live_instance(L, 1));
  lua_getiuservalue(L, 1, UV_INSTANCE_IMPORTS);
  lua_getiuservalue(L, 1, UV_INSTANCE_OPTIONS);
  return 3;
}

/* ---- state ---- */

/* core.compare_layout(old, new) -> "" | the differences, a line each */
static int reload_compare(lua_State *L)
{
  HeldText *held = lw_new_held_text(L, lw_state(L));
  InstanceBox *a = check_live(L, 1), *b = check_live(L, 2);
  Str text = {0};
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_migrate_compare(a->inst, b->inst, &text, &err);
  if (s != LW_OK) {
    lw_str_free(&text);
    return lw_push_fail(L, s, &err);
  }
  held->text = text.text;
  if (text.text)
    lw_push_held_text(L, held);
  else
    lua_pushliteral(L, "");
  return 1;
}

/* core.merge_memories(old, new) -> bytes kept, globals kept | nil, err */
static int reload_merge(lua_State *L)
{
  InstanceBox *a = check_live(L, 1), *b = check_live(L, 2);
  uint64_t kept;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_migrate_memories(a->inst, b->inst, &kept, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lua_pushinteger(L, (lua_Integer)kept);
  lua_pushinteger(L, lw_migrate_globals(a->inst, b->inst, false));
  return 2;
}

/* core.copy_globals(old, new) -> how many exported mutable globals were taken over */
static int reload_globals(lua_State *L)
{
  InstanceBox *a = check_live(L, 1), *b = check_live(L, 2);
  lua_pushinteger(L, lw_migrate_globals(a->inst, b->inst, true));
  return 1;
}

/* core.emit(inst, event, value): call the handlers of inst:on(event) */
static int reload_emit(lua_State *L)
{
  lw_check(L, 1, KIND_INSTANCE, "wasm.instance");
  lua_settop(L, 3);
  const char *event = luaL_checkstring(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 3);
  lw_instance_event(L, 1, event, 2);
  return 0;
}

/* core.is_error(value) */
static int reload_is_error(lua_State *L)
{
  luaL_checkany(L, 1);
  lua_pushboolean(L, lw_is_error(L, 1));
  return 1;
}

/* core.is_module(value), core.is_instance(value) */
static int is_kind(lua_State *L, Kind kind)
{
  lua_settop(L, 1);
  lua_pushboolean(L, lw_test(L, lw_state(L), 1, kind) != NULL);
  return 1;
}

static int reload_is_module(lua_State *L)
{
  return is_kind(L, KIND_MODULE);
}

static int reload_is_instance(lua_State *L)
{
  return is_kind(L, KIND_INSTANCE);
}

/* core.methods(kind) -> the table of methods, for Lua to add to */
static int reload_methods(lua_State *L)
{
  static const char *const names[] = {"module", "instance", "snapshot", "memory", NULL};
  static const Kind kinds[] = {KIND_MODULE, KIND_INSTANCE, KIND_SNAPSHOT, KIND_MEMORY};
  lw_push_methods(L, kinds[luaL_checkoption(L, 1, NULL, names)]);
  return 1;
}

static const luaL_Reg functions[] = {
  {"swap",           reload_swap       },
  {"retire",         reload_retire     },
  {"version",        reload_version    },
  {"compare_layout", reload_compare    },
  {"merge_memories", reload_merge      },
  {"copy_globals",   reload_globals    },
  {"emit",           reload_emit       },
  {"methods",        reload_methods    },
  {"is_module",      reload_is_module  },
  {"is_instance",    reload_is_instance},
  {"is_error",       reload_is_error   },
  {NULL,             NULL              },
};

void lw_open_reload(lua_State *L)
{
  lw_add_functions(L, functions);
}

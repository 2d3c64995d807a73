/*
** lua_snapshot.c -- userdata "wasm.snapshot": the state of an instance at one moment.
**
** A snapshot keeps the instance it is of only if that instance keeps values of Lua for
** wasm, since references in the snapshot may stand for some of them.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdlib.h>

#include "base/os.h"
#include "rt/snapshot.h"

#define SNAPSHOT_NAME "wasm.snapshot"
enum { UV_OF = 1 };

typedef struct SnapshotBox {
  Handle h;
  Snapshot *snapshot; /* NULL: closed */
} SnapshotBox;

static void give_back(void *snapshot)
{
  lw_snapshot_free(snapshot);
}

static void forget(Handle *h)
{
  ((SnapshotBox *)h)->snapshot = NULL;
}

static SnapshotBox *check_snapshot(lua_State *L, int arg)
{
  return lw_check(L, arg, KIND_SNAPSHOT, SNAPSHOT_NAME);
}

static SnapshotBox *check_open(lua_State *L, int arg)
{
  SnapshotBox *box = check_snapshot(L, arg);
  if (!box->snapshot) lw_raise(L, LW_CLOSED, "the snapshot is closed");
  return box;
}

static InstanceBox *check_live(lua_State *L)
{
  InstanceBox *box = lw_check(L, 1, KIND_INSTANCE, "wasm.instance");
  lw_live_instance(L, 1);
  return box;
}

static SnapshotBox *new_snapshot(lua_State *L, State *st)
{
  lw_store(L, st);
  return lw_new_box(L, st, KIND_SNAPSHOT, sizeof(SnapshotBox), UV_OF);
}

static void own(SnapshotBox *box, Snapshot *made)
{
  box->snapshot = made;
  lw_own(&box->h, made, give_back, forget);
}

/* Tell Lua's collector what this one keeps alone. */
static void account(lua_State *L, State *st, const Snapshot *s)
{
  SnapshotStats stats;
  lw_snapshot_stats(s, &stats);
  lw_account(L, st, 4096 * (stats.own_pages + 1));
}

/* inst:snapshot() -> snapshot | nil, err */
static int snapshot_take(lua_State *L)
{
  State *st = lw_state(L);
  check_live(L);
  lw_collect_refs(L, st, false);
  SnapshotBox *box = new_snapshot(L, st);
  InstanceBox *inst = check_live(L);
  if (inst->keep.id) {
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, UV_OF);
  }
  Snapshot *made;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_snapshot_take(inst->inst, &made, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  own(box, made);
  account(L, st, made);
  return 1;
}

/* inst:restore(snapshot) -> true | nil, err */
static int snapshot_restore(lua_State *L)
{
  InstanceBox *inst = check_live(L);
  const SnapshotBox *box = check_open(L, 2);
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_snapshot_restore(box->snapshot, inst->inst, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  if (lua_getiuservalue(L, 2, UV_OF) == LUA_TUSERDATA && !lua_rawequal(L, 1, -1))
    lw_hold(L, 1, -1); /* it keeps the values of Lua that came along */
  lua_pushboolean(L, 1);
  return 1;
}

/* Push a copy of the set at `from`'s user value `uv`, or nil. */
static void copy_set(lua_State *L, int from, int uv)
{
  if (lua_getiuservalue(L, from, uv) != LUA_TTABLE) return;
  int set = lua_gettop(L);
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, set); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_pushboolean(L, 1);
    lua_rawset(L, set + 1);
  }
  lua_remove(L, set);
}

/* The slots of inst:clone. */
enum { CLONE_OF = 1, CLONE_SNAPSHOT, CLONE_OPTIONS, CLONE };

/* Everything of Lua's that the clone needs, before there is one. */
static InstanceBox *new_clone(lua_State *L, State *st)
{
  InstanceBox *box = lw_new_box(L, st, KIND_INSTANCE, sizeof *box, UV_INSTANCE__LAST);
  assert(lua_gettop(L) == CLONE);
  copy_set(L, CLONE_OF, UV_HOLDS);
  lua_setiuservalue(L, CLONE, UV_HOLDS);
  lua_getiuservalue(L, CLONE_OF, UV_INSTANCE_IMPORTS);
  lua_setiuservalue(L, CLONE, UV_INSTANCE_IMPORTS);
  lua_pushvalue(L, CLONE_OPTIONS);
  lua_setiuservalue(L, CLONE, UV_INSTANCE_OPTIONS);
  lua_getiuservalue(L, CLONE_OF, UV_INSTANCE_NAME);
  box->name = lua_tostring(L, -1);
  lua_setiuservalue(L, CLONE, UV_INSTANCE_NAME);
  return box;
}

/* inst:clone() -> instance | nil, err: one in the same state, with the same imports */
static int snapshot_clone(lua_State *L)
{
  State *st = lw_state(L);
  lua_settop(L, 1);
  check_live(L);
  SnapshotBox *held = new_snapshot(L, st);
  lua_getiuservalue(L, CLONE_OF, UV_INSTANCE_OPTIONS);
  InstanceBox *box = new_clone(L, st);
  InstanceOptions opts = lw_instance_options(L, CLONE_OPTIONS);
  InstanceBox *of = check_live(L);
  Snapshot *taken;
  Instance *made;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_snapshot_take(of->inst, &taken, &err);
  if (s == LW_OK) {
    own(held, taken);
    s = lw_snapshot_clone(taken, of->inst, &opts, &made, &err);
  }
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lw_own_instance(L, box, CLONE, made);
  lw_release(&held->h);
  if (of->keep.id) lw_hold(L, CLONE, CLONE_OF); /* it keeps values that both refer to */
  lw_share(L, st, CLONE);
  if (box->inst && box->inst->state == INSTANCE_LIVE)
    lw_account(L, st, lw_instance_weight(box->inst));
  lua_settop(L, CLONE);
  return 1;
}

/* s:dump() -> string | nil, err */
static int snapshot_dump(lua_State *L)
{
  HeldText *text = lw_new_held_text(L, lw_state(L));
  const SnapshotBox *box = check_open(L, 1);
  Str bytes = {0};
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_snapshot_write(box->snapshot, &bytes, &err);
  if (s != LW_OK) {
    lw_str_free(&bytes);
    return lw_push_fail(L, s, &err);
  }
  text->text = bytes.text;
  lw_push_held_bytes(L, text, bytes.len);
  return 1;
}

/* mod:read_snapshot(bytes) -> snapshot | nil, err */
static int snapshot_read(lua_State *L)
{
  size_t size;
  State *st = lw_state(L);
  lw_check(L, 1, KIND_MODULE, "wasm.module");
  const char *bytes = luaL_checklstring(L, 2, &size);
  SnapshotBox *box = new_snapshot(L, st);
  ModuleBox *module = lw_check_open_module(L);
  Snapshot *made;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_snapshot_read(lw_store(L, st), module->code, (const uint8_t *)bytes, size,
                              &made, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  own(box, made);
  account(L, st, made);
  return 1;
}

/* s:stats() -> {memory_bytes=, pages=, own_pages=} */
static int snapshot_stats(lua_State *L)
{
  SnapshotStats stats;
  lw_snapshot_stats(check_open(L, 1)->snapshot, &stats);
  lua_createtable(L, 0, 3);
  lw_set_count(L, "memory_bytes", stats.memory_bytes);
  lw_set_count(L, "pages", stats.pages);
  lw_set_count(L, "own_pages", stats.own_pages);
  return 1;
}

static int snapshot_close(lua_State *L)
{
  SnapshotBox *box = check_snapshot(L, 1);
  lua_pushboolean(L, box->snapshot != NULL);
  lw_release(&box->h);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, UV_OF);
  return 1;
}

static int snapshot_closed(lua_State *L)
{
  lua_pushboolean(L, check_snapshot(L, 1)->snapshot == NULL);
  return 1;
}

static int snapshot_tostring(lua_State *L)
{
  SnapshotStats stats;
  const SnapshotBox *box = check_snapshot(L, 1);
  if (!box->snapshot) {
    lua_pushliteral(L, SNAPSHOT_NAME " (closed)");
    return 1;
  }
  lw_snapshot_stats(box->snapshot, &stats);
  lua_pushfstring(L, SNAPSHOT_NAME ": %I pages, %I of them its own",
                  (LUAI_UACINT)stats.pages, (LUAI_UACINT)stats.own_pages);
  return 1;
}

/* core.watch_pages(enabled): for specs, without the system's help */
static int snapshot_watch(lua_State *L)
{
  lw_os_watch_enable(lua_toboolean(L, 1));
  return 0;
}

static const luaL_Reg methods[] = {
  {"dump",   snapshot_dump  },
  {"stats",  snapshot_stats },
  {"close",  snapshot_close },
  {"closed", snapshot_closed},
  {NULL,     NULL           },
};
static const luaL_Reg meta[] = {
  {"__gc",       lw_box_gc        },
  {"__close",    snapshot_close   },
  {"__tostring", snapshot_tostring},
  {NULL,         NULL             },
};
static const luaL_Reg of_instance[] = {
  {"snapshot", snapshot_take   },
  {"restore",  snapshot_restore},
  {"clone",    snapshot_clone  },
  {NULL,       NULL            },
};
static const luaL_Reg of_module[] = {
  {"read_snapshot", snapshot_read},
  {NULL,            NULL         },
};
static const luaL_Reg functions[] = {
  {"watch_pages", snapshot_watch},
  {NULL,          NULL          },
};

static void add_methods(lua_State *L, Kind kind, const luaL_Reg *more)
{
  lw_push_methods(L, kind);
  lua_pushvalue(L, -2); /* the State */
  luaL_setfuncs(L, more, 1);
  lua_pop(L, 1);
}

void lw_open_snapshot(lua_State *L)
{
  lw_open_kind(L, KIND_SNAPSHOT, SNAPSHOT_NAME, meta, methods);
  add_methods(L, KIND_INSTANCE, of_instance);
  add_methods(L, KIND_MODULE, of_module);
  lw_add_functions(L, functions);
}

/*
** lua_table.c -- userdata "wasm.table": a table of references as Lua sees it.
**
** Counts from 1: t[1] is element 0 of WebAssembly. Since any instance that has the table
** may put its functions there, the table's userdata and those instances keep each other
** (bind.h, UV_HOLDS); what Lua puts in, the userdata keeps as well.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdio.h>

#include "wasm/limits.h"

#define TABLE_NAME "wasm.table"

static bool is_open(const TableBox *box)
{
  return box->table && box->table->refs > 0;
}

static Table *check_table(lua_State *L)
{
  TableBox *box = lw_check(L, 1, KIND_TABLE, TABLE_NAME);
  if (!is_open(box)) lw_raise(L, LW_CLOSED, "table is closed");
  return box->table;
}

static void own_give_back(void *table)
{
  lw_table_unref(table);
}

static void watch_give_back(void *table)
{
  lw_table_unwatch(table);
}

static void table_forget(Handle *h)
{
  ((TableBox *)h)->table = NULL;
}

void lw_push_table(lua_State *L, State *st, int inst, const Instance *i, Table *t)
{
  TableBox *box = NULL;
  inst = lua_absindex(L, inst);
  if (lw_weak_get(L, WEAK_THINGS, t)) {
    box = lw_test(L, st, -1, KIND_TABLE); /* the address may have been another thing's */
    if (!box || box->table != t) {
      lua_pop(L, 1);
      box = NULL;
    }
  }
  if (!box) {
    box = lw_new_box(L, st, KIND_TABLE, sizeof *box, UV_GIVEN);
    lw_still_instance(L, inst, i);
    lw_table_watch(t);
    box->table = t;
    lw_own(&box->h, t, watch_give_back, table_forget);
    lw_weak_set(L, WEAK_THINGS, t, -1);
  }
  lw_hold(L, -1, inst);
  lw_hold(L, inst, -1);
}

/* The reference for the Lua value at `arg`, kept by the table's userdata at 1; `option`:
   what it is the value of, or NULL. */
static uint64_t check_element(lua_State *L, ValType type, int arg, const char *option)
{
  Value v;
  char why[WHY_SIZE];
  assert(lw_val_is_ref(type) && lua_isuserdata(L, 1));
  lw_prepare_owner(L, lw_state(L), 1);
  const char *wrong = lw_to_value(L, arg, type, false, 1, &v, why);
  if (wrong && option && wrong != lw_why_closed)
    lw_misuse(L, "option '%s': %s", option, wrong);
  if (wrong) lw_bad_argument(L, arg, wrong);
  return v.ref;
}

static uint64_t limit_of(const Limits *l)
{
  return l->has_max && l->max < LIMIT_TABLE_ELEMS ? l->max : LIMIT_TABLE_ELEMS;
}

/* wasm.table{type, min=, max=, init=, index=} -> table | nil, err */
static int table_new(lua_State *L)
{
  static const char *const known[] = {"min", "max", "init", "index", NULL};
  static const char *const indexes[] = {"i32", "i64", NULL};
  State *st = lw_state(L);
  Store *store = lw_store(L, st);
  Err err = {.at = ERR_NOWHERE};
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, 1, 1); /* the type; then the options are what is left */
  lua_createtable(L, 0, 4);
  for (lua_pushnil(L); lua_next(L, 1);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    if (lua_isinteger(L, -2) && lua_tointeger(L, -2) == 1)
      lua_pop(L, 2);
    else
      lua_rawset(L, 3);
  }
  lw_check_options(L, 3, "table", known);
  luaL_argcheck(L, !lua_isnil(L, 2), 1,
                "a type expected, as in wasm.table { \"funcref\", min = 10 }");
  TableType type = {.elem = lw_check_valtype(L, 2), .limits = {.max = UINT64_MAX}};
  luaL_argcheck(L, lw_val_is_ref(type.elem), 1, "funcref or externref expected");
  type.limits.is64 = lw_opt_choice(L, 3, "index", indexes, 0) == 1;
  uint64_t most = type.limits.is64 ? INT64_MAX : UINT32_MAX;
  type.limits.min = lw_opt_count(L, 3, "min", 0, most);
  type.limits.max = lw_opt_count(L, 3, "max", UINT64_MAX, most);
  type.limits.has_max = type.limits.max != UINT64_MAX;
  luaL_argcheck(L, type.limits.min <= type.limits.max, 1, "min is more than max");
  lua_getfield(L, 3, "init");
  TableBox *box = lw_new_box(L, st, KIND_TABLE, sizeof *box, UV_GIVEN);
  lua_replace(L, 1);
  uint64_t init = check_element(L, type.elem, 4, "init");
  Status s = lw_table_new(store, &type, limit_of(&type.limits), init, &box->table, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  box->own = true;
  lw_own(&box->h, box->table, own_give_back, table_forget);
  lw_weak_set(L, WEAK_THINGS, box->table, 1);
  lw_account(L, st, type.limits.min * sizeof(uint64_t));
  lua_settop(L, 1);
  return 1;
}

/* t[i]: nil for null, and outside, so that loops end; t.method */
static int table_index(lua_State *L)
{
  if (lua_type(L, 2) == LUA_TSTRING) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    return 1;
  }
  const Table *t = check_table(L);
  int exact;
  lua_Integer i = lua_tointegerx(L, 2, &exact);
  Value v = {
    .words = {0, 0}
  };
  if (exact && i >= 1 && (uint64_t)i <= t->length) v.ref = t->elems[i - 1];
  lw_push_value(L, lw_state(L), t->type.elem, false, v);
  return 1;
}

static int table_newindex(lua_State *L)
{
  lw_collect_refs(L, lw_state(L), false);
  Table *t = check_table(L);
  lua_Integer i = luaL_checkinteger(L, 2);
  uint64_t ref = check_element(L, t->type.elem, 3, NULL);
  t = check_table(L); /* preparing may have run a finalizer */
  if (i < 1 || (uint64_t)i > t->length)
    return luaL_error(L, "out of bounds table access: index %I, size is %I",
                      (LUAI_UACINT)i, (LUAI_UACINT)t->length);
  t->elems[i - 1] = ref;
  return 0;
}

static int table_len(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check_table(L)->length);
  return 1;
}

/* t:grow(n [, init]) -> old size | nil, err */
static int table_grow(lua_State *L)
{
  Table *t = check_table(L);
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0, 2, "a table cannot shrink");
  lua_settop(L, 3);
  uint64_t init = check_element(L, t->type.elem, 3, NULL);
  t = check_table(L);
  uint64_t old = lw_table_grow(t, (uint64_t)n, init);
  if (old == UINT64_MAX) {
    Err err = {.at = ERR_NOWHERE};
    return lw_push_fail(L,
                        lw_fail(&err, LW_LIMIT, ERR_NOWHERE,
                                "table of %llu elements cannot grow by %lld",
                                (unsigned long long)t->length, (long long)n),
                        &err);
  }
  lw_account(L, lw_state(L), (uint64_t)n * sizeof(uint64_t));
  lua_pushinteger(L, (lua_Integer)old);
  return 1;
}

/* t:type() -> "10 20 funcref" */
static int table_type(lua_State *L)
{
  char limits[96], elem[40];
  const Table *t = check_table(L);
  lua_pushfstring(L, "%s %s", lw_limits_text(&t->type.limits, limits, sizeof limits),
                  lw_val_text(t->type.elem, elem, sizeof elem));
  return 1;
}

static int table_close(lua_State *L)
{
  TableBox *box = lw_check(L, 1, KIND_TABLE, TABLE_NAME);
  lua_pushboolean(L, is_open(box));
  lw_release(&box->h);
  return 1;
}

static int table_closed(lua_State *L)
{
  lua_pushboolean(L, !is_open(lw_check(L, 1, KIND_TABLE, TABLE_NAME)));
  return 1;
}

static int table_tostring(lua_State *L)
{
  const TableBox *box = lw_check(L, 1, KIND_TABLE, TABLE_NAME);
  char elem[32];
  if (is_open(box))
    lua_pushfstring(L, TABLE_NAME ": %I x %s", (LUAI_UACINT)box->table->length,
                    lw_val_text(box->table->type.elem, elem, sizeof elem));
  else
    lua_pushliteral(L, TABLE_NAME " (closed)");
  return 1;
}

static const luaL_Reg methods[] = {
  {"grow",   table_grow  },
  {"type",   table_type  },
  {"close",  table_close },
  {"closed", table_closed},
  {NULL,     NULL        },
};
static const luaL_Reg meta[] = {
  {"__index",    table_index   },
  {"__newindex", table_newindex},
  {"__len",      table_len     },
  {"__gc",       lw_box_gc     },
  {"__close",    table_close   },
  {"__tostring", table_tostring},
  {NULL,         NULL          },
};
static const luaL_Reg functions[] = {
  {"table", table_new},
  {NULL,    NULL     },
};

void lw_open_table(lua_State *L)
{
  lw_open_kind(L, KIND_TABLE, TABLE_NAME, meta, methods);
  lw_add_functions(L, functions);
}

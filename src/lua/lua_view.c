/*
** lua_view.c -- userdata "wasm.view": an array of numbers inside a linear memory.
**
** Counts from 1, like a Lua sequence, so ipairs and # work. It keeps the memory's handle
** and looks at its length on every access: right after the memory grew or moved, and an
** error once it is closed, or smaller again (a snapshot was restored).
** Layer: lua.
*/
#include "lua/access.h"

#include <assert.h>

#define VIEW_NAME "wasm.view"

typedef struct View {
  Handle h;
  MemoryBox *box; /* kept by user value 1 */
  uint64_t at, count;
  Access type;
} View;

static View *check_view(lua_State *L)
{
  View *v = lw_check(L, 1, KIND_VIEW, VIEW_NAME);
  const Memory *m = v->box->memory;
  if (!m || m->refs == 0) lw_raise(L, LW_CLOSED, "memory is closed");
  if (!lw_memory_has(m, v->at, v->count * lw_access_size(v->type)))
    luaL_error(L, "out of bounds memory access: the memory was larger when the view was "
                  "made, and an older state was restored since");
  return v;
}

static uint8_t *element(const View *v, lua_Integer i)
{
  assert(i >= 1 && (uint64_t)i <= v->count);
  return v->box->memory->base + v->at + (uint64_t)(i - 1) * lw_access_size(v->type);
}

/* m:view(type, offset, n) -> view */
int lw_memory_view(lua_State *L)
{
  MemoryBox *box = lw_check(L, 1, KIND_MEMORY, "wasm.memory");
  if (!box->memory || box->memory->refs == 0) lw_raise(L, LW_CLOSED, "memory is closed");
  Access type = (Access)luaL_checkoption(L, 2, NULL, lw_access_names);
  lua_Integer at = luaL_checkinteger(L, 3), n = luaL_checkinteger(L, 4);
  lua_Integer size = (lua_Integer)lw_access_size(type);
  if (at < 0 || n < 0 || n > (lua_Integer)1 << 48 ||
      !lw_memory_has(box->memory, (uint64_t)at, (uint64_t)(n * size)))
    return luaL_error(L, "out of bounds memory access: %I x %s at offset %I, size is %I",
                      (LUAI_UACINT)n, lw_access_names[type], (LUAI_UACINT)at,
                      (LUAI_UACINT)box->memory->length);
  View *v = lw_new_box(L, lw_state(L), KIND_VIEW, sizeof *v, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  v->box = box;
  v->at = (uint64_t)at;
  v->count = (uint64_t)n;
  v->type = type;
  return 1;
}

/* v[i]; nil behind the end, so that ipairs stops */
static int view_index(lua_State *L)
{
  const View *v = check_view(L);
  int exact;
  lua_Integer i = lua_tointegerx(L, 2, &exact);
  if (exact && i >= 1 && (uint64_t)i <= v->count)
    lw_access_push(L, v->type, element(v, i));
  else
    lua_pushnil(L);
  return 1;
}

static int view_newindex(lua_State *L)
{
  const View *v = check_view(L);
  lua_Integer i = luaL_checkinteger(L, 2);
  if (i < 1 || (uint64_t)i > v->count)
    return luaL_error(L, "index %I is outside of the view (1 to %I)", (LUAI_UACINT)i,
                      (LUAI_UACINT)v->count);
  if (!lua_isnumber(L, 3))
    return lw_misuse(L, "bad value (number expected, got %s)", luaL_typename(L, 3));
  lw_access_store(L, v->type, element(v, i), 3);
  return 0;
}

static int view_len(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check_view(L)->count);
  return 1;
}

static int view_tostring(lua_State *L)
{
  const View *v = lw_check(L, 1, KIND_VIEW, VIEW_NAME);
  bool open = v->box->memory && v->box->memory->refs > 0;
  lua_pushfstring(L, VIEW_NAME ": %I x %s at offset %I%s", (LUAI_UACINT)v->count,
                  lw_access_names[v->type], (LUAI_UACINT)v->at, open ? "" : " (closed)");
  return 1;
}

static const luaL_Reg methods[] = {
  {NULL, NULL},
};
static const luaL_Reg meta[] = {
  {"__index",    view_index   },
  {"__newindex", view_newindex},
  {"__len",      view_len     },
  {"__tostring", view_tostring},
  {NULL,         NULL         },
};

void lw_open_view(lua_State *L)
{
  lw_open_kind(L, KIND_VIEW, VIEW_NAME, meta, methods);
}

/*
** lua_tag.c -- userdata "wasm.tag", and exceptions as Lua has them.
**
** A tag is what tells exceptions apart. An exception that nobody has caught is raised as
** a wasm.error of kind "exception" with its tag, its values (payload) and itself (exn);
** an error that has an exn, raised by a host function, is thrown in wasm again.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <string.h>

#include "rt/tag.h"
#include "wasm/limits.h"

#define TAG_NAME "wasm.tag"
#define NO_ROOM  "out of memory for objects, or beyond the heap's limit"

typedef struct TagBox {
  Handle h;
  Owner keep;
  Tag *tag;
} TagBox;

static void give_back(void *tag)
{
  lw_tag_unref(tag);
}

static void forget(Handle *h)
{
  ((TagBox *)h)->tag = NULL;
}

void lw_push_tag(lua_State *L, State *st, int inst, const Instance *i, Tag *t)
{
  if (lw_weak_get(L, WEAK_THINGS, t)) {
    TagBox *known = lw_test(L, st, -1, KIND_TAG);
    if (known && known->tag == t) return;
    lua_pop(L, 1); /* the address was another thing's */
  }
  TagBox *box = lw_new_box(L, st, KIND_TAG, sizeof *box, UV_GIVEN);
  if (inst) lw_still_instance(L, inst, i);
  box->tag = lw_tag_ref(t);
  lw_own(&box->h, t, give_back, forget);
  lw_weak_set(L, WEAK_THINGS, t, -1);
}

Tag *lw_tag_of(lua_State *L, State *st, int arg)
{
  const TagBox *box = lw_test(L, st, arg, KIND_TAG);
  return box ? box->tag : NULL;
}

static Tag *check_tag(lua_State *L)
{
  const TagBox *box = lw_check(L, 1, KIND_TAG, TAG_NAME);
  if (!box->tag) lw_raise(L, LW_CLOSED, "tag is closed");
  return box->tag;
}

static TagBox *new_tag(lua_State *L, State *st, const FuncType *t)
{
  Err err = {.at = ERR_NOWHERE};
  Store *store = lw_store(L, st);
  TagBox *box = lw_new_box(L, st, KIND_TAG, sizeof *box, UV_GIVEN);
  uint32_t type;
  Status s = lw_type_intern(t, &type, NULL, &err);
  if (s == LW_OK) {
    s = lw_tag_new(store, type, &box->tag, &err);
    lw_type_release(type);
  }
  if (s != LW_OK) lw_raise(L, s, "%s", err.msg);
  lw_own(&box->h, box->tag, give_back, forget);
  lw_weak_set(L, WEAK_THINGS, box->tag, -1);
  return box;
}

/* wasm.tag("(i32, f64)") -> tag */
static int tag_new(lua_State *L)
{
  State *st = lw_state(L);
  FuncType t = lw_check_functype(L, 1);
  luaL_argcheck(L, t.nresults == 0, 1, "a tag has no results");
  new_tag(L, st, &t);
  return 1;
}

/* ---- exceptions as errors ---- */

/* Push the wasm.error for an exception, which something keeps meanwhile. */
void lw_push_exception(lua_State *L, State *st, uint64_t exn)
{
  const ExnObject *e = (const ExnObject *)(uintptr_t)exn;
  const FuncType *t = lw_type_of(e->tag->type);
  char type[120], message[160];
  luaL_checkstack(L, 8, NULL);
  lw_push_object(L, st, exn);
  int object = lua_gettop(L);
  lw_functype_text(t, type, sizeof type);
  char *arrow = strstr(type, " ->");
  if (arrow) *arrow = '\0';
  snprintf(message, sizeof message, "uncaught exception with values %s", type);
  lw_push_error(L, LW_EXCEPTION, message, ERR_NOWHERE);
  lua_pushvalue(L, object);
  lua_setfield(L, -2, "exn");
  lw_push_tag(L, st, 0, NULL, e->tag);
  lua_setfield(L, -2, "tag");
  lua_createtable(L, (int)t->nparams, 0);
  for (uint32_t k = 0; k < t->nparams; k++) {
    lw_push_value(L, st, t->params[k], false, e->values[k]);
    lua_rawseti(L, -2, (lua_Integer)k + 1);
  }
  lua_setfield(L, -2, "payload");
  lua_remove(L, object);
}

uint64_t lw_exception_of(lua_State *L, State *st, int arg)
{
  arg = lua_absindex(L, arg);
  if (!lw_is_error(L, arg) || !lua_checkstack(L, 3)) return 0;
  lua_pushliteral(L, "exn");
  lua_rawget(L, arg);
  uint64_t ref = lw_object_of(L, st, -1);
  lua_pop(L, 1);
  return ref && lw_ref_is_exn(ref) ? ref : 0;
}

/* ---- errors of Lua as exceptions ---- */

static const char host_tag_key; /* of the registry: its handle, which keeps the values */

/* Push the handle of the tag that errors of Lua are thrown with. */
static TagBox *push_host_tag(lua_State *L, State *st)
{
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &host_tag_key) == LUA_TUSERDATA) {
    TagBox *known = lw_test(L, st, -1, KIND_TAG);
    if (known && known->tag) return known;
  }
  lua_pop(L, 1);
  ValType value = VAL_EXTERNREF;
  const FuncType t = {.params = &value, .nparams = 1};
  TagBox *box = new_tag(L, st, &t);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &host_tag_key);
  return box;
}

uint64_t lw_host_exception(lua_State *L, State *st)
{
  int error = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  TagBox *box = push_host_tag(L, st);
  lw_prepare_owner(L, st, error + 1);
  lw_push_no_object(L, st);
  ExnObject *e = lw_exn_new(lw_store(L, st), NULL, box->tag);
  if (!e) lw_raise(L, LW_LIMIT, NO_ROOM);
  lw_set_object(L, st, (uintptr_t)e);
  char why[WHY_SIZE];
  const char *wrong =
    lw_to_value(L, error, VAL_EXTERNREF, false, error + 1, &e->values[0], why);
  assert(!wrong && "any value is an externref");
  (void)wrong;
  lua_settop(L, error);
  return (uintptr_t)e;
}

bool lw_push_host_error(lua_State *L, State *st, uint64_t exn)
{
  const ExnObject *e = (const ExnObject *)(uintptr_t)exn;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &host_tag_key);
  const TagBox *known = lw_test(L, st, -1, KIND_TAG);
  lua_pop(L, 1);
  if (!known || known->tag != e->tag) return false;
  lw_push_value(L, st, VAL_EXTERNREF, false, e->values[0]);
  return true;
}

/* wasm.exception(tag, ...) -> a wasm.error to be raised with error() */
static int exception_new(lua_State *L)
{
  State *st = lw_state(L);
  Tag *tag = check_tag(L);
  const FuncType *t = lw_type_of(tag->type);
  int given = lua_gettop(L) - 1;
  if (given != (int)t->nparams)
    return luaL_error(L, "the tag has %d values, got %d", (int)t->nparams, given);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lw_collect_refs(L, st, false);
  /* what the values refer to lives as long as the tag's handle */
  lw_prepare_owner(L, st, 1);
  lw_push_no_object(L, st);
  ExnObject *e = lw_exn_new(lw_store(L, st), NULL, check_tag(L));
  if (!e) lw_raise(L, LW_LIMIT, NO_ROOM);
  lw_set_object(L, st, (uintptr_t)e);
  for (uint32_t k = 0; k < t->nparams; k++) {
    char why[WHY_SIZE];
    const char *wrong =
      lw_to_value(L, (int)k + 2, t->params[k], false, 1, &e->values[k], why);
    if (wrong) {
      e->values[k] = (Value){
        .words = {0, 0}
      };
      lw_bad_argument(L, (int)k + 2, wrong);
    }
  }
  lw_push_exception(L, st, (uintptr_t)e);
  return 1;
}

/* ---- methods ---- */

/* tag:type() -> "(i32, f64)" */
static int tag_type(lua_State *L)
{
  char text[400];
  lw_functype_text(lw_type_of(check_tag(L)->type), text, sizeof text);
  char *arrow = strstr(text, " ->");
  if (arrow) *arrow = '\0';
  lua_pushstring(L, text);
  return 1;
}

static int tag_close(lua_State *L)
{
  TagBox *box = lw_check(L, 1, KIND_TAG, TAG_NAME);
  lua_pushboolean(L, box->tag != NULL);
  lw_release(&box->h);
  return 1;
}

static int tag_closed(lua_State *L)
{
  const TagBox *box = lw_check(L, 1, KIND_TAG, TAG_NAME);
  lua_pushboolean(L, box->tag == NULL);
  return 1;
}

static int tag_tostring(lua_State *L)
{
  const TagBox *box = lw_check(L, 1, KIND_TAG, TAG_NAME);
  if (!box->tag) {
    lua_pushliteral(L, TAG_NAME " (closed)");
    return 1;
  }
  tag_type(L);
  lua_pushfstring(L, TAG_NAME ": %s", lua_tostring(L, -1));
  return 1;
}

static const luaL_Reg methods[] = {
  {"type",   tag_type  },
  {"close",  tag_close },
  {"closed", tag_closed},
  {NULL,     NULL      },
};
static const luaL_Reg meta[] = {
  {"__gc",       lw_box_gc   },
  {"__close",    tag_close   },
  {"__tostring", tag_tostring},
  {NULL,         NULL        },
};
static const luaL_Reg functions[] = {
  {"tag",       tag_new      },
  {"exception", exception_new},
  {NULL,        NULL         },
};

void lw_open_tag(lua_State *L)
{
  lw_open_kind(L, KIND_TAG, TAG_NAME, meta, methods);
  lw_add_functions(L, functions);
}

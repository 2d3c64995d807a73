/*
** lua_ref.c -- userdata "wasm.ref": a struct or an array of the collected heap.
**
** The same object is the same userdata for as long as Lua has it, so `==` is identity.
** r[k] and r[k] = v read and write field or element k, counted from 1; #r is how many
** there are. The userdata is a root of the heap: what it refers to stays.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "rt/object.h"

#define REF_NAME "wasm.ref"

typedef struct RefBox {
  Handle h;
  Owner keep;
  RefHandle *handle;
} RefBox;

static void give_back(void *handle)
{
  lw_handle_free(handle);
}

static void forget(Handle *h)
{
  ((RefBox *)h)->handle = NULL;
}

void lw_push_no_object(lua_State *L, State *st)
{
  lw_new_box(L, st, KIND_REF, sizeof(RefBox), UV_GIVEN);
}

void lw_set_object(lua_State *L, State *st, uint64_t ref)
{
  RefBox *box = lua_touserdata(L, -1);
  assert(!box->handle);
  box->handle = lw_handle_new(lw_store(L, st), ref);
  if (!box->handle) lw_raise(L, LW_NOMEM, "out of memory for a reference");
  lw_own(&box->h, box->handle, give_back, forget);
  lw_weak_set(L, WEAK_THINGS, (void *)(uintptr_t)ref, -1);
}

/* Making a userdata may run finalizers, and those may take the object from where it was
   found. (Finalizers do not interrupt each other; if there is no memory, the object stays
   until the state ends.) */
void lw_push_object(lua_State *L, State *st, uint64_t ref)
{
  if (lw_weak_get(L, WEAK_THINGS, (void *)(uintptr_t)ref)) {
    RefBox *known = lw_test(L, st, -1, KIND_REF);
    if (known && known->handle && known->handle->ref == ref) return;
    lua_pop(L, 1); /* the address was another thing's */
  }
  lw_store(L, st);
  uint64_t before = st->pin->ref;
  st->pin->ref = ref;
  lw_push_no_object(L, st);
  lw_set_object(L, st, ref);
  st->pin->ref = before;
}

uint64_t lw_object_of(lua_State *L, State *st, int arg)
{
  const RefBox *box = lw_test(L, st, arg, KIND_REF);
  return box && box->handle ? box->handle->ref : 0;
}

static uint64_t check_ref(lua_State *L)
{
  const RefBox *box = lw_check(L, 1, KIND_REF, REF_NAME);
  if (!box->handle) lw_raise(L, LW_CLOSED, "reference is closed");
  return box->handle->ref;
}

/* ---- fields ---- */

static uint32_t count_of(uint64_t ref)
{
  const TypeInfo *info = lw_ref_info(ref);
  if (info->kind == INFO_EXN) return 0; /* its error has the values */
  if (info->kind == TYPE_STRUCT) return info->nfields;
  return ((const ArrayObject *)(uintptr_t)ref)->length;
}

/* Where field or element k (from 0) is; *f says what. */
static uint8_t *place_of(uint64_t ref, uint64_t k, const FieldType **f)
{
  const TypeInfo *info = lw_ref_info(ref);
  uint8_t *object = (uint8_t *)(uintptr_t)ref;
  assert(k < count_of(ref));
  *f = &info->fields[info->kind == TYPE_STRUCT ? k : 0];
  if (info->kind == TYPE_STRUCT) return object + (*f)->offset;
  return ((ArrayObject *)(void *)object)->elems + k * info->size;
}

static bool is_packed(ValType t)
{
  return t == VAL_I8 || t == VAL_I16;
}

static int ref_index(lua_State *L)
{
  int exact = 0;
  lua_Integer k = lua_type(L, 2) == LUA_TNUMBER ? lua_tointegerx(L, 2, &exact) : 0;
  if (!exact) {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
    return 1;
  }
  uint64_t ref = check_ref(L);
  if (k < 1 || (uint64_t)k > count_of(ref)) {
    lua_pushnil(L);
    return 1;
  }
  const FieldType *f;
  const uint8_t *at = place_of(ref, (uint64_t)k - 1, &f);
  Value v = lw_storage_get(at, f->type, true);
  lw_push_value(L, lw_state(L), is_packed(f->type) ? VAL_I32 : f->type, false, v);
  return 1;
}

static int ref_newindex(lua_State *L)
{
  State *st = lw_state(L);
  uint64_t ref = check_ref(L);
  lua_Integer k = luaL_checkinteger(L, 2);
  if (k < 1 || (uint64_t)k > count_of(ref))
    return luaL_error(L, "index %I is out of range, there are %d", (LUAI_UACINT)k,
                      (int)count_of(ref));
  const FieldType *f;
  Value v;
  char why[WHY_SIZE];
  lw_collect_refs(L, st, false);
  lw_prepare_owner(L, st, 1);
  ref = check_ref(L); /* preparing may have run a finalizer */
  uint8_t *at = place_of(ref, (uint64_t)k - 1, &f);
  if (!f->mutable_) return luaL_error(L, "field %d is immutable", (int)k);
  const char *wrong =
    lw_to_value(L, 3, is_packed(f->type) ? VAL_I32 : f->type, false, 1, &v, why);
  if (wrong) lw_bad_argument(L, 3, wrong);
  lw_storage_set(at, f->type, v);
  return 0;
}

static int ref_len(lua_State *L)
{
  lua_pushinteger(L, count_of(check_ref(L)));
  return 1;
}

/* ---- text ---- */

static void put_field(Str *s, const FieldType *f)
{
  char text[40];
  lw_str_fmt(s, f->mutable_ ? "(mut %s)" : "%s", lw_val_text(f->type, text, sizeof text));
}

/* "(struct (field i32) (field (mut f64)))", "(array (mut i8))" */
static void put_type(Str *s, const TypeInfo *info)
{
  if (info->kind == INFO_EXN) {
    lw_str_fmt(s, "exn");
    return;
  }
  if (info->kind == TYPE_ARRAY) {
    lw_str_fmt(s, "(array ");
    put_field(s, &info->fields[0]);
    lw_str_fmt(s, ")");
    return;
  }
  lw_str_fmt(s, "(struct");
  for (uint32_t k = 0; k < info->nfields; k++) {
    lw_str_fmt(s, " (field ");
    put_field(s, &info->fields[k]);
    lw_str_fmt(s, ")");
  }
  lw_str_fmt(s, ")");
}

static void push_type(lua_State *L, uint64_t ref)
{
  Str s = {0};
  put_type(&s, lw_ref_info(ref));
  if (!s.failed) lua_pushlstring(L, s.text, s.len);
  lw_str_free(&s);
  if (s.failed) lw_raise(L, LW_NOMEM, "out of memory for a type");
}

/* r:type() */
static int ref_type(lua_State *L)
{
  push_type(L, check_ref(L));
  return 1;
}

static int ref_tostring(lua_State *L)
{
  const RefBox *box = lw_check(L, 1, KIND_REF, REF_NAME);
  if (!box->handle) {
    lua_pushliteral(L, REF_NAME " (closed)");
    return 1;
  }
  uint64_t ref = box->handle->ref;
  bool array = lw_ref_info(ref)->kind == TYPE_ARRAY;
  if (lw_ref_info(ref)->kind == INFO_EXN) {
    lua_pushfstring(L, REF_NAME ": exception (%p)", (void *)(uintptr_t)ref);
    return 1;
  }
  lua_pushfstring(L,
                  array ? REF_NAME ": array of %d (%p)" : REF_NAME ": struct of %d (%p)",
                  (int)count_of(ref), (void *)(uintptr_t)ref);
  return 1;
}

/* ---- its end ---- */

static int ref_close(lua_State *L)
{
  RefBox *box = lw_check(L, 1, KIND_REF, REF_NAME);
  lua_pushboolean(L, box->handle != NULL);
  lw_release(&box->h);
  return 1;
}

static int ref_closed(lua_State *L)
{
  const RefBox *box = lw_check(L, 1, KIND_REF, REF_NAME);
  lua_pushboolean(L, box->handle == NULL);
  return 1;
}

/* wasm.heap([{max=, collect=true}]) -> {objects=, bytes=, max=, collections=} */
static int heap(lua_State *L)
{
  State *st = lw_state(L);
  Store *store = lw_store(L, st);
  static const char *const known[] = {"max", "collect", NULL};
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) {
    lw_check_options(L, 1, "heap", known);
    HeapStats was;
    lw_heap_stats(store, &was);
    lw_heap_limit(store, lw_opt_size(L, 1, "max", was.limit));
    lua_getfield(L, 1, "collect");
    if (lua_toboolean(L, -1)) lw_collect_refs(L, st, true);
  }
  HeapStats stats;
  lw_heap_stats(store, &stats);
  lua_createtable(L, 0, 4);
  lw_set_count(L, "objects", stats.objects);
  lw_set_count(L, "bytes", stats.bytes);
  lw_set_count(L, "max", stats.limit);
  lw_set_count(L, "collections", stats.collections);
  return 1;
}

#ifndef NDEBUG
/* core.heap_torture(on): a collection at every allocation. */
static int heap_torture(lua_State *L)
{
  lw_heap_torture(lua_toboolean(L, 1));
  return 0;
}
#endif

static const luaL_Reg methods[] = {
  {"type",   ref_type  },
  {"close",  ref_close },
  {"closed", ref_closed},
  {NULL,     NULL      },
};
static const luaL_Reg meta[] = {
  {"__index",    ref_index   },
  {"__newindex", ref_newindex},
  {"__len",      ref_len     },
  {"__gc",       lw_box_gc   },
  {"__close",    ref_close   },
  {"__tostring", ref_tostring},
  {NULL,         NULL        },
};
static const luaL_Reg functions[] = {
  {"heap",         heap        },
#ifndef NDEBUG
  {"heap_torture", heap_torture},
#endif
  {NULL,           NULL        },
};

void lw_open_ref(lua_State *L)
{
  lw_open_kind(L, KIND_REF, REF_NAME, meta, methods);
  lw_add_functions(L, functions);
}

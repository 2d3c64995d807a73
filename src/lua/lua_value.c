/*
** lua_value.c -- one value, from Lua to wasm and back.
**
** Nothing is wrapped or rounded silently: a number that does not fit is refused with the
** reason. "Bits" are integers holding the exact pattern of a float, for NaNs.
** References: a funcref is a FuncCell; an externref is a box that names a slot in the
** Lua table of the box (instance, host function, table, global) that got the value; an
** object is a wasm.ref (lua_ref.c), an i31 an integer.
** Invariant: lw_to_value creates no collectable Lua object, so between the first and the
** last conversion of a call no finalizer runs and no lw_gc_collect can miss a new box.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rt/tag.h"

enum { GIVEN_LIMIT = 256 };

bool lw_type_has_refs(const FuncType *t)
{
  bool refs = false;
  for (uint32_t i = 0; i < t->nparams; i++)
    refs |= lw_val_is_ref(t->params[i]);
  for (uint32_t i = 0; i < t->nresults; i++)
    refs |= lw_val_is_ref(t->results[i]);
  return refs;
}

/* Slots of boxes that nothing refers to any more are free. */
static void empty_dead_slots(lua_State *L, State *st)
{
  DeadSlot dead;
  while (lw_gc_next_dead(st->store, &dead)) {
    if (!lw_weak_get(L, WEAK_OWNERS, dead.owner)) continue;
    Owner *keep = &((OwnerBox *)lua_touserdata(L, -1))->keep;
    assert(keep->id == (uintptr_t)dead.owner && dead.slot <= keep->used);
    lua_getiuservalue(L, -1, UV_SLOTS);
    lua_pushinteger(L, keep->free);
    lua_rawseti(L, -2, dead.slot);
    keep->free = dead.slot;
    lua_pop(L, 2);
  }
}

/* Does wasm still have a reference to a function of this userdata, after a survey? */
static bool is_referred(lua_State *L, State *st, int index)
{
  const FuncBox *f = lw_test(L, st, index, KIND_HOST);
  if (f) return f->host && f->host->marked;
  const InstanceBox *i = lw_test(L, st, index, KIND_INSTANCE);
  return i && i->inst && i->inst->shell && i->inst->shell->marked;
}

/* Let go of functions that were handed over once and are not referred to any more. */
static void look_through_given(lua_State *L, State *st, int owner)
{
  Owner *keep = &((OwnerBox *)lua_touserdata(L, owner))->keep;
  lw_gc_survey(lw_store(L, st));
  empty_dead_slots(L, st);
  keep->given = 0;
  lua_getiuservalue(L, owner, UV_GIVEN);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pop(L, 1);
    if (is_referred(L, st, lua_gettop(L))) {
      keep->given++;
    } else {
      lua_pushvalue(L, -1);
      lua_pushnil(L);
      lua_rawset(L, -4); /* allowed while traversing */
    }
  }
  lua_pop(L, 1);
  keep->limit = keep->given * 2 + GIVEN_LIMIT;
}

void lw_prepare_owner(lua_State *L, State *st, int owner)
{
  OwnerBox *box = lua_touserdata(L, owner);
  owner = lua_absindex(L, owner);
  assert(box && box->h.state == st);
  luaL_checkstack(L, 8, NULL);
  if (box->keep.given > box->keep.limit) look_through_given(L, st, owner);
  for (int uv = UV_HOLDS; uv <= UV_GIVEN; uv++) {
    if (lua_getiuservalue(L, owner, uv) != LUA_TTABLE) {
      lua_newtable(L);
      lua_setiuservalue(L, owner, uv);
    }
    lua_pop(L, 1);
  }
  if (box->keep.id) return;
  uint64_t id = ++st->owners;
  lw_weak_set(L, WEAK_OWNERS, (void *)(uintptr_t)id, owner);
  box->keep.id = id;
  box->keep.limit = GIVEN_LIMIT;
}

static const char *refuse(lua_State *L, int arg, ValType t, char why[WHY_SIZE])
{
  char type[40];
  lw_val_text(t, type, sizeof type);
  if (t == VAL_V128 && lua_type(L, arg) == LUA_TSTRING)
    snprintf(why, WHY_SIZE, "v128 expected, a string of 16 bytes, not %d",
             (int)lua_rawlen(L, arg));
  else if (lua_type(L, arg) == LUA_TNUMBER) {
    bool whole =
      lua_isinteger(L, arg) || lua_tonumber(L, arg) == floor(lua_tonumber(L, arg));
    snprintf(why, WHY_SIZE, "%s expected, %.14g %s", type, lua_tonumber(L, arg),
             whole ? "is out of range" : "has no integer representation");
  } else
    snprintf(why, WHY_SIZE, "%s expected, got %s", type, luaL_typename(L, arg));
  return why;
}

/* A Lua number with an exact integer value. Strings are not numbers here. */
static bool to_integer(lua_State *L, int arg, lua_Integer *out)
{
  int exact = 0;
  if (lua_type(L, arg) == LUA_TNUMBER) *out = lua_tointegerx(L, arg, &exact);
  return exact;
}

static bool to_word(lua_State *L, int arg, bool bits, Value *out)
{
  lua_Integer v = 0;
  if (!bits && lua_type(L, arg) == LUA_TBOOLEAN) {
    out->i64 = (uint64_t)lua_toboolean(L, arg);
    return true;
  }
  if (!to_integer(L, arg, &v) || v < INT32_MIN || v > (lua_Integer)UINT32_MAX)
    return false;
  out->i64 = (uint32_t)v;
  return true;
}

/* A string of 16 bytes, lane 0 first. */
static bool to_vector(lua_State *L, int arg, Value *out)
{
  size_t len = 0;
  const char *bytes =
    lua_type(L, arg) == LUA_TSTRING ? lua_tolstring(L, arg, &len) : NULL;
  if (!bytes || len != sizeof out->v128) return false;
  memcpy(out->v128, bytes, sizeof out->v128);
  return true;
}

static bool to_number(lua_State *L, int arg, ValType t, bool bits, Value *out)
{
  lua_Integer v = 0;
  switch (t) {
  case VAL_I32: return to_word(L, arg, bits, out);
  case VAL_F32:
    if (bits) return to_word(L, arg, bits, out);
    if (lua_type(L, arg) != LUA_TNUMBER) return false;
    out->f32 = (float)lua_tonumber(L, arg);
    return true;
  case VAL_F64:
    if (!bits) {
      if (lua_type(L, arg) != LUA_TNUMBER) return false;
      out->f64 = lua_tonumber(L, arg);
      return true;
    } /* fallthrough */
  case VAL_I64:
    if (!to_integer(L, arg, &v)) return false;
    out->i64 = (uint64_t)v;
    return true;
  default: return false;
  }
}

/* Put the value at `arg` into a free slot of the owner; a box for it, or 0. */
static uint64_t keep_extern(lua_State *L, int arg, int owner)
{
  OwnerBox *box = lua_touserdata(L, owner);
  Owner *keep = &box->keep;
  assert(keep->id);
  arg = lua_absindex(L, arg);
  lua_getiuservalue(L, owner, UV_SLOTS);
  lua_Integer slot = keep->free;
  if (slot) {
    lua_rawgeti(L, -1, slot);
    keep->free = lua_tointeger(L, -1);
    lua_pop(L, 1);
  } else if (keep->used < (lua_Integer)UINT32_MAX)
    slot = ++keep->used;
  uint64_t ref = 0;
  assert(slot >= 0 && slot <= keep->used);
  if (slot)
    ref = lw_extern_new(box->h.state->store, (void *)(uintptr_t)keep->id, (uint32_t)slot);
  if (ref)
    lua_pushvalue(L, arg);
  else {
    lua_pushinteger(L, keep->free);
    keep->free = slot;
  }
  lua_rawseti(L, -2, slot);
  lua_pop(L, 1);
  return ref;
}

/* What `f` stands for lives as long as the owner, or until wasm has it no more. */
static void keep_func(lua_State *L, const FuncBox *f, int func, int owner)
{
  Owner *keep = &((OwnerBox *)lua_touserdata(L, owner))->keep;
  func = lua_absindex(L, func);
  assert(keep->id);
  lua_getiuservalue(L, owner, UV_GIVEN);
  if (f->host)
    lua_pushvalue(L, func);
  else
    lua_getiuservalue(L, func, UV_FUNC_OWNER);
  assert(lua_isuserdata(L, -1));
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TNIL) keep->given++;
  lua_pop(L, 1);
  lua_pushboolean(L, 1);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* Externref: any value; an object is what it is, all else goes into a box. */
static const char *to_extern(lua_State *L, State *st, int arg, int owner, Value *out)
{
  out->ref = lw_object_of(L, st, arg);
  if (out->ref && lw_ref_is_exn(out->ref)) out->ref = 0; /* of another hierarchy */
  if (!out->ref) out->ref = keep_extern(L, arg, owner);
  return out->ref ? NULL : "out of memory for a reference";
}

const char lw_why_closed[] = "the function's instance is closed";

static const char *to_function(lua_State *L, State *st, int arg, ValType t, int owner,
                               Value *out, char why[WHY_SIZE])
{
  FuncBox *f = lw_push_funcbox(L, st, arg);
  if (!f) {
    snprintf(why, WHY_SIZE, "function of an instance or wasm.func expected, got %s%s",
             luaL_typename(L, arg), lua_isfunction(L, arg) ? " of Lua" : "");
    return why;
  }
  const char *wrong = NULL;
  if (!lw_func_live(f)) {
    wrong = lw_why_closed;
  } else if (!lw_type_match(VAL_REF_TO(f->cell->type, 0), t)) {
    wrong = "the function has another type";
  } else {
    keep_func(L, f, -1, owner);
    out->ref = (uint64_t)(uintptr_t)f->cell;
  }
  lua_pop(L, 1);
  return wrong;
}

/* anyref and below: objects, integers of 31 bits as i31; anyref takes every value. */
static const char *to_any(lua_State *L, State *st, int arg, ValType t, int owner,
                          Value *out, char why[WHY_SIZE])
{
  enum { I31_MIN = -(1 << 30), I31_MAX = (1 << 30) - 1 };
  lua_Integer v = 0;
  uint64_t object = lw_object_of(L, st, arg);
  if (!object && to_integer(L, arg, &v) && v >= I31_MIN && v <= I31_MAX)
    object = lw_i31_new((uint32_t)v);
  if (object && !lw_ref_is_i31(object) && lw_ref_is_exn(object))
    return refuse(L, arg, t, why);
  if (object && lw_ref_fits(object, t)) {
    out->ref = object;
    return NULL;
  }
  if (lw_val_heap(t) == HEAP_ANY) return to_extern(L, st, arg, owner, out);
  return refuse(L, arg, t, why);
}

static const char *to_reference(lua_State *L, int arg, ValType t, int owner, Value *out,
                                char why[WHY_SIZE])
{
  out->ref = 0;
  if (lua_isnoneornil(L, arg))
    return t & VAL_NULLABLE ? NULL : "nil for a reference that cannot be null";
  assert(owner && "references need a prepared owner");
  State *st = ((OwnerBox *)lua_touserdata(L, owner))->h.state;
  uint32_t heap = lw_val_heap(t);
  switch (lw_heap_top(lw_type_abstract(heap))) {
  case HEAP_FUNC: return to_function(L, st, arg, t, owner, out, why);
  case HEAP_ANY: return to_any(L, st, arg, t, owner, out, why);
  case HEAP_EXTERN:
    if (heap == HEAP_EXTERN) return to_extern(L, st, arg, owner, out);
    break;
  case HEAP_EXN:
    out->ref = lw_object_of(L, st, arg);
    if (out->ref && heap == HEAP_EXN && lw_ref_is_exn(out->ref)) return NULL;
    out->ref = 0;
    break;
  default: break;
  }
  return refuse(L, arg, t, why);
}

const char *lw_to_value(lua_State *L, int arg, ValType t, bool bits, int owner,
                        Value *out, char why[WHY_SIZE])
{
  *out = (Value){
    .words = {0, 0}
  };
  if (lw_val_is_ref(t)) return to_reference(L, arg, t, owner, out, why);
  if (t == VAL_V128) return to_vector(L, arg, out) ? NULL : refuse(L, arg, t, why);
  return to_number(L, arg, t, bits, out) ? NULL : refuse(L, arg, t, why);
}

static void push_extern(lua_State *L, uint64_t ref)
{
  const ExternBox *box = lw_extern_of(ref);
  if (!lw_weak_get(L, WEAK_OWNERS, box->owner)) {
    lua_pushnil(L);
    return;
  }
  assert(box->slot <= ((OwnerBox *)lua_touserdata(L, -1))->keep.used);
  lua_getiuservalue(L, -1, UV_SLOTS);
  lua_rawgeti(L, -1, box->slot);
  lua_replace(L, -3);
  lua_pop(L, 1);
}

/* A reference that is none to a function. */
static void push_ref(lua_State *L, State *st, uint64_t ref)
{
  if (!ref)
    lua_pushnil(L);
  else if (lw_ref_is_i31(ref))
    lua_pushinteger(L, lw_i31_signed(ref));
  else if (lw_ref_is_box(ref))
    push_extern(L, ref);
  else
    lw_push_object(L, st, ref);
}

void lw_push_value(lua_State *L, State *st, ValType t, bool bits, Value v)
{
  switch (lw_val_kind(t)) {
  case VAL_I32: lua_pushinteger(L, (int32_t)v.i32); break;
  case VAL_I64: lua_pushinteger(L, (lua_Integer)v.i64); break;
  case VAL_F32:
    if (bits)
      lua_pushinteger(L, v.i32);
    else
      lua_pushnumber(L, (lua_Number)v.f32);
    break;
  case VAL_F64:
    if (bits)
      lua_pushinteger(L, (lua_Integer)v.i64);
    else
      lua_pushnumber(L, v.f64);
    break;
  case VAL_V128: lua_pushlstring(L, (const char *)v.v128, sizeof v.v128); break;
  default:
    assert(lw_val_is_ref(t));
    if (lw_heap_top(lw_type_abstract(lw_val_heap(t))) == HEAP_FUNC)
      lw_push_func(L, st, (FuncCell *)(uintptr_t)v.ref);
    else
      push_ref(L, st, v.ref);
  }
}

void lw_collect_refs(lua_State *L, State *st, bool now)
{
  if (!st->store || !(now || lw_gc_wanted(st->store)) || !lua_checkstack(L, 6)) return;
  lw_gc_collect(st->store, NULL, 0);
  empty_dead_slots(L, st);
}

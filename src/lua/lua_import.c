/*
** lua_import.c -- what Lua gives for a module's imports, as the values the core links.
**
** Imports come from a table of tables, an instance (its exports), or a function that is
** asked for each one. A plain Lua function becomes a host function of the type the module
** wants. Everything used is held by the new instance; whether types agree is for the core
** to say.
** Two passes: the first asks Lua, which may run any code (close what it gave before,
** too), and keeps userdata only; the second runs none and takes what they stand for just
** then.
** Layer: lua.
*/
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lua/wasi.h"

enum { TYPE_TEXT = 200, MISSING_SHOWN = 20, KEYS_LOOKED_AT = 1000 };

/* One lookup under way; stack indexes are absolute. */
typedef struct Resolver {
  lua_State *L;
  State *st;
  const Module *m;
  const uint32_t *types; /* lw_code_types */
  int imports, inst, things;
  uint32_t nmissing;
  bool wants_wasi; /* calls of WASI are missing, and nothing is given for them */
} Resolver;

const char *lw_limits_text(const Limits *l, char *buf, size_t cap)
{
  int n = snprintf(buf, cap, "%s%llu", l->is64 ? "i64 " : "", (unsigned long long)l->min);
  assert(n > 0 && (size_t)n < cap);
  if (l->has_max)
    n += snprintf(buf + n, cap - (size_t)n, " %llu", (unsigned long long)l->max);
  assert((size_t)n < cap);
  snprintf(buf + n, cap - (size_t)n, "%s%s", l->shared ? " shared" : "",
           l->bytes ? " (pagesize 1)" : "");
  return buf;
}

const char *lw_extern_type(const Module *m, ExternKind kind, uint32_t index, char *buf,
                           size_t cap)
{
  char limits[96], type[40];
  const Limits *l;
  const GlobalType *g;
  switch (kind) {
  case EXTERN_FUNC: return lw_functype_text(lw_module_functype(m, index), buf, cap);
  case EXTERN_MEMORY: return lw_limits_text(&m->memories[index], buf, cap);
  case EXTERN_TABLE:
    l = &m->tables[index].type.limits;
    snprintf(buf, cap, "%s %s", lw_limits_text(l, limits, sizeof limits),
             lw_val_text(m->tables[index].type.elem, type, sizeof type));
    return buf;
  case EXTERN_GLOBAL:
    g = &m->globals[index].type;
    snprintf(buf, cap, g->mutable_ ? "(mut %s)" : "%s",
             lw_val_text(g->type, type, sizeof type));
    return buf;
  case EXTERN_TAG:
    return lw_functype_text(lw_module_signature(m, m->tags[index]), buf, cap);
  default: buf[0] = '\0'; return buf;
  }
}

/* ---- finding the Lua value ---- */

static void push_name(lua_State *L, Name name)
{
  lua_pushlstring(L, name.len ? name.text : "", name.len);
}

/* Push the export of the instance at `index` called like the import, or nil. */
static void push_from_instance(const Resolver *r, int index, const Import *im)
{
  lw_push_exports(r->L, index); /* knows names by a table: there may be a million */
  push_name(r->L, im->name);
  lua_gettable(r->L, -2);
  lua_remove(r->L, -2);
}

/* Push the call of the wasm.wasi at `index` that the import names, or nil. */
static void push_from_wasi(const Resolver *r, int index, const Import *im)
{
  lua_State *L = r->L;
  push_name(L, im->module);
  push_name(L, im->name);
  int base = lua_gettop(L);
  if (!lw_push_wasi_call(L, r->st, index, lua_tostring(L, base - 1),
                         lua_tostring(L, base)))
    lua_pushnil(L);
  lua_replace(L, base - 1);
  lua_settop(L, base - 1);
}

/* Push what the imports say for `im`, nil when they say nothing. */
static void push_given(const Resolver *r, const Import *im)
{
  lua_State *L = r->L;
  char type[TYPE_TEXT];
  if (lua_isnil(L, r->imports)) {
    lua_pushnil(L);
  } else if (lw_test(L, r->st, r->imports, KIND_INSTANCE)) {
    push_from_instance(r, r->imports, im);
  } else if (lua_isfunction(L, r->imports)) {
    lua_pushvalue(L, r->imports);
    push_name(L, im->module);
    push_name(L, im->name);
    lua_pushstring(L, lw_extern_type(r->m, im->kind, im->index, type, sizeof type));
    lua_pushstring(L, lw_extern_text(im->kind));
    lua_call(L, 4, 1);
  } else {
    push_name(L, im->module);
    lua_gettable(L, r->imports);
    int from = lua_gettop(L);
    if (lw_test(L, r->st, from, KIND_INSTANCE))
      push_from_instance(r, from, im);
    else if (lw_test(L, r->st, from, KIND_WASI))
      push_from_wasi(r, from, im);
    else if (lua_istable(L, from) || luaL_getmetafield(L, from, "__index")) {
      lua_settop(L, from);
      push_name(L, im->name);
      lua_gettable(L, from);
    } else
      lua_pushnil(L);
    lua_remove(L, from);
  }
}

/* ---- making it a value of the core ---- */

static Status closed(const Import *im, Err *err)
{
  return lw_fail(err, LW_CLOSED, im->at,
                 "import \"%.*s\" \"%.*s\": what is given is closed",
                 (int)(im->module.len < 60 ? im->module.len : 60), im->module.text,
                 (int)(im->name.len < 60 ? im->name.len : 60), im->name.text);
}

static Status wrong_type(const Resolver *r, const Import *im, Err *err)
{
  char type[TYPE_TEXT];
  return lw_fail(err, LW_LINK, im->at,
                 "incompatible import type for \"%.*s\" \"%.*s\": wanted %s %s, given %s",
                 (int)(im->module.len < 60 ? im->module.len : 60), im->module.text,
                 (int)(im->name.len < 60 ? im->name.len : 60), im->name.text,
                 lw_extern_text(im->kind),
                 lw_extern_type(r->m, im->kind, im->index, type, sizeof type),
                 luaL_typename(r->L, -1));
}

/* Replace the name on the top by the key of the table at `from` that may have been meant
   by it, or nil. */
static void find_meant(lua_State *L, int from)
{
  int name = lua_gettop(L);
  size_t least = NEAR;
  lua_pushnil(L); /* the nearest so far */
  int left = KEYS_LOOKED_AT;
  for (lua_pushnil(L); left-- && lua_next(L, from); lua_settop(L, name + 2))
    if (lua_type(L, name + 2) == LUA_TSTRING &&
        lw_nearer(lua_tostring(L, name), lua_tostring(L, name + 2), &least)) {
      lua_pushvalue(L, name + 2);
      lua_replace(L, name + 1);
    }
  lua_settop(L, name + 1);
  lua_remove(L, name);
}

static bool is_wasi(Name module)
{
  static const char *const names[] = {"wasi_snapshot_preview1", "wasi_unstable"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (module.len == strlen(names[k]) && memcmp(module.text, names[k], module.len) == 0)
      return true;
  return false;
}

/* Push what else is given that may have been meant for a missing import, or "". */
static void push_hint(Resolver *r, const Import *im)
{
  lua_State *L = r->L;
  const char *hint = "";
  int base = lua_gettop(L), type = LUA_TNIL;
  push_name(L, im->module);
  if (lua_istable(L, r->imports)) {
    lua_pushvalue(L, -1);
    type = lua_rawget(L, r->imports);
  } else if (lua_isnil(L, r->imports))
    lua_pushnil(L);
  else
    type = LUA_TNONE;
  if (type == LUA_TTABLE) {
    push_name(L, im->name);
    find_meant(L, base + 2);
    hint = ", given \"%s\"";
  } else if (type == LUA_TNIL) {
    lua_settop(L, base + 1);
    if (lua_istable(L, r->imports))
      find_meant(L, r->imports);
    else
      lua_pushnil(L);
    hint = ", given module \"%s\"";
    if (lua_isnil(L, -1) && is_wasi(im->module)) r->wants_wasi = true;
  } else if (type == LUA_TNONE || type == LUA_TUSERDATA)
    lua_pushnil(L);
  else {
    lua_pushstring(L, lua_typename(L, type));
    hint = ", but the module is given as a %s";
  }
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "");
  else
    lua_pushfstring(L, hint, lua_tostring(L, -1));
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
}

/* Append it to the list on the top, unless that is long already. */
static void note_missing(Resolver *r, const Import *im)
{
  lua_State *L = r->L;
  char type[TYPE_TEXT];
  if (r->nmissing >= MISSING_SHOWN) {
    r->nmissing++;
    return;
  }
  push_name(L, im->module);
  push_name(L, im->name);
  push_hint(r, im);
  lua_pushfstring(L,
                  r->nmissing++ ? "; \"%s\" \"%s\": wanted %s %s%s"
                                : "unknown import \"%s\" \"%s\": wanted %s %s%s",
                  lua_tostring(L, -3), lua_tostring(L, -2), lw_extern_text(im->kind),
                  lw_extern_type(r->m, im->kind, im->index, type, sizeof type),
                  lua_tostring(L, -1));
  lua_replace(L, -4);
  lua_pop(L, 2);
  lua_concat(L, 2);
}

/* The value on the top is a Lua function: a host function of the type wanted. */
static void make_host(const Resolver *r, const Import *im)
{
  lua_State *L = r->L;
  push_name(L, im->module);
  lua_pushliteral(L, ".");
  push_name(L, im->name);
  lua_concat(L, 3);
  uint32_t id = r->types[r->m->funcs[im->index].type];
  lw_push_host(L, r->st, -2, lw_type_of(id), &id, -1);
}

static bool is_callable(lua_State *L, int index)
{
  if (lua_isfunction(L, index)) return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL) return false;
  lua_pop(L, 1);
  return true;
}

/* A number for an immutable global of a numeric type. */
static bool is_number_for_global(const Resolver *r, const Import *im)
{
  if (im->kind != EXTERN_GLOBAL || lua_type(r->L, -1) != LUA_TNUMBER) return false;
  const GlobalType *t = &r->m->globals[im->index].type;
  return !t->mutable_ && lw_val_is_num(t->type);
}

/* Push the userdata that stands for the value on the top, made for it if need be. The
   instance holds it. */
static Status accept(const Resolver *r, const Import *im, Err *err)
{
  lua_State *L = r->L;
  int value = lua_gettop(L);
  bool thing =
    lw_test(L, r->st, value, KIND_MEMORY) || lw_test(L, r->st, value, KIND_TABLE) ||
    lw_test(L, r->st, value, KIND_GLOBAL) || lw_test(L, r->st, value, KIND_TAG);
  if (is_number_for_global(r, im))
    lw_new_global(L, r->st, &r->m->globals[im->index].type, value); /* of numbers */
  else if (thing)
    lua_pushvalue(L, value);
  else if (!lw_push_funcbox(L, r->st, value)) {
    if (im->kind != EXTERN_FUNC || !is_callable(L, value)) return wrong_type(r, im, err);
    make_host(r, im);
  }
  lw_hold(L, r->inst, -1);
  return LW_OK;
}

Status lw_resolve_imports(lua_State *L, State *st, const Code *code, int imports,
                          int inst, int things, Err *err)
{
  const Module *m = lw_code_module(code);
  Resolver r = {.L = L,
                .st = st,
                .m = m,
                .types = lw_code_types(code),
                .imports = imports,
                .inst = inst,
                .things = things};
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushliteral(L, ""); /* the list of what is missing */
  int base = lua_gettop(L);
  for (uint32_t i = 0; i < m->nimports; i++) {
    push_given(&r, &m->imports[i]);
    assert(lua_gettop(L) == base + 1);
    if (lua_isnil(L, -1)) {
      lua_settop(L, base);
      note_missing(&r, &m->imports[i]);
    } else {
      TRY(accept(&r, &m->imports[i], err));
      lua_rawseti(L, things, (lua_Integer)i + 1);
    }
    lua_settop(L, base);
  }
  if (r.nmissing == 0) return LW_OK;
  if (r.nmissing > MISSING_SHOWN) {
    lua_pushfstring(L, "; and %d more", (int)(r.nmissing - MISSING_SHOWN));
    lua_concat(L, 2);
  }
  if (r.wants_wasi) {
    lua_pushliteral(L, " (wasm.wasi gives the calls of WASI)");
    lua_concat(L, 2);
  }
  return lw_fail(err, LW_LINK, ERR_NOWHERE, "%s", lua_tostring(L, -1));
}

/* What the userdata on the top stands for now. */
static Status take(lua_State *L, State *st, const Import *im, ImportValue *out, Err *err)
{
  const MemoryBox *m = lw_test(L, st, -1, KIND_MEMORY);
  const TableBox *t = lw_test(L, st, -1, KIND_TABLE);
  const GlobalBox *g = lw_test(L, st, -1, KIND_GLOBAL);
  if (m) {
    if (!m->memory || m->memory->refs == 0) return closed(im, err);
    *out = (ImportValue){.kind = EXTERN_MEMORY, .u.memory = m->memory};
  } else if (t) {
    if (!t->table || t->table->refs == 0) return closed(im, err);
    *out = (ImportValue){.kind = EXTERN_TABLE, .u.table = t->table};
  } else if (g) {
    if (!g->global || g->global->refs == 0) return closed(im, err);
    *out = (ImportValue){.kind = EXTERN_GLOBAL, .u.global = g->global};
  } else if (lw_test(L, st, -1, KIND_TAG)) {
    struct Tag *tag = lw_tag_of(L, st, -1);
    if (!tag) return closed(im, err);
    *out = (ImportValue){.kind = EXTERN_TAG, .u.tag = tag};
  } else {
    const FuncBox *f = lua_touserdata(L, -1);
    if (!lw_func_live(f)) return closed(im, err);
    *out = (ImportValue){.kind = EXTERN_FUNC, .u.func = f->cell};
  }
  return LW_OK;
}

Status lw_link_imports(lua_State *L, State *st, const Module *m, int things,
                       ImportValue *out, Err *err)
{
  for (uint32_t i = 0; i < m->nimports; i++) {
    lua_rawgeti(L, things, (lua_Integer)i + 1);
    Status s = take(L, st, &m->imports[i], &out[i], err);
    lua_pop(L, 1);
    if (s != LW_OK) return s;
  }
  return LW_OK;
}

/*
** lua_cache.c -- userdata "wasm.cache", and which cache a compile uses.
**
** A handle on a Cache of the process (cache/cache.h), or one with a third store: a table
** of two Lua functions that keep entries wherever they like. What they give is not
** believed before its tag is right (base/mac.h). They are called by the compile itself,
** with nothing of C's held, and may not yield; what they raise is a miss and a warning.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mac.h"
#include "lua/cache.h"

#define CACHE_NAME "wasm.cache"
enum { KEY_MIN = 16 };
enum { UV_STORE = 1, UV_KEY }; /* the table {get=, put=}; the secret */

typedef struct CacheBox {
  Handle h;
  Cache *cache; /* NULL: closed */
  CacheMode mode;
  bool has_store;
} CacheBox;

static const char chosen_key; /* registry: the default cache of this Lua state */

static CacheBox *check_cache(lua_State *L)
{
  return lw_check(L, 1, KIND_CACHE, CACHE_NAME);
}

static CacheBox *check_open(lua_State *L)
{
  CacheBox *box = check_cache(L);
  if (!box->cache) lw_raise(L, LW_CLOSED, "the cache is closed");
  return box;
}

static void give_back(void *cache)
{
  lw_cache_close(cache);
}

static void forget(Handle *h)
{
  ((CacheBox *)h)->cache = NULL;
}

/* What went wrong with the directory is told once, by whoever can. */
static void warn(lua_State *L, Cache *c)
{
  char text[400];
  if (!lw_cache_warning(c, text, sizeof text)) return;
  lua_warning(L, "wasm: ", 1);
  lua_warning(L, text, 0);
}

/* ---- making ---- */

/* Push the directory of dir="auto" (XDG Base Directory Specification); nil: no home. */
static void push_auto_dir(lua_State *L)
{
  const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (base && base[0] == '/')
    lua_pushfstring(L, "%s/wasm-lua", base);
  else if (home && home[0] == '/')
    lua_pushfstring(L, "%s/.cache/wasm-lua", home);
  else
    lua_pushnil(L);
}

/* The options in argument 1; the directory stays on the stack. */
static CacheOptions check_cache_options(lua_State *L)
{
  static const char *const known[] = {"dir", "max_bytes", "memory_bytes", "mode", "store",
                                      "key", NULL};
  static const char *const modes[] = {"rw", "ro", "off", NULL};
  lw_check_options(L, 1, "cache", known);
  CacheOptions o = {.max_bytes = lw_opt_size(L, 1, "max_bytes", CACHE_MAX_BYTES),
                    .memory_bytes = lw_opt_size(L, 1, "memory_bytes", CACHE_MEMORY_BYTES),
                    .mode = (CacheMode)lw_opt_choice(L, 1, "mode", modes, 0)};
  o.dir = lw_opt_string(L, 1, "dir");
  if (o.dir && strlen(o.dir) != lua_rawlen(L, -1))
    lw_misuse(L, "option 'dir': a path has no zero byte");
  if (o.dir && strcmp(o.dir, "auto") == 0) {
    push_auto_dir(L);
    o.dir = lua_tostring(L, -1);
    if (!o.dir) {
      lua_warning(L, "wasm: the cache works in memory only: no home directory (HOME)", 0);
    }
  }
  return o;
}

/* {get=, put=} and the key become user values of the box on the top. */
static void take_store(lua_State *L, CacheBox *box)
{
  int at = lua_gettop(L);
  if (!lua_istable(L, 1) || lua_getfield(L, 1, "store") == LUA_TNIL) {
    if (lua_istable(L, 1) && lua_getfield(L, 1, "key") != LUA_TNIL)
      lw_misuse(L, "option 'key': there is no store to use it for");
    lua_settop(L, at);
    return;
  }
  if (!lua_istable(L, -1))
    lw_misuse(L, "option 'store': table expected, got %s", luaL_typename(L, -1));
  if (lua_getfield(L, -1, "get") != LUA_TFUNCTION ||
      lua_getfield(L, -2, "put") != LUA_TFUNCTION)
    lw_misuse(L, "option 'store': a table with the functions get and put expected");
  if (lua_getfield(L, 1, "key") != LUA_TSTRING || lua_rawlen(L, -1) < KEY_MIN)
    lw_misuse(L, "option 'key': a secret string of at least %d bytes expected", KEY_MIN);
  lua_setiuservalue(L, at, UV_KEY);
  lua_settop(L, at + 1);
  lua_setiuservalue(L, at, UV_STORE);
  box->has_store = true;
}

/* wasm.cache(options) -> cache | nil, err */
static int cache_new(lua_State *L)
{
  State *st = lw_state(L);
  lua_settop(L, 1);
  CacheOptions opts = check_cache_options(L);
  CacheBox *box = lw_new_box(L, st, KIND_CACHE, sizeof *box, UV_KEY);
  take_store(L, box);
  if (box->has_store && opts.dir)
    lw_misuse(L, "a cache has a directory or a store, not both");
  Err err = {.at = ERR_NOWHERE};
  Cache *made;
  Status s = lw_cache_open(&opts, &made, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  box->cache = made;
  box->mode = opts.mode;
  lw_own(&box->h, made, give_back, forget);
  warn(L, made);
  return 1;
}

/* wasm.use_cache(cache | nil): what compiles of this Lua state use */
static int cache_use(lua_State *L)
{
  lua_settop(L, 1);
  if (!lua_isnil(L, 1)) check_open(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &chosen_key);
  return 0;
}

/* ---- a store of Lua functions ---- */

/* Call get(name) or put(name, value); true: one result is on the top. */
static bool call_store(lua_State *L, int box, const char *what, const char *name,
                       int value)
{
  lua_getiuservalue(L, box, UV_STORE);
  lua_getfield(L, -1, what);
  lua_remove(L, -2);
  lua_pushstring(L, name);
  if (value) lua_pushvalue(L, value);
  if (lua_pcall(L, value ? 2 : 1, 1, 0) == LUA_OK) return true;
  lua_warning(L, "wasm: the cache's ", 1);
  lua_warning(L, what, 1);
  lua_warning(L, " failed: ", 1);
  lua_warning(L, luaL_tolstring(L, -1, NULL), 0);
  lua_pop(L, 2);
  return false;
}

/* A blob: tag of name and entry | entry. Reads from the Lua string it was given. */
typedef struct Blob {
  const uint8_t *at;
  size_t size, done;
  bool wrong; /* its tag: nothing of it was looked at */
} Blob;

static bool blob_read(void *user, void *to, size_t size)
{
  Blob *b = user;
  if (size > b->size - b->done) return false;
  memcpy(to, b->at + b->done, size);
  b->done += size;
  return true;
}

static bool blob_load(void *user, Code *code, bool explicit_bounds, Image *image)
{
  Blob *b = user;
  if (explicit_bounds != lw_code_explicit(code)) return false;
  if (b->size == 0 || b->wrong) return false;
  b->done = 0;
  EntrySource from = {blob_read, b, b->size};
  return lw_entry_read(&from, code, explicit_bounds, image) == ENTRY_OK;
}

/* Authenticate the string at `blob` before anything in it is looked at. */
static Blob check_blob(lua_State *L, int box, const char *name, int blob)
{
  uint8_t tag[MAC_SIZE];
  size_t size, key_size;
  if (lua_type(L, blob) != LUA_TSTRING) return (Blob){0};
  const uint8_t *at = (const uint8_t *)lua_tolstring(L, blob, &size);
  if (size <= MAC_SIZE) return (Blob){.wrong = true};
  lua_getiuservalue(L, box, UV_KEY);
  const char *key = lua_tolstring(L, -1, &key_size);
  lw_mac(key, key_size, name, strlen(name), at + MAC_SIZE, size - MAC_SIZE, tag);
  lua_pop(L, 1);
  return (Blob){at + MAC_SIZE, size - MAC_SIZE, 0, !lw_mac_equal(tag, at)};
}

/* Push the blob of the compiled code. */
static void push_blob(lua_State *L, int box, const char *name, const Code *code,
                      bool explicit_bounds, const CodeImage *image)
{
  EntryParts parts;
  luaL_Buffer b;
  size_t key_size;
  lw_entry_parts(code, explicit_bounds, &image->image, &parts);
  uint8_t *out = (uint8_t *)luaL_buffinitsize(L, &b, MAC_SIZE + parts.size),
          *p = out + MAC_SIZE;
  for (int k = 0; k < ENTRY_PARTS; p += parts.part[k++].size)
    if (parts.part[k].size) memcpy(p, parts.part[k].at, parts.part[k].size);
  memcpy(p, parts.check, sizeof parts.check);
  lua_getiuservalue(L, box, UV_KEY);
  const char *key = lua_tolstring(L, -1, &key_size);
  lw_mac(key, key_size, name, strlen(name), out + MAC_SIZE, parts.size, out);
  lua_pop(L, 1);
  luaL_pushresultsize(&b, MAC_SIZE + parts.size);
}

/* Show what was compiled to put. The code is eager, so its image is complete. */
static void put_blob(lua_State *L, int box, const char *name, HeldCode *held)
{
  const CodeImage *image;
  Err ignored = {.at = ERR_NOWHERE};
  bool explicit_bounds = lw_code_explicit(held->code);
  if (lw_code_image(held->code, explicit_bounds, &image, &ignored) != LW_OK) return;
  if (image->lazy) return; /* it was compiled lazily before it came here */
  push_blob(L, box, name, held->code, explicit_bounds, image);
  if (call_store(L, box, "put", name, lua_gettop(L))) lua_pop(L, 1);
  lua_pop(L, 1);
}

static Status compile_store(lua_State *L, int box, const uint8_t *bytes, size_t size,
                            const CodeOptions *wanted, HeldCode *held, CodeHow *how,
                            Err *err)
{
  int top = lua_gettop(L);
  CodeOptions opts = *wanted;
  opts.eager = EAGER_YES;
  EntryKey key = lw_entry_key(lw_hash128(bytes, size), size, &opts, opts.explicit_bounds);
  Blob blob = {0};
  Code *code = NULL;
  const CacheBox *c = lua_touserdata(L, box);
  if (c->mode != CACHE_OFF && call_store(L, box, "get", key.text, 0))
    blob = check_blob(L, box, key.text, -1);
  const CodeStore store = {.load = blob_load, .user = &blob};
  Status s = lw_code_compile(bytes, size, &opts, &store, &code, how, err);
  if (s == LW_OK) {
    lw_adopt_code(held, code);
    if (c->cache) lw_cache_note(c->cache, code, *how); /* get may have closed it */
    if (c->cache && c->mode == CACHE_RW && *how == CODE_IS_COMPILED)
      put_blob(L, box, key.text, held);
  }
  lua_settop(L, top);
  return s;
}

/* ---- compiling ---- */

/* Push the cache to use: that of the options at `options`, else the chosen one. */
static CacheBox *push_chosen(lua_State *L, State *st, int options)
{
  if (lua_istable(L, options) && lua_getfield(L, options, "cache") != LUA_TNIL) {
    if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) return NULL;
    CacheBox *box = lw_test(L, st, -1, KIND_CACHE);
    if (box && box->cache) return box;
    if (box) lw_raise(L, LW_CLOSED, "the cache is closed");
    lw_misuse(L, "option 'cache': a cache or false expected");
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, &chosen_key);
  CacheBox *box = lw_test(L, st, -1, KIND_CACHE);
  return box && box->cache ? box : NULL;
}

Status lw_compile_cached(lua_State *L, int options, const uint8_t *bytes, size_t size,
                         const CodeOptions *opts, HeldCode *held, CodeHow *how, Err *err)
{
  State *st = lw_state(L);
  int top = lua_gettop(L);
  CacheBox *box = push_chosen(L, st, options);
  bool none = !box && lua_isboolean(L, -1);
  int at = lua_gettop(L);
  Code *code = NULL;
  Status s;
  if (box && box->has_store) {
    s = compile_store(L, at, bytes, size, opts, held, how, err);
  } else {
    s = none ? lw_code_compile(bytes, size, opts, NULL, &code, how, err)
             : lw_cache_compile(box ? box->cache : lw_cache_default(), bytes, size, opts,
                                &code, how, err);
    if (s == LW_OK) lw_adopt_code(held, code);
  }
  if (box && box->cache) warn(L, box->cache);
  lua_settop(L, top);
  return s;
}

/* ---- methods ---- */

/* c:stats() -> counts */
static int cache_stats(lua_State *L)
{
  CacheStats s;
  static const char *const modes[] = {"rw", "ro", "off"};
  const CacheBox *box = check_open(L);
  lw_cache_stats(box->cache, &s);
  if (box->has_store) s.mode = modes[box->mode];
  lua_createtable(L, 0, 12);
  lua_pushstring(L, s.mode);
  lua_setfield(L, -2, "mode");
  lw_set_count(L, "hits", s.hits);
  lw_set_count(L, "disk_hits", s.disk_hits);
  lw_set_count(L, "misses", s.misses);
  lw_set_count(L, "joined", s.joined);
  lw_set_count(L, "healed", s.healed);
  lw_set_count(L, "stored", s.stored);
  lw_set_count(L, "evicted", s.evicted);
  lw_set_count(L, "entries", s.entries);
  lw_set_count(L, "bytes", s.bytes);
  lw_set_count(L, "memory_entries", s.memory_entries);
  lw_set_count(L, "memory_bytes", s.memory_bytes);
  return 1;
}

typedef struct HeldItems {
  Handle h;
  DirItem *items;
} HeldItems;

static void items_give_back(void *items)
{
  free(items);
}

static void items_forget(Handle *h)
{
  ((HeldItems *)h)->items = NULL;
}

/* c:entries() -> { {name=, bytes=, used=}, ... }, the longest unused first */
static int cache_entries(lua_State *L)
{
  State *st = lw_state(L);
  check_open(L);
  HeldItems *held = lw_new_box(L, st, KIND_HELD, sizeof *held, 0);
  size_t n = lw_cache_entries(check_open(L)->cache, &held->items);
  if (held->items) lw_own(&held->h, held->items, items_give_back, items_forget);
  lua_newtable(L);
  for (size_t k = 0; held->items && k < n; k++) {
    lua_createtable(L, 0, 3);
    lua_pushstring(L, held->items[k].name);
    lua_setfield(L, -2, "name");
    lw_set_count(L, "bytes", held->items[k].size);
    lua_pushinteger(L, held->items[k].used);
    lua_setfield(L, -2, "used");
    lua_rawseti(L, -2, (lua_Integer)k + 1);
  }
  lw_release(&held->h);
  return 1;
}

/* c:prune([bytes]) -> how many entries went */
static int cache_prune(lua_State *L)
{
  Cache *c = check_open(L)->cache;
  uint64_t bytes = lw_cache_limit(c);
  lua_settop(L, 2);
  if (!lua_isnil(L, 2) && !lw_to_size(L, 2, &bytes))
    luaL_argerror(L, 2, "a number of bytes, or such as \"64MiB\", expected");
  lua_pushinteger(L, (lua_Integer)lw_cache_prune(c, bytes));
  return 1;
}

/* c:verify() -> sound, damaged (and removed) */
static int cache_verify(lua_State *L)
{
  uint64_t sound, damaged;
  lw_cache_verify(check_open(L)->cache, &sound, &damaged);
  lua_pushinteger(L, (lua_Integer)sound);
  lua_pushinteger(L, (lua_Integer)damaged);
  return 2;
}

static int cache_clear(lua_State *L)
{
  lw_cache_clear(check_open(L)->cache);
  return 0;
}

static int cache_close(lua_State *L)
{
  CacheBox *box = check_cache(L);
  lua_pushboolean(L, box->cache != NULL);
  lw_release(&box->h);
  return 1;
}

static int cache_closed(lua_State *L)
{
  lua_pushboolean(L, check_cache(L)->cache == NULL);
  return 1;
}

static int cache_tostring(lua_State *L)
{
  const CacheBox *box = check_cache(L);
  const char *path = box->cache ? lw_cache_path(box->cache) : NULL;
  if (!box->cache)
    lua_pushliteral(L, CACHE_NAME " (closed)");
  else
    lua_pushfstring(L, CACHE_NAME ": %s",
                    path             ? path
                    : box->has_store ? "a store"
                                     : "in memory");
  return 1;
}

/* core.mend_entry(bytes) -> the same with its checks made right, for specs */
static int cache_mend(lua_State *L)
{
  size_t size;
  luaL_Buffer b;
  const char *bytes = luaL_checklstring(L, 1, &size);
  char *copy = luaL_buffinitsize(L, &b, size);
  memcpy(copy, bytes, size);
  luaL_argcheck(L, lw_entry_mend((uint8_t *)copy, size), 1, "too short");
  luaL_pushresultsize(&b, size);
  return 1;
}

/* core.mac(key, text[, size]) -> keyed BLAKE2b of the text, 32 bytes or `size` */
static int cache_mac(lua_State *L)
{
  Mac m;
  uint8_t out[64];
  size_t key_size, size;
  const char *key = luaL_checklstring(L, 1, &key_size);
  const char *text = luaL_checklstring(L, 2, &size);
  lua_Integer n = luaL_optinteger(L, 3, MAC_SIZE);
  luaL_argcheck(L, key_size <= MAC_KEY_MAX, 1, "too long");
  luaL_argcheck(L, n >= 1 && n <= (lua_Integer)sizeof out, 3, "out of range");
  lw_blake2b_begin(&m, (size_t)n, key, key_size);
  lw_blake2b_add(&m, text, size);
  lw_blake2b_end(&m, out);
  lua_pushlstring(L, (const char *)out, (size_t)n);
  return 1;
}

/* core.hash64(text) -> XXH3-64 of it, 8 bytes */
static int cache_hash64(lua_State *L)
{
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  uint64_t hash = lw_hash64(text, size);
  lua_pushlstring(L, (const char *)&hash, sizeof hash);
  return 1;
}

#ifndef NDEBUG
/* core.hash_keep(bits): fingerprints that collide, in builds for specs */
static int cache_hash_keep(lua_State *L)
{
  lw_hash_keep((unsigned)luaL_checkinteger(L, 1));
  return 0;
}
#endif

static const luaL_Reg methods[] = {
  {"stats",   cache_stats  },
  {"entries", cache_entries},
  {"prune",   cache_prune  },
  {"verify",  cache_verify },
  {"clear",   cache_clear  },
  {"close",   cache_close  },
  {"closed",  cache_closed },
  {NULL,      NULL         },
};
static const luaL_Reg meta[] = {
  {"__gc",       lw_box_gc     },
  {"__close",    cache_close   },
  {"__tostring", cache_tostring},
  {NULL,         NULL          },
};
static const luaL_Reg functions[] = {
  {"cache",      cache_new      },
  {"use_cache",  cache_use      },
  {"mend_entry", cache_mend     },
  {"mac",        cache_mac      },
  {"hash64",     cache_hash64   },
#ifndef NDEBUG
  {"hash_keep",  cache_hash_keep},
#endif
  {NULL,         NULL           },
};

void lw_open_cache(lua_State *L)
{
  lw_open_kind(L, KIND_CACHE, CACHE_NAME, meta, methods);
  lw_add_functions(L, functions);
}

/*
** lua_wasi.c -- wasm.wasi: what a WASI program is granted, and what came of it.
**
** The calls themselves are C and know nothing of Lua (src/wasi). The object makes them on
** demand as wasm.funcs, one for each import's name, and keeps the Lua values that they
** may ask (lua_wasi_ask.c): functions and files for the streams, the clock, random bytes.
** Layer: lua.
*/
#include "lua/wasi.h"

#include <string.h>

#include "wasi/tree.h"
#include "wasi/wasi.h"

static void wasi_give_back(void *thing)
{
  Wasi *w = thing;
  lw_wasi_close(w);
  lw_wasi_unref(w);
}

static void wasi_forget(Handle *h)
{
  ((WasiBox *)h)->w = NULL;
}

static WasiBox *check_wasi(lua_State *L)
{
  WasiBox *box = lw_check(L, 1, KIND_WASI, WASI_NAME);
  if (!box->w) lw_raise(L, LW_CLOSED, WASI_NAME " is collected");
  return box;
}

/* Tell the collector what it keeps by now. */
static void report(lua_State *L, WasiBox *box)
{
  uint64_t kept = lw_wasi_kept(box->w);
  if (kept <= box->reported) return;
  uint64_t more = kept - box->reported;
  box->reported = kept;
  lw_account(L, box->h.state, more);
}

static int no_memory(lua_State *L)
{
  return lw_raise(L, LW_NOMEM, "out of memory for a WASI program");
}

/* ---- options ---- */

static int wrong(lua_State *L, const char *option, const char *wanted, int value)
{
  return lw_misuse(L, "option '%s': %s expected, got %s", option, wanted,
                   luaL_typename(L, value));
}

/* A string without NUL at `index`. */
static const char *plain_text(lua_State *L, int index, const char *option, size_t *size)
{
  if (lua_type(L, index) != LUA_TSTRING) wrong(L, option, "string", index);
  const char *text = lua_tolstring(L, index, size);
  if (strlen(text) != *size) lw_misuse(L, "option '%s': a string has a NUL", option);
  return text;
}

/* Heap sort: the string at `at` goes down to its place among the first `n`. */
static void sift(lua_State *L, int list, lua_Integer at, lua_Integer n)
{
  lua_rawgeti(L, list, at);
  for (lua_Integer child = 2 * at; child <= n; child = 2 * at) {
    lua_rawgeti(L, list, child);
    lua_rawgeti(L, list, child < n ? child + 1 : child);
    if (lua_compare(L, -2, -1, LUA_OPLT))
      child++;
    else
      lua_pushvalue(L, -2);
    lua_replace(L, list + 2);
    lua_settop(L, list + 2);
    if (!lua_compare(L, list + 1, list + 2, LUA_OPLT)) break;
    lua_rawseti(L, list, at);
    at = child;
  }
  lua_settop(L, list + 1);
  lua_rawseti(L, list, at);
}

/* Push the keys of the table at `index`, all strings, as a sorted array; how many. */
static lua_Integer push_keys(lua_State *L, int index, const char *option)
{
  lua_Integer n = 0;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_newtable(L);
  int keys = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, index); lua_settop(L, keys + 1)) {
    if (lua_type(L, keys + 1) != LUA_TSTRING)
      lw_misuse(L, "option '%s': a name is a %s (names to values expected)", option,
                luaL_typename(L, keys + 1));
    lua_pushvalue(L, keys + 1);
    lua_rawseti(L, keys, ++n);
  }
  for (lua_Integer k = n / 2; k > 0; k--)
    sift(L, keys, k, n);
  for (lua_Integer k = n; k > 1; k--) {
    lua_rawgeti(L, keys, 1);
    lua_rawgeti(L, keys, k);
    lua_rawseti(L, keys, 1);
    lua_rawseti(L, keys, k);
    sift(L, keys, 1, k - 1);
  }
  return n;
}

static void take_args(lua_State *L, Wasi *w, int opts)
{
  if (lua_getfield(L, opts, "args") != LUA_TNIL) {
    if (!lua_istable(L, -1)) wrong(L, "args", "table", -1);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer k = 1; k <= n; k++) {
      size_t size;
      lua_rawgeti(L, -1, k);
      const char *text = plain_text(L, -1, "args", &size);
      if (!lw_wasi_add_arg(w, text, size)) no_memory(L);
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

static void take_env(lua_State *L, Wasi *w, int opts)
{
  if (lua_getfield(L, opts, "env") == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  int env = lua_gettop(L);
  if (!lua_istable(L, env)) wrong(L, "env", "table", env);
  lua_Integer n = push_keys(L, env, "env");
  for (lua_Integer k = 1; k <= n; k++) {
    size_t size;
    lua_rawgeti(L, env + 1, k);
    const char *name = plain_text(L, -1, "env", &size);
    if (size == 0 || strchr(name, '='))
      lw_misuse(L, "option 'env': '%s' is no name", name);
    lua_pushvalue(L, -1);
    lua_rawget(L, env);
    plain_text(L, -1, "env", &size);
    lua_pushfstring(L, "%s=%s", name, lua_tostring(L, -1));
    const char *text = lua_tolstring(L, -1, &size);
    if (!lw_wasi_add_env(w, text, size)) no_memory(L);
    lua_settop(L, env + 1);
  }
  lua_settop(L, env - 1);
}

/* The value on the top is to be asked; pops it. */
static void set_asked(lua_State *L, int box, int which)
{
  lua_getiuservalue(L, box, UV_WASI_ASKED);
  lua_insert(L, -2);
  lua_rawseti(L, -2, which);
  lua_pop(L, 1);
}

static StreamKind output_kind(lua_State *L, const char *option, StreamKind or_else)
{
  static const char *const names[] = {"discard", "buffer", "inherit"};
  static const StreamKind kinds[] = {STREAM_NOTHING, STREAM_BYTES, STREAM_INHERIT};
  if (lua_isnil(L, -1)) return or_else;
  if (lua_type(L, -1) != LUA_TSTRING) return STREAM_ASK;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    if (strcmp(names[k], lua_tostring(L, -1)) == 0) return kinds[k];
  lw_misuse(L,
            "option '%s': invalid value '%s' ('discard', 'buffer' or 'inherit' expected)",
            option, lua_tostring(L, -1));
}

static void take_stream(lua_State *L, int box, int opts, unsigned which, bool inherits)
{
  static const char *const options[] = {"stdin", "stdout", "stderr"};
  Wasi *w = ((WasiBox *)lua_touserdata(L, box))->w;
  const char *option = options[which], *bytes = NULL;
  size_t size = 0;
  lua_getfield(L, opts, option);
  StreamKind kind = inherits ? STREAM_INHERIT : STREAM_NOTHING;
  if (which != WASI_STDIN)
    kind = output_kind(L, option, kind);
  else if (lua_type(L, -1) == LUA_TSTRING) {
    kind = STREAM_BYTES;
    bytes = lua_tolstring(L, -1, &size);
  } else if (!lua_isnil(L, -1))
    kind = STREAM_ASK;
  if (kind == STREAM_ASK && !lua_isfunction(L, -1) &&
      !luaL_testudata(L, -1, LUA_FILEHANDLE))
    wrong(L, option, "string, file or function", -1);
  if (!lw_wasi_set_stream(w, which, kind, bytes, size)) no_memory(L);
  if (kind == STREAM_ASK)
    set_asked(L, box, (int)which);
  else
    lua_pop(L, 1);
}

static void take_sources(lua_State *L, int box, int opts)
{
  Wasi *w = ((WasiBox *)lua_touserdata(L, box))->w;
  static const char *const clocks[] = {"real", "fake", NULL};
  static const char *const randoms[] = {"real", NULL};
  if (lua_getfield(L, opts, "clock") == LUA_TFUNCTION) {
    lw_wasi_set_clock(w, SOURCE_ASK);
    set_asked(L, box, ASKED_CLOCK);
  } else {
    lua_pop(L, 1);
    int fake = lw_opt_choice(L, opts, "clock", clocks, 0);
    lw_wasi_set_clock(w, fake ? SOURCE_FAKE : SOURCE_REAL);
  }
  int type = lua_getfield(L, opts, "random");
  if (type == LUA_TFUNCTION) {
    lw_wasi_set_random(w, SOURCE_ASK, 0);
    set_asked(L, box, ASKED_RANDOM);
    return;
  }
  if (type == LUA_TNUMBER) {
    int exact;
    lua_Integer seed = lua_tointegerx(L, -1, &exact);
    if (!exact) lw_misuse(L, "option 'random': integer expected, got float");
    lw_wasi_set_random(w, SOURCE_FAKE, (uint64_t)seed);
  } else
    lw_opt_choice(L, opts, "random", randoms, 0);
  lua_pop(L, 1);
}

/* on_block: who is asked to wait, or "yield", kept as it is. */
static void take_on_block(lua_State *L, int box, int opts)
{
  static const char *const ways[] = {"yield", NULL};
  int type = lua_getfield(L, opts, "on_block");
  if (type == LUA_TSTRING) lw_opt_choice(L, opts, "on_block", ways, 0);
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    return;
  }
  if (type != LUA_TSTRING && type != LUA_TFUNCTION)
    wrong(L, "on_block", "function or \"yield\"", -1);
  lw_wasi_set_block(((WasiBox *)lua_touserdata(L, box))->w);
  set_asked(L, box, ASKED_BLOCK);
}

/* ---- directories ---- */

static void check_name(lua_State *L, const char *name, size_t size)
{
  bool good = size > 0 && size <= TREE_NAME_MAX && strlen(name) == size &&
              !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
  if (!good) lw_misuse(L, "option 'dirs': '%s' cannot be a file's name", name);
}

/* The strings and tables of the table on the top become files and directories. */
static void fill_tree(lua_State *L, Wasi *w, Node *dir)
{
  int from = lua_gettop(L);
  lua_Integer n = push_keys(L, from, "dirs");
  if (lw_node_depth(dir) + 1 >= TREE_DEPTH)
    lw_misuse(L, "option 'dirs': more than %d levels", TREE_DEPTH);
  for (lua_Integer k = 1; k <= n; k++) {
    size_t size;
    lua_rawgeti(L, from + 1, k);
    const char *name = lua_tolstring(L, -1, &size);
    check_name(L, name, size);
    lua_pushvalue(L, -1);
    int type = lua_rawget(L, from);
    if (type != LUA_TSTRING && type != LUA_TTABLE)
      lw_misuse(L, "option 'dirs': '%s' is a %s: string or table for a file expected",
                name, lua_typename(L, type));
    Node *node = lw_tree_put(w, dir, name, type == LUA_TTABLE);
    if (!node) no_memory(L);
    if (type == LUA_TTABLE) {
      fill_tree(L, w, node);
    } else {
      const char *bytes = lua_tolstring(L, -1, &size);
      if (!lw_tree_fill(node, bytes, size)) no_memory(L);
    }
    lua_settop(L, from + 1);
  }
  lua_settop(L, from);
}

/* Has the table on the top this key, of that type, and besides it only read_only? */
static bool has_form(lua_State *L, const char *key, int type)
{
  int from = lua_gettop(L);
  bool form = lua_getfield(L, from, key) == type;
  lua_pop(L, 1);
  for (lua_pushnil(L); form && lua_next(L, from); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    form =
      strcmp(name, key) == 0 || (strcmp(name, "read_only") == 0 && lua_isboolean(L, -1));
  }
  lua_settop(L, from);
  return form;
}

/* The directory on the top is `name` for the guest. */
static Status take_dir(lua_State *L, Wasi *w, const char *name, Err *err)
{
  bool read_only = false;
  size_t size;
  int from = lua_gettop(L);
  if (lua_istable(L, from) && lw_wasi_is_served(L)) {
    lw_wasi_take_served(L, 2, name);
    return LW_OK;
  }
  if (lua_istable(L, from)) {
    bool host = has_form(L, "path", LUA_TSTRING), tree = has_form(L, "tree", LUA_TTABLE);
    if (host || tree) {
      lua_getfield(L, from, "read_only");
      read_only = lua_toboolean(L, -1);
      lua_getfield(L, from, host ? "path" : "tree");
    }
    if (!host) {
      Node *root = lw_wasi_new_tree(w, name, read_only);
      if (!root) no_memory(L);
      fill_tree(L, w, root);
      return LW_OK;
    }
  }
  const char *path = plain_text(L, -1, "dirs", &size);
  return lw_wasi_add_dir(w, name, path, read_only, err);
}

static Status take_dirs(lua_State *L, Wasi *w, int opts, Err *err)
{
  if (lua_getfield(L, opts, "dirs") == LUA_TNIL) return LW_OK;
  int dirs = lua_gettop(L);
  if (!lua_istable(L, dirs)) wrong(L, "dirs", "table", dirs);
  lua_Integer n = push_keys(L, dirs, "dirs");
  for (lua_Integer k = 1; k <= n; k++) {
    size_t size;
    lua_rawgeti(L, dirs + 1, k);
    const char *name = plain_text(L, -1, "dirs", &size);
    if (size == 0 || size > WASI_PATH_MAX)
      lw_misuse(L, "option 'dirs': a directory needs a name");
    lua_pushvalue(L, -1);
    lua_rawget(L, dirs);
    TRY(take_dir(L, w, name, err));
    lua_settop(L, dirs + 1);
  }
  return LW_OK;
}

/* ---- sockets: before the directories, so that the first is descriptor 3 ---- */

static Status take_listeners(lua_State *L, Wasi *w, int opts, Err *err)
{
  if (lua_getfield(L, opts, "listen") == LUA_TNIL) return LW_OK;
  int from = lua_gettop(L);
  if (!lua_istable(L, from)) wrong(L, "listen", "table", from);
  lua_Integer n = (lua_Integer)lua_rawlen(L, from);
  for (lua_Integer k = 1; k <= n; k++) {
    size_t size;
    lua_rawgeti(L, from, k);
    TRY(lw_wasi_add_listener(w, plain_text(L, -1, "listen", &size), err));
    lua_settop(L, from);
  }
  return LW_OK;
}

/* w:listening() -> the addresses, in the order of the option, while they are open */
static int wasi_listening(lua_State *L)
{
  const WasiBox *box = check_wasi(L);
  char text[96];
  lua_newtable(L);
  for (uint32_t fd = WASI_STREAMS; lw_wasi_address(box->w, fd, text, sizeof text); fd++) {
    lua_pushstring(L, text);
    lua_rawseti(L, -2, (lua_Integer)fd - WASI_STREAMS + 1);
  }
  return 1;
}

/* ---- wasm.wasi{...} ---- */

static int wasi_new(lua_State *L)
{
  static const char *const known[] = {"args",   "env",      "stdin",       "stdout",
                                      "stderr", "stdio",    "dirs",        "clock",
                                      "random", "resolve",  "max_files",   "max_bytes",
                                      "listen", "on_block", "broken_pipe", NULL};
  static const char *const stdio[] = {"none", "inherit", NULL};
  static const char *const ways[] = {"kernel", "walk", NULL};
  static const char *const broken[] = {"error", "exit", NULL};
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    lua_newtable(L);
    lua_replace(L, 1);
  }
  lw_check_options(L, 1, "wasi", known);
  WasiBox *box = lw_new_box(L, lw_state(L), KIND_WASI, sizeof *box, UV_WASI_ASKED);
  Wasi *w = lw_wasi_new();
  if (!w) return no_memory(L);
  box->w = w;
  lw_own(&box->h, w, wasi_give_back, wasi_forget);
  lua_newtable(L);
  lua_setiuservalue(L, 2, UV_WASI_FUNCS);
  lua_newtable(L);
  lua_setiuservalue(L, 2, UV_WASI_ASKED);
  uint64_t files =
    lw_opt_count(L, 1, "max_files", lw_wasi_files_default(), WASI_FILES_MAX);
  if (files < WASI_STREAMS) lw_misuse(L, "option 'max_files': at least 3 expected");
  lw_wasi_set_limits(w, (uint32_t)files, lw_opt_size(L, 1, "max_bytes", 256 << 20));
  if (lw_opt_choice(L, 1, "resolve", ways, 0) == 1) lw_wasi_set_walk(w);
  if (lw_opt_choice(L, 1, "broken_pipe", broken, 0) == 1) lw_wasi_set_pipe_ends(w);
  bool inherits = lw_opt_choice(L, 1, "stdio", stdio, 0) == 1;
  for (unsigned which = 0; which < WASI_STREAMS; which++)
    take_stream(L, 2, 1, which, inherits);
  take_args(L, w, 1);
  take_env(L, w, 1);
  take_sources(L, 2, 1);
  take_on_block(L, 2, 1);
  Err err = {.at = ERR_NOWHERE};
  Status s = take_listeners(L, w, 1, &err);
  if (s == LW_OK) s = take_dirs(L, w, 1, &err);
  if (s != LW_OK) {
    lw_release(&box->h);
    return lw_push_fail(L, s, &err);
  }
  lua_settop(L, 2);
  report(L, box);
  return 1;
}

/* ---- its calls ---- */

bool lw_push_wasi_call(lua_State *L, State *st, int arg, const char *module,
                       const char *name)
{
  bool unstable = strcmp(module, "wasi_unstable") == 0;
  ValType types[NATIVE_PARAMS + 1];
  uint32_t n = 0;
  arg = lua_absindex(L, arg);
  while (n < lw_wasi_count() &&
         (strcmp(lw_wasi_call(n)->name, name) != 0 || (unstable && !lw_wasi_unstable(n))))
    n++;
  if (n == lw_wasi_count()) return false;
  WasiBox *box = lua_touserdata(L, arg);
  if (!box->w || box->closed) lw_raise(L, LW_CLOSED, WASI_NAME " is closed");
  const char *params = lw_wasi_call(n)->params;
  FuncType type = {.params = types, .nparams = (uint32_t)strlen(params)};
  for (uint32_t k = 0; k < type.nparams; k++)
    types[k] = params[k] == 'I' ? VAL_I64 : VAL_I32;
  types[type.nparams] = VAL_I32;
  type.results = types + type.nparams;
  type.nresults = lw_wasi_returns(n) ? 1 : 0;
  lua_getiuservalue(L, arg, UV_WASI_FUNCS);
  lua_pushfstring(L, "%s.%s", unstable ? "wasi_unstable" : "wasi_snapshot_preview1",
                  name);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TNIL) {
    lua_pop(L, 1);
    const FuncBox *f = lw_push_host(L, st, arg, &type, NULL, -1);
    if (!box->w) lw_raise(L, LW_CLOSED, WASI_NAME " is collected");
    lw_wasi_bind(f->host, box->w, n, unstable);
    lua_pushvalue(L, -2);
    lua_pushvalue(L, -2);
    lua_rawset(L, -5);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
  return true;
}

/* w:import(name [, module]) -> wasm.func | nil, for resolvers */
static int wasi_import(lua_State *L)
{
  check_wasi(L);
  const char *name = luaL_checkstring(L, 2);
  const char *module = luaL_optstring(L, 3, "wasi_snapshot_preview1");
  if (!lw_push_wasi_call(L, lw_state(L), 1, module, name)) lua_pushnil(L);
  return 1;
}

/* ---- what came of it ---- */

static int written(lua_State *L, unsigned which)
{
  size_t size;
  WasiBox *box = check_wasi(L);
  report(L, box);
  const char *bytes = lw_wasi_written(box->w, which, &size);
  if (bytes)
    lua_pushlstring(L, bytes, size);
  else
    lua_pushnil(L);
  return 1;
}

/* w:stdout() -> what the guest wrote there; nil unless stdout = "buffer" */
static int wasi_stdout(lua_State *L)
{
  return written(L, WASI_STDOUT);
}

static int wasi_stderr(lua_State *L)
{
  return written(L, WASI_STDERR);
}

/* Push a directory as a table. The collector does not run, so nobody changes it. */
static void push_tree(lua_State *L, const Node *dir)
{
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, 0, (int)(dir->n < 1 << 20 ? dir->n : 1 << 20));
  for (uint32_t k = 0; k < dir->n; k++) {
    const Node *n = dir->entries[k].node;
    if (lw_node_is_dir(n))
      push_tree(L, n);
    else if (lw_node_is_file(n))
      lua_pushlstring(L, n->bytes ? n->bytes : "", n->size);
    else
      continue;
    lua_setfield(L, -2, dir->entries[k].name);
  }
}

static int push_tree_of(lua_State *L)
{
  push_tree(L, lua_touserdata(L, 1));
  return 1;
}

/* w:tree(name) -> the directory in memory as a table of strings and tables, or nil */
static int wasi_tree(lua_State *L)
{
  WasiBox *box = check_wasi(L);
  report(L, box);
  const Node *root = lw_wasi_tree(box->w, luaL_checkstring(L, 2));
  if (!root) {
    lua_pushnil(L);
    return 1;
  }
  bool ran = lua_gc(L, LUA_GCISRUNNING);
  lua_gc(L, LUA_GCSTOP); /* a finalizer might run the guest */
  lua_pushcfunction(L, push_tree_of);
  lua_pushlightuserdata(L, (void *)(uintptr_t)root);
  int status = lua_pcall(L, 1, 1, 0);
  if (ran) lua_gc(L, LUA_GCRESTART);
  return status == LUA_OK ? 1 : lua_error(L);
}

static int wasi_close(lua_State *L)
{
  WasiBox *box = lw_check(L, 1, KIND_WASI, WASI_NAME);
  lua_pushboolean(L, !box->closed);
  box->closed = true;
  if (box->w) lw_wasi_close(box->w);
  return 1;
}

static int wasi_closed(lua_State *L)
{
  const WasiBox *box = lw_check(L, 1, KIND_WASI, WASI_NAME);
  lua_pushboolean(L, box->closed || !box->w);
  return 1;
}

static int wasi_tostring(lua_State *L)
{
  const WasiBox *box = lw_check(L, 1, KIND_WASI, WASI_NAME);
  lua_pushfstring(L, WASI_NAME ": %p%s", lua_topointer(L, 1),
                  box->closed || !box->w ? " (closed)" : "");
  return 1;
}

static const luaL_Reg methods[] = {
  {"import",    wasi_import   },
  {"stdout",    wasi_stdout   },
  {"stderr",    wasi_stderr   },
  {"tree",      wasi_tree     },
  {"listening", wasi_listening},
  {"close",     wasi_close    },
  {"closed",    wasi_closed   },
  {NULL,        NULL          },
};
static const luaL_Reg meta[] = {
  {"__gc",       lw_box_gc    },
  {"__close",    wasi_close   },
  {"__tostring", wasi_tostring},
  {NULL,         NULL         },
};
static const luaL_Reg functions[] = {
  {"wasi", wasi_new},
  {NULL,   NULL    },
};

void lw_open_wasi(lua_State *L)
{
  lw_open_kind(L, KIND_WASI, WASI_NAME, meta, methods);
  lw_add_functions(L, functions);
}

/*
** lua_module.c -- userdata "wasm.module": a handle on shared code.
**
** Equal bytes and options give handles on one Code; each owns one reference, so closing
** one says nothing about the others or about instances (API.md 4 rows 1 to 3).
** After close(), tostring, hash and size still answer.
** Layer: lua.
*/
#include "lua/bind.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/os.h"
#include "lua/cache.h"
#include "wasm/ops.h"

#define MODULE_NAME "wasm.module"

static const char *name_of(const ModuleBox *box)
{
  return box->name ? box->name : "?";
}

static ModuleBox *check_module(lua_State *L)
{
  return lw_check(L, 1, KIND_MODULE, MODULE_NAME);
}

ModuleBox *lw_check_open_module(lua_State *L)
{
  ModuleBox *box = check_module(L);
  if (!box->code) lw_raise(L, LW_CLOSED, "module '%s' is closed", name_of(box));
  return box;
}

static void code_give_back(void *code)
{
  lw_code_unref(code);
}

static void held_forget(Handle *h)
{
  ((HeldCode *)h)->code = NULL;
}

HeldCode *lw_new_held_code(lua_State *L, State *st)
{
  return lw_new_box(L, st, KIND_HELD, sizeof(HeldCode), 0);
}

void lw_hold_code(HeldCode *held, Code *code)
{
  lw_adopt_code(held, lw_code_ref(code));
}

void lw_adopt_code(HeldCode *held, Code *code)
{
  held->code = code;
  lw_own(&held->h, code, code_give_back, held_forget);
}

/* The code of the module in argument 1, held by what this pushes. */
static HeldCode *push_code(lua_State *L)
{
  check_module(L); /* before anything is pushed, which might become argument 1 */
  HeldCode *held = lw_new_held_code(L, lw_state(L));
  lw_hold_code(held, lw_check_open_module(L)->code);
  return held;
}

/* ---- making ---- */

static void module_forget(Handle *h)
{
  ((ModuleBox *)h)->code = NULL;
}

/* The name section's name for the module, unless `name` gives one. */
static void set_name(lua_State *L, ModuleBox *box, int name)
{
  const Name *own = &lw_code_module(box->code)->name;
  if (name && !lua_isnil(L, name))
    lua_pushvalue(L, name);
  else if (own->len)
    lua_pushlstring(L, own->text, own->len);
  else
    return;
  box->name = lua_tostring(L, -1);
  lua_setiuservalue(L, -2, 1);
}

ModuleBox *lw_push_module(lua_State *L, State *st, Code *code, int name)
{
  if (name) name = lua_absindex(L, name);
  ModuleBox *box = lw_new_box(L, st, KIND_MODULE, sizeof *box, 1);
  box->code = lw_code_ref(code);
  lw_own(&box->h, code, code_give_back, module_forget);
  lw_hash_text(lw_code_hash(code), box->hash);
  box->size = lw_code_module(code)->size;
  set_name(L, box, name);
  return box;
}

/* ---- options ---- */

static Feat check_feature(lua_State *L, int index)
{
  size_t len;
  if (lua_type(L, index) != LUA_TSTRING)
    lw_misuse(L, "option 'features': a name is a %s", luaL_typename(L, index));
  const char *text = lua_tolstring(L, index, &len);
  Feat f = lw_feat_find(text, len);
  if (f == FEAT__MAX) lw_misuse(L, "option 'features': no feature is called '%s'", text);
  return f;
}

/* {"simd", ...}: these only, and what everything has; {simd = false}: all but these. */
static uint64_t features_of(lua_State *L, int arg)
{
  if (!lua_istable(L, arg)) return 0;
  bool any = lua_getfield(L, arg, "features") != LUA_TNIL;
  int list = lua_gettop(L);
  if (!any) {
    lua_pop(L, 1);
    return 0;
  }
  if (!lua_istable(L, list))
    lw_misuse(L, "option 'features': table expected, got %s", luaL_typename(L, list));
  uint64_t only = 0, on = 0, off = 0;
  for (lua_pushnil(L); lua_next(L, list); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TNUMBER)
      only |= (uint64_t)1 << check_feature(L, lua_gettop(L));
    else if (lua_toboolean(L, -1))
      on |= (uint64_t)1 << check_feature(L, lua_gettop(L) - 1);
    else
      off |= (uint64_t)1 << check_feature(L, lua_gettop(L) - 1);
  }
  lua_settop(L, list - 1);
  uint64_t mask = only ? only | on : (uint64_t)FEATS_ALL;
  return (mask & ~off) | (uint64_t)1 << FEAT_MVP;
}

static CodeOptions check_code_options(lua_State *L, int arg, const char *what)
{
  static const char *const known[] = {"name",  "features", "effort", "bounds",
                                      "eager", "cache",    "fuel",   NULL};
  static const char *const modes[] = {"guard", "explicit", NULL};
  lw_check_options(L, arg, what, known);
  CodeOptions opts = {0};
  bool eager = lw_opt_bool(L, arg, "eager", true);
  if (eager != lw_opt_bool(L, arg, "eager", false)) /* not given */
    opts.eager = EAGER_AUTO;
  else
    opts.eager = eager ? EAGER_YES : EAGER_NO;
  opts.features = features_of(L, arg);
  opts.explicit_bounds = lw_opt_choice(L, arg, "bounds", modes, 0) == 1;
  opts.effort = (uint8_t)lw_opt_count(L, arg, "effort", 1, 2);
  opts.fuel = lw_opt_bool(L, arg, "fuel", false);
  return opts;
}

/* ---- the bytes of a file ---- */

/* A large module goes from its file to its Code without being a string of Lua's, which
   would be two more copies: of 30 MB, 15,000 pages. */
#define BYTES_NAME "wasm.bytes"
enum { BYTES_LEAST = 1 << 20, BYTES_MOST = 1 << 30 };
typedef struct FileBytes {
  uint8_t *bytes; /* NULL: taken over, or never read */
  size_t size;
} FileBytes;

static void bytes_free(FileBytes *b)
{
  if (b->bytes) lw_os_bulk_free(b->bytes, b->size);
  b->bytes = NULL;
}

static FileBytes *push_bytes(lua_State *L)
{
  FileBytes *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (FileBytes){NULL, 0};
  luaL_setmetatable(L, BYTES_NAME);
  return b;
}

/* At the same place of the stack: the same bytes, which nobody else has. NULL: they are
   gone, or it is something else. */
static FileBytes *take_bytes(lua_State *L, int arg)
{
  FileBytes *b = luaL_testudata(L, arg, BYTES_NAME);
  if (!b || !b->bytes) return NULL;
  FileBytes *mine = push_bytes(L);
  *mine = *b;
  b->bytes = NULL;
  lua_replace(L, arg);
  return mine;
}

static int bytes_gc(lua_State *L)
{
  bytes_free(luaL_checkudata(L, 1, BYTES_NAME));
  return 0;
}

static int bytes_len(lua_State *L)
{
  const FileBytes *b = luaL_checkudata(L, 1, BYTES_NAME);
  lua_pushinteger(L, (lua_Integer)b->size);
  return 1;
}

/* All `size` bytes and no more: a file that changes meanwhile is none of ours. */
static bool read_whole(int fd, uint8_t *to, size_t size)
{
  uint8_t one;
  for (size_t at = 0; at < size;) {
    ssize_t n = read(fd, to + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += (size_t)n;
  }
  return read(fd, &one, 1) == 0;
}

static bool read_binary(int fd, FileBytes *b)
{
  struct stat st;
  uint8_t magic[4];
  if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return false;
  if (st.st_size < BYTES_LEAST || st.st_size > BYTES_MOST) return false;
  if (pread(fd, magic, sizeof magic, 0) != sizeof magic) return false;
  if (memcmp(magic, "\0asm", sizeof magic) != 0) return false;
  b->size = (size_t)st.st_size;
  b->bytes = lw_os_bulk_alloc(b->size);
  return b->bytes && read_whole(fd, b->bytes, b->size);
}

/*
** core.binary(path) -> the bytes of a large binary module, once, for core.compile
** | nil: it is something else, or cannot be read; whoever asks reads it as a string
*/
static int module_binary(lua_State *L)
{
  size_t len;
  const char *path = luaL_checklstring(L, 1, &len);
  luaL_argcheck(L, strlen(path) == len, 1, "a path has no zero byte");
  FileBytes *b = push_bytes(L);
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return 0;
  bool done = read_binary(fd, b);
  close(fd);
  if (!done) bytes_free(b);
  return done;
}

/* core.compile(bytes [, opts]) -> module | nil, err */
static int module_compile(lua_State *L)
{
  size_t size;
  State *st = lw_state(L);
  lw_store(L, st);
  FileBytes *file = take_bytes(L, 1);
  if (!file) luaL_checktype(L, 1, LUA_TSTRING);
  const char *bytes = file ? (const char *)file->bytes : lua_tolstring(L, 1, &size);
  if (file) size = file->size;
  lua_settop(L, 2);
  CodeOptions opts = check_code_options(L, 2, "compile");
  if (file) opts.given = &file->bytes;
  lw_opt_string(L, 2, "name");
  assert(lua_gettop(L) == 3);
  Err err = {.at = ERR_NOWHERE};
  HeldCode *owner = lw_new_held_code(L, st);
  CodeHow how;
  Status s =
    lw_compile_cached(L, 2, (const uint8_t *)bytes, size, &opts, owner, &how, &err);
  if (file) bytes_free(file);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lw_push_module(L, st, owner->code, 3);
  lw_release(&owner->h);
  if (how == CODE_IS_COMPILED) lw_account(L, st, (uint64_t)size * 4);
  return 1;
}

/* core.validate(bytes [, opts]) -> true | nil, err */
static int module_validate(lua_State *L)
{
  size_t size;
  luaL_checktype(L, 1, LUA_TSTRING);
  const char *bytes = lua_tolstring(L, 1, &size);
  CodeOptions opts = check_code_options(L, 2, "validate");
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_code_validate((const uint8_t *)bytes, size, &opts, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- what it says about itself ---- */

static void set_text(lua_State *L, const char *key, const char *text, size_t len)
{
  lua_pushlstring(L, len ? text : "", len);
  lua_setfield(L, -2, key);
}

static void set_type(lua_State *L, const Module *m, ExternKind kind, uint32_t index)
{
  char type[512];
  lw_extern_type(m, kind, index, type, sizeof type);
  set_text(L, "type", type, strlen(type));
  lua_pushstring(L, lw_extern_text(kind));
  lua_setfield(L, -2, "kind");
}

/* mod:imports() -> { {module=, name=, kind=, type=}, ... } */
static int module_imports(lua_State *L)
{
  HeldCode *held = push_code(L);
  const Module *m = lw_code_module(held->code);
  lua_createtable(L, (int)m->nimports, 0);
  for (uint32_t i = 0; i < m->nimports; i++) {
    const Import *im = &m->imports[i];
    lua_createtable(L, 0, 4);
    set_text(L, "module", im->module.text, im->module.len);
    set_text(L, "name", im->name.text, im->name.len);
    set_type(L, m, im->kind, im->index);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lw_release(&held->h);
  return 1;
}

/* mod:exports() -> { {name=, kind=, type=}, ... } */
static int module_exports(lua_State *L)
{
  HeldCode *held = push_code(L);
  const Module *m = lw_code_module(held->code);
  lua_createtable(L, (int)m->nexports, 0);
  for (uint32_t i = 0; i < m->nexports; i++) {
    const Export *e = &m->exports[i];
    lua_createtable(L, 0, 3);
    set_text(L, "name", e->name.text, e->name.len);
    set_type(L, m, e->kind, e->index);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lw_release(&held->h);
  return 1;
}

/* mod:sections() -> { {id=, name=, offset=, size=}, ... }; mod:sections(name) -> the
   contents of the custom sections of that name */
static int module_sections(lua_State *L)
{
  static const char *const names[] = {
    "custom", "type",  "import",  "function", "table", "memory",    "global",
    "export", "start", "element", "code",     "data",  "datacount", "tag"};
  size_t len;
  const char *wanted = luaL_optlstring(L, 2, NULL, &len);
  HeldCode *held = push_code(L);
  const Module *m = lw_code_module(held->code);
  lua_newtable(L);
  lua_Integer n = 0;
  uint32_t custom = 0;
  for (size_t at = 8; at < m->size;) {
    size_t start = at, size = 0;
    uint8_t id = m->bytes[at++];
    for (int shift = 0; at < m->size; shift += 7) {
      size |= (size_t)(m->bytes[at] & 0x7f) << shift;
      if (!(m->bytes[at++] & 0x80)) break;
    }
    const Custom *c = id == 0 && custom < m->ncustoms ? &m->customs[custom++] : NULL;
    if (wanted) {
      if (c && c->name.len == len && memcmp(c->name.text, wanted, len) == 0) {
        lua_pushlstring(L, (const char *)m->bytes + c->bytes.at, c->bytes.size);
        lua_rawseti(L, -2, ++n);
      }
    } else {
      lua_createtable(L, 0, 4);
      lua_pushinteger(L, id);
      lua_setfield(L, -2, "id");
      const char *name = id < sizeof names / sizeof *names ? names[id] : "?";
      set_text(L, "name", c ? c->name.text : name, c ? c->name.len : strlen(name));
      lua_pushinteger(L, (lua_Integer)start);
      lua_setfield(L, -2, "offset");
      lua_pushinteger(L, (lua_Integer)(at + size - start));
      lua_setfield(L, -2, "size");
      lua_rawseti(L, -2, ++n);
    }
    at += size;
  }
  lw_release(&held->h);
  return 1;
}

static int module_hash(lua_State *L)
{
  lua_pushstring(L, check_module(L)->hash);
  return 1;
}

static int module_size(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check_module(L)->size);
  return 1;
}

static int module_bytes(lua_State *L)
{
  const Module *m = lw_code_module(lw_check_open_module(L)->code);
  lua_pushlstring(L, (const char *)m->bytes, m->size); /* copies, then collects */
  return 1;
}

/* mod:info() -> what the compile made of it */
static int module_info(lua_State *L)
{
  HeldCode *held = push_code(L);
  const Module *m = lw_code_module(held->code);
  const CodeOptions *opts = lw_code_options(held->code);
  const CodeImage *image;
  CodeInfo info;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_code_image(held->code, lw_code_explicit(held->code), &image, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lw_code_info(held->code, image, &info);
  const CompileStats *c = &info.stats;
  const struct {
    const char *key;
    uint64_t value;
  } rows[] = {
    {"functions",       info.functions    },
    {"compiled",        info.compiled     },
    {"imports",         m->nimports       },
    {"exports",         m->nexports       },
    {"size",            m->size           },
    {"wasm_bytes",      c->wasm_bytes     },
    {"code_bytes",      c->code_bytes     },
    {"compile_ns",      c->ns             },
    {"ir_instructions", c->ir_instructions},
    {"spills",          c->spills         },
    {"reloads",         c->reloads        },
    {"moves",           c->moves          },
    {"fallbacks",       c->fallbacks      },
    {"peak_scratch",    c->peak_scratch   },
    {"largest_body",    c->largest_body   },
    {"effort",          opts->effort      },
  };
  lua_createtable(L, 0, (int)(sizeof rows / sizeof *rows) + 3);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lua_pushinteger(L, (lua_Integer)rows[i].value);
    lua_setfield(L, -2, rows[i].key);
  }
  lua_pushstring(L, opts->explicit_bounds ? "explicit" : "guard");
  lua_setfield(L, -2, "bounds");
  lua_pushboolean(L, opts->fuel);
  lua_setfield(L, -2, "fuel");
  lua_pushboolean(L, info.lazy);
  lua_setfield(L, -2, "lazy");
  lw_release(&held->h);
  return 1;
}

/* The function with the index, the export or the name in argument 2. */
static uint32_t check_function(lua_State *L, const Module *m)
{
  size_t len;
  if (lua_isinteger(L, 2)) {
    lua_Integer index = lua_tointeger(L, 2);
    if (index < m->nfuncs_imported || index >= m->nfuncs)
      lw_misuse(L, "no function %I is defined in this module", (LUAI_UACINT)index);
    return (uint32_t)index;
  }
  const char *name = luaL_checklstring(L, 2, &len);
  const Export *e = lw_module_export(m, name, len);
  if (e && e->kind == EXTERN_FUNC && e->index >= m->nfuncs_imported) return e->index;
  for (uint32_t i = m->nfuncs_imported; m->func_names && i < m->nfuncs; i++) {
    Name n = m->func_names[i];
    if (n.len == len && len > 0 && memcmp(n.text, name, len) == 0) return i;
  }
  lw_misuse(L, "no function '%s' is defined in this module", name);
}

/* core.code_lines(module, function) -> its machine code as "lines" of listing.c, its
   index: what lua/wasm/text/disasm.lua makes mod:disasm of */
static int module_code_lines(lua_State *L)
{
  lw_check_open_module(L);
  HeldText *held = lw_new_held_text(L, lw_state(L));
  ModuleBox *box = lw_check_open_module(L);
  const Module *m = lw_code_module(box->code);
  uint32_t func = check_function(L, m);
  CompileOptions how = {.explicit_bounds = lw_code_explicit(box->code),
                        .effort = lw_code_options(box->code)->effort,
                        .fuel = lw_code_options(box->code)->fuel};
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_image_dump(m, func, "lines", &how, &held->text, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lw_push_held_text(L, held);
  lua_pushinteger(L, func);
  return 2;
}

/* ---- the handle ---- */

static int module_close(lua_State *L)
{
  ModuleBox *box = check_module(L);
  lua_pushboolean(L, box->code != NULL);
  lw_release(&box->h);
  return 1;
}

static int module_closed(lua_State *L)
{
  lua_pushboolean(L, check_module(L)->code == NULL);
  return 1;
}

static int module_eq(lua_State *L)
{
  const ModuleBox *a = lw_test(L, lw_state(L), 1, KIND_MODULE);
  const ModuleBox *b = lw_test(L, lw_state(L), 2, KIND_MODULE);
  lua_pushboolean(L, a && b && a->code && a->code == b->code);
  return 1;
}

static int module_index(lua_State *L)
{
  const ModuleBox *box = check_module(L);
  const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (strcmp(key, "name") == 0) {
    lua_pushstring(L, box->name);
  } else {
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2));
  }
  return 1;
}

static int module_tostring(lua_State *L)
{
  const ModuleBox *box = check_module(L);
  lua_pushfstring(L, MODULE_NAME ": %s%s", name_of(box), box->code ? "" : " (closed)");
  lw_clean(L, true);
  return 1;
}

static const luaL_Reg methods[] = {
  {"imports",     module_imports       },
  {"exports",     module_exports       },
  {"sections",    module_sections      },
  {"hash",        module_hash          },
  {"size",        module_size          },
  {"bytes",       module_bytes         },
  {"info",        module_info          },
  {"instantiate", lw_module_instantiate},
  {"close",       module_close         },
  {"closed",      module_closed        },
  {NULL,          NULL                 },
};
static const luaL_Reg meta[] = {
  {"__index",    module_index   },
  {"__eq",       module_eq      },
  {"__gc",       lw_box_gc      },
  {"__close",    module_close   },
  {"__tostring", module_tostring},
  {NULL,         NULL           },
};
static const luaL_Reg bytes_meta[] = {
  {"__gc",  bytes_gc },
  {"__len", bytes_len},
  {NULL,    NULL     }
};
static const luaL_Reg functions[] = {
  {"binary",     module_binary    },
  {"compile",    module_compile   },
  {"validate",   module_validate  },
  {"code_lines", module_code_lines},
  {NULL,         NULL             },
};

void lw_open_module(lua_State *L)
{
  luaL_newmetatable(L, BYTES_NAME);
  luaL_setfuncs(L, bytes_meta, 0);
  lua_pop(L, 1);
  lw_open_kind(L, KIND_MODULE, MODULE_NAME, meta, methods);
  lw_add_functions(L, functions);
}

/*
** lua_memory.c -- userdata "wasm.memory": linear memory as Lua sees it.
**
** A memory made by Lua owns a reference. One that an instance exports is only watched,
** so closing the last instance that has it unmaps it at once and this handle says
** "closed" (API.md 4 row 7).
** Every access checks the length anew: memories grow, and explicit ones move.
** Layer: lua.
*/
#include "lua/access.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "rt/shared.h"

#define MEMORY_NAME "wasm.memory"

static bool is_open(const MemoryBox *box)
{
  return box->memory && box->memory->refs > 0;
}

static Memory *check_memory(lua_State *L)
{
  MemoryBox *box = lw_check(L, 1, KIND_MEMORY, MEMORY_NAME);
  if (!is_open(box)) lw_raise(L, LW_CLOSED, "memory is closed");
  return box->memory;
}

static int out_of_bounds(lua_State *L, const Memory *m, lua_Integer at, lua_Integer n)
{
  return luaL_error(L, "out of bounds memory access: %I bytes at offset %I, size is %I",
                    (LUAI_UACINT)n, (LUAI_UACINT)at, (LUAI_UACINT)m->length);
}

/* The n bytes at the offset in argument `arg`. */
static uint8_t *check_range(lua_State *L, Memory *m, int arg, lua_Integer n)
{
  lua_Integer at = luaL_checkinteger(L, arg);
  if (at < 0 || n < 0 || !lw_memory_has(m, (uint64_t)at, (uint64_t)n))
    out_of_bounds(L, m, at, n);
  return m->base + at;
}

/* ---- making ---- */

static void own_give_back(void *memory)
{
  lw_memory_unref(memory);
}

static void watch_give_back(void *memory)
{
  lw_memory_unwatch(memory);
}

static void memory_forget(Handle *h)
{
  ((MemoryBox *)h)->memory = NULL;
}

void lw_push_memory(lua_State *L, State *st, int inst, const Instance *i, Memory *m)
{
  MemoryBox *box = NULL;
  inst = lua_absindex(L, inst);
  if (lw_weak_get(L, WEAK_THINGS, m)) {
    box = lw_test(L, st, -1, KIND_MEMORY); /* the address may have been another thing's */
    if (!box || box->memory != m) {
      lua_pop(L, 1);
      box = NULL;
    }
  }
  if (!box) {
    box = lw_new_box(L, st, KIND_MEMORY, sizeof *box, 1);
    lw_still_instance(L, inst, i);
    lw_memory_watch(m);
    box->memory = m;
    lw_own(&box->h, m, watch_give_back, memory_forget);
    lw_weak_set(L, WEAK_THINGS, m, -1);
  }
  if (!box->own) lw_hold(L, -1, inst);
}

/* The userdata at the top has got its memory. */
static int made(lua_State *L, State *st, MemoryBox *box, uint64_t bytes)
{
  box->own = true;
  lw_own(&box->h, box->memory, own_give_back, memory_forget);
  lw_weak_set(L, WEAK_THINGS, box->memory, -1);
  lw_account(L, st, bytes + WASM_PAGE);
  return 1;
}

/* wasm.memory{attach=key} -> memory | nil, err */
static int memory_attach(lua_State *L, State *st, const char *key)
{
  Err err = {.at = ERR_NOWHERE};
  MemoryBox *box = lw_new_box(L, st, KIND_MEMORY, sizeof *box, 1);
  Status s = lw_shared_attach(key, &box->memory, &err);
  return s == LW_OK ? made(L, st, box, 0) : lw_push_fail(L, s, &err);
}

/* wasm.memory{min=, max=, shared=, index=, page_size=, bounds=} -> memory | nil, err */
static int memory_new(lua_State *L)
{
  static const char *const known[] = {"min",    "max",       "shared", "index",
                                      "bounds", "page_size", "attach", NULL};
  static const char *const indexes[] = {"i32", "i64", NULL};
  static const char *const modes[] = {"guard", "explicit", NULL};
  State *st = lw_state(L);
  Err err = {.at = ERR_NOWHERE};
  lw_store(L, st);
  lw_check_options(L, 1, "memory", known);
  const char *key = lw_opt_string(L, 1, "attach");
  if (key) return memory_attach(L, st, key);
  Limits type = {.is64 = lw_opt_choice(L, 1, "index", indexes, 0) == 1};
  uint64_t page = lw_opt_count(L, 1, "page_size", WASM_PAGE, WASM_PAGE);
  luaL_argcheck(L, page == 1 || page == WASM_PAGE, 1, "page_size is 1 or 65536");
  type.bytes = page == 1;
  uint64_t most = type.is64 ? (uint64_t)1 << 48 : (uint64_t)1 << 32;
  if (!type.bytes) most /= WASM_PAGE;
  type.min = lw_opt_count(L, 1, "min", 0, most);
  type.max = lw_opt_count(L, 1, "max", UINT64_MAX, most);
  type.has_max = type.max != UINT64_MAX;
  type.shared = lw_opt_bool(L, 1, "shared", false);
  luaL_argcheck(L, !type.shared || type.has_max, 1, "a shared memory needs a max");
  luaL_argcheck(L, type.min <= type.max, 1, "min is more than max");
  bool explicit_bounds = lw_opt_choice(L, 1, "bounds", modes, 0) == 1;
  MemoryBox *box = lw_new_box(L, st, KIND_MEMORY, sizeof *box, 1);
  Status s = lw_memory_new(&type, 0, explicit_bounds, &box->memory, &err);
  return s == LW_OK ? made(L, st, box, box->memory->length) : lw_push_fail(L, s, &err);
}

/* m:share() -> a key for wasm.memory{attach=}, good while some state has the memory */
static int memory_share(lua_State *L)
{
  const char *key = lw_shared_key(check_memory(L));
  luaL_argcheck(L, key, 1, "the memory is not shared");
  lua_pushstring(L, key);
  return 1;
}

/* ---- bytes ---- */

/* m:size() -> bytes; also #m */
static int memory_size(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)check_memory(L)->length);
  return 1;
}

static int memory_pages(lua_State *L)
{
  lua_pushinteger(L, (lua_Integer)lw_memory_pages(check_memory(L)));
  return 1;
}

/* m:grow(pages) -> old number of pages | nil, err */
static int memory_grow(lua_State *L)
{
  Memory *m = check_memory(L);
  lua_Integer n = luaL_checkinteger(L, 2);
  luaL_argcheck(L, n >= 0, 2, "a memory cannot shrink");
  uint64_t old = lw_memory_grow(m, (uint64_t)n);
  if (old == UINT64_MAX) {
    Err err = {.at = ERR_NOWHERE};
    return lw_push_fail(L,
                        lw_fail(&err, LW_LIMIT, ERR_NOWHERE,
                                "memory of %llu pages cannot grow by %lld",
                                (unsigned long long)lw_memory_pages(m), (long long)n),
                        &err);
  }
  lw_account(L, lw_state(L), (uint64_t)n << lw_page_log2(&m->type));
  lua_pushinteger(L, (lua_Integer)old);
  return 1;
}

/* m:read(offset, n) -> string */
static int memory_read(lua_State *L)
{
  Memory *m = check_memory(L);
  lua_Integer n = luaL_checkinteger(L, 3);
  uint8_t *from = check_range(L, m, 2, n);
  lua_pushlstring(L, n ? (const char *)from : "", (size_t)n);
  return 1;
}

/* m:write(offset, string) */
static int memory_write(lua_State *L)
{
  size_t n;
  const char *text = luaL_checklstring(L, 3, &n); /* a number: may run a finalizer */
  Memory *m = check_memory(L);
  uint8_t *to = check_range(L, m, 2, (lua_Integer)n);
  if (n) memcpy(to, text, n);
  return 0;
}

/* m:cstring(offset [, max]) -> string up to the first zero byte, at most max bytes */
static int memory_cstring(lua_State *L)
{
  Memory *m = check_memory(L);
  const uint8_t *from = check_range(L, m, 2, 0);
  size_t room = (size_t)(m->length - (uint64_t)(from - m->base));
  bool has_max = !lua_isnoneornil(L, 3);
  lua_Integer max = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, max >= 0, 3, "must not be negative");
  size_t cap = has_max && (uint64_t)max < room ? (size_t)max : room;
  if (cap > PTRDIFF_MAX) cap = PTRDIFF_MAX;
  const uint8_t *end = cap ? memchr(from, 0, cap) : NULL;
  if (!end && !(has_max && cap == (size_t)max))
    return luaL_error(L, "out of bounds memory access: no zero byte after offset %I",
                      (LUAI_UACINT)luaL_checkinteger(L, 2));
  lua_pushlstring(L, cap ? (const char *)from : "", end ? (size_t)(end - from) : cap);
  return 1;
}

/* m:fill(offset, n, byte) */
static int memory_fill(lua_State *L)
{
  Memory *m = check_memory(L);
  lua_Integer n = luaL_checkinteger(L, 3), byte = luaL_optinteger(L, 4, 0);
  luaL_argcheck(L, byte >= 0 && byte <= 255, 4, "a byte expected");
  uint8_t *to = check_range(L, m, 2, n);
  if (n) memset(to, (int)byte, (size_t)n);
  return 0;
}

/* m:copy(to, from, n) */
static int memory_copy(lua_State *L)
{
  Memory *m = check_memory(L);
  lua_Integer n = luaL_checkinteger(L, 4);
  uint8_t *to = check_range(L, m, 2, n), *from = check_range(L, m, 3, n);
  if (n) memmove(to, from, (size_t)n);
  return 0;
}

/* ---- typed access ---- */

static int access_at(lua_State *L, Access type)
{
  Memory *m = check_memory(L);
  uint8_t *at = check_range(L, m, 2, (lua_Integer)lw_access_size(type));
  if (lua_isnone(L, 3)) {
    lw_access_push(L, type, at);
    return 1;
  }
  lw_access_store(L, type, at, 3);
  return 0;
}

static int memory_u8(lua_State *L)
{
  return access_at(L, ACCESS_U8);
}
static int memory_i8(lua_State *L)
{
  return access_at(L, ACCESS_I8);
}
static int memory_u16(lua_State *L)
{
  return access_at(L, ACCESS_U16);
}
static int memory_i16(lua_State *L)
{
  return access_at(L, ACCESS_I16);
}
static int memory_u32(lua_State *L)
{
  return access_at(L, ACCESS_U32);
}
static int memory_i32(lua_State *L)
{
  return access_at(L, ACCESS_I32);
}
static int memory_i64(lua_State *L)
{
  return access_at(L, ACCESS_I64);
}
static int memory_f32(lua_State *L)
{
  return access_at(L, ACCESS_F32);
}
static int memory_f64(lua_State *L)
{
  return access_at(L, ACCESS_F64);
}

/* ---- the rest ---- */

static void dump_line(luaL_Buffer *b, const uint8_t *bytes, uint64_t at, size_t n)
{
  char text[24];
  snprintf(text, sizeof text, "%08llx ", (unsigned long long)at);
  luaL_addstring(b, text);
  for (size_t i = 0; i < 16; i++) {
    if (i < n)
      snprintf(text, sizeof text, i == 8 ? "  %02x" : " %02x", bytes[i]);
    else
      snprintf(text, sizeof text, i == 8 ? "    " : "   ");
    luaL_addstring(b, text);
  }
  luaL_addstring(b, "  |");
  for (size_t i = 0; i < n; i++)
    luaL_addchar(b, (char)(bytes[i] >= 32 && bytes[i] < 127 ? bytes[i] : '.'));
  luaL_addstring(b, "|\n");
}

/* m:dump(offset, n) -> text as hexdump -C prints it */
static int memory_dump(lua_State *L)
{
  const Memory *m = check_memory(L);
  const MemoryBox *box = lua_touserdata(L, 1);
  lua_Integer n = luaL_optinteger(L, 3, 64);
  const uint8_t *from = check_range(L, box->memory, 2, n);
  uint64_t at = (uint64_t)(from - m->base), end = at + (uint64_t)n;
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  for (; at < end; at += 16) {
    uint8_t line[16];
    size_t left = end - at < 16 ? (size_t)(end - at) : 16;
    /* a finalizer that the buffer ran has closed it, or restored a smaller one */
    if (!is_open(box) || !lw_memory_has(m, at, left)) break;
    memcpy(line, m->base + at, left);
    dump_line(&b, line, at, left);
  }
  luaL_pushresult(&b);
  return 1;
}

/* m:close() -> true the first time. Instances that use the memory go on. */
static int memory_close(lua_State *L)
{
  MemoryBox *box = lw_check(L, 1, KIND_MEMORY, MEMORY_NAME);
  lua_pushboolean(L, is_open(box));
  lw_release(&box->h);
  return 1;
}

static int memory_closed(lua_State *L)
{
  lua_pushboolean(L, !is_open(lw_check(L, 1, KIND_MEMORY, MEMORY_NAME)));
  return 1;
}

static int memory_tostring(lua_State *L)
{
  const MemoryBox *box = lw_check(L, 1, KIND_MEMORY, MEMORY_NAME);
  if (is_open(box))
    lua_pushfstring(L, MEMORY_NAME ": %I x %s", (LUAI_UACINT)lw_memory_pages(box->memory),
                    box->memory->type.bytes ? "1 byte" : "64 KiB");
  else
    lua_pushliteral(L, MEMORY_NAME " (closed)");
  return 1;
}

static const luaL_Reg methods[] = {
  {"size",    memory_size   },
  {"pages",   memory_pages  },
  {"grow",    memory_grow   },
  {"read",    memory_read   },
  {"write",   memory_write  },
  {"cstring", memory_cstring},
  {"fill",    memory_fill   },
  {"share",   memory_share  },
  {"copy",    memory_copy   },
  {"u8",      memory_u8     },
  {"i8",      memory_i8     },
  {"u16",     memory_u16    },
  {"i16",     memory_i16    },
  {"u32",     memory_u32    },
  {"i32",     memory_i32    },
  {"i64",     memory_i64    },
  {"f32",     memory_f32    },
  {"f64",     memory_f64    },
  {"view",    lw_memory_view},
  {"dump",    memory_dump   },
  {"close",   memory_close  },
  {"closed",  memory_closed },
  {NULL,      NULL          },
};
static const luaL_Reg meta[] = {
  {"__len",      memory_size    },
  {"__gc",       lw_box_gc      },
  {"__close",    memory_close   },
  {"__tostring", memory_tostring},
  {NULL,         NULL           },
};
static const luaL_Reg functions[] = {
  {"memory", memory_new},
  {NULL,     NULL      },
};

void lw_open_memory(lua_State *L)
{
  lw_open_kind(L, KIND_MEMORY, MEMORY_NAME, meta, methods);
  lw_add_functions(L, functions);
}

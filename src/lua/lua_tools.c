/*
** lua_tools.c -- what specs and tools ask the core: operators, dumps, figures.
** Layer: lua.
*/
#include "base/cpu.h"
#include "lua/bind.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "jit/alloc.h"
#include "jit/choose.h"
#include "jit/text.h"
#include "rt/symbols.h"
#include "rt/worker.h"
#include "wasm/ops.h"

/* ---- texts made by malloc, owned while Lua copies them ---- */

static void text_forget(Handle *h)
{
  ((HeldText *)h)->text = NULL;
}

HeldText *lw_new_held_text(lua_State *L, State *st)
{
  return lw_new_box(L, st, KIND_HELD, sizeof(HeldText), 0);
}

void lw_push_held_bytes(lua_State *L, HeldText *held, size_t size)
{
  lw_own(&held->h, held->text, free, text_forget);
  lua_pushlstring(L, held->text, size);
  lw_release(&held->h);
}

void lw_push_held_text(lua_State *L, HeldText *held)
{
  assert(held->text);
  lw_push_held_bytes(L, held, strlen(held->text));
}

/* ---- core.opcodes() ---- */

static const char *const op_names[] = {
#define OP(name, code, text, imm, sig, feat) #name,
#include "wasm/ops.def"
};

static void set_string(lua_State *L, const char *key, const char *value)
{
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* { {name=, code=, text=, imm=, sig=, feature=}, ... } straight from ops.def */
static int tools_opcodes(lua_State *L)
{
  lua_createtable(L, OP__MAX, 0);
  for (int i = 0; i < OP__MAX; i++) {
    const OpInfo *op = &lw_op_info[i];
    lua_createtable(L, 0, 6);
    set_string(L, "name", op_names[i]);
    set_string(L, "text", op->text);
    set_string(L, "imm", lw_imm_text((Imm)op->imm));
    set_string(L, "sig", lw_sig_info[op->sig].text);
    set_string(L, "feature", lw_feat_text((Feat)op->feat));
    lua_pushinteger(L, op->code);
    lua_setfield(L, -2, "code");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- dumps ---- */

/* A module decoded and validated for one dump. */
typedef struct Dissected {
  Module module;
  Arena scratch;
} Dissected;

typedef struct HeldModule {
  Handle h;
  Dissected *parts;
} HeldModule;

static void parts_give_back(void *thing)
{
  Dissected *parts = thing;
  lw_arena_free(&parts->scratch);
  lw_module_free(&parts->module);
  free(parts);
}

static void parts_forget(Handle *h)
{
  ((HeldModule *)h)->parts = NULL;
}

/* Push it, for the bytes at `arg` and the function index behind them. */
static Status push_module(lua_State *L, int arg, HeldModule **out, Err *err)
{
  size_t size;
  const char *bytes = luaL_checklstring(L, arg, &size);
  lua_Integer func = luaL_checkinteger(L, arg + 1);
  const DecodeOptions opts = {0};
  HeldModule *held = lw_new_box(L, lw_state(L), KIND_HELD, sizeof *held, 0);
  *out = held;
  Dissected *parts = calloc(1, sizeof *parts);
  if (!parts) return lw_nomem(err, "a module");
  Status s = lw_module_decode((const uint8_t *)bytes, size, &opts, &parts->module, err);
  if (s != LW_OK) {
    free(parts);
    return s;
  }
  held->parts = parts;
  lw_own(&held->h, parts, parts_give_back, parts_forget);
  TRY(lw_module_validate(&parts->module, err));
  luaL_argcheck(L, func >= parts->module.nfuncs_imported && func < parts->module.nfuncs,
                arg + 1, "no such function in the module");
  return LW_OK;
}

/* core.dump(bytes, funcidx, pass [, {bounds=, effort=, unroll=, inline=, fuel=}])
   -> text | nil, err */
static int tools_dump(lua_State *L)
{
  static const char *const known[] = {"bounds", "effort", "unroll",
                                      "inline", "fuel",   NULL};
  static const char *const modes[] = {"guard", "explicit", NULL};
  const char *pass = luaL_checkstring(L, 3);
  lua_settop(L, 4);
  lw_check_options(L, 4, "dump", known);
  CompileOptions opts = {0};
  opts.explicit_bounds = lw_opt_choice(L, 4, "bounds", modes, 0) == 1;
  opts.effort = (uint8_t)lw_opt_count(L, 4, "effort", 0, 2);
  opts.keep_loops = !lw_opt_bool(L, 4, "unroll", true);
  opts.fuel = lw_opt_bool(L, 4, "fuel", false);
  opts.keep_calls = !lw_opt_bool(L, 4, "inline", true);
  Err err = {.at = ERR_NOWHERE};
  HeldModule *m;
  HeldText *held = lw_new_held_text(L, lw_state(L));
  Status s = push_module(L, 1, &m, &err);
  if (s == LW_OK)
    s = lw_image_dump(&m->parts->module, (uint32_t)lua_tointeger(L, 2), pass, &opts,
                      &held->text, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lw_release(&m->h);
  lw_push_held_text(L, held);
  return 1;
}

/* core.ir_parse(text, bytes, funcidx) -> the same text printed again | nil, err */
static int tools_ir_parse(lua_State *L)
{
  const char *text = luaL_checkstring(L, 1);
  lua_settop(L, 3);
  Err err = {.at = ERR_NOWHERE};
  HeldModule *m;
  HeldText *held = lw_new_held_text(L, lw_state(L));
  Status s = push_module(L, 2, &m, &err);
  Func func = {0};
  Str out = {0};
  if (s == LW_OK)
    s = lw_ir_parse(text, &m->parts->module, (uint32_t)lua_tointeger(L, 3),
                    &m->parts->scratch, &func, &err);
  if (s == LW_OK) s = lw_ir_dump(&func, &out);
  if (s == LW_OK && !out.text) s = lw_nomem(&err, "a dump");
  if (s != LW_OK) {
    free(out.text);
    return lw_push_fail(L, s, &err);
  }
  held->text = out.text;
  lw_release(&m->h);
  lw_push_held_text(L, held);
  return 1;
}

/* ---- figures ---- */

/* { {pass=, ns=, bytes=, most=}, ..., functions=, wasm_bytes=, ... } */
static int push_passes(lua_State *L)
{
  PassTotals t;
  CompileStats c;
  bool on = lw_passes_read(&t, &c);
  lua_createtable(L, PASS__MAX, 9);
  for (int p = 0; p < PASS__MAX; p++) {
    lua_createtable(L, 0, 5);
    set_string(L, "pass", lw_pass_text((Pass)p));
    lw_set_count(L, "ns", t.cost[p].ns);
    lw_set_count(L, "bytes", t.cost[p].bytes);
    lw_set_count(L, "most", t.cost[p].most);
    lua_pushboolean(L, lw_pass_optional((Pass)p));
    lua_setfield(L, -2, "optional");
    lua_rawseti(L, -2, p + 1);
  }
  lua_pushboolean(L, on);
  lua_setfield(L, -2, "measuring");
  lw_set_count(L, "functions", t.functions);
  lw_set_count(L, "fallbacks", c.fallbacks);
  lw_set_count(L, "wasm_bytes", c.wasm_bytes);
  lw_set_count(L, "code_bytes", c.code_bytes);
  lw_set_count(L, "ir_instructions", c.ir_instructions);
  lw_set_count(L, "spills", c.spills);
  lw_set_count(L, "reloads", c.reloads);
  lw_set_count(L, "moves", c.moves);
  return 1;
}

/* core.stats() -> what this Lua state and the process have; core.stats("passes" [, on])
   -> what the compiler's passes cost since on was true */
static int tools_stats(lua_State *L)
{
  static const char *const kinds[] = {"all", "passes", NULL};
  if (luaL_checkoption(L, 1, "all", kinds) == 1) {
    if (!lua_isnoneornil(L, 2)) {
      luaL_checktype(L, 2, LUA_TBOOLEAN);
      lw_passes_measure(lua_toboolean(L, 2));
    }
    return push_passes(L);
  }
  StoreStats s;
  CodeStats c;
  lw_store_stats(lw_store(L, lw_state(L)), &s);
  lw_code_stats(&c);
  lua_createtable(L, 0, 12);
  lw_set_count(L, "instances", s.instances);
  lw_set_count(L, "activations", s.activations);
  lw_set_count(L, "parked", s.parked);
  lw_set_count(L, "stacks", s.stacks);
  lw_set_count(L, "boxes", s.boxes);
  lw_set_count(L, "shells", s.shells);
  lw_set_count(L, "collections", s.collections);
  lw_set_count(L, "memory_bytes", s.memory_bytes);
  lw_set_count(L, "codes", c.live);
  lw_set_count(L, "compiles", c.compiles);
  lw_set_count(L, "hits", c.hits);
  lw_set_count(L, "text_bytes", c.text_bytes);
  return 1;
}

/* ---- symbols for perf and gdb ---- */

static const char *const symbol_tools[] = {
  [SYMBOLS_PERF] = "perf", [SYMBOLS_GDB] = "gdb", NULL};

/* core.symbols(tool [, on]) -> true | nil, err */
static int tools_symbols(lua_State *L)
{
  SymbolsTool tool = (SymbolsTool)luaL_checkoption(L, 1, NULL, symbol_tools);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TBOOLEAN);
  bool on = lua_isnoneornil(L, 2) || lua_toboolean(L, 2);
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_symbols_switch(tool, on, &err);
  if (s != LW_OK) return lw_push_fail(L, s, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* WASM_SYMBOLS=perf,gdb: from the start, without a word in the program. */
static void symbols_by_environment(lua_State *L)
{
  const char *wanted = secure_getenv("WASM_SYMBOLS");
  for (int tool = 0; wanted && symbol_tools[tool]; tool++) {
    Err err = {.at = ERR_NOWHERE};
    if (!strstr(wanted, symbol_tools[tool])) continue;
    if (lw_symbols_switch((SymbolsTool)tool, true, &err) == LW_OK) continue;
    lua_warning(L, "wasm: WASM_SYMBOLS: ", 1);
    lua_warning(L, err.msg, 0);
  }
}

/* core.interrupt(token) -> was a call of that instance running? */
static int tools_interrupt(lua_State *L)
{
  lua_pushboolean(L, lw_interrupt_send((uint64_t)luaL_checkinteger(L, 1)));
  return 1;
}

/* core.drain(): wait until nothing is compiled in the background any more */
static int tools_drain(lua_State *L)
{
  (void)L;
  lw_worker_drain();
  return 0;
}

/* core.collect(): the collector of references, now */
static int tools_collect(lua_State *L)
{
  lw_collect_refs(L, lw_state(L), true);
  return 0;
}

#ifndef NDEBUG
/* core.ra_keep(mask): only these registers are given away (jit/ra.h), in builds for
 * specs. */
static int ra_keep(lua_State *L)
{
  lw_ra_keep((uint32_t)luaL_checkinteger(L, 1));
  return 0;
}

/* core.ra_stress(split, cold): jit/alloc.h, jit/ir.h; in builds for specs. */
static int ra_stress(lua_State *L)
{
  lw_ra_split(lua_toboolean(L, 1));
  lw_ir_cold(lua_toboolean(L, 2));
  return 0;
}

static Pass check_pass(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  for (int p = 0; p < PASS__MAX; p++)
    if (strcmp(lw_pass_text((Pass)p), name) == 0 && lw_pass_optional((Pass)p))
      return (Pass)p;
  return (Pass)luaL_argerror(L, 1, "no pass that may be left out");
}

static uint32_t check_index(lua_State *L, int arg)
{
  lua_Integer index = luaL_checkinteger(L, arg);
  luaL_argcheck(L, index >= 0 && index <= UINT32_MAX, arg, "out of range");
  return (uint32_t)index;
}

/* core.pass_limit(pass, first, end): it is made for functions with these indexes only
   (jit/choose.h), in builds for specs. */
static int pass_limit(lua_State *L)
{
  lw_pass_limit(check_pass(L), check_index(L, 2), check_index(L, 3));
  return 0;
}

/* core.pass_damage(pass, index): it goes wrong there, in builds for specs. */
static int pass_damage(lua_State *L)
{
  lw_pass_damage(check_pass(L), check_index(L, 2));
  return 0;
}

/* core.cpu_keep(mask): code for a lesser processor (CPU_* of base/cpu.h), in builds for
   specs. */
static int cpu_keep(lua_State *L)
{
  lw_cpu_keep((uint32_t)luaL_checkinteger(L, 1));
  return 0;
}
#endif

/* core.leave_interrupt(): SIGINT ends the process, as the system has it, unless it is
   ignored. For programs made of the library; the library itself leaves it alone. */
static int leave_interrupt(lua_State *L)
{
  struct sigaction now;
  (void)L;
  if (sigaction(SIGINT, NULL, &now) != 0) return 0;
  if (!(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN) return 0;
  sigemptyset(&now.sa_mask);
  now.sa_flags = 0;
  now.sa_handler = SIG_DFL;
  sigaction(SIGINT, &now, NULL);
  return 0;
}

static const luaL_Reg held_meta[] = {
  {"__gc", lw_box_gc},
  {NULL,   NULL     },
};
static const luaL_Reg functions[] = {
  {"leave_interrupt", leave_interrupt},
#ifndef NDEBUG
  {"cpu_keep",        cpu_keep       },
  {"ra_keep",         ra_keep        },
  {"ra_stress",       ra_stress      },
  {"pass_limit",      pass_limit     },
  {"pass_damage",     pass_damage    },
#endif
  {"drain",           tools_drain    },
  {"opcodes",         tools_opcodes  },
  {"dump",            tools_dump     },
  {"ir_parse",        tools_ir_parse },
  {"stats",           tools_stats    },
  {"symbols",         tools_symbols  },
  {"interrupt",       tools_interrupt},
  {"collect",         tools_collect  },
  {NULL,              NULL           },
};

void lw_open_tools(lua_State *L)
{
  lw_open_kind(L, KIND_HELD, "wasm.held", held_meta, held_meta + 1);
  lw_add_functions(L, functions);
  symbols_by_environment(L);
}

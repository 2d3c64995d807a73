/*
** wasi.h -- what the rest of the binding needs of wasm.wasi objects.
** Layer: lua.
*/
#ifndef LW_LUA_WASI_H
#define LW_LUA_WASI_H

#include "lua/bind.h"

typedef struct Wasi Wasi;

#define WASI_NAME "wasm.wasi"
typedef struct WasiBox {
  Handle h;
  Wasi *w;
  uint64_t reported; /* bytes kept by it that Lua's collector has heard of */
  bool closed;
} WasiBox;
enum { UV_WASI_FUNCS = 1, UV_WASI_ASKED };
/* Keys of the latter: the streams 0 to 2, and these. */
enum { ASKED_CLOCK = 3, ASKED_RANDOM, ASKED_BLOCK, ASKED_DIRS /* from here on */ };

/* Push the wasm.func of a call of the wasm.wasi at `arg`, for a module that imports it
   from `module`. False (nothing pushed): there is none of that name. */
bool lw_push_wasi_call(lua_State *L, State *st, int arg, const char *module,
                       const char *name);
/* Directories that are functions (lua_wasi_dir.c). Is the table on the top one? */
bool lw_wasi_is_served(lua_State *L);
/* Take it as `name` for the wasm.wasi at `box`; pops nothing. */
void lw_wasi_take_served(lua_State *L, int box, const char *name);
/* The functions of the directory are on the top: push the one that is asked for and its
   arguments; how many. */
int lw_wasi_ask_dir(lua_State *L, const Activation *a, NativeAsk *ask);
/* Its WASI_RESULTS results are from `at` on. */
void lw_wasi_answer_dir(lua_State *L, NativeAsk *ask, int at);
enum { WASI_RESULTS = 3 };

/* A call of the wasm.wasi on the top asks for something. Push the function to call and
   its arguments; how many; or -1 if it has been answered. Raises. */
int lw_wasi_ask(lua_State *L, Activation *a);
/* The function gave WASI_RESULTS values, from `at` on, which must stay there until the
   call has gone on. */
void lw_wasi_answer(lua_State *L, Activation *a, int at);

#endif

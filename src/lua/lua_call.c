/*
** lua_call.c -- a Lua call goes into wasm, and wasm calls Lua functions.
**
** wasm runs on its activation's private stack; Lua is only called from Lua's own. At a
** callout the core calls `callout` there, below lw_act_enter, which calls the Lua
** function with lua_pcallk and returns to let wasm go on. When the Lua function yields,
** all these C frames are gone; callout_done goes on with lw_act_resume. Where the host
** may yield, any error also longjmps over them and arrives in callout_done. So nothing
** but the Activation carries state, and there is no resource in a C frame.
** Who owns the activation: until the first callout, the C frame, which then calls nothing
** that raises; afterwards an anchor on the Lua stack wherever the call may be parked, or
** Lua objects must be made while it lives. (Elsewhere errors are caught by lua_pcallk
** and end the call.)
** Layer: lua.
*/
#include "lua/call.h"

#include <assert.h>
#include <string.h>

#include "jit/layout.h"
#include "jit/trap.h"
#include "lua/registers.h"
#include "lua/wasi.h"
#include "rt/budget.h"
#include "rt/native.h"
#include "rt/quick.h"
#include "rt/tag.h"
#include "wasm/limits.h"

#define NOINLINE __attribute__((noinline))

enum { CHATTY = 8 }; /* a call with so many callouts makes the next one a covered one */

static int callout_done(lua_State *L, int status, lua_KContext context);

static State *state_of(const Activation *a)
{
  return a->store->user; /* lw_open_call has said so */
}

static FuncBox *this_func(lua_State *L)
{
  return lua_touserdata(L, lua_upvalueindex(UPVALUE_FUNC));
}

/* ---- anchors ---- */

static void anchor_give_back(void *act)
{
  lw_act_drop(act);
}

static void anchor_forget(Handle *h)
{
  Anchor *anchor = (Anchor *)h;
  assert(anchor->act->anchor == anchor && anchor->act->state != ACT_RUNNING);
  anchor->act = NULL;
  anchor->L = NULL;
}

static int anchor_new(lua_State *L)
{
  Anchor *anchor =
    lw_new_box(L, lw_state_find(L), KIND_ANCHOR, sizeof *anchor, UV_ANCHOR_KEEPS);
  lw_weak_set(L, WEAK_THINGS, anchor, -1);
  return 1;
}

/* The table of anchors to be used again: making one costs 400 ns with its finalizer. */
enum { SPARES = 16 };
static const char spares_key;

/* Push a spare anchor; false (nothing pushed) when there is none. Allocates nothing.
   While the Lua state is closing they have been finalized, and are of no more use. */
static bool push_spare(lua_State *L, State *st)
{
  if (st->nspares == 0) return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spares_key);
  lua_rawgeti(L, -1, st->nspares);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -3, st->nspares--);
  lua_remove(L, -2);
  if (((Anchor *)lua_touserdata(L, -1))->h.owned) return true;
  lua_pop(L, 1);
  return false;
}

/* __close: the call has left the stack slot, however it did, so the anchor is free. */
static int anchor_close(lua_State *L)
{
  Anchor *anchor = lua_touserdata(L, 1);
  State *st = anchor->h.state;
  lw_release(&anchor->h);
  if (st->nspares == SPARES) return 0;
  lua_pushnil(L); /* it must not keep the coroutine */
  lua_setiuservalue(L, 1, UV_ANCHOR_THREAD);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, UV_ANCHOR_KEEPS);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &spares_key);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, ++st->nspares);
  return 0;
}

/*
** Give the activation an owner on the Lua stack. Making it may fail for want of memory,
** and then the activation must not leak: hence the protected call.
*/
static NOINLINE void anchor_make(lua_State *L, Activation *a)
{
  assert(a->laid_out && !a->anchor);
  if (!push_spare(L, lw_state_find(L))) {
    lua_pushcfunction(L, anchor_new);
    if (lua_pcall(L, 0, 1, 0) != LUA_OK) {
      lw_act_drop(a);
      lua_error(L);
    }
  }
  Anchor *anchor = lua_touserdata(L, -1);
  assert(!anchor->act);
  lua_pushthread(L);
  lua_setiuservalue(L, -2, UV_ANCHOR_THREAD);
  anchor->L = L;
  anchor->act = a;
  a->anchor = anchor;
  lw_own(&anchor->h, a, anchor_give_back, anchor_forget);
  lua_replace(L, SLOT_ACT);
  lua_toclose(L, SLOT_ACT);
}

/* The order of slots that call.h describes. */
static void lay_out(lua_State *L, Activation *a)
{
  lua_settop(L, 0);
  lua_pushlightuserdata(L, a);
  lua_pushvalue(L, lua_upvalueindex(UPVALUE_HOSTS));
  lua_pushcfunction(L, lw_trace_handler);
  a->laid_out = true;
}

/* From here on the activation has an owner, so Lua objects may be made. */
static void anchor_want(lua_State *L, Activation *a)
{
  if (!a->laid_out) lay_out(L, a);
  if (!a->anchor) anchor_make(L, a);
}

/* The activation ends, however it did. */
static void end_call(lua_State *L, Activation *a)
{
  Anchor *anchor = a->anchor;
  assert(!anchor || anchor->act == a);
  if (anchor) {
    lw_release(&anchor->h);
    return;
  }
  if (a->laid_out) { /* so that no trace finds it any more */
    lua_pushnil(L);
    lua_replace(L, SLOT_ACT);
  }
  lw_act_drop(a);
}

const Activation *lw_call_activation(lua_State *L, lua_Debug *ar)
{
  const Activation *a = NULL;
  if (!lua_getlocal(L, ar, SLOT_HANDLER)) return NULL;
  bool laid_out = lua_tocfunction(L, -1) == lw_trace_handler;
  lua_pop(L, 1);
  if (!laid_out || !lua_getlocal(L, ar, SLOT_ACT)) return NULL;
  if (lua_islightuserdata(L, -1))
    a = lua_touserdata(L, -1);
  else {
    const Anchor *anchor = lw_test(L, lw_state_find(L), -1, KIND_ANCHOR);
    if (anchor) a = anchor->act;
  }
  lua_pop(L, 1);
  return a && (a->state == ACT_OUT || a->state == ACT_DEAD) ? a : NULL;
}

/* For the core: has this call been left by a yield? One whose anchor is garbage has been
   left for good; and Lua may have freed that anchor without a word (bind.h, Owned). */
static bool is_parked(const Activation *a, void *user)
{
  const State *st = user;
  if (!a->anchor || a->covered || !lua_checkstack(st->main, 4)) return false;
  if (!lw_weak_get(st->main, WEAK_THINGS, a->anchor)) return true;
  const Anchor *anchor = lw_test(st->main, st, -1, KIND_ANCHOR);
  bool known = anchor && anchor->act == a;
  bool parked = !known || lua_status(anchor->L) == LUA_YIELD;
  lua_pop(st->main, 1);
  return parked;
}

/* ---- ends that raise ---- */

static int raise_argument(lua_State *L, const FuncBox *f, uint32_t i, const char *why)
{
  char name[80];
  lw_func_name(f, name, sizeof name);
  if (why == lw_why_closed)
    return lw_raise(L, LW_CLOSED, "bad argument #%d to '%s' (%s)", (int)i + 1, name, why);
  bool method = i == 0 && luaL_getmetafield(L, 1, "__name") == LUA_TSTRING &&
                strcmp(lua_tostring(L, -1), "wasm.exports") == 0;
  return luaL_error(L, "bad argument #%d to '%s' (%s%s)", (int)i + 1, name, why,
                    method ? "; call it with '.', not ':'" : "");
}

/* A number that set_registers has refused. */
static NOINLINE int raise_number(lua_State *L, const FuncBox *f, uint32_t i)
{
  Value v;
  char why[WHY_SIZE];
  return raise_argument(L, f, i,
                        lw_to_value(L, (int)i + 1, f->types[i], false, 0, &v, why));
}

static NOINLINE int raise_result(lua_State *L, Activation *a, uint32_t i, const char *why)
{
  char name[80] = "?";
  if (lw_weak_get(L, WEAK_THINGS, a->callee))
    lw_func_name(lua_touserdata(L, -1), name, sizeof name);
  end_call(L, a);
  if (why == lw_why_closed)
    return lw_raise(L, LW_CLOSED, "bad result #%d of import '%s' (%s)", (int)i + 1, name,
                    why);
  return luaL_error(L, "bad result #%d of import '%s' (%s)", (int)i + 1, name, why);
}

static NOINLINE __attribute__((noreturn)) void raise_ended(lua_State *L, Activation *a,
                                                           Status s, const char *message)
{
  end_call(L, a);
  lw_raise(L, s, "%s", message);
}

/* The guest trapped, or the host ended it. */
static NOINLINE int raise_trap(lua_State *L, Activation *a)
{
  anchor_want(L, a);
  lua_settop(L, SLOT_HANDLER);
  assert(a->state == ACT_DEAD && a->anchor);
  Status s = a->end;
  if (s == LW_OK) s = a->trap == TRAP_INTERRUPT ? LW_INTERRUPT : LW_TRAP;
  const char *message = s == LW_TRAP        ? lw_trap_text(a->trap)
                        : s == LW_CLOSED    ? "the instance was closed during the call"
                        : s == LW_INTERRUPT ? "interrupted"
                        : s == LW_LIMIT     ? lw_trap_text(a->trap)
                        : a->trap == TRAP_NO_CODE ? lw_trap_text(a->trap)
                        : s == LW_NOMEM           ? "out of memory for a thread"
                                                  : lw_status_text(s);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (a->exn && lw_push_host_error(L, state_of(a), a->exn)) {
    end_call(L, a);
    return lua_error(L);
  }
  if (a->exn) {
    s = LW_EXCEPTION;
    lw_push_exception(L, state_of(a), a->exn);
  } else {
    lw_push_error(L, s, message, ERR_NOWHERE);
  }
  int error = lua_gettop(L);
  if (s == LW_TRAP) {
    lua_pushstring(L, message);
    lua_setfield(L, error, "trap");
  }
  lw_push_frames(L, a);
  if (lua_rawgeti(L, -1, 1) == LUA_TTABLE) {
    lua_getfield(L, -1, "offset");
    lua_setfield(L, error, "offset");
  }
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, error, "frames");
  lw_trace_record(L, state_of(a), error);
  Instance *i = a->instance;
  bool told = s == LW_TRAP && i && lw_push_instance(L, i);
  if (told) {
    lua_pushvalue(L, error);
    lw_instance_event(L, error + 1, "trap", 1);
    if (i->on_trap_close) lw_instance_shut(L, error + 1, false);
  }
  end_call(L, a);
  lua_settop(L, error);
  return lua_error(L);
}

/* ---- into wasm ---- */

/* There was no activation to be had. Stacks of parked calls that nobody can reach any
   more may be in the way, and Lua's collector does not know what they weigh: let it run
   once, then `f` may be tried again. */
static NOINLINE void make_room(lua_State *L, const FuncBox *f, Status s, Err *err)
{
  if (s != LW_NOMEM) lw_raise(L, s, "%s", err->msg);
  lua_gc(L, LUA_GCCOLLECT);
  if (!lw_func_live(f)) lw_raise_dead(L, f);
  *err = (Err){.at = ERR_NOWHERE};
}

static void to_values(lua_State *L, const FuncBox *f, bool bits, int owner, Value *args)
{
  char why[WHY_SIZE];
  for (uint32_t i = 0; i < f->nparams; i++) {
    const char *wrong =
      lw_to_value(L, (int)i + 1, f->types[i], bits, owner, &args[i], why);
    if (wrong) raise_argument(L, f, i, wrong);
  }
}

static NOINLINE Activation *begin_general(lua_State *L, const FuncBox *f, bool bits,
                                          int owner)
{
  Value args[LIMIT_PARAMS];
  assert(f->nparams <= LIMIT_PARAMS && (owner || !f->has_refs));
  to_values(L, f, bits, owner, args);
  Activation *a;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_act_new(f->h.state->store, f->cell, &a, &err);
  if (s != LW_OK) {
    make_room(L, f, s, &err);
    to_values(L, f, bits, owner, args); /* references may have been collected */
    s = lw_act_new(f->h.state->store, f->cell, &a, &err);
    if (s != LW_OK) lw_raise(L, s, "%s", err.msg);
  }
  a->user = L;
  lw_act_set_args(a, args);
  return a;
}

/* ---- out to the host ---- */

static NOINLINE void push_args_general(lua_State *L, State *st, Activation *a)
{
  Value args[LIMIT_PARAMS];
  const FuncType *t = a->callee->type;
  anchor_want(L, a);
  lw_act_callout_args(a, args);
  for (uint32_t i = 0; i < t->nparams; i++)
    lw_push_value(L, st, t->params[i], false, args[i]);
}

/* Push the Lua function that wasm calls and its arguments. */
static NOINLINE void push_callout(lua_State *L, State *st, Activation *a)
{
  const HostFunc *host = a->callee;
  const FuncType *t = host->type;
  bool fast = host->slot & HOST_FAST;
  if (!host->user) raise_ended(L, a, LW_CLOSED, "the host function is closed");
  /* what fast functions need is within the LUA_MINSTACK that every C function has */
  if (!fast && !lua_checkstack(L, (int)(t->nparams + t->nresults) + LUA_MINSTACK))
    raise_ended(L, a, LW_LIMIT, "stack overflow");
  if (lua_rawgeti(L, SLOT_HOSTS, host->index) == LUA_TNIL)
    raise_ended(L, a, LW_CLOSED, "the host function is collected");
  if (fast)
    lw_push_registers(L, t->params, t->nparams, a);
  else
    push_args_general(L, st, a);
}

static NOINLINE void set_results_general(lua_State *L, State *st, Activation *a,
                                         int first)
{
  Value results[LIMIT_RESULTS];
  char why[WHY_SIZE];
  const FuncType *t = a->callee->type;
  int owner = 0;
  if (lw_type_has_refs(t)) {
    anchor_want(L, a);
    if (!lw_weak_get(L, WEAK_THINGS, a->callee))
      raise_ended(L, a, LW_CLOSED, "the host function is collected");
    owner = lua_gettop(L);
    lw_prepare_owner(L, st, owner);
  }
  for (uint32_t i = 0; i < t->nresults; i++) {
    const char *wrong =
      lw_to_value(L, first + (int)i, t->results[i], false, owner, &results[i], why);
    if (wrong) raise_result(L, a, i, wrong);
  }
  lw_act_callout_results(a, results);
}

/* Something was entered on the same memory after it, and has not ended. */
static NOINLINE void check_order(lua_State *L, Activation *a)
{
  Err err = {.at = ERR_NOWHERE};
  bool any_order = !a->instance || a->instance->interleave_any;
  Status s = lw_act_may_resume(a, any_order, &err);
  if (s != LW_OK) raise_ended(L, a, s, err.msg);
}

static bool catches_host_errors(const Instance *i)
{
  return i->catch_host_errors;
}

/* The error on the top may be an exception that wasm catches: then it goes on there. Any
   other error is one only to instances that want it, but traps, interrupts and all that
   the core says itself (a wasm.error) are never. */
static NOINLINE bool is_caught(lua_State *L, Activation *a, int status)
{
  State *st = state_of(a);
  if (a->state != ACT_OUT || a->end != LW_OK) return false;
  uint64_t exn = lw_exception_of(L, st, -1);
  if (exn) {
    if (!lw_act_throw(a, (const ExnObject *)(uintptr_t)exn, NULL)) return false;
  } else {
    if (status == LUA_ERRMEM || lw_is_error(L, -1)) return false;
    if (!lw_act_throw(a, NULL, catches_host_errors)) return false;
    anchor_want(L, a);
    a->exn = lw_host_exception(L, st);
  }
  lua_settop(L, SLOT_HANDLER);
  if (a->newer) check_order(L, a);
  return true;
}

/* The host function has failed: wasm catches that, or the call ends. */
static NOINLINE void take_error(lua_State *L, Activation *a, int status)
{
  a->covered = false;
  if (is_caught(L, a, status)) return;
  end_call(L, a);
  lua_error(L);
}

static NOINLINE void raise_result_number(lua_State *L, Activation *a, uint32_t i, int arg)
{
  Value v;
  char why[WHY_SIZE];
  ValType t = a->callee->type->results[i];
  raise_result(L, a, i, lw_to_value(L, arg, t, false, 0, &v, why));
}

/* The host function has returned, or failed: its results go to wasm, or the call ends. */
static NOINLINE void take_results(lua_State *L, State *st, Activation *a, int status)
{
  if (status != LUA_OK && status != LUA_YIELD) {
    take_error(L, a, status);
    return;
  }
  if (a->state != ACT_OUT) return; /* closed by force while it was parked */
  const HostFunc *host = a->callee;
  const FuncType *t = host->type;
  if (!host->user) raise_ended(L, a, LW_CLOSED, "the host function is closed");
  enum { FIRST = SLOT_HANDLER + 1 };
  assert(lua_gettop(L) == SLOT_HANDLER + (int)t->nresults);
  uint32_t bad = 0;
  if (host->slot & HOST_FAST)
    bad = lw_set_registers(L, t->results, t->nresults, FIRST, a);
  else
    set_results_general(L, st, a, FIRST);
  if (bad) raise_result_number(L, a, bad - 1, FIRST + (int)bad - 1);
  lua_settop(L, SLOT_HANDLER);
  if (a->newer) check_order(L, a);
}

/* A native function wants something of Lua, until it wants nothing more. Where Lua yields
   meanwhile, callout_done goes on. */
static NOINLINE void native_callout(lua_State *L, Activation *a)
{
  do {
    anchor_want(L, a);
    lua_settop(L, SLOT_HANDLER);
    if (!lua_checkstack(L, LUA_MINSTACK)) raise_ended(L, a, LW_LIMIT, "stack overflow");
    if (lua_rawgeti(L, SLOT_HOSTS, a->callee->index) == LUA_TNIL)
      raise_ended(L, a, LW_CLOSED, "the host function is collected");
    int nargs = lw_wasi_ask(L, a);
    if (nargs < 0) continue;
    state_of(a)->rethrown = false;
    int status =
      lua_pcallk(L, nargs, WASI_RESULTS, SLOT_HANDLER, (lua_KContext)a, callout_done);
    if (status != LUA_OK) {
      lw_ask_end(&a->ask);
      take_error(L, a, status);
      return;
    }
    lw_wasi_answer(L, a, -WASI_RESULTS);
  } while (lw_act_native(a) == NATIVE_ASK);
  lua_settop(L, SLOT_HANDLER);
}

/* Lua has answered it after a yield. */
static void native_resume(lua_State *L, Activation *a)
{
  if (a->newer) check_order(L, a);
  lw_act_back(a);
  lw_wasi_answer(L, a, -WASI_RESULTS);
  if (lw_act_native(a) == NATIVE_ASK)
    native_callout(L, a);
  else
    lua_settop(L, SLOT_HANDLER);
}

/* What a call that has reached a limit calls, with a word for whoever resumes it. */
static int limit_yield(lua_State *L)
{
  lua_pushvalue(L, lua_upvalueindex(1));
  return lua_yield(L, 1);
}

static NOINLINE void first_callout(lua_State *L, Activation *a)
{
  lay_out(L, a);
  if (lua_isyieldable(L)) anchor_make(L, a);
}

/* Nothing of Lua's was called: a limit is reached, or a native function asks. */
static NOINLINE void callout_special(lua_State *L, State *st, Activation *a)
{
  bool at_limit = lw_act_at_limit(a);
  if (at_limit && !lua_isyieldable(L)) {
    lw_act_limit_deny(a);
    return;
  }
  if (!a->laid_out) first_callout(L, a);
  if (!at_limit) {
    native_callout(L, a);
    return;
  }
  const char *word = lw_act_out_of_fuel(a) ? "fuel" : "timeout";
  lw_act_limit_grant(a);
  lua_pushstring(L, word);
  lua_pushcclosure(L, limit_yield, 1);
  st->rethrown = false;
  int status = lua_pcallk(L, 0, 0, SLOT_HANDLER, (lua_KContext)a, callout_done);
  take_results(L, st, a, status);
}

/* For the core: run the host function that wasm has called. Raises past the core. Here,
   too, every instruction counts. */
static bool callout(Activation *a, void *user)
{
  lua_State *L = a->user;
  State *st = user;
  const HostFunc *host = a->callee;
  const FuncType *t = host->type;
  if (host->special) {
    callout_special(L, st, a);
    return true;
  }
  if (!a->laid_out) first_callout(L, a);
  bool words = host->slot & HOST_WORDS;
  if (words && host->user && lua_rawgeti(L, SLOT_HOSTS, host->index) != LUA_TNIL)
    lw_push_words(L, t->params, t->nparams, a);
  else
    push_callout(L, st, a);
  st->rethrown = false;
  a->ncallouts++;
  int status = LUA_OK;
  if (a->covered)
    lua_call(L, (int)t->nparams, (int)t->nresults);
  else
    status = lua_pcallk(L, (int)t->nparams, (int)t->nresults, SLOT_HANDLER,
                        (lua_KContext)a, callout_done);
  if (words && status == LUA_OK && a->state == ACT_OUT && host->user && !a->newer &&
      !lw_set_words(L, t->results, t->nresults, SLOT_HANDLER + 1, a->gpr))
    lua_settop(L, SLOT_HANDLER);
  else
    take_results(L, st, a, status);
  return true;
}

/* ---- back ---- */

/* Are there strings or userdata among them? */
static bool makes_objects(const ValType *types, uint32_t n)
{
  for (uint32_t i = 0; i < n; i++)
    if (!lw_val_is_num(types[i])) return true;
  return false;
}

static NOINLINE void push_results_general(lua_State *L, FuncBox *f, Activation *a)
{
  Value results[LIMIT_RESULTS];
  bool bits = lua_toboolean(L, lua_upvalueindex(UPVALUE_BITS));
  if (makes_objects(f->types + f->nparams, f->nresults)) anchor_want(L, a);
  lw_act_results(a, results);
  for (uint32_t i = 0; i < f->nresults; i++)
    lw_push_value(L, f->h.state, f->types[f->nparams + i], bits, results[i]);
}

static bool is_start(const FuncBox *f)
{
  const Instance *i = f->owner ? f->owner->inst : NULL;
  const Module *m = i ? i->module : NULL;
  for (uint32_t k = 0; m && k < m->nexports; k++) {
    const Export *e = &m->exports[k];
    if (e->kind == EXTERN_FUNC && e->index == f->cell->func && e->name.len == 6 &&
        memcmp(e->name.text, "_start", 6) == 0)
      return true;
  }
  return false;
}

/* The guest has asked to end. The instance is of no more use: its program is over. */
static NOINLINE int exit_call(lua_State *L, const FuncBox *f, Activation *a)
{
  uint32_t code = a->exit_code;
  bool good = code == 0 && f->nresults == 0 && is_start(f);
  anchor_want(L, a);
  lua_settop(L, SLOT_HANDLER);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  Instance *i = a->instance;
  if (i && lw_push_instance(L, i)) lw_instance_shut(L, lua_gettop(L), false);
  end_call(L, a);
  if (good) return 0;
  lua_pushfstring(L, "the program ended with code %I", (LUAI_UACINT)code);
  lw_push_error(L, LW_EXIT, lua_tostring(L, -1), ERR_NOWHERE);
  lua_pushinteger(L, code);
  lua_setfield(L, -2, "code");
  return lua_error(L);
}

static int finish(lua_State *L, FuncBox *f, Activation *a, ActWhy why)
{
  f->chatty = a->ncallouts >= CHATTY;
  lw_func_settle(f);
  if (why != ACT_IS_RETURNED)
    return a->end == LW_EXIT ? exit_call(L, f, a) : raise_trap(L, a);
  if (f->fast && !lua_toboolean(L, lua_upvalueindex(UPVALUE_BITS)))
    lw_push_registers(L, f->types + f->nparams, f->nresults, a);
  else
    push_results_general(L, f, a);
  uint64_t grown = a->grown;
  end_call(L, a);
  if (grown) lw_account(L, f->h.state, grown);
  return (int)f->nresults;
}

static int callout_done(lua_State *L, int status, lua_KContext context)
{
  Activation *a = (Activation *)context;
  /* A finalizer may have brought back a coroutine whose anchor has been finalized. */
  const Anchor *anchor = lw_test(L, this_func(L)->h.state, SLOT_ACT, KIND_ANCHOR);
  if (!anchor || anchor->act != a)
    return lw_raise(L, LW_CLOSED,
                    "the call was dropped when its coroutine was collected");
  if (status == LUA_YIELD) lw_act_woken(a);
  bool good = status == LUA_OK || status == LUA_YIELD;
  if (good && a->state == ACT_OUT && a->callee->native)
    native_resume(L, a);
  else
    take_results(L, state_of(a), a, status);
  return finish(L, this_func(L), a, lw_act_resume(a));
}

/* ---- covered calls ---- */

/*
** lua_pcallk costs much more than lua_call where the host may not yield: it has to set a
** jump. A function whose calls call out again and again is entered below one lua_pcall
** (so there is a level of C between, `run_covered`, which traces pass over), and its
** callouts need none. An error arrives in enter_covered: from the host function, or from
** us. We have ended the call before, and so the anchor knows it no more.
*/
typedef struct Covered {
  Activation *act;
  ActWhy why;
} Covered;

/* (Covered, hosts, handler): the slots of call.h, so that callouts find what they need.
 */
int lw_run_covered(lua_State *L)
{
  Covered *c = lua_touserdata(L, SLOT_ACT);
  c->why = lw_act_enter(c->act);
  return 0;
}

static int enter_covered(lua_State *L, FuncBox *f, Activation *a)
{
  Covered c = {a, ACT_IS_TRAPPED};
  anchor_want(L, a);
  const Anchor *anchor = a->anchor;
  a->covered = true;
  lua_pushcfunction(L, lw_run_covered);
  lua_pushlightuserdata(L, &c);
  lua_pushvalue(L, SLOT_HOSTS);
  lua_pushvalue(L, SLOT_HANDLER);
  int status = lua_pcall(L, SLOT_HANDLER, 0, SLOT_HANDLER);
  if (status != LUA_OK) {
    if (anchor->act != a) return lua_error(L);
    take_error(L, a, status);
    c.why = lw_act_resume(a);
  }
  a->covered = false;
  return finish(L, f, a, c.why);
}

static int enter(lua_State *L, FuncBox *f, Activation *a)
{
  bool cover = f->chatty && !a->store->nest && !lua_isyieldable(L);
  return cover ? enter_covered(L, f, a) : finish(L, f, a, lw_act_enter(a));
}

/* ---- calls ---- */

static NOINLINE int call_general(lua_State *L, FuncBox *f, bool bits)
{
  State *st = f->h.state;
  int owner = 0;
  luaL_checkstack(L, (int)(f->nparams + f->nresults) + LUA_MINSTACK, NULL);
  lw_collect_refs(L, st, false);
  if (!lw_func_live(f)) return lw_raise_dead(L, f);
  if (f->has_refs) {
    lua_settop(L, (int)f->nparams);
    if (f->host)
      lua_pushvalue(L, lua_upvalueindex(UPVALUE_BOX));
    else
      lua_getiuservalue(L, lua_upvalueindex(UPVALUE_BOX), UV_FUNC_OWNER);
    owner = lua_gettop(L);
    lw_prepare_owner(L, st, owner);
    if (!lw_func_live(f)) return lw_raise_dead(L, f); /* a finalizer may have closed it */
  }
  Activation *a = begin_general(L, f, bits, owner);
  return enter(L, f, a);
}

static NOINLINE int call_fast(lua_State *L, FuncBox *f)
{
  Activation *a;
  Err err;
  err.msg[0] = 0;
  if (!lw_func_live(f)) return lw_raise_dead(L, f);
  Status s = lw_act_new(f->h.state->store, f->cell, &a, &err);
  if (s != LW_OK) {
    make_room(L, f, s, &err);
    s = lw_act_new(f->h.state->store, f->cell, &a, &err);
    if (s != LW_OK) return lw_raise(L, s, "%s", err.msg);
  }
  a->user = L;
  uint32_t bad = lw_set_registers(L, f->types, f->nparams, 1, a);
  if (bad) {
    lw_act_drop(a);
    return raise_number(L, f, bad - 1);
  }
  return enter(L, f, a);
}

static NOINLINE uint32_t arguments(lua_State *L, const FuncBox *f, Activation *a)
{
  return lw_set_registers(L, f->types, f->nparams, 1, a);
}

static NOINLINE int results(lua_State *L, const FuncBox *f, const Activation *a)
{
  lw_push_registers(L, f->types + f->nparams, f->nresults, a);
  return (int)f->nresults;
}

/* What stands here is paid for by every call (ARCHITECTURE.md, "What a call costs"). */
int lw_call_export(lua_State *L)
{
  FuncBox *f = this_func(L);
  if (UNLIKELY(!f->quick)) return f->fast ? call_fast(L, f) : call_general(L, f, false);
  const Instance *owner = f->owner->inst;
  bool live = owner && owner->state == INSTANCE_LIVE;
  Activation *a = UNLIKELY(!live) ? NULL : lw_act_quick(f->cell);
  if (UNLIKELY(!a)) return call_fast(L, f);
  uint32_t bad = UNLIKELY(f->flags & ACT_FLOATS)
                   ? arguments(L, f, a)
                   : lw_set_words(L, f->types, f->nparams, 1, a->gpr);
  if (UNLIKELY(bad)) return raise_number(L, f, bad - 1);
  ActWhy now = lw_act_quick_enter(a, f->cell, f->flags, L);
  if (UNLIKELY(now != ACT_IS_OVER)) return finish(L, f, a, now);
  if (UNLIKELY(!f->one_i32)) return results(L, f, a);
  lua_pushinteger(L, (int32_t)(uint32_t)a->gpr[0]);
  return 1;
}

int lw_call_bits(lua_State *L)
{
  return call_general(L, this_func(L), true);
}

static const luaL_Reg none[] = {
  {NULL, NULL},
};
static const luaL_Reg anchor_meta[] = {
  {"__gc",    lw_box_gc   },
  {"__close", anchor_close},
  {NULL,      NULL        },
};

void lw_open_call(lua_State *L)
{
  State *st = lua_touserdata(L, -1);
  lua_createtable(L, SPARES, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &spares_key);
  lw_open_kind(L, KIND_ANCHOR, "wasm.activation", anchor_meta, none);
  lw_store_rules(st->store, is_parked, st, 0);
  lw_store_on_callout(st->store, callout);
}

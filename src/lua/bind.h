/*
** bind.h -- the shared grammar of all Lua-facing files.
**
** One file per userdata type: lua_module.c, lua_memory.c, ... Each defines its methods
** and an opener that luaopen_wasm_core calls. Only files in src/lua may include lua.h.
**
** Two graphs are kept apart (API.md 3). Liveness runs along Lua user values only: a box
** `holds` what it needs, so that Lua's collector sees every cycle; the registry has
** nothing but weak tables from C addresses to the Lua values that stand for them. Safety
** is counted in C: a box owns one reference, which its release function gives back once,
** whichever of close(), <close>, the collector or the end of the Lua state comes first.
**
** How failure reaches Lua:
**   misuse (wrong type, unknown option)  -> lw_misuse, i.e. error() with a position
**   bad input from outside               -> nil, wasm.error        lw_push_fail
**   a trap, a closed or busy object      -> error(wasm.error)      lw_raise_*
** A Lua error is a longjmp, so whatever may raise runs only while something Lua knows
** (a box, an anchor) owns what would leak.
** Layer: lua (top; may include everything).
*/
#ifndef LW_BIND_H
#define LW_BIND_H

#include <lauxlib.h>
#include <lua.h>

#include "rt/store.h"

typedef enum {
  KIND_MODULE,
  KIND_INSTANCE,
  KIND_FUNC, /* a function of an instance */
  KIND_HOST, /* a function of Lua */
  KIND_MEMORY,
  KIND_VIEW,
  KIND_TABLE,
  KIND_GLOBAL,
  KIND_TAG,
  KIND_REF, /* an object of the collected heap */
  KIND_CACHE,
  KIND_SNAPSHOT,
  KIND_WASI,
  KIND_ANCHOR,
  KIND_HELD, /* something of C that must not leak while Lua objects are made */
  KIND__MAX
} Kind;

/* Weak tables of the registry; values are the Lua objects, keys what C knows them by. */
typedef enum {
  WEAK_FUNCS,  /* FuncCell* -> plain Lua function (of an instance or wrapping a host's) */
  WEAK_HOSTS,  /* HostFunc.index -> the Lua function that wasm calls */
  WEAK_THINGS, /* Memory*, Table*, GlobalCell*, HostFunc*, InstanceBox* -> userdata */
  WEAK_OWNERS, /* Owner.id -> userdata */
  WEAK__MAX
} Weak;

/* One per Lua state: the userdata whose __gc runs last, because it was made first. */
typedef struct State {
  Store *store;        /* NULL once the Lua state is closing: everything is closed then */
  struct Owned *owned; /* what all boxes own */
  lua_State *main;     /* to look at weak tables where no L is given */
  const void *metatables[KIND__MAX];
  uint64_t owners;       /* Owner ids given so far */
  uint64_t unreported;   /* bytes outside Lua that its collector has not heard of */
  struct RefHandle *pin; /* for the object that a wasm.ref is made of just now */
  int nspares;           /* anchors to be used again (lua_call.c) */
  bool rethrown;         /* the trace of the error under way is recorded already */
} State;

/*
** What one box owns. It lies in C memory, because Lua frees a userdata even when it could
** not call its __gc (no memory for the call, or C calls nested too deep just then): what
** such a box owned is given back at the end of the Lua state. So what lies in C memory
** may know a box's address, but finds the box only by looking it up in a weak table;
** boxes point to each other only where a user value keeps the other.
*/
typedef struct Owned {
  struct Owned *prev, *next; /* State.owned */
  void (*give_back)(void *thing);
  void *thing; /* NULL: nothing yet, or given back */
} Owned;

/* The head of every userdata. */
typedef struct Handle {
  State *state;
  Owned *owned; /* NULL: of a kind that owns nothing, or its __gc has run */
  void (*forget)(struct Handle *); /* NULL: owns nothing now */
} Handle;

/*
** A userdata that keeps Lua values for wasm. Its user value UV_HOLDS is a set of the
** userdata that must live as long as it; UV_SLOTS an array of externref values; UV_GIVEN
** a set of what is behind the funcrefs that Lua has handed to it, for as long as wasm
** has them.
*/
typedef struct Owner {
  uint64_t id;            /* 0: keeps no references yet */
  lua_Integer used, free; /* highest slot used; head of the chain of free ones */
  uint32_t given, limit;  /* funcrefs handed over; look through them beyond the limit */
} Owner;
enum { UV_HOLDS = 1, UV_SLOTS, UV_GIVEN };

/* The common head of those boxes. */
typedef struct OwnerBox {
  Handle h;
  Owner keep;
} OwnerBox;

typedef struct InstanceBox {
  Handle h;
  Owner keep;
  Instance *inst;   /* NULL: never made, or collected */
  const char *name; /* owned by user value */
} InstanceBox;
enum {
  UV_INSTANCE_EXPORTS = UV_GIVEN + 1,
  UV_INSTANCE_EVENTS,
  UV_INSTANCE_NAME,
  UV_INSTANCE_IMPORTS, /* as mod:instantiate was given them, for the next version */
  UV_INSTANCE_OPTIONS,
  UV_INSTANCE_ASIDE, /* weak set of its wasm.funcs that are pinned, or gone (lua_reload.c)
                      */
  UV_INSTANCE__LAST = UV_INSTANCE_ASIDE
};

/* KIND_FUNC and KIND_HOST: what stands behind a plain function. */
typedef struct FuncBox {
  Handle h;
  Owner keep; /* hosts only */
  FuncCell *cell;
  InstanceBox *owner; /* whose cell; NULL for hosts, and when it is gone */
  HostFunc *host;     /* NULL for functions of instances */
  const char *name;   /* of a host function, for messages; owned by user value */
  const char *gone;   /* why a reload left it behind; owned by user value; else NULL */
  bool pinned;        /* a reload leaves it with its version */
  bool closed;        /* may not be called any more */
  bool shut;          /* F:close() was called: only the object is closed */
  bool fast;          /* at most 8 parameters, 8 results, all of them numbers */
  bool chatty;        /* its last call called out again and again */
  bool quick;         /* fast, not chatty, not closed, of an instance: lw_func_settle */
  bool one_i32;       /* that is its result */
  bool has_refs;      /* parameters or results are references */
  uint32_t flags;     /* ACT_* */
  uint32_t nparams, nresults;
  ValType types[]; /* parameters, then results */
} FuncBox;
enum { UV_FUNC_OWNER = 1, UV_FUNC_PLAIN, UV_FUNC_NAME, UV_FUNC_GONE };
enum { UV_HOST_PLAIN = UV_GIVEN + 1, UV_HOST_LUA, UV_HOST_NAME };
/* HostFunc.slot: its FuncBox is `fast`; and there are no floats. */
enum { HOST_FAST = 1, HOST_WORDS = 2 };
/* Upvalues of a plain function: the address of its wasm.func, quicker to get at than the
   userdata itself, which is there as well to be kept. */
enum { UPVALUE_FUNC = 1, UPVALUE_HOSTS, UPVALUE_BOX, UPVALUE_BITS };

typedef struct MemoryBox {
  Handle h;
  Memory *memory; /* NULL: closed */
  bool own;       /* made by Lua: holds a reference, does not just watch */
} MemoryBox;

typedef struct TableBox {
  Handle h;
  Owner keep;
  Table *table;
  bool own;
} TableBox;

typedef struct GlobalBox {
  Handle h;
  Owner keep;
  GlobalCell *global;
  bool own;
} GlobalBox;

/* ---- lua_state.c: the State, boxes, who keeps whom ---- */

/* Every function of ours has the State as its first upvalue, but for plain functions. */
static inline State *lw_state(lua_State *L)
{
  return lua_touserdata(L, lua_upvalueindex(1));
}
/* The State by the registry, for message handlers and the like. */
State *lw_state_find(lua_State *L);
/* Make it and push it. */
State *lw_state_open(lua_State *L);
/* A live Store, or a raised wasm.error: the Lua state is closing. */
Store *lw_store(lua_State *L, State *st);

/* A field of the table on the top. */
static inline void lw_set_count(lua_State *L, const char *key, uint64_t value)
{
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, key);
}

/* Metatable for `kind` with methods and metamethods; each gets the State (at the top of
   the stack, left there) as upvalue. __index is the table of methods unless `meta` has
   one; that one gets the table of methods as second upvalue. */
void lw_open_kind(lua_State *L, Kind kind, const char *name, const luaL_Reg *meta,
                  const luaL_Reg *methods);
/* Push the table of methods of `kind`: Lua adds those that it implements. */
void lw_push_methods(lua_State *L, Kind kind);
/* A new zeroed userdata, registered with the State; nothing is owned until lw_own, which
   cannot fail. Raises when the Lua state is closing. */
void *lw_new_box(lua_State *L, State *st, Kind kind, size_t size, int nuvalues);
/* The userdata at `arg` when it is of `kind`, else NULL. */
void *lw_test(lua_State *L, const State *st, int arg, Kind kind);
/* The same, or error(). */
void *lw_check(lua_State *L, int arg, Kind kind, const char *name);
/* From now on the box owns `thing`: in the end `forget` makes the box know it no more, if
   the box is still there, then `give_back` gives it back. */
void lw_own(Handle *h, void *thing, void (*give_back)(void *), void (*forget)(Handle *));
/* Forget and give back. */
void lw_release(Handle *h);
int lw_box_gc(lua_State *L); /* the __gc of all boxes that own */

void lw_push_weak(lua_State *L, Weak which);
/* Push the Lua value for address `p`: false pushes nothing. */
bool lw_weak_get(lua_State *L, Weak which, const void *p);
/* Name the value at `index` by address `p`. */
void lw_weak_set(lua_State *L, Weak which, const void *p, int index);

/* The box at `owner` keeps the value at `value` alive. */
void lw_hold(lua_State *L, int owner, int value);
void lw_unhold(lua_State *L, int owner, int value);

/* Tell Lua's collector about `bytes` made outside it. May run finalizers. */
void lw_account(lua_State *L, State *st, uint64_t bytes);
/* They were given back before they became garbage. */
void lw_unaccount(State *st, uint64_t bytes);
/* What an instance is accounted with. */
uint64_t lw_instance_weight(const Instance *i);

/* ---- lua_value.c: one value, both ways ---- */

bool lw_type_has_refs(const FuncType *t);
/* Make the tables in which the box at `owner` keeps references, so that conversions
   create no Lua object and no finalizer can run between two of them. */
void lw_prepare_owner(lua_State *L, State *st, int owner);
/* Lua to wasm: NULL, or why not ("i32 expected, got string"), in `why` or static.
   What it refers to is kept by the (prepared) box at `owner`; 0 for numbers. */
enum { WHY_SIZE = 128 };
extern const char lw_why_closed[]; /* one of the reasons: a closed function, row 6 */
const char *lw_to_value(lua_State *L, int arg, ValType t, bool bits, int owner,
                        Value *out, char why[WHY_SIZE]);
/* Argument `arg` was refused for that reason: misuse, or a closed function. Raises. */
int lw_bad_argument(lua_State *L, int arg, const char *wrong);
/* The function cannot be called any longer. Raises. */
int lw_raise_dead(lua_State *L, const FuncBox *f);
void lw_push_value(lua_State *L, State *st, ValType t, bool bits, Value v);
/* lua_ref.c: push the wasm.ref of an object; the object behind the one at `arg`, or 0. */
void lw_push_object(lua_State *L, State *st, uint64_t ref);
uint64_t lw_object_of(lua_State *L, State *st, int arg);
/* In two steps, for an object that nothing keeps yet: make room, then set it at once. */
void lw_push_no_object(lua_State *L, State *st);
void lw_set_object(lua_State *L, State *st, uint64_t ref);
/* lua_tag.c: the same for tags (NULL: none) and for exceptions, as wasm.errors (0: none).
   The tag of the live `i`, whose userdata is at `inst`; 0: something else keeps it. */
void lw_push_tag(lua_State *L, State *st, int inst, const Instance *i, struct Tag *t);
struct Tag *lw_tag_of(lua_State *L, State *st, int arg);
void lw_push_exception(lua_State *L, State *st, uint64_t exn);
uint64_t lw_exception_of(lua_State *L, State *st, int arg);
/* An exception that carries the value on the top, which stays there. Raises. */
uint64_t lw_host_exception(lua_State *L, State *st);
/* Push the value that such an exception carries; false: it is of another kind. */
bool lw_push_host_error(lua_State *L, State *st, uint64_t exn);
/* Collect if it pays or `now`, and empty the slots of what went. At the start of calls.
 */
void lw_collect_refs(lua_State *L, State *st, bool now);
/* lua_type.c: "i32" -> type; "(i32, f64) -> i32" -> arrays in a userdata it pushes.
   Both raise. */
ValType lw_check_valtype(lua_State *L, int arg);
FuncType lw_check_functype(lua_State *L, int arg);

/* ---- lua_func.c, lua_call.c ---- */
int lw_call_export(lua_State *L); /* the C function of every plain function */
int lw_call_bits(lua_State *L);   /* and of F:bits */
/* The plain function of a cell; nil for NULL. */
void lw_push_func(lua_State *L, State *st, FuncCell *cell);
/* The wasm.func object behind the value at `arg`: a plain function of ours or the object
   itself; pushes it. NULL, pushing nothing, when it is neither. */
FuncBox *lw_push_funcbox(lua_State *L, State *st, int arg);
/* Is it usable? Its cell must not be touched otherwise. */
static inline bool lw_func_live(const FuncBox *f)
{
  if (f->closed) return false;
  if (!f->owner) return f->host != NULL;
  return f->owner->inst && f->owner->inst->state == INSTANCE_LIVE;
}
/* To be called when one of these has changed. */
static inline void lw_func_settle(FuncBox *f)
{
  f->quick = f->fast && !f->chatty && !f->closed && f->owner;
}
/* A wasm.func for the callable at `arg`; type as lw_host_new; name (for messages) at
   `name` or 0. */
FuncBox *lw_push_host(lua_State *L, State *st, int arg, const FuncType *t,
                      const uint32_t *id, int name);
/* The name to call it by in messages. */
const char *lw_func_name(const FuncBox *f, char *buf, size_t cap);
/* Push the Instance's userdata, false (nothing pushed) when it is gone. */
bool lw_push_instance(lua_State *L, const Instance *i);

/* ---- lua_error.c, lua_trace.c ---- */
/* A new wasm.error with kind, message and (unless ERR_NOWHERE) offset. */
void lw_push_error(lua_State *L, Status s, const char *message, uint64_t offset);
/* nil and the error; returns 2. */
int lw_push_fail(lua_State *L, Status s, const Err *err);
/* The string on the top with its control characters written out: names are a guest's own
   words, and what is shown to people must not steer their terminal. Lines and tabs stay,
   unless it is one `word` of something. */
void lw_clean(lua_State *L, bool word);
/* error(wasm.error) with the caller's position; `fmt` as in lua_pushfstring. */
int lw_raise(lua_State *L, Status s, const char *fmt, ...) __attribute__((noreturn));
/* Is the value at `arg` a wasm.error? */
bool lw_is_error(lua_State *L, int arg);
/* nil and the raised value on the top as a wasm.error, wrapped if need be; returns 2. */
int lw_push_caught(lua_State *L);
/* Push the array of frames: those of `top` (or NULL), then the Lua stack and every
   activation that called out to it. */
void lw_push_frames(lua_State *L, const Activation *top);
/* Push "stack traceback:\n..." for the array of frames at `arg`. */
void lw_push_traceback(lua_State *L, int arg);
/* Remember frames (on the top, popped) as the trace of the value at `value`. */
void lw_trace_record(lua_State *L, State *st, int value);
/* Push the frames recorded for the value at `value`; false (nothing pushed) if the last
   trace is of another. */
bool lw_trace_recall(lua_State *L, int value);
/* The message handler of callouts: records the trace, returns the value itself. */
int lw_trace_handler(lua_State *L);

/* ---- lua_misuse.c ---- */
/* Push "file:line: " of whoever called the library, or "". */
void lw_where(lua_State *L);
/* error() with that position; `fmt` as in lua_pushfstring. */
int lw_misuse(lua_State *L, const char *fmt, ...) __attribute__((noreturn));
/* May the candidate have been meant by a misspelt word, and is it nearer than `least`,
   which begins at NEAR? */
enum { NEAR = 3 };
bool lw_nearer(const char *word, const char *candidate, size_t *least);

/* ---- lua_options.c ---- */
/* The value at `arg` is nil or a table with no other keys than `known` (ends with NULL).
 */
void lw_check_options(lua_State *L, int arg, const char *what, const char *const *known);
bool lw_opt_bool(lua_State *L, int arg, const char *key, bool or_else);
/* NULL when absent; the string stays on the stack. */
const char *lw_opt_string(lua_State *L, int arg, const char *key);
/* One of `list`; its index. */
int lw_opt_choice(lua_State *L, int arg, const char *key, const char *const *list,
                  int or_else);
uint64_t lw_opt_count(lua_State *L, int arg, const char *key, uint64_t or_else,
                      uint64_t max);
/* Nanoseconds of a positive number of seconds; 0 if there is no such option. */
uint64_t lw_opt_seconds(lua_State *L, int arg, const char *key);
/* The value at `arg` as bytes: a number, or "64MiB"; false: it is no size. */
bool lw_to_size(lua_State *L, int arg, uint64_t *size);
/* The same of an option. */
uint64_t lw_opt_size(lua_State *L, int arg, const char *key, uint64_t or_else);

/* ---- one opener per type; State on the top, module table below it ---- */
void lw_open_module(lua_State *L);
void lw_open_instance(lua_State *L);
void lw_open_func(lua_State *L);
void lw_open_memory(lua_State *L);
void lw_open_view(lua_State *L);
void lw_open_table(lua_State *L);
void lw_open_global(lua_State *L);
void lw_open_ref(lua_State *L);
void lw_open_tag(lua_State *L);
void lw_open_error(lua_State *L);
void lw_open_misuse(lua_State *L);
void lw_open_options(lua_State *L);
void lw_open_call(lua_State *L);
void lw_open_trace(lua_State *L);
void lw_open_tools(lua_State *L);
void lw_open_cache(lua_State *L);
void lw_open_reload(lua_State *L);
void lw_open_snapshot(lua_State *L);
void lw_open_files(lua_State *L);
void lw_open_wasi(lua_State *L);
void lw_open_wait(lua_State *L);
/* Constructors: add them to the module table below the State. */
void lw_add_functions(lua_State *L, const luaL_Reg *functions);

/* ---- between the types ---- */
typedef struct HeldText {
  Handle h;
  char *text; /* malloc'ed */
} HeldText;
/* Between filling `text` and pushing it nothing may raise. */
HeldText *lw_new_held_text(lua_State *L, State *st);
void lw_push_held_text(lua_State *L, HeldText *held);
void lw_push_held_bytes(lua_State *L, HeldText *held, size_t size);
int lw_module_instantiate(lua_State *L); /* mod:instantiate(imports, opts) */
typedef struct ModuleBox {
  Handle h;
  Code *code;       /* NULL: closed */
  const char *name; /* owned by user value 1; NULL: none */
  size_t size;
  char hash[33];
} ModuleBox;
ModuleBox *lw_check_open_module(lua_State *L); /* argument 1 */
/* A new module handle with a reference of its own. Name at index `name` or 0. */
ModuleBox *lw_push_module(lua_State *L, State *st, Code *code, int name);
/* Keeps code alive while Lua may run: any allocation may run a finalizer that closes the
   module or instance it belongs to. Pushed empty; released by hand or collected. */
typedef struct HeldCode {
  Handle h;
  Code *code;
} HeldCode;
HeldCode *lw_new_held_code(lua_State *L, State *st);
void lw_hold_code(HeldCode *held, Code *code);  /* takes a reference of its own */
void lw_adopt_code(HeldCode *held, Code *code); /* takes over the caller's */
/* Resolve the imports of the code's module for the instance at `inst`; "imports" value at
   `imports`. Fills the table at `things` with the userdata that stand for them. LW_LINK;
   more than fits into err, and in any case when imports are missing, is the string on the
   top. */
Status lw_resolve_imports(lua_State *L, State *st, const Code *code, int imports,
                          int inst, int things, Err *err);
/* Fills `out`, m->nimports entries, with what `things` stand for; good until Lua runs.
   LW_CLOSED. Runs no Lua. */
Status lw_link_imports(lua_State *L, State *st, const Module *m, int things,
                       ImportValue *out, Err *err);
/* The live Instance of the userdata at `inst`, or a raised wasm.error. */
Instance *lw_live_instance(lua_State *L, int inst);
/* A finalizer may have run: if the userdata at `inst` does not stand for the live `i` any
   more, a raised wasm.error. */
void lw_still_instance(lua_State *L, int inst, const Instance *i);
/* Push the export's Lua value. Functions come as plain functions. */
void lw_push_export(lua_State *L, State *st, int inst, Instance *i, const Export *e);
/* "(i32) -> i32", "1 2", "10 funcref", "(mut i32)": near to the text format. */
const char *lw_extern_type(const Module *m, ExternKind kind, uint32_t index, char *buf,
                           size_t cap);
/* The userdata of what the live `i`, whose userdata is at `inst`, exports. */
void lw_push_memory(lua_State *L, State *st, int inst, const Instance *i, Memory *m);
void lw_push_table(lua_State *L, State *st, int inst, const Instance *i, Table *t);
void lw_push_global(lua_State *L, State *st, int inst, const Instance *i, GlobalCell *g);
/* A new global of Lua's; its value is at `arg`, nil for zero. Pushes it. */
GlobalBox *lw_new_global(lua_State *L, State *st, const GlobalType *type, int arg);
/* "1" or "1 2" */
const char *lw_limits_text(const Limits *l, char *buf, size_t cap);
/* Call the handlers of inst:on(event) with n values from the top; pops them. Errors of a
   handler become warnings. */
void lw_instance_event(lua_State *L, int inst, const char *event, int n);
/* Add a handler, the function at `handler`. */
void lw_instance_on(lua_State *L, int inst, const char *event, int handler);
/* The options of mod:instantiate in the table at `arg`; strings stay on the stack. */
InstanceOptions lw_instance_options(lua_State *L, int arg);
/* The empty box at `at` owns the instance from now on. */
void lw_own_instance(lua_State *L, InstanceBox *box, int at, Instance *made);
/* What the instance at `inst` shares and can carry references keeps it from now on. Is
   there any? */
bool lw_share(lua_State *L, State *st, int inst);
/* Push a table that tells the numbers of the exports of the instance at `inst`; give such
   a table to the exports of the instance at `other`, which then forget what they knew. */
void lw_push_export_index(lua_State *L, int inst);
void lw_exports_renew(lua_State *L, int other, int index);
/* The set of what the instance at `inst` has aside; pushes it. */
void lw_push_aside(lua_State *L, int inst);
/* Push inst.exports of the instance at `inst`; in a function with the State as upvalue.
 */
void lw_push_exports(lua_State *L, int inst);
/* Close the instance at `inst`, tell its handlers; false when it was closed before. */
bool lw_instance_shut(lua_State *L, int inst, bool force);

LUAMOD_API int luaopen_wasm_core(lua_State *L); /* the one exported symbol */

#endif

/*
** rt_native.c -- host functions that are C (rt/native.h), without any binding.
** Layer: spec.
*/
#include "rt/native.h"

#include "rt_kit.h"

/* f(i32) i32 imported; run(i32) i32 calls it; a memory of one page. */
#define GUEST                                                                            \
  "01 [01 60 01 7f 01 7f] 02 [01 [65] [66] 00 00] 03 [01 00] 05 [01 00 01]"              \
  "07 [01 [72756e] 00 01] 0a [01 [00 2000 1000 0b]]"
/* The same without a memory, and with one more on the result: it calls another module. */
#define OUTER                                                                            \
  "01 [01 60 01 7f 01 7f] 02 [01 [65] [66] 00 00] 03 [01 00]"                            \
  "07 [01 [72756e] 00 01] 0a [01 [00 2000 1000 4101 6a 0b]]"

enum { WHAT = 7 };

typedef struct Seen {
  unsigned calls, drops;
  Memory *memory;
  uint32_t number;
} Seen;

/* What it does is what it is called with. */
static unsigned native(NativeCall *c)
{
  Seen *seen = c->context;
  seen->calls++;
  seen->memory = c->memory;
  seen->number = c->number;
  c->results[0].i64 = (uint64_t)c->args[0].i32 * 2;
  switch (c->args[0].i32) {
  case 100: c->trap = TRAP_HOST; return NATIVE_TRAP;
  case 101: c->exit_code = 3; return NATIVE_EXIT;
  case 102:
    if (c->act->ask.answered) {
      c->results[0].i64 = c->act->ask.number;
      return NATIVE_DONE;
    }
    c->act->ask = (NativeAsk){.what = WHAT, .number = 5};
    return NATIVE_ASK;
  case 103: /* twice */
    if (c->act->ask.number == 2) return NATIVE_DONE;
    c->act->ask.what = WHAT;
    c->act->ask.answered = false;
    return NATIVE_ASK;
  case 104: lw_interrupt_send(lw_interrupt_token(c->act->instance)); return NATIVE_DONE;
  default: return NATIVE_DONE;
  }
}

static void drop(void *context)
{
  ((Seen *)context)->drops++;
}

typedef struct Scene {
  Store *s;
  Seen seen;
  HostFunc *h;
  Instance *i;
} Scene;

static void open_scene(Scene *x, const char *module)
{
  memset(x, 0, sizeof *x);
  x->s = new_store();
  x->h = host(x->s, i32s, 1, i32s, 1);
  lw_host_native(x->h, native, &x->seen, 42, drop);
  ImportValue im = func_import(&x->h->cell);
  x->i = make(x->s, module, &im);
}

static void close_scene(Scene *x)
{
  lw_host_unref(x->h);
  CHECK(x->seen.drops == 0 && "the instance still imports it");
  lw_store_free(x->s);
  CHECK(x->seen.drops == 1);
}

static void results(void)
{
  Scene x;
  uint64_t r = 0;
  open_scene(&x, GUEST);
  CHECK(call1(export_of(x.i, "run"), 21, &r) == TRAP_NONE && r == 42);
  CHECK(call1(export_of(x.i, "run"), 0x80000001, &r) == TRAP_NONE &&
        r == 2); /* cut to 32 bits */
  CHECK(x.seen.calls == 2 && x.seen.number == 42);
  close_scene(&x);
}

static void memories(void)
{
  Scene x;
  uint64_t r = 0;
  open_scene(&x, GUEST);
  ImportValue im = func_import(export_of(x.i, "run"));
  Instance *outer = make(x.s, OUTER, &im);
  call1(export_of(x.i, "run"), 1, &r);
  CHECK(x.seen.memory && x.seen.memory == lw_instance_memory(x.i, 0));
  x.seen.memory = NULL;
  CHECK(call1(export_of(outer, "run"), 1, &r) == TRAP_NONE && r == 3);
  CHECK(x.seen.memory == lw_instance_memory(x.i, 0) && "of who called, not who was");
  im = func_import(&x.h->cell);
  Instance *bare = make(x.s, OUTER, &im);
  CHECK(call1(export_of(bare, "run"), 1, &r) == TRAP_NONE && r == 3);
  CHECK(!x.seen.memory && "it has none");
  close_scene(&x);
}

static void traps(void)
{
  Scene x;
  uint64_t r = 0;
  open_scene(&x, GUEST);
  CHECK(call1(export_of(x.i, "run"), 100, &r) == TRAP_HOST);
  CHECK(call1(export_of(x.i, "run"), 4, &r) == TRAP_NONE && r == 8);
  close_scene(&x);
}

static void exits(void)
{
  Scene x;
  const Value v = {.i64 = 101};
  open_scene(&x, GUEST);
  Activation *a = begin(export_of(x.i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_TRAPPED);
  CHECK(a->end == LW_EXIT && a->exit_code == 3);
  lw_act_drop(a);
  close_scene(&x);
}

/* Nobody binds: the call comes out like that of any host function. */
static void questions(void)
{
  Scene x;
  Value v = {.i64 = 102};
  open_scene(&x, GUEST);
  Activation *a = begin(export_of(x.i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT && a->callee == x.h);
  CHECK(a->ask.what == WHAT && a->ask.number == 5 && !a->ask.answered);
  a->ask.answered = true;
  a->ask.number = 77;
  CHECK(lw_act_native(a) == NATIVE_DONE && a->ask.what == 0);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  lw_act_results(a, &v);
  CHECK(v.i64 == 77 && x.seen.calls == 2);
  lw_act_drop(a);
  v.i64 = 102; /* one that is given up leaves no question behind */
  a = begin(export_of(x.i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  lw_act_drop(a);
  a = begin(export_of(x.i, "run"), &v);
  CHECK(a->ask.what == 0);
  lw_act_drop(a);
  close_scene(&x);
}

static bool bind(Activation *a, void *user)
{
  (void)user;
  uint64_t n = 0;
  do {
    a->ask.answered = true;
    a->ask.number = ++n;
  } while (lw_act_native(a) == NATIVE_ASK);
  return true;
}

static void bindings(void)
{
  Scene x;
  uint64_t r = 0;
  open_scene(&x, GUEST);
  lw_store_on_callout(x.s, bind);
  CHECK(call1(export_of(x.i, "run"), 102, &r) == TRAP_NONE && r == 1);
  CHECK(call1(export_of(x.i, "run"), 103, &r) == TRAP_NONE && r == 206);
  CHECK(x.seen.calls == 5);
  close_scene(&x);
}

static void interrupts(void)
{
  Scene x;
  const Value v = {.i64 = 104};
  uint64_t r = 0;
  open_scene(&x, GUEST);
  Activation *a = begin(export_of(x.i, "run"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_TRAPPED && a->end == LW_INTERRUPT);
  lw_act_drop(a);
  CHECK(call1(export_of(x.i, "run"), 4, &r) == TRAP_NONE && r == 8);
  close_scene(&x);
}

static const Check checks[] = {
  {"results",    results   },
  {"memories",   memories  },
  {"traps",      traps     },
  {"exits",      exits     },
  {"questions",  questions },
  {"bindings",   bindings  },
  {"interrupts", interrupts},
};

int main(int argc, char **argv)
{
  return RUN_CHECKS(checks, argc, argv);
}

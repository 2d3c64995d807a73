/*
** rt_state.c -- memories, segments, the collector, shared code, seen from C.
**
** What a process may refuse, and what two threads may ask for at once.
** Layer: spec.
*/
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt_kit.h"

/* ---- memory and segments ---- */

/* A memory of 1 page; data at 0 "abc", data at 65534 "xyz": the second does not fit. */
#define BAD_DATA                                                                         \
  "05 [01 00 01] 07 [01 [6d] 02 00] 0b [02 00 41 00 0b [616263] 00 41 feff03 0b "        \
  "[78797a]]"

static void bad_segment(void)
{
  Store *s = new_store();
  Code *c = compile(BAD_DATA, false);
  Instance *i = NULL;
  Err err = {0};
  CHECK(lw_instance_new(s, c, NULL, NULL, &i, &err) == LW_TRAP);
  CHECK(strncmp(err.msg, "out of bounds memory access", 27) == 0);
  CHECK(i && memcmp(lw_instance_memory(i, 0)->base, "abc", 3) == 0);
  lw_code_unref(c);
  lw_instance_release(i);
  lw_store_free(s);
}

static void limits(void)
{
  Store *s = new_store();
  Err err = {0};
  InstanceOptions opts = {.memory_max_bytes = 65536};
  Code *c = compile(TRAPS, false);
  Instance *i = instantiate(s, lw_code_ref(c), NULL, &opts);
  uint64_t r = 0;
  CHECK(call1(export_of(i, "grow"), 1, &r) == TRAP_NONE && r == UINT32_MAX);
  lw_code_unref(c);
  Memory *m = NULL;
  Limits l = {.min = 2, .max = UINT64_MAX};
  CHECK(lw_memory_new(&l, 1, false, &m, &err) == LW_LIMIT);
  Table *t = NULL;
  TableType tt = {
    VAL_FUNCREF, {.min = UINT32_MAX, .max = UINT64_MAX}
  };
  err.msg[0] = 0;
  CHECK(lw_table_new(s, &tt, 0, 0, &t, &err) == LW_LIMIT);
  tt.limits.min = 3;
  CHECK(lw_table_new(s, &tt, 5, 0, &t, &err) == LW_OK);
  CHECK(lw_table_grow(t, 2, 0) == 3 && lw_table_grow(t, 1, 0) == UINT64_MAX);
  CHECK(lw_table_grow(t, UINT64_MAX, 0) == UINT64_MAX);
  lw_table_unref(t);
  lw_store_free(s);
}

#if !defined(__SANITIZE_ADDRESS__)
static rlim_t address_space(void)
{
  unsigned long pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f || fscanf(f, "%lu", &pages) != 1) abort();
  fclose(f);
  return (rlim_t)pages * 4096;
}
#endif

/*
** One module owns a memory and grows it, the other uses it before and after, and both
** load out of bounds: every pair of bounds modes.
** owner: "m" memory 1; "g" (i32) i32 grows. user: imports both; run(i32) i32 stores 5 at
** 0,
** grows by its argument, and adds what is at 0 and in the last word of the new page.
*/
#define OWNER                                                                            \
  "01 [01 60 01 7f 01 7f] 03 [02 00 00] 05 [01 00 01]"                                   \
  "07 [03 [6d] 02 00 [67] 00 00 [6c] 00 01]"                                             \
  "0a [02 [00 2000 4000 0b] [00 2000 28 02 00 0b]]"
#define USER                                                                             \
  "01 [01 60 01 7f 01 7f] 02 [02 [65] [6d] 02 00 01 [65] [67] 00 00] 03 [02 00 00]"      \
  "07 [02 [72] 00 01 [6c] 00 02]"                                                        \
  "0a [02 [00 41 00 41 05 36 02 00 2000 1000 1a 41 00 28 02 00 41 fcff07 28 02 00 6a "   \
  "0b]"                                                                                  \
  "  [00 2000 28 02 00 0b]]"

static void mixed_bounds(void)
{
  for (int mode = 0; mode < 4; mode++) {
    Store *s = new_store();
    Instance *owner = instantiate(s, compile(OWNER, mode & 1), NULL, NULL);
    ImportValue im[2] = {
      {EXTERN_MEMORY, {.memory = lw_instance_memory(owner, 0)}},
      func_import(export_of(owner, "g"))
    };
    Instance *user = instantiate(s, compile(USER, mode & 2), im, NULL);
    CHECK(owner->explicit_bounds == (mode & 1));
    CHECK(user->explicit_bounds == (mode != 0)); /* an explicit memory takes its users */
    uint64_t r = 0;
    CHECK(call1(export_of(user, "l"), 65536, &r) == TRAP_MEMORY);
    for (int k = 0; k < 20; k++) {
      CHECK(call1(export_of(user, "r"), 1, &r) == TRAP_NONE && r == 5);
      uint32_t end = (uint32_t)(k + 2) * 65536;
      CHECK(call1(export_of(user, "l"), end - 4, &r) == TRAP_NONE && r == 0);
      CHECK(call1(export_of(user, "l"), end, &r) == TRAP_MEMORY);
      CHECK(call1(export_of(owner, "l"), 0, &r) == TRAP_NONE && r == 5);
      CHECK(call1(export_of(owner, "l"), end - 3, &r) == TRAP_MEMORY);
    }
    lw_store_free(s);
  }
}

/* Without address space a memory falls back to explicit bounds. */
static void little_space(void)
{
#if !defined(__SANITIZE_ADDRESS__)
  pid_t child = fork();
  if (child == 0) {
    Store *s = new_store();
    lw_instance_release(make(s, TRAPS, NULL)); /* text region and pool are there */
    rlim_t now = address_space() + ((rlim_t)1 << 30);
    struct rlimit small = {now, now};
    setrlimit(RLIMIT_AS, &small);
    Limits l = {.min = 2, .max = UINT64_MAX};
    Memory *spare[16] = {NULL};
    Err err = {0};
    for (int k = 0; k < 16; k++) /* whatever the pool still had */
      CHECK(lw_memory_new(&l, 0, false, &spare[k], &err) == LW_OK);
    CHECK(!spare[15]->guard);
    Instance *i = make(s, TRAPS, NULL);
    CHECK(i->explicit_bounds);
    uint64_t r = 0;
    CHECK(call1(export_of(i, "load"), 65533, &r) == TRAP_MEMORY);
    CHECK(call1(export_of(i, "grow"), 9, &r) == TRAP_NONE && r == 1);
    CHECK(call1(export_of(i, "load"), 65533, &r) == TRAP_NONE);
    _exit(nfailed != 0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
#endif
}

/* 2 MiB of data: an image; the second instance and the pool start from the same bytes. */
static void data_image(void)
{
  enum { DATA = 2 << 20 };
  static const char head[] =
    "0061736d 01000000 01 [01 60 01 7f 01 7f] 03 [01 00] 05 [01 00 28] 07 [01 [6c] 00 00]"
    "0a [01 [00 2000 2d 00 00 0b]]";
  static Bytes b;
  uint8_t *all = malloc(DATA + 4096);
  if (!all) abort();
  b.n = 0;
  hex(&b, head);
  byte(&b, 11);
  Bytes inner = {.n = 0};
  hex(&inner, "01 00 41 c800 0b"); /* at 72 */
  leb(&inner, DATA);
  leb(&b, (uint32_t)(inner.n + DATA));
  memcpy(all, b.at, b.n);
  memcpy(all + b.n, inner.at, inner.n);
  size_t n = b.n + inner.n;
  for (size_t k = 0; k < DATA; k++)
    all[n + k] = (uint8_t)(k * 7 + 1);
  n += DATA;
  CodeOptions opts = {0};
  Code *c = NULL;
  Err err = {0};
  CodeHow how;
  Store *s = new_store();
  CHECK(lw_code_compile(all, n, &opts, NULL, &c, &how, &err) == LW_OK);
  free(all);
  for (int round = 0; round < 3; round++) {
    Instance *i = instantiate(s, lw_code_ref(c), NULL, NULL);
    Memory *m = lw_instance_memory(i, 0);
    uint64_t r = 0;
    CHECK(m->image >= 0);
    CHECK(call1(export_of(i, "l"), 71, &r) == TRAP_NONE && r == 0);
    CHECK(call1(export_of(i, "l"), 72, &r) == TRAP_NONE && r == 1);
    CHECK(call1(export_of(i, "l"), 72 + DATA - 1, &r) == TRAP_NONE &&
          r == (uint8_t)((DATA - 1) * 7 + 1));
    CHECK(call1(export_of(i, "l"), 72 + DATA, &r) == TRAP_NONE && r == 0);
    memset(m->base, 0x55, DATA + 8192);
    CHECK(call1(export_of(i, "l"), 72, &r) == TRAP_NONE && r == 0x55);
    lw_instance_release(i);
  }
  lw_code_unref(c); /* the image goes, and the pool must not keep it */
  Instance *i = make(s, TRAPS, NULL);
  uint64_t r = 0;
  CHECK(call1(export_of(i, "load"), 72, &r) == TRAP_NONE && r == 0);
  lw_store_free(s);
}

/* ---- the collector ---- */

/* id(externref) externref; put(externref) into a global; get() from it */
#define REFS                                                                             \
  "01 [03 60 01 6f 01 6f 60 01 6f 00 60 00 01 6f] 03 [03 00 01 02] 06 [01 6f 01 d0 6f "  \
  "0b]"                                                                                  \
  "07 [03 [6964] 00 00 [707574] 00 01 [676574] 00 02]"                                   \
  "0a [03 [00 2000 0b] [00 2000 24 00 0b] [00 23 00 0b]]"

static uint64_t collect(Store *s)
{
  uint64_t dead = 0;
  DeadSlot d;
  lw_gc_collect(s, NULL, 0);
  while (lw_gc_next_dead(s, &d))
    dead++;
  return dead;
}

static void boxes(void)
{
  Store *s = new_store();
  Instance *i = make(s, REFS, NULL);
  Value v = {.ref = lw_extern_new(s, i, 7)}, out;
  Activation *a = begin(export_of(i, "put"), &v);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_drop(a);
  CHECK(collect(s) == 0);
  a = begin(export_of(i, "get"), NULL);
  CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
  lw_act_results(a, &out);
  CHECK(out.ref == v.ref && lw_extern_of(out.ref)->slot == 7);
  lw_act_drop(a);
  Value null = {.ref = 0};
  a = begin(export_of(i, "put"), &null);
  lw_act_enter(a);
  lw_act_drop(a);
  CHECK(collect(s) == 1);
  /* Round trips in bounded memory. */
  StoreStats st;
  uint64_t dead = 0, peak = 0;
  enum { N = 400000 };
  for (uint32_t k = 0; k < N; k++) {
    if (lw_gc_wanted(s)) {
      lw_store_stats(s, &st);
      if (st.boxes > peak) peak = st.boxes;
      dead += collect(s);
    }
    v.ref = lw_extern_new(s, i, k);
    a = begin(export_of(i, "id"), &v);
    CHECK(lw_act_enter(a) == ACT_IS_RETURNED);
    lw_act_results(a, &out);
    CHECK(lw_extern_of(out.ref)->slot == k);
    lw_act_drop(a);
  }
  CHECK(dead + peak >= N && peak < 40000);
  lw_store_free(s);
}

/* hold(externref) i32: keeps it in a local across the host call. */
#define HOLD                                                                             \
  "01 [02 60 01 7f 01 7f 60 01 6f 01 6f] 02 [01 [65] [66] 00 00] 03 [01 01]"             \
  "07 [01 [68] 00 01] 0a [01 [00 41 05 1000 1a 2000 0b]]"

static void boxes_on_stacks(void)
{
  Store *s = new_store();
  HostFunc *h = host(s, i32s, 1, i32s, 1);
  ImportValue im = func_import(&h->cell);
  Instance *i = make(s, HOLD, &im);
  Value v = {.ref = lw_extern_new(s, i, 3)}, out = {.i64 = 0};
  Activation *a = begin(export_of(i, "h"), &v);
  CHECK(collect(s) == 0); /* an argument */
  CHECK(lw_act_enter(a) == ACT_IS_CALLOUT);
  memset(a->gpr, 0, sizeof a->gpr);
  CHECK(collect(s) == 0); /* in its frame */
  lw_act_callout_results(a, &out);
  CHECK(lw_act_resume(a) == ACT_IS_RETURNED);
  CHECK(collect(s) == 0); /* its result */
  lw_act_results(a, &out);
  CHECK(lw_extern_of(out.ref)->slot == 3);
  lw_act_drop(a);
  CHECK(collect(s) == 1);
  lw_host_unref(h);
  lw_store_free(s);
}

/* ---- code ---- */

static void shared_code(void)
{
  CodeStats before, after;
  lw_code_stats(&before);
  Code *a = compile(ADD, false), *b = compile(ADD, false), *c = compile(ADD, true);
  CHECK(a == b && a != c);
  lw_code_stats(&after);
  CHECK(after.live - before.live == 2 && after.compiles - before.compiles == 2);
  CHECK(after.hits - before.hits == 1);
  char text[33];
  lw_hash_text(lw_code_hash(a), text);
  CHECK(strlen(text) == 32);
  lw_code_unref(a);
  lw_code_unref(b);
  lw_code_unref(c);
  lw_code_stats(&after);
  CHECK(after.live == before.live && after.text_bytes == before.text_bytes);
}

static void *compile_some(void *p)
{
  static const char *const texts[] = {ADD, TRAPS, CALLER, "01 [01 60 01]", ADD, REFS};
  (void)p;
  uintptr_t ok = 0;
  for (int k = 0; k < 60; k++) {
    Bytes *b = calloc(1, sizeof *b);
    hex(b, "0061736d 01000000");
    hex(b, texts[k % 6]);
    CodeOptions opts = {0};
    Err err = {0};
    Code *c = NULL;
    CodeHow how;
    Status s = lw_code_compile(b->at, b->n, &opts, NULL, &c, &how, &err);
    ok += k % 6 == 3 ? s == LW_MALFORMED && err.msg[0] : s == LW_OK;
    lw_code_unref(c);
    free(b);
  }
  return (void *)ok;
}

static void parallel_compiles(void)
{
  enum { N = 4 };
  pthread_t t[N];
  for (int k = 0; k < N; k++)
    pthread_create(&t[k], NULL, compile_some, NULL);
  for (int k = 0; k < N; k++) {
    void *ok;
    pthread_join(t[k], &ok);
    CHECK((uintptr_t)ok == 60);
  }
}

static void imports(void)
{
  Store *s = new_store();
  Code *c = compile(CALLER, false);
  Instance *i = NULL;
  Err err = {0};
  ImportValue im = {EXTERN__MAX, {NULL}};
  CHECK(lw_instance_new(s, c, &im, NULL, &i, &err) == LW_LINK);
  CHECK(strncmp(err.msg, "unknown import", 14) == 0);
  HostFunc *h = host(s, i32s, 2, i32s, 1);
  im = func_import(&h->cell);
  err.msg[0] = 0;
  CHECK(lw_instance_new(s, c, &im, NULL, &i, &err) == LW_LINK);
  CHECK(strcmp(err.msg, "incompatible import type for \"e\" \"f\": wanted function "
                        "(i32) -> i32, given function (i32, i32) -> i32") == 0);
  CHECK(i == NULL);
  lw_code_unref(c);
  lw_host_unref(h);
  lw_store_free(s);
}

/* Who knows the hash of a key can make a million that fall into one place. */
static void table_hashes(void)
{
  uint32_t key[] = {0x101, UINT32_MAX, 1, 0, 1, 0};
  unsigned same = 0;
  for (key[5] = 0; key[5] < 64; key[5]++) {
    uint64_t hash = lw_hash_table(key, sizeof key);
    CHECK(hash == lw_hash_table(key, sizeof key));
    same += (hash & 0xff) == (lw_hash64(key, sizeof key) & 0xff);
  }
  CHECK(same < 32);
}

static const Check checks[] = {
  {"table hashes",      table_hashes     },
  {"bad segment",       bad_segment      },
  {"limits",            limits           },
  {"mixed bounds",      mixed_bounds     },
  {"little space",      little_space     },
  {"data image",        data_image       },
  {"boxes",             boxes            },
  {"boxes on stacks",   boxes_on_stacks  },
  {"shared code",       shared_code      },
  {"parallel compiles", parallel_compiles},
  {"imports",           imports          },
};

int main(int argc, char **argv)
{
  return RUN_CHECKS(checks, argc, argv);
}

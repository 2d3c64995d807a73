/*
** rt_lazy.c -- lazy images: each function once, the same bytes in every order, across
** threads and forks, at the end of the stack and of memory.
** Layer: spec.
*/
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rt/worker.h"
#include "rt_kit.h"

enum { NFUNCS = 300, NLEAVES = 60 };

/* ---- the module: f(k)(x) = x + k + its two children's, rec, leaves; all exported ----
 */

static void sized(Bytes *b, const Bytes *inner)
{
  leb(b, (uint32_t)inner->n);
  for (size_t k = 0; k < inner->n; k++)
    byte(b, inner->at[k]);
}

static void section(Bytes *b, unsigned id, Bytes *inner)
{
  byte(b, id);
  sized(b, inner);
  inner->n = 0;
}

/* local.get 0; i32.const k; i32.add; (local.get 0; call child; i32.add)*; end */
static void tree_body(Bytes *code, uint32_t k)
{
  Bytes *body = calloc(1, sizeof *body);
  hex(body, "00 2000 41");
  leb(body, k & 63);
  hex(body, "6a");
  for (uint32_t child = 2 * k + 1; child <= 2 * k + 2 && child < NFUNCS; child++) {
    hex(body, "2000 10");
    leb(body, child);
    hex(body, "6a");
  }
  hex(body, "0b");
  sized(code, body);
  free(body);
}

/* rec(n, leaf): n = 0: call_indirect leaf, else rec(n - 1, leaf) + 1 */
static void rec_body(Bytes *code)
{
  Bytes *body = calloc(1, sizeof *body);
  hex(body, "00 2000 45 04 7f 4101 2001 11 00 00 05 2000 4101 6b 2001 10");
  leb(body, NFUNCS);
  hex(body, "4101 6a 0b 0b");
  sized(code, body);
  free(body);
}

static Bytes *module_bytes(void)
{
  Bytes *b = calloc(1, sizeof *b), *s = calloc(1, sizeof *s);
  enum { TOTAL = NFUNCS + 1 + NLEAVES };
  if (!b || !s) abort();
  hex(b, "0061736d 01000000");
  hex(s, "02 60 01 7f 01 7f 60 02 7f 7f 01 7f");
  section(b, 1, s);
  leb(s, TOTAL);
  for (uint32_t k = 0; k < TOTAL; k++)
    byte(s, k == NFUNCS ? 1 : 0);
  section(b, 3, s);
  hex(s, "01 70 00");
  leb(s, NLEAVES);
  section(b, 4, s);
  leb(s, NFUNCS + 1);
  for (uint32_t k = 0; k <= NFUNCS; k++) {
    char name[8];
    leb(s, (uint32_t)snprintf(name, sizeof name, "%u", k));
    for (const char *c = name; *c; c++)
      byte(s, (unsigned char)*c);
    byte(s, 0);
    leb(s, k);
  }
  section(b, 7, s);
  hex(s, "01 00 4100 0b");
  leb(s, NLEAVES);
  for (uint32_t k = 0; k < NLEAVES; k++)
    leb(s, NFUNCS + 1 + k);
  section(b, 9, s);
  leb(s, TOTAL);
  for (uint32_t k = 0; k < TOTAL; k++) {
    if (k < NFUNCS)
      tree_body(s, k);
    else if (k == NFUNCS)
      rec_body(s);
    else
      hex(s, "[ 00 2000 4103 6a 0b ]");
  }
  section(b, 10, s);
  free(s);
  return b;
}

static uint32_t expected(uint32_t k, uint32_t x)
{
  uint32_t sum = x + (k & 63);
  for (uint32_t child = 2 * k + 1; child <= 2 * k + 2 && child < NFUNCS; child++)
    sum += expected(child, x);
  return sum;
}

/* ---- a store that keeps the bytes of the image it is shown ---- */

typedef struct Kept {
  uint8_t *at;
  size_t n;
  int times;
} Kept;

static void keep(Kept *k, const void *bytes, size_t n)
{
  k->at = realloc(k->at, k->n + n + 1);
  if (!k->at) abort();
  memcpy(k->at + k->n, bytes, n);
  k->n += n;
}

static void save(void *user, Code *c, bool explicit_bounds, const Image *image)
{
  Kept *k = user;
  (void)c, (void)explicit_bounds;
  k->times++;
  keep(k, image->text, image->text_size);
  keep(k, image->func_at, (image->nfuncs + 1) * sizeof *image->func_at);
  keep(k, image->saves_ctx, image->nfuncs * sizeof *image->saves_ctx);
  keep(k, image->lines, image->nlines * sizeof *image->lines);
  CompileStats s = image->stats;
  s.ns = 0;
  keep(k, &s, sizeof s);
}

static void hold(void *user)
{
  (void)user; /* it outlives the code */
}

static Code *compile_as(Eager eager, bool explicit_bounds, Kept *kept)
{
  Bytes *b = module_bytes();
  CodeOptions opts = {.eager = eager, .explicit_bounds = explicit_bounds};
  CodeStore store = {.save = save, .ref = hold, .unref = hold, .user = kept};
  Err err = {0};
  Code *c = NULL;
  CodeHow how;
  Status s = lw_code_compile(b->at, b->n, &opts, kept ? &store : NULL, &c, &how, &err);
  free(b);
  if (s != LW_OK) {
    fprintf(stderr, "%s: %s\n", running_check, err.msg);
    exit(1);
  }
  return c;
}

static FuncCell *function(Instance *i, uint32_t k)
{
  char name[8];
  snprintf(name, sizeof name, "%u", k);
  return export_of(i, name);
}

static bool call_one(Instance *i, uint32_t k)
{
  uint64_t result = 0;
  uint32_t x = 7;
  return call(function(i, k), &x, 1, &result) == TRAP_NONE && result == expected(k, x);
}

static void shuffle(uint32_t *order, uint32_t n, uint32_t seed)
{
  for (uint32_t k = 0; k < n; k++)
    order[k] = k;
  for (uint32_t k = n; k > 1; k--) {
    seed = seed * 1664525 + 1013904223;
    uint32_t other = (seed >> 8) % k, kept = order[k - 1];
    order[k - 1] = order[other];
    order[other] = kept;
  }
}

/* ---- checks ---- */

static bool same(const Kept *a, const Kept *b)
{
  return a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

static void same_image(void)
{
  for (int explicit_bounds = 0; explicit_bounds < 2; explicit_bounds++) {
    Kept eager = {0};
    lw_code_unref(compile_as(EAGER_YES, explicit_bounds, &eager));
    CHECK(eager.times == 1 && eager.n > 10000);
    for (uint32_t round = 0; round < 5; round++) {
      uint32_t order[NFUNCS];
      Kept lazy = {0};
      Err err = {0};
      shuffle(order, NFUNCS, round);
      Store *s = new_store();
      Code *c = compile_as(EAGER_NO, explicit_bounds, &lazy);
      Instance *i = instantiate(s, lw_code_ref(c), NULL, NULL);
      for (uint32_t k = 0; k < NFUNCS; k++)
        CHECK(call_one(i, order[k]));
      CHECK(lw_code_complete(c, explicit_bounds, NULL, NULL, &err) == LW_OK);
      lw_worker_drain();
      CHECK(lazy.times == 1 && same(&eager, &lazy));
      free(lazy.at);
      lw_store_free(s);
      lw_code_unref(c);
    }
    free(eager.at);
  }
}

typedef struct Caller {
  Code *code;
  uint32_t seed, right;
} Caller;

static void *call_all(void *arg)
{
  Caller *caller = arg;
  uint32_t order[NFUNCS];
  shuffle(order, NFUNCS, caller->seed);
  Store *s = new_store();
  Instance *i = instantiate(s, lw_code_ref(caller->code), NULL, NULL);
  for (uint32_t k = 0; k < NFUNCS; k++)
    caller->right += call_one(i, order[k]);
  lw_store_free(s);
  return NULL;
}

/* Three threads that call and the one in the background: no function twice. */
static void compiled_once(void)
{
  enum { N = 3 };
  Kept eager = {0};
  lw_code_unref(compile_as(EAGER_YES, false, &eager));
  for (uint32_t round = 0; round < 5; round++) {
    Kept kept = {0};
    Code *c = compile_as(EAGER_NO, false, &kept);
    pthread_t t[N];
    Caller callers[N];
    for (uint32_t k = 0; k < N; k++) {
      callers[k] = (Caller){c, round * N + k, 0};
      pthread_create(&t[k], NULL, call_all, &callers[k]);
    }
    for (uint32_t k = 0; k < N; k++) {
      pthread_join(t[k], NULL);
      CHECK(callers[k].right == NFUNCS);
    }
    lw_worker_drain();
    const CodeImage *image;
    CodeInfo info;
    Err err = {0};
    CHECK(lw_code_image(c, false, &image, &err) == LW_OK);
    lw_code_info(c, image, &info);
    CHECK(info.lazy && info.compiled == info.functions);
    uint64_t bytes = 0;
    const Module *m = lw_code_module(c);
    for (uint32_t k = 0; k < m->nfuncs; k++)
      bytes += m->funcs[k].body.size;
    CHECK(info.stats.wasm_bytes == bytes && kept.times == 1);
    CHECK(same(&eager, &kept));
    free(kept.at);
    lw_code_unref(c);
  }
  free(eager.at);
}

static void given_up(void)
{
  CodeStats stats;
  for (int k = 0; k < 20; k++)
    lw_code_unref(compile_as(EAGER_NO, false, NULL));
  lw_worker_drain();
  lw_code_stats(&stats);
  CHECK(stats.live == 0 && stats.text_bytes == 0);
}

/* In a child: everything works as before, for old code and new. 0: well. */
static int use_everything(Instance *i, Code *c)
{
  int wrong = 0;
  for (uint32_t k = 0; k < NFUNCS; k++)
    wrong += !call_one(i, k);
  Store *s = new_store();
  Code *other = compile_as(EAGER_NO, true, NULL);
  Instance *j = instantiate(s, other, NULL, NULL);
  wrong += !call_one(j, 0);
  lw_worker_drain();
  wrong += !lw_code_is_complete(c, false);
  wrong += !call_one(i, 1) + !call_one(j, 2);
  lw_store_free(s);
  return wrong;
}

/* A sanitizer's allocator may be locked for ever in the child of a process with busy
   threads: there, and only there, the thread in the background has to end first. */
static void wait_for_sanitizer(void)
{
#ifdef __SANITIZE_ADDRESS__
  lw_worker_drain();
#endif
}

static void forks(void)
{
  for (uint32_t round = 0; round < 20; round++) {
    Store *s = new_store();
    Code *c = compile_as(EAGER_NO, false, NULL);
    Instance *i = instantiate(s, lw_code_ref(c), NULL, NULL);
    for (uint32_t k = 0; k < round; k++)
      CHECK(call_one(i, NFUNCS - 1 - k));
    wait_for_sanitizer();
    pid_t child = fork();
    if (child == 0) {
      alarm(60); /* a deadlock ends it */
      int wrong = use_everything(i, c);
      lw_store_free(s);
      lw_code_unref(c);
      _exit(wrong);
    }
    CHECK(use_everything(i, c) == 0);
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(call_one(i, 0));
    lw_store_free(s);
    lw_code_unref(c);
  }
}

/* First calls of functions at every depth near the end of the stack. */
static void end_of_stack(void)
{
  Store *s = new_store();
  InstanceOptions opts = {.stack_size = 65536};
  Instance *i = instantiate(s, compile_as(EAGER_YES, false, NULL), NULL, &opts);
  FuncCell *rec = function(i, NFUNCS);
  uint64_t result = 0;
  uint32_t deepest = 0;
  for (uint32_t step = 4096; step; step /= 2) {
    uint32_t args[] = {deepest + step, 0};
    if (call(rec, args, 2, &result) == TRAP_NONE) deepest += step;
  }
  CHECK(deepest > 100);
  lw_instance_release(i);
  i = instantiate(s, compile_as(EAGER_NO, false, NULL), NULL, &opts);
  rec = function(i, NFUNCS);
  uint32_t ended = 0, trapped = 0;
  for (uint32_t k = 0; k < NLEAVES; k++) {
    uint32_t args[] = {deepest - NLEAVES + 4 + k, k};
    unsigned trap = call(rec, args, 2, &result);
    CHECK(trap == TRAP_NONE || trap == TRAP_STACK);
    if (trap == TRAP_NONE) CHECK(result == args[0] + 4);
    trap == TRAP_NONE ? ended++ : trapped++;
  }
  CHECK(ended > 10 && trapped > 0);
  CHECK(call_one(i, 0));
  lw_store_free(s);
}

/* Where no memory is to be had the first call ends; later it can be had. */
static void no_memory(void)
{
  wait_for_sanitizer();
  pid_t child = fork();
  if (child == 0) {
    Store *s = new_store();
    Instance *i = instantiate(s, compile_as(EAGER_NO, true, NULL), NULL, NULL);
    bool well = call_one(i, NFUNCS - 1); /* a stack lies ready from now on */
    struct rlimit was, none;
    getrlimit(RLIMIT_AS, &was);
    none = was;
    none.rlim_cur = 4096;
    setrlimit(RLIMIT_AS, &none);
    uint32_t args[] = {0, 0};
    uint64_t result;
    unsigned trap = call(function(i, NFUNCS), args, 2, &result);
    setrlimit(RLIMIT_AS, &was);
    well = well && (trap == TRAP_NONE || trap == TRAP_NO_CODE) && call_one(i, 0);
    lw_store_free(s);
    _exit(!well);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static const Check checks[] = {
  {"images in any order", same_image   },
  {"functions once",      compiled_once},
  {"abandoned compiles",  given_up     },
  {"forks",               forks        },
  {"ends of the stack",   end_of_stack },
  {"ends of memory",      no_memory    },
};

int main(int argc, char **argv)
{
  return RUN_CHECKS(checks, argc, argv);
}

/*
** code.c -- the registry of Codes: content-addressed, shared, single-flight.
**
** An entry is in the registry from the moment its compile begins, so that a second
** request for the same bytes finds it and waits for the first to end; different modules
** compile in parallel. A failed entry leaves the registry at once; those who waited take
** its error with them.
** Found is not proved: bytes are compared on every hit.
** Lock order: a Code's own lock (images), then the registry's.
** Layer: rt.
*/
#include "rt/code.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "rt/func.h"
#include "rt/prefill.h"

typedef enum { CODE_COMPILING, CODE_READY, CODE_FAILED } CodeState;

struct Code {
  Hash128 hash;
  CodeOptions options;
  CodeStore store; /* a reference to its user is held */
  uint8_t *bytes;  /* ours */
  size_t size;
  CodeState state;
  uint32_t refs; /* under the registry's lock, as are state and next */
  Status failure;
  Err err;
  Module module;
  uint32_t *types;      /* interned */
  uint32_t ntypes;      /* how many of them */
  pthread_mutex_t lock; /* the fields below */
  Image images[2];      /* guard, explicit */
  bool have_image[2];
  bool prefill_tried;
  int prefill; /* number of the data image, or -1 */
  size_t prefill_size;
  struct Code *next; /* in its bucket */
};

enum { BUCKETS = 256 };
static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t compiled = PTHREAD_COND_INITIALIZER;
static Code *buckets[BUCKETS];
static CodeStats stats;

/* Text of every image, sorted, for traces. Under the registry's lock. */
typedef struct TextRange {
  const uint8_t *at;
  size_t size;
  Code *code;
  const Image *image;
} TextRange;
static TextRange *texts;
static size_t ntexts, texts_cap;

static size_t text_after(const uint8_t *pc) /* the first range that begins beyond pc */
{
  size_t low = 0, high = ntexts;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (texts[mid].at <= pc)
      low = mid + 1;
    else
      high = mid;
  }
  return low;
}

static bool text_add(Code *c, const Image *image)
{
  if (image->text_size == 0) return true;
  pthread_mutex_lock(&registry);
  if (ntexts == texts_cap) {
    size_t cap = texts_cap ? texts_cap * 2 : 64;
    TextRange *more = realloc(texts, cap * sizeof *more);
    if (more) texts = more, texts_cap = cap;
  }
  bool room = ntexts < texts_cap;
  if (room) {
    size_t n = text_after(image->text);
    memmove(&texts[n + 1], &texts[n], (ntexts - n) * sizeof *texts);
    texts[n] = (TextRange){image->text, image->text_size, c, image};
    ntexts++;
    stats.text_bytes += image->text_size;
  }
  pthread_mutex_unlock(&registry);
  return room;
}

static void text_remove(const Image *image)
{
  if (image->text_size == 0) return;
  pthread_mutex_lock(&registry);
  size_t n = text_after(image->text);
  assert(n > 0 && texts[n - 1].image == image);
  memmove(&texts[n - 1], &texts[n], (ntexts - n) * sizeof *texts);
  ntexts--;
  stats.text_bytes -= image->text_size;
  pthread_mutex_unlock(&registry);
}

Code *lw_code_of_pc(const void *pc, const Image **image)
{
  Code *c = NULL;
  pthread_mutex_lock(&registry);
  size_t n = text_after(pc);
  if (n > 0 && (size_t)((const uint8_t *)pc - texts[n - 1].at) < texts[n - 1].size) {
    c = texts[n - 1].code;
    *image = texts[n - 1].image;
  }
  pthread_mutex_unlock(&registry);
  return c;
}

/* ---- making and freeing ---- */

static Code *code_new(const uint8_t *bytes, size_t size, Hash128 hash,
                      const CodeOptions *opts, const CodeStore *store)
{
  Code *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->bytes = malloc(size ? size : 1);
  if (!c->bytes || pthread_mutex_init(&c->lock, NULL) != 0) {
    free(c->bytes);
    free(c);
    return NULL;
  }
  if (size) memcpy(c->bytes, bytes, size);
  c->size = size;
  c->hash = hash;
  c->options = *opts;
  c->refs = 1;
  c->prefill = -1;
  if (store) c->store = *store;
  if (c->store.ref) c->store.ref(c->store.user);
  return c;
}

static void code_free(Code *c)
{
  for (int n = 0; n < 2; n++)
    if (c->have_image[n]) {
      text_remove(&c->images[n]);
      lw_image_free(&c->images[n]);
    }
  if (c->prefill >= 0) lw_prefill_free(c->prefill);
  for (uint32_t k = 0; k < c->ntypes; k++)
    lw_type_release(c->types[k]);
  free(c->types);
  if (c->state == CODE_READY) lw_module_free(&c->module);
  if (c->store.unref) c->store.unref(c->store.user);
  pthread_mutex_destroy(&c->lock);
  free(c->bytes);
  free(c);
}

static Status intern_types(Code *c, Err *err)
{
  const Module *m = &c->module;
  c->types = calloc(m->ntypes ? m->ntypes : 1, sizeof *c->types);
  if (!c->types) return lw_nomem(err, "a module's types");
  for (; c->ntypes < m->ntypes; c->ntypes++)
    TRY(lw_type_intern(&m->types[c->ntypes], &c->types[c->ntypes], NULL, err));
  return LW_OK;
}

/* The image for one bounds mode: loaded or compiled. Under c->lock, or before anybody
   else knows c. *loaded: the store had it. */
static Status make_image(Code *c, bool explicit_bounds, bool *loaded, Err *err)
{
  CompileOptions opts = {explicit_bounds, c->options.effort};
  Image *image = &c->images[explicit_bounds];
  const CodeStore *store = &c->store;
  *loaded = store->load && store->load(store->user, c, explicit_bounds, image);
  if (!*loaded) {
    TRY(lw_module_validate_bodies(&c->module, err));
    TRY(lw_image_compile(&c->module, &opts, image, err));
    if (store->save) store->save(store->user, c, explicit_bounds, image);
  }
  if (!text_add(c, image)) {
    lw_image_free(image);
    return lw_nomem(err, "the map of machine code");
  }
  c->have_image[explicit_bounds] = true;
  return LW_OK;
}

Status lw_code_image(Code *c, bool explicit_bounds, const Image **out, Err *err)
{
  bool loaded;
  pthread_mutex_lock(&c->lock);
  Status s = LW_OK;
  if (!c->have_image[explicit_bounds]) s = make_image(c, explicit_bounds, &loaded, err);
  pthread_mutex_unlock(&c->lock);
  if (s == LW_OK) *out = &c->images[explicit_bounds];
  return s;
}

/* All that has to be done before anybody may use it. */
static Status build(Code *c, bool *loaded, Err *err)
{
  DecodeOptions d = {.features = c->options.features};
  TRY(lw_module_decode(c->bytes, c->size, &d, &c->module, err));
  Status s = lw_module_validate_outside(&c->module, err);
  if (s == LW_OK) s = intern_types(c, err);
  if (s == LW_OK) s = make_image(c, c->options.explicit_bounds, loaded, err);
  if (s != LW_OK) lw_module_free(&c->module);
  return s;
}

/* ---- the registry ---- */

static bool same_options(const CodeOptions *a, const CodeOptions *b)
{
  return a->features == b->features && a->explicit_bounds == b->explicit_bounds &&
         a->effort == b->effort;
}

static Code **bucket_of(Hash128 hash)
{
  return &buckets[hash.low % BUCKETS];
}

static Code *find(const uint8_t *bytes, size_t size, Hash128 hash,
                  const CodeOptions *opts)
{
  for (Code *c = *bucket_of(hash); c; c = c->next)
    if (c->hash.low == hash.low && c->hash.high == hash.high && c->size == size &&
        same_options(&c->options, opts) && memcmp(c->bytes, bytes, size) == 0)
      return c;
  return NULL;
}

static void enter(Code *c)
{
  c->next = *bucket_of(c->hash);
  *bucket_of(c->hash) = c;
  stats.live++;
}

static void leave(Code *c)
{
  Code **at = bucket_of(c->hash);
  while (*at != c)
    at = &(*at)->next;
  *at = c->next;
  stats.live--;
}

/* One reference less; true: it was the last one, free it outside the lock. */
static bool let_go(Code *c)
{
  assert(c->refs > 0 && c->state != CODE_COMPILING);
  if (--c->refs > 0) return false;
  if (c->state == CODE_READY) leave(c);
  return true;
}

/* Somebody else's entry: wait until it is compiled. Gives up the registry's lock. */
static Status join(Code *c, Code **out, Err *err)
{
  c->refs++;
  while (c->state == CODE_COMPILING)
    pthread_cond_wait(&compiled, &registry);
  Status s = c->failure;
  bool last = false;
  if (s == LW_OK) {
    stats.hits++;
    *out = c;
  } else {
    if (err->msg[0] == '\0') *err = c->err;
    last = let_go(c);
  }
  pthread_mutex_unlock(&registry);
  if (last) code_free(c);
  return s;
}

/* The compile of an entry has ended: let those who wait for it go on. */
static void settle(Code *c, Status s, Err *err)
{
  pthread_mutex_lock(&registry);
  c->failure = s;
  c->state = s == LW_OK ? CODE_READY : CODE_FAILED;
  bool last = false;
  if (s == LW_OK) {
    stats.compiles++;
  } else {
    leave(c);
    if (err->msg[0] == '\0') *err = c->err;
    last = let_go(c);
  }
  pthread_cond_broadcast(&compiled);
  pthread_mutex_unlock(&registry);
  if (last) code_free(c);
}

Status lw_code_compile(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                       const CodeStore *store, Code **out, CodeHow *how, Err *err)
{
  Hash128 hash = lw_hash128(bytes, size);
  pthread_mutex_lock(&registry);
  Code *c = find(bytes, size, hash, opts);
  if (c) {
    *how = c->state == CODE_COMPILING ? CODE_IS_JOINED : CODE_IS_SHARED;
    return join(c, out, err);
  }
  c = code_new(bytes, size, hash, opts, store);
  if (c) enter(c);
  pthread_mutex_unlock(&registry);
  if (!c) return lw_nomem(err, "a module");

  bool loaded = false;
  Status s = build(c, &loaded, &c->err);
  settle(c, s, err);
  if (s != LW_OK) return s;
  *how = loaded ? CODE_IS_LOADED : CODE_IS_COMPILED;
  *out = c;
  return s;
}

Status lw_code_validate(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                        Err *err)
{
  Module m = {0};
  DecodeOptions d = {.features = opts->features};
  TRY(lw_module_decode(bytes, size, &d, &m, err));
  Status s = lw_module_validate(&m, err);
  lw_module_free(&m);
  return s;
}

Code *lw_code_ref(Code *c)
{
  pthread_mutex_lock(&registry);
  assert(c->refs > 0 && c->state == CODE_READY);
  c->refs++;
  pthread_mutex_unlock(&registry);
  return c;
}

void lw_code_unref(Code *c)
{
  if (!c) return;
  pthread_mutex_lock(&registry);
  bool last = let_go(c);
  pthread_mutex_unlock(&registry);
  if (last) code_free(c);
}

/* ---- facts ---- */

const Module *lw_code_module(const Code *c)
{
  return &c->module;
}

const CodeOptions *lw_code_options(const Code *c)
{
  return &c->options;
}

const uint32_t *lw_code_types(const Code *c)
{
  return c->types;
}

Hash128 lw_code_hash(const Code *c)
{
  return c->hash;
}

int lw_code_data_image(Code *c, size_t *size)
{
  pthread_mutex_lock(&c->lock);
  if (!c->prefill_tried) c->prefill = lw_prefill_make(&c->module, &c->prefill_size);
  c->prefill_tried = true;
  *size = c->prefill_size;
  pthread_mutex_unlock(&c->lock);
  return c->prefill;
}

void lw_code_stats(CodeStats *out)
{
  pthread_mutex_lock(&registry);
  *out = stats;
  pthread_mutex_unlock(&registry);
}

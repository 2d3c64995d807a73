/*
** code.c -- the registry of Codes: content-addressed, shared, single-flight.
**
** An entry is in the registry from the moment its compile begins, so that a second
** request for the same bytes finds it and waits for the first to end; different modules
** compile in parallel. A failed entry leaves the registry at once; those who waited take
** its error with them. What was being compiled by another thread when the process forked
** is passed over in the child.
** Found is not proved: bytes are compared on every hit.
** One lock, LOCK_CODES, guards all of it; it is never held over a compile.
** Layer: rt.
*/
#include "rt/code.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/os.h"
#include "rt/func.h"
#include "rt/lazy.h"
#include "rt/memory.h"
#include "rt/prefill.h"
#include "rt/symbols.h"
#include "rt/texts.h"
#include "rt/type.h"
#include "rt/worker.h"

typedef enum { CODE_COMPILING, CODE_READY, CODE_FAILED } CodeState;

struct Code {
  Hash128 hash;
  CodeOptions options;
  CodeStore store; /* a reference to its user is held */
  uint8_t *bytes;  /* ours */
  size_t size;
  CodeState state; /* under the lock, as is all that changes */
  uint32_t generation, refs;
  Status failure;
  Err err;
  Module module;
  uint32_t *types;        /* interned */
  const TypeInfo **infos; /* theirs */
  uint32_t ntypes;        /* how many of them */
  CodeImage images[2];    /* guard, explicit */
  CodeOnce prefilled;
  int prefill; /* number of the data image, or -1 */
  size_t prefill_size;
  struct Code *next; /* in its bucket */
};

enum { BUCKETS = 256 };
static Code *buckets[BUCKETS];
static CodeStats stats;

/* ---- done once ---- */

enum { ONCE_NOT, ONCE_BUSY, ONCE_DONE };

bool lw_once_claim(CodeOnce *once)
{
  while (once->state == ONCE_BUSY && once->generation == lw_fork_generation())
    lw_lock_wait(LOCK_CODES);
  if (once->state == ONCE_DONE) return false;
  *once = (CodeOnce){ONCE_BUSY, lw_fork_generation()};
  return true;
}

void lw_once_end(CodeOnce *once, bool done)
{
  assert(once->state == ONCE_BUSY && once->generation == lw_fork_generation());
  once->state = done ? ONCE_DONE : ONCE_NOT;
  lw_lock_wake(LOCK_CODES);
}

/* ---- making and freeing ---- */

static Code *code_new(const uint8_t *bytes, size_t size, Hash128 hash,
                      const CodeOptions *opts, const CodeStore *store)
{
  Code *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  if (opts->given) {
    assert(*opts->given == bytes);
    c->bytes = *opts->given;
    *opts->given = NULL;
  } else {
    c->bytes = lw_os_bulk_alloc(size);
    if (!c->bytes) {
      free(c);
      return NULL;
    }
    if (size) memcpy(c->bytes, bytes, size);
  }
  c->size = size;
  c->hash = hash;
  c->options = *opts;
  c->options.given = NULL;
  c->generation = lw_fork_generation();
  c->refs = 1;
  c->prefill = -1;
  if (store) c->store = *store;
  return c;
}

static void image_free(CodeImage *i)
{
  if (i->once.state != ONCE_DONE) return;
  if (i->lazy) lw_lazy_free(i->lazy);
  if (i->image.text_size) {
    lw_lock(LOCK_CODES);
    lw_texts_remove(i->image.text);
    lw_unlock(LOCK_CODES);
  }
  lw_image_free(&i->image);
}

static void code_free(Code *c)
{
  for (int n = 0; n < 2; n++)
    image_free(&c->images[n]);
  if (c->prefill >= 0) lw_prefill_free(c->prefill);
  for (uint32_t k = 0; k < c->ntypes; k++)
    lw_type_release(c->types[k]);
  free(c->types);
  free(c->infos);
  if (c->state == CODE_READY) lw_module_free(&c->module);
  if (c->store.unref) c->store.unref(c->store.user);
  lw_os_bulk_free(c->bytes, c->size);
  free(c);
}

static Status intern_types(Code *c, Err *err)
{
  const Module *m = &c->module;
  c->types = calloc(m->ntypes ? m->ntypes : 1, sizeof *c->types);
  c->infos = calloc(m->ntypes ? m->ntypes : 1, sizeof(TypeInfo *));
  if (!c->types || !c->infos) return lw_nomem(err, "a module's types");
  TRY(lw_types_intern(m, c->types, &c->ntypes, err));
  for (uint32_t k = 0; k < c->ntypes; k++)
    c->infos[k] = lw_type_info(c->types[k]);
  return LW_OK;
}

static bool is_lazy(const Code *c)
{
  if (c->module.nfuncs == c->module.nfuncs_imported) return false;
  if (c->options.eager != EAGER_AUTO) return c->options.eager == EAGER_NO;
  /* gdb takes an object for a library: 1,968 of them (sql.js) 250 s, in one 0.5 s */
  if (lw_symbols_on(SYMBOLS_GDB)) return false;
  return c->module.code.size > LAZY_ABOVE;
}

static bool note_text(Code *c, CodeImage *i)
{
  if (i->image.text_size == 0) return true;
  TextRange range = {i->image.text, i->image.text_size, c, i, NULL, NULL};
  lw_lock(LOCK_CODES);
  bool noted = lw_texts_add(&range);
  if (noted) lw_symbols_range(lw_texts_find(range.at));
  lw_unlock(LOCK_CODES);
  return noted;
}

/* Validation goes first; *book, if given, is filled. */
static Status validate(Code *c, FactsBook *book, Err *err)
{
  PassMeter space, *meter = lw_meter_begin(&space, NULL);
  TRY(book ? lw_module_validate_into(&c->module, book, err)
           : lw_module_validate_bodies(&c->module, err));
  pass_done(meter, PASS_VALIDATE, NULL);
  lw_passes_add(meter, NULL);
  return LW_OK;
}

static Status compile_later(Code *c, CodeImage *i, const CompileOptions *opts, Err *err)
{
  TRY(validate(c, NULL, err));
  struct Lazy *lazy = lw_lazy_new(c, i, opts, err);
  if (!lazy) return LW_NOMEM;
  lw_lock(LOCK_CODES);
  i->lazy = lazy;
  lw_symbols_range(lw_texts_find(lw_lazy_entry(lazy, 0)));
  lw_unlock(LOCK_CODES);
  return LW_OK;
}

static Status compile_now(Code *c, CodeImage *i, const CompileOptions *opts, Err *err)
{
  FactsBook book = {0};
  CompileOptions with_facts = *opts;
  with_facts.book = &book;
  Status s = validate(c, &book, err);
  if (s == LW_OK) s = lw_image_compile(&c->module, &with_facts, &i->image, err);
  lw_book_free(&book);
  return s;
}

/* The image for one bounds mode: loaded, compiled, or to be compiled. *loaded: the store
   had it. */
static Status make_image(Code *c, CodeImage *i, bool explicit_bounds, bool *loaded,
                         Err *err)
{
  CompileOptions opts = {.explicit_bounds = explicit_bounds,
                         .effort = c->options.effort,
                         .fuel = c->options.fuel};
  const CodeStore *store = &c->store;
  *loaded = store->load && store->load(store->user, c, explicit_bounds, &i->image);
  if (!*loaded) {
    if (is_lazy(c)) return compile_later(c, i, &opts, err);
    TRY(compile_now(c, i, &opts, err));
    if (store->save) store->save(store->user, c, explicit_bounds, &i->image);
  }
  if (note_text(c, i)) return LW_OK;
  lw_image_free(&i->image);
  return lw_nomem(err, "the map of machine code");
}

static Status image_once(Code *c, bool explicit_bounds, bool *loaded, Err *err)
{
  Status s = LW_OK;
  CodeImage *i = &c->images[explicit_bounds];
  lw_lock(LOCK_CODES);
  bool mine = lw_once_claim(&i->once);
  lw_unlock(LOCK_CODES);
  if (!mine) return s;
  s = make_image(c, i, explicit_bounds, loaded, err);
  lw_lock(LOCK_CODES);
  lw_once_end(&i->once, s == LW_OK);
  lw_unlock(LOCK_CODES);
  return s;
}

Status lw_code_image(Code *c, bool explicit_bounds, const CodeImage **out, Err *err)
{
  bool loaded;
  TRY(image_once(c, explicit_bounds, &loaded, err));
  *out = &c->images[explicit_bounds];
  if ((*out)->lazy) lw_worker_add(c, explicit_bounds);
  return LW_OK;
}

const void *lw_code_entry(const CodeImage *i, uint32_t n)
{
  if (i->lazy) return lw_lazy_entry(i->lazy, n);
  assert(n < i->image.nfuncs);
  return i->image.text + i->image.func_at[n];
}

Status lw_code_complete(Code *c, bool explicit_bounds, bool (*go_on)(void *user),
                        void *user, Err *err)
{
  CodeImage *i = &c->images[explicit_bounds];
  assert(i->once.state == ONCE_DONE);
  if (!i->lazy) return LW_OK;
  TRY(lw_lazy_complete(i->lazy, go_on, user, err));
  if (!c->store.save) return LW_OK;
  lw_lock(LOCK_CODES);
  bool mine = lw_once_claim(&i->saved);
  lw_unlock(LOCK_CODES);
  if (!mine) return LW_OK;
  Image joined;
  Err ignored = {.at = ERR_NOWHERE}; /* all is compiled: it just cannot be stored */
  if (lw_lazy_join(i->lazy, &joined, &ignored) == LW_OK) {
    c->store.save(c->store.user, c, explicit_bounds, &joined);
    lw_image_drop(&joined);
  }
  lw_lock(LOCK_CODES);
  lw_once_end(&i->saved, true);
  lw_unlock(LOCK_CODES);
  return LW_OK;
}

bool lw_code_explicit(const Code *c)
{
  bool checked = c->options.explicit_bounds;
  for (uint32_t k = 0; k < c->module.nmemories; k++)
    checked |= lw_limits_checked(&c->module.memories[k]);
  return checked;
}

/* All that has to be done before anybody may use it. */
static Status build(Code *c, bool *loaded, Err *err)
{
  DecodeOptions d = {.features = c->options.features};
  PassMeter space, *meter = lw_meter_begin(&space, NULL);
  TRY(lw_module_decode(c->bytes, c->size, &d, &c->module, err));
  pass_done(meter, PASS_DECODE, NULL);
  lw_passes_add(meter, NULL);
  Status s = lw_module_validate_outside(&c->module, err);
  if (s == LW_OK) s = intern_types(c, err);
  if (s == LW_OK) s = image_once(c, lw_code_explicit(c), loaded, err);
  if (s != LW_OK) lw_module_free(&c->module);
  return s;
}

/* ---- the registry ---- */

static bool same_options(const CodeOptions *a, const CodeOptions *b)
{
  return a->features == b->features && a->explicit_bounds == b->explicit_bounds &&
         a->effort == b->effort && a->fuel == b->fuel;
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
        (c->state != CODE_COMPILING || c->generation == lw_fork_generation()) &&
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
    lw_lock_wait(LOCK_CODES);
  Status s = c->failure;
  bool last = false;
  if (s == LW_OK) {
    stats.hits++;
    *out = c;
  } else {
    if (err->msg[0] == '\0') *err = c->err;
    last = let_go(c);
  }
  lw_unlock(LOCK_CODES);
  if (last) code_free(c);
  return s;
}

/* The compile of an entry has ended: let those who wait for it go on. */
static void settle(Code *c, Status s, bool loaded, Err *err)
{
  lw_lock(LOCK_CODES);
  c->failure = s;
  c->state = s == LW_OK ? CODE_READY : CODE_FAILED;
  bool last = false;
  if (s == LW_OK) {
    stats.compiles += !loaded;
    stats.loads += loaded;
  } else {
    leave(c);
    if (err->msg[0] == '\0') *err = c->err;
    last = let_go(c);
  }
  lw_lock_wake(LOCK_CODES);
  lw_unlock(LOCK_CODES);
  if (last) code_free(c);
}

/* Found, waited for, or built. */
static Status obtain(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                     const CodeStore *store, Code **out, CodeHow *how, Err *err)
{
  Hash128 hash = lw_hash128(bytes, size);
  lw_lock(LOCK_CODES);
  Code *c = find(bytes, size, hash, opts);
  if (c) {
    *how = c->state == CODE_COMPILING ? CODE_IS_JOINED : CODE_IS_SHARED;
    return join(c, out, err);
  }
  c = code_new(bytes, size, hash, opts, store);
  if (c) enter(c);
  lw_unlock(LOCK_CODES);
  if (!c) return lw_nomem(err, "a module");
  if (c->store.ref) c->store.ref(c->store.user);

  bool loaded = false;
  Status s = build(c, &loaded, &c->err);
  if (!c->store.ref) c->store = (CodeStore){0};
  settle(c, s, loaded, err);
  if (s != LW_OK) return s;
  *how = loaded ? CODE_IS_LOADED : CODE_IS_COMPILED;
  *out = c;
  return s;
}

Status lw_code_compile(const uint8_t *bytes, size_t size, const CodeOptions *opts,
                       const CodeStore *store, Code **out, CodeHow *how, Err *err)
{
  TRY(obtain(bytes, size, opts, store, out, how, err));
  Status s = LW_OK;
  bool explicit_bounds = lw_code_explicit(*out);
  if (opts->eager == EAGER_YES)
    s = lw_code_complete(*out, explicit_bounds, NULL, NULL, err);
  else if ((*out)->images[explicit_bounds].lazy)
    lw_worker_add(*out, explicit_bounds);
  if (s != LW_OK) lw_code_unref(*out);
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
  lw_lock(LOCK_CODES);
  assert(c->refs > 0 && c->state == CODE_READY);
  c->refs++;
  lw_unlock(LOCK_CODES);
  return c;
}

void lw_code_unref(Code *c)
{
  if (!c) return;
  lw_lock(LOCK_CODES);
  bool last = let_go(c);
  lw_unlock(LOCK_CODES);
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

const TypeInfo *const *lw_code_infos(const Code *c)
{
  return c->infos;
}

const uint32_t *lw_code_types(const Code *c)
{
  return c->types;
}

Hash128 lw_code_hash(const Code *c)
{
  return c->hash;
}

bool lw_code_is_complete(Code *c, bool explicit_bounds)
{
  CompileStats unused;
  const CodeImage *i = &c->images[explicit_bounds];
  lw_lock(LOCK_CODES);
  bool complete = i->once.state == ONCE_DONE;
  if (complete && i->lazy)
    complete = lw_lazy_compiled(i->lazy, &unused) == lw_lazy_count(i->lazy) &&
               (!c->store.save || i->saved.state == ONCE_DONE);
  lw_unlock(LOCK_CODES);
  return complete;
}

bool lw_code_shared(Code *c)
{
  lw_lock(LOCK_CODES);
  bool shared = c->refs > 1;
  lw_unlock(LOCK_CODES);
  return shared;
}

void lw_code_info(Code *c, const CodeImage *i, CodeInfo *out)
{
  *out = (CodeInfo){.functions = c->module.nfuncs - c->module.nfuncs_imported};
  out->compiled = out->functions;
  out->lazy = i->lazy != NULL;
  lw_lock(LOCK_CODES);
  if (i->lazy)
    out->compiled = lw_lazy_compiled(i->lazy, &out->stats);
  else
    out->stats = i->image.stats;
  lw_unlock(LOCK_CODES);
}

int lw_code_data_image(Code *c, size_t *size)
{
  lw_lock(LOCK_CODES);
  bool mine = lw_once_claim(&c->prefilled);
  lw_unlock(LOCK_CODES);
  if (mine) {
    c->prefill = lw_prefill_make(&c->module, &c->prefill_size);
    lw_lock(LOCK_CODES);
    lw_once_end(&c->prefilled, true);
    lw_unlock(LOCK_CODES);
  }
  *size = c->prefill_size;
  return c->prefill;
}

static bool place_eager(const TextRange *t, const void *pc, CodePlace *out)
{
  const Image *image = &t->image->image;
  uint32_t n = lw_image_find(image, pc);
  if (n == UINT32_MAX) return false;
  uint32_t at = (uint32_t)((const uint8_t *)pc - image->text);
  out->func = n;
  out->offset = at - image->func_at[n];
  lw_lines_where(image->lines, image->nlines, at, &out->where);
  out->saves_ctx = image->saves_ctx[n];
  return true;
}

bool lw_code_place(const void *pc, CodePlace *out)
{
  *out = (CodePlace){0};
  lw_lock(LOCK_CODES);
  const TextRange *t = lw_texts_find(pc);
  bool found = t && (t->image->lazy ? lw_lazy_place(t->image->lazy, t->chunk, pc, out)
                                    : place_eager(t, pc, out));
  if (found) out->code = t->code;
  lw_unlock(LOCK_CODES);
  return found;
}

void lw_code_stats(CodeStats *out)
{
  lw_lock(LOCK_CODES);
  *out = stats;
  out->text_bytes = lw_texts_bytes();
  lw_unlock(LOCK_CODES);
}

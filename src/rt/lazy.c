/*
** lazy.c -- functions that are compiled one by one.
** Layer: rt.
*/
#include "rt/lazy.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/os.h"
#include "jit/stubs.h"
#include "jit/thunk.h"
#include "jit/trap.h"
#include "rt/instance.h"
#include "rt/symbols.h"
#include "rt/texts.h"

enum { ALIGN = 16, CHUNK_SIZE = 256 << 10 };

/* Pages that functions are placed in, one behind the other. */
typedef struct Chunk {
  uint8_t *at;       /* executable */
  uint8_t *writable; /* the same pages; NULL: they hold one function and are full */
  size_t size, used;
  uint32_t forks;   /* lw_fork_count when it was made */
  uint32_t *placed; /* functions by rising address */
  uint32_t nplaced, cap;
  struct Chunk *next;
} Chunk;

typedef struct LazyFunc {
  const uint8_t *at; /* its text, once compiled */
  Unit unit;         /* what else the compile made; text is NULL */
  CodeOnce once;
} LazyFunc;

struct Lazy {
  Code *code;
  const CodeImage *image;
  const Module *m;
  CompileOptions opts;
  uint32_t nfuncs, ncompiled;
  uint8_t *thunks;
  const void **slots; /* read by machine code while others write */
  size_t thunks_size, slots_size;
  Chunk *chunks; /* the one that is being filled comes first */
  CompileStats stats;
  LazyFunc *funcs;
};

/* ---- chunks ---- */

static void chunk_free(Chunk *c)
{
  if (c->writable)
    lw_os_text_twin_free(c->at, c->writable, c->size);
  else if (c->at)
    lw_os_text_free(c->at, c->size);
  free(c->placed);
  free(c);
}

static Status refused(Err *err)
{
  return lw_fail(err, LW_NOMEM, ERR_NOWHERE,
                 "the system refused memory for machine code: see ulimit -v, SELinux's "
                 "execmem, systemd's MemoryDenyWriteExecute and PR_SET_MDWE");
}

/* A chunk with room for `size` bytes of one more function, which is known to texts.h.
   NULL: LW_NOMEM. */
static Chunk *chunk_new(Lazy *z, size_t size, Err *err)
{
  Chunk *c = calloc(1, sizeof *c);
  if (!c) {
    lw_nomem(err, "machine code");
    return NULL;
  }
  c->cap = 64;
  c->placed = malloc(c->cap * sizeof *c->placed);
  c->forks = lw_fork_count();
  c->size = lw_os_pages(size > CHUNK_SIZE ? size : CHUNK_SIZE);
  void *writable = NULL;
  if (c->placed && !lw_symbols_on(SYMBOLS_PERF))
    c->at = lw_os_text_twin(c->size, &writable);
  c->writable = writable;
  if (!c->at) {
    c->size = lw_os_pages(size);
    c->at = c->placed ? lw_os_text_alloc(c->size) : NULL;
  }
  TextRange range = {c->at, c->size, z->code, z->image, c, NULL};
  if (!c->at || !lw_texts_add(&range)) {
    chunk_free(c);
    refused(err);
    return NULL;
  }
  c->next = z->chunks;
  z->chunks = c;
  return c;
}

/* The chunk that has room for it; never one that a process beyond a fork may see, nor one
   whose names perf would not find. */
static Chunk *chunk_for(Lazy *z, size_t size, Err *err)
{
  Chunk *c = z->chunks;
  size_t used = c ? (c->used + ALIGN - 1) & ~(size_t)(ALIGN - 1) : 0;
  if (!c || !c->writable || lw_symbols_on(SYMBOLS_PERF) || c->forks != lw_fork_count() ||
      used > c->size || c->size - used < size)
    return chunk_new(z, size, err);
  c->used = used;
  return c;
}

static bool chunk_note(Chunk *c, uint32_t n)
{
  if (c->nplaced == c->cap) {
    uint32_t cap = c->cap * 2;
    uint32_t *more = realloc(c->placed, cap * sizeof *more);
    if (!more) return false;
    c->placed = more;
    c->cap = cap;
  }
  c->placed[c->nplaced++] = n;
  return true;
}

/* Copy the unit's text to where it will be executed; its direct calls go to thunks. */
static Status place(Lazy *z, uint32_t n, const Unit *u, const uint8_t **at, Err *err)
{
  Chunk *c = chunk_for(z, u->size, err);
  if (!c) return LW_NOMEM;
  if (!chunk_note(c, n)) return lw_nomem(err, "machine code");
  const uint8_t *to = c->at + c->used;
  uint8_t *write = (c->writable ? c->writable : c->at) + c->used;
  memcpy(write, u->text, u->size);
  for (uint32_t k = 0; k < u->ncalls; k++) {
    uint32_t callee = u->calls[k].func - z->m->nfuncs_imported, field = u->calls[k].at;
    assert(callee < z->nfuncs && field + 4 <= u->size);
    lw_thunk_aim(write + field, to + field, lw_lazy_entry(z, callee));
  }
  if (!c->writable && !lw_os_text_publish(c->at, c->size)) {
    c->nplaced--;
    return refused(err);
  }
  c->used += u->size;
  *at = to;
  return LW_OK;
}

/* ---- making ---- */

const void *lw_lazy_entry(const Lazy *z, uint32_t n)
{
  assert(n < z->nfuncs);
  return z->thunks + (size_t)n * THUNK_SIZE;
}

static bool make_thunks(Lazy *z)
{
  z->thunks_size = lw_os_pages((size_t)z->nfuncs * THUNK_SIZE);
  z->slots_size = lw_os_pages((size_t)z->nfuncs * sizeof *z->slots);
  z->thunks = lw_os_text_alloc(z->thunks_size);
  z->slots = lw_os_text_alloc(z->slots_size); /* near, and never published */
  if (!z->thunks || !z->slots) return false;
  lw_thunks_write(z->thunks, z->slots, z->nfuncs);
  return lw_os_text_publish(z->thunks, z->thunks_size);
}

Lazy *lw_lazy_new(Code *code, const CodeImage *image, const CompileOptions *opts,
                  Err *err)
{
  const Module *m = lw_code_module(code);
  Lazy *z = calloc(1, sizeof *z);
  if (!z) return lw_nomem(err, "machine code"), NULL;
  *z = (Lazy){.code = code, .image = image, .m = m, .opts = *opts};
  z->nfuncs = m->nfuncs - m->nfuncs_imported;
  assert(z->nfuncs > 0);
  z->funcs = calloc(z->nfuncs, sizeof *z->funcs);
  bool made = z->funcs && make_thunks(z), known = false;
  if (made) {
    TextRange range = {z->thunks, z->thunks_size, code, image, NULL, NULL};
    lw_lock(LOCK_CODES);
    known = lw_texts_add(&range);
    lw_unlock(LOCK_CODES);
  }
  if (known) return z;
  if (z->thunks) lw_os_text_free(z->thunks, z->thunks_size);
  z->thunks = NULL; /* texts.h never knew them */
  lw_lazy_free(z);
  refused(err);
  return NULL;
}

void lw_lazy_free(Lazy *z)
{
  lw_lock(LOCK_CODES);
  if (z->thunks) lw_texts_remove(z->thunks);
  for (Chunk *c = z->chunks; c; c = c->next)
    lw_texts_remove(c->at);
  lw_unlock(LOCK_CODES);
  for (Chunk *c = z->chunks, *next; c; c = next) {
    next = c->next;
    chunk_free(c);
  }
  if (z->thunks) lw_os_text_free(z->thunks, z->thunks_size);
  if (z->slots) lw_os_text_free((void *)(uintptr_t)z->slots, z->slots_size);
  for (uint32_t n = 0; z->funcs && n < z->nfuncs; n++)
    lw_unit_free(&z->funcs[n].unit);
  free(z->funcs);
  free(z);
}

/* ---- compiling ---- */

/* The function's text is in place: from now on its thunk leads there. */
static void put_through(Lazy *z, uint32_t n, Unit *u, const uint8_t *at)
{
  LazyFunc *f = &z->funcs[n];
  lw_stats_add(&z->stats, &u->stats);
  free(u->text);
  u->text = NULL;
  f->unit = *u;
  f->at = at;
  z->ncompiled++;
  const void *_Atomic *slot = (const void *_Atomic *)(void *)&z->slots[n];
  atomic_store_explicit(slot, at, memory_order_release);
  lw_symbols_func(&(TextSymbol){at, u->size, n});
}

static Status compile_with(Lazy *z, uint32_t n, Arena *scratch, const void **at, Err *err)
{
  LazyFunc *f = &z->funcs[n];
  Status s = LW_OK;
  lw_lock(LOCK_CODES);
  if (lw_once_claim(&f->once)) {
    Unit u = {0};
    const uint8_t *text = NULL;
    lw_unlock(LOCK_CODES);
    s = lw_unit_compile(z->m, z->m->nfuncs_imported + n, &z->opts, scratch, &u, err);
    lw_lock(LOCK_CODES);
    PassMeter space, *meter = lw_meter_begin(&space, NULL);
    if (s == LW_OK) s = place(z, n, &u, &text, err);
    pass_done(meter, PASS_LINK, NULL);
    lw_passes_add(meter, NULL);
    if (s == LW_OK)
      put_through(z, n, &u, text);
    else
      lw_unit_free(&u);
    lw_once_end(&f->once, s == LW_OK);
  }
  if (s == LW_OK) *at = f->at;
  lw_unlock(LOCK_CODES);
  return s;
}

Status lw_lazy_compile(Lazy *z, uint32_t n, const void **at, Err *err)
{
  assert(n < z->nfuncs);
  Arena scratch = {0};
  Status s = compile_with(z, n, &scratch, at, err);
  lw_arena_free(&scratch);
  return s;
}

const void *lw_lazy_enter(struct Activation *a, void *ctx, const void *back)
{
  Instance *i = ctx;
  Lazy *z = i->image->lazy;
  assert(a->instance && z);
  const void *at = NULL;
  Err err = {.at = ERR_NOWHERE};
  Status s = lw_lazy_compile(z, lw_thunk_index(z->thunks, back), &at, &err);
  if (s == LW_OK) return at;
  if (a->end == LW_OK) a->end = s;
  lw_act_trap(i->vm.store, TRAP_NO_CODE);
  return NULL;
}

/* ---- all of them ---- */

/* What is to be compiled next; every function comes once. */
typedef struct Order {
  uint32_t *list; /* NULL: no memory for it, index order will do */
  uint32_t next, end, rest;
  bool *listed;
} Order;

static void order_add(Order *o, const Module *m, uint32_t func)
{
  if (func < m->nfuncs_imported || o->listed[func - m->nfuncs_imported]) return;
  o->listed[func - m->nfuncs_imported] = true;
  o->list[o->end++] = func - m->nfuncs_imported;
}

static void order_begin(Order *o, const Lazy *z)
{
  const Module *m = z->m;
  *o = (Order){.list = malloc(z->nfuncs * sizeof *o->list),
               .listed = calloc(z->nfuncs, sizeof *o->listed)};
  if (!o->list || !o->listed) {
    free(o->list);
    o->list = NULL;
    return;
  }
  if (m->start != UINT32_MAX) order_add(o, m, m->start);
  for (uint32_t k = 0; k < m->nexports; k++)
    if (m->exports[k].kind == EXTERN_FUNC) order_add(o, m, m->exports[k].index);
  for (uint32_t k = 0; k < m->nescapes; k++)
    order_add(o, m, m->escapes[k]);
}

/* The next one's number, or UINT32_MAX. */
static uint32_t order_take(Order *o, const Lazy *z)
{
  if (!o->list) return o->rest < z->nfuncs ? o->rest++ : UINT32_MAX;
  if (o->next < o->end) return o->list[o->next++];
  while (o->rest < z->nfuncs && o->listed[o->rest])
    o->rest++;
  if (o->rest == z->nfuncs) return UINT32_MAX;
  o->listed[o->rest] = true;
  return o->rest++;
}

Status lw_lazy_complete(Lazy *z, bool (*go_on)(void *user), void *user, Err *err)
{
  Order order;
  Arena scratch = {0};
  Status s = LW_OK;
  order_begin(&order, z);
  for (uint32_t n; s == LW_OK && (n = order_take(&order, z)) != UINT32_MAX;) {
    const void *at;
    if (go_on && !go_on(user)) {
      s = LW_INTERRUPT;
      break;
    }
    s = compile_with(z, n, &scratch, &at, err);
    const Unit *u = &z->funcs[n].unit; /* does not change any more */
    for (uint32_t k = 0; s == LW_OK && order.list && k < u->ncalls; k++)
      order_add(&order, z->m, u->calls[k].func);
  }
  lw_arena_free(&scratch);
  free(order.list);
  free(order.listed);
  return s;
}

Status lw_lazy_join(const Lazy *z, Image *out, Err *err)
{
  Unit *units = malloc(z->nfuncs * sizeof *units);
  if (!units) return lw_nomem(err, "machine code");
  for (uint32_t n = 0; n < z->nfuncs; n++) {
    assert(z->funcs[n].at);
    units[n] = z->funcs[n].unit;
    units[n].text = (uint8_t *)(uintptr_t)z->funcs[n].at;
  }
  Status s = lw_image_join(z->m, units, out, err);
  free(units);
  return s;
}

/* ---- what there is ---- */

TextSymbol *lw_lazy_symbols(const Lazy *z, const Chunk *chunk, uint32_t *n)
{
  TextSymbol *list = malloc((chunk->nplaced ? chunk->nplaced : 1) * sizeof *list);
  *n = 0;
  if (!list) return NULL;
  for (uint32_t k = 0; k < chunk->nplaced; k++) {
    uint32_t func = chunk->placed[k];
    const LazyFunc *f = &z->funcs[func];
    if (f->at) list[(*n)++] = (TextSymbol){f->at, f->unit.size, func};
  }
  return list;
}

uint32_t lw_lazy_count(const Lazy *z)
{
  return z->nfuncs;
}

uint32_t lw_lazy_compiled(const Lazy *z, CompileStats *stats)
{
  *stats = z->stats;
  return z->ncompiled;
}

/* A thunk has no frame: a trap in it is as one at its function's first instruction. */
static bool place_thunk(const Lazy *z, const void *pc, CodePlace *out)
{
  uint32_t n = (uint32_t)(((const uint8_t *)pc - z->thunks) / THUNK_SIZE);
  if (n >= z->nfuncs) return false;
  out->func = n;
  out->where = (Places){1, {z->m->funcs[z->m->nfuncs_imported + n].body.at}};
  return true;
}

bool lw_lazy_place(const Lazy *z, const Chunk *chunk, const void *pc, CodePlace *out)
{
  if (!chunk) return place_thunk(z, pc, out);
  uint32_t low = 0, high = chunk->nplaced;
  if (high == 0) return false;
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (z->funcs[chunk->placed[middle]].at <= (const uint8_t *)pc)
      low = middle;
    else
      high = middle;
  }
  const LazyFunc *f = &z->funcs[chunk->placed[low]];
  if (!f->at || (const uint8_t *)pc < f->at) return false;
  size_t offset = (size_t)((const uint8_t *)pc - f->at);
  if (offset > f->unit.size) return false; /* a return address may be its very end */
  out->func = chunk->placed[low];
  out->offset = (uint32_t)offset;
  lw_lines_where(f->unit.lines, f->unit.nlines, out->offset, &out->where);
  out->saves_ctx = f->unit.saves_ctx;
  return true;
}

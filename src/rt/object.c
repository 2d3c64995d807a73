/*
** object.c -- allocation of structs and arrays, and their fields.
**
** A slab is 64 KiB, aligned, and has cells of one size; each cell has a byte of state
** outside the cells, so that sweeping never touches an object. Sizes are multiples of 16
** up to 512 bytes, then four to each power of two, up to 8 KiB; whatever is larger is
** malloced and entered into a list. The search for a free cell goes on where it ended, in
** the order of the slabs, until a collection sets it back.
** Layer: rt.
*/
#include "rt/object.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "jit/layout.h"
#include "jit/trap.h"
#include "rt/state.h"

_Static_assert(offsetof(Object, info) == OBJECT_INFO, "layout.h");
_Static_assert(offsetof(ArrayObject, length) == ARRAY_LENGTH, "layout.h");
_Static_assert(offsetof(ArrayObject, elems) == ARRAY_HEADER, "types.h");
_Static_assert(offsetof(ArrayObject, elems) == ARRAY_ELEMS, "layout.h");
_Static_assert(offsetof(TypeInfo, run) == TYPE_INFO_RUN, "layout.h");
_Static_assert(offsetof(TypeInfo, cell) == TYPE_INFO_CELL, "layout.h");
_Static_assert(offsetof(TypeInfo, size) == TYPE_INFO_SIZE, "layout.h");
_Static_assert(offsetof(ObjectRun, at) == RUN_AT, "layout.h");
_Static_assert(offsetof(ObjectRun, end) == RUN_END, "layout.h");
_Static_assert(sizeof(ObjectRun) == RUN_SIZE && RUN_SIZE == 16, "stubs.S");
_Static_assert(offsetof(ExternBox, info) == OBJECT_INFO, "boxes and objects look alike");

#ifndef NDEBUG
static bool torture;
void lw_heap_torture(bool on)
{
  torture = on;
}
#else
enum { torture = 0 };
#endif

/* ---- size classes ---- */

enum { GRAIN = 16, FINE = RUN_FINE, FINE_CLASSES = FINE / GRAIN };

/* The class of a size of 1 .. OBJECT_MAX bytes. */
static unsigned class_of(size_t size)
{
  if (size <= FINE) return (unsigned)((size + GRAIN - 1) / GRAIN) - 1;
  unsigned log2 = 63 - (unsigned)__builtin_clzll(size - 1); /* 9 and up */
  unsigned quarter = (unsigned)((size - 1) >> (log2 - 2)) & 3;
  return FINE_CLASSES + (log2 - 9) * 4 + quarter;
}

static size_t class_size(unsigned n)
{
  if (n < FINE_CLASSES) return (size_t)(n + 1) * GRAIN;
  unsigned log2 = 9 + (n - FINE_CLASSES) / 4, quarter = (n - FINE_CLASSES) % 4;
  return ((size_t)1 << log2) + ((size_t)(quarter + 1) << (log2 - 2));
}

/* ---- slabs ---- */

static bool may_hold(const HeapAccount *a, uint64_t more)
{
  return !a->limit || (more <= a->limit && a->held <= a->limit - more);
}

static ObjectSlab *slab_new(Heap *h, HeapAccount *a, unsigned class)
{
  h->refused = !may_hold(a, OBJECT_SLAB);
  if (h->refused || !lw_slabs_room(&h->objects)) return NULL;
  ObjectSlab *s = aligned_alloc(OBJECT_SLAB, OBJECT_SLAB);
  if (!s) return NULL;
  size_t size = class_size(class);
  uint32_t room = OBJECT_SLAB - sizeof *s;
  uint32_t n = room / (uint32_t)(size + 1);
  while ((sizeof *s + n + GRAIN - 1) / GRAIN * GRAIN + n * size > OBJECT_SLAB)
    n--;
  s->size = (uint32_t)size;
  s->ncells = n;
  s->first = (uint32_t)((sizeof *s + n + GRAIN - 1) / GRAIN * GRAIN);
  s->next = NULL;
  memset(s->state, CELL_FREE, n);
  lw_slabs_add(&h->objects, (uintptr_t)s);
  a->held += OBJECT_SLAB;
  ObjectClass *c = &a->classes[class];
  if (c->last)
    c->last->next = s;
  else
    c->slabs = s;
  c->last = s;
  return s;
}

/* The next slab with a free cell: *state, one of the class's `scan`. */
static bool find_free(Heap *h, HeapAccount *a, unsigned class, uint8_t **state)
{
  ObjectClass *c = &a->classes[class];
  for (;;) {
    ObjectSlab *s = c->scan;
    *state = s ? memchr(s->state + c->at, CELL_FREE, s->ncells - c->at) : NULL;
    if (*state) return true;
    ObjectSlab *next = s ? s->next : c->slabs;
    if (!next && !(next = slab_new(h, a, class))) return false;
    c->scan = next;
    c->at = 0;
  }
}

/* ---- runs ---- */

/* Cells from the first free one on, as many as are free, up to RUN_MOST bytes and what
   the heap's limit leaves, but one at least. */
static bool run_begin(Heap *h, HeapAccount *a, unsigned class)
{
  enum { RUN_MOST = 4096 };
  ObjectClass *c = &a->classes[class];
  uint8_t *state;
  if (!find_free(h, a, class, &state)) return false;
  ObjectSlab *s = c->scan;
  uint64_t most = RUN_MOST;
  if (h->limit && h->limit - h->bytes < most) most = h->limit - h->bytes;
  if (torture) most = 0;
  uint32_t first = (uint32_t)(state - s->state), n = 1;
  while (first + n < s->ncells && state[n] == CELL_FREE && (n + 1ull) * s->size <= most)
    n++;
  memset(state, CELL_WHITE, n);
  c->at = first + n;
  ObjectRun *run = &a->runs[class];
  run->at = (uint8_t *)s + s->first + (size_t)first * s->size;
  run->end = run->at + (size_t)n * s->size;
  memset(run->at, 0, (size_t)n * s->size);
  h->bytes += (size_t)n * s->size;
  h->fresh += (size_t)n * s->size;
  h->nobjects += n;
  return true;
}

static void run_end(Heap *h, ObjectRun *run, size_t size)
{
  if (run->at == run->end) return;
  uintptr_t slab = (uintptr_t)run->at & ~(uintptr_t)(OBJECT_SLAB - 1);
  ObjectSlab *s = (ObjectSlab *)slab;
  size_t left = (size_t)(run->end - run->at), n = left / size;
  assert(s->size == size && left % size == 0);
  memset(s->state + ((uintptr_t)run->at - slab - s->first) / size, CELL_FREE, n);
  h->bytes -= left;
  h->nobjects -= n;
  *run = (ObjectRun){NULL, NULL};
}

static void account_runs_end(Heap *h, HeapAccount *a)
{
  for (unsigned n = 0; n < OBJECT_CLASSES; n++)
    run_end(h, &a->runs[n], class_size(n));
}

void lw_runs_end(Store *s)
{
  Heap *h = &s->heap;
  for (HeapAccount *a = &h->common; a; a = lw_heap_account_next(h, a))
    account_runs_end(h, a);
}

void lw_object_place(uint32_t size, uint32_t *run, uint32_t *cell)
{
  bool small = size <= OBJECT_MAX;
  unsigned class = small ? class_of(size) : OBJECT_CLASSES;
  *run = (uint32_t)(class * sizeof(ObjectRun));
  *cell = small ? (uint32_t)class_size(class) : 1;
}

/* A zeroed cell of the class, or NULL. */
static void *cell_take(Heap *h, HeapAccount *a, unsigned class, size_t size)
{
  ObjectRun *run = &a->runs[class];
  if ((size_t)(run->end - run->at) < size && !run_begin(h, a, class)) return NULL;
  uint8_t *cell = run->at;
  run->at += size;
  return cell;
}

/* ---- large objects ---- */

/* Zeroed; pages that are new from the system are so without being touched. */
static void *large_take(Heap *h, HeapAccount *a, size_t size)
{
  h->refused = !may_hold(a, size);
  if (h->refused) return NULL;
  LargeObject *l = calloc(1, sizeof *l + (size + GRAIN - 1) / GRAIN * GRAIN);
  if (!l) return NULL;
  l->size = size;
  l->state = CELL_WHITE;
  l->next = a->large;
  a->large = l;
  a->held += size;
  h->nlarge++;
  h->bytes += size;
  h->fresh += size;
  h->nobjects++;
  return l->object;
}

/* ---- allocation ---- */

static bool beyond(const Heap *h, size_t size)
{
  return h->limit && (size > h->limit || h->bytes > h->limit - size);
}

static bool in_run(const HeapAccount *a, unsigned class, size_t size)
{
  return (size_t)(a->runs[class].end - a->runs[class].at) >= size;
}

static void *take(Heap *h, HeapAccount *a, unsigned class, size_t size)
{
  return class < OBJECT_CLASSES ? cell_take(h, a, class, size) : large_take(h, a, size);
}

/* The account is at its limit. A collection looks at the objects of all, so it must leave
   an eighth free: then there is at most one for so many bytes of this one's. */
static void *take_at_limit(Store *s, HeapAccount *a, unsigned class, size_t size)
{
  lw_gc_collect(s, NULL, 0);
  return may_hold(a, a->limit / 8) ? take(&s->heap, a, class, size) : NULL;
}

static Object *allocate(Store *s, HeapAccount *a, const TypeInfo *info, size_t size)
{
  Heap *h = &s->heap;
  if (!a) a = &h->common;
  h->refused = false;
  bool small = size <= OBJECT_MAX;
  unsigned class = small ? class_of(size) : OBJECT_CLASSES;
  size_t whole = small ? class_size(class) : size;
  if (!small || !in_run(a, class, whole)) {
    if (h->fresh >= (h->pace ? h->pace : PACE_MIN) || torture || beyond(h, whole))
      lw_gc_collect(s, NULL, 0);
    if (beyond(h, whole)) return NULL;
  }
  Object *o = take(h, a, class, whole);
  if (!o && h->refused) o = take_at_limit(s, a, class, whole);
  if (!o) return NULL;
  o->info = info;
  return o;
}

unsigned lw_heap_refusal(const Store *s)
{
  return s->heap.refused ? TRAP_HEAP_LIMIT : TRAP_HEAP;
}

Object *lw_struct_new(Store *s, HeapAccount *a, const TypeInfo *info)
{
  assert(info->kind == TYPE_STRUCT && info->size >= OBJECT_HEADER);
  return allocate(s, a, info, info->size);
}

ArrayObject *lw_array_new(Store *s, HeapAccount *account, const TypeInfo *info,
                          uint32_t length)
{
  assert(info->kind == TYPE_ARRAY);
  uint64_t size = ARRAY_HEADER + (uint64_t)length * info->size; /* at most 2^36 */
  s->heap.refused = false;
  if (size > ARRAY_BYTES_MAX) return NULL;
  ArrayObject *a = (ArrayObject *)(void *)allocate(s, account, info, (size_t)size);
  if (a) a->length = length;
  return a;
}

struct ExnObject *lw_exn_allocate(Store *s, HeapAccount *a, size_t size)
{
  return (struct ExnObject *)(void *)allocate(s, a, &lw_type_exn, size);
}

static void visit_slab(ObjectSlab *s, void (*visit)(void *user, const Object *o),
                       void *user)
{
  const uint8_t *cells = (const uint8_t *)s + s->first;
  for (uint32_t k = 0; k < s->ncells; k++)
    if (s->state[k] != CELL_FREE)
      visit(user, (const Object *)(const void *)(cells + (size_t)k * s->size));
}

void lw_objects_visit(Store *s, void (*visit)(void *user, const Object *o), void *user)
{
  Heap *h = &s->heap;
  lw_runs_end(s);
  for (HeapAccount *a = &h->common; a; a = lw_heap_account_next(h, a)) {
    for (unsigned n = 0; n < OBJECT_CLASSES; n++)
      for (ObjectSlab *slab = a->classes[n].slabs; slab; slab = slab->next)
        visit_slab(slab, visit, user);
    for (LargeObject *l = a->large; l; l = l->next)
      visit(user, (const Object *)(const void *)l->object);
  }
}

static void account_free(HeapAccount *a)
{
  for (unsigned n = 0; n < OBJECT_CLASSES; n++)
    for (ObjectSlab *s = a->classes[n].slabs, *next; s; s = next) {
      next = s->next;
      free(s);
    }
  for (LargeObject *l = a->large, *next; l; l = next) {
    next = l->next;
    free(l);
  }
}

void lw_objects_free(Heap *h)
{
  account_free(&h->common);
  for (HeapAccount *a = h->accounts, *next; a; a = next) {
    next = a->next;
    account_free(a);
    free(a);
  }
  free(h->objects.of);
}

/* ---- accounts ---- */

HeapAccount *lw_heap_account_new(Store *s, uint64_t limit)
{
  HeapAccount *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->limit = limit;
  a->next = s->heap.accounts;
  s->heap.accounts = a;
  return a;
}

void lw_heap_account_end(Store *s, HeapAccount *a)
{
  HeapAccount *to = &s->heap.common, **link = &s->heap.accounts;
  account_runs_end(&s->heap, a);
  for (unsigned n = 0; n < OBJECT_CLASSES; n++) {
    ObjectClass *from = &a->classes[n], *c = &to->classes[n];
    if (!from->slabs) continue;
    if (c->last)
      c->last->next = from->slabs;
    else
      c->slabs = from->slabs;
    c->last = from->last;
  }
  LargeObject **end = &to->large;
  while (*end)
    end = &(*end)->next;
  *end = a->large;
  to->held += a->held;
  while (*link != a)
    link = &(*link)->next;
  *link = a->next;
  free(a);
}

uint64_t lw_heap_account_held(const HeapAccount *a)
{
  return a->held;
}

static bool is_empty(const ObjectSlab *s)
{
  for (uint32_t n = 0; n < s->ncells; n++)
    if (s->state[n] != CELL_FREE) return false;
  return true;
}

void lw_heap_account_shrink(Heap *h, HeapAccount *a)
{
  for (unsigned n = 0; n < OBJECT_CLASSES; n++) {
    ObjectClass *c = &a->classes[n];
    ObjectSlab *last = NULL;
    for (ObjectSlab **link = &c->slabs, *s; (s = *link) != NULL;) {
      if (!is_empty(s)) {
        last = s;
        link = &s->next;
        continue;
      }
      *link = s->next;
      lw_slabs_remove(&h->objects, (uintptr_t)s);
      a->held -= OBJECT_SLAB;
      free(s);
    }
    c->last = last;
    assert(!c->scan);
  }
}

/* ---- fields ---- */

Value lw_storage_get(const uint8_t *at, ValType t, bool sign)
{
  Value v = {
    .words = {0, 0}
  };
  int8_t i8;
  int16_t i16;
  switch (lw_val_kind(t)) {
  case VAL_I8:
    memcpy(&i8, at, sizeof i8);
    v.i64 = sign ? (uint32_t)i8 : (uint8_t)i8;
    break;
  case VAL_I16:
    memcpy(&i16, at, sizeof i16);
    v.i64 = sign ? (uint32_t)i16 : (uint16_t)i16;
    break;
  default: memcpy(&v, at, lw_storage_size(t));
  }
  return v;
}

void lw_storage_set(uint8_t *at, ValType t, Value v)
{
  memcpy(at, &v, lw_storage_size(t)); /* little endian */
}

void lw_array_spread(ArrayObject *a, uint64_t at, uint64_t n, Value v)
{
  assert(lw_array_has(a, at, n));
  size_t size = a->info->size;
  uint8_t *p = a->elems + at * size;
  if (size == 1) {
    memset(p, (int)(v.i32 & 0xff), n);
    return;
  }
  for (uint64_t k = 0; k < n; k++)
    memcpy(p + k * size, &v, size);
}

/* ---- what a reference is ---- */

static bool concrete_fits(const TypeInfo *info, uint32_t id)
{
  const TypeInfo *want = lw_type_info(id);
  return info->depth >= want->depth && info->line && info->line[want->depth] == id;
}

static bool object_fits(uint64_t ref, uint32_t heap)
{
  if (lw_ref_is_i31(ref)) return heap == HEAP_I31 || heap == HEAP_EQ || heap == HEAP_ANY;
  const TypeInfo *info = lw_ref_info(ref);
  if (heap < HEAP_ABSTRACT) return concrete_fits(info, heap);
  switch (heap) {
  case HEAP_ANY: return true;
  case HEAP_EQ: return info->kind == TYPE_STRUCT || info->kind == TYPE_ARRAY;
  case HEAP_STRUCT: return info->kind == TYPE_STRUCT;
  case HEAP_ARRAY: return info->kind == TYPE_ARRAY;
  default: return false;
  }
}

bool lw_ref_fits(uint64_t ref, ValType t)
{
  uint32_t heap = lw_val_heap(t);
  if (!ref) return t & VAL_NULLABLE;
  switch (lw_heap_top(lw_type_abstract(heap))) {
  case HEAP_FUNC: {
    const FuncCell *c = (const FuncCell *)(uintptr_t)ref;
    return heap == HEAP_FUNC || (heap < HEAP_ABSTRACT && lw_type_below(c->type, heap));
  }
  case HEAP_EXTERN: return heap == HEAP_EXTERN;
  case HEAP_EXN: return heap == HEAP_EXN;
  default: return object_fits(ref, heap);
  }
}

/* ---- figures, limits, roots ---- */

void lw_heap_limit(Store *s, uint64_t bytes)
{
  lw_runs_end(s); /* they would go on beyond it */
  s->heap.limit = bytes;
}

void lw_heap_stats(const Store *s, HeapStats *out)
{
  const Heap *h = &s->heap;
  *out = (HeapStats){h->nobjects, h->bytes, h->limit, h->collections};
  for (const HeapAccount *a = &h->common; a; a = a == &h->common ? h->accounts : a->next)
    for (unsigned n = 0; n < OBJECT_CLASSES; n++) {
      size_t left = (size_t)(a->runs[n].end - a->runs[n].at);
      out->bytes -= left;
      out->objects -= left / class_size(n);
    }
}

void lw_roots_begin(Store *s, Roots *r, const Value *at, const uint32_t *n)
{
  *r = (Roots){at, n, s->roots};
  s->roots = r;
}

void lw_roots_end(Store *s, Roots *r)
{
  assert(s->roots == r);
  s->roots = r->next;
}

RefHandle *lw_handle_new(Store *s, uint64_t ref)
{
  RefHandle *h = calloc(1, sizeof *h);
  if (!h) return NULL;
  *h = (RefHandle){ref, NULL, s->handles, s};
  if (h->next) h->next->prev = h;
  s->handles = h;
  return h;
}

void lw_handle_free(RefHandle *h)
{
  if (h->prev) h->prev->next = h->next;
  if (h->next) h->next->prev = h->prev;
  if (h->store && h->store->handles == h) h->store->handles = h->next;
  free(h);
}

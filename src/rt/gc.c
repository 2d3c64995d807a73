/*
** gc.c -- the collector: objects, boxes of externrefs, cells of closed instances,
** given-up host functions.
**
** Mark and sweep, nothing moves. Roots outside stacks are exact: tables and globals of
** reference type, evaluated element segments, imports of live instances, handles of the
** host, the caller's list. Stacks are scanned conservatively, from the stack pointer of
** each activation to its top, with its registers: every aligned word that lies between an
** object's start and one past its end keeps it. Objects are traced exactly, by their
** types.
** Marking has no depth: objects met and not yet looked at are in a list. When there is no
** memory for it to grow, what is missing in it is found again by looking through all
** cells for grey ones.
** Slabs of boxes and of objects are 64 KiB, aligned, found through hash sets of their
** addresses. Large objects, shells and host functions are sorted by address before stacks
** are scanned; without memory for that none of them is freed.
** Layer: rt.
*/
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "jit/layout.h"
#include "rt/keep.h"
#include "rt/lists.h"
#include "rt/object.h"
#include "rt/stack.h"
#include "rt/state.h"
#include "rt/tag.h"
#include "rt/trap.h"

enum { BOX_FREE, BOX_USED, BOX_DEAD }; /* ExternBox.used */
enum { FIRST_THRESHOLD = 16384 };

/* ---- sets of slabs ---- */

static uint32_t slot_for(const SlabSet *set, uintptr_t slab)
{
  assert(set->cap && (set->cap & (set->cap - 1)) == 0);
  uint32_t at = (uint32_t)(slab / BOX_SLAB * 0x9e3779b1u) & (set->cap - 1);
  while (set->of[at] && set->of[at] != slab)
    at = (at + 1) & (set->cap - 1);
  return at;
}

bool lw_slabs_room(SlabSet *set)
{
  if ((set->n + 1) * 2 <= set->cap) return true;
  SlabSet bigger = {.n = set->n, .cap = set->cap ? set->cap * 2 : 16};
  bigger.of = calloc(bigger.cap, sizeof *bigger.of);
  if (!bigger.of) return false;
  for (uint32_t i = 0; i < set->cap; i++)
    if (set->of[i]) bigger.of[slot_for(&bigger, set->of[i])] = set->of[i];
  free(set->of);
  *set = bigger;
  return true;
}

void lw_slabs_add(SlabSet *set, uintptr_t slab)
{
  set->of[slot_for(set, slab)] = slab;
  set->n++;
}

/* What comes behind it in a row moves up where it may (Knuth, 6.4 R). */
void lw_slabs_remove(SlabSet *set, uintptr_t slab)
{
  uint32_t hole = slot_for(set, slab), mask = set->cap - 1;
  assert(set->of[hole] == slab);
  set->of[hole] = 0;
  set->n--;
  for (uint32_t at = (hole + 1) & mask; set->of[at]; at = (at + 1) & mask) {
    uintptr_t moved = set->of[at];
    set->of[at] = 0;
    set->of[slot_for(set, moved)] = moved;
  }
}

static bool is_slab(const SlabSet *set, uintptr_t slab)
{
  /* 0 is a free place */
  return slab && set->cap && set->of[slot_for(set, slab)] == slab;
}

/* ---- boxes ---- */

static bool slab_add(Heap *h)
{
  if (!lw_slabs_room(&h->boxes)) return false;
  BoxSlab *slab = aligned_alloc(BOX_SLAB, BOX_SLAB);
  if (!slab) return false;
  memset(slab, 0, BOX_SLAB);
  lw_slabs_add(&h->boxes, (uintptr_t)slab);
  slab->next = h->slabs;
  h->slabs = slab;
  h->scan = slab;
  h->scan_at = 0;
  return true;
}

void lw_heap_free(Heap *h)
{
  for (BoxSlab *s = h->slabs, *next; s; s = next) {
    next = s->next;
    free(s);
  }
  free(h->boxes.of);
  lw_objects_free(h);
  *h = (Heap){0};
}

static ExternBox *box_free_one(Heap *h)
{
  for (; h->scan; h->scan = h->scan->next, h->scan_at = 0)
    while (h->scan_at < BOXES_PER_SLAB) {
      ExternBox *b = &h->scan->boxes[h->scan_at++];
      if (b->used == BOX_FREE) return b;
    }
  return NULL;
}

uint64_t lw_extern_new(Store *s, void *owner, uint32_t slot)
{
  Heap *h = &s->heap;
  ExternBox *b = box_free_one(h);
  if (!b && slab_add(h)) b = box_free_one(h);
  if (!b) return 0;
  *b = (ExternBox){&lw_type_box, owner, slot, false, BOX_USED};
  h->live++;
  h->since++;
  return (uintptr_t)b;
}

const ExternBox *lw_extern_of(uint64_t ref)
{
  const ExternBox *b = (const ExternBox *)(uintptr_t)ref;
  assert(!b || b->used == BOX_USED);
  return b;
}

/* ---- what else can be freed: shells and host functions that nobody holds ---- */

typedef struct Range {
  uintptr_t at, end;
  bool *marked;
} Range;

typedef struct Ranges {
  Range *of; /* sorted by address; NULL: no memory, so nothing of it is freed */
  size_t n;
} Ranges;

static bool host_loose(const HostFunc *f)
{
  return f->refs == 0;
}
static bool shell_loose(const Shell *s)
{
  return s->instance == NULL;
}

static int by_address(const void *a, const void *b)
{
  uintptr_t x = ((const Range *)a)->at, y = ((const Range *)b)->at;
  return x < y ? -1 : x > y;
}

/* `all`: also those that somebody holds, to learn whether wasm refers to them too. */
static Ranges ranges_of(Store *s, bool all)
{
  Ranges r = {NULL, 0};
  size_t n = 0;
  for (HostFunc *f = s->hosts; f; f = f->next)
    n += all || host_loose(f), f->marked = false;
  for (Shell *h = s->shells; h; h = h->next)
    n += all || shell_loose(h), h->marked = false;
  if (n && (r.of = malloc(n * sizeof *r.of))) {
    for (HostFunc *f = s->hosts; f; f = f->next)
      if (all || host_loose(f))
        r.of[r.n++] = (Range){(uintptr_t)f, (uintptr_t)(f + 1), &f->marked};
    for (Shell *h = s->shells; h; h = h->next)
      if (all || shell_loose(h))
        r.of[r.n++] = (Range){(uintptr_t)h, (uintptr_t)&h->cells[h->ncells], &h->marked};
    assert(r.n == n);
    qsort(r.of, r.n, sizeof *r.of, by_address);
  }
  return r;
}

static void mark_range_at(const Ranges *r, uintptr_t p)
{
  size_t low = 0, high = r->n;
  while (low < high) { /* the last range that begins at or before p */
    size_t mid = low + (high - low) / 2;
    if (r->of[mid].at <= p)
      low = mid + 1;
    else
      high = mid;
  }
  if (low && p <= r->of[low - 1].end) *r->of[low - 1].marked = true;
}

/* ---- mark ---- */

typedef struct Marker {
  Heap *heap;
  Ranges ranges;
  LargeObject **large; /* sorted by address; NULL: none, or no memory */
  size_t nlarge;
  Object **grey; /* to be looked at */
  size_t ngrey, cap;
  bool missed; /* some grey object is not in the list */
} Marker;

static void push_grey(Marker *k, Object *o)
{
  if (k->ngrey == k->cap) {
    size_t cap = k->cap ? k->cap * 2 : 1024;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
    Object **more = realloc(k->grey, cap * sizeof *more);
    if (!more) {
      k->missed = true;
      return;
    }
    k->grey = more;
    k->cap = cap;
  }
  k->grey[k->ngrey++] = o;
}

static void meet(Marker *k, uint8_t *state, Object *o)
{
  if (*state != CELL_WHITE) return;
  *state = CELL_GREY;
  push_grey(k, o);
}

static Object *cell_at(const ObjectSlab *s, uint32_t n)
{
  return (Object *)(void *)((uintptr_t)s + s->first + (size_t)n * s->size);
}

/* An object that is known to be one. */
static void meet_object(Marker *k, uint64_t ref)
{
  uintptr_t slab = (uintptr_t)ref & ~(uintptr_t)(OBJECT_SLAB - 1);
  if (is_slab(&k->heap->objects, slab)) {
    ObjectSlab *s = (ObjectSlab *)slab;
    uint32_t n = (uint32_t)((uintptr_t)ref - slab - s->first) / s->size;
    assert(n < s->ncells && s->state[n] != CELL_FREE);
    meet(k, &s->state[n], cell_at(s, n));
    return;
  }
  LargeObject *l = (LargeObject *)(void *)((char *)(uintptr_t)ref - sizeof *l);
  meet(k, &l->state, (Object *)(void *)l->object);
}

/* A reference of the hierarchies any and extern. */
static void meet_ref(Marker *k, uint64_t ref)
{
  if (!ref || lw_ref_is_i31(ref)) return;
  if (lw_ref_is_box(ref))
    ((ExternBox *)(uintptr_t)ref)->marked = true;
  else
    meet_object(k, ref);
}

static void mark_cell(const FuncCell *c)
{
  if (!c) return;
  if (c->shell)
    c->shell->marked = true;
  else
    lw_cell_host(c)->marked = true;
}

static void mark_ref(void *marker, ValType t, uint64_t ref)
{
  assert(lw_val_is_ref(t));
  if (!ref) return;
  if (lw_heap_top(lw_type_abstract(lw_val_heap(t))) == HEAP_FUNC)
    mark_cell((const FuncCell *)(uintptr_t)ref);
  else
    meet_ref(marker, ref);
}

static void look_at_field(Marker *k, const uint8_t *at, bool func)
{
  uint64_t ref;
  memcpy(&ref, at, sizeof ref);
  if (func)
    mark_cell((const FuncCell *)(uintptr_t)ref);
  else
    meet_ref(k, ref);
}

static void look_at_exn(Marker *k, const ExnObject *e)
{
  const FuncType *t = lw_type_of(e->tag->type);
  e->tag->marked = true;
  for (uint32_t n = 0; n < t->nparams; n++)
    if (lw_val_is_ref(t->params[n])) mark_ref(k, t->params[n], e->values[n].ref);
}

static void look_at(Marker *k, const Object *o)
{
  const TypeInfo *info = o->info;
  if (info->kind == INFO_EXN) {
    const ExnObject *e = (const ExnObject *)(const void *)o;
    if (e->tag) look_at_exn(k, e); /* else it is being made */
    return;
  }
  if (info->kind == TYPE_STRUCT) {
    for (uint32_t n = 0; n < info->nrefs; n++)
      look_at_field(k, (const uint8_t *)o + (info->refs[n] & ~REF_IS_FUNC),
                    info->refs[n] & REF_IS_FUNC);
  } else if (info->nrefs) {
    const ArrayObject *a = (const ArrayObject *)(const void *)o;
    for (uint32_t n = 0; n < a->length; n++)
      look_at_field(k, a->elems + (size_t)n * sizeof(uint64_t),
                    info->refs[0] & REF_IS_FUNC);
  }
}

static uint8_t *state_of(const Marker *k, const Object *o)
{
  uintptr_t slab = (uintptr_t)o & ~(uintptr_t)(OBJECT_SLAB - 1);
  if (!is_slab(&k->heap->objects, slab))
    return &((LargeObject *)(void *)((char *)(uintptr_t)o - sizeof(LargeObject)))->state;
  ObjectSlab *s = (ObjectSlab *)slab;
  return &s->state[((uintptr_t)o - slab - s->first) / s->size];
}

static void work_off(Marker *k)
{
  while (k->ngrey > 0) {
    const Object *o = k->grey[--k->ngrey];
    *state_of(k, o) = CELL_BLACK;
    look_at(k, o);
  }
}

/* The grey ones that did not fit into the list. */
static void find_missed_in(Marker *k, const HeapAccount *a)
{
  for (unsigned c = 0; c < OBJECT_CLASSES; c++)
    for (ObjectSlab *s = a->classes[c].slabs; s; s = s->next)
      for (uint32_t n = 0; n < s->ncells; n++)
        if (s->state[n] == CELL_GREY) {
          push_grey(k, cell_at(s, n));
          work_off(k);
        }
  for (LargeObject *l = a->large; l; l = l->next)
    if (l->state == CELL_GREY) {
      push_grey(k, (Object *)(void *)l->object);
      work_off(k);
    }
}

static void find_missed(Marker *k)
{
  for (HeapAccount *a = &k->heap->common; a; a = lw_heap_account_next(k->heap, a))
    find_missed_in(k, a);
}

static void trace(Marker *k)
{
  work_off(k);
  while (k->missed) {
    k->missed = false;
    find_missed(k);
  }
}

/* ---- words that may or may not be references ---- */

static void mark_box_at(const Heap *h, uintptr_t p)
{
  uintptr_t slab = p & ~(uintptr_t)(BOX_SLAB - 1), at = p - slab;
  if (at < offsetof(BoxSlab, boxes) || !is_slab(&h->boxes, slab)) return;
  at = (at - offsetof(BoxSlab, boxes)) / sizeof(ExternBox);
  if (at < BOXES_PER_SLAB) ((BoxSlab *)slab)->boxes[at].marked = true;
}

static void mark_object_at(Marker *k, uintptr_t p)
{
  uintptr_t slab = p & ~(uintptr_t)(OBJECT_SLAB - 1);
  if (!is_slab(&k->heap->objects, slab)) return;
  ObjectSlab *s = (ObjectSlab *)slab;
  if (p - slab < s->first) return;
  uint32_t n = (uint32_t)(p - slab - s->first) / s->size;
  if (n < s->ncells) meet(k, &s->state[n], cell_at(s, n));
}

static void mark_large_at(Marker *k, uintptr_t p)
{
  size_t low = 0, high = k->nlarge;
  while (low < high) { /* the last one that begins at or before p */
    size_t mid = low + (high - low) / 2;
    if ((uintptr_t)k->large[mid]->object <= p)
      low = mid + 1;
    else
      high = mid;
  }
  if (low == 0) return;
  LargeObject *l = k->large[low - 1];
  if (p - (uintptr_t)l->object <= l->size)
    meet(k, &l->state, (Object *)(void *)l->object);
}

static void mark_word(Marker *k, uintptr_t p)
{
  if (p < BOX_SLAB) return; /* most words are small numbers */
  mark_box_at(k->heap, p);
  mark_box_at(k->heap, p - 1); /* one past an end may be the next one's start */
  if (k->heap->objects.n) {
    mark_object_at(k, p);
    mark_object_at(k, p - 1);
  }
  if (k->nlarge) mark_large_at(k, p);
  if (k->ranges.n) {
    mark_range_at(&k->ranges, p);
    mark_range_at(&k->ranges, p - 1);
  }
}

static void mark_stack(Marker *k, const Activation *a)
{
  bool running = a->state == ACT_RUNNING; /* then the guest has taken them over */
  for (int n = 0; n < ABI_REGS && !running; n++)
    mark_word(k, a->gpr[n]);
  mark_cell(a->entry);
  meet_ref(k, a->exn);
  if (a->callee) a->callee->marked = true;
  if (a->state == ACT_DEAD) return; /* it never runs again */
  /* A finished one has nothing but its result area, which lies on top. */
  const uintptr_t *top = (const uintptr_t *)(void *)lw_stack_top(a);
  const uintptr_t *p = a->guest_sp;
  assert((uintptr_t)p % sizeof *p == 0 && p <= top);
  for (; p < top; p++)
    mark_word(k, *p);
}

/* ---- all roots ---- */

static void mark_instance(Marker *k, Instance *i)
{
  if (i->state == INSTANCE_CLOSED) return;
  const Module *m = i->module;
  for (uint32_t n = 0; n < m->nfuncs_imported; n++)
    mark_cell(lw_instance_func(i, n));
  for (uint32_t n = 0; n < m->nglobals; n++) {
    ValType t = m->globals[n].type.type;
    if (!lw_val_is_ref(t) ||
        (lw_layout_global_is_cell(m, n) && !lw_instance_global(i, n)))
      continue; /* no reference, or not made yet */
    mark_ref(k, lw_type_canonical(t, i->vm.types), lw_instance_global_value(i, n)->ref);
  }
  for (uint32_t n = 0; i->elem_refs && n < m->nelems; n++)
    for (uint32_t e = 0; i->elem_refs[n] && e < m->elems[n].count; e++)
      meet_ref(k, i->elem_refs[n][e]);
}

static void mark_all(Store *s, Marker *k, const uint64_t *roots, size_t nroots)
{
  for (const Table *t = s->tables; t; t = t->next)
    for (uint64_t n = 0; n < t->length; n++)
      mark_ref(k, t->type.elem, t->elems[n]);
  for (const GlobalCell *g = s->globals; g; g = g->next)
    if (lw_val_is_ref(g->type.type)) mark_ref(k, g->type.type, g->value.ref);
  for (Instance *i = s->instances; i; i = i->next)
    mark_instance(k, i);
  for (Instance *i = s->closing; i; i = i->next)
    mark_instance(k, i);
  lw_snapshots_visit(s, mark_ref, k);
  for (const RefHandle *h = s->handles; h; h = h->next)
    meet_ref(k, h->ref);
  for (const Roots *r = s->roots; r; r = r->next)
    for (uint32_t n = 0; n < *r->n; n++)
      mark_word(k, r->at[n].ref);
  /* A helper of machine code may have brought us here: that call is a root as well. */
  if (lw_thread.running && lw_thread.running->store == s)
    lw_acts_settle(lw_thread.running);
  for (const Activation *a = s->acts; a; a = a->next)
    mark_stack(k, a);
  for (size_t n = 0; n < nroots; n++)
    mark_word(k, roots[n]);
  trace(k);
}

/* ---- sweep ---- */

static uint64_t sweep_boxes(Heap *h)
{
  uint64_t kept = 0;
  for (BoxSlab *slab = h->slabs; slab; slab = slab->next)
    for (uint32_t n = 0; n < BOXES_PER_SLAB; n++) {
      ExternBox *b = &slab->boxes[n];
      if (b->used == BOX_USED && !b->marked) b->used = BOX_DEAD;
      kept += b->used == BOX_USED;
      b->marked = false;
    }
  h->dead = h->slabs;
  h->dead_at = 0;
  return kept;
}

static void sweep_slab(Heap *h, ObjectSlab *s)
{
  for (uint32_t n = 0; n < s->ncells; n++) {
    if (s->state[n] == CELL_FREE) continue;
    bool alive = s->state[n] == CELL_BLACK;
    s->state[n] = alive ? CELL_WHITE : CELL_FREE;
    h->nobjects += alive;
    h->bytes += alive ? s->size : 0;
  }
}

static void sweep_large(Heap *h, HeapAccount *a)
{
  for (LargeObject **at = &a->large, *l; (l = *at) != NULL;) {
    if (l->state == CELL_BLACK) {
      l->state = CELL_WHITE;
      h->nobjects++;
      h->bytes += l->size;
      at = &l->next;
    } else {
      *at = l->next;
      a->held -= l->size;
      h->nlarge--;
      free(l);
    }
  }
}

static void sweep_objects(Heap *h)
{
  h->nobjects = h->bytes = 0;
  for (HeapAccount *a = &h->common; a; a = lw_heap_account_next(h, a)) {
    for (unsigned c = 0; c < OBJECT_CLASSES; c++) {
      for (ObjectSlab *s = a->classes[c].slabs; s; s = s->next)
        sweep_slab(h, s);
      a->classes[c].scan = NULL;
    }
    sweep_large(h, a);
    if (a->limit) lw_heap_account_shrink(h, a);
  }
  h->fresh = 0;
  h->pace = h->bytes > PACE_MIN ? h->bytes : PACE_MIN;
}

static void sweep_tags(Store *s)
{
  for (Tag *t = s->tags, *next; t; t = next) {
    next = t->next;
    if (t->refs == 0 && !t->marked)
      lw_tag_free(t);
    else
      t->marked = false;
  }
}

static void sweep_rest(Store *s, bool known)
{
  sweep_tags(s);
  for (Shell *h = s->shells, *next; h; h = next) {
    next = h->next;
    if (known && shell_loose(h) && !h->marked) lw_shell_free(s, h);
  }
  for (HostFunc *f = s->hosts, *next; f; f = next) {
    next = f->next;
    if (known && host_loose(f) && !f->marked) lw_host_free(f);
  }
}

bool lw_gc_wanted(const Store *s)
{
  uint64_t threshold = s->heap.threshold ? s->heap.threshold : FIRST_THRESHOLD;
  return s->heap.since >= threshold;
}

static int by_place(const void *a, const void *b)
{
  uintptr_t x = (uintptr_t) * (LargeObject *const *)a;
  uintptr_t y = (uintptr_t) * (LargeObject *const *)b;
  return x < y ? -1 : x > y;
}

/* Large objects by address. Without memory for the list they are all met. */
static void sort_large(Marker *k, Heap *h)
{
  if (h->nlarge == 0) return;
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
  k->large = malloc(h->nlarge * sizeof *k->large);
  for (const HeapAccount *a = &h->common; a; a = lw_heap_account_next(h, a))
    for (LargeObject *l = a->large; l; l = l->next) {
      if (k->large)
        k->large[k->nlarge++] = l;
      else
        meet(k, &l->state, (Object *)(void *)l->object);
    }
  /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
  if (k->large) qsort(k->large, k->nlarge, sizeof *k->large, by_place);
}

static void collect(Store *s, const uint64_t *roots, size_t nroots, bool all)
{
  Heap *h = &s->heap;
  lw_runs_end(s);
  Marker k = {.heap = h, .ranges = ranges_of(s, all)};
  sort_large(&k, h);
  mark_all(s, &k, roots, nroots);
  if (all && !k.ranges.of) { /* no memory to look at stacks with: spare everything */
    for (HostFunc *f = s->hosts; f; f = f->next)
      f->marked = true;
    for (Shell *shell = s->shells; shell; shell = shell->next)
      shell->marked = true;
  }
  uint64_t kept = sweep_boxes(h);
  sweep_objects(h);
  sweep_rest(s, k.ranges.of != NULL);
  lw_types_sweep(s);
  free(k.ranges.of);
  free(k.large);
  free(k.grey);
  h->threshold = kept > FIRST_THRESHOLD ? kept : FIRST_THRESHOLD;
  h->since = 0;
  h->collections++;
}

void lw_gc_collect(Store *s, const uint64_t *roots, size_t nroots)
{
  collect(s, roots, nroots, false);
}

void lw_gc_survey(Store *s)
{
  collect(s, NULL, 0, true);
}

bool lw_gc_next_dead(Store *s, DeadSlot *out)
{
  Heap *h = &s->heap;
  bool looking = h->dead != NULL;
  for (; h->dead; h->dead = h->dead->next, h->dead_at = 0)
    while (h->dead_at < BOXES_PER_SLAB) {
      ExternBox *b = &h->dead->boxes[h->dead_at++];
      if (b->used != BOX_DEAD) continue;
      *out = (DeadSlot){b->owner, b->slot};
      b->used = BOX_FREE;
      h->live--;
      return true;
    }
  if (looking) { /* everything dead is free now: look for room from the start */
    h->scan = h->slabs;
    h->scan_at = 0;
  }
  return false;
}
